//! Keeping the ledger: appends what pushes have left behind, and reports what that finds.

pub(crate) mod github_remote;
pub(crate) mod serving_process;

use std::io::{self, Write as _};

use jiff::SignedDuration;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::gate::{GateSettings, LedgerMode, LoadedPolicy, current_policy, protected_refs};
use crate::git::Repository;
use crate::ledger::record::RecordedHookState;
use crate::ledger::server::decision;
use crate::ledger::server::moved_content::describe_moved_content;
use crate::ledger::server::reconcile::{LandedPush, ReconcileContext, ReconcileOutcome, reconcile_ledger};
use crate::ledger::server::undecided_moves::list_undecided_moves;
use crate::ledger::state::LedgerState;
use crate::ledger::store::state_reader::LedgerStateReader;
use crate::ledger::store::{self, gate_folder};
use crate::report::escape;

/// The time after which a push without an end counts as over.
const PENDING_PUSH_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// How many denials that wait a push records beside its own decision.
const MAX_DENIALS_PER_PUSH: usize = 128;

/// Why the ledger is reconciled.
pub(crate) enum ReconcileOccasion<'a> {
    /// Git reports this push.
    Push(LandedPush<'a>),
    /// Something is about to be recorded.
    Record,
    /// It is time; a sign is left that the gate stood.
    Upkeep {
        /// True if no push counts as under way.
        now: bool,
        /// What judges pushes.
        hook: RecordedHookState,
    },
}

/// Appends to the ledger what was written ahead. A failure to write the ledger is kept on disk for the next push.
pub(crate) fn reconcile_repository(
    repository: &Repository,
    settings: &GateSettings,
    occasion: ReconcileOccasion<'_>,
    context: &Context,
) -> Result<ReconcileOutcome, CommandError> {
    let (push, now, heartbeat) = match occasion {
        ReconcileOccasion::Push(push) => (Some(push), false, None),
        ReconcileOccasion::Record => (None, false, None),
        ReconcileOccasion::Upkeep { now, hook } => (None, now, Some(hook)),
    };
    let states = LedgerStateReader::new(repository);
    let loaded = find_current_policy(&states, settings);
    let policy = loaded.as_ref().map(|loaded| &loaded.policy);
    let scope = policy.map(|policy| protected_refs(repository, policy)).transpose()?;
    let reconcile_context = ReconcileContext {
        repository,
        states: &states,
        scope: scope.as_deref(),
        policy: policy.map(|policy| (policy, &settings.policy_ref)),
        signing_key: settings.ledger_key.as_deref(),
        clock: context.clock,
        push_timeout: if now { SignedDuration::ZERO } else { PENDING_PUSH_TIMEOUT },
        max_denials: if push.is_some() { MAX_DENIALS_PER_PUSH } else { usize::MAX },
        heartbeat,
        tool_version: decision::TOOL_VERSION,
        is_process_running: &|served_by| {
            if now { Some(false) } else { serving_process::is_process_running(served_by) }
        },
    };
    let reconciled = reconcile_ledger(&reconcile_context, push);
    let why = reconciled.as_ref().err().map(|error| format!("{error:#}"));
    let kept = gate_folder::write_failure(repository.common_dir(), why.as_deref());
    let mut reconciled = reconciled?;
    kept?;
    if !reconciled.unauthorised.is_empty()
        && let Some(state) = store::read_state(repository)?
    {
        let received = state.list_received_approvals();
        for moved in &reconciled.unauthorised {
            reconciled.content_notes.push(describe_moved_content(repository, moved, &received.open));
        }
    }
    Ok(reconciled)
}

/// Returns the current policy; after a move of the policy ref without a decision, the last one that was
/// decided. `None` if there is none, or none that is valid.
pub(crate) fn find_current_policy(
    states: &LedgerStateReader<'_>,
    settings: &GateSettings,
) -> Option<LoadedPolicy> {
    let undecided = match settings.ledger_mode {
        LedgerMode::Off => Vec::new(),
        // A ledger that cannot be read is reported by what reads it next.
        LedgerMode::Require | LedgerMode::Warn => {
            list_undecided_moves(states, &settings.policy_ref).unwrap_or_default()
        }
    };
    current_policy(states.repository(), settings, &undecided)
}

/// Starts the ledger, if there is none yet and it is not switched off; returns true if it did.
pub(crate) fn begin_ledger(repository: &Repository, context: &Context) -> Result<bool, CommandError> {
    // The settings may have been written since the repository was opened.
    let repository = &Repository::open_at(repository.git_dir(), None)?;
    let settings = context.read_gate_settings(repository).map_err(CommandError::Usage)?;
    let has_begun = repository.resolve_ref(crate::ledger::LEDGER_REF.as_bytes())?.id.is_some();
    if has_begun || settings.ledger_mode == LedgerMode::Off {
        return Ok(false);
    }
    reconcile_repository(repository, &settings, ReconcileOccasion::Record, context)?;
    Ok(true)
}

pub(crate) fn run_reconcile(
    repository: &Repository,
    (now, hook): (bool, RecordedHookState),
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let settings = context.read_gate_settings(repository).map_err(CommandError::Usage)?;
    let reconciled =
        reconcile_repository(repository, &settings, ReconcileOccasion::Upkeep { now, hook }, context)?;
    let mut out = io::stdout().lock();
    match (reconciled.appended_records, reconciled.waiting_decisions) {
        (0, 0) => writeln!(out, "nothing to reconcile")?,
        (0, _) => {}
        (1, _) => writeln!(out, "1 record appended")?,
        (many, _) => writeln!(out, "{many} records appended")?,
    }
    match reconciled.waiting_decisions {
        0 => {}
        1 => writeln!(out, "1 push may still be under way; run this again later, or with --now")?,
        many => writeln!(out, "{many} pushes may still be under way; run this again later, or with --now")?,
    }
    drop(out);
    write_reconcile_report(&reconciled)?;
    let is_clean = reconciled.unauthorised.is_empty() && reconciled.damaged_decisions == 0;
    Ok(if is_clean { CommandExit::Allowed } else { CommandExit::Denied })
}

/// Writes what reconciling has found that people should know.
pub(crate) fn write_reconcile_report(reconciled: &ReconcileOutcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (place, moved) in reconciled.unauthorised.iter().enumerate() {
        let name = escape::escape_terminal(moved.name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        writeln!(out, "changegate: {name} moved without a decision; recorded as an unauthorised change")?;
        for note in reconciled.content_notes.get(place).into_iter().flatten() {
            writeln!(out, "changegate: {}", escape::escape_words(note))?;
        }
    }
    for one in reconciled.session_notes.iter().chain(&reconciled.act_notes) {
        writeln!(out, "changegate: {}", escape::escape_words(one))?;
    }
    for one in &reconciled.closing_notes {
        writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
    }
    match reconciled.found_late {
        0 => {}
        1 => writeln!(out, "changegate: recorded the end of 1 earlier push")?,
        many => {
            writeln!(out, "changegate: recorded the end of {many} earlier pushes")?;
        }
    }
    match reconciled.damaged_decisions {
        0 => {}
        1 => writeln!(out, "changegate: 1 earlier decision cannot be read; this is recorded")?,
        many => writeln!(out, "changegate: {many} earlier decisions cannot be read; this is recorded")?,
    }
    Ok(())
}

/// Returns the state of the ledger in this repository.
pub(crate) fn require_ledger_state(repository: &Repository) -> Result<LedgerState, CommandError> {
    store::read_state(repository)?.ok_or_else(|| CommandError::no_ledger(repository))
}
