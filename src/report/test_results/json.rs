//! The report of tests for programs; `docs/json.md` describes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Serializer, Value, json};

use crate::policy_tests::{CoverageGap, PolicyTestResult, TestedOutcome};
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::test_results::test_report::{PolicyCoverage, PolicyTestReport, SuiteReport};
use crate::report::test_results::wording::{describe_gap, describe_misses, describe_warnings};

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
    json!({
        "policy": coverage.policy,
        "total": coverage.report.total,
        "reached": coverage.report.reached,
        "gaps": coverage.report.gaps.iter().map(build_gap).collect::<Vec<_>>(),
    })
}

fn build_gap(gap: &CoverageGap) -> Value {
    let (kind, name) = match gap {
        CoverageGap::Class(class) => ("class", class.to_string()),
        CoverageGap::RuleNeverApplies(rule) => ("rule-never-applies", rule.to_string()),
        CoverageGap::RuleNeverKept(rule) => ("rule-never-kept", rule.to_string()),
        CoverageGap::RuleNeverBroken(rule) => ("rule-never-broken", rule.to_string()),
        CoverageGap::PartNeverHolds(part) => ("part-never-holds", part.rule.to_string()),
        CoverageGap::PartAlwaysHolds(part) => ("part-always-holds", part.rule.to_string()),
        CoverageGap::PartNeverKnown(part) => ("part-never-known", part.rule.to_string()),
        CoverageGap::Exemption(exemption) => ("exemption", exemption.to_string()),
    };
    json!({ "kind": kind, "name": name, "text": describe_gap(gap) })
}
