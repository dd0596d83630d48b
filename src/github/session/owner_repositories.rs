//! The repositories of an organisation or a user.

use serde::Deserialize;

use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;

/// A repository in the list of an owner.
#[derive(Clone, Debug, Deserialize)]
struct RestListedRepository {
    full_name: String,
}

/// Lists the repositories of an owner, as far as the token sees them, in the order of their names.
///
/// # Errors
///
/// Fails if a page cannot be read, so that no part of a list passes for all of it, and if a name is none.
pub(crate) async fn list_owner_repositories(
    client: &GitHubClient,
    owner: &str,
) -> Result<Vec<RepositoryName>, GitHubFailure> {
    if RepositoryName::parse_name(&format!("{owner}/any")).is_none() {
        return Err(GitHubFailure::new(format!("`{}` is no owner of repositories", owner.escape_debug())));
    }
    let read = async |kind: &str| {
        let path = format!("/{kind}/{owner}/repos?type=all&per_page=100");
        client.fetch_whole_list::<RestListedRepository>(path).await
    };
    let listed = match read("orgs").await {
        // The list of a user is another one; what is private of it is in none.
        Err(GitHubFailure { status: Some(404), .. }) => read("users").await?,
        other => other?,
    };
    let mut names = Vec::new();
    for one in listed {
        let Some(name) = RepositoryName::parse_name(&one.full_name) else {
            return Err(GitHubFailure::new(format!(
                "GitHub names the repository `{}`, which is no name",
                one.full_name.escape_debug()
            )));
        };
        names.push(name);
    }
    names.sort_by(|one, other| (&one.owner, &one.name).cmp(&(&other.owner, &other.name)));
    names.dedup();
    Ok(names)
}
