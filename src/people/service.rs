//! What a roster says of a person with dates: since when they are there and until when, their teams, and who acts
//! for them meanwhile.
//!
//! A day is a day of UTC and counts in full: who has `left: 2026-11-30` is there until that day ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What kind of identity an entry of a roster is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PersonKind {
    /// A person.
    #[default]
    Human,
    /// A machine that follows a program.
    Bot,
    /// A machine that writes changes by itself.
    Agent,
}

/// The words for the kinds of entries.
pub(crate) const KIND_WORDS: [(&str, PersonKind); 3] =
    [("human", PersonKind::Human), ("bot", PersonKind::Bot), ("agent", PersonKind::Agent)];

impl PersonKind {
    /// Returns true for what never approves.
    pub(crate) fn is_machine(self) -> bool {
        self != PersonKind::Human
    }

    /// Returns the word that a roster has for it.
    pub(crate) fn word(self) -> &'static str {
        KIND_WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// Days from a first one to a last one, both of which count; an end without a day is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaySpan {
    /// The first day.
    pub(crate) from: Option<Date>,
    /// The last day.
    pub(crate) until: Option<Date>,
}

impl DaySpan {
    /// Returns true if the day is one of these.
    pub(crate) fn contains(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    /// Returns why somebody with these days is not there on a day; `None` if they are.
    pub(crate) fn find_absence(self, day: Date) -> Option<PersonAbsence> {
        match self {
            DaySpan { from: Some(from), .. } if day < from => Some(PersonAbsence::NotJoined(from)),
            DaySpan { until: Some(until), .. } if until < day => Some(PersonAbsence::Left(until)),
            _ => None,
        }
    }

    /// Returns true if both ends are open.
    pub(crate) fn is_open(self) -> bool {
        self == DaySpan::default()
    }
}

/// Why a person is not there at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PersonAbsence {
    /// They come later, on this day.
    NotJoined(Date),
    /// They have left; this was their last day.
    Left(Date),
}

/// Somebody who acts for a person in some teams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TeamDelegation {
    /// The key of who acts.
    pub(crate) to: String,
    /// The teams in which they act.
    pub(crate) teams: Vec<String>,
    /// The days on which they do.
    pub(crate) days: DaySpan,
}

/// What a roster says of one person with dates.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServiceRecord {
    /// The kind of the entry.
    pub(crate) kind: PersonKind,
    /// The days from `joined` to `left`.
    pub(crate) days: DaySpan,
    /// The last day on which the training is valid; `None` for somebody who has none.
    pub(crate) trained_until: Option<Date>,
    /// The teams that the roster gives, each with its days.
    pub(crate) teams: BTreeMap<String, Vec<DaySpan>>,
    /// Who acts for this person.
    pub(crate) delegations: Vec<TeamDelegation>,
    /// The public keys that this person signs with.
    pub(crate) signing_keys: Vec<String>,
}

impl ServiceRecord {
    /// Returns true if the roster says nothing beside who somebody is.
    pub(crate) fn is_plain(&self) -> bool {
        *self == ServiceRecord::default()
    }

    /// Returns why the person is not there on a day; `None` if they are.
    pub(crate) fn find_absence(&self, day: Date) -> Option<PersonAbsence> {
        self.days.find_absence(day)
    }

    /// Returns true if the person with this key acts for this one in a team on a day.
    pub(crate) fn delegates_to(&self, key: &str, team: &str, day: Date) -> bool {
        self.delegations.iter().any(|delegation| {
            delegation.to == key
                && delegation.days.contains(day)
                && delegation.teams.iter().any(|named| named == team)
        })
    }

    /// Returns true if the roster gives this team to the person on a day.
    pub(crate) fn holds_team(&self, team: &str, day: Date) -> bool {
        self.teams.get(team).is_some_and(|spans| spans.iter().any(|days| days.contains(day)))
    }
}

/// What a roster says of people with dates. Who has no entry here is there at all times, and in the teams of the policy
/// alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServiceRecords {
    by_key: HashMap<Arc<str>, ServiceRecord>,
    /// The people for whom somebody acts, by the key of who does.
    delegators: HashMap<String, Vec<String>>,
    /// The people to whom the roster gives a team, by its name.
    members: BTreeMap<String, Vec<String>>,
    /// The teams that the roster gives to somebody on some day, also where only the people of one day are left.
    given_teams: BTreeSet<String>,
}

impl ServiceRecords {
    /// Puts together what an index holds: the records, the people of each team that the roster gives, and those for whom each
    /// delegate acts.
    pub(crate) fn restore_records(
        by_key: HashMap<Arc<str>, ServiceRecord>,
        members: Vec<(String, Vec<String>)>,
        delegators: Vec<(String, Vec<String>)>,
    ) -> ServiceRecords {
        ServiceRecords {
            by_key,
            delegators: delegators.into_iter().collect(),
            given_teams: members.iter().map(|(team, _)| team.clone()).collect(),
            members: members.into_iter().collect(),
        }
    }

    /// Adds what the roster says of a person.
    pub(crate) fn add_record(&mut self, key: &Arc<str>, record: ServiceRecord) {
        if record.is_plain() {
            return;
        }
        for team in record.teams.keys() {
            self.members.entry(team.clone()).or_default().push(key.to_string());
            self.given_teams.insert(team.clone());
        }
        for delegation in &record.delegations {
            self.delegators.entry(delegation.to.clone()).or_default().push(key.to_string());
        }
        self.by_key.insert(key.clone(), record);
    }

    /// Returns true if no person has a date, a kind or a team here.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Returns what is said of a person; `None` for somebody who is there at all times.
    pub(crate) fn find_record(&self, key: &str) -> Option<&ServiceRecord> {
        self.by_key.get(key)
    }

    /// Returns the days on which something ends, of those not before `since` and not after `until`.
    pub(crate) fn list_last_days(&self, since: Date, until: Date) -> BTreeSet<Date> {
        let mut days = BTreeSet::new();
        for record in self.by_key.values() {
            days.extend(record.days.until);
            days.extend(record.trained_until);
            days.extend(record.teams.values().flatten().filter_map(|span| span.until));
        }
        days.retain(|day| since <= *day && *day <= until);
        days
    }

    /// Returns every person of whom something is said, in the order of their keys.
    pub(crate) fn list_records(&self) -> Vec<(&str, &ServiceRecord)> {
        let mut records: Vec<_> = self.by_key.iter().map(|(key, record)| (key.as_ref(), record)).collect();
        records.sort_unstable_by_key(|(key, _)| *key);
        records
    }

    /// Returns true if somebody signs with a key that the roster lists.
    pub(crate) fn has_signing_keys(&self) -> bool {
        self.by_key.values().any(|record| !record.signing_keys.is_empty())
    }

    /// Makes room for so many people more.
    pub(crate) fn reserve_records(&mut self, count: usize) {
        self.by_key.reserve(count);
    }

    /// Returns true if the roster gives a team to somebody on some day.
    pub(crate) fn gives_team(&self, team: &str) -> bool {
        self.given_teams.contains(team)
    }

    /// Returns the people to whom the roster gives a team on some day.
    pub(crate) fn list_members<'records>(
        &'records self,
        team: &str,
    ) -> impl Iterator<Item = &'records str> + use<'records> {
        self.members.get(team).into_iter().flatten().map(String::as_str)
    }

    /// Returns the people for whom somebody ever acts.
    pub(crate) fn list_possible_delegators(&self, key: &str) -> &[String] {
        self.delegators.get(key).map_or(&[], Vec::as_slice)
    }

    /// Returns the same records with the kinds and keys of people and the training of those who are trained on a day, and
    /// nothing else.
    pub(crate) fn keep_training(&self, day: Date) -> ServiceRecords {
        let mut kept = ServiceRecords { given_teams: self.given_teams.clone(), ..ServiceRecords::default() };
        for (key, record) in &self.by_key {
            let kind = record.kind;
            let trained_until = record.trained_until.filter(|until| day <= *until);
            let signing_keys = record.signing_keys.clone();
            let kept_record = ServiceRecord { kind, trained_until, signing_keys, ..ServiceRecord::default() };
            kept.add_record(key, kept_record);
        }
        kept
    }
}

/// Returns the day of UTC on which a moment is.
pub(crate) fn find_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
