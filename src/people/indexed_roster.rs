//! Taking over the people of a roster from an index of it, and making one.

use crate::people::PeopleDirectory;
use crate::people::account_numbers::TeamNumbers;
use crate::people::roster_index::RosterIndex;
use crate::people::roster_people::RosterPeople;

impl PeopleDirectory {
    /// Takes over the people of an index, as [`PeopleDirectory::read_roster`] those of the same roster; false, with nothing
    /// changed, if the roster has to be read: by the teams of this policy, it may have a fault.
    pub(crate) fn adopt_index(&mut self, index: RosterIndex) -> bool {
        let teams = self.teams.iter().map(|(name, team)| (name.as_str(), team.written.as_slice()));
        let has_teams = index.named_teams().iter().all(|team| self.teams.contains_key(team));
        if !has_teams || !TeamNumbers::list_numbers(teams).agree_with(|login| index.find_number(login)) {
            return false;
        }
        self.bots.extend(index.machine_names().iter().cloned());
        self.set_rostered(RosterPeople::from_index(index));
        true
    }

    /// Returns the bytes of an index of the people of the roster, which was read without a fault; `None` if an index cannot
    /// hold what it says.
    pub(crate) fn encode_index(&self) -> Option<Vec<u8>> {
        RosterIndex::encode_index(self.rostered.read_maps())
    }

    /// Returns true if the people of the roster are looked up in an index.
    pub(crate) fn is_indexed(&self) -> bool {
        self.rostered.find_index().is_some()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::change::pull_request::ForgeAccount;
    use crate::change::{Person, Text};
    use crate::yaml::{read_document, read_list_document};

    const POLICY: &str =
        "teams: { security: ['github:ana#7', p1@example.com], ops: [] }\nbots: ['*[bot]']\nroster: r.yml";

    fn policy(text: &str) -> PeopleDirectory {
        PeopleDirectory::read_people(&read_document(text.as_bytes()).unwrap(), &mut Vec::new())
    }

    /// Reads a roster by a policy; `None` if it has a fault.
    fn read(policy: &str, roster: &str) -> Option<PeopleDirectory> {
        let mut people = self::policy(policy);
        let mut faults = Vec::new();
        people.read_roster(&read_list_document(roster.as_bytes()).ok()?, &mut faults);
        faults.is_empty().then_some(people)
    }

    /// Takes the people of an index over by a policy; `None` if the roster has to be read.
    fn adopt(policy: &str, index: &[u8]) -> Option<PeopleDirectory> {
        let mut people = self::policy(policy);
        // Beside other bytes, as a file of an index has them before it.
        let bytes = [b"head".as_slice(), index].concat();
        people.adopt_index(RosterIndex::open_index(bytes, 4).unwrap()).then_some(people)
    }

    /// Everything that these people answer to questions about what a roster can list, and what it does not.
    fn list_answers(people: &PeopleDirectory, at: Timestamp) -> Vec<String> {
        let mut answers = Vec::new();
        let mut words = vec!["nobody@example.com".to_owned(), "zz".into(), String::new(), "github:x".into()];
        for number in 0..6 {
            words.extend([
                format!("p{number}"),
                format!("p{number}@example.com"),
                format!("P{number}+x@example.com"),
                format!("{number}+p{number}@users.noreply.github.com"),
            ]);
        }
        words
            .extend(["github:ana", "github:Ana", "ana", "b", "github:b", "ci@example.com"].map(String::from));
        for word in &words {
            let text = Text::from(word.as_str());
            let person = Person { name: Text::from("Ana Ruiz"), email: text.clone() };
            answers.push(format!(
                "{:?} {:?}",
                people.identify_person(&person),
                people.identify_account(&text)
            ));
            answers.push(format!("{:?} {:?}", people.find_namesake(&text), people.find_person(word)));
            answers.push(format!("{:?} {}", people.find_person_key(word), people.name_person(word)));
            answers.push(format!("{:?} {:?}", people.find_absence(word, at), people.is_trained(word, at)));
            answers.push(format!("{:?}", people.find_service_record(word)));
            answers.push(format!("{:?}", people.list_possible_delegators(word)));
            answers.push(format!("{} {}", people.may_know_account(&text), people.names_agent(&person)));
            for name in ["Ana Ruiz", "\u{410}na Ruiz", "Jos\u{e9}", "nobody"] {
                answers.push(format!("{:?}", people.find_look_alike(&name.into(), Some(&text))));
            }
            for team in ["security", "ops", "none"] {
                answers.push(format!("{:?}", people.list_delegators(word, team, at)));
                answers.push(format!("{}", people.is_member(word, team, at)));
            }
            for number in [None, Some(7), Some(8), Some(9)] {
                for is_person in [true, false] {
                    let account = ForgeAccount { id: text.clone(), is_person, number };
                    answers.push(format!(
                        "{:?} {:?} {} {} {}",
                        people.identify_forge_account(&account),
                        people.find_changed_login(&account),
                        people.lacks_listed_number(&account),
                        people.is_machine_account(&account),
                        people.machine_accounts().includes_account(&account)
                    ));
                }
            }
        }
        for team in ["security", "ops", "none"] {
            answers.push(format!("{:?} {}", people.list_members_at(team, at), people.may_have_members(team)));
        }
        answers.push(format!("{:?} {:?}", people.list_identities(), people.list_roster_humans()));
        answers.push(format!("{:?} {}", people.list_bots(), people.list_allowed_signers()));
        answers.push(format!("{:?} {}", people.count_roster_people(), people.lacks_accounts()));
        answers.push(format!("{:?}", people.as_of("2026-03-01".parse().unwrap())));
        answers
    }

    /// Holds an index of a roster against the roster; whether there is one.
    fn agrees(roster: &str) -> Result<bool, String> {
        let Some(people) = read(POLICY, roster) else { return Ok(false) };
        let Some(index) = people.encode_index() else { return Err(format!("no index: {roster}")) };
        let Some(indexed) = adopt(POLICY, &index) else { return Err(format!("not adopted: {roster}")) };
        for at in ["2025-12-31T12:00:00Z", "2026-03-01T12:00:00Z", "2027-03-01T12:00:00Z"] {
            let at = at.parse().unwrap();
            for (one, other) in list_answers(&people, at).into_iter().zip(list_answers(&indexed, at)) {
                // Sets and maps are printed in their order; a map without one is compared below.
                if one != other && !one.contains("PeopleDirectory") {
                    return Err(format!("{one}\n{other}\n{roster}"));
                }
            }
        }
        let day = "2026-03-01".parse().unwrap();
        if indexed != people || indexed.as_of(day) != people.as_of(day) {
            return Err(format!("not equal: {roster}"));
        }
        Ok(true)
    }

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4f6q6s3nPn1b1S0Vw7Zb3hCNGgbfdOWhVvMrMmHYFT";

    #[test]
    fn every_kind_of_entry_is_answered_for_by_an_index() {
        let roster = format!(
            "people:\n  p0: {{ name: Ana Ruiz, addresses: [p0@example.com, 7+ana@users.noreply.github.com], accounts: ['github:ana#7', ana], joined: 2024-01-01, left: 2026-11-30 }}\n  p1:\n    addresses: [p1@example.com]\n    teams: {{ ops: {{ until: 2026-06-30 }} }}\n    delegate: [{{ to: p0, for: security }}, {{ to: p0, for: ops, from: 2026-01-01 }}]\n    keys: [\"{KEY}\"]\n  p2: {{ addresses: p2@example.com, trained-until: 2027-01-31, teams: [ops] }}\n  ci: {{ kind: bot, addresses: [ci@example.com], accounts: ['github:b#9', b] }}\n  p3: {{ kind: agent, addresses: [p3@example.com], delegate: {{ to: p0, for: security }} }}\n"
        );
        assert_eq!(agrees(&roster), Ok(true));
    }

    #[test]
    fn a_policy_by_which_the_roster_has_a_fault_has_it_read() {
        let roster = "people:\n  ana: { addresses: [ana@example.com], accounts: ['github:ana#7'], teams: [ops] }\n  ben: { addresses: [ben@example.com], delegate: { to: ana, for: security } }\n";
        let index = read(POLICY, roster).unwrap().encode_index().unwrap();
        for (policy, is_adopted) in [
            (POLICY, true),
            ("teams: { security: ['github:ana'], ops: [] }\nroster: r.yml", true),
            ("teams: { security: ['github:ana#8'], ops: [] }\nroster: r.yml", false),
            ("teams: { security: [ben@example.com] }\nroster: r.yml", false),
            ("teams: { ops: [ben@example.com] }\nroster: r.yml", false),
        ] {
            assert_eq!(adopt(policy, &index).is_some(), is_adopted, "{policy}");
            assert_eq!(read(policy, roster).is_some(), is_adopted, "{policy}");
        }
    }

    #[test]
    fn what_an_index_cannot_hold_has_none() {
        for roster in [
            "people:\n  ana: { addresses: [ana@example.com], accounts: ['x:ana@example.com#7'] }\n",
            "people:\n  ana: { name: '', addresses: [ana@example.com] }\n",
        ] {
            let people = read(POLICY, roster);
            assert!(people.is_none_or(|people| people.encode_index().is_none()), "{roster}");
        }
    }

    #[test]
    fn bytes_that_are_cut_are_no_index() {
        let roster = "people:\n  ana: { addresses: [ana@example.com], teams: [ops] }\n";
        let index = read(POLICY, roster).unwrap().encode_index().unwrap();
        for length in 0..index.len() {
            assert!(RosterIndex::open_index(index[..length].to_vec(), 0).is_none(), "{length}");
        }
        assert!(RosterIndex::open_index(index, 0).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn an_index_answers_as_the_roster_of_any_people(
            people in proptest::collection::vec((0..6_usize, 0..7_usize, 0..9_usize, 0..9_usize), 1..6)
        ) {
            let names = ["", "name: Ana Ruiz", "name: \u{410}na Ruiz", "name: ana ruiz", "name: \"A: B\"", "name: Jos\u{e9}"];
            let accounts = ["", "accounts: [ana]", "accounts: ['github:ana#7']", "accounts: ['github:b#8', b]", "accounts: 'github:x#9'", "accounts: ['gitlab:x#9', 'github:zoe']", "accounts: ['github:ana#7', 'github:ana2#7']"];
            let more = ["", "joined: 2026-01-01", "left: 2026-02-28", "kind: agent", "kind: bot", "teams: [ops]", "teams: { ops: , security: { until: 2026-01-01 } }", "delegate: { to: p0, for: ops }", "trained-until: 2026-12-31"];
            let mut text = String::from("people:\n");
            for (number, (name, account, one, other)) in people.into_iter().enumerate() {
                let mut fields = vec![format!("addresses: [p{number}@example.com, P{number}@example.org]")];
                fields.extend([names[name], accounts[account], more[one], more[other]].into_iter().filter(|field| !field.is_empty()).map(str::to_owned));
                text += &format!("  p{number}: {{ {} }}\n", fields.join(", "));
            }
            prop_assert!(agrees(&text).is_ok(), "{:?}", agrees(&text));
        }
    }
}
