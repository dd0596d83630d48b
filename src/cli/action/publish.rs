//! Publishing the verdict of a run of the Action, beside standard output.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::output;
use crate::github::step_outputs::{MAX_JSON_OUTPUT_BYTES, format_outputs, list_denied_rules};
use crate::github::{GitHubFailure, GitHubSession, JudgedEvent, PublishOutcome};
use crate::report::escape::markdown::build_fence;
use crate::report::github_log::write_warning_annotation;
use crate::report::{self, Report, ReportFormat, ReportStyle};

/// The longest job summary, in bytes; a runner drops one of more than 1 MiB.
const MAX_JOB_SUMMARY_BYTES: usize = 900 * 1024;

/// Returns the style of all that the Action publishes, with links to the repository.
pub(crate) fn build_style(context: &Context) -> ReportStyle {
    ReportStyle { repository_url: output::read_repository_url(context), ..ReportStyle::default() }
}

/// Writes the verdict as SARIF, and returns the path as given by the workflow.
pub(crate) fn write_sarif_file(
    report: &Report,
    path: &Path,
    context: &Context,
) -> Result<String, CommandError> {
    let mut text = Vec::new();
    report::write_report(ReportFormat::Sarif, report, &build_style(context), &mut text)?;
    std::fs::write(context.resolve_path(path), text).with_context(|| describe_write_error(path))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Writes the step outputs, if the runner names a file for them.
pub(crate) fn write_step_outputs(
    verdict: &str,
    report: Option<&Report>,
    sarif: Option<&str>,
    context: &Context,
) -> Result<(), CommandError> {
    let Some(path) = context.read_variable("GITHUB_OUTPUT") else { return Ok(()) };
    let denied = report.map(list_denied_rules).unwrap_or_default();
    let json = report.map(render_json_line).transpose()?.unwrap_or_default();
    let is_too_long = json.len() > MAX_JSON_OUTPUT_BYTES;
    let json = if is_too_long { String::new() } else { json };
    let sarif = sarif.unwrap_or_default();
    let all = format_outputs(&[
        ("verdict", verdict),
        ("denied-rules", &denied),
        ("json", &json),
        ("sarif-file", sarif),
    ]);
    append_to_file(&context.resolve_path(PathBuf::from(path)), &all)?;
    if is_too_long {
        write_warning("the output `json` is empty: the verdict is too long for a step output")?;
    }
    Ok(())
}

/// Adds the verdict to the job summary, if the runner names a file for it.
pub(crate) fn append_verdict_summary(
    report: &Report,
    may_wait: bool,
    context: &Context,
) -> Result<(), CommandError> {
    let Some(path) = context.read_variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let text = render_markdown(
        report,
        &ReportStyle { max_markdown_bytes: MAX_JOB_SUMMARY_BYTES, may_wait, ..build_style(context) },
    )?;
    append_to_file(&context.resolve_path(PathBuf::from(path)), &text)
}

/// Adds the open obligations to the job summary.
pub(crate) fn append_obligation_summary(text: &str, context: &Context) -> Result<(), CommandError> {
    let Some(path) = context.read_variable("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    append_to_file(
        &context.resolve_path(PathBuf::from(path)),
        &format!("## Obligations\n\n{}", fence_text(text)),
    )
}

/// Writes a comment on each judged pull request.
pub(crate) fn write_comments(
    session: &GitHubSession,
    outcome: &JudgedEvent,
    may_wait: bool,
    context: &Context,
) -> Result<(), CommandError> {
    let style = ReportStyle { may_wait, ..build_style(context) };
    for pull in &outcome.pull_requests {
        warn_if_unpublished(
            session.publish_comment(&pull.name, &render_markdown(&pull.report, &style)?),
            "comment",
        )?;
    }
    Ok(())
}

/// Returns a text as a Markdown code block.
pub(crate) fn fence_text(text: &str) -> String {
    let fence = build_fence(text);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// Writes a warning if a comment or check run was not published; the verdict stands.
pub(crate) fn warn_if_unpublished(
    published: Result<PublishOutcome, GitHubFailure>,
    what: &str,
) -> Result<(), CommandError> {
    match published {
        Ok(PublishOutcome::Written | PublishOutcome::Unchanged) => Ok(()),
        Ok(PublishOutcome::NotAllowed) => {
            write_warning(&format!("no {what} written: the token has no permission; the verdict stands"))
        }
        Ok(PublishOutcome::Superseded) => write_warning(&format!(
            "no {what} written: a later run judges the same commit, and its verdict counts"
        )),
        Err(failure) => write_warning(&format!("no {what} written, and the verdict stands: {}", failure.why)),
    }
}

/// Writes a warning annotation to the log of the run.
pub(crate) fn write_warning(what: &str) -> Result<(), CommandError> {
    Ok(write_warning_annotation(what, &mut io::stdout().lock())?)
}

/// Returns the report as GitHub Markdown.
pub(crate) fn render_markdown(report: &Report, style: &ReportStyle) -> Result<String, CommandError> {
    let mut text = Vec::new();
    report::write_report(ReportFormat::Markdown, report, style, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Returns the report as JSON in one line; line ends inside values are escapes in JSON.
fn render_json_line(report: &Report) -> Result<String, CommandError> {
    let mut text = Vec::new();
    report::write_report(ReportFormat::Json, report, &ReportStyle::default(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::trim_start).collect())
}

fn append_to_file(path: &Path, text: &str) -> Result<(), CommandError> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let mut file = file.with_context(|| describe_write_error(path))?;
    file.write_all(text.as_bytes()).with_context(|| describe_write_error(path))?;
    Ok(())
}

fn describe_write_error(path: &Path) -> String {
    format!("cannot write to {}", path.display())
}
