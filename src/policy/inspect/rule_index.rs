//! The rules, classes and exemptions of a policy by their names: in the policy itself, and as its files write them.

use std::collections::HashMap;

use crate::policy::definition::Policy;
use crate::policy::inspect::written::{find_entry, list_entries};
use crate::policy::load::files::PolicyFile;
use crate::yaml::YamlNode;

/// Finds rules by their ids, and classes by their names, without going through all of them.
pub(crate) struct RuleIndex<'policy> {
    places: HashMap<&'policy str, usize>,
    /// The rules of each file.
    written: Vec<HashMap<&'policy str, &'policy YamlNode>>,
    /// The classes of the last file that has any.
    classes: HashMap<&'policy str, &'policy YamlNode>,
    /// The places of the exemptions from each rule, by the index of the rule.
    exemptions: HashMap<usize, Vec<usize>>,
}

impl<'policy> RuleIndex<'policy> {
    /// Looks at the rules of the policy, and at those of its files.
    pub(crate) fn index_rules(policy: &'policy Policy, files: &'policy [PolicyFile]) -> Self {
        let mut index = RuleIndex {
            places: HashMap::new(),
            written: Vec::new(),
            classes: HashMap::new(),
            exemptions: HashMap::new(),
        };
        for (place, rule) in policy.rules.iter().enumerate() {
            index.places.entry(rule.description.id.as_str()).or_insert(place);
        }
        for file in files {
            index.written.push(find_entry(&file.node, "rules").map(index_entries).unwrap_or_default());
        }
        let classes = files.iter().rev().find_map(|file| find_entry(&file.node, "classes"));
        index.classes = classes.map(index_entries).unwrap_or_default();
        for (place, exemption) in policy.exemptions.iter().enumerate() {
            index.exemptions.entry(exemption.rule_index).or_default().push(place);
        }
        index
    }

    /// Returns the index of the rule in the policy; `None` if it has none of this id.
    pub(crate) fn find_place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Returns the rule as the file at this index writes it.
    pub(crate) fn find_written(&self, file: usize, id: &str) -> Option<&'policy YamlNode> {
        self.written.get(file)?.get(id).copied()
    }

    /// Returns the value of a rule's key and the index of its file, from the last file that states it.
    pub(crate) fn find_value(&self, id: &str, key: &str) -> Option<(usize, &'policy YamlNode)> {
        self.written.iter().enumerate().rev().find_map(|(file, rules)| {
            let value = find_entry(rules.get(id).copied()?, key)?;
            Some((file, value))
        })
    }

    /// Returns true if a file that extends the one at `file` states this key of the rule as well.
    pub(crate) fn is_overridden(&self, file: usize, id: &str, key: &str) -> bool {
        let later = self.written.iter().skip(file.saturating_add(1));
        later.filter_map(|rules| rules.get(id)).any(|rule| find_entry(rule, key).is_some())
    }

    /// Returns the condition of a class as it is written.
    pub(crate) fn find_class(&self, name: &str) -> Option<&'policy YamlNode> {
        self.classes.get(name).copied()
    }

    /// Returns the places of the exemptions from the rule with this index.
    pub(crate) fn list_exemptions(&self, rule: usize) -> &[usize] {
        self.exemptions.get(&rule).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Returns the entries of a map by their names, the first one of each name.
pub(crate) fn index_entries(node: &YamlNode) -> HashMap<&str, &YamlNode> {
    let mut entries = HashMap::new();
    for (key, value) in list_entries(node) {
        entries.entry(key.text.as_str()).or_insert(value);
    }
    entries
}
