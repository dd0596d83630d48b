//! The check runs and commit statuses of exactly one revision.

use jiff::Timestamp;

use crate::change::pull_request::{CheckResult, CheckState};
use crate::change::{Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{RestCheckRun, RestCheckRunPage};
use crate::github::facts::accounts::account_of_actor;
use crate::github::facts::details::StatusContext;

/// Reads the check runs of a commit: the latest of now, or the latest of the time `as_of`.
///
/// # Errors
///
/// Fails if GitHub lists fewer than it counts, or one of another commit.
pub(crate) async fn read_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    as_of: Option<Timestamp>,
) -> Result<Vec<CheckResult>, GitHubFailure> {
    // A run that was started again stays in the list of all of them.
    let filter = if as_of.is_some() { "all" } else { "latest" };
    let path = format!("{}/commits/{revision}/check-runs?filter={filter}&per_page=100", repo.rest_path());
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
        if as_of.is_none() {
            checks.push(convert_check_run(run));
        }
    }
    if let Some(at) = as_of {
        checks = list_checks_at(&runs, at);
    }
    Ok(checks)
}

/// Returns what the check runs said at a time: of those that one app reports under one name in one suite, the
/// newest one that had started.
///
/// A check of which every run started later may have been started again in place, which hides what it said.
fn list_checks_at(runs: &[RestCheckRun], at: Timestamp) -> Vec<CheckResult> {
    let mut newest: Vec<(CheckKey<'_>, &RestCheckRun)> = Vec::new();
    for run in runs {
        let key = check_key(run);
        match newest.iter_mut().find(|(known, _)| *known == key) {
            Some((_, chosen)) if start_order(run, at) > start_order(chosen, at) => *chosen = run,
            Some(_) => {}
            None => newest.push((key, run)),
        }
    }
    newest.into_iter().map(|(_, run)| convert_check_run_at(run, at)).collect()
}

/// The name of a check run, the app that reports it, and its suite.
type CheckKey<'run> = (&'run str, Option<&'run str>, Option<u64>);

fn check_key(run: &RestCheckRun) -> CheckKey<'_> {
    let app = run.app.as_ref().and_then(|app| app.slug.as_deref());
    (&run.name, app, run.check_suite.as_ref().map(|suite| suite.id))
}

/// Orders the runs of one check: one that had started at `at` counts more than one that had not.
fn start_order(run: &RestCheckRun, at: Timestamp) -> (bool, Option<Timestamp>, Option<u64>) {
    (has_started(run, at), run.started_at, run.id)
}

fn has_started(run: &RestCheckRun, at: Timestamp) -> bool {
    run.started_at.or(run.completed_at).is_some_and(|began| began <= at)
}

fn convert_check_run_at(run: &RestCheckRun, at: Timestamp) -> CheckResult {
    let mut check = convert_check_run(run);
    let is_completed = run.status == "completed";
    match run.completed_at {
        _ if !has_started(run, at) => check.state = CheckState::Unknown,
        Some(completed) if is_completed && completed <= at => {}
        None if is_completed => check.state = CheckState::Unknown,
        _ => check.state = CheckState::Pending,
    }
    check
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

/// Returns a commit status as a check; GitHub shows only the newest one, so one that was reported after `as_of`
/// hides what it said then. The account that reported it is written as `github:LOGIN`, so that it
/// cannot pass for an app.
pub(crate) fn convert_commit_status(context: &StatusContext, as_of: Option<Timestamp>) -> CheckResult {
    let mut state = match context.state.to_ascii_uppercase().as_str() {
        "SUCCESS" => CheckState::Success,
        "PENDING" | "EXPECTED" => CheckState::Pending,
        other => CheckState::Failed(printable_line(&other.to_ascii_lowercase(), 40)),
    };
    if let Some(at) = as_of
        && context.created_at.is_none_or(|reported| reported > at)
    {
        state = CheckState::Unknown;
    }
    CheckResult {
        name: Text::from(context.context.as_str()),
        by: account_of_actor(context.creator.as_ref()).map(|account| account.id),
        state,
        tests: None,
        url: Text::from(context.target_url.as_deref().unwrap_or_default()),
    }
}
