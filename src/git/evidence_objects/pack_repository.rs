//! A repository of single objects, filled by libgit2, and the ids and patches that libgit2 makes of them.
//!
//! libgit2 is the second reader: the id of each object is computed by both, and a patch by it alone.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::change::Oid;
use crate::git::evidence_objects::tree_walk::{DifferingFile, TreeEntryId};
use crate::git::evidence_objects::{ObjectKind, RawObject};
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// The longest patch that is made.
const MAX_PATCH_BYTES: usize = 32 << 20;

/// What became of the making of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MadePatch {
    /// It is this.
    Whole(Vec<u8>),
    /// It would be longer than 32 MiB.
    TooLong,
}

/// A repository that holds single objects.
pub(crate) struct PackRepository {
    written: git2::Repository,
}

impl PackRepository {
    /// Makes an empty repository in a folder.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written.
    pub(crate) fn create_in(folder: &Path) -> Result<PackRepository> {
        let written = git2::Repository::init_bare(folder).context("libgit2 cannot make a repository")?;
        Ok(PackRepository { written })
    }

    /// Adds an object, and returns the ids that the gate's reader and libgit2 compute of it.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written.
    pub(crate) fn add_object(&self, kind: ObjectKind, bytes: &[u8]) -> Result<(Oid, Oid)> {
        let first = compute_object_id(kind, bytes)?;
        let store = self.written.odb().context("libgit2 cannot open the object store")?;
        let second = store.write(to_second_kind(kind), bytes).context("libgit2 cannot write an object")?;
        let Some(second) = Oid::from_bytes(second.as_bytes()) else { bail!("libgit2 gives no id") };
        Ok((first, second))
    }

    /// Opens the repository with the gate's own reader.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    pub(crate) fn open_for_reading(&self) -> Result<Repository> {
        Repository::open_at(self.written.path(), None)
    }

    /// Reads an object with libgit2; `None` if it is missing.
    pub(crate) fn read_second(&self, id: Oid) -> Option<RawObject> {
        let store = self.written.odb().ok()?;
        let object = store.read(git2::Oid::from_bytes(id.as_bytes()).ok()?).ok()?;
        let kind = ObjectKind::ALL.into_iter().find(|kind| to_second_kind(*kind) == object.kind())?;
        Some(RawObject { id, kind, bytes: object.data().to_vec() })
    }

    /// Returns the patch of the files that differ, as libgit2 writes it.
    ///
    /// # Errors
    ///
    /// Fails if the content of one of them is missing.
    pub(crate) fn write_patch(&self, files: &[DifferingFile]) -> Result<MadePatch> {
        let (before, after) = (
            ReducedTree::from_entries(files, |file| file.old)?,
            ReducedTree::from_entries(files, |file| file.new)?,
        );
        write_second_patch(&self.written, &before, &after)
    }
}

/// Returns the id of an object, by the gate's own reader.
///
/// # Errors
///
/// Fails if it cannot be computed.
pub(crate) fn compute_object_id(kind: ObjectKind, bytes: &[u8]) -> Result<Oid> {
    let kind = match kind {
        ObjectKind::Commit => gix::objs::Kind::Commit,
        ObjectKind::Tree => gix::objs::Kind::Tree,
        ObjectKind::Blob => gix::objs::Kind::Blob,
    };
    Ok(to_oid(&gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, bytes)?))
}

fn write_second_patch(
    second: &git2::Repository,
    before: &ReducedTree,
    after: &ReducedTree,
) -> Result<MadePatch> {
    let (before, after) = (before.write_tree(second)?, after.write_tree(second)?);
    let (before, after) = (second.find_tree(before)?, second.find_tree(after)?);
    let mut options = git2::DiffOptions::new();
    // What the configuration and the attributes of this machine say must not show in a patch.
    options.context_lines(3).ignore_submodules(false).id_abbrev(40);
    let diff = second.diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options))?;
    let mut patch = Vec::new();
    let mut is_too_long = false;
    let printed = diff.print(git2::DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), '+' | '-' | ' ') {
            patch.extend(u8::try_from(line.origin()));
        }
        patch.extend_from_slice(line.content());
        is_too_long = patch.len() > MAX_PATCH_BYTES;
        !is_too_long
    });
    if is_too_long {
        return Ok(MadePatch::TooLong);
    }
    printed?;
    Ok(MadePatch::Whole(patch))
}

/// One side of a patch: a tree with nothing but what differs.
///
/// libgit2 reads every directory of the trees that it compares, also those that are the same, and a pack does not hold
/// these. Of trees without them it makes the same patch.
#[derive(Default)]
struct ReducedTree {
    entries: BTreeMap<Vec<u8>, ReducedEntry>,
}

/// What stands under a name of a [`ReducedTree`].
enum ReducedEntry {
    File(TreeEntryId),
    Directory(ReducedTree),
}

impl ReducedTree {
    fn from_entries(
        files: &[DifferingFile],
        side: impl Fn(&DifferingFile) -> Option<TreeEntryId>,
    ) -> Result<ReducedTree> {
        let mut root = ReducedTree::default();
        for file in files {
            if let Some(entry) = side(file) {
                root.add_entry(file.path.as_bytes(), entry)?;
            }
        }
        Ok(root)
    }

    fn add_entry(&mut self, path: &[u8], entry: TreeEntryId) -> Result<()> {
        let mut folder = self;
        let mut names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let last = names.pop().unwrap_or_default();
        for name in names {
            let below = folder.entries.entry(name.to_vec());
            match below.or_insert_with(|| ReducedEntry::Directory(ReducedTree::default())) {
                ReducedEntry::Directory(below) => folder = below,
                ReducedEntry::File(_) => bail!("a tree holds a file and a directory of one name"),
            }
        }
        folder.entries.insert(last.to_vec(), ReducedEntry::File(entry));
        Ok(())
    }

    /// Writes the tree and returns its id.
    fn write_tree(&self, second: &git2::Repository) -> Result<git2::Oid> {
        let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (name, entry) in &self.entries {
            // Git sorts a directory as if its name ended with a slash.
            let (mode, id, end): (u16, git2::Oid, &[u8]) = match entry {
                ReducedEntry::File(file) => (file.mode, git2::Oid::from_bytes(file.id.as_bytes())?, b""),
                ReducedEntry::Directory(below) => (0o040_000, below.write_tree(second)?, b"/"),
            };
            let head = format!("{mode:o} ");
            entries.push(([name, end].concat(), [head.as_bytes(), name, b"\0", id.as_bytes()].concat()));
        }
        entries.sort();
        let bytes: Vec<u8> = entries.into_iter().flat_map(|(_, bytes)| bytes).collect();
        Ok(second.odb()?.write(git2::ObjectType::Tree, &bytes)?)
    }
}

fn to_second_kind(kind: ObjectKind) -> git2::ObjectType {
    match kind {
        ObjectKind::Commit => git2::ObjectType::Commit,
        ObjectKind::Tree => git2::ObjectType::Tree,
        ObjectKind::Blob => git2::ObjectType::Blob,
    }
}
