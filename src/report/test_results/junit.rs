//! The report of tests as JUnit XML, which every pipeline can show: a suite is a suite, a test is a test.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::escape::escape_words;
use crate::report::test_results::test_report::{PolicyTestReport, SuiteReport};
use crate::report::test_results::wording::{describe_misses, describe_warnings};

pub(crate) fn write_test_junit(report: &PolicyTestReport, out: &mut dyn Write) -> io::Result<()> {
    let mut document = Report::new("changegate policy test");
    document.add_test_suites(report.suites.iter().map(build_test_suite));
    document.serialize(out).map_err(io::Error::other)
}

fn build_test_suite(suite: &SuiteReport) -> TestSuite {
    let file = escape_words(&suite.file);
    let mut built = TestSuite::new(file.clone());
    for result in &suite.results {
        let mut status = TestCaseStatus::success();
        let differences = describe_misses(result);
        if let Some(first) = differences.first() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first.clone()).set_description(differences.join("\n"));
        }
        let mut case = TestCase::new(escape_words(&result.name), status);
        case.set_classname(file.clone());
        let warnings = describe_warnings(&result.verdict);
        if !warnings.is_empty() {
            case.set_system_out(warnings.join("\n"));
        }
        case.extra.insert("file".into(), file.as_str().into());
        case.extra.insert("line".into(), result.at.line.to_string().into());
        built.add_test_case(case);
    }
    built
}
