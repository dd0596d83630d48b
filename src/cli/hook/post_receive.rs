//! `changegate hook post-receive`: whether what has landed should have.
//!
//! First the decision and its landing are appended to the ledger.
//!
//! Git skips a hook that is not executable, or whose link leads nowhere, and says nothing. So what
//! has landed and was not decided by `pre-receive`, as far as the ledger knows, is judged here, by the
//! policy that stood before. A change that landed although the policy denies it is told to whoever
//! pushed and to the server's log; it cannot be refused any more. What is owed from now on takes one
//! line, since `pre-receive` has said what.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::change::Stage;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger;
use crate::cli::ledger_upkeep::serving_process;
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::{GateSettings, LedgerMode, RangeRequest, judge_range, load_from_commit};
use crate::git::{CommitRange, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::server::reconcile::{LandedMove, LandedPush};
use crate::report::ReportStyle;
use crate::verdict::{Decision, RuleOutcome};

/// Say if something has landed that the policy denies
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate hook post-receive < lines-of-old-new-ref")]
pub(crate) struct PostReceiveArgs {}

pub(crate) fn run_post_receive(_: &PostReceiveArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    let updates =
        parse_pre_receive(&input).map_err(|malformed| CommandError::Usage(malformed.to_string()))?;
    let git_dir = world.read_variable("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let repository = Repository::open_at(&world.resolve_path(git_dir), None)?;
    let settings = GateSettings::read_settings(
        &repository,
        &|name| world.read_variable(name),
        crate::cli::context::count_threads,
    )
    .map_err(CommandError::Usage)?;
    // First of all: what was decided and landed is recorded, whatever else goes wrong.
    let recorded = record_ref_updates(&repository, &settings, &updates, world);
    let decided = recorded.as_deref().unwrap_or_default();
    let mut exit = CommandExit::Allowed;
    for update in updates.iter().filter(|update| !update.old.is_null() && !update.new.is_null()) {
        let name = repository.resolve_ref(update.name.as_bytes())?.name;
        let is_it = |landed: &&LandedMove| {
            let moved = &landed.moved;
            moved.name == name && moved.old == Some(update.old) && moved.new == Some(update.new)
        };
        if let Some(landed) = decided.iter().find(is_it) {
            write_obligation_count(&landed.due_times)?;
            continue;
        }
        if judge_landed_update(&repository, &settings, update, world)? == Decision::Deny {
            exit = CommandExit::Denied;
        }
    }
    recorded.map(|_| exit)
}

/// Appends to the ledger what was decided, and what landed; returns what landed as decided.
fn record_ref_updates(
    repository: &Repository,
    settings: &GateSettings,
    updates: &[RefUpdate],
    world: &Context,
) -> Result<Vec<LandedMove>, CommandError> {
    if settings.ledger_mode == LedgerMode::Off {
        return Ok(Vec::new());
    }
    let served_by = serving_process::find_serving_process();
    let told = LandedPush { landed: updates, served_by: served_by.as_deref() };
    let folded = ledger::reconcile_repository(repository, settings, Some(told), false, world)?;
    ledger::write_reconcile_report(&folded)?;
    Ok(folded.landed_moves)
}

/// Judges what an update has brought in, by the policy that stood before it.
fn judge_landed_update(
    repository: &Repository,
    settings: &GateSettings,
    update: &RefUpdate,
    world: &Context,
) -> Result<Decision, CommandError> {
    let Ok(loaded) = load_from_commit(repository, update.old, &settings.policy_path, &update.name.to_lossy())
    else {
        return Ok(Decision::Allow);
    };
    if !loaded.policy.protects_ref(update.name.as_bytes()) {
        return Ok(Decision::Allow);
    }
    let hidden = [update.old];
    let asked = RangeRequest {
        range: CommitRange { tip: update.new, hidden_tips: &hidden, trusted_keys: None },
        display_name: update.name.clone(),
        target: Ok(update.name.clone()),
        pusher: settings.pusher.clone(),
        stage: Stage::PreReceive,
        unit: loaded.policy.change_unit,
        enforce: true,
        keep_all: false,
        explain: false,
        names_unused: false,
        threads: crate::cli::context::count_threads,
        now: world.now,
    };
    let report = judge_range(repository, &loaded, &asked, &mut || {})?;
    if report.decision == Decision::Deny {
        let mut out = io::stdout().lock();
        writeln!(out, "changegate: this has landed, and should not have; was pre-receive run?")?;
        drop(out);
        let style = ReportStyle { colour: output::stdout_colour(world.colour), ..ReportStyle::default() };
        output::print_report(&report, ReportFormatArg::Terminal, &style)?;
    }
    let judgements = report.groups.iter().flat_map(|group| &group.verdicts).flat_map(|one| &one.judgements);
    let owed = judgements.filter_map(|judgement| {
        if let RuleOutcome::Owed(owed) = &judgement.outcome { Some(owed) } else { None }
    });
    if report.decision == Decision::Allow {
        write_obligation_count(&owed.flatten().map(|one| one.due).collect::<Vec<_>>())?;
    }
    Ok(report.decision)
}

/// Tells how much is owed for what has landed, and when the first of it is due.
fn write_obligation_count(owed: &[Option<Timestamp>]) -> io::Result<()> {
    let many = match owed.len() {
        0 => return Ok(()),
        1 => "1 obligation".to_owned(),
        many => format!("{many} obligations"),
    };
    let first = owed.iter().flatten().min();
    let first =
        first.map(|due| format!(";\n  the first is due {}", due.strftime("%F %R UTC"))).unwrap_or_default();
    writeln!(io::stdout().lock(), "changegate: landed, with {many} from now on{first}")
}
