//! Tickets that name a change: found by the digits of its commit, and by nothing else.
//!
//! Nothing that a contributor wrote goes into the question. What a system finds is a hint and no more:
//! each ticket is looked up by its key like any other, and its text is read here.

use super::door::Door;
use super::{Sources, export, github, jira, linear, unavailable};
use crate::change::ticket::{DIGITS, Key};
use crate::change::{Fact, Oid, Text, Ticket};
use crate::policy::System;

/// How many tickets of one system are looked at, the oldest first.
pub(super) const MOST: usize = 20;

impl Sources {
    /// Returns the tickets whose title or description names a commit, with each system that was asked
    /// in words.
    pub fn naming(&mut self, id: Oid) -> Vec<(String, Fact<Vec<Ticket>>)> {
        let systems: Vec<(System, Vec<String>)> = self.systems.each();
        systems
            .iter()
            .map(|(system, fronts)| {
                let door = self.open();
                let found = self.search(&door, system, fronts, id).map_err(unavailable);
                self.close(&door);
                (words(system), found.and_then(|keys| self.read(system, &keys, id)))
            })
            .collect()
    }

    /// Returns the keys of what may name the commit.
    fn search(&self, door: &Door, system: &System, fronts: &[String], id: Oid) -> Result<Vec<Key>, String> {
        let id = id.to_string();
        let digits = id.get(..DIGITS).unwrap_or(&id);
        let found = match system {
            System::GitHub { repository } => {
                // An issue is called by its number; the key that the policy has for it is made here.
                let Some(front) = fronts.iter().find(|front| *front != "*") else { return Ok(Vec::new()) };
                let here = repository.as_deref().or(self.access.repository.as_deref());
                let here = here.ok_or("nobody says of which repository on GitHub")?;
                let numbers = github::naming(door, &self.access, here, &[digits, &id])?;
                let joint = if front == "#" { "" } else { "-" };
                numbers.into_iter().map(|number| format!("{front}{joint}{number}")).collect()
            }
            System::Jira(url) => {
                jira::naming(door, self.jira(url).map_err(why)?, jira::Kind::Cloud, fronts, digits, &id)?
            }
            System::JiraDataCenter(url) => {
                jira::naming(door, self.jira(url).map_err(why)?, jira::Kind::DataCenter, fronts, digits, &id)?
            }
            System::Linear => {
                let token = self.access.linear.as_ref().ok_or(linear::NO_TOKEN)?;
                linear::naming(door, &self.access.linear_url, token, digits)?
            }
            System::Export => match &self.access.export {
                Some(Ok(export)) => export.naming(digits)?,
                Some(Err(why)) => return Err(why.clone()),
                None => return Err(export::NONE.into()),
            },
        };
        Ok(found.iter().filter_map(|key| Key::read(&Text::from(key.as_str()))).take(MOST).collect())
    }

    /// Returns those of the tickets that are in `system`, and say what they were found by.
    fn read(&mut self, system: &System, keys: &[Key], id: Oid) -> Fact<Vec<Ticket>> {
        let here = |key: &&Key| self.systems.find(key) == Some(system);
        let keys: Vec<Text> = keys.iter().filter(here).map(|key| key.as_str().into()).collect();
        let mut found = Vec::new();
        for looked_up in self.look_up(&keys) {
            found.extend(looked_up.found?.filter(|ticket| ticket.names_change(id)));
        }
        Ok(found)
    }
}

fn why(missing: crate::change::Missing) -> String {
    match missing {
        crate::change::Missing::Unavailable(_, why) => why,
        other => other.to_string(),
    }
}

/// Returns what a system is called.
fn words(system: &System) -> String {
    match system {
        System::GitHub { repository: Some(repository) } => format!("GitHub ({repository})"),
        System::GitHub { repository: None } => "GitHub".into(),
        System::Jira(url) | System::JiraDataCenter(url) => format!("Jira at {url}"),
        System::Linear => "Linear".into(),
        System::Export => "the export".into(),
    }
}
