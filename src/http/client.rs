//! The client for what is asked one thing after the other: over HTTP, within one deadline, and with
//! limits for everything that a server may send.

use std::cell::OnceCell;
use std::time::Duration;

use http::{HeaderMap, Uri};
use ureq::config::AutoHeaderValue;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::http::connector::describe_proxy_failure;
use crate::http::failure::{UNTRUSTED_CERTIFICATE, explain_io_failure};
use crate::http::policy::{
    AttemptOutcome, Deadline, RequestPolicy, RetryDecision, parse_retry_after, read_clock,
};
use crate::http::proxy::ProxySettings;
use crate::http::tls;

/// How many bytes the head of an answer may have.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// A client for one batch of requests, which share a deadline.
pub(crate) struct HttpClient {
    policy: RequestPolicy,
    proxies: ProxySettings,
    deadline: Deadline,
    plain_agent: ureq::Agent,
    /// Made when first needed, since reading the trusted authorities takes a while.
    tls_agent: OnceCell<Result<ureq::Agent, String>>,
}

/// One request to one server.
pub(crate) struct HttpRequest<'asked> {
    /// What the server is called in messages.
    pub(crate) system_name: &'asked str,
    /// The whole address of what is asked for.
    pub(crate) url: &'asked str,
    /// The headers; the value of `authorization` is a secret.
    pub(crate) headers: &'asked [(&'static str, String)],
    /// What is sent by POST; without it, the request is a GET.
    pub(crate) body: Option<&'asked str>,
    /// True if sending the request twice does no more than sending it once.
    pub(crate) can_repeat: bool,
    /// True if the body of the answer is needed; without it only the status counts.
    pub(crate) needs_body: bool,
}

/// A whole answer, whatever its status.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why no answer came from one attempt.
struct HttpFailure {
    why: String,
    outcome: AttemptOutcome,
}

impl HttpClient {
    /// Returns a client whose time starts to run now.
    pub(crate) fn new(policy: RequestPolicy, proxies: ProxySettings) -> Self {
        HttpClient {
            policy,
            proxies,
            deadline: Deadline::starting_at(read_clock(), policy.total_timeout),
            plain_agent: build_agent(&policy, TlsConfig::default()),
            tls_agent: OnceCell::new(),
        }
    }

    /// Returns for how long the client has been in use.
    pub(crate) fn time_spent(&self) -> Duration {
        self.deadline.time_spent(read_clock())
    }

    fn time_left(&self) -> Duration {
        self.deadline.time_left(read_clock())
    }

    /// Sends a request until there is an answer, another attempt makes no sense, or the time is over.
    ///
    /// # Errors
    ///
    /// Says why there is no answer, in words that hold nothing of what was sent.
    pub(crate) fn send_request(&self, request: &HttpRequest<'_>) -> Result<HttpResponse, String> {
        let name = request.system_name;
        let mut attempt = 1;
        loop {
            let left = self.time_left();
            if left.is_zero() {
                return Err(format!("{name} was not asked: no time was left"));
            }
            let result = self.send_once(request, left.min(self.policy.request_timeout));
            let outcome = match &result {
                Ok(response) => response.attempt_outcome(),
                Err(failure) => failure.outcome,
            };
            match self.policy.decide_retry(attempt, outcome, request.can_repeat, self.time_left()) {
                RetryDecision::RetryAfter(pause) => std::thread::sleep(pause),
                RetryDecision::Final => return result.map_err(|failure| format!("{name} {}", failure.why)),
                RetryDecision::OutOfTime(pause) => {
                    let seconds = pause.as_secs();
                    let later = format!("the next attempt is due in {seconds} s, after the deadline");
                    return Err(match result {
                        Ok(response) => format!("{name} answers with {}; {later}", response.status),
                        Err(failure) => format!("{name} {}; {later}", failure.why),
                    });
                }
            }
            attempt += 1;
        }
    }

    fn send_once(&self, request: &HttpRequest<'_>, time: Duration) -> Result<HttpResponse, HttpFailure> {
        let uri: Uri = request.url.parse().map_err(|_| HttpFailure::permanent("has no valid address"))?;
        let proxy = self.proxies.proxy_for(&uri);
        let tunnel = match proxy {
            // Its address was read before, so that this cannot fail.
            Some(proxy) => ureq::Proxy::new(proxy.address.expose()).ok(),
            None => None,
        };
        let agent = self.agent_for(&uri).map_err(HttpFailure::permanent)?;
        let explain = |error: ureq::Error| self.classify_failure(&error, proxy.map(|proxy| proxy.variable));
        let sent = match request.body {
            None => {
                let mut call = agent.get(uri);
                for (name, value) in request.headers {
                    call = call.header(*name, value);
                }
                call.config().timeout_global(Some(time)).proxy(tunnel).build().call()
            }
            Some(body) => {
                let mut call = agent.post(uri);
                for (name, value) in request.headers {
                    call = call.header(*name, value);
                }
                call.config().timeout_global(Some(time)).proxy(tunnel).build().send(body)
            }
        };
        let (head, mut body) = sent.map_err(explain)?.into_parts();
        if !request.needs_body {
            return Ok(HttpResponse {
                status: head.status.as_u16(),
                headers: head.headers,
                body: Vec::new(),
            });
        }
        let limit = u64::try_from(self.policy.max_response_bytes).unwrap_or(u64::MAX);
        let body = body.with_config().limit(limit).read_to_vec().map_err(explain)?;
        Ok(HttpResponse { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Returns the agent that encrypts, or the one that does not, as the address says.
    fn agent_for(&self, uri: &Uri) -> Result<&ureq::Agent, String> {
        if uri.scheme_str() == Some("http") {
            return Ok(&self.plain_agent);
        }
        let agent = self.tls_agent.get_or_init(|| {
            let mut authorities = Vec::new();
            for authority in tls::load_authorities()? {
                authorities.push(Certificate::from_der(&authority).to_owned());
            }
            let roots = RootCerts::new_with_certs(&authorities);
            Ok(build_agent(&self.policy, TlsConfig::builder().root_certs(roots).build()))
        });
        match agent {
            Ok(agent) => Ok(agent),
            Err(why) => Err(format!("cannot be asked: {why}")),
        }
    }

    /// Returns what a failure means; a library's own words may hold the address, which can be a secret.
    fn classify_failure(&self, error: &ureq::Error, proxy_variable: Option<&str>) -> HttpFailure {
        let through = proxy_variable.map(|name| format!(" through the proxy in {name}")).unwrap_or_default();
        match error {
            ureq::Error::ConnectProxyFailed(told) => {
                let why = describe_proxy_failure(proxy_variable.unwrap_or("use"), told, None);
                HttpFailure::permanent(format!("cannot be reached: {why}"))
            }
            ureq::Error::Timeout(_) => HttpFailure::transient("does not answer in time"),
            ureq::Error::BodyExceedsLimit(_) => HttpFailure::permanent(format!(
                "answers with more than {} bytes",
                self.policy.max_response_bytes
            )),
            ureq::Error::HostNotFound => {
                HttpFailure::permanent(format!("cannot be reached{through}: its name cannot be resolved"))
            }
            ureq::Error::ConnectionFailed => HttpFailure::transient(format!("cannot be reached{through}")),
            ureq::Error::Io(error) => {
                let (why, outcome) = explain_io_failure(error);
                HttpFailure { why: format!("cannot be reached{through}: {why}"), outcome }
            }
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => HttpFailure::bad_certificate(),
            ureq::Error::Protocol(_) => HttpFailure::transient("breaks off, or does not speak HTTP"),
            _ => HttpFailure::permanent("cannot be asked"),
        }
    }
}

/// Returns an agent that follows no redirect and takes nothing from the environment.
fn build_agent(policy: &RequestPolicy, tls: TlsConfig) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        // A token goes to the address that it is for, and not where that points.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_connect(Some(policy.connect_timeout))
        .tls_config(tls)
        // The library would read the environment; each request says which proxy it goes through.
        .proxy(None)
        .user_agent(AutoHeaderValue::from(concat!("changegate/", env!("CARGO_PKG_VERSION"))))
        .accept(AutoHeaderValue::from("application/json"))
        .max_response_header_size(MAX_HEADER_BYTES)
        .build();
    config.new_agent()
}

impl HttpResponse {
    /// Returns the value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn attempt_outcome(&self) -> AttemptOutcome {
        let wait = match self.header("retry-after") {
            Some(written) => parse_retry_after(written, self.header("date")),
            None => None,
        };
        AttemptOutcome::from_status(self.status, wait)
    }
}

impl HttpFailure {
    /// A failure that another attempt would meet again.
    fn permanent(why: impl Into<String>) -> HttpFailure {
        HttpFailure { why: why.into(), outcome: AttemptOutcome::Settled }
    }

    /// A failure that another attempt may not meet.
    fn transient(why: impl Into<String>) -> HttpFailure {
        HttpFailure { why: why.into(), outcome: AttemptOutcome::NoAnswer }
    }

    fn bad_certificate() -> HttpFailure {
        HttpFailure::permanent(format!("cannot be reached: {UNTRUSTED_CERTIFICATE}"))
    }
}
