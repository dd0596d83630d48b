//! Which paths a commit changes: two trees, side by side.
//!
//! Equal subtrees are skipped by their ids. Nothing is guessed: a rename is a deletion and an
//! addition, so that a rule about the old path and a rule about the new one both see it.

use anyhow::{Result, bail};
use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;
use gix::hash::Kind;

use crate::change::{FactKind, PathChange, Text};

use crate::git::objects::commit::{TooManyEntries, unrequested_fact};
use crate::git::objects::reader::ObjectReader;
use crate::git::objects::tree::{DecodedTree, TreeOverlap};
use crate::git::objects::tree_entry::DecodedTreeEntry;

/// The most tree entries that are compared for one commit.
pub(crate) const MAX_COMPARED_ENTRIES: usize = 200_000;

/// The deepest nesting of trees that is compared.
pub(crate) const MAX_TREE_DEPTH: usize = 256;

impl ObjectReader {
    /// Compares two trees, in the order of their paths; `None` stands for an empty one.
    pub(crate) fn find_changed_paths(
        &mut self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
    ) -> Result<Vec<PathChange>> {
        let format = self.object_format();
        let mut changes = Vec::new();
        let mut prefix: Vec<u8> = Vec::new();
        let mut budget = MAX_COMPARED_ENTRIES;
        if before == after {
            return Ok(changes);
        }
        let mut pairs = vec![TreePair::read_pair(self, before, after, 0)?];
        while let Some(pair) = pairs.last_mut() {
            prefix.truncate(pair.prefix_length);
            if let (Some(before), Some(after)) = (&pair.before, &pair.after) {
                let same = before.count_same_entries(pair.before_index, after, pair.after_index, format);
                pair.before_index += same;
                pair.after_index += same;
            }
            let left = pair.entry_at(&pair.before, pair.before_index);
            let right = pair.entry_at(&pair.after, pair.after_index);
            // Only the entry that comes first is looked at, unless both sides have it.
            let (left, right) = match (left, right) {
                (None, None) => {
                    pairs.pop();
                    continue;
                }
                (Some(left), Some(right)) => match left.compare_order(&right) {
                    Ordering::Less => (Some(left), None),
                    Ordering::Greater => (None, Some(right)),
                    Ordering::Equal => (Some(left), Some(right)),
                },
                one_sided => one_sided,
            };
            pair.before_index += usize::from(left.is_some());
            pair.after_index += usize::from(right.is_some());
            budget = match budget.checked_sub(1) {
                Some(budget) => budget,
                None => bail!(TooManyEntries(format!(
                    "the commit changes trees with more than {MAX_COMPARED_ENTRIES} entries; divide it into several"
                ))),
            };
            if left.map(|it| (it.mode, it.id)) == right.map(|it| (it.mode, it.id)) {
                continue;
            }
            if let Some(entry) = left.or(right) {
                prefix.extend_from_slice(entry.name);
            }
            let is_tree = left.as_ref().is_some_and(DecodedTreeEntry::is_tree)
                || right.as_ref().is_some_and(DecodedTreeEntry::is_tree);
            if is_tree {
                prefix.push(b'/');
                let left = left.as_ref().and_then(DecodedTreeEntry::object_id);
                let right = right.as_ref().and_then(DecodedTreeEntry::object_id);
                if pairs.len() >= MAX_TREE_DEPTH {
                    bail!("the commit changes directories nested more than {MAX_TREE_DEPTH} deep");
                }
                pairs.push(TreePair::read_pair(self, left, right, prefix.len())?);
            } else {
                changes.push(PathChange {
                    path: Text::from(prefix.as_slice()),
                    before: left.and_then(DecodedTreeEntry::to_entry),
                    after: right.and_then(DecodedTreeEntry::to_entry),
                    blob: unrequested_fact(FactKind::Blobs),
                    content: None,
                });
            }
        }
        Ok(changes)
    }
}

/// Two trees at the same path, and how far they have been compared.
struct TreePair {
    before: Option<Arc<DecodedTree>>,
    after: Option<Arc<DecodedTree>>,
    before_index: usize,
    after_index: usize,
    /// How many entries at the end of both are known to be the same.
    same_at_end: usize,
    format: Kind,
    /// The length of the path of both trees, in bytes.
    prefix_length: usize,
}

impl TreePair {
    fn entry_at<'tree>(
        &self,
        tree: &'tree Option<Arc<DecodedTree>>,
        at: usize,
    ) -> Option<DecodedTreeEntry<'tree>> {
        let tree = tree.as_ref()?;
        if at + self.same_at_end < tree.len() { tree.entry_at(at, self.format) } else { None }
    }

    fn read_pair(
        reader: &mut ObjectReader,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        prefix: usize,
    ) -> Result<TreePair> {
        // A tree in the cache makes it faster to decode the other one.
        let known_first = after.is_some_and(|id| reader.has_cached_tree(&id));
        let (first_id, second_id) = if known_first { (after, before) } else { (before, after) };
        let first = first_id.map(|id| reader.read_tree(&id)).transpose()?;
        let sibling = first_id.zip(first.as_deref());
        let second = second_id.map(|id| reader.read_tree_like(&id, sibling)).transpose()?;
        let overlap = match find_overlap(&second, first_id) {
            Some(overlap) => Some(overlap),
            None => find_overlap(&first, second_id),
        };
        let (beginning, end) = match overlap {
            Some(overlap) => (overlap.same_at_start, overlap.same_at_end),
            None => (0, 0),
        };
        let (before, after) = if known_first { (second, first) } else { (first, second) };
        Ok(TreePair {
            before,
            after,
            before_index: beginning,
            after_index: beginning,
            same_at_end: end,
            format: reader.object_format(),
            prefix_length: prefix,
        })
    }
}

/// Returns what `tree` has in common with the tree `other`, if it was decoded next to that one.
fn find_overlap(tree: &Option<Arc<DecodedTree>>, other: Option<ObjectId>) -> Option<TreeOverlap> {
    let overlap = tree.as_ref()?.overlap()?;
    if Some(overlap.other_tree) == other { Some(overlap) } else { None }
}
