//! The co-authors that the message of a commit names, and the accounts that GitHub sees behind them.

use serde::Deserialize;
use serde_json::json;

use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{Change, CommitMessage, FactKind, Missing, Oid, Person, Text};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlConnection, RepositoryResponse};
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestCommit;
use crate::github::facts::accounts::account_of_login;
use crate::github::facts::details::GitActor;
use crate::people::contributors::CO_AUTHOR_TRAILERS;

const AUTHORS_QUERY: &str = include_str!("../api/queries/authors.graphql");

#[derive(Deserialize)]
struct AuthorsRepository {
    object: Option<CommitWithAuthors>,
}

#[derive(Deserialize)]
struct CommitWithAuthors {
    oid: Option<Oid>,
    authors: Option<GraphqlConnection<GitActor>>,
}

/// Returns the co-authors that the message of a commit names; text that is no person's name and address stays
/// as it is.
///
/// Git knows trailers in the last paragraph only. GitHub finds co-authors above it as well, so a line there counts too, if
/// it names a person.
pub(crate) fn parse_co_authors(listed: &RestCommit) -> Vec<Result<Person, Text>> {
    let message = CommitMessage::new(Text::from(listed.commit.message.as_str()));
    let mut found = Vec::new();
    for trailer in message.trailers() {
        if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
            let person = Person::parse_person(trailer.value.as_bytes());
            found.push(person.map_err(|_| trailer.value.clone()));
        }
    }
    for line in listed.commit.message.lines() {
        if let Some((key, value)) = line.trim().split_once(':')
            && CO_AUTHOR_TRAILERS.iter().any(|known| known.eq_ignore_ascii_case(key.trim_end()))
            && let Ok(person) = Person::parse_person(value.trim().as_bytes())
            && !found.contains(&Ok(person.clone()))
        {
            found.push(Ok(person));
        }
    }
    found
}

/// Asks GitHub for the authors of a commit; `None` if it does not tell all of them.
pub(crate) async fn read_commit_authors(
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

pub(crate) fn has_email(author: &GitActor, email: Option<&Text>) -> bool {
    match (&author.email, email) {
        (Some(known), Some(named)) => known.as_bytes().eq_ignore_ascii_case(named.as_bytes()),
        _ => false,
    }
}

/// Adds the co-authors that the commits name by which a pull request landed: those who merge can write that message,
/// and whoever it names is an author of what landed.
///
/// The author and the committer of such a commit made nothing that the pull request does not have.
pub(crate) async fn add_landed_co_authors(
    client: &GitHubClient,
    repo: &RepositoryName,
    change: &mut Change,
    landed: &[&RestCommit],
) {
    let Ok(pull) = &mut change.pull else { return };
    for listed in landed {
        if change.commits.iter().any(|commit| commit.id == Some(listed.sha)) {
            continue;
        }
        let Ok(known) = &mut pull.contributors else { return };
        let mut named = parse_co_authors(listed);
        named.retain(|one| match one {
            Ok(person) => !known.iter().any(|other| has_same_email(other, &person.email)),
            Err(_) => true,
        });
        if named.is_empty() {
            continue;
        }
        let authors = match read_commit_authors(client, repo, listed.sha).await {
            Ok(Some(authors)) => authors,
            Ok(None) => {
                let why = format!("GitHub does not tell the authors of {}", listed.sha.short_hex());
                pull.contributors = Err(Missing::Unavailable(FactKind::Pusher, why));
                return;
            }
            Err(failure) => {
                pull.contributors = Err(Missing::Unavailable(FactKind::Pusher, failure.why));
                return;
            }
        };
        for one in named {
            let (name, email) = match one {
                Ok(person) => (person.name, Some(person.email)),
                Err(written) => (written, None),
            };
            let user = authors.iter().find(|author| has_email(author, email.as_ref()));
            let account = user
                .and_then(|author| author.user.as_ref())
                .map(|user| account_of_login(&user.login, user.database_id));
            known.push(PullContributor { role: ContributorRole::CoAuthor, account, email, name });
        }
    }
}

fn has_same_email(contributor: &PullContributor, email: &Text) -> bool {
    let known = contributor.email.as_ref();
    known.is_some_and(|known| known.as_bytes().eq_ignore_ascii_case(email.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_co_author_counts_wherever_the_message_names_them() {
        let named = |message: &str| {
            let commit = json!({
                "sha": "1".repeat(40), "author": null, "committer": null, "parents": [],
                "commit": { "message": message, "tree": { "sha": "2".repeat(40) } },
            });
            let mut addresses = Vec::new();
            for one in parse_co_authors(&serde_json::from_value(commit).unwrap()) {
                addresses
                    .push(one.map_or_else(|written| written, |person| person.email).to_lossy().into_owned());
            }
            addresses
        };
        let eve = "Co-authored-by: Eve <eve@example.com>";
        let kim = "Co-developed-by: Kim <kim@example.com>";
        assert_eq!(named(&format!("x\n\n{eve}\n")), ["eve@example.com"]);
        assert_eq!(named(&format!("x\n\n{eve}\n\nRisk: low\n")), ["eve@example.com"]);
        assert_eq!(named(&format!("x\n{eve}\n\nwhy\n\n{kim}\n")), ["kim@example.com", "eve@example.com"]);
        for above in ["co-authored-by:Eve <eve@example.com>", "  Co-Authored-By : Eve <eve@example.com>\r"] {
            assert_eq!(named(&format!("x\n\n{above}\n\nThat is all.\n")), ["eve@example.com"], "{above:?}");
        }
        // Only the trailer is taken for a name that cannot be read; a sentence is none.
        assert_eq!(named("x\n\nCo-authored-by: all of us\n\nRisk: low\n"), [""; 0]);
        assert_eq!(named("x\n\nCo-authored-by: all of us\n"), ["all of us"]);
    }
}
