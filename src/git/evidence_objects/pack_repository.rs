//! A repository of single objects, filled by libgit2, and the ids and patches that libgit2 makes of them.
//!
//! libgit2 is the second reader: the id of each object is computed by both, and a patch by it alone.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::change::Oid;
use crate::git::evidence_objects::{ObjectKind, RawObject};
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// The longest patch that is made.
const MAX_PATCH_BYTES: usize = 32 << 20;

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

    /// Returns the patch from one commit to another, as libgit2 writes it.
    ///
    /// # Errors
    ///
    /// Fails if an object is missing, or the patch is longer than 32 MiB.
    pub(crate) fn write_patch(&self, old: Option<Oid>, new: Oid) -> Result<Vec<u8>> {
        write_second_patch(&self.written, old, new)
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

fn write_second_patch(second: &git2::Repository, old: Option<Oid>, new: Oid) -> Result<Vec<u8>> {
    let find_tree = |id: Oid| -> Result<git2::Tree<'_>> {
        Ok(second.find_commit(git2::Oid::from_bytes(id.as_bytes())?)?.tree()?)
    };
    let before = old.map(find_tree).transpose()?;
    let after = find_tree(new)?;
    let mut options = git2::DiffOptions::new();
    // What the configuration and the attributes of this machine say must not show in a patch.
    options.context_lines(3).ignore_submodules(false).id_abbrev(40);
    let diff = second.diff_tree_to_tree(before.as_ref(), Some(&after), Some(&mut options))?;
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
        bail!("the patch is longer than {MAX_PATCH_BYTES} bytes");
    }
    printed?;
    Ok(patch)
}

fn to_second_kind(kind: ObjectKind) -> git2::ObjectType {
    match kind {
        ObjectKind::Commit => git2::ObjectType::Commit,
        ObjectKind::Tree => git2::ObjectType::Tree,
        ObjectKind::Blob => git2::ObjectType::Blob,
    }
}
