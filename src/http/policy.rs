//! How long to wait for a server, how often to ask it again, and how much it may send.
//!
//! Everything here is arithmetic: the time is handed in, and waiting is left to the clients.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// After how many attempts the pause stops growing.
const MAX_DOUBLINGS: u32 = 8;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct RequestPolicy {
    /// How long everything together may take.
    pub total_timeout: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub first_retry_pause: Duration,
    /// How often the same request is sent.
    pub max_attempts: u32,
    /// How many bytes an answer may have.
    pub max_response_bytes: usize,
}

impl RequestPolicy {
    /// For GitHub, where one run asks for many things.
    pub const FORGE: RequestPolicy = RequestPolicy {
        total_timeout: Duration::from_secs(120),
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(30),
        first_retry_pause: Duration::from_secs(1),
        max_attempts: 4,
        max_response_bytes: 32 << 20,
    };

    /// For ticket systems, which the Action, `sweep` and `changegate tickets` ask; no hook does.
    pub(crate) const TICKETS: RequestPolicy = RequestPolicy {
        total_timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(10),
        first_retry_pause: Duration::from_millis(250),
        max_attempts: 4,
        max_response_bytes: 2 << 20,
    };

    /// For a channel that is told what is due; only whether it took the message matters.
    pub(crate) const NOTIFICATION: RequestPolicy = RequestPolicy {
        total_timeout: Duration::from_secs(10),
        max_response_bytes: 64 << 10,
        ..Self::TICKETS
    };

    /// Returns what to do after attempt number `attempt`, counted from 1, with `time_left` until the
    /// deadline. `can_repeat` is true if sending the request twice does no more than sending it once.
    pub(crate) fn decide_retry(
        &self,
        attempt: u32,
        outcome: AttemptOutcome,
        can_repeat: bool,
        time_left: Duration,
    ) -> RetryDecision {
        let asked = match outcome {
            // A request that was turned away for the rate was not carried out, so even one that writes
            // may be sent again.
            AttemptOutcome::RateLimited { wait } => wait,
            AttemptOutcome::ServerError { wait } if can_repeat => wait,
            AttemptOutcome::NoAnswer if can_repeat => None,
            _ => return RetryDecision::Final,
        };
        if attempt >= self.max_attempts {
            return RetryDecision::Final;
        }
        let pause = asked.unwrap_or_else(|| self.backoff_pause(attempt));
        if pause >= time_left { RetryDecision::OutOfTime(pause) } else { RetryDecision::RetryAfter(pause) }
    }

    /// Returns the pause after attempt number `attempt` if the server asks for none.
    pub(crate) fn backoff_pause(&self, attempt: u32) -> Duration {
        self.first_retry_pause.saturating_mul(1 << attempt.saturating_sub(1).min(MAX_DOUBLINGS))
    }
}

impl Default for RequestPolicy {
    fn default() -> Self {
        RequestPolicy::FORGE
    }
}

/// How one attempt ended, as far as a further one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// No whole answer came, and a further attempt may bring one.
    NoAnswer,
    /// The server is asked too often, and wants to be left alone for this long if it says so.
    RateLimited { wait: Option<Duration> },
    /// The server failed, and wants to be left alone for this long if it says so.
    ServerError { wait: Option<Duration> },
    /// Another attempt would end the same way.
    Settled,
}

impl AttemptOutcome {
    /// Returns what a status means by HTTP alone; `wait` is what `Retry-After` asks for.
    pub(crate) fn from_status(status: u16, wait: Option<Duration>) -> AttemptOutcome {
        match status {
            429 => AttemptOutcome::RateLimited { wait },
            // GitHub answers so to what comes too often.
            403 if wait.is_some() => AttemptOutcome::RateLimited { wait },
            500..=599 => AttemptOutcome::ServerError { wait },
            _ => AttemptOutcome::Settled,
        }
    }
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Take what the last attempt brought.
    Final,
    /// Send the request again after this pause.
    RetryAfter(Duration),
    /// Take what came: the pause would outlast the deadline.
    OutOfTime(Duration),
}

/// A moment by which everything has to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started_at: Instant,
    total: Duration,
}

impl Deadline {
    /// Returns the deadline of what starts at `now` and may take this long.
    pub(crate) fn starting_at(now: Instant, total: Duration) -> Deadline {
        Deadline { started_at: now, total }
    }

    /// Returns for how long it has been running.
    pub(crate) fn time_spent(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started_at)
    }

    /// Returns how much time is left; zero if there is none.
    pub(crate) fn time_left(&self, now: Instant) -> Duration {
        self.total.saturating_sub(self.time_spent(now))
    }
}

/// Returns a moment to measure a deadline from.
#[expect(clippy::disallowed_methods, reason = "how long to wait for an answer is no fact about a change")]
pub(crate) fn read_clock() -> Instant {
    Instant::now()
}

/// Reads `Retry-After`: seconds, or a date, which is compared with the server's own `Date`, so that the
/// clock of this machine does not matter.
pub(crate) fn parse_retry_after(written: &str, server_date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = written.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = parse_http_date(written)?;
    let now = parse_http_date(server_date?)?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn parse_http_date(written: &str) -> Option<Timestamp> {
    rfc2822::parse(written.trim()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RequestPolicy = RequestPolicy { max_attempts: 3, ..RequestPolicy::TICKETS };
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<u128> = (1..=4).map(|attempt| POLICY.backoff_pause(attempt).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000]);
        assert_eq!(POLICY.backoff_pause(u32::MAX), POLICY.backoff_pause(9));
    }

    #[test]
    fn what_writes_is_repeated_only_if_it_was_not_carried_out() {
        let first = RetryDecision::RetryAfter(POLICY.first_retry_pause);
        let limited = AttemptOutcome::from_status(429, None);
        let failed = AttemptOutcome::from_status(503, None);
        for (outcome, reading, writing) in [
            (AttemptOutcome::NoAnswer, first, RetryDecision::Final),
            (failed, first, RetryDecision::Final),
            (limited, first, first),
            (AttemptOutcome::from_status(404, None), RetryDecision::Final, RetryDecision::Final),
        ] {
            assert_eq!(POLICY.decide_retry(1, outcome, true, MINUTE), reading, "{outcome:?}");
            assert_eq!(POLICY.decide_retry(1, outcome, false, MINUTE), writing, "{outcome:?}");
            assert_eq!(POLICY.decide_retry(3, outcome, true, MINUTE), RetryDecision::Final, "{outcome:?}");
        }
    }

    #[test]
    fn a_server_is_left_alone_as_long_as_it_says_and_there_is_time() {
        let outcome = AttemptOutcome::from_status(503, Some(Duration::from_secs(7)));
        let seven = Duration::from_secs(7);
        assert_eq!(POLICY.decide_retry(1, outcome, true, MINUTE), RetryDecision::RetryAfter(seven));
        assert_eq!(POLICY.decide_retry(1, outcome, true, seven), RetryDecision::OutOfTime(seven));
    }

    #[test]
    fn a_deadline_counts_from_its_start() {
        let start = read_clock();
        let deadline = Deadline::starting_at(start, MINUTE);
        let later = start + Duration::from_secs(45);
        assert_eq!(deadline.time_spent(later), Duration::from_secs(45));
        assert_eq!(deadline.time_left(later), Duration::from_secs(15));
        assert_eq!(deadline.time_left(later + MINUTE), Duration::ZERO);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse_retry_after("120", None), Some(Duration::from_secs(120)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", None), None);
        assert_eq!(parse_retry_after("soon", date), None);
    }
}
