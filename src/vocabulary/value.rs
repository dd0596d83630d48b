//! What may stand in a field, and what only looks like an answer.

use super::{Field, Kind, Said};
use crate::change::person::is_invisible;
use crate::change::{Change, Person, Text, text};
use crate::verdict::Line;

impl Field {
    /// Returns which word a value stands for (`None` for a field that is no list of words), or what
    /// is wrong with it.
    pub(super) fn value(&self, value: &Text, change: &Change, said: Said) -> Result<Option<usize>, Line> {
        let wrong =
            |reason: &str| Line::say(format!("`{}` is ", self.name)).quote(value).and(format!(", {reason}"));
        if value.as_bytes().iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(wrong("which contains control characters"));
        }
        let Some(written) = value.as_utf8() else { return Err(wrong("which is not UTF-8")) };
        if written.trim().is_empty() {
            return Err(Line::say(format!("`{}` is empty", self.name)));
        }
        match &self.kind {
            Kind::OneOf(words) | Kind::Ordered(words) => {
                let word = written.split(';').next().unwrap_or_default().trim();
                self.level_of(word)
                    .map(Some)
                    .ok_or_else(|| wrong(&format!("which is none of {}", words.join(", "))))
            }
            Kind::Matches { pattern, .. } => match pattern.matches(value.as_bytes()) {
                Some(true) => Ok(None),
                Some(false) => Err(wrong(&format!("which is not of the form {pattern}"))),
                None => Err(wrong("which cannot be compared, because the policy's pattern is too large")),
            },
            Kind::Person => match Person::read(value.as_bytes()) {
                Ok(_) => Ok(None),
                Err(reason) => Err(wrong(&format!("which is not a person: {}", reason.reason()))),
            },
            Kind::Text { min_length, refuse } => {
                let content = substance(written);
                if is_placeholder(written) || refuse.iter().any(|phrase| substance(phrase) == content) {
                    return Err(wrong("which says nothing"));
                }
                let subject = match said {
                    Said::Commit(index) => change.commits.get(index).map(|commit| commit.message.subject()),
                    Said::Description => change.pull.as_ref().ok().map(|pull| pull.title.clone()),
                };
                if subject.is_some_and(|subject| substance(&subject.to_lossy()) == content) {
                    return Err(wrong("which only repeats the subject"));
                }
                let length = u64::try_from(content.chars().count()).unwrap_or(u64::MAX);
                if length < *min_length {
                    return Err(wrong(&format!(
                        "which is too short: {length} letters and digits, and at least {min_length} are asked for"
                    )));
                }
                Ok(None)
            }
        }
    }
}

/// Returns the letters and digits of `written` in lower case: what is left once punctuation, space
/// and everything invisible is gone.
fn substance(written: &str) -> String {
    written
        .chars()
        .filter(|character| character.is_alphanumeric() && !is_invisible(*character))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Returns true for what people type to get past a question: `TODO`, `n/a`, `<describe>`, `xxx`.
fn is_placeholder(written: &str) -> bool {
    const NOTHING_SAID: [&str; 22] = [
        "",
        "tbd",
        "tba",
        "todo",
        "fixme",
        "na",
        "none",
        "no",
        "yes",
        "same",
        "seeabove",
        "asabove",
        "ditto",
        "nil",
        "null",
        "unknown",
        "notapplicable",
        "placeholder",
        "test",
        "loremipsum",
        "inyourownwords",
        "describe",
    ];
    let said = substance(written);
    let trimmed = text::trim(written.as_bytes());
    let template = trimmed.starts_with(b"<") && trimmed.ends_with(b">");
    let one_character =
        said.chars().next().is_some_and(|first| said.chars().all(|character| character == first));
    template || one_character || NOTHING_SAID.contains(&said.as_str())
}
