//! Verifies the states beside the records.
//!
//! Records that are appended at once have one state, beside the last of them. So a record without a state is
//! sound only if the next one was recorded at the same instant; otherwise its state was removed.

use jiff::Timestamp;

use crate::change::Oid;
use crate::git::{Repository, StoredChainLink};
use crate::ledger::audit::problem::{LedgerProblem, LedgerProblemKind};
use crate::ledger::record::canonical::{is_canonical, to_canonical_json};
use crate::ledger::state::LedgerState;
use crate::ledger::store::{MAX_LEDGER_FILE_BYTES, STATE_FILE};

/// Where a record is that has no state beside it, and when it was appended.
pub(super) struct RecordWithoutState {
    pub(super) number: u64,
    pub(super) commit: Option<Oid>,
    pub(super) recorded_at: Timestamp,
}

impl RecordWithoutState {
    /// Returns that the state is gone, unless the next record was appended together with this one: it was
    /// recorded at `next`; `None` for the end of the ledger.
    pub(super) fn find_problem(self, next: Option<Timestamp>) -> Option<LedgerProblem> {
        if next == Some(self.recorded_at) {
            return None;
        }
        let what = "the state beside it is gone".to_owned();
        let kind = LedgerProblemKind::Tampered;
        Some(LedgerProblem { record: Some(self.number), commit: self.commit, kind, what })
    }
}

/// What comparing a state with the records came to.
pub(super) enum StateComparison {
    /// It follows from them.
    Same,
    /// It does not; what is there.
    Different(Box<LedgerState>),
    /// It cannot be read, or is not in the form of a state.
    Unreadable,
    /// There is none beside this record.
    Absent,
}

/// Compares the state beside a record with the one that follows from the records.
pub(super) fn compare_state(
    repository: &Repository,
    link: &StoredChainLink,
    expected: &LedgerState,
) -> StateComparison {
    if link.find_file_id(STATE_FILE).is_none() {
        return StateComparison::Absent;
    }
    let Some(bytes) = read_state_bytes(repository, link) else { return StateComparison::Unreadable };
    if serde_json::to_vec(expected).is_ok_and(|plain| plain == bytes) {
        return StateComparison::Same;
    }
    // Two texts can be read as one state: an instant may be written in more than one way.
    if to_canonical_json(expected).is_ok_and(|written| written == bytes) {
        return StateComparison::Same;
    }
    match parse_state(&bytes) {
        Some(state) => StateComparison::Different(Box::new(state)),
        None => StateComparison::Unreadable,
    }
}

/// Returns the state beside a record; `None` if there is none, or it cannot be read.
pub(super) fn read_link_state(repository: &Repository, link: &StoredChainLink) -> Option<LedgerState> {
    parse_state(&read_state_bytes(repository, link)?)
}

fn read_state_bytes(repository: &Repository, link: &StoredChainLink) -> Option<Vec<u8>> {
    repository.read_blob(link.find_file_id(STATE_FILE)?, MAX_LEDGER_FILE_BYTES).ok()
}

fn parse_state(bytes: &[u8]) -> Option<LedgerState> {
    if is_canonical(bytes) { serde_json::from_slice(bytes).ok() } else { None }
}
