//! The bytes of an index of people: sections, each a table of numbers of 32 bits or a run of texts.

use std::ops::Range;

use jiff::civil::Date;

use crate::people::service::DaySpan;

/// How many sections an index has.
pub(super) const SECTION_COUNT: usize = 12;

/// A section, by its place.
#[derive(Clone, Copy)]
pub(super) enum IndexSection {
    /// Where each address or account ends among their texts, which are sorted.
    IdentityEnds,
    /// The texts of addresses and accounts.
    IdentityTexts,
    /// The person of each address or account.
    IdentityPeople,
    /// One more than the place of the number of each account; 0 for what has none.
    IdentityNumbers,
    /// The numbers of accounts in the order of their forges and numbers: two halves, and the place of the account.
    Numbers,
    /// Where each key of a person ends among their texts, which are sorted.
    KeyEnds,
    /// The texts of keys.
    KeyTexts,
    /// Where the name of each person ends among the names.
    NameEnds,
    /// The texts of names.
    NameTexts,
    /// Four numbers of each person: the first day, the last one, that of the training, and where more is said of them.
    People,
    /// Hashes of what names and first parts of addresses look like, in order, each with its person or place.
    Looks,
    /// What is said of a few: teams, delegates, keys, and the names of machines.
    Rare,
}

/// The number that stands for no day and for no place.
pub(super) const NOTHING: u32 = u32::MAX;

/// What is compared by what it looks like.
#[derive(Clone, Copy)]
pub(super) enum LookKind {
    /// The name of a person.
    Name,
    /// The first part of an address, or the name of an account.
    LocalPart,
}

/// Numbers and texts that are being written one after the other.
#[derive(Default)]
pub(super) struct PartWriter {
    pub(super) bytes: Vec<u8>,
}

impl PartWriter {
    /// Writes a number.
    pub(super) fn put_number(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes how many there are of something; `None` for more than an index holds.
    pub(super) fn put_count(&mut self, count: usize) -> Option<()> {
        self.put_number(u32::try_from(count).ok().filter(|count| *count != NOTHING)?);
        Some(())
    }

    /// Writes a text and its length; `None` if it is too long for an index.
    pub(super) fn put_text(&mut self, text: &str) -> Option<()> {
        self.put_count(text.len())?;
        self.bytes.extend_from_slice(text.as_bytes());
        Some(())
    }

    /// Writes a day, or that there is none.
    pub(super) fn put_day(&mut self, day: Option<Date>) {
        self.put_number(pack_day(day));
    }

    /// Writes the first and the last of some days.
    pub(super) fn put_days(&mut self, days: DaySpan) {
        self.put_day(days.from);
        self.put_day(days.until);
    }
}

/// Numbers and texts that are being read. What is not there is `None`, and then the index is none.
#[derive(Clone, Copy)]
pub(super) struct PartReader<'index> {
    pub(super) rest: &'index [u8],
}

impl<'index> PartReader<'index> {
    /// Reads a number.
    pub(super) fn take_number(&mut self) -> Option<u32> {
        let (number, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*number))
    }

    /// Reads a text.
    pub(super) fn take_text(&mut self) -> Option<&'index str> {
        let length = usize::try_from(self.take_number()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    /// Reads a day, or that there is none.
    pub(super) fn take_day(&mut self) -> Option<Option<Date>> {
        unpack_day(self.take_number()?)
    }

    /// Reads the first and the last of some days.
    pub(super) fn take_days(&mut self) -> Option<DaySpan> {
        Some(DaySpan { from: self.take_day()?, until: self.take_day()? })
    }
}

/// Returns a day as a number: the year, the month and the day of the month.
pub(super) fn pack_day(day: Option<Date>) -> u32 {
    let Some(day) = day else { return NOTHING };
    let [high, low] = day.year().to_be_bytes();
    let [month, day] = [day.month(), day.day()].map(|part| u8::try_from(part).unwrap_or_default());
    u32::from_be_bytes([high, low, month, day])
}

/// Returns the day that a number stands for; `None` if it is none.
pub(super) fn unpack_day(number: u32) -> Option<Option<Date>> {
    if number == NOTHING {
        return Some(None);
    }
    let [high, low, month, day] = number.to_be_bytes();
    let year = i16::from_be_bytes([high, low]);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().map(Some)
}

/// Puts sections together, their lengths first.
pub(super) fn join_sections(sections: &[Vec<u8>; SECTION_COUNT]) -> Option<Vec<u8>> {
    let mut all = PartWriter::default();
    for section in sections {
        all.put_count(section.len())?;
    }
    for section in sections {
        all.bytes.extend_from_slice(section);
    }
    Some(all.bytes)
}

/// Returns where the sections are that `bytes` hold from `start` to their end; `None` unless they fill it.
pub(super) fn split_sections(bytes: &[u8], start: usize) -> Option<[Range<usize>; SECTION_COUNT]> {
    let mut lengths = PartReader { rest: bytes.get(start..)? };
    let mut at = start.checked_add(4 * SECTION_COUNT)?;
    let mut sections = [const { 0..0 }; SECTION_COUNT];
    for section in &mut sections {
        let end = at.checked_add(usize::try_from(lengths.take_number()?).ok()?)?;
        *section = at..end;
        at = end;
    }
    (at == bytes.len()).then_some(sections)
}

/// Returns a number that is equal for what looks alike; another look can have it too.
pub(super) fn hash_look(kind: LookKind, folded: &str) -> u32 {
    // Fowler, Noll and Vo's hash, which is the same in every build.
    let mut hash: u32 = match kind {
        LookKind::Name => 0x811c_9dc5,
        LookKind::LocalPart => 0x811c_9dc4,
    };
    for byte in folded.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash
}
