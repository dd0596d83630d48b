//! What waits to be folded in: decisions on disk, and what the ledger thinks has stayed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::ahead::{self, Ahead, Found};
use super::fold::{Folding, Told};
use super::record::{Damaged, Moved, digest};
use super::state::State;
use super::walk::Edge;
use crate::change::{Oid, Text};
use crate::git::{RefAt, RefUpdate, Repository};
use crate::verdict::Decision;

/// Something that waits.
pub(super) enum Pending {
    /// A decision on disk.
    Decision(Box<OnDisk>),
    /// A file that should be one.
    Damaged { path: PathBuf, damaged: Damaged, is_known: bool },
    /// A decision of the ledger, and what did not move of it when somebody looked.
    Stayed { of: String, moves: Vec<Moved> },
}

/// A decision on disk.
pub(super) struct OnDisk {
    pub(super) path: PathBuf,
    pub(super) ahead: Ahead,
    /// Whether the ledger has the decision already.
    pub(super) is_known: bool,
    /// What it asks for, as far as the ledger does not know what became of it.
    pub(super) moves: Vec<Moved>,
    /// Whether nothing more can come of its push.
    pub(super) is_over: bool,
    /// Whether git has told what became of it.
    pub(super) is_told: bool,
    /// Which of its moves git has told of.
    landed: BTreeSet<Text>,
    /// Whether the ledger has everything about it.
    pub(super) is_done: bool,
}

impl OnDisk {
    /// Returns all that was written ahead.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read any more.
    pub(super) fn whole(&self) -> Result<Ahead> {
        if self.ahead.decided.decision == Decision::Allow {
            return Ok(self.ahead.clone());
        }
        ahead::whole(&self.path).context("cannot read what was written ahead")
    }
}

impl Pending {
    fn moves(&self) -> &[Moved] {
        match self {
            Pending::Decision(one) => &one.moves,
            Pending::Stayed { moves, .. } => moves,
            Pending::Damaged { .. } => &[],
        }
    }

    /// Returns whether the ledger does not have everything about it yet.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Pending::Decision(one) if !one.is_done)
    }

    /// Returns whether it was decided to move this ref.
    pub(super) fn asks(&self, name: &Text) -> bool {
        let Pending::Decision(one) = self else { return false };
        one.ahead.decided.refs.iter().any(|asked| asked.name == *name)
    }

    /// Returns what it asks of each ref.
    pub(super) fn edges(&self) -> impl Iterator<Item = (&Text, Edge)> {
        self.moves().iter().map(|moved| {
            let (taken, since) = match self {
                Pending::Decision(one) => (
                    one.is_told.then(|| one.landed.contains(&moved.name)),
                    Some(one.ahead.decided.observed_at.as_second()),
                ),
                _ => (None, None),
            };
            (&moved.name, Edge { old: moved.old, new: moved.new, taken, since })
        })
    }
}

/// Returns what was found on disk, and what the ledger thinks has stayed.
pub(super) fn of_pushes(
    folding: &Folding<'_>,
    now: Timestamp,
    found: Vec<Found>,
    state: &State,
) -> Vec<Pending> {
    let is_over = |one: &Ahead| match one.served_by.as_deref().and_then(folding.is_running) {
        Some(runs) => !runs,
        // A decision out of the future was made before the clock was set back.
        None => folding.patience <= now.duration_since(one.decided.observed_at).abs(),
    };
    let stayed = state.stayed.iter();
    let stayed = stayed.map(|(of, moves)| Pending::Stayed { of: of.clone(), moves: moves.clone() });
    let found = found.into_iter().map(|found| of_file(found, state, &is_over));
    // Of two that ask for the same, the one that is not thought to have stayed comes first.
    found.chain(stayed).collect()
}

/// Returns what was found on disk after the refs were read: its push cannot be called over.
pub(super) fn under_way(found: Vec<Found>, state: &State) -> Vec<Pending> {
    found.into_iter().map(|found| of_file(found, state, &|_| false)).collect()
}

fn of_file(found: Found, state: &State, is_over: &dyn Fn(&Ahead) -> bool) -> Pending {
    let ahead = match found.ahead {
        Ok(ahead) => ahead,
        Err(why) => {
            let file = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let digest = fs::read(&found.path).ok().map(|bytes| digest(&bytes));
            let is_known = state.recent.contains(&file);
            return Pending::Damaged { path: found.path, damaged: Damaged { file, digest, why }, is_known };
        }
    };
    let decided = &ahead.decided;
    let is_denied = decided.decision == Decision::Deny;
    // A push that takes its time may be older than what is remembered as the newest.
    let is_known = state.recent.contains(&decided.id) || state.open.contains_key(&decided.id);
    let moves = if is_denied {
        Vec::new()
    } else if is_known {
        state.open.get(&decided.id).cloned().unwrap_or_default()
    } else {
        decided.moves()
    };
    Pending::Decision(Box::new(OnDisk {
        is_over: is_denied || is_over(&ahead),
        path: found.path,
        is_known,
        moves,
        ahead,
        is_told: false,
        landed: BTreeSet::new(),
        is_done: false,
    }))
}

/// Finds the decisions that git tells of: those of the same push where it is known what serves it,
/// and else the newest that asks for the same.
///
/// # Errors
///
/// Fails if a name that was pushed cannot be followed.
pub(super) fn tell(pending: &mut [Pending], told: &Told<'_>, repository: &Repository) -> Result<()> {
    let mut landed: Vec<(Text, Option<Oid>)> = Vec::new();
    for update in told.landed {
        landed.push((repository.resolve_ref(update.name.as_bytes())?.name, given(update)));
    }
    let mut ours: Vec<&mut OnDisk> = pending
        .iter_mut()
        .filter_map(|one| match one {
            Pending::Decision(one) if one.ahead.decided.decision == Decision::Allow => Some(one.as_mut()),
            _ => None,
        })
        .collect();
    if let Some(served_by) = told.served_by {
        // What another push asks for is not told here, even if it is the same.
        ours.retain(|one| one.ahead.served_by.as_deref().is_none_or(|by| by == served_by));
        for one in ours.iter_mut().filter(|one| one.ahead.served_by.is_some()) {
            // Git tells once, when all refs have been tried.
            (one.is_told, one.is_over) = (true, true);
        }
    }
    for (name, new) in landed {
        let asks = |one: &OnDisk| one.moves.iter().any(|moved| moved.name == name && moved.new == new);
        if let Some(one) = ours.iter_mut().rev().find(|one| asks(one)) {
            (one.is_told, one.is_over) = (true, true);
            one.landed.insert(name);
        }
    }
    Ok(())
}

fn given(update: &RefUpdate) -> Option<Oid> {
    (!update.new.is_null()).then_some(update.new)
}

/// Removes the file of a decision that the ledger has.
///
/// # Errors
///
/// Fails if it stays.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the refs by which break-glass sessions were asked for, once the ledger has what became of that.
pub(super) fn take_away(repository: &Repository, refs: Vec<RefAt>, pending: &[Pending], now: Timestamp) {
    let waits = |name: &Text| pending.iter().any(|one| one.is_open() && one.asks(name));
    for (name, id) in refs.into_iter().filter_map(|one| Some((one.name, one.id?))) {
        if !waits(&name) {
            // It says nothing any more, and the next one tries again.
            let _ = repository.drop_ref(name.as_bytes(), id, now);
        }
    }
}

/// Gives a file another name, so that it is not looked at again; nothing is thrown away.
///
/// # Errors
///
/// Fails if it keeps its name.
pub(super) fn set_aside(path: &Path) -> Result<()> {
    fs::rename(path, path.with_extension("damaged"))
        .with_context(|| format!("cannot set {} aside", path.display()))
}
