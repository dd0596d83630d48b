//! What a record says of a person whom the roster of the time did not know, or who was not there by its days.

use crate::ledger::record::{RecordedApproval, RecordedApprovalDecision};

/// How the codes begin that say why an approval does not count: the roster does not know the person, or another one by this
/// login.
const UNKNOWN_CODES: [&str; 3] =
    ["approvals.not-in-roster", "approvals.looks-like", "approvals.login-changed-hands"];

/// How the codes begin that say that the approver was not there when they approved: not any more, or not yet.
const ABSENT_CODES: [&str; 2] = ["approvals.approver-left", "approvals.approver-not-joined"];

/// Returns true if an approval was given by a person whom the policy does not know; that of a bot is told by its rule.
pub(crate) fn is_by_stranger(approval: &RecordedApproval) -> bool {
    let counts = approval.uses.iter().any(|one| one.counts);
    approval.decision == RecordedApprovalDecision::Approved
        && approval.person.is_none()
        && (counts || is_refused_for(approval, &UNKNOWN_CODES))
}

/// Returns true if an approval did not count because the person had left, or had not joined yet.
pub(crate) fn is_by_absent(approval: &RecordedApproval) -> bool {
    approval.decision == RecordedApprovalDecision::Approved && is_refused_for(approval, &ABSENT_CODES)
}

fn is_refused_for(approval: &RecordedApproval, codes: &[&str]) -> bool {
    let mut refused = approval.uses.iter().filter_map(|one| one.why_not.as_ref());
    refused.any(|why| codes.iter().any(|code| why.code.starts_with(code)))
}
