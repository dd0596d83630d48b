//! What the tests of a policy reach: rules, classes, exemptions, the branches of every question, and the ways to meet
//! what a rule asks; each with its line.
//!
//! A test reaches what it makes the policy say. That a suite reaches everything does not make it a good one;
//! what it does not reach, it certainly does not test.

mod gap;
mod point;
mod question_parts;
mod rule_points;
mod tested_change;

use crate::policy::Policy;
use crate::policy::origins::ValueOrigins;
use crate::policy_tests::coverage::question_parts::{count_parts, list_located_parts};
use crate::policy_tests::coverage::rule_points::{count_exemption, count_rule};
use crate::policy_tests::coverage::tested_change::list_tested_changes;
use crate::policy_tests::suite::PolicyTestSuite;
use crate::policy_tests::test_run::PolicyTestResult;

pub use crate::policy_tests::coverage::gap::{CoverageGap, GapKind};
pub use crate::policy_tests::coverage::point::{
    CoverageAspect, CoverageGroup, CoveragePlace, CoveragePoint, CoverageSubject,
};

/// What tests reach of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageReport {
    /// Everything that there is to reach, in the order of the policy.
    pub points: Vec<CoveragePoint>,
}

impl CoverageReport {
    /// Returns how many things there are to reach.
    pub fn count_total(&self) -> usize {
        self.points.len()
    }

    /// Returns how many of them the tests reach.
    pub fn count_reached(&self) -> usize {
        self.points.iter().filter(|point| point.is_reached).count()
    }

    /// Returns how many things of a group the tests reach, and how many there are.
    pub fn count_group(&self, group: CoverageGroup) -> (usize, usize) {
        let of_group = self.points.iter().filter(|point| point.aspect.group() == group);
        let reached = of_group.clone().filter(|point| point.is_reached).count();
        (reached, of_group.count())
    }

    /// Returns what the tests do not reach, in the order of the policy, each thing once.
    pub fn list_gaps(&self) -> Vec<CoverageGap<'_>> {
        gap::list_gaps(&self.points)
    }
}

/// Measures what the suites of one policy reach together; each comes with its results. `origins` tells where things stand,
/// and knows no line of a policy that it is not of.
pub fn measure_coverage(
    policy: &Policy,
    origins: &ValueOrigins,
    runs: &[(&PolicyTestSuite, &[PolicyTestResult])],
) -> CoverageReport {
    let told: Vec<_> = runs.iter().map(|(suite, _)| suite.tell_teams(policy)).collect();
    let tested = list_tested_changes(policy, runs, &told);
    let mut points = Vec::new();
    for (index, class) in policy.classes.iter().enumerate() {
        let subject = CoverageSubject::Class(class.id.clone());
        let place = CoveragePlace::find_place(origins, &["classes", class.id.as_str()]);
        let is_reached = tested.iter().any(|one| one.result.verdict.class.as_ref() == Some(&class.id));
        points.push(CoveragePoint {
            aspect: CoverageAspect::ClassTaken,
            subject: subject.clone(),
            question: None,
            place,
            is_reached,
        });
        let looked_at: Vec<_> = tested.iter().filter(|one| one.is_looked_at(index)).collect();
        let parts = list_located_parts(&class.when, origins, &["classes", class.id.as_str()]);
        count_parts(policy, &subject, &parts, &looked_at, &mut points);
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        count_rule(policy, origins, (index, rule), &tested, &mut points);
    }
    for exemption in &policy.exemptions {
        count_exemption(policy, origins, exemption, &tested, &mut points);
    }
    CoverageReport { points }
}
