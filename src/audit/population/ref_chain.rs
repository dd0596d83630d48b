//! The first-parent history of a ref, with how each step of it came there by the ledger.

use std::collections::HashMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid};
use crate::git::Repository;
use crate::ledger::audit::ledger_history::{LandedRefMove, LedgerHistory};
use crate::ledger::audit::trace::LandingOrigin;

/// The first-parent history of a ref, oldest step first.
#[derive(Debug, Default)]
pub(crate) struct RefChain {
    pub(crate) steps: Vec<ChainStep>,
    places: HashMap<Oid, usize>,
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
        for (place, step) in chain.steps.iter().enumerate() {
            chain.places.insert(step.id, place);
        }
        Ok(chain)
    }

    /// Returns the place of a step; `None` for a commit that is no step of this history.
    pub(crate) fn find_place(&self, id: Oid) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Notes for each step which move of the ledger brought it, and returns the moves that did not add to the end
    /// of this history: what they brought, or took away, is no part of it.
    pub(crate) fn add_landings(&mut self, history: &LedgerHistory) -> Vec<usize> {
        if let Some(first) = &history.first_tip
            && let Some(place) = self.find_place(first.id)
        {
            for step in self.steps.iter_mut().take(place + 1) {
                step.landing = StepLanding::Earlier(first.origin);
            }
        }
        let mut others = Vec::new();
        for (number, one) in history.moves.iter().enumerate() {
            if !self.add_move(number, one) {
                others.push(number);
            }
        }
        others
    }

    fn add_move(&mut self, number: usize, one: &LandedRefMove) -> bool {
        let Some(last) = one.moved.new.and_then(|new| self.find_place(new)) else { return false };
        let first = match one.moved.old {
            None => 0,
            Some(old) => match self.find_place(old) {
                Some(place) if place <= last => place + 1,
                // The ref went back, or away from a history that is gone.
                _ => return false,
            },
        };
        for step in self.steps.iter_mut().take(last + 1).skip(first) {
            // What the ledger saw first is when it landed.
            if matches!(step.landing, StepLanding::Unrecorded) {
                step.landing = StepLanding::Moved(number);
            }
        }
        true
    }
}
