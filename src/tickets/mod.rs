//! Ticket systems: GitHub's issues, Jira, Linear, and a file for everything else.
//!
//! One question is asked of all of them: what do you say of these keys? A key is read before anything
//! is sent, so that no text of a contributor becomes part of an address. A token goes to the one
//! address that it was given for, and nowhere else: no redirect is followed. One deadline holds for
//! all that is asked at once, and what a system does not answer is a fact that is missing.
//!
//! No hook comes here: opening a connection is for those who have time for it.

mod export;
mod github;
pub(crate) mod http;
mod jira;
pub(crate) mod key_order;
mod linear;
pub(crate) mod mentions;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::change::ticket::TicketKey;
use crate::change::{Fact, FactKind, Missing, Text, Ticket, TicketLookup};
use crate::policy::{TicketSystem, TicketSystems};
use crate::tickets::http::HttpClient;

pub use crate::tickets::export::{EXPORT_COLUMNS, TicketExport};

/// How many tickets one change may name.
const MAX_TICKETS: usize = 50;

/// How long all systems together have to answer, unless somebody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// What whoever runs the gate brings: tokens, the address that each is for, a file.
#[derive(Clone, Debug)]
pub struct TicketAccess {
    /// Where Jira is, and who asks it.
    pub jira: Option<JiraAccess>,
    /// A key for Linear.
    pub linear: Option<TicketToken>,
    /// Where Linear is.
    pub linear_url: String,
    /// A token for GitHub; public repositories can be read without.
    pub github: Option<TicketToken>,
    /// Where GitHub's API is.
    pub github_url: String,
    /// The repository that is judged, as in `acme/shop`.
    pub repository: Option<String>,
    /// The export of a ticket system, or why it cannot be read.
    pub export: Option<Result<TicketExport, String>>,
    /// How long all systems together have to answer.
    pub timeout: Duration,
}

/// Who asks Jira.
#[derive(Clone, Debug)]
pub struct JiraAccess {
    /// The one address that the token is for.
    pub url: String,
    /// The account's address; Jira Data Center takes a token alone.
    pub email: Option<String>,
    /// The token.
    pub token: TicketToken,
}

/// A token, which is never shown.
#[derive(Clone)]
pub struct TicketToken(String);

/// Where tickets are looked up, and what was found so far: each ticket is asked for once.
#[derive(Debug)]
pub struct TicketSources {
    systems: TicketSystems,
    access: TicketAccess,
    found: BTreeMap<Text, Fact<Option<Ticket>>>,
    /// How long all that is still to be asked may take together; `None` if nobody has said.
    time_left: Option<Duration>,
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
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

impl TicketToken {
    /// Returns the token that was given.
    ///
    /// # Errors
    ///
    /// Refuses what no header can carry; the reason does not repeat it.
    pub fn new(token: &str) -> Result<Self, String> {
        let token = token.trim();
        match !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(TicketToken(token.to_owned())),
            false => Err("is empty, or holds characters that no token has".into()),
        }
    }
}

impl fmt::Debug for TicketToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl TicketSources {
    /// Returns the systems of a policy, with what it takes to ask them.
    pub fn new(systems: TicketSystems, access: TicketAccess) -> Self {
        TicketSources { systems, access, found: BTreeMap::new(), time_left: None }
    }

    /// Gives all that will ever be asked so much time together.
    #[must_use]
    pub fn with_time_budget(self, all: Duration) -> Self {
        TicketSources { time_left: Some(all), ..self }
    }

    /// Opens a door for what is asked at once.
    fn open_client(&self) -> HttpClient {
        HttpClient::new(self.time_left.map_or(self.access.timeout, |left| left.min(self.access.timeout)))
    }

    fn charge_time(&mut self, door: &HttpClient) {
        self.time_left = self.time_left.map(|left| left.saturating_sub(door.time_spent()));
    }

    /// Returns what the systems say of these keys, in this order.
    pub fn look_up_tickets(&mut self, keys: &[Text]) -> Vec<TicketLookup> {
        let door = self.open_client();
        let mut looked_up: Vec<TicketLookup> = Vec::with_capacity(keys.len());
        for key in keys {
            if looked_up.iter().any(|known| known.key == *key) {
                continue;
            }
            let found = match self.found.get(key) {
                Some(found) => found.clone(),
                None if MAX_TICKETS <= looked_up.len() => {
                    Err(tickets_unavailable(format!("more than {MAX_TICKETS} tickets are named")))
                }
                None => {
                    let found = self.find_ticket(key, &door);
                    self.found.insert(key.clone(), found.clone());
                    found
                }
            };
            looked_up.push(TicketLookup { key: key.clone(), found });
        }
        self.charge_time(&door);
        looked_up
    }

    fn find_ticket(&self, written: &Text, door: &HttpClient) -> Fact<Option<Ticket>> {
        let key = TicketKey::parse_key(written).ok_or_else(|| {
            tickets_unavailable("this is not the key of a ticket, such as PAY-412 or #12".into())
        })?;
        let system = self.systems.find_system(&key).ok_or_else(|| {
            tickets_unavailable(format!("the policy's `tickets` name no system for `{}`", key.prefix))
        })?;
        let access = &self.access;
        match system {
            TicketSystem::GitHub { repository } => {
                let here = repository.as_deref().or(access.repository.as_deref());
                let here = here
                    .ok_or_else(|| tickets_unavailable("nobody says of which repository on GitHub".into()))?;
                github::find_ticket(door, access, here, &key)
            }
            TicketSystem::JiraCloud(url) => {
                jira::find_ticket(door, self.jira_access(url)?, jira::JiraEdition::Cloud, &key)
            }
            TicketSystem::JiraDataCenter(url) => {
                jira::find_ticket(door, self.jira_access(url)?, jira::JiraEdition::DataCenter, &key)
            }
            TicketSystem::Linear => match &access.linear {
                Some(token) => linear::find_ticket(door, &access.linear_url, token, &key),
                None => Err(linear::NO_LINEAR_TOKEN.into()),
            },
            TicketSystem::Export => match &access.export {
                Some(Ok(export)) => export.find_ticket(&key),
                Some(Err(why)) => Err(why.clone()),
                None => Err(export::NO_EXPORT.into()),
            },
        }
        .map_err(tickets_unavailable)
    }

    /// Returns who asks the Jira at `url`: nobody, unless the token was given for just this address.
    fn jira_access(&self, url: &str) -> Fact<&JiraAccess> {
        match &self.access.jira {
            None => Err(tickets_unavailable("no token for Jira is set (JIRA_URL, JIRA_TOKEN)".into())),
            Some(access) if access.url == url => Ok(access),
            Some(access) => {
                let why = format!("the token for Jira is for {}, and the policy names {url}", access.url);
                Err(tickets_unavailable(why))
            }
        }
    }
}

fn tickets_unavailable(why: String) -> Missing {
    Missing::Unavailable(FactKind::Tickets, why)
}
