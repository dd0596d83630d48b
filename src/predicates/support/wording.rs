//! The wording of one line that people write: `longest`, `matches` and `refuse`, which mean the same
//! for the subject of a commit and for the title of a pull request.

use crate::change::Text;
use crate::change::person::is_invisible;
use crate::pattern::{MAX_MATCHED_BYTES, ValuePattern};
use crate::predicates::support::map_keys::{parse_key, read_key, read_texts_key};
use crate::predicates::support::parameters::quote_patterns;
use crate::verdict::{Message, messages};
use crate::yaml::decode::{MapReader, read_count};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

// These messages complete "the subject `...`" and "the title `...`".
messages! {
    QUESTION_PRESENT = "wording.question-present": "is there";
    QUESTION_LONGEST = "wording.question-longest": "has at most {count} {count:character|characters}";
    QUESTION_FORM = "wording.question-form": "matches `{pattern}`";
    QUESTION_STARTS = "wording.question-starts": "does not start with {starts/or}";
    NOT_UTF8 = "wording.not-utf8": "is not UTF-8";
    NO_TEXT = "wording.no-text": "has no letters or digits";
    CONTROL_CHARACTERS = "wording.control-characters": "contains characters that control a terminal or reorder text";
    TOO_LONG = "wording.too-long": "has {count} {count:character|characters}; at most {limit} {limit:is|are} allowed";
    OTHER_FORM = "wording.other-form": "does not match `{pattern}`";
    TOO_LONG_TO_MATCH = "wording.too-long-to-match": "is longer than {limit} bytes, so its form cannot be checked";
    REFUSED_START = "wording.refused-start": "starts with `{start}`";
}

/// Lines that have little in common.
const USUAL_LINES: [&str; 4] =
    ["Change a file", "fix(api)!: x", "PAY-17 update 3 images", "\u{dc}bersetzung"];

/// How many characters a usual line has at most.
const MAX_USUAL_CHARACTERS: u64 = 200;

/// What a line has to be like; all parameters that are given apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WordingRequirement {
    max_characters: Option<u64>,
    pattern: Option<ValuePattern>,
    refused_starts: Vec<String>,
}

impl WordingRequirement {
    pub(crate) fn read_wording(map: &mut MapReader<'_>, faults: &mut Vec<YamlFault>) -> Self {
        WordingRequirement {
            max_characters: read_key(map, "longest", faults, |node, faults| {
                read_count(node, 1, 10_000, faults)
            }),
            pattern: parse_key(map, "matches", faults, ValuePattern::new),
            refused_starts: read_texts_key(map, "refuse", faults),
        }
    }

    /// Returns the requirements, each in words that follow what the line is called.
    pub(crate) fn describe_parts(&self) -> Vec<Message> {
        let mut parts = Vec::new();
        if let Some(limit) = self.max_characters {
            parts.push(QUESTION_LONGEST.with("count", limit));
        }
        if let Some(pattern) = &self.pattern {
            parts.push(QUESTION_FORM.with("pattern", pattern.to_string()));
        }
        if !self.refused_starts.is_empty() {
            parts.push(QUESTION_STARTS.with("starts", quote_patterns(&self.refused_starts)));
        }
        parts
    }

    /// Returns true if lines of any usual kind are accepted.
    pub(crate) fn accepts_usual_lines(&self) -> bool {
        let is_long_enough = self.max_characters.is_none_or(|most| most >= MAX_USUAL_CHARACTERS);
        let matches_all = self.pattern.as_ref().is_none_or(|pattern| {
            USUAL_LINES.iter().all(|line| pattern.matches_value(line.as_bytes()) == Some(true))
        });
        is_long_enough && matches_all && self.refused_starts.is_empty()
    }

    /// Returns true if no line surely keeps to both requirements.
    pub(crate) fn excludes(&self, other: &WordingRequirement) -> bool {
        let both = [self, other];
        let patterns: Vec<&ValuePattern> = both.iter().filter_map(|one| one.pattern.as_ref()).collect();
        // A line without a letter or a digit is none.
        if patterns.iter().any(|pattern| !pattern.can_match_letters()) {
            return true;
        }
        let max_characters = both.iter().filter_map(|one| one.max_characters).min();
        let min_characters = patterns.iter().map(|pattern| pattern.min_characters()).max();
        if max_characters.zip(min_characters).is_some_and(|(most, least)| least > most) {
            return true;
        }
        let starts: Vec<Vec<Vec<u8>>> = patterns.iter().filter_map(|pattern| pattern.list_starts()).collect();
        if let [first, second] = starts.as_slice()
            && !first
                .iter()
                .any(|start| second.iter().any(|other| start.starts_with(other) || other.starts_with(start)))
        {
            return true;
        }
        let mut refused: Vec<String> = Vec::new();
        for word in both.iter().flat_map(|one| &one.refused_starts) {
            refused.push(word.to_lowercase());
        }
        let is_refused = |start: &Vec<u8>| {
            // Where a character is cut off, it is not known how its small form begins.
            std::str::from_utf8(start).is_ok_and(|start| {
                let folded = start.to_lowercase();
                refused.iter().any(|word| folded.starts_with(word))
            })
        };
        starts.iter().any(|starts| starts.iter().all(is_refused))
    }

    /// Returns what is wrong with a line, each in words that follow it.
    ///
    /// # Errors
    ///
    /// Returns the reason why nothing else about the line can be checked.
    pub(crate) fn find_violations(&self, line: &Text) -> Result<Vec<Message>, Message> {
        let mut violations = Vec::new();
        let Some(written) = line.as_utf8() else { return Err(Message::from(&NOT_UTF8)) };
        if !has_visible_text(written) {
            return Err(Message::from(&NO_TEXT));
        }
        if written.chars().any(is_terminal_control) {
            violations.push(Message::from(&CONTROL_CHARACTERS));
        }
        let count = u64::try_from(written.chars().count()).unwrap_or(u64::MAX);
        if let Some(limit) = self.max_characters
            && count > limit
        {
            violations.push(TOO_LONG.with("count", count).with("limit", limit));
        }
        if let Some(pattern) = &self.pattern {
            match pattern.matches_value(line.as_bytes()) {
                Some(true) => {}
                Some(false) => violations.push(OTHER_FORM.with("pattern", pattern.to_string())),
                None => violations.push(TOO_LONG_TO_MATCH.with("limit", MAX_MATCHED_BYTES)),
            }
        }
        let folded = written.to_lowercase();
        for start in &self.refused_starts {
            if folded.starts_with(&start.to_lowercase()) {
                violations.push(REFUSED_START.with("start", start.as_str()));
                // One refused start says what is wrong; a second one would say it again.
                break;
            }
        }
        Ok(violations)
    }
}

/// Opens the parameters of a question about a line; a single text leaves a fault that tells which forms there are.
pub(crate) fn open_wording_map<'node>(
    node: &'node YamlNode,
    faults: &mut Vec<YamlFault>,
) -> Option<MapReader<'node>> {
    let map = MapReader::new(node, faults);
    if let (None, YamlValue::Scalar { text, .. }, Some(fault)) = (&map, &node.value, faults.last_mut()) {
        let start = text.trim_start_matches('^').trim_end_matches('$');
        let form = if start.is_empty() { "(feat|fix): .+".to_owned() } else { format!("{start}.*") };
        fault.help = Some(format!(
            "write `matches: '{}'` for its form, `longest: 72` for its length, or `refuse: [wip]` for its beginning",
            shorten_for_message(&form)
        ));
    }
    map
}

/// Returns requirements for a sentence; of a line without any, that it is there.
pub(crate) fn list_line_requirements(parts: Vec<Message>) -> Vec<Message> {
    if parts.is_empty() { vec![Message::from(&QUESTION_PRESENT)] } else { parts }
}

/// Returns true if there is a letter or a digit that a reader can see.
pub(crate) fn has_visible_text(text: &str) -> bool {
    text.chars().any(|character| character.is_alphanumeric() && !is_invisible(character))
}

/// Returns true for controls and for characters that change the direction of text. Joiners and variation
/// selectors are let through, because emoji are made with them.
fn is_terminal_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
