//! Evil merges (git's word): what a merge holds that neither its parents nor a clean merge of them gives.
//!
//! A merge is the one commit whose difference from its first parent is mostly other people's work,
//! already judged with their commits. What was done *in* the merge is found by merging again: every
//! path has to be what a clean merge gives, and a path that is not was changed by hand. Dropped work of
//! one side is found in the same way. Renames are not followed, so a file that one side moves and the
//! other edits is reported as well; this errs only on the side of asking too much.

use anyhow::{Context, Result, bail};
use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;

use crate::change::{Fact, FactKind, PathEntry, PathEntryKind, Text};

use crate::git::diff::changed_paths::{MAX_COMPARED_ENTRIES, MAX_TREE_DEPTH};
use crate::git::diff::line_counts::is_binary;
use crate::git::diff::merge_base::find_merge_bases;
use crate::git::diff::three_way::{is_clean_merge, merge_cleanly};
use crate::git::diff::virtual_base::{VirtualBase, merge_trivially};
use crate::git::objects::commit::unavailable_fact;
use crate::git::objects::reader::ObjectReader;
use crate::git::objects::tree::DecodedTree;
use crate::git::objects::tree_entry::DecodedTreeEntry;

impl ObjectReader {
    /// Returns the paths that a merge with this tree and these parents holds of its own; none for
    /// a commit that is not a merge.
    pub(crate) fn find_evil_merge_paths(&mut self, tree: &ObjectId, parents: &[ObjectId]) -> Fact<Vec<Text>> {
        let own = match parents {
            [] | [_] => return Ok(Vec::new()),
            [left, right] => self.compare_two_parents(tree, left, right),
            _ => self.compare_many_parents(tree, parents),
        };
        match own {
            Ok(paths) => Ok(paths),
            Err(error) => Err(unavailable_fact(FactKind::EvilMerges, &error)),
        }
    }

    /// Compares a merge of two parents with the clean merge of them, from their own base or from the
    /// merge of their bases.
    fn compare_two_parents(
        &mut self,
        tree: &ObjectId,
        left: &ObjectId,
        right: &ObjectId,
    ) -> Result<Vec<Text>> {
        let bases = find_merge_bases(self, &[*left], right)?;
        let mut trees =
            vec![Some(*tree), Some(self.find_root_tree(left)?), Some(self.find_root_tree(right)?)];
        let ancestor = VirtualBase::find_base(self, &bases, &mut trees)?;
        let is_settled = |ids: &[Option<ObjectId>]| {
            let [merged, left, right, ..] = ids else { return false };
            let Some(base) = ancestor.resolve_value(ids) else { return false };
            merge_trivially(*left, *right, base) == Some(*merged)
        };
        self.walk_merge_trees(&trees, is_settled, |reader, entries| {
            let [merged, left, right, ..] = entries else { return Ok(true) };
            if let Some(base) = ancestor.resolve_value(entries) {
                return reader.is_evil_path(*merged, *left, *right, base);
            }
            let (Some(merged), Some(left), Some(right)) = (merged, left, right) else { return Ok(true) };
            if left.kind != right.kind || left.kind != merged.kind || !is_regular_file(left) {
                return Ok(true);
            }
            match reader.read_base_content(&ancestor, entries)? {
                Some(base) => reader.differs_from_merge(*merged, *left, *right, &base),
                None => Ok(true),
            }
        })
    }

    /// Compares an octopus merge as git makes one: parent by parent, each with its own base with the first
    /// parent, and never with a conflict. For a parent with several such bases or none, only a path on
    /// which it agrees with the parents before it is settled.
    fn compare_many_parents(&mut self, tree: &ObjectId, parents: &[ObjectId]) -> Result<Vec<Text>> {
        let Some((first, others)) = parents.split_first() else { return Ok(Vec::new()) };
        let mut trees = vec![Some(*tree), Some(self.find_root_tree(first)?)];
        let mut has_base = Vec::new();
        for other in others {
            let bases = find_merge_bases(self, &[*first], other)?;
            let base = if let [base] = bases.as_slice() { Some(self.find_root_tree(base)?) } else { None };
            has_base.push(base.is_some());
            trees.extend([Some(self.find_root_tree(other)?), base]);
        }
        self.walk_merge_trees(
            &trees,
            |ids| merge_parents_trivially(ids, &has_base) == ids.first().copied(),
            |_, entries| Ok(merge_parents_trivially(entries, &has_base) != entries.first().copied()),
        )
    }

    /// Decides about one path, given its entries in the merge, in both parents and in the base.
    fn is_evil_path(
        &mut self,
        merged: Option<PathEntry>,
        left: Option<PathEntry>,
        right: Option<PathEntry>,
        base: Option<PathEntry>,
    ) -> Result<bool> {
        if let Some(expected) = merge_trivially(left, right, base) {
            return Ok(merged != expected);
        }
        let (Some(merged), Some(left), Some(right)) = (merged, left, right) else { return Ok(true) };
        if ![merged, left, right].iter().chain(&base).all(is_regular_file) {
            return Ok(true);
        }
        match merge_trivially(left.kind, right.kind, base.map_or(PathEntryKind::File, |base| base.kind)) {
            Some(kind) if kind == merged.kind => {}
            _ => return Ok(true),
        }
        let Some(base) = base else { return Ok(left.id != right.id || left.id != merged.id) };
        if let Some(id) = merge_trivially(left.id, right.id, base.id) {
            return Ok(id != merged.id);
        }
        let base = self.read_whole_file(base)?;
        self.differs_from_merge(merged, left, right, &base)
    }

    /// Returns true unless the content of `merged` is the clean merge of the two sides.
    fn differs_from_merge(
        &mut self,
        merged: PathEntry,
        left: PathEntry,
        right: PathEntry,
        base: &[u8],
    ) -> Result<bool> {
        let left = self.read_whole_file(left)?;
        let right = self.read_whole_file(right)?;
        let merged = self.read_whole_file(merged)?;
        if [base, &left, &right, &merged].into_iter().any(is_binary) {
            return Ok(true);
        }
        Ok(!is_clean_merge(base, &left, &right, &merged))
    }

    /// Returns the content of a base that is itself a merge; `None` if that merge has a conflict.
    fn read_base_content(
        &mut self,
        ancestor: &VirtualBase,
        entries: &[Option<PathEntry>],
    ) -> Result<Option<Vec<u8>>> {
        if let Some(entry) = ancestor.resolve_value(entries) {
            return match entry {
                Some(entry) if is_regular_file(&entry) => self.read_whole_file(entry).map(Some),
                Some(_) => Ok(None),
                // A file that both sides added was made from nothing.
                None => Ok(Some(Vec::new())),
            };
        }
        let VirtualBase::Merged(parts) = ancestor else { return Ok(None) };
        let mut contents = Vec::new();
        for part in parts.iter() {
            match self.read_base_content(part, entries)? {
                Some(content) if !is_binary(&content) => contents.push(content),
                _ => return Ok(None),
            }
        }
        match contents.as_slice() {
            [left, right, base] => Ok(merge_cleanly(base, left, right)),
            _ => Ok(None),
        }
    }

    fn read_whole_file(&mut self, entry: PathEntry) -> Result<Vec<u8>> {
        let id = ObjectId::try_from(entry.id.as_bytes())?;
        match self.read_blob(&id, Self::MAX_OPENED_BLOB_BYTES)? {
            Ok(content) => Ok(content.to_vec()),
            Err(size) => bail!("a file of {size} bytes that both sides changed is too large to merge again"),
        }
    }

    /// Walks several trees side by side, the merge's first, and returns the paths that `is_own` accepts.
    /// A subtree that `is_settled` by the ids alone is not opened.
    fn walk_merge_trees(
        &mut self,
        trees: &[Option<ObjectId>],
        is_settled: impl Fn(&[Option<ObjectId>]) -> bool,
        is_own: impl Fn(&mut ObjectReader, &[Option<PathEntry>]) -> Result<bool>,
    ) -> Result<Vec<Text>> {
        let format = self.object_format();
        let mut own = Vec::new();
        let mut prefix: Vec<u8> = Vec::new();
        let mut budget = MAX_COMPARED_ENTRIES;
        let mut rows = vec![TreeRow::read_row(self, trees, 0)?];
        while let Some(row) = rows.last_mut() {
            prefix.truncate(row.prefix_length);
            let mut here: Vec<Option<DecodedTreeEntry<'_>>> = Vec::with_capacity(row.trees.len());
            let mut first: Option<DecodedTreeEntry<'_>> = None;
            for (tree, at) in row.trees.iter().zip(&row.positions) {
                let entry = tree.as_ref().and_then(|tree| tree.entry_at(*at, format));
                if let Some(entry) = entry
                    && first.is_none_or(|first| entry.compare_order(&first) == Ordering::Less)
                {
                    first = Some(entry);
                }
                here.push(entry);
            }
            let Some(first) = first else {
                rows.pop();
                continue;
            };
            budget = match budget.checked_sub(1) {
                Some(budget) => budget,
                None => bail!("the merge touches trees with more than {MAX_COMPARED_ENTRIES} entries"),
            };
            for (at, slot) in row.positions.iter_mut().zip(&mut here) {
                match slot {
                    Some(entry) if entry.compare_order(&first) == Ordering::Equal => *at += 1,
                    // An entry that comes later waits until the others have caught up.
                    _ => *slot = None,
                }
            }
            prefix.extend_from_slice(first.name);
            if first.is_tree() {
                let mut ids: Vec<Option<ObjectId>> = Vec::with_capacity(here.len());
                for entry in &here {
                    ids.push(entry.as_ref().and_then(DecodedTreeEntry::object_id));
                }
                if is_settled(&ids) {
                    continue;
                }
                prefix.push(b'/');
                if rows.len() >= MAX_TREE_DEPTH {
                    bail!("the merge changes directories nested more than {MAX_TREE_DEPTH} deep");
                }
                rows.push(TreeRow::read_row(self, &ids, prefix.len())?);
            } else {
                let mut leaves: Vec<Option<PathEntry>> = Vec::with_capacity(here.len());
                for entry in &here {
                    leaves.push(entry.and_then(DecodedTreeEntry::to_entry));
                }
                let path = Text::from(prefix.as_slice());
                let context = || format!("`{}`", path.as_bytes().escape_ascii());
                if is_own(self, &leaves).with_context(context)? {
                    own.push(path);
                }
            }
        }
        Ok(own)
    }
}

fn is_regular_file(entry: &PathEntry) -> bool {
    matches!(entry.kind, PathEntryKind::File | PathEntryKind::Executable)
}

/// Returns what a clean merge of several parents gives for one path (or subtree), if that can be decided
/// without opening it. `sides` are the merge, the first parent, and then each further parent followed
/// by its base.
fn merge_parents_trivially<T: PartialEq + Copy>(sides: &[Option<T>], has_base: &[bool]) -> Option<Option<T>> {
    let (first, others) = sides.get(1..)?.split_first()?;
    let mut so_far = *first;
    for (pair, has_base) in others.chunks(2).zip(has_base) {
        let [other, base] = pair else { return None };
        so_far = match has_base {
            true => merge_trivially(so_far, *other, *base)?,
            false if so_far == *other => so_far,
            false => return None,
        };
    }
    Some(so_far)
}

/// The trees at one path of the merge, its parents and their bases, and how far each has been walked.
struct TreeRow {
    trees: Vec<Option<Arc<DecodedTree>>>,
    positions: Vec<usize>,
    prefix_length: usize,
}

impl TreeRow {
    fn read_row(reader: &mut ObjectReader, ids: &[Option<ObjectId>], prefix: usize) -> Result<TreeRow> {
        let mut trees: Vec<Option<Arc<DecodedTree>>> = Vec::with_capacity(ids.len());
        let mut sibling: Option<(ObjectId, Arc<DecodedTree>)> = None;
        for id in ids {
            let like = sibling.as_ref().map(|(id, tree)| (*id, tree.as_ref()));
            let tree = id.map(|id| reader.read_tree_like(&id, like)).transpose()?;
            sibling = id.zip(tree.clone()).or(sibling);
            trees.push(tree);
        }
        Ok(TreeRow { trees, positions: vec![0; ids.len()], prefix_length: prefix })
    }
}
