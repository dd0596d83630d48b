//! The report of a run of policy tests, and its formats.

mod coverage_wording;
mod json;
mod junit;
mod terminal;
mod test_report;
mod wording;

use std::io::{self, Write};

use crate::report::style::ReportStyle;

pub use crate::report::test_results::test_report::{PolicyCoverage, PolicyTestReport, SuiteReport};

/// The format of a report of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestReportFormat {
    /// For people.
    Terminal,
    /// For programs: the schema `changegate/policy-tests/v1`.
    Json,
    /// For anything that shows test results: JUnit XML.
    Junit,
}

/// Writes the report of a run of tests to `out` in one of the formats.
///
/// # Errors
///
/// Passes on what the writer says; the report may then be written in part.
pub fn write_test_report(
    format: TestReportFormat,
    report: &PolicyTestReport,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        TestReportFormat::Terminal => terminal::write_test_terminal(report, style, out),
        TestReportFormat::Json => json::write_test_json(report, out),
        TestReportFormat::Junit => junit::write_test_junit(report, out),
    }
}
