//! The contributors of the commits that a ref holds without a decision.
//!
//! It is not known who moved the ref. The contributors to the commits that it took in are known, and
//! they cannot regularise the unauthorised change themselves.

use jiff::Timestamp;

use crate::change::{Change, Commit, Commits, FactKind, Missing, NeededFacts, Oid, Stage, Text};
use crate::git::{CommitRange, Repository, UnreadableCommit};
use crate::people::contributors::{Contributor, find_contributors, to_contributors};
use crate::policy::Policy;

/// The most commits that are read.
const MAX_COMMITS: usize = 10_000;

/// The most contributors that are kept.
const MAX_CONTRIBUTORS: usize = 100;

/// Returns the contributors to the commits that `new` has and none of `hidden`, by the people of
/// `policy`, and whether these are all of them.
pub(crate) fn find_ref_contributors(
    repository: &Repository,
    policy: &Policy,
    name: &Text,
    new: Option<Oid>,
    hidden: &[Oid],
    now: Timestamp,
) -> (Vec<Contributor>, bool) {
    // A deletion brings no commits, so it has no contributors.
    let Some(new) = new else { return (Vec::new(), true) };
    let Some(commits) = list_commits(repository, new, hidden) else { return (Vec::new(), false) };
    collect_contributors(policy, name, commits, now)
}

/// Returns the contributors to `commits`, by the people of `policy`, and whether these are all of them.
pub(crate) fn find_commit_contributors(
    repository: &Repository,
    policy: &Policy,
    name: &Text,
    commits: &[Oid],
    now: Timestamp,
) -> (Vec<Contributor>, bool) {
    if commits.len() > MAX_COMMITS {
        return (Vec::new(), false);
    }
    let mut read = Vec::with_capacity(commits.len());
    for id in commits {
        let Ok(commit) = repository.read_commit(*id, &NeededFacts::new()) else { return (Vec::new(), false) };
        read.push(commit);
    }
    collect_contributors(policy, name, read, now)
}

fn collect_contributors(
    policy: &Policy,
    name: &Text,
    commits: Vec<Commit>,
    now: Timestamp,
) -> (Vec<Contributor>, bool) {
    let mut found: Vec<Contributor> = Vec::new();
    for commit in commits {
        let pusher = Err(Missing::NotConfigured(FactKind::Pusher));
        let commits = Commits::from(commit);
        let change = Change::from_repository(Stage::Audit, Ok(name.clone()), pusher, now, commits);
        for contributor in to_contributors(&find_contributors(&change, &policy.people).0) {
            if !found.contains(&contributor) {
                found.push(contributor);
            }
        }
    }
    dedup_contributors(found)
}

/// Returns the contributors, each once, and whether all of them are kept and known to the policy.
pub(crate) fn dedup_contributors(mut found: Vec<Contributor>) -> (Vec<Contributor>, bool) {
    found.sort();
    found.dedup();
    let is_whole =
        found.len() <= MAX_CONTRIBUTORS && found.iter().all(|contributor| contributor.key.is_some());
    found.truncate(MAX_CONTRIBUTORS);
    (found, is_whole)
}

/// Returns the new commits; `None` if there are too many, or one of them cannot be read.
fn list_commits(repository: &Repository, new: Oid, hidden: &[Oid]) -> Option<Vec<Commit>> {
    // A walk is not stopped on its way, so the commits are counted first.
    let count = repository.list_new_commits(new, hidden).ok()?.take(MAX_COMMITS + 1).count();
    if count > MAX_COMMITS {
        return None;
    }
    let range = CommitRange { tip: new, hidden_tips: hidden, trusted_keys: None };
    let mut found = Vec::new();
    let mut is_complete = true;
    let collect = |commit: Result<Commit, UnreadableCommit>| {
        match commit {
            Ok(commit) => found.push(commit),
            Err(_) => is_complete = false,
        }
        Ok(())
    };
    let keep = std::convert::identity;
    repository.for_each_commit(range, &NeededFacts::new(), || 1, keep, collect).ok()?;
    if is_complete { Some(found) } else { None }
}
