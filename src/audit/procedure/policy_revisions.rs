//! The commits of a branch that changed the files of a policy.

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid, Text};
use crate::git::{Repository, TreePathEntry};

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
    // Most commits leave the folders of the policy as they are, and nothing below has to be read then.
    let mut roots: Vec<&str> = paths.iter().filter_map(|path| path.split('/').next()).collect();
    roots.sort_unstable();
    roots.dedup();
    let mut commit = tip;
    let mut current = repository.find_tree_and_parent(tip)?;
    let mut root_entries = read_entries(repository, current.tree, &roots)?;
    loop {
        let Some(parent) = current.first_parent else {
            if read_entries(repository, current.tree, paths)?.iter().any(Option::is_some) {
                history.add_revision(repository, commit)?;
            }
            return Ok(history);
        };
        let before = match repository.find_tree_and_parent(parent) {
            Ok(found) => found,
            // A shallow clone names parents that it does not have. What its first commit changed is not known.
            Err(_) if is_shallow => return Ok(history),
            Err(error) => return Err(error),
        };
        let roots_before = match before.tree == current.tree {
            true => root_entries.clone(),
            false => read_entries(repository, before.tree, &roots)?,
        };
        if roots_before != root_entries
            && read_entries(repository, before.tree, paths)? != read_entries(repository, current.tree, paths)?
        {
            history.add_revision(repository, commit)?;
        }
        (commit, current, root_entries) = (parent, before, roots_before);
    }
}

/// Returns what a tree has at each of these paths.
fn read_entries(repository: &Repository, tree: Oid, paths: &[&str]) -> Result<Vec<Option<TreePathEntry>>> {
    paths.iter().map(|path| repository.find_tree_entry(tree, path)).collect()
}

impl PolicyHistory {
    /// Adds a commit, or counts it if there are many.
    fn add_revision(&mut self, repository: &Repository, id: Oid) -> Result<()> {
        if self.revisions.len() < MAX_REVISIONS {
            self.revisions.push(read_revision(repository, id)?);
        } else {
            self.omitted += 1;
        }
        Ok(())
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
