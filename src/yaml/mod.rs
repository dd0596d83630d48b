//! YAML, read into a tree in which every value knows its place.
//!
//! The syntax is a library's; what this file adds is strictness and bounds. A policy is one
//! document of plain maps, lists and scalars: duplicate keys, anchors, aliases, tags, merge keys
//! and a second document are errors, because each of them lets a reader see another policy than
//! the gate does. Scalars stay text: no word is taken for a truth value and no digits for a number
//! before a rule asks for one.

pub mod decode;

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// How many bytes a document may have.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// How deep values may nest.
const MAX_NESTING_DEPTH: usize = 32;
/// How many values a document may hold.
const MAX_VALUES: usize = 50_000;

/// A place in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YamlPlace {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// How many characters the value takes on that line; at least 1.
    pub length: usize,
}

impl fmt::Display for YamlPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlNode {
    /// Where it stands.
    pub at: YamlPlace,
    /// What it is.
    pub value: YamlValue,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YamlValue {
    /// Text; `plain` if it was written without quotes.
    Scalar {
        /// The text, unquoted and unfolded.
        text: String,
        /// True if it was written without quotes.
        is_plain: bool,
    },
    /// A list.
    List(Vec<YamlNode>),
    /// A map, in the order written. No key occurs twice.
    Map(Vec<(YamlKey, YamlNode)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlKey {
    /// Where it stands.
    pub at: YamlPlace,
    /// The key.
    pub text: String,
}

/// What is wrong at a place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlFault {
    /// Where.
    pub at: YamlPlace,
    /// What, in lower case and without a full stop.
    pub what: String,
    /// What to do about it, if there is more to say.
    pub help: Option<String>,
    /// What would have been accepted in this place, as far as that can be said.
    pub expected: ExpectedValue,
}

/// What a reader would have accepted; the schema of a policy is made by asking for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExpectedValue {
    /// Something else than what was there.
    #[default]
    Unspecified,
    /// A text.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
    /// One of these keys.
    Keys(Vec<String>),
    /// This key beside those that are there.
    Key(&'static str),
    /// One of these words.
    Words(Vec<String>),
    /// A whole number within these bounds.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// `true` or `false`.
    Bool,
    /// A calendar day.
    Day,
    /// A question about a change.
    Condition,
}

impl YamlFault {
    /// Returns a fault without help.
    pub fn new(at: YamlPlace, what: impl Into<String>) -> Self {
        YamlFault { at, what: what.into(), help: None, expected: ExpectedValue::Unspecified }
    }

    /// Says what would have been accepted.
    #[must_use]
    pub fn with_expected(mut self, expected: ExpectedValue) -> Self {
        self.expected = expected;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Nothing, at no place: what is left where a node has been taken out.
impl Default for YamlNode {
    fn default() -> Self {
        YamlNode { at: YamlPlace::default(), value: YamlValue::List(Vec::new()) }
    }
}

impl YamlNode {
    /// Returns what the value is, in words for an error message.
    pub fn describe_kind(&self) -> &'static str {
        match &self.value {
            YamlValue::Scalar { text, is_plain: true } if is_null_word(text) => "nothing",
            YamlValue::Scalar { .. } => "a single value",
            YamlValue::List(_) => "a list",
            YamlValue::Map(_) => "a map",
        }
    }

    /// Returns true if nothing was written here (empty, `~` or `null`, unquoted).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, YamlValue::Scalar { text, is_plain: true } if is_null_word(text))
    }
}

fn is_null_word(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads one document.
///
/// A byte order mark at the start is dropped, and CRLF counts as a line end.
///
/// # Errors
///
/// Returns what [`read_anyway`] finds wrong.
pub fn read_document(bytes: &[u8]) -> Result<YamlNode, Vec<YamlFault>> {
    match read_with_faults(bytes) {
        (Some(node), faults) if faults.is_empty() => Ok(node),
        (_, faults) => Err(faults),
    }
}

/// Reads one document, and goes on where that can be done, so that everything that is wrong with it
/// can be told at once.
///
/// A key that is given twice leaves a fault for the second one, which is then left out. There is no
/// document at all if it is too large (256 KiB), not UTF-8, malformed, nested deeper than 32, of
/// more than 50,000 values, empty, more than one, or if it has an anchor, alias, tag or merge key.
pub fn read_with_faults(bytes: &[u8]) -> (Option<YamlNode>, Vec<YamlFault>) {
    let start = YamlPlace { line: 1, column: 1, length: 1 };
    if MAX_DOCUMENT_BYTES < bytes.len() {
        return (None, vec![YamlFault::new(start, format!("more than {} KiB", MAX_DOCUMENT_BYTES / 1024))]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return (None, vec![YamlFault::new(YamlPlace { line, ..start }, "this line is not UTF-8")]);
        }
    };
    let mut reader = YamlReader { parser: Parser::new_from_str(text), values: 0, faults: Vec::new() };
    match reader.read_root() {
        Ok(node) => (Some(node), reader.faults),
        Err(fault) => {
            reader.faults.push(fault);
            (None, reader.faults)
        }
    }
}

struct YamlReader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    values: usize,
    faults: Vec<YamlFault>,
}

impl<'text> YamlReader<'text> {
    fn next_event(&mut self) -> Result<(Event<'text>, YamlPlace), YamlFault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place_of_span(span))),
            Some(Err(error)) => {
                let marker = error.marker();
                let at = YamlPlace { line: marker.line().max(1), column: marker.col() + 1, length: 1 };
                Err(YamlFault::new(at, format!("this is not YAML: {}", error.info())))
            }
            None => Err(YamlFault::new(
                YamlPlace { line: 1, column: 1, length: 1 },
                "the document ends too early",
            )),
        }
    }

    fn read_root(&mut self) -> Result<YamlNode, YamlFault> {
        loop {
            match self.next_event()? {
                (Event::StreamStart | Event::Nothing, _) => {}
                (Event::DocumentStart(_), _) => break,
                (_, at) => return Err(YamlFault::new(at, "the document is empty")),
            }
        }
        let (event, at) = self.next_event()?;
        let node = self.read_value(event, at, 0)?;
        loop {
            match self.next_event()? {
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Ok(node),
                (_, at) => {
                    return Err(YamlFault::new(at, "a second document starts here")
                        .with_help("keep one document in a file"));
                }
            }
        }
    }

    fn read_value(
        &mut self,
        event: Event<'text>,
        at: YamlPlace,
        depth: usize,
    ) -> Result<YamlNode, YamlFault> {
        self.values += 1;
        if MAX_VALUES < self.values {
            return Err(YamlFault::new(at, format!("more than {MAX_VALUES} values")));
        }
        if MAX_NESTING_DEPTH < depth {
            return Err(YamlFault::new(at, format!("nested deeper than {MAX_NESTING_DEPTH}")));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_anchor_or_tag(at, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                // A copy takes what it needs; the parser's own text takes room for a whole line.
                Ok(YamlNode {
                    at,
                    value: YamlValue::Scalar { text: text.as_ref().to_owned(), is_plain: plain },
                })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_anchor_or_tag(at, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    match self.next_event()? {
                        (Event::SequenceEnd, _) => return Ok(YamlNode { at, value: YamlValue::List(items) }),
                        (event, at) => items.push(self.read_value(event, at, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                refuse_anchor_or_tag(at, anchor, tag.is_some())?;
                self.read_map(at, depth)
            }
            Event::Alias(_) => {
                Err(YamlFault::new(at, "aliases are not accepted").with_help("write the value out"))
            }
            _ => Err(YamlFault::new(at, "a value is missing here")),
        }
    }

    fn read_map(&mut self, at: YamlPlace, depth: usize) -> Result<YamlNode, YamlFault> {
        let mut entries: Vec<(YamlKey, YamlNode)> = Vec::new();
        let mut seen = SeenKeys::default();
        loop {
            let (event, key_at) = match self.next_event()? {
                (Event::MappingEnd, _) => {
                    entries.shrink_to_fit();
                    return Ok(YamlNode { at, value: YamlValue::Map(entries) });
                }
                next => next,
            };
            let key = match self.read_value(event, key_at, depth + 1)?.value {
                YamlValue::Scalar { text, is_plain: plain } => {
                    if plain && text == "<<" {
                        return Err(YamlFault::new(key_at, "merge keys are not accepted")
                            .with_help("write the values out"));
                    }
                    text
                }
                _ => return Err(YamlFault::new(key_at, "a key must be a single value")),
            };
            let first = seen.find_key_line(&key, &entries);
            if let Some(first) = first {
                self.faults.push(
                    YamlFault::new(
                        key_at,
                        format!("`{}` is given twice; first on line {first}", shorten_for_message(&key)),
                    )
                    .with_help("keep one of them"),
                );
            }
            let (event, value_at) = self.next_event()?;
            let value = self.read_value(event, value_at, depth + 1)?;
            if first.is_none() {
                entries.push((YamlKey { at: key_at, text: key }, value));
            }
        }
    }
}

/// How many keys are compared one after the other before they are hashed.
const MAX_LINEAR_KEYS: usize = 16;

/// The keys of a map, hashed once there are many, and the lines on which they stand.
#[derive(Default)]
struct SeenKeys(HashMap<String, usize>);

impl SeenKeys {
    /// Returns the line on which a key among `entries` stands.
    fn find_key_line(&mut self, key: &str, entries: &[(YamlKey, YamlNode)]) -> Option<usize> {
        if entries.len() <= MAX_LINEAR_KEYS {
            return entries.iter().find(|(known, _)| known.text == key).map(|(known, _)| known.at.line);
        }
        for (known, _) in entries.get(self.0.len()..).unwrap_or_default() {
            self.0.insert(known.text.clone(), known.at.line);
        }
        self.0.get(key).copied()
    }
}

fn refuse_anchor_or_tag(at: YamlPlace, anchor: usize, tagged: bool) -> Result<(), YamlFault> {
    if anchor != 0 {
        return Err(
            YamlFault::new(at, "anchors are not accepted").with_help("write the value out where it is used")
        );
    }
    if tagged {
        return Err(
            YamlFault::new(at, "tags are not accepted").with_help("remove the `!`, or quote the value")
        );
    }
    Ok(())
}

fn place_of_span(span: Span) -> YamlPlace {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    YamlPlace { line: start.line().max(1), column: start.col() + 1, length: length.max(1) }
}

/// Returns `text` as it may stand in an error message: at most 60 characters, nothing invisible.
pub fn shorten_for_message(text: &str) -> String {
    let visible: String = text
        .chars()
        .take(60)
        .map(|character| if crate::change::person::is_invisible(character) { '\u{fffd}' } else { character })
        .collect();
    if 60 < text.chars().count() { format!("{visible}...") } else { visible }
}

/// Returns the word of `known` that is nearest to `word`, if one is near enough to have been meant.
pub fn find_nearest_word<'known>(
    word: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let folded = word.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(usize, String)> {
        read_document(text.as_bytes())
            .unwrap_err()
            .into_iter()
            .map(|fault| (fault.at.line, fault.what))
            .collect()
    }

    #[test]
    fn every_value_knows_its_place() {
        let node = read_document(b"a: 1\nb:\n  - x\n  - 'no'\n").unwrap();
        let YamlValue::Map(entries) = node.value else { panic!() };
        assert_eq!(entries[1].0.at, YamlPlace { line: 2, column: 1, length: 1 });
        let YamlValue::List(items) = &entries[1].1.value else { panic!() };
        assert_eq!(items[1].at, YamlPlace { line: 4, column: 5, length: 4 });
        assert_eq!(items[1].value, YamlValue::Scalar { text: "no".into(), is_plain: false });
    }

    #[test]
    fn what_lets_two_readers_see_two_documents_is_refused() {
        for (text, line) in [
            ("a: 1\na: 2\n", 2),
            ("a: &x 1\nb: *x\n", 1),
            ("a: !!str 1\n", 1),
            ("a: 1\n---\nb: 2\n", 2),
            ("<<: {a: 1}\n", 1),
            ("[a]: 1\n", 1),
        ] {
            assert_eq!(faults(text)[0].0, line, "{text}");
        }
        assert_eq!(faults("a: 1\na: 2\nb: 3\nb: 4\n").len(), 2);
    }

    #[test]
    fn a_mark_at_the_start_and_crlf_do_not_matter() {
        let node = read_document("\u{feff}a: 1\r\nb: 2\r\n".as_bytes()).unwrap();
        let YamlValue::Map(entries) = node.value else { panic!() };
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1].1.value, YamlValue::Scalar { text: "2".into(), is_plain: true });
    }

    #[test]
    fn hostile_documents_end_in_an_error_soon() {
        assert!(read_document(&vec![b'['; 100_000]).is_err());
        assert!(read_document(&vec![b'a'; MAX_DOCUMENT_BYTES + 1]).is_err());
        assert!(read_document("- x\n".repeat(60_000).as_bytes()).is_err());
        assert!(read_document(b"").is_err());
        assert!(read_document(b"# nothing\n").is_err());
        assert!(read_document(b"a: \xff\n").is_err());
        assert!(read_document(b"a: [1\n").is_err());
        assert!(read_document("{a: ".repeat(5000).as_bytes()).is_err());
    }

    #[test]
    fn the_nearest_word_is_offered_only_if_it_is_near() {
        assert_eq!(find_nearest_word("aproval", ["approvals", "ticket"]), Some("approvals"));
        assert_eq!(find_nearest_word("one_of", ["one-of", "ordered"]), Some("one-of"));
        assert_eq!(find_nearest_word("zebra", ["approvals", "ticket"]), None);
    }
}
