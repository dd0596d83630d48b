//! The clean merge of three texts, if there is one.
//!
//! Changes of the two sides that neither overlap nor touch are both applied, and the same change
//! made on both sides counts once. Everything else is a conflict, as it is for git.

use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

/// How many lines that are the same are compared with each end of what differs. Where lines repeat, a
/// change can be moved along them, and is moved as git moves it.
const CONTEXT_LINES: usize = 16;

/// How many bytes are compared at a time.
const COMPARED_BLOCK_BYTES: usize = 256;

/// Returns true if `merged` is what a clean merge of `ours` and `theirs` gives, both made from
/// `base`.
///
/// If lines repeat, which of them count as changed depends on the algorithm, so both of git's are
/// tried: a merge that either of them gives was not changed by hand.
pub(crate) fn is_clean_merge(base: &[u8], ours: &[u8], theirs: &[u8], merged: &[u8]) -> bool {
    for algorithm in [Algorithm::Histogram, Algorithm::Myers] {
        if merge_with_algorithm(algorithm, base, ours, theirs, false).as_deref() == Some(merged) {
            return true;
        }
    }
    false
}

/// Returns the clean merge of `ours` and `theirs`, both made from `base`, as git makes it; `None` if there is
/// a conflict.
pub(crate) fn merge_cleanly(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    merge_with_algorithm(Algorithm::Histogram, base, ours, theirs, false)
}

/// Returns the merge of `ours` and `theirs`, both made from `base`, as git takes it for a base: where it has a
/// conflict, both texts stand between markers, so that the sides have to agree on what comes in that place.
pub(crate) fn merge_as_base(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    merge_with_algorithm(Algorithm::Histogram, base, ours, theirs, true)
}

/// Merges with one algorithm; `None` if there is a conflict, unless conflicts are marked.
fn merge_with_algorithm(
    algorithm: Algorithm,
    base: &[u8],
    ours: &[u8],
    theirs: &[u8],
    marks_conflicts: bool,
) -> Option<Vec<u8>> {
    let sides = [MergeSide::new(algorithm, base, ours)?, MergeSide::new(algorithm, base, theirs)?];
    let mut merged = Vec::with_capacity(ours.len().max(theirs.len()));
    let mut starts = [0, 0];
    let mut at = 0;
    while let Some((region, ends)) = find_next_region(&sides, starts) {
        merged.extend_from_slice(base.get(at..region.start)?);
        let [ours, theirs] = &sides;
        let [our_start, their_start] = starts;
        let [our_end, their_end] = ends;
        let changed_by_us = ours.text_in_region(&region, our_start..our_end)?;
        let changed_by_them = theirs.text_in_region(&region, their_start..their_end)?;
        let taken = match (changed_by_us, changed_by_them) {
            (Some(text), None) | (None, Some(text)) => text,
            (Some(text), Some(same)) if text == same => text,
            (Some(ours), Some(theirs)) if marks_conflicts => {
                add_conflict(&mut merged, ours, theirs);
                b""
            }
            _ => return None,
        };
        merged.extend_from_slice(taken);
        at = region.end;
        starts = ends;
    }
    merged.extend_from_slice(base.get(at..)?);
    Some(merged)
}

/// Adds two texts between the markers that git writes into a base.
fn add_conflict(merged: &mut Vec<u8>, ours: &[u8], theirs: &[u8]) {
    let parts = [
        (b"<<<<<<<<< Temporary merge branch 1\n".as_slice(), ours),
        (b"=========\n", theirs),
        (b">>>>>>>>> Temporary merge branch 2\n", b""),
    ];
    for (marker, text) in parts {
        merged.extend_from_slice(marker);
        merged.extend_from_slice(text);
        if !text.is_empty() && !text.ends_with(b"\n") {
            merged.push(b'\n');
        }
    }
}

/// Whole lines that one text has in the place of those of another, both as ranges of bytes.
struct ByteHunk {
    before: Range<usize>,
    after: Range<usize>,
}

/// One side's text, and how it differs from the base.
struct MergeSide<'a> {
    text: &'a [u8],
    hunks: Vec<ByteHunk>,
}

impl<'a> MergeSide<'a> {
    fn new(algorithm: Algorithm, base: &[u8], text: &'a [u8]) -> Option<Self> {
        Some(MergeSide { text, hunks: find_hunks(algorithm, base, text)? })
    }

    /// Returns the part of the base that a hunk replaces.
    fn replaced_by_hunk(&self, index: usize) -> Option<Range<usize>> {
        Some(self.hunks.get(index)?.before.clone())
    }

    /// Widens `region` by the hunks from `next` on that overlap or touch it, and returns the index of the
    /// first hunk that does not.
    fn extend_region(&self, region: &mut Range<usize>, mut next: usize) -> usize {
        while let Some(replaced) = self.replaced_by_hunk(next)
            && replaced.start <= region.end
        {
            region.end = region.end.max(replaced.end);
            next += 1;
        }
        next
    }

    /// Returns this side's text in the place of the base's bytes `region`, given which hunks are in
    /// it; the inner `None` if there are none.
    fn text_in_region(&self, region: &Range<usize>, hunks: Range<usize>) -> Option<Option<&'a [u8]>> {
        let hunks = self.hunks.get(hunks)?;
        let (Some(first), Some(last)) = (hunks.first(), hunks.last()) else { return Some(None) };
        // From the edges of the region to its first and last hunk, both texts are the same.
        let start = first.after.start.checked_sub(first.before.start - region.start)?;
        let end = last.after.end + (region.end - last.before.end);
        self.text.get(start..end).map(Some)
    }
}

/// Returns the next part of the base that either side changes, widened until nothing outside
/// touches it, and for each side the index of its first hunk after it.
fn find_next_region(sides: &[MergeSide<'_>; 2], starts: [usize; 2]) -> Option<(Range<usize>, [usize; 2])> {
    let [ours, theirs] = sides;
    let [mut our_end, mut their_end] = starts;
    let start = match (ours.replaced_by_hunk(our_end), theirs.replaced_by_hunk(their_end)) {
        (Some(left), Some(right)) => left.start.min(right.start),
        (Some(replaced), None) | (None, Some(replaced)) => replaced.start,
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

/// Returns how `text` differs from `base`.
///
/// Most of two versions of a file is the same at both ends, and finding that out takes a fraction of the
/// time of taking it apart into lines. So only the rest is compared line by line, with some lines around it.
/// Where these are not enough to tell where a change belongs, all lines are compared.
fn find_hunks(algorithm: Algorithm, base: &[u8], text: &[u8]) -> Option<Vec<ByteHunk>> {
    let start = find_context_start(base, count_common_start(base, text));
    let (base_rest, text_rest) = (base.get(start..)?, text.get(start..)?);
    let same_at_end = count_common_end(base_rest, text_rest);
    let context = find_context_end(base_rest, base_rest.len() - same_at_end);
    let left_out = base_rest.len() - context;
    let window = (base_rest.get(..context)?, text_rest.get(..text_rest.len() - left_out)?);
    if start == 0 && left_out == 0 {
        return compare_lines(algorithm, base, text, 0);
    }
    let hunks = compare_lines(algorithm, window.0, window.1, start)?;
    let ends = (start + window.0.len(), start + window.1.len());
    let touches_start =
        |hunk: &ByteHunk| start > 0 && (hunk.before.start == start || hunk.after.start == start);
    let touches_end =
        |hunk: &ByteHunk| left_out > 0 && (hunk.before.end == ends.0 || hunk.after.end == ends.1);
    if hunks.first().is_some_and(touches_start) || hunks.last().is_some_and(touches_end) {
        return compare_lines(algorithm, base, text, 0);
    }
    Some(hunks)
}

/// Returns how many bytes of whole lines both texts begin with.
fn count_common_start(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.chunks(COMPARED_BLOCK_BYTES).zip(right.chunks(COMPARED_BLOCK_BYTES));
    let same_blocks = blocks.take_while(|(left, right)| left == right).count();
    let mut same = (same_blocks * COMPARED_BLOCK_BYTES).min(left.len()).min(right.len());
    let rests = left.iter().skip(same).zip(right.iter().skip(same));
    same += rests.take_while(|(left, right)| left == right).count();
    match memchr::memrchr(b'\n', left.get(..same).unwrap_or_default()) {
        Some(newline) => newline + 1,
        None => 0,
    }
}

/// Returns how many bytes of whole lines both texts end with. It may be one line too few.
fn count_common_end(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.rchunks(COMPARED_BLOCK_BYTES).zip(right.rchunks(COMPARED_BLOCK_BYTES));
    let same_blocks = blocks.take_while(|(left, right)| left == right).count();
    let mut same = (same_blocks * COMPARED_BLOCK_BYTES).min(left.len()).min(right.len());
    let rests = left.iter().rev().skip(same).zip(right.iter().rev().skip(same));
    same += rests.take_while(|(left, right)| left == right).count();
    // Where the same bytes begin, a line may begin in one text and not in the other.
    match memchr::memchr(b'\n', left.get(left.len() - same..).unwrap_or_default()) {
        Some(newline) => same - (newline + 1),
        None => 0,
    }
}

/// Returns the start of the line that is some lines before `at`, where a line begins.
fn find_context_start(text: &[u8], at: usize) -> usize {
    let mut start = at;
    for _ in 0..CONTEXT_LINES {
        let Some(line) = start.checked_sub(1) else { break };
        start = match memchr::memrchr(b'\n', text.get(..line).unwrap_or_default()) {
            Some(newline) => newline + 1,
            None => 0,
        };
    }
    start
}

/// Returns the end of the line that is some lines after `at`, where a line begins.
fn find_context_end(text: &[u8], at: usize) -> usize {
    let mut end = at;
    for _ in 0..CONTEXT_LINES {
        end = match memchr::memchr(b'\n', text.get(end..).unwrap_or_default()) {
            Some(newline) => end + newline + 1,
            None => text.len(),
        };
    }
    end
}

/// Compares two texts line by line. `offset` is where both begin in the texts that they are parts of.
fn compare_lines(algorithm: Algorithm, base: &[u8], text: &[u8], offset: usize) -> Option<Vec<ByteHunk>> {
    let input = InternedInput::new(byte_lines(base), byte_lines(text));
    let mut diff = Diff::compute(algorithm, &input);
    diff.postprocess_no_heuristic(&input);
    let length_of = |token| input.interner[token].len();
    let mut base_lines =
        LineOffsets { lengths: input.before.iter().map(|line| length_of(*line)), line: 0, offset };
    let mut text_lines =
        LineOffsets { lengths: input.after.iter().map(|line| length_of(*line)), line: 0, offset };
    let mut hunks = Vec::new();
    for hunk in diff.hunks() {
        hunks.push(ByteHunk {
            before: base_lines.advance_to(hunk.before.start)?..base_lines.advance_to(hunk.before.end)?,
            after: text_lines.advance_to(hunk.after.start)?..text_lines.advance_to(hunk.after.end)?,
        });
    }
    Some(hunks)
}

/// Finds where lines begin, for numbers of lines that only grow.
struct LineOffsets<Lengths> {
    lengths: Lengths,
    line: u32,
    offset: usize,
}

impl<Lengths: Iterator<Item = usize>> LineOffsets<Lengths> {
    fn advance_to(&mut self, line: u32) -> Option<usize> {
        while self.line < line {
            self.offset += self.lengths.next()?;
            self.line += 1;
        }
        Some(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(base: &str, ours: &str, theirs: &str) -> Option<String> {
        let [base, ours, theirs] = [base, ours, theirs].map(str::as_bytes);
        merge_with_algorithm(Algorithm::Histogram, base, ours, theirs, false)
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

    /// The hunks of all lines, as ranges of bytes of both texts.
    fn hunk_ranges(hunks: &[ByteHunk]) -> Vec<[usize; 4]> {
        hunks.iter().map(|it| [it.before.start, it.before.end, it.after.start, it.after.end]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_the_same_at_both_ends_makes_no_difference(
            start in proptest::collection::vec(0_u8..4, 0..60),
            end in proptest::collection::vec(0_u8..4, 0..60),
            middles in (proptest::collection::vec(0_u8..6, 0..20), proptest::collection::vec(0_u8..6, 0..20)),
            last in "[ab]{0,2}",
        ) {
            // Few different lines, so that changes can be moved, and some that are alike for long.
            let text = |middle: &[u8]| {
                let mut text = String::new();
                for line in start.iter().chain(middle).chain(&end) {
                    text += ["\n", "}\n", "a line\n", "a line of more\n", "b\n", "c\n"][usize::from(*line)];
                }
                text + &last
            };
            let (base, side) = (text(&middles.0), text(&middles.1));
            for algorithm in [Algorithm::Histogram, Algorithm::Myers] {
                let whole = compare_lines(algorithm, base.as_bytes(), side.as_bytes(), 0).unwrap();
                let parts = find_hunks(algorithm, base.as_bytes(), side.as_bytes()).unwrap();
                prop_assert_eq!(hunk_ranges(&whole), hunk_ranges(&parts));
            }
        }
    }
}
