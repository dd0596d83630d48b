//! Whether what a person approved with their signature is what lands, and whether they made a part of it themselves.

use crate::change::{ContentRelation, Person, SignedApproval, Text};
use crate::people::ResolvedIdentity;
use crate::people::approved_makers::find_approved_makers;
use crate::people::contributors::NotIndependent;
use crate::people::independence::{ParticipantIndex, check_independent};
use crate::predicates::approvals::carried_relation::{CarriedRelation, check_carried};
use crate::predicates::approvals::coverage::list_statement_differences;
use crate::predicates::approvals::named_people::{describe_dependence, describe_unknown};
use crate::predicates::approvals::requirement::{ApprovalCoverage, ApprovalsPredicate};
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
        return Ok(());
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
