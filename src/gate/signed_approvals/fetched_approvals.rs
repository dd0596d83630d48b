//! The signed approvals that a clone holds, before anything is pushed: how they count for what is going to be, so that
//! nobody has to push to learn it. The server alone decides, by what it has received.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid, Text};
use crate::gate::signed_approvals::authorised::ReceivedApproval;
use crate::gate::signed_approvals::statement::{APPROVAL_REF_PREFIX, ApprovalStatement, FETCHED_REF_PREFIX};
use crate::git::{NewHistory, Repository};
use crate::verdict::{
    ApprovalDecision, ApprovalSource, ConsideredApproval, Message, VerdictReasons, messages,
};

messages! {
    FETCHED_COUNTS = "approval.fetched-counts":
        "{signer} has approved {revision}; by what this clone has fetched, that counts for {rules}, unless they push it";
    FETCHED_NOT_COUNTED = "approval.fetched-not-counted":
        "the signed approval of {revision} by {signer} does not count for {rules}: {reason}";
    FETCHED_OBJECTION = "approval.fetched-objection":
        "{signer} has rejected {revision}, which the server refuses until they approve it or take that back";
}

/// The most approvals of revisions that are not pushed themselves whose content is compared: the newest.
const MAX_OTHER_REVISIONS: usize = 50;

/// The most notes about approvals.
const MAX_NOTES: usize = 20;

/// Returns the approvals that a clone holds for a ref, in the order in which they were signed: the server's times of receipt
/// are not in a clone. One that cannot be read is left out.
///
/// # Errors
///
/// Fails if the refs cannot be listed.
pub(crate) fn list_fetched_approvals(
    repository: &Repository,
    target: &Text,
    history: &NewHistory,
) -> Result<Vec<ReceivedApproval>> {
    let refs = list_approval_refs(repository)?;
    let new: HashSet<Oid> = history.list_ids().into_iter().collect();
    let mut found = Vec::new();
    for id in refs {
        let Ok(commit) = repository.read_commit(id, &NeededFacts::new()) else { continue };
        let Some(statement) = ApprovalStatement::parse_message(&commit.message) else { continue };
        let Ok(received_at) = Timestamp::from_second(commit.authored_at) else { continue };
        if statement.target != *target {
            continue;
        }
        found.push(ReceivedApproval {
            id,
            target: statement.target,
            revision: statement.revision,
            received_at,
            decision: statement.decision,
            is_lifted: false,
            signer: commit.author.email,
            signed_at: commit.authored_at,
        });
    }
    found.sort_by_key(|one| (one.signed_at, one.id));
    // What has landed long ago is never fetched away again, and comparing content takes time.
    let mut others_left = MAX_OTHER_REVISIONS;
    let mut kept: Vec<ReceivedApproval> = Vec::new();
    for one in found.into_iter().rev() {
        if new.contains(&one.revision) {
            kept.push(one);
        } else if others_left > 0 {
            others_left -= 1;
            kept.push(one);
        }
    }
    kept.reverse();
    Ok(kept)
}

/// Returns the commits of the approvals that a clone holds: its own, and those that it has fetched.
///
/// # Errors
///
/// Fails if the refs cannot be listed.
pub(crate) fn list_approval_refs(repository: &Repository) -> Result<BTreeSet<Oid>> {
    let mut found = BTreeSet::new();
    for folder in [APPROVAL_REF_PREFIX, FETCHED_REF_PREFIX] {
        found.extend(repository.list_direct_refs(folder)?.into_iter().filter_map(|one| one.id));
    }
    Ok(found)
}

/// Returns how signed approvals count for the rules of a change, by what its verdict rests on.
pub(crate) fn describe_fetched_approvals(reasons: &VerdictReasons) -> Vec<Message> {
    let mut notes = Vec::new();
    for approval in &reasons.approvals {
        if approval.source == ApprovalSource::Signature && notes.len() < MAX_NOTES {
            notes.extend(describe_approval(approval));
        }
    }
    notes
}

fn describe_approval(approval: &ConsideredApproval) -> Option<Message> {
    let revision = approval.revision?.short_hex();
    let signer = approval.by.clone().unwrap_or_default();
    let name = |message: Message| message.with("signer", &signer).with("revision", revision.clone());
    let counting: Vec<String> =
        approval.uses.iter().filter(|used| used.counts).map(|used| used.rule.to_string()).collect();
    if !counting.is_empty() {
        return Some(match approval.decision {
            ApprovalDecision::ChangesRequested => name(Message::from(&FETCHED_OBJECTION)),
            _ => name(FETCHED_COUNTS.with("rules", counting)),
        });
    }
    // What was revoked or superseded is of no interest beside what took its place.
    if approval.decision != ApprovalDecision::Approved {
        return None;
    }
    let used = approval.uses.iter().find(|used| used.why_not.is_some())?;
    let reason = used.why_not.clone()?;
    let message = FETCHED_NOT_COUNTED.with("rules", vec![used.rule.to_string()]);
    Some(name(message.with("reason", reason)))
}

/// Returns true for a note that [`describe_fetched_approvals`] made.
pub(crate) fn is_approval_note(note: &Message) -> bool {
    [&FETCHED_COUNTS, &FETCHED_NOT_COUNTED, &FETCHED_OBJECTION].iter().any(|known| known.code == note.code())
}
