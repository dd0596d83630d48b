//! What the description of a pull request states: labels and values, each with its line.

use serde::{Deserialize, Serialize};

use super::Text;

/// Something that a description states: a label, and what stands beside or below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Statement {
    /// The label as written, without what decorates it.
    pub label: String,
    /// What is stated; never empty.
    pub value: Text,
    /// The line of the description on which the value begins, counted from 1.
    pub line: usize,
}

/// Returns what `body` states, in the order of its lines.
pub fn read(body: &str) -> Vec<Statement> {
    let lines = body.lines().enumerate().filter_map(|(index, line)| {
        let (label, value) = line.split_once(": ")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (!value.trim().is_empty() && label.bytes().all(plain)).then(|| Statement {
            label: label.to_owned(),
            value: value.trim().into(),
            line: index + 1,
        })
    });
    lines.collect()
}
