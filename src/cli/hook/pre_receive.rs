//! `changegate hook pre-receive` and `update`: the gate.
//!
//! Any failure here refuses the push. Everything is decided before a line is written, and the decision is
//! on disk before git gets the answer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::rc::Rc;

use anyhow::Context as _;

use crate::change::{FactKind, Missing, Oid, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::serving_process;
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::signed_approvals::{ReceivedApprovals, read_repository_id};
use crate::gate::{
    GateMode, GateSettings, LandingReader, LedgerMode, PushFacts, RecordedPast, UnauthorisedRecord,
    UndecidedMove, judge_push,
};
use crate::git::{ObjectQuarantine, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::server::base_moves::add_base_moves;
use crate::ledger::server::decision::{self, DecisionContext};
use crate::ledger::server::overdue::block_overdue_push;
use crate::ledger::server::past_landings::PastLandings;
use crate::ledger::server::push_refusals::{
    add_act_refusals, add_approval_refusals, add_session_refusals, record_unwritable_ledger,
};
use crate::ledger::server::undecided_moves::{
    list_coming_records, list_undecided_moves, read_unauthorised_records,
};
use crate::ledger::server::write_ahead;
use crate::ledger::state::LedgerState;
use crate::ledger::store::gate_folder;
use crate::ledger::store::state_reader::LedgerStateReader;
use crate::ledger::store::{probe_append, require_free_ref};
use crate::push::{GateRule, PUSH_RULES};
use crate::report::{Report, ReportStyle};
use crate::verdict::Decision;

/// Refuse a push that the policy denies
#[derive(Debug, clap::Args)]
pub(crate) struct PreReceiveArgs {
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ReportFormatArg,
}

/// Refuse one ref of a push, on servers without a pre-receive hook
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateHookArgs {
    /// Full name of the ref
    name: String,
    /// Object id before the push
    old: String,
    /// Object id after the push
    new: String,
}

/// Why a push is refused whose decision cannot be recorded.
const UNRECORDABLE_PUSH: &str = "the decision cannot be recorded, so the push is refused";

/// The longest input from git about a push, in bytes.
const MAX_INPUT_BYTES: u64 = 16 << 20;

pub(crate) fn run_pre_receive(args: &PreReceiveArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let mut input = Vec::new();
    std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut input)?;
    if u64::try_from(input.len()).unwrap_or(u64::MAX) > MAX_INPUT_BYTES {
        return Err(CommandError::Usage("this push updates too many refs to be judged".into()));
    }
    let updates =
        parse_pre_receive(&input).map_err(|malformed| CommandError::Usage(malformed.to_string()))?;
    decide_push(&updates, args.format, context)
}

/// Judges a push, writes the decision ahead for the ledger, and prints the verdict.
fn decide_push(
    updates: &[RefUpdate],
    format: ReportFormatArg,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let repository = open_repository(context)?;
    // Git runs the hook only for a push of something.
    if updates.is_empty() {
        return Err(CommandError::Usage(
            "no ref was read from standard input, so nothing can be judged; what calls `changegate hook pre-receive` has \
             to pass on the lines that git gives it"
                .into(),
        ));
    }
    let settings = match read_supported_settings(&repository, context) {
        Ok(settings) => settings,
        Err(why) => {
            // The push is refused in any case; the refusal is recorded if that is possible.
            let _ = write_refusal_entry(&repository, updates, context);
            return Err(CommandError::Usage(why));
        }
    };
    let states = LedgerStateReader::new(&repository);
    let undecided = match list_undecided(&states, &settings) {
        Ok(undecided) => undecided,
        Err(error) => {
            let _ = write_refusal_entry(&repository, updates, context);
            let why = "cannot tell whether the policy was decided, so the push is refused";
            return Err(CommandError::Failed(error.context(why)));
        }
    };
    let unauthorised = match read_unauthorised(&states, &settings, updates) {
        Ok(unauthorised) => unauthorised,
        Err(error) => {
            let _ = write_refusal_entry(&repository, updates, context);
            let why = "cannot tell whether what is tagged was decided, so the push is refused";
            return Err(CommandError::Failed(error.context(why)));
        }
    };
    let approvals = match list_approvals(&states, &settings) {
        Ok(approvals) => approvals,
        Err(error) => {
            let _ = write_refusal_entry(&repository, updates, context);
            let why = "cannot tell which approvals were received, so the push is refused";
            return Err(CommandError::Failed(error.context(why)));
        }
    };
    let landings = PastLandings::new(&repository, settings.ledger_mode != LedgerMode::Require);
    let has_ledger = settings.ledger_mode != LedgerMode::Off;
    let past = RecordedPast {
        undecided: &undecided,
        unauthorised: unauthorised.as_deref(),
        landings: has_ledger.then_some(&landings as &dyn LandingReader),
        approvals: approvals.as_ref(),
    };
    let (mut report, facts) =
        judge_push(&repository, updates, (&settings, past), context.now, format.lists_passed_changes());
    // A certificate can tell who pushes where the server does not.
    let settings = match facts.find_pusher() {
        Some(pusher) => GateSettings { pusher, ..settings },
        None => settings,
    };
    if settings.ledger_mode != LedgerMode::Off {
        add_base_moves(&mut report, &facts, &repository);
    }
    block_overdue_push(&mut report, &facts, || read_recorded_state(&states, &settings), context.now);
    if let Some(request) = facts.request() {
        let state = read_recorded_state(&states, &settings).map(Rc::unwrap_or_clone);
        add_session_refusals(&mut report, request, &repository, &settings, state);
    }
    if let Some(approval) = facts.approval() {
        add_approval_refusals(&mut report, approval, read_recorded_state(&states, &settings));
    }
    if let Some(act) = facts.act() {
        add_act_refusals(&mut report, act, read_recorded_state(&states, &settings));
    }
    report.is_evaluation = settings.mode == GateMode::Evaluate && !guards_gate(&report);
    if report.effective_decision() == Decision::Allow {
        report.mark_landing();
    }
    let recorded = match settings.ledger_mode {
        LedgerMode::Off => Ok(()),
        LedgerMode::Require | LedgerMode::Warn => {
            write_decision_entry(&repository, updates, (&report, &facts), &settings, context)
        }
    };
    // "Allowed" is not said of a push that is refused because it cannot be recorded.
    let is_unrecordable =
        recorded.is_err() && (settings.ledger_mode == LedgerMode::Require || facts.must_be_recorded());
    if is_unrecordable && report.effective_decision() == Decision::Allow {
        return recorded
            .map(|()| CommandExit::Failed)
            .map_err(|error| CommandError::Failed(error.context(UNRECORDABLE_PUSH)));
    }
    let style = ReportStyle { colour: output::stdout_colour(context.colour), ..ReportStyle::default() };
    output::print_report(&report, format, &style)?;
    match recorded {
        Ok(()) => Ok(report.effective_decision().into()),
        // A session or an act exists only if it is recorded.
        Err(error) if settings.ledger_mode == LedgerMode::Warn && !facts.must_be_recorded() => {
            let mut out = std::io::stdout().lock();
            let why = replace_invisible(&format!("{error:#}"));
            let written = writeln!(out, "changegate: this decision is NOT recorded: {why}");
            output::ignore_broken_pipe(written)?;
            Ok(report.effective_decision().into())
        }
        Err(error) => Err(CommandError::Failed(error.context(UNRECORDABLE_PUSH))),
    }
}

/// Returns true if a push is refused for what guards the gate itself, or for what cannot be judged at all: evaluate
/// mode lets neither pass.
fn guards_gate(report: &Report) -> bool {
    let refusals = report.groups.iter().flat_map(|group| &group.refusals);
    refusals.into_iter().any(|refusal| {
        let is_guard = |rule: &&GateRule| rule.is_always_enforced() && rule.id() == refusal.rule.id.as_str();
        refusal.is_denying(report.enforced) && PUSH_RULES.iter().any(|rule| is_guard(&rule))
    })
}

/// Returns the settings of the gate, or why no push can be judged.
fn read_supported_settings(repository: &Repository, context: &Context) -> Result<GateSettings, String> {
    let settings = context
        .read_gate_settings(repository)
        .map_err(|why| format!("{why}; all pushes are refused until the server administrator fixes that"))?;
    match find_unsupported_setup(context) {
        Some(why) => Err(why.to_owned()),
        None => Ok(settings),
    }
}

/// Returns the moves of the policy ref without a decision. Where pushes go on without the ledger, one that
/// cannot be read has none.
fn list_undecided(
    states: &LedgerStateReader<'_>,
    settings: &GateSettings,
) -> anyhow::Result<Vec<UndecidedMove>> {
    match settings.ledger_mode {
        LedgerMode::Off => Ok(Vec::new()),
        LedgerMode::Warn => Ok(list_undecided_moves(states, &settings.policy_ref).unwrap_or_default()),
        LedgerMode::Require => list_undecided_moves(states, &settings.policy_ref),
    }
}

/// Returns the records of unauthorised changes, and of a push of tags those that are still to come; `None` if the ledger
/// cannot be read.
fn read_unauthorised(
    states: &LedgerStateReader<'_>,
    settings: &GateSettings,
    updates: &[RefUpdate],
) -> anyhow::Result<Option<Vec<UnauthorisedRecord>>> {
    if settings.ledger_mode == LedgerMode::Off {
        return Ok(Some(Vec::new()));
    }
    let mut found = read_unauthorised_records(states);
    if updates.iter().any(|update| update.name.as_bytes().starts_with(b"refs/tags/")) {
        match (list_coming_records(states), settings.ledger_mode) {
            (Ok(coming), _) => found.iter_mut().for_each(|found| found.extend(coming.iter().cloned())),
            (Err(_), LedgerMode::Warn) => {}
            (Err(error), _) => return Err(error),
        }
    }
    Ok(found)
}

/// Returns the signed approvals that no change has used up; `None` where none can be received: without a ledger, nothing
/// vouches for the time of their receipt, and without an id of the repository nobody can sign for it. Where pushes go on
/// without the ledger, what cannot be read was not received.
fn list_approvals(
    states: &LedgerStateReader<'_>,
    settings: &GateSettings,
) -> anyhow::Result<Option<ReceivedApprovals>> {
    if settings.ledger_mode == LedgerMode::Off || read_repository_id(states.repository())?.is_none() {
        return Ok(None);
    }
    match (states.read_newest(), settings.ledger_mode) {
        (Ok(state), _) => Ok(Some(state.map(|state| state.list_received_approvals()).unwrap_or_default())),
        (Err(_), LedgerMode::Warn) => Ok(None),
        (Err(error), _) => Err(error),
    }
}

/// Returns the state of the ledger, or why it is unknown.
fn read_recorded_state(
    states: &LedgerStateReader<'_>,
    settings: &GateSettings,
) -> Result<Rc<LedgerState>, String> {
    if settings.ledger_mode == LedgerMode::Off {
        return Err("the ledger is switched off (changegate.ledger)".into());
    }
    let found = states.read_newest().map_err(|error| format!("{error:#}"))?;
    found.ok_or_else(|| {
        "there is no ledger yet; to start it, run `changegate ledger reconcile` on the server".into()
    })
}

fn write_decision_entry(
    repository: &Repository,
    updates: &[RefUpdate],
    (report, facts): (&Report, &PushFacts),
    settings: &GateSettings,
    context: &Context,
) -> anyhow::Result<()> {
    let by = DecisionContext { pusher: settings.pusher.clone(), ..build_decision_context()? };
    let decision = match decision::build_push_entry(repository, report, facts, by.clone()) {
        Ok(decision) => decision,
        Err(why) => {
            // The record is too large, but that of a refusal fits. With `warn` the push goes on, so none is written.
            if settings.ledger_mode == LedgerMode::Require
                && let Ok(refusal) = decision::build_refusal_entry(updates, context.now, by)
            {
                let _ = write_ahead::write_entry(repository.common_dir(), &refusal);
            }
            return Err(anyhow::Error::msg(why));
        }
    };
    let Some(mut decision) = decision else { return Ok(()) };
    let ready = check_ledger_writable(repository, settings, context);
    if let (Err(_), LedgerMode::Require) = (&ready, settings.ledger_mode) {
        // The record must say what becomes of the push.
        record_unwritable_ledger(&mut decision.decided);
    }
    write_ahead::write_entry(repository.common_dir(), &decision)
        .context("cannot write the decision ahead")?;
    ready.context("the ledger cannot be written")
}

/// Fails if the ledger is known not to be writable, so that decisions do not pile up behind one that
/// cannot be appended. Checks only what is cheap.
fn check_ledger_writable(
    repository: &Repository,
    settings: &GateSettings,
    context: &Context,
) -> anyhow::Result<()> {
    if let Some(key) = &settings.ledger_key {
        File::open(key).with_context(|| format!("cannot read changegate.ledgerKey, `{key}`"))?;
    }
    require_free_ref(repository)?;
    if gate_folder::read_failure(repository.common_dir())?.is_some() {
        probe_append(repository, settings.ledger_key.as_deref(), context.now)?;
    }
    Ok(())
}

fn write_refusal_entry(
    repository: &Repository,
    updates: &[RefUpdate],
    context: &Context,
) -> anyhow::Result<()> {
    let refusal = decision::build_refusal_entry(updates, context.now, build_decision_context()?)
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

pub(crate) fn run_update(args: &UpdateHookArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let (Some(old), Some(new)) = (Oid::from_hex(&args.old), Oid::from_hex(&args.new)) else {
        return Err(CommandError::usage("an object id is 40 or 64 hexadecimal digits"));
    };
    let update = RefUpdate { old, new, name: Text::from(args.name.as_str()) };
    decide_push(&[update], ReportFormatArg::Terminal, context)
}

/// Opens the repository that git names in the environment.
fn open_repository(context: &Context) -> Result<Repository, CommandError> {
    let quarantine = read_quarantine(context);
    Ok(Repository::open_at(&context.hook_git_dir(), quarantine.as_ref())?)
}

/// Returns why the setup that git describes is not supported.
fn find_unsupported_setup(context: &Context) -> Option<&'static str> {
    if context.read_variable("GIT_NAMESPACE").is_some() {
        return Some("GIT_NAMESPACE is set; ref namespaces are not supported");
    }
    if context.read_variable("GIT_SHALLOW_FILE").is_some() {
        return Some(
            "this push would make the repository shallow, and hide history; push from a complete clone",
        );
    }
    None
}

/// Returns where git keeps the objects of this push until it is accepted.
fn read_quarantine(context: &Context) -> Option<ObjectQuarantine> {
    let objects = context.read_variable("GIT_OBJECT_DIRECTORY")?;
    let mut alternates = Vec::new();
    let listed = context.read_variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    for path in std::env::split_paths(&listed) {
        if !path.as_os_str().is_empty() {
            alternates.push(context.resolve_path(path));
        }
    }
    Some(ObjectQuarantine { object_dir: context.resolve_path(objects), alternates })
}
