//! Whether the files of a policy are the same elsewhere: at another commit, in the work tree, in another policy.

use std::path::Path;

use crate::change::Oid;
use crate::gate::policy_content::PolicyContent;
use crate::gate::policy_file::{read_file_at, read_work_tree_file};
use crate::gate::policy_source::LoadedPolicy;
use crate::git::Repository;
use crate::policy::{self, FetchedFile, is_remote_name};

impl LoadedPolicy {
    /// Returns the path of the roster, if that of `other` is another one or says something else.
    pub(crate) fn find_other_roster(&self, other: &LoadedPolicy) -> Option<String> {
        let path = self.policy.people.roster.as_deref()?;
        let is_same = other.policy.people.roster.as_deref() == Some(path)
            && match (self.files.get(path), other.files.get(path)) {
                (Some(own), Some(other)) => own.is_same_as(other),
                (own, other) => own.is_none() && other.is_none(),
            };
        (!is_same).then(|| path.to_owned())
    }

    /// Returns true if a file of the policy is another in the work tree at `root` than in the commit `head` that is
    /// checked out there, line ends aside. A file that is not there is no edit: a work tree can be sparse.
    pub(crate) fn is_edited_on_disk(&self, repository: &Repository, head: Oid, root: &Path) -> bool {
        let without_returns = |found: FetchedFile| {
            found.map(|file| {
                file.map(|mut bytes| {
                    bytes.retain(|byte| *byte != b'\r');
                    bytes
                })
            })
        };
        let own = self.files.iter().filter(|(name, _)| !is_remote_name(name));
        own.into_iter().any(|(path, content)| match read_work_tree_file(root, path) {
            Ok(None) => false,
            Ok(Some(bytes)) if is_stored_at(content, &bytes, repository, (head, path)) => false,
            on_disk => without_returns(on_disk) != without_returns(read_file_at(repository, head, path)),
        })
    }

    /// Returns the paths of the files of the policy that `commit` does not have as they are.
    pub(crate) fn list_changed_files(
        &self,
        repository: &Repository,
        commit: Oid,
    ) -> impl Iterator<Item = &str> {
        let own = self.files.iter().filter(|(path, found)| !is_remote_name(path) && found.is_found());
        let changed = own.filter(move |(path, found)| !found.is_same_at(repository, commit, path));
        changed.map(|(path, _)| path.as_str())
    }

    /// Returns true if and only if every file of the policy is the same at `commit`.
    pub(crate) fn is_same_at(&self, repository: &Repository, commit: Oid) -> bool {
        let mut own = self.files.iter().filter(|(path, _)| !is_remote_name(path));
        own.all(|(path, found)| found.is_same_at(repository, commit, path))
    }
}

/// Returns true if `bytes` are those of a roster that was looked up in its index, which the commit has at this path.
fn is_stored_at(
    content: &PolicyContent,
    bytes: &[u8],
    repository: &Repository,
    (commit, path): (Oid, &str),
) -> bool {
    let PolicyContent::Stored(stored) = content else { return false };
    content.is_same_at(repository, commit, path) && policy::digest_source(bytes) == stored.digest
}
