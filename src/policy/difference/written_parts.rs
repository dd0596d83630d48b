//! What two written parts of a policy have in common.

use std::collections::HashSet;

use crate::policy::inspect::written::{find_entry, is_same_value, list_entries, list_parts};
use crate::yaml::{YamlNode, YamlValue};

/// Returns true if two definitions of a field differ in nothing but the text that they ask for.
pub(crate) fn differs_in_text_alone(old: &YamlNode, new: &YamlNode) -> bool {
    let keys = list_entries(old).iter().chain(list_entries(new)).map(|(key, _)| key.text.as_str());
    keys.filter(|key| *key != "text").all(|key| match (find_entry(old, key), find_entry(new, key)) {
        (Some(one), Some(other)) => is_same_value(one, other),
        _ => false,
    })
}

/// Returns true if a condition has an `any` or a `not`.
pub(crate) fn has_alternatives(condition: &YamlNode) -> bool {
    list_entries(condition).iter().any(|(key, value)| match key.text.as_str() {
        "any" | "not" => true,
        "all" => list_parts(value).iter().any(has_alternatives),
        _ => false,
    })
}

/// Adds the texts that stand somewhere in a value.
pub(crate) fn add_texts<'node>(node: &'node YamlNode, texts: &mut HashSet<&'node str>) {
    match &node.value {
        YamlValue::Scalar { text, .. } => {
            texts.insert(text);
        }
        YamlValue::List(items) => items.iter().for_each(|item| add_texts(item, texts)),
        YamlValue::Map(entries) => entries.iter().for_each(|(_, value)| add_texts(value, texts)),
    }
}

/// Writes a value so that two values are written alike if and only if they say the same: in any order of the keys, and
/// with a single value for a list of one.
pub(crate) fn write_value(node: &YamlNode) -> String {
    match &node.value {
        YamlValue::Scalar { text, .. } => format!("{}:{text}", text.len()),
        YamlValue::List(items) => match items.as_slice() {
            [only] if !matches!(only.value, YamlValue::Map(_)) => write_value(only),
            items => format!("[{}]", items.iter().map(write_value).collect::<String>()),
        },
        YamlValue::Map(entries) => {
            let mut written: Vec<String> = Vec::new();
            for (key, value) in entries {
                written.push(format!("{}:{}={}", key.text.len(), key.text, write_value(value)));
            }
            written.sort_unstable();
            format!("{{{}}}", written.concat())
        }
    }
}
