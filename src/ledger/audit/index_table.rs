//! The bytes of an index: numbers, ids and texts one after the other, and each text that repeats once.
//!
//! An index of many records is read whole before anything is answered, and JSON would take longer than the answer may.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::change::Oid;

/// Bytes that are being written.
#[derive(Default)]
pub(crate) struct IndexWriter {
    bytes: Vec<u8>,
    words: Vec<String>,
    places: HashMap<String, u64>,
}

impl IndexWriter {
    pub(crate) fn put_number(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes an id; none is one without bytes.
    pub(crate) fn put_id(&mut self, id: Option<Oid>) {
        let bytes = id.as_ref().map(Oid::as_bytes).unwrap_or_default();
        self.bytes.push(u8::try_from(bytes.len()).unwrap_or_default());
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn put_time(&mut self, time: Timestamp) {
        self.bytes.extend_from_slice(&time.as_second().to_le_bytes());
        self.bytes.extend_from_slice(&time.subsec_nanosecond().to_le_bytes());
    }

    pub(crate) fn put_optional_time(&mut self, time: Option<Timestamp>) {
        self.bytes.push(u8::from(time.is_some()));
        if let Some(time) = time {
            self.put_time(time);
        }
    }

    /// Writes a value that many entries share, by its number in the list of such values.
    pub(crate) fn put_shared(&mut self, value: &impl Serialize) -> Result<(), serde_json::Error> {
        let word = serde_json::to_string(value)?;
        let next = self.words.len() as u64;
        let place = *self.places.entry(word).or_insert_with_key(|word| {
            self.words.push(word.clone());
            next
        });
        self.put_number(place);
        Ok(())
    }

    /// Returns everything that was written, the shared values first.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut all = IndexWriter::default();
        all.put_number(self.words.len() as u64);
        for word in &self.words {
            all.put_bytes(word.as_bytes());
        }
        all.bytes.extend_from_slice(&self.bytes);
        all.bytes
    }
}

/// Bytes that are being read. What is not there is `None`, and then the index is none.
pub(crate) struct IndexReader<'a> {
    rest: &'a [u8],
    words: Vec<&'a [u8]>,
}

impl<'a> IndexReader<'a> {
    /// Begins with the shared values.
    pub(crate) fn read_words(bytes: &'a [u8]) -> Option<IndexReader<'a>> {
        let mut reader = IndexReader { rest: bytes, words: Vec::new() };
        for _ in 0..reader.take_number()? {
            let word = reader.take_bytes()?;
            reader.words.push(word);
        }
        Some(reader)
    }

    /// Returns true if nothing is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take_part(&mut self, length: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(part)
    }

    pub(crate) fn take_number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take_part(8)?.try_into().ok()?))
    }

    pub(crate) fn take_bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.take_number()?).ok()?;
        self.take_part(length)
    }

    pub(crate) fn take_text(&mut self) -> Option<String> {
        Some(std::str::from_utf8(self.take_bytes()?).ok()?.to_owned())
    }

    fn take_byte(&mut self) -> Option<u8> {
        self.take_part(1)?.first().copied()
    }

    /// Reads an id, or none.
    pub(crate) fn take_id(&mut self) -> Option<Option<Oid>> {
        match self.take_byte()? {
            0 => Some(None),
            length => Oid::from_bytes(self.take_part(usize::from(length))?).map(Some),
        }
    }

    pub(crate) fn take_time(&mut self) -> Option<Timestamp> {
        let second = i64::from_le_bytes(self.take_part(8)?.try_into().ok()?);
        let nanosecond = i32::from_le_bytes(self.take_part(4)?.try_into().ok()?);
        Timestamp::new(second, nanosecond).ok()
    }

    pub(crate) fn take_optional_time(&mut self) -> Option<Option<Timestamp>> {
        match self.take_byte()? {
            0 => Some(None),
            _ => self.take_time().map(Some),
        }
    }

    /// Reads a value that many entries share; `known` holds those of its type that were read before.
    pub(crate) fn take_shared<T: Clone + DeserializeOwned>(
        &mut self,
        known: &mut HashMap<u64, T>,
    ) -> Option<T> {
        let place = self.take_number()?;
        if let Some(value) = known.get(&place) {
            return Some(value.clone());
        }
        let word = self.words.get(usize::try_from(place).ok()?)?;
        let value: T = serde_json::from_slice(word).ok()?;
        known.insert(place, value.clone());
        Some(value)
    }

    /// Reads a value that one entry has.
    pub(crate) fn take_json<T: DeserializeOwned>(&mut self) -> Option<T> {
        serde_json::from_slice(self.take_bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_beyond_it() {
        let id = Oid::from_bytes(&[7; 20]).unwrap();
        let time = Timestamp::new(-5, -7).unwrap();
        let mut writer = IndexWriter::default();
        writer.put_number(9);
        writer.put_bytes(b"text");
        writer.put_id(Some(id));
        writer.put_id(None);
        writer.put_time(time);
        writer.put_optional_time(None);
        writer.put_optional_time(Some(time));
        for word in ["a", "b", "a"] {
            writer.put_shared(&word).unwrap();
        }
        let bytes = writer.into_bytes();
        let read = |bytes: &[u8]| {
            let mut reader = IndexReader::read_words(bytes)?;
            let mut known = HashMap::new();
            let found = (
                reader.take_number()?,
                reader.take_text()?,
                (reader.take_id()?, reader.take_id()?),
                (reader.take_time()?, reader.take_optional_time()?, reader.take_optional_time()?),
                [0; 3].map(|_| reader.take_shared::<String>(&mut known)),
            );
            Some((found, reader.is_at_end()))
        };
        let words = ["a", "b", "a"].map(|word| Some(word.to_owned()));
        let expected = ((9, "text".to_owned(), (Some(id), None), (time, None, Some(time)), words), true);
        assert_eq!(read(&bytes), Some(expected));
        for length in 0..bytes.len() {
            let cut = read(&bytes[..length]);
            assert!(cut.is_none_or(|((.., words), _)| words.contains(&None)), "{length}");
        }
    }
}
