//! The ways in which somebody else's words may leave this program, one function for each medium.
//!
//! A subject, a trailer, a path or a ref can hold anything: sequences that clear the screen, marks
//! that turn the direction of text, line starts that a build log takes for a command. Whoever
//! prints [`Text`](crate::change::Text) picks the function of the medium that it is about to reach;
//! there is no other way to print one.
//!
//! JSON and XML need no function here: their writers escape. What `visible` writes can be seen too,
//! and what goes into XML comes through [`terminal`], for most of what that escapes XML cannot hold.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::change::person::is_invisible;
use crate::verdict::{Line, Part};

pub mod markdown;
pub mod workflow;

/// How many columns a quotation takes at most.
pub const MOST: usize = 200;

/// What stands where a text was cut.
const CUT: &str = "...";

/// How many marks may sit on one letter; more of them reach into the lines above and below.
const MOST_MARKS: usize = 3;

/// What a build log, a forge or git takes for its own when a line starts with it.
const LINE_STARTS: [&str; 4] = ["::", "GL-HOOK-ERR:", "remote:", "##"];

/// Returns `bytes` for a terminal: one line of printable characters, at most `most` columns wide.
///
/// Line ends and tabs become `\n`, `\r` and `\t`, other ASCII controls and bytes that are not UTF-8
/// `\x1b`, other characters that cannot be seen or that turn the direction of text `\u{202e}`. What
/// is too long ends in `...`. The `[` of `##[` and `##word[` becomes `\x5b`, because build logs obey
/// those wherever they stand. A backslash stays single: this is for reading, not for parsing back.
pub fn terminal(bytes: &[u8], most: usize) -> String {
    let mut shown = Shown { text: String::new(), width: 0, most, fits: 0, cut: false };
    let mut reader = Reader::default();
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| shown.push(&reader.printed(character)));
        for raw in chunk.invalid() {
            reader = Reader::default();
            shown.push(&byte(u32::from(*raw)));
        }
        if shown.cut {
            break;
        }
    }
    shown.text
}

/// What has to be remembered between one character and the next.
#[derive(Default)]
pub(super) struct Reader {
    /// How many marks sit on the last letter.
    marks: usize,
    /// How far the text has come on its way to `##[`, `##vso[` or `##teamcity[`.
    command: Command,
}

impl Reader {
    /// Returns the printed form of the next character, by the rules of [`terminal`].
    pub(super) fn printed(&mut self, character: char) -> Cow<'static, str> {
        self.marks = if character.width() == Some(0) { self.marks + 1 } else { 0 };
        let bracket = character == '[' && self.command == Command::Open;
        self.command = self.command.next(character);
        match character {
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            _ if bracket => "\\x5b".into(),
            ' '..='~' => String::from(character).into(),
            _ if character.is_ascii() => byte(u32::from(character)).into(),
            _ if is_visible(character) && self.marks <= MOST_MARKS => String::from(character).into(),
            _ => format!("\\u{{{:x}}}", u32::from(character)).into(),
        }
    }
}

/// Returns `bytes` for a terminal, between backticks, as a quotation inside one of our sentences.
///
/// A backtick inside becomes `\x60`, so that nobody can end the quotation and go on in our voice.
pub fn quotation(bytes: &[u8]) -> String {
    format!("`{}`", terminal(bytes, MOST).replace('`', "\\x60"))
}

/// Returns our own words, or the policy's, for a terminal: on one line, and as long as they are.
pub fn words(words: &str) -> String {
    // A title may be written over several lines of YAML; to a reader those are spaces.
    terminal(words.replace(['\n', '\r', '\t'], " ").as_bytes(), usize::MAX)
}

/// Returns a sentence for a terminal, with its quotations between backticks.
pub fn sentence(line: &Line) -> String {
    line.0.iter().fold(String::new(), |mut sentence, part| {
        match part {
            Part::Say(own) => sentence.push_str(&words(own)),
            Part::Quote(text) => sentence.push_str(&quotation(text.as_bytes())),
        }
        sentence
    })
}

/// Returns the printed form of what is about to start a line: unchanged, unless a build log, a
/// forge or git would take the line for one of its own.
///
/// White space in front makes no difference to some of them, so it makes none here.
pub fn line_start(text: &str) -> String {
    let bare = text.trim_start();
    let blank = text.len() - bare.len();
    let mut rest = bare.chars();
    match rest.next() {
        Some(first) if LINE_STARTS.iter().any(|start| bare.starts_with(start)) => {
            format!("{:blank$}{}{}", "", byte(u32::from(first)), rest.as_str())
        }
        _ => text.to_owned(),
    }
}

/// Returns true for a character that takes ink, or is a plain space.
pub fn is_visible(character: char) -> bool {
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
pub fn columns(text: &str) -> usize {
    text.width()
}

fn byte(value: u32) -> String {
    format!("\\x{value:02x}")
}

/// Text that grows to `most` columns and is then cut.
struct Shown {
    text: String,
    width: usize,
    most: usize,
    /// The length of `text` that leaves room for the mark of a cut.
    fits: usize,
    cut: bool,
}

impl Shown {
    fn push(&mut self, piece: &str) {
        if self.cut {
            return;
        }
        self.width += piece.width();
        if self.most < self.width {
            self.text.truncate(self.fits);
            let room = self.most.min(CUT.len());
            let _ = write!(self.text, "{CUT:.room$}");
            self.cut = true;
            return;
        }
        self.text.push_str(piece);
        if self.width.saturating_add(CUT.len()) <= self.most {
            self.fits = self.text.len();
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Command {
    #[default]
    None,
    Hash,
    Open,
}

impl Command {
    fn next(self, character: char) -> Self {
        match (self, character) {
            (Command::None, '#') => Command::Hash,
            (Command::Hash | Command::Open, '#') => Command::Open,
            (Command::Open, letter) if letter.is_ascii_alphabetic() => Command::Open,
            _ => Command::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        terminal(bytes, MOST)
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
        assert_eq!(terminal(b"abcdefgh", 8), "abcdefgh");
        assert_eq!(terminal(b"abcdefghi", 8), "abcde...");
        assert_eq!(terminal(b"abcd\x1b\x1b\x1b", 10), "abcd...");
        assert_eq!(terminal("\u{6f22}\u{5b57}\u{6f22}".as_bytes(), 5), "\u{6f22}...");
        assert_eq!(terminal(b"abc", 2), "..");
        assert_eq!(terminal(b"abc", 0), "");
    }

    #[test]
    fn nobody_ends_a_quotation_but_us() {
        assert_eq!(quotation(b"a` is fine; `b"), "`a\\x60 is fine; \\x60b`");
    }

    #[test]
    fn no_line_starts_like_a_command() {
        assert_eq!(line_start("::error::x"), "\\x3a:error::x");
        assert_eq!(line_start("  ::error::x"), "  \\x3a:error::x");
        assert_eq!(line_start("GL-HOOK-ERR: x"), "\\x47L-HOOK-ERR: x");
        assert_eq!(line_start("remote: x"), "\\x72emote: x");
        assert_eq!(line_start("a::b"), "a::b");
        assert_eq!(line_start(""), "");
    }

    proptest! {
        #[test]
        fn only_what_can_be_seen_gets_out(
            bytes in proptest::collection::vec(any::<u8>(), 0..400), most in 0usize..300,
        ) {
            let shown = terminal(&bytes, most);
            prop_assert!(shown.chars().all(is_visible), "{shown:?}");
            prop_assert!(columns(&shown) <= most);
        }

        #[test]
        fn nor_does_anything_hide_among_characters(text in "\\PC{0,50}|.{0,50}", most in 0usize..300) {
            let shown = terminal(text.as_bytes(), most);
            prop_assert!(shown.chars().all(is_visible), "{shown:?}");
            prop_assert!(columns(&shown) <= most);
        }
    }
}
