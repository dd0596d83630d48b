//! `changegate hook pre-receive` and `update`: the gate.
//!
//! Whatever goes wrong here refuses the push. Everything is decided before a line is written, and the
//! decision is on disk before git hears of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::change::{FactKind, Missing, Oid, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::hook::sessions;
use crate::cli::ledger_upkeep::serving_process;
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::{GateSettings, LedgerMode, PushFacts, judge_push};
use crate::git::{ObjectQuarantine, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::record::RecordedDecision;
use crate::ledger::server::decision::{self, DecisionContext};
use crate::ledger::server::overdue::block_overdue_push;
use crate::ledger::server::write_ahead;
use crate::ledger::state::LedgerState;
use crate::ledger::store::gate_folder;
use crate::ledger::store::{probe_append, read_state};
use crate::report::{Report, ReportStyle};

/// Refuse a push that the policy does not allow
#[derive(Debug, clap::Args)]
pub(crate) struct PreReceiveArgs {
    /// In which form the verdict is written
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: ReportFormatArg,
}

/// Refuse one ref of a push; for servers that offer no pre-receive hook
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateHookArgs {
    /// The full name of the ref
    name: String,
    /// What it holds
    old: String,
    /// What it is to hold
    new: String,
}

/// How many bytes git may say about a push.
const MAX_INPUT_BYTES: u64 = 16 << 20;

pub(crate) fn run_pre_receive(args: &PreReceiveArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let mut input = Vec::new();
    std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut input)?;
    if MAX_INPUT_BYTES < u64::try_from(input.len()).unwrap_or(u64::MAX) {
        return Err(CommandError::Usage("this push names more refs than can be judged".into()));
    }
    let updates =
        parse_pre_receive(&input).map_err(|malformed| CommandError::Usage(malformed.to_string()))?;
    decide_push(&updates, args.format, world)
}

/// Judges a push, writes the decision ahead for the ledger, and tells the verdict.
fn decide_push(
    updates: &[RefUpdate],
    format: ReportFormatArg,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let repository = open_repository(world)?;
    let settings = GateSettings::read_settings(
        &repository,
        &|name| world.read_variable(name),
        crate::cli::context::count_threads,
    )
    .map_err(|why| format!("{why}; nothing is accepted until that is mended"))
    .and_then(|settings| find_unsupported_setup(world).map_or(Ok(settings), Err));
    let settings = match settings {
        Ok(settings) => settings,
        Err(why) => {
            // What cannot be judged is refused in any case; the ledger tells of it if it can.
            let _ = write_refusal_entry(&repository, updates, &why, world);
            return Err(CommandError::Usage(why));
        }
    };
    let (mut report, kept) =
        judge_push(&repository, updates, &settings, world.now, format.lists_passed_changes());
    block_overdue_push(&mut report, &kept, || require_ledger_state(&repository, &settings), world.now);
    if let Some(act) = kept.request() {
        sessions::add_session_refusals(
            &mut report,
            act,
            &repository,
            &settings,
            require_ledger_state(&repository, &settings),
        );
    }
    let recorded = match settings.ledger_mode {
        LedgerMode::Off => Ok(()),
        LedgerMode::Require | LedgerMode::Warn => {
            write_decision_entry(&repository, updates, (&report, &kept), &settings, world)
        }
    };
    let style = ReportStyle { colour: output::stdout_colour(world.colour), ..ReportStyle::default() };
    output::print_report(&report, format, &style)?;
    match recorded {
        Ok(()) => Ok(report.decision.into()),
        // A session that is not recorded is none.
        Err(error) if settings.ledger_mode == LedgerMode::Warn && kept.request().is_none() => {
            let mut out = std::io::stdout().lock();
            let told = writeln!(
                out,
                "changegate: this decision is NOT recorded: {}",
                replace_invisible(&format!("{error:#}"))
            );
            output::ignore_broken_pipe(told)?;
            Ok(report.decision.into())
        }
        Err(error) => Err(CommandError::Failed(
            error.context("this decision cannot be recorded, so nothing is accepted"),
        )),
    }
}

/// Returns the state of the ledger, or why nobody can tell what is owed.
fn require_ledger_state(repository: &Repository, settings: &GateSettings) -> Result<LedgerState, String> {
    if settings.ledger_mode == LedgerMode::Off {
        return Err("the ledger is switched off (changegate.ledger)".into());
    }
    let found = read_state(repository).map_err(|error| format!("{error:#}"))?;
    found.ok_or_else(|| "there is no ledger yet; `changegate ledger reconcile` begins it".into())
}

fn write_decision_entry(
    repository: &Repository,
    updates: &[RefUpdate],
    (report, kept): (&Report, &PushFacts),
    settings: &GateSettings,
    world: &Context,
) -> anyhow::Result<()> {
    let by = DecisionContext { pusher: settings.pusher.clone(), ..build_decision_context()? };
    let decision = match decision::build_push_entry(repository, report, kept, by.clone()) {
        Ok(decision) => decision,
        Err(why) => {
            // That it was refused has room in a record; where the push goes on, it was not.
            if settings.ledger_mode == LedgerMode::Require
                && let Ok(refusal) = decision::build_refusal_entry(updates, &why, world.now, by)
            {
                let _ = write_ahead::write_entry(repository.common_dir(), &refusal);
            }
            return Err(anyhow::Error::msg(why));
        }
    };
    let Some(mut decision) = decision else { return Ok(()) };
    let ready = check_ledger_writable(repository, settings, world);
    if let (Err(error), LedgerMode::Require) = (&ready, settings.ledger_mode) {
        // What is written is what becomes of the push.
        decision.decided.decision = RecordedDecision::Deny;
        decision.decided.notes.push(decision::not_recorded_note(&format!("{error:#}")));
    }
    write_ahead::write_entry(repository.common_dir(), &decision)
        .context("cannot write to the folder of the gate")?;
    ready
}

/// Returns whether the ledger can be written, as far as it costs nothing to know: decisions shall not
/// pile up behind one that cannot.
fn check_ledger_writable(
    repository: &Repository,
    settings: &GateSettings,
    world: &Context,
) -> anyhow::Result<()> {
    if let Some(key) = &settings.ledger_key {
        File::open(key).with_context(|| format!("cannot read changegate.ledgerKey, `{key}`"))?;
    }
    if gate_folder::read_failure(repository.common_dir())?.is_some() {
        probe_append(repository, settings.ledger_key.as_deref(), world.now)
            .context("the ledger cannot be written")?;
    }
    Ok(())
}

fn write_refusal_entry(
    repository: &Repository,
    updates: &[RefUpdate],
    why: &str,
    world: &Context,
) -> anyhow::Result<()> {
    let refusal = decision::build_refusal_entry(updates, why, world.now, build_decision_context()?)
        .map_err(anyhow::Error::msg)?;
    write_ahead::write_entry(repository.common_dir(), &refusal)?;
    Ok(())
}

fn build_decision_context() -> anyhow::Result<DecisionContext> {
    let pusher = Err(Missing::NotConfigured(FactKind::Pusher));
    Ok(DecisionContext {
        id: write_ahead::new_decision_id()?,
        pusher,
        served_by: serving_process::find_serving_process(),
    })
}

pub(crate) fn run_update(args: &UpdateHookArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let id = |digits: &str| {
        Oid::from_hex(digits)
            .ok_or_else(|| CommandError::Usage("an object id is 40 or 64 hexadecimal digits".into()))
    };
    let update = RefUpdate { old: id(&args.old)?, new: id(&args.new)?, name: Text::from(args.name.as_str()) };
    decide_push(&[update], ReportFormatArg::Terminal, world)
}

/// Opens the repository that git names.
fn open_repository(world: &Context) -> Result<Repository, CommandError> {
    let git_dir = world.read_variable("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let quarantine = read_quarantine(world);
    Ok(Repository::open_at(&world.resolve_path(git_dir), quarantine.as_ref())?)
}

/// Returns why a push cannot be judged as git has set it up.
fn find_unsupported_setup(world: &Context) -> Option<String> {
    if world.read_variable("GIT_NAMESPACE").is_some() {
        let why = "GIT_NAMESPACE is set, so refs are not what they are called; this is not supported";
        return Some(why.into());
    }
    if world.read_variable("GIT_SHALLOW_FILE").is_some() {
        let why = "this push would make the repository shallow, and hide what lies behind it; push from a \
                   complete clone";
        return Some(why.into());
    }
    None
}

/// Returns where git keeps the objects of this push until it is accepted.
fn read_quarantine(world: &Context) -> Option<ObjectQuarantine> {
    let objects = world.read_variable("GIT_OBJECT_DIRECTORY")?;
    let alternates = world.read_variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    Some(ObjectQuarantine {
        object_dir: world.resolve_path(PathBuf::from(objects)),
        alternates: std::env::split_paths(&alternates)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| world.resolve_path(path))
            .collect(),
    })
}
