//! A run of tests, as a value.

use crate::policy_tests::{CoverageReport, PolicyTestResult};

/// A run of the tests of some suites.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTestReport {
    /// The suites, in the order of their names.
    pub suites: Vec<SuiteReport>,
    /// What the tests reach of each policy, where that was asked for.
    pub coverage: Vec<PolicyCoverage>,
}

/// A suite that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct SuiteReport {
    /// The path of its file.
    pub file: String,
    /// What it tests, as a person would look for it.
    pub policy: String,
    /// How each test ended.
    pub results: Vec<PolicyTestResult>,
}

/// What tests reach of one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyCoverage {
    /// The policy, as a person would look for it.
    pub policy: String,
    /// What is reached.
    pub report: CoverageReport,
}

impl SuiteReport {
    /// Returns how many tests failed.
    pub fn count_failures(&self) -> usize {
        self.results.iter().filter(|result| !result.misses.is_empty()).count()
    }

    /// Returns in how many tests a rule would deny, and only warns.
    pub fn count_warned(&self) -> usize {
        let warns = |result: &&PolicyTestResult| {
            result.verdict.judgements.iter().any(|one| one.is_warning(result.verdict.enforced))
        };
        self.results.iter().filter(warns).count()
    }
}

impl PolicyTestReport {
    /// Returns how many tests all suites have.
    pub fn count_tests(&self) -> usize {
        self.suites.iter().map(|suite| suite.results.len()).sum()
    }

    /// Returns how many tests failed in all suites.
    pub fn count_failures(&self) -> usize {
        self.suites.iter().map(SuiteReport::count_failures).sum()
    }
}
