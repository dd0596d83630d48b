//! The signed approvals that no change has used up: what a push is judged with, and when each was received.
//!
//! A change that lands uses up the approvals that are about it, so that the state stays small. The records keep all.

use crate::change::{Oid, SignedDecision, Text};
use crate::gate::signed_approvals::{AuthorisedApproval, ReceivedApproval, ReceivedApprovals};
use crate::ledger::record::{DecisionOutcome, DecisionRecord};
use crate::ledger::state::LedgerState;
use crate::ledger::state::open_approval::{DroppedApprovals, OpenApproval};

/// How many words of one signer that are no rejections are open at a time. One more takes the place of the oldest of them.
pub const MAX_OPEN_APPROVALS: usize = 64;

/// How many rejections of one signer stand at a time. None is ever dropped, and one more is refused.
pub const MAX_STANDING_REJECTIONS: usize = 64;

/// How many rejections that their signer has lifted are kept, for the case that the key which lifted them turns out to be
/// lost. One more takes the place of the oldest of them.
const MAX_LIFTED_REJECTIONS: usize = 64;

impl LedgerState {
    /// Returns the approvals that are open, in the order of their receipt.
    pub(crate) fn list_received_approvals(&self) -> ReceivedApprovals {
        let mut open = Vec::with_capacity(self.approvals.len());
        for (place, one) in self.approvals.iter().enumerate() {
            let later = self.approvals.get(place + 1..).unwrap_or_default();
            open.push(ReceivedApproval {
                id: one.commit,
                target: one.target.clone(),
                revision: one.revision,
                received_at: one.received_at,
                decision: one.decision,
                is_lifted: one.decision == SignedDecision::Rejected
                    && later.iter().any(|word| word.lifts_rejection(one)),
                signer: one.signer.clone(),
                signed_at: one.signed_at,
            });
        }
        let dropped = self.dropped_approvals.iter().map(|one| (one.signer.clone(), one.signed_at)).collect();
        ReceivedApprovals { open, dropped }
    }

    /// Adds an approval that was received.
    pub(super) fn add_approval(&mut self, mut approval: OpenApproval) {
        let signer = approval.signer.clone();
        for earlier in &self.approvals {
            if approval.has_same_subject(earlier) {
                approval.signed_at = approval.signed_at.max(earlier.signed_at);
            }
        }
        self.approvals.retain(|earlier| !approval.replaces(earlier));
        self.approvals.push(approval);
        let lifted = self.list_words(&signer, OpenWordKind::LiftedRejection);
        if lifted.len() > MAX_LIFTED_REJECTIONS
            && let Some(oldest) = lifted.first()
        {
            self.approvals.remove(*oldest);
        }
        let mut others = self.list_words(&signer, OpenWordKind::Other);
        while others.len() > MAX_OPEN_APPROVALS
            && let Some(oldest) = others.first()
        {
            let dropped = self.approvals.remove(*oldest);
            self.note_dropped_approval(dropped);
            others = self.list_words(&signer, OpenWordKind::Other);
        }
    }

    /// Remembers up to which date the words of a signer may have been taken back by one that is dropped now.
    fn note_dropped_approval(&mut self, dropped: OpenApproval) {
        let OpenApproval { signed_at, signer, .. } = dropped;
        match self.dropped_approvals.iter_mut().find(|known| known.signer == signer) {
            Some(known) => known.signed_at = known.signed_at.max(signed_at),
            None => self.dropped_approvals.push(DroppedApprovals { signed_at, signer }),
        }
    }

    /// Returns the places of the words of this kind that a signer has open, oldest first.
    fn list_words(&self, signer: &Text, kind: OpenWordKind) -> Vec<usize> {
        let mut theirs = Vec::new();
        for (place, one) in self.approvals.iter().enumerate() {
            if one.signer == *signer {
                theirs.push((place, one));
            }
        }
        let mut listed = Vec::new();
        for (index, (place, one)) in theirs.iter().enumerate() {
            let (earlier, later) = (theirs.get(..index), theirs.get(index + 1..));
            let is_lifted = || later.unwrap_or_default().iter().any(|(_, word)| word.lifts_rejection(one));
            let is_lifting = || earlier.unwrap_or_default().iter().any(|(_, word)| one.lifts_rejection(word));
            let found = match one.decision {
                SignedDecision::Rejected if is_lifted() => OpenWordKind::LiftedRejection,
                SignedDecision::Rejected => OpenWordKind::StandingRejection,
                _ if is_lifting() => OpenWordKind::LiftingWord,
                _ => OpenWordKind::Other,
            };
            if found == kind {
                listed.push(*place);
            }
        }
        listed
    }

    /// Returns the revisions and branches of which the signer of a new rejection has rejections standing, oldest first, if that are as
    /// many as one can have; `None` if it finds room.
    pub(crate) fn find_full_rejections(&self, approval: &AuthorisedApproval) -> Option<Vec<(Oid, Text)>> {
        let statement = &approval.statement;
        let mut revisions = Vec::new();
        for place in self.list_words(&approval.signer, OpenWordKind::StandingRejection) {
            let Some(one) = self.approvals.get(place) else { continue };
            let is_replaced = one.revision == statement.revision
                && one.target == statement.target
                && (statement.role.is_none() || statement.role == one.role);
            if !is_replaced {
                revisions.push((one.revision, one.target.clone()));
            }
        }
        if revisions.len() >= MAX_STANDING_REJECTIONS { Some(revisions) } else { None }
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

    /// Forgets the approvals that a decision used up for the refs that landed: another hook can refuse one ref of a push.
    pub(super) fn forget_used_approvals(&mut self, outcome: &DecisionOutcome) {
        let Some(used) = self.used_approvals.remove(&outcome.decision_id) else { return };
        let is_used = |open: &OpenApproval| {
            used.contains(&open.commit) && outcome.landed.iter().any(|moved| moved.name == open.target)
        };
        // What a revocation took back must not come again, now that this is not kept.
        for open in self.approvals.clone() {
            if open.decision == SignedDecision::Revoked && is_used(&open) {
                self.note_dropped_approval(open);
            }
        }
        self.approvals.retain(|open| !is_used(open));
    }
}

/// What an open word of a signer is beside their other ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenWordKind {
    /// A rejection that they have not taken back.
    StandingRejection,
    /// A rejection that a later word of theirs lifts.
    LiftedRejection,
    /// An approval or a revocation that lifts a rejection which is kept.
    LiftingWord,
    /// Any other approval or revocation.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(signer: &str, decision: SignedDecision, number: usize, key: &str) -> OpenApproval {
        OpenApproval {
            commit: Oid::from_hex(&format!("{number:040x}")).unwrap(),
            decision,
            key: key.to_owned(),
            received_at: "2026-03-02T12:00:00Z".parse().unwrap(),
            revision: Oid::from_hex(&format!("{number:040x}")).unwrap(),
            role: None,
            signed_at: number as i64,
            signer: signer.into(),
            target: "refs/heads/main".into(),
        }
    }

    fn list_decisions(state: &LedgerState) -> Vec<(SignedDecision, bool)> {
        state.list_received_approvals().open.iter().map(|one| (one.decision, one.is_lifted)).collect()
    }

    #[test]
    fn one_signer_takes_no_room_of_another_and_no_rejection_is_lost() {
        let mut state = LedgerState::default();
        state.add_approval(word("quiet@example.com", SignedDecision::Approved, 0, "k"));
        state.add_approval(word("loud@example.com", SignedDecision::Rejected, 1, "k"));
        for number in 2..=MAX_OPEN_APPROVALS + 10 {
            state.add_approval(word("loud@example.com", SignedDecision::Approved, number, "k"));
        }
        assert_eq!(state.approvals.len(), MAX_OPEN_APPROVALS + 2);
        assert_eq!(state.approvals[0].signer.as_bytes(), b"quiet@example.com");
        assert_eq!(state.approvals[1].decision, SignedDecision::Rejected);
        assert_eq!(state.approvals[2].commit, Oid::from_hex(&format!("{:040x}", 11)).unwrap());
        // What was dropped is remembered by its date.
        let dropped = state.list_received_approvals().dropped;
        assert_eq!(dropped, [(Text::from("loud@example.com"), 10)]);
    }

    #[test]
    fn rejections_take_no_room_of_approvals_and_can_be_taken_back() {
        let mut state = LedgerState::default();
        let strict = "strict@example.com";
        for number in 0..MAX_STANDING_REJECTIONS {
            state.add_approval(word(strict, SignedDecision::Rejected, number, "k"));
        }
        state.add_approval(word(strict, SignedDecision::Approved, 500, "k"));
        assert_eq!(state.approvals.len(), MAX_STANDING_REJECTIONS + 1);
        let listed = state.list_words(&strict.into(), OpenWordKind::StandingRejection);
        assert_eq!(listed.len(), MAX_STANDING_REJECTIONS);
        // Those that were taken back take none, and only the newest of them are kept.
        for number in 0..3 * MAX_STANDING_REJECTIONS {
            state.add_approval(word(strict, SignedDecision::Rejected, 1_000 + number, "k"));
            state.add_approval(word(strict, SignedDecision::Revoked, 1_000 + number, "k"));
        }
        let count = |kind| state.list_words(&strict.into(), kind).len();
        assert_eq!(count(OpenWordKind::StandingRejection), MAX_STANDING_REJECTIONS);
        assert_eq!(count(OpenWordKind::LiftedRejection), MAX_LIFTED_REJECTIONS);
        assert_eq!(count(OpenWordKind::LiftingWord), MAX_LIFTED_REJECTIONS);
        assert_eq!(count(OpenWordKind::Other), MAX_OPEN_APPROVALS);
    }

    #[test]
    fn a_rejection_stays_beside_what_lifts_it() {
        use SignedDecision::{Approved, Rejected, Revoked};
        let mut state = LedgerState::default();
        for (decision, key) in [(Approved, "a"), (Rejected, "a"), (Approved, "b"), (Approved, "a")] {
            state.add_approval(word("kim@example.com", decision, 1, key));
        }
        assert_eq!(list_decisions(&state), [(Rejected, true), (Approved, false), (Approved, false)]);
        state.add_approval(word("kim@example.com", Revoked, 1, "a"));
        assert_eq!(list_decisions(&state), [(Rejected, true), (Revoked, false)]);
        state.add_approval(word("kim@example.com", Rejected, 1, "b"));
        assert_eq!(list_decisions(&state), [(Rejected, false)]);
    }

    #[test]
    fn a_word_for_one_team_takes_back_nothing_of_another() {
        use SignedDecision::{Approved, Rejected, Revoked};
        let mut state = LedgerState::default();
        let mut say = |decision, role: Option<&str>| {
            state.add_approval(OpenApproval {
                role: role.map(Text::from),
                ..word("kim@example.com", decision, 1, "k")
            });
            list_decisions(&state)
        };
        say(Approved, Some("security"));
        assert_eq!(say(Approved, Some("ops")), [(Approved, false), (Approved, false)]);
        assert_eq!(say(Rejected, Some("ops")), [(Approved, false), (Rejected, false)]);
        assert_eq!(say(Revoked, Some("security")), [(Rejected, false), (Revoked, false)]);
        let all = say(Revoked, None);
        assert_eq!(all, [(Rejected, true), (Revoked, false)]);
    }

    #[test]
    fn the_latest_date_of_a_subject_is_kept() {
        let mut state = LedgerState::default();
        let dated =
            |decision, signed_at| OpenApproval { signed_at, ..word("kim@example.com", decision, 1, "k") };
        state.add_approval(dated(SignedDecision::Approved, 900));
        state.add_approval(dated(SignedDecision::Revoked, 400));
        assert_eq!(state.approvals.len(), 1);
        assert_eq!(state.approvals[0].signed_at, 900);
    }
}
