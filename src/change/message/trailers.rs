//! The trailers of a message, exactly as git reads them.
//!
//! Git's reader is the definition, byte for byte and with its quirks: a gate that saw a trailer
//! which git does not see would accept what git cannot find again. The tests in
//! `tests/oracle_trailers` hold this file to it. Separator and comment character are git's
//! defaults (`:` and `#`); git's configuration is never read, because it belongs to the clone and
//! not to the policy. `trailer_extent` says where the message stops, `near_miss` explains what was
//! not read, and `person` reads the person that a value names.

use serde::{Deserialize, Serialize};

use crate::change::message::byte_search::{count_bytes, find_first_byte, find_line_length};
pub use crate::change::message::trailer_extent::{MessageCut, TrailerReader};
use crate::change::message::trailer_extent::{complete_last_line, find_last_line, find_trailer_extent};
use crate::change::text::{Text, count_leading_space, is_git_space, trim_git_space};

/// One trailer of a message: `Key: value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageTrailer {
    /// The key as written; ASCII letters, digits and `-`.
    pub key: String,
    /// The value, unfolded and trimmed as git does it.
    pub value: Text,
    /// The line of the message on which it starts, counted from 1.
    pub line: usize,
}

/// The trailer block of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailerBlock {
    /// The trailers, in order, duplicates kept.
    pub trailers: Vec<MessageTrailer>,
    /// The first line of the block (counted from 1) that is no trailer, where git's tolerance for
    /// prose among trailers let the block pass.
    pub mixed_line: Option<usize>,
}

/// Reads the trailer block of `message`.
///
/// A message without one gives an empty block; nothing is an error. Takes time linear in the
/// length of the message, whatever it holds. Lines are counted in the message as given, from 1.
/// The rules are those of git-interpret-trailers(1) as git carries them out; a line
/// `(cherry picked from commit ...)` belongs to a block without being a trailer, and does not make
/// the block mixed.
pub fn read_trailers(message: &[u8], like: TrailerReader) -> TrailerBlock {
    let message = complete_last_line(message, like);
    let extent = find_trailer_extent(&message, like);
    let text = extent.slice_message(&message);
    match find_last_paragraph(text) {
        Some(last) if last.is_trailer_block() => {
            read_block_trailers(&message, extent.start + last.start, extent.end)
        }
        _ => TrailerBlock::default(),
    }
}

/// What a line is to git's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageLineKind {
    /// A comment, which counts for nothing.
    Comment,
    /// Nothing but white space.
    Blank,
    /// White space and more: the continuation of a trailer, if one stands above.
    Indented,
    /// A trailer, with the offset of its separator.
    Trailer(usize),
    /// The line that `git cherry-pick -x` writes: counted as a trailer and never read as one.
    CherryPicked,
    /// Any other line, such as a sentence.
    Prose,
}

impl MessageLineKind {
    /// Returns what `line` is; its LF may be there or not.
    pub(crate) fn classify_line(line: &[u8]) -> MessageLineKind {
        match line.first() {
            Some(b'#') => MessageLineKind::Comment,
            Some(first) if is_git_space(*first) => {
                if count_leading_space(line) == line.len() {
                    MessageLineKind::Blank
                } else {
                    MessageLineKind::Indented
                }
            }
            Some(b'(') if line.starts_with(b"(cherry picked from commit ") => MessageLineKind::CherryPicked,
            Some(_) => find_separator(line).map_or(MessageLineKind::Prose, MessageLineKind::Trailer),
            None => MessageLineKind::Blank,
        }
    }
}

/// Returns the offset of the `:` after a key: ASCII letters, digits and `-`, at least one, with
/// spaces and tabs allowed behind them.
pub(crate) fn find_separator(line: &[u8]) -> Option<usize> {
    let key = line.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-')?;
    if key == 0 {
        return None;
    }
    let after = line.get(key..)?;
    let blanks = after.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    (after.get(blanks) == Some(&b':')).then_some(key + blanks)
}

/// The last paragraph of a message: its trailer block, or what stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastParagraph {
    /// The offset of its first byte.
    pub(crate) start: usize,
    /// True if it is the first paragraph too, which is never a trailer block.
    pub(crate) is_first: bool,
    /// How many lines git counts as trailers.
    pub(crate) trailer_lines: usize,
    /// How many lines git counts as something else.
    pub(crate) other_lines: usize,
    /// True if it has a line that git itself writes.
    has_git_line: bool,
}

impl LastParagraph {
    /// Returns true if and only if git takes the paragraph for a trailer block.
    pub(crate) fn is_trailer_block(&self) -> bool {
        let tolerated = self.has_git_line && self.other_lines <= self.trailer_lines.saturating_mul(3);
        !self.is_first && (tolerated || (self.trailer_lines > 0 && self.other_lines == 0))
    }
}

/// Returns the last paragraph of `text`, or `None` if there is nothing but white space and comments.
///
/// Git bars its search from the first paragraph by first looking for that paragraph's end. That is
/// the first blank line, and the search stops at a blank line: so it has met the bar if and only if
/// it finds no blank line at all.
pub(crate) fn find_last_paragraph(text: &[u8]) -> Option<LastParagraph> {
    let mut found =
        LastParagraph { start: 0, is_first: true, trailer_lines: 0, other_lines: 0, has_git_line: false };
    let mut is_empty = true;
    // Lines that belong to a trailer if one stands above them, and are prose if not.
    let mut pending = 0;
    let mut end = text.len();
    while end > 0 {
        let above = text.get(..end)?;
        let start = find_last_line(above);
        let line = above.get(start..)?;
        let kind = MessageLineKind::classify_line(line);
        match kind {
            MessageLineKind::Blank if is_empty => {}
            MessageLineKind::Blank => {
                found.start = end;
                found.is_first = false;
                break;
            }
            MessageLineKind::Comment => {
                found.other_lines += pending;
                pending = 0;
            }
            MessageLineKind::Trailer(_) | MessageLineKind::CherryPicked => {
                found.trailer_lines += 1;
                pending = 0;
                found.has_git_line |=
                    kind == MessageLineKind::CherryPicked || line.starts_with(b"Signed-off-by: ");
            }
            MessageLineKind::Indented => pending += 1,
            MessageLineKind::Prose => {
                found.other_lines += 1 + pending;
                pending = 0;
            }
        }
        is_empty &= matches!(kind, MessageLineKind::Blank | MessageLineKind::Comment);
        end = start;
    }
    found.other_lines += pending;
    (!is_empty).then_some(found)
}

/// Reads the trailers of the paragraph that stands between two offsets of `message`, as if it were
/// a block.
pub(crate) fn read_block_trailers(message: &[u8], start: usize, end: usize) -> TrailerBlock {
    let mut block = TrailerBlock::default();
    let mut number = count_bytes(b'\n', message.get(..start).unwrap_or_default());
    let mut at = start;
    // The trailer that is being read: the offsets of its first byte and its separator, its line.
    let mut open: Option<(usize, usize, usize)> = None;
    // Whether an indented line belongs to what stands above it.
    let mut is_continued = false;
    while at < end {
        let rest = message.get(at..end).unwrap_or_default();
        number += 1;
        let length = find_line_length(rest);
        let kind = MessageLineKind::classify_line(rest.get(..length).unwrap_or_default());
        match kind {
            MessageLineKind::Indented | MessageLineKind::Blank => {
                if !is_continued && kind == MessageLineKind::Indented {
                    block.mixed_line.get_or_insert(number);
                }
            }
            _ => {
                if let Some(parts) = open.take() {
                    block.trailers.extend(build_trailer(message, parts, at));
                }
                is_continued = matches!(kind, MessageLineKind::Trailer(_) | MessageLineKind::CherryPicked);
                match kind {
                    MessageLineKind::Trailer(separator) => open = Some((at, at + separator, number)),
                    MessageLineKind::Prose => {
                        block.mixed_line.get_or_insert(number);
                    }
                    _ => {}
                }
            }
        }
        at += length;
    }
    if let Some(parts) = open {
        block.trailers.extend(build_trailer(message, parts, end));
    }
    block
}

/// Makes a trailer of the bytes from its first to `end`.
fn build_trailer(
    message: &[u8],
    (start, separator, line): (usize, usize, usize),
    end: usize,
) -> Option<MessageTrailer> {
    // The key is ASCII, or `separator` would have found none.
    let key = std::str::from_utf8(trim_git_space(message.get(start..separator)?)).ok()?;
    let value = trim_git_space(message.get(separator + 1..end)?);
    Some(MessageTrailer { key: key.to_owned(), value: unfold_value(value), line })
}

/// Returns a trimmed value in one line: each LF and the white space after it become one space.
fn unfold_value(value: &[u8]) -> Text {
    if find_first_byte(b'\n', value).is_none() {
        return Text::from(value);
    }
    let mut unfolded = Vec::with_capacity(value.len());
    for (index, line) in value.split(|byte| *byte == b'\n').enumerate() {
        if index == 0 {
            unfolded.extend_from_slice(line);
            continue;
        }
        let first = count_leading_space(line);
        // Of several line ends in a row, the white space after the first swallows the others.
        if first < line.len() {
            unfolded.push(b' ');
            unfolded.extend_from_slice(line.get(first..).unwrap_or_default());
        }
    }
    Text::new(unfolded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(message: &str, like: TrailerReader) -> Vec<(String, String)> {
        let text = |trailer: MessageTrailer| (trailer.key, trailer.value.to_lossy().into_owned());
        read_trailers(message.as_bytes(), like).trailers.into_iter().map(text).collect()
    }

    fn keys(message: &str) -> Vec<String> {
        pairs(message, TrailerReader::Log).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn the_last_paragraph_is_the_block_and_the_first_never_is() {
        assert_eq!(keys("s\n\nA: b\nC: d\n"), ["A", "C"]);
        assert_eq!(keys("s\n\nA: b\n\nC: d\n"), ["C"]);
        assert_eq!(keys("s\n\nA: b\n \t\nC: d"), ["C"]);
        assert_eq!(keys("s\nSigned-off-by: a\n"), [""; 0]);
        assert_eq!(keys("A: b\n\n"), [""; 0]);
        assert_eq!(keys("# c\n\nA: b\n"), ["A"]);
        assert_eq!(keys(""), [""; 0]);
    }

    #[test]
    fn a_blank_line_before_the_subject_makes_a_subject_of_what_looks_like_a_block() {
        assert_eq!(pairs("\nA: b\n", TrailerReader::Log), []);
        assert_eq!(pairs("\nA: b\n", TrailerReader::Parse), [("A".into(), "b".into())]);
    }

    #[test]
    fn one_line_of_prose_undoes_the_block_unless_git_has_written_in_it() {
        assert_eq!(keys("s\n\nA: b\nFixes it\n"), [""; 0]);
        assert_eq!(keys("s\n\nSigned-off-by: a\nx y\nx y\nx y\n"), ["Signed-off-by"]);
        assert_eq!(keys("s\n\nSigned-off-by: a\nx y\nx y\nx y\nx y\n"), [""; 0]);
        assert_eq!(keys("s\n\nsigned-off-by: a\nx y\n"), [""; 0]);
        assert_eq!(keys("s\n\nA: b\nx y\n(cherry picked from commit abc)\n"), ["A"]);
    }

    #[test]
    fn the_first_line_of_prose_in_a_block_is_named() {
        let mixed_at = |message: &str| read_trailers(message.as_bytes(), TrailerReader::Log).mixed_line;
        assert_eq!(mixed_at("s\n\nSigned-off-by: a\nx y\nx y\n"), Some(4));
        assert_eq!(mixed_at("\n\ns\n\n indented\nSigned-off-by: a\n"), Some(5));
        assert_eq!(mixed_at("s\n\nSigned-off-by: a\n# c\n not continued\n"), Some(5));
        assert_eq!(mixed_at("s\n\nSigned-off-by: a\n more\n# c\nA: b\n \n"), None);
        assert_eq!(mixed_at("s\n\nA: b\n(cherry picked from commit abc)\n more\n"), None);
        assert_eq!(mixed_at("s\n\nA: b\nx y\n"), None);
    }

    #[test]
    fn keys_are_ascii_letters_digits_and_hyphens() {
        for (line, key) in
            [("Key : v", "Key"), ("K\t: v", "K"), ("-: v", "-"), ("1: v", "1"), ("https://x", "https")]
        {
            assert_eq!(keys(&format!("s\n\n{line}\n")), [key], "{line}");
        }
        for line in ["Key_x: v", "K\u{e9}: v", "Key Two: v", "a/b: v", ": v", "Key\u{ff1a} v", "K\r: v", "K"]
        {
            assert_eq!(keys(&format!("s\n\n{line}\n")), [""; 0], "{line}");
        }
    }

    #[test]
    fn values_are_unfolded_and_nothing_else_in_them_is_touched() {
        let value = |text: &str| pairs(&format!("s\n\nA: b\n{text}"), TrailerReader::Log).pop().unwrap().1;
        assert_eq!(value("K: x   \n  y"), "x    y");
        assert_eq!(value("K: x\r\n\ty\r\n"), "x\r y");
        assert_eq!(value("K:\n  x\n"), "x");
        assert_eq!(value("K:\n"), "");
        assert_eq!(value("K: \u{a0}x\x0c\n"), "\u{a0}x\x0c");
        assert_eq!(value("K: x\n \r\ty\n  \n"), "x y");
        assert_eq!(value("K: x\n# c\n"), "x");
    }

    #[test]
    fn lines_are_counted_in_the_message_as_given() {
        let lines = |message: &str| -> Vec<usize> {
            read_trailers(message.as_bytes(), TrailerReader::Log)
                .trailers
                .iter()
                .map(|trailer| trailer.line)
                .collect()
        };
        assert_eq!(lines("s\n\nA: b\n  c\nD: e\n"), [3, 5]);
        assert_eq!(lines("\n\n s\n\nA: b"), [5]);
    }

    #[test]
    fn a_hostile_length_costs_no_more_than_its_length() {
        let long = "A".repeat(1 << 20);
        assert_eq!(keys(&format!("s\n\n{long}")), [""; 0]);
        assert_eq!(keys(&format!("s\n\n{long}: v")), [long.as_str()]);
        assert_eq!(keys(&format!("s\n\n{}", "K: v\n".repeat(100_000))).len(), 100_000);
        assert_eq!(keys(&format!("s\n\nK: v\n{}", " v\n".repeat(100_000))).len(), 1);
        assert_eq!(keys(&format!("s\n\n{}", "\tx\n".repeat(100_000))), [""; 0]);
    }
}
