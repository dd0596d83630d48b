//! Rules that never apply, found by what they mean.
//!
//! A rule applies to a change of one of its classes that fulfils its `when`. As in `possible_changes`, such a
//! change is looked for: if no choice of branch, people, time, wording, labels, fields and paths is one, the
//! rule never applies. If each such change has one of the exemptions, nothing is left of the rule. What is
//! told is certain but for patterns of paths, of which samples are tried; so it is a note.

use std::cell::Cell;
use std::rc::Rc;

use jiff::civil::Date;

use crate::change::Change;
use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::entries::contradictions::contradict;
use crate::policy::inspect::entries::word_sets::WordSets;
use crate::policy::inspect::findings::{FileFindings, InspectionFacts};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::samples::aspect_samples::list_bot_changes;
use crate::policy::inspect::search::asked_rules::{AskedRules, WantedCondition};
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::possible_changes::AssumedChanges;
use crate::policy::inspect::search::question_numbers::QuestionNumbers;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::written::{
    find_entry, is_empty_not, list_conjuncts, list_entries, list_items, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How often a change is looked for before what is left counts as possible.
const MAX_SEARCHES: usize = 1_000;

/// How many classes of a rule are looked at.
const MAX_CLASSES: usize = 32;

/// Finds the rules of a file that never apply.
pub(crate) fn inspect_rule_scopes(
    inspection: &ScopeInspection<'_>,
    file: &PolicyFile,
    found: &mut FileFindings,
) {
    for (id, written) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default().iter() {
        let place = inspection.rules.find_place(&id.text);
        if let Some(rule) = place.and_then(|place| inspection.policy.rules.get(place)) {
            found.notes.extend(RuleScope { inspection, rule }.find_idle_rule(written));
        }
    }
}

/// A policy, and what tells which changes its rules apply to.
pub(crate) struct ScopeInspection<'policy> {
    pub(crate) policy: &'policy Policy,
    pub(crate) rules: &'policy RuleIndex<'policy>,
    numbers: &'policy QuestionNumbers<'policy>,
    words: &'policy WordSets<'policy>,
    /// Changes that bots make.
    bot_changes: Vec<Change>,
    paths: &'policy PathAnswers<'policy>,
    /// How many searches are left.
    searches: Cell<usize>,
    pub(crate) budget: &'policy SearchBudget,
    facts: &'policy InspectionFacts<'policy>,
    pub(crate) today: Date,
}

impl<'policy> ScopeInspection<'policy> {
    /// Prepares the inspection; `paths` are the answers of the policy's questions about paths.
    pub(crate) fn new(
        policy: &'policy Policy,
        facts: &'policy InspectionFacts<'policy>,
        (rules, numbers): (&'policy RuleIndex<'policy>, &'policy QuestionNumbers<'policy>),
        words: &'policy WordSets<'policy>,
        paths: &'policy PathAnswers<'policy>,
        budget: &'policy SearchBudget,
    ) -> Self {
        ScopeInspection {
            policy,
            rules,
            numbers,
            words,
            bot_changes: list_bot_changes(policy, budget),
            paths,
            searches: Cell::new(MAX_SEARCHES),
            budget,
            facts,
            today: facts.today,
        }
    }
}

/// A rule of an inspected policy.
pub(crate) struct RuleScope<'one, 'policy> {
    pub(crate) inspection: &'one ScopeInspection<'policy>,
    pub(crate) rule: &'one Rule,
}

impl RuleScope<'_, '_> {
    /// Returns the note that a rule, or one of the classes that `written` names, never applies.
    fn find_idle_rule(&self, written: &YamlNode) -> Option<YamlFault> {
        let id = shorten_for_message(self.rule.description.id.as_str());
        let classes = self.list_classes();
        if classes.is_empty() {
            let place = find_entry(written, "not-for").or_else(|| find_entry(written, "for"))?;
            let what = format!("the rule `{id}` never applies: `not-for` leaves out every class");
            let help = "leave a class to the rule, or switch it off with a reason";
            return Some(YamlFault::new(place.at, what).with_help(help));
        }
        let when = self.rule.when.as_ref()?;
        if let Some(tags) = find_asked_tags(when)
            && let Some(place) = find_entry(written, "when")
        {
            let what =
                format!("the rule `{id}` never applies: {tags} are tags, which bring no change to judge");
            let help = "ask it of the branches: a protected tag has to name what one of them has had";
            return Some(YamlFault::new(place.at, what).with_help(help));
        }
        if classes.iter().any(|class| self.has_change(when, *class)) {
            return self.find_idle_class(written, when, &id);
        }
        // Where another file states the `when`, this one has changed what it is about.
        let place = find_entry(written, "when").or_else(|| find_entry(written, "for"))?;
        let conjuncts = list_conjuncts(place);
        let fault = if conjuncts.iter().any(|(key, value)| is_empty_not(key, value)) {
            let what = format!("the rule `{id}` never applies: `not: {{}}` never holds");
            YamlFault::new(place.at, what).with_help("ask something in `not`, or remove it")
        } else if let Some(branches) = self.find_free_branches(when) {
            let what = format!("the rule `{id}` never applies: `protects` leaves out {branches}");
            YamlFault::new(place.at, what).with_help("protect the branch, or correct its name")
        } else {
            let classes = match &self.rule.class_indexes {
                Some(_) => "of its classes ",
                None => "",
            };
            let what = format!("the rule `{id}` never applies: no change {classes}fulfils its `when`");
            YamlFault::new(place.at, what).with_help("change `when`, or the classes that the rule is for")
        };
        Some(fault)
    }

    /// Returns the note that no change of a class that the file names fulfils the `when` of the rule.
    fn find_idle_class(&self, written: &YamlNode, when: &Condition, id: &str) -> Option<YamlFault> {
        for item in find_entry(written, "for").map(list_items).unwrap_or_default() {
            let name = scalar_text(item)?;
            let class = self.inspection.policy.classes.iter().position(|class| class.id.as_str() == name)?;
            if !self.has_change(when, Some(class)) {
                let name = shorten_for_message(name);
                let what = format!(
                    "the rule `{id}` applies to no change of the class `{name}`: its `when` leaves them out"
                );
                let help = format!("take `{name}` out of `for`, or change `when`");
                return Some(YamlFault::new(item.at, what).with_help(help));
            }
        }
        None
    }

    /// Returns the classes that the rule is for; `None` for a policy without classes.
    pub(crate) fn list_classes(&self) -> Vec<Option<usize>> {
        match &self.rule.class_indexes {
            Some(indexes) => indexes.iter().copied().map(Some).take(MAX_CLASSES).collect(),
            None => vec![None],
        }
    }

    /// Returns the branches that the `when` of the rule asks for, one of several or all of them, if none is protected.
    fn find_free_branches(&self, when: &Condition) -> Option<String> {
        for part in list_parts_of(when) {
            let Some(asked) = list_alternative_branches(part) else { continue };
            if !self.has_change(part, None) {
                let names = asked.iter().map(|name| format!("`{}`", shorten_for_message(name)));
                return Some(names.collect::<Vec<_>>().join(" and "));
            }
        }
        None
    }

    /// Returns true unless no change of the class, or of any, fulfils the condition.
    pub(crate) fn has_change(&self, condition: &Condition, class: Option<usize>) -> bool {
        self.has_change_with(&[WantedCondition { condition, is_refused: false }], class, true)
    }

    /// Returns true unless no change of the class, or of any, is as wanted; changes without a file count only
    /// `with_empty`.
    pub(crate) fn has_change_with(
        &self,
        wanted: &[WantedCondition<'_>],
        class: Option<usize>,
        with_empty: bool,
    ) -> bool {
        if class.is_some_and(|class| self.contradicts_class(class)) {
            return false;
        }
        if asks_beyond_samples(wanted) {
            return true;
        }
        self.finds_sample(wanted, class, with_empty)
            // Of a class that no sample is of, nothing can be said.
            || (class.is_some() && !self.finds_sample(&[], class, with_empty))
    }

    /// Returns true unless no sample of the class, or of any, is as wanted.
    pub(crate) fn finds_sample(
        &self,
        wanted: &[WantedCondition<'_>],
        class: Option<usize>,
        with_empty: bool,
    ) -> bool {
        self.search_samples(wanted, class, with_empty, false)
    }

    /// As [`RuleScope::finds_sample`], of samples that keep the other rules and state only what the policy allows.
    pub(crate) fn finds_right_sample(
        &self,
        wanted: &[WantedCondition<'_>],
        class: Option<usize>,
        with_empty: bool,
    ) -> bool {
        self.search_samples(wanted, class, with_empty, true)
    }

    fn search_samples(
        &self,
        wanted: &[WantedCondition<'_>],
        class: Option<usize>,
        with_empty: bool,
        beside_others: bool,
    ) -> bool {
        let inspection = self.inspection;
        let (policy, budget) = (inspection.policy, inspection.budget);
        let Some(left) = inspection.searches.get().checked_sub(1) else {
            budget.note_exhaustion();
            return true;
        };
        // Another search takes as long as the one before.
        if budget.is_empty() {
            return true;
        }
        inspection.searches.set(left);
        let facts = InspectionFacts { read_from: &[], ..*inspection.facts };
        let beside = beside_others.then_some((self.rule, inspection.today));
        let asked = AskedRules::of_probe(policy, inspection.numbers, wanted, class, beside);
        let mut changes = AssumedChanges::new(Rc::new(asked), &facts, budget);
        changes.add_samples(&inspection.bot_changes, budget);
        changes.add_path_aspect(inspection.paths, with_empty, budget);
        changes.add_open_aspects(budget);
        changes.is_possible(!beside_others, budget)
    }

    /// Returns true if a question of the class and one of the rule's `when` exclude each other by their wording.
    fn contradicts_class(&self, class: usize) -> bool {
        let (rules, words) = (self.inspection.rules, self.inspection.words);
        let class = self.inspection.policy.classes.get(class);
        let Some(class) = class.and_then(|class| rules.find_class(class.id.as_str())) else { return false };
        let Some((_, when)) = rules.find_value(self.rule.description.id.as_str(), "when") else {
            return false;
        };
        let (asked, of_class) = (list_conjuncts(when), list_conjuncts(class));
        of_class.iter().any(|one| {
            asked.iter().any(|other| contradict(words, *one, *other, self.inspection.budget).is_some())
        })
    }
}

/// Returns true if conditions ask what the samples do not try in full: accounts that no roster lists, and times that
/// are more than a year away.
pub(crate) fn asks_beyond_samples(wanted: &[WantedCondition<'_>]) -> bool {
    let mut asked = Vec::new();
    for one in wanted {
        one.condition.add_predicates(&mut asked);
    }
    asked.iter().any(|predicate| matches!(predicate, Predicate::Pusher(_) | Predicate::Window(_)))
}

/// Returns the branches of a question that asks for one of several; `None` for any other.
fn list_alternative_branches(condition: &Condition) -> Option<Vec<String>> {
    match condition {
        Condition::Predicate(Predicate::Branch(asked)) => {
            Some(asked.asked_branches().iter().map(ToString::to_string).collect())
        }
        Condition::Any(parts) if !parts.is_empty() => {
            let mut names = Vec::new();
            for part in parts {
                names.extend(list_alternative_branches(part)?);
            }
            Some(names)
        }
        Condition::All(parts) => match parts.as_slice() {
            [only] => list_alternative_branches(only),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the tags that a condition asks for, if it asks for nothing else.
fn find_asked_tags(when: &Condition) -> Option<String> {
    let asked = list_parts_of(when).iter().find_map(list_alternative_branches)?;
    let are_tags = !asked.is_empty() && asked.iter().all(|name| name.starts_with("refs/tags/"));
    let names = asked.iter().map(|name| format!("`{}`", shorten_for_message(name)));
    are_tags.then(|| names.collect::<Vec<_>>().join(" and "))
}

/// Returns the conditions that all have to hold.
fn list_parts_of(when: &Condition) -> &[Condition] {
    match when {
        Condition::All(parts) => parts.as_slice(),
        single => std::slice::from_ref(single),
    }
}
