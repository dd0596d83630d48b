//! Approvals that have to come from different people: whether another condition still asks for that.
//!
//! `distinct: people` joins the approvals that all have to hold, so that it cannot be compared approval by approval: one
//! that stands under `any` is joined with no other, and one approval can do for two.

use crate::policy::inspect::written::{WrittenPredicate, find_entry, list_conjuncts, list_parts};
use crate::predicates::approvals::count_assigned;
use crate::yaml::YamlNode;

/// Returns true if wherever all of `given` holds, the approvals that `asked` wants of different people are there, of different
/// people; `covers` says whether an approval, the first one, is there wherever another one is.
pub(crate) fn keeps_distinct_people(
    asked: &[WrittenPredicate<'_>],
    given: &[WrittenPredicate<'_>],
    covers: &dyn Fn(&YamlNode, &YamlNode) -> bool,
) -> bool {
    let asked = list_distinct_approvals(asked);
    // A single one is joined with nothing.
    asked.len() < 2 || has_approvals_for_each(&asked, given, covers)
}

fn has_approvals_for_each(
    asked: &[&YamlNode],
    given: &[WrittenPredicate<'_>],
    covers: &dyn Fn(&YamlNode, &YamlNode) -> bool,
) -> bool {
    let found = list_distinct_approvals(given);
    let mut places: Vec<Vec<usize>> = Vec::new();
    for approval in asked {
        let mut able = Vec::new();
        for (index, other) in found.iter().enumerate() {
            if covers(approval, other) {
                able.push(index);
            }
        }
        places.push(able);
    }
    let has_them_in_each_way = |(key, value): &WrittenPredicate<'_>| {
        let ways = list_parts(value);
        key.text == "any"
            && !ways.is_empty()
            && ways.iter().all(|way| has_approvals_for_each(asked, &list_conjuncts(way), covers))
    };
    count_assigned(&places, found.len()) == asked.len() || given.iter().any(has_them_in_each_way)
}

/// Returns the parameters of the approvals that are to come from different people.
fn list_distinct_approvals<'node>(conjuncts: &[WrittenPredicate<'node>]) -> Vec<&'node YamlNode> {
    let mut found = Vec::new();
    for (key, value) in conjuncts {
        if key.text == "approvals" && find_entry(value, "distinct").is_some() {
            found.push(*value);
        }
    }
    found
}
