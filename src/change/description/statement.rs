//! What a description states: a label and its value.

use serde::{Deserialize, Serialize};

use crate::change::description::line::is_unfilled;
use crate::change::text::Text;

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

impl DescriptionStatement {
    /// Returns the statement with its value in one line, or `None` if the value says nothing.
    pub(super) fn new(label: String, value: &str, line: usize) -> Option<Self> {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if is_unfilled(&value) {
            return None;
        }
        Some(DescriptionStatement { label, value: value.into(), line })
    }
}
