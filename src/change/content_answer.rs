//! The answers to what a policy asks about the new content of a path.

use serde::{Deserialize, Serialize};

use crate::change::fact::Missing;
use crate::change::text::Text;

/// What is known of the new content of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentAnswer {
    /// The lines that match, before and after.
    Lines(MatchedLines),
    /// The SHA-256 of the content, in hexadecimal digits.
    Sha256(String),
    /// All lines that are added, of a change that is written by hand.
    Added(Vec<Text>),
    /// What nobody has said of a change that is written by hand.
    Withheld(Missing),
}

/// The lines of a path that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MatchedLines {
    /// What tells the question from others.
    pub question: String,
    /// The marks of the lines before.
    pub before: Vec<String>,
    /// The lines after.
    pub after: Vec<MarkedLine>,
    /// The path that the file had before, if it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Text>,
}

/// A line, with what it is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MarkedLine {
    /// The number of the line, counted from 1.
    pub line: u64,
    /// The mark.
    pub mark: String,
}
