//! The walk over several trees side by side: those of a merge, its parents and their bases.

use std::cmp::Ordering;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use gix::ObjectId;

use crate::change::{PathEntry, Text};

use crate::git::diff::changed_paths::{MAX_COMPARED_ENTRIES, MAX_TREE_DEPTH};
use crate::git::objects::commit::TooManyEntries;
use crate::git::objects::reader::ObjectReader;
use crate::git::objects::tree::DecodedTree;
use crate::git::objects::tree_entry::DecodedTreeEntry;

impl ObjectReader {
    /// Walks several trees side by side, and returns the paths of which `select` returns something. A subtree
    /// that `is_settled`, given its path and its ids, is not opened.
    pub(crate) fn walk_merge_trees<Selected>(
        &mut self,
        trees: &[Option<ObjectId>],
        mut is_settled: impl FnMut(&[u8], &[Option<ObjectId>]) -> bool,
        mut select: impl FnMut(&mut ObjectReader, &Text, &[Option<PathEntry>]) -> Result<Option<Selected>>,
    ) -> Result<Vec<(Text, Selected)>> {
        let format = self.object_format();
        let mut found = Vec::new();
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
                None => bail!(TooManyEntries(format!(
                    "the merge touches trees with more than {MAX_COMPARED_ENTRIES} entries; merge it in parts"
                ))),
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
                if is_settled(&prefix, &ids) {
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
                if let Some(selected) = select(self, &path, &leaves).with_context(context)? {
                    found.push((path, selected));
                }
            }
        }
        Ok(found)
    }
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
