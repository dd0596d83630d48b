//! The content of a file of a policy, as it was read or as it can be read again.

use std::borrow::Cow;
use std::fmt;

use crate::change::Oid;
use crate::gate::policy_file::{limit_file_bytes, read_file_at};
use crate::git::{Repository, RepositorySource};
use crate::policy::FetchedFile;

/// The content of one file of a policy.
#[derive(Clone, Debug)]
pub(crate) enum PolicyContent {
    /// What was found when it was read.
    Fetched(FetchedFile),
    /// A long roster that was looked up in its index.
    Stored(StoredRoster),
}

/// A roster whose content was not read.
#[derive(Clone)]
pub(crate) struct StoredRoster {
    /// The path of the roster.
    pub(crate) path: String,
    /// The id of the content.
    pub(crate) id: Oid,
    /// SHA-256 over the content, in hexadecimal.
    pub(crate) digest: String,
    /// The repository that has it.
    pub(crate) source: RepositorySource,
}

impl fmt::Debug for StoredRoster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredRoster").field("path", &self.path).field("id", &self.id).finish_non_exhaustive()
    }
}

impl PolicyContent {
    /// Returns the content, which is read now if it was not yet.
    pub(crate) fn read_content(&self) -> Cow<'_, FetchedFile> {
        match self {
            PolicyContent::Fetched(found) => Cow::Borrowed(found),
            PolicyContent::Stored(StoredRoster { path, id, source, .. }) => {
                let read = source.open().read_blob(*id, limit_file_bytes(path));
                Cow::Owned(read.map(Some).map_err(|error| format!("{error:#}")))
            }
        }
    }

    /// Returns true if a file was found.
    pub(crate) fn is_found(&self) -> bool {
        match self {
            PolicyContent::Fetched(found) => matches!(found, Ok(Some(_))),
            PolicyContent::Stored(_) => true,
        }
    }

    /// Returns true if both are the same.
    pub(crate) fn is_same_as(&self, other: &PolicyContent) -> bool {
        match (self, other) {
            (PolicyContent::Stored(one), PolicyContent::Stored(other)) => one.id == other.id,
            _ => self.read_content() == other.read_content(),
        }
    }

    /// Returns true if `commit` has the same at `path`.
    pub(crate) fn is_same_at(&self, repository: &Repository, commit: Oid, path: &str) -> bool {
        match self {
            PolicyContent::Fetched(found) => read_file_at(repository, commit, path) == *found,
            PolicyContent::Stored(stored) => {
                let found = repository.find_file_at(commit, path);
                found.is_ok_and(|found| found.is_some_and(|(id, _)| id == stored.id))
            }
        }
    }
}
