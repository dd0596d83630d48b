//! How this program speaks HTTP: one policy of retries, deadlines and size limits, one kind of secret,
//! one set of proxies and one set of trusted authorities, for both clients.
//!
//! There are two clients because they wait differently. `client` asks one thing after the other and
//! blocks; ticket systems and notification channels need no more. GitHub is asked for many things at
//! once, by octocrab, which gets its connections from `connector`.

pub(crate) mod client;
pub(crate) mod connector;
mod failure;
mod loopback;
mod policy;
mod proxy;
mod secret;
mod tls;

pub(crate) use crate::http::failure::explain_connection_failure;
pub(crate) use crate::http::loopback::{hide_login, is_loopback_url};
pub use crate::http::policy::RequestPolicy;
pub(crate) use crate::http::policy::{
    AttemptOutcome, Deadline, RetryDecision, parse_retry_after, read_clock,
};
pub use crate::http::proxy::ProxySettings;
pub use crate::http::secret::Secret;
pub(crate) use crate::http::tls::check_authority_file;
