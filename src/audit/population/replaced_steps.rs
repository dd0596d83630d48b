//! The steps by which a move replaced what a ref held, as a forced push does.

use crate::audit::population::ref_chain::{OtherMoves, RefChain, StepLanding};
use crate::change::{NeededFacts, Oid};
use crate::git::Repository;
use crate::ledger::audit::ledger_history::LedgerHistory;

impl OtherMoves {
    /// Returns the places of the moves whose steps a later one took away.
    pub(crate) fn list_lost(&self, chain: &RefChain, history: &LedgerHistory) -> Vec<usize> {
        let is_lost = |number: &usize| {
            let new = history.moves.get(*number).and_then(|one| one.moved.new);
            new.is_some_and(|new| !chain.holds_commit(new))
        };
        self.elsewhere.iter().copied().filter(is_lost).collect()
    }
}

impl RefChain {
    /// Returns the place of the first step that a move brought whose last step is at `last`, and which left `old`, that
    /// is no part of this history: the steps follow what both have in common.
    pub(super) fn find_replacing_steps(
        &self,
        (repository, history): (&Repository, &LedgerHistory),
        (old, last): (Option<Oid>, usize),
    ) -> usize {
        if let Some(base) = self.find_common_place(repository, old, last) {
            return base.map_or(0, |base| base + 1);
        }
        // What the ref held is gone, as in a clone. All that no record before has told of came with this move, unless a
        // record is missing.
        if history.cut.is_some() || !history.unreadable_records.is_empty() {
            return last;
        }
        let is_told = |place: &usize| {
            self.steps.get(*place).is_some_and(|step| !matches!(step.landing, StepLanding::Unrecorded))
        };
        (0..=last).rev().find(is_told).map_or(0, |told| told + 1)
    }

    /// Returns the place of the newest step up to `last` to which the first parents of `old` lead, if they lead to one;
    /// `None` if they cannot be read.
    pub(super) fn find_common_place(
        &self,
        repository: &Repository,
        old: Option<Oid>,
        last: usize,
    ) -> Option<Option<usize>> {
        let needs = NeededFacts::new();
        let mut next = old;
        while let Some(id) = next {
            if let Some(place) = self.find_place(id).filter(|place| *place <= last) {
                return Some(Some(place));
            }
            next = repository.read_commit(id, &needs).ok()?.parents.first().copied();
        }
        Some(None)
    }
}
