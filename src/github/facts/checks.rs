//! The check runs and commit statuses of exactly one revision.

use crate::change::pull_request::{CheckResult, CheckState};
use crate::change::{Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{RestCheckRun, RestCheckRunPage};
use crate::github::facts::accounts::account_of_actor;
use crate::github::facts::details::StatusContext;

/// Reads the latest check runs of a commit.
///
/// # Errors
///
/// Fails if GitHub lists fewer than it counts, or one of another commit.
pub(crate) async fn read_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
) -> Result<Vec<CheckResult>, GitHubFailure> {
    let path = format!("{}/commits/{revision}/check-runs?filter=latest&per_page=100", repo.rest_path());
    let mut total = 0;
    let take_runs = |page: RestCheckRunPage| {
        total = page.total_count;
        page.check_runs
    };
    let runs = client.fetch_list(path, take_runs, |_| false).await?;
    if runs.len() != total {
        let why = format!("GitHub counts {total} check runs, and lists {}", runs.len());
        return Err(GitHubFailure::new(why));
    }
    let mut checks = Vec::with_capacity(runs.len());
    for run in &runs {
        if run.head_sha != revision {
            return Err(GitHubFailure::new(format!(
                "GitHub lists a check run of {} among those of {}",
                run.head_sha.short_hex(),
                revision.short_hex()
            )));
        }
        checks.push(convert_check_run(run));
    }
    Ok(checks)
}

fn convert_check_run(run: &RestCheckRun) -> CheckResult {
    let state = match (run.status.as_str(), run.conclusion.as_deref()) {
        ("completed", Some("success")) => CheckState::Success,
        ("completed", Some("neutral")) => CheckState::Neutral,
        ("completed", Some("skipped")) => CheckState::Skipped,
        ("completed", other) => CheckState::Failed(printable_line(other.unwrap_or("no conclusion"), 40)),
        _ => CheckState::Pending,
    };
    let app = run.app.as_ref().and_then(|app| app.slug.as_deref());
    CheckResult {
        name: Text::from(run.name.as_str()),
        by: app.map(Text::from),
        state,
        tests: None,
        url: Text::from(run.html_url.as_deref().unwrap_or_default()),
    }
}

/// Returns a commit status as a check. The account that reported it is written as `github:LOGIN`, so that it
/// cannot pass for an app.
pub(crate) fn convert_commit_status(context: &StatusContext) -> CheckResult {
    let state = match context.state.to_ascii_uppercase().as_str() {
        "SUCCESS" => CheckState::Success,
        "PENDING" | "EXPECTED" => CheckState::Pending,
        other => CheckState::Failed(printable_line(&other.to_ascii_lowercase(), 40)),
    };
    CheckResult {
        name: Text::from(context.context.as_str()),
        by: account_of_actor(context.creator.as_ref()).map(|account| account.id),
        state,
        tests: None,
        url: Text::from(context.target_url.as_deref().unwrap_or_default()),
    }
}
