//! The steps that each ref took, in their order: what was decided, and what moved without a decision.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::record::RecordedMove;
use crate::ledger::server::pending::PendingDecision;
use crate::ledger::server::ref_path::{DecisionEdge, RefStep, find_ref_path, follow_ref_log};
use crate::ledger::state::{LedgerState, encode_ref_key};
use crate::ledger::store::protected_refs::ProtectedRefs;

/// Steps of refs, in the order in which each took them; what is decided stands by its place among
/// those who wait.
pub(crate) type RefSteps = BTreeMap<Text, VecDeque<RefStep>>;

/// Returns the steps of every ref that some decision asks for.
pub(crate) fn find_ref_steps(
    repository: &Repository,
    state: &LedgerState,
    refs: &ProtectedRefs,
    pending: &[PendingDecision],
) -> RefSteps {
    let is_behind = |id: Oid, tip: Oid| {
        let history = repository.find_new_history(tip, &[id]);
        history.is_ok_and(|history| history.leads_back_to(id))
    };
    let mut steps = RefSteps::new();
    for (name, (places, edges)) in group_edges_by_ref(pending) {
        let Some(holds) = refs.ref_tip(name) else { continue };
        let known = state.tips.get(&encode_ref_key(name)).copied();
        let is_behind = |id: Oid| holds.is_some_and(|holds| is_behind(id, holds));
        let mut taken = find_ref_path(known, holds, &edges, &is_behind);
        // What a push that is over asked for may have landed, and be gone again.
        let is_lost = |at: &usize| {
            let asker = places.get(*at).and_then(|place| pending.get(*place));
            let is_over = matches!(asker, Some(PendingDecision::Journaled(one)) if one.is_push_over && !one.is_reported);
            is_over && !taken.contains(&RefStep::Decided(*at))
        };
        if (0..edges.len()).any(|at| is_lost(&at)) {
            let log = repository.read_reflog(name);
            taken = follow_ref_log(&log, known, holds, &edges, &taken).unwrap_or(taken);
        }
        let taken = taken.into_iter().filter_map(|step| match step {
            RefStep::Decided(at) => places.get(at).map(|place| RefStep::Decided(*place)),
            gap @ RefStep::Gap(..) => Some(gap),
        });
        steps.insert(name.clone(), taken.collect());
    }
    steps
}

/// Takes the steps of one decision off; returns the refs that it moved, and the moves before them that
/// nobody decided.
pub(crate) fn take_decision_steps(place: usize, steps: &mut RefSteps) -> (BTreeSet<Text>, Vec<RecordedMove>) {
    let mut landed = BTreeSet::new();
    let mut gaps = Vec::new();
    for (name, steps) in steps {
        let Some(at) = steps.iter().position(|step| *step == RefStep::Decided(place)) else { continue };
        landed.insert(name.clone());
        steps.remove(at);
        // What stands before is gaps alone, unless steps wait for one another.
        let before: Vec<RefStep> = steps.drain(..at).collect();
        for step in &before {
            if let RefStep::Gap(old, new) = *step {
                gaps.push(RecordedMove { name: name.clone(), old, new });
            }
        }
        let waiting = before.into_iter().filter(|step| matches!(step, RefStep::Decided(_)));
        waiting.rev().for_each(|step| steps.push_front(step));
    }
    (landed, gaps)
}

/// Returns what is asked of each ref, and by whom of those who wait.
pub(crate) fn group_edges_by_ref(
    pending: &[PendingDecision],
) -> BTreeMap<&Text, (Vec<usize>, Vec<DecisionEdge>)> {
    let mut asked: BTreeMap<&Text, (Vec<usize>, Vec<DecisionEdge>)> = BTreeMap::new();
    for (place, one) in pending.iter().enumerate() {
        for (name, edge) in one.list_edges() {
            let (places, edges) = asked.entry(name).or_default();
            places.push(place);
            edges.push(edge);
        }
    }
    asked
}

/// Returns whether everything that a decision moved stands first, where nobody decided aside.
pub(crate) fn is_ready(place: usize, steps: &RefSteps) -> bool {
    steps.values().all(|steps| {
        let at = steps.iter().position(|step| *step == RefStep::Decided(place));
        at.is_none_or(|at| steps.iter().take(at).all(|step| matches!(step, RefStep::Gap(..))))
    })
}
