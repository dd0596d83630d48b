//! The people of a change whom the roster of the time does not know, or who were not there by its days.

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::roster_words::{is_by_absent, is_by_stranger};
use crate::audit::change_record::standing::has_roster;
use crate::audit::exceptions::ExceptionKind;
use crate::change::Text;
use crate::ledger::record::{RecordedApproval, RecordedApprovalDecision, RecordedIdentityKind};

/// Why a person was not there by the days of a roster.
pub(super) const ABSENCE: &str = "who had left or not joined yet";

/// The role of the account that pushed or merged.
const PUSHER_ROLE: &str = "role.pusher";

/// Returns the people who are not in the roster of the time, each once and in words: approvers, counted or not; the pusher; and authors who were in
/// an earlier roster. Who had left by then, as the roster itself says, is as one whom it does not list any more.
pub(super) fn list_strangers(change: &ChangeRecord) -> Vec<(ExceptionKind, String)> {
    let mut told: Vec<(ExceptionKind, String)> = Vec::new();
    for reasons in change.reasons.iter().filter(|reasons| has_roster(reasons)) {
        for approval in &reasons.approvals {
            let Some(by) = &approval.by else { continue };
            let counted =
                if approval.uses.iter().any(|one| one.counts) { "counted" } else { "did not count" };
            let name = by.to_lossy();
            let what = if is_by_stranger(approval) {
                let left = describe_leaving(change, by);
                format!("the roster of the time does not know `{name}`{left}; the approval {counted}")
            } else if is_by_absent(approval) || is_given_by_absent(change, approval) {
                format!("by the roster of the time `{name}` was not there, {ABSENCE}; the approval {counted}")
            } else {
                continue;
            };
            told.push((ExceptionKind::ApproverNotInRoster, what));
        }
        for author in &reasons.contributors {
            let has_left = change.left_people.contains(&author.name);
            let (role, name) = (author.role.to_plain_text(), author.name.to_lossy());
            let what = match author.kind {
                RecordedIdentityKind::Unknown if author.role.code == PUSHER_ROLE || has_left => {
                    let left = describe_leaving(change, &author.name);
                    format!("the roster of the time does not know `{name}`{left}, {role} of the change")
                }
                RecordedIdentityKind::Person if has_left => {
                    format!(
                        "by the roster of the time `{name}` was not there, {ABSENCE}, {role} of the change"
                    )
                }
                _ => continue,
            };
            told.push((ExceptionKind::ActorNotInRoster, what));
        }
    }
    let mut found = Vec::new();
    for one in told {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// Returns true if a known person approved who was not there by the days of the roster, whatever the policy made of it.
fn is_given_by_absent(change: &ChangeRecord, approval: &RecordedApproval) -> bool {
    approval.decision == RecordedApprovalDecision::Approved
        && approval.person.is_some()
        && approval.by.as_ref().is_some_and(|by| change.left_people.contains(by))
}

fn describe_leaving(change: &ChangeRecord, name: &Text) -> &'static str {
    if change.left_people.contains(name) { ", whom an earlier one lists" } else { "" }
}
