//! What an approval was of, and whether that is what is merged.
//!
//! An approval is of content, not of a moment: of a revision, of what the description stated, and of
//! the branch that it was for. A later change of any of these invalidates it, unless the content is
//! proved equal. Text that the policy has no field for may change.

use jiff::Timestamp;

use crate::change::description::DescriptionStatement;
use crate::change::pull_request::{DescriptionEdit, PullRevision};
use crate::change::{CommitMessage, Fact, PullRequest, Text};
use crate::predicates::approvals::carried_relation::{CarriedRelation, check_carried};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::parameters::quote_patterns;
use crate::verdict::{Message, messages};
use crate::vocabulary::{FieldDefinition, FieldVocabulary};

messages! {
    OTHER_REVISION = "approvals.other-revision": "it is of another revision, {revision}";
    UNCOMPARED = "approvals.uncompared-revision":
        "it is of another revision, {revision}, and the forge gave no comparison that could prove the two equal";
    OTHER_STATEMENTS = "approvals.other-statements":
        "it is of another revision, {revision}, whose message states something else in {fields}";
    OTHER_PEOPLE = "approvals.other-people":
        "it is of another revision, {revision}, whose author or committer is another one";
    OTHER_BRANCH = "approvals.other-branch": "it was given before the base branch was changed, replaced or deleted";
    UNKNOWN_DESCRIPTION = "approvals.unknown-description":
        "the forge does not say what the description stated at that time";
    EDITED_DESCRIPTION = "approvals.edited-description":
        "{fields} changed in the description after the approval";
}

/// The values that the fields of the policy have in one text, each with the name of the field.
type StatedFieldValues<'policy> = Vec<(&'policy str, Text)>;

/// Checks that a review of `of` is one of the final revision, or of one that is equal to it in a way over which the question
/// lets approvals be carried. What GitHub tells proves no clean rebase and no squash onto another base.
///
/// # Errors
///
/// Returns the reason why it is not.
pub(super) fn check_revision(
    asked: &ApprovalsPredicate,
    of: &PullRevision,
    context: &EvaluationContext<'_>,
    pull: &PullRequest,
) -> Result<(), Message> {
    let head = &pull.head;
    if of.id == head.id {
        return Ok(());
    }
    // The forge's own merge of the base brings nothing but the base, and has nothing to state.
    if pull.base_merge == Some(head.id)
        && head.parents.first() == Some(&of.id)
        && values_in_message(&head.message, context.vocabulary).is_empty()
    {
        return check_carried(&asked.carried, CarriedRelation::CleanMerge, of.id);
    }
    let same_content = of.tree.is_some() && of.tree == head.tree && of.parents == head.parents;
    let same_people = of.author == head.author && of.committer == head.committer;
    if let Some(messages) = &of.replaced_messages
        && of.tree.is_some()
        && of.tree == head.tree
        && !(same_content && same_people)
    {
        check_carried(&asked.carried, CarriedRelation::SameTree, of.id)?;
        return check_replaced(of, messages, context);
    }
    if !same_content {
        let template = if pull.uncompared.contains(&of.id) { &UNCOMPARED } else { &OTHER_REVISION };
        return Err(template.with("revision", of.id.short_hex()));
    }
    check_carried(&asked.carried, CarriedRelation::MessageOnly, of.id)?;
    if !same_people {
        return Err(OTHER_PEOPLE.with("revision", of.id.short_hex()));
    }
    let then = values_in_message(&of.message, context.vocabulary);
    let now = values_in_message(&head.message, context.vocabulary);
    let fields = find_differing_fields(&then, &now);
    if fields.is_empty() {
        return Ok(());
    }
    let revision = of.id.short_hex();
    Err(OTHER_STATEMENTS.with("revision", revision).with("fields", quote_patterns(&fields)))
}

/// Checks that the commits of the change state what those before a squash or a rebase stated.
fn check_replaced(
    of: &PullRevision,
    messages: &[Text],
    context: &EvaluationContext<'_>,
) -> Result<(), Message> {
    let then = distinct_values(messages.iter(), context.vocabulary);
    let now = distinct_values(context.change.commits.iter().map(|one| one.message.raw()), context.vocabulary);
    let fields = find_differing_fields(&then, &now);
    if fields.is_empty() {
        return Ok(());
    }
    let revision = of.id.short_hex();
    Err(OTHER_STATEMENTS.with("revision", revision).with("fields", quote_patterns(&fields)))
}

/// Returns the fields in which the commits of the change state something else than these messages do, without the fields
/// that state the approvals themselves.
pub(crate) fn list_statement_differences<'policy>(
    approved: &[Text],
    left_out: &[&FieldDefinition],
    context: &EvaluationContext<'policy>,
) -> Vec<&'policy str> {
    let then = distinct_values(approved.iter(), context.vocabulary);
    let now = distinct_values(context.change.commits.iter().map(|one| one.message.raw()), context.vocabulary);
    let mut fields = find_differing_fields(&then, &now);
    fields.retain(|name| !left_out.iter().any(|field| field.name == *name));
    fields
}

/// Returns the fields in which a message states what none of these messages does, without the fields that state the approvals
/// themselves.
pub(super) fn list_unstated_fields<'policy>(
    message: &Text,
    approved: &[Text],
    left_out: &[&FieldDefinition],
    context: &EvaluationContext<'policy>,
) -> Vec<&'policy str> {
    let known = distinct_values(approved.iter(), context.vocabulary);
    let mut fields = Vec::new();
    for stated in values_in_message(message, context.vocabulary) {
        if !known.contains(&stated) && !fields.contains(&stated.0) {
            fields.push(stated.0);
        }
    }
    fields.retain(|name| !left_out.iter().any(|field| field.name == *name));
    fields
}

/// Returns the values of the policy's fields in several messages, each once.
fn distinct_values<'policy, 'text>(
    messages: impl Iterator<Item = &'text Text>,
    vocabulary: &'policy FieldVocabulary,
) -> StatedFieldValues<'policy> {
    let mut values = Vec::new();
    for message in messages {
        values.extend(values_in_message(message, vocabulary));
    }
    values.sort();
    values.dedup();
    values
}

/// Checks that the branch and the description were, at `at`, what they are now. The inner result says
/// why not.
///
/// # Errors
///
/// Returns the fact that is missing. One reason is enough without the other fact.
pub(crate) fn check_proposal(
    pull: &PullRequest,
    at: Timestamp,
    context: &EvaluationContext<'_>,
) -> Fact<Result<(), Message>> {
    let mut missing = None;
    match &pull.retargeted_at {
        Ok(Some(since)) if at <= *since => return Ok(Err(Message::from(&OTHER_BRANCH))),
        Ok(_) => {}
        Err(gap) => missing = Some(gap),
    }
    match &pull.edits {
        Ok(edits) => {
            if let Err(reason) = check_description(edits, pull, at, context.vocabulary) {
                return Ok(Err(reason));
            }
        }
        Err(gap) => missing = missing.or(Some(gap)),
    }
    match missing {
        Some(gap) => Err(gap.clone()),
        None => Ok(Ok(())),
    }
}

/// Checks that everything the description may have stated at `at` is what it states now. An edit of
/// the same instant may have been made before or after.
fn check_description(
    edits: &[DescriptionEdit],
    pull: &PullRequest,
    at: Timestamp,
    vocabulary: &FieldVocabulary,
) -> Result<(), Message> {
    if edits.is_empty() {
        return Ok(());
    }
    let now = values_in_description(&pull.statements, vocabulary);
    let in_force = edits_in_force(edits, at);
    if in_force.is_empty() {
        return Err(Message::from(&UNKNOWN_DESCRIPTION));
    }
    for edit in in_force {
        let Some(statements) = &edit.statements else { return Err(Message::from(&UNKNOWN_DESCRIPTION)) };
        let fields = find_differing_fields(&values_in_description(statements, vocabulary), &now);
        if !fields.is_empty() {
            return Err(EDITED_DESCRIPTION.with("fields", quote_patterns(&fields)));
        }
    }
    Ok(())
}

/// Returns the last edit before `at`, and all edits of the same instant.
fn edits_in_force(edits: &[DescriptionEdit], at: Timestamp) -> Vec<&DescriptionEdit> {
    let mut in_force = Vec::new();
    in_force.extend(edits.iter().rev().find(|edit| edit.at < at));
    in_force.extend(edits.iter().filter(|edit| edit.at == at));
    in_force
}

/// Returns the values of the policy's fields in a description.
fn values_in_description<'policy>(
    statements: &[DescriptionStatement],
    vocabulary: &'policy FieldVocabulary,
) -> StatedFieldValues<'policy> {
    let mut values = Vec::new();
    for statement in statements {
        let field = vocabulary.fields().iter().find(|field| field.matches_label(&statement.label));
        if let Some(field) = field
            && let Some(value) = field.find_own_value(statement)
        {
            values.push((field.name.as_str(), value.into_owned()));
        }
    }
    values
}

/// Returns the values of the policy's fields in the trailers of a message.
fn values_in_message<'policy>(
    message: &Text,
    vocabulary: &'policy FieldVocabulary,
) -> StatedFieldValues<'policy> {
    let message = CommitMessage::new(message.clone());
    let mut values = Vec::new();
    for trailer in message.trailers() {
        if let Some(field) = vocabulary.find_field(&trailer.key) {
            values.push((field.name.as_str(), trailer.value.clone()));
        }
    }
    values
}

/// Returns the fields that do not state the same values in the same order, each once.
fn find_differing_fields<'policy>(
    then: &StatedFieldValues<'policy>,
    now: &StatedFieldValues<'policy>,
) -> Vec<&'policy str> {
    let mut names = Vec::new();
    for (name, _) in then.iter().chain(now) {
        names.push(*name);
    }
    names.sort_unstable();
    names.dedup();
    names.retain(|name| values_of_field(then, name) != values_of_field(now, name));
    names
}

fn values_of_field<'values>(stated: &'values StatedFieldValues<'_>, name: &str) -> Vec<&'values Text> {
    let mut values = Vec::new();
    for (field, value) in stated {
        if *field == name {
            values.push(value);
        }
    }
    values
}
