//! Which paths a commit changes: two trees, side by side.
//!
//! Equal subtrees are passed over by their ids. Nothing is guessed: a rename is a deletion and an
//! addition, so that a rule about the old place and a rule about the new one both see it.

use anyhow::{Result, bail};
use std::cmp::Ordering;
use std::sync::Arc;

use gix::ObjectId;
use gix::hash::Kind;

use crate::change::{Commit, Missing, Need, Needs, PathChange, Text};

use super::commit::not_asked_for;
use super::reader::Reader;
use super::tree::{Tree, TreeEntry};

/// No commit may make us look at more tree entries than this.
pub(super) const MOST_ENTRIES: usize = 200_000;

/// No tree may be nested deeper than this.
pub(super) const DEEPEST: usize = 256;

impl Reader {
    /// Adds to `commit` the facts about its paths that `needs` asks for.
    pub(super) fn add_paths(
        &mut self,
        commit: &mut Commit,
        tree: &ObjectId,
        first_parent: Option<&ObjectId>,
        tree_before: Option<ObjectId>,
        needs: &Needs,
    ) {
        let before = match (first_parent, tree_before) {
            (Some(_), Some(tree)) => Ok(Some(tree)),
            (parent, _) => parent.map(|parent| self.tree_of(parent)).transpose(),
        };
        let paths = before.and_then(|before| self.changed_paths(before, Some(*tree)));
        let mut paths = match paths {
            Ok(paths) => paths,
            Err(error) => {
                let gap = |need| Missing::Unavailable(need, format!("{error:#}"));
                commit.paths = Err(gap(Need::Paths));
                if needs.contains(&Need::Lines) {
                    commit.lines = Err(gap(Need::Lines));
                }
                return;
            }
        };
        if needs.contains(&Need::Blobs) {
            for path in &mut paths {
                path.blob = self.blob_fact(path.after);
            }
        }
        if needs.contains(&Need::Lines) {
            commit.lines = self.count_lines(&paths);
        }
        if needs.contains(&Need::Paths) || needs.contains(&Need::Blobs) {
            commit.paths = Ok(paths);
        }
    }

    /// Compares two trees, in the order of their paths; `None` stands for an empty one.
    pub(super) fn changed_paths(
        &mut self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
    ) -> Result<Vec<PathChange>> {
        let format = self.format();
        let mut changes = Vec::new();
        let mut prefix: Vec<u8> = Vec::new();
        let mut budget = MOST_ENTRIES;
        if before == after {
            return Ok(changes);
        }
        let mut pairs = vec![Pair::read(self, before, after, 0)?];
        while let Some(pair) = pairs.last_mut() {
            prefix.truncate(pair.prefix);
            if let (Some(before), Some(after)) = (&pair.before, &pair.after) {
                let same = before.same_run(pair.left, after, pair.right, format);
                (pair.left, pair.right) = (pair.left + same, pair.right + same);
            }
            let (left, right) = (pair.entry(&pair.before, pair.left), pair.entry(&pair.after, pair.right));
            let (left, right) = match (left, right) {
                (None, None) => {
                    pairs.pop();
                    continue;
                }
                (Some(left), Some(right)) => match left.order(&right) {
                    Ordering::Less => (Some(left), None),
                    Ordering::Greater => (None, Some(right)),
                    Ordering::Equal => (Some(left), Some(right)),
                },
                one_sided => one_sided,
            };
            pair.left += usize::from(left.is_some());
            pair.right += usize::from(right.is_some());
            budget = match budget.checked_sub(1) {
                Some(budget) => budget,
                None => bail!("the commit changes trees with more than {MOST_ENTRIES} entries"),
            };
            if left.map(|it| (it.mode, it.id)) == right.map(|it| (it.mode, it.id)) {
                continue;
            }
            prefix.extend_from_slice(left.or(right).map(|entry| entry.name).unwrap_or_default());
            let is_tree = |entry: &TreeEntry<'_>| entry.is_tree();
            if left.as_ref().is_some_and(is_tree) || right.as_ref().is_some_and(is_tree) {
                prefix.push(b'/');
                let id = |entry: TreeEntry<'_>| entry.object_id();
                let (left, right) = (left.and_then(id), right.and_then(id));
                if DEEPEST <= pairs.len() {
                    bail!("the commit changes directories nested more than {DEEPEST} deep");
                }
                pairs.push(Pair::read(self, left, right, prefix.len())?);
            } else {
                changes.push(PathChange {
                    path: Text::from(prefix.as_slice()),
                    before: left.and_then(|entry| entry.leaf()),
                    after: right.and_then(|entry| entry.leaf()),
                    blob: not_asked_for(Need::Blobs),
                });
            }
        }
        Ok(changes)
    }
}

/// Two trees that stand at the same place, and how far they have been compared.
struct Pair {
    before: Option<Arc<Tree>>,
    after: Option<Arc<Tree>>,
    left: usize,
    right: usize,
    /// How many entries at the end of both are known to be the same.
    end: usize,
    format: Kind,
    /// How many bytes of the path lead here.
    prefix: usize,
}

impl Pair {
    fn entry<'tree>(&self, tree: &'tree Option<Arc<Tree>>, at: usize) -> Option<TreeEntry<'tree>> {
        let tree = tree.as_ref().filter(|tree| at + self.end < tree.len())?;
        tree.get(at, self.format)
    }

    fn read(
        reader: &mut Reader,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        prefix: usize,
    ) -> Result<Pair> {
        // The one that is known already makes it easier to read the other.
        let known_first = after.is_some_and(|id| reader.has_tree(&id));
        let (first_id, second_id) = if known_first { (after, before) } else { (before, after) };
        let first = first_id.map(|id| reader.tree(&id)).transpose()?;
        let sibling = first_id.zip(first.as_deref());
        let second = second_id.map(|id| reader.tree_like(&id, sibling)).transpose()?;
        let alike = |tree: &Option<Arc<Tree>>, other: Option<ObjectId>| {
            tree.as_ref().and_then(|tree| tree.alike()).filter(|alike| Some(alike.to) == other)
        };
        let alike = alike(&second, first_id).or_else(|| alike(&first, second_id));
        let (beginning, end) = alike.map_or((0, 0), |alike| (alike.beginning, alike.end));
        let (before, after) = if known_first { (second, first) } else { (first, second) };
        Ok(Pair { before, after, left: beginning, right: beginning, end, format: reader.format(), prefix })
    }
}
