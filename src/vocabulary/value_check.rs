//! What may stand in a field, and what only looks like an answer.

use crate::change::person::is_invisible;
use crate::change::{Change, Person, Text, text};
use crate::verdict::Sentence;
use crate::vocabulary::{ClaimSource, FieldDefinition, FieldKind};

impl FieldDefinition {
    /// Returns which word a value stands for (`None` for a field that is no list of words), or what
    /// is wrong with it.
    pub(crate) fn check_value(
        &self,
        value: &Text,
        change: &Change,
        said: ClaimSource,
    ) -> Result<Option<usize>, Sentence> {
        let wrong = |reason: &str| {
            Sentence::from_words(format!("`{}` is ", self.name))
                .with_quote(value)
                .with_words(format!(", {reason}"))
        };
        if value.as_bytes().iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(wrong("which contains control characters"));
        }
        let Some(written) = value.as_utf8() else { return Err(wrong("which is not UTF-8")) };
        if written.trim().is_empty() {
            return Err(Sentence::from_words(format!("`{}` is empty", self.name)));
        }
        match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => {
                let word = written.split(';').next().unwrap_or_default().trim();
                self.find_level(word)
                    .map(Some)
                    .ok_or_else(|| wrong(&format!("which is none of {}", words.join(", "))))
            }
            FieldKind::Matches { pattern, .. } => match pattern.matches_value(value.as_bytes()) {
                Some(true) => Ok(None),
                Some(false) => Err(wrong(&format!("which is not of the form {pattern}"))),
                None => Err(wrong("which cannot be compared, because the policy's pattern is too large")),
            },
            FieldKind::Person => match Person::parse_person(value.as_bytes()) {
                Ok(_) => Ok(None),
                Err(reason) => Err(wrong(&format!("which is not a person: {}", reason.reason()))),
            },
            FieldKind::Text { min_length, refused_phrases: refuse } => {
                let content = normalise_prose(written);
                if is_placeholder(written, &content)
                    || refuse.iter().any(|phrase| lowercase_letters(phrase).eq(content.chars()))
                {
                    return Err(wrong("which says nothing"));
                }
                let subject = match said {
                    ClaimSource::Commit(index) => {
                        change.commits.get(index).map(|commit| commit.message.subject())
                    }
                    ClaimSource::Description => change.pull.as_ref().ok().map(|pull| pull.title.clone()),
                };
                if subject.is_some_and(|subject| lowercase_letters(&subject.to_lossy()).eq(content.chars())) {
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
fn normalise_prose(written: &str) -> String {
    let mut content = String::with_capacity(written.len());
    if written.is_ascii() {
        // Nearly everything that is written; the same, without looking each character up.
        let letters = written.bytes().filter(u8::is_ascii_alphanumeric);
        content.extend(letters.map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        content.extend(lowercase_letters(written));
    }
    content
}

fn lowercase_letters(written: &str) -> impl Iterator<Item = char> {
    written
        .chars()
        .filter(|character| character.is_alphanumeric() && !is_invisible(*character))
        .flat_map(char::to_lowercase)
}

/// Returns true for what people type to get past a question: `TODO`, `n/a`, `<describe>`, `xxx`.
///
/// `said` is the substance of it.
fn is_placeholder(written: &str, said: &str) -> bool {
    const PLACEHOLDER_WORDS: [&str; 22] = [
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
    let trimmed = text::trim_git_space(written.as_bytes());
    let template = trimmed.starts_with(b"<") && trimmed.ends_with(b">");
    let one_character =
        said.chars().next().is_some_and(|first| said.chars().all(|character| character == first));
    template || one_character || PLACEHOLDER_WORDS.contains(&said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_through_ascii_finds_the_same_letters() {
        let ascii: String = (0..128u8).map(char::from).collect();
        for written in [ascii.as_str(), "", "N/A", " See  above. ", "na\u{e4}", "a\u{200b}b", "\u{130}"] {
            assert_eq!(
                normalise_prose(written),
                lowercase_letters(written).collect::<String>(),
                "{written:?}"
            );
        }
    }
}
