//! What git will record of the message that it hands to a `commit-msg` hook.
//!
//! The hook sees the file as the editor left it, comments, diff and all; git tidies it afterwards.
//! A hook that judged the file as it lies there would judge another message than the one that ends
//! up in the commit. The caller finds out which mode applies (`--cleanup`, `commit.cleanup`) and which
//! string starts a comment (`core.commentString`): nothing here reads configuration.

use crate::change::message::trailer_extent::{cut_at_nul, find_scissors};
use crate::change::text::trim_git_space_end;

/// How git tidies a message before it records it: the modes of `git commit --cleanup`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CleanupMode {
    /// White space as under [`CleanupMode::Whitespace`], and no comment lines. The default of git when
    /// an editor was used.
    #[default]
    Strip,
    /// No empty lines at either end, one in place of several, no white space at line ends, and an
    /// LF at the end of the last line. The default of git when no editor was used (`commit -m`).
    Whitespace,
    /// No change at all.
    Verbatim,
    /// Nothing from the scissors line on, then as under [`CleanupMode::Whitespace`].
    Scissors,
}

/// Returns what git records of `raw` under `mode`, where `comment` starts a comment line.
///
/// Nothing is an error. An empty `comment` stands for "no line is a comment"; git itself refuses
/// one. Bytes that are not UTF-8 are taken for Latin-1 and converted, as git does unless
/// `i18n.commitEncoding` names another encoding. Under `commit --verbose` git cuts at the scissors
/// in every mode: pass what [`cut_at_scissors`] returns. Source: `--cleanup` in git-commit(1).
pub fn clean_up_message(raw: &[u8], mode: CleanupMode, comment: &[u8]) -> Vec<u8> {
    let tidied = clean_up_bytes(raw, mode, comment);
    if std::str::from_utf8(&tidied).is_ok_and(|text| !text.chars().any(is_noncharacter)) {
        return tidied;
    }
    convert_to_utf8(&tidied)
}

/// As [`clean_up_message`], for a message in the encoding that `i18n.commitEncoding` names: no byte is
/// converted.
pub fn clean_up_bytes(raw: &[u8], mode: CleanupMode, comment: &[u8]) -> Vec<u8> {
    match mode {
        CleanupMode::Verbatim => raw.to_vec(),
        CleanupMode::Whitespace => strip_space(raw, None),
        CleanupMode::Strip if comment.is_empty() => strip_space(raw, None),
        CleanupMode::Strip => strip_space(raw, Some(comment)),
        CleanupMode::Scissors => strip_space(cut_at_scissors(raw, comment), None),
    }
}

/// Returns `raw` up to its first scissors line, or the whole of it if there is none.
///
/// A scissors line is `comment`, a space, 24 hyphens, ` >8 ` and 24 hyphens, to the byte and with
/// an LF behind it. One that stands behind a NUL is not seen. Source: `--cleanup=scissors` in
/// git-commit(1).
pub fn cut_at_scissors<'a>(raw: &'a [u8], comment: &[u8]) -> &'a [u8] {
    match find_scissors(cut_at_nul(raw), comment) {
        Some(at) => raw.get(..at).unwrap_or(raw),
        None => raw,
    }
}

/// Returns `raw` without white space at line ends, without empty lines at either end, with one
/// empty line in place of several, with an LF at the end, and without the lines that start with
/// `comment`, if one is given.
///
/// Source: git-stripspace(1), with `--strip-comments` where `comment` is given.
pub fn strip_space(raw: &[u8], comment: Option<&[u8]>) -> Vec<u8> {
    let mut stripped = Vec::with_capacity(raw.len() + 1);
    let mut is_gap = false;
    for line in raw.split(|byte| *byte == b'\n') {
        if comment.is_some_and(|comment| line.starts_with(comment)) {
            continue;
        }
        let line = trim_git_space_end(line);
        if line.is_empty() {
            is_gap = true;
            continue;
        }
        if is_gap && !stripped.is_empty() {
            stripped.push(b'\n');
        }
        is_gap = false;
        stripped.extend_from_slice(line);
        stripped.push(b'\n');
    }
    stripped
}

/// Returns `text` with every byte that has no place in UTF-8 taken for Latin-1.
fn convert_to_utf8(text: &[u8]) -> Vec<u8> {
    let mut converted = String::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_noncharacter(character) {
                // To git no part of its encoding is UTF-8.
                let mut bytes = [0; 4];
                converted.extend(character.encode_utf8(&mut bytes).bytes().map(char::from));
            } else {
                converted.push(character);
            }
        }
        converted.extend(chunk.invalid().iter().copied().map(char::from));
    }
    converted.into_bytes()
}

/// Returns true for the code points that Unicode has set aside for good, which Rust lets pass as
/// characters and git does not.
fn is_noncharacter(character: char) -> bool {
    let code = u32::from(character);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDITED: &[u8] = b"\n\nSubject  \n# a comment\n\n\n body\t\n;x\n\
        # ------------------------ >8 ------------------------\n# rest\ndiff\n\n";

    #[test]
    fn each_mode_leaves_what_git_records() {
        for (mode, comment, left) in [
            (CleanupMode::Strip, "#", &b"Subject\n\n body\n;x\ndiff\n"[..]),
            (
                CleanupMode::Strip,
                ";",
                b"Subject\n# a comment\n\n body\n\
                # ------------------------ >8 ------------------------\n# rest\ndiff\n",
            ),
            (CleanupMode::Scissors, "#", b"Subject\n# a comment\n\n body\n;x\n"),
            (CleanupMode::Verbatim, "#", EDITED),
        ] {
            let found = clean_up_message(EDITED, mode, comment.as_bytes());
            assert_eq!(
                found.escape_ascii().to_string(),
                left.escape_ascii().to_string(),
                "{mode:?} {comment}"
            );
        }
        let whitespace = clean_up_message(EDITED, CleanupMode::Whitespace, b"#");
        assert!(
            whitespace.starts_with(b"Subject\n# a comment\n\n body\n;x\n# -")
                && whitespace.ends_with(b"\ndiff\n")
        );
    }

    #[test]
    fn what_is_not_utf8_is_recorded_as_if_it_had_been_latin1() {
        assert_eq!(
            clean_up_message(b"J\xf6rg J\xc3\xb6rg", CleanupMode::Verbatim, b"#"),
            "J\u{f6}rg J\u{f6}rg".as_bytes()
        );
        assert_eq!(
            clean_up_message(b"\xef\xbf\xbe", CleanupMode::Verbatim, b"#"),
            "\u{ef}\u{bf}\u{be}".as_bytes()
        );
    }

    #[test]
    fn nothing_is_left_of_nothing() {
        for empty in ["", "\n", " \t\r\n\n", "# a\n\n# b"] {
            assert_eq!(clean_up_message(empty.as_bytes(), CleanupMode::Strip, b"#"), b"", "{empty:?}");
        }
    }

    #[test]
    fn tidying_twice_changes_nothing_more() {
        for mode in
            [CleanupMode::Strip, CleanupMode::Whitespace, CleanupMode::Verbatim, CleanupMode::Scissors]
        {
            let once = clean_up_message(EDITED, mode, b"#");
            assert_eq!(clean_up_message(&once, mode, b"#"), once, "{mode:?}");
        }
    }
}
