//! What a merge holds that neither its parents nor a clean merge of them accounts for.
//!
//! A merge is the one commit whose difference from its first parent is mostly other people's work,
//! already judged with their commits. What was done *in* the merge is found by merging again: every
//! path has to be what a clean merge gives, and where it is not, somebody made it so by hand. That
//! holds for work of one side that was dropped as well. Renames are not followed, so a file that one
//! side moves and the other edits shows up; that is a question too many, never one too few.

use anyhow::{Context, Result, bail};
use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;

use crate::change::{Fact, FactKind, Missing, PathEntry, PathEntryKind, Text};

use crate::git::diff::changed_paths::{MAX_COMPARED_ENTRIES, MAX_TREE_DEPTH};
use crate::git::diff::line_counts::is_binary;
use crate::git::diff::merge_base::find_merge_bases;
use crate::git::diff::three_way::{is_clean_merge, merge_cleanly};
use crate::git::diff::virtual_base::{VirtualBase, merge_trivially};
use crate::git::objects::reader::ObjectReader;
use crate::git::objects::tree::{DecodedTree, DecodedTreeEntry};

impl ObjectReader {
    /// Returns the paths that a commit with this tree and these parents holds of its own; none for
    /// a commit that is no merge.
    pub(crate) fn find_evil_merge_paths(&mut self, tree: &ObjectId, parents: &[ObjectId]) -> Fact<Vec<Text>> {
        let own = match parents {
            [] | [_] => Ok(Vec::new()),
            [left, right] => self.compare_two_parents(tree, left, right),
            _ => self.compare_many_parents(tree, parents),
        };
        own.map_err(|error| Missing::Unavailable(FactKind::EvilMerges, format!("{error:#}")))
    }

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
            ancestor.resolve_value(ids).and_then(|base| merge_trivially(*left, *right, base)) == Some(*merged)
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

    /// Decides about an octopus the way git makes one: parent by parent, each against what it and the
    /// first parent were made from, and never with a conflict. Where a parent has several such bases
    /// or none, only a path on which it agrees with the rest so far is settled.
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

    /// Decides about one path, given what stands there in the merge, in both parents and in the
    /// base.
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
        let [left, right, merged] = [left, right, merged].map(|entry| self.read_whole_file(entry));
        let (left, right, merged) = (left?, right?, merged?);
        if [base, &left, &right, &merged].into_iter().any(is_binary) {
            return Ok(true);
        }
        Ok(!is_clean_merge(base, &left, &right, &merged))
    }

    /// Returns the content of a base that has to be merged itself; `None` if that has a conflict.
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

    /// Walks several trees side by side, the merge's first, and returns the paths of which `is_own`
    /// says that they are. A subtree that `is_settled` by the ids alone is not opened.
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
            let entries: Vec<Option<DecodedTreeEntry<'_>>> = row
                .trees
                .iter()
                .zip(&row.positions)
                .map(|(tree, at)| tree.as_ref().and_then(|tree| tree.entry_at(*at, format)))
                .collect();
            let Some(first) =
                entries.iter().flatten().min_by(|left, right| left.compare_order(right)).copied()
            else {
                rows.pop();
                continue;
            };
            budget = match budget.checked_sub(1) {
                Some(budget) => budget,
                None => bail!("the merge touches trees with more than {MAX_COMPARED_ENTRIES} entries"),
            };
            let here = entries
                .into_iter()
                .map(|entry| entry.filter(|it| it.compare_order(&first) == Ordering::Equal));
            let here: Vec<Option<DecodedTreeEntry<'_>>> = here.collect();
            for (at, entry) in row.positions.iter_mut().zip(&here) {
                *at += usize::from(entry.is_some());
            }
            prefix.extend_from_slice(first.name);
            if first.is_tree() {
                let ids: Vec<Option<ObjectId>> =
                    here.iter().map(|entry| entry.and_then(|it| it.object_id())).collect();
                if is_settled(&ids) {
                    continue;
                }
                prefix.push(b'/');
                if MAX_TREE_DEPTH <= rows.len() {
                    bail!("the merge changes directories nested more than {MAX_TREE_DEPTH} deep");
                }
                rows.push(TreeRow::read_row(self, &ids, prefix.len())?);
            } else {
                let leaves: Vec<Option<PathEntry>> =
                    here.iter().map(|entry| entry.and_then(|it| it.to_entry())).collect();
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

/// Returns what a clean merge of several parents gives for one path (or subtree), if that can be told
/// without opening it; `sides` are the merge, the first parent, and for each further parent itself
/// and its base.
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
