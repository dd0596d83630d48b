//! Where a message ends, as far as its trailers are concerned.
//!
//! Git reads less of a message than it holds: nothing from the first NUL on, nothing from a
//! scissors line on, nothing from a `---` line on where the divider counts, and neither the
//! comments, empty lines and list of conflicts at the end. This file finds that end and remembers
//! what made it; what stands before it is for `trailers` to read.

use std::borrow::Cow;

use super::find::{first, last, lines};
use super::text::is_space;
use super::trailers::Like;

/// The first byte of a comment line. Git's default; no configuration is ever read.
pub(super) const COMMENT: &[u8] = b"#";

/// What follows the comment string on a scissors line.
const SCISSORS: &[u8] = b" ------------------------ >8 ------------------------\n";

/// What makes git stop reading before the end of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A NUL byte: to git a message is a C string.
    Nul,
    /// A line that starts with `---`, where the divider counts.
    Divider,
    /// The scissors line of `git commit --cleanup=scissors`.
    Scissors,
}

/// The part of a message in which git looks for trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The offset of its first byte.
    pub(super) start: usize,
    /// The offset after its last byte.
    pub(super) end: usize,
    /// What ended it early, with the offset of the first byte that is cut away.
    pub(super) cut: Option<(Cut, usize)>,
}

impl Extent {
    /// Returns the part of `message` that this is the extent of.
    pub(super) fn of(self, message: &[u8]) -> &[u8] {
        message.get(self.start..self.end).unwrap_or_default()
    }
}

/// Returns `message` as the reader meant by `like` takes it in: `git interpret-trailers` completes
/// the last line, `git log` does not.
pub(super) fn as_taken_in(message: &[u8], like: Like) -> Cow<'_, [u8]> {
    match (like, message.last()) {
        (Like::Log, _) | (_, None | Some(b'\n')) => Cow::Borrowed(message),
        (Like::Parse | Like::ParseNoDivider, Some(_)) => {
            let mut completed = Vec::with_capacity(message.len() + 1);
            completed.extend_from_slice(message);
            completed.push(b'\n');
            Cow::Owned(completed)
        }
    }
}

/// Returns the part of `message` (see [`as_taken_in`]) in which git looks for trailers.
pub(super) fn extent(message: &[u8], like: Like) -> Extent {
    let text = until_nul(message);
    let mut cut = (text.len() < message.len()).then_some((Cut::Nul, text.len()));
    let start = match like {
        Like::Log => leading_blank_lines(text),
        Like::Parse | Like::ParseNoDivider => 0,
    };
    let text = text.get(start..).unwrap_or_default();
    let mut end = text.len();
    if like == Like::Parse
        && let Some(at) = divider(text)
    {
        end = at;
        cut = Some((Cut::Divider, start + at));
    }
    // The scissors are looked for beyond the divider too, but only ever shorten.
    if let Some(at) = scissors(text, COMMENT)
        && at < end
    {
        end = at;
        cut = Some((Cut::Scissors, start + at));
    }
    let kept = without_ignored_tail(text.get(..end).unwrap_or_default());
    Extent { start, end: start + kept, cut }
}

/// Returns `message` up to its first NUL.
pub(super) fn until_nul(message: &[u8]) -> &[u8] {
    first(0, message).and_then(|at| message.get(..at)).unwrap_or(message)
}

/// Returns the length of the lines of white space before the first line that has more to it.
pub(super) fn leading_blank_lines(text: &[u8]) -> usize {
    match text.iter().position(|byte| !is_space(*byte)) {
        // White space at the start of that line belongs to the line.
        Some(start) => last(b'\n', text.get(..start).unwrap_or_default()).map_or(0, |at| at + 1),
        None => text.len(),
    }
}

/// Returns the offset at which the last line of `text` starts; a final LF belongs to that line.
pub(super) fn last_line(text: &[u8]) -> usize {
    let before_its_end = text.len().saturating_sub(1);
    last(b'\n', text.get(..before_its_end).unwrap_or_default()).map_or(0, |at| at + 1)
}

/// Returns the offset of the first scissors line, given the string that starts a comment.
pub(super) fn scissors(text: &[u8], comment: &[u8]) -> Option<usize> {
    let begins = *comment.first()?;
    let mut from = 0;
    loop {
        let at = from + first(begins, text.get(from..)?)?;
        let begins_a_line = at.checked_sub(1).is_none_or(|before| text.get(before) == Some(&b'\n'));
        let rest = text.get(at..).and_then(|rest| rest.strip_prefix(comment));
        if begins_a_line && rest.is_some_and(|rest| rest.starts_with(SCISSORS)) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Returns the offset of the first line that starts with `---` and white space.
fn divider(text: &[u8]) -> Option<usize> {
    let is_one = |at: &usize| match text.get(*at..) {
        Some([b'-', b'-', b'-', after, ..]) => is_space(*after),
        _ => false,
    };
    lines(text).find(is_one)
}

/// Returns the length of `text` without the comments, empty lines and list of conflicts at its end.
fn without_ignored_tail(text: &[u8]) -> usize {
    let mut end = text.len();
    while 0 < end {
        let kept = text.get(..end).unwrap_or_default();
        let start = last_line(kept);
        let line = kept.get(start..).unwrap_or_default();
        match line.first() {
            Some(b'#' | b'\n') => {}
            // Whether a line with a TAB is a conflicting path depends on what stands above it.
            Some(b'\t') => return without_ignored_tail_from_above(text),
            _ if line == b"Conflicts:\n" => {}
            _ => return end,
        }
        end = start;
    }
    // A run that reaches the top is subject to git's confusion of offset 0 with "no run".
    without_ignored_tail_from_above(text)
}

/// Does the same as [`without_ignored_tail`] in git's own order, with git's own quirks: a run that
/// starts at offset 0 is not noticed, and the conflicts go on until something ends a noticed run.
fn without_ignored_tail_from_above(text: &[u8]) -> usize {
    let mut run = 0;
    let mut among_conflicts = false;
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
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
        start += first(b'\n', rest).map_or(rest.len(), |at| at + 1);
    }
    if run == 0 { text.len() } else { run }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(message: &[u8], like: Like) -> Vec<u8> {
        let taken_in = as_taken_in(message, like);
        extent(&taken_in, like).of(&taken_in).to_vec()
    }

    #[test]
    fn comments_empty_lines_and_conflicts_at_the_end_are_not_part_of_the_message() {
        for tail in ["", "\n\n", "# a\n", "Conflicts:\n\tb\n", "\n# a\n\nConflicts:\n\tb\n\tc\n# d\n"] {
            assert_eq!(kept(format!("s\n\nA: b\n{tail}").as_bytes(), Like::Log), b"s\n\nA: b\n", "{tail:?}");
        }
        for tail in ["  \n", "\tb\n", "Conflicts:\r\n", "Conflicts: \n", " # a\n"] {
            let whole = format!("s\n\nA: b\n{tail}");
            assert_eq!(kept(whole.as_bytes(), Like::Log), whole.as_bytes(), "{tail:?}");
        }
    }

    #[test]
    fn a_run_from_the_first_byte_on_counts_from_its_second_line() {
        assert_eq!(kept(b"# a\n# b\n", Like::ParseNoDivider), b"# a\n");
        assert_eq!(kept(b"# a\n", Like::ParseNoDivider), b"# a\n");
        assert_eq!(kept(b"Conflicts:\nx\n\n\ty\n", Like::ParseNoDivider), b"Conflicts:\nx\n");
    }

    #[test]
    fn scissors_are_exact_to_the_byte() {
        let cut = "# ------------------------ >8 ------------------------";
        assert_eq!(kept(format!("s\n{cut}\nrest").as_bytes(), Like::Log), b"s\n");
        assert_eq!(kept(format!("{cut}\nrest\n").as_bytes(), Like::Log), b"");
        for other in [format!("s\n{cut}\r\n"), format!("s\n{cut} \n"), format!("s\n {cut}\n")] {
            let end = extent(other.as_bytes(), Like::Log);
            assert_eq!(end.cut, None, "{other:?}");
        }
        assert_eq!(extent(format!("s\n{cut}").as_bytes(), Like::Log).cut, None);
    }

    #[test]
    fn the_divider_counts_for_one_reader_only_and_a_missing_line_end_is_completed_first() {
        assert_eq!(kept(b"s\n---\nrest\n", Like::Parse), b"s\n");
        assert_eq!(kept(b"s\n---", Like::Parse), b"s\n");
        assert_eq!(kept(b"--- a\n", Like::Parse), b"");
        assert_eq!(kept(b"s\n---\0\n", Like::Parse), b"s\n---");
        assert_eq!(kept(b"s\n---\nrest\n", Like::Log), b"s\n---\nrest\n");
        for no_divider in ["s\n----\n", "s\n ---\n", "s\n---x\n", "s\n--\n"] {
            assert_eq!(kept(no_divider.as_bytes(), Like::Parse), no_divider.as_bytes());
        }
    }

    #[test]
    fn blank_lines_before_the_subject_are_skipped_by_log_alone() {
        assert_eq!(kept(b"\n \t\r\n  s\n", Like::Log), b"  s\n");
        assert_eq!(kept(b" \n\n", Like::Log), b"");
        assert_eq!(kept(b"\n \n  s\n", Like::Parse), b"\n \n  s\n");
    }
}
