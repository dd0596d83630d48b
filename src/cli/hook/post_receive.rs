//! `changegate hook post-receive`: records what has landed, and reports what should not have.
//!
//! First appends the decision and its landing to the ledger.
//!
//! Git silently skips a hook that is not executable or whose link is broken. So this hook judges what has
//! landed without a decision of `pre-receive` in the ledger, by the policy from before the push. It informs
//! the pusher and the server's log of a change that the policy denies; the change can no longer be
//! refused. New obligations take one line, since `pre-receive` has listed them.

use std::io::{self, Read as _, Write as _};

use jiff::Timestamp;

use crate::change::{Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::ledger_upkeep::{
    ReconcileOccasion, reconcile_repository, serving_process, write_reconcile_report,
};
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::push_certificate::CertifiedPusher;
use crate::gate::{
    GateSettings, LedgerMode, RangePart, RangeRequest, judge_parts, load_for_hook, protected_refs,
};
use crate::git::{CommitRange, RefUpdate, Repository, parse_pre_receive};
use crate::ledger::server::{landed_move::LandedMove, pending::LandedPush};
use crate::report::{HeldChanges, ReportStyle};
use crate::verdict::{Decision, RuleOutcome, Verdict};

/// What a ledger that cannot be written means for a push that has landed.
const KEPT_DECISION: &str = "the push has landed, and its decision is kept on the server; to record it there, remove the \
     cause and run `changegate ledger reconcile`";

/// Record what has landed, and report what the policy denies
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate hook post-receive < lines-of-old-new-ref")]
pub(crate) struct PostReceiveArgs {}

pub(crate) fn run_post_receive(_: &PostReceiveArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    let updates =
        parse_pre_receive(&input).map_err(|malformed| CommandError::Usage(malformed.to_string()))?;
    let repository = Repository::open_at(&context.hook_git_dir(), None)?;
    let settings = context.read_gate_settings(&repository).map_err(CommandError::Usage)?;
    // Recording comes first, whatever else goes wrong.
    let recorded = record_ref_updates(&repository, &settings, &updates, context);
    let decided = recorded.as_deref().unwrap_or_default();
    let mut exit = CommandExit::Allowed;
    for update in &updates {
        if update.old.is_null() || update.new.is_null() {
            continue;
        }
        let name = repository.resolve_ref(update.name.as_bytes())?.name;
        if let Some(landed) = find_landed_move(decided, &name, update) {
            ObligationCount::from_due_times(&landed.due_times).write_line()?;
            continue;
        }
        if judge_landed_update(&repository, &settings, (update, &updates), context)? == Decision::Deny {
            exit = CommandExit::Denied;
        }
    }
    recorded.map(|_| exit)
}

/// Returns the move that `pre-receive` decided and this update made.
fn find_landed_move<'a>(
    decided: &'a [LandedMove],
    name: &Text,
    update: &RefUpdate,
) -> Option<&'a LandedMove> {
    decided.iter().find(|landed| {
        let moved = &landed.moved;
        moved.name == *name && moved.old == Some(update.old) && moved.new == Some(update.new)
    })
}

/// Appends to the ledger what was decided and what landed; returns what landed as decided.
fn record_ref_updates(
    repository: &Repository,
    settings: &GateSettings,
    updates: &[RefUpdate],
    context: &Context,
) -> Result<Vec<LandedMove>, CommandError> {
    if settings.ledger_mode == LedgerMode::Off {
        return Ok(Vec::new());
    }
    let served_by = serving_process::find_serving_process();
    let push = LandedPush { landed: updates, served_by: served_by.as_deref() };
    let reconciled = reconcile_repository(repository, settings, ReconcileOccasion::Push(push), context)
        .map_err(add_next_step)?;
    write_reconcile_report(&reconciled)?;
    Ok(reconciled.landed_moves)
}

/// Says of a ledger that cannot be written what that means for the push: it has landed.
fn add_next_step(error: CommandError) -> CommandError {
    match error {
        CommandError::Failed(why) => CommandError::Failed(why.context(KEPT_DECISION)),
        other => other,
    }
}

/// Judges what an update has brought in, by the policy from before it.
fn judge_landed_update(
    repository: &Repository,
    settings: &GateSettings,
    (update, updates): (&RefUpdate, &[RefUpdate]),
    context: &Context,
) -> Result<Decision, CommandError> {
    // A branch without a policy before the push was not under change control.
    let Ok(loaded) = load_for_hook(repository, update.old, &settings.policy_path, &update.name.to_lossy())
    else {
        return Ok(Decision::Allow);
    };
    let name = repository.resolve_ref(update.name.as_bytes())?.name;
    let protected = protected_refs(repository, &loaded.policy)?;
    if !protected.iter().any(|pattern| pattern.matches_ref(name.as_bytes())) {
        return Ok(Decision::Allow);
    }
    let certified = CertifiedPusher::find_pusher(repository, updates, settings, &loaded, context.now);
    let hidden = [update.old];
    let request = RangeRequest {
        wants_plans: false,
        range: CommitRange { tip: update.new, hidden_tips: &hidden, trusted_keys: None },
        display_name: update.name.clone(),
        target: Ok(update.name.clone()),
        pusher: certified.pusher,
        push_certificate: certified.certificate,
        approval_targets: &[],
        unauthorised: None,
        stage: Stage::PreReceive,
        unit: loaded.policy.change_unit,
        enforce: true,
        // As many as the report shows; a history that was imported past the hook can have any length.
        held: HeldChanges::Sample { first: 0, objections: 0 },
        explain: false,
        wants_reasons: false,
        names_unused: false,
        threads: count_threads,
        now: context.now,
        own_time: false,
    };
    let division = request.unit.into();
    let part = RangePart { loaded: &loaded, tip: update.new, hidden_tips: &hidden, division };
    let mut owed = ObligationCount::default();
    let mut report = judge_parts(repository, &[part], &request, &mut |verdict, _| {
        owed.add_change(verdict);
        Ok(())
    })?;
    for group in &mut report.groups {
        group.is_to_land = false;
    }
    if report.decision == Decision::Deny {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "changegate: this push landed without a decision, and the policy denies it; check that pre-receive runs"
        )?;
        drop(out);
        let style = ReportStyle { colour: output::stdout_colour(context.colour), ..ReportStyle::default() };
        output::print_report(&report, ReportFormatArg::Terminal, &style)?;
    }
    if report.decision == Decision::Allow {
        owed.write_line()?;
    }
    Ok(report.decision)
}

/// How many obligations have landed, and when the first is due.
#[derive(Default)]
struct ObligationCount {
    obligations: usize,
    first_due: Option<Timestamp>,
}

impl ObligationCount {
    fn from_due_times(due_times: &[Option<Timestamp>]) -> ObligationCount {
        ObligationCount { obligations: due_times.len(), first_due: due_times.iter().flatten().min().copied() }
    }

    fn add_change(&mut self, verdict: &Verdict) {
        for judgement in &verdict.judgements {
            let RuleOutcome::Owed(owed) = &judgement.outcome else { continue };
            self.obligations += owed.len();
            let due_times = owed.iter().filter_map(|one| one.due);
            self.first_due = self.first_due.into_iter().chain(due_times).min();
        }
    }

    fn write_line(&self) -> io::Result<()> {
        let many = match self.obligations {
            0 => return Ok(()),
            1 => "1 obligation".to_owned(),
            many => format!("{many} obligations"),
        };
        let mut out = io::stdout().lock();
        match self.first_due {
            Some(first) => {
                let first = first.strftime("%F %R UTC");
                writeln!(out, "changegate: landed with {many};\n  the first is due {first}")
            }
            None => writeln!(out, "changegate: landed with {many}"),
        }
    }
}
