//! Who is in a team at a time, and who is there at all.
//!
//! A person is in a team if the policy lists them there, or if the roster gives it to them on that day. Who acts for a
//! member of a team counts in it for that member, and no further: a delegate of a delegate is none. Who is not there,
//! is in no team, and nobody acts for them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::people::PeopleDirectory;
use crate::people::roster_people::RosterPeople;
use crate::people::service::{PersonAbsence, ServiceRecord, ServiceRecords, find_day};

impl PeopleDirectory {
    /// Returns what the roster says of people with dates.
    pub(crate) fn service_records(&self) -> &ServiceRecords {
        &self.rostered.read_maps().service
    }

    /// Returns what the roster says of one person with dates; `None` for a person who is there at all times.
    pub(crate) fn find_service_record(&self, key: &str) -> Option<Cow<'_, ServiceRecord>> {
        self.rostered.find_record(key)
    }

    /// Returns why the person with this key is not there at a time; `None` if they are.
    pub(crate) fn find_absence(&self, key: &str, at: Timestamp) -> Option<PersonAbsence> {
        self.rostered.find_record(key)?.find_absence(find_day(at))
    }

    /// Returns true if the roster says that the person with this key is trained at a time.
    pub(crate) fn is_trained(&self, key: &str, at: Timestamp) -> bool {
        let until = self.rostered.find_record(key).and_then(|record| record.trained_until);
        until.is_some_and(|until| find_day(at) <= until)
    }

    /// Returns true if and only if the person with this key belongs to `team` at a time, or acts for somebody who does.
    pub(crate) fn is_member(&self, key: &str, team: &str, at: Timestamp) -> bool {
        self.holds_team(key, team, find_day(at)) || !self.list_delegators(key, team, at).is_empty()
    }

    /// Returns true if the person with this key belongs to `team` themselves at a time.
    pub(crate) fn is_own_member(&self, key: &str, team: &str, at: Timestamp) -> bool {
        self.holds_team(key, team, find_day(at))
    }

    /// Returns the keys of the members of `team` for whom the person with this key acts at a time.
    pub(crate) fn list_delegators(&self, key: &str, team: &str, at: Timestamp) -> Vec<&str> {
        let day = find_day(at);
        if self.is_absent(key, day) {
            return Vec::new();
        }
        let mut delegators = self.rostered.list_delegators(key, team, day);
        delegators.retain(|delegator| self.holds_team(delegator, team, day));
        delegators
    }

    /// Returns the keys of all for whom the person with this key ever acts, in any team.
    pub(crate) fn list_possible_delegators(&self, key: &str) -> Vec<&str> {
        self.rostered.list_possible_delegators(key)
    }

    /// Returns true if the roster gives `team` to the person with this key on another day than that of `at`.
    pub(crate) fn holds_team_later_or_earlier(&self, key: &str, team: &str, at: Timestamp) -> bool {
        let given = self.rostered.find_record(key).is_some_and(|record| record.teams.contains_key(team));
        given && !self.holds_team(key, team, find_day(at))
    }

    /// Returns the keys of the people who belong to `team` at a time, each person once.
    pub(crate) fn list_members_at<'people>(&'people self, team: &str, at: Timestamp) -> Vec<&'people str> {
        let day = find_day(at);
        let dated = self.rostered.list_members(team);
        let listed = self.list_settled_keys(team).chain(dated);
        listed.filter(|key| self.holds_team(key, team, day)).collect::<BTreeSet<&str>>().into_iter().collect()
    }

    /// Returns the people as they are on a day: who is not there is not known, and each team has the members of that
    /// day. Nobody joins, leaves or acts for anybody in the result.
    pub(crate) fn as_of(&self, day: Date) -> Cow<'_, PeopleDirectory> {
        if !self.rostered.has_records() {
            return Cow::Borrowed(self);
        }
        let mut maps = self.rostered.read_maps().clone();
        maps.keys_by_identity.retain(|_, key| !self.is_absent(key, day));
        maps.names_by_key.retain(|key, _| !self.is_absent(key, day));
        maps.service = maps.service.keep_training(day);
        let mut people = self.clone();
        people.rostered = Arc::new(RosterPeople::from_maps(maps));
        people.resolve_teams();
        for (team, members) in &mut people.teams {
            for key in self.rostered.list_members(team) {
                if self.holds_team(key, team, day) {
                    members.keys.insert(key.to_owned());
                }
            }
        }
        Cow::Owned(people)
    }

    /// Returns the keys that people sign with by the roster, as lines of `allowed_signers`: each is valid for one
    /// address of its person, from the day on which they join to the end of their last one.
    pub(crate) fn list_allowed_signers(&self) -> String {
        let mut lines = String::new();
        if !self.rostered.has_signing_keys() {
            return lines;
        }
        let mut addresses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (identity, key) in self.list_identities() {
            // Such a character means something else in a list of principals.
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"*?!,\"#".contains(&byte);
            if identity.contains('@') && identity.bytes().all(is_plain) {
                addresses.entry(key).or_default().push(identity);
            }
        }
        for (key, record) in self.service_records().list_records() {
            let Some(principals) = addresses.get(key).filter(|_| !record.signing_keys.is_empty()) else {
                continue;
            };
            let mut options = String::from("namespaces=\"git\"");
            if let Some(first) = record.days.from {
                options += &format!(",valid-after=\"{}Z\"", first.strftime("%Y%m%d"));
            }
            if let Some(after) = record.days.until.and_then(|last| last.tomorrow().ok()) {
                options += &format!(",valid-before=\"{}Z\"", after.strftime("%Y%m%d"));
            }
            // A key stands for one address; by the roster that means the person, whatever other addresses they have.
            let Some(principal) = principals.first() else { continue };
            for signing_key in &record.signing_keys {
                lines += &format!("{principal} {options} {signing_key}\n");
            }
        }
        lines
    }

    /// Returns true if the person is trained on the day of [`PeopleDirectory::as_of`].
    pub(crate) fn is_trained_then(&self, key: &str) -> bool {
        self.rostered.find_record(key).is_some_and(|record| record.trained_until.is_some())
    }

    fn is_absent(&self, key: &str, day: Date) -> bool {
        self.rostered.find_record(key).is_some_and(|record| record.find_absence(day).is_some())
    }

    fn holds_team(&self, key: &str, team: &str, day: Date) -> bool {
        let is_listed = self.find_team(team).is_some_and(|team| team.keys.contains(key));
        match self.rostered.find_record(key) {
            None => is_listed,
            Some(record) => (is_listed || record.holds_team(team, day)) && record.find_absence(day).is_none(),
        }
    }
}
