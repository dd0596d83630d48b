//! Whether a value counts as an answer in a field.

use crate::change::example_address::{
    find_host, find_zero_key_front, is_example_address, is_example_host, is_example_repository,
};
use crate::change::person::{PersonError, is_invisible};
use crate::change::placeholder::is_unfilled;
use crate::change::{Change, Person, Text, text};
use crate::pattern::{MAX_MATCHED_BYTES, ValuePattern};
use crate::verdict::{Finding, Message, MessageTemplate, messages};
use crate::vocabulary::field::{ClaimSource, FieldDefinition, FieldKind};

messages! {
    EMPTY = "field.empty": "`{field}` is empty";
    CONTROL_CHARACTERS = "field.control-characters": "`{field}` is {value}, which contains control characters";
    NOT_UTF8 = "field.not-utf8": "`{field}` is {value}, which is not UTF-8";
    OTHER_WORD = "field.other-word": "`{field}` is {value}, which is not {words/or}";
    OTHER_FORM = "field.other-form": "`{field}` is {value}, which does not match `{pattern}`";
    TOO_FEW_DIGITS = "field.too-few-digits": "`{field}` is {value}, which has fewer than {minimum} digits";
    TOO_LONG_TO_MATCH = "field.too-long-to-match": "`{field}` is longer than {limit} bytes, so its form cannot be checked";
    OTHER_EXAMPLE = "field.other-example": "`{field}` is {value}, which is not of the form `{example}`";
    NOT_A_PERSON = "field.not-a-person": "`{field}` is {value}, which is not a person: {reason}";
    PLACEHOLDER = "field.placeholder": "`{field}` is {value}, which is a placeholder";
    REFUSED_PHRASE = "field.refused-phrase": "`{field}` is {value}, which the policy does not accept as an answer";
    REPEATS_SUBJECT = "field.repeats-subject": "`{field}` is {value}, which only repeats the subject";
    TOO_SHORT = "field.too-short": "`{field}` is {value}, which has {length} {length:letter or digit|letters and digits}; at least {minimum} are needed";
    NO_ADDRESS = "person.no-address": "it has no `<address>`";
    SEVERAL_ADDRESSES = "person.several-addresses": "it has more than one address";
    MALFORMED_ADDRESS = "person.malformed-address": "its address is not of the form `name@domain` in plain ASCII";
    TEXT_AFTER_ADDRESS = "person.text-after-address": "there is text after the address";
    INVISIBLE_CHARACTER = "person.invisible-character": "it contains invisible characters";
}

/// How many digits the longest id of a commit has.
const MAX_ID_DIGITS: usize = 64;

impl FieldDefinition {
    /// Returns which word a value stands for (`None` for a field that is no list of words), or what
    /// is wrong with it.
    pub(crate) fn check_value(
        &self,
        value: &Text,
        change: &Change,
        source: ClaimSource,
    ) -> Result<Option<usize>, Message> {
        if value.as_bytes().iter().any(is_control_byte) {
            return Err(self.value_message(&CONTROL_CHARACTERS, value));
        }
        let Some(written) = value.as_utf8() else { return Err(self.value_message(&NOT_UTF8, value)) };
        if written.trim().is_empty() {
            return Err(EMPTY.with("field", self.name.as_str()));
        }
        match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => match self.find_stated_level(written) {
                Some(level) => Ok(Some(level)),
                None => Err(self.value_message(&OTHER_WORD, value).with("words", words.clone())),
            },
            FieldKind::Matches { pattern, .. } if self.is_example_reference(written, pattern) => {
                Err(self.value_message(&PLACEHOLDER, value))
            }
            FieldKind::Matches { pattern, example } => match pattern.matches_value(value.as_bytes()) {
                Some(true) => Ok(None),
                Some(false) => Err(match (find_least_digits(written, pattern), example) {
                    (Some(minimum), _) => self.value_message(&TOO_FEW_DIGITS, value).with("minimum", minimum),
                    (None, Some(example)) => {
                        self.value_message(&OTHER_EXAMPLE, value).with("example", example.as_str())
                    }
                    (None, None) => {
                        self.value_message(&OTHER_FORM, value).with("pattern", pattern.to_string())
                    }
                }),
                None => {
                    Err(TOO_LONG_TO_MATCH.with("field", self.name.as_str()).with("limit", MAX_MATCHED_BYTES))
                }
            },
            FieldKind::Person => match Person::parse_person(value.as_bytes()) {
                Ok(_) => Ok(None),
                Err(why) => Err(self.value_message(&NOT_A_PERSON, value).with("reason", person_error(why))),
            },
            FieldKind::Text { min_length, refused_phrases } => {
                // Compared without punctuation and case, so that a placeholder does not pass by its
                // spelling.
                let content = normalise_prose(written);
                if is_placeholder(written, &content) {
                    return Err(self.value_message(&PLACEHOLDER, value));
                }
                if refused_phrases.iter().any(|phrase| is_same_prose(phrase, &content)) {
                    return Err(self.value_message(&REFUSED_PHRASE, value));
                }
                if find_subject(change, source).is_some_and(|line| is_same_prose(&line.to_lossy(), &content))
                {
                    return Err(self.value_message(&REPEATS_SUBJECT, value));
                }
                let length = u64::try_from(content.chars().count()).unwrap_or(u64::MAX);
                if length < *min_length {
                    let message = self.value_message(&TOO_SHORT, value);
                    return Err(message.with("length", length).with("minimum", *min_length));
                }
                Ok(None)
            }
        }
    }

    /// Returns true for a reference as forms and documents show it: an address without a number or of a
    /// host that holds no tickets, unless the policy names that host; or a key with the number zero.
    fn is_example_reference(&self, written: &str, pattern: &ValuePattern) -> bool {
        if is_example_address(written) || is_example_repository(written) {
            return true;
        }
        if let Some(host) = find_host(written) {
            return is_example_host(&host) && !self.surroundings.hosts.names_host(&host);
        }
        // Where numbers have an end, as in `SEV-[0-4]`, zero can be one of them.
        find_zero_key_front(written).is_some_and(|front| {
            let width = written.len().saturating_sub(front.len()).max(5);
            pattern.matches_value([front, &"1".repeat(width)].concat().as_bytes()) == Some(true)
        })
    }

    fn value_message(&self, template: &'static MessageTemplate, value: &Text) -> Message {
        template.with("field", self.name.as_str()).with("value", value)
    }
}

/// Returns true if the finding is about a value that has the form of the pattern but for its length.
pub(crate) fn has_too_few_digits(finding: &Finding) -> bool {
    finding.message.code() == TOO_FEW_DIGITS.code
}

/// Returns how many digits are needed for a value that has the form of the pattern but for its length, as the
/// first digits of an id; `None` for any other value.
fn find_least_digits(written: &str, pattern: &ValuePattern) -> Option<usize> {
    if !written.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut longer = written.to_owned();
    while longer.len() < MAX_ID_DIGITS {
        longer.push('1');
        if pattern.matches_value(longer.as_bytes()) == Some(true) {
            return Some(longer.len());
        }
    }
    None
}

/// Returns why a text is not a person, as a message that completes "this is not a person: ...".
pub(crate) fn person_error(why: PersonError) -> &'static MessageTemplate {
    match why {
        PersonError::NoAddress => &NO_ADDRESS,
        PersonError::SeveralAddresses => &SEVERAL_ADDRESSES,
        PersonError::MalformedAddress => &MALFORMED_ADDRESS,
        PersonError::TextAfterAddress => &TEXT_AFTER_ADDRESS,
        PersonError::InvisibleCharacter => &INVISIBLE_CHARACTER,
    }
}

/// Returns the subject of the commit, or the title of the pull request, that a claim belongs to.
fn find_subject(change: &Change, source: ClaimSource) -> Option<Text> {
    match source {
        ClaimSource::Commit(index) => Some(change.commits.get(index)?.message.subject()),
        ClaimSource::Description => Some(change.pull.as_ref().ok()?.title.clone()),
    }
}

fn is_control_byte(byte: &u8) -> bool {
    byte.is_ascii_control() && *byte != b'\t'
}

/// Returns true if and only if `phrase` has these letters and digits, and no others.
fn is_same_prose(phrase: &str, content: &str) -> bool {
    lowercase_letters(phrase).eq(content.chars())
}

/// Returns the letters and digits of `written` in lower case: what is left without punctuation, space
/// and everything invisible.
fn normalise_prose(written: &str) -> String {
    let mut content = String::with_capacity(written.len());
    if written.is_ascii() {
        // Nearly all values are ASCII; the result is the same, without looking each character up.
        for byte in written.bytes() {
            if byte.is_ascii_alphanumeric() {
                content.push(char::from(byte.to_ascii_lowercase()));
            }
        }
    } else {
        content.extend(lowercase_letters(written));
    }
    content
}

fn lowercase_letters(written: &str) -> impl Iterator<Item = char> {
    written.chars().filter(is_visible_letter).flat_map(char::to_lowercase)
}

fn is_visible_letter(character: &char) -> bool {
    character.is_alphanumeric() && !is_invisible(*character)
}

/// Returns true for what people type to get past a question: `TODO`, `n/a`, `<describe>`, `xxx`.
/// `content` is `written` without all that is no letter or digit.
fn is_placeholder(written: &str, content: &str) -> bool {
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
    let is_template = trimmed.starts_with(b"<") && trimmed.ends_with(b">");
    let is_known = is_one_character(content) || PLACEHOLDER_WORDS.contains(&content);
    is_template || is_known || is_unfilled(written.trim())
}

/// Returns true for a text such as `xxx`, that repeats one character.
fn is_one_character(content: &str) -> bool {
    let mut characters = content.chars();
    let Some(first) = characters.next() else { return false };
    characters.all(|character| character == first)
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
