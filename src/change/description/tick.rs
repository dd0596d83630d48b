//! Boxes that a person ticks, in whichever way they are written.
//!
//! GitHub draws a box for `[ ]` and `[x]` in a list and for nothing else; people also type `[ x ]`, and forms
//! that were made elsewhere have boxes of one character.

/// Characters that show an empty box.
const EMPTY_BOXES: [char; 20] = [
    '\u{2610}',
    '\u{25a1}',
    '\u{25a2}',
    '\u{25fb}',
    '\u{25fd}',
    '\u{2b1c}',
    '\u{25cb}',
    '\u{25ef}',
    '\u{26aa}',
    '\u{274f}',
    '\u{2750}',
    '\u{2751}',
    '\u{2752}',
    '\u{2b1a}',
    '\u{1f532}',
    '\u{1f533}',
    '\u{1f78e}',
    '\u{2b55}',
    '\u{26ab}',
    '\u{2b1b}',
];

/// Characters that show a ticked box, or a tick.
const TICKED_BOXES: [char; 8] =
    ['\u{2611}', '\u{2612}', '\u{2705}', '\u{2713}', '\u{2714}', '\u{1f5f9}', '\u{1f5f8}', '\u{1f5f5}'];

/// A box, and the text behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoxedText<'text> {
    /// True if the box is ticked.
    pub(crate) is_ticked: bool,
    /// The text behind the box, trimmed.
    pub(crate) text: &'text str,
}

/// Returns the box that `text` begins with, and the rest of the text; `None` if it begins with none.
pub(crate) fn strip_box(text: &str) -> Option<BoxedText<'_>> {
    let text = text.trim_start();
    let (is_ticked, length) = read_box(text)?;
    Some(BoxedText { is_ticked, text: text.get(length..)?.trim() })
}

/// Returns each box of a text that begins with one, with the text up to the next box.
pub(crate) fn split_boxes(text: &str) -> Vec<BoxedText<'_>> {
    let mut boxes = Vec::new();
    let mut rest = text.trim_start();
    while let Some((is_ticked, length)) = read_box(rest) {
        let after = rest.get(length..).unwrap_or_default();
        let end = find_box(after).unwrap_or(after.len());
        boxes.push(BoxedText { is_ticked, text: after.get(..end).unwrap_or_default().trim() });
        rest = after.get(end..).unwrap_or_default();
    }
    boxes
}

/// Returns where the next box stands that is a word by itself.
fn find_box(text: &str) -> Option<usize> {
    let mut is_word_start = true;
    for (at, character) in text.char_indices() {
        let is_glyph = EMPTY_BOXES.contains(&character) || TICKED_BOXES.contains(&character);
        if is_glyph || (is_word_start && character == '[' && read_box(text.get(at..)?).is_some()) {
            return Some(at);
        }
        is_word_start = character.is_whitespace();
    }
    None
}

/// Reads the box at the start of `text`: whether it is ticked, and its length in bytes.
fn read_box(text: &str) -> Option<(bool, usize)> {
    let first = text.chars().next()?;
    let is_empty = EMPTY_BOXES.contains(&first);
    if is_empty || TICKED_BOXES.contains(&first) {
        // What makes a picture of the character belongs to it.
        let length = first.len_utf8();
        let more = text.get(length..)?.chars().next().filter(|next| matches!(next, '\u{fe0e}' | '\u{fe0f}'));
        return Some((!is_empty, length + more.map_or(0, char::len_utf8)));
    }
    let inside = text.strip_prefix('[')?;
    let end = inside.find(']')?;
    // `[x](address)` and `[x]: address` are links, and `[x]y` is neither.
    if inside.get(end + 1..)?.starts_with(|next: char| !next.is_whitespace()) {
        return None;
    }
    let is_ticked = match inside.get(..end)?.trim() {
        "" | "_" => false,
        "x" | "X" | "*" | "\u{d7}" => true,
        mark if mark.chars().count() == 1 && mark.starts_with(TICKED_BOXES) => true,
        _ => return None,
    };
    Some((is_ticked, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_read_however_it_is_typed() {
        for ticked in [
            "[x] low",
            "[ x ] low",
            "[x ]  low",
            " [ X] low",
            "\u{2611}\u{fe0f} low",
            "\u{2705}low",
            "[\u{2713}] low",
        ] {
            assert_eq!(strip_box(ticked), Some(BoxedText { is_ticked: true, text: "low" }), "{ticked:?}");
        }
        for empty in
            ["[ ] low", "[] low", "[  ] low", "[_] low", "\u{2610} low", "\u{25a1}low", "\u{2b1c} low"]
        {
            assert_eq!(strip_box(empty), Some(BoxedText { is_ticked: false, text: "low" }), "{empty:?}");
        }
        for none in ["low", "[low]", "[x]low", "[x](a)", "[x]: a", "[", "[x", "", "x low", "(x) low"] {
            assert_eq!(strip_box(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_line_of_boxes_is_as_many_answers() {
        let split = |text| -> Vec<String> {
            split_boxes(text).iter().map(|one| format!("{} {}", one.is_ticked, one.text)).collect()
        };
        assert_eq!(split("\u{2610} low \u{2611} very high"), ["false low", "true very high"]);
        assert_eq!(split("[ ] low [ x ] high"), ["false low", "true high"]);
        assert_eq!(split("low \u{2611} high"), [""; 0]);
    }
}
