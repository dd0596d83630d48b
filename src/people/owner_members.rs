//! Who the owners in a file of code owners are: people by their accounts and addresses, and teams of the policy.
//!
//! A name that stands for nobody here is not passed over: nobody can approve in its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::change::person::canonical_address;
use crate::people::code_owners::{
    CodeOwnerSettings, CodeOwners, CodeOwnersFormat, FoundCodeOwners, OwnerName,
};
use crate::people::forge_teams::ForgeTeamName;
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

    /// Returns the keys of the people, and the names of the teams, of GitHub too.
    pub(crate) fn list_names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().chain(&self.teams).map(String::as_str)
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
        self.resolve_teams();
    }

    /// Returns the teams of GitHub that the file of code owners names and no team of the policy stands for.
    pub(super) fn list_owner_teams(&self) -> BTreeSet<ForgeTeamName> {
        let FoundCodeOwners::Read(file) = &self.code_owners else { return BTreeSet::new() };
        let owners = file.list_entries().flat_map(|entry| &entry.owners);
        owners.filter_map(|owner| self.find_owner_team(owner, file.format)).collect()
    }

    /// Returns the team of GitHub that an owner is, unless a team of the policy stands for the name.
    pub(crate) fn find_owner_team(
        &self,
        owner: &OwnerName,
        format: CodeOwnersFormat,
    ) -> Option<ForgeTeamName> {
        let OwnerName::Handle(written) = owner else { return None };
        let (_, slug) = written.split_once('/')?;
        if format != CodeOwnersFormat::GitHub
            || self.code_owner_settings.find_team(written).is_some()
            || self.team_names().any(|team| team == slug)
        {
            return None;
        }
        let name = ForgeTeamName::find_name(&format!("github:{}", written.trim_start_matches('@')))?;
        self.find_team_of(&name.organisation, &name.slug).is_none().then_some(name)
    }

    /// Returns the people whom the name of an owner stands for.
    ///
    /// A handle with a slash is the team that the policy says, or the one of the last part of the name, or else the team
    /// of GitHub. Any other is an account; on GitLab, a group is called like an account, so that it can be a team as well.
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
                    // Who is in a team that the policy does not know, only GitHub can tell, and only of the file of the policy.
                    if members.teams.is_empty() {
                        let name = self.find_owner_team(owner, format).map(|name| name.written());
                        members.teams.extend(name.filter(|name| self.owner_teams.contains_key(name)));
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Stage;
    use crate::people::forge_teams::ForgeTeamMembers;
    use crate::yaml;

    #[test]
    fn a_team_that_only_the_file_names_is_one_of_github() {
        let text = "teams: { infra: [ben@example.com] }\ncodeowners: { teams: { '@acme/ops': infra } }\n";
        let read = |format: &str| {
            let text = text.replace("codeowners: {", &format!("codeowners: {{ format: {format},"));
            let mut faults = Vec::new();
            let mut people =
                PeopleDirectory::read_people(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults);
            assert_eq!(faults, []);
            let file = b"* @acme/security @acme/ops @acme/infra @Acme/Security @ana\n";
            people.set_code_owners("CODEOWNERS", Ok(Some(file)));
            people
        };
        let mut people = read("github");
        let names: Vec<String> = people.list_forge_teams().iter().map(ForgeTeamName::written).collect();
        assert_eq!(names, ["github:acme/security"]);
        let at = Timestamp::UNIX_EPOCH;
        let owner = OwnerName::Handle("@Acme/Security".to_owned());
        let members = people.find_owner_members(&owner, CodeOwnersFormat::GitHub);
        assert!(
            !members.is_unknown()
                && !members.includes_person("github:ana", &|team| people.is_member("github:ana", team, at))
        );
        let teams = || members.list_teams().iter().map(String::as_str);
        assert!(people.find_untold_members(teams(), Stage::PreReceive).is_some());
        // Once GitHub has told, its members are owners, and nobody else.
        let name = people.list_forge_teams().into_iter().next().unwrap();
        people.set_forge_teams(ForgeTeamMembers::from([(name, Ok(vec!["github:ana#7".into()]))]));
        assert!(members.includes_person("github:ana", &|team| people.is_member("github:ana", team, at)));
        assert!(!members.includes_person("ben@example.com", &|team| people.is_member(
            "ben@example.com",
            team,
            at
        )));
        assert_eq!(people.find_untold_members(teams(), Stage::PullRequest), None);
        // A group of GitLab is not looked up.
        assert!(read("gitlab").list_forge_teams().is_empty());
    }
}
