//! The steps that each ref took, in their order: what was decided, and what moved without a decision.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::pending::Pending;
use super::record::Moved;
use super::refs::Refs;
use super::state::{State, key};
use super::walk::{Edge, Step, follow, walk};
use crate::change::{Oid, Text};
use crate::git::Repository;

/// Steps of refs, in the order in which each took them; what is decided stands by its place among
/// those who wait.
pub(super) type Steps = BTreeMap<Text, VecDeque<Step>>;

/// Returns the steps of every ref that some decision asks for.
pub(super) fn read(repository: &Repository, state: &State, refs: &Refs, pending: &[Pending]) -> Steps {
    let is_behind = |id: Oid, tip: Oid| {
        let history = repository.new_history(tip, &[id]);
        history.is_ok_and(|history| history.leads_back_to(id))
    };
    let mut steps = Steps::new();
    for (name, (places, edges)) in asked(pending) {
        let Some(holds) = refs.holds(name) else { continue };
        let known = state.tips.get(&key(name)).copied();
        let is_behind = |id: Oid| holds.is_some_and(|holds| is_behind(id, holds));
        let mut taken = walk(known, holds, &edges, &is_behind);
        // What a push that is over asked for may have landed, and be gone again.
        let is_lost = |at: &usize| {
            let asker = places.get(*at).and_then(|place| pending.get(*place));
            let is_over = matches!(asker, Some(Pending::Decision(one)) if one.is_over && !one.is_told);
            is_over && !taken.contains(&Step::Decided(*at))
        };
        if (0..edges.len()).any(|at| is_lost(&at)) {
            let log = repository.logged_moves(name);
            taken = follow(&log, known, holds, &edges, &taken).unwrap_or(taken);
        }
        let taken = taken.into_iter().filter_map(|step| match step {
            Step::Decided(at) => places.get(at).map(|place| Step::Decided(*place)),
            gap @ Step::Gap(..) => Some(gap),
        });
        steps.insert(name.clone(), taken.collect());
    }
    steps
}

/// Takes the steps of one decision off; returns the refs that it moved, and the moves before them that
/// nobody decided.
pub(super) fn take(place: usize, steps: &mut Steps) -> (BTreeSet<Text>, Vec<Moved>) {
    let mut landed = BTreeSet::new();
    let mut gaps = Vec::new();
    for (name, steps) in steps {
        let Some(at) = steps.iter().position(|step| *step == Step::Decided(place)) else { continue };
        landed.insert(name.clone());
        steps.remove(at);
        // What stands before is gaps alone, unless steps wait for one another.
        let before: Vec<Step> = steps.drain(..at).collect();
        for step in &before {
            if let Step::Gap(old, new) = *step {
                gaps.push(Moved { name: name.clone(), old, new });
            }
        }
        let waiting = before.into_iter().filter(|step| matches!(step, Step::Decided(_)));
        waiting.rev().for_each(|step| steps.push_front(step));
    }
    (landed, gaps)
}

/// Returns what is asked of each ref, and by whom of those who wait.
pub(super) fn asked(pending: &[Pending]) -> BTreeMap<&Text, (Vec<usize>, Vec<Edge>)> {
    let mut asked: BTreeMap<&Text, (Vec<usize>, Vec<Edge>)> = BTreeMap::new();
    for (place, one) in pending.iter().enumerate() {
        for (name, edge) in one.edges() {
            let (places, edges) = asked.entry(name).or_default();
            places.push(place);
            edges.push(edge);
        }
    }
    asked
}

/// Returns whether everything that a decision moved stands first, where nobody decided aside.
pub(super) fn is_ready(place: usize, steps: &Steps) -> bool {
    steps.values().all(|steps| {
        let at = steps.iter().position(|step| *step == Step::Decided(place));
        at.is_none_or(|at| steps.iter().take(at).all(|step| matches!(step, Step::Gap(..))))
    })
}
