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

pub(crate) mod block;
pub(crate) mod bounds;
pub(crate) mod form;
pub(crate) mod html;
pub(crate) mod label_content;
pub(crate) mod label_extent;
pub(crate) mod line;
pub(crate) mod open_label;
pub(crate) mod open_leaf;
pub(crate) mod outline;
pub(crate) mod pasted_title;
pub(in crate::change) mod statement;
pub(crate) mod statement_reader;
pub(crate) mod table_header;
pub(crate) mod template;
#[cfg(test)]
mod tests;
pub(crate) mod tick;
pub(crate) mod unread;
pub(crate) mod unread_forms;
pub(crate) mod value_part;

pub use crate::change::description::statement::{
    DescriptionStatement, NestedLabel, StatementScope, UnreadReason, UnreadStatement,
};
pub use crate::change::description::template::TemplateText;

/// How many bytes a description has at most; GitHub takes 65,536 characters, of four bytes each.
pub(crate) const MAX_DESCRIPTION_BYTES: usize = 256 * 1024;

/// What a description says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescriptionReading {
    /// What it states, in the order of its lines.
    pub statements: Vec<DescriptionStatement>,
    /// What looks like a statement and is none; not more than is worth telling.
    pub unread: Vec<UnreadStatement>,
}

/// Returns what `body` states, in the order of its lines, where there is no template.
///
/// Returns no statements for a body of more than `MAX_DESCRIPTION_BYTES`, or one whose quotations and
/// lists are nested too deep: what a policy asks for is then missing, and denies.
pub fn read_statements(body: &str) -> Vec<DescriptionStatement> {
    read_description(body, &TemplateText::default()).statements
}

/// Returns what `body` says beside what stands in it unchanged from the `template`; as for
/// [`read_statements`], nothing for a body that is too large.
pub fn read_description(body: &str, template: &TemplateText) -> DescriptionReading {
    if is_too_large(body) {
        return DescriptionReading::default();
    }
    let read = statement_reader::collect_statements(outline::read_outline(body), template, false);
    let mut unread = read.unread;
    unread::add_unread_lines(body, &read.stated, &mut unread);
    unread::add_unread_headings(body, &read.stated, &read.label_lines, &mut unread);
    unread_forms::add_unread_forms(body, &read.stated, &mut unread);
    DescriptionReading { statements: read.stated, unread }
}

/// Reads the text of a template.
///
/// Returns an empty one for a text of which a description could state nothing either.
pub fn read_template(text: &str) -> TemplateText {
    if is_too_large(text) {
        return TemplateText::default();
    }
    let none = TemplateText::default();
    let read = statement_reader::collect_statements(outline::read_outline(text), &none, true);
    read.own_text.unwrap_or_default()
}

fn is_too_large(body: &str) -> bool {
    body.len() > MAX_DESCRIPTION_BYTES || bounds::is_nested_too_deep(body)
}
