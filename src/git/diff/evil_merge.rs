//! Evil merges (git's word): what a merge holds that neither its parents nor a clean merge of them gives.
//!
//! A merge is the one commit whose difference from its first parent is mostly other people's work,
//! already judged with their commits. What was done *in* the merge is found by merging again: every
//! path has to be what a clean merge gives, and a path that is not was changed by hand. Dropped work of
//! one side is found in the same way. Where git stops with a conflict, somebody has decided, and the path
//! counts as changed by hand whatever it holds.

use std::collections::BTreeMap;

use anyhow::Result;
use gix::ObjectId;

use crate::change::{Fact, FactKind, PathEntry, PathEntryKind, Text};

use crate::git::diff::content_merge::is_regular_file;
use crate::git::diff::line_counts::is_binary;
use crate::git::diff::made_blobs::MadeBlobs;
use crate::git::diff::merge_base::find_merge_bases;
use crate::git::diff::rename_merge::{MadeTree, RenameMerge, is_empty_file};
use crate::git::diff::three_way::merge_as_base;
use crate::git::diff::virtual_base::{VirtualBase, merge_trivially};
use crate::git::objects::commit::unavailable_fact;
use crate::git::objects::reader::ObjectReader;

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
    ///
    /// The first comparison leaves out renames. A second one, with renames, is made only if one of them could
    /// explain what the first one found, or if both sides deleted a file, which one of them may have renamed.
    fn compare_two_parents(
        &mut self,
        tree: &ObjectId,
        left: &ObjectId,
        right: &ObjectId,
    ) -> Result<Vec<Text>> {
        let bases = find_merge_bases(self, &[*left], right)?;
        let roots = [self.find_root_tree(left)?, self.find_root_tree(right)?];
        let mut trees = vec![Some(*tree)];
        trees.extend(roots.map(Some));
        let ancestor = VirtualBase::find_base(self, &bases, &mut trees)?;
        let is_crossed = bases.len() > 1;
        self.compare_with_base((&trees, roots), &ancestor, is_crossed, |merge| merge.merge_bases(&bases, 0))
    }

    /// Returns the paths at which `tree` holds something else than the clean merge of the trees `sides`, both made from
    /// the tree `base`: what picking the difference between `base` and the second side onto the first one gives.
    ///
    /// # Errors
    ///
    /// Fails if a tree or a file cannot be read, or if there is too much to compare.
    pub(crate) fn compare_with_pick(
        &mut self,
        tree: ObjectId,
        sides: [ObjectId; 2],
        base: ObjectId,
    ) -> Result<Vec<Text>> {
        let [left, right] = sides;
        if merge_trivially(left, right, base) == Some(tree) {
            return Ok(Vec::new());
        }
        let trees = [Some(tree), Some(left), Some(right), Some(base)];
        let ancestor = VirtualBase::Tree(3);
        self.compare_with_base((&trees, sides), &ancestor, false, |_| Ok(Some(MadeTree::of_root(base))))
    }

    /// Compares the first of these trees with the clean merge of `roots`, which are the next two.
    fn compare_with_base(
        &mut self,
        (trees, roots): (&[Option<ObjectId>], [ObjectId; 2]),
        ancestor: &VirtualBase,
        has_several_bases: bool,
        make_base: impl FnOnce(&mut RenameMerge<'_>) -> Result<Option<MadeTree>>,
    ) -> Result<Vec<Text>> {
        let is_settled = |_: &[u8], ids: &[Option<ObjectId>]| {
            let [merged, left, right, ..] = ids else { return false };
            let Some(base) = ancestor.resolve_value(ids) else { return false };
            let may_be_deleted_by_both = left == right && *left != base && base.is_some();
            !may_be_deleted_by_both && merge_trivially(*left, *right, base) == Some(*merged)
        };
        let mut is_deleted_by_both = false;
        let own = self.walk_merge_trees(trees, is_settled, |reader, _, entries| {
            let sides = MergeSides::of_entries(entries, ancestor);
            is_deleted_by_both |= sides.is_deleted_by_both();
            Ok(reader.is_evil_row(ancestor, entries, &sides)?.then_some(sides))
        })?;
        let is_crossed = has_several_bases && !own.is_empty();
        let can_be_renamed = is_crossed || own.iter().any(|(_, sides)| sides.can_be_rename());
        let mut is_own: BTreeMap<Text, bool> = own.into_iter().map(|(path, _)| (path, true)).collect();
        if is_deleted_by_both || can_be_renamed {
            let mut merge = RenameMerge::new(self);
            if let Some(base) = make_base(&mut merge)?
                && let Some(merged) = trees.first().copied().flatten()
            {
                // From another base, what the first comparison found says nothing.
                if is_crossed {
                    is_own.clear();
                }
                is_own.extend(merge.judge_paths(merged, roots, &base, is_crossed)?);
            }
        }
        Ok(is_own.into_iter().filter_map(|(path, is_own)| is_own.then_some(path)).collect())
    }

    /// Decides about one path, also if its base is itself a merge of contents.
    fn is_evil_row(
        &mut self,
        ancestor: &VirtualBase,
        entries: &[Option<PathEntry>],
        sides: &MergeSides,
    ) -> Result<bool> {
        let MergeSides { merged, left, right, base } = *sides;
        let made = MadeBlobs::default();
        if let Some(base) = base {
            return made.is_evil_path(self, merged, [left, right, base]);
        }
        let (Some(merged), Some(left), Some(right)) = (merged, left, right) else { return Ok(true) };
        // The mode is merged by itself, and the bases may agree on it.
        let mut kinds = Vec::with_capacity(entries.len());
        for entry in entries {
            kinds.push(entry.map(|entry| entry.kind));
        }
        let base_kind = ancestor.resolve_value(&kinds).flatten().unwrap_or(PathEntryKind::Unknown);
        let is_merged_kind = merge_trivially(left.kind, right.kind, base_kind) == Some(merged.kind);
        if !is_merged_kind || ![merged, left, right].iter().all(is_regular_file) {
            return Ok(true);
        }
        match self.read_base_content(ancestor, entries)? {
            Some(base) => made.differs_from_merge(self, merged, [left, right], &base),
            None => Ok(true),
        }
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
        let own = self.walk_merge_trees(
            &trees,
            |_, ids| merge_parents_trivially(ids, &has_base) == ids.first().copied(),
            |_, _, entries| {
                Ok((merge_parents_trivially(entries, &has_base) != entries.first().copied()).then_some(()))
            },
        )?;
        Ok(own.into_iter().map(|(path, ())| path).collect())
    }

    /// Returns the content of a base that is itself a merge; `None` if it cannot be merged line by line.
    fn read_base_content(
        &mut self,
        ancestor: &VirtualBase,
        entries: &[Option<PathEntry>],
    ) -> Result<Option<Vec<u8>>> {
        if let Some(entry) = ancestor.resolve_value(entries) {
            return match entry {
                Some(entry) if is_regular_file(&entry) => {
                    MadeBlobs::default().read_whole_file(self, entry).map(Some)
                }
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
            [left, right, base] => Ok(merge_as_base(base, left, right)),
            _ => Ok(None),
        }
    }
}

/// What stands at one path in a merge of two parents.
#[derive(Clone, Copy)]
struct MergeSides {
    merged: Option<PathEntry>,
    left: Option<PathEntry>,
    right: Option<PathEntry>,
    /// `None` if the base has to be merged from contents.
    base: Option<Option<PathEntry>>,
}

impl MergeSides {
    fn of_entries(entries: &[Option<PathEntry>], ancestor: &VirtualBase) -> MergeSides {
        let entry_at = |place: usize| entries.get(place).copied().flatten();
        MergeSides {
            merged: entry_at(0),
            left: entry_at(1),
            right: entry_at(2),
            base: ancestor.resolve_value(entries),
        }
    }

    /// Returns whether both sides have deleted a file of the base.
    fn is_deleted_by_both(&self) -> bool {
        let base = self.base.flatten();
        self.left.is_none() && self.right.is_none() && base.is_some_and(|base| !is_empty_file(&base))
    }

    /// Returns whether a path that a merge without renames does not explain could be one end of a rename.
    fn can_be_rename(&self) -> bool {
        match self.base {
            Some(Some(_)) => self.left.is_none() || self.right.is_none(),
            Some(None) => self.left.is_some() && self.right.is_some(),
            None => false,
        }
    }
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
