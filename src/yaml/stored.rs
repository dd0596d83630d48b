//! Trees of shipped documents, stored as text that takes no YAML parser to read.
//!
//! A hook starts for every commit, and half of its work would be to parse packs that never change. So the
//! tree of a pack is made once, by `tests/generated.rs`, and stored beside the program. One line is one
//! node or one key, in the order of the document:
//!
//! ```text
//! map LINE:COLUMN:LENGTH COUNT
//! list LINE:COLUMN:LENGTH COUNT
//! key LINE:COLUMN:LENGTH TEXT
//! plain LINE:COLUMN:LENGTH TEXT
//! quoted LINE:COLUMN:LENGTH TEXT
//! ```
//!
//! `COUNT` says how many entries follow. In `TEXT`, `\n` and `\\` stand for a line feed and a back-slash.

use std::fmt::Write as _;
use std::str::Lines;

use crate::yaml::tree::{YamlKey, YamlNode, YamlPlace, YamlValue};

/// Returns the stored form of a tree.
pub fn write_stored_tree(node: &YamlNode) -> String {
    let mut lines = String::new();
    write_node(node, &mut lines);
    lines
}

fn write_node(node: &YamlNode, lines: &mut String) {
    match &node.value {
        YamlValue::Scalar { text, is_plain } => {
            write_line(if *is_plain { "plain" } else { "quoted" }, node.at, &escape_text(text), lines);
        }
        YamlValue::List(items) => {
            write_line("list", node.at, &items.len().to_string(), lines);
            for item in items {
                write_node(item, lines);
            }
        }
        YamlValue::Map(entries) => {
            write_line("map", node.at, &entries.len().to_string(), lines);
            for (key, value) in entries {
                write_line("key", key.at, &escape_text(&key.text), lines);
                write_node(value, lines);
            }
        }
    }
}

fn write_line(kind: &str, at: YamlPlace, rest: &str, lines: &mut String) {
    // Writing to a string cannot fail.
    let _ = writeln!(lines, "{kind} {}:{}:{} {rest}", at.line, at.column, at.length);
}

fn escape_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// Reads the stored form of a tree; `None` if it is not one, so that the caller parses the document itself.
pub fn read_stored_tree(stored: &str) -> Option<YamlNode> {
    let mut lines = stored.lines();
    let node = read_node(&mut lines)?;
    lines.next().is_none().then_some(node)
}

fn read_node(lines: &mut Lines<'_>) -> Option<YamlNode> {
    let (kind, at, rest) = split_line(lines.next()?)?;
    let value = match kind {
        "plain" => YamlValue::Scalar { text: unescape_text(rest)?, is_plain: true },
        "quoted" => YamlValue::Scalar { text: unescape_text(rest)?, is_plain: false },
        "list" => {
            let count: u16 = rest.parse().ok()?;
            let mut items = Vec::with_capacity(count.into());
            for _ in 0..count {
                items.push(read_node(lines)?);
            }
            YamlValue::List(items)
        }
        "map" => {
            let count: u16 = rest.parse().ok()?;
            let mut entries = Vec::with_capacity(count.into());
            for _ in 0..count {
                let ("key", at, text) = split_line(lines.next()?)? else { return None };
                entries.push((YamlKey { at, text: unescape_text(text)? }, read_node(lines)?));
            }
            YamlValue::Map(entries)
        }
        _ => return None,
    };
    Some(YamlNode { at, value })
}

fn split_line(line: &str) -> Option<(&str, YamlPlace, &str)> {
    let (kind, rest) = line.split_once(' ')?;
    let (place, rest) = rest.split_once(' ')?;
    let (line, place) = place.split_once(':')?;
    let (column, length) = place.split_once(':')?;
    let at =
        YamlPlace { line: line.parse().ok()?, column: column.parse().ok()?, length: length.parse().ok()? };
    Some((kind, at, rest))
}

fn unescape_text(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                'n' => unescaped.push('\n'),
                '\\' => unescaped.push('\\'),
                _ => return None,
            },
            other => unescaped.push(other),
        }
    }
    Some(unescaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn a_document_is_the_same_after_it_was_stored() {
        let text = "a: [1, 'two', \"three\\n\\\\\\tfour\", ~]\n\"b c\": {d: , \"\": '\\n'}\ne: >-\n  folded\n  text\n\n  end\n";
        let tree = read_document(text.as_bytes()).unwrap();
        assert_eq!(read_stored_tree(&write_stored_tree(&tree)), Some(tree));
    }

    #[test]
    fn what_is_not_a_stored_tree_is_none() {
        for stored in [
            "",
            "plain",
            "plain 1:1:1",
            "plain 1:1 x",
            "plain 1:1:1 \\x",
            "plain 1:1:1 \\",
            "set 1:1:1 0",
            "list 1:1:1 1",
            "list 1:1:1 99999",
            "list 1:1:1 0\nlist 1:1:1 0",
            "map 1:1:1 1\nplain 1:1:1 a\nplain 1:1:1 b",
            "map 1:1:1 1\nkey 1:1:1 a",
        ] {
            assert_eq!(read_stored_tree(stored), None, "{stored:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_the_same_after_it_was_stored(texts in proptest::collection::vec("(?s).{0,20}", 0..6)) {
            let at = YamlPlace { line: 3, column: 1, length: 2 };
            let mut items = Vec::new();
            for text in texts {
                // A carriage return before a line feed would be taken for a part of the line end.
                let text = text.replace('\r', "");
                items.push(YamlNode { at, value: YamlValue::Scalar { text, is_plain: false } });
            }
            let tree = YamlNode { at, value: YamlValue::List(items) };
            prop_assert_eq!(read_stored_tree(&write_stored_tree(&tree)), Some(tree));
        }
    }
}
