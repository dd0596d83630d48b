//! A reader of long lists of plain entries, such as a roster of 50,000 people, which a hook has no time to read otherwise.
//!
//! It knows a small part of YAML: entries that each begin on a line of their own, with texts and lists of texts. What it
//! does not know, it leaves to the reader of all documents: one entry, or all of them. It reads nothing otherwise than that
//! reader does, which a test holds it to.

use crate::yaml::reader::{MAX_LIST_BYTES, read_document};
use crate::yaml::tree::{YamlKey, YamlNode, YamlPlace, YamlValue};

/// How many values are read here; the reader of all documents takes some more.
const MAX_PLAIN_VALUES: usize = 1_500_000;

/// The words that stand for nothing where they are not quoted.
const NULL_WORDS: [&str; 3] = ["null", "Null", "NULL"];

/// An entry of a list.
pub(crate) enum ListEntry<'text, 'fields> {
    /// One of texts and lists of texts.
    Plain(&'text str, &'fields PlainFields<'text>),
    /// Any other one, as it is read alone: its places count from its own first line.
    Other(&'fields YamlKey, &'fields YamlNode),
}

/// The fields of a plain entry, each once.
#[derive(Default)]
pub(crate) struct PlainFields<'text> {
    fields: Vec<(&'text str, PlainValue<'text>)>,
    items: Vec<(&'text str, bool)>,
}

/// The value of a field.
#[derive(Clone, Copy)]
pub(crate) enum PlainValue<'text> {
    /// A text, which is not empty; true if it is written without quotes.
    Text(&'text str, bool),
    /// A list: where its items begin and end.
    List(usize, usize),
}

impl<'text> PlainFields<'text> {
    /// Returns the fields in the order in which they are written.
    pub(crate) fn list_fields(&self) -> &[(&'text str, PlainValue<'text>)] {
        &self.fields
    }

    /// Returns the texts of a list.
    pub(crate) fn list_items(&self, (begin, end): (usize, usize)) -> impl Iterator<Item = &'text str> {
        self.items.get(begin..end).unwrap_or_default().iter().map(|(text, _)| *text)
    }

    /// Returns the entry as the node that the reader of all documents makes of it, without its places.
    pub(crate) fn build_node(&self) -> YamlNode {
        let at = YamlPlace::default();
        let build_text = |(text, is_plain): (&str, bool)| YamlNode {
            at,
            value: YamlValue::Scalar { text: text.to_owned(), is_plain },
        };
        let mut entries = Vec::new();
        for (key, value) in &self.fields {
            let node = match *value {
                PlainValue::Text(text, is_plain) => build_text((text, is_plain)),
                PlainValue::List(begin, end) => {
                    let items = self.items.get(begin..end).unwrap_or_default();
                    let items = items.iter().map(|item| build_text(*item)).collect();
                    YamlNode { at, value: YamlValue::List(items) }
                }
            };
            entries.push((YamlKey { at, text: (*key).to_owned() }, node));
        }
        YamlNode { at, value: YamlValue::Map(entries) }
    }

    fn clear(&mut self) {
        self.fields.clear();
        self.items.clear();
    }

    /// Adds a field; `None` if it is there already.
    fn add_field(&mut self, key: &'text str, value: PlainValue<'text>) -> Option<()> {
        if self.fields.iter().any(|(known, _)| *known == key) {
            return None;
        }
        self.fields.push((key, value));
        Some(())
    }
}

/// Reads the entries of the one map `top` that a document holds, in their order, and gives each to `take`, which may refuse
/// it. `None` if the document has to be read by the reader of all documents, which also tells its faults: a key that
/// stands there twice is for `take` to find.
pub(crate) fn read_plain_list<'text>(
    source: &'text [u8],
    top: &str,
    take: &mut dyn FnMut(ListEntry<'text, '_>) -> Option<()>,
) -> Option<()> {
    if source.len() > MAX_LIST_BYTES {
        return None;
    }
    let text = std::str::from_utf8(source).ok()?;
    let mut lines = ListLines { text, at: 0 };
    let head = lines.next_filled()??;
    if head.indent != 0 || head.rest.strip_suffix(':') != Some(top) {
        return None;
    }
    let mut fields = PlainFields::default();
    let mut deeper: Vec<ListLine<'text>> = Vec::new();
    let mut values = 0;
    let mut next = lines.next_filled()?;
    let indent = next?.indent;
    while let Some(first) = next {
        if first.indent != indent || indent == 0 {
            return None;
        }
        deeper.clear();
        next = lines.next_filled()?;
        while let Some(line) = next.filter(|line| line.indent > indent) {
            deeper.push(line);
            next = lines.next_filled()?;
        }
        fields.clear();
        if let Some(key) = read_entry(first.rest, &deeper, &mut fields) {
            take(ListEntry::Plain(key, &fields))?;
            values += 2 + 2 * fields.fields.len() + fields.items.len();
        } else {
            // Where a line is no key, the whole list may be something else.
            if !first.rest.starts_with(|one: char| one.is_alphanumeric() || one == '"' || one == '\'') {
                return None;
            }
            let end = next.map_or(text.len(), |line| line.begin);
            let block = text.get(first.begin..end)?;
            let (key, node) = read_alone(block, top)?;
            take(ListEntry::Other(&key, &node))?;
            // An entry has no more values than bytes.
            values += block.len();
        }
        if values > MAX_PLAIN_VALUES {
            return None;
        }
    }
    Some(())
}

/// A line that is neither empty nor a comment.
#[derive(Clone, Copy)]
struct ListLine<'text> {
    /// Where it begins, in bytes.
    begin: usize,
    /// How many spaces it begins with.
    indent: usize,
    /// The rest, without spaces at its end.
    rest: &'text str,
}

/// The lines of a document.
struct ListLines<'text> {
    text: &'text str,
    at: usize,
}

impl<'text> ListLines<'text> {
    /// Returns the next line that is neither empty nor a comment, `Some(None)` at the end, and `None` for what is left to the
    /// reader of all documents.
    fn next_filled(&mut self) -> Option<Option<ListLine<'text>>> {
        while self.at < self.text.len() {
            let begin = self.at;
            let left = self.text.get(begin..)?;
            let length = left.find('\n').unwrap_or(left.len());
            self.at = begin + length + 1;
            let line = left.get(..length)?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            let from_indent = line.trim_start_matches(' ');
            let rest = from_indent.trim_end_matches(' ');
            if rest.is_empty() {
                continue;
            }
            if rest.starts_with('#') {
                if rest.chars().all(is_plain_character) {
                    continue;
                }
                return None;
            }
            return Some(Some(ListLine { begin, indent: line.len() - from_indent.len(), rest }));
        }
        Some(None)
    }
}

/// Reads an entry that cannot be read here, by the reader of all documents; `None` if that finds a fault or another number
/// of entries.
fn read_alone(block: &str, top: &str) -> Option<(YamlKey, YamlNode)> {
    let YamlValue::Map(mut document) = read_document(format!("{top}:\n{block}").as_bytes()).ok()?.value
    else {
        return None;
    };
    let (_, list) = document.pop().filter(|_| document.is_empty())?;
    let YamlValue::Map(mut entries) = list.value else { return None };
    entries.pop().filter(|_| entries.is_empty())
}

/// Reads an entry whose fields stand behind its key, in braces, or below it, each on a line.
fn read_entry<'text>(
    first: &'text str,
    deeper: &[ListLine<'text>],
    fields: &mut PlainFields<'text>,
) -> Option<&'text str> {
    let mut cursor = LineCursor { line: first, at: 0 };
    let key = cursor.read_key()?;
    if cursor.is_at_end() {
        let indent = deeper.first()?.indent;
        for line in deeper {
            if line.indent != indent {
                return None;
            }
            let mut cursor = LineCursor { line: line.rest, at: 0 };
            let key = cursor.read_key()?;
            cursor.take_spaces().filter(|spaces| *spaces > 0)?;
            let value = cursor.read_value(fields)?;
            fields.add_field(key, value)?;
            if !cursor.is_at_end() {
                return None;
            }
        }
        return Some(key);
    }
    if !deeper.is_empty() {
        return None;
    }
    cursor.take_spaces().filter(|spaces| *spaces > 0)?;
    cursor.take_byte(b'{')?;
    loop {
        cursor.take_spaces()?;
        let field = cursor.read_key()?;
        cursor.take_spaces().filter(|spaces| *spaces > 0)?;
        let value = cursor.read_value(fields)?;
        fields.add_field(field, value)?;
        cursor.take_spaces()?;
        if cursor.take_byte(b'}').is_some() {
            break;
        }
        cursor.take_byte(b',')?;
    }
    if cursor.is_at_end() { Some(key) } else { None }
}

/// A place in a line.
struct LineCursor<'text> {
    line: &'text str,
    at: usize,
}

impl<'text> LineCursor<'text> {
    fn peek_byte(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.line.len()
    }

    fn take_byte(&mut self, byte: u8) -> Option<()> {
        if self.peek_byte() != Some(byte) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Passes the spaces, and returns how many they are.
    fn take_spaces(&mut self) -> Option<usize> {
        let left = self.line.as_bytes().get(self.at..)?;
        let count = left.iter().take_while(|byte| **byte == b' ').count();
        self.at += count;
        Some(count)
    }

    /// Reads a key without quotes and the colon behind it.
    fn read_key(&mut self) -> Option<&'text str> {
        let left = self.line.get(self.at..)?;
        let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(byte);
        let length = left.bytes().take_while(is_of_key).count();
        let key = left.get(..length)?;
        if !key.bytes().next()?.is_ascii_alphanumeric() || NULL_WORDS.contains(&key) {
            return None;
        }
        self.at += length;
        self.take_byte(b':')?;
        Some(key)
    }

    /// Reads a text, or a list of texts in brackets.
    fn read_value(&mut self, fields: &mut PlainFields<'text>) -> Option<PlainValue<'text>> {
        if self.take_byte(b'[').is_none() {
            let (text, is_plain) = self.read_text()?;
            return Some(PlainValue::Text(text, is_plain));
        }
        let begin = fields.items.len();
        loop {
            self.take_spaces()?;
            fields.items.push(self.read_text()?);
            self.take_spaces()?;
            if self.take_byte(b']').is_some() {
                return Some(PlainValue::List(begin, fields.items.len()));
            }
            self.take_byte(b',')?;
        }
    }

    /// Reads a text in quotes without an escape, or one without quotes that is one in every place.
    fn read_text(&mut self) -> Option<(&'text str, bool)> {
        let quote = self.peek_byte()?;
        if quote == b'\'' || quote == b'"' {
            self.at += 1;
            let left = self.line.get(self.at..)?;
            let length = left.bytes().position(|byte| byte == quote || byte == b'\\' && quote == b'"')?;
            let text = left.get(..length)?;
            self.at += length;
            self.take_byte(quote)?;
            let is_escaped = self.peek_byte() == Some(quote);
            let is_plain = !text.is_empty() && !is_escaped && text.chars().all(is_plain_character);
            return is_plain.then_some((text, false));
        }
        let left = self.line.get(self.at..)?;
        let mut end = 0;
        let mut has_space = false;
        for (place, character) in left.char_indices() {
            // A word that begins with a sign may be one of YAML's.
            if is_word_character(character, place == 0 || has_space) {
                end = place + character.len_utf8();
                has_space = false;
            } else if character == ' ' && !has_space {
                has_space = true;
            } else {
                break;
            }
        }
        let text = left.get(..end)?;
        self.at += end;
        // What follows a text without quotes would be a part of it.
        let ends = left.get(end..)?.trim_start_matches(' ');
        let is_whole = ends.is_empty() || ends.starts_with([',', ']', '}']);
        (!text.is_empty() && is_whole && !NULL_WORDS.contains(&text)).then_some((text, true))
    }
}

/// Returns true for a character about which all readers of YAML agree, within quotes and comments.
fn is_plain_character(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{c0}'..='\u{24f}')
}

/// Returns true for a character of a text without quotes that means nothing to YAML.
fn is_word_character(character: char, is_first: bool) -> bool {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '\u{c0}'..='\u{24f}' => true,
        '-' | '_' | '.' | '@' | '+' | '/' => !is_first,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::read_list_document;

    /// Reads a list here, as the reader of all documents would, without its places.
    fn read_here(text: &str) -> Option<Vec<(String, YamlNode)>> {
        let mut entries = Vec::new();
        read_plain_list(text.as_bytes(), "people", &mut |entry| {
            entries.push(match entry {
                ListEntry::Plain(key, fields) => (key.to_owned(), fields.build_node()),
                ListEntry::Other(key, node) => (key.text.clone(), drop_places(node.clone())),
            });
            Some(())
        })?;
        Some(entries)
    }

    fn drop_places(node: YamlNode) -> YamlNode {
        let at = YamlPlace::default();
        let value = match node.value {
            YamlValue::List(items) => YamlValue::List(items.into_iter().map(drop_places).collect()),
            YamlValue::Map(entries) => YamlValue::Map(
                entries.into_iter().map(|(key, node)| (YamlKey { at, ..key }, drop_places(node))).collect(),
            ),
            text => text,
        };
        YamlNode { at, value }
    }

    /// Holds what is read here against the reader of all documents, and returns whether it is read here.
    fn agrees(text: &str) -> Result<bool, String> {
        let Some(here) = read_here(text) else { return Ok(false) };
        let mut keys: Vec<&String> = here.iter().map(|(key, _)| key).collect();
        keys.sort();
        // Whoever takes the entries refuses a second one.
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Ok(false);
        }
        let node = read_list_document(text.as_bytes()).map_err(|faults| format!("{faults:?}\n{text}"))?;
        let YamlValue::Map(mut top) = node.value else { return Err(format!("no map: {text}")) };
        let (key, list) = top.pop().unwrap();
        let YamlValue::Map(entries) = list.value else { return Err(format!("no list: {text}")) };
        let there: Vec<(String, YamlNode)> =
            entries.into_iter().map(|(key, node)| (key.text, drop_places(node))).collect();
        if top.is_empty() && key.text == "people" && there == here {
            return Ok(true);
        }
        Err(format!("{here:?}\n{there:?}\n{text:?}"))
    }

    const ROSTER: &str = "# Who is whom.\npeople:\n  ana: { name: Ana Ruiz, addresses: [ana@example.com, 'a@home.example'], accounts: ['github:ana#7'], joined: 2024-01-01 }\n\n  # The second.\n  ben:\n    name: \"Ben Ito\"\n    addresses: [ben@example.com]\n    left: 2026-11-30\n  cy:\n    addresses:\n      - cy@example.com\n    teams: { ops: { from: 2026-01-01 } }\n  jos\u{e9}: { name: Jos\u{e9}, addresses: [j@example.com] }\n";

    #[test]
    fn the_usual_forms_are_read_here_and_as_elsewhere() {
        assert_eq!(agrees(ROSTER), Ok(true));
        assert_eq!(agrees(&ROSTER.replace('\n', "\r\n")), Ok(true));
        let mut plain = 0;
        read_plain_list(ROSTER.as_bytes(), "people", &mut |entry| {
            plain += usize::from(matches!(entry, ListEntry::Plain(..)));
            Some(())
        })
        .unwrap();
        assert_eq!(plain, 2, "the third has a list of lines, the fourth a letter in its key");
    }

    #[test]
    fn what_means_something_to_yaml_is_left_to_its_reader() {
        for entry in [
            "a: { b: null }",
            "a: { b: ~ }",
            "a: { b: x: y }",
            "a: { b: x #c }",
            "a: { b: 'it''s' }",
            "a: { b: \"x\\ty\" }",
            "a: { b: [x, ] }",
            "a: { b: [] }",
            "a: { b: {} }",
            "a: { b: *x }",
            "a: { b: &x y }",
            "a: { b: !!str y }",
            "a: { b: x, b: y }",
            "a: { b: - }",
            "a: { b: | }",
            "a: { b: 'x' 'y' }",
            "a: { b: x } # c",
            "a: { b: x,\n    c: y }",
            "a:\n    b: x\n      y",
            "a:\n    b: |\n      x\n    c: y",
            "a:\n    b: x\n    b: y",
            "a:\n    ? b\n    : c",
            "a: x",
            "a:",
            "<<: { b: x }",
            "a: { b: \u{a0}x }",
            "a: { b: x\u{85} }",
            "a: { b: \"x\n  c: { d: y }\n  \" }",
            "a:\tx",
            "a: { b: x\r  c: { d: y } }",
        ] {
            for text in [
                format!("people:\n  {entry}\n"),
                format!("people:\n  z: {{ b: x }}\n  {entry}\n  y: {{ b: x }}\n"),
            ] {
                assert!(agrees(&text).is_ok(), "{:?}", agrees(&text));
            }
        }
        for text in [
            "people: {}\n",
            "people:\n",
            "people:\nana: { b: x }\n",
            "other:\n  a: { b: x }\n",
            "people:\n  a: { b: x }\nmore: x\n",
            "people:\n  a: { b: x }\n---\npeople:\n  c: { b: x }\n",
            "people:\n  a: { b: x }\n...\n",
            "---\npeople:\n  a: { b: x }\n",
            "people:\n  a: { b: x }\n   c: { b: x }\n",
            "people:\n  a: { b: x }\n c: { b: x }\n",
            "people:\n  # \u{2028}\n  a: { b: x }\n",
            "\u{feff}people:\n  a: { b: x }\n",
            "people:\n\ta: { b: x }\n",
        ] {
            assert_eq!(read_here(text), None, "{text}");
        }
    }

    /// Pieces that YAML gives a meaning to, in any order.
    const PIECES: [&str; 46] = [
        "a",
        "b",
        "name",
        "null",
        "x y",
        "2026-01-01",
        "ana@example.com",
        "'",
        "\"",
        "''",
        "\\",
        ":",
        ": ",
        " :",
        ",",
        ", ",
        "[",
        "]",
        "{",
        "}",
        "{ ",
        " }",
        "#",
        " #",
        "-",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\n      ",
        " ",
        "  ",
        "\t",
        "\r\n",
        "|",
        ">",
        "&",
        "*",
        "!",
        "?",
        "%",
        "~",
        "\u{e9}",
        "\u{a0}",
        "---",
        "\n  a: { b: x }\n",
    ];

    fn pieces() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_read_otherwise(before in pieces(), within in pieces(), after in pieces()) {
            for text in [
                format!("people:\n  a: {{ b: {within} }}\n  c: {{ d: {after} }}\n"),
                format!("people:\n  a:\n    b: {within}\n    c: {after}\n  d: {{ e: f }}\n"),
                format!("people:\n  {before}: {{ {within} }}\n{after}\n"),
                format!("{before}people:\n  a: {{ b: [{within}] }}\n  {after}\n"),
            ] {
                prop_assert!(agrees(&text).is_ok(), "{:?}", agrees(&text));
            }
        }

        #[test]
        fn a_roster_with_something_in_it_is_not_read_otherwise(at in 0..ROSTER.len(), piece in pieces()) {
            let at = (0..=at).rev().find(|at| ROSTER.is_char_boundary(*at)).unwrap();
            let (before, after) = ROSTER.split_at(at);
            let text = format!("{before}{piece}{after}");
            prop_assert!(agrees(&text).is_ok(), "{:?}", agrees(&text));
        }
    }
}
