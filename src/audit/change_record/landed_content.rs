//! How a change relates to the signed approvals that are about it, whether the gate let it through or not.

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::change_approvals::{ApprovalStanding, ChangeApprovalQuery};
use crate::change::{LandedRelation, Oid};
use crate::ledger::audit::trace::LandingOrigin;

impl ChangeRecord {
    /// Returns true if no decision that counts brought the change.
    pub(crate) fn came_past_gate(&self) -> bool {
        self.landing.origin.is_some_and(LandingOrigin::came_past_gate)
    }

    /// Returns how the change relates to each signed approval that held when it came past the gate; nothing of a change that
    /// the gate let through, whose verdict tells.
    pub(crate) fn list_landed_approvals(&self) -> Vec<&LandedRelation> {
        let mut found = Vec::new();
        for approval in self.signed_approvals.iter().filter(|_| self.came_past_gate()) {
            if approval.is_approving() && approval.standing != ApprovalStanding::Superseded {
                found.extend(&approval.landed);
            }
        }
        found
    }

    /// Returns what tells which signed approvals are about the change, which has these commits.
    pub(crate) fn query_approvals<'a>(&'a self, commits: &'a [Oid]) -> ChangeApprovalQuery<'a> {
        ChangeApprovalQuery {
            reasons: &self.reasons,
            commits,
            is_past_gate: self.came_past_gate(),
            landed_at: self.landing.at,
        }
    }
}
