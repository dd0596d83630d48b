//! Whether everything that a deployment brings has been decided, and landed by that decision.
//!
//! Each commit came to its ref by one move, and the ledger knows the moves: those that somebody decided,
//! and those that nobody did. What no move brought was there before the ledger, or is not in it yet.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::REF;
use super::readable::Readable;
use super::record::{Event, Moved};
use super::store::{RECORD, file};
use super::stray::record_in;
use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::verdict::Decision;

/// What a change lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The ledger knows no move of the ref that brought it.
    Unknown,
    /// The ref moved without a decision.
    Unauthorised,
}

impl Lack {
    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Lack::Unknown => "no landing in the ledger brought it",
            Lack::Unauthorised => "it landed without a decision",
        }
    }
}

/// What there is to say about a range of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many changes there are.
    pub changes: usize,
    /// What some of them lack, oldest first.
    pub lacking: Vec<(Oid, Lack)>,
    /// Those that landed without a decision and were declared afterwards, oldest first.
    pub declared: Vec<Oid>,
    /// How many records cannot be read; what they say is not known.
    pub unreadable: usize,
}

/// Holds the changes that `new` has over `old`, one for each step of its first-parent history, against
/// the moves of the ref `name`.
///
/// # Errors
///
/// Fails if history or ledger cannot be walked.
pub fn check(repository: &Repository, name: &Text, old: Oid, new: Oid) -> Result<Checked> {
    let steps = repository.steps(new, &[old])?;
    let changes: Vec<Oid> = steps.iter().filter_map(|step| step.last()).copied().collect();
    let mut wanted: BTreeSet<Oid> = changes.iter().copied().collect();
    let mut lacks: BTreeMap<Oid, Lack> = changes.iter().map(|id| (*id, Lack::Unknown)).collect();
    let (moves, unreadable) = moves(repository, name)?;
    // What brought a commit last is how it came to be there.
    let mut declared = BTreeSet::new();
    for (moved, how) in moves {
        if wanted.is_empty() {
            break;
        }
        let Some(to) = moved.new else { continue };
        let hidden: Vec<Oid> = moved.old.into_iter().collect();
        // What was moved away may be gone.
        let Ok(brought) = repository.steps(to, &hidden) else { continue };
        for id in brought.into_iter().flatten().filter(|id| wanted.remove(id)) {
            match how {
                How::Undecided => {
                    lacks.insert(id, Lack::Unauthorised);
                }
                How::Decided => {
                    lacks.remove(&id);
                }
                How::Declared => {
                    lacks.remove(&id);
                    declared.insert(id);
                }
            }
        }
    }
    let lacking = changes.iter().filter_map(|id| lacks.get(id).map(|lack| (*id, *lack))).collect();
    let declared = changes.iter().filter(|id| declared.contains(id)).copied().collect();
    Ok(Checked { changes: changes.len(), lacking, declared, unreadable })
}

/// How a ref came to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Somebody decided it.
    Decided,
    /// Nobody did, and somebody who may has declared it afterwards.
    Declared,
    /// Nobody did.
    Undecided,
}

/// Returns the moves of a ref, newest first, each with how it came; and how many records cannot be read.
fn moves(repository: &Repository, name: &Text) -> Result<(Vec<(Moved, How)>, usize)> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
    let mut unreadable = usize::from(broken.is_some());
    let mut allowed: BTreeSet<String> = BTreeSet::new();
    let mut strays: BTreeMap<u64, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (commit, _) in commits.into_iter().rev() {
        let bytes = file(repository, commit, RECORD)?.unwrap_or_default();
        let Readable::Known(record) = Readable::read(&bytes) else {
            unreadable += 1;
            continue;
        };
        match record.event {
            Event::Decision(decided) if decided.decision == Decision::Allow => {
                allowed.insert(decided.id);
            }
            Event::Outcome(outcome) => {
                let how = if allowed.contains(&outcome.of) { How::Decided } else { How::Undecided };
                let here = outcome.landed.into_iter().filter(|moved| moved.name == *name);
                found.extend(here.map(|moved| (moved, how)));
            }
            Event::Unauthorised(moved) if moved.name == *name => {
                strays.insert(record.number, found.len());
                found.push((moved, How::Undecided));
            }
            Event::Discharged(discharged) => {
                let stray = record_in(&discharged.obligation).and_then(|number| strays.get(&number));
                let moved = stray.and_then(|place| found.get_mut(*place));
                moved.into_iter().for_each(|(_, how)| *how = How::Declared);
            }
            _ => {}
        }
    }
    found.reverse();
    Ok((found, unreadable))
}
