//! Which alternatives of a question are new, and which are gone.

use crate::policy::difference::wording::{ALTERNATIVE_GONE, ALTERNATIVE_NEW};
use crate::predicates::support::condition::Condition;
use crate::verdict::Message;

/// Returns a sentence for each alternative that only one of two versions of a question has.
pub(super) fn list_alternative_changes(before: &Condition, after: &Condition) -> Vec<Message> {
    let mut changes = Vec::new();
    add_changes(before, after, &mut changes);
    changes
}

fn add_changes(before: &Condition, after: &Condition, changes: &mut Vec<Message>) {
    match (before, after) {
        _ if before == after => {}
        (Condition::Any(old), Condition::Any(new)) => add_alternatives(old, new, changes),
        (Condition::All(old), Condition::All(new)) => add_part_changes(old, new, changes),
        (Condition::Not(old), Condition::Not(new)) => add_changes(old, new, changes),
        // One way is no choice, and is written without `any` as well.
        (Condition::Any(old), new) if old.contains(new) => {
            add_alternatives(old, std::slice::from_ref(new), changes);
        }
        (old, Condition::Any(new)) if new.contains(old) => {
            add_alternatives(std::slice::from_ref(old), new, changes);
        }
        // One part more or less is no alternative, but what it stands beside may have others.
        (Condition::All(old), new) => add_part_changes(old, std::slice::from_ref(new), changes),
        (old, Condition::All(new)) => add_part_changes(std::slice::from_ref(old), new, changes),
        _ => {}
    }
}

/// Compares the parts that both have to hold, each with the one that comes at its turn among those that differ.
fn add_part_changes(old: &[Condition], new: &[Condition], changes: &mut Vec<Message>) {
    let has_choice = |part: &&Condition| matches!(part, Condition::Any(_) | Condition::Not(_));
    let gone: Vec<&Condition> = old.iter().filter(|part| !new.contains(part)).collect();
    let added: Vec<&Condition> = new.iter().filter(|part| !old.contains(part)).collect();
    let with_choice = |parts: &[&Condition]| parts.iter().any(has_choice);
    if gone.len() == added.len() {
        for (before, after) in gone.iter().zip(&added) {
            add_changes(before, after, changes);
        }
    } else if with_choice(&gone) && with_choice(&added) {
        let gone = gone.into_iter().filter(has_choice);
        for (before, after) in gone.zip(added.into_iter().filter(has_choice)) {
            add_changes(before, after, changes);
        }
    }
}

fn add_alternatives(old: &[Condition], new: &[Condition], changes: &mut Vec<Message>) {
    for (template, parts, others) in [(&ALTERNATIVE_GONE, old, new), (&ALTERNATIVE_NEW, new, old)] {
        for part in parts.iter().filter(|part| !others.contains(part)) {
            changes.push(template.with("question", part.describe()));
        }
    }
}
