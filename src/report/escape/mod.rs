//! The ways in which words of contributors may leave this program, one function for each medium.
//!
//! A subject, a trailer, a path or a ref can hold anything: sequences that clear the screen, marks
//! that turn the direction of text, line starts that a build log takes for a command. Code
//! that prints a [`Text`](crate::change::Text) picks the function of the medium that it is about to
//! reach; there is no other way to print one.
//!
//! JSON and XML need no function here: their writers escape. What `visible` writes can be seen too,
//! and what goes into XML comes through `escape_terminal`, for most of what that escapes XML cannot hold.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::change::person::is_invisible;
use crate::verdict::{Sentence, SentencePart};

pub(crate) mod html;
pub(crate) mod markdown;

/// The columns that a quotation takes at most.
pub(crate) const MAX_QUOTE_COLUMNS: usize = 200;

/// The mark at the end of a text that was cut.
const CUT_MARK: &str = "...";

/// The marks that may sit on one letter; more of them reach into the lines above and below.
const MAX_COMBINING_MARKS: usize = 3;

/// The line starts that a build log, a forge or git takes for its own.
const COMMAND_LINE_STARTS: [&str; 4] = ["::", "GL-HOOK-ERR:", "remote:", "##"];

/// Returns `bytes` for a terminal: one line of printable characters, at most `most` columns wide.
///
/// Line ends and tabs become `\n`, `\r` and `\t`, other ASCII controls and bytes that are not UTF-8
/// `\x1b`, other characters that cannot be seen or that turn the direction of text `\u{202e}`. What
/// is too long ends in `...`. The `[` of `##[` and `##word[` becomes `\x5b`, because build logs obey
/// those wherever they stand. A backslash stays single: this is for reading, not for parsing back.
pub(crate) fn escape_terminal(bytes: &[u8], most: usize) -> String {
    // Most texts are short and have nothing to escape: of printable ASCII, each character is one column.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'[';
    if bytes.len() <= most
        && bytes.iter().all(is_plain)
        && let Ok(plain) = std::str::from_utf8(bytes)
    {
        return plain.to_owned();
    }
    let mut shown =
        TruncatedText { text: String::new(), width: 0, max_width: most, fitting_length: 0, is_cut: false };
    let mut reader = TerminalEscaper::default();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            shown.push_piece(&reader.escape_character(character));
        }
        for raw in chunk.invalid() {
            reader = TerminalEscaper::default();
            shown.push_piece(&escape_byte(u32::from(*raw)));
        }
        if shown.is_cut {
            break;
        }
    }
    shown.text
}

/// The escape of a terminal, character by character.
#[derive(Default)]
pub(crate) struct TerminalEscaper {
    /// The number of marks that sit on the last letter.
    mark_count: usize,
    /// The progress of the text towards `##[`, `##vso[` or `##teamcity[`.
    command_state: LogCommandState,
}

impl TerminalEscaper {
    /// Returns the printed form of the next character, by the rules of `escape_terminal`.
    pub(crate) fn escape_character(&mut self, character: char) -> Cow<'static, str> {
        self.mark_count = if character.width() == Some(0) { self.mark_count + 1 } else { 0 };
        let bracket = self.command_state.is_completed_by(character);
        self.command_state = self.command_state.advance(character);
        match character {
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            _ if bracket => "\\x5b".into(),
            ' '..='~' => String::from(character).into(),
            _ if character.is_ascii() => escape_byte(u32::from(character)).into(),
            _ if is_visible(character) && self.mark_count <= MAX_COMBINING_MARKS => {
                String::from(character).into()
            }
            _ => format!("\\u{{{:x}}}", u32::from(character)).into(),
        }
    }
}

/// Returns `bytes` for a terminal, between backticks, as a quotation inside one of our sentences.
///
/// A backtick inside becomes `\x60`, so that no text can end the quotation and go on in our voice.
pub(crate) fn escape_quotation(bytes: &[u8]) -> String {
    format!("`{}`", escape_terminal(bytes, MAX_QUOTE_COLUMNS).replace('`', "\\x60"))
}

/// Returns our own words, or the policy's, for a terminal: on one line, and as long as they are.
pub(crate) fn escape_words(words: &str) -> String {
    // A title may be written over several lines of YAML; to a reader those are spaces.
    escape_terminal(words.replace(['\n', '\r', '\t'], " ").as_bytes(), usize::MAX)
}

/// Returns a sentence for a terminal, with its quotations between backticks.
pub fn escape_sentence(line: &Sentence) -> String {
    let mut sentence = String::new();
    for part in &line.0 {
        match part {
            SentencePart::Say(own) => sentence.push_str(&escape_words(own)),
            SentencePart::Quote(text) => sentence.push_str(&escape_quotation(text.as_bytes())),
        }
    }
    sentence
}

/// Returns the printed form of what is about to start a line: unchanged, unless a build log, a
/// forge or git would take the line for one of its own.
///
/// White space in front makes no difference to some of them, so it makes none here.
pub(crate) fn escape_line_start(text: &str) -> String {
    let bare = text.trim_start();
    let blank = text.len() - bare.len();
    let mut rest = bare.chars();
    match rest.next() {
        Some(first) if COMMAND_LINE_STARTS.iter().any(|start| bare.starts_with(start)) => {
            format!("{:blank$}{}{}", "", escape_byte(u32::from(first)), rest.as_str())
        }
        _ => text.to_owned(),
    }
}

/// Returns true for a character that can be seen, or is a plain space.
pub(crate) fn is_visible(character: char) -> bool {
    // The standard library knows what is unassigned, private or a space of another kind; a letter in
    // front keeps it from taking a mark on a letter for one that stands alone.
    let mut pair = [b'a', 0, 0, 0, 0];
    let Some((_, rest)) = pair.split_first_mut() else { return false };
    let length = character.encode_utf8(rest).len();
    let escaped = std::str::from_utf8(pair.get(..=length).unwrap_or_default())
        .is_ok_and(|pair| pair.escape_debug().count() == 2);
    (escaped || matches!(character, '"' | '\'' | '\\')) && !is_invisible(character)
}

/// Returns how many columns printable text takes.
pub(crate) fn count_columns(text: &str) -> usize {
    text.width()
}

fn escape_byte(value: u32) -> String {
    format!("\\x{value:02x}")
}

/// Text that grows to `most` columns and is then cut.
struct TruncatedText {
    text: String,
    width: usize,
    max_width: usize,
    /// The length of `text` that leaves room for the mark of a cut.
    fitting_length: usize,
    is_cut: bool,
}

impl TruncatedText {
    fn push_piece(&mut self, piece: &str) {
        if self.is_cut {
            return;
        }
        self.width += piece.width();
        if self.width > self.max_width {
            self.text.truncate(self.fitting_length);
            let room = self.max_width.min(CUT_MARK.len());
            let _ = write!(self.text, "{CUT_MARK:.room$}");
            self.is_cut = true;
            return;
        }
        self.text.push_str(piece);
        if self.width.saturating_add(CUT_MARK.len()) <= self.max_width {
            self.fitting_length = self.text.len();
        }
    }
}

/// The progress of a text towards `##[` or `##word[`, which build logs obey wherever they stand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogCommandState {
    #[default]
    None,
    OneHash,
    CommandWord,
}

impl LogCommandState {
    /// Returns true if this character makes a command of what stands before it.
    pub(crate) fn is_completed_by(self, character: char) -> bool {
        character == '[' && self == LogCommandState::CommandWord
    }

    /// Returns the state after this character.
    pub(crate) fn advance(self, character: char) -> Self {
        match (self, character) {
            (LogCommandState::None, '#') => LogCommandState::OneHash,
            (LogCommandState::OneHash | LogCommandState::CommandWord, '#') => LogCommandState::CommandWord,
            (LogCommandState::CommandWord, letter) if letter.is_ascii_alphabetic() => {
                LogCommandState::CommandWord
            }
            _ => LogCommandState::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        escape_terminal(bytes, MAX_QUOTE_COLUMNS)
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown_instead() {
        for (bytes, expected) in [
            (&b"plain words, 'quoted' \"twice\" \\ once"[..], "plain words, 'quoted' \"twice\" \\ once"),
            (b"\x1b[2J", "\\x1b[2J"),
            (b"REFUSED\rACCEPTED", "REFUSED\\rACCEPTED"),
            (b"one\ntwo\tthree", "one\\ntwo\\tthree"),
            (b"\x7f\x00\x07", "\\x7f\\x00\\x07"),
            (b"caf\xc3\xa9 \xff\xfe", "caf\u{e9} \\xff\\xfe"),
            (b"\x9b31m", "\\x9b31m"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("a\u{202e}b\u{2066}\u{200b}\u{feff}".as_bytes(), "a\\u{202e}b\\u{2066}\\u{200b}\\u{feff}"),
            ("a\u{a0}b\u{3000}\u{e000}".as_bytes(), "a\\u{a0}b\\u{3000}\\u{e000}"),
            ("e\u{301}".as_bytes(), "e\u{301}"),
            ("e\u{301}\u{301}\u{301}\u{301}".as_bytes(), "e\u{301}\u{301}\u{301}\\u{301}"),
            ("\u{6f22}\u{5b57}".as_bytes(), "\u{6f22}\u{5b57}"),
            (b"x ##[error]y ##vso[task] ##Heading [z]", "x ##\\x5berror]y ##vso\\x5btask] ##Heading [z]"),
            (b"", ""),
        ] {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_where_one_can_see_it() {
        assert_eq!(escape_terminal(b"abcdefgh", 8), "abcdefgh");
        assert_eq!(escape_terminal(b"abcdefghi", 8), "abcde...");
        assert_eq!(escape_terminal(b"abcd\x1b\x1b\x1b", 10), "abcd...");
        assert_eq!(escape_terminal("\u{6f22}\u{5b57}\u{6f22}".as_bytes(), 5), "\u{6f22}...");
        assert_eq!(escape_terminal(b"abc", 2), "..");
        assert_eq!(escape_terminal(b"abc", 0), "");
    }

    #[test]
    fn nobody_ends_a_quotation_but_us() {
        assert_eq!(escape_quotation(b"a` is fine; `b"), "`a\\x60 is fine; \\x60b`");
    }

    #[test]
    fn no_line_starts_like_a_command() {
        assert_eq!(escape_line_start("::error::x"), "\\x3a:error::x");
        assert_eq!(escape_line_start("  ::error::x"), "  \\x3a:error::x");
        assert_eq!(escape_line_start("GL-HOOK-ERR: x"), "\\x47L-HOOK-ERR: x");
        assert_eq!(escape_line_start("remote: x"), "\\x72emote: x");
        assert_eq!(escape_line_start("a::b"), "a::b");
        assert_eq!(escape_line_start(""), "");
    }

    proptest! {
        #[test]
        fn only_what_can_be_seen_gets_out(
            bytes in proptest::collection::vec(any::<u8>(), 0..400), most in 0usize..300,
        ) {
            let shown = escape_terminal(&bytes, most);
            prop_assert!(shown.chars().all(is_visible), "{shown:?}");
            prop_assert!(count_columns(&shown) <= most);
        }

        #[test]
        fn nor_does_anything_hide_among_characters(text in "\\PC{0,50}|.{0,50}", most in 0usize..300) {
            let shown = escape_terminal(text.as_bytes(), most);
            prop_assert!(shown.chars().all(is_visible), "{shown:?}");
            prop_assert!(count_columns(&shown) <= most);
        }
    }
}
