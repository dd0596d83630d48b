//! The steps that each ref took, in order: moves that were decided, and moves without a decision.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::record::RecordedMove;
use crate::ledger::server::pending::PendingDecision;
use crate::ledger::server::ref_path::{DecisionEdge, RefStep, find_ref_path, follow_ref_log};
use crate::ledger::state::{LedgerState, encode_ref_key};
use crate::ledger::store::protected_refs::ProtectedRefs;

/// The steps of refs, in the order in which each took them. A decided step holds the index of its decision
/// among the pending ones.
pub(crate) type RefSteps = BTreeMap<Text, VecDeque<RefStep>>;

/// The moves that are asked of a ref, each with the index of its decision among the pending ones.
#[derive(Default)]
pub(crate) struct RefEdges {
    pub(crate) places: Vec<usize>,
    pub(crate) edges: Vec<DecisionEdge>,
}

/// Returns the steps of every ref that a pending decision asks for.
pub(crate) fn find_ref_steps(
    repository: &Repository,
    state: &LedgerState,
    refs: &ProtectedRefs,
    pending: &[PendingDecision],
) -> RefSteps {
    let mut steps = RefSteps::new();
    for (name, RefEdges { places, edges }) in group_edges_by_ref(pending) {
        let Some(tip) = refs.ref_tip(name) else { continue };
        let known = state.tips.get(&encode_ref_key(name)).copied();
        let mut taken =
            find_ref_path(known, tip, &edges, &|id| tip.is_some_and(|tip| is_behind(repository, id, tip)));
        if has_lost_step(pending, &places, &taken) {
            let log = repository.read_reflog(name);
            taken = follow_ref_log(&log, known, tip, &edges, &taken).unwrap_or(taken);
        }
        let mut numbered = VecDeque::new();
        for step in taken {
            match step {
                RefStep::Gap(..) => numbered.push_back(step),
                RefStep::Decided(at) => {
                    numbered.extend(places.get(at).copied().map(RefStep::Decided));
                }
            }
        }
        steps.insert(name.clone(), numbered);
    }
    steps
}

/// Returns true if a commit is in the history of another one.
pub(crate) fn is_behind(repository: &Repository, id: Oid, tip: Oid) -> bool {
    let history = repository.find_new_history(tip, &[id]);
    history.is_ok_and(|history| history.leads_back_to(id))
}

/// Returns whether a push has ended without a report, and the move that it asked for is not among `taken`:
/// it may have landed, and the ref may have moved on since.
fn has_lost_step(pending: &[PendingDecision], places: &[usize], taken: &[RefStep]) -> bool {
    for (at, place) in places.iter().enumerate() {
        if let Some(PendingDecision::Journaled(one)) = pending.get(*place)
            && one.is_push_over
            && !one.is_reported
            && !taken.contains(&RefStep::Decided(at))
        {
            return true;
        }
    }
    false
}

/// Removes the steps of one decision; returns the refs that it moved, and the moves without a decision
/// before them.
pub(crate) fn take_decision_steps(place: usize, steps: &mut RefSteps) -> (BTreeSet<Text>, Vec<RecordedMove>) {
    let mut landed = BTreeSet::new();
    let mut gaps = Vec::new();
    for (name, steps) in steps {
        let Some(at) = steps.iter().position(|step| *step == RefStep::Decided(place)) else { continue };
        landed.insert(name.clone());
        steps.remove(at);
        // Only gaps come before, unless decisions wait for one another.
        let before: Vec<RefStep> = steps.drain(..at).collect();
        for step in &before {
            if let RefStep::Gap(old, new) = *step {
                gaps.push(RecordedMove { name: name.clone(), old, new });
            }
        }
        for step in before.into_iter().rev() {
            if let RefStep::Decided(_) = step {
                steps.push_front(step);
            }
        }
    }
    (landed, gaps)
}

/// Returns the moves that pending decisions ask for, by their refs.
pub(crate) fn group_edges_by_ref(pending: &[PendingDecision]) -> BTreeMap<&Text, RefEdges> {
    let mut asked: BTreeMap<&Text, RefEdges> = BTreeMap::new();
    for (place, one) in pending.iter().enumerate() {
        for (name, edge) in one.list_edges() {
            let of_ref = asked.entry(name).or_default();
            of_ref.places.push(place);
            of_ref.edges.push(edge);
        }
    }
    asked
}

/// Returns whether nothing but gaps comes before the steps of a decision.
pub(crate) fn is_ready(place: usize, steps: &RefSteps) -> bool {
    for steps in steps.values() {
        if !steps.contains(&RefStep::Decided(place)) {
            continue;
        }
        let first = steps.iter().find(|step| matches!(step, RefStep::Decided(_)));
        if first != Some(&RefStep::Decided(place)) {
            return false;
        }
    }
    true
}
