//! Finds lines and headings that look like statements and were not read, so that an answer can say why.
//!
//! This looks at the text as it was typed, and never makes a statement of anything.

use std::collections::{BTreeSet, HashSet};

use crate::change::description::bounds::split_front_matter;
use crate::change::description::line::parse_label;
use crate::change::description::statement::{
    DescriptionStatement, MAX_UNREAD_STATEMENTS, UnreadReason, UnreadStatement,
};

use crate::change::description::table_header::find_header_lines;
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
    let headers = find_header_lines(body);
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
            Some(label) if headers.contains(&number) => (label, UnreadReason::TableHeader),
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

/// Adds to `unread` the headings of `body`, and the labels without a value beside them, that are stated nowhere.
/// Below those on `label_lines`, nothing counts; the others are not read at all.
pub(crate) fn add_unread_headings(
    body: &str,
    statements: &[DescriptionStatement],
    label_lines: &BTreeSet<usize>,
    unread: &mut Vec<UnreadStatement>,
) {
    let mut known: HashSet<String> = statements.iter().map(|stated| fold_label(&stated.label)).collect();
    known.extend(unread.iter().map(|line| fold_label(&line.label)));
    let settings = split_front_matter(body).0.lines().count();
    let headers = find_header_lines(body);
    // Lists and tables hold many words that are no label of anything, so they come last.
    for finds_headings in [true, false] {
        let mut number = 0;
        for line in body.split_inclusive(['\n', '\r']) {
            number += usize::from(line != "\n" || !follows_return(body, line));
            if number <= settings || line.len() > LABEL_SEARCH_BYTES * 2 {
                continue;
            }
            let line = line.trim();
            let found: Vec<(&str, UnreadReason)> = match finds_headings {
                true => find_typed_heading(line)
                    .into_iter()
                    .map(|typed| judge_heading(typed, label_lines.contains(&number)))
                    .collect(),
                false => list_other_forms(line, headers.contains(&number)),
            };
            for (typed, reason) in found {
                let (label, reason) = match parse_label(typed) {
                    Some(label) => (label, reason),
                    None => match read_look_alike(typed) {
                        Some(label) => (label, UnreadReason::LookAlike),
                        None => continue,
                    },
                };
                if unread.len() < MAX_UNREAD_STATEMENTS && known.insert(fold_label(&label)) {
                    unread.push(UnreadStatement::new(&label, line, number, reason));
                }
            }
        }
    }
}

/// Returns why a heading states nothing; `is_read` is whether what stands below it was read.
fn judge_heading((typed, is_heading): (&str, bool), is_read: bool) -> (&str, UnreadReason) {
    let typed = typed.trim().trim_matches(['*', '_']);
    let reason = match (is_heading, is_read) {
        (false, _) => UnreadReason::NoHeading,
        (true, true) => UnreadReason::NothingBelow,
        (true, false) => UnreadReason::Markup,
    };
    (typed, reason)
}

/// Returns what may be meant as a heading on a line that is an item of a list, a row of a table, a summary, or all
/// emphasis, with the reason why it states nothing.
fn list_other_forms(line: &str, is_header: bool) -> Vec<(&str, UnreadReason)> {
    let reason = match line.starts_with('>') || line.contains("~~") {
        true => UnreadReason::Markup,
        false if is_header => UnreadReason::TableHeader,
        false => UnreadReason::OtherForm,
    };
    if line.contains('|') {
        return line.split('|').map(|cell| (strip_marks(cell), reason)).collect();
    }
    let unnumbered = line.trim_start_matches(|one: char| one.is_ascii_digit());
    let item = unnumbered.strip_prefix(". ").or_else(|| unnumbered.strip_prefix(") "));
    let bare = strip_marks(item.filter(|_| unnumbered.len() < line.len()).unwrap_or(line));
    if bare.len() == line.len() { Vec::new() } else { vec![(bare, reason)] }
}

/// Returns what a line holds between its marks and tags.
fn strip_marks(line: &str) -> &str {
    let is_mark = |one: char| {
        one.is_whitespace() || matches!(one, '>' | '-' | '+' | '*' | '~' | '_' | '`' | '#' | '\u{ff03}')
    };
    let mut rest = line;
    loop {
        let mut shorter = rest.trim_start_matches(is_mark);
        if let Some((_, after)) = shorter.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
            shorter = after;
        }
        if let Some((before, tag)) = shorter.rsplit_once('<')
            && tag.ends_with('>')
        {
            shorter = before;
        }
        // A closing bracket is no mark at the end of a line: it may end an address.
        shorter = shorter.trim_end_matches(|one: char| one != '>' && is_mark(one));
        if shorter.len() == rest.len() {
            return rest;
        }
        rest = shorter;
    }
}

/// Returns what a line is a heading or a bare label of, and false for one that only looks like a heading.
fn find_typed_heading(line: &str) -> Option<(&str, bool)> {
    let mut rest = line;
    let mut is_tagged = false;
    loop {
        let shorter = rest.trim_start_matches(|one: char| {
            one.is_whitespace() || matches!(one, '>' | '-' | '+' | '|' | '~')
        });
        let shorter = match shorter.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
            Some((tag, after)) if tag.starts_with(|one: char| one.is_ascii_alphabetic()) => {
                is_tagged |= matches!(tag.as_bytes(), [b'h' | b'H', b'1'..=b'6', ..]);
                after
            }
            _ => shorter,
        };
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    if let Some(title) = rest.strip_prefix('\u{ff03}') {
        return Some((title.trim_matches(['\u{ff03}', '#', ' ', '\t']), false));
    }
    let title = rest.trim_start_matches('#');
    let level = rest.len() - title.len();
    if level > 0 {
        let is_heading = level <= 6 && title.starts_with([' ', '\t']);
        return Some((title.trim().trim_end_matches('#').trim_end(), is_heading));
    }
    if is_tagged {
        return Some((rest.split('<').next().unwrap_or(rest), true));
    }
    for mark in ["**", "__"] {
        let inner = rest.trim_end_matches(':').strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        if let Some(inner) = inner {
            return Some((inner, true));
        }
    }
    rest.strip_suffix(':').map(|label| (label, true))
}

/// Returns true if `line`, a part of `body`, stands right behind a `\r`.
pub(crate) fn follows_return(body: &str, line: &str) -> bool {
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
pub(crate) fn find_typed_label(line: &str) -> Option<&str> {
    let rest = strip_line_markup(line);
    let colon = rest.bytes().take(LABEL_SEARCH_BYTES).position(|byte| matches!(byte, b':' | b'|'))?;
    let value = rest.get(colon + 1..)?;
    if value.starts_with("//") || !value.chars().any(char::is_alphanumeric) {
        return None;
    }
    Some(rest.get(..colon)?.trim_end_matches(['*', '_', '`', '~']))
}

/// Returns a line without the markup that it begins with.
pub(crate) fn strip_line_markup(line: &str) -> &str {
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
            return rest;
        }
        rest = shorter;
    }
}
