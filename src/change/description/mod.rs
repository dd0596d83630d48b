//! What the description of a pull request states: labels and values, each with its line.
//!
//! A description is Markdown, and is read as what a reviewer sees: what does not show (a comment,
//! the target of a link), what is only shown (code, a quotation, an image) and what is struck out
//! say nothing. Within `bounds`, the library's parser makes blocks of it (`outline`); `line` finds
//! labels in their lines, `statement_reader` and `label_content` know the forms in which people state
//! something. Which labels have a meaning is for the vocabulary to say: a statement that no field wants
//! is none.
//!
//! Invariant: everything takes time linear in the length of the description, whatever it holds.

pub(crate) mod bounds;
pub(crate) mod label_content;
pub(crate) mod line;
pub(crate) mod open_leaf;
pub(crate) mod outline;
pub(in crate::change) mod statement;
pub(crate) mod statement_reader;
#[cfg(test)]
mod tests;

pub use crate::change::description::statement::DescriptionStatement;

/// How many bytes a description has at most; GitHub takes 65,536 characters, of four bytes each.
pub(crate) const MAX_DESCRIPTION_BYTES: usize = 256 * 1024;

/// Returns what `body` states, in the order of its lines.
///
/// Returns no statements for a body of more than `MAX_DESCRIPTION_BYTES`, or one whose quotations and
/// lists are nested too deep: what a policy asks for is then missing, and denies.
pub fn read_statements(body: &str) -> Vec<DescriptionStatement> {
    if body.len() > MAX_DESCRIPTION_BYTES || bounds::is_nested_too_deep(body) {
        return Vec::new();
    }
    statement_reader::collect_statements(outline::read_outline(body))
}
