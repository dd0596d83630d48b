//! The report of tests for people: what failed and why, then the totals.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::policy_tests::{CoverageGap, CoverageGroup, CoveragePoint, ExpectationMiss};
use crate::report::escape::escape_words;
use crate::report::style::ReportStyle;
use crate::report::terminal::page::{StyledText, TerminalPage, TextStyle, plain_text, styled_text};
use crate::report::test_results::coverage_wording::{
    describe_gap, describe_group, describe_place, describe_point,
};
use crate::report::test_results::test_report::{PolicyCoverage, PolicyTestReport, SuiteReport};
use crate::report::test_results::wording::{describe_misses, describe_warnings};
use crate::verdict::RuleId;

/// The gaps that are listed of each policy unless all are wanted.
const MAX_GAPS: usize = 20;

/// How many columns of a question are shown; its place leads to the rest.
const MAX_QUESTION_COLUMNS: usize = 120;

pub(crate) fn write_test_terminal(
    report: &PolicyTestReport,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = TerminalPage::new(out, style);
    for suite in &report.suites {
        write_suite(suite, style, &mut page)?;
    }
    for coverage in &report.coverage {
        write_coverage(coverage, style, &mut page)?;
    }
    if let [_, _, ..] = report.suites.as_slice() {
        page.request_gap();
        let mut totals = count_results(report.count_tests(), report.count_failures());
        totals.push(plain_text(format!(" in {} suites", report.suites.len())));
        totals.extend(count_warnings(report.suites.iter().map(SuiteReport::count_warned).sum()));
        page.write_paragraph(0, &totals)?;
    }
    Ok(())
}

fn write_suite(suite: &SuiteReport, style: &ReportStyle, page: &mut TerminalPage<'_>) -> io::Result<()> {
    for result in &suite.results {
        let name = styled_text(TextStyle::Name, escape_words(&result.name));
        if result.misses.is_empty() {
            if style.verbose {
                page.write_paragraph(
                    0,
                    &[styled_text(TextStyle::Allowed, "passed"), plain_text(": "), name],
                )?;
                for line in describe_warnings(&result.verdict) {
                    page.write_paragraph(2, &[plain_text(line)])?;
                }
            }
            continue;
        }
        page.request_gap();
        let place = format!("({}:{})", escape_words(&suite.file), result.at.line);
        let head = [
            styled_text(TextStyle::Denied, "failed"),
            plain_text(": "),
            name,
            plain_text(" "),
            styled_text(TextStyle::Secondary, place),
        ];
        page.write_paragraph(0, &head)?;
        for line in describe_misses(result) {
            page.write_paragraph(2, &[plain_text(line)])?;
        }
    }
    let unexpected = count_unexpected_denials(suite);
    if !unexpected.is_empty() {
        page.request_gap();
    }
    for (rule, tests) in unexpected {
        let tests = if tests == 1 { "1 test that does".to_owned() } else { format!("{tests} tests that do") };
        let note = format!(
            "note: `{}` denies {tests} not expect it; where that is meant, add it to `denied-by` there",
            escape_words(rule.as_str())
        );
        page.write_paragraph(0, &[plain_text(note)])?;
    }
    if suite.count_failures() > 0 || style.verbose {
        page.request_gap();
    }
    let mut line = vec![plain_text(format!("{}: ", escape_words(&suite.file)))];
    line.extend(count_results(suite.results.len(), suite.count_failures()));
    line.extend(count_warnings(suite.count_warned()));
    page.write_paragraph(0, &line)
}

/// Returns the rules that deny tests which expect others to, each with how many: a rule that is new denies much that was
/// denied before.
fn count_unexpected_denials(suite: &SuiteReport) -> BTreeMap<&RuleId, usize> {
    let mut counts = BTreeMap::new();
    for miss in suite.results.iter().flat_map(|result| &result.misses) {
        if let ExpectationMiss::DeniedBy { unexpected, .. } = miss {
            for rule in unexpected {
                *counts.entry(rule).or_insert(0) += 1;
            }
        }
    }
    counts
}

/// Returns `12 passed, 1 failed`.
fn count_results(tests: usize, failures: usize) -> Vec<StyledText> {
    let passed = format!("{} passed", tests.saturating_sub(failures));
    if failures == 0 {
        return vec![styled_text(TextStyle::Allowed, passed)];
    }
    vec![plain_text(format!("{passed}, ")), styled_text(TextStyle::Denied, format!("{failures} failed"))]
}

/// Returns `; rules only warn in 2 tests`, which no test passes over without a word.
fn count_warnings(tests: usize) -> Option<StyledText> {
    match tests {
        0 => None,
        1 => Some(plain_text("; a rule only warns in 1 test")),
        _ => Some(plain_text(format!("; rules only warn in {tests} tests"))),
    }
}

fn write_coverage(
    coverage: &PolicyCoverage,
    style: &ReportStyle,
    page: &mut TerminalPage<'_>,
) -> io::Result<()> {
    let report = &coverage.report;
    let (reached, total) = (report.count_reached(), report.count_total());
    page.request_gap();
    // Rounded down, so that only all of it is 100 %.
    let percent = (100 * reached).checked_div(total).unwrap_or(100);
    let colour = if reached == total { TextStyle::Allowed } else { TextStyle::Warning };
    page.write_paragraph(
        0,
        &[
            plain_text(format!("{}: the tests reach ", escape_words(&coverage.policy))),
            styled_text(colour, format!("{reached} of {total} ({percent} %)")),
        ],
    )?;
    let mut groups = Vec::new();
    for group in CoverageGroup::ALL {
        let (reached, total) = report.count_group(group);
        if total > 0 {
            groups.push(format!("{reached} of {total} {}", describe_group(group)));
        }
    }
    page.write_paragraph(2, &[plain_text(groups.join(", "))])?;
    // A predicate counts as a whole, so that 100 % says nothing of what it lists.
    let uncounted = "not counted by themselves: the periods of a `window`, and the limits, paths and teams within one predicate";
    page.write_paragraph(2, &[styled_text(TextStyle::Secondary, uncounted)])?;
    if style.verbose {
        return write_points(&report.points, page);
    }
    // What stands in a file of the policy's own comes before what a pack brings.
    let (packed, mut gaps): (Vec<CoverageGap<'_>>, Vec<CoverageGap<'_>>) = report
        .list_gaps()
        .into_iter()
        .partition(|gap| gap.point.place.as_ref().is_some_and(|place| place.is_pack));
    gaps.extend(packed);
    for gap in gaps.iter().take(MAX_GAPS) {
        let sentence = plain_text(describe_gap(gap, MAX_QUESTION_COLUMNS));
        page.write_paragraph(2, &add_place(sentence, gap.point))?;
    }
    let left = gaps.len().saturating_sub(MAX_GAPS);
    if left > 0 {
        page.write_paragraph(
            2,
            &[styled_text(TextStyle::Secondary, format!("and {left} more; --verbose shows them"))],
        )?;
    }
    Ok(())
}

/// Writes everything that there is to reach, each marked.
fn write_points(points: &[CoveragePoint], page: &mut TerminalPage<'_>) -> io::Result<()> {
    for point in points {
        let (mark, colour) = match point.is_reached {
            true => ("reached", TextStyle::Allowed),
            false => ("missing", TextStyle::Warning),
        };
        let mut line = vec![styled_text(colour, mark), plain_text(" ")];
        let sentence = plain_text(describe_point(point, MAX_QUESTION_COLUMNS));
        line.extend(add_place(sentence, point));
        page.write_paragraph(2, &line)?;
    }
    Ok(())
}

/// Returns a sentence with the place of what it is about behind it.
fn add_place(sentence: StyledText, point: &CoveragePoint) -> Vec<StyledText> {
    let mut line = vec![sentence];
    if let Some(place) = &point.place {
        line.push(plain_text(" "));
        line.push(styled_text(TextStyle::Secondary, format!("[{}]", describe_place(place))));
    }
    line
}
