//! The clean merge of three texts, or the statement that there is none.
//!
//! Changes of the two sides that neither overlap nor touch are both applied, and the same change
//! made on both sides counts once. Everything else is a conflict, as it is for git.

use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput, TokenSource};

/// Returns true if `merged` is what a clean merge of `ours` and `theirs` gives, both made from
/// `base`.
///
/// Which lines count as changed is a matter of the algorithm where lines repeat, so both of git's
/// are tried: either is a merge that a person could not have had a hand in.
pub(crate) fn is_clean_merge(base: &[u8], ours: &[u8], theirs: &[u8], merged: &[u8]) -> bool {
    [Algorithm::Histogram, Algorithm::Myers].into_iter().any(|algorithm| {
        merge_with_algorithm(algorithm, base, ours, theirs).is_some_and(|clean| clean == merged)
    })
}

/// Returns the clean merge of `ours` and `theirs`, both made from `base`; `None` if there is none.
pub(crate) fn merge_cleanly(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    merge_with_algorithm(Algorithm::Histogram, base, ours, theirs)
}

/// Merges, or returns `None` if there is a conflict.
fn merge_with_algorithm(algorithm: Algorithm, base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let lines = |text| byte_lines(text).tokenize().collect::<Vec<&[u8]>>();
    let base_lines = lines(base);
    let sides = [MergeSide::new(algorithm, base, ours), MergeSide::new(algorithm, base, theirs)];
    let mut merged = Vec::with_capacity(ours.len().max(theirs.len()));
    let mut starts = [0, 0];
    let mut at = 0;
    while let Some((region, ends)) = find_next_region(&sides, starts) {
        copy_lines(&mut merged, &base_lines, at..region.start)?;
        let [ours, theirs] = &sides;
        let ([our_start, their_start], [our_end, their_end]) = (starts, ends);
        let changed_by_us = ours.lines_in_region(&region, our_start..our_end)?;
        let changed_by_them = theirs.lines_in_region(&region, their_start..their_end)?;
        let taken = match (changed_by_us, changed_by_them) {
            (Some(lines), None) | (None, Some(lines)) => lines,
            (Some(lines), Some(same)) if lines == same => lines,
            _ => return None,
        };
        merged.extend(taken.iter().flat_map(|line| line.iter()));
        (at, starts) = (region.end, ends);
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

    /// Returns this side's lines in the place of the base's lines `region`, given which hunks lie in
    /// it; the inner `None` if there are none.
    fn lines_in_region(&self, region: &Range<usize>, hunks: Range<usize>) -> Option<Option<&[&'a [u8]]>> {
        let hunks = self.hunks.get(hunks)?;
        let (Some(first), Some(last)) = (hunks.first(), hunks.last()) else { return Some(None) };
        // Between the edges of the region and its first and last hunk, both texts are the same.
        let start = (first.after.start as usize).checked_sub(first.before.start as usize - region.start)?;
        let end = last.after.end as usize + (region.end - last.before.end as usize);
        self.lines.get(start..end).map(Some)
    }
}

/// Returns the next lines of the base that either side changes, widened until nothing outside
/// touches them, and for each side the index of its first hunk behind them.
fn find_next_region(sides: &[MergeSide<'_>; 2], starts: [usize; 2]) -> Option<(Range<usize>, [usize; 2])> {
    let mut ends = starts;
    let hunk = |side: usize, ends: &[usize; 2]| {
        let next = *ends.get(side)?;
        sides.get(side)?.hunks.get(next).map(|hunk| hunk.before.start as usize..hunk.before.end as usize)
    };
    let start = [hunk(0, &ends), hunk(1, &ends)].into_iter().flatten().map(|lines| lines.start).min()?;
    let mut region = start..start;
    loop {
        let mut grown = false;
        for side in 0..2 {
            while let Some(lines) = hunk(side, &ends).filter(|lines| lines.start <= region.end) {
                region.end = region.end.max(lines.end);
                if let Some(end) = ends.get_mut(side) {
                    *end += 1;
                }
                grown = true;
            }
        }
        if !grown {
            return Some((region, ends));
        }
    }
}

fn copy_lines(merged: &mut Vec<u8>, lines: &[&[u8]], range: Range<usize>) -> Option<()> {
    merged.extend(lines.get(range)?.iter().flat_map(|line| line.iter()));
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
