//! The words of a field as levels: their places in its list, by which they are compared.

use crate::verdict::{Message, MessageTemplate};
use crate::vocabulary::{FieldDefinition, FieldKind};
use crate::yaml::shorten_for_message;

/// How many words of a field are named.
const MAX_NAMED_WORDS: usize = 40;

/// What a change is assumed to state in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssumedField {
    /// Nothing.
    Absent,
    /// What the field does not accept.
    Invalid,
    /// A valid value, with its place among the words of the field if it has words.
    Stated(Option<usize>),
}

/// Returns a message with the field and the word that limits it.
pub(crate) fn limit_message(
    template: &'static MessageTemplate,
    field: &FieldDefinition,
    limit: usize,
) -> Message {
    template.with("field", field.name.as_str()).with("limit", name_level(field, limit))
}

/// Returns a word of the field by its place in the list.
pub(crate) fn name_level(field: &FieldDefinition, level: usize) -> &str {
    match field.allowed_words().and_then(|words| words.get(level)) {
        Some(word) => word,
        None => "?",
    }
}

/// Returns words of the field by their places.
pub(crate) fn name_levels<'field>(field: &'field FieldDefinition, levels: &[usize]) -> Vec<&'field str> {
    levels.iter().map(|level| name_level(field, *level)).collect()
}

/// Reads a word of the field as its place in the list.
pub(crate) fn parse_level(field: &FieldDefinition, word: &str) -> Result<usize, String> {
    let Some(words) = field.allowed_words() else {
        return Err(format!("`{}` is not a field of words", field.name));
    };
    match field.find_level(word) {
        Some(level) => Ok(level),
        None => {
            let (name, shown) = (&field.name, shorten_for_message(word));
            let listed = words.get(..MAX_NAMED_WORDS).unwrap_or(words).join(", ");
            let more = match words.len().saturating_sub(MAX_NAMED_WORDS) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let what = format!("`{name}` cannot be `{shown}`; it is one of {listed}{more}");
            Err(match suggest_words(words, word) {
                Some(written) => format!("{what}; for a list of words, write `{written}`"),
                None => what,
            })
        }
    }
}

/// Returns how the words of a field are written as a list, if `word` is a part of a longer one: a list without
/// its commas or brackets is a list of longer words.
fn suggest_words(words: &[String], word: &str) -> Option<String> {
    if words.len() > MAX_NAMED_WORDS {
        return None;
    }
    let is_between = |character: char| !character.is_alphanumeric() && !"-_".contains(character);
    let mut parts: Vec<&str> = words.iter().flat_map(|listed| listed.split(is_between)).collect();
    parts.retain(|part| !part.is_empty());
    let is_part = parts.iter().any(|part| part.eq_ignore_ascii_case(word));
    is_part.then(|| format!("[{}]", shorten_for_message(&parts.join(", "))))
}

/// Reads a word of a field whose words are ordered.
pub(crate) fn parse_ordered_level(field: &FieldDefinition, word: &str) -> Result<usize, String> {
    match &field.kind {
        // The words of `one-of` stand strictest first, so "at least" would mean its contrary.
        FieldKind::OneOf(_) => {
            Err(format!("the words of `{}` have no order; write `one-of` here", field.name))
        }
        _ => parse_level(field, word),
    }
}
