//! Publication of the verdict on GitHub: one comment that is kept up to date, and a check run.
//!
//! Neither decides anything. If the token may not write, as that of a fork, this is reported and nothing
//! else happens. A check run says `success` or `failure` and nothing else: GitHub lets `neutral` and
//! `skipped` pass.

use serde::Deserialize;
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

const VIEWER_QUERY: &str = include_str!("api/queries/viewer.graphql");

/// The account of a job's own token.
const JOB_ACCOUNT: &str = "github-actions[bot]";

/// What REST writes after the login of an app, and GraphQL leaves out.
const BOT_SUFFIX: &str = "[bot]";

#[derive(Deserialize)]
struct ViewerResponse {
    viewer: Viewer,
}

#[derive(Deserialize)]
struct Viewer {
    login: String,
}

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
    let ours = find_own_comment(client, &all).await;
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

/// Returns the gate's comment: any account can write the marker, so only one by the account that the token
/// belongs to is.
async fn find_own_comment<'all>(
    client: &GitHubClient,
    all: &'all [RestIssueComment],
) -> Option<&'all RestIssueComment> {
    let mut marked = Vec::new();
    for comment in all {
        if comment.body.as_deref().is_some_and(|body| body.starts_with(COMMENT_MARKER)) {
            marked.push(comment);
        }
    }
    if marked.is_empty() {
        return None;
    }
    let own = match client.run_query::<ViewerResponse>(VIEWER_QUERY, json!({})).await {
        Ok(answer) => answer.viewer.login,
        // A token that is not told whose it is, is that of the job.
        Err(_) => JOB_ACCOUNT.to_owned(),
    };
    let own = own.strip_suffix(BOT_SUFFIX).unwrap_or(&own);
    marked.into_iter().find(|comment| {
        let login = comment.user.as_ref().map_or("", |user| user.login.as_str());
        login.strip_suffix(BOT_SUFFIX).unwrap_or(login).eq_ignore_ascii_case(own)
    })
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
