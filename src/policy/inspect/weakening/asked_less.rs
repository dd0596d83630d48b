//! Rules that are asked again of what comes from another branch, by the wording of their conditions.

use std::collections::BTreeSet;

use crate::policy::inspect::written::{find_entry, list_condition_predicates, scalar_text};
use crate::yaml::YamlNode;

/// The predicates that say on the page of a policy what `AskedAgain` says of one that is read.
const DECIDING_PREDICATES: [&str; 6] =
    ["branch", "signed", "approvals", "pusher", "window", "standard-change"];

/// Returns true if a rule that asks `value` instead of `earlier` may not be asked again of what comes from another branch,
/// or less wholly. When in doubt, it may.
pub(crate) fn may_be_asked_less(earlier: &YamlNode, value: &YamlNode) -> bool {
    let list_names = |condition| -> BTreeSet<&'static str> {
        let mut names = BTreeSet::new();
        for (key, parameters) in list_condition_predicates(condition) {
            let is_push_approval = find_entry(parameters, "by").and_then(scalar_text) == Some("pusher");
            if key.text != "approvals" || is_push_approval {
                names.extend(DECIDING_PREDICATES.iter().find(|name| **name == key.text).copied());
            }
        }
        names
    };
    let (before, after) = (list_names(earlier), list_names(value));
    ["branch", "signed", "approvals"].iter().any(|name| before.contains(name)) && !before.is_subset(&after)
}
