//! The ids of Git objects.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::text;

/// The id of a Git object: 20 bytes under SHA-1, 32 under SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    bytes: [u8; 32],
    length: u8,
}

impl Oid {
    /// Returns the id with these raw bytes, or `None` unless there are 20 or 32 of them.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        if raw.len() != 20 && raw.len() != 32 {
            return None;
        }
        let mut bytes = [0; 32];
        bytes.get_mut(..raw.len())?.copy_from_slice(raw);
        Some(Oid { bytes, length: u8::try_from(raw.len()).ok()? })
    }

    /// Returns the id with these 40 or 64 hexadecimal digits, or `None` for anything else.
    pub fn from_hex(digits: &str) -> Option<Self> {
        Self::from_bytes(&text::decode_hex(digits)?)
    }

    /// Returns the 20 bytes of a SHA-1 id, or the 32 of a SHA-256 id.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Returns true for the id of all zeroes, by which hooks name "nothing".
    pub fn is_null(&self) -> bool {
        self.as_bytes().iter().all(|byte| *byte == 0)
    }

    /// Returns the id, or `None` for the id of all zeroes.
    pub(crate) fn none_if_null(self) -> Option<Self> {
        if self.is_null() { None } else { Some(self) }
    }

    /// Returns the first ten digits, as reports show them.
    pub fn short_hex(&self) -> String {
        text::encode_hex(self.as_bytes().get(..5).unwrap_or_default())
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        f.write_str(text::write_hex(self.as_bytes(), &mut digits).unwrap_or_default())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        match Oid::from_hex(&digits) {
            Some(id) => Ok(id),
            None => Err(serde::de::Error::custom("not a Git object id")),
        }
    }
}
