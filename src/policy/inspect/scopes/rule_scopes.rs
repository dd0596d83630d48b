//! Rules that never apply, found by what they mean.
//!
//! A rule applies to a change of one of its classes that fulfils its `when`. As in `possible_changes`, such a
//! change is looked for: if no choice of branch, people, time, wording, labels, fields and paths is one, the
//! rule never applies. If each such change has one of the exemptions, nothing is left of the rule. What is
//! told is certain but for patterns of paths, of which samples are tried; so it is a note.

use std::cell::Cell;

use jiff::civil::Date;

use crate::change::Change;
use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::entries::contradictions::contradict;
use crate::policy::inspect::findings::{FileFindings, InspectionFacts};
use crate::policy::inspect::samples::aspect_samples::list_bot_changes;
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::possible_changes::AssumedChanges;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::written::{
    find_entry, is_empty_not, list_conjuncts, list_entries, list_items, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How often a change is looked for before what is left counts as possible.
const MAX_SEARCHES: usize = 200;

/// How many classes of a rule are looked at.
const MAX_CLASSES: usize = 32;

/// Finds the rules of a file that never apply.
pub(crate) fn inspect_rule_scopes(
    inspection: &ScopeInspection<'_>,
    file: &PolicyFile,
    found: &mut FileFindings,
) {
    for (id, written) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default().iter() {
        let rule = inspection.policy.rules.iter().find(|rule| rule.description.id.as_str() == id.text);
        if let Some(rule) = rule {
            found.notes.extend(RuleScope { inspection, rule }.find_idle_rule(written));
        }
    }
}

/// A policy, and what tells which changes its rules apply to.
pub(crate) struct ScopeInspection<'policy> {
    pub(crate) policy: &'policy Policy,
    files: &'policy [PolicyFile],
    /// Changes that bots make.
    bot_changes: Vec<Change>,
    paths: &'policy PathAnswers<'policy>,
    /// How many searches are left.
    searches: Cell<usize>,
    budget: SearchBudget,
    facts: &'policy InspectionFacts<'policy>,
    pub(crate) today: Date,
}

impl<'policy> ScopeInspection<'policy> {
    /// Prepares the inspection of one file; `paths` are the answers of the policy's questions about paths.
    pub(crate) fn new(
        policy: &'policy Policy,
        files: &'policy [PolicyFile],
        facts: &'policy InspectionFacts<'policy>,
        paths: &'policy PathAnswers<'policy>,
    ) -> Self {
        let today = facts.today;
        let bot_changes = list_bot_changes(policy);
        let (searches, budget) = (Cell::new(MAX_SEARCHES), SearchBudget::default());
        ScopeInspection { policy, files, bot_changes, paths, searches, budget, facts, today }
    }
}

/// A rule of an inspected policy.
pub(crate) struct RuleScope<'policy> {
    pub(crate) inspection: &'policy ScopeInspection<'policy>,
    pub(crate) rule: &'policy Rule,
}

impl RuleScope<'_> {
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
        let conjuncts = match when {
            Condition::All(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        };
        for part in conjuncts {
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
        self.has_change_with(condition, class, true)
    }

    /// As [`RuleScope::has_change`]; changes without a file count only `with_empty`.
    pub(crate) fn has_change_with(
        &self,
        condition: &Condition,
        class: Option<usize>,
        with_empty: bool,
    ) -> bool {
        if class.is_some_and(|class| self.contradicts_class(class)) {
            return false;
        }
        if asks_beyond_samples(condition) {
            return true;
        }
        self.finds_sample(condition, class, with_empty)
            // Of a class that no sample is of, nothing can be said.
            || (class.is_some() && !self.finds_sample(&Condition::All(Vec::new()), class, with_empty))
    }

    /// Returns true unless no sample of the class, or of any, fulfils the condition.
    pub(crate) fn finds_sample(&self, condition: &Condition, class: Option<usize>, with_empty: bool) -> bool {
        let probe = build_probe(self.inspection.policy, self.rule, condition.clone(), class);
        self.finds_sample_of(&probe, with_empty, true)
    }

    /// Returns true unless the rules of the probe leave no sample.
    pub(crate) fn finds_sample_of(&self, probe: &Policy, with_empty: bool, with_invalid: bool) -> bool {
        let inspection = self.inspection;
        let Some(left) = inspection.searches.get().checked_sub(1) else { return true };
        inspection.searches.set(left);
        let facts = InspectionFacts { read_from: &[], ..*inspection.facts };
        let budget = &inspection.budget;
        let mut changes = AssumedChanges::new(probe, &facts, budget);
        changes.add_samples(&inspection.bot_changes);
        changes.add_path_aspect(inspection.paths, with_empty);
        changes.add_open_aspects();
        changes.is_possible(with_invalid, budget)
    }

    /// Returns true if a question of the class and one of the rule's `when` exclude each other by their wording.
    fn contradicts_class(&self, class: usize) -> bool {
        let Some(class) = self.inspection.policy.classes.get(class) else { return false };
        let classes = self.inspection.files.iter().rev().find_map(|file| find_entry(&file.node, "classes"));
        let Some(class) = classes.and_then(|classes| find_entry(classes, class.id.as_str())) else {
            return false;
        };
        let Some(when) = find_rule_when(self.inspection.files, self.rule.description.id.as_str()) else {
            return false;
        };
        let asked = list_conjuncts(when);
        list_conjuncts(class)
            .iter()
            .any(|one| asked.iter().any(|other| contradict(self.inspection.policy, *one, *other).is_some()))
    }
}

/// Returns true if a condition asks what the samples do not try in full: accounts that no roster lists, and times that
/// are more than a year away.
pub(crate) fn asks_beyond_samples(condition: &Condition) -> bool {
    let mut asked = Vec::new();
    condition.add_predicates(&mut asked);
    asked.iter().any(|predicate| matches!(predicate, Predicate::Pusher(_) | Predicate::Window(_)))
}

/// Returns the policy with one rule: it denies what is not of the class, or does not fulfil the condition.
pub(crate) fn build_probe(
    policy: &Policy,
    rule: &Rule,
    condition: Condition,
    class: Option<usize>,
) -> Policy {
    let asking = |require: Condition, class_indexes: Option<Vec<usize>>| Rule {
        level: RuleLevel::Deny,
        warn_until: None,
        class_indexes,
        when: None,
        require,
        ..rule.clone()
    };
    let mut rules = vec![asking(condition, None)];
    if let Some(class) = class {
        let others = (0..policy.classes.len()).filter(|index| *index != class).collect();
        rules.push(asking(Condition::Any(Vec::new()), Some(others)));
    }
    Policy { rules, exemptions: Vec::new(), ..policy.clone() }
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

/// Returns the `when` of a rule, from the last file that states it.
fn find_rule_when<'files>(files: &'files [PolicyFile], id: &str) -> Option<&'files YamlNode> {
    files.iter().rev().find_map(|file| find_entry(find_entry(find_entry(&file.node, "rules")?, id)?, "when"))
}
