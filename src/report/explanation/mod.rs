//! Telling how a verdict came about, for people and for programs.

mod content;
pub(crate) mod json;
pub(crate) mod terminal;

use std::io::{self, Write};

use crate::report::style::ReportStyle;

pub use crate::report::explanation::content::ExplanationReport;

/// The forms of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplanationFormat {
    /// For people, at a terminal.
    Terminal,
    /// For programs: the schema `changegate/explanation/v1`.
    Json,
}

/// Writes an explanation.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_explanation(
    format: ExplanationFormat,
    report: &ExplanationReport,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ExplanationFormat::Terminal => terminal::write_terminal(report, style, out),
        ExplanationFormat::Json => json::write_json(report, out),
    }
}
