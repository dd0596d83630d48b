//! Whether one condition is about all changes that another one is about, as far as their wording shows it.

use crate::policy::inspect::distinct_approvals::keeps_distinct_people;
use crate::policy::inspect::written::{
    WrittenPredicate, is_same_value, list_conjuncts, list_entries, list_parts, list_texts,
};
use crate::yaml::YamlNode;

/// How deep two conditions are compared; what lies deeper is not seen to be covered.
const MAX_COMPARED_DEPTH: usize = 6;

/// Returns true if whatever fulfils all of `narrow` fulfils all of `wide`, as far as their wording shows it.
pub(crate) fn covers_conjuncts(wide: &[WrittenPredicate<'_>], narrow: &[WrittenPredicate<'_>]) -> bool {
    covers_to_depth(wide, narrow, MAX_COMPARED_DEPTH)
}

fn covers_to_depth(wide: &[WrittenPredicate<'_>], narrow: &[WrittenPredicate<'_>], depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    let covers = |wide: &YamlNode, narrow: &YamlNode| covers_question("approvals", wide, narrow);
    if !keeps_distinct_people(wide, narrow, &covers) {
        return false;
    }
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
