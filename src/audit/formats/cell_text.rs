//! What a spreadsheet would act on in a text from outside, and how it is kept from doing so.
//!
//! A cell that starts like a formula is calculated when a CSV file is opened: it can fetch from the network
//! and start programs. An apostrophe before it makes it a text again. A spreadsheet whose language separates
//! fields by semicolons takes quotation marks for text, so that a line end, a semicolon or a tab inside a
//! field begins a new cell. What starts like a formula there gets an apostrophe as well.

use std::borrow::Cow;

use crate::change::person::is_invisible;

const GUARD: char = '\'';

/// Returns true for a character that spreadsheets take for the start of a formula, wide forms included.
fn starts_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+'
            | '-'
            | '@'
            | '\u{2212}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe66}'
            | '\u{fe6b}'
            | '\u{ff1d}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff20}'
    )
}

/// Returns true for what stands between two cells in some spreadsheet.
fn begins_cell(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\t' | ';')
}

/// Returns true if a cell of this text is calculated, or was guarded against it once.
fn is_dangerous(text: &str) -> bool {
    let text = text.trim_start_matches(GUARD);
    if text.starts_with(['\t', '\r']) {
        return true;
    }
    // What begins the next cell is looked at there.
    let cell = text.split(begins_cell).next().unwrap_or_default();
    let first = cell.chars().find(|character| !character.is_whitespace() && !is_invisible(*character));
    first.is_some_and(starts_formula)
}

/// Returns true for a text that is the same before and after `guard_formulas` and `replace_controls`. It may return
/// false for others of this kind, which take longer to look at.
pub(crate) fn is_harmless(text: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b';';
    let is_word =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'#' | b'(' | b'[' | b'<');
    text.first().is_none_or(is_word) && text.iter().all(is_plain)
}

/// Returns the text with an apostrophe before each part that a spreadsheet would calculate.
pub(crate) fn guard_formulas(text: &str) -> Cow<'_, str> {
    edit_cells(text, |guarded, rest| {
        if is_dangerous(rest) {
            guarded.push(GUARD);
        }
        0
    })
}

/// Returns a text as it was before `guard_formulas`.
pub(crate) fn remove_formula_guards(text: &str) -> Cow<'_, str> {
    edit_cells(text, |_, rest| usize::from(rest.starts_with(GUARD) && is_dangerous(rest)))
}

/// Returns `text` after `edit` has seen the rest of it at each place where a cell may begin. It writes what
/// goes before, and returns how many bytes are left out.
fn edit_cells(text: &str, edit: impl Fn(&mut String, &str) -> usize) -> Cow<'_, str> {
    let mut edited = String::new();
    let mut at_start = true;
    let mut skipped = 0;
    for (at, character) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        if at_start {
            skipped = edit(&mut edited, rest);
        }
        if skipped > 0 {
            skipped -= 1;
        } else {
            edited.push(character);
        }
        at_start = begins_cell(character);
    }
    if edited == text { Cow::Borrowed(text) } else { Cow::Owned(edited) }
}

/// Returns a text as people read it in a spreadsheet: line ends are LF alone, and a control character that
/// is neither LF nor TAB is U+FFFD.
pub(crate) fn replace_controls(text: &str) -> Cow<'_, str> {
    let is_kept = |character: char| matches!(character, '\n' | '\t') || !character.is_control();
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(unified.replace(|character| !is_kept(character), "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_spreadsheet_would_calculate_is_a_text() {
        for (text, guarded) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("  =1", "'  =1"),
            ("\u{a0}\u{200b}\u{feff}=1", "'\u{a0}\u{200b}\u{feff}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{2212}1", "'\u{2212}1"),
            ("'=1", "''=1"),
            ("a;=1", "a;'=1"),
            ("a\n=1", "a\n'=1"),
            ("a\t@b", "a\t'@b"),
            ("acme/shop#12", "acme/shop#12"),
            ("a=b", "a=b"),
            ("it's", "it's"),
            ("'quoted'", "'quoted'"),
            ("", ""),
        ] {
            assert_eq!(guard_formulas(text), guarded, "{text:?}");
            assert_eq!(remove_formula_guards(guarded), text);
        }
    }

    #[test]
    fn controls_are_replaced_and_line_ends_unified() {
        assert_eq!(replace_controls("a\r\nb\rc\n\td"), "a\nb\nc\n\td");
        assert_eq!(replace_controls("a\0b\u{1b}[31m\u{9b}c"), "a\u{fffd}b\u{fffd}[31m\u{fffd}c");
    }

    proptest! {
        #[test]
        fn guards_can_be_taken_back(text in "[-'=+@;\\n\\t a\u{ff1d}\u{200b}]{0,12}|\\PC{0,20}") {
            let guarded = guard_formulas(&text).into_owned();
            prop_assert_eq!(remove_formula_guards(&guarded), text.as_str());
            if is_harmless(text.as_bytes()) {
                prop_assert_eq!(&guarded, &text);
                prop_assert_eq!(replace_controls(&text), text.as_str());
            }
            for cell in guarded.split(begins_cell) {
                let first = cell.chars().find(|one| !one.is_whitespace() && !is_invisible(*one));
                prop_assert!(!first.is_some_and(starts_formula), "{:?}", guarded);
            }
        }
    }
}
