//! Commits, with what was looked up about them.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use crate::change::fact::Fact;
use crate::change::message::CommitMessage;
use crate::change::oid::Oid;
use crate::change::path_change::{LineCount, PathChange};
use crate::change::person::Person;
use crate::change::text::Text;

/// One commit, and what was looked up about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Commit {
    /// Its id; `None` while it is not recorded yet.
    pub id: Option<Oid>,
    /// The ids of its parents, first parent first.
    pub parents: Vec<Oid>,
    /// The author, as the commit claims.
    pub author: Person,
    /// When it was written, in seconds since 1970 UTC, as the commit claims.
    pub authored_at: i64,
    /// The committer, as the commit claims.
    pub committer: Person,
    /// When it was recorded, in seconds since 1970 UTC, as the commit claims.
    pub committed_at: i64,
    /// Its message, as git recorded it.
    pub message: CommitMessage,
    /// The paths that differ from its first parent (from nothing, for a root).
    pub paths: Fact<Vec<PathChange>>,
    /// How many lines differ from its first parent.
    pub lines: Fact<LineCount>,
    /// For a merge, the paths whose content neither a parent nor a clean merge accounts for; empty
    /// for every other commit.
    pub evil_merge_paths: Fact<Vec<Text>>,
    /// The result of checking its signature.
    pub signature: Fact<SignatureStatus>,
}

impl Commit {
    /// Returns true if and only if the commit has more than one parent.
    pub(crate) fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }
}

/// The result of checking a commit's signature against the keys of the target ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureStatus {
    /// The commit is not signed.
    None,
    /// The signature is good, and its key belongs to this address.
    Good {
        /// The address that the key is registered for.
        signer: Text,
        /// The fingerprint of its key.
        key: String,
    },
    /// The signature does not count; the text says why (bad, unknown key, expired, revoked ...).
    Bad(String),
}

/// The commits of a change, oldest first; there is at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Commit>")]
pub struct Commits(Vec<Commit>);

impl Commits {
    /// Returns the commits, or `None` if there are none.
    pub fn new(commits: Vec<Commit>) -> Option<Self> {
        if commits.is_empty() { None } else { Some(Commits(commits)) }
    }

    /// Returns the oldest commit, on which the others are built.
    #[expect(clippy::expect_used, reason = "a list without commits cannot be made")]
    pub fn first(&self) -> &Commit {
        self.0.first().expect("there is a commit")
    }

    /// Returns the newest commit, which is the final revision.
    #[expect(clippy::expect_used, reason = "a list without commits cannot be made")]
    pub fn last(&self) -> &Commit {
        self.0.last().expect("there is a commit")
    }

    /// Returns the newest commit, to be changed.
    #[expect(clippy::expect_used, reason = "a list without commits cannot be made")]
    pub fn last_mut(&mut self) -> &mut Commit {
        self.0.last_mut().expect("there is a commit")
    }
}

impl From<Commit> for Commits {
    fn from(commit: Commit) -> Self {
        Commits(vec![commit])
    }
}

impl TryFrom<Vec<Commit>> for Commits {
    type Error = &'static str;

    fn try_from(commits: Vec<Commit>) -> Result<Self, Self::Error> {
        Commits::new(commits).ok_or("a change needs at least one commit, and this list is empty")
    }
}

impl Deref for Commits {
    type Target = [Commit];

    fn deref(&self) -> &[Commit] {
        &self.0
    }
}

impl DerefMut for Commits {
    fn deref_mut(&mut self) -> &mut [Commit] {
        &mut self.0
    }
}

impl<'a> IntoIterator for &'a Commits {
    type Item = &'a Commit;
    type IntoIter = std::slice::Iter<'a, Commit>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Commits {
    type Item = &'a mut Commit;
    type IntoIter = std::slice::IterMut<'a, Commit>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_refused() {
        let error = serde_json::from_str::<Commits>("[]").unwrap_err();
        assert!(error.to_string().contains("a change needs at least one commit"), "{error}");
    }
}
