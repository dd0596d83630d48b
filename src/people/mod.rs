//! Who is whom: teams, bots, and the roster that says which addresses and accounts are one person.
//!
//! Without a roster an address is a person. With one, only those whom it names are people: an
//! address that it does not know neither approves nor is ignored. A name never grants anything; an
//! equal name only stops somebody from approving himself under a second address.

pub mod contributors;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::change::person::{canonical_address, comparable_name};
use crate::change::pull_request::ForgeAccount;
use crate::change::{Person, Text};
use crate::pattern::NamePattern;
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_entries, read_items, read_text};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// The addresses that forges put down as committer when they merge by themselves.
const FORGE_ADDRESSES: [&str; 2] = ["noreply@github.com", "noreply@gitlab.com"];

/// The people of one policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeopleDirectory {
    /// Where the roster stands, if the policy names one: a file on the same ref.
    pub roster: Option<String>,
    teams: BTreeMap<String, TeamMembers>,
    bots: Vec<NamePattern>,
    keys_by_identity: HashMap<String, String>,
    is_roster_read: bool,
}

/// The members of a team: as the policy writes them, and as the keys of people.
#[derive(Clone, Debug, Default, PartialEq)]
struct TeamMembers {
    written: Vec<String>,
    keys: BTreeSet<String>,
}

/// Whom a name or an address stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolvedIdentity {
    /// A person, by the key that is equal for all his addresses and accounts.
    Human(String),
    /// A machine.
    Bot,
    /// Somebody whom the roster does not know, or an address that is none.
    Unknown,
}

impl PeopleDirectory {
    /// Reads the `people` of a policy.
    pub fn read_people(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Self {
        let mut people = PeopleDirectory::default();
        let Some(mut map) = MapReader::new(node, faults) else { return people };
        if let Some(node) = map.find_key("teams") {
            for (name, members) in read_entries(node, faults) {
                let written = parse_each(members, faults, |member| match normalise_identity(member) {
                    Some(_) => Ok(member.to_owned()),
                    None => Err(format!(
                        "`{}` is neither an address nor an account such as `github:ana`",
                        shorten_for_message(member)
                    )),
                });
                people.teams.insert(name.text.clone(), TeamMembers { written, keys: BTreeSet::new() });
            }
        }
        if let Some(node) = map.find_key("bots") {
            people.bots = parse_each(node, faults, NamePattern::new);
        }
        if let Some(node) = map.find_key("roster") {
            people.roster = parse_one(node, faults, |path| check_plain_path(path).map(str::to_owned));
        }
        map.refuse_unknown_keys(faults);
        people.resolve_teams();
        people
    }

    /// Adds the people of `child`: teams and roster replace those of the same name, bots add up.
    pub fn merge_child(&mut self, child: PeopleDirectory) {
        self.teams.extend(child.teams);
        self.bots.extend(child.bots);
        self.roster = child.roster.or(self.roster.take());
        self.resolve_teams();
    }

    /// Takes in the roster file.
    ///
    /// It is a map of `people`, each with `addresses` and, if need be, `accounts` and a `name`. One
    /// address or account that is claimed by two people is a fault.
    pub fn read_roster(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        self.is_roster_read = true;
        let Some(mut map) = MapReader::new(node, faults) else { return };
        let people =
            map.require_key("people", faults).map(|node| read_entries(node, faults)).unwrap_or_default();
        map.refuse_unknown_keys(faults);
        if people.is_empty() && faults.is_empty() {
            faults.push(YamlFault::new(node.at, "the roster names nobody"));
        }
        for (key, node) in people {
            let Some(mut map) = MapReader::new(node, faults) else { continue };
            if let Some(name) = map.find_key("name") {
                read_text(name, faults);
            }
            let addresses = map.require_key("addresses", faults);
            let accounts = map.find_key("accounts");
            for node in addresses.into_iter().chain(accounts) {
                for item in read_items(node, faults) {
                    let Some(written) = read_text(item, faults) else { continue };
                    match normalise_identity(written) {
                        Some(id) => self.claim_identity(id, key, item, faults),
                        None => faults.push(YamlFault::new(
                            item.at,
                            format!("`{}` names nobody", shorten_for_message(written)),
                        )),
                    }
                }
            }
            map.refuse_unknown_keys(faults);
        }
        self.resolve_teams();
    }

    fn claim_identity(&mut self, id: String, key: &YamlKey, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        match self.keys_by_identity.insert(id.clone(), key.text.clone()) {
            Some(other) if other != key.text => {
                faults.push(YamlFault::new(
                    node.at,
                    format!(
                        "`{}` belongs to `{}` and to `{}`",
                        shorten_for_message(&id),
                        shorten_for_message(&other),
                        shorten_for_message(&key.text)
                    ),
                ));
            }
            _ => {}
        }
    }

    fn resolve_teams(&mut self) {
        let keys = |team: &TeamMembers| {
            team.written
                .iter()
                .filter_map(|member| match self.resolve_identity(normalise_identity(member)?) {
                    ResolvedIdentity::Human(key) => Some(key),
                    _ => None,
                })
                .collect()
        };
        let resolved: Vec<BTreeSet<String>> = self.teams.values().map(keys).collect();
        for (team, keys) in self.teams.values_mut().zip(resolved) {
            team.keys = keys;
        }
    }

    /// Returns true if and only if a roster was read.
    pub fn has_roster(&self) -> bool {
        self.is_roster_read
    }

    /// Returns the names of the teams.
    pub fn team_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.teams.keys().map(String::as_str)
    }

    /// Returns the members of a team as the policy writes them, for telling whom to ask.
    pub fn team_members(&self, team: &str) -> &[String] {
        self.teams.get(team).map(|team| team.written.as_slice()).unwrap_or_default()
    }

    /// Returns true if and only if the person with this key belongs to `team`.
    pub fn is_member(&self, key: &str, team: &str) -> bool {
        self.teams.get(team).is_some_and(|team| team.keys.contains(key))
    }

    /// Returns whom a name and an address stand for.
    pub fn identify_person(&self, person: &Person) -> ResolvedIdentity {
        if self.is_bot(person) {
            return ResolvedIdentity::Bot;
        }
        match canonical_address(person.email.as_bytes()) {
            Some(id) => self.resolve_identity(id),
            None => ResolvedIdentity::Unknown,
        }
    }

    /// Returns whom an account of a forge stands for.
    ///
    /// What the forge does not call a person is a bot as soon as the policy calls its login one; a
    /// person is so only under the whole name.
    pub fn identify_forge_account(&self, account: &ForgeAccount) -> ResolvedIdentity {
        let login = account.id.as_utf8().and_then(|id| id.split_once(':')).map(|(_, login)| login);
        let called = |login: &str| self.bots.iter().any(|bot| bot.matches_name(login.as_bytes()));
        match login.is_some_and(|login| !account.is_person && called(login)) {
            true => ResolvedIdentity::Bot,
            false => self.identify_account(&account.id),
        }
    }

    /// Returns whom an account of the server stands for: an address, a login such as `github:ana`,
    /// or a bare name, which the roster lists under `accounts`.
    pub fn identify_account(&self, account: &Text) -> ResolvedIdentity {
        if self.bots.iter().any(|bot| bot.matches_name(account.as_bytes())) {
            return ResolvedIdentity::Bot;
        }
        match account.as_utf8().and_then(normalise_identity) {
            Some(id) => self.resolve_identity(id),
            None => ResolvedIdentity::Unknown,
        }
    }

    fn resolve_identity(&self, id: String) -> ResolvedIdentity {
        if !self.is_roster_read {
            return ResolvedIdentity::Human(id);
        }
        self.keys_by_identity.get(&id).cloned().map_or(ResolvedIdentity::Unknown, ResolvedIdentity::Human)
    }

    /// Returns true if and only if the policy calls this a bot, by name, address or the local part
    /// of the address.
    pub fn is_bot(&self, person: &Person) -> bool {
        let email = person.email.as_bytes();
        let local = email.split(|byte| *byte == b'@').next().unwrap_or_default();
        self.bots.iter().any(|bot| {
            bot.matches_name(email) || bot.matches_name(local) || bot.matches_name(person.name.as_bytes())
        })
    }
}

/// Returns true if and only if this is a forge that recorded a merge by itself.
pub fn is_forge_committer(person: &Person) -> bool {
    FORGE_ADDRESSES.iter().any(|forge| person.email.as_bytes().eq_ignore_ascii_case(forge.as_bytes()))
}

/// Returns true if two people have the same name, letters and digits compared without case; never
/// for an empty name.
pub fn is_same_name(one: &Text, other: &Text) -> bool {
    let name = comparable_name(one);
    !name.is_empty() && name == comparable_name(other)
}

/// Returns the form in which an address, a `forge:login` or a bare account is compared.
fn normalise_identity(written: &str) -> Option<String> {
    if written.contains('@') {
        let address = written.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(written);
        return canonical_address(address.as_bytes());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
    let usable = !written.is_empty() && written.len() <= 100 && written.bytes().all(plain);
    usable.then(|| written.to_ascii_lowercase())
}

/// Returns `path` if it names a file below the root in plain words.
///
/// # Errors
///
/// Refuses absolute paths, `..`, empty parts and back-slashes.
pub fn check_plain_path(path: &str) -> Result<&str, String> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    if path.split('/').all(plain) {
        Ok(path)
    } else {
        Err(format!("`{}` is not the path of a file in this repository", shorten_for_message(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(people.is_member("ana@example.com", "security"));
        assert_eq!(people.identify_person(&person("renovate[bot] <x@example.com>")), ResolvedIdentity::Bot);
        assert_eq!(
            people.identify_person(&person("B <7+renovate[bot]@users.noreply.github.com>")),
            ResolvedIdentity::Bot
        );
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
        assert!(people.is_member("ana", "security"));
    }

    #[test]
    fn an_account_of_a_forge_is_a_bot_where_forge_and_policy_say_so() {
        let (people, _) =
            people("teams: {security: ['github:Ana']}\nbots: [ci, 'github:renovate[bot]']", None);
        let whose =
            |id: &str, is_person| people.identify_forge_account(&ForgeAccount { id: id.into(), is_person });
        assert_eq!(whose("github:ci", false), ResolvedIdentity::Bot);
        assert_eq!(whose("github:ci", true), ResolvedIdentity::Human("github:ci".into()));
        assert_eq!(whose("github:renovate[bot]", false), ResolvedIdentity::Bot);
        assert_eq!(whose("github:ANA", true), ResolvedIdentity::Human("github:ana".into()));
        assert!(people.is_member("github:ana", "security"));
        assert_eq!(whose("", true), ResolvedIdentity::Unknown);
    }

    #[test]
    fn an_address_of_two_people_is_a_fault() {
        let roster = "people:\n  ana: {addresses: [a@example.com]}\n  bob: {addresses: [A@example.com]}\n";
        assert_eq!(people("{}", Some(roster)).1, ["`a@example.com` belongs to `ana` and to `bob`"]);
    }
}
