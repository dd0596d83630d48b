//! Checks that every change of a deployment was decided, and landed by that decision.
//!
//! Each commit came to its ref by one move, and the ledger has the moves, with and without a decision. A
//! commit that no move brought was on the ref before the ledger began, or is not in the ledger yet.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::policy_origins::PolicyOrigins;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionOutcome, DecisionRecord, LedgerEvent, RecordedMove};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};

/// Why a change counts as undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDecision {
    /// The ledger has no move of the ref that brought it.
    NoRecordedMove,
    /// The ref moved without a decision.
    Unauthorised,
    /// The policy that decided it came without a decision.
    UndecidedPolicy,
    /// Whether the policy that decided it came without a decision is not known: the history is cut.
    PolicyNotKnown,
    /// It would have been denied, and landed in evaluate mode.
    NotEnforced,
}

impl MissingDecision {
    /// Returns the reason in words that follow the id of the change.
    pub fn describe(self) -> &'static str {
        match self {
            MissingDecision::NoRecordedMove => "no landing in the ledger brought it",
            MissingDecision::Unauthorised => "it landed without a decision",
            MissingDecision::UndecidedPolicy => "it was decided by a policy that came without a decision",
            MissingDecision::PolicyNotKnown => {
                "whether the policy that decided it came by a decision is not known, since the history is cut; to fetch \
                 the rest, run: git fetch --unshallow"
            }
            MissingDecision::NotEnforced => "it would have been denied, and landed in evaluate mode",
        }
    }
}

/// The result for a range of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployCheckOutcome {
    /// The number of changes in the range.
    pub changes: usize,
    /// The changes without a decision, oldest first.
    pub without_decision: Vec<(Oid, MissingDecision)>,
    /// The unauthorised changes that were regularised, oldest first.
    pub regularised: Vec<Oid>,
    /// The changes that would have been allowed, and landed while nothing was enforced, oldest first.
    pub not_enforced: Vec<Oid>,
    /// The number of records that cannot be read.
    pub unreadable_records: usize,
}

/// Compares the changes that `new` has and `old` has not, one for each step of its first-parent history,
/// with the moves of the ref `name`, which holds `tip` by the ledger. If there are none, `new` still has to
/// be in the history of that ref.
///
/// # Errors
///
/// Fails if the history or the ledger cannot be walked.
pub(crate) fn check_deployment(
    repository: &Repository,
    name: &Text,
    tip: Option<Oid>,
    old: Oid,
    new: Oid,
) -> Result<DeployCheckOutcome> {
    let steps = repository.list_steps(new, &[old])?;
    let history = read_ref_moves(repository, name)?;
    let mut outcome = DeployCheckOutcome {
        unreadable_records: history.unreadable_records,
        ..DeployCheckOutcome::default()
    };
    // Nothing new is deployed, as in a rollback; but the target must be in the history of the ref.
    if steps.is_empty() {
        if !is_in_history(repository, new, tip) {
            outcome.without_decision.push((new, MissingDecision::NoRecordedMove));
        }
        return Ok(outcome);
    }
    let mut changes: Vec<Oid> = Vec::new();
    for step in &steps {
        // A step holds a merge and what it brought; its last commit stands for all of it.
        changes.extend(step.last());
    }
    let mut origins = find_change_origins(repository, &history, &changes);
    outcome.changes = changes.len();
    for id in changes {
        match origins.remove(&id) {
            Some(MoveOrigin::Decided) => {}
            Some(MoveOrigin::Regularised) => outcome.regularised.push(id),
            Some(MoveOrigin::Unauthorised) => {
                outcome.without_decision.push((id, MissingDecision::Unauthorised));
            }
            Some(MoveOrigin::NotEnforced { would_be_denied: false }) => outcome.not_enforced.push(id),
            Some(MoveOrigin::NotEnforced { would_be_denied: true }) => {
                outcome.without_decision.push((id, MissingDecision::NotEnforced));
            }
            Some(MoveOrigin::UndecidedPolicy(_)) => {
                outcome.without_decision.push((id, MissingDecision::UndecidedPolicy));
            }
            Some(MoveOrigin::PolicyNotKnown) => {
                outcome.without_decision.push((id, MissingDecision::PolicyNotKnown));
            }
            None => outcome.without_decision.push((id, MissingDecision::NoRecordedMove)),
        }
    }
    Ok(outcome)
}

/// Returns how each of the changes came to the ref, by the newest move that brought it.
fn find_change_origins(
    repository: &Repository,
    history: &RefMoveHistory,
    changes: &[Oid],
) -> BTreeMap<Oid, MoveOrigin> {
    let mut wanted: BTreeSet<Oid> = changes.iter().copied().collect();
    let mut origins = BTreeMap::new();
    for one in &history.moves {
        if wanted.is_empty() {
            break;
        }
        // The commits of a move can be gone, if the ref was moved away from them.
        let Ok(brought) = list_brought_changes(repository, &one.moved) else { continue };
        // A decision does not judge what another protected ref held already, but that ref may hold it otherwise than by a
        // decision that counts.
        let elsewhere = match one.origin {
            MoveOrigin::Decided if !one.has_judged_all(&brought) => {
                let ids = brought.iter().flatten().filter(|id| wanted.contains(id)).copied().collect();
                find_origins_elsewhere(repository, history, one.record_number, &ids)
            }
            _ => BTreeMap::new(),
        };
        for id in brought.into_iter().flatten() {
            if wanted.remove(&id) {
                origins.insert(id, elsewhere.get(&id).copied().unwrap_or(one.origin));
            }
        }
    }
    origins
}

/// Returns how other refs got the changes, before the record of this number and otherwise than by a decision that counts:
/// for each by the newest move that brought it there.
fn find_origins_elsewhere(
    repository: &Repository,
    history: &RefMoveHistory,
    record_number: u64,
    ids: &BTreeSet<Oid>,
) -> BTreeMap<Oid, MoveOrigin> {
    let mut origins = BTreeMap::new();
    for one in history.elsewhere.iter().take_while(|one| one.record_number < record_number) {
        if one.origin == MoveOrigin::Decided && origins.is_empty() {
            continue;
        }
        let brought = list_brought_changes(repository, &one.moved).unwrap_or_default();
        // What was not judged there came from somewhere else.
        if one.origin == MoveOrigin::Decided && !one.has_judged_all(&brought) {
            continue;
        }
        for id in brought.into_iter().flatten().filter(|id| ids.contains(id)) {
            match one.origin {
                MoveOrigin::Decided => origins.remove(&id),
                origin => origins.insert(id, origin),
            };
        }
    }
    origins
}

fn is_in_history(repository: &Repository, id: Oid, tip: Option<Oid>) -> bool {
    let Some(tip) = tip else { return false };
    repository.find_new_history(tip, &[id]).is_ok_and(|history| history.leads_back_to(id))
}

/// How a ref came to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MoveOrigin {
    /// A decision allowed it.
    Decided,
    /// It came without a decision, and was regularised.
    Regularised,
    /// It came without a decision.
    Unauthorised,
    /// A decision allowed it, by a policy that came without one: the record of this number tells of that.
    UndecidedPolicy(u64),
    /// A decision allowed it, and whether its policy came without one is not known.
    PolicyNotKnown,
    /// It landed in evaluate mode.
    NotEnforced {
        /// True if a decision that counts would have refused it.
        would_be_denied: bool,
    },
}

/// A move of a ref, as the ledger has it.
struct TracedMove {
    moved: RecordedMove,
    origin: MoveOrigin,
    /// The number of changes that were judged for it.
    judged_changes: usize,
    /// The number of the record that has the move.
    record_number: u64,
}

impl TracedMove {
    /// Returns true if the decision judged all that the move brought, which are these steps.
    fn has_judged_all(&self, brought: &[Vec<Oid>]) -> bool {
        let commits: usize = brought.iter().map(Vec::len).sum();
        self.judged_changes == brought.len() || self.judged_changes >= commits
    }
}

/// The moves in a ledger.
#[derive(Default)]
struct RefMoveHistory {
    /// The moves of one ref, newest first.
    moves: Vec<TracedMove>,
    /// The moves of other refs, oldest first.
    elsewhere: Vec<TracedMove>,
    /// The number of records that cannot be read.
    unreadable_records: usize,
}

/// Returns the commits that a move brought, by the steps of its first-parent history.
fn list_brought_changes(repository: &Repository, moved: &RecordedMove) -> Result<Vec<Vec<Oid>>> {
    let Some(new) = moved.new else { return Ok(Vec::new()) };
    let hidden: Vec<Oid> = moved.old.into_iter().collect();
    repository.list_steps(new, &hidden)
}

/// Returns the moves of a ref with their origins, and the unauthorised ones of other refs.
fn read_ref_moves(repository: &Repository, name: &Text) -> Result<RefMoveHistory> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    let mut reader = RefMoveReader {
        name,
        allowed_decisions: BTreeMap::new(),
        not_enforced: BTreeMap::new(),
        undecided_policies: BTreeMap::new(),
        history: RefMoveHistory {
            unreadable_records: usize::from(broken.is_some()),
            ..RefMoveHistory::default()
        },
    };
    let mut policy_origins = PolicyOrigins::new(repository);
    for (commit, _) in commits.into_iter().rev() {
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        match ReadableRecord::parse_record(&bytes) {
            ReadableRecord::Known(record) => {
                if let (Some(number), LedgerEvent::Decision(decided)) =
                    (policy_origins.add_record(&record), &record.event)
                {
                    reader.undecided_policies.insert(decided.id.clone(), number);
                }
                reader.add_event(record.number, record.event);
            }
            _ => reader.history.unreadable_records += 1,
        }
    }
    let uncompared = policy_origins.uncompared_records();
    let history = &mut reader.history;
    for one in history.moves.iter_mut().chain(&mut history.elsewhere) {
        if matches!(one.origin, MoveOrigin::UndecidedPolicy(number) if uncompared.contains(&number)) {
            one.origin = MoveOrigin::PolicyNotKnown;
        }
    }
    reader.history.moves.reverse();
    Ok(reader.history)
}

/// Collects moves from the events of a ledger, oldest first.
struct RefMoveReader<'a> {
    name: &'a Text,
    /// The decisions that allowed something, with how many changes of each ref they judged.
    allowed_decisions: BTreeMap<String, BTreeMap<Text, usize>>,
    /// Those of them that were made in evaluate mode, each with whether it would have denied.
    not_enforced: BTreeMap<String, bool>,
    /// The decisions by a policy that came without one, each with the record that tells of that.
    undecided_policies: BTreeMap<String, u64>,
    history: RefMoveHistory,
}

impl RefMoveReader<'_> {
    fn add_event(&mut self, record_number: u64, event: LedgerEvent) {
        match event {
            LedgerEvent::Decision(decision) if decision.is_allowed() => self.add_decision(&decision),
            LedgerEvent::Outcome(outcome) => self.add_outcome(record_number, outcome),
            LedgerEvent::Unauthorised(moved) => {
                let origin = MoveOrigin::Unauthorised;
                self.add_move(TracedMove { moved, origin, judged_changes: 0, record_number });
            }
            LedgerEvent::Discharged(discharged) => {
                if let Some(number) = parse_unauthorised_key(&discharged.obligation) {
                    self.mark_regularised(number);
                }
            }
            _ => {}
        }
    }

    fn add_move(&mut self, traced: TracedMove) {
        match traced.moved.name == *self.name {
            true => self.history.moves.push(traced),
            false => self.history.elsewhere.push(traced),
        }
    }

    fn add_decision(&mut self, decision: &DecisionRecord) {
        let mut judged_changes: BTreeMap<Text, usize> = BTreeMap::new();
        for one in &decision.refs {
            *judged_changes.entry(one.name.clone()).or_default() += one.count_changes();
        }
        self.allowed_decisions.insert(decision.id.clone(), judged_changes);
        if decision.evaluated.is_some() {
            self.not_enforced.insert(decision.id.clone(), decision.would_be_denied());
        }
    }

    fn add_outcome(&mut self, record_number: u64, outcome: DecisionOutcome) {
        let origin = match self.allowed_decisions.contains_key(&outcome.decision_id) {
            true => self.find_decided_origin(&outcome.decision_id),
            false => MoveOrigin::Unauthorised,
        };
        for moved in outcome.landed {
            let judged = self.allowed_decisions.get(&outcome.decision_id);
            let judged_changes = judged.and_then(|judged| judged.get(&moved.name)).copied().unwrap_or(0);
            self.add_move(TracedMove { moved, origin, judged_changes, record_number });
        }
    }

    /// Returns how something came to a ref by the decision with this id, which allowed it.
    fn find_decided_origin(&self, decision_id: &str) -> MoveOrigin {
        let evaluated = self.not_enforced.get(decision_id);
        match (evaluated, self.undecided_policies.get(decision_id)) {
            (Some(would_be_denied), _) => MoveOrigin::NotEnforced { would_be_denied: *would_be_denied },
            (None, Some(number)) => MoveOrigin::UndecidedPolicy(*number),
            (None, None) => MoveOrigin::Decided,
        }
    }

    fn mark_regularised(&mut self, number: u64) {
        // With the move, the policy that it brought is accepted.
        self.undecided_policies.retain(|_, of_move| *of_move != number);
        for one in self.history.moves.iter_mut().chain(&mut self.history.elsewhere) {
            if one.origin == MoveOrigin::Unauthorised && one.record_number == number {
                one.origin = MoveOrigin::Regularised;
            } else if one.origin == MoveOrigin::UndecidedPolicy(number) {
                one.origin = MoveOrigin::Decided;
            }
        }
    }
}
