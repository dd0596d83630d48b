//! Which paths a commit changes: two trees, side by side.
//!
//! Equal subtrees are passed over by their ids. Nothing is guessed: a rename is a deletion and an
//! addition, so that a rule about the old place and a rule about the new one both see it.

use anyhow::{Result, bail};
use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;
use gix::hash::Kind;

use crate::change::{Commit, FactKind, Missing, NeededFacts, PathChange, Text};

use crate::git::objects::commit::unrequested_fact;
use crate::git::objects::reader::ObjectReader;
use crate::git::objects::tree::{DecodedTree, DecodedTreeEntry};

/// No commit may make us look at more tree entries than this.
pub(crate) const MAX_COMPARED_ENTRIES: usize = 200_000;

/// No tree may be nested deeper than this.
pub(crate) const MAX_TREE_DEPTH: usize = 256;

impl ObjectReader {
    /// Adds to `commit` the facts about its paths that `needs` asks for.
    pub(crate) fn add_path_facts(
        &mut self,
        commit: &mut Commit,
        tree: &ObjectId,
        first_parent: Option<&ObjectId>,
        tree_before: Option<ObjectId>,
        needs: &NeededFacts,
    ) {
        let before = match (first_parent, tree_before) {
            (Some(_), Some(tree)) => Ok(Some(tree)),
            (parent, _) => parent.map(|parent| self.find_root_tree(parent)).transpose(),
        };
        let paths = before.and_then(|before| self.find_changed_paths(before, Some(*tree)));
        let mut paths = match paths {
            Ok(paths) => paths,
            Err(error) => {
                let gap = |need| Missing::Unavailable(need, format!("{error:#}"));
                commit.paths = Err(gap(FactKind::Paths));
                if needs.contains(&FactKind::Lines) {
                    commit.lines = Err(gap(FactKind::Lines));
                }
                return;
            }
        };
        if needs.contains(&FactKind::Blobs) {
            for path in &mut paths {
                path.blob = self.read_blob_fact(path.after);
            }
        }
        if needs.contains(&FactKind::Lines) {
            commit.lines = self.count_changed_lines(&paths);
        }
        if needs.contains(&FactKind::Paths) || needs.contains(&FactKind::Blobs) {
            commit.paths = Ok(paths);
        }
    }

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
                (pair.before_index, pair.after_index) = (pair.before_index + same, pair.after_index + same);
            }
            let (left, right) = (
                pair.entry_at(&pair.before, pair.before_index),
                pair.entry_at(&pair.after, pair.after_index),
            );
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
                None => bail!("the commit changes trees with more than {MAX_COMPARED_ENTRIES} entries"),
            };
            if left.map(|it| (it.mode, it.id)) == right.map(|it| (it.mode, it.id)) {
                continue;
            }
            prefix.extend_from_slice(left.or(right).map(|entry| entry.name).unwrap_or_default());
            let is_tree = |entry: &DecodedTreeEntry<'_>| entry.is_tree();
            if left.as_ref().is_some_and(is_tree) || right.as_ref().is_some_and(is_tree) {
                prefix.push(b'/');
                let id = |entry: DecodedTreeEntry<'_>| entry.object_id();
                let (left, right) = (left.and_then(id), right.and_then(id));
                if MAX_TREE_DEPTH <= pairs.len() {
                    bail!("the commit changes directories nested more than {MAX_TREE_DEPTH} deep");
                }
                pairs.push(TreePair::read_pair(self, left, right, prefix.len())?);
            } else {
                changes.push(PathChange {
                    path: Text::from(prefix.as_slice()),
                    before: left.and_then(|entry| entry.to_entry()),
                    after: right.and_then(|entry| entry.to_entry()),
                    blob: unrequested_fact(FactKind::Blobs),
                });
            }
        }
        Ok(changes)
    }
}

/// Two trees that stand at the same place, and how far they have been compared.
struct TreePair {
    before: Option<Arc<DecodedTree>>,
    after: Option<Arc<DecodedTree>>,
    before_index: usize,
    after_index: usize,
    /// How many entries at the end of both are known to be the same.
    same_at_end: usize,
    format: Kind,
    /// How many bytes of the path lead here.
    prefix_length: usize,
}

impl TreePair {
    fn entry_at<'tree>(
        &self,
        tree: &'tree Option<Arc<DecodedTree>>,
        at: usize,
    ) -> Option<DecodedTreeEntry<'tree>> {
        let tree = tree.as_ref().filter(|tree| at + self.same_at_end < tree.len())?;
        tree.entry_at(at, self.format)
    }

    fn read_pair(
        reader: &mut ObjectReader,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        prefix: usize,
    ) -> Result<TreePair> {
        // The one that is known already makes it easier to read the other.
        let known_first = after.is_some_and(|id| reader.has_cached_tree(&id));
        let (first_id, second_id) = if known_first { (after, before) } else { (before, after) };
        let first = first_id.map(|id| reader.read_tree(&id)).transpose()?;
        let sibling = first_id.zip(first.as_deref());
        let second = second_id.map(|id| reader.read_tree_like(&id, sibling)).transpose()?;
        let alike = |tree: &Option<Arc<DecodedTree>>, other: Option<ObjectId>| {
            tree.as_ref().and_then(|tree| tree.overlap()).filter(|alike| Some(alike.other_tree) == other)
        };
        let alike = alike(&second, first_id).or_else(|| alike(&first, second_id));
        let (beginning, end) = alike.map_or((0, 0), |alike| (alike.same_at_start, alike.same_at_end));
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
