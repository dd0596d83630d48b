//! The steps by which a ref came to what it holds, with how each of them came there by the ledger.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid};
use crate::git::{NewHistory, Repository};
use crate::ledger::audit::ledger_history::{LandedRefMove, LedgerHistory};
use crate::ledger::audit::other_refs::OtherRefLanding;
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::RecordedMove;

/// The history of a ref, step by step, oldest first.
#[derive(Default)]
pub(crate) struct RefChain {
    pub(crate) steps: Vec<ChainStep>,
    places: HashMap<Oid, usize>,
    /// The steps in runs, each of which one walk finds; without exception one run.
    pub(crate) runs: Vec<ChainRun>,
    /// The commits that the ref held by the ledger, to which only other parents than the first lead.
    pub(crate) reached: HashSet<Oid>,
    /// What other refs got before, by the places of the steps, as numbers of the landings on other refs in the ledger.
    elsewhere: Vec<Option<usize>>,
    /// The walk that found the steps, if they are those of a whole history, and their root trees.
    walk: Option<(NewHistory, Vec<Oid>)>,
    /// Why the history does not go back to its beginning, if it does not.
    pub(crate) cut: Option<String>,
}

/// Steps that follow one another by their first parents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainRun {
    /// The place of the first step.
    pub(crate) first: usize,
    /// The place of the last step.
    pub(crate) last: usize,
    /// What the ref held before, unless this is the beginning.
    pub(crate) base: Option<Oid>,
    /// The commits whose history is no part of the run.
    pub(crate) hidden: Vec<Oid>,
    /// True if the first parents of the first step do not lead back to the base: somebody merged the ref into their own
    /// work, and pushed that.
    pub(crate) is_aside: bool,
}

/// One step of the history.
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
    /// The places of the newest ones, which lead on from what the history holds to what it does not.
    pub(crate) lacking: Vec<usize>,
    /// How many may be older than the beginning of a history that is cut off.
    pub(crate) beyond_cut: usize,
}

/// Where a move of the ref stands in its history.
enum MovePlace {
    /// It brought the steps from the first place to the last.
    Steps(usize, usize),
    /// It replaced what the ref held by these steps.
    Replaced(usize, usize),
    /// It did not add to the end of the history.
    Elsewhere,
    /// It may be older than the beginning of the history, which is cut off.
    BeyondCut,
}

impl ChainStep {
    /// Returns true if the ledger says that no decision that counts brought the step, whatever was done about it later.
    pub(crate) fn came_past_gate(&self, history: &LedgerHistory) -> bool {
        self.find_origin(history).is_some_and(LandingOrigin::came_past_gate)
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

    /// Notes the places of the steps, which are one run.
    fn index_steps(&mut self) {
        self.places.reserve(self.steps.len());
        for (place, step) in self.steps.iter().enumerate() {
            self.places.insert(step.id, place);
        }
        let last = self.steps.len().saturating_sub(1);
        self.runs = vec![ChainRun { first: 0, last, base: None, hidden: Vec::new(), is_aside: false }];
    }

    /// Returns true if one walk over the whole history found the steps.
    pub(crate) fn is_walked(&self) -> bool {
        self.walk.is_some() && self.runs.len() == 1
    }

    /// Returns the walk that found the steps, if these are all of them.
    pub(crate) fn find_walk_of(&self, (first, last): (usize, usize)) -> Option<&NewHistory> {
        let (history, _) = self.walk.as_ref().filter(|_| self.is_walked())?;
        (first == 0 && last + 1 == self.steps.len()).then_some(history)
    }

    /// Returns the root tree of the step at a place; `None` if it cannot be read.
    pub(crate) fn find_tree(&self, repository: &Repository, place: usize) -> Option<Oid> {
        match &self.walk {
            Some((_, trees)) => trees.get(place).copied(),
            None => repository.find_root_tree(self.steps.get(place)?.id).ok(),
        }
    }

    /// Adds a step after the last one, which no walk over the whole history has found.
    pub(crate) fn add_step(&mut self, step: ChainStep) {
        self.walk = None;
        self.places.insert(step.id, self.steps.len());
        self.steps.push(step);
    }

    /// Returns what the commits of the steps depend on beside the steps: nothing where each has those that are not in the
    /// one before.
    pub(crate) fn describe_runs(&self) -> String {
        if self.runs.len() == 1 { String::new() } else { format!("{:?}", self.runs) }
    }

    /// Returns the commits whose history is no part of the steps from a place to the end of its run: the step before, and
    /// what the run does not lead back to.
    pub(crate) fn list_hidden_before(&self, run: &ChainRun, place: usize) -> Vec<Oid> {
        let mut hidden = run.hidden.clone();
        if let Some(before) = place.checked_sub(1).filter(|_| place > run.first)
            && let Some(step) = self.steps.get(before)
        {
            hidden.push(step.id);
        }
        hidden
    }

    /// Returns true if the history has this commit as a step, or as what the ref held once.
    pub(crate) fn holds_commit(&self, id: Oid) -> bool {
        self.find_place(id).is_some() || self.reached.contains(&id)
    }

    /// Returns true if the ledger says that the ref had this step before the record of this number.
    pub(crate) fn had_step_before(&self, id: Oid, record: u64, history: &LedgerHistory) -> bool {
        let step = self.find_place(id).and_then(|place| self.steps.get(place));
        step.is_some_and(|step| match step.landing {
            StepLanding::Unrecorded => false,
            StepLanding::Earlier(_) => true,
            StepLanding::Moved(number) => history.moves.get(number).is_some_and(|one| one.record < record),
        })
    }

    /// Returns the place of a step; `None` for a commit that is no step of this history.
    pub(crate) fn find_place(&self, id: Oid) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Notes for each step which move of the ledger brought it, and returns the moves that did not add to the end
    /// of this history: what they brought, or took away, is no part of it. One that replaced what the ref held did both.
    pub(crate) fn add_landings(&mut self, repository: &Repository, history: &LedgerHistory) -> OtherMoves {
        if let Some(first) = &history.first_tip
            && let Some(place) = self.find_place(first.id)
        {
            for step in self.steps.iter_mut().take(place + 1) {
                step.landing = StepLanding::Earlier(first.origin);
            }
        }
        self.add_other_refs(repository, history);
        let mut others = OtherMoves { lacking: self.list_lacking_moves(history), ..OtherMoves::default() };
        let complete = history.moves.len() - others.lacking.len();
        for (number, one) in history.moves.iter().take(complete).enumerate() {
            match self.place_move((repository, history), &one.moved) {
                MovePlace::Steps(first, last) => {
                    let has_brought = self.add_move(number, first, last);
                    // What the ref held already, it was put back to; by a decision, that is a landing. Behind a cut, it
                    // cannot be said.
                    if (!has_brought && one.decision.is_none() && self.cut.is_none())
                        || self.is_made_of_another(one, (first, last), history)
                    {
                        others.elsewhere.push(number);
                    }
                }
                MovePlace::Replaced(first, last) => {
                    self.add_move(number, first, last);
                    others.elsewhere.push(number);
                }
                MovePlace::Elsewhere => others.elsewhere.push(number),
                MovePlace::BeyondCut => others.beyond_cut += 1,
            }
        }
        others
    }

    /// Returns the newest moves of the ledger that lead away from what this history holds: the ref is behind the ledger.
    fn list_lacking_moves(&self, history: &LedgerHistory) -> Vec<usize> {
        let mut lacking = Vec::new();
        let mut next = None;
        for (number, one) in history.moves.iter().enumerate().rev() {
            let Some(new) = one.moved.new.filter(|new| !self.holds_commit(*new)) else { break };
            if next.is_some_and(|next| next != Some(new)) {
                break;
            }
            lacking.push(number);
            next = Some(one.moved.old);
            // Behind the place where a history is cut off, nothing can be said to be missing.
            if self.cut.is_some() && one.moved.old.is_none_or(|old| !self.holds_commit(old)) {
                lacking.truncate(1);
                break;
            }
        }
        lacking.reverse();
        lacking
    }

    /// Notes for each step which record of another ref told of it first.
    fn add_other_refs(&mut self, repository: &Repository, history: &LedgerHistory) {
        if history.other_refs.is_empty() {
            return;
        }
        self.elsewhere = vec![None; self.steps.len()];
        // The first steps, up to this place, are all noted.
        let mut noted = 0;
        for (number, one) in history.other_refs.iter().enumerate() {
            let first = match one.old {
                None => Some(noted),
                Some(old) => self.find_place(old).map(|before| before + 1),
            };
            let Some(last) = self.find_place(one.new) else { continue };
            // A merge of what that ref held into what came to it leads first parents past what it held.
            let common = || self.find_common_place(repository, one.old, last).flatten().map(|base| base + 1);
            let Some(first) = first.or_else(common) else { continue };
            for of_step in self.elsewhere.iter_mut().take(last + 1).skip(first) {
                of_step.get_or_insert(number);
            }
            if first <= noted {
                noted = noted.max(last + 1);
            }
        }
    }

    /// Returns what the step at this place was on another ref first, as the ledger has it.
    pub(crate) fn find_first_landing<'a>(
        &self,
        place: usize,
        history: &'a LedgerHistory,
    ) -> Option<&'a OtherRefLanding> {
        self.elsewhere.get(place).copied().flatten().and_then(|number| history.other_refs.get(number))
    }

    /// Returns where a move stands in this history. Where the history is cut off, a commit that is not in it may be older
    /// than its beginning, so that nothing can be said against the move.
    fn place_move(
        &self,
        (repository, history): (&Repository, &LedgerHistory),
        moved: &RecordedMove,
    ) -> MovePlace {
        let Some(new) = moved.new else { return MovePlace::Elsewhere };
        let old = moved.old.map(|old| self.find_place(old));
        match (old, self.find_place(new)) {
            (None, Some(last)) => MovePlace::Steps(0, last),
            (Some(Some(before)), Some(last)) if before <= last => MovePlace::Steps(before + 1, last),
            (Some(None), Some(last)) if self.cut.is_some() => MovePlace::Steps(0, last),
            (None | Some(None), None) if self.cut.is_some() => MovePlace::BeyondCut,
            (Some(None), Some(last)) => {
                let first = self.find_replacing_steps((repository, history), (moved.old, last));
                MovePlace::Replaced(first, last)
            }
            // The ref went back, or away from a history that is gone.
            _ => MovePlace::Elsewhere,
        }
    }

    /// Returns true if a move without a decision made the ref of what another one held before.
    fn is_made_of_another(
        &self,
        one: &LandedRefMove,
        (first, last): (usize, usize),
        history: &LedgerHistory,
    ) -> bool {
        let had_before = |place| {
            self.find_first_landing(place, history).is_some_and(|landing| landing.record < one.record)
        };
        one.decision.is_none() && one.moved.old.is_none() && (first..=last).any(had_before)
    }

    /// Notes that a move brought these steps; returns false if all of them were there before.
    fn add_move(&mut self, number: usize, first: usize, last: usize) -> bool {
        let mut has_brought = false;
        for step in self.steps.iter_mut().take(last + 1).skip(first) {
            // What the ledger saw first is when it landed.
            if matches!(step.landing, StepLanding::Unrecorded) {
                step.landing = StepLanding::Moved(number);
                has_brought = true;
            }
        }
        has_brought
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of a step counts only for the commits that the step had: a step of another run has others.
    #[test]
    fn a_key_of_steps_tells_their_runs_apart() {
        let id = |number: u8| Oid::from_bytes(&[number; 20]).unwrap();
        let describe = |runs: Vec<ChainRun>| RefChain { runs, ..RefChain::default() }.describe_runs();
        let run = ChainRun { first: 0, last: 3, base: None, hidden: Vec::new(), is_aside: false };
        assert_eq!(describe(vec![run.clone()]), "");
        let second = ChainRun { first: 4, last: 6, base: Some(id(1)), hidden: vec![id(1)], is_aside: false };
        let kept = describe(vec![run.clone(), second.clone()]);
        let others = [
            ChainRun { first: 5, ..second.clone() },
            ChainRun { last: 7, ..second.clone() },
            ChainRun { base: Some(id(2)), ..second.clone() },
            ChainRun { hidden: vec![id(1), id(2)], ..second.clone() },
            ChainRun { is_aside: true, ..second.clone() },
        ];
        for other in others {
            assert_ne!(describe(vec![run.clone(), other.clone()]), kept, "{other:?}");
        }
        assert_eq!(describe(vec![run, second]), kept);
    }
}
