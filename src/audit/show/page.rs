//! What a page is made of: sections of labelled lines, in which our own words and those of others stay apart.
//!
//! A page is a value that can be stored and read again; what is written from it is the same each time.

use serde::{Deserialize, Serialize};

use crate::change::Text;
use crate::report::due_time::format_instant;
use crate::verdict::{Message, Sentence, SentencePart};

/// A page about one change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChangePage {
    /// The title: what was changed, as its author says.
    pub title: Text,
    /// The id of the change, and where it landed.
    pub subtitle: PageLine,
    /// The sections, from the request to the closure.
    pub sections: Vec<PageSection>,
}

/// A section of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PageSection {
    /// The heading.
    pub heading: String,
    /// The rows below it.
    pub rows: Vec<PageRow>,
}

/// A label and what stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PageRow {
    /// The label, of our own words or those of the policy.
    pub label: String,
    /// The lines beside it; the second and further ones are details of the first.
    pub lines: Vec<PageLine>,
}

/// A line of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageLine(pub Vec<PagePiece>);

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PagePiece {
    /// Our own words, or the policy's.
    Own(String),
    /// What contributors, reviewers, a forge or a ticket system wrote.
    Quoted(Text),
    /// A command to paste.
    Command(String),
}

impl PageLine {
    /// Returns a line of our own words.
    pub(crate) fn from_words(words: impl Into<String>) -> PageLine {
        PageLine(vec![PagePiece::Own(words.into())])
    }

    /// Returns a line that holds the words of others and nothing else.
    pub(crate) fn from_quote(text: &Text) -> PageLine {
        PageLine(vec![PagePiece::Quoted(text.clone())])
    }

    /// Returns a line with a command to paste.
    pub(crate) fn from_command(command: impl Into<String>) -> PageLine {
        PageLine(vec![PagePiece::Command(command.into())])
    }

    /// Returns the sentence of a message.
    pub(crate) fn from_message(message: &Message) -> PageLine {
        PageLine::from_sentence(message.sentence())
    }

    fn from_sentence(sentence: Sentence) -> PageLine {
        PageLine(
            sentence
                .0
                .into_iter()
                .map(|part| match part {
                    SentencePart::Say(own) => PagePiece::Own(own),
                    SentencePart::Quote(text) => PagePiece::Quoted(text),
                })
                .collect(),
        )
    }

    /// Adds our own words.
    #[must_use]
    pub(crate) fn with_words(mut self, words: impl Into<String>) -> PageLine {
        self.0.push(PagePiece::Own(words.into()));
        self
    }

    /// Adds the words of others.
    #[must_use]
    pub(crate) fn with_quote(mut self, text: &Text) -> PageLine {
        self.0.push(PagePiece::Quoted(text.clone()));
        self
    }

    /// Adds a time in UTC.
    #[must_use]
    pub(crate) fn with_time(self, at: jiff::Timestamp) -> PageLine {
        self.with_words(format_instant(at))
    }

    /// Adds the pieces of another line.
    #[must_use]
    pub(crate) fn with_line(mut self, other: PageLine) -> PageLine {
        self.0.extend(other.0);
        self
    }
}

impl PageSection {
    /// Returns a section without rows.
    pub(crate) fn new(heading: &str) -> PageSection {
        PageSection { heading: heading.to_owned(), rows: Vec::new() }
    }

    /// Adds a row of one line.
    pub(crate) fn add_row(&mut self, label: impl Into<String>, line: PageLine) {
        self.add_lines(label, vec![line]);
    }

    /// Adds a row of several lines.
    pub(crate) fn add_lines(&mut self, label: impl Into<String>, lines: Vec<PageLine>) {
        self.rows.push(PageRow { label: label.into(), lines });
    }

    /// Adds a row with the words of others, if there are any.
    pub(crate) fn add_quote(&mut self, label: &str, text: Option<&Text>) {
        if let Some(text) = text.filter(|text| !text.as_bytes().is_empty()) {
            self.add_row(label, PageLine::from_quote(text));
        }
    }
}
