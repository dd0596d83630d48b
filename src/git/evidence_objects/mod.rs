//! Objects taken out of a repository one by one, so that somebody without the repository can read them again.
//!
//! `tree_walk` finds the objects that tell what a change did and where a file stood; `pack_repository` puts objects
//! back into a repository of their own, with libgit2, and compares the ids that both readers give them. `logged_repository`
//! notes which objects an answer took, so that these are enough to find the same answer again.

pub(crate) mod logged_repository;
pub(crate) mod pack_repository;
pub(crate) mod tree_walk;

use crate::change::Oid;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectKind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// The content of a file.
    Blob,
}

/// An object as it is stored, without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawObject {
    pub(crate) id: Oid,
    pub(crate) kind: ObjectKind,
    pub(crate) bytes: Vec<u8>,
}

impl ObjectKind {
    /// Every kind.
    pub(crate) const ALL: [ObjectKind; 3] = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob];

    /// Returns the word that git uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ObjectKind::Commit => "commit",
            ObjectKind::Tree => "tree",
            ObjectKind::Blob => "blob",
        }
    }
}
