//! Telling GitHub the verdict: one comment that is kept up to date, and a check run.
//!
//! Neither decides anything. A token that may not write, as a fork's, is told about and nothing more.
//! A check run says `success` or `failure` and never anything else: GitHub lets `neutral` and
//! `skipped` pass.

use serde_json::json;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::{GitHubFailure, GitHubRequest, RequestMethod};
use crate::github::api::rest::RestIssueComment;
use crate::verdict::Decision;

/// What the comment begins with, so that it is found again; nobody sees it.
pub const COMMENT_MARKER: &str = "<!-- changegate -->";

/// The longest text that GitHub takes, with some room.
const MAX_PUBLISHED_BYTES: usize = 60_000;

/// What became of telling something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// It is there now.
    Written,
    /// It was there already, word for word.
    Unchanged,
    /// The token may not write.
    NotAllowed,
}

/// A check run as it is reported.
#[derive(Clone, Copy, Debug)]
pub struct CheckRunReport<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What was decided; `None` if nothing could be, which fails.
    pub decision: Option<Decision>,
    /// What people read, as Markdown.
    pub text: &'a str,
}

/// Writes the comment, or brings it up to date.
pub(crate) async fn publish_comment(
    client: &GitHubClient,
    pull: &PullRequestName,
    text: &str,
) -> Result<PublishOutcome, GitHubFailure> {
    let body = truncate_text(&format!("{COMMENT_MARKER}\n{text}"));
    let path = format!("{}/issues/{}/comments", pull.repo.rest_path(), pull.number);
    let all: Vec<RestIssueComment> = client
        .fetch_list(format!("{path}?per_page=100"), |page: Vec<RestIssueComment>| page, |_| false)
        .await?;
    // Anybody can write the marker; only a bot's comment is taken for ours.
    let ours = all.iter().find(|comment| {
        let by_bot = comment.user.as_ref().is_some_and(|user| user.kind.as_deref() == Some("Bot"));
        by_bot && comment.body.as_deref().is_some_and(|body| body.starts_with(COMMENT_MARKER))
    });
    let request = match ours {
        // GitHub may turn line ends around.
        Some(comment) if comment.body.as_deref().is_some_and(|old| old.replace("\r\n", "\n") == body) => {
            return Ok(PublishOutcome::Unchanged);
        }
        Some(comment) => GitHubRequest {
            method: RequestMethod::Patch,
            path: format!("{}/issues/comments/{}", pull.repo.rest_path(), comment.id),
            body: Some(json!({ "body": body })),
        },
        None => GitHubRequest { method: RequestMethod::Post, path, body: Some(json!({ "body": body })) },
    };
    send_publication(client, &request).await
}

/// Reports a check run on the revision `of`.
pub(crate) async fn publish_check_run(
    client: &GitHubClient,
    repo: &RepositoryName,
    of: Oid,
    run: &CheckRunReport<'_>,
) -> Result<PublishOutcome, GitHubFailure> {
    let (title, conclusion) = match run.decision {
        Some(Decision::Allow) => ("allowed", "success"),
        Some(Decision::Deny) => ("denied", "failure"),
        None => ("not judged", "failure"),
    };
    let body = json!({
        "name": run.name, "head_sha": of.to_string(), "status": "completed", "conclusion": conclusion,
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
        // What a token may not see at all is said to be nowhere.
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
        if MAX_PUBLISHED_BYTES < kept.len() + line.len() {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.push_str("\n(cut off here; the run has the rest)\n");
    kept
}
