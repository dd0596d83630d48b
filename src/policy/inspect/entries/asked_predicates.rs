//! What the rules of a policy ask of every change of a class, over all of its files, by their wording.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::policy::inspect::entries::word_sets::WordSets;
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::written::{
    WrittenPredicate, find_entry, list_conjuncts, list_entries, list_texts, measure_node, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::yaml::YamlNode;

/// The fields that a question asks about, with the words that it accepts of each.
pub(crate) type AcceptedFields<'files> = Vec<(&'files str, ChoiceSet)>;

/// A question that a rule asks of every change of a class.
#[derive(Clone)]
pub(crate) struct AskedPredicate<'files> {
    pub(crate) rule: &'files str,
    /// The index of the file that states what the rule requires.
    pub(crate) file: usize,
    pub(crate) predicate: WrittenPredicate<'files>,
    pub(crate) accepted: Rc<AcceptedFields<'files>>,
    /// How much is written in it.
    pub(crate) size: usize,
}

impl<'files> AskedPredicate<'files> {
    pub(crate) fn new(
        rule: &'files str,
        file: usize,
        predicate: WrittenPredicate<'files>,
        words: &WordSets<'files>,
    ) -> Self {
        let accepted = Rc::new(list_accepted_fields(words, predicate));
        AskedPredicate { rule, file, predicate, accepted, size: measure_node(predicate.1) }
    }
}

/// What a rule asks, unless it warns, is off, or asks only some of the changes of its classes.
pub(crate) struct AskingRule<'files> {
    asked: Vec<AskedPredicate<'files>>,
    only_for: Option<HashSet<&'files str>>,
    not_for: Option<HashSet<&'files str>>,
}

/// Returns what the rules ask, with the keys of each rule joined over all files.
pub(crate) fn list_asking_rules<'files>(
    files: &'files [PolicyFile],
    rules: &RuleIndex<'files>,
    words: &WordSets<'files>,
) -> Vec<AskingRule<'files>> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut asking = Vec::new();
    for file in files {
        for (id, _) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default() {
            if !seen.insert(&id.text) {
                continue;
            }
            let find = |key: &str| rules.find_value(&id.text, key);
            let is_weak = find("level").is_some_and(|(_, level)| scalar_text(level) != Some("deny"));
            if is_weak || find("when").is_some_and(|(_, when)| !list_entries(when).is_empty()) {
                continue;
            }
            let Some((file, require)) = find("require") else { continue };
            let predicates = list_conjuncts(require).into_iter();
            asking.push(AskingRule {
                asked: predicates.map(|one| AskedPredicate::new(&id.text, file, one, words)).collect(),
                only_for: find("for").map(|(_, names)| list_texts(names).into_iter().collect()),
                not_for: find("not-for").map(|(_, names)| list_texts(names).into_iter().collect()),
            });
        }
    }
    asking
}

/// Returns what every change of `class` is asked, rule by rule.
pub(crate) fn list_asked<'files>(
    rules: &[AskingRule<'files>],
    class: Option<&'files str>,
) -> Vec<AskedPredicate<'files>> {
    let mut asked = Vec::new();
    for rule in rules {
        let names_class = |names: &HashSet<&str>| class.is_some_and(|class| names.contains(class));
        if rule.only_for.as_ref().is_none_or(names_class) && !rule.not_for.as_ref().is_some_and(names_class) {
            asked.extend(rule.asked.iter().cloned());
        }
    }
    asked
}

/// The places of questions that may contradict one that comes later.
#[derive(Default)]
pub(crate) struct EarlierQuestions<'files> {
    by_key: HashMap<&'files str, Vec<usize>>,
    /// Those about fields, by the names of these.
    by_field: HashMap<&'files str, Vec<usize>>,
    /// Those that refuse something, by the key of what they refuse; under no key, those that refuse more than one
    /// question.
    by_refused: HashMap<&'files str, Vec<usize>>,
    all: Vec<usize>,
}

impl<'files> EarlierQuestions<'files> {
    pub(crate) fn add_question(&mut self, place: usize, asked: &AskedPredicate<'files>) {
        let (key, value) = asked.predicate;
        self.all.push(place);
        self.by_key.entry(&key.text).or_default().push(place);
        for (name, _) in asked.accepted.iter() {
            self.by_field.entry(name).or_default().push(place);
        }
        if key.text == "not" {
            self.by_refused.entry(find_refused_key(value)).or_default().push(place);
        }
    }

    /// Returns the places, in their order, of the earlier questions that may contradict this one.
    pub(crate) fn list_opposed(
        &self,
        asked: &AskedPredicate<'files>,
        budget: &SearchBudget,
    ) -> Option<Vec<usize>> {
        let (key, value) = asked.predicate;
        let mut lists: Vec<Option<&Vec<usize>>> = Vec::new();
        lists.extend(asked.accepted.iter().map(|(name, _)| self.by_field.get(name)));
        match key.text.as_str() {
            "touches" => lists.push(self.by_key.get("only-touches")),
            "only-touches" => lists.push(self.by_key.get("touches")),
            "branch" => lists.push(self.by_key.get("branch")),
            "not" => match find_refused_key(value) {
                "" => lists.push(Some(&self.all)),
                refused => lists.extend([self.by_key.get(refused), self.by_key.get("any")]),
            },
            _ => {}
        }
        match key.text.as_str() {
            // Whichever way is taken may be refused.
            "any" => lists.push(self.by_key.get("not")),
            key => lists.extend([self.by_refused.get(key), self.by_refused.get("")]),
        }
        let count = lists.iter().flatten().map(|list| list.len()).sum();
        if !budget.spend_steps(count) {
            return None;
        }
        let mut opposed: Vec<usize> = lists.into_iter().flatten().flatten().copied().collect();
        opposed.sort_unstable();
        opposed.dedup();
        Some(opposed)
    }
}

/// Returns the key of the one question that `not` refuses; nothing for several, or for a combination.
fn find_refused_key(refused: &YamlNode) -> &str {
    match list_conjuncts(refused).as_slice() {
        [(key, _)] if key.text != "any" => &key.text,
        _ => "",
    }
}

/// Returns the fields that a question asks about, with the words that it accepts of each, where they can be listed.
pub(crate) fn list_accepted_fields<'policy>(
    words: &WordSets<'policy>,
    (key, value): WrittenPredicate<'_>,
) -> AcceptedFields<'policy> {
    let mut accepted = Vec::new();
    if key.text == "field" {
        for (name, asked) in list_entries(value) {
            accepted.extend(words.list_accepted(&name.text, asked));
        }
    }
    accepted
}
