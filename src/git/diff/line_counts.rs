//! How many lines a commit adds and removes, as `git diff --numstat --no-renames` counts them.
//!
//! If lines repeat there is more than one shortest difference between two texts, and git's own
//! shortcuts differ a little from the library's: for about one commit in twenty the counts are a line or
//! two apart, the same for added and removed lines. That is too little to matter to a rule.

use anyhow::{Result, bail};
use gix::ObjectId;
use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

use crate::change::{Fact, FactKind, LineCount, PathChange, PathEntry, PathEntryKind};

use crate::git::objects::commit::unavailable_fact;
use crate::git::objects::reader::ObjectReader;

/// The largest content that is opened to see whether it is text.
const MAX_COUNTED_BLOB_BYTES: u64 = 32 << 20;

/// How many bytes git looks at to decide whether content is text.
const BINARY_CHECK_BYTES: usize = 8000;

impl ObjectReader {
    /// Counts the lines that `paths` add and remove. Content that is not text counts as none, a
    /// submodule as one line. Text of more than 1 MiB is not compared; then the fact is missing.
    pub(crate) fn count_changed_lines(&mut self, paths: &[PathChange]) -> Fact<LineCount> {
        let mut total = LineCount::default();
        for path in paths {
            match self.count_path_lines(path.before, path.after) {
                Ok(count) => {
                    total.added += count.added;
                    total.removed += count.removed;
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
            if matches!((&before, &after), (DiffContent::Binary, _) | (_, DiffContent::Binary)) {
                return Ok(LineCount::default());
            }
            bail!("it holds more than {} bytes of text", Self::MAX_OPENED_BLOB_BYTES);
        };
        let input = InternedInput::new(byte_lines(before), byte_lines(after));
        let diff = Diff::compute(Algorithm::Myers, &input);
        Ok(LineCount { added: diff.count_additions().into(), removed: diff.count_removals().into() })
    }

    /// Reads the content of an entry as git shows it in a patch.
    fn read_diff_content(&mut self, entry: Option<PathEntry>) -> Result<DiffContent> {
        let Some(entry) = entry else { return Ok(DiffContent::Text(Vec::new())) };
        if entry.kind == PathEntryKind::Submodule {
            return Ok(DiffContent::Text(format!("Subproject commit {}\n", entry.id).into_bytes()));
        }
        let id = ObjectId::try_from(entry.id.as_bytes())?;
        match self.read_blob(&id, MAX_COUNTED_BLOB_BYTES)? {
            Ok(content) if is_binary(content) => Ok(DiffContent::Binary),
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
    Binary,
    TooLarge,
}

/// Returns true for content that is not text, as git decides without attributes.
pub(crate) fn is_binary(content: &[u8]) -> bool {
    content.get(..BINARY_CHECK_BYTES).unwrap_or(content).contains(&0)
}
