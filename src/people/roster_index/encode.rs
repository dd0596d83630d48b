//! Writing an index of people from what was read of a roster.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::people::folded_names::{fold_identity, fold_local_part};
use crate::people::roster_index::sections::{
    IndexSection, LookKind, NOTHING, PartWriter, SECTION_COUNT, hash_look, join_sections, pack_day,
};
use crate::people::roster_maps::RosterMaps;
use crate::people::service::ServiceRecord;

/// Returns the sections of an index; `None` for what an index cannot hold.
pub(super) fn encode_sections(maps: &RosterMaps) -> Option<Vec<u8>> {
    let mut sections: [Vec<u8>; SECTION_COUNT] = std::array::from_fn(|_| Vec::new());
    let mut keep = |section: IndexSection, part: PartWriter| {
        if let Some(place) = sections.get_mut(section as usize) {
            *place = part.bytes;
        }
    };
    let people = list_people(maps);
    let mut places: HashMap<&str, u32> = HashMap::with_capacity(people.len());
    for (place, key) in (0_u32..).zip(&people) {
        places.insert(key, place);
    }
    let mut identities: Vec<(&str, &str)> =
        maps.keys_by_identity.iter().map(|(identity, key)| (identity.as_str(), key.as_ref())).collect();
    identities.sort_unstable();
    let (numbers, identity_numbers) = write_numbers(maps, &identities)?;
    keep(IndexSection::Numbers, numbers);
    keep(IndexSection::IdentityNumbers, identity_numbers);
    let mut holders = PartWriter::default();
    for (_, key) in &identities {
        holders.put_number(*places.get(key)?);
    }
    keep(IndexSection::IdentityPeople, holders);
    let (ends, texts) = write_texts(identities.iter().map(|(identity, _)| *identity))?;
    keep(IndexSection::IdentityEnds, ends);
    keep(IndexSection::IdentityTexts, texts);
    let (ends, texts) = write_texts(people.iter().copied())?;
    keep(IndexSection::KeyEnds, ends);
    keep(IndexSection::KeyTexts, texts);
    // A name without a letter cannot be told from none.
    if maps.names_by_key.values().any(String::is_empty) {
        return None;
    }
    let names = people.iter().map(|key| maps.names_by_key.get(*key).map_or("", String::as_str));
    let (ends, texts) = write_texts(names)?;
    keep(IndexSection::NameEnds, ends);
    keep(IndexSection::NameTexts, texts);

    keep(IndexSection::Looks, write_looks(maps, &people, &identities));
    let mut days = PartWriter::default();
    let mut rare = write_rare_parts(maps, &places)?;
    for key in &people {
        let record = maps.service.find_record(key);
        let place = match record {
            Some(record) if !is_dates_alone(record) => {
                let place = u32::try_from(rare.bytes.len()).ok().filter(|place| *place != NOTHING)?;
                write_record(record, &mut rare)?;
                place
            }
            _ => NOTHING,
        };
        let record = record.cloned().unwrap_or_default();
        for day in [record.days.from, record.days.until, record.trained_until] {
            days.put_number(pack_day(day));
        }
        days.put_number(place);
    }
    keep(IndexSection::People, days);
    keep(IndexSection::Rare, rare);
    join_sections(&sections)
}

/// Writes the numbers of accounts in the order of their forges, and for each address or account where its number is.
fn write_numbers(maps: &RosterMaps, identities: &[(&str, &str)]) -> Option<(PartWriter, PartWriter)> {
    let mut numbered = Vec::new();
    for (place, (identity, _)) in (0_u32..).zip(identities) {
        if let Some(number) = maps.numbers.find_number(identity) {
            let forge = identity.split(':').next().unwrap_or_default();
            numbered.push((forge, number, place));
        }
    }
    numbered.sort_unstable();
    let mut number_places = vec![0_u32; identities.len()];
    let mut numbers = PartWriter::default();
    for (place, (_, number, identity)) in (1_u32..).zip(&numbered) {
        numbers.bytes.extend_from_slice(&number.to_le_bytes());
        numbers.put_number(*identity);
        *number_places.get_mut(usize::try_from(*identity).ok()?)? = place;
    }
    let mut identity_numbers = PartWriter::default();
    number_places.into_iter().for_each(|place| identity_numbers.put_number(place));
    Some((numbers, identity_numbers))
}

/// Writes what names and first parts of addresses look like, by hashes.
fn write_looks(maps: &RosterMaps, people: &[&str], identities: &[(&str, &str)]) -> PartWriter {
    let mut looks = Vec::new();
    for (place, key) in (0_u32..).zip(people) {
        let look = maps.names_by_key.get(*key).map(|name| fold_identity(name)).unwrap_or_default();
        if !look.is_empty() {
            looks.push((hash_look(LookKind::Name, &look), place));
        }
    }
    for (place, (identity, _)) in (0_u32..).zip(identities) {
        let look = fold_local_part(identity);
        if !look.is_empty() {
            looks.push((hash_look(LookKind::LocalPart, &look), place));
        }
    }
    looks.sort_unstable();
    let mut part = PartWriter::default();
    for (hash, place) in looks {
        part.put_number(hash);
        part.put_number(place);
    }
    part
}

/// Returns the keys of all people who have an address or account, sorted: the others are in no index.
fn list_people(maps: &RosterMaps) -> Vec<&str> {
    let mut people: Vec<&str> = maps.keys_by_identity.values().map(AsRef::as_ref).collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// Writes texts one after the other, and where each of them ends.
fn write_texts<'text>(list: impl Iterator<Item = &'text str>) -> Option<(PartWriter, PartWriter)> {
    let (mut ends, mut texts) = (PartWriter::default(), PartWriter::default());
    for text in list {
        texts.bytes.extend_from_slice(text.as_bytes());
        ends.put_count(texts.bytes.len())?;
    }
    Some((ends, texts))
}

/// Returns true if a record holds nothing but the days of a person.
fn is_dates_alone(record: &ServiceRecord) -> bool {
    let dates =
        ServiceRecord { days: record.days, trained_until: record.trained_until, ..ServiceRecord::default() };
    *record == dates
}

/// Writes what a record holds beside the days.
fn write_record(record: &ServiceRecord, out: &mut PartWriter) -> Option<()> {
    out.put_text(record.kind.word())?;
    out.put_count(record.teams.len())?;
    for (team, spans) in &record.teams {
        out.put_text(team)?;
        out.put_count(spans.len())?;
        spans.iter().for_each(|span| out.put_days(*span));
    }
    out.put_count(record.delegations.len())?;
    for delegation in &record.delegations {
        out.put_text(&delegation.to)?;
        out.put_days(delegation.days);
        out.put_count(delegation.teams.len())?;
        delegation.teams.iter().try_for_each(|team| out.put_text(team))?;
    }
    out.put_count(record.signing_keys.len())?;
    record.signing_keys.iter().try_for_each(|key| out.put_text(key))
}

/// Writes the names of machines, the teams that are named, who is in teams by the roster, and who acts for whom.
fn write_rare_parts(maps: &RosterMaps, places: &HashMap<&str, u32>) -> Option<PartWriter> {
    let mut out = PartWriter::default();
    let records = maps.service.list_records();
    out.put_count(maps.machine_names.len())?;
    maps.machine_names.iter().try_for_each(|name| out.put_text(&name.to_string()))?;
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut given: BTreeSet<&str> = BTreeSet::new();
    let mut delegates: BTreeMap<&str, &[String]> = BTreeMap::new();
    let mut has_keys = false;
    for (_, record) in &records {
        given.extend(record.teams.keys().map(String::as_str));
        has_keys |= !record.signing_keys.is_empty();
        for delegation in &record.delegations {
            named.extend(delegation.teams.iter().map(String::as_str));
            delegates.insert(&delegation.to, maps.service.list_possible_delegators(&delegation.to));
        }
    }
    named.extend(&given);
    out.put_count(named.len())?;
    named.iter().try_for_each(|team| out.put_text(team))?;
    out.put_number(u32::from(!records.is_empty()));
    out.put_number(u32::from(has_keys));
    out.put_count(given.len())?;
    for team in given {
        out.put_text(team)?;
        write_people(maps.service.list_members(team), places, &mut out)?;
    }
    out.put_count(delegates.len())?;
    for (delegate, delegators) in delegates {
        out.put_text(delegate)?;
        write_people(delegators.iter().map(String::as_str), places, &mut out)?;
    }
    Some(out)
}

/// Writes the places of people, in their order.
fn write_people<'key>(
    keys: impl Iterator<Item = &'key str>,
    places: &HashMap<&str, u32>,
    out: &mut PartWriter,
) -> Option<()> {
    let found: Option<Vec<u32>> = keys.map(|key| places.get(key).copied()).collect();
    let found = found?;
    out.put_count(found.len())?;
    found.into_iter().for_each(|place| out.put_number(place));
    Some(())
}
