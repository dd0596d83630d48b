//! Folding in what pushes left behind, and telling what that brought to light.

use std::io::{self, Write as _};

use jiff::SignedDuration;

use super::super::hook::serving;
use super::super::{Exit, Stop, World};
use crate::gate::{LedgerMode, Settings, standing};
use crate::git::Repository;
use crate::ledger::fold::{Folded, Folding, Told, fold};
use crate::ledger::{deciding, place};
use crate::report::escape;

/// How long a push may be under way before it counts as over.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// Folds in what was written ahead; `told` is what git tells of a push. With `now`, no push counts as
/// under way. That the ledger could not be written is remembered, for the next push to know.
pub(in super::super) fn fold_in(
    repository: &Repository,
    settings: &Settings,
    told: Option<Told<'_>>,
    now: bool,
    world: &World,
) -> Result<Folded, Stop> {
    let loaded = standing(repository, settings);
    let policy = loaded.as_ref().map(|loaded| &loaded.policy);
    let folding = Folding {
        repository,
        scope: policy.map(|policy| policy.protects.as_slice()),
        policy: policy.map(|policy| (policy, &settings.policy_ref)),
        key: settings.ledger_key.as_deref(),
        clock: world.clock,
        patience: if now { SignedDuration::ZERO } else { PATIENCE },
        tool: deciding::TOOL,
        is_running: &|served_by| if now { Some(false) } else { serving::is_running(served_by) },
    };
    let folded = fold(&folding, told);
    let why = folded.as_ref().err().map(|error| format!("{error:#}"));
    let remembered = place::remember_failing(repository.common_dir(), why.as_deref());
    let folded = folded?;
    remembered?;
    Ok(folded)
}

/// Begins the ledger, if there is none yet and it is not switched off.
pub(in super::super) fn begin(repository: &Repository, world: &World) -> Result<bool, Stop> {
    // Its settings may have been written since it was opened.
    let repository = &Repository::open(repository.git_dir(), None)?;
    let settings =
        Settings::read(repository, &|name| world.variable(name), crate::cli::threads).map_err(Stop::Wrong)?;
    let has_begun = repository.resolve_ref(crate::ledger::REF.as_bytes())?.id.is_some();
    if has_begun || settings.ledger == LedgerMode::Off {
        return Ok(false);
    }
    fold_in(repository, &settings, None, false, world)?;
    Ok(true)
}

pub(super) fn reconcile(repository: &Repository, now: bool, world: &World) -> Result<Exit, Stop> {
    let settings =
        Settings::read(repository, &|name| world.variable(name), crate::cli::threads).map_err(Stop::Wrong)?;
    let folded = fold_in(repository, &settings, None, now, world)?;
    let mut out = io::stdout().lock();
    match (folded.records, folded.waiting) {
        (0, 0) => writeln!(out, "nothing was left behind")?,
        (0, _) => {}
        (1, _) => writeln!(out, "1 record appended")?,
        (many, _) => writeln!(out, "{many} records appended")?,
    }
    match folded.waiting {
        0 => {}
        1 => writeln!(out, "1 push may still be under way; later, or with --now")?,
        many => writeln!(out, "{many} pushes may still be under way; later, or with --now")?,
    }
    drop(out);
    tell(&folded)?;
    let is_clean = folded.unauthorised.is_empty() && folded.damaged == 0;
    Ok(if is_clean { Exit::Allowed } else { Exit::Denied })
}

/// Tells what folding in has found that somebody should know.
pub(in super::super) fn tell(folded: &Folded) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for moved in &folded.unauthorised {
        let name = escape::terminal(moved.name.as_bytes(), escape::MOST);
        writeln!(out, "changegate: {name} moved without a decision; recorded as unauthorised")?;
    }
    for one in folded.sessions.iter().chain(&folded.closed) {
        writeln!(out, "changegate: {}", escape::words(one))?;
    }
    match folded.found_late {
        0 => {}
        1 => writeln!(out, "changegate: 1 earlier push ended without a word; now it is recorded")?,
        many => {
            writeln!(out, "changegate: {many} earlier pushes ended without a word; now they are recorded")?;
        }
    }
    if 0 < folded.damaged {
        writeln!(
            out,
            "changegate: {} could not be read, and that is recorded",
            match folded.damaged {
                1 => "1 earlier decision".to_owned(),
                many => format!("{many} earlier decisions"),
            }
        )?;
    }
    Ok(())
}
