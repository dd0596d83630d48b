//! Who made the commits that a ref came to hold without a decision.
//!
//! Who moved the ref nobody knows. Those who made what it brought can be named, and do not declare it
//! themselves.

use jiff::Timestamp;

use crate::change::{Change, Commit, Missing, Need, Needs, Oid, Stage, Text};
use crate::git::{Range, Repository};
use crate::people::participants::{Hand, makers, participants};
use crate::policy::Policy;

/// How many commits are looked at.
const MOST: usize = 10_000;

/// How many people are remembered.
const NAMED: usize = 100;

/// Returns those who made the commits that `new` has and none of `hidden`, by the people of `policy`, and
/// whether that is all of them.
pub fn makers_of(
    repository: &Repository,
    policy: &Policy,
    name: &Text,
    new: Option<Oid>,
    hidden: &[Oid],
    now: Timestamp,
) -> (Vec<Hand>, bool) {
    // What is taken away brings nothing, so nobody made it.
    let Some(new) = new else { return (Vec::new(), true) };
    let mut found: Vec<Hand> = Vec::new();
    let is_complete = commits(repository, new, hidden).is_some_and(|commits| {
        for commit in commits {
            let change = Change {
                stage: Stage::Audit,
                target: Ok(name.clone()),
                seen_at: now,
                pusher: Err(Missing::NotConfigured(Need::Pusher)),
                pull: Change::no_pull(Stage::Audit),
                tickets: Change::no_tickets(Stage::Audit),
                commits: vec![commit],
            };
            for hand in makers(&participants(&change, &policy.people).0) {
                if !found.contains(&hand) {
                    found.push(hand);
                }
            }
        }
        true
    });
    let (found, is_whole) = remembered(found);
    (found, is_complete && is_whole)
}

/// Returns those who made something as they are remembered, each once, and whether all of them are known.
pub fn remembered(mut found: Vec<Hand>) -> (Vec<Hand>, bool) {
    found.sort();
    found.dedup();
    let is_whole = found.len() <= NAMED && found.iter().all(|hand| hand.key.is_some());
    found.truncate(NAMED);
    (found, is_whole)
}

fn commits(repository: &Repository, new: Oid, hidden: &[Oid]) -> Option<Vec<Commit>> {
    // A walk is not stopped on its way, so it is counted first.
    let many = repository.new_commits(new, hidden).ok()?.take(MOST + 1).count();
    if MOST < many {
        return None;
    }
    let range = Range { new, hidden, trusted: None };
    let mut found = Some(Vec::new());
    let walked = repository.for_each_commit(
        range,
        &Needs::new(),
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
