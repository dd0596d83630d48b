//! A merge that is made again with renames, as git makes it.
//!
//! A file that one side renames and the other one edits is followed to its new place. Where the two sides
//! do with one file what git cannot put together (one renames it, and the other one deletes it or renames it
//! to another path), git stops, and so the merge has content of its own whatever it holds. Where the sides have
//! several merge bases, these are merged first, in the same way, and the result is the base. It is kept in
//! memory, as what differs from a tree that exists.
//!
//! What git calls renames of directories is not followed: a file that one side adds to a directory stays there,
//! also if the other side renames all other files of that directory.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use anyhow::{Context, Result};
use gix::ObjectId;

use crate::change::{PathEntry, Text};

use crate::git::diff::content_merge::is_regular_file;
use crate::git::diff::made_blobs::MadeBlobs;
use crate::git::diff::merge_base::find_merge_bases;
use crate::git::diff::merge_row::{MergeParent, MergeRow};
use crate::git::diff::rename_order::{SideStates, WalkedFolders, order_rows};
use crate::git::diff::renames::{MovedFile, RenameBudget};
use crate::git::diff::virtual_base::merge_trivially;
use crate::git::objects::reader::ObjectReader;

/// The most merges of bases for one merge.
const MAX_BASE_MERGES: usize = 24;

/// The deepest recursion into bases of bases.
const MAX_BASE_DEPTH: usize = 8;

/// A tree that exists, with changes that no repository holds.
#[derive(Clone, Default)]
pub(crate) struct MadeTree {
    root: Option<ObjectId>,
    changes: BTreeMap<Text, Option<PathEntry>>,
}

impl MadeTree {
    pub(crate) fn of_root(root: ObjectId) -> Self {
        MadeTree { root: Some(root), changes: BTreeMap::new() }
    }

    /// Returns whether anything in a folder differs from the tree that exists. Its path ends with a slash.
    fn has_changes_below(&self, folder: &[u8]) -> bool {
        let from = Bound::Excluded(Text::from(folder));
        let next = self.changes.range((from, Bound::Unbounded)).next();
        next.is_some_and(|(path, _)| path.as_bytes().starts_with(folder))
    }
}

/// The paths at which the sides of a merge and their base differ, in order, and the folders around them.
struct MergeRows {
    rows: Vec<(Text, MergeRow)>,
    folders: WalkedFolders,
}

/// The making of one merge.
pub(crate) struct RenameMerge<'r> {
    reader: &'r mut ObjectReader,
    made: MadeBlobs,
    budget: RenameBudget,
    base_merges_left: usize,
}

impl<'r> RenameMerge<'r> {
    pub(crate) fn new(reader: &'r mut ObjectReader) -> Self {
        RenameMerge {
            reader,
            made: MadeBlobs::default(),
            budget: RenameBudget::new(),
            base_merges_left: MAX_BASE_MERGES,
        }
    }

    /// Returns the base that the merge of all these bases gives; `None` if that takes too many merges.
    pub(crate) fn merge_bases(&mut self, bases: &[ObjectId], depth: usize) -> Result<Option<MadeTree>> {
        let Some((first, rest)) = bases.split_first() else { return Ok(Some(MadeTree::default())) };
        let mut merged = MadeTree::of_root(self.reader.find_root_tree(first)?);
        for (index, base) in rest.iter().enumerate() {
            let Some(left) = self.base_merges_left.checked_sub(1) else { return Ok(None) };
            self.base_merges_left = left;
            if depth == MAX_BASE_DEPTH {
                return Ok(None);
            }
            let earlier = bases.get(..=index).unwrap_or_default();
            let below = find_merge_bases(self.reader, earlier, base)?;
            let Some(below) = self.merge_bases(&below, depth + 1)? else { return Ok(None) };
            let right = MadeTree::of_root(self.reader.find_root_tree(base)?);
            merged = self.merge_as_base(merged, &right, &below)?;
        }
        Ok(Some(merged))
    }

    /// Merges two trees as git does for a base of another merge.
    fn merge_as_base(&mut self, left: MadeTree, right: &MadeTree, base: &MadeTree) -> Result<MadeTree> {
        let mut merge = self.collect_rows(None, [&left, right, base], false, |row| !row.is_untouched())?;
        let before: Vec<Option<PathEntry>> = merge.rows.iter().map(|(_, row)| row.left).collect();
        self.follow_renames(&mut merge)?;
        let mut entries = BTreeMap::new();
        for (path, row) in &merge.rows {
            let context = || format!("`{}`", path.as_bytes().escape_ascii());
            entries.insert(path.as_bytes(), self.merge_row_as_base(row).with_context(context)?);
        }
        let mut merged = left;
        for ((path, row), before) in merge.rows.iter().zip(before) {
            let mut entry = entries.get(path.as_bytes()).copied().flatten();
            if entry.is_some() && has_entry_below(&entries, path) {
                // A folder is in the way. Git gives the file another name.
                let branch = if row.left.is_some() { "1" } else { "2" };
                let name = [path.as_bytes(), b"~Temporary merge branch ", branch.as_bytes()].concat();
                merged.changes.insert(Text::from(name.as_slice()), entry.take());
            }
            if entry != before {
                merged.changes.insert(path.clone(), entry);
            }
        }
        Ok(merged)
    }

    /// Returns what git has at one path in the merge of two bases.
    fn merge_row_as_base(&mut self, row: &MergeRow) -> Result<Option<PathEntry>> {
        if row.has_same_sides {
            return Ok(row.left);
        }
        // Git compares the sides before it follows renames, and then no more.
        if !row.is_renamed
            && let Some(entry) = merge_trivially(row.left, row.right, row.base)
        {
            return Ok(entry);
        }
        match (row.left, row.right) {
            (Some(left), Some(right)) => self.made.merge_entries_as_base(self.reader, left, right, row.base),
            (None, None) => Ok(None),
            (one, other) => Ok(row.base.or(one).or(other)),
        }
    }

    /// Returns which paths a merge has of its own, and which it has not, of those that renames have to do
    /// with, or of all.
    pub(crate) fn judge_paths(
        &mut self,
        merged: ObjectId,
        parents: [ObjectId; 2],
        base: &MadeTree,
        judges_all: bool,
    ) -> Result<Vec<(Text, bool)>> {
        let [left, right] = parents.map(MadeTree::of_root);
        let sides = [&left, &right, base];
        let mut merge = if judges_all {
            let keeps = |row: &MergeRow| !row.is_untouched() || row.merged != row.left;
            self.collect_rows(Some(merged), sides, true, keeps)?
        } else {
            let keeps = |row: &MergeRow| !row.is_untouched() && row.can_be_renamed();
            self.collect_rows(Some(merged), sides, false, keeps)?
        };
        self.follow_renames(&mut merge)?;
        let mut judged = Vec::new();
        for (path, row) in merge.rows {
            if judges_all || row.is_renamed || row.has_conflict {
                let context = || format!("`{}`", path.as_bytes().escape_ascii());
                let is_own = self.is_evil_row(&row).with_context(context)?;
                judged.push((path, is_own));
            }
        }
        Ok(judged)
    }

    fn is_evil_row(&mut self, row: &MergeRow) -> Result<bool> {
        if row.has_conflict {
            return Ok(true);
        }
        if row.has_same_sides {
            return Ok(row.merged != row.left);
        }
        self.made.is_evil_path(self.reader, row.merged, [row.left, row.right, row.base])
    }

    /// Walks over both sides and their base, and over the merge if there is one to judge. A path that is the
    /// same on both sides and in the base is met for sure only if all paths are judged.
    fn collect_rows(
        &mut self,
        merged: Option<ObjectId>,
        sides: [&MadeTree; 3],
        judges_all: bool,
        keeps: impl Fn(&MergeRow) -> bool,
    ) -> Result<MergeRows> {
        let mut trees: Vec<Option<ObjectId>> = sides.iter().map(|side| side.root).collect();
        trees.extend(merged.map(Some));
        let mut pending: BTreeSet<Text> = BTreeSet::new();
        for side in sides {
            pending.extend(side.changes.keys().cloned());
        }
        let folders = RefCell::new(WalkedFolders::default());
        let is_settled = |path: &[u8], ids: &[Option<ObjectId>]| {
            let mut path = path.to_vec();
            path.push(b'/');
            let is_made = sides.iter().any(|side| side.has_changes_below(&path));
            let [left, right, base, ..] = ids else { return false };
            let states = (!is_made).then(|| SideStates::of_sides(&[*left, *right, *base]));
            folders.borrow_mut().add_folder(path, states);
            let is_as_merged = !judges_all || ids.get(3) == ids.first();
            !is_made && left == right && left == base && is_as_merged
        };
        let row_at = |path: &Text, entries: &[Option<PathEntry>]| {
            let mut row = [None; 3];
            for ((slot, entry), side) in row.iter_mut().zip(entries).zip(sides) {
                *slot = side.changes.get(path).copied().unwrap_or(*entry);
            }
            MergeRow::new(entries.get(3).copied().flatten(), row)
        };
        let mut rows = self.reader.walk_merge_trees(&trees, is_settled, |_, path, entries| {
            pending.remove(path);
            let row = row_at(path, entries);
            let states = SideStates::of_sides(&[row.left, row.right, row.base]);
            folders.borrow_mut().add_states(path.as_bytes(), states);
            Ok(keeps(&row).then_some(row))
        })?;
        for path in pending {
            let row = row_at(&path, &[None; 4]);
            let states = SideStates::of_sides(&[row.left, row.right, row.base]);
            folders.borrow_mut().add_states(path.as_bytes(), states);
            if keeps(&row) {
                rows.push((path, row));
            }
        }
        rows.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(MergeRows { rows, folders: folders.into_inner() })
    }

    /// Moves what stands at the old path of each renamed file to the new one, as git does.
    fn follow_renames(&mut self, merge: &mut MergeRows) -> Result<()> {
        let left_renames = self.find_side_renames(merge, MergeParent::Left)?;
        let right_renames = self.find_side_renames(merge, MergeParent::Right)?;
        let sources: BTreeSet<usize> = left_renames.keys().chain(right_renames.keys()).copied().collect();
        for old in sources {
            match (left_renames.get(&old), right_renames.get(&old)) {
                (Some(left), Some(right)) => self.follow_both_renames(&mut merge.rows, old, *left, *right)?,
                (Some(new), None) => self.follow_rename(&mut merge.rows, MergeParent::Left, old, *new)?,
                (None, Some(new)) => self.follow_rename(&mut merge.rows, MergeParent::Right, old, *new)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Follows a file that one side renames.
    fn follow_rename(
        &mut self,
        rows: &mut [(Text, MergeRow)],
        side: MergeParent,
        old: usize,
        new: usize,
    ) -> Result<()> {
        let (Some((_, mut before)), Some((_, mut after))) = (rows.get(old).cloned(), rows.get(new).cloned())
        else {
            return Ok(());
        };
        let (renamed, theirs) = (after.entry_of(side), before.entry_of(side.other()));
        let is_regular = |entry: Option<PathEntry>| entry.as_ref().is_some_and(is_regular_file);
        let has_other_type = theirs.is_some() && is_regular(theirs) != is_regular(renamed);
        let collides = after.entry_of(side.other()).is_some() && !has_other_type;
        if collides {
            match (renamed, theirs) {
                (Some(renamed), Some(theirs)) => {
                    let (left, right) = match side {
                        MergeParent::Left => (renamed, theirs),
                        MergeParent::Right => (theirs, renamed),
                    };
                    let merged = self.made.merge_entries_cleanly(self.reader, left, right, before.base)?;
                    match merged {
                        Some(merged) => after.set_entry(side, Some(merged)),
                        None => after.has_conflict = true,
                    }
                }
                _ => after.has_conflict = true,
            }
        } else {
            after.base = before.base;
            if theirs.is_none() || has_other_type && after.entry_of(side.other()).is_none() {
                after.has_conflict = true;
            } else if !has_other_type {
                after.set_entry(side.other(), theirs);
            }
        }
        after.is_renamed = true;
        if has_other_type {
            before.base = None;
            before.is_renamed = true;
        } else {
            before.take_away();
        }
        set_row(rows, old, before);
        set_row(rows, new, after);
        Ok(())
    }

    /// Follows a file that both sides rename.
    fn follow_both_renames(
        &mut self,
        rows: &mut [(Text, MergeRow)],
        old: usize,
        new_left: usize,
        new_right: usize,
    ) -> Result<()> {
        let rows_of = (rows.get(old).cloned(), rows.get(new_left).cloned(), rows.get(new_right).cloned());
        let (Some((_, mut before)), Some((_, mut left)), Some((_, mut right))) = rows_of else {
            return Ok(());
        };
        let base = before.base;
        before.take_away();
        set_row(rows, old, before);
        left.is_renamed = true;
        right.is_renamed = true;
        if new_left == new_right {
            left.base = base;
            set_row(rows, new_left, left);
            return Ok(());
        }
        if let (Some(one), Some(other)) = (left.left, right.right) {
            let merged = self.made.merge_entries_as_base(self.reader, one, other, base)?;
            (left.left, right.right) = (merged, merged);
        }
        left.has_conflict = true;
        right.has_conflict = true;
        set_row(rows, new_left, left);
        set_row(rows, new_right, right);
        Ok(())
    }

    /// Returns the renames of one side: from which row to which row.
    fn find_side_renames(&mut self, merge: &MergeRows, side: MergeParent) -> Result<HashMap<usize, usize>> {
        let (mut deleted, mut added) = (Vec::new(), Vec::new());
        let (mut deleted_rows, mut added_rows) = (Vec::new(), Vec::new());
        for place in order_rows(&merge.rows, &merge.folders, side) {
            let Some((path, row)) = merge.rows.get(place) else { continue };
            match (row.base, row.entry_of(side)) {
                (Some(entry), None) if !is_empty_file(&entry) => {
                    let is_wanted = row.entry_of(side.other()) != Some(entry);
                    deleted.push(MovedFile { path, entry, is_wanted });
                    deleted_rows.push(place);
                }
                (None, Some(entry)) if !is_empty_file(&entry) => {
                    added.push(MovedFile { path, entry, is_wanted: true });
                    added_rows.push(place);
                }
                _ => {}
            }
        }
        let mut renames = HashMap::new();
        if !deleted.iter().any(|file| file.is_wanted) {
            return Ok(renames);
        }
        let pairs = self.reader.find_renames(&deleted, &added, &self.made, &mut self.budget)?;
        for (from, to) in pairs {
            if let (Some(old), Some(new)) = (deleted_rows.get(from), added_rows.get(to)) {
                renames.insert(*old, *new);
            }
        }
        Ok(renames)
    }
}

/// Returns whether anything is in a folder with this path.
fn has_entry_below(entries: &BTreeMap<&[u8], Option<PathEntry>>, path: &Text) -> bool {
    let folder = [path.as_bytes(), b"/"].concat();
    let after = entries.range::<[u8], _>((Bound::Excluded(folder.as_slice()), Bound::Unbounded));
    after.take_while(|(path, _)| path.starts_with(&folder)).any(|(_, entry)| entry.is_some())
}

fn set_row(rows: &mut [(Text, MergeRow)], place: usize, row: MergeRow) {
    if let Some((_, slot)) = rows.get_mut(place) {
        *slot = row;
    }
}

/// The file that is empty is the same everywhere, so git takes none for a renamed one.
pub(crate) fn is_empty_file(entry: &PathEntry) -> bool {
    let Ok(id) = ObjectId::try_from(entry.id.as_bytes()) else { return false };
    id.is_empty_blob()
}
