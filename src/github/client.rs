//! Asking GitHub: again where that helps, within one deadline, and never on another host.
//!
//! Every answer, from the wire or from a record, comes through [`Client::ask`]. What is retried and
//! for how long is decided here alone: server errors and broken connections a few times, rate limits
//! as long as GitHub says, and all of it together no longer than the deadline. A limit that lasts
//! longer is told at once instead of being waited for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::ask::{Answer, Failure, Request};
use super::place::Server;
use super::record::Record;
use super::wire::{Bounds, Token, Wire};

/// How many pages of one list are read.
const MOST_PAGES: usize = 40;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long everything together may take.
    pub deadline: Duration,
    /// How long a connection may take to come about.
    pub connect: Duration,
    /// How long one request may take.
    pub request: Duration,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub pause: Duration,
    /// How many attempts there are.
    pub attempts: u32,
    /// How many bytes an answer may have.
    pub largest: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            deadline: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            pause: Duration::from_secs(1),
            attempts: 4,
            largest: 32 << 20,
        }
    }
}

/// Where answers come from.
pub struct Client {
    source: Source,
    record: Option<Record>,
    patience: Patience,
    started: Instant,
    /// The instant of the start, by the clock of whoever asks.
    now: Timestamp,
    asked: Cell<usize>,
    cache: RefCell<HashMap<String, Answer>>,
}

enum Source {
    Live { wire: Box<Wire>, server: Server },
    Record(Record),
}

impl Client {
    /// Returns a client for `server`, which keeps what it hears in `record`, if there is one. This
    /// takes a running runtime.
    pub(super) fn live(
        server: &Server,
        token: Option<&Token>,
        patience: Patience,
        now: Timestamp,
        record: Option<&Path>,
    ) -> Result<Client, Failure> {
        let bounds = Bounds { connect: patience.connect, read: patience.request, largest: patience.largest };
        let wire = Box::new(Wire::new(server, token, bounds)?);
        let record = record.map(|folder| Record::create(folder, now)).transpose().map_err(Failure::new)?;
        Ok(Client::of(Source::Live { wire, server: server.clone() }, record, patience, now))
    }

    /// Returns a client that answers from a record and knows no network.
    pub(super) fn replay(folder: &Path) -> Result<Client, Failure> {
        let (record, now) = Record::open(folder).map_err(Failure::new)?;
        Ok(Client::of(Source::Record(record), None, Patience::default(), now))
    }

    fn of(source: Source, record: Option<Record>, patience: Patience, now: Timestamp) -> Client {
        let (asked, cache) = (Cell::new(0), RefCell::default());
        Client { source, record, patience, started: Instant::now(), now, asked, cache }
    }

    /// Returns the instant that everything is judged by: that of the start, or of the record.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns how many requests there were, retries included.
    pub(super) fn asked(&self) -> usize {
        self.asked.get()
    }

    /// Asks for something.
    ///
    /// An answer that says no is an answer; only its lack is a failure.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        match &self.source {
            Source::Record(record) => {
                self.asked.set(self.asked.get() + 1);
                record.answer(request)
            }
            Source::Live { wire, server } => {
                let answer = self.ask_live(wire, server, request).await?;
                if let Some(record) = &self.record {
                    record.keep(request, &answer)?;
                }
                Ok(answer)
            }
        }
    }

    /// Asks for something and reads it as what it should be.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<T, Failure> {
        let request = Request::get(path);
        self.ask(&request).await?.read(&request)
    }

    /// Reads a list to its end, page by page; `items` takes them out of a page.
    pub(super) async fn list<P: DeserializeOwned, T>(
        &self,
        path: impl Into<String>,
        mut items: impl FnMut(P) -> Vec<T>,
        mut enough: impl FnMut(&[T]) -> bool,
    ) -> Result<Vec<T>, Failure> {
        let mut request = Request::get(path);
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let answer = self.ask(&request).await?;
            all.extend(items(answer.read(&request)?));
            let Some(url) = answer.headers.link.as_deref().and_then(next_page) else { return Ok(all) };
            if enough(&all) {
                return Ok(all);
            }
            request = Request::get(self.path_of(url).ok_or_else(|| elsewhere(&request))?);
        }
        Err(Failure::new(format!("{} has more than {MOST_PAGES} pages", request.words())))
    }

    /// Returns the path of an address that GitHub gave, if it is on the same server.
    fn path_of(&self, url: &str) -> Option<String> {
        match &self.source {
            Source::Live { server, .. } => server.path_of(url).map(str::to_owned),
            // Whoever recorded it was on that server; what matters here is the path alone.
            Source::Record(_) => {
                let path = url.split_once("://")?.1;
                let path = path.get(path.find('/')?..)?;
                Some(path.strip_prefix("/api/v3").unwrap_or(path).to_owned())
            }
        }
    }

    async fn ask_live(&self, wire: &Wire, server: &Server, request: &Request) -> Result<Answer, Failure> {
        let cached = self.cache.borrow().get(&request.path).cloned().filter(|_| is_cacheable(request));
        let etag = cached.as_ref().and_then(|answer| answer.headers.etag.as_deref());
        let mut request_now = request.clone();
        let mut redirects = 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.attempt(wire, &request_now, etag).await;
            let wait = match &outcome {
                Ok(Answer { status: 304, .. }) if cached.is_some() => {
                    return cached.ok_or_else(|| Failure::new("GitHub sent nothing new of nothing"));
                }
                Ok(answer @ Answer { status: 301 | 302 | 307 | 308, .. }) if request.only_reads() => {
                    let location = answer.headers.location.as_deref().unwrap_or_default();
                    redirects += 1;
                    let path = server.path_of(location).filter(|_| redirects <= 3);
                    request_now.path = path.ok_or_else(|| elsewhere(request))?.to_owned();
                    attempt = 0;
                    continue;
                }
                Ok(answer) => match self.pause_for(answer, request, attempt) {
                    Pause::No => {
                        if answer.status == 200 && is_cacheable(request) && answer.headers.etag.is_some() {
                            self.cache.borrow_mut().insert(request.path.clone(), answer.clone());
                        }
                        return outcome;
                    }
                    Pause::For(wait) => wait,
                },
                Err(_) if request.only_reads() && attempt < self.patience.attempts => self.backoff(attempt),
                Err(_) => return outcome,
            };
            if self.left().is_none_or(|left| left <= wait) {
                return match outcome {
                    Ok(answer) => Err(self.out_of_time(&answer, request, wait)),
                    Err(failure) => Err(failure),
                };
            }
            sleep(wait).await;
        }
    }

    /// Sends a request once, within what is left of the time.
    async fn attempt(&self, wire: &Wire, request: &Request, etag: Option<&str>) -> Result<Answer, Failure> {
        let late =
            |what: &str| Failure::new(format!("GitHub could not be asked for {}: {what}", request.words()));
        let Some(left) = self.left() else {
            return Err(late(&format!("the {} s for everything are over", self.patience.deadline.as_secs())));
        };
        self.asked.set(self.asked.get() + 1);
        match timeout(left.min(self.patience.request), wire.send(request, etag)).await {
            Ok(sent) => sent,
            Err(_) => Err(late("no answer came in time")),
        }
    }

    /// Returns how long to wait before the same request is sent again.
    fn pause_for(&self, answer: &Answer, request: &Request, attempt: u32) -> Pause {
        let limited = answer.status == 429
            || (answer.status == 403
                && (answer.headers.retry_after.is_some() || answer.headers.remaining == Some(0)));
        let again = attempt < self.patience.attempts;
        match answer.status {
            // A request that was turned away for the rate was not carried out, so even one that
            // writes may be sent again.
            _ if limited && again => Pause::For(self.limit(answer, attempt)),
            500..=599 if again && request.only_reads() => {
                let asked = answer.headers.retry_after.map(Duration::from_secs);
                Pause::For(asked.unwrap_or_else(|| self.backoff(attempt)))
            }
            _ => Pause::No,
        }
    }

    /// Returns how long a rate limit lasts, as far as GitHub says.
    fn limit(&self, answer: &Answer, attempt: u32) -> Duration {
        if let Some(seconds) = answer.headers.retry_after {
            return Duration::from_secs(seconds);
        }
        let passed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX);
        let now = self.now.as_second().saturating_add(passed);
        match answer.headers.reset.filter(|_| answer.headers.remaining == Some(0)) {
            // One second more, because both clocks are cut off to whole ones.
            Some(reset) => {
                Duration::from_secs(u64::try_from(reset.saturating_sub(now)).unwrap_or(0).saturating_add(1))
            }
            None => self.backoff(attempt),
        }
    }

    fn backoff(&self, attempt: u32) -> Duration {
        self.patience.pause.saturating_mul(1 << attempt.saturating_sub(1).min(8))
    }

    fn left(&self) -> Option<Duration> {
        self.patience.deadline.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero())
    }

    fn out_of_time(&self, answer: &Answer, request: &Request, wait: Duration) -> Failure {
        let mut failure = answer.refusal(request);
        failure.why.push_str(&format!(
            "; trying again would take {} s, and there is no time for that",
            wait.as_secs()
        ));
        failure
    }
}

enum Pause {
    No,
    For(Duration),
}

fn is_cacheable(request: &Request) -> bool {
    request.body.is_none() && request.only_reads()
}

fn elsewhere(request: &Request) -> Failure {
    Failure::new(format!(
        "GitHub's answer to {} leads to another server, or around in a circle",
        request.words()
    ))
}

/// Returns the address of the next page in a `Link` header.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (url, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(|one| one.trim() == "rel=\"next\"").then_some(url)
    })
}

#[cfg(test)]
mod tests;
