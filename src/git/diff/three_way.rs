//! The clean merge of three texts, if there is one.
//!
//! Changes of the two sides that neither overlap nor touch are both applied, and the same change
//! made on both sides counts once. Everything else is a conflict, as it is for git.

use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput, TokenSource};

/// Returns true if `merged` is what a clean merge of `ours` and `theirs` gives, both made from
/// `base`.
///
/// If lines repeat, which of them count as changed depends on the algorithm, so both of git's are
/// tried: a merge that either of them gives was not changed by hand.
pub(crate) fn is_clean_merge(base: &[u8], ours: &[u8], theirs: &[u8], merged: &[u8]) -> bool {
    for algorithm in [Algorithm::Histogram, Algorithm::Myers] {
        if merge_with_algorithm(algorithm, base, ours, theirs).as_deref() == Some(merged) {
            return true;
        }
    }
    false
}

/// Returns the clean merge of `ours` and `theirs`, both made from `base`; `None` if there is none.
pub(crate) fn merge_cleanly(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    merge_with_algorithm(Algorithm::Histogram, base, ours, theirs)
}

/// Merges with one algorithm; `None` if there is a conflict.
fn merge_with_algorithm(algorithm: Algorithm, base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let base_lines: Vec<&[u8]> = byte_lines(base).tokenize().collect();
    let sides = [MergeSide::new(algorithm, base, ours), MergeSide::new(algorithm, base, theirs)];
    let mut merged = Vec::with_capacity(ours.len().max(theirs.len()));
    let mut starts = [0, 0];
    let mut at = 0;
    while let Some((region, ends)) = find_next_region(&sides, starts) {
        copy_lines(&mut merged, &base_lines, at..region.start)?;
        let [ours, theirs] = &sides;
        let [our_start, their_start] = starts;
        let [our_end, their_end] = ends;
        let changed_by_us = ours.lines_in_region(&region, our_start..our_end)?;
        let changed_by_them = theirs.lines_in_region(&region, their_start..their_end)?;
        let taken = match (changed_by_us, changed_by_them) {
            (Some(lines), None) | (None, Some(lines)) => lines,
            (Some(lines), Some(same)) if lines == same => lines,
            _ => return None,
        };
        for line in taken {
            merged.extend_from_slice(line);
        }
        at = region.end;
        starts = ends;
    }
    copy_lines(&mut merged, &base_lines, at..base_lines.len())?;
    Some(merged)
}

/// One side's text, and how it differs from the base.
struct MergeSide<'a> {
    lines: Vec<&'a [u8]>,
    hunks: Vec<Hunk>,
}

impl<'a> MergeSide<'a> {
    fn new(algorithm: Algorithm, base: &'a [u8], text: &'a [u8]) -> Self {
        let input = InternedInput::new(byte_lines(base), byte_lines(text));
        let mut diff = Diff::compute(algorithm, &input);
        diff.postprocess_no_heuristic(&input);
        MergeSide { lines: byte_lines(text).tokenize().collect(), hunks: diff.hunks().collect() }
    }

    /// Returns the lines of the base that a hunk replaces.
    fn hunk_lines(&self, index: usize) -> Option<Range<usize>> {
        let hunk = self.hunks.get(index)?;
        Some(hunk.before.start as usize..hunk.before.end as usize)
    }

    /// Widens `region` by the hunks from `next` on that overlap or touch it, and returns the index of the
    /// first hunk that does not.
    fn extend_region(&self, region: &mut Range<usize>, mut next: usize) -> usize {
        while let Some(lines) = self.hunk_lines(next)
            && lines.start <= region.end
        {
            region.end = region.end.max(lines.end);
            next += 1;
        }
        next
    }

    /// Returns this side's lines in the place of the base's lines `region`, given which hunks are in
    /// it; the inner `None` if there are none.
    fn lines_in_region(&self, region: &Range<usize>, hunks: Range<usize>) -> Option<Option<&[&'a [u8]]>> {
        let hunks = self.hunks.get(hunks)?;
        let (Some(first), Some(last)) = (hunks.first(), hunks.last()) else { return Some(None) };
        // From the edges of the region to its first and last hunk, both texts are the same.
        let start = (first.after.start as usize).checked_sub(first.before.start as usize - region.start)?;
        let end = last.after.end as usize + (region.end - last.before.end as usize);
        self.lines.get(start..end).map(Some)
    }
}

/// Returns the next lines of the base that either side changes, widened until nothing outside
/// touches them, and for each side the index of its first hunk after them.
fn find_next_region(sides: &[MergeSide<'_>; 2], starts: [usize; 2]) -> Option<(Range<usize>, [usize; 2])> {
    let [ours, theirs] = sides;
    let [mut our_end, mut their_end] = starts;
    let start = match (ours.hunk_lines(our_end), theirs.hunk_lines(their_end)) {
        (Some(left), Some(right)) => left.start.min(right.start),
        (Some(lines), None) | (None, Some(lines)) => lines.start,
        (None, None) => return None,
    };
    let mut region = start..start;
    loop {
        let before = (our_end, their_end);
        our_end = ours.extend_region(&mut region, our_end);
        their_end = theirs.extend_region(&mut region, their_end);
        if before == (our_end, their_end) {
            return Some((region, [our_end, their_end]));
        }
    }
}

fn copy_lines(merged: &mut Vec<u8>, lines: &[&[u8]], range: Range<usize>) -> Option<()> {
    for line in lines.get(range)? {
        merged.extend_from_slice(line);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(base: &str, ours: &str, theirs: &str) -> Option<String> {
        merge_with_algorithm(Algorithm::Histogram, base.as_bytes(), ours.as_bytes(), theirs.as_bytes())
            .map(|merged| String::from_utf8(merged).unwrap())
    }

    #[test]
    fn changes_apart_from_each_other_are_both_applied() {
        let base = "a\nb\nc\nd\ne\n";
        assert_eq!(clean(base, "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n").unwrap(), "A\nb\nc\nd\nE\n");
        assert_eq!(clean(base, "b\nc\nd\ne\n", "a\nb\nc\nd\ne\nf\n").unwrap(), "b\nc\nd\ne\nf\n");
        assert_eq!(clean(base, base, "x\n").unwrap(), "x\n");
        assert_eq!(clean("", "", "x").unwrap(), "x");
    }

    #[test]
    fn the_same_change_on_both_sides_counts_once() {
        assert_eq!(clean("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n").unwrap(), "a\nX\nc\n");
        assert_eq!(clean("a\n", "a\nn\n", "a\nn\n").unwrap(), "a\nn\n");
    }

    #[test]
    fn changes_that_overlap_or_touch_are_a_conflict() {
        assert_eq!(clean("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n"), None);
        assert_eq!(clean("a\nb\nc\nd\n", "a\nX\nc\nd\n", "a\nb\nY\nd\n"), None);
        assert_eq!(clean("a\n", "a\nx\n", "a\ny\n"), None);
    }
}
