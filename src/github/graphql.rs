//! GraphQL: what is asked is a file in `queries/`, and an answer with errors is told as such.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ask::{Failure, Request, plain};
use super::client::Client;

/// A list that comes in pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    #[serde(default)]
    pub(super) total_count: Option<usize>,
    pub(super) page_info: Option<PageInfo>,
    pub(super) nodes: Vec<T>,
}

/// Whether more follows.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

/// Somebody or something with an account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Actor {
    #[serde(rename = "__typename")]
    pub(super) kind: Option<String>,
    pub(super) login: String,
}

/// The id of an object.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Id {
    pub(super) oid: crate::change::Oid,
}

#[derive(Deserialize)]
struct Envelope {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
}

/// An answer, and what could not be answered: where, and why.
pub(super) struct Partial<T> {
    pub(super) data: T,
    pub(super) errors: Vec<(Vec<String>, String)>,
}

impl<T> Partial<T> {
    /// Returns why the part called `part` cannot be relied on, if it cannot.
    pub(super) fn error_in(&self, part: &str) -> Option<&str> {
        let about =
            |path: &[String]| path.is_empty() || path.len() < 3 || path.iter().any(|step| step == part);
        self.errors.iter().find(|(path, _)| about(path)).map(|(_, why)| why.as_str())
    }
}

impl Client {
    /// Asks a GraphQL question of which every part has to be answered.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        text: &str,
        variables: Value,
    ) -> Result<T, Failure> {
        let partial = self.query_partial(text, variables).await?;
        match partial.errors.into_iter().next() {
            Some((_, why)) => Err(Failure::new(why)),
            None => Ok(partial.data),
        }
    }

    /// Asks a GraphQL question of which parts may stay without an answer.
    pub(super) async fn query_partial<T: DeserializeOwned>(
        &self,
        text: &str,
        variables: Value,
    ) -> Result<Partial<T>, Failure> {
        let request = Request::query(text, variables);
        let envelope: Envelope = self.ask(&request).await?.read(&request)?;
        let errors: Vec<(Vec<String>, String)> = envelope
            .errors
            .into_iter()
            .map(|error| {
                let step = |step: Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
                let why = format!("GitHub answered to {}: {}", request.words(), plain(&error.message, 200));
                (error.path.into_iter().map(step).collect(), why)
            })
            .collect();
        let data = envelope.data.filter(|data| !data.is_null());
        let Some(data) = data else {
            let why = errors.into_iter().next().map(|(_, why)| why);
            let nothing = || format!("GitHub answered nothing to {}", request.words());
            return Err(Failure::new(why.unwrap_or_else(nothing)));
        };
        let data = serde_json::from_value(data).map_err(|error| {
            // An error that left a hole says more than the hole.
            let why = errors.first().map(|(_, why)| why.clone());
            let unread = || {
                format!(
                    "GitHub's answer to {} cannot be read: {}",
                    request.words(),
                    plain(&error.to_string(), 200)
                )
            };
            Failure::new(why.unwrap_or_else(unread))
        })?;
        Ok(Partial { data, errors })
    }
}
