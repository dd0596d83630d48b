//! A merge made again with libgit2, in memory: which tree comes out of it.

use anyhow::{Context as _, Result, bail};

use crate::change::Oid;
use crate::git::repository::Repository;
use crate::git::signature::ObjectFormat;

/// The strategy of the merge, as statements name it.
pub(crate) const REPLAY_STRATEGY: &str = "libgit2";

/// What came out of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeReplay {
    /// This tree, without a conflict.
    Clean(Oid),
    /// A conflict, which only a person resolves.
    Conflict,
}

/// Merges the commit `theirs` into `ours`, and writes nothing to disk. `None` if one of them is not here.
///
/// # Errors
///
/// Fails if libgit2 cannot open the repository (it reads no SHA-256 repositories), or cannot merge.
pub(crate) fn replay_merge(repository: &Repository, ours: Oid, theirs: Oid) -> Result<Option<MergeReplay>> {
    if repository.object_format() != ObjectFormat::Sha1 {
        bail!("libgit2 reads no repositories with SHA-256 ids");
    }
    let second =
        git2::Repository::open(repository.git_dir()).context("libgit2 cannot open the repository")?;
    let store = second.odb().context("libgit2 cannot open the object store")?;
    // What the merge makes is kept in memory, before the disk.
    store.add_new_mempack_backend(i32::MAX).context("libgit2 cannot keep objects in memory")?;
    let find = |id: Oid| git2::Oid::from_bytes(id.as_bytes()).and_then(|id| second.find_commit(id)).ok();
    let (Some(ours), Some(theirs)) = (find(ours), find(theirs)) else { return Ok(None) };
    let mut index = second.merge_commits(&ours, &theirs, None).context("libgit2 cannot merge")?;
    if index.has_conflicts() {
        return Ok(Some(MergeReplay::Conflict));
    }
    let tree = index.write_tree_to(&second).context("libgit2 cannot make a tree")?;
    Ok(Oid::from_bytes(tree.as_bytes()).map(MergeReplay::Clean))
}
