//! Who the owners in a file of code owners are: people by their accounts and addresses, and teams of the policy.
//!
//! A name that stands for nobody here is not passed over: nobody can approve in its place.

use std::sync::Arc;

use jiff::Timestamp;

use crate::change::person::canonical_address;
use crate::people::code_owners::{
    CodeOwnerSettings, CodeOwners, CodeOwnersFormat, FoundCodeOwners, OwnerName,
};
use crate::people::{PeopleDirectory, ResolvedIdentity, normalise_identity};

/// The people whom the name of an owner stands for; nobody where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnerMembers {
    keys: Vec<String>,
    teams: Vec<String>,
}

impl OwnerMembers {
    /// Returns true if it is not known whom the name stands for.
    pub(crate) fn is_unknown(&self) -> bool {
        self.keys.is_empty() && self.teams.is_empty()
    }

    /// Returns true if the person with this key is one of them; `holds_team` tells the teams that they are in.
    pub(crate) fn includes_person(&self, key: &str, holds_team: &dyn Fn(&str) -> bool) -> bool {
        self.keys.iter().any(|known| known == key) || self.teams.iter().any(|team| holds_team(team))
    }

    /// Returns the teams of the policy that the name stands for.
    pub(crate) fn list_teams(&self) -> &[String] {
        &self.teams
    }

    /// Returns the keys of all who are one of them at a time.
    pub(crate) fn list_keys<'all>(
        &'all self,
        people: &'all PeopleDirectory,
        at: Timestamp,
    ) -> impl Iterator<Item = &'all str> {
        let of_teams = self.teams.iter().flat_map(move |team| people.list_members_at(team, at));
        self.keys.iter().map(String::as_str).chain(of_teams)
    }
}

impl PeopleDirectory {
    /// Returns what the policy says about its file of code owners.
    pub(crate) fn code_owner_settings(&self) -> &CodeOwnerSettings {
        &self.code_owner_settings
    }

    /// Returns what was found where the file of code owners may be.
    pub(crate) fn found_code_owners(&self) -> &FoundCodeOwners {
        &self.code_owners
    }

    /// Sets the file of code owners; `found` is as for the files of a policy.
    pub fn set_code_owners(&mut self, path: &str, found: Result<Option<&[u8]>, String>) {
        let format = self.code_owner_settings.format_at(path);
        self.code_owners = match found {
            Ok(Some(source)) => FoundCodeOwners::Read(Arc::new(CodeOwners::read_file(path, source, format))),
            Ok(None) => FoundCodeOwners::Absent,
            Err(why) => FoundCodeOwners::Unreadable(format!("`{path}` cannot be read: {why}")),
        };
    }

    /// Returns the people whom the name of an owner stands for.
    ///
    /// A handle with a slash is the team that the policy says, or the one of the last part of the name. Any other
    /// is an account; on GitLab, a group is called like an account, so that it can be a team as well.
    pub(crate) fn find_owner_members(&self, owner: &OwnerName, format: CodeOwnersFormat) -> OwnerMembers {
        let mut members = OwnerMembers::default();
        match owner {
            // Who has a role in a project, only GitLab knows.
            OwnerName::Role(_) => {}
            OwnerName::Address(address) => {
                if let Some(id) = canonical_address(address.as_bytes())
                    && let ResolvedIdentity::Human(key) = self.resolve_identity(id)
                {
                    members.keys.push(key);
                }
            }
            OwnerName::Handle(written) => {
                if let Some(team) = self.code_owner_settings.find_team(written) {
                    members.teams.push(team.to_owned());
                    return members;
                }
                let handle = written.trim_start_matches('@');
                let slug = handle.rsplit('/').next().unwrap_or(handle);
                let is_group = handle.contains('/');
                if is_group || format == CodeOwnersFormat::GitLab {
                    let of_forge = match (handle.split_once('/'), format) {
                        (Some((organisation, slug)), CodeOwnersFormat::GitHub) => {
                            self.find_team_of(organisation, slug)
                        }
                        _ => None,
                    };
                    let named = self.team_names().find(|team| *team == slug);
                    members.teams.extend(named.or(of_forge).map(str::to_owned));
                }
                if !is_group {
                    members.keys.extend(self.find_account_holder(handle, format));
                }
            }
        }
        members
    }

    /// Returns the key of the person with this login; the roster can list it with its forge or without.
    fn find_account_holder(&self, login: &str, format: CodeOwnersFormat) -> Option<String> {
        let with_forge = format!("{}:{login}", format.forge_name());
        let written: &[&str] = if self.has_roster() { &[&with_forge, login] } else { &[&with_forge] };
        written.iter().find_map(|written| match self.resolve_identity(normalise_identity(written)?) {
            ResolvedIdentity::Human(key) => Some(key),
            _ => None,
        })
    }
}
