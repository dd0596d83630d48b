//! One request on the wire: to one host, with the token, once.
//!
//! The token is kept here and has neither `Debug` nor `Display`. Redirects are not followed by the
//! library; whoever asks decides whether one stays on the host ([`crate::github::api`]).

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;
use octocrab::Octocrab;

use crate::git::GitRemote;
use crate::github::api::names::GitHubServer;
use crate::github::api::request::{
    GitHubFailure, GitHubRequest, GitHubResponse, RequestMethod, ResponseHeaders, printable_line,
};

/// What shows GitHub who asks.
///
/// It has no `Debug` and no `Display`, so that no message can hold it.
#[derive(Clone)]
pub struct GitHubToken(String);

impl GitHubToken {
    /// Takes a token as it was found.
    ///
    /// # Errors
    ///
    /// Refuses what cannot be sent in a header; the message does not hold it.
    pub fn new(token: String) -> Result<GitHubToken, String> {
        let token = token.trim().to_owned();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token is empty, or holds something that no token holds".into());
        }
        Ok(GitHubToken(token))
    }

    /// Names the repository at `url`, which this token opens.
    ///
    /// # Errors
    ///
    /// Refuses an address by which the token could be read on the way.
    pub fn authenticated_remote(&self, url: &str) -> Result<GitRemote, String> {
        GitRemote::new(url, Some(&self.0))
    }

    /// Returns `text` without the token, should somebody have put it there.
    pub(crate) fn redact_token(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

/// How long one request may take, and how much it may bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransportLimits {
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) max_response_bytes: usize,
}

/// A connection to one server.
pub(crate) struct GitHubTransport {
    octocrab: Octocrab,
    server: GitHubServer,
    limits: TransportLimits,
    token: Option<GitHubToken>,
}

impl GitHubTransport {
    /// Prepares requests to `server`; nothing is sent yet. This takes a running runtime.
    pub(crate) fn new(
        server: &GitHubServer,
        token: Option<&GitHubToken>,
        bounds: TransportLimits,
    ) -> Result<GitHubTransport, GitHubFailure> {
        let fails = |error: octocrab::Error| {
            GitHubFailure::new(format!("requests cannot be sent: {}", describe_error(&error)))
        };
        let builder = Octocrab::builder()
            .base_uri(server.origin.as_str())
            .map_err(fails)?
            .set_connect_timeout(Some(bounds.connect_timeout))
            .set_read_timeout(Some(bounds.read_timeout))
            .set_write_timeout(Some(bounds.read_timeout))
            .add_header(HeaderName::from_static("accept"), "application/vnd.github+json".into());
        let builder = match token {
            Some(token) => builder.personal_token(token.0.clone()),
            None => builder,
        };
        let octocrab = builder.build().map_err(fails)?;
        Ok(GitHubTransport { octocrab, server: server.clone(), limits: bounds, token: token.cloned() })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send_once(
        &self,
        request: &GitHubRequest,
        etag: Option<&str>,
    ) -> Result<GitHubResponse, GitHubFailure> {
        let fails = |why: String| {
            let why = format!("GitHub could not be asked for {}: {why}", request.describe());
            GitHubFailure::new(self.redact_text(&why))
        };
        let (method, path) = match request.method {
            RequestMethod::Get => (http::Method::GET, format!("{}{}", self.server.rest_prefix, request.path)),
            RequestMethod::Post => {
                (http::Method::POST, format!("{}{}", self.server.rest_prefix, request.path))
            }
            RequestMethod::Patch => {
                (http::Method::PATCH, format!("{}{}", self.server.rest_prefix, request.path))
            }
            RequestMethod::Query => (http::Method::POST, self.server.graphql_path.clone()),
        };
        let mut builder = http::Request::builder().method(method).uri(path);
        if let Some(etag) = etag {
            builder = builder.header("if-none-match", etag);
        }
        let built = self
            .octocrab
            .build_request(builder, request.body.as_ref())
            .map_err(|error| fails(describe_error(&error)))?;
        let response = self.octocrab.send(built).await.map_err(|error| fails(describe_error(&error)))?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| fails(format!("the answer broke off: {}", describe_error(&error))))?;
            let Ok(data) = frame.into_data() else { continue };
            if self.limits.max_response_bytes < bytes.len() + data.len() {
                return Err(fails(format!(
                    "the answer has more than {} bytes",
                    self.limits.max_response_bytes
                )));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(GitHubResponse {
            status: parts.status.as_u16(),
            headers: read_headers(&parts.headers),
            body: bytes,
        })
    }

    /// Returns `text` without the token.
    pub(crate) fn redact_text(&self, text: &str) -> String {
        self.token.as_ref().map_or_else(|| text.to_owned(), |token| token.redact_token(text))
    }
}

fn read_headers(map: &HeaderMap) -> ResponseHeaders {
    let text = |name: &str| map.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    ResponseHeaders {
        link: text("link"),
        etag: text("etag"),
        location: text("location"),
        retry_after: text("retry-after").and_then(|seconds| seconds.parse().ok()),
        remaining: text("x-ratelimit-remaining").and_then(|count| count.parse().ok()),
        reset: text("x-ratelimit-reset").and_then(|seconds| seconds.parse().ok()),
    }
}

/// Returns an error with its causes, as the library tells them.
fn describe_error(error: &dyn std::error::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = printable_line(error.to_string().lines().next().unwrap_or_default(), 200);
        if !words.iter().any(|known| known.contains(&said)) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}
