//! The signed approvals that no change has used up: what a push is judged with, and when each was received.
//!
//! A change that lands uses up the approvals that are about it, so that the state stays small. The records keep all.

use crate::gate::signed_approvals::ReceivedApproval;
use crate::ledger::record::{DecisionOutcome, DecisionRecord};
use crate::ledger::state::LedgerState;
use crate::ledger::state::open_approval::OpenApproval;

/// How many approvals are open at a time. If there are more, the key with the most of them loses its oldest one, which
/// then counts no more.
pub const MAX_OPEN_APPROVALS: usize = 256;

impl LedgerState {
    /// Returns the approvals that are open, in the order of their receipt.
    pub(crate) fn list_received_approvals(&self) -> Vec<ReceivedApproval> {
        let mut received = Vec::with_capacity(self.approvals.len());
        for open in &self.approvals {
            received.push(ReceivedApproval {
                id: open.commit,
                target: open.target.clone(),
                revision: open.revision,
                received_at: open.received_at,
            });
        }
        received
    }

    /// Adds an approval that was received.
    pub(super) fn add_approval(&mut self, approval: OpenApproval) {
        self.approvals.push(approval);
        if self.approvals.len() <= MAX_OPEN_APPROVALS {
            return;
        }
        let count = |key: &str| self.approvals.iter().filter(|one| one.key == key).count();
        let most = self.approvals.iter().map(|one| count(&one.key)).max();
        let oldest = self.approvals.iter().position(|one| Some(count(&one.key)) == most);
        if let Some(place) = oldest {
            self.approvals.remove(place);
        }
    }

    /// Remembers which approvals a decision uses up if its push lands.
    pub(super) fn note_used_approvals(&mut self, decision: &DecisionRecord) {
        let mut used = Vec::new();
        for one in &decision.refs {
            used.extend_from_slice(&one.used_approvals);
        }
        if !used.is_empty() {
            self.used_approvals.insert(decision.id.clone(), used);
        }
    }

    /// Forgets the approvals that a decision used up, once something of it has landed.
    pub(super) fn forget_used_approvals(&mut self, outcome: &DecisionOutcome) {
        let Some(used) = self.used_approvals.remove(&outcome.decision_id) else { return };
        if !outcome.landed.is_empty() {
            self.approvals.retain(|open| !used.contains(&open.commit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Oid;

    #[test]
    fn the_key_with_the_most_approvals_loses_its_oldest_one() {
        let mut state = LedgerState::default();
        let mut add = |key: &str, number: usize| {
            state.add_approval(OpenApproval {
                commit: Oid::from_hex(&format!("{number:040x}")).unwrap(),
                key: key.to_owned(),
                received_at: "2026-03-02T12:00:00Z".parse().unwrap(),
                revision: Oid::from_hex(&format!("{number:040x}")).unwrap(),
                target: "refs/heads/main".into(),
            });
        };
        add("quiet", 0);
        for number in 1..=MAX_OPEN_APPROVALS + 10 {
            add("loud", number);
        }
        assert_eq!(state.approvals.len(), MAX_OPEN_APPROVALS);
        assert_eq!(state.approvals[0].key, "quiet");
        assert_eq!(state.approvals[1].commit, Oid::from_hex(&format!("{:040x}", 12)).unwrap());
    }
}
