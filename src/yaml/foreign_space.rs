//! Spaces that YAML does not take for spaces: pasted from a web page or a word processor, or typed with the
//! wrong modifier key. They look like indentation, and are the first letters of a key.

use crate::yaml::tree::{YamlFault, YamlPlace};

/// How many lines before the one that a parser gave up on are looked at.
const MAX_LINES_BEFORE: usize = 2;

/// Returns true for a character that looks like a space, or like nothing, and is part of a value in YAML.
fn is_foreign_space(character: char) -> bool {
    match character {
        // These end a line for some readers, and are refused wherever they stand.
        '\u{85}' | '\u{2028}' | '\u{2029}' => false,
        '\u{180e}' | '\u{200b}' | '\u{2060}' => true,
        other => !other.is_ascii() && other.is_whitespace(),
    }
}

/// Returns what a foreign space is called.
fn name_foreign_space(character: char) -> &'static str {
    match character {
        '\u{a0}' => "no-break space",
        '\u{202f}' => "narrow no-break space",
        '\u{180e}' | '\u{200b}' | '\u{2060}' => "zero-width space",
        '\u{3000}' => "ideographic space",
        _ => "typographic space",
    }
}

/// Returns the fault of a plain value that begins or ends with a foreign space, or of a key that has one;
/// `at` is where it starts in `text`.
///
/// Within a value such a space is a letter like any other.
pub(crate) fn find_foreign_space(text: &str, value: &str, at: YamlPlace, is_key: bool) -> Option<YamlFault> {
    if value.is_ascii() {
        return None;
    }
    // `-` with such a space behind it begins no item of a list.
    let inner = value.strip_prefix('-').unwrap_or(value);
    let is_at_edge = inner.starts_with(is_foreign_space) || value.ends_with(is_foreign_space);
    let is_in_key = is_key && value.contains(is_foreign_space);
    if !is_at_edge && !is_in_key {
        return None;
    }
    let line = text.lines().nth(at.line.checked_sub(1)?).unwrap_or_default();
    let before = at.column.saturating_sub(1);
    let run = line.chars().enumerate().skip(before).find(|(_, character)| is_foreign_space(*character));
    let column = run.map_or(at.column, |(index, _)| index + 1);
    describe_run(line, YamlPlace { column, ..at }).or_else(|| {
        // The value goes on below, and ends with it.
        let character = value.chars().rfind(|character| is_foreign_space(*character))?;
        Some(foreign_space_fault(at, character, 1))
    })
}

/// Returns the fault of a foreign space where the structure of the document is written, on the line that a
/// parser gave up on or right before it.
pub(crate) fn find_structural_space(text: &str, at: YamlPlace) -> Option<YamlFault> {
    let lines: Vec<&str> = text.lines().collect();
    let mut looked_at = 0;
    for index in (0..at.line.min(lines.len())).rev() {
        let line = lines.get(index)?;
        if line.trim().is_empty() {
            continue;
        }
        if let Some(column) = find_structural_column(line) {
            return describe_run(line, YamlPlace { line: index + 1, column, length: 1 });
        }
        looked_at += 1;
        if looked_at > MAX_LINES_BEFORE {
            break;
        }
    }
    None
}

/// Returns the column of the first foreign space in the indentation, behind `-`, or behind the colon of a
/// key.
fn find_structural_column(line: &str) -> Option<usize> {
    let mut is_in_indentation = true;
    let mut before = ' ';
    for (index, character) in line.chars().enumerate() {
        if is_foreign_space(character) {
            return (is_in_indentation || before == ':').then_some(index + 1);
        }
        is_in_indentation &= matches!(character, ' ' | '-');
        let is_of_key = character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | ' ' | ':');
        if !is_of_key || (before == ':' && character == ' ') {
            return None;
        }
        before = character;
    }
    None
}

/// Returns the fault of the run of equal foreign spaces that starts at a place of a line.
fn describe_run(line: &str, at: YamlPlace) -> Option<YamlFault> {
    let mut characters = line.chars().skip(at.column.saturating_sub(1));
    let first = characters.next().filter(|character| is_foreign_space(*character))?;
    let length = 1 + characters.take_while(|character| *character == first).count();
    Some(foreign_space_fault(at, first, length))
}

fn foreign_space_fault(at: YamlPlace, character: char, length: usize) -> YamlFault {
    let (name, number) = (name_foreign_space(character), u32::from(character));
    let article = if name.starts_with('i') { "an" } else { "a" };
    let what =
        format!("{article} {name} (U+{number:04X}) stands here, and YAML does not take it for a space");
    let help = match (name, length) {
        ("zero-width space", _) => "remove it".to_owned(),
        (_, 1) => "replace it by a space".to_owned(),
        _ => format!("replace these {length} by spaces"),
    };
    YamlFault::new(YamlPlace { length, ..at }, what).with_help(help)
}

#[cfg(test)]
mod tests {
    use crate::yaml::read_document;

    #[test]
    fn a_space_that_is_none_for_yaml_is_told_where_it_stands() {
        for (text, place, help) in [
            ("a:\n\u{a0}\u{a0}b: c\n", "2:1 U+00A0", "these 2 by spaces"),
            ("a:\n  b: c\n  \u{a0}d: e\n", "3:3 U+00A0", "it by a space"),
            ("a:\n  b: c\n\u{2003}\u{2003}d: e\n", "3:1 U+2003", "these 2 by spaces"),
            ("a: b\nc:\u{a0}d\n", "2:3 U+00A0", "it by a space"),
            ("a: b\nc:\u{202f}d\ne: f\n", "2:3 U+202F", "it by a space"),
            ("{ a:\u{a0}b }", "1:5 U+00A0", "it by a space"),
            ("a:\n  -\u{a0}b\n", "2:4 U+00A0", "it by a space"),
            ("a:\n\u{3000}- b\n", "2:1 U+3000", "it by a space"),
            ("a: [b, \u{a0}c]\n", "1:8 U+00A0", "it by a space"),
            ("a: [b\u{a0}]\n", "1:6 U+00A0", "it by a space"),
            ("a: b\u{200b}\n", "1:5 U+200B", "remove it"),
            ("\u{200b}a: b\n", "1:1 U+200B", "remove it"),
            ("a\u{a0}b: c\n", "1:2 U+00A0", "it by a space"),
        ] {
            let faults = read_document(text.as_bytes()).expect_err(text);
            let fault = &faults[0];
            let (at, number) = place.split_once(' ').unwrap();
            assert_eq!(fault.at.to_string(), at, "{text:?} {faults:?}");
            assert!(fault.what.contains(number), "{text:?} {faults:?}");
            assert!(fault.help.as_deref().unwrap().ends_with(help), "{text:?} {faults:?}");
            assert_eq!(faults.len(), 1, "{text:?} {faults:?}");
        }
    }

    #[test]
    fn within_a_value_such_a_space_is_a_letter() {
        for text in [
            "a: n\u{a0}\u{b0} 1\n",
            "a: 'b\u{a0}'\n",
            "a: |\n  \u{a0}b\n",
            "# \u{a0}\na: b # c\u{a0}\n",
            "a: \"x\n  \u{a0}y\"\n",
        ] {
            read_document(text.as_bytes()).unwrap_or_else(|faults| panic!("{text:?} {faults:?}"));
        }
        let faults = read_document("a: |\n  \u{a0}b\nc: d\ne: f\ng: [h\n".as_bytes()).unwrap_err();
        assert_eq!((faults[0].at.line, faults[0].what.as_str()), (5, "this `[` is not closed"));
    }
}
