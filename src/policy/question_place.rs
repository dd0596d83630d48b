//! Where the questions of a policy stand: the line of each, and of each question that it consists of.

use crate::policy::inspect::written::list_items;
use crate::yaml::{YamlKey, YamlNode, YamlValue};

/// Where a question stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuestionPlace {
    /// The line, counted from 1.
    pub line: usize,
    /// The places of the questions that it consists of, in the order of [`Condition`]'s parts.
    ///
    /// [`Condition`]: crate::predicates::support::condition::Condition
    pub parts: Vec<QuestionPlace>,
}

/// Returns the places of a question and its parts; they have the shape that `Condition::read_condition` makes of it.
pub(super) fn place_question(node: &YamlNode) -> QuestionPlace {
    let YamlValue::Map(entries) = &node.value else {
        return QuestionPlace { line: node.at.line, parts: Vec::new() };
    };
    match entries.as_slice() {
        [(key, value)] => place_entry(key, value),
        _ => {
            let parts = entries.iter().map(|(key, value)| place_entry(key, value)).collect();
            QuestionPlace { line: node.at.line, parts }
        }
    }
}

fn place_entry(key: &YamlKey, value: &YamlNode) -> QuestionPlace {
    let parts = match key.text.as_str() {
        "all" | "any" => list_items(value).iter().map(place_question).collect(),
        "not" => vec![place_question(value)],
        _ => Vec::new(),
    };
    QuestionPlace { line: key.at.line, parts }
}
