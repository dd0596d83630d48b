//! The check runs and commit statuses of exactly one revision.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::change::pull_request::{CheckResult, CheckState};
use crate::change::{Fact, FactKind, Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{RestCheckRun, RestCheckRunPage};
use crate::github::facts::accounts::account_of_actor;
use crate::github::facts::conversation::missing_fact;
use crate::github::facts::details::{PullRequestDetails, StatusContext};

/// The start of the external id of every check run that the gate makes.
pub(crate) const EXTERNAL_ID_START: &str = "changegate:";

/// The start of the summary of a green check run of the gate, if all conversations were resolved when it was judged.
/// GitHub keeps no time of that; the check run has one.
pub(crate) const CONVERSATIONS_MARK: &str = "<!-- changegate: conversations resolved -->";

/// How many digits follow it.
const MARK_DIGITS: usize = 32;

/// How far ahead the clock of what reports a check may be.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The app of the token that GitHub gives to each job.
const JOB_TOKEN_APP: &str = "github-actions";

/// The checks that the gate itself writes, beside the check runs that say so in their external id.
#[derive(Clone, Debug, Default)]
pub struct OwnChecks {
    /// The name of the check run that this run writes; `None` if it writes none.
    pub check_name: Option<String>,
    /// The check run of the job that this run is part of, if the runner tells it.
    pub job_check_run: Option<u64>,
}

impl OwnChecks {
    /// Returns whether the gate writes the checks of this name.
    fn has_name(&self, name: &str) -> bool {
        self.check_name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Returns the app that the gate writes its check runs as, by those of its name; without one, that of the token
    /// which GitHub gives to each job. `None` if several apps write under that name: one of them is not the gate.
    fn find_app<'run>(&self, all: &'run [RestCheckRun]) -> Option<&'run str> {
        let mut own = all.iter().filter(|run| self.has_name(&run.name) && has_gate_mark(run)).map(app_slug);
        let Some(first) = own.next() else { return Some(JOB_TOKEN_APP) };
        if own.all(|other| other == first) { first } else { None }
    }

    /// Returns whether a check run has a verdict of the gate in it, as far as its app, its name and its mark tell.
    fn is_verdict_of_gate(&self, run: &RestCheckRun, all: &[RestCheckRun]) -> bool {
        let is_named = self.check_name.is_none() || self.has_name(&run.name);
        is_named && has_gate_mark(run) && app_slug(run).is_some() && app_slug(run) == self.find_app(all)
    }

    /// Returns whether the gate writes one of these check runs: its job runs again for each event, always under
    /// one name.
    fn has_check_run(&self, run: &RestCheckRun, all: &[RestCheckRun]) -> bool {
        let is_made_by_gate =
            has_gate_mark(run) && app_slug(run).is_some() && app_slug(run) == self.find_app(all);
        let job = all.iter().find(|one| one.id.is_some() && one.id == self.job_check_run);
        let is_of_job = job.is_some_and(|job| (&job.name, app_slug(job)) == (&run.name, app_slug(run)));
        is_made_by_gate || is_of_job || self.has_name(&run.name)
    }
}

/// Returns whether a check run has an external id as the gate makes them. Every app can write one, so it says
/// something only of a check run by the app of the gate.
fn has_gate_mark(run: &RestCheckRun) -> bool {
    let mark = run.external_id.as_ref().and_then(|id| id.strip_prefix(EXTERNAL_ID_START));
    mark.is_some_and(|word| word.len() == MARK_DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Returns the first of these commits that had check runs when it landed; `None` if none had. A commit that a merge makes
/// has none by then: only one that was tried before, as by a merge queue, has.
///
/// # Errors
///
/// Fails if GitHub does not list the check runs.
pub(crate) async fn find_tried_revision(
    client: &GitHubClient,
    repo: &RepositoryName,
    landed: &[Oid],
    at: Timestamp,
) -> Result<Option<Oid>, GitHubFailure> {
    for revision in landed {
        let path = format!("{}/commits/{revision}/check-runs?filter=all&per_page=100", repo.rest_path());
        let runs = client.fetch_list(path, |page: RestCheckRunPage| page.check_runs, |_| false).await?;
        // What starts in the second of the landing was started by it.
        let is_tried =
            |run: &RestCheckRun| run.started_at.or(run.completed_at).is_some_and(|began| began < at);
        if runs.iter().any(|run| run.head_sha == *revision && is_tried(run)) {
            return Ok(Some(*revision));
        }
    }
    Ok(None)
}

/// Returns since when the gate itself had seen all conversations of a revision resolved, by the newest of its green
/// check runs that says so and was concluded by `at`; `None` if there is none.
///
/// # Errors
///
/// Fails if GitHub does not list the check runs.
pub(crate) async fn find_resolved_time(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    at: Timestamp,
    own: &OwnChecks,
) -> Result<Option<Timestamp>, GitHubFailure> {
    let path = format!("{}/commits/{revision}/check-runs?filter=all&per_page=100", repo.rest_path());
    let runs = client.fetch_list(path, |page: RestCheckRunPage| page.check_runs, |_| false).await?;
    // What a newer run said, or had not said yet, counts in place of an older one.
    let mut newest: Option<(Timestamp, bool)> = None;
    for run in &runs {
        let Some(started) = run.started_at.filter(|started| *started <= at) else { continue };
        if run.head_sha != revision || !own.is_verdict_of_gate(run, &runs) {
            continue;
        }
        let summary = run.output.as_ref().and_then(|output| output.summary.as_deref()).unwrap_or_default();
        let is_over = run.status == "completed" && run.completed_at.is_some_and(|completed| completed <= at);
        let is_green = run.conclusion.as_deref() == Some("success");
        let says_so = is_over && is_green && summary.starts_with(CONVERSATIONS_MARK);
        // Of two that began at once, the one that says less counts.
        if newest.is_none_or(|(known, said)| started > known || (started == known && said)) {
            newest = Some((started, says_so));
        }
    }
    Ok(newest.filter(|(_, says_so)| *says_so).map(|(started, _)| started))
}

/// Reads the check runs of a commit: the latest ones, or all of them if they are wanted `as_of` a time.
///
/// # Errors
///
/// Fails if GitHub lists fewer than it counts, one twice, or one of another commit.
pub(crate) async fn read_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    as_of: Option<Timestamp>,
) -> Result<Vec<RestCheckRun>, GitHubFailure> {
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
        return Err(GitHubFailure::contradiction(why));
    }
    let mut ids = HashSet::new();
    for run in &runs {
        // One that is listed twice can stand in the place of one that failed.
        if let Some(id) = run.id
            && !ids.insert(id)
        {
            return Err(GitHubFailure::contradiction(format!("GitHub lists the check run {id} twice")));
        }
        if run.head_sha != revision {
            return Err(GitHubFailure::contradiction(format!(
                "GitHub lists a check run of {} among those of {}",
                run.head_sha.short_hex(),
                revision.short_hex()
            )));
        }
    }
    Ok(runs)
}

/// The times that tell which check runs count, and which cannot be right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckTimes {
    /// The time of which the checks are wanted; `None` for now.
    pub(crate) as_of: Option<Timestamp>,
    /// The latest time that GitHub can tell of.
    pub(crate) latest: Timestamp,
    /// When the revision was pushed first; `None` if that is not known, or it may have been elsewhere before.
    pub(crate) first_pushed_at: Option<Timestamp>,
}

impl CheckTimes {
    /// Returns whether the times of a check run can be right. Its writer chooses them: one that ends before it begins,
    /// or lies in the future, or before the revision was there, was not written by what it names. One that has ended
    /// without saying when proves nothing either.
    fn can_be(self, run: &RestCheckRun) -> bool {
        // What is judged as of a time cannot be judged before it.
        let latest = self.as_of.map_or(self.latest, |at| at.max(self.latest));
        let latest = latest.saturating_add(MAX_CLOCK_SKEW).unwrap_or(latest);
        let times = [run.started_at, run.completed_at.filter(|_| run.status == "completed")];
        let is_in_order = match times {
            [Some(started), Some(completed)] => started <= completed,
            _ => true,
        };
        is_in_order
            && (run.status != "completed" || run.completed_at.is_some())
            && times
                .into_iter()
                .flatten()
                .all(|time| time <= latest && self.first_pushed_at.is_none_or(|pushed| time >= pushed))
    }
}

/// Returns the check runs that count, each with its result. One that passes with times that cannot be right proves
/// nothing: it is left out if there is another of its name and app, and is undecided if there is none.
fn convert_check_runs(runs: &[RestCheckRun], times: CheckTimes, own: &OwnChecks) -> Vec<CheckResult> {
    let is_sound = |run: &RestCheckRun| !is_passing(run) || times.can_be(run);
    let sound: Vec<&RestCheckRun> = runs.iter().filter(|run| is_sound(run)).collect();
    let is_replaced = |run: &RestCheckRun| {
        sound.iter().any(|other| (&other.name, app_slug(other)) == (&run.name, app_slug(run)))
    };
    let unsound = runs.iter().filter(|run| !is_sound(run) && !is_replaced(run));
    let chosen = match times.as_of {
        Some(at) => choose_runs_at(&sound, at),
        None => sound.clone(),
    };
    let mut checks = Vec::with_capacity(runs.len());
    for run in chosen {
        let mut check = match times.as_of {
            Some(at) => convert_check_run_at(run, at),
            None => convert_check_run(run),
        };
        check.is_of_gate = own.has_check_run(run, runs);
        checks.push(check);
    }
    for run in unsound {
        let is_of_gate = own.has_check_run(run, runs);
        checks.push(CheckResult { state: CheckState::Unknown, is_of_gate, ..convert_check_run(run) });
    }
    checks
}

fn is_passing(run: &RestCheckRun) -> bool {
    run.status == "completed" && matches!(run.conclusion.as_deref(), Some("success" | "neutral" | "skipped"))
}

/// Returns the check runs that counted at a time: of those that one app reports under one name in one suite, the
/// newest one that had started.
///
/// A check of which every run started later may have been started again in place, which hides what it said.
fn choose_runs_at<'run>(runs: &[&'run RestCheckRun], at: Timestamp) -> Vec<&'run RestCheckRun> {
    let mut newest: Vec<(CheckKey<'_>, &RestCheckRun)> = Vec::new();
    for run in runs.iter().copied() {
        let key = check_key(run);
        match newest.iter_mut().find(|(known, _)| *known == key) {
            Some((_, chosen)) if start_order(run, at) > start_order(chosen, at) => *chosen = run,
            Some(_) => {}
            None => newest.push((key, run)),
        }
    }
    newest.into_iter().map(|(_, run)| run).collect()
}

/// The name of a check run, the app that reports it, and its suite.
type CheckKey<'run> = (&'run str, Option<&'run str>, Option<u64>);

fn check_key(run: &RestCheckRun) -> CheckKey<'_> {
    (&run.name, app_slug(run), run.check_suite.as_ref().map(|suite| suite.id))
}

fn app_slug(run: &RestCheckRun) -> Option<&str> {
    run.app.as_ref().and_then(|app| app.slug.as_deref())
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
    CheckResult {
        name: Text::from(run.name.as_str()),
        by: app_slug(run).map(Text::from),
        state,
        tests: None,
        url: Text::from(run.html_url.as_deref().unwrap_or_default()),
        is_of_gate: false,
    }
}

/// Returns the check runs and the commit statuses of the revision; a gap in either is a gap in both.
pub(crate) fn collect_checks(
    runs: Result<Vec<RestCheckRun>, GitHubFailure>,
    details: Result<&PullRequestDetails, &GitHubFailure>,
    times: CheckTimes,
    own: &OwnChecks,
) -> Fact<Vec<CheckResult>> {
    let runs = runs.map_err(|failure| missing_fact(FactKind::Checks, &failure))?;
    let mut found = convert_check_runs(&runs, times, own);
    match details.and_then(|details| details.statuses.as_ref()) {
        Ok(statuses) => {
            found.extend(statuses.iter().map(|status| convert_commit_status(status, times.as_of, own)));
        }
        Err(failure) => return Err(missing_fact(FactKind::Checks, failure)),
    }
    Ok(found)
}

/// Returns a commit status as a check; GitHub shows only the newest one, so one that was reported after `as_of`
/// hides what it said then. The account that reported it is written as `github:LOGIN`, so that it
/// cannot pass for an app.
pub(crate) fn convert_commit_status(
    context: &StatusContext,
    as_of: Option<Timestamp>,
    own: &OwnChecks,
) -> CheckResult {
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
        is_of_gate: own.has_name(&context.context),
    }
}
