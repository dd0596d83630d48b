//! Telling GitHub the verdict: one comment that is kept up to date, and a check run.
//!
//! Neither decides anything. A token that may not write, as a fork's, is told about and nothing more.
//! A check run says `success` or `failure` and never anything else: GitHub lets `neutral` and
//! `skipped` pass.

use serde_json::json;

use super::answers::IssueComment;
use super::ask::{Failure, Method, Request};
use super::client::Client;
use super::place::{PullName, RepoName};
use crate::change::Oid;
use crate::verdict::Decision;

/// What the comment begins with, so that it is found again; nobody sees it.
pub const MARKER: &str = "<!-- changegate -->";

/// The longest text that GitHub takes, with some room.
const LONGEST: usize = 60_000;

/// What became of telling something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It is there now.
    Written,
    /// It was there already, word for word.
    Unchanged,
    /// The token may not write.
    NotAllowed,
}

/// A check run as it is reported.
#[derive(Clone, Copy, Debug)]
pub struct CheckRun<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What was decided; `None` if nothing could be, which fails.
    pub decision: Option<Decision>,
    /// What people read, as Markdown.
    pub text: &'a str,
}

/// Writes the comment, or brings it up to date.
pub(super) async fn comment(client: &Client, pull: &PullName, text: &str) -> Result<Telling, Failure> {
    let body = cut(&format!("{MARKER}\n{text}"));
    let path = format!("{}/issues/{}/comments", pull.repo.path(), pull.number);
    let all: Vec<IssueComment> =
        client.list(format!("{path}?per_page=100"), |page: Vec<IssueComment>| page, |_| false).await?;
    // Anybody can write the marker; only a bot's comment is taken for ours.
    let ours = all.iter().find(|comment| {
        let by_bot = comment.user.as_ref().is_some_and(|user| user.kind.as_deref() == Some("Bot"));
        by_bot && comment.body.as_deref().is_some_and(|body| body.starts_with(MARKER))
    });
    let request = match ours {
        // GitHub may turn line ends around.
        Some(comment) if comment.body.as_deref().is_some_and(|old| old.replace("\r\n", "\n") == body) => {
            return Ok(Telling::Unchanged);
        }
        Some(comment) => Request {
            method: Method::Patch,
            path: format!("{}/issues/comments/{}", pull.repo.path(), comment.id),
            body: Some(json!({ "body": body })),
        },
        None => Request { method: Method::Post, path, body: Some(json!({ "body": body })) },
    };
    written(client, &request).await
}

/// Reports a check run on the revision `of`.
pub(super) async fn check_run(
    client: &Client,
    repo: &RepoName,
    of: Oid,
    run: &CheckRun<'_>,
) -> Result<Telling, Failure> {
    let (title, conclusion) = match run.decision {
        Some(Decision::Allow) => ("allowed", "success"),
        Some(Decision::Deny) => ("denied", "failure"),
        None => ("not judged", "failure"),
    };
    let body = json!({
        "name": run.name, "head_sha": of.to_string(), "status": "completed", "conclusion": conclusion,
        "output": { "title": title, "summary": cut(run.text) },
    });
    let request =
        Request { method: Method::Post, path: format!("{}/check-runs", repo.path()), body: Some(body) };
    written(client, &request).await
}

async fn written(client: &Client, request: &Request) -> Result<Telling, Failure> {
    let answer = client.ask(request).await?;
    match answer.status {
        200..=299 => Ok(Telling::Written),
        // What a token may not see at all is said to be nowhere.
        403 | 404 => Ok(Telling::NotAllowed),
        _ => Err(answer.refusal(request)),
    }
}

/// Returns as much of a text as GitHub takes, in whole lines.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let mut kept = String::new();
    for line in text.lines() {
        if LONGEST < kept.len() + line.len() {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.push_str("\n(cut off here; the run has the rest)\n");
    kept
}
