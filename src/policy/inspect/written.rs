//! The written form of a policy: its questions, and whether two parts of it say the same.

use crate::yaml::{YamlKey, YamlNode, YamlValue};

/// A predicate as a policy writes it: its name, and its parameters.
pub(crate) type WrittenPredicate<'node> = (&'node YamlKey, &'node YamlNode);

/// Returns the entries of a map; none for anything else.
pub(crate) fn list_entries(node: &YamlNode) -> &[(YamlKey, YamlNode)] {
    match &node.value {
        YamlValue::Map(entries) => entries,
        _ => &[],
    }
}

/// Returns the items of a list; a single value counts as a list of one.
pub(crate) fn list_items(node: &YamlNode) -> &[YamlNode] {
    match &node.value {
        YamlValue::List(items) => items,
        YamlValue::Scalar { .. } => std::slice::from_ref(node),
        YamlValue::Map(_) => &[],
    }
}

/// Returns the value of `key` in a map.
pub(crate) fn find_entry<'node>(node: &'node YamlNode, key: &str) -> Option<&'node YamlNode> {
    list_entries(node).iter().find(|(known, _)| known.text == key).map(|(_, value)| value)
}

/// Returns the text of a single value.
pub(crate) fn scalar_text(node: &YamlNode) -> Option<&str> {
    match &node.value {
        YamlValue::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// Returns the texts of a list of single values.
pub(crate) fn list_texts(node: &YamlNode) -> Vec<&str> {
    list_items(node).iter().filter_map(scalar_text).collect()
}

/// Returns how much is written in a node: its keys, and its single values.
pub(crate) fn measure_node(node: &YamlNode) -> usize {
    match &node.value {
        YamlValue::Scalar { .. } => 1,
        YamlValue::List(items) => 1 + items.iter().map(measure_node).sum::<usize>(),
        YamlValue::Map(entries) => {
            1 + entries.iter().map(|(_, value)| 1 + measure_node(value)).sum::<usize>()
        }
    }
}

/// Returns every predicate in the rules, classes and exemptions of one file.
pub(crate) fn list_predicates(file: &YamlNode) -> Vec<WrittenPredicate<'_>> {
    let mut found = Vec::new();
    if let Some(rules) = find_entry(file, "rules") {
        for (_, rule) in list_entries(rules) {
            for key in ["when", "require"] {
                if let Some(condition) = find_entry(rule, key) {
                    add_predicates(condition, &mut found);
                }
            }
        }
    }
    if let Some(classes) = find_entry(file, "classes") {
        for (_, condition) in list_entries(classes) {
            add_predicates(condition, &mut found);
        }
    }
    if let Some(exemptions) = find_entry(file, "exemptions") {
        for exemption in list_items(exemptions) {
            if let Some(condition) = find_entry(exemption, "when") {
                add_predicates(condition, &mut found);
            }
        }
    }
    found
}

/// Returns every predicate in one condition.
pub(crate) fn list_condition_predicates(condition: &YamlNode) -> Vec<WrittenPredicate<'_>> {
    let mut found = Vec::new();
    add_predicates(condition, &mut found);
    found
}

fn add_predicates<'node>(condition: &'node YamlNode, found: &mut Vec<WrittenPredicate<'node>>) {
    for (key, value) in list_entries(condition) {
        match key.text.as_str() {
            "all" | "any" => {
                for part in list_parts(value) {
                    add_predicates(part, found);
                }
            }
            "not" => add_predicates(value, found),
            _ => found.push((key, value)),
        }
    }
}

/// Returns the parts of `all` or `any`.
pub(crate) fn list_parts(node: &YamlNode) -> &[YamlNode] {
    match &node.value {
        YamlValue::List(items) => items,
        YamlValue::Map(_) => std::slice::from_ref(node),
        YamlValue::Scalar { .. } => &[],
    }
}

/// Returns the questions of a condition that all have to hold, with those of every `all` in it.
pub(crate) fn list_conjuncts(condition: &YamlNode) -> Vec<WrittenPredicate<'_>> {
    let mut found = Vec::new();
    for (key, value) in list_entries(condition) {
        if key.text == "all" {
            for part in list_parts(value) {
                found.extend(list_conjuncts(part));
            }
        } else {
            found.push((key, value));
        }
    }
    found
}

/// Returns true for `not: {}`, which never holds.
pub(crate) fn is_empty_not(key: &YamlKey, value: &YamlNode) -> bool {
    key.text == "not" && matches!(&value.value, YamlValue::Map(entries) if entries.is_empty())
}

/// Returns true if two values say the same: in any order of the keys, and wherever they stand.
pub(crate) fn is_same_value(one: &YamlNode, other: &YamlNode) -> bool {
    match (&one.value, &other.value) {
        (YamlValue::Scalar { text: one, .. }, YamlValue::Scalar { text: other, .. }) => one == other,
        (YamlValue::Map(one), YamlValue::Map(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    other.iter().any(|(known, given)| known.text == key.text && is_same_value(value, given))
                })
        }
        (YamlValue::Map(_), _) | (_, YamlValue::Map(_)) => false,
        _ => {
            let (one, other) = (list_items(one), list_items(other));
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_value(one, other))
        }
    }
}
