//! Where a run of the Action tells its verdict, beside standard output.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::{Stop, World, output};
use crate::github::event::Subject;
use crate::github::outputs::{MOST_JSON, denied_rules, lines};
use crate::github::{CheckRun, Failure, Outcome, Session, Telling};
use crate::report::{self, Format, Report, Style};

/// The longest summary, in bytes; a runner takes 1 MiB and drops what is longer.
const MOST_SUMMARY: usize = 900 * 1024;

/// Returns the style of everything that the Action tells: with links to where the repository is.
pub(super) fn style(world: &World) -> Style {
    Style { web: output::web(world), ..Style::default() }
}

/// Writes the verdict as SARIF, and returns the path as the workflow gave it.
pub(super) fn sarif(report: &Report, path: &Path, world: &World) -> Result<String, Stop> {
    let mut text = Vec::new();
    report::write(Format::Sarif, report, &style(world), &mut text)?;
    std::fs::write(world.at(path), text).map_err(|error| unwritten(path, &error))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Sets the outputs of the step, where the runner says that there are some.
pub(super) fn outputs(
    verdict: &str,
    report: Option<&Report>,
    sarif: Option<&str>,
    world: &World,
) -> Result<(), Stop> {
    let Some(path) = world.variable("GITHUB_OUTPUT") else { return Ok(()) };
    let denied = report.map(denied_rules).unwrap_or_default();
    let json = report.map(one_line).transpose()?.unwrap_or_default();
    let is_short = json.len() <= MOST_JSON;
    let json = if is_short { json } else { String::new() };
    let sarif = sarif.unwrap_or_default();
    let all =
        lines(&[("verdict", verdict), ("denied-rules", &denied), ("json", &json), ("sarif-file", sarif)]);
    append(&world.at(PathBuf::from(path)), &all)?;
    if !is_short {
        loudly("the output `json` is empty, because the verdict is longer than a workflow should hand on")?;
    }
    Ok(())
}

/// Adds the verdict to the summary of the job, where the runner says that there is one.
pub(super) fn summary(report: &Report, world: &World) -> Result<(), Stop> {
    let Some(path) = world.variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let text = page(report, &Style { limit: MOST_SUMMARY, ..style(world) })?;
    append(&world.at(PathBuf::from(path)), &text)
}

/// Adds what is owed to the summary of the job.
pub(super) fn owed(text: &str, world: &World) -> Result<(), Stop> {
    let Some(path) = world.variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    append(&world.at(PathBuf::from(path)), &format!("## What is owed\n\n{}", fenced(text)))
}

/// Writes a comment on each pull request that was judged.
pub(super) fn comments(session: &Session, outcome: &Outcome, world: &World) -> Result<(), Stop> {
    let style = style(world);
    for pull in &outcome.pulls {
        told(session.comment(&pull.name, &page(&pull.report, &style)?), "comment")?;
    }
    Ok(())
}

/// Reports a check run on each pull request that was judged.
pub(super) fn check_runs(
    session: &Session,
    outcome: &Outcome,
    name: &str,
    world: &World,
) -> Result<(), Stop> {
    let style = style(world);
    for pull in &outcome.pulls {
        let text = page(&pull.report, &style)?;
        let run = CheckRun { name, decision: Some(pull.report.decision), text: &text };
        told(session.check_run(&pull.name.repo, pull.head, &run), "check run")?;
    }
    Ok(())
}

/// Reports that nothing could be judged, so that no earlier check run of that name goes on being
/// believed.
pub(super) fn failed_run(
    session: &Session,
    subject: &Subject,
    name: &str,
    failure: &Failure,
) -> Result<(), Stop> {
    let Some((repo, revision)) = subject.revision() else { return Ok(()) };
    let text = format!(
        "This could not be judged, and what is not judged does not pass.\n\n{}",
        fenced(&failure.why)
    );
    let run = CheckRun { name, decision: None, text: &text };
    told(session.check_run(repo, revision, &run), "check run")
}

/// Returns a text in a fence that it does not contain.
fn fenced(text: &str) -> String {
    let longest = text.split(|one| one != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
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
fn page(report: &Report, style: &Style) -> Result<String, Stop> {
    let mut text = Vec::new();
    report::write(Format::Markdown, report, style, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Returns the report for programs in one line; a line end inside a value is always an escape there.
fn one_line(report: &Report) -> Result<String, Stop> {
    let mut text = Vec::new();
    report::write(Format::Json, report, &Style::default(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::trim_start).collect())
}

fn append(path: &Path, text: &str) -> Result<(), Stop> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Stop {
    Stop::Failed(anyhow::anyhow!("{} cannot be written to: {error}", path.display()))
}
