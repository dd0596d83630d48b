//! What there is to reach of a rule, and of an exemption from one.

use crate::policy::origins::ValueOrigins;
use crate::policy::{Policy, Rule, RuleExemption};
use crate::policy_tests::coverage::point::{CoverageAspect, CoveragePlace, CoveragePoint, CoverageSubject};
use crate::policy_tests::coverage::question_parts::{count_parts, count_ways, list_located_parts};
use crate::policy_tests::coverage::tested_change::{TestedChange, is_failing};
use crate::verdict::RuleOutcome;

/// Adds what there is to reach of a rule, given with its index.
pub(super) fn count_rule(
    policy: &Policy,
    origins: &ValueOrigins,
    (index, rule): (usize, &Rule),
    tested: &[TestedChange<'_>],
    points: &mut Vec<CoveragePoint>,
) {
    let id = rule.description.id.as_str();
    let subject = CoverageSubject::Rule(rule.description.id.clone());
    let is_outcome = |is_meant: fn(&RuleOutcome) -> bool| {
        tested.iter().any(|one| one.outcome_of(index).is_some_and(is_meant))
    };
    let place = CoveragePlace::find_place(origins, &["rules", id, "require"]);
    let build_point = |aspect, place, is_reached| CoveragePoint {
        aspect,
        subject: subject.clone(),
        question: None,
        place,
        is_reached,
    };
    let applies = is_outcome(|outcome| *outcome != RuleOutcome::NotApplicable);
    points.push(build_point(CoverageAspect::RuleApplies, place.clone(), applies));
    points.push(build_point(CoverageAspect::RuleKept, place.clone(), is_outcome(is_kept)));
    points.push(build_point(CoverageAspect::RuleBroken, place, is_outcome(is_broken)));
    let asked: Vec<&TestedChange<'_>> = tested.iter().filter(|one| one.is_asked(rule, policy)).collect();
    let parts = list_located_parts(&rule.require, origins, &["rules", id, "require"]);
    count_parts(policy, &subject, &parts, &asked, points);
    let kept: Vec<&TestedChange<'_>> =
        asked.iter().filter(|one| one.outcome_of(index).is_some_and(is_kept)).copied().collect();
    count_ways(policy, &subject, &parts, &kept, points);
    if let Some(when) = &rule.when {
        let of_class: Vec<&TestedChange<'_>> = tested.iter().filter(|one| one.is_of_class(rule)).collect();
        let is_left_out = of_class.iter().any(|one| is_failing(when, &one.build_context(policy)));
        let place = CoveragePlace::find_place(origins, &["rules", id, "when"]);
        points.push(build_point(CoverageAspect::WhenFails, place, is_left_out));
        let parts = list_located_parts(when, origins, &["rules", id, "when"]);
        count_parts(policy, &subject, &parts, &of_class, points);
    }
}

/// Adds what there is to reach of an exemption: that it covers a change that breaks its rule, that it does not, and the
/// branches of what it asks of such changes.
pub(super) fn count_exemption(
    policy: &Policy,
    origins: &ValueOrigins,
    exemption: &RuleExemption,
    tested: &[TestedChange<'_>],
    points: &mut Vec<CoveragePoint>,
) {
    let Some(rule) = policy.rules.get(exemption.rule_index) else { return };
    let subject = CoverageSubject::Exemption { id: exemption.id.clone(), rule: rule.description.id.clone() };
    let breaking: Vec<&TestedChange<'_>> = tested
        .iter()
        .filter(|one| {
            one.outcome_of(exemption.rule_index).is_some_and(is_broken) && one.is_asked(rule, policy)
        })
        .collect();
    let is_used = breaking.iter().any(|one| {
        matches!(one.outcome_of(exemption.rule_index),
            Some(RuleOutcome::Exempted { exemption: used, .. }) if *used == exemption.id)
    });
    let is_withheld = breaking.iter().any(|one| is_failing(&exemption.when, &one.build_context(policy)));
    let path = ["exemptions", exemption.id.as_str()];
    let place = CoveragePlace::find_place(origins, &path);
    for (aspect, is_reached) in
        [(CoverageAspect::ExemptionUsed, is_used), (CoverageAspect::ExemptionWithheld, is_withheld)]
    {
        let (subject, place) = (subject.clone(), place.clone());
        points.push(CoveragePoint { aspect, subject, question: None, place, is_reached });
    }
    let parts = list_located_parts(&exemption.when, origins, &path);
    count_parts(policy, &subject, &parts, &breaking, points);
}

fn is_kept(outcome: &RuleOutcome) -> bool {
    matches!(outcome, RuleOutcome::Pass | RuleOutcome::Owed(_))
}

fn is_broken(outcome: &RuleOutcome) -> bool {
    matches!(
        outcome,
        RuleOutcome::Fail(_)
            | RuleOutcome::Undecided(_)
            | RuleOutcome::Exempted { .. }
            | RuleOutcome::MaybeExempted(_)
    )
}
