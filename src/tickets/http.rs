//! The door through which ticket systems are asked: over HTTP, within one deadline, and with limits
//! for everything that they may send.

use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::config::AutoHeaderValue;
use ureq::tls::{RootCerts, TlsConfig};

/// How many bytes an answer may have.
const MAX_ANSWER_BYTES: u64 = 2 << 20;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How often one thing is asked.
const MAX_TRIES: u32 = 4;

/// How long to wait before asking a second time; it doubles from then on.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A door that closes at the deadline.
pub(crate) struct HttpClient {
    agent: ureq::Agent,
    opened: Instant,
    deadline: Option<Instant>,
}

/// What is asked.
pub(crate) struct HttpRequest<'asked> {
    /// Whom, for messages.
    pub(crate) system_name: &'asked str,
    /// Where.
    pub(crate) url: String,
    /// With which headers; the value of `authorization` is a secret.
    pub(crate) headers: &'asked [(&'static str, String)],
    /// What is sent, if anything is.
    pub(crate) body: Option<String>,
}

/// What is answered.
pub(crate) enum HttpAnswer {
    /// This.
    Found(Value),
    /// There is nothing there, or nothing that may be seen.
    Absent,
}

/// How one try went.
enum RequestAttempt {
    Answered(HttpAnswer),
    /// It makes sense to ask again, after this time if the system says so.
    Retry(String, Option<Duration>),
    Refused(String),
}

impl HttpClient {
    /// Opens the door for this long.
    pub(crate) fn new(open: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            // A token goes to the address that it is for, and not where that points.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // A company's own authority is known to the machine, not to a list in this binary.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .user_agent(AutoHeaderValue::from(concat!("changegate/", env!("CARGO_PKG_VERSION"))))
            .accept(AutoHeaderValue::from("application/json"))
            .max_response_header_size(64 << 10)
            .build();
        let opened = read_clock();
        HttpClient { agent: config.new_agent(), opened, deadline: opened.checked_add(open) }
    }

    /// Returns for how long it has been open.
    pub(crate) fn time_spent(&self) -> Duration {
        read_clock().saturating_duration_since(self.opened)
    }

    fn time_left(&self) -> Duration {
        self.deadline.map_or(Duration::ZERO, |closes| closes.saturating_duration_since(read_clock()))
    }

    /// Asks until there is an answer, it makes no sense to go on, or the time is over.
    ///
    /// # Errors
    ///
    /// Says why there is no answer, in words that hold nothing of what was sent.
    pub(crate) fn send_request(&self, request: &HttpRequest<'_>) -> Result<HttpAnswer, String> {
        let of = request.system_name;
        let mut pause = FIRST_RETRY_PAUSE;
        let mut last = String::new();
        for _ in 0..MAX_TRIES {
            let left = self.time_left();
            if left.is_zero() {
                return Err(match last.is_empty() {
                    true => format!("{of} was not asked, because the time was over"),
                    false => format!("{of} {last}"),
                });
            }
            match self.send_once(request, left.min(REQUEST_TIMEOUT)) {
                RequestAttempt::Answered(answer) => return Ok(answer),
                RequestAttempt::Refused(why) => return Err(format!("{of} {why}")),
                RequestAttempt::Retry(why, wanted) => {
                    let wait = wanted.unwrap_or(pause);
                    last = why;
                    if self.time_left() <= wait {
                        return Err(format!("{of} {last}"));
                    }
                    std::thread::sleep(wait);
                    pause = pause.saturating_mul(2);
                }
            }
        }
        Err(format!("{of} {last}"))
    }

    fn send_once(&self, request: &HttpRequest<'_>, patience: Duration) -> RequestAttempt {
        let sent = match &request.body {
            None => {
                let call = self.agent.get(&request.url).config().timeout_global(Some(patience)).build();
                request.headers.iter().fold(call, |call, (name, value)| call.header(*name, value)).call()
            }
            Some(body) => {
                let call = self.agent.post(&request.url).config().timeout_global(Some(patience)).build();
                let call = request.headers.iter().fold(call, |call, (name, value)| call.header(*name, value));
                call.send(body)
            }
        };
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return classify_failure(&error),
        };
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status().as_u16();
        // Jira answers with 404 to an account that it has locked out.
        let locked_out = header("x-seraph-loginreason")
            .is_some_and(|reason| reason.contains("FAILED") || reason.contains("DENIED"));
        let wanted = header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        match status {
            _ if locked_out => RequestAttempt::Refused("does not accept this account".into()),
            200 => match response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec() {
                Ok(body) => match serde_json::from_slice(&body) {
                    Ok(value) => RequestAttempt::Answered(HttpAnswer::Found(value)),
                    Err(_) => RequestAttempt::Refused("does not answer in JSON".into()),
                },
                Err(error) => classify_failure(&error),
            },
            404 | 410 => RequestAttempt::Answered(HttpAnswer::Absent),
            401 => RequestAttempt::Refused("does not accept the token (401)".into()),
            403 => RequestAttempt::Refused("does not let this token read that (403)".into()),
            300..=399 => RequestAttempt::Refused(format!(
                "sends us elsewhere ({status}), and a token does not go there"
            )),
            429 | 500..=599 => {
                RequestAttempt::Retry(format!("answers with {status}, again and again"), wanted)
            }
            _ => RequestAttempt::Refused(format!("answers with {status}")),
        }
    }
}

/// Returns what to make of a failure: what was cut off is asked for again, what took its time is not.
fn classify_failure(error: &ureq::Error) -> RequestAttempt {
    match error {
        ureq::Error::Timeout(_) => RequestAttempt::Refused("does not answer in time".into()),
        ureq::Error::BodyExceedsLimit(_) => {
            RequestAttempt::Refused(format!("answers with more than {MAX_ANSWER_BYTES} bytes"))
        }
        ureq::Error::HostNotFound => RequestAttempt::Refused("cannot be found".into()),
        ureq::Error::ConnectionFailed => RequestAttempt::Retry("cannot be reached".into(), None),
        ureq::Error::Io(error) => {
            RequestAttempt::Retry(format!("cannot be reached ({})", error.kind()), None)
        }
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            RequestAttempt::Refused("cannot prove who it is: its certificate is not accepted".into())
        }
        ureq::Error::Protocol(_) => RequestAttempt::Retry("breaks off, or does not speak HTTP".into(), None),
        _ => RequestAttempt::Refused("cannot be asked".into()),
    }
}

/// Returns a moment to measure a deadline from.
#[expect(clippy::disallowed_methods, reason = "how long to wait for somebody is no fact about a change")]
fn read_clock() -> Instant {
    Instant::now()
}
