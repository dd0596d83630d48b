//! Who is in the teams of a policy, as far as a forge has told about its own teams.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Fact, FactKind, Missing, Stage};
use crate::people::account_numbers::split_account_number;
use crate::people::forge_teams::{ForgeTeamMembers, ForgeTeamName};
use crate::people::{PeopleDirectory, ResolvedIdentity, TeamMembers, normalise_identity};

impl PeopleDirectory {
    /// Returns the teams of a forge that the teams of the policy or its code owners name, each once.
    pub fn list_forge_teams(&self) -> BTreeSet<ForgeTeamName> {
        let written = self.teams.values().chain(self.owner_teams.values()).flat_map(|team| &team.written);
        written.filter_map(|member| ForgeTeamName::find_name(member)).collect()
    }

    /// Finds out again which people the members of all teams are.
    pub(super) fn resolve_teams(&mut self) {
        let owner_teams = self.list_owner_teams();
        self.owner_teams = owner_teams
            .into_iter()
            .map(|name| {
                (name.written(), TeamMembers { written: vec![name.written()], keys: BTreeSet::new() })
            })
            .collect();
        let mut resolved = Vec::new();
        let mut numbered = Vec::new();
        for team in self.teams.values().chain(self.owner_teams.values()) {
            let mut keys = BTreeSet::new();
            for member in team.written.iter().flat_map(|written| self.list_told_members(written)) {
                let Some(id) = normalise_identity(member) else { continue };
                if let ResolvedIdentity::Human(key) = self.resolve_identity(id) {
                    numbered.push((member.to_owned(), key.clone()));
                    keys.insert(key);
                }
            }
            resolved.push(keys);
        }
        for (member, key) in numbered {
            self.numbers.add_listed(&member, &key);
        }
        let teams = self.teams.values_mut().chain(self.owner_teams.values_mut());
        for (team, keys) in teams.zip(resolved) {
            team.keys = keys;
        }
        let mut names = self.teams.keys().chain(self.owner_teams.keys());
        self.has_untold_teams = names.any(|team| self.has_untold_members(team));
    }

    /// Returns a team of the policy, or one that only the file of code owners names.
    pub(super) fn find_team(&self, team: &str) -> Option<&TeamMembers> {
        self.teams.get(team).or_else(|| self.owner_teams.get(team))
    }

    /// Sets what the forge tells about its teams.
    pub fn set_forge_teams(&mut self, told: ForgeTeamMembers) {
        self.forge_teams = told;
        self.resolve_teams();
    }

    /// Returns what the forge told about its teams, by their names.
    pub(crate) fn list_told_teams(&self) -> BTreeMap<String, Fact<Vec<String>>> {
        self.forge_teams.iter().map(|(name, members)| (name.written(), members.clone())).collect()
    }

    /// Returns the same people with what a forge told about its teams at the time of a change.
    pub(crate) fn with_recorded_teams(&self, told: &BTreeMap<String, Fact<Vec<String>>>) -> PeopleDirectory {
        let named = |(name, members): (&String, &Fact<Vec<String>>)| {
            Some((ForgeTeamName::find_name(name)?, members.clone()))
        };
        let mut people = self.clone();
        people.set_forge_teams(told.iter().filter_map(named).collect());
        people
    }

    /// Returns a member of a team as written, or where it is a team of a forge, its members as far as they are known.
    pub(super) fn list_told_members<'people>(&'people self, written: &'people str) -> Vec<&'people str> {
        match ForgeTeamName::find_name(written) {
            None => vec![written],
            Some(name) => match self.forge_teams.get(&name) {
                Some(Ok(members)) => members.iter().map(String::as_str).collect(),
                Some(Err(_)) | None => Vec::new(),
            },
        }
    }

    /// Returns the addresses and accounts of the members of a team, those of a forge's teams as far as they are known.
    pub(crate) fn list_member_identities(&self, team: &str) -> Vec<String> {
        let mut identities = Vec::new();
        for written in self.team_members(team) {
            let is_of_forge = ForgeTeamName::find_name(written).is_some();
            for member in self.list_told_members(written) {
                // The number is for comparing, and not for people.
                let shown = if is_of_forge { split_account_number(member).0 } else { member };
                identities.push(shown.to_owned());
            }
        }
        identities
    }

    /// Returns true if a team has members of whom a forge has not told yet.
    pub(crate) fn has_untold_members(&self, team: &str) -> bool {
        self.find_untold_team(team).is_some()
    }

    /// Returns true if any team has members of whom a forge has not told yet.
    pub(crate) fn has_untold_teams(&self) -> bool {
        self.has_untold_teams
    }

    /// Returns why it is not known who is in one of these teams, at `stage`; `None` if it is known.
    pub(crate) fn find_untold_members<'team>(
        &self,
        mut teams: impl Iterator<Item = &'team str>,
        stage: Stage,
    ) -> Option<Missing> {
        let name = teams.find_map(|team| self.find_untold_team(team))?;
        if let Some(Err(missing)) = self.forge_teams.get(&name) {
            return Some(missing.clone());
        }
        Some(match Missing::at_stage(stage, FactKind::ForgeTeams) {
            later @ Missing::NotAtThisStage(_) => later,
            _ => {
                let name = name.written();
                let why = format!(
                    "only GitHub tells who is in `{name}`; list its members in the team of the policy"
                );
                Missing::Unavailable(FactKind::ForgeTeams, why)
            }
        })
    }

    /// Returns the teams of a forge of whose members nothing was told, or that they cannot be known.
    pub(crate) fn list_untold_teams(&self) -> Vec<String> {
        let names = self.list_forge_teams().into_iter();
        let untold = names.filter(|name| !matches!(self.forge_teams.get(name), Some(Ok(_))));
        untold.map(|name| name.written()).collect()
    }

    fn find_untold_team(&self, team: &str) -> Option<ForgeTeamName> {
        let mut names = self.team_members(team).iter().filter_map(|member| ForgeTeamName::find_name(member));
        names.find(|name| !matches!(self.forge_teams.get(name), Some(Ok(_))))
    }

    /// Returns the team of the policy that stands for a team of GitHub alone.
    pub(super) fn find_team_of(&self, organisation: &str, slug: &str) -> Option<&str> {
        let asked = ForgeTeamName {
            organisation: organisation.to_ascii_lowercase(),
            slug: slug.to_ascii_lowercase(),
        };
        let is_it = |written: &[String]| match written {
            [only] => ForgeTeamName::find_name(only).is_some_and(|name| name == asked),
            _ => false,
        };
        self.teams.iter().find(|(_, team)| is_it(&team.written)).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn people(text: &str) -> (PeopleDirectory, Vec<String>) {
        let mut faults = Vec::new();
        let people =
            PeopleDirectory::read_people(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults);
        (people, faults.into_iter().map(|fault| fault.what).collect())
    }

    fn name(slug: &str) -> ForgeTeamName {
        ForgeTeamName { organisation: "acme".into(), slug: slug.into() }
    }

    #[test]
    fn a_team_of_github_is_written_with_its_organisation() {
        let (read, faults) =
            people("teams: { s: ['github:Acme/Security', 'github:acme/security', ana@example.com] }");
        assert_eq!(faults, [""; 0]);
        assert_eq!(read.list_forge_teams().into_iter().collect::<Vec<_>>(), [name("security")]);
        for wrong in
            ["gitlab:acme/x", "acme/security", "github:acme/a/b", "github:/x", "github:acme/", "github:a c/m"]
        {
            let (_, faults) = people(&format!("teams: {{ s: ['{wrong}'] }}"));
            assert_eq!(faults.len(), 1, "{wrong}");
            assert!(faults[0].contains("is no team of GitHub"), "{faults:?}");
        }
    }

    #[test]
    fn members_count_once_the_forge_has_told_them() {
        let (mut read, _) =
            people("teams: { s: [ben@example.com, 'github:acme/security'], t: [cy@example.com] }");
        let teams = || ["s", "t"].into_iter();
        assert!(
            read.has_untold_teams()
                && read.is_own_member("ben@example.com", "s", jiff::Timestamp::UNIX_EPOCH)
        );
        assert!(!read.is_own_member("github:ana", "s", jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(
            read.find_untold_members(teams(), Stage::PrePush),
            Some(Missing::NotAtThisStage(FactKind::ForgeTeams))
        );
        let Some(Missing::Unavailable(_, why)) = read.find_untold_members(teams(), Stage::PreReceive) else {
            panic!()
        };
        assert!(why.contains("`github:acme/security`; list its members"), "{why}");
        assert_eq!(read.find_untold_members(["t"].into_iter(), Stage::PreReceive), None);
        // What could not be read is told as such.
        let gap = Missing::Unavailable(FactKind::ForgeTeams, "403".into());
        read.set_forge_teams(ForgeTeamMembers::from([(name("security"), Err(gap.clone()))]));
        assert_eq!(read.find_untold_members(teams(), Stage::PullRequest), Some(gap));
        read.set_forge_teams(ForgeTeamMembers::from([(name("security"), Ok(vec!["github:Ana#7".into()]))]));
        assert!(
            !read.has_untold_teams() && read.is_own_member("github:ana", "s", jiff::Timestamp::UNIX_EPOCH)
        );
        assert_eq!(read.find_untold_members(teams(), Stage::PullRequest), None);
        assert_eq!(read.list_member_identities("s"), ["ben@example.com", "github:Ana"]);
        // A team that nobody is in has nobody, which is known.
        read.set_forge_teams(ForgeTeamMembers::from([(name("security"), Ok(Vec::new()))]));
        assert!(
            !read.has_untold_teams() && !read.is_own_member("github:ana", "s", jiff::Timestamp::UNIX_EPOCH)
        );
    }
}
