//! Which states a branch under change control has had by decision.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::gate::push::base_policy::UndecidedMove;
use crate::gate::push::promotion::past_moves::PastMoves;
use crate::git::Repository;

/// How many commits are looked up for one ref.
pub(crate) const MAX_UNIT_LOOKUPS: usize = 20;

/// Whether each commit was a change, now and before.
pub(crate) struct PastUnits<'push> {
    /// True if each commit is a change by the policy of today.
    pub(crate) is_by_commit_now: bool,
    /// How many commits are still looked up, each of which may take a walk over history; the others were not judged alone.
    pub(crate) lookups_left: usize,
    /// Returns true if each commit was a change by the policy that a commit holds.
    pub(crate) is_by_commit_at: &'push mut dyn FnMut(Oid) -> bool,
}

/// A move of a branch, as its log or the ledger tells.
#[derive(Clone, Copy)]
struct BranchMove {
    old: Option<Oid>,
    new: Option<Oid>,
}

/// The commits that a branch has had as its states: those that the ledger and the log of the ref tell, and its first-parent
/// history, read as far as it is asked for. After a merge into which the branch was merged, only these two tell the states
/// before.
pub(crate) struct BranchStates<'past> {
    name: &'past Text,
    past: &'past PastMoves<'past>,
    tip: Oid,
    has_read_moves: bool,
    next: Option<Oid>,
    states: HashSet<Oid>,
    /// What the branch held before it held a commit, by that commit, as the moves tell.
    earlier: HashMap<Oid, Oid>,
    /// What the move that is read brought, and what the branch held before it.
    reading: Option<(HashSet<Oid>, Oid)>,
}

impl<'past> BranchStates<'past> {
    /// Begins with what the branch holds.
    pub(crate) fn new(name: &'past Text, tip: Oid, past: &'past PastMoves<'past>) -> Self {
        let (states, earlier) = (HashSet::new(), HashMap::new());
        let (next, reading) = (Some(tip), None);
        BranchStates { name, past, tip, has_read_moves: false, next, states, earlier, reading }
    }

    /// Adds what the moves of the branch tell. What came without a decision is no state, nor is what was built upon that
    /// until the branch was put back.
    fn read_moves(&mut self, repository: &Repository) -> Result<()> {
        self.has_read_moves = true;
        let mut recorded = Vec::new();
        for landing in self.past.read_landings(self.name)?.iter() {
            recorded.push(BranchMove { old: landing.old, new: landing.new });
        }
        let mut logged = Vec::new();
        for entry in repository.read_reflog(self.name) {
            logged.push(BranchMove { old: entry.old, new: entry.new });
        }
        let unanswered = self.past.list_unanswered(self.name);
        // Logs expire, and the ledger may know several moves as one, so that the log has the last word.
        for moves in [recorded, logged] {
            for moved in list_decided_moves(&moves, &unanswered) {
                self.states.extend(moved.new);
                self.earlier.extend(moved.new.zip(moved.old));
            }
        }
        Ok(())
    }

    /// Returns true if the branch has had this commit as a state, or has judged it as a change by itself.
    pub(crate) fn vouch_for(
        &mut self,
        repository: &Repository,
        units: &mut PastUnits<'_>,
        commit: Oid,
    ) -> Result<bool> {
        Ok(self.holds_commit(repository, commit)? || self.were_judged_alone(repository, units, commit)?)
    }

    /// Returns true if the branch has had this commit as a state.
    pub(crate) fn holds_commit(&mut self, repository: &Repository, commit: Oid) -> Result<bool> {
        if commit == self.tip {
            return Ok(true);
        }
        if !self.has_read_moves {
            self.read_moves(repository)?;
        }
        while !self.states.contains(&commit) {
            let Some(next) = self.next else { return Ok(false) };
            self.states.insert(next);
            self.next = self.find_state_before(repository, next)?;
        }
        Ok(true)
    }

    /// Returns true if every commit was a change when this one, which the branch holds, came to it: the policy that judges a
    /// push is the one that the branch held before it.
    pub(crate) fn were_judged_alone(
        &self,
        repository: &Repository,
        units: &mut PastUnits<'_>,
        commit: Oid,
    ) -> Result<bool> {
        if !units.is_by_commit_now || units.lookups_left == 0 {
            return Ok(false);
        }
        units.lookups_left -= 1;
        let mut chain = vec![self.tip];
        while let Some(last) = chain.last()
            && let Some(parent) = repository.list_parents(*last)?.first()
        {
            chain.push(*parent);
        }
        // The newest of them hold the commit, and those before it came do not.
        let (mut holding, mut lacking) = (0, chain.len());
        while lacking - holding > 1 {
            let middle = holding + (lacking - holding) / 2;
            let Some(state) = chain.get(middle) else { break };
            match repository.find_new_history(*state, &[commit])?.leads_back_to(commit) {
                true => holding = middle,
                false => lacking = middle,
            }
        }
        Ok(chain.get(lacking).is_some_and(|before| (units.is_by_commit_at)(*before)))
    }

    /// Returns the state before this one: the first parent, unless the move that brought it did not bring that. Then the
    /// first parent lies inside an earlier change, or is what the branch held.
    fn find_state_before(&mut self, repository: &Repository, state: Oid) -> Result<Option<Oid>> {
        let parent = repository.list_parents(state)?.first().copied();
        // Each move is followed once, so that a branch which went back and forth ends.
        if let Some(old) = self.earlier.remove(&state) {
            if parent == Some(old) {
                self.reading = None;
                return Ok(parent);
            }
            let brought = repository.find_new_history(state, &[old])?.list_ids();
            self.reading = Some((brought.into_iter().collect(), old));
        }
        match &self.reading {
            Some((brought, old)) if parent.is_none_or(|parent| !brought.contains(&parent)) => {
                let old = *old;
                self.reading = None;
                Ok(Some(old))
            }
            _ => Ok(parent),
        }
    }
}

/// Returns the moves, oldest first, without those that came without a decision and were not answered for, and
/// without what followed each of them until the ref was put back.
fn list_decided_moves(log: &[BranchMove], unanswered: &[UndecidedMove]) -> Vec<BranchMove> {
    let mut is_left_out = vec![false; log.len()];
    for one in unanswered {
        for (end, _) in log.iter().enumerate().filter(|(_, entry)| entry.new == one.new) {
            // What the ledger knows as one move may have been several.
            let before = log.iter().take(end + 1).rposition(|entry| entry.old == one.old);
            let put_back = log.iter().skip(end + 1).position(|entry| entry.new == one.old);
            let until = put_back.map_or(log.len(), |place| end + 1 + place);
            for left_out in is_left_out.iter_mut().take(until).skip(before.unwrap_or(end)) {
                *left_out = true;
            }
        }
    }
    log.iter().zip(is_left_out).filter(|(_, is_left_out)| !is_left_out).map(|(entry, _)| *entry).collect()
}
