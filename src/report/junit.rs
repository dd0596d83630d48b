//! The report as test results: JUnit XML, which every pipeline can show.
//!
//! A change is a suite and a rule is a test. What denies is a failure, or an error where a fact is
//! missing, and nothing else is either: the tests fail if and only if the change does. A rule that
//! does not apply, or is checked later, was skipped; a warning or an obligation stands in the output
//! of a test that passes.

use std::collections::HashMap;
use std::io::{self, Write};

use jiff::Timestamp;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use sha2::{Digest as _, Sha256};

use crate::report::content::{GroupScope, Report, ReportGroup};
use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, rank_refusals, rank_verdict};
use crate::report::text_spool::{SpoolStorage, TextSpool};
use crate::report::{due_time, escape};
use crate::verdict::{Decision, RuleOutcome, Verdict};

/// The class of what is about no single commit.
const ROOT_CLASS: &str = "changegate";

/// The start of a suite, with what stands before it in a document.
const SUITE_START: &str = "\n    <testsuite ";

/// The end of a document, with what stands before it.
const SUITES_END: &str = "\n</testsuites>";

/// The name of a suite, and the class of the tests in it.
#[derive(Clone, Copy)]
struct SuiteNames<'name> {
    suite: &'name str,
    class: &'name str,
}

/// What is known of a range before its changes are judged.
#[derive(Clone, Copy, Debug)]
pub struct SpooledRange<'asked> {
    /// The scope of the report.
    pub scope: &'asked GroupScope,
    /// The instant of the decision, as in the report.
    pub seen_at: Timestamp,
    /// True if it lands as one change, whose last commit is another one after each push.
    pub is_one_change: bool,
}

/// The changes of a range, each as the XML of its suite, and what they add up to.
#[derive(Debug)]
pub(crate) struct JunitChangeSpool {
    suites: TextSpool,
    totals: SuiteTotals,
    classes: ClassNames,
    scope: String,
    seen_at: Timestamp,
    is_one_change: bool,
}

/// The numbers of tests that stand in the head of the document.
#[derive(Clone, Copy, Debug, Default)]
struct SuiteTotals {
    tests: usize,
    skipped: usize,
    failures: usize,
    errors: usize,
}

/// The classes that changes have got so far.
///
/// Pipelines follow a test by its class and its name, from one push to the next, and a rebase changes every
/// id; so the class of a change is its subject. The subjects are remembered as digests: there is one for
/// each change of a history.
#[derive(Debug, Default)]
struct ClassNames(HashMap<[u8; 16], usize>);

impl ClassNames {
    /// Returns the class of the next change with this subject.
    fn name_class(&mut self, subject: &str) -> String {
        let mut digest = [0; 16];
        for (byte, hashed) in digest.iter_mut().zip(Sha256::digest(subject)) {
            *byte = hashed;
        }
        let seen = self.0.entry(digest).or_insert(0);
        *seen += 1;
        match *seen {
            1 => format!("{ROOT_CLASS}: {subject}"),
            again => format!("{ROOT_CLASS}: {subject} ({again})"),
        }
    }
}

impl JunitChangeSpool {
    pub(crate) fn new(storage: Box<dyn SpoolStorage>, range: &SpooledRange<'_>) -> JunitChangeSpool {
        JunitChangeSpool {
            suites: TextSpool::new(storage),
            totals: SuiteTotals::default(),
            classes: ClassNames::default(),
            scope: name_scope(range.scope),
            seen_at: range.seen_at,
            is_one_change: range.is_one_change,
        }
    }

    /// Adds the next change.
    pub(crate) fn add_change(&mut self, verdict: &Verdict) -> io::Result<()> {
        let suite = if self.is_one_change {
            let subject = escape_subject(verdict);
            let names = SuiteNames { suite: &name_change(&self.scope, verdict, &subject), class: ROOT_CLASS };
            build_suite(names, rank_verdict(verdict), self.seen_at)
        } else {
            build_change_suite(&self.scope, verdict, &mut self.classes, self.seen_at)
        };
        self.totals.tests += suite.tests;
        self.totals.skipped += suite.skipped;
        self.totals.failures += suite.failures;
        self.totals.errors += suite.errors;
        let mut alone = quick_junit::Report::new("");
        alone.add_test_suite(suite);
        let document = alone.to_string().map_err(io::Error::other)?;
        let (_, suite) = split_before(&document, SUITE_START)?;
        let (suite, _) = split_before(suite, SUITES_END)?;
        self.suites.push_text(suite)
    }

    /// Writes a report of one group, whose changes these are.
    pub(crate) fn write_report(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        write_junit(report, Some(self), out)
    }
}

/// Divides the XML that the library wrote. It writes no tag in any other way, and no text holds one.
fn split_before<'text>(text: &'text str, tag: &str) -> io::Result<(&'text str, &'text str)> {
    let at = text.find(tag).ok_or_else(|| io::Error::other(format!("no {tag:?} in JUnit XML")))?;
    Ok(text.split_at(at))
}

/// Writes the report as JUnit XML; the changes of its only group are those of the spool, if there is one.
pub(crate) fn write_junit(
    report: &Report,
    spool: Option<&mut JunitChangeSpool>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut suites = quick_junit::Report::new("changegate");
    let mut classes = ClassNames::default();
    for group in &report.groups {
        let scope = name_scope(&group.scope);
        if !group.refusals.is_empty() {
            let names = SuiteNames { suite: &scope, class: ROOT_CLASS };
            let refusals = rank_refusals(group, report.enforced);
            suites.add_test_suite(build_suite(names, refusals, report.seen_at));
        }
        if spool.is_some() {
            continue;
        }
        for verdict in &group.verdicts {
            suites.add_test_suite(match &group.scope {
                // A pull request has a name of its own, and its last commit is another one after each push.
                GroupScope::PullRequest(_) => {
                    let suite = name_change(&scope, verdict, &escape_subject(verdict));
                    let class = format!("{ROOT_CLASS}: {scope}");
                    let names = SuiteNames { suite: &suite, class: &class };
                    build_suite(names, rank_verdict(verdict), report.seen_at)
                }
                _ => build_change_suite(&scope, verdict, &mut classes, report.seen_at),
            });
        }
        if group.omitted_passes > 0 {
            let mut suite = TestSuite::new(scope.as_str());
            suite.add_test_case(build_passed_case(group));
            suites.add_test_suite(suite);
        }
    }
    if let Some(JunitChangeSpool { totals, .. }) = &spool {
        suites.tests += totals.tests;
        suites.skipped += totals.skipped;
        suites.failures += totals.failures;
        suites.errors += totals.errors;
    }
    if report.decision == Decision::Deny && suites.failures + suites.errors == 0 {
        // A file without a failure would say that everything is well.
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message("denied");
        let mut suite = TestSuite::new("decision");
        suite.add_test_case(TestCase::new("decision", status));
        suites.add_test_suite(suite);
    }
    let Some(spool) = spool else { return suites.serialize(out).map_err(io::Error::other) };
    let document = suites.to_string().map_err(io::Error::other)?;
    let (head, tail) = split_before(&document, SUITES_END)?;
    out.write_all(head.as_bytes())?;
    for suite in spool.suites.read_texts()? {
        out.write_all(suite?.as_bytes())?;
    }
    out.write_all(tail.as_bytes())
}

fn build_change_suite(
    scope: &str,
    verdict: &Verdict,
    classes: &mut ClassNames,
    seen_at: Timestamp,
) -> TestSuite {
    let subject = escape_subject(verdict);
    let class = classes.name_class(&subject);
    let names = SuiteNames { suite: &name_change(scope, verdict, &subject), class: &class };
    build_suite(names, rank_verdict(verdict), seen_at)
}

fn build_suite<'report>(
    names: SuiteNames<'_>,
    judgements: impl Iterator<Item = RankedJudgement<'report>>,
    seen_at: Timestamp,
) -> TestSuite {
    let mut suite = TestSuite::new(names.suite);
    for ranked in judgements {
        suite.add_test_case(build_rule_case(names.class, &ranked, seen_at));
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

fn build_rule_case(class: &str, ranked: &RankedJudgement<'_>, seen_at: Timestamp) -> TestCase {
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
            output = describe_terms(ranked, seen_at);
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
fn describe_terms(ranked: &RankedJudgement<'_>, seen_at: Timestamp) -> Option<String> {
    match &ranked.judgement.outcome {
        RuleOutcome::Owed(owed) => {
            let mut lines = Vec::new();
            for one in owed {
                lines.push(escape::escape_words(&format!(
                    "owed: {}; {}; owner: {}; closed by `{}`",
                    one.what.to_plain_text(),
                    due_time::describe_due_time(one.due, seen_at),
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
