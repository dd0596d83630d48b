//! Deployments: which commit ran where, since when, and whether that went well.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::inputs::input_file::{InputEntry, InputFile};
use crate::change::Oid;
use crate::ledger::audit::ledger_history::RecordedChangeAct;
use crate::ledger::record::RecordedActKind;

/// One deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deployment {
    /// The commit that was deployed, and everything that it leads to.
    pub commit: Oid,
    /// What ran there before, if that is known: nothing that it leads to was deployed now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Oid>,
    /// Where it runs, such as `production`.
    pub environment: String,
    /// When it was deployed.
    pub at: Timestamp,
    /// Who deployed it, if the file tells.
    pub by: Option<String>,
    /// True if it failed.
    pub is_failed: bool,
}

impl Deployment {
    /// Returns true if its environment is called as production usually is.
    pub(crate) fn is_in_production(&self) -> bool {
        let name = self.environment.to_ascii_lowercase();
        name.starts_with("prod") || name == "live"
    }
}

/// Returns the deployments that the acts of a ledger tell of, oldest first. One that was recorded again, before another one to
/// its environment, is the same.
pub(crate) fn list_recorded_deployments(acts: &[RecordedChangeAct]) -> Vec<Deployment> {
    let mut found = Vec::new();
    for event in acts.iter().map(|one| &one.event) {
        if let RecordedActKind::Deployment { environment, before, failed } = &event.act.says {
            found.push(Deployment {
                commit: event.act.change,
                before: *before,
                environment: environment.to_lossy().into_owned(),
                at: event.observed_at,
                by: Some(event.act.account.to_lossy().into_owned()),
                is_failed: *failed,
            });
        }
    }
    found.sort_by_key(|deployment| deployment.at);
    let mut last: BTreeMap<String, Deployment> = BTreeMap::new();
    found.retain(|one| {
        let before = last.insert(one.environment.clone(), one.clone());
        before.is_none_or(|before| {
            (before.commit, before.before, before.is_failed) != (one.commit, one.before, one.is_failed)
        })
    });
    found
}

/// Returns the deployments of files and of ledgers together, oldest first: what a file tells as well is left out of what
/// ledgers tell.
pub(crate) fn join_deployments(given: &[Deployment], recorded: &[Deployment]) -> Vec<Deployment> {
    let mut joined = given.to_vec();
    let is_given = |one: &Deployment| {
        given.iter().any(|other| other.commit == one.commit && other.environment == one.environment)
    };
    joined.extend(recorded.iter().filter(|one| !is_given(one)).cloned());
    joined.sort_by(|one, other| (one.at, &one.environment).cmp(&(other.at, &other.environment)));
    joined
}

/// Returns true for the deployments that figures count: those in production, or all where no environment is called so.
pub(crate) fn counts_in_figures(deployments: &[Deployment]) -> impl Fn(&Deployment) -> bool {
    let names_production = deployments.iter().any(Deployment::is_in_production);
    move |deployment| !names_production || deployment.is_in_production()
}

/// The deployments of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeploymentList {
    /// The deployments, oldest first.
    pub deployments: Vec<Deployment>,
    /// `sha256:` and the digest of the file.
    pub digest: String,
}

/// Reads deployments from CSV with a header, a JSON array or JSON Lines, with `commit`, `environment`, `at`, `by` and
/// `status`. What GitHub's list of deployments answers is read as well.
///
/// # Errors
///
/// Fails if the file cannot be read, or a deployment has no whole commit id or no time.
pub fn read_deployments(path: &Path) -> Result<DeploymentList> {
    let file = InputFile::read_file(path)?;
    let mut deployments = Vec::new();
    for entry in &file.entries {
        deployments.push(read_deployment(entry).with_context(|| format!("cannot use {}", path.display()))?);
    }
    deployments
        .sort_by(|one: &Deployment, other| (one.at, &one.environment).cmp(&(other.at, &other.environment)));
    Ok(DeploymentList { deployments, digest: file.digest })
}

fn read_deployment(entry: &InputEntry) -> Result<Deployment> {
    let place = &entry.place;
    let Some(written) = entry.find_text(&["commit", "sha", "revision"]) else {
        bail!("{place} has no `commit`")
    };
    let Some(commit) = Oid::from_hex(written) else {
        bail!("{place}: `{written}` is no whole commit id");
    };
    let Some(at) = entry.find_time(&["at", "deployedat", "createdat", "time"])? else {
        bail!("{place} has no `at`");
    };
    let status = entry.find_text(&["status", "state", "outcome"]).unwrap_or_default();
    Ok(Deployment {
        commit,
        before: None,
        environment: entry.find_text(&["environment", "env"]).unwrap_or("production").to_owned(),
        at,
        by: entry.find_text(&["by", "deployedby", "creator", "actor"]).map(str::to_owned),
        is_failed: matches!(status.to_ascii_lowercase().as_str(), "failed" | "failure" | "error"),
    })
}
