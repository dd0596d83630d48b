//! Requests to GitHub and its answers, as plain values.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::person::is_invisible;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The path with its query; for GraphQL, empty.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
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
pub(super) struct Headers {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) remaining: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reset: Option<i64>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, in words that can be printed as they are.
    pub why: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
}

impl Request {
    pub(super) fn get(path: impl Into<String>) -> Request {
        Request { method: Method::Get, path: path.into(), body: None }
    }

    pub(super) fn query(text: &str, variables: Value) -> Request {
        let body = serde_json::json!({ "query": text, "variables": variables });
        Request { method: Method::Query, path: String::new(), body: Some(body) }
    }

    /// Returns true if asking twice is as good as asking once.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self.method, Method::Get | Method::Query)
    }

    /// Returns what is asked for in words.
    pub(super) fn words(&self) -> String {
        match self.method {
            Method::Get => plain(&self.path, 200),
            Method::Post => format!("POST {}", plain(&self.path, 200)),
            Method::Patch => format!("PATCH {}", plain(&self.path, 200)),
            Method::Query => {
                let text = self.body.as_ref().and_then(|body| body.get("query")).and_then(Value::as_str);
                let name = text.and_then(|text| text.strip_prefix("query "));
                let name = name.and_then(|name| name.split(['(', ' ', '{']).next()).unwrap_or("query");
                format!("the GraphQL query {}", plain(name, 40))
            }
        }
    }
}

impl Answer {
    /// Reads a good answer to `request` as what it should be.
    ///
    /// # Errors
    ///
    /// Says what GitHub answered instead.
    pub(super) fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        if !(200..300).contains(&self.status) {
            return Err(self.refusal(request));
        }
        serde_json::from_slice(&self.body).map_err(|error| Failure {
            why: format!(
                "GitHub's answer to {} cannot be read: {}",
                request.words(),
                plain(&error.to_string(), 200)
            ),
            status: Some(self.status),
        })
    }

    /// Returns what GitHub says against a request.
    pub(super) fn refusal(&self, request: &Request) -> Failure {
        let said: Option<Value> = serde_json::from_slice(&self.body).ok();
        let said = said.as_ref().and_then(|said| said.get("message")).and_then(Value::as_str);
        let said = said.map(|said| format!(": {}", plain(said, 200))).unwrap_or_default();
        let why = format!("GitHub answered {} to {}{said}", self.status, request.words());
        Failure { why, status: Some(self.status) }
    }
}

impl Failure {
    pub(super) fn new(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), status: None }
    }
}

/// Returns `text` in one line without anything invisible, at most `longest` characters of it.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let shown = |one: char| if is_invisible(one) { '\u{fffd}' } else { one };
    let cut: String = text.chars().take(longest).map(shown).collect();
    if longest < text.chars().count() { format!("{cut}...") } else { cut }
}
