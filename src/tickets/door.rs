//! The door through which ticket systems are asked: over HTTP, within one deadline, and with limits
//! for everything that they may send.

use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::config::AutoHeaderValue;
use ureq::tls::{RootCerts, TlsConfig};

/// How many bytes an answer may have.
const LARGEST: u64 = 2 << 20;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often one thing is asked.
const TRIES: u32 = 4;

/// How long to wait before asking a second time; it doubles from then on.
const PAUSE: Duration = Duration::from_millis(250);

/// A door that closes at the deadline.
pub(super) struct Door {
    agent: ureq::Agent,
    opened: Instant,
    closes: Option<Instant>,
}

/// What is asked.
pub(super) struct Request<'asked> {
    /// Whom, for messages.
    pub(super) of: &'asked str,
    /// Where.
    pub(super) url: String,
    /// With which headers; the value of `authorization` is a secret.
    pub(super) headers: &'asked [(&'static str, String)],
    /// What is sent, if anything is.
    pub(super) body: Option<String>,
}

/// What is answered.
pub(super) enum Answer {
    /// This.
    Found(Value),
    /// There is nothing there, or nothing that may be seen.
    Absent,
}

/// How one try went.
enum Tried {
    Answered(Answer),
    /// It makes sense to ask again, after this time if the system says so.
    Again(String, Option<Duration>),
    Refused(String),
}

impl Door {
    /// Opens the door for this long.
    pub(super) fn new(open: Duration) -> Self {
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
        let opened = now();
        Door { agent: config.new_agent(), opened, closes: opened.checked_add(open) }
    }

    /// Returns for how long it has been open.
    pub(super) fn spent(&self) -> Duration {
        now().saturating_duration_since(self.opened)
    }

    fn left(&self) -> Duration {
        self.closes.map_or(Duration::ZERO, |closes| closes.saturating_duration_since(now()))
    }

    /// Asks until there is an answer, it makes no sense to go on, or the time is over.
    ///
    /// # Errors
    ///
    /// Says why there is no answer, in words that hold nothing of what was sent.
    pub(super) fn ask(&self, request: &Request<'_>) -> Result<Answer, String> {
        let of = request.of;
        let mut pause = PAUSE;
        let mut last = String::new();
        for _ in 0..TRIES {
            let left = self.left();
            if left.is_zero() {
                return Err(match last.is_empty() {
                    true => format!("{of} was not asked, because the time was over"),
                    false => format!("{of} {last}"),
                });
            }
            match self.ask_once(request, left.min(PATIENCE)) {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Refused(why) => return Err(format!("{of} {why}")),
                Tried::Again(why, wanted) => {
                    let wait = wanted.unwrap_or(pause);
                    last = why;
                    if self.left() <= wait {
                        return Err(format!("{of} {last}"));
                    }
                    std::thread::sleep(wait);
                    pause = pause.saturating_mul(2);
                }
            }
        }
        Err(format!("{of} {last}"))
    }

    fn ask_once(&self, request: &Request<'_>, patience: Duration) -> Tried {
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
            Err(error) => return failed(&error),
        };
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status().as_u16();
        // Jira answers with 404 to an account that it has locked out.
        let locked_out = header("x-seraph-loginreason")
            .is_some_and(|reason| reason.contains("FAILED") || reason.contains("DENIED"));
        let wanted = header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        match status {
            _ if locked_out => Tried::Refused("does not accept this account".into()),
            200 => match response.body_mut().with_config().limit(LARGEST).read_to_vec() {
                Ok(body) => match serde_json::from_slice(&body) {
                    Ok(value) => Tried::Answered(Answer::Found(value)),
                    Err(_) => Tried::Refused("does not answer in JSON".into()),
                },
                Err(error) => failed(&error),
            },
            404 | 410 => Tried::Answered(Answer::Absent),
            401 => Tried::Refused("does not accept the token (401)".into()),
            403 => Tried::Refused("does not let this token read that (403)".into()),
            300..=399 => {
                Tried::Refused(format!("sends us elsewhere ({status}), and a token does not go there"))
            }
            429 | 500..=599 => Tried::Again(format!("answers with {status}, again and again"), wanted),
            _ => Tried::Refused(format!("answers with {status}")),
        }
    }
}

/// Returns what to make of a failure: what was cut off is asked for again, what took its time is not.
fn failed(error: &ureq::Error) -> Tried {
    match error {
        ureq::Error::Timeout(_) => Tried::Refused("does not answer in time".into()),
        ureq::Error::BodyExceedsLimit(_) => Tried::Refused(format!("answers with more than {LARGEST} bytes")),
        ureq::Error::HostNotFound => Tried::Refused("cannot be found".into()),
        ureq::Error::ConnectionFailed => Tried::Again("cannot be reached".into(), None),
        ureq::Error::Io(error) => Tried::Again(format!("cannot be reached ({})", error.kind()), None),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            Tried::Refused("cannot prove who it is: its certificate is not accepted".into())
        }
        ureq::Error::Protocol(_) => Tried::Again("breaks off, or does not speak HTTP".into(), None),
        _ => Tried::Refused("cannot be asked".into()),
    }
}

/// Returns a moment to measure a deadline from.
#[expect(clippy::disallowed_methods, reason = "how long to wait for somebody is no fact about a change")]
fn now() -> Instant {
    Instant::now()
}
