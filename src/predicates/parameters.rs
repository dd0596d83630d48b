//! Parameters and sentences that more than one predicate has, so that they mean the same in each.

use super::Known;
use crate::change::{Commit, Text};
use crate::pattern::PathPattern;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, count, texts, unknown};
use crate::yaml::{Fault, Key, Node};

/// How many paths a finding lists.
const LISTED: usize = 10;

/// Reads the names of teams that the policy has.
pub(super) fn teams(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Vec<String> {
    let names = texts(node, faults);
    for name in &names {
        if !known.people.team_names().any(|team| team == *name) {
            let key = Key { at: node.at, text: (*name).to_owned() };
            faults.push(unknown("team", &key, known.people.team_names()));
        }
    }
    names.into_iter().map(str::to_owned).collect()
}

/// Reads `{ at-most: N }`.
pub(super) fn at_most(node: &Node, faults: &mut Vec<Fault>) -> Option<u64> {
    let mut map = Map::new(node, faults)?;
    let most = map.require("at-most", faults).and_then(|node| count(node, 0, u64::MAX, faults));
    map.finish(faults);
    most
}

/// Returns true if and only if one of the patterns matches.
pub(super) fn matched(patterns: &[PathPattern], path: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches(path.as_bytes()))
}

/// Returns patterns for a sentence: `` `a`, `b` or `c` ``.
pub(super) fn either<T: ToString>(patterns: &[T]) -> String {
    let words: Vec<_> = patterns.iter().map(|pattern| format!("`{}`", pattern.to_string())).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Adds paths to a sentence, at most ten of them.
pub(super) fn list(mut line: Line, paths: &[&Text]) -> Line {
    for (index, path) in paths.iter().take(LISTED).enumerate() {
        if 0 < index {
            line = line.and(", ");
        }
        line = line.quote(path);
    }
    match paths.len().saturating_sub(LISTED) {
        0 => line,
        more => line.and(format!(" and {more} more")),
    }
}

/// Returns a finding about one commit.
pub(super) fn about(commit: &Commit, what: Line) -> Finding {
    Finding::new(what).in_commit(commit.id)
}
