//! The check runs that a commit has under the name of the gate's, as GitHub lists them, and what can be told of who
//! wrote them.
//!
//! Every workflow of a repository writes as the same app, so one that is not the gate can write a check run that
//! looks like the gate's. What is told apart is what claims less than the gate writes: no mark, or no later
//! workflow run.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::facts::checks::EXTERNAL_ID_START;
use crate::github::verdict_history::{CheckRunVerdict, parse_history};

/// How many check runs of one name and app are taken over that no merge passes for; more than one exists only if two runs made theirs at once.
const MAX_TAKEN_CHECK_RUNS: usize = 5;

/// How many check runs of a commit verdicts are read from: whoever may write some may write many.
const MAX_READ_CHECK_RUNS: usize = 20;

#[derive(Deserialize)]
struct RestTakenCheckRunPage {
    check_runs: Vec<RestTakenCheckRun>,
}

/// A check run of the gate, as GitHub has it.
#[derive(Deserialize)]
pub(crate) struct RestTakenCheckRun {
    pub(crate) id: u64,
    pub(crate) external_id: Option<String>,
    details_url: Option<String>,
    status: Option<String>,
    pub(crate) conclusion: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) name: Option<String>,
    pub(crate) app: Option<RestWritingApp>,
    output: Option<RestCheckRunOutput>,
}

/// The app that wrote a check run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct RestWritingApp {
    pub(crate) id: Option<u64>,
    pub(crate) slug: Option<String>,
}

impl RestWritingApp {
    /// Returns whether both are certainly not the same app.
    pub(crate) fn is_other_than(&self, other: &RestWritingApp) -> bool {
        match (self.id, other.id) {
            (Some(own), Some(other)) => own != other,
            _ => matches!((&self.slug, &other.slug), (Some(own), Some(other)) if own != other),
        }
    }
}

#[derive(Deserialize)]
struct RestCheckRunOutput {
    title: Option<String>,
    summary: Option<String>,
}

impl RestTakenCheckRun {
    /// Returns whether the check run has the mark of the gate. Every app can write one.
    pub(crate) fn is_marked(&self) -> bool {
        self.external_id.as_ref().is_some_and(|id| id.starts_with(EXTERNAL_ID_START))
    }

    /// Returns the verdicts that it keeps, oldest first.
    pub(crate) fn list_verdicts(&self) -> Vec<CheckRunVerdict> {
        let summary = self.output.as_ref().and_then(|output| output.summary.as_deref());
        summary.map(parse_history).unwrap_or_default()
    }

    /// Returns whether GitHub lets a merge pass for this check run.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.conclusion.as_deref(), Some("success" | "neutral" | "skipped"))
    }

    /// Returns whether the check run may be of a later run than the one at this address: it names a workflow run
    /// of the same repository that was not made before that one. Without an address, nothing can be told.
    ///
    /// Whoever writes a check run chooses that address, so this finds out only what claims less than that.
    pub(crate) fn may_be_later_than(&self, own_url: Option<&str>) -> bool {
        let Some((own_place, own_run)) = own_url.and_then(split_run_address) else { return true };
        let named = self.details_url.as_deref().and_then(split_run_address);
        named.is_some_and(|(place, run)| place == own_place && run >= own_run)
    }

    /// Returns the body that makes the check run say again what it said when it was read, with the times that it had:
    /// what is judged as of a merge goes by them.
    pub(crate) fn build_restoring_body(&self) -> Value {
        let mut body = json!({ "external_id": self.external_id.as_deref().unwrap_or_default() });
        if let Value::Object(members) = &mut body {
            for (name, time) in [("started_at", self.started_at), ("completed_at", self.completed_at)] {
                if let Some(time) = time {
                    members.insert(name.into(), format_time(time).into());
                }
            }
            let status = self.status.as_deref().unwrap_or("in_progress");
            members.insert("status".into(), status.into());
            if let Some(conclusion) = &self.conclusion {
                members.insert("conclusion".into(), conclusion.as_str().into());
            }
            if let Some(RestCheckRunOutput { title: Some(title), summary: Some(summary) }) = &self.output {
                members.insert("output".into(), json!({ "title": title, "summary": summary }));
            }
        }
        body
    }
}

/// Returns the check runs of this name, whoever made them, the newest first.
pub(crate) async fn list_named_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
    name: &str,
) -> Result<Vec<RestTakenCheckRun>, GitHubFailure> {
    let query = format!("check_name={}&filter=all&per_page=100", escape_path(name));
    let path = format!("{}/commits/{revision}/check-runs?{query}", repo.rest_path());
    let mut runs = client.fetch_list(path, |page: RestTakenCheckRunPage| page.check_runs, |_| false).await?;
    runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
    // Counted for each app, and apart from those without the gate's mark: what another one plants pushes none of the
    // gate's out.
    let mut counts: HashMap<(Option<RestWritingApp>, bool), usize> = HashMap::new();
    runs.retain(|run| {
        let count = counts.entry((run.app.clone(), run.is_marked())).or_default();
        *count += 1;
        // What a merge may pass for is never left as it is.
        run.is_passing() || *count <= MAX_TAKEN_CHECK_RUNS
    });
    Ok(runs)
}

/// Returns a time as GitHub writes it.
pub(crate) fn format_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the newest check runs on a commit that have the mark of the gate, whatever their names.
pub(crate) async fn list_marked_check_runs(
    client: &GitHubClient,
    repo: &RepositoryName,
    revision: Oid,
) -> Result<Vec<RestTakenCheckRun>, GitHubFailure> {
    let path = format!("{}/commits/{revision}/check-runs?filter=all&per_page=100", repo.rest_path());
    let mut runs = client.fetch_list(path, |page: RestTakenCheckRunPage| page.check_runs, |_| false).await?;
    runs.retain(RestTakenCheckRun::is_marked);
    runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
    runs.truncate(MAX_READ_CHECK_RUNS);
    Ok(runs)
}

/// Splits the address of a workflow run into what all runs of its repository share, and its number.
fn split_run_address(url: &str) -> Option<(&str, u64)> {
    let (place, rest) = url.split_once("/actions/runs/")?;
    let run = rest.split(['/', '?', '#']).next().unwrap_or_default();
    Some((place, run.parse().ok()?))
}
