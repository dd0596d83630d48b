//! The report of tests for programs; `docs/json.md` describes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Serializer, Value, json};

use crate::policy_tests::{
    CoverageAspect, CoverageGap, CoverageGroup, CoveragePlace, CoveragePoint, GapKind, PolicyTestResult,
    TestedOutcome,
};
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::test_results::coverage_wording::{describe_gap, describe_point};
use crate::report::test_results::test_report::{PolicyCoverage, PolicyTestReport, SuiteReport};
use crate::report::test_results::wording::{describe_misses, describe_warnings};

/// The document, whose first key is the schema.
#[derive(Serialize)]
struct TestDocument {
    schema: &'static str,
    tests: usize,
    failures: usize,
    suites: Vec<Value>,
    coverage: Vec<Value>,
}

pub(crate) fn write_test_json(report: &PolicyTestReport, out: &mut dyn Write) -> io::Result<()> {
    let document = TestDocument {
        schema: "changegate/policy-tests/v1",
        tests: report.count_tests(),
        failures: report.count_failures(),
        suites: report.suites.iter().map(build_suite).collect(),
        coverage: report.coverage.iter().map(build_coverage).collect(),
    };
    document.serialize(&mut Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default()))?;
    writeln!(out)
}

fn build_suite(suite: &SuiteReport) -> Value {
    json!({
        "file": suite.file,
        "policy": suite.policy,
        "tests": suite.results.iter().map(build_result).collect::<Vec<_>>(),
    })
}

fn build_result(result: &PolicyTestResult) -> Value {
    let mut rules = Map::new();
    let enforced = result.verdict.enforced;
    let mut denied_by = Vec::new();
    let mut warned_by = Vec::new();
    for judgement in &result.verdict.judgements {
        let outcome = TestedOutcome::of_judgement(judgement, enforced);
        rules.insert(judgement.rule.id.to_string(), outcome.word().into());
        if judgement.is_denying(enforced) {
            denied_by.push(judgement.rule.id.to_string());
        }
        if judgement.is_warning(enforced) {
            warned_by.push(judgement.rule.id.to_string());
        }
    }
    json!({
        "name": result.name,
        "line": result.at.line,
        "passed": result.misses.is_empty(),
        "decision": result.verdict.decision().describe(),
        "class": result.verdict.class.as_ref().map(ToString::to_string),
        "denied_by": denied_by,
        "warned_by": warned_by,
        "rules": rules,
        "differences": describe_misses(result),
        "warnings": describe_warnings(&result.verdict),
    })
}

fn build_coverage(coverage: &PolicyCoverage) -> Value {
    let report = &coverage.report;
    let mut groups = Map::new();
    for group in CoverageGroup::ALL {
        let (reached, total) = report.count_group(group);
        groups.insert(code_group(group).to_owned(), json!({ "total": total, "reached": reached }));
    }
    json!({
        "policy": coverage.policy,
        "total": report.count_total(),
        "reached": report.count_reached(),
        "groups": groups,
        "points": report.points.iter().map(build_point).collect::<Vec<_>>(),
        "gaps": report.list_gaps().iter().map(build_gap).collect::<Vec<_>>(),
    })
}

fn build_point(point: &CoveragePoint) -> Value {
    let kind = match point.aspect {
        CoverageAspect::ClassTaken => "class",
        CoverageAspect::RuleApplies => "rule-applies",
        CoverageAspect::RuleKept => "rule-kept",
        CoverageAspect::RuleBroken => "rule-broken",
        CoverageAspect::WhenFails => "when-leaves-out",
        CoverageAspect::PartHolds => "part-holds",
        CoverageAspect::PartFails => "part-fails",
        CoverageAspect::WayAlone => "way-alone",
        CoverageAspect::ExemptionUsed => "exemption-used",
        CoverageAspect::ExemptionWithheld => "exemption-withheld",
    };
    json!({
        "kind": kind,
        "group": code_group(point.aspect.group()),
        "name": point.subject.name(),
        "question": point.question,
        "place": point.place.as_ref().map(build_place),
        "reached": point.is_reached,
        "text": describe_point(point, usize::MAX),
    })
}

fn code_group(group: CoverageGroup) -> &'static str {
    match group {
        CoverageGroup::Classes => "classes",
        CoverageGroup::Outcomes => "outcomes",
        CoverageGroup::Branches => "branches",
        CoverageGroup::Ways => "ways",
        CoverageGroup::Exemptions => "exemptions",
    }
}

fn build_place(place: &CoveragePlace) -> Value {
    let kind = if place.is_pack { "pack" } else { "file" };
    json!({ "kind": kind, "file": place.file, "line": place.line })
}

fn build_gap(gap: &CoverageGap<'_>) -> Value {
    let kind = match gap.kind {
        GapKind::Class => "class",
        GapKind::RuleNeverApplies => "rule-never-applies",
        GapKind::RuleNeverKept => "rule-never-kept",
        GapKind::RuleNeverBroken => "rule-never-broken",
        GapKind::WhenAlwaysHolds => "when-always-holds",
        GapKind::PartNeverHolds => "part-never-holds",
        GapKind::PartAlwaysHolds => "part-always-holds",
        GapKind::PartNeverKnown => "part-never-known",
        GapKind::WayNeverAlone => "way-never-alone",
        GapKind::Exemption => "exemption",
        GapKind::ExemptionNeverWithheld => "exemption-never-withheld",
    };
    json!({
        "kind": kind,
        "name": gap.point.subject.name(),
        "question": gap.point.question,
        "place": gap.point.place.as_ref().map(build_place),
        "text": describe_gap(gap, usize::MAX),
    })
}
