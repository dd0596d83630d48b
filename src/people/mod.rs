//! Identities: teams, bots, and the roster that lists the addresses and accounts of each person.
//!
//! Without a roster, an address is a person. With one, only the people in it are people: an address
//! that it does not list cannot approve, and is not ignored either. A name never grants anything; an
//! equal name only stops a person from approving their own change under a second address.

pub(crate) mod account_numbers;
mod agents;
pub(crate) mod approved_makers;
pub mod code_owners;
pub(crate) mod commit_people;
mod contributor;
pub(crate) mod contributor_groups;
pub mod contributors;
pub(crate) mod folded_names;
pub mod forge_teams;
mod held_teams;
mod holiday_entries;
mod identification;
pub(crate) mod independence;
mod indexed_roster;
pub(crate) mod look_alikes;
pub(crate) mod machine_accounts;
mod open_teams;
pub(crate) mod owned_paths;
pub(crate) mod owner_members;
mod plain_roster;
mod resolved_contributor;
mod roster_file;
pub(crate) mod roster_index;
mod roster_maps;
pub(crate) mod roster_members;
mod roster_people;
pub(crate) mod service;
mod suggestions;
pub(crate) mod team_faults;
mod told_members;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calendar::Holidays;
use crate::change::Person;
use crate::change::person::canonical_address;
use crate::pattern::NamePattern;
use crate::people::account_numbers::{AccountNumbers, split_account_number};
use crate::people::code_owners::{CodeOwnerSettings, FoundCodeOwners};
use crate::people::forge_teams::{ForgeTeamMembers, ForgeTeamName};
use crate::people::roster_people::RosterPeople;
use crate::people::team_faults::empty_team_fault;
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_entries};
use crate::yaml::{YamlFault, YamlNode, YamlValue, refuse_unbracketed_items, shorten_for_message};

/// The addresses that forges record as the committer when they merge.
const FORGE_ADDRESSES: [&str; 2] = ["noreply@github.com", "noreply@gitlab.com"];

/// The teams, bots, holidays and roster of one policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeopleDirectory {
    /// The path of the roster, a file on the same ref; `None` if the policy names none.
    pub roster: Option<String>,
    /// SHA-256 over the roster, in hexadecimal; `None` if none was read.
    pub roster_digest: Option<String>,
    teams: BTreeMap<String, TeamMembers>,
    bots: Vec<NamePattern>,
    holidays: Holidays,
    /// The paths of the calendars that hold more holidays.
    holiday_files: Vec<String>,
    /// The days of each of these calendars, which are among the holidays.
    calendars: BTreeMap<String, Holidays>,
    /// The numbers of the accounts that the teams list.
    numbers: AccountNumbers,
    /// The people of the roster, whom all copies of a policy share.
    rostered: Arc<RosterPeople>,
    is_roster_read: bool,
    code_owner_settings: CodeOwnerSettings,
    code_owners: FoundCodeOwners,
    /// What a forge told about its teams; one that is missing was not asked about.
    forge_teams: ForgeTeamMembers,
    /// The teams of a forge that only the file of code owners names, by their names.
    owner_teams: BTreeMap<String, TeamMembers>,
    /// True if a team has members of whom a forge has not told, which is asked for every question about people.
    has_untold_teams: bool,
}

/// The members of a team: as written in the policy, and as the keys of people.
#[derive(Clone, Debug, Default, PartialEq)]
struct TeamMembers {
    written: Vec<String>,
    keys: BTreeSet<String>,
}

/// The person or bot that a name, an address or an account stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ResolvedIdentity {
    /// A person, by the key that is equal for all their addresses and accounts.
    Human(String),
    /// A machine: an account that the forge says is one, or an exact account that the policy lists under
    /// `bots`.
    Bot,
    /// A name, an address or an account that a pattern of `bots` matches, and no more. It takes rights away
    /// and gives none: anyone can type it.
    ClaimedBot,
    /// An identity that is not in the roster, or a malformed address.
    Unknown,
}

impl PeopleDirectory {
    /// Reads the `people` of a policy that protects branches.
    pub fn read_people(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Self {
        PeopleDirectory::read_people_with(node, false, faults)
    }

    /// Reads the `people` of a shipped pack or of another base, which may name a team for policies to fill.
    pub(crate) fn read_base_people(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Self {
        PeopleDirectory::read_people_with(node, true, faults)
    }

    fn read_people_with(node: &YamlNode, allows_empty_teams: bool, faults: &mut Vec<YamlFault>) -> Self {
        let mut people = PeopleDirectory::default();
        let Some(mut map) = MapReader::new(node, faults) else { return people };
        let has_roster = map.find_key("roster").is_some();
        if let Some(node) = map.find_key("teams") {
            let entries = read_entries(node, faults);
            for (index, (name, members)) in entries.iter().enumerate() {
                if refuse_unbracketed_items(entries, index, faults) {
                    continue;
                }
                let is_open = matches!(&members.value, YamlValue::List(items) if items.is_empty());
                // What a roster gives to nobody either, is told when it was read.
                if is_open && !allows_empty_teams && !has_roster {
                    faults.push(empty_team_fault(&name.text, members.at));
                }
                let written = match is_open {
                    true => Vec::new(),
                    false => parse_each(members, faults, parse_member),
                };
                for member in &written {
                    let (login, _) = split_account_number(member);
                    if let Some(what) = people.numbers.find_clash(member, &login.to_ascii_lowercase()) {
                        faults.push(YamlFault::new(members.at, what));
                    }
                    people.numbers.add_listed(member, &login.to_ascii_lowercase());
                }
                people.teams.insert(name.text.clone(), TeamMembers { written, keys: BTreeSet::new() });
            }
        }
        if let Some(node) = map.find_key("bots") {
            people.bots = parse_each(node, faults, NamePattern::new);
        }
        if let Some(node) = map.find_key("holidays") {
            people.read_holidays(node, faults);
        }
        if let Some(node) = map.find_key("roster") {
            people.roster = parse_one(node, faults, parse_roster_path);
        }
        if let Some(node) = map.find_key("codeowners") {
            people.code_owner_settings = CodeOwnerSettings::read_settings(node, faults);
        }
        map.refuse_unknown_keys(faults);
        people.resolve_teams();
        people
    }

    /// Adds the people of `child`: its teams and roster replace those of the same name, its bots and
    /// holidays are added.
    pub(crate) fn merge_child(&mut self, child: PeopleDirectory) {
        self.teams.extend(child.teams);
        self.bots.extend(child.bots);
        self.holidays.add_all(child.holidays);
        self.holiday_files.extend(child.holiday_files);
        self.roster = child.roster.or(self.roster.take());
        self.code_owner_settings.merge_child(child.code_owner_settings);
        self.resolve_teams();
    }

    /// Returns true if and only if a roster was read.
    pub(crate) fn has_roster(&self) -> bool {
        self.is_roster_read
    }

    /// Returns the names of the teams.
    pub(crate) fn team_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.teams.keys().map(String::as_str)
    }

    /// Returns the members of a team as written in the policy, to say who can be asked.
    pub(crate) fn team_members(&self, team: &str) -> &[String] {
        match self.find_team(team) {
            Some(team) => &team.written,
            None => &[],
        }
    }

    /// Returns the patterns of machines, which never approve.
    pub(crate) fn list_bots(&self) -> &[NamePattern] {
        &self.bots
    }

    /// Returns the names of the teams without members on any day: those that a pack leaves open, and those whose
    /// members are all missing from the roster.
    pub(crate) fn list_empty_teams(&self) -> impl Iterator<Item = &str> {
        let empty = self.team_names().filter(|team| !self.may_have_members(team));
        empty.filter(|team| !self.has_untold_members(team))
    }

    /// Returns true if one of these teams has a member, by the policy or by the roster.
    pub(crate) fn has_members(&self, teams: &[String]) -> bool {
        let has_one = |team: &String| !self.team_members(team).is_empty() || self.rostered.gives_team(team);
        teams.iter().any(has_one)
    }

    /// Returns how many members a team has at the most, by the policy and by the roster.
    pub(crate) fn count_members(&self, team: &str) -> usize {
        let given = self.find_team(team).map_or(0, |team| team.keys.len());
        self.team_members(team).len().max(given)
    }

    /// Returns true if somebody whom the policy knows is in `team` on some day.
    pub(crate) fn may_have_members(&self, team: &str) -> bool {
        self.list_settled_keys(team).chain(self.rostered.list_members(team)).next().is_some()
    }

    /// Returns the keys of the people who belong to `team` by the policy, whatever the day, each person once.
    pub(crate) fn list_settled_keys(&self, team: &str) -> impl Iterator<Item = &str> {
        self.find_team(team).into_iter().flat_map(|team| team.keys.iter().map(String::as_str))
    }

    /// Returns true if the roster lists the person with this address or account.
    pub(crate) fn lists_person(&self, written: &str) -> bool {
        normalise_identity(written).is_some_and(|id| self.rostered.lists_identity(&id))
    }

    /// Returns the addresses and accounts of the roster in their order, each with the key of its person.
    pub(crate) fn list_identities(&self) -> BTreeMap<&str, &str> {
        self.rostered.list_identities().collect()
    }

    /// Returns the accounts of a forge that the roster lists by their login alone, in their order.
    pub(crate) fn list_unnumbered_accounts(&self, forge: &str) -> Vec<&str> {
        let mut accounts = Vec::new();
        for identity in self.list_identities().into_keys() {
            let is_of_forge = identity.split_once(':').is_some_and(|(start, _)| start == forge);
            if is_of_forge && !self.has_number(identity) {
                accounts.push(identity);
            }
        }
        accounts
    }

    /// Returns how many people the roster lists; `None` without a roster.
    pub(crate) fn count_roster_people(&self) -> Option<usize> {
        let mut people: BTreeSet<&str> = self.rostered.list_identities().map(|(_, key)| key).collect();
        people.retain(|key| !self.rostered.is_machine(key));
        self.is_roster_read.then_some(people.len())
    }
}

/// Returns true if and only if this is the address of a forge, which records it for its own merges.
pub(crate) fn is_forge_committer(person: &Person) -> bool {
    FORGE_ADDRESSES.iter().any(|forge| person.email.as_bytes().eq_ignore_ascii_case(forge.as_bytes()))
}

/// Returns the form in which an address, a `forge:login` or a bare account is compared.
pub(crate) fn normalise_identity(written: &str) -> Option<String> {
    if written.contains('@') {
        let address = written.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(written);
        return canonical_address(address.as_bytes());
    }
    let (written, _) = split_account_number(written);
    let is_account = !written.is_empty()
        && !written.ends_with(':')
        && written.len() <= 100
        && written.bytes().all(is_account_byte);
    is_account.then(|| written.to_ascii_lowercase())
}

fn is_account_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte)
}

/// Reads a member of a team.
fn parse_member(member: &str) -> Result<String, String> {
    if let Some(name) = ForgeTeamName::parse_name(member) {
        return name.map(|_| member.to_owned());
    }
    match normalise_identity(member) {
        Some(_) => Ok(member.to_owned()),
        None => Err(describe_unknown_form(member, "an account such as `github:ana`")),
    }
}

/// Returns what is wrong with a text that is neither an address nor `account`.
pub(super) fn describe_unknown_form(written: &str, account: &str) -> String {
    let written = shorten_for_message(written);
    if written.contains('#') && !written.contains('@') {
        return format!(
            "`{written}` is no account with its number, which is written as in `github:ana#583231`"
        );
    }
    format!("`{written}` is neither an address nor {account}")
}

fn parse_roster_path(path: &str) -> Result<String, String> {
    check_plain_path(path).map(str::to_owned)
}

/// Returns `path` if it names a file below the root in plain words.
///
/// # Errors
///
/// Refuses absolute paths, `.`, `..`, empty parts, backslashes and NUL.
pub(crate) fn check_plain_path(path: &str) -> Result<&str, String> {
    if path.split('/').all(is_plain_part) {
        Ok(path)
    } else {
        Err(format!(
            "`{}` is not a path below the folder that the policy is read from; expected one such as `policies/people.yml`",
            shorten_for_message(path)
        ))
    }
}

fn is_plain_part(part: &str) -> bool {
    !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::pull_request::ForgeAccount;
    use crate::yaml;

    fn people(policy: &str, roster: Option<&str>) -> (PeopleDirectory, Vec<String>) {
        let mut faults = Vec::new();
        let mut people =
            PeopleDirectory::read_people(&yaml::read_document(policy.as_bytes()).unwrap(), &mut faults);
        if let Some(roster) = roster {
            people.read_roster(&yaml::read_document(roster.as_bytes()).unwrap(), &mut faults);
        }
        (people, faults.into_iter().map(|fault| fault.what).collect())
    }

    fn person(text: &str) -> Person {
        Person::parse_person(text.as_bytes()).unwrap()
    }

    #[test]
    fn without_a_roster_an_address_is_a_person() {
        let (people, _) = people("teams: {security: [ana@example.com]}\nbots: ['*[bot]']", None);
        assert_eq!(
            people.identify_person(&person("A <ANA+x@example.com>")),
            ResolvedIdentity::Human("ana@example.com".into())
        );
        assert!(people.is_own_member("ana@example.com", "security", jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(
            people.identify_person(&person("renovate[bot] <x@example.com>")),
            ResolvedIdentity::ClaimedBot
        );
        assert_eq!(
            people.identify_person(&person("B <7+renovate[bot]@users.noreply.github.com>")),
            ResolvedIdentity::ClaimedBot
        );
    }

    #[test]
    fn a_pattern_of_bots_gives_no_rights() {
        let (people, _) = people("bots: ['*[bot]', 'noreply@*', 'ci@example.com']", None);
        let typed = |text: &str| people.identify_typed_contributor(&person(text));
        assert_eq!(typed("x <noreply@evil.example>"), ResolvedIdentity::Human("noreply@evil.example".into()));
        assert_eq!(typed("x[bot] <x@evil.example>"), ResolvedIdentity::Human("x@evil.example".into()));
        assert_eq!(typed("CI <ci@example.com>"), ResolvedIdentity::Bot);
        for (account, identity) in [
            ("ci@example.com", ResolvedIdentity::Bot),
            // No person can have such an account.
            ("renovate[bot]", ResolvedIdentity::Bot),
            ("noreply@evil.example", ResolvedIdentity::ClaimedBot),
        ] {
            assert_eq!(people.identify_account(&account.into()), identity, "{account}");
        }
        let evil = people.identify_pusher(&"noreply@evil.example".into());
        assert_eq!(evil, ResolvedIdentity::Human("noreply@evil.example".into()));
    }

    #[test]
    fn a_number_is_that_of_one_account() {
        let faults_of = |ana: &str, ben: &str| {
            let mut faults = Vec::new();
            let teams = yaml::read_document(b"teams: { ops: ['github:ben#77'] }").unwrap();
            let mut people = PeopleDirectory::read_people(&teams, &mut faults);
            let roster = format!(
                "people:\n  ana: {{ addresses: [ana@example.com], accounts: [{ana}] }}\n  \
                 ben: {{ addresses: [ben@example.com], accounts: [{ben}] }}\n"
            );
            people.read_roster(&yaml::read_document(roster.as_bytes()).unwrap(), &mut faults);
            faults.into_iter().map(|fault| fault.what).collect::<Vec<String>>()
        };
        for (ana, ben) in [
            ("'github:ana#5'", "'github:ben#77'"),
            ("'github:ana#5', 'github:ana2#5'", "'github:ben#77'"),
            ("'github:ana#5', 'github:ana'", "'github:ben'"),
            ("'gitlab:ana#77'", "'github:ben#77'"),
        ] {
            assert_eq!(faults_of(ana, ben), [""; 0], "{ana} {ben}");
        }
        for (ana, ben, said) in [
            ("'github:ana#77'", "'github:ben#77'", "belongs to `ana` and to `ben`"),
            ("'github:ana#5', 'github:ana#6'", "'github:ben#77'", "both numbers, 5 and 6"),
            ("'github:ana#5'", "'github:ben#78'", "both numbers, 77 and 78; see the team `ops`"),
            ("'github:#12'", "'github:ben#77'", "no account with its number"),
            ("'github:ana#0'", "'github:ben#77'", "no account with its number"),
            ("'github:ana#012'", "'github:ben#77'", "no account with its number"),
            ("'github:'", "'github:ben#77'", "neither an address nor an account"),
        ] {
            let faults = faults_of(ana, ben);
            assert!(faults.len() == 1 && faults[0].contains(said), "{ana} {ben}: {faults:?}");
        }
    }

    #[test]
    fn an_account_is_its_number_where_both_are_known() {
        let roster = "people:\n  ana: {addresses: [ana@example.com], accounts: ['github:Ana#7']}\n";
        let (people, faults) = people("teams: {security: ['github:ana']}", Some(roster));
        assert_eq!(faults, Vec::<String>::new());
        let whose = |id: &str, number| {
            people.identify_forge_account(&ForgeAccount { id: id.into(), is_person: true, number })
        };
        let ana = ResolvedIdentity::Human("ana".into());
        assert_eq!(whose("github:ana", Some(7)), ana);
        assert_eq!(whose("github:ana", None), ana);
        assert_eq!(whose("github:ana-fox", Some(7)), ana);
        assert_eq!(whose("github:ana", Some(9)), ResolvedIdentity::Unknown);
        assert_eq!(whose("gitlab:ana", Some(7)), ResolvedIdentity::Unknown);
        assert!(people.is_own_member("ana", "security", jiff::Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn with_a_roster_only_the_people_in_it_are_people() {
        let roster = "people:\n  ana: {addresses: [ana@example.com, ana@home.example], accounts: ['github:ana-sec', ana]}\n";
        let (people, faults) = people("teams: {security: ['github:ana-sec']}", Some(roster));
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(
            people.identify_person(&person("A <ana@home.example>")),
            ResolvedIdentity::Human("ana".into())
        );
        assert_eq!(people.identify_account(&"ana".into()), ResolvedIdentity::Human("ana".into()));
        assert_eq!(people.identify_account(&"bob".into()), ResolvedIdentity::Unknown);
        assert_eq!(people.identify_person(&person("A <ana@example.com.evil>")), ResolvedIdentity::Unknown);
        assert!(people.is_own_member("ana", "security", jiff::Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn an_account_of_a_forge_is_a_bot_where_forge_and_policy_say_so() {
        let (people, _) =
            people("teams: {security: ['github:Ana']}\nbots: [ci, 'github:renovate[bot]']", None);
        let whose = |id: &str, is_person| {
            people.identify_forge_account(&ForgeAccount { id: id.into(), is_person, number: None })
        };
        assert_eq!(whose("github:ci", false), ResolvedIdentity::Bot);
        assert_eq!(whose("github:ci", true), ResolvedIdentity::Human("github:ci".into()));
        assert_eq!(whose("github:renovate[bot]", false), ResolvedIdentity::Bot);
        assert_eq!(whose("github:ANA", true), ResolvedIdentity::Human("github:ana".into()));
        assert!(people.is_own_member("github:ana", "security", jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(whose("", true), ResolvedIdentity::Unknown);
    }

    #[test]
    fn a_user_whom_the_policy_lists_as_a_bot_is_a_machine() {
        let roster =
            "people:\n  ana: {addresses: [ana@example.com], accounts: ['github:ana-bot', 'github:robo']}\n";
        let bots = "bots: [ci, 'github:deploy', 'robo', '*-bot@*', '*+agent@users.noreply.github.com']";
        let says = |roster, id: &str, is_person| {
            let account = ForgeAccount { id: id.into(), is_person, number: None };
            people(bots, roster).0.machine_accounts().includes_account(&account)
        };
        for (id, with, without) in [
            ("github:kim", false, false),
            ("github:CI", true, true),
            ("gitlab:ci", true, true),
            ("github:deploy", true, true),
            ("gitlab:deploy", false, false),
            ("github:my-bot", true, true),
            ("gitlab:my-bot", false, false),
            ("GitHub:Agent", true, true),
            // The roster explains an address that looks like that of a bot, and not a name on the list.
            ("github:ana-bot", false, true),
            ("github:robo", true, true),
        ] {
            assert_eq!(says(Some(roster), id, true), with, "{id}");
            assert_eq!(says(None, id, true), without, "{id}");
            assert!(says(Some(roster), id, false), "{id}");
        }
    }

    #[test]
    fn an_address_of_two_people_is_a_fault() {
        let roster = "people:\n  ana: {addresses: [a@example.com]}\n  bob: {addresses: [A@example.com]}\n";
        assert_eq!(people("{}", Some(roster)).1, ["`a@example.com` belongs to `ana` and to `bob`"]);
    }
}
