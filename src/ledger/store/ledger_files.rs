//! The files that each commit of the ledger has.

use anyhow::{Context as _, Result, bail};

use crate::change::Oid;
use crate::git::{FileAtPath, Repository};
use crate::ledger::state::LedgerState;

/// The name of the file in each commit that holds the record.
pub const RECORD_FILE: &str = "record.json";
/// The name of the file that holds the state after that record. Of the records that are appended at once, only
/// the last has it.
pub(crate) const STATE_FILE: &str = "state.json";
/// The name of the file that holds the facts of a decision, if they are kept.
pub const FACTS_FILE: &str = "facts.jsonl";
/// The name of the file that holds what the verdicts of a decision rest on, if that is kept.
pub const REASONS_FILE: &str = "reasons.jsonl";

/// The size of the largest file that is read from the ledger.
pub(crate) const MAX_LEDGER_FILE_BYTES: u64 = 64 << 20;

/// Returns the state beside the newest record of a ledger.
pub(crate) fn read_state_at(repository: &Repository, commit: Oid) -> Result<LedgerState> {
    // Of the records that are appended at once, the last has the state, and is never there without the others.
    let bytes = read_ledger_file(repository, commit, STATE_FILE)?.with_context(|| {
        format!("{commit}, the newest record of the ledger, has no {STATE_FILE}: records after it are gone; see docs/evidence.md")
    })?;
    serde_json::from_slice(&bytes).context("the state of the ledger cannot be read")
}

/// Returns a file of one commit of the ledger; `None` if the commit has no such file.
///
/// # Errors
///
/// Fails if it cannot be read.
pub fn read_ledger_file(repository: &Repository, commit: Oid, name: &str) -> Result<Option<Vec<u8>>> {
    match repository.read_file_at(commit, name, MAX_LEDGER_FILE_BYTES)? {
        FileAtPath::Found(bytes) => Ok(Some(bytes)),
        FileAtPath::Absent => Ok(None),
        FileAtPath::NotAFile(kind) => bail!("{name} of {commit} is {kind}"),
        FileAtPath::TooLarge(size) => bail!("{name} of {commit} has {size} bytes"),
    }
}
