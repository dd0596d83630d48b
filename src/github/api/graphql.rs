//! GraphQL: what is asked is a file in `queries/`, and an answer with errors is told as such.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::github::api::GitHubClient;
use crate::github::api::request::{GitHubFailure, GitHubRequest, printable_line};

/// A list that comes in pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphqlConnection<T> {
    #[serde(default)]
    pub(crate) total_count: Option<usize>,
    pub(crate) page_info: Option<GraphqlPageInfo>,
    pub(crate) nodes: Vec<T>,
}

impl<T> GraphqlConnection<T> {
    /// Returns whether this page has every entry of the list, as far as GitHub counts them.
    pub(crate) fn is_complete(&self) -> bool {
        self.total_count.is_none_or(|total| total == self.nodes.len())
    }
}

/// Whether more follows.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphqlPageInfo {
    pub(crate) has_next_page: bool,
    pub(crate) end_cursor: Option<String>,
}

/// Somebody or something with an account.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GraphqlActor {
    #[serde(rename = "__typename")]
    pub(crate) kind: Option<String>,
    pub(crate) login: String,
}

/// An answer about one repository; `None` if GitHub has no such repository, or does not show it.
#[derive(Debug, Deserialize)]
pub(crate) struct RepositoryResponse<T> {
    pub(crate) repository: Option<T>,
}

/// The id of an object.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct GraphqlObjectId {
    pub(crate) oid: crate::change::Oid,
}

#[derive(Deserialize)]
struct GraphqlEnvelope {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
}

/// An answer, and what could not be answered: where, and why.
pub(crate) struct PartialResponse<T> {
    pub(crate) data: T,
    pub(crate) errors: Vec<(Vec<String>, String)>,
}

impl<T> PartialResponse<T> {
    /// Returns why the part called `part` cannot be relied on, if it cannot.
    pub(crate) fn error_in_part(&self, part: &str) -> Option<&str> {
        let about =
            |path: &[String]| path.is_empty() || path.len() < 3 || path.iter().any(|step| step == part);
        self.errors.iter().find(|(path, _)| about(path)).map(|(_, why)| why.as_str())
    }
}

impl GitHubClient {
    /// Asks a GraphQL question of which every part has to be answered.
    pub(crate) async fn run_query<T: DeserializeOwned>(
        &self,
        text: &str,
        variables: Value,
    ) -> Result<T, GitHubFailure> {
        let partial = self.run_partial_query(text, variables).await?;
        match partial.errors.into_iter().next() {
            Some((_, why)) => Err(GitHubFailure::new(why)),
            None => Ok(partial.data),
        }
    }

    /// Asks a GraphQL question of which parts may stay without an answer.
    pub(crate) async fn run_partial_query<T: DeserializeOwned>(
        &self,
        text: &str,
        variables: Value,
    ) -> Result<PartialResponse<T>, GitHubFailure> {
        let request = GitHubRequest::graphql_query(text, variables);
        let envelope: GraphqlEnvelope = self.send_request(&request).await?.parse_body(&request)?;
        let errors: Vec<(Vec<String>, String)> = envelope
            .errors
            .into_iter()
            .map(|error| {
                let step = |step: Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
                let why = format!(
                    "GitHub answered to {}: {}",
                    request.describe(),
                    printable_line(&error.message, 200)
                );
                (error.path.into_iter().map(step).collect(), why)
            })
            .collect();
        let data = envelope.data.filter(|data| !data.is_null());
        let Some(data) = data else {
            let why = errors.into_iter().next().map(|(_, why)| why);
            let nothing = || format!("GitHub answered nothing to {}", request.describe());
            return Err(GitHubFailure::new(why.unwrap_or_else(nothing)));
        };
        let data = serde_json::from_value(data).map_err(|error| {
            // An error that left a hole says more than the hole.
            let why = errors.first().map(|(_, why)| why.clone());
            let unread = || {
                format!(
                    "GitHub's answer to {} cannot be read: {}",
                    request.describe(),
                    printable_line(&error.to_string(), 200)
                )
            };
            GitHubFailure::new(why.unwrap_or_else(unread))
        })?;
        Ok(PartialResponse { data, errors })
    }
}
