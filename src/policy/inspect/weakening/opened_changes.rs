//! Rules that open what a shared base closes by having no rule for it.
//!
//! A change that no denying rule applies to is denied as `no-rule-applies`. A rule more ends that for the changes that it is
//! about, whatever it asks of them, so that it allows what the base denies.

use std::collections::HashMap;

use crate::policy::inspect::covered_questions::covers_conjuncts;
use crate::policy::inspect::written::{
    find_entry, is_same_value, list_conjuncts, list_entries, list_texts, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::yaml::{YamlKey, YamlNode};

/// Which changes a rule is about, and how it judges them, as far as files say it.
#[derive(Clone, Copy, Default)]
struct JoinedRuleScope<'files> {
    level: Option<&'files YamlNode>,
    classes: Option<&'files YamlNode>,
    spared: Option<&'files YamlNode>,
    when: Option<&'files YamlNode>,
}

impl<'files> JoinedRuleScope<'files> {
    /// Adds what a later file says of the rule.
    fn add_keys(&mut self, rule: &'files YamlNode) {
        self.level = find_entry(rule, "level").or(self.level);
        self.classes = find_entry(rule, "for").or(self.classes);
        self.spared = find_entry(rule, "not-for").or(self.spared);
        self.when = find_entry(rule, "when").or(self.when);
    }

    fn has_level(&self, level: &str) -> bool {
        self.level.and_then(scalar_text).unwrap_or("deny") == level
    }

    /// Returns true if the rule is about changes of a class, or of any, whatever else they are.
    fn is_always_asked(&self) -> bool {
        self.when.is_none_or(|when| list_entries(when).is_empty())
    }

    fn is_for_class(&self, class: &str) -> bool {
        let names = |node| list_texts(node).contains(&class);
        self.classes.is_none_or(names) && !self.spared.is_some_and(names)
    }

    /// Returns true if the rule is about all changes that `other` is about, as far as the wording shows it.
    fn covers_rule(&self, other: &JoinedRuleScope<'_>) -> bool {
        let covers_classes = match (self.classes, other.classes) {
            (None, _) => true,
            (Some(all), Some(some)) => {
                let all = list_texts(all);
                list_texts(some).iter().all(|class| all.contains(class))
            }
            (Some(_), None) => false,
        };
        let spares_no_more =
            self.spared.is_none_or(|spared| other.spared.is_some_and(|other| is_same_value(spared, other)));
        let asked = self.when.map(list_conjuncts).unwrap_or_default();
        covers_classes
            && spares_no_more
            && covers_conjuncts(&asked, &other.when.map(list_conjuncts).unwrap_or_default())
    }
}

/// Returns the rules of `file` that are about changes which no denying rule of the files before it is about.
///
/// Files without such a rule leave it to others to say what is asked, so that nothing is opened then.
pub(super) fn list_opening_rules<'file>(
    earlier: &[&PolicyFile],
    file: &'file PolicyFile,
) -> Vec<(&'file YamlKey, &'file YamlNode)> {
    let mut known: HashMap<&str, JoinedRuleScope<'_>> = HashMap::new();
    for base in earlier {
        for (id, rule) in find_entry(&base.node, "rules").map(list_entries).unwrap_or_default() {
            known.entry(&id.text).or_default().add_keys(rule);
        }
    }
    let denying: Vec<&JoinedRuleScope<'_>> = known.values().filter(|rule| rule.has_level("deny")).collect();
    if denying.is_empty() || covers_every_class(earlier, &denying) {
        return Vec::new();
    }
    let mut opening = Vec::new();
    for (id, rule) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default() {
        let mut reach = known.get(id.text.as_str()).copied().unwrap_or_default();
        reach.add_keys(rule);
        // A warning denies once its time is over.
        if !reach.has_level("off") && !denying.iter().any(|base| base.covers_rule(&reach)) {
            opening.push((id, rule));
        }
    }
    opening
}

/// Returns true if a rule is about every change, or if each change is of a class that a rule is about.
fn covers_every_class(earlier: &[&PolicyFile], denying: &[&JoinedRuleScope<'_>]) -> bool {
    let asked: Vec<&&JoinedRuleScope<'_>> = denying.iter().filter(|rule| rule.is_always_asked()).collect();
    if asked.iter().any(|rule| rule.classes.is_none() && rule.spared.is_none()) {
        return true;
    }
    let classes = earlier.iter().rev().find_map(|base| find_entry(&base.node, "classes"));
    let classes = classes.map(list_entries).unwrap_or_default();
    classes.iter().any(|(_, when)| list_entries(when).is_empty())
        && classes.iter().all(|(class, _)| asked.iter().any(|rule| rule.is_for_class(&class.text)))
}
