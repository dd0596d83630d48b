//! What the description of a pull request states: labels and values, each with its line.
//!
//! A description is Markdown, and is read as what a reviewer sees: what does not show (a comment,
//! the target of a link), what is only shown (code, a quotation, an image) and what is struck out
//! say nothing. Within `bounds`, the library's parser makes blocks of it (`outline`); `line` finds
//! labels in their lines, `forms` and `below` know the forms in which people state something. Which
//! labels mean anything is the vocabulary's business: a statement that no field wants is none.
//!
//! Invariant: everything takes time linear in the length of the description, whatever it holds.

pub(crate) mod bounds;
pub(crate) mod label_content;
pub(crate) mod line;
pub(crate) mod outline;
pub(crate) mod statement_reader;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::change::Text;

/// How many bytes a description has at most; GitHub takes 65,536 characters, of four bytes each.
pub const MAX_DESCRIPTION_BYTES: usize = 256 * 1024;

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
}

/// Returns what `body` states, in the order of its lines.
///
/// Nothing at all for a body of more than [`LONGEST`] bytes, or one whose quotations and lists go
/// deeper than anybody reads: what a policy asks for is then missing, and denies.
pub fn read_statements(body: &str) -> Vec<DescriptionStatement> {
    if MAX_DESCRIPTION_BYTES < body.len() || bounds::is_nested_too_deep(body) {
        return Vec::new();
    }
    statement_reader::collect_statements(outline::read_outline(body))
}

impl DescriptionStatement {
    /// Returns the statement in one line, or `None` if `value` says nothing.
    fn new(label: String, value: &str, line: usize) -> Option<Self> {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line::is_unfilled(&value)).then(|| DescriptionStatement { label, value: value.into(), line })
    }
}
