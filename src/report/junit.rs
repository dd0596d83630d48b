//! The report as results of tests: JUnit's XML, which every pipeline can show.
//!
//! A change is a suite and a rule is a test. What denies is a failure, or an error where a fact is
//! missing, and nothing else is either: the tests fail if and only if the change does. A rule that
//! is about other changes, or asked later, was skipped; a warning or an obligation stands in the
//! output of a test that passes.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::points::{Rank, Told, of_change, of_ref};
use super::{Group, Of, Report, due, escape};
use crate::verdict::{Decision, Outcome, Verdict};

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut suites = quick_junit::Report::new("changegate");
    for group in &report.groups {
        let of = name(&group.of);
        if !group.refusals.is_empty() {
            let cases = of_ref(group, report.enforced).map(|told| case(report, &of, &told));
            suites.add_test_suite(suite(&of, cases));
        }
        for verdict in &group.verdicts {
            let of = change(&of, verdict);
            let cases = of_change(verdict).map(|told| case(report, &of, &told));
            suites.add_test_suite(suite(&of, cases));
        }
        if 0 < group.passed {
            suites.add_test_suite(suite(&of, std::iter::once(passed(&of, group))));
        }
    }
    if report.decision == Decision::Deny && suites.failures + suites.errors == 0 {
        // A file without a failure would say that everything is well.
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message("denied");
        suites.add_test_suite(suite("decision", std::iter::once(TestCase::new("decision", status))));
    }
    suites.serialize(out).map_err(io::Error::other)
}

fn suite(name: &str, cases: impl Iterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_test_cases(cases);
    suite
}

fn name(of: &Of) -> String {
    let (kind, name) = match of {
        Of::Ref { name, .. } => ("ref ", name),
        Of::Range(name) => ("range ", name),
        Of::Pull(name) => ("pull request ", name),
        Of::Message => return "this commit".into(),
    };
    format!("{kind}{}", escape::terminal(name.as_bytes(), escape::MOST))
}

fn change(of: &str, verdict: &Verdict) -> String {
    let subject = escape::terminal(verdict.subject.as_bytes(), escape::MOST);
    match verdict.revision {
        Some(id) => format!("{of}: {} {subject}", id.short()),
        None => format!("{of}: {subject}"),
    }
}

/// The changes that there is nothing to say about, which the report only counts.
fn passed(of: &str, group: &Group) -> TestCase {
    let more =
        if group.passed == 1 { "1 more change".into() } else { format!("{} more changes", group.passed) };
    let mut case = TestCase::new(more, TestCaseStatus::success());
    case.set_classname(of);
    case
}

fn case(report: &Report, of: &str, told: &Told<'_>) -> TestCase {
    let rule = &told.judgement.rule;
    let points: Vec<String> =
        told.points().map(|point| escape::sentence(&point.whole(told.revision()))).collect();
    let title = escape::words(&rule.title);
    let mut output = None;
    let status = match told.rank {
        Rank::Broken | Rank::Unknown => {
            let kind =
                if told.rank == Rank::Broken { NonSuccessKind::Failure } else { NonSuccessKind::Error };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(if told.rank == Rank::Broken { "denied" } else { "undecided" });
            status.set_message(title.as_str()).set_description(points.join("\n"));
            status
        }
        Rank::Open | Rank::Later | Rank::NotApplicable => {
            let mut status = TestCaseStatus::skipped();
            let words = told.rank.words();
            let why =
                if points.is_empty() { words.into() } else { format!("{words}: {}", points.join("; ")) };
            status.set_message(why);
            status
        }
        Rank::Warning => {
            output = Some(format!("{}: {title}\n{}", told.rank.words(), points.join("\n")));
            TestCaseStatus::success()
        }
        Rank::Owed | Rank::Exempted | Rank::Passed => {
            output = remark(report, told);
            TestCaseStatus::success()
        }
    };
    let mut case = TestCase::new(escape::words(&rule.id), status);
    case.set_classname(of);
    if !rule.controls.is_empty() {
        case.add_property(("controls", escape::words(&rule.controls.join(", ")).as_str()));
    }
    if let Some(output) = output {
        case.set_system_out(output);
    }
    case
}

/// Returns on what terms a rule is kept, if there are any.
fn remark(report: &Report, told: &Told<'_>) -> Option<String> {
    match &told.judgement.outcome {
        Outcome::Owed(owed) => {
            let lines = owed.iter().map(|one| {
                let due = due::words(one.due, report.seen_at);
                let words =
                    format!("owed: {}, {due}, by {}; closed by {}", one.what, one.owner, one.evidence);
                escape::words(&words)
            });
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
        Outcome::Exempted { reason, approved_by, until, place } => {
            Some(escape::words(&format!("exempted until {until}, by {approved_by}: {reason} ({place})")))
        }
        _ => None,
    }
}
