//! Folding in what pushes left behind, and telling what that brought to light.

pub(crate) mod github_remote;
pub(crate) mod serving_process;

use std::io::{self, Write as _};

use jiff::SignedDuration;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::gate::{GateSettings, LedgerMode, current_policy};
use crate::git::Repository;
use crate::ledger::server::decision;
use crate::ledger::server::reconcile::{LandedPush, ReconcileContext, ReconcileOutcome, reconcile_ledger};
use crate::ledger::store::gate_folder;
use crate::report::escape;

/// How long a push may be under way before it counts as over.
const PENDING_PUSH_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// Folds in what was written ahead; `told` is what git tells of a push. With `now`, no push counts as
/// under way. That the ledger could not be written is remembered, for the next push to know.
pub(crate) fn reconcile_repository(
    repository: &Repository,
    settings: &GateSettings,
    told: Option<LandedPush<'_>>,
    now: bool,
    world: &Context,
) -> Result<ReconcileOutcome, CommandError> {
    let loaded = current_policy(repository, settings);
    let policy = loaded.as_ref().map(|loaded| &loaded.policy);
    let folding = ReconcileContext {
        repository,
        scope: policy.map(|policy| policy.protected_refs.as_slice()),
        policy: policy.map(|policy| (policy, &settings.policy_ref)),
        signing_key: settings.ledger_key.as_deref(),
        clock: world.clock,
        push_timeout: if now { SignedDuration::ZERO } else { PENDING_PUSH_TIMEOUT },
        tool_version: decision::TOOL_VERSION,
        is_process_running: &|served_by| {
            if now { Some(false) } else { serving_process::is_process_running(served_by) }
        },
    };
    let folded = reconcile_ledger(&folding, told);
    let why = folded.as_ref().err().map(|error| format!("{error:#}"));
    let remembered = gate_folder::write_failure(repository.common_dir(), why.as_deref());
    let folded = folded?;
    remembered?;
    Ok(folded)
}

/// Begins the ledger, if there is none yet and it is not switched off.
pub(crate) fn begin_ledger(repository: &Repository, world: &Context) -> Result<bool, CommandError> {
    // Its settings may have been written since it was opened.
    let repository = &Repository::open_at(repository.git_dir(), None)?;
    let settings = GateSettings::read_settings(
        repository,
        &|name| world.read_variable(name),
        crate::cli::context::count_threads,
    )
    .map_err(CommandError::Usage)?;
    let has_begun = repository.resolve_ref(crate::ledger::LEDGER_REF.as_bytes())?.id.is_some();
    if has_begun || settings.ledger_mode == LedgerMode::Off {
        return Ok(false);
    }
    reconcile_repository(repository, &settings, None, false, world)?;
    Ok(true)
}

pub(crate) fn run_reconcile(
    repository: &Repository,
    now: bool,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let settings = GateSettings::read_settings(
        repository,
        &|name| world.read_variable(name),
        crate::cli::context::count_threads,
    )
    .map_err(CommandError::Usage)?;
    let folded = reconcile_repository(repository, &settings, None, now, world)?;
    let mut out = io::stdout().lock();
    match (folded.appended_records, folded.waiting_decisions) {
        (0, 0) => writeln!(out, "nothing was left behind")?,
        (0, _) => {}
        (1, _) => writeln!(out, "1 record appended")?,
        (many, _) => writeln!(out, "{many} records appended")?,
    }
    match folded.waiting_decisions {
        0 => {}
        1 => writeln!(out, "1 push may still be under way; later, or with --now")?,
        many => writeln!(out, "{many} pushes may still be under way; later, or with --now")?,
    }
    drop(out);
    write_reconcile_report(&folded)?;
    let is_clean = folded.unauthorised.is_empty() && folded.damaged_decisions == 0;
    Ok(if is_clean { CommandExit::Allowed } else { CommandExit::Denied })
}

/// Tells what folding in has found that somebody should know.
pub(crate) fn write_reconcile_report(folded: &ReconcileOutcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for moved in &folded.unauthorised {
        let name = escape::escape_terminal(moved.name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        writeln!(out, "changegate: {name} moved without a decision; recorded as unauthorised")?;
    }
    for one in &folded.session_notes {
        writeln!(out, "changegate: {}", escape::escape_words(one))?;
    }
    for one in &folded.closing_notes {
        writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
    }
    match folded.found_late {
        0 => {}
        1 => writeln!(out, "changegate: 1 earlier push ended without a word; now it is recorded")?,
        many => {
            writeln!(out, "changegate: {many} earlier pushes ended without a word; now they are recorded")?;
        }
    }
    if 0 < folded.damaged_decisions {
        writeln!(
            out,
            "changegate: {} could not be read, and that is recorded",
            match folded.damaged_decisions {
                1 => "1 earlier decision".to_owned(),
                many => format!("{many} earlier decisions"),
            }
        )?;
    }
    Ok(())
}
