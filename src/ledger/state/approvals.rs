//! The signed approvals that no change has used up: what a push is judged with, and when each was received.
//!
//! A change that lands uses up the approvals that are about it, so that the state stays small. The records keep all.

use crate::change::{SignedDecision, Text};
use crate::gate::signed_approvals::ReceivedApproval;
use crate::ledger::record::{DecisionOutcome, DecisionRecord};
use crate::ledger::state::LedgerState;
use crate::ledger::state::open_approval::OpenApproval;

/// How many approvals of one signer are open at a time. One more takes the place of the oldest of theirs; a rejection is
/// never dropped, and one more than this is refused.
pub const MAX_OPEN_APPROVALS: usize = 64;

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
                decision: open.decision,
                signer: open.signer.clone(),
                signed_at: open.signed_at,
            });
        }
        received
    }

    /// Adds an approval that was received.
    pub(super) fn add_approval(&mut self, approval: OpenApproval) {
        let signer = approval.signer.clone();
        // The newest word of a signer about a revision is all that counts of what they said about it.
        let is_replaced = |one: &OpenApproval| {
            one.signer == signer && one.revision == approval.revision && one.target == approval.target
        };
        self.approvals.retain(|one| !is_replaced(one));
        self.approvals.push(approval);
        let is_theirs = |one: &OpenApproval| one.signer == signer;
        if self.approvals.iter().filter(|one| is_theirs(one)).count() <= MAX_OPEN_APPROVALS {
            return;
        }
        let may_go = |one: &OpenApproval| is_theirs(one) && one.decision != SignedDecision::Rejected;
        if let Some(place) = self.approvals.iter().position(may_go) {
            self.approvals.remove(place);
        }
    }

    /// Returns true if a signer has as many rejections open as one can have.
    pub(crate) fn is_rejecting_too_much(&self, signer: &Text) -> bool {
        let is_theirs =
            |one: &&OpenApproval| one.signer == *signer && one.decision == SignedDecision::Rejected;
        self.approvals.iter().filter(is_theirs).count() >= MAX_OPEN_APPROVALS
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
    fn one_signer_takes_no_room_of_another_and_no_rejection_is_lost() {
        let mut state = LedgerState::default();
        let add = |state: &mut LedgerState, signer: &str, decision: SignedDecision, number: usize| {
            state.add_approval(OpenApproval {
                commit: Oid::from_hex(&format!("{number:040x}")).unwrap(),
                decision,
                received_at: "2026-03-02T12:00:00Z".parse().unwrap(),
                revision: Oid::from_hex(&format!("{number:040x}")).unwrap(),
                signed_at: 0,
                signer: signer.into(),
                target: "refs/heads/main".into(),
            });
        };
        add(&mut state, "quiet@example.com", SignedDecision::Approved, 0);
        add(&mut state, "loud@example.com", SignedDecision::Rejected, 1);
        for number in 2..=MAX_OPEN_APPROVALS + 10 {
            add(&mut state, "loud@example.com", SignedDecision::Approved, number);
        }
        assert_eq!(state.approvals.len(), MAX_OPEN_APPROVALS + 1);
        assert_eq!(state.approvals[0].signer.as_bytes(), b"quiet@example.com");
        assert_eq!(state.approvals[1].decision, SignedDecision::Rejected);
        assert_eq!(state.approvals[2].commit, Oid::from_hex(&format!("{:040x}", 12)).unwrap());
        // Who takes back what they rejected can reject again.
        for number in 100..100 + MAX_OPEN_APPROVALS {
            add(&mut state, "strict@example.com", SignedDecision::Rejected, number);
            add(&mut state, "strict@example.com", SignedDecision::Revoked, number);
        }
        assert!(!state.is_rejecting_too_much(&"strict@example.com".into()));
    }
}
