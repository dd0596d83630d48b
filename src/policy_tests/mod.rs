//! Tests that people write for their policies: changes in a few lines of YAML, and what the policy is to say
//! about each.
//!
//! A suite is a file beside its policy. Reading it needs the policy, because a suite that names a rule, a
//! class or a field that the policy does not have tests nothing; all such faults are told together, with
//! their places. Running it judges each change as the gate would at that stage: nothing is read but the
//! policy and the suite.

mod coverage;
mod expectation;
mod schema;
mod suite;
mod suite_change;
mod suite_header;
mod test_run;
mod tested_outcome;

pub use crate::policy_tests::coverage::{
    CoverageAspect, CoverageGap, CoverageGroup, CoveragePlace, CoveragePoint, CoverageReport,
    CoverageSubject, GapKind, measure_coverage,
};
pub use crate::policy_tests::expectation::{ExpectationMiss, TestExpectation};
pub use crate::policy_tests::schema::build_test_schema;
pub(crate) use crate::policy_tests::suite::find_unknown_field;
pub use crate::policy_tests::suite::{PolicyTest, PolicyTestSuite, read_suite};
pub(crate) use crate::policy_tests::suite_header::{PACK_PREFIX, SUITE_ENDING};
pub use crate::policy_tests::suite_header::{SuitePolicy, read_suite_policy};
pub use crate::policy_tests::test_run::{PolicyTestResult, run_suite};
pub use crate::policy_tests::tested_outcome::{OUTCOME_WORDS, TestedOutcome};
