//! The rules of a policy, and what is exempt from them: joined by id over all files, then read.

use std::sync::Arc;

use crate::policy::load::{PolicyLoader, SourcedNode};
use crate::policy::{ChangeClass, Rule, RuleExemption};
use crate::predicates::{Condition, PolicyScope};
use crate::verdict::{RuleDescription, RuleLevel};
use crate::yaml::decode::{
    MapReader, is_misspelt_key, read_choice, read_day, read_entries, read_items, read_text, read_texts,
    unknown_word_fault,
};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// Every key that a rule may have, and what it says.
pub(crate) const RULE_KEYS: [(&str, &str); 9] = [
    ("title", "What the rule asks, as a sentence; its id in words if it is left out."),
    ("why", "Why the rule is there."),
    ("controls", "The controls that the rule supports, such as `iso27001:A.8.32`."),
    ("for", "The classes that the rule is for; all of them if it is left out."),
    ("when", "Which changes the rule is about, beside their class."),
    ("require", "What is asked of them."),
    ("level", "How hard the rule is; `warn` and `off` take a `reason`, `warn` also an `until`."),
    ("reason", "Why the rule is weakened."),
    ("until", "The last day on which the rule only warns."),
];

/// How hard a rule can be, by its word; `None` is a rule that is switched off.
pub(crate) const LEVEL_WORDS: [(&str, Option<RuleLevel>); 3] =
    [("deny", Some(RuleLevel::Deny)), ("warn", Some(RuleLevel::Warn)), ("off", None)];

/// A rule as it is written, its keys joined over all files.
pub(crate) struct WrittenRule<'node> {
    pub(crate) id: &'node YamlKey,
    file: usize,
    keys: Vec<(&'node YamlKey, SourcedNode<'node>)>,
}

impl<'nodes> PolicyLoader<'nodes> {
    pub(crate) fn join_written_rules(&mut self) -> Vec<WrittenRule<'nodes>> {
        let mut written: Vec<WrittenRule<'nodes>> = Vec::new();
        for SourcedNode { file, node } in self.find_nodes("rules") {
            let rules = self.with_file_faults(file, |faults| read_entries(node, faults));
            for (id, node) in rules {
                let keys = self.with_file_faults(file, |faults| read_entries(node, faults));
                let keys = keys.iter().map(|(key, node)| (key, SourcedNode { file, node }));
                match written.iter_mut().find(|rule| rule.id.text == id.text) {
                    None => written.push(WrittenRule { id, file, keys: keys.collect() }),
                    Some(rule) => {
                        for (key, from) in keys {
                            rule.keys.retain(|(known, _)| known.text != key.text);
                            rule.keys.push((key, from));
                        }
                        rule.id = id;
                        rule.file = file;
                    }
                }
            }
        }
        written
    }

    /// Reads a rule; `None` if it is switched off or has a fault.
    pub(crate) fn read_rule(
        &mut self,
        written: &WrittenRule<'nodes>,
        classes: &[ChangeClass],
        known: &PolicyScope<'_>,
    ) -> Option<Rule> {
        let id = &written.id.text;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            let what = format!("`{}` cannot be a rule's id: only a-z, 0-9 and `-`", shorten_for_message(id));
            self.add_fault(written.file, YamlFault::new(written.id.at, what));
        }
        let known_keys = RULE_KEYS.map(|(key, _)| key);
        for (key, from) in &written.keys {
            if !known_keys.contains(&key.text.as_str()) {
                self.add_fault(from.file, unknown_word_fault("key", key, known_keys));
            }
        }
        let get = |key: &str| written.keys.iter().find(|(known, _)| known.text == key).map(|(_, from)| *from);
        let mut words = |key: &str| {
            let from = get(key)?;
            self.with_file_faults(from.file, |faults| read_text(from.node, faults)).map(str::to_owned)
        };
        let title = words("title").unwrap_or_else(|| id.replace('-', " "));
        let why = words("why");
        let reason = words("reason");
        let controls = get("controls").map(|from| {
            self.with_file_faults(from.file, |faults| {
                read_texts(from.node, faults).into_iter().map(str::to_owned).collect()
            })
        });
        let of_classes = get("for").map(|from| {
            self.with_file_faults(from.file, |faults| read_class_indexes(from.node, classes, faults))
        });
        let when = get("when").map(|from| {
            self.with_file_faults(from.file, |faults| Condition::read_condition(from.node, known, faults))
        });
        let owing = PolicyScope { allows_obligations: true, ..*known };
        let require = match get("require") {
            Some(from) => self.with_file_faults(from.file, |faults| {
                let condition = Condition::read_condition(from.node, &owing, faults)?;
                if condition.is_empty() {
                    faults.push(YamlFault::new(from.node.at, "this asks nothing"));
                }
                Some(condition)
            }),
            // One that is misspelt has been told, with the right word.
            None if written.keys.iter().any(|(key, _)| is_misspelt_key(key, "require", known_keys)) => None,
            None => {
                self.add_fault(
                    written.file,
                    YamlFault::new(
                        written.id.at,
                        format!("`{}` asks nothing: `require` is missing", shorten_for_message(id)),
                    ),
                );
                None
            }
        };
        let until = get("until")
            .and_then(|from| self.with_file_faults(from.file, |faults| read_day(from.node, faults)));
        let level = self.read_level(written, get("level"), reason.is_some(), until.is_some())?;
        Some(Rule {
            name: Arc::new(RuleDescription { id: id.clone(), title, controls: controls.unwrap_or_default() }),
            why,
            level,
            warn_until: until,
            class_indexes: of_classes,
            when: when.map_or(Some(None), |when| when.map(Some))?.filter(|when| !when.is_empty()),
            require: require?,
        })
    }

    /// Returns how hard a rule is; `None` if it is switched off.
    fn read_level(
        &mut self,
        written: &WrittenRule<'_>,
        from: Option<SourcedNode<'_>>,
        reason: bool,
        until: bool,
    ) -> Option<RuleLevel> {
        let Some(SourcedNode { file, node }) = from else { return Some(RuleLevel::Deny) };
        let level = self
            .with_file_faults(file, |faults| read_choice(node, &LEVEL_WORDS, faults))
            .unwrap_or(Some(RuleLevel::Deny));
        let id = shorten_for_message(&written.id.text);
        if level != Some(RuleLevel::Deny) && !reason {
            self.add_fault(
                file,
                YamlFault::new(node.at, format!("`{id}` is weakened, and no `reason` says why")),
            );
        }
        if level == Some(RuleLevel::Warn) && !until {
            self.add_fault(
                file,
                YamlFault::new(node.at, format!("`{id}` only warns, and no `until` says for how long"))
                    .with_help("after that day it denies"),
            );
        }
        level
    }

    pub(crate) fn read_exemptions(
        &mut self,
        ids: &[&str],
        rules: &[(String, Option<Rule>)],
        known: &PolicyScope<'_>,
    ) -> Vec<RuleExemption> {
        let mut exemptions = Vec::new();
        for SourcedNode { file, node } in self.find_nodes("exemptions") {
            let name = self.file_name(file);
            let found: Vec<RuleExemption> = self.with_file_faults(file, |faults| {
                read_items(node, faults)
                    .iter()
                    .filter_map(|item| read_exemption(item, name, ids, rules, known, faults))
                    .collect()
            });
            exemptions.extend(found);
        }
        exemptions
    }
}

fn read_class_indexes(node: &YamlNode, classes: &[ChangeClass], faults: &mut Vec<YamlFault>) -> Vec<usize> {
    let mut places = Vec::new();
    for item in read_items(node, faults) {
        let Some(name) = read_text(item, faults) else { continue };
        match classes.iter().position(|class| class.name == name) {
            Some(place) => places.push(place),
            None => {
                let key = YamlKey { at: item.at, text: name.to_owned() };
                faults.push(unknown_word_fault(
                    "class",
                    &key,
                    classes.iter().map(|class| class.name.as_str()),
                ));
            }
        }
    }
    places
}

pub(crate) fn read_exemption(
    node: &YamlNode,
    file: &str,
    ids: &[&str],
    rules: &[(String, Option<Rule>)],
    known: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<RuleExemption> {
    let mut map = MapReader::new(node, faults)?;
    let rule = map.require_key("rule", faults).and_then(|node| {
        let id = read_text(node, faults)?;
        if !ids.contains(&id) {
            let key = YamlKey { at: node.at, text: id.to_owned() };
            faults.push(unknown_word_fault("rule", &key, ids.iter().copied()));
        }
        // Rules that are switched off have no place; an exemption from one is without effect.
        let standing = rules.iter().filter(|(_, rule)| rule.is_some());
        standing.map(|(id, _)| id.as_str()).position(|known| known == id)
    });
    let when = map.require_key("when", faults).and_then(|node| {
        let condition = Condition::read_condition(node, known, faults)?;
        if condition.is_empty() {
            faults.push(
                YamlFault::new(node.at, "this exempts every change")
                    .with_help("switch the rule off instead, with a reason"),
            );
        }
        Some(condition)
    });
    let mut words = |key: &'static str| map.require_key(key, faults).and_then(|node| read_text(node, faults));
    let reason = words("reason");
    let approved_by = words("approved-by");
    let until = map.require_key("until", faults).and_then(|node| read_day(node, faults));
    map.refuse_unknown_keys(faults);
    Some(RuleExemption {
        rule_index: rule?,
        when: when?,
        reason: reason?.to_owned(),
        approved_by: approved_by?.to_owned(),
        until: until?,
        place: format!("{file}:{}", node.at.line),
    })
}
