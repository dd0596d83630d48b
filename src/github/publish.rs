//! Publication of the verdict on GitHub as a comment that is kept up to date.
//!
//! It decides nothing. If the token may not write, as that of a fork, this is reported and nothing else
//! happens.

use serde::Deserialize;
use serde_json::json;

use crate::github::api::GitHubClient;
use crate::github::api::graphql::GraphqlActor;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::{GitHubFailure, GitHubRequest, RequestMethod};
use crate::github::api::rest::RestIssueComment;

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
    /// A later run has begun to judge the same revision, and publishes its own verdict.
    Superseded,
}

const VIEWER_QUERY: &str = include_str!("api/queries/viewer.graphql");

/// The account that comments are written by if GitHub does not say who asks: that of a job's own token.
const JOB_ACCOUNT: &str = "github-actions";

/// What GitHub says of the account that asks.
#[derive(Deserialize)]
struct ViewerResponse {
    viewer: Option<GraphqlActor>,
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
    let mut ours = None;
    let marked: Vec<&RestIssueComment> = all.iter().filter(|comment| is_marked_comment(comment)).collect();
    if !marked.is_empty() {
        let login = read_own_login(client).await;
        ours = marked.into_iter().find(|comment| is_written_by(comment, &login));
    }
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

/// Returns whether a comment may be the gate's. Any account can write the marker; of those, a bot may be the gate.
fn is_marked_comment(comment: &RestIssueComment) -> bool {
    match (&comment.user, &comment.body) {
        (Some(user), Some(body)) => user.kind.as_deref() == Some("Bot") && body.starts_with(COMMENT_MARKER),
        _ => false,
    }
}

/// Returns whether a bot wrote a comment. A bot that repeats the words of others can be made to write the
/// marker, and its comment is its own.
fn is_written_by(comment: &RestIssueComment, login: &str) -> bool {
    let author = comment.user.as_ref().map(|user| strip_bot_suffix(&user.login));
    author.is_some_and(|author| author.eq_ignore_ascii_case(login))
}

/// Returns the login of the account that asks, without `[bot]`.
async fn read_own_login(client: &GitHubClient) -> String {
    let answer: Result<ViewerResponse, GitHubFailure> = client.run_query(VIEWER_QUERY, json!({})).await;
    match answer {
        Ok(ViewerResponse { viewer: Some(viewer) }) => strip_bot_suffix(&viewer.login).to_owned(),
        Ok(ViewerResponse { viewer: None }) | Err(_) => JOB_ACCOUNT.to_owned(),
    }
}

/// GitHub adds `[bot]` to the login of an app in some answers and not in others.
fn strip_bot_suffix(login: &str) -> &str {
    login.strip_suffix("[bot]").unwrap_or(login)
}

/// Returns whether a comment has this text; GitHub may have changed the line ends.
fn has_text(comment: &RestIssueComment, text: &str) -> bool {
    match &comment.body {
        Some(body) => body.replace("\r\n", "\n") == text,
        None => false,
    }
}

pub(crate) async fn send_publication(
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
pub(crate) fn truncate_text(text: &str) -> String {
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
