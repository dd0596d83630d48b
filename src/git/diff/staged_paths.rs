//! Which paths are staged: the index of a clone, side by side with the tree of a commit.
//!
//! Git keeps in the index the id of the tree that each folder would have. A folder with the id that it has in
//! the commit is skipped, so that a small commit to a large repository reads few objects.

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::index::entry::{Flags, Mode, Stage};
use gix::index::extension::Tree as CachedFolder;
use gix::index::{Entry, State};

use crate::change::{FactKind, Missing, Oid, PathChange, PathEntry, PathEntryKind, Text};
use crate::git::diff::changed_paths::{MAX_COMPARED_ENTRIES, MAX_TREE_DEPTH};
use crate::git::objects::reader::ObjectReader;
use crate::git::objects::tree_entry::{DecodedTreeEntry, TreeEntryMode};
use crate::git::repository::Repository;

/// The largest index that is read: about 600,000 paths.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// The most memory that the library may take at once for an index.
const MAX_INDEX_MEMORY_BYTES: usize = 256 << 20;

impl Repository {
    /// Returns the paths in which the index in the file `index` differs from the tree of `base`, in the order
    /// of the paths; without a `base`, from an empty tree. A path that is only intended to be added is not
    /// staged, and there is no index without a file.
    ///
    /// # Errors
    ///
    /// Fails if the index has conflicts, is too large or cannot be read, or if a tree cannot be read.
    pub fn find_staged_paths(&self, index: &Path, base: Option<Oid>) -> Result<Vec<PathChange>> {
        let state = read_index(index, self.shared.layout.object_format)?;
        let base = base.map(|id| self.to_object_id(id)).transpose()?;
        let mut reader = self.borrow_reader();
        let tree = base.map(|id| reader.find_root_tree(&id)).transpose()?;
        let mut comparison = IndexComparison {
            reader: &mut reader,
            state: &state,
            budget: MAX_COMPARED_ENTRIES,
            changes: vec![],
        };
        comparison.compare_folder(b"", tree, state.tree(), state.entries(), 0)?;
        Ok(comparison.changes)
    }

    /// Returns true if the index in the file `index` holds paths with conflicts that nobody has resolved yet.
    ///
    /// # Errors
    ///
    /// Fails if the index is too large or cannot be read.
    pub fn has_unmerged_paths(&self, index: &Path) -> Result<bool> {
        let state = read_index(index, self.shared.layout.object_format)?;
        Ok(state.entries().iter().any(|entry| entry.stage() != Stage::Unconflicted))
    }
}

/// Reads the index in a file; an empty one if there is no such file.
fn read_index(file: &Path, format: gix::hash::Kind) -> Result<State> {
    match file.metadata() {
        Ok(metadata) if metadata.len() > MAX_INDEX_BYTES => {
            bail!("the index has {} bytes; at most {MAX_INDEX_BYTES} are read", metadata.len())
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::new(format)),
        Err(error) => return Err(error).context("cannot read the index"),
    }
    let options = gix::index::decode::Options {
        // A hook is over before a second thread would pay.
        thread_limit: Some(1),
        alloc_limit_bytes: Some(MAX_INDEX_MEMORY_BYTES),
        ..gix::index::decode::Options::default()
    };
    match gix::index::File::at(file, format, true, options) {
        Ok(read) => Ok(read.into()),
        Err(error) => bail!("cannot read the index: {error}"),
    }
}

/// An index that is being compared with a tree.
struct IndexComparison<'index> {
    reader: &'index mut ObjectReader,
    state: &'index State,
    /// How many more entries are compared.
    budget: usize,
    changes: Vec<PathChange>,
}

/// What the index has under one name of a folder.
#[derive(Clone, Copy)]
struct StagedName<'index> {
    name: &'index [u8],
    mode: TreeEntryMode,
    /// The id of a file, or of a folder that a sparse index keeps as one entry.
    id: Option<&'index gix::oid>,
    /// The entries of the index.
    entries: &'index [Entry],
}

impl<'index> IndexComparison<'index> {
    /// Compares the folder with this `prefix`, which is empty or ends with a slash: its `tree` with the
    /// `entries` of the index in it.
    fn compare_folder(
        &mut self,
        prefix: &[u8],
        tree: Option<ObjectId>,
        cached: Option<&CachedFolder>,
        entries: &'index [Entry],
        depth: usize,
    ) -> Result<()> {
        if depth > MAX_TREE_DEPTH {
            bail!("directories are nested more than {MAX_TREE_DEPTH} deep");
        }
        if let (Some(tree), Some(cached)) = (tree, cached)
            && cached.id == tree
            && cached.num_entries.is_some_and(|count| usize::try_from(count) == Ok(entries.len()))
        {
            return Ok(());
        }
        let format = self.reader.object_format();
        let tree = tree.map(|id| self.reader.read_tree(&id)).transpose()?;
        let mut rest = entries;
        let mut position = 0;
        loop {
            let left = tree.as_ref().and_then(|tree| tree.entry_at(position, format));
            let right = self.find_next_name(prefix, rest)?;
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => {
                    left.compare_order(&DecodedTreeEntry { name: right.name, mode: right.mode, id: b"" })
                }
            };
            let left = left.filter(|_| order != Ordering::Greater);
            let right = right.filter(|_| order != Ordering::Less);
            position += usize::from(left.is_some());
            if let Some(staged) = &right {
                rest = rest.get(staged.entries.len()..).unwrap_or_default();
            }
            self.budget = match self.budget.checked_sub(1) {
                Some(budget) => budget,
                None => bail!("more than {MAX_COMPARED_ENTRIES} entries have to be compared"),
            };
            self.compare_name(prefix, left, right, cached, depth)?;
        }
    }

    /// Compares what is on both sides under the same name, or on one side only.
    fn compare_name(
        &mut self,
        prefix: &[u8],
        left: Option<DecodedTreeEntry<'_>>,
        right: Option<StagedName<'index>>,
        cached: Option<&CachedFolder>,
        depth: usize,
    ) -> Result<()> {
        let name = match (&left, &right) {
            (Some(left), _) => left.name,
            (None, Some(right)) => right.name,
            (None, None) => return Ok(()),
        };
        let is_tree = match (&left, &right) {
            (Some(left), _) => left.is_tree(),
            (None, Some(right)) => right.mode == TreeEntryMode::Tree,
            (None, None) => false,
        };
        let path = [prefix, name].concat();
        if !is_tree {
            let before = left.and_then(DecodedTreeEntry::to_entry);
            let after = right.and_then(|staged| staged.to_entry());
            if before != after {
                self.changes.push(build_change(path, before, after));
            }
            return Ok(());
        }
        let tree = left.as_ref().and_then(DecodedTreeEntry::object_id);
        let folder = [path.as_slice(), b"/"].concat();
        match right {
            Some(StagedName { id: Some(id), .. }) => self.compare_sparse_folder(&folder, tree, id.to_owned()),
            other => {
                let entries = other.map_or(&[][..], |staged| staged.entries);
                let cached = cached.and_then(|cached| find_cached_folder(cached, name));
                self.compare_folder(&folder, tree, cached, entries, depth + 1)
            }
        }
    }

    /// Compares a folder that a sparse index keeps as the id of its tree.
    fn compare_sparse_folder(
        &mut self,
        folder: &[u8],
        before: Option<ObjectId>,
        after: ObjectId,
    ) -> Result<()> {
        for change in self.reader.find_changed_paths(before, Some(after))? {
            let path = [folder, change.path.as_bytes()].concat();
            self.changes.push(build_change(path, change.before, change.after));
        }
        Ok(())
    }

    /// Returns what stands first in `entries`, all of which are in the folder `prefix`.
    fn find_next_name(&self, prefix: &[u8], entries: &'index [Entry]) -> Result<Option<StagedName<'index>>> {
        let Some(first) = entries.first() else { return Ok(None) };
        let path: &'index [u8] = first.path(self.state);
        let Some(below) = path.strip_prefix(prefix) else { bail!("the index is not sorted") };
        if first.stage() != Stage::Unconflicted {
            bail!("the index has conflicts");
        }
        let Some(slash) = memchr::memchr(b'/', below) else {
            let entries = entries.get(..1).unwrap_or_default();
            // An entry that is only intended keeps its place, and counts as one that is not there.
            let mode = TreeEntryMode::Leaf(find_entry_kind(first.mode)?);
            return Ok(Some(StagedName { name: below, mode, id: Some(&first.id), entries }));
        };
        let (name, inner) = below.split_at_checked(slash).unwrap_or_default();
        if first.mode == Mode::DIR && inner == b"/" {
            let entries = entries.get(..1).unwrap_or_default();
            return Ok(Some(StagedName { name, mode: TreeEntryMode::Tree, id: Some(&first.id), entries }));
        }
        let folder = path.get(..prefix.len() + slash + 1).unwrap_or_default();
        let end = entries.partition_point(|entry| entry.path(self.state).starts_with(folder));
        let entries = entries.get(..end.max(1)).unwrap_or_default();
        Ok(Some(StagedName { name, mode: TreeEntryMode::Tree, id: None, entries }))
    }
}

impl StagedName<'_> {
    /// Returns the entry that the commit will have; `None` for a path that is only intended to be added.
    fn to_entry(self) -> Option<PathEntry> {
        let is_intended =
            self.entries.first().is_some_and(|entry| entry.flags.contains(Flags::INTENT_TO_ADD));
        match self.mode {
            TreeEntryMode::Leaf(kind) if !is_intended => {
                Oid::from_bytes(self.id?.as_bytes()).map(|id| PathEntry { kind, id })
            }
            _ => None,
        }
    }
}

fn find_cached_folder<'cache>(parent: &'cache CachedFolder, name: &[u8]) -> Option<&'cache CachedFolder> {
    parent.children.iter().find(|child| child.name.as_slice() == name)
}

fn find_entry_kind(mode: Mode) -> Result<PathEntryKind> {
    Ok(match mode {
        Mode::FILE => PathEntryKind::File,
        Mode::FILE_EXECUTABLE => PathEntryKind::Executable,
        Mode::SYMLINK => PathEntryKind::Symlink,
        Mode::COMMIT => PathEntryKind::Submodule,
        _ => bail!("the index has an entry of an unknown kind"),
    })
}

/// Builds a change whose content is looked at when the commit is made.
fn build_change(path: Vec<u8>, before: Option<PathEntry>, after: Option<PathEntry>) -> PathChange {
    PathChange {
        path: Text::from(path.as_slice()),
        before,
        after,
        blob: Err(Missing::NotAtThisStage(FactKind::Blobs)),
        content: Some(Box::new(Err(Missing::NotAtThisStage(FactKind::AddedLines)))),
    }
}
