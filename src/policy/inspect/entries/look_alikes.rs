//! Characters of names and patterns that nobody sees, and letters that only look like others.
//!
//! `main` with a zero-width space in it is another branch, and a reviewer of the policy reads `main`. What only people
//! read, such as a reason, may be written as they like, but for characters that turn the order of the text around.

use std::collections::HashMap;

use crate::change::message::known_keys::fold_homoglyph;
use crate::change::person::is_invisible;
use crate::policy::inspect::findings::FileFindings;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// The keys whose values only people read.
const PROSE_KEYS: [&str; 7] = ["name", "title", "why", "reason", "reasons", "summary", "refuse"];

/// The keys whose values are names of another system, or forms of text, in which such a character may be meant.
const FOREIGN_KEYS: [&str; 8] =
    ["label", "any-of", "all-of", "none-of", "type", "state", "matches", "matching"];

/// How strictly the letters of a value are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LetterUse {
    /// It is compared, letter by letter.
    Name,
    /// It is compared, and somebody else has chosen its letters.
    Foreign,
    /// It is read by people.
    Prose,
}

/// The names that a policy and its files have, by what they look like.
#[derive(Default)]
pub(crate) struct NameLooks {
    /// Of each look one name in small letters, and another one if there is any.
    names: HashMap<String, (String, Option<String>)>,
}

impl NameLooks {
    /// Adds the names of a file.
    pub(crate) fn add_file(&mut self, node: &YamlNode) {
        visit_texts(node, LetterUse::Name, &mut |text, _, letters| {
            if letters == LetterUse::Name {
                self.add_name(text);
            }
        });
    }

    /// Adds a name.
    pub(crate) fn add_name(&mut self, name: &str) {
        let written = name.to_lowercase();
        let (first, other) = self.names.entry(fold_name(name)).or_insert_with(|| (written.clone(), None));
        if *first != written && other.is_none() {
            *other = Some(written);
        }
    }

    /// Returns another name that looks like this one, in small letters.
    fn find_twin(&self, name: &str) -> Option<&str> {
        let (first, other) = self.names.get(&fold_name(name))?;
        if *first != name.to_lowercase() { Some(first) } else { other.as_deref() }
    }
}

/// Returns the plain letters that a name looks like.
fn fold_name(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).map(fold_homoglyph).collect()
}

/// Looks at the letters of every key and every single value of a file, whose names may look like others of `looks`.
pub(crate) fn inspect_letters(node: &YamlNode, looks: &NameLooks, found: &mut FileFindings) {
    visit_texts(node, LetterUse::Name, &mut |text, at, letters| {
        inspect_text(text, at, letters, looks, found);
    });
}

fn visit_texts<'node>(
    node: &'node YamlNode,
    letters: LetterUse,
    visit: &mut dyn FnMut(&'node str, YamlPlace, LetterUse),
) {
    match &node.value {
        YamlValue::Scalar { text, .. } => visit(text, node.at, letters),
        YamlValue::List(items) => {
            for item in items {
                visit_texts(item, letters, visit);
            }
        }
        YamlValue::Map(entries) => {
            for (key, value) in entries {
                visit(&key.text, key.at, LetterUse::Name);
                let name = key.text.as_str();
                let is_map = matches!(value.value, YamlValue::Map(_));
                let inner = match letters {
                    // A rule may be called `title`; then its value is a map, which is not prose.
                    _ if PROSE_KEYS.contains(&name) && (!is_map || name == "reasons") => LetterUse::Prose,
                    LetterUse::Name if FOREIGN_KEYS.contains(&name) => LetterUse::Foreign,
                    other => other,
                };
                visit_texts(value, inner, visit);
            }
        }
    }
}

fn inspect_text(text: &str, at: YamlPlace, letters: LetterUse, looks: &NameLooks, found: &mut FileFindings) {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return;
    }
    if letters == LetterUse::Prose {
        if let Some(hidden) = text.chars().find(|one| turns_text_around(*one)) {
            let what =
                format!("this text contains {}, which turns what is read around", name_character(hidden));
            found.notes.push(YamlFault::new(at, what).with_help("remove it"));
        }
        return;
    }
    if let Some(hidden) = find_hidden_character(text) {
        let plain: String =
            text.chars().filter(|one| !is_hidden(*one) || is_foreign_space(*one)).map(show_space).collect();
        let what = format!(
            "`{}` contains {}, which nobody sees",
            shorten_for_message(&plain),
            name_character(hidden)
        );
        let help = if is_foreign_space(hidden) { "replace it by a space, or remove it" } else { "remove it" };
        let fault = YamlFault::new(at, what).with_help(help);
        match letters {
            LetterUse::Name => found.errors.push(fault),
            _ => found.notes.push(fault),
        }
    } else if letters == LetterUse::Name
        && let Some(alike) = find_look_alike(text)
    {
        let plain = fold_homoglyph(alike);
        let what = format!(
            "`{}` contains `{alike}` (U+{:04X}), which looks like `{plain}`",
            shorten_for_message(text),
            u32::from(alike)
        );
        let help = format!("write `{plain}`, unless the other one is meant");
        found.notes.push(YamlFault::new(at, what).with_help(help));
    } else if letters == LetterUse::Name
        && let Some(twin) = looks.find_twin(text)
    {
        let (shown, twin) = (shorten_for_message(text), shorten_for_message(twin));
        let what = format!("`{shown}` looks like `{twin}`, which is another name");
        let help = format!("write `{twin}`, unless both are meant");
        found.notes.push(YamlFault::new(at, what).with_help(help));
    }
}

/// Returns a space for what looks like one.
fn show_space(character: char) -> char {
    if is_foreign_space(character) { ' ' } else { character }
}

/// Returns true for a space that is none in YAML.
fn is_foreign_space(character: char) -> bool {
    !character.is_ascii() && character.is_whitespace()
}

/// Returns true for a character that cannot be seen, or not be told from a space. Line ends and tabs stand in texts of
/// several lines.
fn is_hidden(character: char) -> bool {
    (is_invisible(character) && !matches!(character, '\n' | '\r' | '\t')) || is_foreign_space(character)
}

/// Returns true for what changes the direction of the text behind it.
fn turns_text_around(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the first hidden character that is no part of a sign, such as one of the joiners of emoji, or of a word in a
/// script that needs it.
fn find_hidden_character(text: &str) -> Option<char> {
    let mut before: Option<char> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let after = rest.clone().next();
        let is_beside_foreign = before.is_some_and(|one| !one.is_ascii());
        let is_between_foreign = is_beside_foreign && after.is_some_and(|one| !one.is_ascii());
        let is_needed = match character {
            '\u{200c}' | '\u{200d}' | '\u{3000}' => is_between_foreign,
            '\u{fe00}'..='\u{fe0f}' => is_beside_foreign || after == Some('\u{20e3}'),
            _ => false,
        };
        if is_hidden(character) && !is_needed {
            return Some(character);
        }
        before = Some(character);
    }
    None
}

/// Returns the first character that only looks like an ASCII one: of full width, a hyphen or a colon beside plain
/// letters, or a letter of another script in a word with plain letters.
fn find_look_alike(text: &str) -> Option<char> {
    let characters: Vec<char> = text.chars().collect();
    let is_plain_at = |index: Option<usize>| {
        index.and_then(|index| characters.get(index)).is_some_and(char::is_ascii_alphanumeric)
    };
    let mut word: Option<char> = None;
    let mut has_plain_letter = false;
    for (index, character) in characters.iter().enumerate() {
        let plain = fold_homoglyph(*character);
        if matches!(character, '\u{ff01}'..='\u{ff5e}') {
            return Some(*character);
        }
        let is_beside_plain = is_plain_at(index.checked_sub(1)) || is_plain_at(index.checked_add(1));
        if !character.is_ascii() && matches!(plain, '-' | ':') && is_beside_plain {
            return Some(*character);
        }
        if !character.is_alphanumeric() {
            (word, has_plain_letter) = (None, false);
            continue;
        }
        has_plain_letter |= character.is_ascii_alphabetic();
        if !is_latin(*character) && plain.is_ascii_alphabetic() {
            word = word.or(Some(*character));
        }
        if has_plain_letter && word.is_some() {
            return word;
        }
    }
    None
}

/// Returns true for a letter of the Latin script, such as `a` and `\u{e9}`.
fn is_latin(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Returns what a hidden character is called, with its code point.
fn name_character(character: char) -> String {
    let name = match character {
        '\u{a0}' => "a no-break space",
        '\u{202f}' => "a narrow no-break space",
        '\u{180e}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' => "a zero-width joiner",
        '\u{ad}' => "a soft hyphen",
        '\u{61c}' | '\u{200e}' | '\u{200f}' => "a mark of writing direction",
        one if turns_text_around(one) => "a mark of writing direction",
        one if is_foreign_space(one) => "a typographic space",
        one if one.is_control() => "a control character",
        _ => "an invisible character",
    };
    format!("{name} (U+{:04X})", u32::from(character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn look_at(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = FileFindings::default();
        let node = read_document(text.as_bytes()).unwrap();
        let mut looks = NameLooks::default();
        looks.add_file(&node);
        inspect_letters(&node, &looks, &mut found);
        let words = |faults: Vec<YamlFault>| faults.into_iter().map(|fault| fault.what).collect();
        (words(found.errors), words(found.notes))
    }

    #[test]
    fn what_nobody_sees_is_an_error_with_its_code_point() {
        for (text, number) in [
            ("protects: [\"ma\\u200bin\"]", "U+200B"),
            ("protects: [ma\u{ad}in]", "U+00AD"),
            ("people: { teams: { \"se\\u2060c\": [a] } }", "U+2060"),
            ("people: { teams: { sec: [\"a\\u00a0b@example.com\"] } }", "U+00A0"),
            ("rules: { a: { when: { touches: ['a\u{202e}b'] } } }", "U+202E"),
            ("fields: { A: { one-of: [lo\u{200d}w] } }", "U+200D"),
            ("fields: { A: { one-of: ['a\u{3000}b'] } }", "U+3000"),
            ("a: \"b\\u0007c\"", "U+0007"),
        ] {
            let (errors, notes) = look_at(text);
            assert!(errors.len() == 1 && errors[0].contains(number), "{text:?}: {errors:?}");
            assert!(!errors[0].chars().any(is_hidden), "{errors:?}");
            assert_eq!(notes, [""; 0], "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_a_note() {
        for (text, said) in [
            ("protects: [m\u{430}in]", "contains `\u{430}` (U+0430), which looks like `a`"),
            ("a: [\u{ff4d}ain]", "`\u{ff4d}` (U+FF4D), which looks like `m`"),
            ("a: [release\u{2010}1]", "`\u{2010}` (U+2010), which looks like `-`"),
            ("a: { \u{3bf}ps: [x] }", "`\u{3bf}` (U+03BF), which looks like `o`"),
        ] {
            let (errors, notes) = look_at(text);
            assert!(notes.len() == 1 && notes[0].contains(said), "{text:?}: {notes:?}");
            assert_eq!(errors, [""; 0], "{text:?}");
        }
    }

    #[test]
    fn a_name_in_foreign_letters_that_looks_like_another_one_is_a_note() {
        for (text, said) in [
            ("a: { \u{43e}\u{440}\u{455}: [x], b: ops }", "looks like `ops`, which is another name"),
            ("a: [team-ops, team-\u{43e}\u{440}\u{455}]", "looks like `team-ops`"),
            ("a: [Ops, \u{41e}\u{420}\u{405}]", "looks like `ops`"),
        ] {
            let (errors, notes) = look_at(text);
            assert!(notes.len() == 1 && notes[0].contains(said), "{text:?}: {notes:?}");
            assert_eq!(errors, [""; 0], "{text:?}");
        }
        // By itself, it is a word of its language, and what people only read is no name.
        for text in [
            "a: { \u{43e}\u{440}\u{455}: [x], b: oops }",
            "a: { \u{43e}\u{440}\u{455}: [\u{43e}\u{440}\u{455}] }",
            "a: { \u{43e}\u{440}\u{455}: { why: ops } }",
            "a: { \u{43e}\u{440}\u{455}: [\u{41e}\u{440}\u{455}] }",
        ] {
            assert_eq!(look_at(text), (Vec::new(), Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn what_people_write_in_their_own_script_is_left_alone() {
        for text in [
            "people: { teams: { sécurité: [a], Übersetzung: [a], безопасность: [a], セキュリティ: [a] } }",
            "a: ['docs/über/**', 'docs/файл.md', '文書/確認']",
            "label: ['✍️ review', '👩‍💻 dev', '1️⃣', '要　確認']",
            "why: It\u{a0}is \u{2013} as people write \u{ff01}",
            "fields: { A: { matches: '[A-Za-zА-я]+' } }",
            "rules: { title: { title: a\u{a0}b } }",
            "why: |\n  one\n  two\n",
            "a: |\n  one\n  two\n",
        ] {
            assert_eq!(look_at(text), (Vec::new(), Vec::new()), "{text:?}");
        }
        let (errors, notes) = look_at("rules: { a: { why: \"b\\u202ec\" } }");
        assert_eq!((errors.len(), notes.len()), (0, 1), "{notes:?}");
        let (errors, notes) = look_at("a: { label: \"b\\u200bc\" }");
        assert_eq!((errors.len(), notes.len()), (0, 1), "{notes:?}");
    }
}
