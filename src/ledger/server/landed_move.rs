//! A ref that moved as its push had been allowed to, for the answer to the pusher.

use jiff::Timestamp;

use crate::ledger::record::{DecisionRecord, RecordedMove, RecordedOutcome};

/// A ref that moved as its push had been allowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandedMove {
    /// The ref with its old and new tip.
    pub moved: RecordedMove,
    /// When each obligation of it is due; `None` for one without a known time.
    pub due_times: Vec<Option<Timestamp>>,
}

impl LandedMove {
    /// Returns a move with the due times of what the decision on it left open.
    pub(crate) fn from_decision(moved: &RecordedMove, decided: &DecisionRecord) -> Self {
        let mut due_times = Vec::new();
        for of_ref in &decided.refs {
            if of_ref.name != moved.name {
                continue;
            }
            for judgement in of_ref.changes.iter().flat_map(|change| &change.judgements) {
                if let RecordedOutcome::Owed(owed) = &judgement.outcome {
                    for one in owed {
                        due_times.push(one.due);
                    }
                }
            }
        }
        LandedMove { moved: moved.clone(), due_times }
    }
}
