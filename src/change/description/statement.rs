//! What a description states, and what in it only looks like a statement.

use serde::{Deserialize, Serialize};

use crate::change::text::Text;

/// How many bytes of a line are kept, to be quoted.
const MAX_QUOTED_BYTES: usize = 160;

/// How many lines are kept that only look like statements.
pub(crate) const MAX_UNREAD_STATEMENTS: usize = 32;

/// Something that a description states: a label, and what stands beside or below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DescriptionStatement {
    /// The label as written, without what decorates it.
    pub label: String,
    /// What is stated; never empty.
    pub value: Text,
    /// The line of the description on which the value begins, counted from 1.
    pub line: usize,
    /// The fields that take it for an answer.
    #[serde(default, skip_serializing_if = "StatementScope::is_any")]
    pub scope: StatementScope,
    /// The parts of the value that stand at a label of their own, in their order; those at one label may be
    /// within those at another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<NestedLabel>,
}

/// A part of a value that stands at a label of its own, as a line `Ticket: PAY-1` of a section does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NestedLabel {
    /// The label as written, without what decorates it.
    pub label: String,
    /// The line of the description on which the part begins, counted from 1.
    pub line: usize,
    /// The byte of the value with which the part begins.
    pub start: usize,
    /// The byte of the value behind the part.
    pub end: usize,
}

/// The fields that take a statement for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatementScope {
    /// Any field.
    #[default]
    Any,
    /// A field of prose: everything that stands below its label, with code, tables and what is
    /// written beside boxes.
    Prose,
    /// Any field but one of prose: the ticked box, or the text without code and tables.
    NotProse,
}

/// A line that looks like a statement and is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnreadStatement {
    /// The label as written, without what decorates it.
    pub label: String,
    /// What stands there; at most 160 bytes of it.
    pub written: Text,
    /// The line of the description, counted from 1.
    pub line: usize,
    /// Why it states nothing.
    pub reason: UnreadReason,
}

/// Why a line states nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadReason {
    /// It is a placeholder, a question or an instruction: what a form holds before it is filled in.
    Placeholder,
    /// It stands in the template just so.
    Template,
    /// It is a box that is not ticked, or stands with such boxes.
    Unticked,
    /// It is code, or a table, which only prose takes for an answer.
    Code,
    /// It is quoted, struck out, code, or in the middle of a sentence.
    Markup,
    /// It is one of the settings between two lines `---` with which the description begins.
    Settings,
    /// Its label has letters of another alphabet that look like those of the right one.
    LookAlike,
    /// It is a label or a heading below which nothing stands that counts.
    NothingBelow,
    /// It looks like a heading, and has more than six `#`, or no space behind them.
    NoHeading,
    /// It is an item of a list, a part of a table, a summary or all emphasis, and would count as a heading.
    OtherForm,
    /// It names a label and a value, with another sign than a colon between them, or not at the start of a line.
    NotLabelled,
    /// It stands in the header of a table, which says what columns are about.
    TableHeader,
    /// It is about the pull request as a whole, and each of its commits is judged by itself.
    OfWholePull,
}

impl StatementScope {
    /// Returns true for what any field takes for an answer.
    fn is_any(&self) -> bool {
        *self == StatementScope::Any
    }

    /// Returns true if a field takes it for an answer; `is_prose` is whether that is a field of prose.
    pub(crate) fn includes_field(self, is_prose: bool) -> bool {
        match self {
            StatementScope::Any => true,
            StatementScope::Prose => is_prose,
            StatementScope::NotProse => !is_prose,
        }
    }
}

impl UnreadStatement {
    /// Returns what stands on a line as something that is not read, shortened.
    pub(crate) fn new(label: &str, written: &str, line: usize, reason: UnreadReason) -> Self {
        let mut end = written.len().min(MAX_QUOTED_BYTES);
        while !written.is_char_boundary(end) {
            end -= 1;
        }
        let written = written.get(..end).unwrap_or_default().trim();
        UnreadStatement { label: label.to_owned(), written: written.into(), line, reason }
    }
}
