//! The contributors of the commits that a ref holds without a decision.
//!
//! It is not known who moved the ref. The contributors to the commits that it took in are known, and
//! they cannot regularise the unauthorised change themselves.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::change::{Change, Commit, Commits, FactKind, Missing, NeededFacts, Oid, Stage, Text};
use crate::git::{CommitRange, PeeledObject, Repository, UnreadableCommit};
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
    let mut found = BTreeSet::new();
    let Ok(PeeledObject::Commit(tip)) = repository.peel_tags(new) else { return (Vec::new(), false) };
    if !add_taggers(repository, policy, new, &mut found) {
        return (Vec::new(), false);
    }
    let is_complete = for_each_new_commit(repository, tip, hidden, |commit| {
        add_contributors(policy, name, commit, now, &mut found);
    });
    if !is_complete {
        return (Vec::new(), false);
    }
    dedup_contributors(found.into_iter().collect())
}

/// Returns the contributors to `commits` and to the tags by which `new` leads to them, by the people of
/// `policy`, and whether these are all of them.
pub(crate) fn find_commit_contributors(
    repository: &Repository,
    policy: &Policy,
    name: &Text,
    (new, commits): (Option<Oid>, &[Oid]),
    now: Timestamp,
) -> (Vec<Contributor>, bool) {
    if commits.len() > MAX_COMMITS {
        return (Vec::new(), false);
    }
    let mut found = BTreeSet::new();
    if new.is_some_and(|new| !add_taggers(repository, policy, new, &mut found)) {
        return (Vec::new(), false);
    }
    for id in commits {
        let Ok(commit) = repository.read_commit(*id, &NeededFacts::new()) else { return (Vec::new(), false) };
        add_contributors(policy, name, commit, now, &mut found);
    }
    dedup_contributors(found.into_iter().collect())
}

/// Adds who made the tags that `new` leads through; returns false if one of them cannot be read.
fn add_taggers(
    repository: &Repository,
    policy: &Policy,
    new: Oid,
    found: &mut BTreeSet<Contributor>,
) -> bool {
    let Ok(taggers) = repository.list_taggers(new) else { return false };
    for person in taggers {
        let identity = policy.people.identify_person(&person);
        found.extend(Contributor::from_identity(&identity, &person.name, None, None));
    }
    true
}

fn add_contributors(
    policy: &Policy,
    name: &Text,
    commit: Commit,
    now: Timestamp,
    found: &mut BTreeSet<Contributor>,
) {
    let pusher = Err(Missing::NotConfigured(FactKind::Pusher));
    let commits = Commits::from(commit);
    let change = Change::from_repository(Stage::Audit, Ok(name.clone()), pusher, now, commits);
    found.extend(to_contributors(&find_contributors(&change, &policy.people).0));
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

/// Calls `take` with each new commit; returns false if there are too many, or one of them cannot be read.
fn for_each_new_commit(
    repository: &Repository,
    new: Oid,
    hidden: &[Oid],
    mut take: impl FnMut(Commit),
) -> bool {
    // A walk is not stopped on its way, so the commits are counted first.
    let Ok(commits) = repository.list_new_commits(new, hidden) else { return false };
    if commits.take(MAX_COMMITS + 1).count() > MAX_COMMITS {
        return false;
    }
    let range = CommitRange { tip: new, hidden_tips: hidden, trusted_keys: None };
    let mut is_complete = true;
    let collect = |commit: Result<Commit, UnreadableCommit>| {
        match commit {
            Ok(commit) => take(commit),
            Err(_) => is_complete = false,
        }
        Ok(())
    };
    let keep = std::convert::identity;
    repository.for_each_commit(range, &NeededFacts::new(), || 1, keep, collect).is_ok() && is_complete
}
