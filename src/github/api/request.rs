//! Requests to GitHub and its answers, as plain values.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::person::is_invisible;

/// How many characters of what GitHub says stand in a message.
pub(crate) const MAX_QUOTED_CHARS: usize = 200;

/// One request to the REST or GraphQL API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GitHubRequest {
    pub(crate) method: RequestMethod,
    /// The path with its query; for GraphQL, empty.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RequestMethod {
    /// A REST request that reads.
    Get,
    /// A REST request that creates something.
    Post,
    /// A REST request that changes something.
    Patch,
    /// A GraphQL query, which reads.
    Query,
}

/// The headers of an answer that matter here.
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

/// A limit that GitHub sets to how often it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateLimitKind {
    /// So many requests an hour; a header says when they are allowed again.
    Primary,
    /// Too much at once.
    Secondary,
}

/// A whole answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitHubResponse {
    pub(crate) status: u16,
    pub(crate) headers: ResponseHeaders,
    pub(crate) body: Vec<u8>,
}

/// Why GitHub gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubFailure {
    /// What happened, in words that can be printed as they are.
    pub why: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// True if answers came and contradict each other or themselves.
    pub is_contradiction: bool,
}

impl GitHubRequest {
    pub(crate) fn rest_get(path: impl Into<String>) -> GitHubRequest {
        GitHubRequest { method: RequestMethod::Get, path: path.into(), body: None }
    }

    pub(crate) fn graphql_query(text: &str, variables: Value) -> GitHubRequest {
        let body = serde_json::json!({ "query": text, "variables": variables });
        GitHubRequest { method: RequestMethod::Query, path: String::new(), body: Some(body) }
    }

    /// Returns true if sending it twice does no more than sending it once.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self.method, RequestMethod::Get | RequestMethod::Query)
    }

    /// Returns what is asked for, for messages.
    pub(crate) fn describe(&self) -> String {
        match self.method {
            RequestMethod::Get => printable_line(&self.path, MAX_QUOTED_CHARS),
            RequestMethod::Post => format!("POST {}", printable_line(&self.path, MAX_QUOTED_CHARS)),
            RequestMethod::Patch => format!("PATCH {}", printable_line(&self.path, MAX_QUOTED_CHARS)),
            RequestMethod::Query => {
                let body = self.body.as_ref().unwrap_or(&Value::Null);
                let text = body.get("query").and_then(Value::as_str).unwrap_or_default();
                let named = text.strip_prefix("query ").unwrap_or("query");
                let name = named.split(['(', ' ', '{']).next().unwrap_or(named);
                format!("the GraphQL query {}", printable_line(name, 40))
            }
        }
    }
}

impl GitHubResponse {
    /// Reads the body of a good answer to `request`.
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
                printable_line(&error.to_string(), MAX_QUOTED_CHARS)
            ),
            status: Some(self.status),
            is_contradiction: false,
        })
    }

    /// Returns the limit that the answer says is reached. REST says it in its message, GraphQL in its errors;
    /// what else the answer holds may be the words of contributors, and is not looked at.
    pub(crate) fn find_rate_limit(&self) -> Option<RateLimitKind> {
        // Most answers need not be parsed for this.
        if !contains_ignoring_case(&self.body, b"rate") {
            return None;
        }
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text_of = |part: &Value| part.get("message").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let messages: Vec<String> = std::iter::once(&body).chain(errors).filter_map(text_of).collect();
        if messages.iter().any(|message| message.contains("secondary rate limit")) {
            return Some(RateLimitKind::Secondary);
        }
        let is_limited = |error: &Value| error.get("type").and_then(Value::as_str) == Some("RATE_LIMITED");
        let is_said = messages.iter().any(|message| message.contains("rate limit exceeded"));
        (errors.iter().any(is_limited) || is_said).then_some(RateLimitKind::Primary)
    }

    /// Returns the failure that a refusing answer amounts to, with what GitHub says in it.
    pub(crate) fn describe_refusal(&self, request: &GitHubRequest) -> GitHubFailure {
        let mut why = format!("GitHub answered {} to {}", self.status, request.describe());
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        // GraphQL tells an error in a list, and with the status of a good answer.
        let message = body.get("message").or_else(|| body.pointer("/errors/0/message"));
        if let Some(message) = message.and_then(Value::as_str) {
            why.push_str(": ");
            why.push_str(&printable_line(message, MAX_QUOTED_CHARS));
        }
        GitHubFailure { why, status: Some(self.status), is_contradiction: false }
    }
}

impl GitHubFailure {
    pub(crate) fn new(why: impl Into<String>) -> GitHubFailure {
        GitHubFailure { why: why.into(), status: None, is_contradiction: false }
    }

    /// Returns the failure that answers cannot all be right: nothing is judged by them.
    pub(crate) fn contradiction(why: impl Into<String>) -> GitHubFailure {
        GitHubFailure { is_contradiction: true, ..GitHubFailure::new(why) }
    }
}

fn contains_ignoring_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Returns `text` in one line without anything invisible, at most `longest` characters of it.
pub(crate) fn printable_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == longest {
            line.push_str("...");
            break;
        }
        line.push(if is_invisible(character) { char::REPLACEMENT_CHARACTER } else { character });
    }
    line
}
