//! Two readers of YAML see one document: what the gate's reader accepts, serde_yaml reads as the same
//! tree of maps, lists and scalars.
//!
//! The gate keeps scalars as text until a rule asks for a number or a truth value, and serde_yaml
//! decides at once. So a scalar agrees if serde_yaml's value is what a rule could make of the text.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]

use std::fs;
use std::path::{Path, PathBuf};

use changegate::predicates::PREDICATE_DOCS;
use changegate::yaml::{self, YamlNode, YamlValue};
use proptest::prelude::*;
use serde_yaml::{Number, Value};

/// Checks that both readers see the same document in `text`, if the gate's reader accepts it.
///
/// Returns whether it does. An error names the first difference, or why serde_yaml refuses the text.
fn compare_readers(text: &str) -> Result<bool, String> {
    let Ok(node) = yaml::read_document(text.as_bytes()) else { return Ok(false) };
    let value: Value =
        serde_yaml::from_str(text).map_err(|error| format!("serde_yaml refuses it: {error}"))?;
    compare_values(&node, &value)?;
    Ok(true)
}

fn compare_values(node: &YamlNode, value: &Value) -> Result<(), String> {
    match (&node.value, value) {
        (YamlValue::Map(entries), Value::Mapping(mapping)) if entries.len() == mapping.len() => {
            for ((key, node), (other_key, value)) in entries.iter().zip(mapping) {
                if !is_same_scalar(&key.text, true, other_key) && !is_same_scalar(&key.text, false, other_key)
                {
                    return Err(format!("{}: key {:?} and key {other_key:?}", key.at, key.text));
                }
                compare_values(node, value)?;
            }
            Ok(())
        }
        (YamlValue::List(items), Value::Sequence(values)) if items.len() == values.len() => {
            items.iter().zip(values).try_for_each(|(item, value)| compare_values(item, value))
        }
        (YamlValue::Scalar { text, is_plain }, value) if is_same_scalar(text, *is_plain, value) => Ok(()),
        (ours, theirs) => Err(format!("{}: {ours:?} and {theirs:?}", node.at)),
    }
}

fn is_same_scalar(text: &str, is_plain: bool, value: &Value) -> bool {
    match value {
        Value::String(string) if !is_plain => string == text,
        // A rule would take these for something else than a text.
        Value::String(string) => string == text && !matches!(text, "true" | "false") && !is_count(text),
        _ if !is_plain => false,
        Value::Null => matches!(text, "" | "~" | "null" | "Null" | "NULL"),
        Value::Bool(truth) => text.eq_ignore_ascii_case(if *truth { "true" } else { "false" }),
        Value::Number(number) if is_count(text) => number.as_u64() == text.parse().ok(),
        // Only serde_yaml takes these for numbers, so only the number has to be right.
        Value::Number(number) => is_same_number(text, number),
        _ => false,
    }
}

/// Returns true for what a rule would read as a number.
fn is_count(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

fn is_same_number(text: &str, number: &Number) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    let by_radix = [("0x", 16), ("0o", 8), ("0b", 2)].iter().find_map(|(prefix, radix)| {
        let value = i128::from_str_radix(digits.strip_prefix(prefix)?, *radix).ok()?;
        Some(if text.starts_with('-') { -value } else { value })
    });
    if let Some(value) = by_radix {
        return number.to_string() == value.to_string();
    }
    match digits.to_ascii_lowercase().as_str() {
        ".nan" => number.is_nan(),
        ".inf" => number.is_infinite(),
        _ => text.parse().is_ok_and(|parsed: f64| number.as_f64() == Some(parsed)),
    }
}

fn collect_yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            found.push(path);
        }
    }
}

/// Returns the blocks of YAML in a document, each with the line on which it starts.
fn collect_yaml_blocks(document: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in document.lines().enumerate() {
        if let Some((_, text)) = &mut open {
            if line.trim_start().starts_with("```") {
                found.extend(open.take());
            } else {
                *text += &format!("{line}\n");
            }
        } else if line.trim_start().starts_with("```yaml") {
            open = Some((number + 1, String::new()));
        }
    }
    found
}

/// Compares the readers on a text as it stands and with other line ends; returns whether the gate's
/// reader accepts it.
fn compare_as_saved_anywhere(name: &str, text: &str) -> bool {
    // serde_yaml refuses a byte order mark, and to the gate's reader it makes no difference.
    let with_mark = format!("\u{feff}{text}");
    let read = |text: &str| yaml::read_document(text.as_bytes());
    assert_eq!(read(&with_mark), read(text), "{name}");
    let mut accepted = true;
    for text in [text, &text.replace('\n', "\r\n")] {
        accepted &= compare_readers(text).unwrap_or_else(|difference| panic!("{name}: {difference}\n{text}"));
    }
    accepted
}

#[test]
fn both_readers_see_one_document_in_every_file() {
    let mut paths = Vec::new();
    for folder in ["policies", "tests", ".github"] {
        collect_yaml_files(Path::new(folder), &mut paths);
    }
    let mut accepted = 0;
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        accepted += usize::from(compare_as_saved_anywhere(&path.display().to_string(), &text));
    }
    assert!(accepted >= 25, "only {accepted} files were compared");
}

#[test]
fn both_readers_see_one_document_in_every_example_of_the_documents() {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    for entry in fs::read_dir("docs").unwrap() {
        paths.push(entry.unwrap().path());
    }
    let mut accepted = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        for (line, text) in collect_yaml_blocks(&fs::read_to_string(path).unwrap()) {
            let name = format!("{}:{line}", path.display());
            accepted += usize::from(compare_as_saved_anywhere(&name, &text));
        }
    }
    assert!(accepted >= 60, "only {accepted} blocks were compared");
    for doc in PREDICATE_DOCS {
        for example in [doc.passing_example, doc.failing_example] {
            assert!(compare_as_saved_anywhere(doc.name, example), "{}", doc.name);
        }
    }
}

#[test]
fn what_readers_see_differently_is_refused_or_no_number() {
    for text in [
        "a: &x 1\nb: *x\n",
        "<<: { a: 1 }\n",
        "a: !!str 1\n",
        "a: 1\na: 2\n",
        "a: 1\n---\nb: 2\n",
        "a: 1 # note\u{2028}b: 2\n",
        "a: x\u{85}  y\n",
    ] {
        assert_eq!(compare_readers(text), Ok(false), "{text:?}");
    }
    // Serde_yaml keeps `010` a text, other readers see eight, and no rule takes it for a number.
    for text in ["a: 010\n", "a: yes\n", "a: 12:30:45\n", "a: 1_000\n", "a: 0x1F\n", "a: True\n"] {
        assert_eq!(compare_readers(text), Ok(true), "{text:?}");
    }
}

/// A value as the generator means it, in one of the styles that the gate's reader accepts.
#[derive(Clone, Debug)]
enum Doc {
    Plain(String),
    /// Words on several lines, without quotes or between these.
    Wrapped(&'static str, Vec<String>),
    Single(String),
    Double(String),
    /// The header of a block, such as `|-`, and its lines.
    Block(&'static str, Vec<String>),
    FlowList(Vec<Doc>),
    FlowMap(Vec<(String, Doc)>),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

/// Words that some readers of YAML take for something else than text.
const LOADED_WORDS: [&str; 37] = [
    "",
    "~",
    "null",
    "Null",
    "NULL",
    "true",
    "false",
    "True",
    "FALSE",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "0",
    "7",
    "10",
    "007",
    "010",
    "-1",
    "+5",
    "3.5",
    "-0.0",
    "1e3",
    "0x1f",
    "0o17",
    "0b11",
    "1_000",
    "12:30:45",
    "2027-01-01",
    ".inf",
    ".nan",
    "18446744073709551615",
    "a:b",
    "a#b",
    "https://a.example/b",
];

fn plain_text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&LOADED_WORDS[..]).prop_map(str::to_owned),
        "[A-Za-z0-9./_^$(+<é✓]([A-Za-z0-9 ./_@*<>=()+'\"!&%|~$^é✓-]{0,20}[A-Za-z0-9./_)+é])?",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["k[A-Za-z0-9_.-]{0,8}", "'k[a-z #:,é]{0,6}'", "\"k[a-z #:,]{0,6}\""]
}

fn entries(value: impl Strategy<Value = Doc>) -> impl Strategy<Value = Vec<(String, Doc)>> {
    prop::collection::vec((key(), value), 1..5).prop_map(|mut entries| {
        let mut seen = Vec::new();
        entries.retain(|(key, _)| {
            let name = key.trim_matches(['\'', '"']).to_owned();
            let is_new = !seen.contains(&name);
            seen.push(name);
            is_new
        });
        entries
    })
}

fn leaf() -> impl Strategy<Value = Doc> {
    prop_oneof![
        3 => plain_text().prop_map(Doc::Plain),
        1 => "[ -~é✓🔒]{0,20}".prop_map(Doc::Single),
        1 => prop::collection::vec(any::<char>(), 0..12).prop_map(|text| Doc::Double(text.into_iter().collect())),
        1 => "[ -~é]{0,20}".prop_map(Doc::Double),
    ]
}

fn flow() -> impl Strategy<Value = Doc> {
    leaf().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Doc::FlowList),
            entries(inner).prop_map(Doc::FlowMap),
        ]
    })
}

fn block() -> impl Strategy<Value = Doc> {
    let headers = &["|", "|-", "|+", ">", ">-", ">+"][..];
    let lines = (
        "[A-Za-z0-9#:'\"{\\[*&!-][A-Za-z0-9 #:'\"{}\\[\\],*é-]{0,12}",
        prop::collection::vec("( {0,3}[A-Za-z0-9 #:'\"{},é-]{1,12})?", 0..5),
    );
    let lines = lines.prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    });
    let quotes = prop::sample::select(&["", "'", "\""][..]);
    let simple = prop_oneof![
        4 => flow(),
        1 => (prop::sample::select(headers), lines).prop_map(|(header, lines)| Doc::Block(header, lines)),
        1 => (quotes, prop::collection::vec("[a-z]{1,6}|", 2..6)).prop_map(|(quote, mut words)| {
            words.insert(0, "w".to_owned());
            words.push("w".to_owned());
            Doc::Wrapped(quote, words)
        }),
    ];
    simple.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(Doc::List),
            entries(inner).prop_map(Doc::Map),
        ]
    })
}

fn escape_double(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            '\n' => escaped += "\\n",
            '\t' => escaped += "\\t",
            ' '..='~' | 'é' => escaped.push(character),
            other if u32::from(other) <= 0xff => escaped += &format!("\\x{:02x}", u32::from(other)),
            other if u32::from(other) <= 0xffff => escaped += &format!("\\u{:04x}", u32::from(other)),
            other => escaped += &format!("\\U{:08x}", u32::from(other)),
        }
    }
    escaped
}

/// Writes documents in one of several habits of indenting and commenting.
struct Writer {
    step: usize,
    has_comments: bool,
    out: String,
}

impl Writer {
    fn inline(&self, doc: &Doc) -> String {
        match doc {
            Doc::Plain(text) => text.clone(),
            Doc::Single(text) => format!("'{}'", text.replace('\'', "''")),
            Doc::Double(text) => format!("\"{}\"", escape_double(text)),
            Doc::FlowList(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow_item(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Doc::FlowMap(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{key}: {}", self.inline(value))).collect();
                format!("{{ {} }}", entries.join(", "))
            }
            _ => panic!("only flow values stand on one line"),
        }
    }

    /// An item that is empty would be no item.
    fn flow_item(&self, item: &Doc) -> String {
        let text = self.inline(item);
        if text.is_empty() { "~".to_owned() } else { text }
    }

    fn line(&mut self, indent: usize, text: &str) {
        if !text.is_empty() {
            self.out += &" ".repeat(indent);
        }
        self.out += text;
        self.out.push('\n');
    }

    /// Writes what follows `key:` or `-`, up to the end of its last line.
    fn value(&mut self, doc: &Doc, indent: usize) {
        match doc {
            Doc::Block(header, lines) => {
                self.out += &format!(" {header}\n");
                for line in lines {
                    self.line(indent, line.trim_end());
                }
            }
            Doc::Wrapped(quote, words) => {
                self.out += &format!(" {quote}");
                let indent = " ".repeat(indent);
                for (index, word) in words.iter().enumerate() {
                    let start = if index == 0 || word.is_empty() { "" } else { &indent };
                    let end = if index + 1 == words.len() { quote } else { "" };
                    self.out += &format!("{start}{word}{end}\n");
                }
            }
            Doc::List(items) => {
                self.out.push('\n');
                for item in items {
                    self.comment(indent);
                    self.out += &format!("{}-", " ".repeat(indent));
                    self.value(item, indent + self.step);
                }
            }
            Doc::Map(entries) => {
                self.out.push('\n');
                self.entries(entries, indent);
            }
            simple => {
                let text = self.inline(simple);
                let comment = if self.has_comments { "  # k: not a key" } else { "" };
                self.out += &format!(" {text}{comment}\n");
            }
        }
    }

    fn entries(&mut self, entries: &[(String, Doc)], indent: usize) {
        for (key, value) in entries {
            self.comment(indent);
            self.out += &format!("{}{key}:", " ".repeat(indent));
            self.value(value, indent + self.step);
        }
    }

    fn comment(&mut self, indent: usize) {
        if self.has_comments {
            self.line(indent, "# a: comment");
            self.out.push('\n');
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_see_one_document_whatever_its_style(
        entries in entries(block()),
        step in 1_usize..5,
        has_comments in any::<bool>(),
        starts_with_marker in any::<bool>(),
    ) {
        let out = if starts_with_marker { "---\n".to_owned() } else { String::new() };
        let mut writer = Writer { step, has_comments, out };
        writer.entries(&entries, 0);
        for text in [writer.out.clone(), writer.out.replace('\n', "\r\n")] {
            match compare_readers(&text) {
                Ok(accepted) => prop_assert!(accepted, "the gate refuses it:\n{text}"),
                Err(difference) => prop_assert!(false, "{difference}\n{text}"),
            }
        }
    }

    #[test]
    fn both_readers_agree_on_any_text_that_both_accept(
        words in prop::collection::vec(prop::sample::select(&[
            "a", "b:", "c: ", "- ", "-", "? ", ": ", "[", "]", "{", "}", ",", "'", "\"", "#", " #", "|\n", ">-\n", "|+\n",
            "\n", "\n  ", "\n    ", " ", "\t", "\r", "\r\n", "...\n", "---\n", "%", "@", "`", "!", "&", "*", "\\", "é",
            "\u{a0}", "\u{85}", "\u{2028}", "\u{0}", "~", "01", "12", "true",
        ][..]), 0..30)
    ) {
        // Where the last line has no end, serde_yaml leaves its line feed out of a block, too.
        let text = words.concat() + "\n";
        // A policy is a map; in a block that is the whole document, serde_yaml takes `#` for a comment.
        if let Ok(node) = yaml::read_document(text.as_bytes())
            && matches!(node.value, YamlValue::Map(_))
            && let Ok(value) = serde_yaml::from_str::<Value>(&text)
        {
            let difference = compare_values(&node, &value);
            prop_assert!(difference.is_ok(), "{difference:?}\n{text}");
        }
    }
}
