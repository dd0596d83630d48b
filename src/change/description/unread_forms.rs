//! Finds lines that name a label and a value in a form that is not read: `Risk - low`, `Risk = low`, `Risk low`,
//! `(Risk: low)`, or behind a line break in the middle of a line.
//!
//! As in `unread`, nothing of this is a statement. It is only told where a policy misses the label.

use std::collections::HashSet;

use crate::change::description::bounds::split_front_matter;
use crate::change::description::line::parse_label;
use crate::change::description::statement::{
    DescriptionStatement, MAX_UNREAD_STATEMENTS, UnreadReason, UnreadStatement,
};
use crate::change::description::template::fold_label;
use crate::change::description::unread::{find_typed_label, follows_return, strip_line_markup};

/// How many bytes of a line are looked at.
const FORM_SEARCH_BYTES: usize = 200;

/// The most words of a label.
const MAX_LABEL_WORDS: usize = 4;

/// The most words of a line without any sign between label and value.
const MAX_PLAIN_WORDS: usize = 5;

/// What people write between a label and its value.
const SEPARATORS: [&str; 9] =
    [" - ", " \u{2013} ", " \u{2014} ", "=", "\u{ff1a}", "\u{fe55}", "->", "\u{2192}", " is "];

/// Adds to `unread` the lines of `body` that have a label in such a form, if it is stated nowhere.
pub(crate) fn add_unread_forms(
    body: &str,
    statements: &[DescriptionStatement],
    unread: &mut Vec<UnreadStatement>,
) {
    let mut known: HashSet<String> = statements.iter().map(|stated| fold_label(&stated.label)).collect();
    known.extend(unread.iter().map(|line| fold_label(&line.label)));
    let settings = split_front_matter(body).0.lines().count();
    let mut number = 0;
    let mut is_code = false;
    for line in body.split_inclusive(['\n', '\r']) {
        number += usize::from(line != "\n" || !follows_return(body, line));
        let line = line.trim();
        is_code ^= line.starts_with("```") || line.starts_with("~~~");
        if number <= settings || is_code || line.len() > FORM_SEARCH_BYTES {
            continue;
        }
        for label in list_labels(line) {
            if unread.len() >= MAX_UNREAD_STATEMENTS {
                return;
            }
            if known.insert(fold_label(&label)) {
                unread.push(UnreadStatement::new(&label, line, number, UnreadReason::NotLabelled));
            }
        }
    }
}

/// Returns what may be a label in a line, in a form that is not read.
fn list_labels(line: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for (index, part) in split_line_breaks(line).into_iter().enumerate() {
        let part = strip_line_markup(part);
        // At the start of a line, this form is read.
        if index > 0
            && let Some(label) = find_typed_label(part).and_then(parse_label)
        {
            labels.push(label);
        } else if let Some(inside) = part.strip_prefix(['(', '"', '\u{201c}', '\u{ab}']) {
            labels.extend(find_typed_label(inside).and_then(parse_label));
        } else if let Some(label) = find_separated_label(part) {
            labels.push(label);
        } else {
            add_plain_labels(part, &mut labels);
        }
    }
    labels
}

/// Returns the parts of a line between the tags that break it.
fn split_line_breaks(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((tag, after)) = find_line_break(rest) {
        parts.push(rest.get(..tag).unwrap_or_default());
        rest = rest.get(after..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// Returns where the first tag that breaks the line begins and ends.
fn find_line_break(text: &str) -> Option<(usize, usize)> {
    for (start, _) in text.match_indices('<') {
        let (tag, _) = text.get(start + 1..)?.split_once('>')?;
        if tag.trim_end_matches('/').trim_end().eq_ignore_ascii_case("br") {
            return Some((start, start + tag.len() + 2));
        }
    }
    None
}

/// Returns the label before the first sign that people take for a colon.
fn find_separated_label(part: &str) -> Option<String> {
    let mut first: Option<(usize, usize)> = None;
    for separator in SEPARATORS {
        if let Some(at) = part.find(separator)
            && first.is_none_or(|(known, _)| at < known)
        {
            first = Some((at, at + separator.len()));
        }
    }
    let (start, end) = first?;
    let typed = part.get(..start)?.trim_end().trim_end_matches(['*', '_', '`', '~']);
    let has_value = part.get(end..)?.chars().any(char::is_alphanumeric);
    let is_short = typed.split_whitespace().count() <= MAX_LABEL_WORDS;
    if has_value && is_short && !typed.contains(':') { parse_label(typed) } else { None }
}

/// Adds the beginnings of a short line that has no sign between label and value.
fn add_plain_labels(part: &str, labels: &mut Vec<String>) {
    let bare: String = part.chars().filter(|one| !matches!(one, '*' | '_' | '`' | '~')).collect();
    let words: Vec<&str> = bare.split_whitespace().collect();
    let is_name = bare.trim_start().starts_with(|one: char| one.is_ascii_uppercase());
    let has_only_words = words.iter().all(|word| word.chars().any(char::is_alphanumeric));
    if !is_name || !has_only_words || bare.contains(':') || !(2..=MAX_PLAIN_WORDS).contains(&words.len()) {
        return;
    }
    for count in 1..words.len() {
        labels.extend(words.get(..count).and_then(|words| parse_label(&words.join(" "))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_label(line: &str, label: &str) -> bool {
        list_labels(line).iter().any(|found| fold_label(found) == fold_label(label))
    }

    #[test]
    fn a_label_is_found_in_the_forms_that_people_write() {
        for line in [
            "Risk - low",
            "Risk \u{2013} low",
            "Risk \u{2014} low",
            "Risk = low",
            "Risk=low",
            "Risk\u{ff1a}low",
            "Risk -> low",
            "Risk is low",
            "Risk low",
            "**Risk** low",
            "**Risk** - low",
            "- Risk - low",
            "(Risk: low)",
            "We measured it.<br>Risk: low",
            "We measured it.<BR />Risk - low",
        ] {
            assert!(has_label(line, "Risk"), "{line}: {:?}", list_labels(line));
        }
        assert!(has_label("Change type normal", "Change-Type"));
        assert!(has_label("Back-out plan = set the flag to off", "Back-out-Plan"));
    }

    #[test]
    fn other_lines_have_no_such_label() {
        for line in [
            "Risk: low",
            "The risk of this - it is low",
            "This has a risk that nobody knows, which is low",
            "risk low",
            "Risk",
            "Risk =",
            "Risk - ",
            "<br>",
            "<",
            "",
        ] {
            assert!(!has_label(line, "Risk"), "{line}: {:?}", list_labels(line));
        }
    }

    #[test]
    fn many_breaks_have_an_end() {
        assert_eq!(split_line_breaks(&"<br>".repeat(3)).len(), 4);
        assert_eq!(split_line_breaks(&"<".repeat(100)).len(), 1);
    }
}
