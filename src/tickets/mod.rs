//! Ticket systems: GitHub's issues, Jira, Linear, and a file for everything else.
//!
//! One question is asked of all of them: what do you say of these keys? A key is read before anything
//! is sent, so that no text of a contributor becomes part of an address. A token goes to the one
//! address that it was given for, and nowhere else: no redirect is followed. One deadline holds for
//! all that is asked at once, and what a system does not answer is a fact that is missing.
//!
//! No hook comes here: a push does not wait for another server.

mod access;
mod api;
mod export;
mod github;
mod jira;
pub(crate) mod key_order;
mod linear;
pub(crate) mod mentions;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::change::ticket::TicketKey;
use crate::change::{Fact, Text, Ticket, TicketLookup};
use crate::http::RequestPolicy;
use crate::http::client::HttpClient;
use crate::policy::{TicketSystem, TicketSystems};
use crate::tickets::access::tickets_unavailable;
use crate::tickets::jira::JiraEdition;

pub use crate::tickets::access::{JiraAccess, TicketAccess};
pub use crate::tickets::export::{EXPORT_COLUMNS, TicketExport};

/// How many tickets one change may name.
const MAX_TICKETS: usize = 50;

/// Why GitHub is not asked without the name of a repository.
const NO_REPOSITORY: &str = "no repository on GitHub is named (GITHUB_REPOSITORY)";

/// Where tickets are looked up, and what was found so far: each ticket is asked for once.
#[derive(Debug)]
pub struct TicketSources {
    systems: TicketSystems,
    access: TicketAccess,
    found: BTreeMap<Text, Fact<Option<Ticket>>>,
    /// How long all that is still to be asked may take together; `None` if only `access` bounds it.
    time_left: Option<Duration>,
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

    /// Returns a client for what is asked at once.
    fn open_client(&self) -> HttpClient {
        let timeout = self.access.timeout;
        let total_timeout = self.time_left.map_or(timeout, |left| left.min(timeout));
        let policy = RequestPolicy { total_timeout, ..RequestPolicy::TICKETS };
        HttpClient::new(policy, self.access.proxies.clone())
    }

    fn charge_time(&mut self, http: &HttpClient) {
        if let Some(left) = &mut self.time_left {
            *left = left.saturating_sub(http.time_spent());
        }
    }

    /// Returns what the systems say of these keys, in this order.
    pub fn look_up_tickets(&mut self, keys: &[Text]) -> Vec<TicketLookup> {
        let http = self.open_client();
        let mut looked_up: Vec<TicketLookup> = Vec::with_capacity(keys.len());
        for key in keys {
            if looked_up.iter().any(|known| known.key == *key) {
                continue;
            }
            let found = match self.found.get(key) {
                Some(found) => found.clone(),
                None if looked_up.len() >= MAX_TICKETS => {
                    Err(tickets_unavailable(format!("more than {MAX_TICKETS} tickets are named")))
                }
                None => {
                    let found = self.find_ticket(key, &http);
                    self.found.insert(key.clone(), found.clone());
                    found
                }
            };
            looked_up.push(TicketLookup { key: key.clone(), found });
        }
        self.charge_time(&http);
        looked_up
    }

    fn find_ticket(&self, written: &Text, http: &HttpClient) -> Fact<Option<Ticket>> {
        self.ask_system(written, http).map_err(tickets_unavailable)
    }

    fn ask_system(&self, written: &Text, http: &HttpClient) -> Result<Option<Ticket>, String> {
        // Systems take a key in any case, and write it in capitals. Only ASCII has a case here: a letter that
        // looks like one of a key makes no key.
        let capitals = Text::from(&*written.as_bytes().to_ascii_uppercase());
        let Some(key) = TicketKey::parse_key(&capitals) else {
            return Err("this is not the key of a ticket, such as PAY-412 or #12".into());
        };
        let Some(system) = self.systems.find_system(&key) else {
            return Err(format!("the policy's `tickets` name no system for `{}`", key.prefix));
        };
        let access = &self.access;
        match system {
            TicketSystem::GitHub { repository } => {
                github::find_ticket(http, access, self.github_repository(repository.as_deref())?, &key)
            }
            TicketSystem::JiraCloud(url) => {
                jira::find_ticket(http, self.jira_access(url)?, JiraEdition::Cloud, &key)
            }
            TicketSystem::JiraDataCenter(url) => {
                jira::find_ticket(http, self.jira_access(url)?, JiraEdition::DataCenter, &key)
            }
            TicketSystem::Linear => match &access.linear {
                Some(token) => linear::find_ticket(http, &access.linear_url, token, &key),
                None => Err(linear::NO_LINEAR_TOKEN.into()),
            },
            TicketSystem::Export => self.export()?.find_ticket(&key),
        }
    }

    /// Returns the repository whose issues are meant: the one that the policy names, or else the one
    /// that is judged.
    fn github_repository<'asked>(&'asked self, named: Option<&'asked str>) -> Result<&'asked str, String> {
        named.or(self.access.repository.as_deref()).ok_or_else(|| NO_REPOSITORY.to_owned())
    }

    fn export(&self) -> Result<&TicketExport, String> {
        match &self.access.export {
            Some(Ok(export)) => Ok(export),
            Some(Err(why)) => Err(why.clone()),
            None => Err(export::NO_EXPORT.into()),
        }
    }

    /// Returns the account that asks the Jira at `url`, if the token was given for just this address.
    fn jira_access(&self, url: &str) -> Result<&JiraAccess, String> {
        match &self.access.jira {
            None => Err("no token for Jira is set (JIRA_URL, JIRA_TOKEN)".into()),
            Some(access) if access.url == url => Ok(access),
            Some(access) => {
                Err(format!("the token for Jira is for {}, and the policy names {url}", access.url))
            }
        }
    }
}
