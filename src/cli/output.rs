//! Where output goes, and in which style.

use std::io::{self, IsTerminal as _, Write};

use anstream::ColorChoice;
use clap::ValueEnum;

use super::World;
use crate::change::person::is_invisible;
use crate::policy::PolicyErrors;
use crate::report::{self, Format, Report, Style, Web};

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// Where a terminal reads, NO_COLOR and CLICOLOR_FORCE heeded
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// In which form a verdict is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
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

impl FormatName {
    /// Returns true for a form that lists what passed, change by change.
    pub(super) fn lists_all(self) -> bool {
        matches!(self, FormatName::Json | FormatName::Junit)
    }
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Format {
        match name {
            FormatName::Terminal => Format::Terminal,
            FormatName::Json => Format::Json,
            FormatName::Github => Format::Github,
            FormatName::Sarif => Format::Sarif,
            FormatName::Junit => Format::Junit,
            FormatName::Markdown => Format::Markdown,
        }
    }
}

impl Colour {
    /// Returns whether colours go to a stream for which `auto` chose `choice`.
    fn wanted(self, choice: impl FnOnce() -> ColorChoice) -> bool {
        match self {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => !matches!(choice(), ColorChoice::Never),
        }
    }
}

/// Returns whether standard error shows colours.
pub(super) fn stderr_colour(colour: Colour) -> bool {
    colour.wanted(|| anstream::AutoStream::choice(&io::stderr()))
}

/// Returns whether standard output shows colours.
pub(super) fn stdout_colour(colour: Colour) -> bool {
    colour.wanted(|| anstream::AutoStream::choice(&io::stdout()))
}

/// Returns where the repository can be looked at, where a workflow on GitHub says so.
pub(super) fn web(world: &World) -> Option<Web> {
    let variable = |name: &str| world.variable(name)?.into_string().ok();
    Web::new(&format!("{}/{}", variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?))
}

/// Returns true if somebody watches standard error.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes the faults of a policy.
pub(super) fn faults(errors: &PolicyErrors, colour: Colour, out: &mut dyn Write) -> io::Result<()> {
    let style = Style { colour: stderr_colour(colour), ..Style::default() };
    let files: Vec<_> = errors
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.source.as_slice(), file.faults.clone()))
        .collect();
    report::faults::write_faults(&files, &style, out)
}

/// Writes a report to standard output.
pub(super) fn report(report: &Report, format: FormatName, style: &Style) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    said(report::write(format.into(), report, style, &mut out).and_then(|()| out.flush()))
}

/// Returns how writing went, where a reader who went away is nothing that changes a decision.
pub(super) fn said(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Returns `text` after `start`, broken at spaces so that it fits a terminal of 80 columns; further
/// lines are indented by `indent`. Escape sequences are taken out: a policy may be somebody else's.
pub(super) fn wrapped(start: &str, indent: usize, text: &str) -> String {
    let mut lines = vec![start.to_owned()];
    let mut is_fresh = true;
    for word in text.split_whitespace() {
        let word: String = word.chars().map(|one| if is_invisible(one) { '\u{fffd}' } else { one }).collect();
        let width = |text: &str| text.chars().count();
        if let Some(line) = lines.last_mut().filter(|line| is_fresh || width(line) + width(&word) < 79) {
            if !is_fresh {
                line.push(' ');
            }
            line.push_str(&word);
        } else {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        }
        is_fresh = false;
    }
    lines.join("\n")
}
