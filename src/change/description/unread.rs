//! Finds lines that look like statements and were not read, so that an answer can say why.
//!
//! This looks at the text as it was typed, and never makes a statement of anything.

use std::collections::HashSet;

use crate::change::description::bounds::split_front_matter;
use crate::change::description::line::parse_label;
use crate::change::description::statement::{
    DescriptionStatement, MAX_UNREAD_STATEMENTS, UnreadReason, UnreadStatement,
};

use crate::change::description::template::fold_label;
use crate::change::message::known_keys::fold_homoglyph;

/// How many bytes of a line are searched for a label.
const LABEL_SEARCH_BYTES: usize = 160;

/// Adds to `unread` the lines of `body` that begin with a label which is stated nowhere.
pub(crate) fn add_unread_lines(
    body: &str,
    statements: &[DescriptionStatement],
    unread: &mut Vec<UnreadStatement>,
) {
    let mut known: HashSet<String> = statements.iter().map(|stated| fold_label(&stated.label)).collect();
    known.extend(unread.iter().map(|line| fold_label(&line.label)));
    let settings = split_front_matter(body).0.lines().count();
    let mut number = 0;
    for line in body.split_inclusive(['\n', '\r']) {
        if unread.len() >= MAX_UNREAD_STATEMENTS {
            return;
        }
        // The two bytes of one line end are one.
        number += usize::from(line != "\n" || !follows_return(body, line));
        let line = line.trim();
        let Some(typed) = find_typed_label(line) else { continue };
        let (label, reason) = match parse_label(typed) {
            Some(label) if number <= settings => (label, UnreadReason::Settings),
            Some(label) => (label, UnreadReason::Markup),
            None => match read_look_alike(typed) {
                Some(label) => (label, UnreadReason::LookAlike),
                None => continue,
            },
        };
        if known.insert(fold_label(&label)) {
            unread.push(UnreadStatement::new(&label, line, number, reason));
        }
    }
}

/// Returns true if `line`, a part of `body`, stands right behind a `\r`.
fn follows_return(body: &str, line: &str) -> bool {
    let at = (line.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    at > 0 && body.as_bytes().get(at - 1) == Some(&b'\r')
}

/// Returns the label that `typed` looks like, although some of its letters are of another alphabet.
///
/// Such a label matches nothing: a reader cannot tell it from the right one, and the gate can.
fn read_look_alike(typed: &str) -> Option<String> {
    if typed.is_ascii() {
        return None;
    }
    parse_label(&typed.chars().map(fold_homoglyph).collect::<String>())
}

/// Returns what a line begins with behind any markup that may be a label, if something stands beside it.
fn find_typed_label(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        let shorter = rest.trim_start_matches(|one: char| {
            one.is_whitespace() || matches!(one, '>' | '-' | '*' | '+' | '#' | '|' | '~' | '`' | '_')
        });
        let shorter = match shorter.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
            Some((tag, after)) if tag.starts_with(|one: char| one == '/' || one.is_ascii_alphabetic()) => {
                after
            }
            _ => shorter,
        };
        let shorter = match shorter.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            Some((mark, after)) if mark.trim().len() < 2 => after,
            _ => shorter,
        };
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    let colon = rest.bytes().take(LABEL_SEARCH_BYTES).position(|byte| matches!(byte, b':' | b'|'))?;
    let value = rest.get(colon + 1..)?;
    if value.starts_with("//") || !value.chars().any(char::is_alphanumeric) {
        return None;
    }
    Some(rest.get(..colon)?.trim_end_matches(['*', '_', '`', '~']))
}
