//! Where output goes, and in which style.

use std::io::{self, IsTerminal as _, Write};

use anstream::ColorChoice;
use clap::ValueEnum;

use crate::cli::Context;
use crate::policy::PolicyErrors;
pub(crate) use crate::report::wrap_text;
use crate::report::{self, Report, ReportFormat, ReportStyle, RepositoryUrl};

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourMode {
    /// Where a terminal reads, NO_COLOR and CLICOLOR_FORCE heeded
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// In which form a verdict is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormatArg {
    /// For people
    Terminal,
    /// For programs; see docs/json.md
    Json,
    /// For the log of a workflow on GitHub: annotations
    Github,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For a pipeline that shows tests: JUnit's XML
    Junit,
    /// For a job's summary or a comment: GitHub's Markdown
    Markdown,
}

impl ReportFormatArg {
    /// Returns true for a form that lists what passed, change by change.
    pub(crate) fn lists_passed_changes(self) -> bool {
        matches!(self, ReportFormatArg::Json | ReportFormatArg::Junit)
    }
}

impl From<ReportFormatArg> for ReportFormat {
    fn from(name: ReportFormatArg) -> ReportFormat {
        match name {
            ReportFormatArg::Terminal => ReportFormat::Terminal,
            ReportFormatArg::Json => ReportFormat::Json,
            ReportFormatArg::Github => ReportFormat::Github,
            ReportFormatArg::Sarif => ReportFormat::Sarif,
            ReportFormatArg::Junit => ReportFormat::Junit,
            ReportFormatArg::Markdown => ReportFormat::Markdown,
        }
    }
}

impl ColourMode {
    /// Returns whether colours go to a stream for which `auto` chose `choice`.
    fn uses_colour(self, choice: impl FnOnce() -> ColorChoice) -> bool {
        match self {
            ColourMode::Always => true,
            ColourMode::Never => false,
            ColourMode::Auto => !matches!(choice(), ColorChoice::Never),
        }
    }
}

/// Returns whether standard error shows colours.
pub(crate) fn stderr_colour(colour: ColourMode) -> bool {
    colour.uses_colour(|| anstream::AutoStream::choice(&io::stderr()))
}

/// Returns whether standard output shows colours.
pub(crate) fn stdout_colour(colour: ColourMode) -> bool {
    colour.uses_colour(|| anstream::AutoStream::choice(&io::stdout()))
}

/// Returns where the repository can be looked at, where a workflow on GitHub says so.
pub(crate) fn read_repository_url(world: &Context) -> Option<RepositoryUrl> {
    let variable = |name: &str| world.read_variable(name)?.into_string().ok();
    RepositoryUrl::new(&format!("{}/{}", variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?))
}

/// Returns true if somebody watches standard error.
pub(crate) fn is_stderr_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes the faults of a policy.
pub(crate) fn write_policy_faults(
    errors: &PolicyErrors,
    colour: ColourMode,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = ReportStyle { colour: stderr_colour(colour), ..ReportStyle::default() };
    let files: Vec<_> = errors
        .faulty_files
        .iter()
        .map(|file| (file.name.as_str(), file.source.as_slice(), file.faults.clone()))
        .collect();
    report::policy_faults::write_faults(&files, &style, out)
}

/// Writes a report to standard output.
pub(crate) fn print_report(report: &Report, format: ReportFormatArg, style: &ReportStyle) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    ignore_broken_pipe(
        report::write_report(format.into(), report, style, &mut out).and_then(|()| out.flush()),
    )
}

/// Returns how writing went, where a reader who went away is nothing that changes a decision.
pub(crate) fn ignore_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
