//! Which decisions of the journal the ledger has already.
//!
//! Their files are removed after the ledger's ref has moved, so a process that dies between the two leaves some
//! that are recorded. The state knows only the newest decisions. Where more may have been appended at once, the
//! newest records are read.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::change::NeededFacts;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::server::write_ahead::JournalFile;
use crate::ledger::state::{LedgerState, MAX_RECENT_DECISIONS};

/// How many decisions are appended before their files are removed. The state is written once for all of them,
/// and so many records are read to find them again.
pub(crate) const MAX_APPENDED_DECISIONS: usize = 512;

/// Returns the ids of decisions in the journal that the newest records hold, beside those that the state names.
///
/// Files are removed in the order in which they were appended. So of those that stay when a process dies, the
/// last one is among the newest decisions, unless nothing was recorded.
///
/// # Errors
///
/// Fails if a record cannot be read.
pub(crate) fn find_recorded_entries(
    repository: &Repository,
    state: &LedgerState,
    journal: &[JournalFile],
) -> Result<BTreeSet<String>> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for file in journal {
        if let Ok(entry) = &file.entry {
            wanted.insert(&entry.decided.id);
        }
    }
    let mut recorded = BTreeSet::new();
    let is_left_over = state.recent_decisions.iter().any(|id| wanted.contains(id.as_str()));
    if !is_left_over && journal.len() <= MAX_RECENT_DECISIONS {
        return Ok(recorded);
    }
    let mut next = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    let mut decisions = 0;
    while let Some(commit) = next
        && decisions < MAX_APPENDED_DECISIONS
        && recorded.len() < wanted.len()
    {
        let read = repository.read_commit(commit, &NeededFacts::new()).map_err(anyhow::Error::from)?;
        next = read.parents.first().copied();
        if !read.message.raw().as_bytes().starts_with(b"decision ") {
            continue;
        }
        decisions += 1;
        let trailers = read.message.trailers();
        if let Some(id) = trailers.iter().find(|trailer| trailer.key == "Decision-Id")
            && let Some(id) = wanted.get(&*id.value.to_lossy())
        {
            recorded.insert((*id).to_owned());
        }
    }
    Ok(recorded)
}
