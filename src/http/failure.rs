//! Why a request got no answer, in the same words for both clients, and whether to send it again.

use std::error::Error;
use std::io;

use crate::http::connector::TunnelFailure;
use crate::http::policy::AttemptOutcome;

/// What to do about a certificate that is not trusted.
pub(crate) const UNTRUSTED_CERTIFICATE: &str =
    "its certificate is not trusted; SSL_CERT_FILE can name the file of another authority";

/// What the resolver of the C library says about a name that it does not know. The standard library gives
/// it no kind of its own.
const UNKNOWN_HOST_TEXT: &str = "failed to lookup address information";

/// Returns what the failure of a connection is, and whether another attempt may end otherwise; `None` for
/// what is no failure of a connection.
pub(crate) fn explain_connection_failure(error: &(dyn Error + 'static)) -> Option<(String, AttemptOutcome)> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tunnel) = error.downcast_ref::<TunnelFailure>() {
            return Some((tunnel.to_string(), tunnel.outcome()));
        }
        if error.downcast_ref::<rustls::Error>().is_some() {
            return Some((UNTRUSTED_CERTIFICATE.to_owned(), AttemptOutcome::Settled));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(explain_io_failure(error));
        }
        next = error.source();
    }
    None
}

/// Returns what a failure of the operating system is, and whether another attempt may end otherwise.
pub(crate) fn explain_io_failure(error: &io::Error) -> (String, AttemptOutcome) {
    if let Some(inner) = error.get_ref() {
        if inner.downcast_ref::<rustls::Error>().is_some() {
            return (UNTRUSTED_CERTIFICATE.to_owned(), AttemptOutcome::Settled);
        }
        // Connections of TLS wrap one such error in another.
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return explain_io_failure(inner);
        }
    }
    if error.to_string().contains(UNKNOWN_HOST_TEXT) {
        return ("its name cannot be resolved".to_owned(), AttemptOutcome::Settled);
    }
    (error.kind().to_string(), AttemptOutcome::NoAnswer)
}
