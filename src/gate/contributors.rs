//! Who made the commits that a ref came to hold without a decision.
//!
//! Who moved the ref nobody knows. Those who made what it brought can be named, and do not declare it
//! themselves.

use jiff::Timestamp;

use crate::change::{Change, Commit, FactKind, Missing, NeededFacts, Oid, Stage, Text};
use crate::git::{CommitRange, Repository};
use crate::people::contributors::{Contributor, find_contributors, to_contributors};
use crate::policy::Policy;

/// How many commits are looked at.
const MAX_COMMITS: usize = 10_000;

/// How many people are remembered.
const MAX_CONTRIBUTORS: usize = 100;

/// Returns those who made the commits that `new` has and none of `hidden`, by the people of `policy`, and
/// whether that is all of them.
pub fn find_ref_contributors(
    repository: &Repository,
    policy: &Policy,
    name: &Text,
    new: Option<Oid>,
    hidden: &[Oid],
    now: Timestamp,
) -> (Vec<Contributor>, bool) {
    // What is taken away brings nothing, so nobody made it.
    let Some(new) = new else { return (Vec::new(), true) };
    let mut found: Vec<Contributor> = Vec::new();
    let is_complete = list_commits(repository, new, hidden).is_some_and(|commits| {
        for commit in commits {
            let change = Change {
                stage: Stage::Audit,
                target: Ok(name.clone()),
                seen_at: now,
                pusher: Err(Missing::NotConfigured(FactKind::Pusher)),
                pull: Change::missing_pull(Stage::Audit),
                tickets: Change::missing_tickets(Stage::Audit),
                commits: vec![commit],
            };
            for hand in to_contributors(&find_contributors(&change, &policy.people).0) {
                if !found.contains(&hand) {
                    found.push(hand);
                }
            }
        }
        true
    });
    let (found, is_whole) = dedup_contributors(found);
    (found, is_complete && is_whole)
}

/// Returns those who made something as they are remembered, each once, and whether all of them are known.
pub fn dedup_contributors(mut found: Vec<Contributor>) -> (Vec<Contributor>, bool) {
    found.sort();
    found.dedup();
    let is_whole = found.len() <= MAX_CONTRIBUTORS && found.iter().all(|hand| hand.key.is_some());
    found.truncate(MAX_CONTRIBUTORS);
    (found, is_whole)
}

fn list_commits(repository: &Repository, new: Oid, hidden: &[Oid]) -> Option<Vec<Commit>> {
    // A walk is not stopped on its way, so it is counted first.
    let many = repository.list_new_commits(new, hidden).ok()?.take(MAX_COMMITS + 1).count();
    if MAX_COMMITS < many {
        return None;
    }
    let range = CommitRange { tip: new, hidden_tips: hidden, trusted_keys: None };
    let mut found = Some(Vec::new());
    let walked = repository.for_each_commit(
        range,
        &NeededFacts::new(),
        || 1,
        |commit| commit.ok(),
        |commit| {
            match (commit, &mut found) {
                (Some(commit), Some(found)) => found.push(commit),
                _ => found = None,
            }
            Ok(())
        },
    );
    walked.ok().and(found)
}
