//! Tells lock-outs that the wording of a policy shows: as errors where a search finds no change that is left, and as
//! notes where other changes remain.
//!
//! The wording explains better what is wrong. Whether it locks anyone out, only all rules together tell, with their
//! classes, `when`, exemptions and other ways.

use std::rc::Rc;

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, InspectionFacts, JudgingPlace, SuspectedLockout};
use crate::policy::inspect::samples::aspect_samples::list_bot_changes;
use crate::policy::inspect::search::asked_rules::AskedRules;
use crate::policy::inspect::search::assumed_change::{ChangeSearch, WantedChanges};
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::excluding_rules::LockoutSearch;
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::people_answers::join_people_answers;
use crate::policy::inspect::search::possible_changes::AssumedChanges;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;

/// What confirms lock-outs, and which rules were told so far.
pub(crate) struct LockoutConfirmation<'policy> {
    asked: Rc<AskedRules<'policy>>,
    facts: &'policy InspectionFacts<'policy>,
    paths: &'policy PathAnswers<'policy>,
    search: &'policy LockoutSearch<'policy>,
    /// Whether all rules together leave no change, once that was asked.
    is_locked_out: Option<bool>,
    /// The searches among the changes that a rule applies to: of people, and of bots as well, once they were needed.
    scope_searches: [Option<ChangeSearch<'policy>>; 2],
    budget: &'policy SearchBudget,
    /// The rules of each lock-out that was told.
    told: Vec<ChoiceSet>,
    /// The lock-outs that were told of one rule alone.
    told_alone: ChoiceSet,
}

impl<'policy> LockoutConfirmation<'policy> {
    pub(crate) fn new(
        asked: Rc<AskedRules<'policy>>,
        facts: &'policy InspectionFacts<'policy>,
        paths: &'policy PathAnswers<'policy>,
        search: &'policy LockoutSearch<'policy>,
        budget: &'policy SearchBudget,
    ) -> Self {
        LockoutConfirmation {
            asked,
            facts,
            paths,
            search,
            is_locked_out: None,
            scope_searches: [None, None],
            budget,
            told: Vec::new(),
            told_alone: ChoiceSet::default(),
        }
    }

    /// Makes errors and notes of what is suspected in one file.
    pub(crate) fn confirm_suspicions(&mut self, found: &mut FileFindings) {
        for suspicion in std::mem::take(&mut found.suspicions) {
            let rules = match suspicion.rules.as_slice() {
                [] => self.search.denying_rules().to_vec(),
                rules => rules.to_vec(),
            };
            let set: ChoiceSet = rules.iter().copied().collect();
            // What some rules do by themselves is told better with these.
            if !set.is_apart_from(&self.told_alone) || self.told.iter().any(|told| told.is_within(&set)) {
                continue;
            }
            if self.excludes_all(&rules) {
                found.errors.push(suspicion.fault);
            } else if self.excludes_policy(&rules) {
                // Other changes remain, and the policy can never be changed again.
                found.errors.push(suspicion.note.unwrap_or(suspicion.fault));
            } else if suspicion.is_always_noted || self.excludes_scope(&suspicion, &rules) {
                found.notes.push(suspicion.note.unwrap_or(suspicion.fault));
            } else {
                continue;
            }
            match rules.as_slice() {
                [rule] => self.told_alone.insert_number(*rule),
                _ => self.told.push(set),
            }
        }
    }

    /// Returns true if one of these rules was told already.
    pub(crate) fn has_told_one(&self, rules: &[usize]) -> bool {
        let set: ChoiceSet = rules.iter().copied().collect();
        !set.is_apart_from(&self.told_alone) || self.told.iter().any(|told| !told.is_apart_from(&set))
    }

    fn excludes_all(&mut self, rules: &[usize]) -> bool {
        self.is_locked_out() && self.search.excludes_all(rules)
    }

    fn excludes_policy(&mut self, rules: &[usize]) -> bool {
        self.is_locked_out() && self.search.excludes_policy(rules)
    }

    /// Returns true if all rules together leave no change of the policy; fewer rules leave more changes.
    fn is_locked_out(&mut self) -> bool {
        let search = self.search;
        *self.is_locked_out.get_or_insert_with(|| {
            let all = search.all_denials();
            search.excludes_policy(all) || search.excludes_all(all)
        })
    }

    /// Returns true if the rules leave no change of the class that they are said to exclude, or that the first of them
    /// applies to.
    fn excludes_scope(&mut self, suspicion: &SuspectedLockout, rules: &[usize]) -> bool {
        let wanted = match (suspicion.class, suspicion.rules.first()) {
            (Some(class), _) => WantedChanges::OfClass(class),
            (None, Some(rule)) => WantedChanges::OfRule(*rule),
            (None, None) => return false,
        };
        let (asked, facts, paths, budget) = (&self.asked, self.facts, self.paths, self.budget);
        let policy = asked.policy;
        let with_bots = suspicion.rules.first().is_some_and(|rule| asks_who_makes(policy, *rule));
        let [of_people, of_bots] = &mut self.scope_searches;
        let slot = if with_bots { of_bots } else { of_people };
        let search = slot.get_or_insert_with(|| {
            let people = join_people_answers(asked, facts, JudgingPlace::Anywhere, with_bots, budget);
            let mut changes = AssumedChanges::new(asked.clone(), facts, budget);
            changes.add_people_aspect(people.as_ref());
            if people.is_none() && with_bots {
                changes.add_samples(&list_bot_changes(policy, budget), budget);
            }
            changes.add_path_aspect(paths, true, budget);
            changes.add_open_aspects(budget);
            let mut search = changes.prepare_search(budget);
            search.leave_out_invalid_fields();
            search
        });
        !search.is_change_possible(wanted, rules, budget)
    }
}

/// Returns true if a rule tells changes by who makes them, so that it may be one for bots.
fn asks_who_makes(policy: &Policy, rule: usize) -> bool {
    let Some(rule) = policy.rules.get(rule) else { return false };
    let classes = rule.class_indexes.iter().flatten().filter_map(|class| policy.classes.get(*class));
    let mut asked = Vec::new();
    for condition in classes.map(|class| &class.when).chain(&rule.when).chain([&rule.require]) {
        condition.add_predicates(&mut asked);
    }
    asked.iter().any(|predicate| matches!(predicate, Predicate::Author(_) | Predicate::Pusher(_)))
}
