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

/// How deep two conditions are compared; what lies deeper is not seen to be covered.
const MAX_COMPARED_DEPTH: usize = 6;

/// Returns true if whatever fulfils all of `narrow` fulfils all of `wide`, as far as their wording shows it.
pub(crate) fn covers_conjuncts(wide: &[WrittenPredicate<'_>], narrow: &[WrittenPredicate<'_>]) -> bool {
    covers_to_depth(wide, narrow, MAX_COMPARED_DEPTH)
}

fn covers_to_depth(wide: &[WrittenPredicate<'_>], narrow: &[WrittenPredicate<'_>], depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    wide.iter().all(|(key, value)| {
        let is_asked = |(other, given): &WrittenPredicate<'_>| match (key.text.as_str(), other.text.as_str())
        {
            // Whichever way is taken has to fulfil it.
            (_, "any") => {
                let ways = list_parts(given);
                !ways.is_empty()
                    && ways.iter().all(|way| covers_to_depth(&[(*key, *value)], &list_conjuncts(way), deeper))
            }
            // What excludes less covers what excludes more.
            ("not", "not") => covers_to_depth(&list_conjuncts(given), &list_conjuncts(value), deeper),
            (one, other) => one == other && covers_question(one, value, given),
        };
        let is_one_way = |way: &YamlNode| covers_to_depth(&list_conjuncts(way), narrow, deeper);
        narrow.iter().any(is_asked) || key.text == "any" && list_parts(value).iter().any(is_one_way)
    })
}

/// Returns true if the parameters `wide` of a predicate ask no more than `narrow`.
fn covers_question(predicate: &str, wide: &YamlNode, narrow: &YamlNode) -> bool {
    if is_same_value(wide, narrow) {
        return true;
    }
    match predicate {
        // `field: { A: x, B: y }` asks for both.
        "field" => {
            let (wide, narrow) = (list_entries(wide), list_entries(narrow));
            wide.iter().all(|(key, value)| {
                narrow.iter().any(|(other, given)| other.text == key.text && is_same_value(value, given))
            })
        }
        // A list asks for one of its patterns.
        "touches" => {
            let (wide, narrow) = (list_texts(wide), list_texts(narrow));
            let is_covered = |narrow: &&str| wide.iter().any(|wide| covers_path_pattern(wide, narrow));
            !narrow.is_empty() && narrow.iter().all(is_covered)
        }
        _ => false,
    }
}

/// Returns true if the pattern `wide` matches all paths that `narrow` matches: it matches everything, or
/// everything in a folder that `narrow` starts with.
pub(crate) fn covers_path_pattern(wide: &str, narrow: &str) -> bool {
    if wide == narrow || ["*", "**", "/**", "**/*"].contains(&wide) {
        return true;
    }
    // A pattern with a slash before its end is read from the root, whether or not it starts with one.
    let Some(folder) = wide.strip_suffix("/**") else { return false };
    let (folder, path) = (folder.trim_start_matches('/'), narrow.trim_start_matches('/'));
    let is_rooted = narrow.trim_end_matches('/').contains('/');
    let is_plain = !folder.is_empty() && !folder.contains(['*', '?', '[', '\\']);
    is_plain && is_rooted && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
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
