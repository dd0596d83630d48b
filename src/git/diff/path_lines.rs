//! The lines by which one file of a tree differs from what a clean merge of two others gives there.

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

use crate::change::{Text, UnapprovedLine};
use crate::git::diff::line_counts::is_binary;
use crate::git::diff::three_way::merge_cleanly;
use crate::git::diff::virtual_base::merge_trivially;

/// The most lines that are shown of one path.
const MAX_SHOWN_LINES: usize = 40;

/// The most bytes that are shown of one line.
const MAX_SHOWN_LINE_BYTES: usize = 200;

/// The lines by which a file differs from what was expected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PathComparison {
    /// The first lines that differ, in their order.
    pub(crate) lines: Vec<UnapprovedLine>,
    /// How many further lines differ.
    pub(crate) left_out: usize,
    /// Why no lines are shown, if it is no text that can be compared.
    pub(crate) without_lines: Option<String>,
}

/// What stands at one path in a merge: in it, on both of its sides, and in their base.
pub(crate) struct PathContents {
    pub(crate) landed: Option<Vec<u8>>,
    pub(crate) left: Option<Vec<u8>>,
    pub(crate) right: Option<Vec<u8>>,
    pub(crate) base: Option<Vec<u8>>,
}

impl PathContents {
    /// Compares what landed with what picking the difference between the base and the right side onto the left one gives;
    /// where that does not merge cleanly, with the right side.
    pub(crate) fn compare_landed(&self) -> PathComparison {
        let PathContents { landed, left, right, base } = self;
        if [landed, left, right, base].into_iter().flatten().any(|content| is_binary(content)) {
            return PathComparison::without_lines("it is no text");
        }
        let merged = match (left, right, base) {
            (Some(left), Some(right), Some(base)) => merge_cleanly(base, left, right),
            _ => None,
        };
        let expected = match merge_trivially(left, right, base) {
            Some(expected) => expected.as_deref(),
            None => merged.as_deref().or(right.as_deref()),
        };
        compare_lines(expected.unwrap_or_default(), landed.as_deref().unwrap_or_default())
    }
}

/// Returns the lines by which `landed` differs from `expected`.
fn compare_lines(expected: &[u8], landed: &[u8]) -> PathComparison {
    let input = InternedInput::new(byte_lines(expected), byte_lines(landed));
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let mut compared = PathComparison::default();
    for hunk in diff.hunks() {
        let first = hunk.after.start as usize;
        for place in hunk.before {
            let text = input.before.get(place as usize).map_or(&b""[..], |token| input.interner[*token]);
            compared.add_line(first, false, text);
        }
        for place in hunk.after {
            let text = input.after.get(place as usize).map_or(&b""[..], |token| input.interner[*token]);
            compared.add_line(place as usize, true, text);
        }
    }
    if compared.lines.is_empty() {
        compared.without_lines = Some("its mode, or that it is there, differs".to_owned());
    }
    compared
}

impl PathComparison {
    /// Returns that there are no lines to show, and why.
    pub(crate) fn without_lines(why: impl Into<String>) -> PathComparison {
        PathComparison { without_lines: Some(why.into()), ..PathComparison::default() }
    }

    /// Adds the line at this place of the landed file, counted from 0.
    fn add_line(&mut self, place: usize, has_landed: bool, text: &[u8]) {
        if self.lines.len() >= MAX_SHOWN_LINES {
            self.left_out += 1;
            return;
        }
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = Text::new(text).cut_to(MAX_SHOWN_LINE_BYTES);
        self.lines.push(UnapprovedLine { number: place + 1, has_landed, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_as_in_the_file_that_landed() {
        let compared = compare_lines(b"one\ntwo\nthree\n", b"one\nslip\nthree\nmore");
        let shown: Vec<_> = compared
            .lines
            .iter()
            .map(|line| (line.number, line.has_landed, line.text.to_lossy().into_owned()))
            .collect();
        assert_eq!(
            shown,
            [(2, false, "two".to_owned()), (2, true, "slip".to_owned()), (4, true, "more".to_owned())]
        );
        let long = compare_lines(b"", &b"x\n".repeat(MAX_SHOWN_LINES + 3));
        assert_eq!((long.lines.len(), long.left_out), (MAX_SHOWN_LINES, 3));
        assert!(compare_lines(b"same\n", b"same\n").without_lines.is_some());
    }
}
