//! The changes of tests, each as it was judged.

use std::borrow::Cow;

use crate::change::Change;
use crate::judge::find_possible_classes;
use crate::people::PeopleDirectory;
use crate::policy::{ChangeUnit, Policy, Rule};
use crate::policy_tests::suite::PolicyTestSuite;
use crate::policy_tests::test_run::PolicyTestResult;
use crate::predicates::EvaluationContext;
use crate::predicates::support::condition::Condition;
use crate::verdict::{PredicateAnswer, RuleOutcome};

/// A change that was judged: of a test, or where each commit is judged by itself, a commit of a test.
pub(super) struct TestedChange<'run> {
    change: Cow<'run, Change>,
    people: &'run PeopleDirectory,
    /// The classes that the change may be of, as indexes of the policy's.
    classes: Vec<usize>,
    /// How the test ended.
    pub(super) result: &'run PolicyTestResult,
}

/// Returns every change of the suites; `told` has the policy of each suite, with what that tells about teams.
pub(super) fn list_tested_changes<'run>(
    policy: &Policy,
    runs: &[(&'run PolicyTestSuite, &'run [PolicyTestResult])],
    told: &'run [Cow<'_, Policy>],
) -> Vec<TestedChange<'run>> {
    let mut tested = Vec::new();
    for ((suite, results), told) in runs.iter().zip(told) {
        for (test, result) in suite.tests.iter().zip(results.iter()) {
            let changes = match policy.change_unit {
                ChangeUnit::Step => vec![Cow::Borrowed(&test.change)],
                ChangeUnit::Commit => {
                    test.change.clone().split_commits().into_iter().map(Cow::Owned).collect()
                }
            };
            for change in changes {
                let mut one = TestedChange { change, people: &told.people, classes: Vec::new(), result };
                let possible = find_possible_classes(policy, &one.build_context(policy));
                one.classes = possible.into_iter().map(|(class, _)| class).collect();
                tested.push(one);
            }
        }
    }
    tested
}

impl TestedChange<'_> {
    /// Returns what the questions of the policy are asked of.
    pub(super) fn build_context<'asked>(&'asked self, policy: &'asked Policy) -> EvaluationContext<'asked> {
        EvaluationContext::without_reasons(&self.change, self.people, &policy.vocabulary)
    }

    /// Returns true if the class with this index is looked at: only where none before it holds for certain.
    pub(super) fn is_looked_at(&self, class_index: usize) -> bool {
        self.classes.last().is_none_or(|last| *last >= class_index)
    }

    /// Returns true if the change may be of a class that the rule is for.
    pub(super) fn is_of_class(&self, rule: &Rule) -> bool {
        let Some(indexes) = &rule.class_indexes else { return true };
        self.classes.iter().any(|class| indexes.contains(class))
    }

    /// Returns true if the rule may apply to the change.
    pub(super) fn is_asked(&self, rule: &Rule, policy: &Policy) -> bool {
        let is_left_out = |when| is_failing(when, &self.build_context(policy));
        self.is_of_class(rule) && !rule.when.as_ref().is_some_and(is_left_out)
    }

    /// Returns the outcome of the rule with this index for the test.
    pub(super) fn outcome_of(&self, rule_index: usize) -> Option<&RuleOutcome> {
        self.result.verdict.judgements.get(rule_index).map(|judgement| &judgement.outcome)
    }
}

/// Returns true if a question does not hold, for certain.
pub(super) fn is_failing(condition: &Condition, context: &EvaluationContext<'_>) -> bool {
    matches!(condition.evaluate(context), PredicateAnswer::Fails(_))
}
