//! Finds the part of a message in which git looks for trailers.
//!
//! Git reads less of a message than it holds: nothing from the first NUL on, nothing from a
//! scissors line on, nothing from a `---` line on where the divider counts, and neither the
//! comments, empty lines and list of conflicts at the end. This file finds that end and remembers
//! what made it; `trailers` reads what stands before it.

use std::borrow::Cow;

use crate::change::message::byte_search::{
    find_first_byte, find_last_byte, find_line_length, find_line_starts,
};
use crate::change::text::{count_leading_space, is_git_space};

/// The first byte of a comment line. Git's default; no configuration is ever read.
pub(crate) const COMMENT_PREFIX: &[u8] = b"#";

/// What follows the comment string on a scissors line.
const SCISSORS_SUFFIX: &[u8] = b" ------------------------ >8 ------------------------\n";

/// The command of git whose reading of trailers is followed; they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerReader {
    /// `git log --format=%(trailers:only,unfold)`: what is recorded in a commit. `---` is text.
    Log,
    /// `git interpret-trailers --parse`: `---` ends the message.
    Parse,
    /// `git interpret-trailers --parse --no-divider`.
    ParseNoDivider,
}

/// What makes git stop reading before the end of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageCut {
    /// A NUL byte: to git a message is a C string.
    Nul,
    /// A line that starts with `---`, where the divider counts.
    Divider,
    /// The scissors line of `git commit --cleanup=scissors`.
    Scissors,
}

/// The part of a message in which git looks for trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrailerExtent {
    /// The offset of its first byte.
    pub(crate) start: usize,
    /// The offset after its last byte.
    pub(crate) end: usize,
    /// What ended it early, with the offset of the first byte that is cut away.
    pub(crate) cut: Option<(MessageCut, usize)>,
}

impl TrailerExtent {
    /// Returns the part of `message` that this is the extent of.
    pub(crate) fn slice_message(self, message: &[u8]) -> &[u8] {
        message.get(self.start..self.end).unwrap_or_default()
    }
}

/// Returns `message` as the reader meant by `like` takes it in: `git interpret-trailers` completes
/// the last line, `git log` does not.
pub(crate) fn complete_last_line(message: &[u8], like: TrailerReader) -> Cow<'_, [u8]> {
    match (like, message.last()) {
        (TrailerReader::Log, _) | (_, None | Some(b'\n')) => Cow::Borrowed(message),
        (TrailerReader::Parse | TrailerReader::ParseNoDivider, Some(_)) => {
            let mut completed = Vec::with_capacity(message.len() + 1);
            completed.extend_from_slice(message);
            completed.push(b'\n');
            Cow::Owned(completed)
        }
    }
}

/// Returns the part of `message` (see [`complete_last_line`]) in which git looks for trailers.
pub(crate) fn find_trailer_extent(message: &[u8], like: TrailerReader) -> TrailerExtent {
    let text = cut_at_nul(message);
    let mut cut = (text.len() < message.len()).then_some((MessageCut::Nul, text.len()));
    let start = match like {
        TrailerReader::Log => skip_blank_lines(text),
        TrailerReader::Parse | TrailerReader::ParseNoDivider => 0,
    };
    let text = text.get(start..).unwrap_or_default();
    let mut end = text.len();
    if like == TrailerReader::Parse
        && let Some(at) = find_divider(text)
    {
        end = at;
        cut = Some((MessageCut::Divider, start + at));
    }
    // The scissors are looked for beyond the divider too, but only ever shorten.
    if let Some(at) = find_scissors(text, COMMENT_PREFIX)
        && at < end
    {
        end = at;
        cut = Some((MessageCut::Scissors, start + at));
    }
    let kept = find_ignored_tail(text.get(..end).unwrap_or_default());
    TrailerExtent { start, end: start + kept, cut }
}

/// Returns a recorded message in two parts: up to where a further trailer belongs, and what git ignores behind that,
/// such as comments that an editor was shown and that nothing took out.
pub(crate) fn split_at_trailer_end(message: &[u8]) -> (&[u8], &[u8]) {
    message.split_at_checked(find_trailer_extent(message, TrailerReader::Log).end).unwrap_or((message, &[]))
}

/// Returns `message` up to its first NUL.
pub(crate) fn cut_at_nul(message: &[u8]) -> &[u8] {
    match find_first_byte(0, message) {
        Some(at) => message.get(..at).unwrap_or(message),
        None => message,
    }
}

/// Returns the length of the lines of white space before the first line that has more to it.
pub(crate) fn skip_blank_lines(text: &[u8]) -> usize {
    let start = count_leading_space(text);
    if start == text.len() {
        return start;
    }
    // White space at the start of that line belongs to the line.
    find_line_start(text.get(..start).unwrap_or_default())
}

/// Returns the offset at which the last line of `text` starts; a final LF belongs to that line.
pub(crate) fn find_last_line(text: &[u8]) -> usize {
    let before_its_end = text.len().saturating_sub(1);
    find_line_start(text.get(..before_its_end).unwrap_or_default())
}

/// Returns the offset after the last LF of `text`; 0 if there is none.
fn find_line_start(text: &[u8]) -> usize {
    match find_last_byte(b'\n', text) {
        Some(lf) => lf + 1,
        None => 0,
    }
}

/// Returns the offset of the first scissors line, given the string that starts a comment.
pub(crate) fn find_scissors(text: &[u8], comment: &[u8]) -> Option<usize> {
    let begins = *comment.first()?;
    let mut from = 0;
    loop {
        let at = from + find_first_byte(begins, text.get(from..)?)?;
        let begins_a_line = at.checked_sub(1).is_none_or(|before| text.get(before) == Some(&b'\n'));
        let rest = text.get(at..).and_then(|rest| rest.strip_prefix(comment));
        if begins_a_line && rest.is_some_and(|rest| rest.starts_with(SCISSORS_SUFFIX)) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Returns the offset of the first line that starts with `---` and white space.
fn find_divider(text: &[u8]) -> Option<usize> {
    for at in find_line_starts(text) {
        if let Some([b'-', b'-', b'-', after, ..]) = text.get(at..)
            && is_git_space(*after)
        {
            return Some(at);
        }
    }
    None
}

/// Returns the length of `text` without the comments, empty lines and list of conflicts at its end.
fn find_ignored_tail(text: &[u8]) -> usize {
    let mut end = text.len();
    while end > 0 {
        let kept = text.get(..end).unwrap_or_default();
        let start = find_last_line(kept);
        let line = kept.get(start..).unwrap_or_default();
        match line.first() {
            Some(b'#' | b'\n') => {}
            // Whether a line with a TAB is a conflicting path depends on what stands above it.
            Some(b'\t') => return find_tail_from_top(text),
            _ if line == b"Conflicts:\n" => {}
            _ => return end,
        }
        end = start;
    }
    // A run that reaches the top is subject to git's confusion of offset 0 with "no run".
    find_tail_from_top(text)
}

/// Does the same as [`find_ignored_tail`] in git's own order, with git's own quirks: a run that
/// starts at offset 0 is not noticed, and the conflicts go on until something ends a noticed run.
fn find_tail_from_top(text: &[u8]) -> usize {
    let mut run = 0;
    let mut among_conflicts = false;
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        if matches!(rest.first(), Some(b'#' | b'\n')) {
            if run == 0 {
                run = start;
            }
        } else if rest.starts_with(b"Conflicts:\n") {
            among_conflicts = true;
            if run == 0 {
                run = start;
            }
        } else if among_conflicts && rest.first() == Some(&b'\t') {
            // A conflicting path leaves everything as it is.
        } else if run != 0 {
            run = 0;
            among_conflicts = false;
        }
        start += find_line_length(rest);
    }
    if run == 0 { text.len() } else { run }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(message: &[u8], like: TrailerReader) -> Vec<u8> {
        let taken_in = complete_last_line(message, like);
        find_trailer_extent(&taken_in, like).slice_message(&taken_in).to_vec()
    }

    #[test]
    fn comments_empty_lines_and_conflicts_at_the_end_are_not_part_of_the_message() {
        for tail in ["", "\n\n", "# a\n", "Conflicts:\n\tb\n", "\n# a\n\nConflicts:\n\tb\n\tc\n# d\n"] {
            assert_eq!(
                kept(format!("s\n\nA: b\n{tail}").as_bytes(), TrailerReader::Log),
                b"s\n\nA: b\n",
                "{tail:?}"
            );
        }
        for tail in ["  \n", "\tb\n", "Conflicts:\r\n", "Conflicts: \n", " # a\n"] {
            let whole = format!("s\n\nA: b\n{tail}");
            assert_eq!(kept(whole.as_bytes(), TrailerReader::Log), whole.as_bytes(), "{tail:?}");
        }
    }

    #[test]
    fn a_run_from_the_first_byte_on_counts_from_its_second_line() {
        assert_eq!(kept(b"# a\n# b\n", TrailerReader::ParseNoDivider), b"# a\n");
        assert_eq!(kept(b"# a\n", TrailerReader::ParseNoDivider), b"# a\n");
        assert_eq!(kept(b"Conflicts:\nx\n\n\ty\n", TrailerReader::ParseNoDivider), b"Conflicts:\nx\n");
    }

    #[test]
    fn scissors_are_exact_to_the_byte() {
        let cut = "# ------------------------ >8 ------------------------";
        assert_eq!(kept(format!("s\n{cut}\nrest").as_bytes(), TrailerReader::Log), b"s\n");
        assert_eq!(kept(format!("{cut}\nrest\n").as_bytes(), TrailerReader::Log), b"");
        for other in [format!("s\n{cut}\r\n"), format!("s\n{cut} \n"), format!("s\n {cut}\n")] {
            let end = find_trailer_extent(other.as_bytes(), TrailerReader::Log);
            assert_eq!(end.cut, None, "{other:?}");
        }
        assert_eq!(find_trailer_extent(format!("s\n{cut}").as_bytes(), TrailerReader::Log).cut, None);
    }

    #[test]
    fn the_divider_counts_for_one_reader_only_and_a_missing_line_end_is_completed_first() {
        assert_eq!(kept(b"s\n---\nrest\n", TrailerReader::Parse), b"s\n");
        assert_eq!(kept(b"s\n---", TrailerReader::Parse), b"s\n");
        assert_eq!(kept(b"--- a\n", TrailerReader::Parse), b"");
        assert_eq!(kept(b"s\n---\0\n", TrailerReader::Parse), b"s\n---");
        assert_eq!(kept(b"s\n---\nrest\n", TrailerReader::Log), b"s\n---\nrest\n");
        for no_divider in ["s\n----\n", "s\n ---\n", "s\n---x\n", "s\n--\n"] {
            assert_eq!(kept(no_divider.as_bytes(), TrailerReader::Parse), no_divider.as_bytes());
        }
    }

    #[test]
    fn blank_lines_before_the_subject_are_skipped_by_log_alone() {
        assert_eq!(kept(b"\n \t\r\n  s\n", TrailerReader::Log), b"  s\n");
        assert_eq!(kept(b" \n\n", TrailerReader::Log), b"");
        assert_eq!(kept(b"\n \n  s\n", TrailerReader::Parse), b"\n \n  s\n");
    }
}
