//! One request on the wire: to one host, with the token, once.
//!
//! The token is kept here and has neither `Debug` nor `Display`. Redirects are not followed by the
//! library; whoever asks decides whether one stays on the host ([`super::client`]).

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;
use octocrab::Octocrab;

use super::ask::{Answer, Failure, Headers, Method, Request, plain};
use super::place::Server;
use crate::git::Remote;

/// What shows GitHub who asks.
///
/// It has no `Debug` and no `Display`, so that no message can hold it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes a token as it was found.
    ///
    /// # Errors
    ///
    /// Refuses what cannot be sent in a header; the message does not hold it.
    pub fn new(token: String) -> Result<Token, String> {
        let token = token.trim().to_owned();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token is empty, or holds something that no token holds".into());
        }
        Ok(Token(token))
    }

    /// Names the repository at `url`, which this token opens.
    ///
    /// # Errors
    ///
    /// Refuses an address by which the token could be read on the way.
    pub fn remote(&self, url: &str) -> Result<Remote, String> {
        Remote::new(url, Some(&self.0))
    }

    /// Returns `text` without the token, should somebody have put it there.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

/// How long one request may take, and how much it may bring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) connect: Duration,
    pub(super) read: Duration,
    pub(super) largest: usize,
}

/// A connection to one server.
pub(super) struct Wire {
    octocrab: Octocrab,
    server: Server,
    bounds: Bounds,
    token: Option<Token>,
}

impl Wire {
    /// Prepares requests to `server`; nothing is sent yet. This takes a running runtime.
    pub(super) fn new(server: &Server, token: Option<&Token>, bounds: Bounds) -> Result<Wire, Failure> {
        let fails =
            |error: octocrab::Error| Failure::new(format!("requests cannot be sent: {}", told(&error)));
        let builder = Octocrab::builder()
            .base_uri(server.origin.as_str())
            .map_err(fails)?
            .set_connect_timeout(Some(bounds.connect))
            .set_read_timeout(Some(bounds.read))
            .set_write_timeout(Some(bounds.read))
            .add_header(HeaderName::from_static("accept"), "application/vnd.github+json".into());
        let builder = match token {
            Some(token) => builder.personal_token(token.0.clone()),
            None => builder,
        };
        let octocrab = builder.build().map_err(fails)?;
        Ok(Wire { octocrab, server: server.clone(), bounds, token: token.cloned() })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: &Request, etag: Option<&str>) -> Result<Answer, Failure> {
        let fails = |why: String| {
            let why = format!("GitHub could not be asked for {}: {why}", request.words());
            Failure::new(self.hidden(&why))
        };
        let (method, path) = match request.method {
            Method::Get => (http::Method::GET, format!("{}{}", self.server.prefix, request.path)),
            Method::Post => (http::Method::POST, format!("{}{}", self.server.prefix, request.path)),
            Method::Patch => (http::Method::PATCH, format!("{}{}", self.server.prefix, request.path)),
            Method::Query => (http::Method::POST, self.server.graphql.clone()),
        };
        let mut builder = http::Request::builder().method(method).uri(path);
        if let Some(etag) = etag {
            builder = builder.header("if-none-match", etag);
        }
        let built = self
            .octocrab
            .build_request(builder, request.body.as_ref())
            .map_err(|error| fails(told(&error)))?;
        let response = self.octocrab.send(built).await.map_err(|error| fails(told(&error)))?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| fails(format!("the answer broke off: {}", told(&error))))?;
            let Ok(data) = frame.into_data() else { continue };
            if self.bounds.largest < bytes.len() + data.len() {
                return Err(fails(format!("the answer has more than {} bytes", self.bounds.largest)));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Answer { status: parts.status.as_u16(), headers: headers(&parts.headers), body: bytes })
    }

    /// Returns `text` without the token.
    pub(super) fn hidden(&self, text: &str) -> String {
        self.token.as_ref().map_or_else(|| text.to_owned(), |token| token.hide(text))
    }
}

fn headers(map: &HeaderMap) -> Headers {
    let text = |name: &str| map.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Headers {
        link: text("link"),
        etag: text("etag"),
        location: text("location"),
        retry_after: text("retry-after").and_then(|seconds| seconds.parse().ok()),
        remaining: text("x-ratelimit-remaining").and_then(|count| count.parse().ok()),
        reset: text("x-ratelimit-reset").and_then(|seconds| seconds.parse().ok()),
    }
}

/// Returns an error with its causes, as the library tells them.
fn told(error: &dyn std::error::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = plain(error.to_string().lines().next().unwrap_or_default(), 200);
        if !words.iter().any(|known| known.contains(&said)) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}
