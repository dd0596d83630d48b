//! What an approval was of, and whether that is what lands.
//!
//! An approval is of content, not of a moment: of a revision, of what the description stated, and of
//! the branch that it was to go to. What has changed since in any of these takes it away, unless it
//! is proved equal. What the policy has no field for may change.

use jiff::Timestamp;

use super::super::Seen;
use crate::change::body::Statement;
use crate::change::pull::{Edit, Head};
use crate::change::{Fact, Message, Missing, Oid, Pull, Text};
use crate::verdict::Line;
use crate::vocabulary::Vocabulary;

/// What a field of the policy states, by the field's name.
type Stated<'policy> = Vec<(&'policy str, Text)>;

/// Says whether a review of `of` is one of the final revision, or of one that is equal to it.
///
/// # Errors
///
/// Says why not.
pub(super) fn of_revision(of: &Head, seen: &Seen<'_>, head: &Head) -> Result<(), Line> {
    if of.id == head.id {
        return Ok(());
    }
    let same_content = of.tree.is_some() && of.tree == head.tree && of.parents == head.parents;
    if !same_content {
        return Err(stale(of.id));
    }
    let [then, now] = [&of.message, &head.message].map(|message| in_message(message, seen.vocabulary));
    match differing(&then, &now).as_slice() {
        [] => Ok(()),
        fields => {
            Err(stale(of.id).and(format!(", whose message states something else in {}", names(fields))))
        }
    }
}

fn stale(of: Oid) -> Line {
    Line::say(format!("it is of another revision, {}", of.short()))
}

/// Says whether the branch and the description were, at `at`, what they are now; a fact that is
/// missing to say so is returned in the place of the answer.
pub(super) fn of_proposal(pull: &Pull, at: Timestamp, seen: &Seen<'_>) -> Fact<Result<(), Line>> {
    let branch = match &pull.retargeted_at {
        Ok(Some(since)) if at <= *since => Ok(Err("it was for another branch than this one".into())),
        Ok(_) => Ok(Ok(())),
        Err(gap) => Err(gap.clone()),
    };
    let description = match &pull.edits {
        Ok(edits) => Ok(same_description(edits, pull, at, seen.vocabulary)),
        Err(gap) => Err(gap.clone()),
    };
    both(branch, description)
}

/// One "no" is enough; a gap leaves the other "yes" open.
fn both(one: Fact<Result<(), String>>, other: Fact<Result<(), String>>) -> Fact<Result<(), Line>> {
    let gap = |fact: &Fact<Result<(), String>>| -> Option<Missing> { fact.as_ref().err().cloned() };
    match (&one, &other) {
        (Ok(Err(why)), _) | (_, Ok(Err(why))) => Ok(Err(Line::say(why.clone()))),
        _ => gap(&one).or_else(|| gap(&other)).map_or(Ok(Ok(())), Err),
    }
}

/// Says whether all that the description may have stated at `at` is what it states now. An edit of
/// the same instant may have been made before or after.
fn same_description(
    edits: &[Edit],
    pull: &Pull,
    at: Timestamp,
    vocabulary: &Vocabulary,
) -> Result<(), String> {
    if edits.is_empty() {
        return Ok(());
    }
    let unknown = || Err("the forge does not say what the description stated at that time".to_owned());
    let now = stated(&pull.statements, vocabulary);
    let before = edits.iter().rev().find(|edit| edit.at < at);
    let mut in_force = before.into_iter().chain(edits.iter().filter(|edit| edit.at == at)).peekable();
    if in_force.peek().is_none() {
        return unknown();
    }
    for edit in in_force {
        let Some(statements) = &edit.statements else { return unknown() };
        let fields = differing(&stated(statements, vocabulary), &now);
        if !fields.is_empty() {
            return Err(format!("the description states something else in {} since", names(&fields)));
        }
    }
    Ok(())
}

/// Returns what the fields of the policy state in a description.
fn stated<'policy>(statements: &[Statement], vocabulary: &'policy Vocabulary) -> Stated<'policy> {
    let of_field = |statement: &Statement| {
        let field = vocabulary.fields().iter().find(|field| field.is_labelled(&statement.label))?;
        Some((field.name.as_str(), statement.value.clone()))
    };
    statements.iter().filter_map(of_field).collect()
}

/// Returns what the fields of the policy state in the trailers of a message.
fn in_message<'policy>(message: &Text, vocabulary: &'policy Vocabulary) -> Stated<'policy> {
    let message = Message::new(message.clone());
    let trailers = message.trailers().iter();
    trailers
        .filter_map(|trailer| {
            let field = vocabulary.field(&trailer.key)?;
            Some((field.name.as_str(), trailer.value.clone()))
        })
        .collect()
}

/// Returns the fields that do not state the same values in the same order, each once.
fn differing<'policy>(then: &Stated<'policy>, now: &Stated<'policy>) -> Vec<&'policy str> {
    let values = |stated: &Stated<'policy>, name: &str| -> Vec<Text> {
        stated.iter().filter(|(field, _)| *field == name).map(|(_, value)| value.clone()).collect()
    };
    let mut names: Vec<&str> = then.iter().chain(now).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| values(then, name) != values(now, name));
    names
}

fn names(fields: &[&str]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}
