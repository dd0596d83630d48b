//! How many lines a commit adds and removes, as `git diff --numstat --no-renames` counts them; and an
//! estimate where git counts none, or where lines are too long to be read as lines.
//!
//! If lines repeat there is more than one shortest difference between two texts, and git's own
//! shortcuts differ a little from the library's: for about one commit in twenty the counts are a line or
//! two apart, the same for added and removed lines. That is too little to matter to a rule.

use std::ops::Range;

use anyhow::{Result, bail};
use gix::ObjectId;
use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput, Token};

use crate::change::{Fact, FactKind, LineCount, PathChange, PathEntry, PathEntryKind};

use crate::git::objects::commit::unavailable_fact;
use crate::git::objects::reader::ObjectReader;

/// The largest content that is opened to see whether it is text.
const MAX_COUNTED_BLOB_BYTES: u64 = 32 << 20;

/// How many bytes count as a line where content has no lines to count.
pub(crate) const BYTES_PER_LINE: usize = 80;

/// The longest line that counts as one. Otherwise a limit would let through a program in one line.
const MAX_LINE_BYTES: usize = 1000;

/// How many bytes git looks at to decide whether content is text.
const BINARY_CHECK_BYTES: usize = 8000;

impl ObjectReader {
    /// Counts the lines that `paths` add and remove. Content that is not text counts as one line for each
    /// [`BYTES_PER_LINE`] bytes of it, and so does a line of more than [`MAX_LINE_BYTES`]; a submodule is one
    /// line. Text of more than 1 MiB is not compared; then the fact is missing.
    pub(crate) fn count_changed_lines(&mut self, paths: &[PathChange]) -> Fact<LineCount> {
        let mut total = LineCount::default();
        for path in paths {
            match self.count_path_lines(path.before, path.after) {
                Ok(count) => {
                    total.added = total.added.saturating_add(count.added);
                    total.removed = total.removed.saturating_add(count.removed);
                }
                Err(error) => {
                    let error = error.context(format!("`{}`", path.path.as_bytes().escape_ascii()));
                    return Err(unavailable_fact(FactKind::Lines, &error));
                }
            }
        }
        Ok(total)
    }

    fn count_path_lines(&mut self, before: Option<PathEntry>, after: Option<PathEntry>) -> Result<LineCount> {
        if before.map(|entry| entry.id) == after.map(|entry| entry.id) {
            return Ok(LineCount::default());
        }
        let (before, after) = (self.read_diff_content(before)?, self.read_diff_content(after)?);
        let (DiffContent::Text(before), DiffContent::Text(after)) = (&before, &after) else {
            if let (Some(removed), Some(added)) = (before.find_length(), after.find_length()) {
                return Ok(LineCount { added: count_as_lines(added), removed: count_as_lines(removed) });
            }
            bail!("it holds more than {} bytes of text", Self::MAX_OPENED_BLOB_BYTES);
        };
        let input = InternedInput::new(byte_lines(before), byte_lines(after));
        let diff = Diff::compute(Algorithm::Myers, &input);
        let mut count = LineCount::default();
        for hunk in diff.hunks() {
            count.removed += weigh_lines(&input, &input.before, hunk.before);
            count.added += weigh_lines(&input, &input.after, hunk.after);
        }
        Ok(count)
    }

    /// Reads the content of an entry as git shows it in a patch.
    fn read_diff_content(&mut self, entry: Option<PathEntry>) -> Result<DiffContent> {
        let Some(entry) = entry else { return Ok(DiffContent::Text(Vec::new())) };
        if entry.kind == PathEntryKind::Submodule {
            return Ok(DiffContent::Text(format!("Subproject commit {}\n", entry.id).into_bytes()));
        }
        let id = ObjectId::try_from(entry.id.as_bytes())?;
        match self.read_blob(&id, MAX_COUNTED_BLOB_BYTES)? {
            Ok(content) if is_binary(content) => Ok(DiffContent::Binary(content.len())),
            Ok(content) if content.len() as u64 <= Self::MAX_OPENED_BLOB_BYTES => {
                Ok(DiffContent::Text(content.to_vec()))
            }
            Ok(_) | Err(_) => Ok(DiffContent::TooLarge),
        }
    }
}

/// The content of an entry, as far as its lines can be counted.
enum DiffContent {
    Text(Vec<u8>),
    /// No text, of this many bytes.
    Binary(usize),
    TooLarge,
}

impl DiffContent {
    /// Returns how many bytes it has; `None` if it was not read.
    fn find_length(&self) -> Option<usize> {
        match self {
            DiffContent::Text(text) => Some(text.len()),
            DiffContent::Binary(length) => Some(*length),
            DiffContent::TooLarge => None,
        }
    }
}

/// Returns how many lines a range of changed ones counts as.
fn weigh_lines(input: &InternedInput<&[u8]>, tokens: &[Token], range: Range<u32>) -> u64 {
    let mut count = 0;
    let (start, end) = (range.start as usize, range.end as usize);
    for token in tokens.get(start..end).unwrap_or_default() {
        let length = input.interner[*token].len();
        count += if length > MAX_LINE_BYTES { count_as_lines(length) } else { 1 };
    }
    count
}

/// Returns how many lines this many bytes count as that have no lines of their own.
fn count_as_lines(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_PER_LINE)).unwrap_or(u64::MAX)
}

/// Returns true for content that is not text, as git decides without attributes.
pub(crate) fn is_binary(content: &[u8]) -> bool {
    content.get(..BINARY_CHECK_BYTES).unwrap_or(content).contains(&0)
}
