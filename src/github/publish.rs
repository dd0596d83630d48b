//! Publication of the verdict on GitHub: one comment that is kept up to date, and a check run.
//!
//! Neither decides anything. If the token may not write, as that of a fork, this is reported and nothing
//! else happens. A check run says `success` or `failure` and nothing else: GitHub lets `neutral` and
//! `skipped` pass.

use serde_json::json;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::{GitHubFailure, GitHubRequest, RequestMethod};
use crate::github::api::rest::RestIssueComment;
use crate::verdict::Decision;

/// The invisible start of the comment, by which it is found again.
const COMMENT_MARKER: &str = "<!-- changegate -->";

/// The longest text that is published; GitHub takes 65,535 characters.
const MAX_PUBLISHED_BYTES: usize = 60_000;

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// GitHub has taken it.
    Written,
    /// GitHub had it already, word for word.
    Unchanged,
    /// The token may not write.
    NotAllowed,
}

/// A check run to be published.
#[derive(Clone, Copy, Debug)]
pub struct CheckRunReport<'a> {
    /// The name of the check.
    pub name: &'a str,
    /// The decision; `None` if nothing could be judged, which fails the check.
    pub decision: Option<Decision>,
    /// The summary, as Markdown.
    pub text: &'a str,
}

/// Writes the comment, or updates it.
pub(crate) async fn publish_comment(
    client: &GitHubClient,
    pull: &PullRequestName,
    text: &str,
) -> Result<PublishOutcome, GitHubFailure> {
    let body = truncate_text(&format!("{COMMENT_MARKER}\n{text}"));
    let path = format!("{}/issues/{}/comments", pull.repo.rest_path(), pull.number);
    let all: Vec<RestIssueComment> = client.fetch_whole_list(format!("{path}?per_page=100")).await?;
    let ours = all.iter().find(|comment| is_own_comment(comment));
    let request = match ours {
        Some(comment) if has_text(comment, &body) => return Ok(PublishOutcome::Unchanged),
        Some(comment) => GitHubRequest {
            method: RequestMethod::Patch,
            path: format!("{}/issues/comments/{}", pull.repo.rest_path(), comment.id),
            body: Some(json!({ "body": body })),
        },
        None => GitHubRequest { method: RequestMethod::Post, path, body: Some(json!({ "body": body })) },
    };
    send_publication(client, &request).await
}

/// Returns whether a comment is the gate's: any account can write the marker, so only a bot's comment is.
fn is_own_comment(comment: &RestIssueComment) -> bool {
    match (&comment.user, &comment.body) {
        (Some(user), Some(body)) => user.kind.as_deref() == Some("Bot") && body.starts_with(COMMENT_MARKER),
        _ => false,
    }
}

/// Returns whether a comment has this text; GitHub may have changed the line ends.
fn has_text(comment: &RestIssueComment, text: &str) -> bool {
    match &comment.body {
        Some(body) => body.replace("\r\n", "\n") == text,
        None => false,
    }
}

/// Publishes a check run on a revision.
pub(crate) async fn publish_check_run(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    run: &CheckRunReport<'_>,
) -> Result<PublishOutcome, GitHubFailure> {
    let (title, conclusion) = match run.decision {
        Some(Decision::Allow) => ("allowed", "success"),
        Some(Decision::Deny) => ("denied", "failure"),
        None => ("not judged", "failure"),
    };
    let body = json!({
        "name": run.name, "head_sha": revision.to_string(), "status": "completed", "conclusion": conclusion,
        "output": { "title": title, "summary": truncate_text(run.text) },
    });
    let request = GitHubRequest {
        method: RequestMethod::Post,
        path: format!("{}/check-runs", repo.rest_path()),
        body: Some(body),
    };
    send_publication(client, &request).await
}

async fn send_publication(
    client: &GitHubClient,
    request: &GitHubRequest,
) -> Result<PublishOutcome, GitHubFailure> {
    let answer = client.send_request(request).await?;
    match answer.status {
        200..=299 => Ok(PublishOutcome::Written),
        // To a token that may not see it, GitHub answers that it does not exist.
        403 | 404 => Ok(PublishOutcome::NotAllowed),
        _ => Err(answer.describe_refusal(request)),
    }
}

/// Returns as much of a text as GitHub takes, in whole lines.
fn truncate_text(text: &str) -> String {
    if text.len() <= MAX_PUBLISHED_BYTES {
        return text.to_owned();
    }
    let mut kept = String::new();
    for line in text.lines() {
        if kept.len() + line.len() > MAX_PUBLISHED_BYTES {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.push_str("\n(cut off here; the log of the run has the rest)\n");
    kept
}
