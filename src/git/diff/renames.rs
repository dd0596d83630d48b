//! Renames: which of the files that one side of a merge adds is one that it deletes, as git's merges decide it.
//!
//! Git keeps no record of renames. Its merges (`ort`) pair what has the same content first, then what has the same
//! name in another folder, then what is most alike. How much two files are alike is counted as git counts it,
//! in bytes of the lines that both have. Files that could be several are taken in the order of the lists. Other
//! than git, this gives up early: see [`MAX_SPANS`] and [`MAX_STEPS`].

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use anyhow::Result;

use crate::change::{Oid, PathEntry, PathEntryKind, Text};

use crate::git::diff::line_counts::is_binary;
use crate::git::diff::made_blobs::MadeBlobs;
use crate::git::objects::reader::ObjectReader;

/// What is said of two files with the same content; git's `MAX_SCORE`.
const FULL_SCORE: u64 = 60_000;

/// The least score of a rename.
const MIN_SCORE: u64 = FULL_SCORE / 2;

/// The least score of a file that has the name of no other one and is only in another folder.
const MIN_SAME_NAME_SCORE: u64 = FULL_SCORE / 4 * 3;

/// How many deleted files are remembered for one that is added.
const MAX_CANDIDATES: usize = 4;

/// How many deleted files with the same content are looked at for one that is added.
const MAX_SAME_CONTENTS: usize = 100;

/// A line that is longer counts as several.
const MAX_SPAN_BYTES: u32 = 64;

/// Git tells lines apart by a hash below this number.
const SPAN_HASHES: u32 = 107_927;

/// The most lines of all files that are compared.
const MAX_SPANS: usize = 2_000_000;

/// The most steps in which lines are compared, about half a second.
const MAX_STEPS: usize = 100_000_000;

/// How many of these steps the reading of a file counts for.
const STEPS_PER_FILE: usize = 20_000;

/// How much the searches for one merge can still compare.
pub(crate) struct RenameBudget {
    spans_left: usize,
    steps_left: usize,
    is_exceeded: bool,
}

impl RenameBudget {
    pub(crate) fn new() -> Self {
        RenameBudget { spans_left: MAX_SPANS, steps_left: MAX_STEPS, is_exceeded: false }
    }

    /// Returns whether a search gave up, so that what it found is not all.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }
}

/// A file that one side deletes or adds.
#[derive(Clone, Copy)]
pub(crate) struct MovedFile<'a> {
    pub(crate) path: &'a Text,
    pub(crate) entry: PathEntry,
    /// Whether a merge needs to know where it went: the other side has changed or deleted it. Only for
    /// deleted files.
    pub(crate) is_wanted: bool,
}

impl MovedFile<'_> {
    fn file_name(&self) -> &[u8] {
        let path = self.path.as_bytes();
        memchr::memrchr(b'/', path).and_then(|slash| path.get(slash + 1..)).unwrap_or(path)
    }

    fn is_regular(&self) -> bool {
        matches!(self.entry.kind, PathEntryKind::File | PathEntryKind::Executable)
    }
}

impl ObjectReader {
    /// Returns the renames among the files that one side deletes and adds, both in the order in which git
    /// meets them, as pairs of places in the two lists.
    ///
    /// # Errors
    ///
    /// Fails if a file that has to be compared cannot be read.
    pub(crate) fn find_renames(
        &mut self,
        deleted: &[MovedFile<'_>],
        added: &[MovedFile<'_>],
        made: &MadeBlobs,
        budget: &mut RenameBudget,
    ) -> Result<Vec<(usize, usize)>> {
        let mut read = |id| FileSpans::read_file(self, made, id);
        pair_renames(deleted, added, &mut read, budget)
    }
}

/// Reads the lines of a file by the id of its content; `None` if it is empty, or not to be compared.
pub(crate) type ReadSpans<'a> = dyn FnMut(Oid) -> Result<Option<Rc<FileSpans>>> + 'a;

/// Returns the renames among the files that one side deletes and adds, whose contents `read` gives.
///
/// # Errors
///
/// Fails if `read` does.
pub(crate) fn pair_renames(
    deleted: &[MovedFile<'_>],
    added: &[MovedFile<'_>],
    read: &mut ReadSpans<'_>,
    budget: &mut RenameBudget,
) -> Result<Vec<(usize, usize)>> {
    let mut search = RenameSearch {
        read,
        deleted,
        added,
        new_places: vec![None; deleted.len()],
        is_taken: vec![false; added.len()],
        contents: HashMap::new(),
        budget,
    };
    search.pair_same_contents();
    if search.pair_same_names()? {
        search.pair_most_alike()?;
    }
    let pairs = search.new_places.iter().enumerate();
    Ok(pairs.filter_map(|(from, to)| to.map(|to| (from, to))).collect())
}

/// One search, for one side of a merge.
struct RenameSearch<'a, 'read> {
    read: &'a mut ReadSpans<'read>,
    deleted: &'a [MovedFile<'a>],
    added: &'a [MovedFile<'a>],
    /// For each deleted file, the added one that it is.
    new_places: Vec<Option<usize>>,
    /// For each added file, whether it is a deleted one.
    is_taken: Vec<bool>,
    contents: HashMap<Oid, Option<Rc<FileSpans>>>,
    budget: &'a mut RenameBudget,
}

impl RenameSearch<'_, '_> {
    fn add_pair(&mut self, from: usize, to: usize) {
        if let (Some(new_place), Some(is_taken)) = (self.new_places.get_mut(from), self.is_taken.get_mut(to))
        {
            *new_place = Some(to);
            *is_taken = true;
        }
    }

    fn is_unpaired(&self, from: usize) -> bool {
        self.new_places.get(from) == Some(&None)
    }

    fn is_free(&self, to: usize) -> bool {
        self.is_taken.get(to) == Some(&false)
    }

    /// Pairs files with the same content; of several, the first that keeps its name, or the first.
    fn pair_same_contents(&mut self) {
        let mut by_content: HashMap<Oid, VecDeque<usize>> = HashMap::new();
        for (from, file) in self.deleted.iter().enumerate() {
            by_content.entry(file.entry.id).or_default().push_back(from);
        }
        for (to, file) in self.added.iter().enumerate() {
            let Some(sources) = by_content.get_mut(&file.entry.id) else { continue };
            let mut best: Option<(bool, usize)> = None;
            let mut looked_at = 0;
            for (place, from) in sources.iter().enumerate() {
                let Some(source) = self.deleted.get(*from) else { continue };
                let is_same_kind =
                    source.entry.kind == file.entry.kind || source.is_regular() && file.is_regular();
                if !is_same_kind {
                    continue;
                }
                let has_same_name = source.file_name() == file.file_name();
                if best.is_none_or(|(best_has, _)| has_same_name && !best_has) {
                    best = Some((has_same_name, place));
                }
                looked_at += 1;
                if has_same_name || looked_at == MAX_SAME_CONTENTS {
                    break;
                }
            }
            if let Some((_, place)) = best
                && let Some(from) = sources.remove(place)
            {
                self.add_pair(from, to);
            }
        }
    }

    /// Pairs files whose name only one deleted and one added file has. Returns false if a limit was met.
    fn pair_same_names(&mut self) -> Result<bool> {
        let (deleted, added) = (self.deleted, self.added);
        let mut sources: HashMap<&[u8], Option<usize>> = HashMap::new();
        let mut targets: HashMap<&[u8], Option<usize>> = HashMap::new();
        for (from, file) in deleted.iter().enumerate().filter(|(from, _)| self.is_unpaired(*from)) {
            sources.entry(file.file_name()).and_modify(|only| *only = None).or_insert(Some(from));
        }
        for (to, file) in added.iter().enumerate().filter(|(to, _)| self.is_free(*to)) {
            targets.entry(file.file_name()).and_modify(|only| *only = None).or_insert(Some(to));
        }
        for (from, file) in deleted.iter().enumerate().filter(|(_, file)| file.is_wanted) {
            let name = file.file_name();
            let (Some(Some(only)), Some(Some(to))) = (sources.get(name), targets.get(name)) else { continue };
            if *only != from {
                continue;
            }
            match self.score_pair(from, *to)? {
                Some(score) if score >= MIN_SAME_NAME_SCORE => self.add_pair(from, *to),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Pairs what is most alike, the best pairs first.
    fn pair_most_alike(&mut self) -> Result<()> {
        let mut candidates = Vec::new();
        for (to, target) in self.added.iter().enumerate() {
            if !self.is_free(to) {
                continue;
            }
            let mut best: Vec<Candidate> = Vec::with_capacity(MAX_CANDIDATES);
            for (from, source) in self.deleted.iter().enumerate() {
                if !source.is_wanted || !self.is_unpaired(from) {
                    continue;
                }
                let Some(score) = self.score_pair(from, to)? else { return Ok(()) };
                let has_same_name = source.file_name() == target.file_name();
                keep_best(&mut best, Candidate { rank: (score, has_same_name), from, to });
            }
            candidates.append(&mut best);
        }
        // Stable: git takes what is equally good in the order in which it was remembered.
        candidates.sort_by_key(|candidate| Reverse(candidate.rank));
        for Candidate { rank: (score, _), from, to } in candidates {
            if score >= MIN_SCORE && self.is_free(to) && self.is_unpaired(from) {
                self.add_pair(from, to);
            }
        }
        Ok(())
    }

    /// Returns how much two files are alike; `None` if a limit is met.
    fn score_pair(&mut self, from: usize, to: usize) -> Result<Option<u64>> {
        let (Some(source), Some(target)) = (self.deleted.get(from), self.added.get(to)) else {
            return Ok(Some(0));
        };
        if !source.is_regular() || !target.is_regular() {
            return Ok(Some(0));
        }
        for entry in [source.entry, target.entry] {
            if !self.contents.contains_key(&entry.id) {
                let spans = (self.read)(entry.id)?;
                let count = spans.as_ref().map_or(0, |spans| spans.spans.len());
                let steps_left = self.budget.steps_left.checked_sub(STEPS_PER_FILE);
                let (Some(spans_left), Some(steps_left)) =
                    (self.budget.spans_left.checked_sub(count), steps_left)
                else {
                    self.budget.is_exceeded = true;
                    return Ok(None);
                };
                (self.budget.spans_left, self.budget.steps_left) = (spans_left, steps_left);
                self.contents.insert(entry.id, spans);
            }
        }
        let spans = [source, target].map(|file| self.contents.get(&file.entry.id).and_then(Option::as_deref));
        let [Some(before), Some(after)] = spans else { return Ok(Some(0)) };
        if !before.has_similar_size(after) {
            return Ok(Some(0));
        }
        match self.budget.steps_left.checked_sub(before.spans.len() + after.spans.len()) {
            Some(left) => self.budget.steps_left = left,
            None => {
                self.budget.is_exceeded = true;
                return Ok(None);
            }
        }
        Ok(Some(before.score_against(after)))
    }
}

/// A deleted file that an added one may be.
struct Candidate {
    /// How much they are alike, and whether they have the same name.
    rank: (u64, bool),
    from: usize,
    to: usize,
}

/// Puts a candidate in the place of the worst one, if it is better, as git does.
fn keep_best(best: &mut Vec<Candidate>, candidate: Candidate) {
    if best.len() < MAX_CANDIDATES {
        best.push(candidate);
        return;
    }
    let mut worst: Option<&mut Candidate> = None;
    for kept in best {
        if worst.as_ref().is_none_or(|worst| kept.rank < worst.rank) {
            worst = Some(kept);
        }
    }
    if let Some(worst) = worst
        && worst.rank < candidate.rank
    {
        *worst = candidate;
    }
}

/// The lines of a file, as far as git compares them to find renames.
pub(crate) struct FileSpans {
    size: u64,
    /// A hash of a line, and how many bytes of the file are in lines with that hash, in the order of hashes.
    spans: Vec<(u32, u64)>,
}

impl FileSpans {
    /// Reads a file; `None` if it is empty or too large to be merged.
    fn read_file(reader: &mut ObjectReader, made: &MadeBlobs, id: Oid) -> Result<Option<Rc<FileSpans>>> {
        Ok(match made.read_blob(reader, id)? {
            Ok(content) if !content.is_empty() => Some(Rc::new(FileSpans::of_content(content))),
            _ => None,
        })
    }

    pub(crate) fn of_content(content: &[u8]) -> FileSpans {
        let is_text = !is_binary(content);
        let mut spans: Vec<(u32, u64)> = Vec::new();
        let (mut low, mut high, mut length) = (0_u32, 0_u32, 0_u32);
        let mut rest = content.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            if is_text && byte == b'\r' && rest.peek() == Some(&b'\n') {
                continue;
            }
            let before = low;
            low = ((low << 7) ^ (high >> 25)).wrapping_add(u32::from(byte));
            high = (high << 7) ^ (before >> 25);
            length += 1;
            if length < MAX_SPAN_BYTES && byte != b'\n' {
                continue;
            }
            spans.push((hash_span(low, high), u64::from(length)));
            (low, high, length) = (0, 0, 0);
        }
        if length > 0 {
            spans.push((hash_span(low, high), u64::from(length)));
        }
        spans.sort_unstable();
        spans.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
        spans.shrink_to_fit();
        FileSpans { size: content.len() as u64, spans }
    }

    /// Returns whether the sizes alone leave it open that the files are alike.
    fn has_similar_size(&self, other: &FileSpans) -> bool {
        let larger = self.size.max(other.size);
        larger * (FULL_SCORE - MIN_SCORE) >= (larger - self.size.min(other.size)) * FULL_SCORE
    }

    /// Returns which part of the larger file is in the other one as well.
    fn score_against(&self, other: &FileSpans) -> u64 {
        let mut copied = 0;
        let mut others = other.spans.iter().peekable();
        for (hash, bytes) in &self.spans {
            while others.next_if(|(other, _)| other < hash).is_some() {}
            if let Some((_, other_bytes)) = others.next_if(|(other, _)| other == hash) {
                copied += bytes.min(other_bytes);
            }
        }
        copied * FULL_SCORE / self.size.max(other.size)
    }
}

/// Returns the number by which git tells lines apart.
fn hash_span(low: u32, high: u32) -> u32 {
    low.wrapping_add(high.wrapping_mul(0x61)) % SPAN_HASHES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(before: &str, after: &str) -> u64 {
        let (before, after) =
            (FileSpans::of_content(before.as_bytes()), FileSpans::of_content(after.as_bytes()));
        if before.has_similar_size(&after) { before.score_against(&after) * 100 / FULL_SCORE } else { 0 }
    }

    #[test]
    fn files_are_as_alike_as_git_says() {
        assert_eq!(score("a\nb\nc\nd\n", "a\nb\nc\nd\n"), 100);
        assert_eq!(score("a\nb\nc\nd\n", "d\nc\nb\na\n"), 100);
        assert_eq!(score("a\nb\nc\nd\n", "a\nb\nx\ny\n"), 50);
        assert_eq!(score("a\r\nb\r\n", "a\nb\n"), 66);
        assert_eq!(score("a\n", "a\na\na\na\n"), 0);
        // A long line without an end counts in pieces.
        let long = "0123456789".repeat(20);
        assert_eq!(score(&long, &format!("{long}x")), 95);
    }
}
