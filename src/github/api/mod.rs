//! Asking GitHub: again where that helps, within one deadline, and never on another host.
//!
//! Every answer, from the wire or from a record, comes through [`Client::ask`]. What is retried and
//! for how long is decided here alone: server errors and broken connections a few times, rate limits
//! as long as GitHub says, and all of it together no longer than the deadline. A limit that lasts
//! longer is told at once instead of being waited for.

pub(crate) mod graphql;
mod lists;
pub(crate) mod names;
pub(crate) mod recording;
pub(crate) mod request;
pub(crate) mod rest;
#[cfg(test)]
mod tests;
pub(crate) mod transport;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use crate::github::api::names::GitHubServer;
use crate::github::api::recording::ResponseRecording;
use crate::github::api::request::{GitHubFailure, GitHubRequest, GitHubResponse};
use crate::github::api::transport::{GitHubToken, GitHubTransport, TransportLimits};

/// How many pages of one list are read.
const MAX_LIST_PAGES: usize = 40;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct GitHubRequestLimits {
    /// How long everything together may take.
    pub total_timeout: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub first_retry_pause: Duration,
    /// How many attempts there are.
    pub max_attempts: u32,
    /// How many bytes an answer may have.
    pub max_response_bytes: usize,
}

impl Default for GitHubRequestLimits {
    fn default() -> Self {
        GitHubRequestLimits {
            total_timeout: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            first_retry_pause: Duration::from_secs(1),
            max_attempts: 4,
            max_response_bytes: 32 << 20,
        }
    }
}

/// Where answers come from.
pub struct GitHubClient {
    source: ResponseSource,
    recording: Option<ResponseRecording>,
    limits: GitHubRequestLimits,
    started_at: Instant,
    /// The instant of the start, by the clock of whoever asks.
    now: Timestamp,
    etag_cache: RefCell<HashMap<String, GitHubResponse>>,
}

enum ResponseSource {
    Live { transport: Box<GitHubTransport>, server: GitHubServer },
    Recording(ResponseRecording),
}

impl GitHubClient {
    /// Returns a client for `server`, which keeps what it hears in `record`, if there is one. This
    /// takes a running runtime.
    pub(crate) fn open_live(
        server: &GitHubServer,
        token: Option<&GitHubToken>,
        patience: GitHubRequestLimits,
        now: Timestamp,
        record: Option<&Path>,
    ) -> Result<GitHubClient, GitHubFailure> {
        let bounds = TransportLimits {
            connect_timeout: patience.connect_timeout,
            read_timeout: patience.request_timeout,
            max_response_bytes: patience.max_response_bytes,
        };
        let wire = Box::new(GitHubTransport::new(server, token, bounds)?);
        let record = record
            .map(|folder| ResponseRecording::create_recording(folder, now))
            .transpose()
            .map_err(GitHubFailure::new)?;
        Ok(GitHubClient::with_source(
            ResponseSource::Live { transport: wire, server: server.clone() },
            record,
            patience,
            now,
        ))
    }

    /// Returns a client that answers from a record and knows no network.
    pub(crate) fn open_recording(folder: &Path) -> Result<GitHubClient, GitHubFailure> {
        let (record, now) = ResponseRecording::open_recording(folder).map_err(GitHubFailure::new)?;
        Ok(GitHubClient::with_source(
            ResponseSource::Recording(record),
            None,
            GitHubRequestLimits::default(),
            now,
        ))
    }

    fn with_source(
        source: ResponseSource,
        record: Option<ResponseRecording>,
        patience: GitHubRequestLimits,
        now: Timestamp,
    ) -> GitHubClient {
        GitHubClient {
            source,
            recording: record,
            limits: patience,
            started_at: Instant::now(),
            now,
            etag_cache: RefCell::default(),
        }
    }

    /// Returns the instant that everything is judged by: that of the start, or of the record.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Asks for something.
    ///
    /// An answer that says no is an answer; only its lack is a failure.
    pub(crate) async fn send_request(
        &self,
        request: &GitHubRequest,
    ) -> Result<GitHubResponse, GitHubFailure> {
        match &self.source {
            ResponseSource::Recording(record) => record.load_response(request),
            ResponseSource::Live { transport: wire, server } => {
                let answer = self.send_with_retries(wire, server, request).await?;
                if let Some(record) = &self.recording {
                    record.save_response(request, &answer)?;
                }
                Ok(answer)
            }
        }
    }

    /// Asks for something and reads it as what it should be.
    pub(crate) async fn fetch_json<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
    ) -> Result<T, GitHubFailure> {
        let request = GitHubRequest::rest_get(path);
        self.send_request(&request).await?.parse_body(&request)
    }

    /// Reads a list to its end, page by page; `items` takes them out of a page.
    pub(crate) async fn fetch_list<P: DeserializeOwned, T>(
        &self,
        path: impl Into<String>,
        mut items: impl FnMut(P) -> Vec<T>,
        mut enough: impl FnMut(&[T]) -> bool,
    ) -> Result<Vec<T>, GitHubFailure> {
        let mut request = GitHubRequest::rest_get(path);
        let mut all = Vec::new();
        for _ in 0..MAX_LIST_PAGES {
            let answer = self.send_request(&request).await?;
            all.extend(items(answer.parse_body(&request)?));
            let Some(url) = answer.headers.link.as_deref().and_then(parse_next_page) else { return Ok(all) };
            if enough(&all) {
                return Ok(all);
            }
            request = GitHubRequest::rest_get(
                self.path_on_server(url).ok_or_else(|| off_server_failure(&request))?,
            );
        }
        Err(GitHubFailure::new(format!("{} has more than {MAX_LIST_PAGES} pages", request.describe())))
    }

    /// Returns the path of an address that GitHub gave, if it is on the same server.
    fn path_on_server(&self, url: &str) -> Option<String> {
        match &self.source {
            ResponseSource::Live { server, .. } => server.path_on_server(url).map(str::to_owned),
            // Whoever recorded it was on that server; what matters here is the path alone.
            ResponseSource::Recording(_) => {
                let path = url.split_once("://")?.1;
                let path = path.get(path.find('/')?..)?;
                Some(path.strip_prefix("/api/v3").unwrap_or(path).to_owned())
            }
        }
    }

    async fn send_with_retries(
        &self,
        wire: &GitHubTransport,
        server: &GitHubServer,
        request: &GitHubRequest,
    ) -> Result<GitHubResponse, GitHubFailure> {
        let cached = self.etag_cache.borrow().get(&request.path).cloned().filter(|_| is_cacheable(request));
        let etag = cached.as_ref().and_then(|answer| answer.headers.etag.as_deref());
        let mut request_now = request.clone();
        let mut redirects = 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.attempt_request(wire, &request_now, etag).await;
            let wait = match &outcome {
                Ok(GitHubResponse { status: 304, .. }) if cached.is_some() => {
                    return cached.ok_or_else(|| GitHubFailure::new("GitHub sent nothing new of nothing"));
                }
                Ok(answer @ GitHubResponse { status: 301 | 302 | 307 | 308, .. })
                    if request.is_read_only() =>
                {
                    let location = answer.headers.location.as_deref().unwrap_or_default();
                    redirects += 1;
                    let path = server.path_on_server(location).filter(|_| redirects <= 3);
                    request_now.path = path.ok_or_else(|| off_server_failure(request))?.to_owned();
                    attempt = 0;
                    continue;
                }
                Ok(answer) => match self.decide_retry(answer, request, attempt) {
                    RetryDecision::NoRetry => {
                        if answer.status == 200 && is_cacheable(request) && answer.headers.etag.is_some() {
                            self.etag_cache.borrow_mut().insert(request.path.clone(), answer.clone());
                        }
                        return outcome;
                    }
                    RetryDecision::RetryAfter(wait) => wait,
                },
                Err(_) if request.is_read_only() && attempt < self.limits.max_attempts => {
                    self.backoff_pause(attempt)
                }
                Err(_) => return outcome,
            };
            if self.remaining_time().is_none_or(|left| left <= wait) {
                return match outcome {
                    Ok(answer) => Err(self.deadline_failure(&answer, request, wait)),
                    Err(failure) => Err(failure),
                };
            }
            sleep(wait).await;
        }
    }

    /// Sends a request once, within what is left of the time.
    async fn attempt_request(
        &self,
        wire: &GitHubTransport,
        request: &GitHubRequest,
        etag: Option<&str>,
    ) -> Result<GitHubResponse, GitHubFailure> {
        let late = |what: &str| {
            GitHubFailure::new(format!("GitHub could not be asked for {}: {what}", request.describe()))
        };
        let Some(left) = self.remaining_time() else {
            return Err(late(&format!(
                "the {} s for everything are over",
                self.limits.total_timeout.as_secs()
            )));
        };
        match timeout(left.min(self.limits.request_timeout), wire.send_once(request, etag)).await {
            Ok(sent) => sent,
            Err(_) => Err(late("no answer came in time")),
        }
    }

    /// Returns how long to wait before the same request is sent again.
    fn decide_retry(&self, answer: &GitHubResponse, request: &GitHubRequest, attempt: u32) -> RetryDecision {
        let limited = answer.status == 429
            || (answer.status == 403
                && (answer.headers.retry_after.is_some() || answer.headers.remaining == Some(0)));
        let again = attempt < self.limits.max_attempts;
        match answer.status {
            // A request that was turned away for the rate was not carried out, so even one that
            // writes may be sent again.
            _ if limited && again => RetryDecision::RetryAfter(self.rate_limit_pause(answer, attempt)),
            500..=599 if again && request.is_read_only() => {
                let asked = answer.headers.retry_after.map(Duration::from_secs);
                RetryDecision::RetryAfter(asked.unwrap_or_else(|| self.backoff_pause(attempt)))
            }
            _ => RetryDecision::NoRetry,
        }
    }

    /// Returns how long a rate limit lasts, as far as GitHub says.
    fn rate_limit_pause(&self, answer: &GitHubResponse, attempt: u32) -> Duration {
        if let Some(seconds) = answer.headers.retry_after {
            return Duration::from_secs(seconds);
        }
        let passed = i64::try_from(self.started_at.elapsed().as_secs()).unwrap_or(i64::MAX);
        let now = self.now.as_second().saturating_add(passed);
        match answer.headers.reset.filter(|_| answer.headers.remaining == Some(0)) {
            // One second more, because both clocks are cut off to whole ones.
            Some(reset) => {
                Duration::from_secs(u64::try_from(reset.saturating_sub(now)).unwrap_or(0).saturating_add(1))
            }
            None => self.backoff_pause(attempt),
        }
    }

    fn backoff_pause(&self, attempt: u32) -> Duration {
        self.limits.first_retry_pause.saturating_mul(1 << attempt.saturating_sub(1).min(8))
    }

    fn remaining_time(&self) -> Option<Duration> {
        self.limits.total_timeout.checked_sub(self.started_at.elapsed()).filter(|left| !left.is_zero())
    }

    fn deadline_failure(
        &self,
        answer: &GitHubResponse,
        request: &GitHubRequest,
        wait: Duration,
    ) -> GitHubFailure {
        let mut failure = answer.describe_refusal(request);
        failure.why.push_str(&format!(
            "; trying again would take {} s, and there is no time for that",
            wait.as_secs()
        ));
        failure
    }
}

enum RetryDecision {
    NoRetry,
    RetryAfter(Duration),
}

fn is_cacheable(request: &GitHubRequest) -> bool {
    request.body.is_none() && request.is_read_only()
}

fn off_server_failure(request: &GitHubRequest) -> GitHubFailure {
    GitHubFailure::new(format!(
        "GitHub's answer to {} leads to another server, or around in a circle",
        request.describe()
    ))
}

/// Returns the address of the next page in a `Link` header.
fn parse_next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (url, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(|one| one.trim() == "rel=\"next\"").then_some(url)
    })
}
