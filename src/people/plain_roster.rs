//! Reading a long roster fast: most entries are a name, addresses, accounts and days.
//!
//! Whatever is wrong, or written in another way, is left to the reader of all rosters, which also says where it stands.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::Date;

use crate::people::account_numbers::{TeamNumbers, split_account_number};
use crate::people::roster_file::RosterReading;
use crate::people::roster_maps::RosterMaps;
use crate::people::service::{DaySpan, ServiceRecord};
use crate::people::{PeopleDirectory, normalise_identity};
use crate::yaml::plain_list::{ListEntry, PlainFields, PlainValue, read_plain_list};
use crate::yaml::{YamlKey, YamlPlace};

/// How many bytes an entry of a roster has, more or less.
const TYPICAL_ENTRY_BYTES: usize = 120;

impl PeopleDirectory {
    /// Adds the people of a roster file, as [`PeopleDirectory::read_roster`] does of the same file; false, with nothing
    /// changed, if that has to read it.
    pub(crate) fn read_plain_roster(&mut self, source: &[u8]) -> bool {
        let maps = self.read_plain_entries(source);
        let is_read = maps.is_some();
        if let Some(maps) = maps {
            self.adopt_people(maps);
        }
        is_read
    }

    fn read_plain_entries(&self, source: &[u8]) -> Option<RosterMaps> {
        let teams = self.teams.iter().map(|(name, team)| (name.as_str(), team.written.as_slice()));
        let team_numbers = TeamNumbers::list_numbers(teams);
        let mut reading = RosterReading::default();
        // About as many people as there are; a map that grows is copied again and again.
        let count = source.len() / TYPICAL_ENTRY_BYTES;
        reading.maps.keys_by_identity.reserve(2 * count);
        reading.maps.numbers.reserve_accounts(count);
        reading.maps.names_by_key.reserve(count);
        reading.maps.service.reserve_records(count);
        let mut keys: HashSet<Arc<str>> = HashSet::with_capacity(count);
        read_plain_list(source, "people", &mut |entry| {
            let key: Arc<str> = match &entry {
                ListEntry::Plain(key, _) => (*key).into(),
                ListEntry::Other(key, _) => key.text.as_str().into(),
            };
            if let ListEntry::Plain(_, fields) = entry
                && add_plain_person(&key, fields, &team_numbers, &mut reading.maps)?
            {
                return keys.insert(key).then_some(());
            }
            let mut faults = Vec::new();
            let named = YamlKey { at: YamlPlace::default(), text: key.to_string() };
            match entry {
                ListEntry::Plain(_, fields) => {
                    let node = fields.build_node();
                    self.read_roster_entry(&named, &node, &team_numbers, &mut reading, &mut faults);
                }
                ListEntry::Other(_, node) => {
                    self.read_roster_entry(&named, node, &team_numbers, &mut reading, &mut faults);
                }
            }
            (faults.is_empty() && keys.insert(key)).then_some(())
        })?;
        if !reading.named_delegates.iter().all(|delegate| keys.contains(delegate.text.as_str())) {
            return None;
        }
        Some(reading.maps)
    }
}

/// Adds a person who has a name, addresses, accounts and days, and nothing else; false if the entry has more.
///
/// `None` if something is wrong.
fn add_plain_person(
    key: &Arc<str>,
    fields: &PlainFields<'_>,
    team_numbers: &TeamNumbers,
    maps: &mut RosterMaps,
) -> Option<bool> {
    let mut record = ServiceRecord::default();
    let mut name = None;
    let (mut addresses, mut accounts) = (None, None);
    for (field, value) in fields.list_fields() {
        match (*field, *value) {
            ("name", PlainValue::Text(text, _)) => name = Some(text),
            ("addresses", PlainValue::List(begin, end)) => addresses = Some((begin, end)),
            ("accounts", PlainValue::List(begin, end)) => accounts = Some((begin, end)),
            ("joined", PlainValue::Text(text, _)) => record.days.from = Some(parse_day(text)?),
            ("left", PlainValue::Text(text, _)) => record.days.until = Some(parse_day(text)?),
            ("trained-until", PlainValue::Text(text, _)) => record.trained_until = Some(parse_day(text)?),
            _ => return Some(false),
        }
    }
    if let DaySpan { from: Some(from), until: Some(until) } = record.days
        && until < from
    {
        return None;
    }
    let addresses = addresses?;
    if let Some(name) = name {
        maps.names_by_key.insert(key.clone(), name.to_owned());
    }
    for written in std::iter::once(addresses).chain(accounts).flat_map(|list| fields.list_items(list)) {
        let identity = normalise_identity(written)?;
        if let (login, Some(number)) = split_account_number(written) {
            // An account is compared in the form of its identity; what has an `@` as well is none.
            let is_account = !written.contains('@') && login.len() == identity.len();
            if !is_account || !maps.numbers.claim_account((&identity, number), key, team_numbers) {
                return None;
            }
        }
        let known = maps.keys_by_identity.entry(identity).or_insert_with(|| key.clone());
        if known != key {
            return None;
        }
    }
    maps.service.add_record(key, record);
    Some(true)
}
/// Reads a day as a roster writes it.
fn parse_day(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{read_document, read_list_document};

    const POLICY: &str =
        "teams: { security: ['github:ana#7', ben@example.com], ops: [] }\nbots: ['*[bot]']\nroster: r.yml";

    fn policy() -> PeopleDirectory {
        PeopleDirectory::read_people(&read_document(POLICY.as_bytes()).unwrap(), &mut Vec::new())
    }

    /// Holds the people that are read fast against those of the reader of all rosters; whether they are read at all.
    fn agrees(text: &str) -> Result<bool, String> {
        let mut fast = policy();
        if !fast.read_plain_roster(text.as_bytes()) {
            return if fast == policy() { Ok(false) } else { Err(format!("changed: {text}")) };
        }
        let mut faults = Vec::new();
        let mut slow = policy();
        match read_list_document(text.as_bytes()) {
            Ok(node) => slow.read_roster(&node, &mut faults),
            Err(found) => faults = found,
        }
        if faults.is_empty() && fast == slow {
            Ok(true)
        } else {
            Err(format!("{faults:?}\n{fast:?}\n{slow:?}\n{text}"))
        }
    }

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4f6q6s3nPn1b1S0Vw7Zb3hCNGgbfdOWhVvMrMmHYFT";

    #[test]
    fn every_kind_of_entry_is_read_as_elsewhere() {
        let text = format!(
            "people:\n  ana: {{ name: Ana Ruiz, addresses: [ANA@example.com, 7+ana@users.noreply.github.com], accounts: ['github:ana#7', ana], joined: 2024-01-01, left: 2026-11-30 }}\n  ben:\n    addresses: [ben@example.com]\n    teams: {{ ops: {{ until: 2026-06-30 }} }}\n    delegate: {{ to: ana, for: security }}\n    keys: [\"{KEY}\"]\n  cy: {{ addresses: cy@example.com, trained-until: 2027-01-31, teams: [ops] }}\n  ci: {{ kind: bot, addresses: [ci@example.com] }}\n"
        );
        assert_eq!(agrees(&text), Ok(true));
    }

    #[test]
    fn what_is_wrong_is_left_to_the_reader_that_says_where() {
        for entry in [
            "ben: { addresses: [ana@example.com] }",
            "ben: { addresses: [b@example.com], accounts: ['github:other#7'] }",
            "ben: { addresses: [b@example.com], accounts: ['github:ana#8'] }",
            "ben: { name: Ben }",
            "ben: { addresses: [nobody] , joined: 1.2.2026 }",
            "ben: { addresses: [b@example.com], joined: 2026-13-01 }",
            "ben: { addresses: [b@example.com], joined: 2026-02-01, left: 2026-01-01 }",
            "ben: { addresses: [b@example.com], lft: 2026-01-01 }",
            "ben: { addresses: [b@example.com], teams: [secruity] }",
            "ben: { addresses: [b@example.com], delegate: { to: zoe, for: ops } }",
            "ana: { addresses: [b@example.com] }",
        ] {
            let text = format!(
                "people:\n  ana: {{ addresses: [ana@example.com], accounts: ['github:ana#7'] }}\n  {entry}\n"
            );
            assert_eq!(agrees(&text), Ok(false), "{entry}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn rosters_of_any_people_are_read_as_elsewhere(
            people in proptest::collection::vec((0..6_usize, 0..6_usize, 0..8_usize, 0..8_usize, any::<bool>()), 1..6)
        ) {
            let names = ["", "name: Ana Ruiz", "name: 'O Neil'", "name: null", "name: \"A: B\"", "name: Jos\u{e9}"];
            let accounts = ["", "accounts: [ana]", "accounts: ['github:ana#7']", "accounts: ['github:ana#8', b]", "accounts: 'github:x#9'", "accounts: []"];
            let more = ["", "joined: 2026-01-01", "left: 2025-12-31", "joined: soon", "kind: agent", "teams: [ops]", "teams: { ops: , security: { until: 2026-01-01 } }", "delegate: { to: p0, for: ops }"];
            let mut text = String::from("people:\n");
            for (number, (name, account, one, other, is_flow)) in people.into_iter().enumerate() {
                let mut fields = vec![format!("addresses: [p{number}@example.com]")];
                fields.extend([names[name], accounts[account], more[one], more[other]].into_iter().filter(|field| !field.is_empty()).map(str::to_owned));
                if is_flow {
                    text += &format!("  p{number}: {{ {} }}\n", fields.join(", "));
                } else {
                    text += &format!("  p{number}:\n    {}\n", fields.join("\n    "));
                }
            }
            prop_assert!(agrees(&text).is_ok(), "{:?}", agrees(&text));
        }
    }
}
