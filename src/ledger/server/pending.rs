//! Decisions that wait to be reconciled: those on disk, and those that the ledger holds as not landed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::git::{RefUpdate, Repository, ResolvedRef};
use crate::ledger::record::{DamagedDecision, RecordedMove, digest_bytes};
use crate::ledger::server::ref_path::DecisionEdge;
use crate::ledger::server::write_ahead::{self, JournalEntry, JournalFile};
use crate::ledger::state::LedgerState;

/// What git reports about a push: the refs that moved, and the process that serves it.
#[derive(Clone, Copy, Debug)]
pub struct LandedPush<'a> {
    /// The refs that moved, by the names that were pushed.
    pub landed: &'a [RefUpdate],
    /// The process that serves the push, as in [`JournalEntry::served_by`].
    pub served_by: Option<&'a str>,
}

/// A decision that waits.
pub(crate) enum PendingDecision {
    /// A decision on disk.
    Journaled(Box<JournaledDecision>),
    /// A file that should hold a decision and cannot be read.
    Damaged { path: PathBuf, damaged: DamagedDecision, is_known: bool },
    /// A decision of the ledger, with the moves that had not happened when the refs were read.
    Unmoved { decision_id: String, moves: Vec<RecordedMove> },
}

/// A decision on disk, with what is known about its push.
pub(crate) struct JournaledDecision {
    pub(crate) path: PathBuf,
    pub(crate) entry: JournalEntry,
    /// True if the ledger has the decision already.
    pub(crate) is_recorded: bool,
    /// The moves that it asks for, without those whose outcome the ledger knows.
    pub(crate) moves: Vec<RecordedMove>,
    /// True if its push cannot move a ref any more.
    pub(crate) is_push_over: bool,
    /// True if git has reported its outcome.
    pub(crate) is_reported: bool,
    /// The refs that git has reported as moved.
    reported_refs: BTreeSet<Text>,
    /// True if the ledger has everything about it.
    pub(crate) is_complete: bool,
}

impl JournaledDecision {
    /// Returns the whole entry. In memory a denial holds only its id and time.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read any more.
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

    /// Returns whether this is a decision on disk that the ledger does not have in full yet.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, PendingDecision::Journaled(one) if !one.is_complete)
    }

    /// Returns whether this is a decision on disk about the ref.
    pub(crate) fn asks_for_ref(&self, name: &Text) -> bool {
        let PendingDecision::Journaled(one) = self else { return false };
        one.entry.decided.refs.iter().any(|asked| asked.name == *name)
    }

    /// Returns the moves that it asks for, each with its ref.
    pub(crate) fn list_edges(&self) -> Vec<(&Text, DecisionEdge)> {
        let mut edges = Vec::new();
        for moved in self.open_moves() {
            let mut edge = DecisionEdge { old: moved.old, new: moved.new, was_taken: None, decided_at: None };
            if let PendingDecision::Journaled(one) = self {
                if one.is_reported {
                    edge.was_taken = Some(one.reported_refs.contains(&moved.name));
                }
                edge.decided_at = Some(one.entry.decided.observed_at.as_second());
            }
            edges.push((&moved.name, edge));
        }
        edges
    }
}

/// Returns the decisions that were found on disk, and those that the ledger holds as not landed. `recorded` are
/// the ids of decisions that the ledger has, beside those of the state. `is_over` returns whether the push of a
/// decision has ended.
pub(crate) fn collect_pending(
    found: Vec<JournalFile>,
    state: &LedgerState,
    recorded: &BTreeSet<String>,
    is_over: &dyn Fn(&JournalEntry) -> bool,
) -> Vec<PendingDecision> {
    let mut pending = Vec::new();
    for file in found {
        pending.push(build_pending(file, state, recorded, is_over));
    }
    // Of two decisions that ask for the same move, the one that is not held as unmoved comes first.
    for (id, moves) in &state.unmoved {
        pending.push(PendingDecision::Unmoved { decision_id: id.clone(), moves: moves.clone() });
    }
    pending
}

/// Returns the decision that a file holds; `recorded` and `is_over` are as in [`collect_pending`].
pub(crate) fn build_pending(
    found: JournalFile,
    state: &LedgerState,
    recorded: &BTreeSet<String>,
    is_over: &dyn Fn(&JournalEntry) -> bool,
) -> PendingDecision {
    let entry = match found.entry {
        Ok(entry) => entry,
        Err(cause) => {
            let file = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let digest = fs::read(&found.path).ok().map(|bytes| digest_bytes(&bytes));
            let is_known = state.recent_decisions.contains(&file);
            let damaged = DamagedDecision { file, digest, cause };
            return PendingDecision::Damaged { path: found.path, damaged, is_known };
        }
    };
    let decided = &entry.decided;
    let is_denied = !decided.is_allowed();
    // The decision of a slow push may be too old to be among the recent ones.
    let is_recorded = state.recent_decisions.contains(&decided.id)
        || state.open_decisions.contains_key(&decided.id)
        || recorded.contains(&decided.id);
    let moves = if is_denied {
        Vec::new()
    } else if is_recorded {
        state.open_decisions.get(&decided.id).cloned().unwrap_or_default()
    } else {
        decided.protected_moves()
    };
    PendingDecision::Journaled(Box::new(JournaledDecision {
        is_push_over: is_denied || is_over(&entry),
        path: found.path,
        is_recorded,
        moves,
        entry,
        is_reported: false,
        reported_refs: BTreeSet::new(),
        is_complete: false,
    }))
}

/// Marks the decisions of a push that git reports: those that the same process serves, and where that is
/// not known, the newest that asks for the same move.
///
/// # Errors
///
/// Fails if a name that was pushed cannot be resolved.
pub(crate) fn mark_landed(
    pending: &mut [PendingDecision],
    push: &LandedPush<'_>,
    repository: &Repository,
) -> Result<()> {
    let mut ours: Vec<&mut JournaledDecision> = Vec::new();
    for one in pending {
        let PendingDecision::Journaled(one) = one else { continue };
        if !one.entry.decided.is_allowed() {
            continue;
        }
        if let (Some(served_by), Some(by)) = (push.served_by, one.entry.served_by.as_deref()) {
            // Git reports nothing about another push, even if that asks for the same move.
            if by != served_by {
                continue;
            }
            // Git reports once, after all refs have been tried.
            one.is_reported = true;
            one.is_push_over = true;
        }
        ours.push(one);
    }
    for update in push.landed {
        let name = repository.resolve_ref(update.name.as_bytes())?.name;
        let new = update.new.none_if_null();
        for one in ours.iter_mut().rev() {
            if asks_for_move(one, &name, new) {
                one.is_reported = true;
                one.is_push_over = true;
                one.reported_refs.insert(name);
                break;
            }
        }
    }
    Ok(())
}

fn asks_for_move(one: &JournaledDecision, name: &Text, new: Option<Oid>) -> bool {
    one.moves.iter().any(|moved| moved.name == *name && moved.new == new)
}

/// Removes the file of a decision that the ledger has.
///
/// # Errors
///
/// Fails if the file cannot be removed.
pub(crate) fn remove_entry(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Returns the refs of acts that bring no file: what they say is in the ledger. A ref with a file stays, since
/// nothing else keeps the file.
pub(crate) fn list_spent_act_refs(repository: &Repository, refs: Vec<ResolvedRef>) -> Vec<ResolvedRef> {
    let is_spent =
        |one: &ResolvedRef| one.id.is_some_and(|id| repository.has_empty_tree(id).unwrap_or(false));
    refs.into_iter().filter(is_spent).collect()
}

/// Removes the refs that requested break-glass sessions or brought acts, once the ledger has the outcome of the requests.
pub(crate) fn remove_request_refs(
    repository: &Repository,
    refs: Vec<ResolvedRef>,
    pending: &[PendingDecision],
    now: Timestamp,
) {
    for one in refs {
        let Some(id) = one.id else { continue };
        if !pending.iter().any(|other| other.is_open() && other.asks_for_ref(&one.name)) {
            // A ref that stays has no meaning any more, and the next run tries again.
            let _ = repository.delete_ref(one.name.as_bytes(), id, now);
        }
    }
}

/// Renames a damaged file, so that it is not read again; its content is kept.
///
/// # Errors
///
/// Fails if the file cannot be renamed.
pub(crate) fn set_aside_file(path: &Path) -> Result<()> {
    fs::rename(path, path.with_extension("damaged"))
        .with_context(|| format!("cannot set {} aside", path.display()))
}

/// Splits moves into those of the refs that have landed, and the others.
pub(crate) fn split_moves(
    moves: &[RecordedMove],
    landed: &BTreeSet<Text>,
) -> (Vec<RecordedMove>, Vec<RecordedMove>) {
    moves.iter().cloned().partition(|moved| landed.contains(&moved.name))
}

/// Returns the names of the refs that move.
pub(crate) fn list_names(moves: &[RecordedMove]) -> Vec<Text> {
    moves.iter().map(|moved| moved.name.clone()).collect()
}
