//! The check run in which a verdict stands on GitHub.
//!
//! A run takes the check run over before it asks anything: from then on it is `in_progress`, which blocks a
//! merge, so no verdict of an earlier state is left if the run is cancelled or killed. Each takeover
//! leaves a token of its own in the check run, and only the run whose token stands there concludes it:
//! of two runs at once, the one that started later has read the newer facts. Any app can write such a token, so
//! only check runs of the app that this run writes as are compared.
//!
//! GitHub lets `neutral` and `skipped` pass, so a check run says `neutral` in evaluate mode only, which is to block
//! nothing, and never `skipped`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::{GitHubFailure, GitHubRequest, GitHubResponse, RequestMethod};
use crate::github::facts::checks::EXTERNAL_ID_START;
use crate::github::listed_check_runs::{
    RestTakenCheckRun, RestWritingApp, format_time, list_named_check_runs,
};
use crate::github::publish::{PublishOutcome, send_publication, truncate_text};
use crate::github::step_outputs::random_word;
use crate::github::verdict_history::{CheckRunVerdict, add_verdicts, disarm_history, format_history};

/// The start of the external id of a check run that has the verdict on a merge group.
pub(crate) const GROUP_ID_START: &str = "changegate:group-";

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
    /// The gate is in evaluate mode: whatever the verdict, nothing is blocked.
    Evaluated,
}

impl CheckRunState {
    /// Returns true if GitHub lets a merge pass for a check run that says this.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, CheckRunState::Success | CheckRunState::Evaluated)
    }
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
    /// The verdicts that it is about, which it keeps for the run that records them.
    pub verdicts: &'a [CheckRunVerdict],
    /// The address of the workflow run, if that is known.
    pub details_url: Option<&'a str>,
}

/// What a check run is the verdict on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckRunPurpose {
    /// The pull requests that end at its commit.
    PullRequests,
    /// The merge group that ends at its commit.
    MergeGroup,
}

/// The check runs of one name on one revision that this run has taken over.
#[derive(Clone, Debug)]
pub(crate) struct TakenCheckRun {
    pub(crate) repo: RepositoryName,
    pub(crate) revision: Oid,
    pub(crate) ids: Vec<u64>,
    pub(crate) token: String,
    /// The app that this run writes as; `None` if GitHub does not tell.
    app: Option<RestWritingApp>,
    /// The verdicts that the check runs held before.
    earlier: Vec<CheckRunVerdict>,
}

impl CheckRunReport<'_> {
    fn build_body(&self, token: &str, earlier: &[CheckRunVerdict]) -> Value {
        let mut verdicts = earlier.to_vec();
        add_verdicts(&mut verdicts, self.verdicts);
        let text = truncate_text(&disarm_history(self.text));
        let summary = format!("{text}{}", format_history(&verdicts));
        let mut body = json!({
            "external_id": token,
            "output": { "title": self.title, "summary": summary },
        });
        let conclusion = match self.state {
            CheckRunState::InProgress => None,
            CheckRunState::Success => Some("success"),
            CheckRunState::Failure => Some("failure"),
            CheckRunState::NotJudged => Some("action_required"),
            CheckRunState::Evaluated => Some("neutral"),
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
    purpose: CheckRunPurpose,
) -> Result<Option<TakenCheckRun>, GitHubFailure> {
    let mut taken = TakenCheckRun::new(repo, revision, purpose);
    // If they cannot be read, a new one comes after them.
    let mut has_own = false;
    for known in list_named_check_runs(client, repo, revision, report.name).await.unwrap_or_default() {
        if known.is_marked() {
            has_own |= taken.take_over(client, &known, report).await;
        } else if known.is_passing() {
            // It would count beside the gate's own. That of another app cannot be changed, and need not be.
            taken.take_over(client, &known, report).await;
        }
    }
    if !has_own && !taken.make_check_run(client, report).await? {
        return Ok(None);
    }
    Ok(Some(taken))
}

impl TakenCheckRun {
    pub(crate) fn new(repo: &RepositoryName, revision: Oid, purpose: CheckRunPurpose) -> TakenCheckRun {
        let start = match purpose {
            CheckRunPurpose::PullRequests => EXTERNAL_ID_START,
            CheckRunPurpose::MergeGroup => GROUP_ID_START,
        };
        let token = random_word(start);
        TakenCheckRun { repo: repo.clone(), revision, ids: Vec::new(), token, app: None, earlier: Vec::new() }
    }

    /// Makes a check run of the gate's own beside those that were taken over, and returns whether the token may do
    /// that. One that the gate did not make can be one that its maker still writes to.
    pub(crate) async fn make_check_run(
        &mut self,
        client: &GitHubClient,
        report: &CheckRunReport<'_>,
    ) -> Result<bool, GitHubFailure> {
        let mut body = build_taking_body(client, report, self);
        if let Value::Object(members) = &mut body {
            members.insert("name".into(), report.name.into());
            members.insert("head_sha".into(), self.revision.to_string().into());
        }
        let path = format!("{}/check-runs", self.repo.rest_path());
        let request = GitHubRequest { method: RequestMethod::Post, path, body: Some(body) };
        let answer = client.send_request(&request).await?;
        // To a token that may not see it, GitHub answers that it does not exist.
        if matches!(answer.status, 403 | 404) {
            return Ok(false);
        }
        let made = answer.parse_body::<RestTakenCheckRun>(&request)?;
        self.ids.push(made.id);
        self.app = made.app;
        Ok(true)
    }

    /// Takes over one check run, and returns whether that could be done.
    pub(crate) async fn take_over(
        &mut self,
        client: &GitHubClient,
        known: &RestTakenCheckRun,
        report: &CheckRunReport<'_>,
    ) -> bool {
        // One that the gate did not mark holds no verdict of it.
        if known.is_marked() {
            add_verdicts(&mut self.earlier, &known.list_verdicts());
        }
        let body = build_taking_body(client, report, self);
        let request = patch_request(&self.repo, known.id, body);
        // A newer one says what this one cannot be made to say; it is written again with the verdict.
        let Ok(answer) = send_until_taken(client, &request).await else { return false };
        // Another app's cannot be changed; and one that stays concluded would keep its old verdict.
        if (200..300).contains(&answer.status)
            && let Ok(now) = answer.parse_body::<RestTakenCheckRun>(&request)
            && now.conclusion.is_none()
        {
            self.app = now.app.or(self.app.take());
            self.ids.push(known.id);
            return true;
        }
        false
    }

    /// Returns whether the app that this run writes as may have made a check run.
    fn may_write(&self, run: &RestTakenCheckRun) -> bool {
        match (&self.app, &run.app) {
            (Some(own), Some(other)) => !own.is_other_than(other),
            _ => true,
        }
    }

    /// Returns whether a later run has the last word. One that is green has to show that it is a later run: it can be
    /// planted by another workflow, and then takes the verdict as the gate's own does.
    fn is_superseded(&self, listed: &[RestTakenCheckRun], report: &CheckRunReport<'_>) -> bool {
        let is_own = |run: &RestTakenCheckRun| run.external_id.as_ref() == Some(&self.token);
        let is_planted = |run: &RestTakenCheckRun| {
            !is_own(run) && run.is_passing() && !run.may_be_later_than(report.details_url)
        };
        let mut runs = listed.iter().filter(|run| run.is_marked() && self.may_write(run) && !is_planted(run));
        !runs.next().is_some_and(is_own)
    }

    /// Returns the token of the newest check run that this run may write: `listed` has the newest one first.
    pub(crate) fn find_newest_token<'run>(&self, listed: &'run [RestTakenCheckRun]) -> Option<&'run String> {
        let newest = listed.iter().find(|run| run.is_marked() && self.may_write(run));
        newest.and_then(|run| run.external_id.as_ref())
    }
}

fn build_taking_body(client: &GitHubClient, report: &CheckRunReport<'_>, taken: &TakenCheckRun) -> Value {
    let mut body = report.build_body(&taken.token, &taken.earlier);
    if let Value::Object(members) = &mut body {
        // A check run that is taken over keeps the time at which it was made; this is when it was last judged.
        members.insert("started_at".into(), format_time(client.now()).into());
    }
    body
}

/// Returns when the gate last began to judge a revision, as its check run of this name says; `None` if that is not
/// known.
pub(crate) async fn find_last_judgement(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    name: &str,
) -> Option<Timestamp> {
    let runs = list_named_check_runs(client, repo, revision, name).await.ok()?;
    runs.iter().filter(|run| run.is_marked()).filter_map(|run| run.started_at).max()
}

/// Sends a request again for as long as GitHub fails and there is time: writing the same twice does no harm.
pub(crate) async fn send_until_taken(
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
    let listed = list_named_check_runs(client, &taken.repo, taken.revision, report.name).await;
    let mut ids = taken.ids.clone();
    match &listed {
        Ok(known) if known.iter().any(|run| taken.ids.contains(&run.id)) => {
            if taken.is_superseded(known, report) {
                return Ok(PublishOutcome::Superseded);
            }
            // Of two runs that each made one, only this one writes: both say the same. So does what is green under
            // this name without being of the gate.
            let others = known.iter().filter(|run| taken.may_write(run) && !taken.ids.contains(&run.id));
            ids.extend(others.filter(|run| run.is_marked() || run.is_passing()).map(|run| run.id));
        }
        // What cannot be seen may be a later run's: that one is not to be made green.
        Ok(_) if report.state.is_passing() => {
            return Err(GitHubFailure::new("GitHub does not list the check run that was begun"));
        }
        Err(failure) if report.state.is_passing() => return Err(failure.clone()),
        Ok(_) | Err(_) => {}
    }
    let mut outcome = PublishOutcome::NotAllowed;
    let mut failed = None;
    for id in ids {
        let request = patch_request(&taken.repo, id, report.build_body(&taken.token, &taken.earlier));
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

pub(crate) fn patch_request(repo: &RepositoryName, id: u64, body: Value) -> GitHubRequest {
    let path = format!("{}/check-runs/{id}", repo.rest_path());
    GitHubRequest { method: RequestMethod::Patch, path, body: Some(body) }
}
