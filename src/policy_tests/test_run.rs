//! The run of a suite.

use crate::judge::judge_change;
use crate::policy::Policy;
use crate::policy_tests::expectation::ExpectationMiss;
use crate::policy_tests::suite::{PolicyTest, PolicyTestSuite};
use crate::verdict::Verdict;
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
}

/// Judges every change of a suite, in its order, as the gate does at the stage of the change: what cannot be
/// known denies where the gate enforces, and is checked later elsewhere.
pub fn run_suite(suite: &PolicyTestSuite, policy: &Policy) -> Vec<PolicyTestResult> {
    suite.tests.iter().map(|test| run_test(test, policy)).collect()
}

fn run_test(test: &PolicyTest, policy: &Policy) -> PolicyTestResult {
    let verdict = judge_change(policy, &test.change, test.change.stage.is_enforcing());
    let misses = test.expected.find_misses(&verdict);
    PolicyTestResult { name: test.name.clone(), at: test.at, verdict, misses }
}
