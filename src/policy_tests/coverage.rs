//! What the tests of a policy do not reach: rules that no test meets or breaks, alternatives that never
//! decide, classes and exemptions that no change is of.
//!
//! A test reaches what it makes the policy say. That a suite reaches everything does not make it a good one;
//! what it does not reach, it certainly does not test.

use std::borrow::Cow;

use crate::change::Change;
use crate::people::PeopleDirectory;
use crate::policy::{Policy, Rule};
use crate::policy_tests::suite::PolicyTestSuite;
use crate::policy_tests::test_run::PolicyTestResult;
use crate::predicates::EvaluationContext;
use crate::predicates::support::condition::Condition;
use crate::verdict::{ClassId, ExemptionId, PredicateAnswer, RuleId, RuleOutcome};

/// What tests reach of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageReport {
    /// How many things there are to reach: two for each rule and each part of a question (that it holds, and
    /// that it does not), one for each class and each exemption.
    pub total: usize,
    /// How many of them the tests reach.
    pub reached: usize,
    /// What they do not reach, in the order of the policy.
    pub gaps: Vec<CoverageGap>,
}

/// Something that no test reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoverageGap {
    /// No change is of the class.
    Class(ClassId),
    /// The rule applies to no change.
    RuleNeverApplies(RuleId),
    /// No change that the rule applies to keeps it.
    RuleNeverKept(RuleId),
    /// No change breaks the rule.
    RuleNeverBroken(RuleId),
    /// A part of what the rule requires, or of its `when`, never holds.
    PartNeverHolds(UnreachedPart),
    /// A part of what the rule requires, or of its `when`, always holds.
    PartAlwaysHolds(UnreachedPart),
    /// Whether a part of what the rule requires, or of its `when`, holds is known of no change.
    PartNeverKnown(UnreachedPart),
    /// No change needs the exemption.
    Exemption(ExemptionId),
}

/// A part of the questions of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreachedPart {
    /// The rule.
    pub rule: RuleId,
    /// The question, in the policy's words.
    pub question: String,
}

/// A change of a test, with the people by whom it was judged, and how it ended.
#[derive(Clone, Copy)]
struct JudgedTest<'run> {
    change: &'run Change,
    people: &'run PeopleDirectory,
    result: &'run PolicyTestResult,
}

/// How often a question was answered in each way.
#[derive(Clone, Copy, Debug, Default)]
struct AnswerCounts {
    holds: usize,
    fails: usize,
}

impl AnswerCounts {
    fn count_answer(&mut self, answer: &PredicateAnswer) {
        match answer {
            PredicateAnswer::Holds(_) => self.holds += 1,
            PredicateAnswer::Fails(_) => self.fails += 1,
            PredicateAnswer::Unknown(_) => {}
        }
    }
}

impl CoverageReport {
    fn count_point(&mut self, is_reached: bool, gap: impl FnOnce() -> CoverageGap) {
        self.total += 1;
        if is_reached {
            self.reached += 1;
        } else {
            self.gaps.push(gap());
        }
    }
}

/// Measures what the suites of one policy reach together; each comes with its results.
pub fn measure_coverage(policy: &Policy, runs: &[(&PolicyTestSuite, &[PolicyTestResult])]) -> CoverageReport {
    let told: Vec<Cow<'_, Policy>> = runs.iter().map(|(suite, _)| suite.tell_teams(policy)).collect();
    let mut tests: Vec<JudgedTest<'_>> = Vec::new();
    for ((suite, results), told) in runs.iter().zip(&told) {
        for (test, result) in suite.tests.iter().zip(results.iter()) {
            tests.push(JudgedTest { change: &test.change, people: &told.people, result });
        }
    }
    let mut report = CoverageReport::default();
    for class in &policy.classes {
        let is_reached = tests.iter().any(|test| test.result.verdict.class.as_ref() == Some(&class.id));
        report.count_point(is_reached, || CoverageGap::Class(class.id.clone()));
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        measure_rule(policy, rule, index, &tests, &mut report);
    }
    for exemption in &policy.exemptions {
        let is_used = tests.iter().any(|test| {
            test.result.verdict.judgements.iter().any(|judgement| {
                matches!(&judgement.outcome, RuleOutcome::Exempted { exemption: used, .. } if *used == exemption.id)
            })
        });
        report.count_point(is_used, || CoverageGap::Exemption(exemption.id.clone()));
    }
    report
}

fn measure_rule(
    policy: &Policy,
    rule: &Rule,
    index: usize,
    tests: &[JudgedTest<'_>],
    report: &mut CoverageReport,
) {
    let id = &rule.description.id;
    let mut asked = Vec::new();
    let (mut kept, mut broken) = (0, 0);
    for test in tests {
        match test.result.verdict.judgements.get(index).map(|judgement| &judgement.outcome) {
            None | Some(RuleOutcome::NotApplicable) => continue,
            Some(RuleOutcome::Pass | RuleOutcome::Owed(_)) => kept += 1,
            Some(
                RuleOutcome::Fail(_)
                | RuleOutcome::Undecided(_)
                | RuleOutcome::Exempted { .. }
                | RuleOutcome::MaybeExempted(_),
            ) => broken += 1,
            Some(RuleOutcome::Deferred(_)) => {}
        }
        asked.push(*test);
    }
    if asked.is_empty() {
        let mut parts = Vec::new();
        list_parts(&rule.require, &mut parts);
        // What it consists of is not told as well.
        report.total += 1 + 2 * parts.len();
        report.count_point(false, || CoverageGap::RuleNeverApplies(id.clone()));
        return;
    }
    report.count_point(kept > 0, || CoverageGap::RuleNeverKept(id.clone()));
    report.count_point(broken > 0, || CoverageGap::RuleNeverBroken(id.clone()));
    measure_parts(policy, id, &rule.require, &asked, report);
    if let Some(when) = &rule.when {
        measure_parts(policy, id, when, tests, report);
    }
}

/// Counts the answers of each part of a condition; one of a single predicate has none.
fn measure_parts(
    policy: &Policy,
    rule: &RuleId,
    condition: &Condition,
    tests: &[JudgedTest<'_>],
    report: &mut CoverageReport,
) {
    let mut parts = Vec::new();
    list_parts(condition, &mut parts);
    let mut counts = vec![AnswerCounts::default(); parts.len()];
    for test in tests {
        let context = EvaluationContext::without_reasons(test.change, test.people, &policy.vocabulary);
        for (part, counts) in parts.iter().zip(&mut counts) {
            counts.count_answer(&part.evaluate(&context));
        }
    }
    for (part, counts) in parts.iter().zip(counts) {
        let unreached = || UnreachedPart { rule: rule.clone(), question: part.describe().to_plain_text() };
        if counts.holds == 0 && counts.fails == 0 {
            report.total += 1;
            report.count_point(false, || CoverageGap::PartNeverKnown(unreached()));
            continue;
        }
        report.count_point(counts.holds > 0, || CoverageGap::PartNeverHolds(unreached()));
        report.count_point(counts.fails > 0, || CoverageGap::PartAlwaysHolds(unreached()));
    }
}

/// Adds the parts of a condition, and theirs; what only denies its part is that part.
fn list_parts<'condition>(condition: &'condition Condition, parts: &mut Vec<&'condition Condition>) {
    match condition {
        Condition::Predicate(_) => {}
        Condition::Not(part) => list_parts(part, parts),
        Condition::All(inner) | Condition::Any(inner) => {
            for part in inner {
                parts.push(part);
                list_parts(part, parts);
            }
        }
    }
}
