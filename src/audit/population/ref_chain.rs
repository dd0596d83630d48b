//! The first-parent history of a ref, with how each step of it came there by the ledger.

use std::collections::HashMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid};
use crate::git::{NewHistory, Repository};
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::RecordedMove;

/// The first-parent history of a ref, oldest step first.
#[derive(Default)]
pub(crate) struct RefChain {
    pub(crate) steps: Vec<ChainStep>,
    places: HashMap<Oid, usize>,
    /// The walk that found the steps, if they are those of a whole history, and their root trees.
    walk: Option<(NewHistory, Vec<Oid>)>,
    /// Why the history does not go back to its beginning, if it does not.
    pub(crate) cut: Option<String>,
}

/// One step of the first-parent history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainStep {
    /// The last commit of the step, which stands for it.
    pub(crate) id: Oid,
    /// When it was committed, as the commit claims.
    pub(crate) committed_at: Timestamp,
    /// How it came to the ref.
    pub(crate) landing: StepLanding,
}

/// A step as a walk over the whole history finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WalkedStep {
    /// The last commit of the step.
    pub(crate) id: Oid,
    /// When it was committed, as the commit claims.
    pub(crate) committed_at: Timestamp,
    /// Its root tree.
    pub(crate) tree: Oid,
}

/// How a step came to its ref, as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepLanding {
    /// No record tells of it.
    Unrecorded,
    /// It was there when the ledger began to follow the ref.
    Earlier(LandingOrigin),
    /// The move of this place in the ledger's history brought it.
    Moved(usize),
}

/// The moves of a ledger that brought no step of a history.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OtherMoves {
    /// The places of those that did not add to its end.
    pub(crate) elsewhere: Vec<usize>,
    /// How many may be older than the beginning of a history that is cut off.
    pub(crate) beyond_cut: usize,
}

/// Where a move of the ref stands in its history.
enum MovePlace {
    /// It brought the steps from the first place to the last.
    Steps(usize, usize),
    /// It did not add to the end of the history.
    Elsewhere,
    /// It may be older than the beginning of the history, which is cut off.
    BeyondCut,
}

impl ChainStep {
    /// Returns true if the ledger says that no decision brought the step, whatever was done about it later.
    pub(crate) fn came_past_gate(&self, history: &LedgerHistory) -> bool {
        matches!(self.find_origin(history), Some(LandingOrigin::Unauthorised | LandingOrigin::Regularised))
    }

    /// Returns how the step came to the ref; `None` if no record tells of it.
    pub(crate) fn find_origin(&self, history: &LedgerHistory) -> Option<LandingOrigin> {
        match self.landing {
            StepLanding::Unrecorded => None,
            StepLanding::Earlier(origin) => Some(origin),
            StepLanding::Moved(number) => history.moves.get(number).map(|one| one.origin),
        }
    }
}

impl RefChain {
    /// Reads the first-parent history of `tip`. `progress` is called for each step.
    ///
    /// # Errors
    ///
    /// Fails if the tip itself cannot be read. A commit further back that is missing, as in a shallow clone, ends
    /// the history.
    pub(crate) fn read_chain(
        repository: &Repository,
        tip: Oid,
        progress: &mut dyn FnMut(),
    ) -> Result<RefChain> {
        let needs = NeededFacts::new();
        let mut chain = RefChain::default();
        let mut next = Some(tip);
        while let Some(id) = next {
            let commit = match repository.read_commit(id, &needs) {
                Ok(commit) => commit,
                Err(error) if chain.steps.is_empty() => {
                    anyhow::bail!("cannot read commit {id}: {}", error.reason);
                }
                Err(error) => {
                    chain.cut = Some(format!("commit {id} cannot be read: {}", error.reason));
                    break;
                }
            };
            let committed_at = Timestamp::from_second(commit.committed_at).unwrap_or(Timestamp::UNIX_EPOCH);
            chain.steps.push(ChainStep { id, committed_at, landing: StepLanding::Unrecorded });
            next = commit.parents.first().copied();
            progress();
        }
        chain.steps.reverse();
        chain.index_steps();
        Ok(chain)
    }

    /// Returns the history that a walk over all of it found, with its steps, oldest first.
    pub(crate) fn from_walk(history: NewHistory, walked: Vec<WalkedStep>) -> RefChain {
        let mut chain = RefChain::default();
        let mut trees = Vec::with_capacity(walked.len());
        for WalkedStep { id, committed_at, tree } in walked {
            chain.steps.push(ChainStep { id, committed_at, landing: StepLanding::Unrecorded });
            trees.push(tree);
        }
        chain.walk = Some((history, trees));
        chain.index_steps();
        chain
    }

    fn index_steps(&mut self) {
        self.places.reserve(self.steps.len());
        for (place, step) in self.steps.iter().enumerate() {
            self.places.insert(step.id, place);
        }
    }

    /// Returns the walk that found the steps, if these are all of them.
    pub(crate) fn find_walk_of(&self, (first, last): (usize, usize)) -> Option<&NewHistory> {
        let (history, _) = self.walk.as_ref()?;
        (first == 0 && last + 1 == self.steps.len()).then_some(history)
    }

    /// Returns the root tree of the step at a place; `None` if it cannot be read.
    pub(crate) fn find_tree(&self, repository: &Repository, place: usize) -> Option<Oid> {
        match &self.walk {
            Some((_, trees)) => trees.get(place).copied(),
            None => repository.find_root_tree(self.steps.get(place)?.id).ok(),
        }
    }

    /// Returns the step before a place, if there is one.
    pub(crate) fn find_id_before(&self, place: usize) -> Option<Oid> {
        place.checked_sub(1).and_then(|before| self.steps.get(before)).map(|step| step.id)
    }

    /// Returns the place of a step; `None` for a commit that is no step of this history.
    pub(crate) fn find_place(&self, id: Oid) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Notes for each step which move of the ledger brought it, and returns the moves that did not add to the end
    /// of this history: what they brought, or took away, is no part of it.
    pub(crate) fn add_landings(&mut self, history: &LedgerHistory) -> OtherMoves {
        if let Some(first) = &history.first_tip
            && let Some(place) = self.find_place(first.id)
        {
            for step in self.steps.iter_mut().take(place + 1) {
                step.landing = StepLanding::Earlier(first.origin);
            }
        }
        let mut others = OtherMoves::default();
        for (number, one) in history.moves.iter().enumerate() {
            match self.place_move(&one.moved) {
                MovePlace::Steps(first, last) => self.add_move(number, first, last),
                MovePlace::Elsewhere => others.elsewhere.push(number),
                MovePlace::BeyondCut => others.beyond_cut += 1,
            }
        }
        others
    }

    /// Returns where a move stands in this history. Where the history is cut off, a commit that is not in it may be older
    /// than its beginning, so that nothing can be said against the move.
    fn place_move(&self, moved: &RecordedMove) -> MovePlace {
        let Some(new) = moved.new else { return MovePlace::Elsewhere };
        let old = moved.old.map(|old| self.find_place(old));
        match (old, self.find_place(new)) {
            (None, Some(last)) => MovePlace::Steps(0, last),
            (Some(Some(before)), Some(last)) if before <= last => MovePlace::Steps(before + 1, last),
            (Some(None), Some(last)) if self.cut.is_some() => MovePlace::Steps(0, last),
            (None | Some(None), None) if self.cut.is_some() => MovePlace::BeyondCut,
            // The ref went back, or away from a history that is gone.
            _ => MovePlace::Elsewhere,
        }
    }

    fn add_move(&mut self, number: usize, first: usize, last: usize) {
        for step in self.steps.iter_mut().take(last + 1).skip(first) {
            // What the ledger saw first is when it landed.
            if matches!(step.landing, StepLanding::Unrecorded) {
                step.landing = StepLanding::Moved(number);
            }
        }
    }
}
