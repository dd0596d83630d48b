//! Where output goes, and in which style.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::change::person::is_invisible;
use crate::cli::command_error::replace_invisible;
use crate::cli::context::{ColourMode, Context};
use crate::policy::{PolicyErrors, UnreadFiles};
use crate::report::{self, Report, ReportFormat, ReportStyle, RepositoryUrl};
use crate::verdict::quote_for_shell;

/// The output formats of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormatArg {
    /// Text for people
    Terminal,
    /// JSON; see docs/json.md
    Json,
    /// Annotations for the log of a GitHub workflow
    Github,
    /// SARIF 2.1.0 for code scanning
    Sarif,
    /// JUnit XML for pipelines that show tests
    Junit,
    /// GitHub Markdown for a job summary or a comment
    Markdown,
}

impl ReportFormatArg {
    /// Returns true for a format that lists what passed, change by change.
    pub(crate) fn lists_passed_changes(self) -> bool {
        matches!(self, ReportFormatArg::Json | ReportFormatArg::Junit)
    }
}

/// The output formats of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormatArg {
    /// Text for people
    Terminal,
    /// JSON for programs
    Json,
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

/// Returns whether standard error shows colours.
pub(crate) fn stderr_colour(colour: ColourMode) -> bool {
    colour.uses_colour(|| anstream::AutoStream::choice(&io::stderr()))
}

/// Returns whether standard output shows colours.
pub(crate) fn stdout_colour(colour: ColourMode) -> bool {
    colour.uses_colour(|| anstream::AutoStream::choice(&io::stdout()))
}

/// Returns the address of the repository on GitHub, if a workflow's environment names it.
pub(crate) fn read_repository_url(context: &Context) -> Option<RepositoryUrl> {
    let server = context.read_variable("GITHUB_SERVER_URL")?.into_string().ok()?;
    let repository = context.read_variable("GITHUB_REPOSITORY")?.into_string().ok()?;
    RepositoryUrl::new(&format!("{server}/{repository}"))
}

/// Returns true if standard error is a terminal.
pub(crate) fn is_stderr_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes the faults of a policy, file by file.
pub(crate) fn write_policy_faults(
    errors: &PolicyErrors,
    colour: ColourMode,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = ReportStyle { colour: stderr_colour(colour), ..ReportStyle::default() };
    let mut files = Vec::new();
    for file in &errors.faulty_files {
        files.push((file.name.as_str(), file.source.as_slice(), file.faults.clone()));
    }
    report::policy_faults::write_faults(&files, &style, out)
}

/// Returns why a policy could not be read from a commit, and the commands that have git fetch what is missing, if
/// any do. They begin with `git` and this location.
pub(crate) fn describe_unread_files(unread: &UnreadFiles, location: &str) -> String {
    let mut text = unread.why.clone();
    if !unread.fetchable.is_empty() {
        text += "; to fetch it:";
    }
    for object in &unread.fetchable {
        text += &format!("\n  git {location}cat-file -e {}", quote_for_shell(object));
    }
    text
}

/// Writes a report to standard output.
pub(crate) fn print_report(report: &Report, format: ReportFormatArg, style: &ReportStyle) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    ignore_broken_pipe(
        report::write_report(format.into(), report, style, &mut out).and_then(|()| out.flush()),
    )
}

/// Returns `, 2 h late` for something that was late by these seconds, or nothing.
pub(crate) fn describe_lateness(late_by: Option<u64>) -> String {
    let Some(seconds) = late_by else { return String::new() };
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    format!(", {} late", report::due_time::format_duration(seconds))
}

/// Returns the result of writing, without the error of a reader that went away: it changes no decision.
pub(crate) fn ignore_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Returns `text` after `start`, broken at spaces so that it fits a terminal of 80 columns; further
/// lines are indented by `indent`. Escape sequences are replaced: a policy may come from others.
pub(crate) fn wrap_text(start: &str, indent: usize, text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    report::wrap_words(start, indent, &words.replace(is_invisible, "\u{fffd}"))
}

/// The columns of what a hook says: git writes `remote: ` before each line of a server's.
const HOOK_COLUMNS: usize = 71;

/// The columns of what other commands say on a terminal.
const TERMINAL_COLUMNS: usize = 80;

/// Returns an error of several lines for people, in which prose is broken as [`wrap_text`] does, with room for what git
/// writes before the lines of a hook. Indented lines are commands, and stay whole.
pub(crate) fn wrap_error(message: &str) -> String {
    wrap_lines(message, HOOK_COLUMNS)
}

/// Returns lines for standard error: broken as [`wrap_error`] does if that is a terminal, and as they are otherwise, for
/// programs that read them.
pub(crate) fn fold_for_terminal(message: &str) -> String {
    if is_stderr_terminal() { wrap_lines(message, TERMINAL_COLUMNS) } else { message.to_owned() }
}

fn wrap_lines(message: &str, columns: usize) -> String {
    let mut lines = Vec::new();
    for line in replace_invisible(message).split('\n') {
        let is_command = line.starts_with(' ') || line.is_empty();
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.push(match is_command {
            true => line.to_owned(),
            false => report::wrap_to_columns("", 2, &words, columns),
        });
    }
    lines.join("\n")
}

/// Returns `path` as an absolute path without `.` in the middle, for people.
pub(crate) fn tidy_path(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_and_a_command_in_it_stays_whole() {
        let message = "policies/changegate.yml names no roster; to make one from a list, run `changegate people import \
                       LIST.csv --out policies/people.yml`, and name it in the policy\n  git  status --short\nlast";
        for columns in [HOOK_COLUMNS, TERMINAL_COLUMNS] {
            let wrapped = wrap_lines(message, columns);
            assert!(wrapped.lines().all(|line| line.chars().count() <= columns), "{wrapped}");
            assert!(wrapped.lines().count() > 3, "{wrapped}");
            assert!(
                wrapped.contains("`changegate people import LIST.csv --out policies/people.yml`"),
                "{wrapped}"
            );
            assert!(wrapped.contains("\n  git  status --short\nlast"), "{wrapped}");
        }
        // What does not fit a line is broken like prose.
        let long = format!("run `git {}`", "word ".repeat(30));
        assert!(wrap_lines(&long, TERMINAL_COLUMNS).lines().all(|line| line.len() <= TERMINAL_COLUMNS));
    }
}
