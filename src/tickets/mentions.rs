//! Tickets that name a change: found by the digits of its commit, and by nothing else.
//!
//! Nothing that a contributor wrote goes into the question. What a system finds is a hint and no more:
//! each ticket is looked up by its key like any other, and its text is read here.

use crate::change::ticket::{MIN_COMMIT_DIGITS, TicketKey};
use crate::change::{Fact, Oid, Text, Ticket};
use crate::policy::TicketSystem;
use crate::tickets::http::HttpClient;
use crate::tickets::{TicketSources, export, github, jira, linear, tickets_unavailable};

/// How many tickets of one system are looked at, the oldest first.
pub(crate) const MAX_MENTIONS: usize = 20;

impl TicketSources {
    /// Returns the tickets whose title or description names a commit, with each system that was asked
    /// in words.
    pub fn find_mentions(&mut self, id: Oid) -> Vec<(String, Fact<Vec<Ticket>>)> {
        let systems: Vec<(TicketSystem, Vec<String>)> = self.systems.group_by_system();
        systems
            .iter()
            .map(|(system, fronts)| {
                let door = self.open_client();
                let found = self.search_keys(&door, system, fronts, id).map_err(tickets_unavailable);
                self.charge_time(&door);
                (describe_system(system), found.and_then(|keys| self.read_mentions(system, &keys, id)))
            })
            .collect()
    }

    /// Returns the keys of what may name the commit.
    fn search_keys(
        &self,
        door: &HttpClient,
        system: &TicketSystem,
        fronts: &[String],
        id: Oid,
    ) -> Result<Vec<TicketKey>, String> {
        let id = id.to_string();
        let digits = id.get(..MIN_COMMIT_DIGITS).unwrap_or(&id);
        let found = match system {
            TicketSystem::GitHub { repository } => {
                // An issue is called by its number; the key that the policy has for it is made here.
                let Some(front) = fronts.iter().find(|front| *front != "*") else { return Ok(Vec::new()) };
                let here = repository.as_deref().or(self.access.repository.as_deref());
                let here = here.ok_or("nobody says of which repository on GitHub")?;
                let numbers = github::find_mentions(door, &self.access, here, &[digits, &id])?;
                let joint = if front == "#" { "" } else { "-" };
                numbers.into_iter().map(|number| format!("{front}{joint}{number}")).collect()
            }
            TicketSystem::JiraCloud(url) => jira::find_mentions(
                door,
                self.jira_access(url).map_err(missing_reason)?,
                jira::JiraEdition::Cloud,
                fronts,
                digits,
                &id,
            )?,
            TicketSystem::JiraDataCenter(url) => jira::find_mentions(
                door,
                self.jira_access(url).map_err(missing_reason)?,
                jira::JiraEdition::DataCenter,
                fronts,
                digits,
                &id,
            )?,
            TicketSystem::Linear => {
                let token = self.access.linear.as_ref().ok_or(linear::NO_LINEAR_TOKEN)?;
                linear::find_mentions(door, &self.access.linear_url, token, digits)?
            }
            TicketSystem::Export => match &self.access.export {
                Some(Ok(export)) => export.find_mentions(digits)?,
                Some(Err(why)) => return Err(why.clone()),
                None => return Err(export::NO_EXPORT.into()),
            },
        };
        Ok(found
            .iter()
            .filter_map(|key| TicketKey::parse_key(&Text::from(key.as_str())))
            .take(MAX_MENTIONS)
            .collect())
    }

    /// Returns those of the tickets that are in `system`, and say what they were found by.
    fn read_mentions(&mut self, system: &TicketSystem, keys: &[TicketKey], id: Oid) -> Fact<Vec<Ticket>> {
        let here = |key: &&TicketKey| self.systems.find_system(key) == Some(system);
        let keys: Vec<Text> = keys.iter().filter(here).map(|key| key.as_str().into()).collect();
        let mut found = Vec::new();
        for looked_up in self.look_up_tickets(&keys) {
            found.extend(looked_up.found?.filter(|ticket| ticket.mentions_commit(id)));
        }
        Ok(found)
    }
}

fn missing_reason(missing: crate::change::Missing) -> String {
    match missing {
        crate::change::Missing::Unavailable(_, why) => why,
        other => other.to_string(),
    }
}

/// Returns what a system is called.
fn describe_system(system: &TicketSystem) -> String {
    match system {
        TicketSystem::GitHub { repository: Some(repository) } => format!("GitHub ({repository})"),
        TicketSystem::GitHub { repository: None } => "GitHub".into(),
        TicketSystem::JiraCloud(url) | TicketSystem::JiraDataCenter(url) => format!("Jira at {url}"),
        TicketSystem::Linear => "Linear".into(),
        TicketSystem::Export => "the export".into(),
    }
}
