//! Rules: joined by id over all files, then read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::policy::definition::{Rule, SwitchedOffRule};
use crate::policy::inspect::written::{list_texts, scalar_text};
use crate::policy::load::classes::ClassIndex;
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::policy::packs::find_pack;
use crate::policy::remote_file::{MAY_BE_WEAKENED, WITH_REASON};
use crate::predicates::support::condition::Condition;
use crate::predicates::{PolicyScope, Predicate};
use crate::verdict::{RuleDescription, RuleId, RuleLevel};
use crate::yaml::decode::{
    is_misspelt_key, read_choice, read_day, read_entries, read_items, read_text, read_texts,
    unknown_word_fault,
};
use crate::yaml::{
    ExpectedValue, YamlFault, YamlKey, YamlNode, YamlValue, refuse_unbracketed_items, shorten_for_message,
};

/// Every key that a rule may have, with its description.
pub(crate) const RULE_KEYS: [(&str, &str); 11] = [
    ("title", "What the rule asks, in a few words; the id in words if it is left out."),
    ("why", "Why the rule exists."),
    ("controls", "The controls that the rule supports, such as `iso27001:A.8.32`."),
    ("for", "The classes that the rule applies to; all of them if it is left out."),
    ("not-for", "The classes that the rule does not apply to."),
    ("when", "Which changes the rule applies to, beside their class."),
    ("require", "What the rule requires of them."),
    (
        "level",
        "Whether the rule denies, warns, or is off; `warn` and `off` need a `reason`, `warn` also an `until`.",
    ),
    ("reason", "Why the rule is weakened."),
    ("until", "The last day on which the rule only warns."),
    (
        MAY_BE_WEAKENED,
        "For a policy that other repositories extend: `with-reason` lets them weaken the rule; otherwise they can only tighten it.",
    ),
];

/// The classes that a policy with classes of its own may leave out although rules of a pack name them: a
/// change that would be of one of them is then of a class that is asked for more.
const OPTIONAL_CLASSES: [&str; 4] = ["docs", "pipeline", "pipeline-emergency", "record"];

/// The levels of a rule, by their words; `None` is a rule that is switched off.
pub(crate) const LEVEL_WORDS: [(&str, Option<RuleLevel>); 3] =
    [("deny", Some(RuleLevel::Deny)), ("warn", Some(RuleLevel::Warn)), ("off", None)];

/// A rule as it is written, its keys joined over all files.
pub(crate) struct WrittenRule<'node> {
    pub(crate) id: &'node YamlKey,
    file: usize,
    keys: Vec<(&'node YamlKey, SourcedNode<'node>)>,
}

impl<'node> WrittenRule<'node> {
    /// Returns the value of `key`, from the last file that states it.
    fn find_value(&self, key: &str) -> Option<SourcedNode<'node>> {
        self.keys.iter().find(|(known, _)| known.text == key).map(|(_, from)| *from)
    }

    /// Reads the text of `key`; `None` if no file states it.
    fn read_value_text(&self, key: &str, loader: &mut PolicyLoader<'_>) -> Option<String> {
        let from = self.find_value(key)?;
        read_text(from.node, loader.faults_of(from.file)).map(str::to_owned)
    }

    /// Replaces the keys that a later file states, without those at the indexes `skipped`.
    fn override_keys(
        &mut self,
        id: &'node YamlKey,
        file: usize,
        keys: &'node [(YamlKey, YamlNode)],
        skipped: &[usize],
    ) {
        for (index, (key, node)) in keys.iter().enumerate() {
            if skipped.contains(&index) {
                continue;
            }
            self.keys.retain(|(known, _)| known.text != key.text);
            self.keys.push((key, SourcedNode { file, node }));
        }
        self.id = id;
        self.file = file;
    }
}

/// Returns every rule with its keys joined over all files, in the order of first mention.
pub(crate) fn join_written_rules<'nodes>(loader: &mut PolicyLoader<'nodes>) -> Vec<WrittenRule<'nodes>> {
    let mut written: Vec<WrittenRule<'nodes>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for SourcedNode { file, node } in loader.find_nodes("rules") {
        for (id, node) in read_entries(node, loader.faults_of(file)) {
            // A rule of such a name is possible, but for one that has none of the keys of a rule.
            let is_rule = matches!(&node.value, YamlValue::Map(entries) if entries.iter().any(|(key, _)| is_rule_key(key)));
            if !is_rule && is_rule_key(id) {
                let what =
                    format!("`{}` stands where the id of a rule belongs", shorten_for_message(&id.text));
                let help = "put it below the id of its rule, two spaces further in";
                loader.faults_of(file).push(YamlFault::new(id.at, what).with_help(help));
                loader.has_stray_keys = true;
                continue;
            }
            let keys = read_entries(node, loader.faults_of(file));
            let items = list_unbracketed_items(keys, loader.faults_of(file));
            let place = *places.entry(&id.text).or_insert(written.len());
            if let Some(rule) = written.get_mut(place) {
                rule.override_keys(id, file, keys, &items);
            } else {
                let mut rule = WrittenRule { id, file, keys: Vec::new() };
                rule.override_keys(id, file, keys, &items);
                written.push(rule);
            }
        }
    }
    written
}

/// Returns true for one of the keys that a rule may have.
fn is_rule_key(key: &YamlKey) -> bool {
    RULE_KEYS.iter().any(|(known, _)| *known == key.text)
}

/// Returns the indexes of the keys that are items of a list without brackets, as in `for: normal, isms`.
fn list_unbracketed_items(keys: &[(YamlKey, YamlNode)], faults: &mut Vec<YamlFault>) -> Vec<usize> {
    let mut items = Vec::new();
    for (index, (key, _)) in keys.iter().enumerate() {
        if !is_rule_key(key) && refuse_unbracketed_items(keys, index, faults) {
            items.push(index);
        }
    }
    items
}

/// Reads a rule; `None` if it is switched off or has a fault.
///
/// Every key is read before the first `?`, so that all faults of the rule are reported together.
pub(crate) fn read_rule(
    loader: &mut PolicyLoader<'_>,
    written: &WrittenRule<'_>,
    classes: &ClassIndex<'_>,
    scope: &PolicyScope<'_>,
) -> Option<Rule> {
    check_id_and_keys(loader, written);
    let id = &written.id.text;
    let title = written.read_value_text("title", loader).unwrap_or_else(|| id.replace('-', " "));
    let why = written.read_value_text("why", loader);
    written.read_value_text("reason", loader);
    let mut controls = Vec::new();
    if let Some(from) = written.find_value("controls") {
        for control in read_texts(from.node, loader.faults_of(from.file)) {
            controls.push(control.to_owned());
        }
    }
    let mut class_indexes = read_class_list("for", loader, written, classes);
    if let Some(mut excepted) = read_class_list("not-for", loader, written, classes) {
        excepted.sort_unstable();
        let mut applies_to = class_indexes.unwrap_or_else(|| (0..classes.classes.len()).collect());
        applies_to.retain(|index| excepted.binary_search(index).is_err());
        class_indexes = Some(applies_to);
    }
    let when = match written.find_value("when") {
        None => Some(None),
        Some(from) => Condition::read_condition(from.node, scope, loader.faults_of(from.file)).map(Some),
    };
    let require = read_requirement(loader, written, scope);
    if let Some(from) = written.find_value(MAY_BE_WEAKENED) {
        read_choice(from.node, &[(WITH_REASON, ())], loader.faults_of(from.file));
    }
    let mut warn_until = None;
    if let Some(from) = written.find_value("until") {
        warn_until = read_day(from.node, loader.faults_of(from.file));
    }
    // A reason or a day that cannot be read has a fault of its own.
    let has_reason = written.find_value("reason").is_some();
    let has_until = written.find_value("until").is_some();
    let level = read_level(loader, written, has_reason, has_until)?;
    Some(Rule {
        description: Arc::new(RuleDescription { id: RuleId::new(id), title, controls }),
        why,
        level,
        warn_until,
        class_indexes,
        // A `when` that asks nothing is the same as none.
        when: when?.filter(|when| !when.is_empty()),
        require: require?,
    })
}

fn check_id_and_keys(loader: &mut PolicyLoader<'_>, written: &WrittenRule<'_>) {
    let id = &written.id.text;
    if id.is_empty() || !id.bytes().all(is_id_byte) {
        let what = format!("`{}` cannot be a rule's id: only a-z, 0-9 and `-`", shorten_for_message(id));
        let fault = YamlFault::new(written.id.at, what).with_help("as in `high-risk-review`");
        loader.faults_of(written.file).push(fault);
    }
    let known_keys = RULE_KEYS.map(|(key, _)| key);
    for (key, from) in &written.keys {
        if !known_keys.contains(&key.text.as_str()) {
            loader.faults_of(from.file).push(unknown_word_fault("key", key, known_keys));
        }
    }
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Reads what a rule requires, which must be something.
fn read_requirement(
    loader: &mut PolicyLoader<'_>,
    written: &WrittenRule<'_>,
    scope: &PolicyScope<'_>,
) -> Option<Condition> {
    if let Some(from) = written.find_value("require") {
        let scope = PolicyScope { allows_obligations: true, ..*scope };
        let faults = loader.faults_of(from.file);
        let condition = Condition::read_condition(from.node, &scope, faults)?;
        if condition.is_empty() {
            let fault = YamlFault::new(from.node.at, "this asks nothing");
            faults.push(fault.with_help("ask something, as in `{ field: { Risk: present } }`"));
        }
        let mut predicates = Vec::new();
        condition.add_predicates(&mut predicates);
        predicates
            .retain(|one| matches!(one, Predicate::Approvals(asked) if asked.requires_distinct_people()));
        if predicates.len() == 1 {
            let what = "`distinct: people` stands in one question about approvals alone";
            let help =
                "write it in each of the questions that different people have to meet, both under `all`";
            faults.push(YamlFault::new(from.node.at, what).with_help(help));
        }
        return Some(condition);
    }
    // A key of a rule in the place of its id was refused, and a `require` that stands too deep as well.
    let is_too_deep = |(_, from): &(&YamlKey, SourcedNode<'_>)| matches!(&from.node.value, YamlValue::Map(entries) if entries.iter().any(|(key, _)| key.text == "require"));
    if loader.has_stray_keys || written.keys.iter().any(is_too_deep) {
        return None;
    }
    // A misspelt key has a fault already, with the right word, and so has one that is joined with its value.
    let known_keys = RULE_KEYS.map(|(key, _)| key);
    let has_fault = |(key, _): &(&YamlKey, SourcedNode<'_>)| {
        is_misspelt_key(key, "require", known_keys) || key.text.starts_with("require:")
    };
    if !written.keys.iter().any(has_fault) {
        let id = shorten_for_message(&written.id.text);
        let what = format!("`{id}` asks nothing: `require` is missing");
        let help = "as in `require: { field: { Risk: present } }`";
        // A base that cannot be read may have it.
        let fault = YamlFault::new(written.id.at, what).with_help(help);
        loader.faults_of(written.file).push(fault.with_expected(ExpectedValue::DefinedName));
    }
    None
}

/// Returns those of the written rules that no rule came of: they are switched off, in a policy without faults.
pub(crate) fn list_switched_off(written: &[WrittenRule<'_>], rules: &[Rule]) -> Vec<SwitchedOffRule> {
    let judged: HashSet<&str> = rules.iter().map(|rule| rule.description.id.as_str()).collect();
    let mut found = Vec::new();
    for one in written.iter().filter(|one| !judged.contains(one.id.text.as_str())) {
        let find_text = |key: &str| one.find_value(key).and_then(|from| scalar_text(from.node));
        let id = &one.id.text;
        let controls = one.find_value("controls").map(|from| list_texts(from.node)).unwrap_or_default();
        found.push(SwitchedOffRule {
            description: RuleDescription {
                id: RuleId::new(id),
                title: find_text("title").map_or_else(|| id.replace('-', " "), str::to_owned),
                controls: controls.into_iter().map(str::to_owned).collect(),
            },
            reason: find_text("reason").unwrap_or_default().to_owned(),
        });
    }
    found
}

/// Returns the level of a rule; `None` if it is switched off.
fn read_level(
    loader: &mut PolicyLoader<'_>,
    written: &WrittenRule<'_>,
    has_reason: bool,
    has_until: bool,
) -> Option<RuleLevel> {
    let Some(SourcedNode { file, node }) = written.find_value("level") else { return Some(RuleLevel::Deny) };
    let faults = loader.faults_of(file);
    let level = read_choice(node, &LEVEL_WORDS, faults).unwrap_or(Some(RuleLevel::Deny));
    let id = shorten_for_message(&written.id.text);
    if level != Some(RuleLevel::Deny) && !has_reason {
        let what = format!("`{id}` is weakened, and no `reason` says why");
        faults.push(YamlFault::new(node.at, what).with_help("add `reason: ...` to the rule"));
    }
    if level == Some(RuleLevel::Warn) && !has_until {
        let what = format!("`{id}` only warns, and no `until` says for how long");
        faults.push(YamlFault::new(node.at, what).with_help("after that day it denies"));
    }
    level
}

/// Returns the indexes of the classes that `key` of a rule names; `None` if the rule does not have it.
fn read_class_list(
    key: &str,
    loader: &mut PolicyLoader<'_>,
    written: &WrittenRule<'_>,
    classes: &ClassIndex<'_>,
) -> Option<Vec<usize>> {
    let from = written.find_value(key)?;
    let mut unknown = Vec::new();
    let indexes = read_class_indexes(from.node, classes, loader.faults_of(from.file), &mut unknown);
    let is_pack = find_pack(loader.file_name(from.file)).is_some();
    for name in unknown {
        if !is_pack {
            let known = classes.classes.iter().map(|class| class.id.as_str());
            loader.faults_of(from.file).push(unknown_word_fault("class", &name, known));
        } else if !OPTIONAL_CLASSES.contains(&name.text.as_str()) {
            // The pack is not at fault, but the classes that take the place of its own.
            loader.add_missing_class(from.file, &name.text);
        }
    }
    Some(indexes)
}

/// Returns the indexes of the classes that a rule names; adds the names of those that do not exist to
/// `unknown`.
fn read_class_indexes(
    node: &YamlNode,
    classes: &ClassIndex<'_>,
    faults: &mut Vec<YamlFault>,
    unknown: &mut Vec<YamlKey>,
) -> Vec<usize> {
    let mut indexes = Vec::new();
    for item in read_items(node, faults) {
        let Some(name) = read_text(item, faults) else { continue };
        match classes.places.get(name) {
            Some(index) => indexes.push(*index),
            None => unknown.push(YamlKey { at: item.at, text: name.to_owned() }),
        }
    }
    indexes
}
