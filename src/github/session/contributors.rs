//! The contributors to the commits that a ref came to contain without a pull request: from the commits, and from
//! the record of who moved the ref.
//!
//! On GitHub, accounts identify people. An address that GitHub ties to no account belongs to a person
//! who cannot be identified, unless a roster knows the address.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{CommitMessage, Oid, Person, Text};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlConnection, RepositoryResponse};
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit, RestObjectId};
use crate::github::facts::commits;
use crate::github::facts::details::GitActor;
use crate::github::session::GitHubSession;
use crate::people::PeopleDirectory;
use crate::people::contributors::{CO_AUTHOR_TRAILERS, Contributor, pull_contributors};

const AUTHORS_QUERY: &str = include_str!("../api/queries/authors.graphql");

/// For how many commits GitHub is asked for the co-authors.
const MAX_AUTHOR_QUERIES: usize = 100;

#[derive(Deserialize)]
struct AuthorsRepository {
    object: Option<CommitWithAuthors>,
}

#[derive(Deserialize)]
struct CommitWithParents {
    parents: Vec<RestObjectId>,
}

#[derive(Deserialize)]
struct CommitWithAuthors {
    oid: Option<Oid>,
    authors: Option<GraphqlConnection<GitActor>>,
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
            commits::compare_commits(client, repo, &ends).await.map(|(_, listed)| listed)
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
        let (_, listed) = commits::compare_commits(client, repo, &format!("{old}...{new}")).await?;
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

/// Returns the co-authors that the message of a commit names; text that is no person's name and address stays
/// as it is.
fn parse_co_authors(listed: &RestCommit) -> Vec<Result<Person, Text>> {
    let message = CommitMessage::new(Text::from(listed.commit.message.as_str()));
    let mut found = Vec::new();
    for trailer in message.trailers() {
        if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
            let person = Person::parse_person(trailer.value.as_bytes());
            found.push(person.map_err(|_| trailer.value.clone()));
        }
    }
    found
}

fn has_co_authors(listed: &RestCommit) -> bool {
    !parse_co_authors(listed).is_empty()
}

/// Asks GitHub for the authors of a commit; `None` if it does not tell all of them.
async fn read_commit_authors(
    client: &GitHubClient,
    repo: &RepositoryName,
    id: Oid,
) -> Result<Option<Vec<GitActor>>, GitHubFailure> {
    let variables = json!({ "owner": repo.owner, "name": repo.name, "commit": id.to_string() });
    let answer: RepositoryResponse<AuthorsRepository> = client.run_query(AUTHORS_QUERY, variables).await?;
    let Some(AuthorsRepository { object: Some(commit) }) = answer.repository else { return Ok(None) };
    match commit.authors {
        Some(authors) if commit.oid == Some(id) && authors.is_complete() => Ok(Some(authors.nodes)),
        _ => Ok(None),
    }
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

fn has_email(author: &GitActor, email: Option<&Text>) -> bool {
    match (&author.email, email) {
        (Some(known), Some(named)) => known.as_bytes().eq_ignore_ascii_case(named.as_bytes()),
        _ => false,
    }
}
