//! Requests to GitHub and its answers, as plain values.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::person::is_invisible;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GitHubRequest {
    pub(crate) method: RequestMethod,
    /// The path with its query; for GraphQL, empty.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RequestMethod {
    /// A REST question.
    Get,
    /// Makes something new.
    Post,
    /// Changes something.
    Patch,
    /// A GraphQL question.
    Query,
}

/// The headers of an answer that something is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResponseHeaders {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remaining: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reset: Option<i64>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitHubResponse {
    pub(crate) status: u16,
    pub(crate) headers: ResponseHeaders,
    pub(crate) body: Vec<u8>,
}

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubFailure {
    /// What happened, in words that can be printed as they are.
    pub why: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
}

impl GitHubRequest {
    pub(crate) fn rest_get(path: impl Into<String>) -> GitHubRequest {
        GitHubRequest { method: RequestMethod::Get, path: path.into(), body: None }
    }

    pub(crate) fn graphql_query(text: &str, variables: Value) -> GitHubRequest {
        let body = serde_json::json!({ "query": text, "variables": variables });
        GitHubRequest { method: RequestMethod::Query, path: String::new(), body: Some(body) }
    }

    /// Returns true if asking twice is as good as asking once.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self.method, RequestMethod::Get | RequestMethod::Query)
    }

    /// Returns what is asked for in words.
    pub(crate) fn describe(&self) -> String {
        match self.method {
            RequestMethod::Get => printable_line(&self.path, 200),
            RequestMethod::Post => format!("POST {}", printable_line(&self.path, 200)),
            RequestMethod::Patch => format!("PATCH {}", printable_line(&self.path, 200)),
            RequestMethod::Query => {
                let text = self.body.as_ref().and_then(|body| body.get("query")).and_then(Value::as_str);
                let name = text.and_then(|text| text.strip_prefix("query "));
                let name = name.and_then(|name| name.split(['(', ' ', '{']).next()).unwrap_or("query");
                format!("the GraphQL query {}", printable_line(name, 40))
            }
        }
    }
}

impl GitHubResponse {
    /// Reads a good answer to `request` as what it should be.
    ///
    /// # Errors
    ///
    /// Says what GitHub answered instead.
    pub(crate) fn parse_body<T: DeserializeOwned>(
        &self,
        request: &GitHubRequest,
    ) -> Result<T, GitHubFailure> {
        if !(200..300).contains(&self.status) {
            return Err(self.describe_refusal(request));
        }
        serde_json::from_slice(&self.body).map_err(|error| GitHubFailure {
            why: format!(
                "GitHub's answer to {} cannot be read: {}",
                request.describe(),
                printable_line(&error.to_string(), 200)
            ),
            status: Some(self.status),
        })
    }

    /// Returns what GitHub says against a request.
    pub(crate) fn describe_refusal(&self, request: &GitHubRequest) -> GitHubFailure {
        let said: Option<Value> = serde_json::from_slice(&self.body).ok();
        let said = said.as_ref().and_then(|said| said.get("message")).and_then(Value::as_str);
        let said = said.map(|said| format!(": {}", printable_line(said, 200))).unwrap_or_default();
        let why = format!("GitHub answered {} to {}{said}", self.status, request.describe());
        GitHubFailure { why, status: Some(self.status) }
    }
}

impl GitHubFailure {
    pub(crate) fn new(why: impl Into<String>) -> GitHubFailure {
        GitHubFailure { why: why.into(), status: None }
    }
}

/// Returns `text` in one line without anything invisible, at most `longest` characters of it.
pub(crate) fn printable_line(text: &str, longest: usize) -> String {
    let shown = |one: char| if is_invisible(one) { '\u{fffd}' } else { one };
    let cut: String = text.chars().take(longest).map(shown).collect();
    if longest < text.chars().count() { format!("{cut}...") } else { cut }
}
