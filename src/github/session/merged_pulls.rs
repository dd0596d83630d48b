//! The pull requests of a branch that GitHub merged, as its list of all that are closed has them.
//!
//! The list is read and not searched: a search ends after 1,000 entries and does not say so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::{RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestListedEnd;
use crate::github::session::GitHubSession;

/// A pull request that was merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergedPullEntry {
    /// Its number.
    pub(crate) number: u64,
    /// The commit that it became on its base.
    pub(crate) commit: Oid,
    /// The name of its base, without `refs/heads/`.
    pub(crate) base: String,
    /// When it was merged.
    pub(crate) merged_at: Timestamp,
}

/// A pull request in the list of those that are closed.
#[derive(Clone, Debug, Deserialize)]
struct RestClosedPullRequest {
    number: u64,
    updated_at: Timestamp,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<Oid>,
    base: RestListedEnd,
}

impl GitHubSession {
    /// Returns the pull requests that were merged into a branch since an instant, by their numbers.
    ///
    /// # Errors
    ///
    /// Fails unless all of the list can be read.
    pub(crate) fn list_merged_pulls(
        &self,
        repo: &RepositoryName,
        branch: &str,
        since: Option<Timestamp>,
    ) -> Result<Vec<MergedPullEntry>, GitHubFailure> {
        self.runtime.block_on(list_merged_pulls(&self.client, repo, branch, since))
    }
}

/// Lists the pull requests that were merged into a branch since an instant, by their numbers.
///
/// # Errors
///
/// Fails if a page cannot be read, so that no part of a list passes for all of it, and if GitHub does not name the commit
/// of one of them.
async fn list_merged_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    branch: &str,
    since: Option<Timestamp>,
) -> Result<Vec<MergedPullEntry>, GitHubFailure> {
    let path = format!(
        "{}/pulls?state=closed&base={}&sort=updated&direction=desc&per_page=100",
        repo.rest_path(),
        escape_path(branch)
    );
    let read = async |limit: Option<Timestamp>| {
        let is_enough = |all: &[RestClosedPullRequest]| {
            limit.zip(all.last()).is_some_and(|(limit, last)| last.updated_at < limit)
        };
        client.fetch_list(path.clone(), |page: Vec<RestClosedPullRequest>| page, is_enough).await
    };
    let mut listed = read(since).await?;
    // What is updated while the pages are read moves to the first one, past the page at hand.
    if let Some(newest) = listed.iter().map(|one| one.updated_at).max() {
        listed.extend(read(Some(newest)).await?);
    }
    let mut merged = BTreeMap::new();
    for one in listed {
        let Some(merged_at) = one.merged_at.filter(|at| since.is_none_or(|since| *at >= since)) else {
            continue;
        };
        let Some(commit) = one.merge_commit_sha else {
            let why = format!("GitHub names no commit of {repo}#{}, which it merged", one.number);
            return Err(GitHubFailure::new(why));
        };
        let entry = MergedPullEntry { number: one.number, commit, base: one.base.branch, merged_at };
        merged.insert(one.number, entry);
    }
    Ok(merged.into_values().collect())
}
