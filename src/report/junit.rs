//! The report as results of tests: JUnit's XML, which every pipeline can show.
//!
//! A change is a suite and a rule is a test. What denies is a failure, or an error where a fact is
//! missing, and nothing else is either: the tests fail if and only if the change does. A rule that
//! is about other changes, or asked later, was skipped; a warning or an obligation stands in the
//! output of a test that passes.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, rank_refusals, rank_verdict};
use crate::report::{GroupScope, Report, ReportGroup, due_time, escape};
use crate::verdict::{Decision, RuleOutcome, Verdict};

/// Writes the report.
pub(crate) fn write_junit(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut suites = quick_junit::Report::new("changegate");
    for group in &report.groups {
        let of = name_scope(&group.scope);
        if !group.refusals.is_empty() {
            let cases = rank_refusals(group, report.enforced).map(|told| build_rule_case(report, &of, &told));
            suites.add_test_suite(build_suite(&of, cases));
        }
        for verdict in &group.verdicts {
            let of = name_change(&of, verdict);
            let cases = rank_verdict(verdict).map(|told| build_rule_case(report, &of, &told));
            suites.add_test_suite(build_suite(&of, cases));
        }
        if 0 < group.omitted_passes {
            suites.add_test_suite(build_suite(&of, std::iter::once(build_passed_case(&of, group))));
        }
    }
    if report.decision == Decision::Deny && suites.failures + suites.errors == 0 {
        // A file without a failure would say that everything is well.
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message("denied");
        suites.add_test_suite(build_suite("decision", std::iter::once(TestCase::new("decision", status))));
    }
    suites.serialize(out).map_err(io::Error::other)
}

fn build_suite(name: &str, cases: impl Iterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_test_cases(cases);
    suite
}

fn name_scope(of: &GroupScope) -> String {
    let (kind, name) = match of {
        GroupScope::Ref { name, .. } => ("ref ", name),
        GroupScope::Range(name) => ("range ", name),
        GroupScope::PullRequest(name) => ("pull request ", name),
        GroupScope::Message => return "this commit".into(),
    };
    format!("{kind}{}", escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS))
}

fn name_change(of: &str, verdict: &Verdict) -> String {
    let subject = escape::escape_terminal(verdict.subject.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    match verdict.revision {
        Some(id) => format!("{of}: {} {subject}", id.short_hex()),
        None => format!("{of}: {subject}"),
    }
}

/// The changes that there is nothing to say about, which the report only counts.
fn build_passed_case(of: &str, group: &ReportGroup) -> TestCase {
    let more = if group.omitted_passes == 1 {
        "1 more change".into()
    } else {
        format!("{} more changes", group.omitted_passes)
    };
    let mut case = TestCase::new(more, TestCaseStatus::success());
    case.set_classname(of);
    case
}

fn build_rule_case(report: &Report, of: &str, told: &RankedJudgement<'_>) -> TestCase {
    let rule = &told.judgement.rule;
    let points: Vec<String> = told
        .objections()
        .map(|point| escape::escape_sentence(&point.describe_fully(told.revision())))
        .collect();
    let title = escape::escape_words(&rule.title);
    let mut output = None;
    let status = match told.rank {
        JudgementRank::Denied | JudgementRank::DeniedUnknown => {
            let kind = if told.rank == JudgementRank::Denied {
                NonSuccessKind::Failure
            } else {
                NonSuccessKind::Error
            };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(if told.rank == JudgementRank::Denied { "denied" } else { "undecided" });
            status.set_message(title.as_str()).set_description(points.join("\n"));
            status
        }
        JudgementRank::Undecided | JudgementRank::Deferred | JudgementRank::NotApplicable => {
            let mut status = TestCaseStatus::skipped();
            let words = told.rank.describe();
            let why =
                if points.is_empty() { words.into() } else { format!("{words}: {}", points.join("; ")) };
            status.set_message(why);
            status
        }
        JudgementRank::Warning => {
            output = Some(format!("{}: {title}\n{}", told.rank.describe(), points.join("\n")));
            TestCaseStatus::success()
        }
        JudgementRank::Owed | JudgementRank::Exempted | JudgementRank::Passed => {
            output = describe_terms(report, told);
            TestCaseStatus::success()
        }
    };
    let mut case = TestCase::new(escape::escape_words(&rule.id), status);
    case.set_classname(of);
    if !rule.controls.is_empty() {
        case.add_property(("controls", escape::escape_words(&rule.controls.join(", ")).as_str()));
    }
    if let Some(output) = output {
        case.set_system_out(output);
    }
    case
}

/// Returns on what terms a rule is kept, if there are any.
fn describe_terms(report: &Report, told: &RankedJudgement<'_>) -> Option<String> {
    match &told.judgement.outcome {
        RuleOutcome::Owed(owed) => {
            let lines = owed.iter().map(|one| {
                let due = due_time::describe_due_time(one.due, report.seen_at);
                let words = format!(
                    "owed: {}, {due}, by {}; closed by {}",
                    one.what.to_plain_text(),
                    one.owner,
                    one.evidence.to_plain_text()
                );
                escape::escape_words(&words)
            });
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
        RuleOutcome::Exempted { reason, approved_by, until, place } => Some(escape::escape_words(&format!(
            "exempted until {until}, by {approved_by}: {reason} ({place})"
        ))),
        _ => None,
    }
}
