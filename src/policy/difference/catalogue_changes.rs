//! What two catalogues of standard changes have different, entry by entry.

use crate::catalogue::{StandardCatalogue, StandardChange};
use crate::policy::difference::value_changes::list_member_changes;
use crate::policy::difference::wording::{ENTRY_IS_GONE, ENTRY_IS_NEW, KEY_VALUE, NOTHING};
use crate::verdict::{Message, MessageValue};
use crate::yaml::shorten_for_message;

/// Returns what is different between two catalogues.
pub(super) fn list_catalogue_changes(old: &StandardCatalogue, new: &StandardCatalogue) -> Vec<Message> {
    let mut changes = Vec::new();
    for (id, _) in old.list_entries().filter(|(id, _)| new.find_entry(id).is_none()) {
        changes.push(ENTRY_IS_GONE.with("id", shorten_for_message(id)));
    }
    for (id, entry) in new.list_entries() {
        match old.find_entry(id) {
            None => changes.push(ENTRY_IS_NEW.with("id", shorten_for_message(id))),
            Some(earlier) => add_entry_changes(id, earlier, entry, &mut changes),
        }
    }
    changes
}

fn add_entry_changes(id: &str, old: &StandardChange, new: &StandardChange, changes: &mut Vec<Message>) {
    for (key, before, after) in [
        ("paths", write_all(&old.paths), write_all(&new.paths)),
        ("who.teams", list_teams(old), list_teams(new)),
        ("who.bots", list_bots(old), list_bots(new)),
    ] {
        if before != after {
            let (before, after): (Vec<&str>, Vec<&str>) =
                (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
            changes.extend(list_member_changes(&format!("{id}.{key}"), &before, &after));
        }
    }
    let count = |limit: Option<u64>| limit.map(|limit| limit.to_string());
    for (key, before, after) in [
        ("size.files", count(old.max_files), count(new.max_files)),
        ("size.lines", count(old.max_lines), count(new.max_lines)),
        ("approved-by", Some(old.approved_by.clone()), Some(new.approved_by.clone())),
        ("approved-on", Some(old.approved_on.to_string()), Some(new.approved_on.to_string())),
        ("review-by", Some(old.review_by.to_string()), Some(new.review_by.to_string())),
    ] {
        if before != after {
            let key = shorten_for_message(&format!("{id}.{key}"));
            changes.push(
                KEY_VALUE
                    .with("key", key)
                    .with("before", show_limit(before))
                    .with("after", show_limit(after)),
            );
        }
    }
}

fn write_all<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn list_teams(entry: &StandardChange) -> Vec<String> {
    entry.makers.as_ref().map(|makers| makers.teams.clone()).unwrap_or_default()
}

fn list_bots(entry: &StandardChange) -> Vec<String> {
    entry.makers.as_ref().map(|makers| write_all(&makers.bots)).unwrap_or_default()
}

fn show_limit(value: Option<String>) -> MessageValue {
    match value {
        Some(value) => shorten_for_message(&value).into(),
        None => (&NOTHING).into(),
    }
}
