//! What two values of a policy have different, key by key.

use std::collections::BTreeSet;

use crate::policy::difference::wording::{
    KEY_HAS_LESS, KEY_HAS_MORE, KEY_OTHER_ORDER, KEY_VALUE, MORE_CHANGES, NOTHING, WITH_DETAILS,
};
use crate::policy::inspect::written::{find_entry, is_same_value, list_entries, list_texts};
use crate::policy::origins::show_flow_value;
use crate::verdict::{Message, MessageValue};
use crate::yaml::{YamlNode, YamlValue, shorten_for_message};

/// How many differences within one part are told.
const MAX_TOLD_CHANGES: usize = 8;

/// How many members of a list are named.
const MAX_NAMED_MEMBERS: usize = 8;

/// Returns a difference with what it consists of in brackets.
pub(super) fn with_details(what: impl Into<Message>, mut details: Vec<Message>) -> Message {
    let what = what.into();
    if details.is_empty() {
        return what;
    }
    let left_out = details.len().saturating_sub(MAX_TOLD_CHANGES);
    details.truncate(MAX_TOLD_CHANGES);
    if left_out > 0 {
        details.push(MORE_CHANGES.with("count", left_out));
    }
    WITH_DETAILS.with("what", what).with("details", details)
}

/// Returns what is different between two values of `key`, those of the keys within them by their path, such as
/// `attach.largest`.
pub(super) fn list_value_changes(
    key: &str,
    before: Option<&YamlNode>,
    after: Option<&YamlNode>,
) -> Vec<Message> {
    let mut changes = Vec::new();
    add_value_changes(key, before, after, &mut changes);
    changes
}

fn add_value_changes(
    path: &str,
    before: Option<&YamlNode>,
    after: Option<&YamlNode>,
    changes: &mut Vec<Message>,
) {
    if let (Some(before), Some(after)) = (before, after) {
        if is_same_value(before, after) {
            return;
        }
        if is_map(before) && is_map(after) {
            let keys = list_entries(before).iter().chain(list_entries(after));
            let keys: BTreeSet<&str> = keys.map(|(key, _)| key.text.as_str()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                add_value_changes(&inner, find_entry(before, key), find_entry(after, key), changes);
            }
            return;
        }
        if is_list(before) || is_list(after) {
            let (before, after) = (list_texts(before), list_texts(after));
            changes.extend(list_member_changes(path, &before, &after));
            return;
        }
    }
    let show = |node: Option<&YamlNode>| match node {
        Some(node) => show_written_value(node),
        None => (&NOTHING).into(),
    };
    let path = shorten_for_message(path);
    changes.push(KEY_VALUE.with("key", path).with("before", show(before)).with("after", show(after)));
}

/// Returns what one list of names has and the other has not; that their order is another, if nothing else is.
pub(super) fn list_member_changes(key: &str, before: &[&str], after: &[&str]) -> Vec<Message> {
    let key = shorten_for_message(key);
    let mut changes = Vec::new();
    for (template, names, others) in [(&KEY_HAS_MORE, after, before), (&KEY_HAS_LESS, before, after)] {
        let missing: Vec<&str> = names.iter().filter(|name| !others.contains(name)).copied().collect();
        if !missing.is_empty() {
            changes.push(template.with("key", key.clone()).with("members", quote_members(&missing)));
        }
    }
    if changes.is_empty() {
        changes.push(KEY_OTHER_ORDER.with("key", key));
    }
    changes
}

/// Returns names between backticks, the first ones of many.
pub(super) fn quote_members(names: &[&str]) -> Vec<String> {
    let mut quoted: Vec<String> =
        names.iter().take(MAX_NAMED_MEMBERS).map(|name| format!("`{}`", shorten_for_message(name))).collect();
    if names.len() > MAX_NAMED_MEMBERS {
        quoted.push(format!("{} more", names.len() - MAX_NAMED_MEMBERS));
    }
    quoted
}

/// Returns a value as it is written, on one line.
pub(super) fn show_written_value(node: &YamlNode) -> MessageValue {
    shorten_for_message(&show_flow_value(node)).into()
}

fn is_map(node: &YamlNode) -> bool {
    matches!(node.value, YamlValue::Map(_))
}

fn is_list(node: &YamlNode) -> bool {
    matches!(&node.value, YamlValue::List(items) if items.iter().all(|item| matches!(item.value, YamlValue::Scalar { .. })))
}
