//! Tickets that name a change: found by the digits of its commit, and by nothing else.
//!
//! Nothing that a contributor wrote goes into the question. What a system finds is a hint and no more:
//! each ticket is looked up by its key like any other, and its text is read here.

use crate::change::ticket::TicketKey;
use crate::change::{Fact, Oid, Text, Ticket};
use crate::http::client::HttpClient;
use crate::policy::TicketSystem;
use crate::tickets::access::{MAX_MENTIONS, tickets_unavailable};
use crate::tickets::jira::JiraEdition;
use crate::tickets::{TicketSources, github, jira, linear};

impl TicketSources {
    /// Returns the tickets whose title or description names a commit, with the name of each system that
    /// was asked.
    pub fn find_mentions(&mut self, id: Oid) -> Vec<(String, Fact<Vec<Ticket>>)> {
        let systems: Vec<(TicketSystem, Vec<String>)> = self.systems.group_by_system();
        let mut answers = Vec::new();
        for (system, prefixes) in &systems {
            let http = self.open_client();
            let found = self.search_keys(&http, system, prefixes, id).map_err(tickets_unavailable);
            self.charge_time(&http);
            let tickets = match found {
                Ok(keys) => self.read_mentions(system, &keys, id),
                Err(missing) => Err(missing),
            };
            answers.push((describe_system(system), tickets));
        }
        answers
    }

    /// Returns the keys of the tickets that may name the commit.
    fn search_keys(
        &self,
        http: &HttpClient,
        system: &TicketSystem,
        prefixes: &[String],
        id: Oid,
    ) -> Result<Vec<TicketKey>, String> {
        let id = id.to_string();
        let found = match system {
            TicketSystem::GitHub { repository } => {
                // An issue is called by its number; the key that the policy has for it is made here.
                let Some(prefix) = prefixes.iter().find(|prefix| *prefix != "*") else {
                    return Ok(Vec::new());
                };
                let repository = self.github_repository(repository.as_deref())?;
                let joint = if prefix == "#" { "" } else { "-" };
                let mut keys = Vec::new();
                for number in github::find_mentions(http, &self.access, repository, &id)? {
                    keys.push(format!("{prefix}{joint}{number}"));
                }
                keys
            }
            TicketSystem::JiraCloud(url) => {
                let access = self.jira_access(url)?;
                jira::find_mentions(http, access, JiraEdition::Cloud, prefixes, &id)?
            }
            TicketSystem::JiraDataCenter(url) => {
                let access = self.jira_access(url)?;
                jira::find_mentions(http, access, JiraEdition::DataCenter, prefixes, &id)?
            }
            TicketSystem::Linear => {
                let token = self.access.linear.as_ref().ok_or(linear::NO_LINEAR_TOKEN)?;
                linear::find_mentions(http, &self.access.linear_url, token, &id)?
            }
            TicketSystem::Export => self.export()?.find_mentions(&id)?,
        };
        let mut keys = Vec::new();
        for key in &found {
            keys.extend(TicketKey::parse_key(&Text::from(key.as_str())));
        }
        keys.truncate(MAX_MENTIONS);
        Ok(keys)
    }

    /// Returns those of the tickets that are in `system` and name the commit.
    fn read_mentions(&mut self, system: &TicketSystem, keys: &[TicketKey], id: Oid) -> Fact<Vec<Ticket>> {
        let mut keys_here: Vec<Text> = Vec::new();
        for key in keys {
            if self.systems.find_system(key) == Some(system) {
                keys_here.push(key.as_str().into());
            }
        }
        let mut found = Vec::new();
        for looked_up in self.look_up_tickets(&keys_here) {
            found.extend(looked_up.found?.filter(|ticket| ticket.mentions_commit(id)));
        }
        Ok(found)
    }
}

/// Returns what a system is called in messages.
fn describe_system(system: &TicketSystem) -> String {
    match system {
        TicketSystem::GitHub { repository: Some(repository) } => format!("GitHub ({repository})"),
        TicketSystem::GitHub { repository: None } => "GitHub".into(),
        TicketSystem::JiraCloud(url) | TicketSystem::JiraDataCenter(url) => format!("Jira at {url}"),
        TicketSystem::Linear => "Linear".into(),
        TicketSystem::Export => "the export".into(),
    }
}
