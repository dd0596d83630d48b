//! The contributors to the commits that a ref came to contain without a pull request: from the commits, and from
//! the record of who moved the ref.
//!
//! On GitHub, accounts identify people. An address that GitHub ties to no account belongs to a person
//! who cannot be identified, unless a roster knows the address.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde::Deserialize;

use crate::change::Oid;
use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit, RestObjectId};
use crate::github::facts::co_authors::{has_email, parse_co_authors, read_commit_authors};
use crate::github::facts::commits;
use crate::github::facts::details::GitActor;
use crate::github::session::GitHubSession;
use crate::people::PeopleDirectory;
use crate::people::contributors::{Contributor, pull_contributors};

/// For how many commits GitHub is asked for the co-authors.
const MAX_AUTHOR_QUERIES: usize = 100;

#[derive(Deserialize)]
struct CommitWithParents {
    parents: Vec<RestObjectId>,
}

impl GitHubSession {
    /// Returns the contributors to the commits that `new` has and `old` has not; `None` if GitHub does not
    /// know one of the two, or does not tell the co-authors of a commit.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub(crate) fn find_contributors(
        &self,
        repo: &RepositoryName,
        (old, new): (Oid, Oid),
        people: &PeopleDirectory,
    ) -> Result<Option<Vec<Contributor>>, GitHubFailure> {
        match self.runtime.block_on(self.read_contributors(repo, (old, new), people)) {
            // A commit that GitHub does not know now, it will not know later either.
            Err(GitHubFailure { status: Some(404 | 422), .. }) => Ok(None),
            found => found,
        }
    }

    /// Returns the commits that landed with `change`: those of the pull request that brought it, also if it
    /// squashed them, or else those that a merge brought.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked, or does not know one of them.
    pub(crate) fn list_inner_commits(
        &self,
        repo: &RepositoryName,
        change: Oid,
        pull: Option<&PullRequestName>,
    ) -> Result<Vec<Oid>, GitHubFailure> {
        let client = &self.client;
        let listed = self.runtime.block_on(async {
            if let Some(name) = pull {
                let path = format!("{}/pulls/{}/commits?per_page=100", name.repo.rest_path(), name.number);
                return client.fetch_whole_list(path).await;
            }
            let path = format!("{}/git/commits/{change}", repo.rest_path());
            let merge: CommitWithParents = client.fetch_json(path).await?;
            let [first, _, ..] = merge.parents.as_slice() else { return Ok(Vec::new()) };
            let ends = format!("{}...{change}", first.sha);
            Ok(commits::compare_commits(client, repo, &ends).await?.commits)
        })?;
        Ok(listed.iter().map(|commit: &RestCommit| commit.sha).collect())
    }

    async fn read_contributors(
        &self,
        repo: &RepositoryName,
        (old, new): (Oid, Oid),
        people: &PeopleDirectory,
    ) -> Result<Option<Vec<Contributor>>, GitHubFailure> {
        let client = &self.client;
        let listed = commits::compare_commits(client, repo, &format!("{old}...{new}")).await?.commits;
        let co_authored: Vec<&RestCommit> = listed.iter().filter(|commit| has_co_authors(commit)).collect();
        if co_authored.len() > MAX_AUTHOR_QUERIES {
            return Ok(None);
        }
        let asked = co_authored.iter().map(|commit| read_commit_authors(client, repo, commit.sha));
        let mut by_commit: HashMap<Oid, Vec<GitActor>> = HashMap::new();
        for (commit, authors) in co_authored.iter().zip(join_all(asked).await) {
            let Some(authors) = authors? else { return Ok(None) };
            by_commit.insert(commit.sha, authors);
        }
        Ok(Some(merge_contributors(&listed, &by_commit, people)))
    }
}

fn has_co_authors(listed: &RestCommit) -> bool {
    !parse_co_authors(listed).is_empty()
}

/// Returns the contributors to these commits; `authors` has the people whom GitHub sees behind those that
/// several people wrote.
fn merge_contributors(
    listed: &[RestCommit],
    authors: &HashMap<Oid, Vec<GitActor>>,
    people: &PeopleDirectory,
) -> Vec<Contributor> {
    let mut made: Vec<PullContributor> = Vec::new();
    for commit in listed {
        let seen = authors.get(&commit.sha).map(Vec::as_slice).unwrap_or_default();
        made.extend(commits::contributors_of_commit(commit, seen));
        // A trailer counts even if GitHub finds no account for it.
        for named in parse_co_authors(commit) {
            let (name, email) = match named {
                Ok(person) => (person.name, Some(person.email)),
                Err(written) => (written, None),
            };
            if !seen.iter().any(|author| has_email(author, email.as_ref())) {
                made.push(PullContributor { role: ContributorRole::CoAuthor, account: None, email, name });
            }
        }
    }
    pull_contributors(&made, people)
}
