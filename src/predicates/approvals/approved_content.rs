//! Whether what a person approved with their signature is what lands, and whether they made a part of it themselves.

use crate::change::{ContentRelation, Person, SignedApproval, Text};
use crate::people::ResolvedIdentity;
use crate::people::approved_makers::find_approved_makers;
use crate::people::contributors::{NotIndependent, find_contributors_beside_merges};
use crate::people::independence::{ParticipantIndex, check_independent};
use crate::predicates::approvals::carried_relation::{CarriedRelation, check_carried};
use crate::predicates::approvals::coverage::{list_statement_differences, list_unstated_fields};
use crate::predicates::approvals::named_people::{describe_dependence, describe_unknown};
use crate::predicates::approvals::requirement::{ApprovalCoverage, ApprovalsPredicate};
use crate::predicates::approvals::signing_advice::advise_signing;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::parameters::quote_patterns;
use crate::verdict::{Message, messages};

messages! {
    RELATED_PARTLY = "approvals.related-partly":
        "it is of revision {revision}, and {commit} is no part of that";
    CONTENT_CHANGED = "approvals.content-changed":
        "it is of revision {revision}, and {commit} differs from it in {paths}";
    NOT_COMPARED = "approvals.not-compared": "it could not be compared with what lands: {reason}";
    RESTATED = "approvals.restated":
        "it is of revision {revision}, whose messages state something else in {fields}";
    MERGE_STATES = "approvals.merge-states":
        "it is of revision {revision}, and the merge {merge} states in {fields} what no approved commit states; state it in \
         these commits, or have the merge itself approved: {advice}";
    OTHER_AUTHORS = "approvals.other-authors":
        "it is of revision {revision}, which {author} did not write";
    MADE_APPROVED = "approvals.made-approved": "it is of revision {revision}, and {name} is {role} of that";
}

/// Checks that what lands is what was approved, or relates to it in a way that the question accepts.
pub(super) fn check_relation(
    asked: &ApprovalsPredicate,
    approval: &SignedApproval,
    context: &EvaluationContext<'_>,
) -> Result<(), Message> {
    let any_commit = asked.coverage == ApprovalCoverage::AnyCommit;
    let revision = approval.revision.short_hex();
    let carried = match &approval.relation {
        ContentRelation::Exact => return Ok(()),
        ContentRelation::Partial { .. } | ContentRelation::Changed { .. } if any_commit => return Ok(()),
        ContentRelation::Partial { commit } => {
            let message = RELATED_PARTLY.with("revision", revision);
            return Err(message.with("commit", commit.short_hex()));
        }
        ContentRelation::Changed { commit, paths } => {
            let message = CONTENT_CHANGED.with("revision", revision).with("commit", commit.short_hex());
            let paths: Vec<String> = paths.iter().map(|path| path.to_lossy().into_owned()).collect();
            return Err(message.with("paths", quote_patterns(&paths)));
        }
        ContentRelation::Uncompared(why) => {
            return Err(NOT_COMPARED.with("reason", Text::from(why.as_str())));
        }
        ContentRelation::CleanMerge => CarriedRelation::CleanMerge,
        ContentRelation::MessageOnly => CarriedRelation::MessageOnly,
        ContentRelation::SameTree => CarriedRelation::SameTree,
        ContentRelation::CleanRebase => CarriedRelation::CleanRebase,
        ContentRelation::Squash => CarriedRelation::Squash,
    };
    check_carried(&asked.carried, carried, approval.revision)?;
    if carried == CarriedRelation::CleanMerge {
        return check_merge_statements(asked, approval, context);
    }
    if approval.has_merges {
        check_carried(&asked.carried, CarriedRelation::CleanMerge, approval.revision)?;
    }
    for commit in context.change.commits.iter().filter(|commit| !commit.is_merge()) {
        if !approval.approved_authors.contains(&commit.author) {
            let message = OTHER_AUTHORS.with("revision", revision);
            return Err(message.with("author", &commit.author.email));
        }
    }
    let own_fields = asked.approval_fields();
    let fields = list_statement_differences(&approval.approved_messages, &own_fields, context);
    if fields.is_empty() {
        return Ok(());
    }
    Err(RESTATED.with("revision", revision).with("fields", quote_patterns(&fields)))
}

/// Checks that the merges beside the approved commits state nothing in the fields of the policy that these do not state.
fn check_merge_statements(
    asked: &ApprovalsPredicate,
    approval: &SignedApproval,
    context: &EvaluationContext<'_>,
) -> Result<(), Message> {
    let own_fields = asked.approval_fields();
    for commit in &context.change.commits {
        let Some(id) = commit.id.filter(|id| approval.added_merges.contains(id)) else { continue };
        let message = commit.message.raw();
        let fields = list_unstated_fields(message, &approval.approved_messages, &own_fields, context);
        if !fields.is_empty() {
            let message = MERGE_STATES.with("revision", approval.revision.short_hex());
            let message = message.with("merge", id.short_hex()).with("fields", quote_patterns(&fields));
            return Err(message.with("advice", advise_signing(id, context)));
        }
    }
    Ok(())
}

/// Checks that a person is independent of the change; who made nothing but clean merges of what was approved made no part of
/// it.
pub(super) fn check_signer(
    asked: &ApprovalsPredicate,
    signer: &Person,
    approval: &SignedApproval,
    (index, context): (&ParticipantIndex<'_>, &EvaluationContext<'_>),
) -> Result<String, Message> {
    let at = approval.received_at;
    let describe = |why: NotIndependent<'_>| match why {
        NotIndependent::Unknown => describe_unknown(&Text::default(), Some(&signer.email), context.people),
        why => describe_dependence(&why),
    };
    match asked.check_approver(signer, index, context.people, at) {
        Err(NotIndependent::Contributor(_)) if !approval.added_merges.is_empty() => {
            let merges = &approval.added_merges;
            let makers = find_contributors_beside_merges(context.change, context.people, merges);
            let index = ParticipantIndex::new(&makers);
            asked.check_approver(signer, &index, context.people, at).map_err(describe)
        }
        checked => checked.map_err(describe),
    }
}

/// Checks that the signer made no part of what was approved: their own work, in a form that does not name them, has been looked
/// at by nobody else.
pub(super) fn check_not_maker(
    signer: &Person,
    approval: &SignedApproval,
    context: &EvaluationContext<'_>,
) -> Result<(), Message> {
    let makers = find_approved_makers(approval, context.change, context.people);
    if let Some(unknown) = makers.iter().find(|maker| maker.identity == ResolvedIdentity::Unknown) {
        return Err(describe_unknown(&unknown.name, unknown.address.as_ref(), context.people));
    }
    let index = ParticipantIndex::new(&makers);
    match check_independent(signer, &index, context.people, approval.received_at) {
        Ok(_) => Ok(()),
        Err(NotIndependent::Contributor(maker)) => {
            let message = MADE_APPROVED.with("revision", approval.revision.short_hex());
            Err(message.with("name", &maker.name).with("role", maker.role))
        }
        Err(why) => Err(describe_dependence(&why)),
    }
}
