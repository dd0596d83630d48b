//! The rules of a policy, and what is exempt from them: joined by id over all files, then read.

use std::sync::Arc;

use super::load::{Given, Loader};
use super::{Class, Exemption, Rule};
use crate::predicates::{Condition, Known};
use crate::verdict::{Level, RuleName};
use crate::yaml::decode::{Map, choice, day, entries, is_meant, items, text, texts, unknown};
use crate::yaml::{Fault, Key, Node, shown};

/// Every key that a rule may have, and what it says.
pub(super) const KEYS: [(&str, &str); 9] = [
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
pub(super) const LEVELS: [(&str, Option<Level>); 3] =
    [("deny", Some(Level::Deny)), ("warn", Some(Level::Warn)), ("off", None)];

/// A rule as it is written, its keys joined over all files.
pub(super) struct Written<'node> {
    pub(super) id: &'node Key,
    file: usize,
    keys: Vec<(&'node Key, Given<'node>)>,
}

impl<'nodes> Loader<'nodes> {
    pub(super) fn written_rules(&mut self) -> Vec<Written<'nodes>> {
        let mut written: Vec<Written<'nodes>> = Vec::new();
        for Given { file, node } in self.all("rules") {
            let rules = self.within(file, |faults| entries(node, faults));
            for (id, node) in rules {
                let keys = self.within(file, |faults| entries(node, faults));
                let keys = keys.iter().map(|(key, node)| (key, Given { file, node }));
                match written.iter_mut().find(|rule| rule.id.text == id.text) {
                    None => written.push(Written { id, file, keys: keys.collect() }),
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
    pub(super) fn rule(
        &mut self,
        written: &Written<'nodes>,
        classes: &[Class],
        known: &Known<'_>,
    ) -> Option<Rule> {
        let id = &written.id.text;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            let what = format!("`{}` cannot be a rule's id: only a-z, 0-9 and `-`", shown(id));
            self.fault(written.file, Fault::new(written.id.at, what));
        }
        let known_keys = KEYS.map(|(key, _)| key);
        for (key, from) in &written.keys {
            if !known_keys.contains(&key.text.as_str()) {
                self.fault(from.file, unknown("key", key, known_keys));
            }
        }
        let get = |key: &str| written.keys.iter().find(|(known, _)| known.text == key).map(|(_, from)| *from);
        let mut words = |key: &str| {
            let from = get(key)?;
            self.within(from.file, |faults| text(from.node, faults)).map(str::to_owned)
        };
        let title = words("title").unwrap_or_else(|| id.replace('-', " "));
        let why = words("why");
        let reason = words("reason");
        let controls = get("controls").map(|from| {
            self.within(from.file, |faults| texts(from.node, faults).into_iter().map(str::to_owned).collect())
        });
        let of_classes =
            get("for").map(|from| self.within(from.file, |faults| class_places(from.node, classes, faults)));
        let when = get("when")
            .map(|from| self.within(from.file, |faults| Condition::read(from.node, known, faults)));
        let owing = Known { may_owe: true, ..*known };
        let require = match get("require") {
            Some(from) => self.within(from.file, |faults| {
                let condition = Condition::read(from.node, &owing, faults)?;
                if condition.is_empty() {
                    faults.push(Fault::new(from.node.at, "this asks nothing"));
                }
                Some(condition)
            }),
            // One that is misspelt has been told, with the right word.
            None if written.keys.iter().any(|(key, _)| is_meant(key, "require", known_keys)) => None,
            None => {
                self.fault(
                    written.file,
                    Fault::new(written.id.at, format!("`{}` asks nothing: `require` is missing", shown(id))),
                );
                None
            }
        };
        let until = get("until").and_then(|from| self.within(from.file, |faults| day(from.node, faults)));
        let level = self.level(written, get("level"), reason.is_some(), until.is_some())?;
        Some(Rule {
            name: Arc::new(RuleName { id: id.clone(), title, controls: controls.unwrap_or_default() }),
            why,
            level,
            warn_until: until,
            classes: of_classes,
            when: when.map_or(Some(None), |when| when.map(Some))?.filter(|when| !when.is_empty()),
            require: require?,
        })
    }

    /// Returns how hard a rule is; `None` if it is switched off.
    fn level(
        &mut self,
        written: &Written<'_>,
        from: Option<Given<'_>>,
        reason: bool,
        until: bool,
    ) -> Option<Level> {
        let Some(Given { file, node }) = from else { return Some(Level::Deny) };
        let level = self.within(file, |faults| choice(node, &LEVELS, faults)).unwrap_or(Some(Level::Deny));
        let id = shown(&written.id.text);
        if level != Some(Level::Deny) && !reason {
            self.fault(file, Fault::new(node.at, format!("`{id}` is weakened, and no `reason` says why")));
        }
        if level == Some(Level::Warn) && !until {
            self.fault(
                file,
                Fault::new(node.at, format!("`{id}` only warns, and no `until` says for how long"))
                    .help("after that day it denies"),
            );
        }
        level
    }

    pub(super) fn exemptions(
        &mut self,
        ids: &[&str],
        rules: &[(String, Option<Rule>)],
        known: &Known<'_>,
    ) -> Vec<Exemption> {
        let mut exemptions = Vec::new();
        for Given { file, node } in self.all("exemptions") {
            let name = self.name(file);
            let found: Vec<Exemption> = self.within(file, |faults| {
                items(node, faults)
                    .iter()
                    .filter_map(|item| exemption(item, name, ids, rules, known, faults))
                    .collect()
            });
            exemptions.extend(found);
        }
        exemptions
    }
}

fn class_places(node: &Node, classes: &[Class], faults: &mut Vec<Fault>) -> Vec<usize> {
    let mut places = Vec::new();
    for item in items(node, faults) {
        let Some(name) = text(item, faults) else { continue };
        match classes.iter().position(|class| class.name == name) {
            Some(place) => places.push(place),
            None => {
                let key = Key { at: item.at, text: name.to_owned() };
                faults.push(unknown("class", &key, classes.iter().map(|class| class.name.as_str())));
            }
        }
    }
    places
}

pub(super) fn exemption(
    node: &Node,
    file: &str,
    ids: &[&str],
    rules: &[(String, Option<Rule>)],
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Exemption> {
    let mut map = Map::new(node, faults)?;
    let rule = map.require("rule", faults).and_then(|node| {
        let id = text(node, faults)?;
        if !ids.contains(&id) {
            let key = Key { at: node.at, text: id.to_owned() };
            faults.push(unknown("rule", &key, ids.iter().copied()));
        }
        // Rules that are switched off have no place; an exemption from one is without effect.
        let standing = rules.iter().filter(|(_, rule)| rule.is_some());
        standing.map(|(id, _)| id.as_str()).position(|known| known == id)
    });
    let when = map.require("when", faults).and_then(|node| {
        let condition = Condition::read(node, known, faults)?;
        if condition.is_empty() {
            faults.push(
                Fault::new(node.at, "this exempts every change")
                    .help("switch the rule off instead, with a reason"),
            );
        }
        Some(condition)
    });
    let mut words = |key: &'static str| map.require(key, faults).and_then(|node| text(node, faults));
    let reason = words("reason");
    let approved_by = words("approved-by");
    let until = map.require("until", faults).and_then(|node| day(node, faults));
    map.finish(faults);
    Some(Exemption {
        rule: rule?,
        when: when?,
        reason: reason?.to_owned(),
        approved_by: approved_by?.to_owned(),
        until: until?,
        place: format!("{file}:{}", node.at.line),
    })
}
