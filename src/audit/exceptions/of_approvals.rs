//! In which way a change is not what was approved with a signature.

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::change_approvals::{ApprovalStanding, ChangeApproval};
use crate::change::{ContentRelation, LandedRelation};
use crate::ledger::record::RecordedApproval;

/// How many paths an exception names.
const MAX_NAMED_PATHS: usize = 5;

/// Returns in which way a change holds something else than what was approved, if it does: one that came past the gate, or
/// one whose verdict says another relation than is found again.
pub(super) fn describe_unapproved_content(change: &ChangeRecord) -> Option<String> {
    let contradicted = change.signed_approvals.iter().find_map(|one| describe_contradiction(change, one));
    match contradicted {
        Some(what) => Some(what),
        None if change.came_past_gate() => describe_unapproved(change),
        None => None,
    }
}

/// Returns why it is not known whether a change that came past the gate is what was approved with a signature; `None` if
/// that is known, or nothing was signed that may be about it.
pub(super) fn describe_uncompared(change: &ChangeRecord) -> Option<String> {
    let mut why = None;
    for approval in &change.signed_approvals {
        let is_open = approval.is_approving() && approval.standing != ApprovalStanding::Superseded;
        let Some(landed) = approval.landed.as_ref().filter(|_| is_open && change.came_past_gate()) else {
            continue;
        };
        match approval.find_uncompared() {
            Some(found) => why = why.or(Some(found)),
            None if landed.is_as_approved() => return None,
            None => {}
        }
    }
    Some(format!("whether it is what was approved with a signature is not known: {}", why?))
}

/// Describes an approval that counted, if what landed relates to it in another way than the verdict says.
fn describe_contradiction(change: &ChangeRecord, approval: &ChangeApproval) -> Option<String> {
    if approval.standing != ApprovalStanding::Counted {
        return None;
    }
    let event = &approval.received.event;
    let is_its_own = |weighed: &&RecordedApproval| {
        weighed.revision == Some(event.act.change) && weighed.given_at == Some(event.observed_at)
    };
    let approvals = change.list_approvals();
    let told = approvals.iter().copied().find(is_its_own)?.relation.as_deref()?;
    let found = match &approval.landed {
        Some(LandedRelation { relation: ContentRelation::Uncompared(_), .. }) => return None,
        Some(landed) => landed.relation.word(),
        None => "of something else",
    };
    let revision = event.act.change.short_hex();
    (told != found).then(|| {
        format!(
            "by its verdict it is {told} to the approved revision {revision}, and it is found to be {found}"
        )
    })
}

/// Describes what landed past the gate beside what was approved; `None` if an approval is of it as it is, or none is of it.
fn describe_unapproved(change: &ChangeRecord) -> Option<String> {
    let mut closest = None;
    for approval in &change.signed_approvals {
        let is_open = approval.is_approving() && approval.standing != ApprovalStanding::Superseded;
        let Some(landed) = approval.landed.as_ref().filter(|_| is_open) else { continue };
        match landed.relation {
            _ if landed.is_as_approved() => return None,
            ContentRelation::Uncompared(_) => {}
            _ => closest = Some((approval, landed)),
        }
    }
    let (approval, landed) = closest?;
    let revision = approval.received.event.act.change.short_hex();
    let mut names = Vec::new();
    for path in landed.unapproved.iter().take(MAX_NAMED_PATHS) {
        names.push(format!("`{}`", path.path.to_lossy()));
    }
    if landed.unapproved.len() > MAX_NAMED_PATHS || landed.left_out_paths > 0 {
        names.push("others".to_owned());
    }
    let mut what = format!("it is {} to the approved revision {revision}", landed.relation.word());
    if !names.is_empty() {
        what.push_str(&format!("; not approved as it is: {}", names.join(", ")));
    }
    Some(what)
}
