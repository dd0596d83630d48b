//! The check run in which a verdict stands on GitHub.
//!
//! A run takes the check run over before it asks anything: from then on it is `in_progress`, which blocks a
//! merge, so no verdict of an earlier state is left if the run is cancelled or killed. Each takeover
//! leaves a token of its own in the check run, and only the run whose token stands there concludes it:
//! of two runs at once, the one that started later has read the newer facts.
//!
//! GitHub lets `neutral` and `skipped` pass, so a check run never says either.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::{GitHubFailure, GitHubRequest, GitHubResponse, RequestMethod};
use crate::github::facts::checks::EXTERNAL_ID_START;
use crate::github::publish::{PublishOutcome, send_publication, truncate_text};
use crate::github::step_outputs::random_word;

/// How many check runs of one name are taken over; more than one exists only if two runs made theirs at once.
const MAX_TAKEN_CHECK_RUNS: usize = 5;

/// What a check run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckRunState {
    /// The verdict is not there yet, or only others have to act for it to change.
    InProgress,
    /// The change is allowed.
    Success,
    /// The change is denied.
    Failure,
    /// Nothing could be judged; this does not pass either.
    NotJudged,
}

/// A check run as it is to be written.
#[derive(Clone, Copy, Debug)]
pub struct CheckRunReport<'a> {
    /// The name of the check.
    pub name: &'a str,
    /// What it says.
    pub state: CheckRunState,
    /// The line beside the name of the check.
    pub title: &'a str,
    /// The summary, as Markdown.
    pub text: &'a str,
    /// The address of the workflow run, if that is known.
    pub details_url: Option<&'a str>,
}

/// The check runs of one name on one revision that this run has taken over.
#[derive(Clone, Debug)]
pub(crate) struct TakenCheckRun {
    repo: RepositoryName,
    revision: Oid,
    ids: Vec<u64>,
    token: String,
}

#[derive(Deserialize)]
struct RestTakenCheckRunPage {
    check_runs: Vec<RestTakenCheckRun>,
}

#[derive(Deserialize)]
struct RestTakenCheckRun {
    id: u64,
    external_id: Option<String>,
    conclusion: Option<String>,
    started_at: Option<Timestamp>,
}

impl CheckRunReport<'_> {
    fn build_body(&self, token: &str) -> Value {
        let mut body = json!({
            "external_id": token,
            "output": { "title": self.title, "summary": truncate_text(self.text) },
        });
        let conclusion = match self.state {
            CheckRunState::InProgress => None,
            CheckRunState::Success => Some("success"),
            CheckRunState::Failure => Some("failure"),
            CheckRunState::NotJudged => Some("action_required"),
        };
        if let Value::Object(members) = &mut body {
            let status = if conclusion.is_some() { "completed" } else { "in_progress" };
            members.insert("status".into(), status.into());
            if let Some(conclusion) = conclusion {
                members.insert("conclusion".into(), conclusion.into());
            }
            if let Some(url) = self.details_url {
                members.insert("details_url".into(), url.into());
            }
        }
        body
    }
}

/// Takes over the check runs of this name that the gate has on a revision, or makes one; `report` is what it
/// says meanwhile. `None` if the token may not write.
pub(crate) async fn take_check_run(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    report: &CheckRunReport<'_>,
) -> Result<Option<TakenCheckRun>, GitHubFailure> {
    let token = random_word(EXTERNAL_ID_START);
    let mut body = report.build_body(&token);
    if let Value::Object(members) = &mut body {
        // A check run that is taken over keeps the time at which it was made; this is when it was last judged.
        let now = client.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        members.insert("started_at".into(), now.into());
    }
    let mut taken = TakenCheckRun { repo: repo.clone(), revision, ids: Vec::new(), token };
    // If they cannot be read, a new one comes after them.
    for known in list_own_check_runs(client, repo, revision, report.name).await.unwrap_or_default() {
        let id = known.id;
        let request = patch_request(repo, id, body.clone());
        let answer = match send_until_taken(client, &request).await {
            Ok(answer) => answer,
            // A newer one says what this one cannot be made to say; it is written again with the verdict.
            Err(_) => continue,
        };
        // Another app's cannot be changed; and one that stays concluded would keep its old verdict.
        if (200..300).contains(&answer.status)
            && let Ok(now) = answer.parse_body::<RestTakenCheckRun>(&request)
            && now.conclusion.is_none()
        {
            taken.ids.push(id);
        }
    }
    if taken.ids.is_empty() {
        let mut body = body;
        if let Value::Object(members) = &mut body {
            members.insert("name".into(), report.name.into());
            members.insert("head_sha".into(), revision.to_string().into());
        }
        let path = format!("{}/check-runs", repo.rest_path());
        let request = GitHubRequest { method: RequestMethod::Post, path, body: Some(body) };
        let answer = client.send_request(&request).await?;
        // To a token that may not see it, GitHub answers that it does not exist.
        if matches!(answer.status, 403 | 404) {
            return Ok(None);
        }
        taken.ids.push(answer.parse_body::<RestTakenCheckRun>(&request)?.id);
    }
    Ok(Some(taken))
}

/// Returns when the gate last began to judge a revision, as its check run of this name says; `None` if that is not
/// known.
pub(crate) async fn find_last_judgement(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    name: &str,
) -> Option<Timestamp> {
    let runs = list_own_check_runs(client, repo, revision, name).await.ok()?;
    runs.iter().filter_map(|run| run.started_at).max()
}

/// Sends a request again for as long as GitHub fails and there is time: writing the same twice does no harm.
async fn send_until_taken(
    client: &GitHubClient,
    request: &GitHubRequest,
) -> Result<GitHubResponse, GitHubFailure> {
    let mut attempt = 1;
    loop {
        let sent = client.send_request(request).await;
        let is_settled = sent.as_ref().is_ok_and(|answer| answer.status < 500);
        if is_settled || !client.wait_for_record(attempt).await {
            return sent;
        }
        attempt += 1;
    }
}

/// Returns the gate's check runs of this name, the newest first.
async fn list_own_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    name: &str,
) -> Result<Vec<RestTakenCheckRun>, GitHubFailure> {
    let query = format!("check_name={}&filter=all&per_page=100", escape_path(name));
    let path = format!("{}/commits/{revision}/check-runs?{query}", repo.rest_path());
    let mut runs = client.fetch_list(path, |page: RestTakenCheckRunPage| page.check_runs, |_| false).await?;
    runs.retain(|run| run.external_id.as_ref().is_some_and(|id| id.starts_with(EXTERNAL_ID_START)));
    runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
    runs.truncate(MAX_TAKEN_CHECK_RUNS);
    Ok(runs)
}

/// Writes the verdict into the check runs that were taken over, unless a later run has taken them since. While GitHub
/// fails and there is time, it is written again, and looked first whether a later run has come.
pub(crate) async fn conclude_check_run(
    client: &GitHubClient,
    taken: &TakenCheckRun,
    report: &CheckRunReport<'_>,
) -> Result<PublishOutcome, GitHubFailure> {
    let mut attempt = 1;
    loop {
        let written = write_check_runs(client, taken, report).await;
        let is_settled = match &written {
            Ok(_) => true,
            Err(failure) => failure.status.is_some_and(|status| status < 500),
        };
        if is_settled || !client.wait_for_record(attempt).await {
            return written;
        }
        attempt += 1;
    }
}

async fn write_check_runs(
    client: &GitHubClient,
    taken: &TakenCheckRun,
    report: &CheckRunReport<'_>,
) -> Result<PublishOutcome, GitHubFailure> {
    let listed = list_own_check_runs(client, &taken.repo, taken.revision, report.name).await;
    let mut ids = taken.ids.clone();
    match &listed {
        Ok(known) if known.iter().any(|run| taken.ids.contains(&run.id)) => {
            let newest = known.first().and_then(|run| run.external_id.as_ref());
            if newest != Some(&taken.token) {
                return Ok(PublishOutcome::Superseded);
            }
            // Of two runs that each made one, only this one writes: both say the same.
            ids.extend(known.iter().map(|run| run.id).filter(|id| !taken.ids.contains(id)));
        }
        // What cannot be seen may be a later run's: that one is not to be made green.
        Ok(_) if report.state == CheckRunState::Success => {
            return Err(GitHubFailure::new("GitHub does not list the check run that was begun"));
        }
        Err(failure) if report.state == CheckRunState::Success => return Err(failure.clone()),
        Ok(_) | Err(_) => {}
    }
    let mut outcome = PublishOutcome::NotAllowed;
    let mut failed = None;
    for id in ids {
        let request = patch_request(&taken.repo, id, report.build_body(&taken.token));
        match send_publication(client, &request).await {
            Ok(written) if taken.ids.contains(&id) => outcome = written,
            // That of another app cannot be written, and need not be.
            Ok(_) => {}
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(outcome),
    }
}

fn patch_request(repo: &RepositoryName, id: u64, body: Value) -> GitHubRequest {
    let path = format!("{}/check-runs/{id}", repo.rest_path());
    GitHubRequest { method: RequestMethod::Patch, path, body: Some(body) }
}
