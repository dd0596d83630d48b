//! Reading what an index says of people: of one of them, and of all.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::people::account_numbers::AccountNumbers;
use crate::people::roster_index::RosterIndex;
use crate::people::roster_index::sections::{IndexSection, NOTHING, PartReader, unpack_day};
use crate::people::roster_maps::RosterMaps;
use crate::people::service::{DaySpan, KIND_WORDS, ServiceRecord, ServiceRecords, TeamDelegation};

impl RosterIndex {
    /// Returns everything that the index says, as it was read of the roster.
    pub(crate) fn decode_maps(&self) -> RosterMaps {
        let count = self.count_numbers(IndexSection::KeyEnds);
        let mut keys: Vec<Arc<str>> = Vec::with_capacity(count);
        let mut names_by_key = HashMap::with_capacity(count);
        let mut records = HashMap::with_capacity(count);
        for person in 0..count {
            let key: Arc<str> = self.read_key(person).unwrap_or_default().into();
            if let Some(name) = self.read_name(person) {
                names_by_key.insert(key.clone(), name.to_owned());
            }
            if let Some(record) = self.read_record(person) {
                records.insert(key.clone(), record);
            }
            keys.push(key);
        }
        let mut numbers = AccountNumbers::default();
        let mut keys_by_identity = HashMap::with_capacity(self.count_numbers(IndexSection::IdentityEnds));
        for place in 0..self.count_numbers(IndexSection::IdentityEnds) {
            let person = self.read_number(IndexSection::IdentityPeople, place).unwrap_or(NOTHING);
            let key = usize::try_from(person).ok().and_then(|person| keys.get(person));
            let (Some(key), Some(identity)) = (key, self.read_identity(place)) else { continue };
            if let Some(number) = self.read_number_of(place) {
                numbers.insert_holder(identity.to_owned(), number, key);
            }
            keys_by_identity.insert(identity.to_owned(), key.clone());
        }
        let list_all = |lists: &BTreeMap<String, Range<usize>>| -> Vec<(String, Vec<String>)> {
            let mut all = Vec::new();
            for (name, place) in lists {
                let people = self.list_people_at(Some(place)).map(str::to_owned).collect();
                all.push((name.clone(), people));
            }
            all
        };
        RosterMaps {
            keys_by_identity,
            numbers,
            names_by_key,
            service: ServiceRecords::restore_records(
                records,
                list_all(&self.members),
                list_all(&self.delegators),
            ),
            machine_names: self.machine_names.clone(),
        }
    }

    /// Returns what is said of a person with dates.
    pub(super) fn read_record(&self, person: usize) -> Option<ServiceRecord> {
        let numbers = self.read_person(person)?;
        if numbers == [NOTHING; 4] {
            return None;
        }
        let [from, until, trained_until, more] = numbers;
        let mut record = ServiceRecord {
            days: DaySpan { from: unpack_day(from)?, until: unpack_day(until)? },
            trained_until: unpack_day(trained_until)?,
            ..ServiceRecord::default()
        };
        if more != NOTHING {
            let rare = self.read_section(IndexSection::Rare);
            read_rest(&mut PartReader { rest: rare.get(usize::try_from(more).ok()?..)? }, &mut record)?;
        }
        Some(record)
    }
}

/// Reads what a record holds beside the days.
fn read_rest(part: &mut PartReader<'_>, record: &mut ServiceRecord) -> Option<()> {
    let word = part.take_text()?;
    record.kind = KIND_WORDS.iter().find(|(known, _)| *known == word)?.1;
    for _ in 0..part.take_number()? {
        let team = part.take_text()?.to_owned();
        let mut spans = Vec::new();
        for _ in 0..part.take_number()? {
            spans.push(part.take_days()?);
        }
        record.teams.insert(team, spans);
    }
    for _ in 0..part.take_number()? {
        let (to, days) = (part.take_text()?.to_owned(), part.take_days()?);
        let mut teams = Vec::new();
        for _ in 0..part.take_number()? {
            teams.push(part.take_text()?.to_owned());
        }
        record.delegations.push(TeamDelegation { to, teams, days });
    }
    for _ in 0..part.take_number()? {
        record.signing_keys.push(part.take_text()?.to_owned());
    }
    Some(())
}
