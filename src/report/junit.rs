//! The report as test results: JUnit XML, which every pipeline can show.
//!
//! A change is a suite and a rule is a test. What denies is a failure, or an error where a fact is
//! missing, and nothing else is either: the tests fail if and only if the change does. A rule that
//! does not apply, or is checked later, was skipped; a warning or an obligation stands in the output
//! of a test that passes.

use std::collections::HashMap;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::report::content::{GroupScope, Report, ReportGroup};
use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, rank_refusals, rank_verdict};
use crate::report::{due_time, escape};
use crate::verdict::{Decision, RuleOutcome, Verdict};

/// The class of what is about no single change.
const ROOT_CLASS: &str = "changegate";

/// The name of a suite, and the class of the tests in it.
#[derive(Clone, Copy)]
struct SuiteNames<'name> {
    suite: &'name str,
    class: &'name str,
}

/// Writes the report as JUnit XML.
pub(crate) fn write_junit(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut suites = quick_junit::Report::new("changegate");
    // Pipelines follow a test by its class and its name, from one push to the next, and a rebase changes
    // every id; so the class of a change is its subject.
    let mut subjects: HashMap<String, usize> = HashMap::new();
    for group in &report.groups {
        let scope = name_scope(&group.scope);
        if !group.refusals.is_empty() {
            let names = SuiteNames { suite: &scope, class: ROOT_CLASS };
            suites.add_test_suite(build_suite(report, names, rank_refusals(group, report.enforced)));
        }
        for verdict in &group.verdicts {
            let subject = escape_subject(verdict);
            let seen = subjects.entry(subject.clone()).or_insert(0);
            *seen += 1;
            let class = match *seen {
                1 => format!("{ROOT_CLASS}: {subject}"),
                again => format!("{ROOT_CLASS}: {subject} ({again})"),
            };
            let names = SuiteNames { suite: &name_change(&scope, verdict, &subject), class: &class };
            suites.add_test_suite(build_suite(report, names, rank_verdict(verdict)));
        }
        if group.omitted_passes > 0 {
            let mut suite = TestSuite::new(scope.as_str());
            suite.add_test_case(build_passed_case(group));
            suites.add_test_suite(suite);
        }
    }
    if report.decision == Decision::Deny && suites.failures + suites.errors == 0 {
        // A file without a failure would say that everything is well.
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message("denied");
        let mut suite = TestSuite::new("decision");
        suite.add_test_case(TestCase::new("decision", status));
        suites.add_test_suite(suite);
    }
    suites.serialize(out).map_err(io::Error::other)
}

fn build_suite<'report>(
    report: &Report,
    names: SuiteNames<'_>,
    judgements: impl Iterator<Item = RankedJudgement<'report>>,
) -> TestSuite {
    let mut suite = TestSuite::new(names.suite);
    for ranked in judgements {
        suite.add_test_case(build_rule_case(report, names.class, &ranked));
    }
    suite
}

fn name_scope(scope: &GroupScope) -> String {
    let kind = scope.describe_kind();
    match scope.name() {
        Some(name) => {
            format!("{kind} {}", escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS))
        }
        None => kind.to_owned(),
    }
}

fn escape_subject(verdict: &Verdict) -> String {
    escape::escape_terminal(verdict.subject.as_bytes(), escape::MAX_QUOTE_COLUMNS)
}

fn name_change(scope: &str, verdict: &Verdict, subject: &str) -> String {
    match verdict.revision {
        Some(id) => format!("{scope}: {} {subject}", id.short_hex()),
        None => format!("{scope}: {subject}"),
    }
}

/// Returns a test for the changes that passed, which the report only counts.
fn build_passed_case(group: &ReportGroup) -> TestCase {
    let more = if group.omitted_passes == 1 {
        "1 more change".into()
    } else {
        format!("{} more changes", group.omitted_passes)
    };
    let mut case = TestCase::new(more, TestCaseStatus::success());
    case.set_classname(ROOT_CLASS);
    case
}

fn build_rule_case(report: &Report, class: &str, ranked: &RankedJudgement<'_>) -> TestCase {
    let rule = &ranked.judgement.rule;
    let objections = describe_objections(ranked);
    let title = escape::escape_words(&rule.title);
    let mut output = None;
    // JUnit has no warning: only what denies may fail a test, so the rest is skipped or passes with output.
    let status = match ranked.rank {
        JudgementRank::Denied => build_failure(NonSuccessKind::Failure, "denied", &title, &objections),
        JudgementRank::DeniedUnknown => {
            build_failure(NonSuccessKind::Error, "undecided", &title, &objections)
        }
        JudgementRank::Undecided | JudgementRank::Deferred | JudgementRank::NotApplicable => {
            let mut status = TestCaseStatus::skipped();
            let mut reason = ranked.rank.describe().to_owned();
            let awaited = ranked.describe_awaited_facts();
            if !awaited.is_empty() {
                reason.push_str(&format!(": {}", escape::escape_words(&awaited.join("; "))));
            } else if !objections.is_empty() {
                reason.push_str(&format!(": {}", objections.join("; ")));
            }
            status.set_message(reason);
            status
        }
        JudgementRank::Warning => {
            output = Some(format!("{}: {title}\n{}", ranked.rank.describe(), objections.join("\n")));
            TestCaseStatus::success()
        }
        JudgementRank::Owed | JudgementRank::Exempted | JudgementRank::Passed => {
            output = describe_terms(report, ranked);
            TestCaseStatus::success()
        }
    };
    let mut case = TestCase::new(escape::escape_words(rule.id.as_str()), status);
    case.set_classname(class);
    if !rule.controls.is_empty() {
        case.add_property(("controls", escape::escape_words(&rule.controls.join(", ")).as_str()));
    }
    if let Some(output) = output {
        case.set_system_out(output);
    }
    case
}

fn build_failure(kind: NonSuccessKind, word: &str, title: &str, objections: &[String]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word);
    status.set_message(title).set_description(objections.join("\n"));
    status
}

/// Returns what speaks against a rule, a line for each point and one for who can fix those of a group.
fn describe_objections(ranked: &RankedJudgement<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for group in ranked.objection_groups() {
        for objection in &group.objections {
            lines.push(escape::escape_sentence(&objection.describe_with_location(ranked.revision())));
        }
        lines.push(escape::escape_words(&group.remedy));
    }
    lines
}

/// Returns the terms on which a rule is met, if there are any.
fn describe_terms(report: &Report, ranked: &RankedJudgement<'_>) -> Option<String> {
    match &ranked.judgement.outcome {
        RuleOutcome::Owed(owed) => {
            let mut lines = Vec::new();
            for one in owed {
                lines.push(escape::escape_words(&format!(
                    "owed: {}; {}; owner: {}; closed by `{}`",
                    one.what.to_plain_text(),
                    due_time::describe_due_time(one.due, report.seen_at),
                    one.owner,
                    one.evidence.to_plain_text()
                )));
            }
            Some(lines.join("\n"))
        }
        RuleOutcome::Exempted { reason, approved_by, until, exemption } => Some(escape::escape_words(
            &format!("exempted until {until}, by {approved_by}: {reason} ({exemption})"),
        )),
        _ => None,
    }
}
