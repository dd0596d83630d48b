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
pub const LARGEST: usize = 256 * 1024;
/// How deep values may nest.
const DEEPEST: usize = 32;
/// How many values a document may hold.
const MOST_VALUES: usize = 50_000;

/// A place in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// How many characters the value takes on that line; at least 1.
    pub length: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub at: Place,
    /// What it is.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text; `plain` if it was written without quotes.
    Scalar {
        /// The text, unquoted and unfolded.
        text: String,
        /// True if it was written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written. No key occurs twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands.
    pub at: Place,
    /// The key.
    pub text: String,
}

/// What is wrong at a place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: Place,
    /// What, in lower case and without a full stop.
    pub what: String,
    /// What to do about it, if there is more to say.
    pub help: Option<String>,
    /// What would have been accepted in this place, as far as that can be said.
    pub expected: Expected,
}

/// What a reader would have accepted; the schema of a policy is made by asking for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Something else than what was there.
    #[default]
    Else,
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
    Truth,
    /// A calendar day.
    Day,
    /// A question about a change.
    Question,
}

impl Fault {
    /// Returns a fault without help.
    pub fn new(at: Place, what: impl Into<String>) -> Self {
        Fault { at, what: what.into(), help: None, expected: Expected::Else }
    }

    /// Says what would have been accepted.
    #[must_use]
    pub fn expecting(mut self, expected: Expected) -> Self {
        self.expected = expected;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Nothing, at no place: what is left where a node has been taken out.
impl Default for Node {
    fn default() -> Self {
        Node { at: Place::default(), value: Value::List(Vec::new()) }
    }
}

impl Node {
    /// Returns what the value is, in words for an error message.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain: true } if is_null(text) => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Returns true if nothing was written here (empty, `~` or `null`, unquoted).
    pub fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if is_null(text))
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads one document.
///
/// A byte order mark at the start is dropped, and CRLF counts as a line end.
///
/// # Errors
///
/// Returns what [`read_anyway`] finds wrong.
pub fn read(bytes: &[u8]) -> Result<Node, Vec<Fault>> {
    match read_anyway(bytes) {
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
pub fn read_anyway(bytes: &[u8]) -> (Option<Node>, Vec<Fault>) {
    let start = Place { line: 1, column: 1, length: 1 };
    if LARGEST < bytes.len() {
        return (None, vec![Fault::new(start, format!("more than {} KiB", LARGEST / 1024))]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return (None, vec![Fault::new(Place { line, ..start }, "this line is not UTF-8")]);
        }
    };
    let mut reader = Reader { parser: Parser::new_from_str(text), values: 0, faults: Vec::new() };
    match reader.document() {
        Ok(node) => (Some(node), reader.faults),
        Err(fault) => {
            reader.faults.push(fault);
            (None, reader.faults)
        }
    }
}

struct Reader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    values: usize,
    faults: Vec<Fault>,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Place), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(span))),
            Some(Err(error)) => {
                let marker = error.marker();
                let at = Place { line: marker.line().max(1), column: marker.col() + 1, length: 1 };
                Err(Fault::new(at, format!("this is not YAML: {}", error.info())))
            }
            None => Err(Fault::new(Place { line: 1, column: 1, length: 1 }, "the document ends too early")),
        }
    }

    fn document(&mut self) -> Result<Node, Fault> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::Nothing, _) => {}
                (Event::DocumentStart(_), _) => break,
                (_, at) => return Err(Fault::new(at, "the document is empty")),
            }
        }
        let (event, at) = self.next()?;
        let node = self.value(event, at, 0)?;
        loop {
            match self.next()? {
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Ok(node),
                (_, at) => {
                    return Err(
                        Fault::new(at, "a second document starts here").help("keep one document in a file")
                    );
                }
            }
        }
    }

    fn value(&mut self, event: Event<'text>, at: Place, depth: usize) -> Result<Node, Fault> {
        self.values += 1;
        if MOST_VALUES < self.values {
            return Err(Fault::new(at, format!("more than {MOST_VALUES} values")));
        }
        if DEEPEST < depth {
            return Err(Fault::new(at, format!("nested deeper than {DEEPEST}")));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(at, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                // A copy takes what it needs; the parser's own text takes room for a whole line.
                Ok(Node { at, value: Value::Scalar { text: text.as_ref().to_owned(), plain } })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(at, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Node { at, value: Value::List(items) }),
                        (event, at) => items.push(self.value(event, at, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                refuse(at, anchor, tag.is_some())?;
                self.map(at, depth)
            }
            Event::Alias(_) => Err(Fault::new(at, "aliases are not accepted").help("write the value out")),
            _ => Err(Fault::new(at, "a value is missing here")),
        }
    }

    fn map(&mut self, at: Place, depth: usize) -> Result<Node, Fault> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen = Seen::default();
        loop {
            let (event, key_at) = match self.next()? {
                (Event::MappingEnd, _) => {
                    entries.shrink_to_fit();
                    return Ok(Node { at, value: Value::Map(entries) });
                }
                next => next,
            };
            let key = match self.value(event, key_at, depth + 1)?.value {
                Value::Scalar { text, plain } => {
                    if plain && text == "<<" {
                        return Err(
                            Fault::new(key_at, "merge keys are not accepted").help("write the values out")
                        );
                    }
                    text
                }
                _ => return Err(Fault::new(key_at, "a key must be a single value")),
            };
            let first = seen.line_of(&key, &entries);
            if let Some(first) = first {
                self.faults.push(
                    Fault::new(key_at, format!("`{}` is given twice; first on line {first}", shown(&key)))
                        .help("keep one of them"),
                );
            }
            let (event, value_at) = self.next()?;
            let value = self.value(event, value_at, depth + 1)?;
            if first.is_none() {
                entries.push((Key { at: key_at, text: key }, value));
            }
        }
    }
}

/// How many keys are compared one after the other before they are hashed.
const FEW: usize = 16;

/// The keys of a map, hashed once there are many, and the lines on which they stand.
#[derive(Default)]
struct Seen(HashMap<String, usize>);

impl Seen {
    /// Returns the line on which a key among `entries` stands.
    fn line_of(&mut self, key: &str, entries: &[(Key, Node)]) -> Option<usize> {
        if entries.len() <= FEW {
            return entries.iter().find(|(known, _)| known.text == key).map(|(known, _)| known.at.line);
        }
        for (known, _) in entries.get(self.0.len()..).unwrap_or_default() {
            self.0.insert(known.text.clone(), known.at.line);
        }
        self.0.get(key).copied()
    }
}

fn refuse(at: Place, anchor: usize, tagged: bool) -> Result<(), Fault> {
    if anchor != 0 {
        return Err(Fault::new(at, "anchors are not accepted").help("write the value out where it is used"));
    }
    if tagged {
        return Err(Fault::new(at, "tags are not accepted").help("remove the `!`, or quote the value"));
    }
    Ok(())
}

fn place(span: Span) -> Place {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Place { line: start.line().max(1), column: start.col() + 1, length: length.max(1) }
}

/// Returns `text` as it may stand in an error message: at most 60 characters, nothing invisible.
pub fn shown(text: &str) -> String {
    let visible: String = text
        .chars()
        .take(60)
        .map(|character| if crate::change::person::is_invisible(character) { '\u{fffd}' } else { character })
        .collect();
    if 60 < text.chars().count() { format!("{visible}...") } else { visible }
}

/// Returns the word of `known` that is nearest to `word`, if one is near enough to have been meant.
pub fn nearest<'known>(word: &str, known: impl IntoIterator<Item = &'known str>) -> Option<&'known str> {
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
        read(text.as_bytes()).unwrap_err().into_iter().map(|fault| (fault.at.line, fault.what)).collect()
    }

    #[test]
    fn every_value_knows_its_place() {
        let node = read(b"a: 1\nb:\n  - x\n  - 'no'\n").unwrap();
        let Value::Map(entries) = node.value else { panic!() };
        assert_eq!(entries[1].0.at, Place { line: 2, column: 1, length: 1 });
        let Value::List(items) = &entries[1].1.value else { panic!() };
        assert_eq!(items[1].at, Place { line: 4, column: 5, length: 4 });
        assert_eq!(items[1].value, Value::Scalar { text: "no".into(), plain: false });
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
        let node = read("\u{feff}a: 1\r\nb: 2\r\n".as_bytes()).unwrap();
        let Value::Map(entries) = node.value else { panic!() };
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1].1.value, Value::Scalar { text: "2".into(), plain: true });
    }

    #[test]
    fn hostile_documents_end_in_an_error_soon() {
        assert!(read(&vec![b'['; 100_000]).is_err());
        assert!(read(&vec![b'a'; LARGEST + 1]).is_err());
        assert!(read("- x\n".repeat(60_000).as_bytes()).is_err());
        assert!(read(b"").is_err());
        assert!(read(b"# nothing\n").is_err());
        assert!(read(b"a: \xff\n").is_err());
        assert!(read(b"a: [1\n").is_err());
        assert!(read("{a: ".repeat(5000).as_bytes()).is_err());
    }

    #[test]
    fn the_nearest_word_is_offered_only_if_it_is_near() {
        assert_eq!(nearest("aproval", ["approvals", "ticket"]), Some("approvals"));
        assert_eq!(nearest("one_of", ["one-of", "ordered"]), Some("one-of"));
        assert_eq!(nearest("zebra", ["approvals", "ticket"]), None);
    }
}
