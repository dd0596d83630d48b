//! How many lines a commit adds and removes, as `git diff --numstat --no-renames` counts them.
//!
//! Where lines repeat there is more than one shortest way from one text to another, and git's own
//! shortcuts differ a little from the library's: about one commit in twenty comes out a line or two
//! apart, the same on both sides. No rule can be so fine as to notice.

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

use crate::change::{Fact, FactKind, LineCount, Missing, PathChange, PathEntry, PathEntryKind};

use crate::git::objects::reader::ObjectReader;

/// Contents larger than this are not even opened to see whether they are text.
const MAX_COUNTED_BLOB_BYTES: u64 = 32 << 20;

/// How many bytes git looks at to tell text from other content.
const BINARY_CHECK_BYTES: usize = 8000;

impl ObjectReader {
    /// Counts the lines that `paths` add and remove. Content that is not text counts as none, a
    /// submodule as one line. Text of more than 1 MiB is not compared; then the fact is missing.
    pub(crate) fn count_changed_lines(&mut self, paths: &[PathChange]) -> Fact<LineCount> {
        let mut total = LineCount::default();
        for path in paths {
            let count = self.count_path_lines(path.before, path.after);
            let count = count.with_context(|| format!("`{}`", path.path.as_bytes().escape_ascii()));
            let count = count.map_err(|error| Missing::Unavailable(FactKind::Lines, format!("{error:#}")))?;
            total.added += count.added;
            total.removed += count.removed;
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

    /// Reads what stands at a path as git would show it in a patch.
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

enum DiffContent {
    Text(Vec<u8>),
    Binary,
    TooLarge,
}

/// Tells text from other content as git does without attributes.
pub(crate) fn is_binary(content: &[u8]) -> bool {
    content.get(..BINARY_CHECK_BYTES).unwrap_or(content).contains(&0)
}
