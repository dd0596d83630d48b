//! A commit message: its bytes, its subject, its body and its trailers.
//!
//! The trailers are found when the message is read, because every rule asks for them; subject and
//! body are made on demand. Everything is as `git log` shows it, a message
//! in another encoding than UTF-8 too.

pub(crate) mod byte_search;
pub mod cleanup;
pub(crate) mod code_pages;
pub mod encoding;
pub(crate) mod known_keys;
pub mod near_miss;
pub(crate) mod trailer_extent;
pub mod trailers;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::change::message::byte_search::find_line_length;
use crate::change::message::near_miss::{NearMiss, find_near_misses};
use crate::change::message::trailer_extent::{cut_at_nul, skip_blank_lines};
use crate::change::message::trailers::{MessageTrailer, TrailerBlock, TrailerReader};
use crate::change::text::{Text, trim_git_space_end};

/// A commit message, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitMessage {
    raw: Text,
    trailer_block: TrailerBlock,
}

impl CommitMessage {
    /// Reads `raw`, the message as the commit object holds it, with the trailers that `git log`
    /// finds in it.
    pub fn new(raw: Text) -> Self {
        let block = trailers::read_trailers(raw.as_bytes(), TrailerReader::Log);
        CommitMessage { raw, trailer_block: block }
    }

    /// Returns the bytes as recorded.
    pub fn raw(&self) -> &Text {
        &self.raw
    }

    /// Returns the trailers, in the order of the message.
    pub fn trailers(&self) -> &[MessageTrailer] {
        &self.trailer_block.trailers
    }

    /// Returns the first line of the trailer block that is no trailer, if git tolerated one.
    pub fn mixed_line(&self) -> Option<usize> {
        self.trailer_block.mixed_line
    }

    /// Returns the lines that were meant to be trailers with one of the `known` keys and are none;
    /// see [`near_miss`]. They are looked for anew with every call.
    pub fn find_near_misses(&self, known: &[&str]) -> Vec<NearMiss> {
        find_near_misses(self.raw.as_bytes(), TrailerReader::Log, known)
    }

    /// Returns the subject as `git log --format=%s` shows it: the lines of the first paragraph,
    /// each without the white space at its end, joined by single spaces.
    ///
    /// Empty for a message of white space. Source: `%s` in git-log(1).
    pub fn subject(&self) -> Text {
        let (paragraph, _) = self.split_first_paragraph();
        let mut subject = Vec::with_capacity(paragraph.len());
        for line in paragraph.split_inclusive(|byte| *byte == b'\n') {
            if !subject.is_empty() {
                subject.push(b' ');
            }
            subject.extend_from_slice(trim_git_space_end(line));
        }
        Text::new(subject)
    }

    /// Returns the body as `git log --format=%b` shows it: what follows the first paragraph and
    /// the blank lines after it, trailers included.
    ///
    /// Ends at the first NUL, as everything does for git. Source: `%b` in git-log(1).
    pub fn body(&self) -> &[u8] {
        let (_, rest) = self.split_first_paragraph();
        rest.get(skip_blank_lines(rest)..).unwrap_or_default()
    }

    /// Splits what git reads of the message after its first paragraph, without the blank lines
    /// above it.
    fn split_first_paragraph(&self) -> (&[u8], &[u8]) {
        let text = cut_at_nul(self.raw.as_bytes());
        let text = text.get(skip_blank_lines(text)..).unwrap_or_default();
        let mut end = 0;
        while end < text.len() {
            let rest = text.get(end..).unwrap_or_default();
            let length = find_line_length(rest);
            if trim_git_space_end(rest.get(..length).unwrap_or_default()).is_empty() {
                break;
            }
            end += length;
        }
        text.split_at_checked(end).unwrap_or_default()
    }
}

impl Serialize for CommitMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CommitMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(CommitMessage::new)
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
            let message = CommitMessage::new(raw.into());
            assert_eq!(message.subject(), subject.into(), "{raw:?}");
            assert_eq!(Text::from(message.body()), body.into(), "{raw:?}");
        }
    }

    #[test]
    fn a_message_is_read_when_it_is_made_and_travels_as_its_bytes() {
        let message = CommitMessage::new("s\n\nRisk: low\n".into());
        assert_eq!(message.trailers().len(), 1);
        assert_eq!(message.mixed_line(), None);
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(json, r#""s\n\nRisk: low\n""#);
        assert_eq!(serde_json::from_str::<CommitMessage>(&json).unwrap(), message);
    }
}
