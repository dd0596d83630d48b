//! What waits to be folded in: decisions on disk, and what the ledger thinks has stayed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::git::{RefUpdate, Repository, ResolvedRef};
use crate::ledger::record::{DamagedDecision, RecordedMove, digest_bytes};
use crate::ledger::server::reconcile::{LandedPush, ReconcileContext};
use crate::ledger::server::ref_path::DecisionEdge;
use crate::ledger::server::write_ahead::{self, JournalEntry, JournalFile};
use crate::ledger::state::LedgerState;

/// Something that waits.
pub(crate) enum PendingDecision {
    /// A decision on disk.
    Journaled(Box<JournaledDecision>),
    /// A file that should be one.
    Damaged { path: PathBuf, damaged: DamagedDecision, is_known: bool },
    /// A decision of the ledger, and what did not move of it when somebody looked.
    Unmoved { decision_id: String, moves: Vec<RecordedMove> },
}

/// A decision on disk.
pub(crate) struct JournaledDecision {
    pub(crate) path: PathBuf,
    pub(crate) entry: JournalEntry,
    /// Whether the ledger has the decision already.
    pub(crate) is_recorded: bool,
    /// What it asks for, as far as the ledger does not know what became of it.
    pub(crate) moves: Vec<RecordedMove>,
    /// Whether nothing more can come of its push.
    pub(crate) is_push_over: bool,
    /// Whether git has told what became of it.
    pub(crate) is_reported: bool,
    /// Which of its moves git has told of.
    reported_refs: BTreeSet<Text>,
    /// Whether the ledger has everything about it.
    pub(crate) is_complete: bool,
}

impl JournaledDecision {
    /// Returns all that was written ahead.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read any more.
    pub(crate) fn read_whole_entry(&self) -> Result<JournalEntry> {
        if self.entry.decided.is_allowed() {
            return Ok(self.entry.clone());
        }
        write_ahead::read_whole_entry(&self.path).context("cannot read what was written ahead")
    }
}

impl PendingDecision {
    fn open_moves(&self) -> &[RecordedMove] {
        match self {
            PendingDecision::Journaled(one) => &one.moves,
            PendingDecision::Unmoved { moves, .. } => moves,
            PendingDecision::Damaged { .. } => &[],
        }
    }

    /// Returns whether the ledger does not have everything about it yet.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, PendingDecision::Journaled(one) if !one.is_complete)
    }

    /// Returns whether it was decided to move this ref.
    pub(crate) fn asks_for_ref(&self, name: &Text) -> bool {
        let PendingDecision::Journaled(one) = self else { return false };
        one.entry.decided.refs.iter().any(|asked| asked.name == *name)
    }

    /// Returns what it asks of each ref.
    pub(crate) fn list_edges(&self) -> impl Iterator<Item = (&Text, DecisionEdge)> {
        self.open_moves().iter().map(|moved| {
            let (taken, since) = match self {
                PendingDecision::Journaled(one) => (
                    one.is_reported.then(|| one.reported_refs.contains(&moved.name)),
                    Some(one.entry.decided.observed_at.as_second()),
                ),
                _ => (None, None),
            };
            (
                &moved.name,
                DecisionEdge { old: moved.old, new: moved.new, was_taken: taken, decided_at: since },
            )
        })
    }
}

/// Returns what was found on disk, and what the ledger thinks has stayed.
pub(crate) fn collect_pending(
    folding: &ReconcileContext<'_>,
    now: Timestamp,
    found: Vec<JournalFile>,
    state: &LedgerState,
) -> Vec<PendingDecision> {
    let is_over = |one: &JournalEntry| match one.served_by.as_deref().and_then(folding.is_process_running) {
        Some(runs) => !runs,
        // A decision out of the future was made before the clock was set back.
        None => folding.push_timeout <= now.duration_since(one.decided.observed_at).abs(),
    };
    let stayed = state.unmoved.iter();
    let stayed =
        stayed.map(|(of, moves)| PendingDecision::Unmoved { decision_id: of.clone(), moves: moves.clone() });
    let found = found.into_iter().map(|found| build_pending(found, state, &is_over));
    // Of two that ask for the same, the one that is not thought to have stayed comes first.
    found.chain(stayed).collect()
}

/// Returns what was found on disk after the refs were read: its push cannot be called over.
pub(crate) fn collect_under_way(found: Vec<JournalFile>, state: &LedgerState) -> Vec<PendingDecision> {
    found.into_iter().map(|found| build_pending(found, state, &|_| false)).collect()
}

fn build_pending(
    found: JournalFile,
    state: &LedgerState,
    is_over: &dyn Fn(&JournalEntry) -> bool,
) -> PendingDecision {
    let ahead = match found.entry {
        Ok(ahead) => ahead,
        Err(cause) => {
            let file = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let digest = fs::read(&found.path).ok().map(|bytes| digest_bytes(&bytes));
            let is_known = state.recent_decisions.contains(&file);
            return PendingDecision::Damaged {
                path: found.path,
                damaged: DamagedDecision { file, digest, cause },
                is_known,
            };
        }
    };
    let decided = &ahead.decided;
    let is_denied = !decided.is_allowed();
    // A push that takes its time may be older than what is remembered as the newest.
    let is_known =
        state.recent_decisions.contains(&decided.id) || state.open_decisions.contains_key(&decided.id);
    let moves = if is_denied {
        Vec::new()
    } else if is_known {
        state.open_decisions.get(&decided.id).cloned().unwrap_or_default()
    } else {
        decided.protected_moves()
    };
    PendingDecision::Journaled(Box::new(JournaledDecision {
        is_push_over: is_denied || is_over(&ahead),
        path: found.path,
        is_recorded: is_known,
        moves,
        entry: ahead,
        is_reported: false,
        reported_refs: BTreeSet::new(),
        is_complete: false,
    }))
}

/// Finds the decisions that git tells of: those of the same push where it is known what serves it,
/// and else the newest that asks for the same.
///
/// # Errors
///
/// Fails if a name that was pushed cannot be followed.
pub(crate) fn mark_landed(
    pending: &mut [PendingDecision],
    told: &LandedPush<'_>,
    repository: &Repository,
) -> Result<()> {
    let mut landed: Vec<(Text, Option<Oid>)> = Vec::new();
    for update in told.landed {
        landed.push((repository.resolve_ref(update.name.as_bytes())?.name, find_new_tip(update)));
    }
    let mut ours: Vec<&mut JournaledDecision> = pending
        .iter_mut()
        .filter_map(|one| match one {
            PendingDecision::Journaled(one) if one.entry.decided.is_allowed() => Some(one.as_mut()),
            _ => None,
        })
        .collect();
    if let Some(served_by) = told.served_by {
        // What another push asks for is not told here, even if it is the same.
        ours.retain(|one| one.entry.served_by.as_deref().is_none_or(|by| by == served_by));
        for one in ours.iter_mut().filter(|one| one.entry.served_by.is_some()) {
            // Git tells once, when all refs have been tried.
            (one.is_reported, one.is_push_over) = (true, true);
        }
    }
    for (name, new) in landed {
        let asks =
            |one: &JournaledDecision| one.moves.iter().any(|moved| moved.name == name && moved.new == new);
        if let Some(one) = ours.iter_mut().rev().find(|one| asks(one)) {
            (one.is_reported, one.is_push_over) = (true, true);
            one.reported_refs.insert(name);
        }
    }
    Ok(())
}

fn find_new_tip(update: &RefUpdate) -> Option<Oid> {
    (!update.new.is_null()).then_some(update.new)
}

/// Removes the file of a decision that the ledger has.
///
/// # Errors
///
/// Fails if it stays.
pub(crate) fn remove_entry(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the refs by which break-glass sessions were asked for, once the ledger has what became of that.
pub(crate) fn remove_request_refs(
    repository: &Repository,
    refs: Vec<ResolvedRef>,
    pending: &[PendingDecision],
    now: Timestamp,
) {
    let waits = |name: &Text| pending.iter().any(|one| one.is_open() && one.asks_for_ref(name));
    for (name, id) in refs.into_iter().filter_map(|one| Some((one.name, one.id?))) {
        if !waits(&name) {
            // It says nothing any more, and the next one tries again.
            let _ = repository.delete_ref(name.as_bytes(), id, now);
        }
    }
}

/// Gives a file another name, so that it is not looked at again; nothing is thrown away.
///
/// # Errors
///
/// Fails if it keeps its name.
pub(crate) fn set_aside_file(path: &Path) -> Result<()> {
    fs::rename(path, path.with_extension("damaged"))
        .with_context(|| format!("cannot set {} aside", path.display()))
}
