//! What machines made of exactly one revision: check runs and commit statuses.

use super::accounts::of_actor;
use super::answers::{CheckRun, CheckRuns};
use super::ask::Failure;
use super::client::Client;
use super::details::StatusContext;
use super::place::RepoName;
use crate::change::pull::{Check, CheckState};
use crate::change::{Oid, Text};

/// Reads the latest check runs of a commit.
pub(super) async fn runs(client: &Client, repo: &RepoName, of: Oid) -> Result<Vec<Check>, Failure> {
    let path = format!("{}/commits/{of}/check-runs?filter=latest&per_page=100", repo.path());
    let mut total = 0;
    let take = |page: CheckRuns| {
        total = page.total_count;
        page.check_runs
    };
    let runs = client.list(path, take, |_| false).await?;
    if runs.len() != total {
        return Err(Failure::new(format!(
            "GitHub says that there are {total} check runs, and lists {}",
            runs.len()
        )));
    }
    if let Some(other) = runs.iter().find(|run| run.head_sha != of) {
        let why =
            format!("GitHub was asked for checks of {}, and tells of {}", of.short(), other.head_sha.short());
        return Err(Failure::new(why));
    }
    Ok(runs.iter().map(check).collect())
}

fn check(run: &CheckRun) -> Check {
    let state = match (run.status.as_str(), run.conclusion.as_deref()) {
        ("completed", Some("success")) => CheckState::Success,
        ("completed", Some("neutral")) => CheckState::Neutral,
        ("completed", Some("skipped")) => CheckState::Skipped,
        ("completed", other) => CheckState::Failed(super::ask::plain(other.unwrap_or("no conclusion"), 40)),
        _ => CheckState::Pending,
    };
    Check {
        name: Text::from(run.name.as_str()),
        by: run.app.as_ref().and_then(|app| app.slug.as_deref()).map(Text::from),
        state,
        tests: None,
        url: Text::from(run.html_url.as_deref().unwrap_or_default()),
    }
}

/// Returns a commit status; it is reported by an account, which is written as `github:LOGIN` so that
/// nobody can take the name of an app.
pub(super) fn status(context: &StatusContext) -> Check {
    let state = match context.state.to_ascii_uppercase().as_str() {
        "SUCCESS" => CheckState::Success,
        "PENDING" | "EXPECTED" => CheckState::Pending,
        other => CheckState::Failed(super::ask::plain(&other.to_ascii_lowercase(), 40)),
    };
    Check {
        name: Text::from(context.context.as_str()),
        by: of_actor(context.creator.as_ref()).map(|account| account.id),
        state,
        tests: None,
        url: Text::from(context.target_url.as_deref().unwrap_or_default()),
    }
}
