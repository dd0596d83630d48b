//! Whether everything that a deployment brings has been decided, and landed by that decision.
//!
//! Each commit came to its ref by one move, and the ledger knows the moves: those that somebody decided,
//! and those that nobody did. What no move brought was there before the ledger, or is not in it yet.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{LedgerEvent, RecordedMove, RefDecision};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};

/// What a change lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDecision {
    /// The ledger knows no move of the ref that brought it.
    NoRecordedMove,
    /// The ref moved without a decision.
    Unauthorised,
}

impl MissingDecision {
    /// Returns it in words.
    pub fn describe(self) -> &'static str {
        match self {
            MissingDecision::NoRecordedMove => "no landing in the ledger brought it",
            MissingDecision::Unauthorised => "it landed without a decision",
        }
    }
}

/// What there is to say about a range of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployCheckOutcome {
    /// How many changes there are.
    pub changes: usize,
    /// What some of them lack, oldest first.
    pub without_decision: Vec<(Oid, MissingDecision)>,
    /// Those that landed without a decision and were declared afterwards, oldest first.
    pub regularised: Vec<Oid>,
    /// How many records cannot be read; what they say is not known.
    pub unreadable_records: usize,
}

/// Holds the changes that `new` has over `old`, one for each step of its first-parent history, against
/// the moves of the ref `name`, which holds `tip` by the ledger. Where `new` has none, it still has to be in
/// the history of that ref.
///
/// # Errors
///
/// Fails if history or ledger cannot be walked.
pub fn check_deployment(
    repository: &Repository,
    name: &Text,
    tip: Option<Oid>,
    old: Oid,
    new: Oid,
) -> Result<DeployCheckOutcome> {
    let steps = repository.list_steps(new, &[old])?;
    let changes: Vec<Oid> = steps.iter().filter_map(|step| step.last()).copied().collect();
    let mut wanted: BTreeSet<Oid> = changes.iter().copied().collect();
    let mut lacks: BTreeMap<Oid, MissingDecision> =
        changes.iter().map(|id| (*id, MissingDecision::NoRecordedMove)).collect();
    let RefMoveHistory { moves: found, unauthorised_elsewhere: elsewhere, unreadable_records: unreadable } =
        read_ref_moves(repository, name)?;
    // What brought a commit last is how it came to be there.
    let mut declared = BTreeSet::new();
    for TracedMove { moved, origin: how, judged_changes: judged, record_number: record } in found {
        if wanted.is_empty() {
            break;
        }
        // What was moved away may be gone.
        let Ok(brought) = list_brought_changes(repository, &moved) else { continue };
        let commits: usize = brought.iter().map(Vec::len).sum();
        let is_judged = judged == brought.len() || commits <= judged;
        let mut strays = BTreeSet::new();
        if how == MoveOrigin::Decided && !is_judged {
            for (_, stray) in elsewhere.iter().filter(|(before, _)| **before < record) {
                strays.extend(list_brought_changes(repository, stray).into_iter().flatten().flatten());
            }
        }
        for id in brought.into_iter().flatten().filter(|id| wanted.remove(id)) {
            match how {
                // Another branch vouched for it, to which it had come without a decision.
                MoveOrigin::Decided if strays.contains(&id) => {
                    lacks.insert(id, MissingDecision::Unauthorised);
                }
                MoveOrigin::Unauthorised => {
                    lacks.insert(id, MissingDecision::Unauthorised);
                }
                MoveOrigin::Decided => {
                    lacks.remove(&id);
                }
                MoveOrigin::Regularised => {
                    lacks.remove(&id);
                    declared.insert(id);
                }
            }
        }
    }
    if changes.is_empty() && !is_in_history(repository, new, tip) {
        return Ok(DeployCheckOutcome {
            without_decision: vec![(new, MissingDecision::NoRecordedMove)],
            unreadable_records: unreadable,
            ..DeployCheckOutcome::default()
        });
    }
    let lacking = changes.iter().filter_map(|id| lacks.get(id).map(|lack| (*id, *lack))).collect();
    let declared = changes.iter().filter(|id| declared.contains(id)).copied().collect();
    Ok(DeployCheckOutcome {
        changes: changes.len(),
        without_decision: lacking,
        regularised: declared,
        unreadable_records: unreadable,
    })
}

fn is_in_history(repository: &Repository, id: Oid, tip: Option<Oid>) -> bool {
    let history = tip.map(|tip| repository.find_new_history(tip, &[id]));
    history.is_some_and(|history| history.is_ok_and(|history| history.leads_back_to(id)))
}

/// How a ref came to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MoveOrigin {
    /// Somebody decided it.
    Decided,
    /// Nobody did, and somebody who may has declared it afterwards.
    Regularised,
    /// Nobody did.
    Unauthorised,
}

/// A move of a ref.
struct TracedMove {
    moved: RecordedMove,
    origin: MoveOrigin,
    /// How many changes were judged for it.
    judged_changes: usize,
    /// The number of the record that tells of it.
    record_number: u64,
}

/// What a ledger tells of moves.
struct RefMoveHistory {
    /// Those of one ref, newest first.
    moves: Vec<TracedMove>,
    /// Those of other refs that nobody decided nor declared, by the numbers of their records.
    unauthorised_elsewhere: BTreeMap<u64, RecordedMove>,
    /// How many records cannot be read.
    unreadable_records: usize,
}

/// Returns the changes that a move brought.
fn list_brought_changes(repository: &Repository, moved: &RecordedMove) -> Result<Vec<Vec<Oid>>> {
    let hidden: Vec<Oid> = moved.old.into_iter().collect();
    moved.new.map_or_else(|| Ok(Vec::new()), |new| repository.list_steps(new, &hidden))
}

/// Returns the moves of a ref, each with how it came.
fn read_ref_moves(repository: &Repository, name: &Text) -> Result<RefMoveHistory> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    let mut unreadable = usize::from(broken.is_some());
    let mut allowed: BTreeMap<String, usize> = BTreeMap::new();
    let mut strays: BTreeMap<u64, usize> = BTreeMap::new();
    let mut elsewhere: BTreeMap<u64, RecordedMove> = BTreeMap::new();
    let mut found: Vec<TracedMove> = Vec::new();
    for (commit, _) in commits.into_iter().rev() {
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else {
            unreadable += 1;
            continue;
        };
        let number = record.number;
        match record.event {
            LedgerEvent::Decision(decided) if decided.is_allowed() => {
                let here = decided.refs.iter().filter(|one| one.name == *name);
                allowed.insert(decided.id.clone(), here.map(RefDecision::count_changes).sum());
            }
            LedgerEvent::Outcome(outcome) => {
                let judged = allowed.get(&outcome.decision_id).copied();
                let how = if judged.is_some() { MoveOrigin::Decided } else { MoveOrigin::Unauthorised };
                let here = outcome.landed.into_iter().filter(|moved| moved.name == *name);
                let judged = judged.unwrap_or_default();
                found.extend(here.map(|moved| TracedMove {
                    moved,
                    origin: how,
                    judged_changes: judged,
                    record_number: number,
                }));
            }
            LedgerEvent::Unauthorised(moved) if moved.name == *name => {
                strays.insert(number, found.len());
                found.push(TracedMove {
                    moved,
                    origin: MoveOrigin::Unauthorised,
                    judged_changes: 0,
                    record_number: number,
                });
            }
            LedgerEvent::Unauthorised(moved) => {
                elsewhere.insert(number, moved);
            }
            LedgerEvent::Discharged(discharged) => {
                let declared = parse_unauthorised_key(&discharged.obligation);
                let stray = declared.and_then(|number| strays.get(&number));
                let came = stray.and_then(|place| found.get_mut(*place));
                came.into_iter().for_each(|came| came.origin = MoveOrigin::Regularised);
                declared.and_then(|number| elsewhere.remove(&number));
            }
            _ => {}
        }
    }
    found.reverse();
    Ok(RefMoveHistory { moves: found, unauthorised_elsewhere: elsewhere, unreadable_records: unreadable })
}
