//! The reader of documents: from the events of a parser to a tree, within bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use crate::yaml::foreign_space::{find_foreign_space, find_structural_space};
use crate::yaml::syntax_fault::describe_syntax_fault;
use crate::yaml::tree::{YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue};
use crate::yaml::words::shorten_for_message;

/// How many bytes a document may have.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// How deep values may nest.
const MAX_NESTING_DEPTH: usize = 32;
/// How many characters that readers disagree about are reported.
const MAX_AMBIGUOUS_CHARACTERS: usize = 10;
/// How many values a document may hold.
const MAX_VALUES: usize = 50_000;
/// How many bytes a list of people may have, which is as long as an organisation is large.
pub const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;
/// How many values such a list may hold.
const MAX_LIST_VALUES: usize = 2_000_000;

/// How large a document may be.
#[derive(Clone, Copy)]
struct DocumentLimits {
    bytes: usize,
    values: usize,
}

const DOCUMENT_LIMITS: DocumentLimits = DocumentLimits { bytes: MAX_DOCUMENT_BYTES, values: MAX_VALUES };
const LIST_LIMITS: DocumentLimits = DocumentLimits { bytes: MAX_LIST_BYTES, values: MAX_LIST_VALUES };

/// Parses the one YAML document that a file holds, or returns all its faults.
///
/// A byte order mark at the start is dropped, and CRLF counts as a line end.
///
/// # Errors
///
/// Returns every fault that [`read_with_faults`] finds.
pub fn read_document(bytes: &[u8]) -> Result<YamlNode, Vec<YamlFault>> {
    match read_with_faults(bytes) {
        (Some(node), faults) if faults.is_empty() => Ok(node),
        (_, faults) => Err(faults),
    }
}

/// Parses a document that is a long list, such as a roster: of up to 16 MiB and 2,000,000 values.
///
/// # Errors
///
/// Returns every fault, as [`read_document`] does.
pub fn read_list_document(bytes: &[u8]) -> Result<YamlNode, Vec<YamlFault>> {
    match read_within(bytes, LIST_LIMITS) {
        (Some(node), faults) if faults.is_empty() => Ok(node),
        (_, faults) => Err(faults),
    }
}

/// Reads one document, and goes on after a fault where that is possible, so that all faults are
/// reported together.
///
/// A duplicate key leaves a fault and is left out. There is no document at all if it is too large (256
/// KiB), not UTF-8, malformed, nested deeper than 32, of more than 50,000 values, empty, more than one,
/// or if it has an anchor, alias, tag, merge key, or a space that YAML does not take for one.
pub fn read_with_faults(bytes: &[u8]) -> (Option<YamlNode>, Vec<YamlFault>) {
    read_within(bytes, DOCUMENT_LIMITS)
}

fn read_within(bytes: &[u8], limits: DocumentLimits) -> (Option<YamlNode>, Vec<YamlFault>) {
    let start = YamlPlace { line: 1, column: 1, length: 1 };
    if bytes.len() > limits.bytes {
        return (None, vec![YamlFault::new(start, format!("more than {} KiB", limits.bytes / 1024))]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return (None, vec![YamlFault::new(YamlPlace { line, ..start }, "this line is not UTF-8")]);
        }
    };
    let parser = Parser::new_from_str(text);
    let max_values = limits.values;
    let mut reader =
        YamlReader { text, parser, values: 0, max_values, has_foreign_space: false, faults: Vec::new() };
    add_ambiguous_characters(text, &mut reader.faults);
    // The parser counts lines by it, and what shows the lines does not.
    if has_lone_return(text) {
        return (None, reader.faults);
    }
    match reader.read_root() {
        // A space that is none makes keys and levels that were not meant, so what they say is no help.
        Ok(_) if reader.has_foreign_space => (None, reader.faults),
        Ok(node) => (Some(node), reader.faults),
        Err(_) if reader.has_foreign_space => (None, reader.faults),
        Err(fault) => {
            reader.faults.push(fault);
            (None, reader.faults)
        }
    }
}

/// Adds a fault for each character that readers of YAML disagree about, up to [`MAX_AMBIGUOUS_CHARACTERS`].
///
/// U+0085, U+2028 and U+2029 end a line in YAML 1.1 and not in YAML 1.2: one reader would see a comment
/// where another sees a key. A carriage return alone ends one for YAML, and not where people read the file. Controls and a
/// byte order mark within the text are refused by some readers.
fn add_ambiguous_characters(text: &str, faults: &mut Vec<YamlFault>) {
    let (mut line, mut column) = (1, 0);
    let mut count = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        column += 1;
        if character == '\n' {
            (line, column) = (line + 1, 0);
        } else if character == '\r' && characters.peek() != Some(&'\n') && count < MAX_AMBIGUOUS_CHARACTERS {
            count += 1;
            let fault = YamlFault::new(
                YamlPlace { line, column, length: 1 },
                "a carriage return stands here without a line feed, and ends a line for YAML alone",
            );
            faults.push(fault.with_help("end lines with a line feed, or write `\\r` in double quotes"));
        } else if is_ambiguous(character) && count < MAX_AMBIGUOUS_CHARACTERS {
            count += 1;
            let number = u32::from(character);
            let fault = YamlFault::new(
                YamlPlace { line, column, length: 1 },
                format!("the character U+{number:04X} is not accepted"),
            );
            faults.push(fault.with_help(format!(
                "readers of YAML disagree about it; remove it, or write `\\u{number:04X}` in double quotes"
            )));
        }
    }
}

/// Returns true if a carriage return has no line feed behind it.
fn has_lone_return(text: &str) -> bool {
    let mut returns = text.match_indices('\r');
    returns.any(|(offset, _)| !text.get(offset + 1..).is_some_and(|rest| rest.starts_with('\n')))
}

fn is_ambiguous(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    }
}

/// A document that is being read, event by event.
struct YamlReader<'text> {
    text: &'text str,
    parser: Parser<'text, StrInput<'text>>,
    values: usize,
    max_values: usize,
    has_foreign_space: bool,
    faults: Vec<YamlFault>,
}

impl<'text> YamlReader<'text> {
    fn next_event(&mut self) -> Result<(Event<'text>, YamlPlace), YamlFault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place_of_span(span))),
            Some(Err(error)) => {
                let marker = error.marker();
                let at = YamlPlace { line: marker.line().max(1), column: marker.col() + 1, length: 1 };
                Err(find_structural_space(self.text, at)
                    .unwrap_or_else(|| describe_syntax_fault(self.text, at, error.info())))
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
        if self.values > self.max_values {
            return Err(YamlFault::new(at, format!("more than {} values", self.max_values)));
        }
        if depth > MAX_NESTING_DEPTH {
            return Err(YamlFault::new(at, format!("nested deeper than {MAX_NESTING_DEPTH}")));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_anchor_or_tag(self.text, at, anchor, tag.is_some())?;
                let is_plain = style == ScalarStyle::Plain;
                if is_plain {
                    self.check_spaces(&text, at, false);
                }
                // A copy takes the bytes that it needs; the parser's own text has room for a whole line.
                let text = text.as_ref().to_owned();
                Ok(YamlNode { at, value: YamlValue::Scalar { text, is_plain } })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_anchor_or_tag(self.text, at, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    match self.next_event()? {
                        (Event::SequenceEnd, _) => return Ok(YamlNode { at, value: YamlValue::List(items) }),
                        (event, at) => items.push(self.read_value(event, at, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                refuse_anchor_or_tag(self.text, at, anchor, tag.is_some())?;
                self.read_map(at, depth)
            }
            Event::Alias(_) => {
                Err(YamlFault::new(at, "aliases are not accepted").with_help("write the value out"))
            }
            _ => Err(YamlFault::new(at, "a value is missing here")),
        }
    }

    /// Leaves a fault if a plain value or key has a space that is none for YAML.
    fn check_spaces(&mut self, value: &str, at: YamlPlace, is_key: bool) {
        if let Some(fault) = find_foreign_space(self.text, value, at, is_key)
            && !self.faults.contains(&fault)
        {
            self.has_foreign_space = true;
            self.faults.push(fault);
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
            let key = self.read_value(event, key_at, depth + 1)?.value;
            let YamlValue::Scalar { text: key, is_plain } = key else {
                return Err(YamlFault::new(key_at, "a key must be a single value"));
            };
            if is_plain && key == "<<" {
                return Err(
                    YamlFault::new(key_at, "merge keys are not accepted").with_help("write the values out")
                );
            }
            if is_plain {
                self.check_spaces(&key, key_at, true);
            }
            let first = seen.find_key_line(&key, &entries);
            if let Some(first) = first {
                let what = format!("`{}` is given twice; first on line {first}", shorten_for_message(&key));
                self.faults.push(YamlFault::new(key_at, what).with_help("keep one of them"));
            }
            let (event, value_at) = self.next_event()?;
            let value = self.read_value(event, value_at, depth + 1)?;
            // The first value is kept, so that the rest of the document is still checked.
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

fn refuse_anchor_or_tag(text: &str, at: YamlPlace, anchor: usize, tagged: bool) -> Result<(), YamlFault> {
    if anchor != 0 {
        if let Some(entity) = find_html_entity(text, at) {
            let what = format!("`{entity}` is HTML, and an anchor to YAML");
            return Err(YamlFault::new(at, what).with_help("write the character itself"));
        }
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

/// Returns the name of a character in HTML that starts at a place, as in text pasted from the source of a page.
fn find_html_entity(text: &str, at: YamlPlace) -> Option<&'static str> {
    let line = text.lines().nth(at.line.checked_sub(1)?)?;
    let (start, _) = line.char_indices().nth(at.column.checked_sub(1)?)?;
    let rest = line.get(start..)?;
    ["&quot;", "&amp;", "&lt;", "&gt;", "&nbsp;", "&apos;", "&#39;", "&#34;"]
        .into_iter()
        .find(|entity| rest.starts_with(entity))
}

fn place_of_span(span: Span) -> YamlPlace {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    YamlPlace { line: start.line().max(1), column: start.col() + 1, length: length.max(1) }
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
    fn characters_that_readers_disagree_about_are_refused_where_they_stand() {
        for (text, line) in [
            ("a: 1 # b\u{2028}c: 2\n", 1),
            ("a: 1\nb: x\u{85}y\n", 2),
            ("\n\na: \u{7}\n", 3),
            ("a: \u{feff}\n", 1),
        ] {
            let found = faults(text);
            assert_eq!(found[0].0, line, "{text:?}");
            assert!(found[0].1.starts_with("the character U+"), "{found:?}");
        }
        for (text, places) in [("a: 1\rb: 2\n", &[(1, 5)][..]), ("a: 1\n\n  b: # c\rd: [\n", &[(3, 9)])] {
            let (_, found) = read_with_faults(text.as_bytes());
            let at: Vec<(usize, usize)> =
                found.iter().map(|fault| (fault.at.line, fault.at.column)).collect();
            assert_eq!(at, places, "{text:?}: {found:?}");
            assert!(found[0].what.starts_with("a carriage return stands here"), "{found:?}");
        }
        let twice = faults("a\u{2028}b: 'c\u{2029}'\nd: x # \u{85}\n");
        let whats: Vec<&str> = twice.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(
            whats,
            [2028, 2029, 85].map(|number| format!("the character U+{number:0>4} is not accepted"))
        );
        assert_eq!(faults(&"\u{85}".repeat(99)).len(), MAX_AMBIGUOUS_CHARACTERS);
        assert!(read_document("a: \"\\u2028\\a\"\nb: \u{e9}\u{1f512}\tc\n".as_bytes()).is_ok());
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
}
