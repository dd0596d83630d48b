//! An index of the people of a long roster, in which a hook looks up the few that it asks about.
//!
//! An index is made of a roster that was read without a fault, and says the same; one that would not is never made. Where
//! it is kept, and that it belongs to the roster in question and is not damaged, is for its keeper to see to.

mod decode;
mod encode;
mod sections;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::pattern::NamePattern;
use crate::people::folded_names::{fold_identity, fold_local_part};
use crate::people::roster_index::encode::encode_sections;
use crate::people::roster_index::sections::{
    IndexSection, LookKind, NOTHING, PartReader, SECTION_COUNT, hash_look, split_sections,
};
use crate::people::roster_maps::RosterMaps;
use crate::people::service::ServiceRecord;

/// How many bytes the table of people has for each of them.
const PERSON_BYTES: usize = 16;

/// How many bytes the number of an account takes, with its place.
const ACCOUNT_BYTES: usize = 12;

/// An index of the people of one roster.
#[derive(Debug)]
pub(crate) struct RosterIndex {
    bytes: Vec<u8>,
    sections: [Range<usize>; SECTION_COUNT],
    machine_names: Vec<NamePattern>,
    /// The teams that the roster names.
    named_teams: Vec<String>,
    has_records: bool,
    has_signing_keys: bool,
    /// Where the people of each team are listed that the roster gives.
    members: BTreeMap<String, Range<usize>>,
    /// Where the people are listed for whom each delegate acts.
    delegators: BTreeMap<String, Range<usize>>,
}

impl RosterIndex {
    /// Returns the bytes of an index of what was read of a roster without a fault; `None` if an index cannot say the same.
    pub(crate) fn encode_index(maps: &RosterMaps) -> Option<Vec<u8>> {
        let bytes = encode_sections(maps)?;
        let index = RosterIndex::open_index(bytes, 0)?;
        (index.decode_maps() == *maps).then_some(index.bytes)
    }

    /// Opens the index that `bytes` hold from `start` to their end, where nothing is damaged; `None` if they hold none.
    pub(crate) fn open_index(bytes: Vec<u8>, start: usize) -> Option<RosterIndex> {
        let sections = split_sections(&bytes, start)?;
        let rare = sections.get(IndexSection::Rare as usize)?.clone();
        let mut part = PartReader { rest: bytes.get(rare.clone())? };
        let mut machine_names = Vec::new();
        for _ in 0..part.take_number()? {
            machine_names.push(NamePattern::new(part.take_text()?).ok()?);
        }
        let mut named_teams = Vec::new();
        for _ in 0..part.take_number()? {
            named_teams.push(part.take_text()?.to_owned());
        }
        let (has_records, has_signing_keys) = (part.take_number()? != 0, part.take_number()? != 0);
        let [mut members, mut delegators] = [const { BTreeMap::new() }; 2];
        for lists in [&mut members, &mut delegators] {
            for _ in 0..part.take_number()? {
                let name = part.take_text()?.to_owned();
                let length = usize::try_from(part.take_number()?).ok()?.checked_mul(4)?;
                let begin = rare.end.checked_sub(part.rest.len())?;
                part.rest = part.rest.get(length..)?;
                lists.insert(name, begin..begin.checked_add(length)?);
            }
        }
        Some(RosterIndex {
            sections,
            machine_names,
            named_teams,
            has_records,
            has_signing_keys,
            members,
            delegators,
            bytes,
        })
    }

    /// Returns the exact names of machines, which are under `bots` as well.
    pub(crate) fn machine_names(&self) -> &[NamePattern] {
        &self.machine_names
    }

    /// Returns the teams that the roster names.
    pub(crate) fn named_teams(&self) -> &[String] {
        &self.named_teams
    }

    /// Returns the key of the person with this address or account, in the form in which they are compared.
    pub(crate) fn find_key(&self, identity: &str) -> Option<&str> {
        self.read_person_of(self.find_identity(identity)?)
    }

    /// Returns the addresses and accounts in their order, each with the key of its person.
    pub(crate) fn list_identities(&self) -> impl Iterator<Item = (&str, &str)> {
        let count = self.count_numbers(IndexSection::IdentityEnds);
        (0..count).filter_map(|place| Some((self.read_identity(place)?, self.read_person_of(place)?)))
    }

    /// Returns the keys of the people whose addresses or accounts begin with this.
    pub(crate) fn list_keys_from(&self, start: &str) -> Vec<&str> {
        let count = self.count_numbers(IndexSection::IdentityEnds);
        let first = find_first(count, |place| self.read_identity(place).is_some_and(|text| text < start));
        let mut keys = Vec::new();
        for place in first..count {
            if !self.read_identity(place).is_some_and(|text| text.starts_with(start)) {
                break;
            }
            keys.extend(self.read_person_of(place));
        }
        keys
    }

    /// Returns the key of a person as the roster holds it; `None` if there is no such person.
    pub(crate) fn find_person_key(&self, key: &str) -> Option<&str> {
        self.read_key(self.find_person(key)?)
    }

    /// Returns the name that the roster gives to a person.
    pub(crate) fn find_name(&self, key: &str) -> Option<&str> {
        self.read_name(self.find_person(key)?)
    }

    /// Returns the first key of a person whose name looks like this, which is folded and not empty.
    pub(crate) fn find_name_like(&self, folded: &str) -> Option<&str> {
        // Places are in the order of keys.
        let mut alike = self.list_alike(LookKind::Name, folded);
        let person =
            alike.find(|person| self.read_name(*person).is_some_and(|name| fold_identity(name) == folded))?;
        self.read_key(person)
    }

    /// Returns the key of the person with the first address or account that looks like this, which is folded and not empty.
    pub(crate) fn find_identity_like(&self, folded: &str) -> Option<&str> {
        let mut alike = self.list_alike(LookKind::LocalPart, folded);
        let place = alike.find(|place| {
            self.read_identity(*place).is_some_and(|identity| fold_local_part(identity) == folded)
        })?;
        self.read_person_of(place)
    }

    /// Returns the number that is listed for the login, which is in lower case and starts with the forge.
    pub(crate) fn find_number(&self, login: &str) -> Option<u64> {
        self.read_number_of(self.find_identity(login)?)
    }

    /// Returns the key of the person with this number on a forge.
    pub(crate) fn find_number_key(&self, forge: &str, number: u64) -> Option<&str> {
        let order = |place: usize| {
            let (number, identity) = self.read_account(place)?;
            Some((self.read_identity(identity)?.split(':').next()?, number))
        };
        let count = self.read_section(IndexSection::Numbers).len() / ACCOUNT_BYTES;
        let place = find_first(count, |place| order(place).is_some_and(|known| known < (forge, number)));
        if order(place)? != (forge, number) {
            return None;
        }
        self.read_person_of(self.read_account(place)?.1)
    }

    /// Returns what is said of a person with dates; `None` for a person who is there at all times.
    pub(crate) fn find_record(&self, key: &str) -> Option<ServiceRecord> {
        self.read_record(self.find_person(key)?)
    }

    /// Returns true if the roster calls the entry with this key a bot or an agent.
    pub(crate) fn is_machine(&self, key: &str) -> bool {
        let Some(person) = self.find_person(key) else { return false };
        // What is said of most people is their days, and no kind.
        let has_more = self.read_person(person).is_some_and(|[.., place]| place != NOTHING);
        has_more && self.read_record(person).is_some_and(|record| record.kind.is_machine())
    }

    /// Returns true if the roster says something of people with dates.
    pub(crate) fn has_records(&self) -> bool {
        self.has_records
    }

    /// Returns true if a person signs with a key that the roster lists.
    pub(crate) fn has_signing_keys(&self) -> bool {
        self.has_signing_keys
    }

    /// Returns true if the roster gives a team to a person on some day.
    pub(crate) fn gives_team(&self, team: &str) -> bool {
        self.members.contains_key(team)
    }

    /// Returns the people to whom the roster gives a team on some day.
    pub(crate) fn list_members<'index>(
        &'index self,
        team: &str,
    ) -> impl Iterator<Item = &'index str> + use<'index> {
        self.list_people_at(self.members.get(team))
    }

    /// Returns the people for whom the person with this key ever acts.
    pub(crate) fn list_possible_delegators(&self, key: &str) -> Vec<&str> {
        self.list_people_at(self.delegators.get(key)).collect()
    }

    fn read_section(&self, section: IndexSection) -> &[u8] {
        let place = self.sections.get(section as usize).cloned().unwrap_or_default();
        self.bytes.get(place).unwrap_or_default()
    }

    fn count_numbers(&self, section: IndexSection) -> usize {
        self.read_section(section).len() / 4
    }

    fn read_number(&self, section: IndexSection, place: usize) -> Option<u32> {
        let begin = place.checked_mul(4)?;
        PartReader { rest: self.read_section(section).get(begin..)? }.take_number()
    }

    /// Reads a text that ends where the table `ends` says, and begins where the one before it ends.
    fn read_text(&self, ends: IndexSection, texts: IndexSection, place: usize) -> Option<&str> {
        let begin = match place.checked_sub(1) {
            Some(before) => self.read_number(ends, before)?,
            None => 0,
        };
        let end = self.read_number(ends, place)?;
        let (begin, end) = (usize::try_from(begin).ok()?, usize::try_from(end).ok()?);
        std::str::from_utf8(self.read_section(texts).get(begin..end)?).ok()
    }

    fn read_identity(&self, place: usize) -> Option<&str> {
        self.read_text(IndexSection::IdentityEnds, IndexSection::IdentityTexts, place)
    }

    fn read_key(&self, person: usize) -> Option<&str> {
        self.read_text(IndexSection::KeyEnds, IndexSection::KeyTexts, person)
    }

    fn read_name(&self, person: usize) -> Option<&str> {
        let name = self.read_text(IndexSection::NameEnds, IndexSection::NameTexts, person);
        name.filter(|name| !name.is_empty())
    }

    /// Returns the key of the person who has the address or account at a place.
    fn read_person_of(&self, identity: usize) -> Option<&str> {
        let person = self.read_number(IndexSection::IdentityPeople, identity)?;
        self.read_key(usize::try_from(person).ok()?)
    }

    /// Returns the number of the account at a place.
    fn read_number_of(&self, identity: usize) -> Option<u64> {
        let place = self.read_number(IndexSection::IdentityNumbers, identity)?.checked_sub(1)?;
        Some(self.read_account(usize::try_from(place).ok()?)?.0)
    }

    fn find_identity(&self, identity: &str) -> Option<usize> {
        let count = self.count_numbers(IndexSection::IdentityEnds);
        let place = find_first(count, |place| self.read_identity(place).is_some_and(|text| text < identity));
        (self.read_identity(place)? == identity).then_some(place)
    }

    fn find_person(&self, key: &str) -> Option<usize> {
        let count = self.count_numbers(IndexSection::KeyEnds);
        let place = find_first(count, |place| self.read_key(place).is_some_and(|text| text < key));
        (self.read_key(place)? == key).then_some(place)
    }

    /// Returns the number of an account, and the place of the account.
    fn read_account(&self, place: usize) -> Option<(u64, usize)> {
        let begin = place.checked_mul(ACCOUNT_BYTES)?;
        let (number, rest) =
            self.read_section(IndexSection::Numbers).get(begin..)?.split_first_chunk::<8>()?;
        let identity = PartReader { rest }.take_number()?;
        Some((u64::from_le_bytes(*number), usize::try_from(identity).ok()?))
    }

    /// Returns the places of what may look like this.
    fn list_alike(&self, kind: LookKind, folded: &str) -> impl Iterator<Item = usize> {
        let hash = hash_look(kind, folded);
        let read_hash = |place: usize| self.read_number(IndexSection::Looks, place.checked_mul(2)?);
        let count = self.count_numbers(IndexSection::Looks) / 2;
        let first = find_first(count, |place| read_hash(place).is_some_and(|known| known < hash));
        let alike = (first..count).take_while(move |place| read_hash(*place) == Some(hash));
        alike.filter_map(|place| {
            usize::try_from(self.read_number(IndexSection::Looks, place.checked_mul(2)?.checked_add(1)?)?)
                .ok()
        })
    }

    /// Returns the four numbers that the table of people has for each of them.
    fn read_person(&self, person: usize) -> Option<[u32; 4]> {
        let begin = person.checked_mul(PERSON_BYTES)?;
        let mut part = PartReader { rest: self.read_section(IndexSection::People).get(begin..)? };
        Some([part.take_number()?, part.take_number()?, part.take_number()?, part.take_number()?])
    }

    /// Returns the keys of the people whose places are listed there.
    fn list_people_at<'index>(
        &'index self,
        list: Option<&Range<usize>>,
    ) -> impl Iterator<Item = &'index str> + use<'index> {
        let places = list.and_then(|list| self.bytes.get(list.clone())).unwrap_or_default();
        places.chunks_exact(4).filter_map(|place| {
            let person = PartReader { rest: place }.take_number()?;
            self.read_key(usize::try_from(person).ok()?)
        })
    }
}

/// Returns the first place for which `is_before` is false, of `count` places that are sorted by it.
fn find_first(count: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut begin, mut end) = (0, count);
    while begin < end {
        let middle = begin.midpoint(end);
        if is_before(middle) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    begin
}
