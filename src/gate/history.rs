//! The policies of a history: for each change, the one that the ref held before it.

use crate::change::{NeededFacts, Oid};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy, load_from_commit};
use crate::git::Repository;

/// Changes that follow one another, and the one policy that the ref held before each of them.
pub struct HistorySpan {
    /// The commit before the first change; `None` at the start of history.
    pub base: Option<Oid>,
    /// The commit that the last change ends with.
    pub tip: Oid,
    /// The policy; absent before the first one.
    pub policy: Result<LoadedPolicy, UnusablePolicy>,
}

/// The files of a policy at one commit, by which it is recognised at another.
type PolicyFileIds = Vec<(String, Option<Oid>)>;

/// Divides the first-parent history of `tip` by the policies at `path`, oldest span first.
///
/// Only commits whose files of the policy differ from those of the next one are loaded.
///
/// # Errors
///
/// Fails if a commit of the first-parent history, or a tree on the way to the policy, cannot be read.
pub fn find_history_spans(repository: &Repository, tip: Oid, path: &str) -> anyhow::Result<Vec<HistorySpan>> {
    let mut spans: Vec<HistorySpan> = Vec::new();
    let mut ids: PolicyFileIds = Vec::new();
    let mut change = tip;
    loop {
        let base = find_first_parent(repository, change)?;
        let is_same = match (spans.last_mut(), base) {
            (Some(span), Some(base)) if holds_files(repository, base, &ids)? => {
                span.base = Some(base);
                true
            }
            // Nothing was before the first commit, so no policy either.
            (Some(span), None) if matches!(span.policy, Err(UnusablePolicy::Absent)) => {
                span.base = None;
                true
            }
            _ => false,
        };
        if !is_same {
            let policy = match base {
                Some(base) => load_from_commit(repository, base, path, "a commit of the history"),
                None => Err(UnusablePolicy::Absent),
            };
            ids = match base {
                Some(base) => list_file_ids(repository, base, path, &policy)?,
                None => Vec::new(),
            };
            spans.push(HistorySpan { base, tip: change, policy });
        }
        let Some(base) = base else { break };
        change = base;
    }
    spans.reverse();
    Ok(spans)
}

fn find_first_parent(repository: &Repository, commit: Oid) -> anyhow::Result<Option<Oid>> {
    Ok(repository.read_commit(commit, &NeededFacts::new())?.parents.first().copied())
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

fn list_file_ids(
    repository: &Repository,
    commit: Oid,
    path: &str,
    policy: &Result<LoadedPolicy, UnusablePolicy>,
) -> anyhow::Result<PolicyFileIds> {
    let mut paths = vec![path];
    match policy {
        Ok(loaded) => paths = loaded.file_paths().collect(),
        Err(UnusablePolicy::Absent) => {}
        // Which files took part is not known, so the next commit is loaded again.
        Err(UnusablePolicy::Faulty(_)) => return Ok(Vec::new()),
    }
    let mut ids = Vec::new();
    for path in paths {
        ids.push((path.to_owned(), repository.find_file_id(commit, path)?));
    }
    Ok(ids)
}

fn holds_files(repository: &Repository, commit: Oid, ids: &PolicyFileIds) -> anyhow::Result<bool> {
    for (path, id) in ids {
        if repository.find_file_id(commit, path)? != *id {
            return Ok(false);
        }
    }
    Ok(!ids.is_empty())
}
