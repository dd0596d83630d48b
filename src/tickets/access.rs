//! What it takes to ask ticket systems: addresses, tokens, a file, a proxy.

use std::fmt;
use std::time::Duration;

use crate::change::{FactKind, Missing};
use crate::http::{ProxySettings, RequestPolicy, Secret};
use crate::tickets::export::TicketExport;

/// How many tickets of one system are looked at because they may name a commit, the oldest first.
pub(crate) const MAX_MENTIONS: usize = 20;

/// What the gate's administrator brings: tokens, the address that each is for, a file.
#[derive(Clone)]
pub struct TicketAccess {
    /// Where Jira is, and the account that asks it.
    pub jira: Option<JiraAccess>,
    /// A key for Linear.
    pub linear: Option<Secret>,
    /// The address of Linear's GraphQL API.
    pub linear_url: String,
    /// A token for GitHub; public repositories can be read without.
    pub github: Option<Secret>,
    /// The address of GitHub's REST API.
    pub github_url: String,
    /// The repository that is judged, as in `acme/shop`.
    pub repository: Option<String>,
    /// The export of a ticket system, or why it cannot be read.
    pub export: Option<Result<TicketExport, String>>,
    /// How long all systems together have to answer.
    pub timeout: Duration,
    /// The proxy that systems are asked through.
    pub proxies: ProxySettings,
}

/// The account that asks Jira.
#[derive(Clone)]
pub struct JiraAccess {
    /// The one address that the token is for.
    pub url: String,
    /// The account's address; Jira Data Center takes a token alone.
    pub email: Option<String>,
    /// The token, which goes to `url` and nowhere else.
    pub token: Secret,
}

impl Default for TicketAccess {
    fn default() -> Self {
        TicketAccess {
            jira: None,
            linear: None,
            linear_url: "https://api.linear.app/graphql".into(),
            github: None,
            github_url: "https://api.github.com".into(),
            repository: None,
            export: None,
            timeout: RequestPolicy::TICKETS.total_timeout,
            proxies: ProxySettings::default(),
        }
    }
}

impl fmt::Debug for TicketAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jira_url = self.jira.as_ref().map(|jira| &jira.url);
        f.debug_struct("TicketAccess")
            .field("jira_url", &jira_url)
            .field("linear_url", &self.linear_url)
            .field("github_url", &self.github_url)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

/// Returns that tickets are not known, and why.
pub(crate) fn tickets_unavailable(why: String) -> Missing {
    Missing::Unavailable(FactKind::Tickets, why)
}
