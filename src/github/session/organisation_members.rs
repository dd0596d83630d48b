//! The members of an organisation, as GitHub tells them now.

use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestUser;
use crate::github::session::GitHubSession;

impl GitHubSession {
    /// Returns the accounts of the people in an organisation, with their numbers.
    ///
    /// # Errors
    ///
    /// Fails unless all of the list can be read.
    pub(crate) fn list_organisation_members(&self, organisation: &str) -> Result<Vec<String>, GitHubFailure> {
        self.runtime.block_on(fetch_members(&self.client, organisation))
    }
}

/// Lists the accounts of the people in an organisation, each with its number, as in `github:ana#583231`.
///
/// # Errors
///
/// Fails if a page cannot be read, so that no part of a list passes for all of it, and if a number is missing.
async fn fetch_members(client: &GitHubClient, organisation: &str) -> Result<Vec<String>, GitHubFailure> {
    if RepositoryName::parse_name(&format!("{organisation}/any")).is_none() {
        return Err(GitHubFailure::new(format!("`{}` is no organisation", organisation.escape_debug())));
    }
    let path = format!("/orgs/{organisation}/members?per_page=100");
    let users = client.fetch_whole_list::<RestUser>(path).await.map_err(|failure| match failure.status {
        Some(status @ (401 | 403 | 404)) => GitHubFailure {
            why: format!(
                "GitHub does not show the members of `{organisation}` to this token ({status}); it needs the \
                 permission `Members: read` of the organisation"
            ),
            ..failure
        },
        _ => failure,
    })?;
    let mut accounts = Vec::new();
    for user in users.iter().filter(|user| user.kind.as_deref() != Some("Bot")) {
        let Some(number) = user.id else {
            return Err(GitHubFailure::new("GitHub does not tell the number of a member".to_owned()));
        };
        accounts.push(format!("github:{}#{number}", user.login));
    }
    Ok(accounts)
}
