//! The policies of a history: for each change, the one that the ref held before it.

use crate::change::{NeededFacts, Oid};
use crate::gate::committed_policy::load_with_paths;
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::git::{Repository, TreePathEntry};

/// What a commit is called whose policy judged later ones.
const HISTORY_COMMIT: &str = "a commit of the history";

/// Changes that follow one another, and the one policy that the ref held before each of them.
#[derive(Debug)]
pub struct HistorySpan {
    /// The commit before the first change; `None` at the start of history.
    pub base: Option<Oid>,
    /// The commit that the last change ends with.
    pub tip: Oid,
    /// The number of steps of the first-parent history.
    pub steps: usize,
    /// The policy; absent where the ref held none.
    pub policy: Result<LoadedPolicy, UnusablePolicy>,
}

/// The files that a policy was read from, by which it is recognised in another tree.
struct PolicyFileEntries {
    /// The last tree that holds the same files.
    tree: Oid,
    /// What the root of that tree has on the way to the files: most commits leave it as it is.
    roots: Vec<(String, Option<TreePathEntry>)>,
    files: Vec<(String, Option<TreePathEntry>)>,
}

/// Divides the first-parent history of `tip` by the policies at `path`, oldest span first.
///
/// Only commits whose files of the policy differ from those of the next one are loaded.
///
/// # Errors
///
/// Fails if a commit of the first-parent history cannot be read. A tree on the way to the policy that cannot is a fault of
/// the policy there.
pub fn find_history_spans(repository: &Repository, tip: Oid, path: &str) -> anyhow::Result<Vec<HistorySpan>> {
    find_spans_after(repository, None, tip, path)
}

/// As [`find_history_spans`], for the steps after the commit `after` if it is given, to which the first parents of `tip`
/// have to lead.
///
/// # Errors
///
/// As [`find_history_spans`].
pub fn find_spans_after(
    repository: &Repository,
    after: Option<Oid>,
    tip: Oid,
    path: &str,
) -> anyhow::Result<Vec<HistorySpan>> {
    let mut spans: Vec<HistorySpan> = Vec::new();
    let mut known: Option<PolicyFileEntries> = None;
    let mut change = tip;
    let mut base = repository.find_tree_and_parent(tip)?.first_parent;
    loop {
        let commit = base.map(|base| repository.find_tree_and_parent(base)).transpose()?;
        let is_same = match (spans.last(), &commit, &mut known) {
            // Of a tree that is missing nobody can tell.
            (Some(_), Some(commit), Some(known)) => {
                known.stand_in_tree(repository, commit.tree).unwrap_or(false)
            }
            // Nothing was before the first commit, so no policy either.
            (Some(span), None, _) => matches!(span.policy, Err(UnusablePolicy::Absent)),
            _ => false,
        };
        match spans.last_mut() {
            Some(span) if is_same => {
                span.base = base;
                span.steps += 1;
            }
            _ => {
                let mut policy = Err(UnusablePolicy::Absent);
                known = None;
                if let (Some(base), Some(commit)) = (base, &commit) {
                    let (loaded, paths) = load_with_paths(repository, base, path, HISTORY_COMMIT);
                    policy = loaded;
                    known = PolicyFileEntries::find_in_tree(repository, commit.tree, paths).ok();
                }
                spans.push(HistorySpan { base, tip: change, steps: 1, policy });
            }
        }
        let (Some(id), Some(commit)) = (base, commit) else { break };
        if after == Some(id) {
            break;
        }
        change = id;
        base = commit.first_parent;
    }
    spans.reverse();
    // A policy is named by the step that brought it, not by a later one that left it as it was.
    for span in &mut spans {
        if let (Some(base), Ok(loaded)) = (span.base, &mut span.policy) {
            *loaded = loaded.clone().with_commit((base, path), HISTORY_COMMIT);
        }
    }
    Ok(spans)
}

impl PolicyFileEntries {
    fn find_in_tree(
        repository: &Repository,
        tree: Oid,
        paths: Vec<String>,
    ) -> anyhow::Result<PolicyFileEntries> {
        let mut roots: Vec<(String, Option<TreePathEntry>)> = Vec::new();
        let mut files = Vec::new();
        for path in paths {
            let root = path.split('/').next().unwrap_or_default();
            if !roots.iter().any(|(known, _)| known == root) {
                roots.push((root.to_owned(), repository.find_tree_entry(tree, root)?));
            }
            let entry = repository.find_tree_entry(tree, &path)?;
            files.push((path, entry));
        }
        Ok(PolicyFileEntries { tree, roots, files })
    }

    /// Returns true if and only if the files are the same in `tree`, and remembers the tree then.
    fn stand_in_tree(&mut self, repository: &Repository, tree: Oid) -> anyhow::Result<bool> {
        if tree == self.tree {
            return Ok(true);
        }
        let is_same = is_same_at_paths(repository, tree, &self.roots)?;
        if !is_same {
            if !is_same_at_paths(repository, tree, &self.files)? {
                return Ok(false);
            }
            for (root, entry) in &mut self.roots {
                *entry = repository.find_tree_entry(tree, root)?;
            }
        }
        self.tree = tree;
        Ok(true)
    }
}

fn is_same_at_paths(
    repository: &Repository,
    tree: Oid,
    paths: &[(String, Option<TreePathEntry>)],
) -> anyhow::Result<bool> {
    for (path, entry) in paths {
        if repository.find_tree_entry(tree, path)? != *entry {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the newest commit of the first-parent history of `tip` that was made at `second` or before, in
/// seconds since 1970; `None` if all are younger.
///
/// # Errors
///
/// Fails if a commit on the way cannot be read.
pub fn find_commit_as_of(repository: &Repository, tip: Oid, second: i64) -> anyhow::Result<Option<Oid>> {
    let mut next = Some(tip);
    while let Some(id) = next {
        let commit = repository.read_commit(id, &NeededFacts::new())?;
        if commit.committed_at <= second {
            return Ok(Some(id));
        }
        next = commit.parents.first().copied();
    }
    Ok(None)
}

/// How many commits in a row have to be older before the walk takes it that all others are: a clock can be wrong.
const MAX_OLDER_COMMITS: usize = 1_000;

/// Returns the commit of the first-parent history of `tip` behind which the changes since a second start: the newest of
/// those that are that old, and that only older ones stand behind; `None` if there is none.
///
/// A commit with an older date among newer ones, such as one from a machine with a wrong clock, ends nothing.
///
/// # Errors
///
/// Fails if a commit cannot be read.
pub fn find_commit_before(repository: &Repository, tip: Oid, second: i64) -> anyhow::Result<Option<Oid>> {
    let mut older: Option<(Oid, usize)> = None;
    let mut next = Some(tip);
    while let Some(id) = next {
        let commit = repository.read_commit(id, &NeededFacts::new())?;
        older = match older {
            _ if commit.committed_at > second => None,
            Some((first, count)) => Some((first, count + 1)),
            None => Some((id, 1)),
        };
        if older.is_some_and(|(_, count)| count >= MAX_OLDER_COMMITS) {
            break;
        }
        next = commit.parents.first().copied();
    }
    Ok(older.map(|(first, _)| first))
}
