//! The exemptions of two policies.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::policy::difference::effective_policy::EffectivePolicy;
use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};
use crate::policy::difference::wording::{IS_GONE, NEW_UNTIL, OTHER_UNTIL, PART_EXEMPTION};
use crate::policy::difference::written_parts::write_value;
use crate::policy::inspect::written::{find_entry, scalar_text};
use crate::verdict::Message;
use crate::yaml::{YamlNode, shorten_for_message};

/// Adds which exemptions are new, which are gone, and which end on another day.
pub(crate) fn compare_exemptions(
    old: &EffectivePolicy<'_>,
    new: &EffectivePolicy<'_>,
    differences: &mut Vec<PolicyDifference>,
) {
    let write_all = |exemptions: &[&YamlNode]| -> HashSet<String> {
        exemptions.iter().map(|exemption| write_value(exemption)).collect()
    };
    let (before, after) = (write_all(&old.exemptions), write_all(&new.exemptions));
    let (mut gone, mut added) = (old.exemptions.clone(), new.exemptions.clone());
    gone.retain(|one| !after.contains(&write_value(one)));
    added.retain(|one| !before.contains(&write_value(one)));
    let mut found: Vec<(PolicyDirection, Message, Message)> = Vec::new();
    // What is the same but for its end is told as such.
    let write_scope = |exemption: &YamlNode| -> [Option<String>; 2] {
        ["rule", "when"].map(|key| find_entry(exemption, key).map(write_value))
    };
    let mut alike: HashMap<[Option<String>; 2], VecDeque<usize>> = HashMap::new();
    for (place, exemption) in gone.iter().enumerate() {
        alike.entry(write_scope(exemption)).or_default().push_back(place);
    }
    let mut is_found: HashSet<usize> = HashSet::new();
    for exemption in added {
        let rule = find_entry(exemption, "rule").and_then(scalar_text).unwrap_or_default();
        let part = PART_EXEMPTION.with("rule", shorten_for_message(rule));
        let until = |node| find_entry(node, "until").and_then(scalar_text).unwrap_or_default();
        let known = alike.get_mut(&write_scope(exemption)).and_then(VecDeque::pop_front);
        let Some(earlier) = known.and_then(|place| gone.get(place)) else {
            found.push((
                PolicyDirection::Looser,
                part,
                NEW_UNTIL.with("until", shorten_for_message(until(exemption))),
            ));
            continue;
        };
        is_found.extend(known);
        // Days are written so that the order of their texts is theirs.
        let (before, after) = (until(earlier), until(exemption));
        match before.cmp(after) {
            std::cmp::Ordering::Equal => {}
            order => {
                let is_longer = order == std::cmp::Ordering::Less;
                let direction = if is_longer { PolicyDirection::Looser } else { PolicyDirection::Stricter };
                let what = OTHER_UNTIL.with("before", shorten_for_message(before));
                found.push((direction, part, what.with("after", shorten_for_message(after))));
            }
        }
    }
    let gone = gone.into_iter().enumerate().filter(|(place, _)| !is_found.contains(place));
    for (_, exemption) in gone {
        let rule = find_entry(exemption, "rule").and_then(scalar_text).unwrap_or_default();
        let part = PART_EXEMPTION.with("rule", shorten_for_message(rule));
        found.push((PolicyDirection::Stricter, part, Message::from(&IS_GONE)));
    }
    for (direction, part, what) in found {
        differences.push(PolicyDifference { direction, part, what });
    }
}
