//! One place of a merge: what the ancestor, both sides and the result have there.

use crate::change::{Oid, PathEntry, PathEntryKind};
use crate::git::diff::merge_row::MergeParent;
use crate::git::diff::rename_merge::is_empty_file;
use crate::git::diff::virtual_base::merge_trivially;
use crate::github::api::objects::FolderEntry;

/// What the ancestor, both sides and the result have in one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergedPlace {
    pub(crate) ancestor: Option<FolderEntry>,
    pub(crate) ours: Option<FolderEntry>,
    pub(crate) theirs: Option<FolderEntry>,
    pub(crate) merged: Option<FolderEntry>,
}

impl MergedPlace {
    /// Returns whether the place is as git merges it without looking into contents.
    pub(crate) fn is_settled(&self) -> bool {
        merge_trivially(self.ours, self.theirs, self.ancestor) == Some(self.merged)
    }

    pub(crate) fn entries(&self) -> [Option<FolderEntry>; 4] {
        [self.ancestor, self.ours, self.theirs, self.merged]
    }

    /// Returns whether only folders are here, and at least one.
    pub(crate) fn is_folder(&self) -> bool {
        let entries = self.entries();
        entries.iter().flatten().all(|entry| entry.is_folder()) && entries.iter().any(Option::is_some)
    }

    /// Returns whether a folder is here, and something else too.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.is_folder() && self.entries().iter().flatten().any(|entry| entry.is_folder())
    }

    /// Returns the place with its folders alone, or with all else alone.
    pub(crate) fn keep_folders(&self, are_folders: bool) -> MergedPlace {
        let [ancestor, ours, theirs, merged] =
            self.entries().map(|entry| entry.filter(|entry| entry.is_folder() == are_folders));
        MergedPlace { ancestor, ours, theirs, merged }
    }

    pub(crate) fn entry_of(&self, side: MergeParent) -> Option<FolderEntry> {
        match side {
            MergeParent::Left => self.ours,
            MergeParent::Right => self.theirs,
        }
    }

    /// Returns the file that one side takes away from here; `None` if it does not. That the empty file is somewhere else
    /// says nothing, so it does not count.
    pub(crate) fn deleted_by(&self, side: MergeParent) -> Option<PathEntry> {
        if self.entry_of(side).is_none() { self.ancestor.and_then(convert_file) } else { None }
    }

    /// Returns the file that one side adds here; `None` if it does not, or adds the empty file.
    pub(crate) fn added_by(&self, side: MergeParent) -> Option<PathEntry> {
        if self.ancestor.is_none() { self.entry_of(side).and_then(convert_file) } else { None }
    }

    /// Returns whether a merge needs to know where one side has moved the file that was here: the other one has changed
    /// it, or taken it away.
    pub(crate) fn is_moved_for(&self, side: MergeParent) -> bool {
        self.deleted_by(side).is_some() && self.entry_of(side.other()) != self.ancestor
    }

    /// Returns whether either side may have moved the file that was here, so that the merge depends on it.
    pub(crate) fn may_be_moved(&self) -> bool {
        self.is_moved_for(MergeParent::Left) || self.is_moved_for(MergeParent::Right)
    }

    /// Returns the contents to be merged, if all four are regular files, and the mode is as it merges.
    pub(crate) fn contents(&self) -> Option<[Oid; 4]> {
        let (ancestor, ours, theirs, merged) = (self.ancestor?, self.ours?, self.theirs?, self.merged?);
        let files = [ancestor, ours, theirs, merged];
        let mode = merge_trivially(ours.mode, theirs.mode, ancestor.mode);
        let is_mergeable = files.iter().all(|entry| entry.is_regular_file()) && mode == Some(merged.mode);
        is_mergeable.then(|| files.map(|entry| entry.id))
    }
}

/// Returns an entry as the search for renames takes it; `None` for a folder and for the empty file.
fn convert_file(entry: FolderEntry) -> Option<PathEntry> {
    let kind = match entry.mode & 0o170_000 {
        0o040_000 => return None,
        0o100_000 if entry.mode & 0o100 != 0 => PathEntryKind::Executable,
        0o100_000 => PathEntryKind::File,
        0o120_000 => PathEntryKind::Symlink,
        0o160_000 => PathEntryKind::Submodule,
        _ => PathEntryKind::Unknown,
    };
    let file = PathEntry { kind, id: entry.id };
    (!is_empty_file(&file)).then_some(file)
}
