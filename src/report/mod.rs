//! Reports about a decision, and the formats that they are written in.
//!
//! A [`Report`] is a plain value: everything in it is decided before a byte is printed, so a format
//! can leave something out but never change what was decided, nor an exit code. Nothing here reads
//! a clock, a repository or the environment, and nothing writes anywhere but to the writer given.
//!
//! Invariant: words that came from outside reach a writer only through [`escape`].

pub(crate) mod check_title;
pub(crate) mod due_time;
pub mod escape;
pub mod explanation;
pub(crate) mod fix_plan;
pub(crate) mod github_log;
pub(crate) mod plan_text;
pub mod policy_faults;
pub(crate) mod ranked_judgements;
pub(crate) mod repository_url;
pub(crate) mod settings_advice;

mod change_selection;
mod change_spool;
mod content;
mod json;
mod judgement_rank;
mod junit;
mod left_out;
mod markdown;
mod reader_checkout;
mod sarif;
mod style;
mod terminal;
pub mod test_results;
mod text_spool;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub(crate) use crate::report::change_selection::ChangeSelection;
pub use crate::report::change_selection::HeldChanges;
pub use crate::report::change_spool::ChangeSpools;
pub use crate::report::content::PolicyDescription;
pub use crate::report::content::{
    GroupScope, JudgedRef, PolicyLocation, PolicyReference, RefUpdateKind, Report, ReportGroup, RuleTrace,
    decide_groups,
};
pub(crate) use crate::report::json::visible::VisibleJsonFormatter;
pub use crate::report::junit::SpooledRange;
pub use crate::report::left_out::LeftOutChanges;
pub use crate::report::reader_checkout::{
    HistoryRewrite, KeptFiles, ReaderCheckout, RebaseStart, UnfinishedOperation,
};
pub use crate::report::repository_url::RepositoryUrl;
pub(crate) use crate::report::sarif::MAX_RESULTS as MAX_SARIF_RESULTS;
pub use crate::report::style::{DeniedMessage, ReportFormat, ReportStyle};
pub(crate) use crate::report::terminal::page::{
    TerminalPage, TextStyle, plain_text, styled_text, wrap_to_columns, wrap_words,
};
pub(crate) use crate::report::terminal::{
    has_faulty_side_commits, list_reworded_commits, prefill_message, write_deferred_note,
    write_exemption_note,
};
pub use crate::report::text_spool::SpoolStorage;

/// Writes a report to `out` in one of the formats.
///
/// # Errors
///
/// Passes on what the writer says; the report may then be written in part.
pub fn write_report(
    format: ReportFormat,
    report: &Report,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Terminal => terminal::write_terminal(report, style, out),
        ReportFormat::Json => json::write_json(report, None, out),
        ReportFormat::Github => github_log::write_github_log(report, style, out),
        ReportFormat::Sarif => sarif::write_sarif(report, style, out),
        ReportFormat::Junit => junit::write_junit(report, None, out),
        ReportFormat::Markdown => markdown::write_markdown(report, style, out),
    }
}

/// Writes a report about one group to `out`, with the changes of its spools where a format lists every
/// change.
///
/// # Errors
///
/// As [`write_report`], and if a spool cannot be read back.
pub fn write_range_report(
    format: ReportFormat,
    report: &Report,
    spools: &mut ChangeSpools,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    if spools.write_spooled_report(format, report, out)? {
        return Ok(());
    }
    write_report(format, report, style, out)
}
