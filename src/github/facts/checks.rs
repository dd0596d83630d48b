//! What machines made of exactly one revision: check runs and commit statuses.

use crate::change::pull_request::{CheckResult, CheckState};
use crate::change::{Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCheckRun, RestCheckRunPage};
use crate::github::facts::accounts::account_of_actor;
use crate::github::facts::details::StatusContext;

/// Reads the latest check runs of a commit.
pub(crate) async fn read_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    of: Oid,
) -> Result<Vec<CheckResult>, GitHubFailure> {
    let path = format!("{}/commits/{of}/check-runs?filter=latest&per_page=100", repo.rest_path());
    let mut total = 0;
    let take = |page: RestCheckRunPage| {
        total = page.total_count;
        page.check_runs
    };
    let runs = client.fetch_list(path, take, |_| false).await?;
    if runs.len() != total {
        return Err(GitHubFailure::new(format!(
            "GitHub says that there are {total} check runs, and lists {}",
            runs.len()
        )));
    }
    if let Some(other) = runs.iter().find(|run| run.head_sha != of) {
        let why = format!(
            "GitHub was asked for checks of {}, and tells of {}",
            of.short_hex(),
            other.head_sha.short_hex()
        );
        return Err(GitHubFailure::new(why));
    }
    Ok(runs.iter().map(convert_check_run).collect())
}

fn convert_check_run(run: &RestCheckRun) -> CheckResult {
    let state = match (run.status.as_str(), run.conclusion.as_deref()) {
        ("completed", Some("success")) => CheckState::Success,
        ("completed", Some("neutral")) => CheckState::Neutral,
        ("completed", Some("skipped")) => CheckState::Skipped,
        ("completed", other) => CheckState::Failed(crate::github::api::request::printable_line(
            other.unwrap_or("no conclusion"),
            40,
        )),
        _ => CheckState::Pending,
    };
    CheckResult {
        name: Text::from(run.name.as_str()),
        by: run.app.as_ref().and_then(|app| app.slug.as_deref()).map(Text::from),
        state,
        tests: None,
        url: Text::from(run.html_url.as_deref().unwrap_or_default()),
    }
}

/// Returns a commit status; it is reported by an account, which is written as `github:LOGIN` so that
/// nobody can take the name of an app.
pub(crate) fn convert_commit_status(context: &StatusContext) -> CheckResult {
    let state = match context.state.to_ascii_uppercase().as_str() {
        "SUCCESS" => CheckState::Success,
        "PENDING" | "EXPECTED" => CheckState::Pending,
        other => {
            CheckState::Failed(crate::github::api::request::printable_line(&other.to_ascii_lowercase(), 40))
        }
    };
    CheckResult {
        name: Text::from(context.context.as_str()),
        by: account_of_actor(context.creator.as_ref()).map(|account| account.id),
        state,
        tests: None,
        url: Text::from(context.target_url.as_deref().unwrap_or_default()),
    }
}
