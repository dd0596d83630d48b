//! A commit message: its bytes, its subject and its trailers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;
use super::trailers::{self, Block, Like, Trailer};

/// A commit message, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    raw: Text,
    block: Block,
}

impl Message {
    /// Reads `raw`, the message as the commit object holds it, with the trailers that `git log`
    /// finds in it.
    pub fn new(raw: Text) -> Self {
        let block = trailers::read(raw.as_bytes(), Like::Log);
        Message { raw, block }
    }

    /// Returns the bytes as recorded.
    pub fn raw(&self) -> &Text {
        &self.raw
    }

    /// Returns the trailers.
    pub fn trailers(&self) -> &[Trailer] {
        &self.block.trailers
    }

    /// Returns the first line of the trailer block that is no trailer, if git tolerated one.
    pub fn mixed_at(&self) -> Option<usize> {
        self.block.mixed_at
    }

    /// Returns the subject as `git log --format=%s` shows it.
    pub fn subject(&self) -> Text {
        self.raw.as_bytes().split(|byte| *byte == b'\n').next().unwrap_or_default().into()
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Message::new)
    }
}
