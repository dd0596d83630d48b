//! Shared policies that moved since the last decision, which the ledger of the repository tells, where it has one.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde::Deserialize;

use crate::change::{Oid, Text};
use crate::gate::LoadedPolicy;
use crate::gate::shared_base::{
    BASE_NOT_SEARCHED, find_moved_bases, has_moving_base, list_base_moves, note_unknown_bases,
};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::judge::branch_tips::read_branch_tips;
use crate::github::judge::policy_at_commit::fetch_file;
use crate::policy::{FetchedFile, RemotePolicyFile};
use crate::verdict::Message;

/// The ref of the ledger.
const LEDGER_REF: &str = "refs/changegate/ledger";

/// The file of a record in its commit.
const RECORD_PATH: &str = "record.json";

/// How many records are looked at, from the newest on.
const MAX_LOOKED_AT: usize = 40;

/// The part of a record that names the policy of a decision.
#[derive(Deserialize)]
struct PolicyRecord {
    event: PolicyRecordEvent,
}

#[derive(Deserialize)]
struct PolicyRecordEvent {
    decision: Option<PolicyDecision>,
}

#[derive(Deserialize)]
struct PolicyDecision {
    decision: String,
    policy: Option<DecidingPolicy>,
    refs: Vec<DecidedRef>,
}

#[derive(Deserialize)]
struct DecidingPolicy {
    source: String,
}

#[derive(Deserialize)]
struct DecidedRef {
    name: Text,
    protected: bool,
}

#[derive(Deserialize)]
struct RestRecordCommit {
    parents: Vec<RestRecordParent>,
}

#[derive(Deserialize)]
struct RestRecordParent {
    sha: Oid,
}

/// What a search of the ledger came to.
enum PolicySearch {
    /// The source of the policy of the last decision, as its record names it.
    Found(String),
    /// The ledger, if there is one, has no such decision.
    Absent,
    /// None of the newest records is one.
    Stopped,
}

/// Returns what became of the shared policies of `loaded`, which judges `place`, since the last decision that let something
/// onto it, or that this cannot be told; nothing where the repository has no ledger.
pub(crate) async fn list_ledger_base_moves(
    client: &GitHubClient,
    repo: &RepositoryName,
    loaded: &LoadedPolicy,
    place: &Text,
) -> Vec<Message> {
    if !has_moving_base(loaded) {
        return Vec::new();
    }
    let before = match find_deciding_policy(client, repo, place).await {
        Ok(PolicySearch::Found(source)) => source,
        Ok(PolicySearch::Absent) => return Vec::new(),
        Ok(PolicySearch::Stopped) => {
            return vec![BASE_NOT_SEARCHED.with("place", place).with("count", MAX_LOOKED_AT)];
        }
        Err(failure) => return vec![note_unknown_bases(place, failure.why)],
    };
    let earlier = find_moved_bases(loaded, &before, BTreeMap::new());
    let read = join_all(earlier.iter().map(|(name, commit)| fetch_earlier_base(client, name, *commit))).await;
    let files: BTreeMap<&str, FetchedFile> = earlier.keys().map(String::as_str).zip(read).collect();
    list_base_moves(loaded, &earlier, place, &mut |name, _| files.get(name).cloned().unwrap_or(Ok(None)))
}

async fn find_deciding_policy(
    client: &GitHubClient,
    repo: &RepositoryName,
    place: &Text,
) -> Result<PolicySearch, GitHubFailure> {
    let mut next = read_branch_tips(client, repo, LEDGER_REF).await?.ref_tip;
    for _ in 0..MAX_LOOKED_AT {
        let Some(commit) = next else { return Ok(PolicySearch::Absent) };
        let record = fetch_file(client, repo, commit, RECORD_PATH).await?;
        let record = record.map_err(|why| GitHubFailure::new(format!("a record of the ledger: {why}")))?;
        if let Some(source) = record.and_then(|bytes| find_record_source(&bytes, place)) {
            return Ok(PolicySearch::Found(source));
        }
        let path = format!("{}/git/commits/{commit}", repo.rest_path());
        let read: RestRecordCommit = client.fetch_json(path).await?;
        next = read.parents.first().map(|parent| parent.sha);
    }
    Ok(if next.is_none() { PolicySearch::Absent } else { PolicySearch::Stopped })
}

/// Returns the source of the policy of a decision that let something onto `place`; `None` for any other record.
fn find_record_source(bytes: &[u8], place: &Text) -> Option<String> {
    let record: PolicyRecord = serde_json::from_slice(bytes).ok()?;
    let decided = record.event.decision.filter(|decided| decided.decision == "allow")?;
    let is_here = decided.refs.iter().any(|one| one.protected && one.name == *place);
    decided.policy.filter(|_| is_here).map(|policy| policy.source)
}

async fn fetch_earlier_base(client: &GitHubClient, name: &str, commit: Oid) -> FetchedFile {
    let remote = RemotePolicyFile::parse_name(name)?;
    let repository = &remote.repository;
    let other = RepositoryName::parse_name(repository)
        .ok_or_else(|| format!("`{repository}` is no repository on GitHub"))?;
    fetch_file(client, &other, commit, &remote.path).await.map_err(|failure| failure.why)?
}
