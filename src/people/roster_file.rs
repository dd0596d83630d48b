//! Reading a roster: who is whom, since when and until when.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::pattern::NamePattern;
use crate::people::account_numbers::{AccountNumbers, TeamNumbers};
use crate::people::roster_maps::RosterMaps;
use crate::people::roster_people::RosterPeople;
use crate::people::service::{DaySpan, KIND_WORDS, ServiceRecord, TeamDelegation};
use crate::people::{PeopleDirectory, describe_unknown_form, normalise_identity};
use crate::yaml::decode::{
    MapReader, parse_each, read_choice, read_day, read_entries, read_items, read_text, unknown_word_fault,
};
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// The kinds of keys that people sign with.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What is read of a roster, until its end.
#[derive(Default)]
pub(super) struct RosterReading {
    /// The people who were read so far.
    pub(super) maps: RosterMaps,
    /// Who is named as a delegate, and where.
    pub(super) named_delegates: Vec<YamlKey>,
    /// Whose each signing key is.
    key_holders: HashMap<String, String>,
}

impl PeopleDirectory {
    /// Adds the people of a roster file, with their addresses and accounts.
    ///
    /// It is a map of `people`, each with `addresses` and, if needed, `accounts`, a `name`, a `kind`, days, teams,
    /// delegates and keys. An address, an account or a key that is listed for two people is a fault.
    pub fn read_roster(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        let mut reading = RosterReading::default();
        self.read_roster_people(node, &mut reading, faults);
        self.adopt_people(reading.maps);
    }

    /// Takes over the people of a roster. The teams were read without them, and are resolved again.
    pub(super) fn adopt_people(&mut self, maps: RosterMaps) {
        self.bots.extend(maps.machine_names.iter().cloned());
        self.set_rostered(RosterPeople::from_maps(maps));
    }

    /// Sets the people of the roster, whose machines are among the bots already.
    pub(super) fn set_rostered(&mut self, rostered: RosterPeople) {
        self.is_roster_read = true;
        self.numbers = AccountNumbers::default();
        self.rostered = Arc::new(rostered);
        self.resolve_teams();
    }

    fn read_roster_people(&self, node: &YamlNode, reading: &mut RosterReading, faults: &mut Vec<YamlFault>) {
        let Some(mut map) = MapReader::new(node, faults) else { return };
        let people = match map.require_key("people", faults) {
            Some(node) => read_entries(node, faults),
            None => &[],
        };
        map.refuse_unknown_keys(faults);
        if people.is_empty() && faults.is_empty() {
            faults.push(YamlFault::new(node.at, "the roster lists no people"));
        }
        let teams = self.teams.iter().map(|(name, team)| (name.as_str(), team.written.as_slice()));
        let team_numbers = TeamNumbers::list_numbers(teams);
        for (key, node) in people {
            self.read_roster_entry(key, node, &team_numbers, reading, faults);
        }
        if !reading.named_delegates.is_empty() {
            refuse_unknown_delegates(&reading.named_delegates, people, faults);
        }
    }

    pub(super) fn read_roster_entry(
        &self,
        key: &YamlKey,
        node: &YamlNode,
        team_numbers: &TeamNumbers,
        reading: &mut RosterReading,
        faults: &mut Vec<YamlFault>,
    ) {
        let Some(mut map) = MapReader::new(node, faults) else { return };
        if let Some(name) = map.find_key("name").and_then(|node| read_text(node, faults)) {
            reading.maps.names_by_key.insert(key.text.as_str().into(), name.to_owned());
        }
        let kind = map.find_key("kind").and_then(|node| read_choice(node, &KIND_WORDS, faults));
        let kind = kind.unwrap_or_default();
        let addresses = map.require_key("addresses", faults);
        let accounts = map.find_key("accounts");
        for node in addresses.into_iter().chain(accounts) {
            read_identities(key, node, team_numbers, &mut reading.maps, faults);
            if kind.is_machine() {
                reading.maps.machine_names.extend(read_machine_names(node, faults));
            }
        }
        let record = ServiceRecord {
            kind,
            days: read_day_span(&mut map, ["joined", "left"], faults),
            trained_until: map.find_key("trained-until").and_then(|node| read_day(node, faults)),
            teams: self.read_given_teams(&mut map, faults),
            delegations: self.read_delegations(key, &mut map, &mut reading.named_delegates, faults),
            signing_keys: read_signing_keys(key, &mut map, &mut reading.key_holders, faults),
        };
        map.refuse_unknown_keys(faults);
        reading.maps.service.add_record(&key.text.as_str().into(), record);
    }

    /// Reads the teams that the roster gives to a person: a list of names, or names with their days.
    fn read_given_teams(
        &self,
        map: &mut MapReader<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> BTreeMap<String, Vec<DaySpan>> {
        let mut teams = BTreeMap::new();
        let Some(node) = map.find_key("teams") else { return teams };
        let YamlValue::Map(entries) = &node.value else {
            for item in read_items(node, faults) {
                let Some(name) = read_text(item, faults) else { continue };
                self.refuse_unknown_team(&YamlKey { at: item.at, text: name.to_owned() }, faults);
                teams.insert(name.to_owned(), vec![DaySpan::default()]);
            }
            return teams;
        };
        for (name, node) in entries {
            self.refuse_unknown_team(name, faults);
            let spans = match &node.value {
                YamlValue::List(items) if !items.is_empty() => items.as_slice(),
                _ => std::slice::from_ref(node),
            };
            let spans: Vec<DaySpan> = spans.iter().filter_map(|span| read_team_days(span, faults)).collect();
            teams.insert(name.text.clone(), spans);
        }
        teams
    }

    fn read_delegations(
        &self,
        key: &YamlKey,
        map: &mut MapReader<'_>,
        named: &mut Vec<YamlKey>,
        faults: &mut Vec<YamlFault>,
    ) -> Vec<TeamDelegation> {
        let mut delegations = Vec::new();
        let Some(node) = map.find_key("delegate") else { return delegations };
        let items = match &node.value {
            YamlValue::Map(_) => std::slice::from_ref(node),
            _ => read_items(node, faults),
        };
        for item in items {
            let Some(mut map) = MapReader::new(item, faults) else { continue };
            let to = map.require_key("to", faults).and_then(|node| {
                let text = read_text(node, faults)?.to_owned();
                if text == key.text {
                    let what = format!("`{}` cannot act for themselves", shorten_for_message(&text));
                    faults.push(YamlFault::new(node.at, what).with_help("name another person of the roster"));
                    return None;
                }
                named.push(YamlKey { at: node.at, text: text.clone() });
                Some(text)
            });
            let mut teams = Vec::new();
            if let Some(node) = map.require_key("for", faults) {
                for team in read_items(node, faults) {
                    let Some(name) = read_text(team, faults) else { continue };
                    self.refuse_unknown_team(&YamlKey { at: team.at, text: name.to_owned() }, faults);
                    teams.push(name.to_owned());
                }
            }
            let days = read_day_span(&mut map, ["from", "until"], faults);
            map.refuse_unknown_keys(faults);
            delegations.extend(to.map(|to| TeamDelegation { to, teams, days }));
        }
        delegations
    }

    /// Leaves a fault unless the policy has a team of this name.
    fn refuse_unknown_team(&self, name: &YamlKey, faults: &mut Vec<YamlFault>) {
        if !self.teams.contains_key(&name.text) {
            faults.push(unknown_word_fault("team", name, self.team_names()));
        }
    }
}

/// Reads the addresses or accounts of the person with this key.
fn read_identities(
    key: &YamlKey,
    node: &YamlNode,
    team_numbers: &TeamNumbers,
    maps: &mut RosterMaps,
    faults: &mut Vec<YamlFault>,
) {
    for item in read_items(node, faults) {
        let Some(written) = read_text(item, faults) else { continue };
        match normalise_identity(written) {
            Some(id) => {
                let clash = maps.numbers.find_clash(written, &key.text);
                let clash = clash.or_else(|| team_numbers.find_team_clash(written));
                if let Some(what) = clash {
                    let help =
                        "a number is that of one account: look it up at `https://api.github.com/users/LOGIN`";
                    faults.push(YamlFault::new(item.at, what).with_help(help));
                }
                maps.numbers.add_listed(written, &key.text);
                claim_identity(id, key, item, maps, faults);
            }
            None => {
                let what = describe_unknown_form(written, "an account");
                faults.push(YamlFault::new(item.at, what));
            }
        }
    }
}

fn claim_identity(
    id: String,
    key: &YamlKey,
    node: &YamlNode,
    maps: &mut RosterMaps,
    faults: &mut Vec<YamlFault>,
) {
    match maps.keys_by_identity.get(&id) {
        Some(other) if **other != *key.text => faults.push(shared_fault(node.at, &id, other, &key.text)),
        Some(_) => {}
        None => {
            maps.keys_by_identity.insert(id, key.text.as_str().into());
        }
    }
}

fn shared_fault(at: YamlPlace, what: &str, one: &str, other: &str) -> YamlFault {
    let [what, one, other] = [what, one, other].map(shorten_for_message);
    YamlFault::new(at, format!("`{what}` belongs to `{one}` and to `{other}`"))
}

/// Reads the addresses or accounts of a machine as names under `bots`, which never approve.
fn read_machine_names(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Vec<NamePattern> {
    // What is no address and no account has a fault already.
    let mut unread = Vec::new();
    let mut names = parse_each(node, &mut unread, NamePattern::new);
    if names.iter().any(|name| !name.is_exact()) {
        let what = "the address of a machine has no `*`";
        faults.push(YamlFault::new(node.at, what).with_help("list patterns under `bots` of the policy"));
        names.retain(NamePattern::is_exact);
    }
    names
}

/// Reads the days from one key to another; the first is not after the last.
fn read_day_span(
    map: &mut MapReader<'_>,
    [first, last]: [&'static str; 2],
    faults: &mut Vec<YamlFault>,
) -> DaySpan {
    let from = map.find_key(first).and_then(|node| read_day(node, faults));
    let end = map.find_key(last);
    let until = end.and_then(|node| read_day(node, faults));
    if let (Some(from), Some(until), Some(end)) = (from, until, end)
        && until < from
    {
        let what = format!("`{last}` is {until}, which is before `{first}`, {from}");
        faults.push(YamlFault::new(end.at, what).with_help("exchange the days, or correct one of them"));
    }
    DaySpan { from, until }
}

/// Reads the days of a team; nothing stands for all days.
fn read_team_days(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<DaySpan> {
    if node.is_null() {
        return Some(DaySpan::default());
    }
    let mut map = MapReader::new(node, faults)?;
    let days = read_day_span(&mut map, ["from", "until"], faults);
    map.refuse_unknown_keys(faults);
    Some(days)
}

/// Reads public keys of SSH, without options and comments; one key is that of one person.
fn read_signing_keys(
    key: &YamlKey,
    map: &mut MapReader<'_>,
    holders: &mut HashMap<String, String>,
    faults: &mut Vec<YamlFault>,
) -> Vec<String> {
    let mut keys = Vec::new();
    let Some(node) = map.find_key("keys") else { return keys };
    for item in read_items(node, faults) {
        let Some(written) = read_text(item, faults) else { continue };
        let mut words = written.split_ascii_whitespace();
        let (Some(kind), Some(body)) = (words.next(), words.next()) else {
            faults.push(unread_key_fault(item.at));
            continue;
        };
        if !KEY_TYPES.contains(&kind) || !is_key_body(body) {
            faults.push(unread_key_fault(item.at));
            continue;
        }
        let plain = format!("{kind} {body}");
        match holders.get(&plain) {
            Some(other) if *other != key.text => {
                faults.push(shared_fault(item.at, &plain, other, &key.text));
            }
            Some(_) => {}
            None => {
                holders.insert(plain.clone(), key.text.clone());
                keys.push(plain);
            }
        }
    }
    keys
}

/// Returns true for what can be the body of a key; whether it is one, the reader of signatures finds out.
fn is_key_body(body: &str) -> bool {
    body.len() >= 40
        && body.starts_with("AAAA")
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

fn unread_key_fault(at: YamlPlace) -> YamlFault {
    YamlFault::new(at, "this is no public key of SSH")
        .with_help("write what `~/.ssh/id_ed25519.pub` holds, as in `ssh-ed25519 AAAAC3...`")
}

/// Leaves a fault for each delegate who is no entry of the roster.
fn refuse_unknown_delegates(named: &[YamlKey], people: &[(YamlKey, YamlNode)], faults: &mut Vec<YamlFault>) {
    let known: std::collections::HashSet<&str> = people.iter().map(|(key, _)| key.text.as_str()).collect();
    for delegate in named.iter().filter(|delegate| !known.contains(delegate.text.as_str())) {
        faults.push(unknown_word_fault("person", delegate, known.iter().copied()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::ResolvedIdentity;
    use crate::people::service::PersonAbsence;
    use crate::yaml::read_document;
    use jiff::Timestamp;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4f6q6s3nPn1b1S0Vw7Zb3hCNGgbfdOWhVvMrMmHYFT";

    fn read(roster: &str) -> (PeopleDirectory, Vec<YamlFault>) {
        let mut faults = Vec::new();
        let policy = "teams: { security: [ana@example.com], ops: [ben@example.com] }";
        let mut people =
            PeopleDirectory::read_people(&read_document(policy.as_bytes()).unwrap(), &mut faults);
        people.read_roster(&read_document(roster.as_bytes()).unwrap(), &mut faults);
        (people, faults)
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_last_day_counts_in_full() {
        let (people, faults) = read(
            "people:\n  ana: { addresses: [ana@example.com], joined: 2026-03-01, left: 2026-11-30 }\n  ben: { addresses: [ben@example.com] }\n",
        );
        assert_eq!(faults, []);
        let absence = |time: &str| people.find_absence("ana", at(time));
        let joined = Some(PersonAbsence::NotJoined("2026-03-01".parse().unwrap()));
        assert_eq!(absence("2026-02-28T23:59:59Z"), joined);
        assert_eq!(absence("2026-03-01T00:00:00Z"), None);
        assert_eq!(absence("2026-11-30T23:59:59Z"), None);
        let left = Some(PersonAbsence::Left("2026-11-30".parse().unwrap()));
        assert_eq!(absence("2026-12-01T00:00:00Z"), left);
        assert_eq!(people.find_absence("ben", Timestamp::MIN), None);
        for (time, is_member) in [("2026-02-01T00:00:00Z", false), ("2026-06-01T00:00:00Z", true)] {
            assert_eq!(people.is_member("ana", "security", at(time)), is_member, "{time}");
        }
    }

    #[test]
    fn the_roster_adds_to_the_teams_of_the_policy_on_its_days() {
        let (people, faults) = read(
            "
people:
  ana: { addresses: [ana@example.com] }
  ben: { addresses: [ben@example.com], teams: { security: [{ until: 2026-03-31 }, { from: 2026-05-01 }] } }
  cy: { addresses: [cy@example.com], teams: [ops] }
  dan: { addresses: [dan@example.com], teams: { ops: , security: { from: 2026-05-01 } } }
",
        );
        assert_eq!(faults, []);
        let members = |team: &str, time: &str| people.list_members_at(team, at(time)).join(" ");
        assert_eq!(members("security", "2026-03-31T12:00:00Z"), "ana ben");
        assert_eq!(members("security", "2026-04-15T12:00:00Z"), "ana");
        assert_eq!(members("security", "2026-05-01T00:00:00Z"), "ana ben dan");
        assert_eq!(members("ops", "2026-04-15T12:00:00Z"), "ben cy dan");
        let then = people.as_of("2026-04-15".parse().unwrap());
        assert_eq!(then.list_settled_keys("security").collect::<Vec<_>>(), ["ana"]);
    }

    #[test]
    fn a_delegate_acts_for_a_member_and_no_further() {
        let (people, faults) = read("
people:
  ana: { addresses: [ana@example.com], delegate: { to: cy, for: security, from: 2026-07-01, until: 2026-07-14 }, left: 2026-07-10 }
  ben: { addresses: [ben@example.com], delegate: [{ to: cy, for: [security] }] }
  cy: { addresses: [cy@example.com], delegate: [{ to: dan, for: [security, ops] }] }
  dan: { addresses: [dan@example.com] }
");
        assert_eq!(faults, []);
        let acts_for =
            |key: &str, team: &str, time: &str| people.list_delegators(key, team, at(time)).join(" ");
        assert_eq!(acts_for("cy", "security", "2026-07-01T00:00:00Z"), "ana");
        assert_eq!(acts_for("cy", "security", "2026-06-30T23:00:00Z"), "");
        // Nobody acts for who has left.
        assert_eq!(acts_for("cy", "security", "2026-07-11T00:00:00Z"), "");
        assert_eq!(acts_for("cy", "ops", "2026-07-01T00:00:00Z"), "", "ben delegates another team");
        assert_eq!(acts_for("dan", "security", "2026-07-01T00:00:00Z"), "", "a delegate of a delegate");
        assert!(people.is_member("cy", "security", at("2026-07-02T00:00:00Z")));
    }

    #[test]
    fn a_machine_of_the_roster_is_one_by_its_exact_names_and_never_a_person() {
        let (people, faults) = read(
            "
people:
  ana: { addresses: [ana@example.com] }
  ci: { kind: bot, addresses: [ci@example.com], accounts: ['github:ci#7', builder] }
  helper: { kind: agent, addresses: [helper@example.com] }
",
        );
        assert_eq!(faults, []);
        let account = |id: &str, number| {
            people.identify_forge_account(&crate::change::pull_request::ForgeAccount {
                id: id.into(),
                is_person: true,
                number,
            })
        };
        assert_eq!(account("github:ci", Some(7)), ResolvedIdentity::Bot);
        assert_eq!(account("github:renamed", Some(7)), ResolvedIdentity::Bot);
        // Another account with that login, and one whose number is not known, have no rights at all.
        assert_eq!(account("github:ci", Some(8)), ResolvedIdentity::Unknown);
        assert_eq!(account("github:ci", None), ResolvedIdentity::Unknown);
        assert_eq!(people.identify_account(&"builder".into()), ResolvedIdentity::Bot);
        let typed = crate::change::Person::parse_person(b"H <helper@example.com>").unwrap();
        assert_eq!(people.identify_person(&typed), ResolvedIdentity::ClaimedBot);
        assert_eq!(people.identify_typed_contributor(&typed), ResolvedIdentity::Bot);
        assert_eq!(people.list_roster_humans().unwrap().into_iter().collect::<Vec<_>>(), ["ana"]);
    }

    #[test]
    fn a_key_of_the_roster_stands_for_one_address_of_its_person_on_their_days() {
        let (people, faults) = read(&format!(
            "people:\n  ana: {{ addresses: [ana@example.com, a@example.com], joined: 2026-03-01, left: 2026-11-30, keys: ['{KEY} ana@laptop'] }}\n  ben: {{ addresses: [ben@example.com] }}\n"
        ));
        assert_eq!(faults, []);
        assert_eq!(
            people.list_allowed_signers(),
            format!(
                "a@example.com namespaces=\"git\",valid-after=\"20260301Z\",valid-before=\"20261201Z\" {KEY}\n"
            )
        );
    }

    #[test]
    fn every_fault_has_its_place_and_says_what_is_wrong() {
        for (entry, line, said) in [
            (
                "ben: { addresses: [ben@example.com],\n    delegate: { to: zoe, for: security } }",
                4,
                "unknown person `zoe`",
            ),
            (
                "ben: { addresses: [ben@example.com],\n    delegate: { to: ben, for: security } }",
                4,
                "act for themselves",
            ),
            ("ben: { addresses: [ben@example.com],\n    delegate: { to: ana } }", 4, "`for` is missing"),
            (
                "ben: { addresses: [ben@example.com],\n    delegate: { to: ana, for: sec } }",
                4,
                "unknown team `sec`",
            ),
            ("ben: { addresses: [ben@example.com],\n    teams: [secruity] }", 4, "unknown team `secruity`"),
            (
                "ben: { addresses: [ben@example.com],\n    teams: { nobody: { from: 2026-01-01 } } }",
                4,
                "unknown team `nobody`",
            ),
            (
                "ben: { addresses: [ben@example.com],\n    teams: { ops: { from: 2026-02-01, until: 2026-01-31 } } }",
                4,
                "`until` is 2026-01-31, which is before `from`, 2026-02-01",
            ),
            (
                "ben: { addresses: [ben@example.com],\n    joined: 2026-02-01, left: 2026-01-31 }",
                4,
                "`left` is 2026-01-31, which is before `joined`",
            ),
            ("ben: { addresses: [ben@example.com],\n    left: 31.1.2026 }", 4, "expected a day"),
            ("ben: { addresses: [ben@example.com],\n    kind: robot }", 4, "unknown word `robot`"),
            (
                "ben: { addresses: ['*@example.com'],\n    kind: bot }",
                3,
                "the address of a machine has no `*`",
            ),
            (
                "ben: { addresses: [ben@example.com],\n    keys: [ssh-ed25519 nonsense] }",
                4,
                "no public key of SSH",
            ),
            (
                &format!("ben: {{ addresses: [ben@example.com],\n    keys: ['{KEY} ben'] }}"),
                4,
                "belongs to `ana` and to `ben`",
            ),
            ("ben: { addresses: [ben@example.com],\n    lft: 2026-01-31 }", 4, "unknown key `lft`"),
        ] {
            let roster = format!(
                "people:\n  ana: {{ addresses: [ana@example.com], keys: ['{KEY} ana@laptop'] }}\n  {entry}\n"
            );
            let (_, faults) = read(&roster);
            assert_eq!(faults.len(), 1, "{entry}: {faults:?}");
            assert!(faults[0].what.contains(said), "{entry}: {faults:?}");
            assert_eq!(faults[0].at.line, line, "{entry}");
        }
    }
}
