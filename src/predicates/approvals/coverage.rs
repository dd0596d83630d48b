//! What an approval was of, and whether that is what lands.
//!
//! An approval is of content, not of a moment: of a revision, of what the description stated, and of
//! the branch that it was to go to. What has changed since in any of these takes it away, unless it
//! is proved equal. What the policy has no field for may change.

use jiff::Timestamp;

use crate::change::description::DescriptionStatement;
use crate::change::pull_request::{DescriptionEdit, PullRevision};
use crate::change::{CommitMessage, Fact, Missing, Oid, PullRequest, Text};
use crate::predicates::EvaluationContext;
use crate::verdict::Sentence;
use crate::vocabulary::FieldVocabulary;

/// What a field of the policy states, by the field's name.
type StatedFieldValues<'policy> = Vec<(&'policy str, Text)>;

/// Says whether a review of `of` is one of the final revision, or of one that is equal to it.
///
/// # Errors
///
/// Says why not.
pub(crate) fn check_revision(
    of: &PullRevision,
    seen: &EvaluationContext<'_>,
    head: &PullRevision,
) -> Result<(), Sentence> {
    if of.id == head.id {
        return Ok(());
    }
    let same_content = of.tree.is_some() && of.tree == head.tree && of.parents == head.parents;
    if !same_content {
        return Err(stale_revision_line(of.id));
    }
    let [then, now] = [&of.message, &head.message].map(|message| values_in_message(message, seen.vocabulary));
    match find_differing_fields(&then, &now).as_slice() {
        [] => Ok(()),
        fields => Err(stale_revision_line(of.id)
            .with_words(format!(", whose message states something else in {}", quote_field_names(fields)))),
    }
}

fn stale_revision_line(of: Oid) -> Sentence {
    Sentence::from_words(format!("it is of another revision, {}", of.short_hex()))
}

/// Says whether the branch and the description were, at `at`, what they are now; a fact that is
/// missing to say so is returned in the place of the answer.
pub(crate) fn check_proposal(
    pull: &PullRequest,
    at: Timestamp,
    seen: &EvaluationContext<'_>,
) -> Fact<Result<(), Sentence>> {
    let branch = match &pull.retargeted_at {
        Ok(Some(since)) if at <= *since => Ok(Err("it was for another branch than this one".into())),
        Ok(_) => Ok(Ok(())),
        Err(gap) => Err(gap.clone()),
    };
    let description = match &pull.edits {
        Ok(edits) => Ok(check_description(edits, pull, at, seen.vocabulary)),
        Err(gap) => Err(gap.clone()),
    };
    combine_checks(branch, description)
}

/// One "no" is enough; a gap leaves the other "yes" open.
fn combine_checks(
    one: Fact<Result<(), String>>,
    other: Fact<Result<(), String>>,
) -> Fact<Result<(), Sentence>> {
    let gap = |fact: &Fact<Result<(), String>>| -> Option<Missing> { fact.as_ref().err().cloned() };
    match (&one, &other) {
        (Ok(Err(why)), _) | (_, Ok(Err(why))) => Ok(Err(Sentence::from_words(why.clone()))),
        _ => gap(&one).or_else(|| gap(&other)).map_or(Ok(Ok(())), Err),
    }
}

/// Says whether all that the description may have stated at `at` is what it states now. An edit of
/// the same instant may have been made before or after.
fn check_description(
    edits: &[DescriptionEdit],
    pull: &PullRequest,
    at: Timestamp,
    vocabulary: &FieldVocabulary,
) -> Result<(), String> {
    if edits.is_empty() {
        return Ok(());
    }
    let unknown = || Err("the forge does not say what the description stated at that time".to_owned());
    let now = values_in_description(&pull.statements, vocabulary);
    let before = edits.iter().rev().find(|edit| edit.at < at);
    let mut in_force = before.into_iter().chain(edits.iter().filter(|edit| edit.at == at)).peekable();
    if in_force.peek().is_none() {
        return unknown();
    }
    for edit in in_force {
        let Some(statements) = &edit.statements else { return unknown() };
        let fields = find_differing_fields(&values_in_description(statements, vocabulary), &now);
        if !fields.is_empty() {
            return Err(format!(
                "the description states something else in {} since",
                quote_field_names(&fields)
            ));
        }
    }
    Ok(())
}

/// Returns what the fields of the policy state in a description.
fn values_in_description<'policy>(
    statements: &[DescriptionStatement],
    vocabulary: &'policy FieldVocabulary,
) -> StatedFieldValues<'policy> {
    let of_field = |statement: &DescriptionStatement| {
        let field = vocabulary.fields().iter().find(|field| field.matches_label(&statement.label))?;
        Some((field.name.as_str(), statement.value.clone()))
    };
    statements.iter().filter_map(of_field).collect()
}

/// Returns what the fields of the policy state in the trailers of a message.
fn values_in_message<'policy>(
    message: &Text,
    vocabulary: &'policy FieldVocabulary,
) -> StatedFieldValues<'policy> {
    let message = CommitMessage::new(message.clone());
    let trailers = message.trailers().iter();
    trailers
        .filter_map(|trailer| {
            let field = vocabulary.find_field(&trailer.key)?;
            Some((field.name.as_str(), trailer.value.clone()))
        })
        .collect()
}

/// Returns the fields that do not state the same values in the same order, each once.
fn find_differing_fields<'policy>(
    then: &StatedFieldValues<'policy>,
    now: &StatedFieldValues<'policy>,
) -> Vec<&'policy str> {
    let values = |stated: &StatedFieldValues<'policy>, name: &str| -> Vec<Text> {
        stated.iter().filter(|(field, _)| *field == name).map(|(_, value)| value.clone()).collect()
    };
    let mut names: Vec<&str> = then.iter().chain(now).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| values(then, name) != values(now, name));
    names
}

fn quote_field_names(fields: &[&str]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}
