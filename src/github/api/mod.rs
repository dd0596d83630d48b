//! The client for GitHub: sends again where that helps, within one deadline, and never to another host.
//!
//! Every answer, from the wire or from a recording, comes through [`GitHubClient::send_request`]. What is
//! sent again and when is decided by [`RequestPolicy`]; this module adds what GitHub alone says about its
//! rate limits. A limit that outlasts the deadline is reported at once instead of being waited for.

mod answer_time;
pub(crate) mod graphql;
pub(crate) mod names;
pub(crate) mod objects;
mod outcomes;
pub(crate) mod recording;
mod redirects;
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
use tokio::time::{sleep, timeout};

use crate::change::Oid;
use crate::github::api::names::GitHubServer;
use crate::github::api::outcomes::describe_unusable;
use crate::github::api::recording::ResponseRecording;
use crate::github::api::redirects::{moved_repository_failure, off_server_failure, stays_in_repository};
use crate::github::api::request::{GitHubFailure, GitHubRequest, GitHubResponse};
use crate::github::api::transport::{GitHubTransport, TransportFailure};
use crate::http::{AttemptOutcome, Deadline, RequestPolicy, RetryDecision, Secret, read_clock};
use crate::people::forge_teams::ForgeTeamMembers;
use crate::policy::FetchedFile;

/// How many entries a page has at most; every list is read in pages of this size.
pub(crate) const MAX_PAGE_ENTRIES: usize = 100;

/// How many pages of one list are read.
const MAX_LIST_PAGES: usize = 100;

/// How many redirects of one request are followed, all of them on the same server.
const MAX_REDIRECTS: u32 = 3;

/// A client for GitHub, or for a recording of its answers.
pub struct GitHubClient {
    source: ResponseSource,
    recording: Option<ResponseRecording>,
    policy: RequestPolicy,
    deadline: Deadline,
    /// The instant of the start, by the clock of the caller.
    now: Timestamp,
    etag_cache: RefCell<HashMap<String, GitHubResponse>>,
    /// The first request that ended without an answer, or with one that cannot be right: GitHub was out of reach,
    /// failed, contradicted itself, sent what nobody can read, or turned the client away for its rate.
    outage: RefCell<Option<GitHubFailure>>,
    /// The policies of other repositories that were read, by their names: one run reads each at one commit.
    pub(crate) remote_policies: RefCell<HashMap<String, (FetchedFile, Option<Oid>)>>,
    /// The members of teams that were asked for, or why GitHub does not show them.
    pub(crate) forge_teams: RefCell<ForgeTeamMembers>,
}

enum ResponseSource {
    Live { transport: Box<GitHubTransport>, server: GitHubServer },
    Recording(ResponseRecording),
}

impl GitHubClient {
    /// Returns a client for `server`, which keeps the answers in `record_to`, if that is given. This takes
    /// a running runtime.
    pub(crate) fn open_live(
        server: &GitHubServer,
        token: Option<&Secret>,
        policy: RequestPolicy,
        now: Timestamp,
        record_to: Option<&Path>,
    ) -> Result<GitHubClient, GitHubFailure> {
        let transport = Box::new(GitHubTransport::new(server, token, &policy)?);
        let recording = match record_to {
            Some(folder) => {
                Some(ResponseRecording::create_recording(folder, now).map_err(GitHubFailure::new)?)
            }
            None => None,
        };
        let source = ResponseSource::Live { transport, server: server.clone() };
        Ok(GitHubClient::with_source(source, recording, policy, now))
    }

    /// Returns a client that answers from a recording and knows no network.
    pub(crate) fn open_recording(folder: &Path) -> Result<GitHubClient, GitHubFailure> {
        let (recording, now) = ResponseRecording::open_recording(folder).map_err(GitHubFailure::new)?;
        let source = ResponseSource::Recording(recording);
        Ok(GitHubClient::with_source(source, None, RequestPolicy::FORGE, now))
    }

    fn with_source(
        source: ResponseSource,
        recording: Option<ResponseRecording>,
        policy: RequestPolicy,
        now: Timestamp,
    ) -> GitHubClient {
        GitHubClient {
            source,
            recording,
            policy,
            deadline: Deadline::starting_at(read_clock(), policy.total_timeout),
            now,
            etag_cache: RefCell::default(),
            outage: RefCell::default(),
            remote_policies: RefCell::default(),
            forge_teams: RefCell::default(),
        }
    }

    /// Returns the instant that everything is judged by: the start of the run, or of the recording.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns true if the answers come from a recording.
    pub(crate) fn is_recording(&self) -> bool {
        matches!(self.source, ResponseSource::Recording(_))
    }

    /// Returns why GitHub did not answer a request, if there was one that it did not answer.
    pub(crate) fn outage(&self) -> Option<GitHubFailure> {
        self.outage.borrow().clone()
    }

    /// Notes that answers contradict each other: like no answer at all, that says nothing of a change.
    pub(crate) fn note_contradiction(&self, failure: &GitHubFailure) {
        if failure.is_contradiction {
            self.outage.borrow_mut().get_or_insert(failure.clone());
        }
    }

    /// Returns how much of the time for all requests is left.
    pub(crate) fn remaining_time(&self) -> Duration {
        self.deadline.time_left(read_clock())
    }

    /// Waits before a record of GitHub that lags is read again; returns false if there is no time for it.
    pub(crate) async fn wait_for_record(&self, attempt: u32) -> bool {
        let pause = self.policy.backoff_pause(attempt);
        if self.is_recording() || attempt >= self.policy.max_attempts || pause >= self.remaining_time() {
            return false;
        }
        sleep(pause).await;
        true
    }

    /// Sends a request to GitHub, or looks its answer up in the recording that stands for GitHub.
    ///
    /// An answer that refuses is an answer; only its lack is a failure.
    pub(crate) async fn send_request(
        &self,
        request: &GitHubRequest,
    ) -> Result<GitHubResponse, GitHubFailure> {
        match &self.source {
            ResponseSource::Recording(record) => record.load_response(request),
            ResponseSource::Live { transport, server } => {
                let sent = self.send_with_retries(transport, server, request).await;
                self.note_outage(request, &sent);
                let answer = sent?;
                if let Some(record) = &self.recording {
                    record.save_response(request, &answer)?;
                }
                Ok(answer)
            }
        }
    }

    /// Sends a request and reads the answer as `T`.
    pub(crate) async fn fetch_json<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
    ) -> Result<T, GitHubFailure> {
        let request = GitHubRequest::rest_get(path);
        let answer = self.send_request(&request).await?;
        self.parse_response(&request, &answer)
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
            all.extend(items(self.parse_response(&request, &answer)?));
            let Some(url) = answer.headers.link.as_deref().and_then(parse_next_page) else { return Ok(all) };
            if enough(&all) {
                return Ok(all);
            }
            request = GitHubRequest::rest_get(
                self.path_on_server(url).ok_or_else(|| off_server_failure(&request))?,
            );
        }
        let why = format!(
            "{} has more than {} entries, and no more than that are read",
            request.describe(),
            MAX_LIST_PAGES * MAX_PAGE_ENTRIES
        );
        Err(GitHubFailure::new(why))
    }

    /// Reads every entry of a list whose pages are plain arrays.
    ///
    /// # Errors
    ///
    /// Fails if a page cannot be read, or if there are more pages than are read of any list.
    pub(crate) async fn fetch_whole_list<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
    ) -> Result<Vec<T>, GitHubFailure> {
        self.fetch_list(path, |page: Vec<T>| page, |_| false).await
    }

    /// Returns the path of an address that GitHub gave, if it is on the same server.
    fn path_on_server(&self, url: &str) -> Option<String> {
        match &self.source {
            ResponseSource::Live { server, .. } => server.path_on_server(url).map(str::to_owned),
            // The recording was made on that server; what matters here is the path alone.
            ResponseSource::Recording(_) => {
                let path = url.split_once("://")?.1;
                let path = path.get(path.find('/')?..)?;
                Some(path.strip_prefix("/api/v3").unwrap_or(path).to_owned())
            }
        }
    }

    /// Reads the body of a good answer. One that has another shape than GitHub's says as little as none.
    pub(super) fn parse_response<T: DeserializeOwned>(
        &self,
        request: &GitHubRequest,
        answer: &GitHubResponse,
    ) -> Result<T, GitHubFailure> {
        let parsed = answer.parse_body(request);
        if let Err(failure) = &parsed
            && (200..300).contains(&answer.status)
        {
            self.keep_outage(failure);
        }
        parsed
    }

    /// Keeps why GitHub said nothing, unless an earlier failure is known.
    pub(super) fn keep_outage(&self, failure: &GitHubFailure) {
        self.outage.borrow_mut().get_or_insert(failure.clone());
    }

    /// Notes that GitHub did not answer, or not with what was asked for: neither says anything of a change.
    fn note_outage(&self, request: &GitHubRequest, sent: &Result<GitHubResponse, GitHubFailure>) {
        let failure = match sent {
            Ok(answer) => match self.classify_response(request, answer) {
                AttemptOutcome::RateLimited { .. } | AttemptOutcome::ServerError { .. } => {
                    describe_unusable(request, answer)
                }
                _ => return,
            },
            Err(failure) => failure.clone(),
        };
        self.outage.borrow_mut().get_or_insert(failure);
    }

    /// Returns how long the primary rate limit lasts, if that is what is used up.
    fn primary_limit_pause(&self, answer: &GitHubResponse) -> Option<Duration> {
        if answer.headers.remaining != Some(0) {
            return None;
        }
        let spent = i64::try_from(self.deadline.time_spent(read_clock()).as_secs()).unwrap_or(i64::MAX);
        let now = self.now.as_second().saturating_add(spent);
        let seconds = u64::try_from(answer.headers.reset?.saturating_sub(now)).unwrap_or(0);
        // One second more, because both clocks are cut off to whole ones.
        Some(Duration::from_secs(seconds.saturating_add(1)))
    }

    fn classify_response(&self, request: &GitHubRequest, answer: &GitHubResponse) -> AttemptOutcome {
        outcomes::classify_response(request, answer, self.primary_limit_pause(answer))
    }

    async fn send_with_retries(
        &self,
        transport: &GitHubTransport,
        server: &GitHubServer,
        request: &GitHubRequest,
    ) -> Result<GitHubResponse, GitHubFailure> {
        let cached =
            if is_cacheable(request) { self.etag_cache.borrow().get(&request.path).cloned() } else { None };
        let etag = cached.as_ref().and_then(|answer| answer.headers.etag.as_deref());
        let mut request_now = request.clone();
        let mut redirects = 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.attempt_request(transport, &request_now, etag).await;
            match &outcome {
                Ok(GitHubResponse { status: 304, .. }) if cached.is_some() => {
                    return cached.ok_or_else(|| GitHubFailure::new("unexpected 304 from GitHub"));
                }
                Ok(answer @ GitHubResponse { status: 301 | 302 | 307 | 308, .. })
                    if request.is_read_only() =>
                {
                    let location = answer.headers.location.as_deref().unwrap_or_default();
                    redirects += 1;
                    let path = match server.path_on_server(location) {
                        Some(path) if redirects <= MAX_REDIRECTS => path,
                        _ => return Err(off_server_failure(request)),
                    };
                    if !stays_in_repository(&request.path, path) {
                        return Err(moved_repository_failure(request));
                    }
                    request_now.path = path.to_owned();
                    // Another address is another request, with attempts of its own; the deadline is the same.
                    attempt = 0;
                    continue;
                }
                _ => {}
            }
            let ended = match &outcome {
                Ok(answer) => self.classify_response(request, answer),
                Err(failure) => failure.outcome,
            };
            match self.policy.decide_retry(attempt, ended, request.is_read_only(), self.remaining_time()) {
                RetryDecision::RetryAfter(pause) => sleep(pause).await,
                RetryDecision::OutOfTime(pause) => {
                    return match outcome {
                        Ok(answer) => Err(deadline_failure(&answer, request, pause)),
                        Err(failure) => Err(no_answer_failure(&failure, request)),
                    };
                }
                RetryDecision::Final => {
                    if let Ok(answer) = &outcome
                        && answer.status == 200
                        && ended == AttemptOutcome::Settled
                        && is_cacheable(request)
                        && answer.headers.etag.is_some()
                    {
                        self.etag_cache.borrow_mut().insert(request.path.clone(), answer.clone());
                    }
                    return outcome.map_err(|failure| no_answer_failure(&failure, request));
                }
            }
        }
    }

    /// Sends a request once, within what is left of the time.
    async fn attempt_request(
        &self,
        transport: &GitHubTransport,
        request: &GitHubRequest,
        etag: Option<&str>,
    ) -> Result<GitHubResponse, TransportFailure> {
        let left = self.remaining_time();
        if left.is_zero() {
            let limit = self.policy.total_timeout.as_secs();
            let why = format!("the {limit} s for all requests are used up");
            return Err(TransportFailure { why, outcome: AttemptOutcome::Settled });
        }
        match timeout(left.min(self.policy.request_timeout), transport.send_once(request, etag)).await {
            Ok(sent) => sent,
            Err(_) => Err(TransportFailure {
                why: "no answer came in time".to_owned(),
                outcome: AttemptOutcome::NoAnswer,
            }),
        }
    }
}

fn no_answer_failure(failure: &TransportFailure, request: &GitHubRequest) -> GitHubFailure {
    GitHubFailure::new(format!("GitHub did not answer {}: {}", request.describe(), failure.why))
}

/// Returns the refusal of a request that cannot be sent again before the deadline.
fn deadline_failure(answer: &GitHubResponse, request: &GitHubRequest, pause: Duration) -> GitHubFailure {
    let mut failure = describe_unusable(request, answer);
    let seconds = pause.as_secs();
    failure.why.push_str(&format!("; the next attempt is due in {seconds} s, after the deadline"));
    failure
}

fn is_cacheable(request: &GitHubRequest) -> bool {
    request.body.is_none() && request.is_read_only()
}

/// Returns the address of the next page in a `Link` header.
fn parse_next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (url, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(|one| one.trim() == "rel=\"next\"").then_some(url)
    })
}
