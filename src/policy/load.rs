//! From files to a [`Policy`], or to everything that is wrong with them.
//!
//! Files are joined base first. Names, refs, unit and classes of a later file replace those of an
//! earlier one; teams, fields and rules are joined by name, a rule key by key, so that a policy can
//! change the level of a shipped rule without repeating what it asks. Places are kept throughout: a
//! fault is reported where it was written, whichever file that is.

use std::sync::Arc;

use super::files::{Fetched, Files};
use super::{Class, Exemption, FaultyFile, Policy, PolicyErrors, Rule, Unit};
use crate::pattern::RefPattern;
use crate::people::People;
use crate::predicates::{Condition, Known};
use crate::verdict::{Level, RuleName};
use crate::vocabulary::Vocabulary;
use crate::yaml::decode::{Map, choice, day, each, entries, items, text, texts, unknown};
use crate::yaml::{self, Fault, Key, Node, Place, Value, shown};

/// Every key that a policy file may have at its top.
const KEYS: [&str; 13] = [
    "changegate",
    "name",
    "owner",
    "review-by",
    "extends",
    "protects",
    "unit",
    "people",
    "fields",
    "classes",
    "rules",
    "exemptions",
    "summary",
];

/// Loads the policy called `entry`: a pack's name, or a path that `fetch` understands.
///
/// # Errors
///
/// Returns every fault of every file. A file that cannot be fetched is one, as is a policy that
/// protects nothing, has no rule that denies, or refers to what does not exist.
pub fn load(entry: &str, fetch: &mut dyn FnMut(&str) -> Fetched) -> Result<Policy, PolicyErrors> {
    let mut files = Files::gather(entry, fetch)?;
    let nodes: Vec<Node> = files.files.iter().map(|file| file.node.clone()).collect();
    let mut loader = Loader { nodes: &nodes, faults: vec![Vec::new(); nodes.len()] };
    loader.check_keys();
    let vocabulary = loader.vocabulary();
    let mut people = loader.people();
    let roster = loader.roster(&mut people, fetch);
    let digest = files.digest(roster.as_ref().map(|file| (file.name.as_str(), file.source.as_slice())));
    let policy = loader.policy(people, vocabulary, digest, entry);
    for (file, faults) in files.files.iter_mut().zip(loader.faults) {
        file.faults.extend(faults);
    }
    let mut faulty = files.faulty();
    faulty.extend(roster.filter(|roster| !roster.faults.is_empty()));
    match policy {
        Some(policy) if faulty.is_empty() => Ok(policy),
        _ => Err(PolicyErrors { files: faulty }),
    }
}

struct Loader<'nodes> {
    nodes: &'nodes [Node],
    faults: Vec<Vec<Fault>>,
}

/// A value and the file that it is from.
#[derive(Clone, Copy)]
struct From<'node> {
    file: usize,
    node: &'node Node,
}

/// A rule as it is written, its keys joined over all files.
struct Written<'node> {
    id: &'node Key,
    file: usize,
    keys: Vec<(&'node Key, From<'node>)>,
}

impl<'nodes> Loader<'nodes> {
    fn fault(&mut self, file: usize, fault: Fault) {
        if let Some(faults) = self.faults.get_mut(file) {
            faults.push(fault);
        }
    }

    /// Runs `read` with the faults of `file`.
    fn within<T>(&mut self, file: usize, read: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        let mut faults = self.faults.get_mut(file).map(std::mem::take).unwrap_or_default();
        let value = read(&mut faults);
        if let Some(kept) = self.faults.get_mut(file) {
            *kept = faults;
        }
        value
    }

    /// Returns every statement of `key`, base first.
    fn all(&self, key: &str) -> Vec<From<'nodes>> {
        let value = |node: &'nodes Node| match &node.value {
            Value::Map(entries) => entries.iter().find(|(given, _)| given.text == key).map(|(_, node)| node),
            _ => None,
        };
        let nodes: &'nodes [Node] = self.nodes;
        nodes.iter().enumerate().filter_map(|(file, node)| Some(From { file, node: value(node)? })).collect()
    }

    /// Returns the statement of `key` that counts, which is the last.
    fn last(&self, key: &str) -> Option<From<'nodes>> {
        self.all(key).last().copied()
    }

    fn check_keys(&mut self) {
        for (file, node) in self.nodes.iter().enumerate() {
            self.within(file, |faults| {
                let keys = match &node.value {
                    Value::Map(entries) => entries.as_slice(),
                    _ => {
                        faults.push(Fault::new(node.at, format!("a policy is a map, and this is {}", node.kind())));
                        return;
                    }
                };
                for (key, _) in keys.iter().filter(|(key, _)| !KEYS.contains(&key.text.as_str())) {
                    faults.push(unknown("key", key, KEYS));
                }
                match keys.iter().find(|(key, _)| key.text == "changegate") {
                    None => faults.push(
                        Fault::new(node.at, "`changegate: 1` is missing").help("the first line says which format this is"),
                    ),
                    Some((_, version)) if !matches!(&version.value, Value::Scalar { text, plain: true } if text == "1") => {
                        faults.push(Fault::new(version.at, "this binary reads format 1 and no other"));
                    }
                    Some(_) => {}
                }
            });
        }
    }

    fn vocabulary(&mut self) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for From { file, node } in self.all("fields") {
            self.within(file, |faults| vocabulary.read(node, faults));
        }
        vocabulary
    }

    fn people(&mut self) -> People {
        let mut people = People::default();
        for From { file, node } in self.all("people") {
            people.extend(self.within(file, |faults| People::read(node, faults)));
        }
        people
    }

    /// Reads the roster, if the policy names one; returns it with what is wrong with it.
    fn roster(&mut self, people: &mut People, fetch: &mut dyn FnMut(&str) -> Fetched) -> Option<FaultyFile> {
        let name = people.roster.clone()?;
        let From { file, node } = self.last("people")?;
        let mut roster = FaultyFile { name: name.clone(), ..FaultyFile::default() };
        match fetch(&name) {
            Ok(Some(source)) => {
                match yaml::read(&source) {
                    Ok(node) => people.read_roster(&node, &mut roster.faults),
                    Err(faults) => roster.faults = faults,
                }
                roster.source = source;
            }
            Ok(None) => {
                self.fault(file, Fault::new(node.at, format!("there is no roster `{}`", shown(&name))))
            }
            Err(why) => {
                self.fault(file, Fault::new(node.at, format!("`{}` cannot be read: {why}", shown(&name))))
            }
        }
        Some(roster)
    }

    fn policy(
        &mut self,
        people: People,
        vocabulary: Vocabulary,
        digest: String,
        entry: &str,
    ) -> Option<Policy> {
        let top = self.nodes.len().checked_sub(1)?;
        let start = Place { line: 1, column: 1, length: 1 };
        let mut words = |key: &str| {
            let From { file, node } = self.last(key)?;
            self.within(file, |faults| text(node, faults)).map(str::to_owned)
        };
        let name = words("name").unwrap_or_else(|| entry.to_owned());
        let owner = words("owner");
        words("summary");
        let review_by =
            self.last("review-by").and_then(|at| self.within(at.file, |faults| day(at.node, faults)));
        let protects = match self.last("protects") {
            Some(at) => self.within(at.file, |faults| each(at.node, faults, RefPattern::new)),
            None => {
                self.fault(top, Fault::new(start, "`protects` is missing").help("as in `protects: [main]`"));
                Vec::new()
            }
        };
        let unit = self.last("unit").and_then(|at| {
            let units = [("step", Unit::Step), ("commit", Unit::Commit)];
            self.within(at.file, |faults| choice(at.node, &units, faults))
        });
        let known = Known { vocabulary: &vocabulary, people: &people, may_owe: false };
        let classes = self.classes(&known);
        let written = self.written_rules();
        let ids: Vec<&str> = written.iter().map(|rule| rule.id.text.as_str()).collect();
        let rules: Vec<(String, Option<Rule>)> =
            written.iter().map(|rule| (rule.id.text.clone(), self.rule(rule, &classes, &known))).collect();
        let exemptions = self.exemptions(&ids, &rules, &known);
        let rules: Vec<Rule> = rules.into_iter().filter_map(|(_, rule)| rule).collect();
        if !rules.iter().any(|rule| rule.level == Level::Deny) && self.faults.iter().all(Vec::is_empty) {
            self.fault(top, Fault::new(start, "no rule of this policy denies anything"));
        }
        Some(Policy {
            name,
            owner,
            review_by,
            digest,
            protects,
            unit: unit.unwrap_or_default(),
            people: people.clone(),
            vocabulary: vocabulary.clone(),
            classes,
            rules,
            exemptions,
        })
    }

    fn classes(&mut self, known: &Known<'_>) -> Vec<Class> {
        let Some(From { file, node }) = self.last("classes") else { return Vec::new() };
        self.within(file, |faults| {
            let classes: Vec<Class> = entries(node, faults)
                .iter()
                .filter_map(|(key, node)| {
                    Some(Class { name: key.text.clone(), when: Condition::read(node, known, faults)? })
                })
                .collect();
            if let Some(swallowing) = classes.iter().position(|class| class.when.is_empty())
                && swallowing + 1 < classes.len()
            {
                let name = classes.get(swallowing).map(|class| class.name.clone()).unwrap_or_default();
                faults.push(
                    Fault::new(
                        node.at,
                        format!(
                            "every change is of the class `{}`, so no later one is reached",
                            shown(&name)
                        ),
                    )
                    .help("move it to the end"),
                );
            }
            classes
        })
    }

    fn written_rules(&mut self) -> Vec<Written<'nodes>> {
        let mut written: Vec<Written<'nodes>> = Vec::new();
        for From { file, node } in self.all("rules") {
            let rules = self.within(file, |faults| entries(node, faults));
            for (id, node) in rules {
                let keys = self.within(file, |faults| entries(node, faults));
                let keys = keys.iter().map(|(key, node)| (key, From { file, node }));
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
    fn rule(&mut self, written: &Written<'nodes>, classes: &[Class], known: &Known<'_>) -> Option<Rule> {
        const RULE_KEYS: [&str; 9] =
            ["title", "why", "controls", "for", "when", "require", "level", "reason", "until"];
        let id = &written.id.text;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            let what = format!("`{}` cannot be a rule's id: only a-z, 0-9 and `-`", shown(id));
            self.fault(written.file, Fault::new(written.id.at, what));
        }
        for (key, from) in &written.keys {
            if !RULE_KEYS.contains(&key.text.as_str()) {
                self.fault(from.file, unknown("key", key, RULE_KEYS));
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
        let when = match get("when") {
            Some(from) => Some(self.within(from.file, |faults| Condition::read(from.node, known, faults))?),
            None => None,
        };
        let owing = Known { may_owe: true, ..*known };
        let require = match get("require") {
            Some(from) => self.within(from.file, |faults| {
                let condition = Condition::read(from.node, &owing, faults)?;
                if condition.is_empty() {
                    faults.push(Fault::new(from.node.at, "this asks nothing"));
                }
                Some(condition)
            }),
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
            when: when.filter(|when| !when.is_empty()),
            require: require?,
        })
    }

    /// Returns how hard a rule is; `None` if it is switched off.
    fn level(
        &mut self,
        written: &Written<'_>,
        from: Option<From<'_>>,
        reason: bool,
        until: bool,
    ) -> Option<Level> {
        let Some(From { file, node }) = from else { return Some(Level::Deny) };
        let levels = [("deny", Some(Level::Deny)), ("warn", Some(Level::Warn)), ("off", None)];
        let level = self.within(file, |faults| choice(node, &levels, faults)).unwrap_or(Some(Level::Deny));
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

    fn exemptions(
        &mut self,
        ids: &[&str],
        rules: &[(String, Option<Rule>)],
        known: &Known<'_>,
    ) -> Vec<Exemption> {
        let mut exemptions = Vec::new();
        for From { file, node } in self.all("exemptions") {
            let found: Vec<Exemption> = self.within(file, |faults| {
                items(node, faults)
                    .iter()
                    .filter_map(|item| exemption(item, ids, rules, known, faults))
                    .collect()
            });
            exemptions.extend(found);
        }
        exemptions
    }
}

fn class_places(node: &Node, classes: &[Class], faults: &mut Vec<Fault>) -> Vec<usize> {
    let mut places = Vec::new();
    for name in texts(node, faults) {
        match classes.iter().position(|class| class.name == name) {
            Some(place) => places.push(place),
            None => {
                let key = Key { at: node.at, text: name.to_owned() };
                faults.push(unknown("class", &key, classes.iter().map(|class| class.name.as_str())));
            }
        }
    }
    places
}

fn exemption(
    node: &Node,
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
        place: format!("line {}", node.at.line),
    })
}
