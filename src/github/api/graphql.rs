//! GraphQL: a query is a file in `queries/`, and an answer with errors is reported as such.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::github::api::GitHubClient;
use crate::github::api::request::{GitHubFailure, GitHubRequest, MAX_QUOTED_CHARS, printable_line};

/// A list that GitHub gives in pages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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

/// Whether more pages follow, and where.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphqlPageInfo {
    pub(crate) has_next_page: bool,
    pub(crate) end_cursor: Option<String>,
}

/// An account: a user, a bot, an app.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphqlActor {
    #[serde(rename = "__typename")]
    pub(crate) kind: Option<String>,
    pub(crate) login: String,
    pub(crate) database_id: Option<u64>,
}

/// A name and an address, as a commit has them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GraphqlSignature {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

/// The review that was dismissed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphqlReviewId {
    pub(crate) database_id: Option<u64>,
}

/// An answer about one repository; `None` if GitHub has no such repository, or does not show it.
#[derive(Debug, Deserialize)]
pub(crate) struct RepositoryResponse<T> {
    pub(crate) repository: Option<T>,
}

/// The object id of a commit or tree.
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

/// An answer with the parts that are missing from it: the path to each, and why.
pub(crate) struct PartialResponse<T> {
    pub(crate) data: T,
    pub(crate) errors: Vec<(Vec<String>, String)>,
}

impl<T> PartialResponse<T> {
    /// Returns why the part called `part` cannot be relied on, if it cannot.
    pub(crate) fn error_in_part(&self, part: &str) -> Option<&str> {
        for (path, why) in &self.errors {
            // What is wrong near the root is wrong for every part.
            if path.len() < 3 || path.iter().any(|step| step == part) {
                return Some(why);
            }
        }
        None
    }
}

impl GitHubClient {
    /// Sends a GraphQL query of which every part has to be answered.
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

    /// Sends a GraphQL query of which parts may stay without an answer.
    pub(crate) async fn run_partial_query<T: DeserializeOwned>(
        &self,
        text: &str,
        variables: Value,
    ) -> Result<PartialResponse<T>, GitHubFailure> {
        let request = GitHubRequest::graphql_query(text, variables);
        let answer = self.send_request(&request).await?;
        let envelope: GraphqlEnvelope = self.parse_response(&request, &answer)?;
        let mut errors: Vec<(Vec<String>, String)> = Vec::new();
        for error in envelope.errors {
            let said = printable_line(&error.message, MAX_QUOTED_CHARS);
            let why = format!("GitHub answered to {}: {said}", request.describe());
            errors.push((error.path.iter().map(path_step).collect(), why));
        }
        // An error that left a hole says more than the hole.
        let cause = errors.first().map(|(_, why)| why.clone());
        let data = envelope.data.unwrap_or(Value::Null);
        if data.is_null() {
            let empty = format!("GitHub answered nothing to {}", request.describe());
            return Err(GitHubFailure::new(cause.unwrap_or(empty)));
        }
        let data = match serde_json::from_value(data) {
            Ok(data) => data,
            Err(error) => {
                let said = printable_line(&error.to_string(), MAX_QUOTED_CHARS);
                let unread = format!("GitHub's answer to {} cannot be read: {said}", request.describe());
                let failure = GitHubFailure::new(cause.clone().unwrap_or(unread));
                // An error that left the hole is an answer, if it is none of GitHub's own.
                if cause.is_none() {
                    self.keep_outage(&failure);
                }
                return Err(failure);
            }
        };
        Ok(PartialResponse { data, errors })
    }
}

/// Returns one step of the path to what has no answer: a name, or the place in a list.
fn path_step(step: &Value) -> String {
    step.as_str().map_or_else(|| step.to_string(), str::to_owned)
}
