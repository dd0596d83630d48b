//! Where a run of the Action tells its verdict, beside standard output.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::super::{Stop, World};
use crate::github::outputs::{MOST_JSON, denied_rules, lines};
use crate::github::{Failure, Outcome, Session, Telling};
use crate::report::{self, Format, Report, Style};
use crate::verdict::Decision;

/// The largest summary; a runner takes 1 MiB and drops what is longer.
const MOST_SUMMARY: usize = 900 * 1024;

/// Sets the outputs of the step, where the runner says that there are some.
pub(super) fn outputs(verdict: &str, report: Option<&Report>, world: &World) -> Result<(), Stop> {
    let Some(path) = world.variable("GITHUB_OUTPUT") else { return Ok(()) };
    let denied = report.map(denied_rules).unwrap_or_default();
    let json = report.map(one_line).transpose()?.unwrap_or_default();
    let is_short = json.len() <= MOST_JSON;
    let json = if is_short { json } else { String::new() };
    let all = lines(&[("verdict", verdict), ("denied-rules", &denied), ("json", &json)]);
    append(&world.at(PathBuf::from(path)), &all)?;
    if !is_short {
        loudly("the output `json` is empty, because the verdict is longer than a workflow should hand on")?;
    }
    Ok(())
}

/// Adds the verdict to the summary of the job, where the runner says that there is one.
pub(super) fn summary(report: &Report, world: &World) -> Result<(), Stop> {
    let Some(path) = world.variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let text = page(report)?;
    if MOST_SUMMARY < text.len() {
        return loudly("the summary of the job is left out, because the runner would drop it for its length");
    }
    append(&world.at(PathBuf::from(path)), &text)
}

/// Writes a comment on each pull request that was judged.
pub(super) fn comments(session: &Session, outcome: &Outcome) -> Result<(), Stop> {
    for pull in &outcome.pulls {
        told(session.comment(&pull.name, &page(&pull.report)?), "comment")?;
    }
    Ok(())
}

/// Reports a check run on each pull request that was judged.
pub(super) fn check_runs(session: &Session, outcome: &Outcome, name: &str) -> Result<(), Stop> {
    for pull in &outcome.pulls {
        let allowed = pull.report.decision == Decision::Allow;
        told(session.check_run(pull, name, allowed, &page(&pull.report)?), "check run")?;
    }
    Ok(())
}

/// Says so if something could not be told; the verdict stands.
fn told(told: Result<Telling, Failure>, what: &str) -> Result<(), Stop> {
    match told {
        Ok(Telling::Written | Telling::Unchanged) => Ok(()),
        Ok(Telling::NotAllowed) => {
            loudly(&format!("the token may not write a {what}, so there is none; the verdict stands"))
        }
        Err(failure) => loudly(&format!("there is no {what}, and the verdict stands: {}", failure.why)),
    }
}

/// Says something in the log that nobody should overlook.
pub(super) fn loudly(what: &str) -> Result<(), Stop> {
    Ok(writeln!(io::stdout().lock(), "::warning::changegate: {what}")?)
}

/// Returns the report as Markdown for people.
///
/// This is the one place to switch when the reports gain `Format::Markdown`: until then the report for
/// terminals stands in a code block that nothing in it can end.
fn page(report: &Report) -> Result<String, Stop> {
    let mut text = Vec::new();
    report::write(Format::Terminal, report, &Style { width: 100, ..Style::default() }, &mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let longest = text.split(|one| one != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    Ok(format!("{fence}text\n{}\n{fence}\n", text.trim_end()))
}

/// Returns the report for programs in one line; a line end inside a value is always an escape there.
fn one_line(report: &Report) -> Result<String, Stop> {
    let mut text = Vec::new();
    report::write(Format::Json, report, &Style::default(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::trim_start).collect())
}

fn append(path: &std::path::Path, text: &str) -> Result<(), Stop> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Stop::Failed(anyhow::anyhow!("{} cannot be written to: {error}", path.display())))
}
