//! Who made what a ref came to hold, where no pull request tells: out of its commits, and of the record
//! of who moved it.
//!
//! On a forge it is accounts that identify people. An address that GitHub ties to none is somebody
//! whom nobody can identify, unless a roster knows it.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{CommitMessage, Oid, Person, Text};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::GraphqlConnection;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestCommit as Listed;
use crate::github::facts::commits;
use crate::github::facts::details::GitActor;
use crate::github::session::GitHubSession;
use crate::people::PeopleDirectory;
use crate::people::contributors::{CO_AUTHOR_TRAILERS, Contributor, pull_contributors};

const AUTHORS_QUERY: &str = include_str!("../api/queries/authors.graphql");

/// Of how many commits GitHub is asked who wrote them together.
const MAX_AUTHOR_QUERIES: usize = 100;

#[derive(Deserialize)]
struct AuthorsResponse {
    repository: Option<AuthorsRepository>,
}

#[derive(Deserialize)]
struct AuthorsRepository {
    object: Option<CommitWithAuthors>,
}

#[derive(Deserialize)]
struct CommitWithAuthors {
    oid: Option<Oid>,
    authors: Option<GraphqlConnection<GitActor>>,
}

impl GitHubSession {
    /// Returns those who wrote and recorded the commits that `new` has and `old` has not; `None` if
    /// GitHub does not know one of the two, or does not tell who wrote something together.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub fn find_contributors(
        &self,
        repo: &RepositoryName,
        (old, new): (Oid, Oid),
        people: &PeopleDirectory,
    ) -> Result<Option<Vec<Contributor>>, GitHubFailure> {
        let client = &self.client;
        let found = self.runtime.block_on(async {
            let any = PullRequestName { repo: repo.clone(), number: 0 };
            let (_, listed) = commits::compare_commits(client, &any, &format!("{old}...{new}")).await?;
            let together: Vec<&Listed> = listed.iter().filter(|one| names_co_authors(one)).collect();
            if MAX_AUTHOR_QUERIES < together.len() {
                return Ok(None);
            }
            let authors =
                join_all(together.iter().map(|one| read_commit_authors(client, repo, one.sha))).await;
            let mut by_commit: HashMap<Oid, Vec<GitActor>> = HashMap::new();
            for (one, authors) in together.iter().zip(authors) {
                let Some(authors) = authors? else { return Ok(None) };
                by_commit.insert(one.sha, authors);
            }
            Ok(Some(merge_contributors(&listed, &by_commit, people)))
        });
        match found {
            // What it does not know by now, it does not know later either.
            Err(GitHubFailure { status: Some(404 | 422), .. }) => Ok(None),
            found => found,
        }
    }
}

/// Returns whom the message of a commit names as having written it too; in place of a person, what does
/// not name one.
fn parse_co_authors(listed: &Listed) -> Vec<Result<Person, Text>> {
    let message = CommitMessage::new(Text::from(listed.commit.message.as_str()));
    let is_one = |key: &str| CO_AUTHOR_TRAILERS.iter().any(|known| known.eq_ignore_ascii_case(key));
    let named = message.trailers().iter().filter(|trailer| is_one(&trailer.key));
    named.map(|one| Person::parse_person(one.value.as_bytes()).map_err(|_| one.value.clone())).collect()
}

fn names_co_authors(listed: &Listed) -> bool {
    !parse_co_authors(listed).is_empty()
}

/// Asks who wrote a commit; `None` if GitHub does not tell.
async fn read_commit_authors(
    client: &GitHubClient,
    repo: &RepositoryName,
    id: Oid,
) -> Result<Option<Vec<GitActor>>, GitHubFailure> {
    let variables = json!({ "owner": repo.owner, "name": repo.name, "commit": id.to_string() });
    let answer: AuthorsResponse = client.run_query(AUTHORS_QUERY, variables).await?;
    let commit = answer.repository.and_then(|repository| repository.object);
    let commit = commit.filter(|commit| commit.oid == Some(id));
    let authors = commit.and_then(|commit| commit.authors);
    Ok(authors
        .filter(|authors| authors.total_count.is_none_or(|total| total == authors.nodes.len()))
        .map(|authors| authors.nodes))
}

/// Returns those who made these commits, where `authors` tells whom GitHub sees in those that several
/// people wrote.
fn merge_contributors(
    listed: &[Listed],
    authors: &HashMap<Oid, Vec<GitActor>>,
    people: &PeopleDirectory,
) -> Vec<Contributor> {
    let mut made: Vec<PullContributor> = Vec::new();
    for one in listed {
        let seen = authors.get(&one.sha).map(Vec::as_slice).unwrap_or_default();
        made.extend(commits::contributors_of_commit(one, seen));
        // A trailer that GitHub sees nobody behind names somebody all the same.
        for named in parse_co_authors(one) {
            let (name, email) = match named {
                Ok(person) => (person.name, Some(person.email)),
                Err(written) => (written, None),
            };
            let is_it = |known: &GitActor| {
                let known = known.email.as_deref().map(str::as_bytes);
                known
                    .zip(email.as_ref())
                    .is_some_and(|(known, named)| known.eq_ignore_ascii_case(named.as_bytes()))
            };
            if !seen.iter().any(is_it) {
                made.push(PullContributor { role: ContributorRole::CoAuthor, account: None, email, name });
            }
        }
    }
    pull_contributors(&made, people)
}
