//! A ref that moved as its push had been allowed to, for the answer to the pusher.

use jiff::Timestamp;

use crate::ledger::record::RecordedMove;
use crate::ledger::state::LedgerState;

/// A ref that moved as its push had been allowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandedMove {
    /// The ref with its old and new tip.
    pub moved: RecordedMove,
    /// When each obligation of it is due; `None` for one without a known time.
    pub due_times: Vec<Option<Timestamp>>,
}

impl LandedMove {
    /// Returns a move with the due times of what a decision on it has left open, by the state after it: what landed
    /// with it may have closed some of that.
    pub(crate) fn from_state(moved: &RecordedMove, decision: &str, state: &LedgerState) -> Self {
        let mut due_times = Vec::new();
        for owed in state.obligations.values() {
            if owed.decision == decision && owed.ref_name == moved.name && owed.closed.is_none() {
                due_times.push(owed.due);
            }
        }
        LandedMove { moved: moved.clone(), due_times }
    }
}
