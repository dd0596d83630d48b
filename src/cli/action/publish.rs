//! Where a run of the Action tells its verdict, beside standard output.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::output;
use crate::github::event::EventSubject;
use crate::github::step_outputs::{MAX_JSON_OUTPUT_BYTES, format_outputs, list_denied_rules};
use crate::github::{CheckRunReport, GitHubFailure, GitHubSession, JudgedEvent, PublishOutcome};
use crate::report::{self, Report, ReportFormat, ReportStyle};

/// The longest summary, in bytes; a runner takes 1 MiB and drops what is longer.
const MAX_JOB_SUMMARY_BYTES: usize = 900 * 1024;

/// Returns the style of everything that the Action tells: with links to where the repository is.
pub(crate) fn build_style(world: &Context) -> ReportStyle {
    ReportStyle { repository_url: output::read_repository_url(world), ..ReportStyle::default() }
}

/// Writes the verdict as SARIF, and returns the path as the workflow gave it.
pub(crate) fn write_sarif_file(
    report: &Report,
    path: &Path,
    world: &Context,
) -> Result<String, CommandError> {
    let mut text = Vec::new();
    report::write_report(ReportFormat::Sarif, report, &build_style(world), &mut text)?;
    std::fs::write(world.resolve_path(path), text).map_err(|error| file_write_error(path, &error))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Sets the outputs of the step, where the runner says that there are some.
pub(crate) fn write_step_outputs(
    verdict: &str,
    report: Option<&Report>,
    sarif: Option<&str>,
    world: &Context,
) -> Result<(), CommandError> {
    let Some(path) = world.read_variable("GITHUB_OUTPUT") else { return Ok(()) };
    let denied = report.map(list_denied_rules).unwrap_or_default();
    let json = report.map(render_json_line).transpose()?.unwrap_or_default();
    let is_short = json.len() <= MAX_JSON_OUTPUT_BYTES;
    let json = if is_short { json } else { String::new() };
    let sarif = sarif.unwrap_or_default();
    let all = format_outputs(&[
        ("verdict", verdict),
        ("denied-rules", &denied),
        ("json", &json),
        ("sarif-file", sarif),
    ]);
    append_to_file(&world.resolve_path(PathBuf::from(path)), &all)?;
    if !is_short {
        write_warning(
            "the output `json` is empty, because the verdict is longer than a workflow should hand on",
        )?;
    }
    Ok(())
}

/// Adds the verdict to the summary of the job, where the runner says that there is one.
pub(crate) fn append_verdict_summary(report: &Report, world: &Context) -> Result<(), CommandError> {
    let Some(path) = world.read_variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let text = render_markdown(
        report,
        &ReportStyle { max_markdown_bytes: MAX_JOB_SUMMARY_BYTES, ..build_style(world) },
    )?;
    append_to_file(&world.resolve_path(PathBuf::from(path)), &text)
}

/// Adds what is owed to the summary of the job.
pub(crate) fn append_obligation_summary(text: &str, world: &Context) -> Result<(), CommandError> {
    let Some(path) = world.read_variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    append_to_file(
        &world.resolve_path(PathBuf::from(path)),
        &format!("## What is owed\n\n{}", fence_text(text)),
    )
}

/// Writes a comment on each pull request that was judged.
pub(crate) fn write_comments(
    session: &GitHubSession,
    outcome: &JudgedEvent,
    world: &Context,
) -> Result<(), CommandError> {
    let style = build_style(world);
    for pull in &outcome.pull_requests {
        warn_if_unpublished(
            session.publish_comment(&pull.name, &render_markdown(&pull.report, &style)?),
            "comment",
        )?;
    }
    Ok(())
}

/// Reports a check run on each pull request that was judged.
pub(crate) fn write_check_runs(
    session: &GitHubSession,
    outcome: &JudgedEvent,
    name: &str,
    world: &Context,
) -> Result<(), CommandError> {
    let style = build_style(world);
    for pull in &outcome.pull_requests {
        let text = render_markdown(&pull.report, &style)?;
        let run = CheckRunReport { name, decision: Some(pull.report.decision), text: &text };
        warn_if_unpublished(session.publish_check_run(&pull.name.repo, pull.head, &run), "check run")?;
    }
    Ok(())
}

/// Reports that nothing could be judged, so that no earlier check run of that name goes on being
/// believed.
pub(crate) fn write_failed_check_run(
    session: &GitHubSession,
    subject: &EventSubject,
    name: &str,
    failure: &GitHubFailure,
) -> Result<(), CommandError> {
    let Some((repo, revision)) = subject.judged_revision() else { return Ok(()) };
    let text = format!(
        "This could not be judged, and what is not judged does not pass.\n\n{}",
        fence_text(&failure.why)
    );
    let run = CheckRunReport { name, decision: None, text: &text };
    warn_if_unpublished(session.publish_check_run(repo, revision, &run), "check run")
}

/// Returns a text in a fence that it does not contain.
fn fence_text(text: &str) -> String {
    let longest = text.split(|one| one != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// Says so if something could not be told; the verdict stands.
fn warn_if_unpublished(told: Result<PublishOutcome, GitHubFailure>, what: &str) -> Result<(), CommandError> {
    match told {
        Ok(PublishOutcome::Written | PublishOutcome::Unchanged) => Ok(()),
        Ok(PublishOutcome::NotAllowed) => {
            write_warning(&format!("the token may not write a {what}, so there is none; the verdict stands"))
        }
        Err(failure) => {
            write_warning(&format!("there is no {what}, and the verdict stands: {}", failure.why))
        }
    }
}

/// Says something in the log that nobody should overlook.
pub(crate) fn write_warning(what: &str) -> Result<(), CommandError> {
    Ok(writeln!(io::stdout().lock(), "::warning::changegate: {what}")?)
}

/// Returns the report as Markdown for people.
fn render_markdown(report: &Report, style: &ReportStyle) -> Result<String, CommandError> {
    let mut text = Vec::new();
    report::write_report(ReportFormat::Markdown, report, style, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Returns the report for programs in one line; a line end inside a value is always an escape there.
fn render_json_line(report: &Report) -> Result<String, CommandError> {
    let mut text = Vec::new();
    report::write_report(ReportFormat::Json, report, &ReportStyle::default(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::trim_start).collect())
}

fn append_to_file(path: &Path, text: &str) -> Result<(), CommandError> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| file_write_error(path, &error))
}

fn file_write_error(path: &Path, error: &io::Error) -> CommandError {
    CommandError::Failed(anyhow::anyhow!("{} cannot be written to: {error}", path.display()))
}
