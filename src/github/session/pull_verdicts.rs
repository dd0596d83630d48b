//! The verdicts on pull requests, read back from the check runs that hold them.
//!
//! A verdict is looked for at each revision that the branch of a pull request pointed at, those included that a forced
//! push took away. That the check run is on that commit, by which app, and since when, is GitHub's word. What it says
//! is that of whoever wrote it.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;

use crate::change::{CommitMessage, Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestActivity, RestChangedFile, RestCommitBody, RestPullRequestEnd};
use crate::github::listed_check_runs::list_marked_check_runs;
use crate::github::session::GitHubSession;
use crate::github::verdict_history::CheckRunVerdict;

/// In how many pull requests verdicts are looked for, those that changed last.
const MAX_READ_PULLS: usize = 30;

/// At how many revisions of one pull request verdicts are looked for, the newest.
const MAX_READ_REVISIONS: usize = 20;

/// How many verdicts on one pull request are read, the newest.
const MAX_READ_VERDICTS: usize = 60;

/// How many paths of a revision are named.
const MAX_NAMED_PATHS: usize = 300;

/// A verdict on a pull request, with the check run that keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedVerdict {
    /// The pull request.
    pub(crate) pull: PullRequestName,
    /// The full name of the branch that it was judged for.
    pub(crate) target: Text,
    /// The revision that was judged.
    pub(crate) revision: Oid,
    /// What the check run keeps.
    pub(crate) verdict: CheckRunVerdict,
    /// The number of the check run.
    pub(crate) check_run: u64,
    /// Its name.
    pub(crate) check_name: Text,
    /// The app that wrote it, as GitHub says; `None` if it does not.
    pub(crate) app: Option<String>,
    /// When it was last concluded, by GitHub's clock; `None` while it is not.
    pub(crate) completed_at: Option<Timestamp>,
}

/// What a revision holds, by which it is recognised where it comes again.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevisionContent {
    pub(crate) message: Option<CommitMessage>,
    pub(crate) author_address: Option<String>,
    pub(crate) paths: Vec<Text>,
}

/// A pull request in a list, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
struct RestUpdatedPull {
    number: u64,
    updated_at: Option<Timestamp>,
    head: RestPullRequestEnd,
    base: RestPullRequestEnd,
}

/// A commit with what it changes.
#[derive(Clone, Debug, Deserialize)]
struct RestCommitContent {
    commit: RestCommitBody,
    files: Option<Vec<RestChangedFile>>,
}

impl GitHubSession {
    /// Returns the verdicts on the pull requests that changed last, oldest first: on those that changed after `since`,
    /// if that is given, and on [`MAX_READ_PULLS`] at most.
    ///
    /// # Errors
    ///
    /// Fails if the pull requests or their check runs cannot be read.
    pub(crate) fn list_pull_verdicts(
        &self,
        repo: &RepositoryName,
        since: Option<Timestamp>,
    ) -> Result<Vec<ListedVerdict>, GitHubFailure> {
        self.runtime.block_on(async {
            let mut all = Vec::new();
            for pull in list_updated_pulls(&self.client, repo, since).await? {
                all.extend(list_verdicts_of(&self.client, repo, &pull).await?);
            }
            all.sort_by_key(|one| (one.verdict.at, one.pull.number));
            Ok(all)
        })
    }

    /// Returns what a revision holds; nothing if GitHub no longer knows it.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub(crate) fn read_revision_content(
        &self,
        repo: &RepositoryName,
        revision: Oid,
    ) -> Result<RevisionContent, GitHubFailure> {
        let path = format!("{}/commits/{revision}", repo.rest_path());
        let found = match self.runtime.block_on(self.client.fetch_json::<RestCommitContent>(path)) {
            Err(GitHubFailure { status: Some(404 | 422), .. }) => return Ok(RevisionContent::default()),
            found => found?,
        };
        let mut paths = Vec::new();
        for file in found.files.into_iter().flatten().take(MAX_NAMED_PATHS) {
            paths.push(Text::from(file.filename));
        }
        Ok(RevisionContent {
            author_address: found.commit.author.and_then(|author| author.email),
            message: Some(CommitMessage::new(Text::from(found.commit.message))),
            paths,
        })
    }
}

/// Returns the pull requests that changed last, open and closed.
async fn list_updated_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    since: Option<Timestamp>,
) -> Result<Vec<RestUpdatedPull>, GitHubFailure> {
    let is_older =
        |pull: &RestUpdatedPull| matches!((pull.updated_at, since), (Some(at), Some(since)) if at < since);
    let path = format!("{}/pulls?state=all&sort=updated&direction=desc&per_page=50", repo.rest_path());
    let is_enough =
        |listed: &[RestUpdatedPull]| listed.len() >= MAX_READ_PULLS || listed.last().is_some_and(&is_older);
    let mut pulls = client.fetch_list(path, |page: Vec<RestUpdatedPull>| page, is_enough).await?;
    pulls.retain(|pull| !is_older(pull));
    pulls.truncate(MAX_READ_PULLS);
    Ok(pulls)
}

async fn list_verdicts_of(
    client: &GitHubClient,
    repo: &RepositoryName,
    pull: &RestUpdatedPull,
) -> Result<Vec<ListedVerdict>, GitHubFailure> {
    let revisions = list_revisions(client, pull).await?;
    let asked = revisions.iter().map(|revision| list_marked_check_runs(client, repo, *revision));
    let mut found = Vec::new();
    for (revision, runs) in revisions.iter().zip(try_join_all(asked).await?) {
        for run in runs {
            for verdict in run.list_verdicts() {
                // A check run is of a commit, which may end other pull requests as well.
                if verdict.pull != pull.number {
                    continue;
                }
                let base = format!("refs/heads/{}", pull.base.branch);
                found.push(ListedVerdict {
                    pull: PullRequestName { repo: repo.clone(), number: pull.number },
                    target: Text::from(verdict.target.clone().unwrap_or(base)),
                    revision: *revision,
                    check_run: run.id,
                    check_name: Text::from(run.name.clone().unwrap_or_default()),
                    app: run.app.as_ref().and_then(|app| app.slug.clone()),
                    completed_at: run.conclusion.as_ref().and(run.completed_at),
                    verdict,
                });
            }
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.verdict.at));
    found.truncate(MAX_READ_VERDICTS);
    Ok(found)
}

/// Returns the revisions that the branch of a pull request pointed at, as far as GitHub still tells, the newest first.
async fn list_revisions(client: &GitHubClient, pull: &RestUpdatedPull) -> Result<Vec<Oid>, GitHubFailure> {
    let mut revisions = vec![pull.head.sha];
    let repo = pull.head.repo.as_ref().and_then(|repo| RepositoryName::parse_name(&repo.full_name));
    let Some(repo) = repo else { return Ok(revisions) };
    let branch = escape_path(&format!("refs/heads/{}", pull.head.branch));
    let path = format!("{}/activity?ref={branch}&per_page=100", repo.rest_path());
    let is_enough = |listed: &[RestActivity]| listed.len() >= MAX_READ_REVISIONS;
    let moves = match client.fetch_list(path, |page: Vec<RestActivity>| page, is_enough).await {
        // The token may not see a fork, and a deleted branch may be unknown.
        Err(GitHubFailure { status: Some(403 | 404 | 422), .. }) => Vec::new(),
        moves => moves?,
    };
    for one in moves {
        if let Some(after) = one.after.none_if_null()
            && !revisions.contains(&after)
        {
            revisions.push(after);
        }
    }
    revisions.truncate(MAX_READ_REVISIONS);
    Ok(revisions)
}
