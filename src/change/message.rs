//! A commit message: its bytes, its subject, its body and its trailers.
//!
//! The trailers are found when the message is read, because every rule asks for them; subject and
//! body are made when somebody wants to see them. Everything is as `git log` shows it. A message
//! in another encoding than UTF-8, which git would convert for showing, stays in the bytes of the
//! commit.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ending::{leading_blank_lines, until_nul};
use super::find::first;
use super::near_miss::{NearMiss, near_misses};
use super::text::{Text, is_space};
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

    /// Returns the lines that were meant to be trailers with one of the `known` keys and are none;
    /// see [`near_misses`]. They are looked for anew with every call.
    pub fn near_misses(&self, known: &[&str]) -> Vec<NearMiss> {
        near_misses(self.raw.as_bytes(), Like::Log, known)
    }

    /// Returns the subject as `git log --format=%s` shows it: the lines of the first paragraph,
    /// each without the white space at its end, joined by single spaces.
    ///
    /// Empty for a message of white space. Source: `%s` in git-log(1).
    pub fn subject(&self) -> Text {
        let (paragraph, _) = self.first_paragraph();
        let mut subject = Vec::with_capacity(paragraph.len());
        for line in paragraph.split_inclusive(|byte| *byte == b'\n') {
            if !subject.is_empty() {
                subject.push(b' ');
            }
            subject.extend_from_slice(without_space_at_end(line));
        }
        Text::new(subject)
    }

    /// Returns the body as `git log --format=%b` shows it: what follows the first paragraph and
    /// the blank lines after it, trailers included.
    ///
    /// Ends at the first NUL, as everything does for git. Source: `%b` in git-log(1).
    pub fn body(&self) -> &[u8] {
        let (_, rest) = self.first_paragraph();
        rest.get(leading_blank_lines(rest)..).unwrap_or_default()
    }

    /// Splits what git reads of the message after its first paragraph, without the blank lines
    /// above it.
    fn first_paragraph(&self) -> (&[u8], &[u8]) {
        let text = until_nul(self.raw.as_bytes());
        let text = text.get(leading_blank_lines(text)..).unwrap_or_default();
        let mut end = 0;
        while let Some(rest) = text.get(end..).filter(|rest| !rest.is_empty()) {
            let length = first(b'\n', rest).map_or(rest.len(), |lf| lf + 1);
            if without_space_at_end(rest.get(..length).unwrap_or_default()).is_empty() {
                break;
            }
            end += length;
        }
        text.split_at_checked(end).unwrap_or_default()
    }
}

fn without_space_at_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_and_body_are_those_of_git_log() {
        for (raw, subject, body) in [
            ("Subject\n\nBody\n", "Subject", "Body\n"),
            ("\n \nTwo \t\n  lines\r\n\n\n \nBody", "Two   lines", "Body"),
            ("One line", "One line", ""),
            ("Subject\n \n\n", "Subject", ""),
            (" \n", "", ""),
            ("", "", ""),
            ("A\0B\n\nC", "A", ""),
            ("A\n\nB\0C", "A", "B"),
        ] {
            let message = Message::new(raw.into());
            assert_eq!(message.subject(), subject.into(), "{raw:?}");
            assert_eq!(Text::from(message.body()), body.into(), "{raw:?}");
        }
    }

    #[test]
    fn a_message_is_read_when_it_is_made_and_travels_as_its_bytes() {
        let message = Message::new("s\n\nRisk: low\n".into());
        assert_eq!(message.trailers().len(), 1);
        assert_eq!(message.mixed_at(), None);
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(json, r#""s\n\nRisk: low\n""#);
        assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
    }
}
