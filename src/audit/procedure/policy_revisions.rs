//! The commits of a branch that changed the files of a policy.

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid, Text};
use crate::git::Repository;

/// How many commits a document lists.
const MAX_REVISIONS: usize = 200;

/// One commit of the branch that changed a file of the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRevision {
    /// The id of the commit.
    pub id: Oid,
    /// When it was committed, as it says itself.
    pub committed_at: Option<Timestamp>,
    /// Its author, as it says itself.
    pub author: Text,
    /// The first line of its message.
    pub subject: Text,
}

/// The commits of a branch that changed the files of a policy, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyHistory {
    /// The commits that are listed.
    pub revisions: Vec<PolicyRevision>,
    /// How many older ones there are.
    pub omitted: usize,
    /// True if the files on disk are those of the newest commit.
    pub is_committed: bool,
    /// True if the history has no beginning here, since the clone is shallow.
    pub is_shallow: bool,
}

/// Finds the steps of the first-parent history of `tip` that changed one of `paths`. A file under a path that a
/// commit does not have counts as changed where it comes and where it goes.
///
/// # Errors
///
/// Fails if a commit or a tree of the history cannot be read.
pub fn find_policy_history(
    repository: &Repository,
    tip: Oid,
    paths: &[&str],
    is_committed: bool,
) -> Result<PolicyHistory> {
    let is_shallow = repository.is_shallow();
    let mut history = PolicyHistory { is_committed, is_shallow, ..PolicyHistory::default() };
    let mut commit = tip;
    let mut current = repository.find_tree_and_parent(tip)?;
    let mut entries = Vec::new();
    for path in paths {
        entries.push(repository.find_tree_entry(current.tree, path)?);
    }
    loop {
        // A shallow clone names parents that it does not have.
        let parent = match current.first_parent {
            Some(parent) => match repository.find_tree_and_parent(parent) {
                Ok(found) => Some((parent, found)),
                Err(_) if is_shallow => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        let is_end = parent.is_none();
        let mut before = Vec::new();
        match &parent {
            Some((_, found)) if found.tree == current.tree => before.clone_from(&entries),
            Some((_, found)) => {
                for path in paths {
                    before.push(repository.find_tree_entry(found.tree, path)?);
                }
            }
            None => before.resize(entries.len(), None),
        }
        // Where the history was cut off, it is not known what the commit changed.
        let is_cut = is_end && current.first_parent.is_some();
        if before != entries && !is_cut {
            if history.revisions.len() < MAX_REVISIONS {
                history.revisions.push(read_revision(repository, commit)?);
            } else {
                history.omitted += 1;
            }
        }
        let Some((id, found)) = parent else { return Ok(history) };
        (commit, current, entries) = (id, found, before);
    }
}

fn read_revision(repository: &Repository, id: Oid) -> Result<PolicyRevision> {
    let commit = repository.read_commit(id, &NeededFacts::new())?;
    Ok(PolicyRevision {
        id,
        committed_at: Timestamp::from_second(commit.committed_at).ok(),
        author: commit.author.name.clone(),
        subject: commit.message.subject(),
    })
}
