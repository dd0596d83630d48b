//! The run of a suite.

use crate::change::Change;
use crate::judge::{ChangeExplanation, explain_verdict, judge_change, name_outcome};
use crate::policy::{ChangeUnit, Policy};
use crate::policy_tests::expectation::ExpectationMiss;
use crate::policy_tests::suite::{PolicyTest, PolicyTestSuite};
use crate::verdict::{Judgement, OutcomeWord, Verdict};
use crate::yaml::YamlPlace;

/// How a test ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTestResult {
    /// The name of the test.
    pub name: String,
    /// Where the test stands.
    pub at: YamlPlace,
    /// What the policy says about the change.
    pub verdict: Verdict,
    /// How that differs from what was expected; empty for a test that passes.
    pub misses: Vec<ExpectationMiss>,
    /// How the verdict on the final commit came about; `None` for a test that passes.
    pub explanation: Option<Box<ChangeExplanation>>,
}

/// Judges every change of a suite, in its order, as the gate does at the stage of the change: what cannot be
/// known denies where the gate enforces, and is checked later elsewhere. Where the policy judges each commit by itself, so
/// does this, and all commits together give the verdict.
pub fn run_suite(suite: &PolicyTestSuite, policy: &Policy) -> Vec<PolicyTestResult> {
    let policy = &*suite.tell_teams(policy);
    suite.tests.iter().map(|test| run_test(test, policy)).collect()
}

fn run_test(test: &PolicyTest, policy: &Policy) -> PolicyTestResult {
    let changes = match policy.change_unit {
        ChangeUnit::Step => vec![test.change.clone()],
        ChangeUnit::Commit => test.change.clone().split_commits(),
    };
    let judge = |change: &Change| judge_change(policy, change, change.stage.is_enforcing());
    let verdict =
        combine_verdicts(changes.iter().map(judge).collect()).unwrap_or_else(|| judge(&test.change));
    let misses = test.expected.find_misses(&verdict);
    let explained = changes.last().filter(|_| !misses.is_empty());
    let explanation = explained.map(|change| Box::new(explain_verdict(policy, change, judge(change))));
    PolicyTestResult { name: test.name.clone(), at: test.at, verdict, misses, explanation }
}

/// Returns what all of these verdicts come to: for each rule the judgement that weighs most, the first of those that weigh
/// the same; `None` if there are no verdicts. The class is that of all, or none where they differ.
fn combine_verdicts(verdicts: Vec<Verdict>) -> Option<Verdict> {
    let mut verdicts = verdicts.into_iter();
    let mut combined = verdicts.next()?;
    for verdict in verdicts {
        if verdict.class != combined.class {
            combined.class = None;
        }
        let enforced = combined.enforced;
        for judgement in verdict.judgements {
            match combined.judgements.iter_mut().find(|known| known.rule.id == judgement.rule.id) {
                Some(known) if weigh_judgement(known, enforced) >= weigh_judgement(&judgement, enforced) => {}
                Some(known) => *known = judgement,
                None => combined.judgements.push(judgement),
            }
        }
        combined.commits += verdict.commits;
        combined.revision = verdict.revision;
    }
    Some(combined)
}

/// Returns how much a judgement weighs among those of one rule about several commits.
fn weigh_judgement(judgement: &Judgement, enforced: bool) -> (bool, u8) {
    let weight = match name_outcome(&judgement.outcome) {
        OutcomeWord::Fail => 6,
        OutcomeWord::Undecided => 5,
        OutcomeWord::Deferred => 4,
        OutcomeWord::Owed => 3,
        OutcomeWord::Exempted => 2,
        OutcomeWord::Pass => 1,
        OutcomeWord::NotApplicable => 0,
    };
    (judgement.is_denying(enforced), weight)
}
