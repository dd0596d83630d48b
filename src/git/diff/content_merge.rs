//! One path of a merge: whether it is what a clean merge gives, and what git takes there for a base.

use anyhow::{Result, bail};

use crate::change::{PathEntry, PathEntryKind};

use crate::git::diff::line_counts::is_binary;
use crate::git::diff::made_blobs::MadeBlobs;
use crate::git::diff::three_way::{is_clean_merge, merge_as_base, merge_cleanly};
use crate::git::diff::virtual_base::merge_trivially;
use crate::git::objects::reader::ObjectReader;

impl MadeBlobs {
    /// Decides whether one path of a merge has content of its own, given its entries in the merge, in both
    /// parents and in the base.
    pub(crate) fn is_evil_path(
        &self,
        reader: &mut ObjectReader,
        merged: Option<PathEntry>,
        [left, right, base]: [Option<PathEntry>; 3],
    ) -> Result<bool> {
        if let Some(expected) = merge_trivially(left, right, base) {
            return Ok(merged != expected);
        }
        let (Some(merged), Some(left), Some(right)) = (merged, left, right) else { return Ok(true) };
        if ![merged, left, right].iter().chain(&base).all(is_regular_file) {
            return Ok(true);
        }
        // What both sides have added is a conflict even if only the mode differs.
        let Some(base) = base else { return Ok(true) };
        if merge_trivially(left.kind, right.kind, base.kind) != Some(merged.kind) {
            return Ok(true);
        }
        if let Some(id) = merge_trivially(left.id, right.id, base.id) {
            return Ok(id != merged.id);
        }
        let base = self.read_whole_file(reader, base)?;
        self.differs_from_merge(reader, merged, [left, right], &base)
    }

    /// Returns true unless the content of `merged` is the clean merge of the two sides.
    pub(crate) fn differs_from_merge(
        &self,
        reader: &mut ObjectReader,
        merged: PathEntry,
        [left, right]: [PathEntry; 2],
        base: &[u8],
    ) -> Result<bool> {
        let left = self.read_whole_file(reader, left)?;
        let right = self.read_whole_file(reader, right)?;
        let merged = self.read_whole_file(reader, merged)?;
        if [base, &left, &right, &merged].into_iter().any(is_binary) {
            return Ok(true);
        }
        Ok(!is_clean_merge(base, &left, &right, &merged))
    }

    /// Merges two entries. Where git would stop, this returns `None`.
    pub(crate) fn merge_entries_cleanly(
        &mut self,
        reader: &mut ObjectReader,
        left: PathEntry,
        right: PathEntry,
        base: Option<PathEntry>,
    ) -> Result<Option<PathEntry>> {
        if let Some(merged) = merge_trivially(Some(left), Some(right), base) {
            return Ok(merged);
        }
        let Some(base) = base else { return Ok(None) };
        if ![left, right, base].iter().all(is_regular_file) {
            return Ok(None);
        }
        let Some(kind) = merge_trivially(left.kind, right.kind, base.kind) else { return Ok(None) };
        if let Some(id) = merge_trivially(left.id, right.id, base.id) {
            return Ok(Some(PathEntry { kind, id }));
        }
        let base = self.read_whole_file(reader, base)?;
        let left = self.read_whole_file(reader, left)?;
        let right = self.read_whole_file(reader, right)?;
        if [&base, &left, &right].into_iter().any(|content| is_binary(content)) {
            return Ok(None);
        }
        match merge_cleanly(&base, &left, &right) {
            Some(content) => Ok(Some(PathEntry { kind, id: self.add_blob(reader, content)? })),
            None => Ok(None),
        }
    }

    /// Merges two entries as git does for a base of another merge. Where it would stop otherwise, it takes what
    /// their own base has, and of text both sides between markers.
    pub(crate) fn merge_entries_as_base(
        &mut self,
        reader: &mut ObjectReader,
        left: PathEntry,
        right: PathEntry,
        base: Option<PathEntry>,
    ) -> Result<Option<PathEntry>> {
        if let Some(merged) = merge_trivially(Some(left), Some(right), base) {
            return Ok(merged);
        }
        if ![left, right].iter().all(is_regular_file) {
            return Ok(base);
        }
        // Of two modes that are both new, git takes the first.
        let base_kind = base.map(|base| base.kind);
        let kind = merge_trivially(Some(left.kind), Some(right.kind), base_kind).flatten();
        let kind = kind.unwrap_or(left.kind);
        if let Some(Some(id)) = merge_trivially(Some(left.id), Some(right.id), base.map(|base| base.id)) {
            return Ok(Some(PathEntry { kind, id }));
        }
        let base = match base {
            Some(base) if is_regular_file(&base) => self.read_whole_file(reader, base)?,
            _ => Vec::new(),
        };
        let left = self.read_whole_file(reader, left)?;
        let right = self.read_whole_file(reader, right)?;
        let has_binary = [&base, &left, &right].into_iter().any(|content| is_binary(content));
        let merged = if has_binary { Some(base) } else { merge_as_base(&base, &left, &right) };
        match merged {
            Some(content) => Ok(Some(PathEntry { kind, id: self.add_blob(reader, content)? })),
            None => bail!("the merge bases cannot be merged line by line"),
        }
    }

    pub(crate) fn read_whole_file(&self, reader: &mut ObjectReader, entry: PathEntry) -> Result<Vec<u8>> {
        match self.read_blob(reader, entry.id)? {
            Ok(content) => Ok(content.to_vec()),
            Err(size) => bail!("a file of {size} bytes that both sides changed is too large to merge again"),
        }
    }
}

pub(crate) fn is_regular_file(entry: &PathEntry) -> bool {
    matches!(entry.kind, PathEntryKind::File | PathEntryKind::Executable)
}
