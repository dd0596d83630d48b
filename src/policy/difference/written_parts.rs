//! What two written parts of a policy have in common.

use crate::policy::inspect::written::{
    find_entry, is_same_value, list_entries, list_parts, list_texts, scalar_text,
};
use crate::yaml::YamlNode;

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

/// Returns true if a text stands somewhere in a value.
pub(crate) fn names_text(node: &YamlNode, text: &str) -> bool {
    scalar_text(node) == Some(text)
        || list_texts(node).contains(&text)
        || list_entries(node).iter().any(|(_, value)| names_text(value, text))
        || list_parts(node)
            .iter()
            .any(|part| list_entries(part).iter().any(|(_, value)| names_text(value, text)))
}
