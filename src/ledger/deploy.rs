//! Whether everything that a deployment brings has been decided, and landed by that decision.
//!
//! Each commit came to its ref by one move, and the ledger knows the moves: those that somebody decided,
//! and those that nobody did. What no move brought was there before the ledger, or is not in it yet.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::REF;
use super::readable::Readable;
use super::record::{Event, Moved, RefDecided};
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
/// the moves of the ref `name`, which holds `tip` by the ledger. Where `new` has none, it still has to be in
/// the history of that ref.
///
/// # Errors
///
/// Fails if history or ledger cannot be walked.
pub fn check(repository: &Repository, name: &Text, tip: Option<Oid>, old: Oid, new: Oid) -> Result<Checked> {
    let steps = repository.steps(new, &[old])?;
    let changes: Vec<Oid> = steps.iter().filter_map(|step| step.last()).copied().collect();
    let mut wanted: BTreeSet<Oid> = changes.iter().copied().collect();
    let mut lacks: BTreeMap<Oid, Lack> = changes.iter().map(|id| (*id, Lack::Unknown)).collect();
    let Moves { found, elsewhere, unreadable } = moves(repository, name)?;
    // What brought a commit last is how it came to be there.
    let mut declared = BTreeSet::new();
    for Came { moved, how, judged, record } in found {
        if wanted.is_empty() {
            break;
        }
        // What was moved away may be gone.
        let Ok(brought) = brought(repository, &moved) else { continue };
        let commits: usize = brought.iter().map(Vec::len).sum();
        let is_judged = judged == brought.len() || commits <= judged;
        let mut strays = BTreeSet::new();
        if how == How::Decided && !is_judged {
            for (_, stray) in elsewhere.iter().filter(|(before, _)| **before < record) {
                strays.extend(self::brought(repository, stray).into_iter().flatten().flatten());
            }
        }
        for id in brought.into_iter().flatten().filter(|id| wanted.remove(id)) {
            match how {
                // Another branch vouched for it, to which it had come without a decision.
                How::Decided if strays.contains(&id) => {
                    lacks.insert(id, Lack::Unauthorised);
                }
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
    if changes.is_empty() && !is_behind(repository, new, tip) {
        return Ok(Checked { lacking: vec![(new, Lack::Unknown)], unreadable, ..Checked::default() });
    }
    let lacking = changes.iter().filter_map(|id| lacks.get(id).map(|lack| (*id, *lack))).collect();
    let declared = changes.iter().filter(|id| declared.contains(id)).copied().collect();
    Ok(Checked { changes: changes.len(), lacking, declared, unreadable })
}

fn is_behind(repository: &Repository, id: Oid, tip: Option<Oid>) -> bool {
    let history = tip.map(|tip| repository.new_history(tip, &[id]));
    history.is_some_and(|history| history.is_ok_and(|history| history.leads_back_to(id)))
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

/// A move of a ref.
struct Came {
    moved: Moved,
    how: How,
    /// How many changes were judged for it.
    judged: usize,
    /// The number of the record that tells of it.
    record: u64,
}

/// What a ledger tells of moves.
struct Moves {
    /// Those of one ref, newest first.
    found: Vec<Came>,
    /// Those of other refs that nobody decided nor declared, by the numbers of their records.
    elsewhere: BTreeMap<u64, Moved>,
    /// How many records cannot be read.
    unreadable: usize,
}

/// Returns the changes that a move brought.
fn brought(repository: &Repository, moved: &Moved) -> Result<Vec<Vec<Oid>>> {
    let hidden: Vec<Oid> = moved.old.into_iter().collect();
    moved.new.map_or_else(|| Ok(Vec::new()), |new| repository.steps(new, &hidden))
}

/// Returns the moves of a ref, each with how it came.
fn moves(repository: &Repository, name: &Text) -> Result<Moves> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
    let mut unreadable = usize::from(broken.is_some());
    let mut allowed: BTreeMap<String, usize> = BTreeMap::new();
    let mut strays: BTreeMap<u64, usize> = BTreeMap::new();
    let mut elsewhere: BTreeMap<u64, Moved> = BTreeMap::new();
    let mut found: Vec<Came> = Vec::new();
    for (commit, _) in commits.into_iter().rev() {
        let bytes = file(repository, commit, RECORD)?.unwrap_or_default();
        let Readable::Known(record) = Readable::read(&bytes) else {
            unreadable += 1;
            continue;
        };
        let number = record.number;
        match record.event {
            Event::Decision(decided) if decided.decision == Decision::Allow => {
                let here = decided.refs.iter().filter(|one| one.name == *name);
                allowed.insert(decided.id.clone(), here.map(RefDecided::changes).sum());
            }
            Event::Outcome(outcome) => {
                let judged = allowed.get(&outcome.of).copied();
                let how = if judged.is_some() { How::Decided } else { How::Undecided };
                let here = outcome.landed.into_iter().filter(|moved| moved.name == *name);
                let judged = judged.unwrap_or_default();
                found.extend(here.map(|moved| Came { moved, how, judged, record: number }));
            }
            Event::Unauthorised(moved) if moved.name == *name => {
                strays.insert(number, found.len());
                found.push(Came { moved, how: How::Undecided, judged: 0, record: number });
            }
            Event::Unauthorised(moved) => {
                elsewhere.insert(number, moved);
            }
            Event::Discharged(discharged) => {
                let declared = record_in(&discharged.obligation);
                let stray = declared.and_then(|number| strays.get(&number));
                let came = stray.and_then(|place| found.get_mut(*place));
                came.into_iter().for_each(|came| came.how = How::Declared);
                declared.and_then(|number| elsewhere.remove(&number));
            }
            _ => {}
        }
    }
    found.reverse();
    Ok(Moves { found, elsewhere, unreadable })
}
