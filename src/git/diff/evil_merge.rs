//! Evil merges (git's word): what a merge holds that neither its parents nor a clean merge of them gives.
//!
//! A merge is the one commit whose difference from its first parent is mostly other people's work,
//! already judged with their commits. What was done *in* the merge is found by merging again: every
//! path has to be what a clean merge gives, and a path that is not was changed by hand. Dropped work of
//! one side is found in the same way. A file that one side renames and the other one edits is followed to its
//! new place, as git's own merges do, but only if the merge differs from one without renames.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, HashMap};

use gix::ObjectId;

use crate::change::{Fact, FactKind, PathEntry, PathEntryKind, Text};

use crate::git::diff::line_counts::is_binary;
use crate::git::diff::merge_base::find_merge_bases;
use crate::git::diff::renames::MovedFile;
use crate::git::diff::three_way::{is_clean_merge, merge_as_base};
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
        let own = self.walk_merge_trees(&trees, is_settled, |reader, entries| {
            let sides = MergeSides::of_entries(entries, &ancestor);
            Ok(reader.is_evil_row(&ancestor, entries, &sides)?.then_some(sides))
        })?;
        if own.iter().any(|(_, sides)| sides.can_be_rename()) {
            return self.follow_renames(own, &trees, &ancestor);
        }
        Ok(own.into_iter().map(|(path, _)| path).collect())
    }

    /// Decides about one path, also if its base is itself a merge of contents.
    fn is_evil_row(
        &mut self,
        ancestor: &VirtualBase,
        entries: &[Option<PathEntry>],
        sides: &MergeSides,
    ) -> Result<bool> {
        let MergeSides { merged, left, right, base } = *sides;
        if let Some(base) = base {
            return self.is_evil_path(merged, left, right, base);
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
            Some(base) => self.differs_from_merge(merged, left, right, &base),
            None => Ok(true),
        }
    }

    /// Judges the paths of renamed files again, each new path with what stood at the old one. `own` is
    /// what the merge holds of its own if nothing is renamed.
    ///
    /// What git's merge would leave to a person stays as it is: a file that one side renames and the other
    /// one deletes, renames to another path, or has another file in the place of.
    fn follow_renames(
        &mut self,
        own: Vec<(Text, MergeSides)>,
        trees: &[Option<ObjectId>],
        ancestor: &VirtualBase,
    ) -> Result<Vec<Text>> {
        let is_untouched = |ids: &[Option<ObjectId>]| {
            let [_, left, right, ..] = ids else { return false };
            left == right && ancestor.resolve_value(ids) == Some(*left)
        };
        let moved = self.walk_merge_trees(trees, is_untouched, |_, entries| {
            let sides = MergeSides::of_entries(entries, ancestor);
            let is_moved = sides.base.is_some_and(|base| [sides.left, sides.right, base].contains(&None));
            Ok(is_moved.then_some(sides))
        })?;
        let left_renames = self.find_side_renames(&moved, MergeSides::as_is)?;
        let right_renames = self.find_side_renames(&moved, MergeSides::exchange)?;
        let mut is_own: BTreeMap<Text, bool> = own.into_iter().map(|(path, _)| (path, true)).collect();
        for (renames, other_renames, turn) in [
            (&left_renames, &right_renames, MergeSides::as_is as fn(&MergeSides) -> MergeSides),
            (&right_renames, &left_renames, MergeSides::exchange),
        ] {
            for (old, new) in renames {
                let (Some((old_path, old_row)), Some((new_path, new_row))) =
                    (moved.get(*old), moved.get(*new))
                else {
                    continue;
                };
                let (before, after) = (turn(old_row), turn(new_row));
                let theirs = match other_renames.get(old) {
                    Some(other_new) if other_new == new => after.right,
                    None if after.right.is_none() => before.right,
                    _ => None,
                };
                let (Some(theirs), Some(base)) = (theirs, before.base) else { continue };
                let is_evil = self.is_evil_path(after.merged, after.left, Some(theirs), base);
                let context = || format!("`{}`", new_path.as_bytes().escape_ascii());
                is_own.insert(new_path.clone(), is_evil.with_context(context)?);
                is_own.insert(old_path.clone(), before.merged.is_some());
            }
        }
        Ok(is_own.into_iter().filter_map(|(path, is_own)| is_own.then_some(path)).collect())
    }

    /// Returns the renames of one side, the left one after `turn`: from which row to which row.
    fn find_side_renames(
        &mut self,
        moved: &[(Text, MergeSides)],
        turn: fn(&MergeSides) -> MergeSides,
    ) -> Result<HashMap<usize, usize>> {
        let (mut deleted, mut added) = (Vec::new(), Vec::new());
        let (mut deleted_rows, mut added_rows) = (Vec::new(), Vec::new());
        for (row, (path, sides)) in moved.iter().enumerate() {
            let sides = turn(sides);
            match (sides.base.flatten(), sides.left) {
                (Some(entry), None) if !is_empty_file(&entry) => {
                    deleted.push(MovedFile { path, entry, is_wanted: sides.right != Some(entry) });
                    deleted_rows.push(row);
                }
                (None, Some(entry)) if !is_empty_file(&entry) => {
                    added.push(MovedFile { path, entry, is_wanted: true });
                    added_rows.push(row);
                }
                _ => {}
            }
        }
        let mut renames = HashMap::new();
        for (from, to) in self.find_renames(&deleted, &added)? {
            if let (Some(old), Some(new)) = (deleted_rows.get(from), added_rows.get(to)) {
                renames.insert(*old, *new);
            }
        }
        Ok(renames)
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
            |ids| merge_parents_trivially(ids, &has_base) == ids.first().copied(),
            |_, entries| {
                Ok((merge_parents_trivially(entries, &has_base) != entries.first().copied()).then_some(()))
            },
        )?;
        Ok(own.into_iter().map(|(path, ())| path).collect())
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

    /// Returns the content of a base that is itself a merge; `None` if it cannot be merged line by line.
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
            [left, right, base] => Ok(merge_as_base(base, left, right)),
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
}

fn is_regular_file(entry: &PathEntry) -> bool {
    matches!(entry.kind, PathEntryKind::File | PathEntryKind::Executable)
}

/// The file that is empty is the same everywhere, so git takes none for a renamed one.
fn is_empty_file(entry: &PathEntry) -> bool {
    let Ok(id) = ObjectId::try_from(entry.id.as_bytes()) else { return false };
    id.is_empty_blob()
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

    fn as_is(&self) -> MergeSides {
        *self
    }

    /// Returns the same from the other side.
    fn exchange(&self) -> MergeSides {
        MergeSides { left: self.right, right: self.left, ..*self }
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
