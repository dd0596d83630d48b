//! One request on the wire: to one host, with the token, once.
//!
//! Redirects are not followed by the library; [`crate::github::api`] decides whether one stays on the
//! host.

use std::sync::Arc;

use http::Uri;
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};

use crate::github::api::names::GitHubServer;
use crate::github::api::request::{
    GitHubFailure, GitHubRequest, GitHubResponse, RequestMethod, ResponseHeaders, printable_line,
};
use crate::http::{
    AttemptOutcome, RequestPolicy, Secret, connector, explain_connection_failure, parse_retry_after,
};

/// How this program introduces itself; GitHub wants to be told.
const OUR_USER_AGENT: &str = concat!("changegate/", env!("CARGO_PKG_VERSION"));

/// A connection to one server.
pub(crate) struct GitHubTransport {
    octocrab: Octocrab,
    server: GitHubServer,
    max_response_bytes: usize,
    token: Option<Secret>,
}

/// Why one attempt brought no answer.
#[derive(Debug)]
pub(crate) struct TransportFailure {
    /// What happened, in words that hold no secret.
    pub(crate) why: String,
    /// Whether another attempt may end otherwise.
    pub(crate) outcome: AttemptOutcome,
}

impl GitHubTransport {
    /// Prepares requests to `server`; nothing is sent yet. This takes a running runtime.
    pub(crate) fn new(
        server: &GitHubServer,
        token: Option<&Secret>,
        policy: &RequestPolicy,
    ) -> Result<GitHubTransport, GitHubFailure> {
        let octocrab = build_octocrab(server, token, policy)
            .map_err(|why| GitHubFailure::new(format!("GitHub cannot be asked: {why}")))?;
        Ok(GitHubTransport {
            octocrab,
            server: server.clone(),
            max_response_bytes: policy.max_response_bytes,
            token: token.cloned(),
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send_once(
        &self,
        request: &GitHubRequest,
        etag: Option<&str>,
    ) -> Result<GitHubResponse, TransportFailure> {
        let fails = |why: String, outcome: AttemptOutcome| {
            let why = match &self.token {
                Some(token) => token.redact(&why),
                None => why,
            };
            TransportFailure { why, outcome }
        };
        let method = match request.method {
            RequestMethod::Get => http::Method::GET,
            RequestMethod::Post | RequestMethod::Query => http::Method::POST,
            RequestMethod::Patch => http::Method::PATCH,
        };
        let path = match request.method {
            RequestMethod::Query => self.server.graphql_path.clone(),
            _ => format!("{}{}", self.server.rest_prefix, request.path),
        };
        let mut builder = http::Request::builder().method(method).uri(path);
        if let Some(etag) = etag {
            builder = builder.header("if-none-match", etag);
        }
        let built = self
            .octocrab
            .build_request(builder, request.body.as_ref())
            .map_err(|error| fails(describe_error(&error), AttemptOutcome::Settled))?;
        let response = self.octocrab.send(built).await.map_err(|error| {
            let (why, outcome) = explain_connection_failure(&error)
                .unwrap_or_else(|| (describe_error(&error), AttemptOutcome::NoAnswer));
            fails(why, outcome)
        })?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                fails(format!("the answer broke off: {}", describe_error(&error)), AttemptOutcome::NoAnswer)
            })?;
            let Ok(data) = frame.into_data() else { continue };
            // The length that a server announces need not be true, so what arrives is counted.
            if bytes.len() + data.len() > self.max_response_bytes {
                let why = format!("the answer has more than {} bytes", self.max_response_bytes);
                return Err(fails(why, AttemptOutcome::Settled));
            }
            bytes.extend_from_slice(&data);
        }
        // What GitHub says is shown to people, and a server may repeat what it was sent.
        let body = match &self.token {
            Some(token) => token.redact_bytes(bytes),
            None => bytes,
        };
        Ok(GitHubResponse { status: parts.status.as_u16(), headers: read_headers(&parts.headers), body })
    }
}

/// Returns octocrab with connections of ours.
///
/// Its own builder knows neither a proxy nor who is trusted, so the layers that it would add are named
/// here; those that retry and follow redirects are left out.
fn build_octocrab(
    server: &GitHubServer,
    token: Option<&Secret>,
    policy: &RequestPolicy,
) -> Result<Octocrab, String> {
    let base: Uri = server.origin.parse().map_err(|_| format!("{} is not an address", server.origin))?;
    let connector = connector::connector_for(&base, &server.proxies)?;
    let connector = Octocrab::builder()
        .set_connect_timeout(Some(policy.connect_timeout))
        .set_read_timeout(Some(policy.request_timeout))
        .set_write_timeout(Some(policy.request_timeout))
        .set_connect_timeout_service(connector);
    let client: Client<_, OctoBody> = Client::builder(TokioExecutor::new()).build(connector);
    let headers: Vec<(HeaderName, HeaderValue)> = vec![
        (USER_AGENT, HeaderValue::from_static(OUR_USER_AGENT)),
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
    ];
    let authorization = match token {
        Some(token) => {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| "the token fits no header".to_owned())?;
            value.set_sensitive(true);
            Some(value)
        }
        None => None,
    };
    let octocrab = OctocrabBuilder::new_empty()
        .with_service(client)
        .with_layer(&ExtraHeadersLayer::new(Arc::new(headers)))
        .with_layer(&BaseUriLayer::new(base.clone()))
        .with_layer(&AuthHeaderLayer::new(authorization, base.clone(), base))
        .with_auth(AuthState::None)
        .build();
    // The error type has no values; matching says so without an `unwrap`.
    match octocrab {
        Ok(octocrab) => Ok(octocrab),
        Err(never) => match never {},
    }
}

fn read_headers(map: &HeaderMap) -> ResponseHeaders {
    let text = |name: &str| map.get(name).and_then(|value| value.to_str().ok());
    let wait = text("retry-after").and_then(|written| parse_retry_after(written, text("date")));
    ResponseHeaders {
        link: text("link").map(str::to_owned),
        etag: text("etag").map(str::to_owned),
        location: text("location").map(str::to_owned),
        retry_after: wait.map(|wait| wait.as_secs()),
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
