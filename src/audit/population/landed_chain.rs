//! The steps that a ref took by its ledger, where first parents do not lead back to all of them.
//!
//! Somebody who merges a branch into their own work and pushes that as the branch turns the parents around: the first
//! parents of the new tip lead away from what had landed. The commits that the branch is known to have held, in the order
//! of the ledger, keep each step that landed and can still be reached in its place.

use std::collections::HashSet;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::population::ref_chain::{ChainRun, ChainStep, RefChain, StepLanding};
use crate::change::{NeededFacts, Oid, Text};
use crate::git::Repository;
use crate::ledger::audit::history_fold::read_ledger_history;
use crate::ledger::audit::ledger_history::LedgerHistory;

/// The steps over a known one, oldest first, each with the commit before it if it has one.
type FollowingSteps = Vec<(ChainStep, Option<Oid>)>;

impl RefChain {
    /// Reads the steps that lead to `tip`: those of its first-parent history, and where the ledger knows commits that the
    /// ref held and to which first parents do not lead, those by which they came. `progress` is called for each step.
    ///
    /// # Errors
    ///
    /// As [`RefChain::read_chain`].
    pub(crate) fn read_landed_chain(
        repository: &Repository,
        tip: Oid,
        history: &LedgerHistory,
        progress: &mut dyn FnMut(),
    ) -> Result<RefChain> {
        Ok(RefChain::read_chain(repository, tip, progress)?.add_landed_steps(repository, tip, history))
    }

    /// Returns the steps that lead to `tip`, whose first-parent history this is; it stays as it is where the ledger knows
    /// nothing to which first parents do not lead.
    pub(crate) fn add_landed_steps(
        self,
        repository: &Repository,
        tip: Oid,
        history: &LedgerHistory,
    ) -> RefChain {
        let tips = list_held_tips(history);
        let aside: Vec<Oid> = tips.iter().copied().filter(|id| self.find_place(*id).is_none()).collect();
        // Where the history is cut off, nothing can be said of what first parents do not lead to.
        if aside.is_empty() || self.cut.is_some() {
            return self;
        }
        let reached = find_reached_commits(repository, tip, &aside);
        if reached.is_empty() {
            return self;
        }
        let is_held = |id: &Oid| self.find_place(*id).is_some() || reached.contains(id);
        let ends: Vec<Oid> = tips.iter().copied().filter(is_held).chain([tip]).collect();
        let mut landed = LandedChain::default();
        for end in ends {
            // What cannot be read as it landed is read as it is.
            if landed.add_end(repository, end).is_err() {
                return self;
            }
        }
        landed.chain.reached = reached;
        landed.chain
    }
}

/// Returns true if the ledger knows a commit as a step by which the ref came to `tip`.
///
/// # Errors
///
/// Fails if the ledger or the history cannot be read.
pub fn is_landed_step(repository: &Repository, ref_name: &Text, step: Oid, tip: Oid) -> Result<bool> {
    let history = read_ledger_history(repository, ref_name, &mut || {})?.unwrap_or_default();
    let chain = RefChain::read_landed_chain(repository, tip, &history, &mut || {})?;
    Ok(chain.find_place(step).is_some())
}

/// Returns what the ref held by its ledger, oldest first, each once.
fn list_held_tips(history: &LedgerHistory) -> Vec<Oid> {
    let mut known = HashSet::new();
    let first = history.first_tip.iter().map(|first| first.id);
    let moved = history.moves.iter().flat_map(|one| [one.moved.old, one.moved.new]).flatten();
    first.chain(moved).filter(|id| known.insert(*id)).collect()
}

/// Returns which of the commits are part of the history of `tip`; none if that cannot be read.
fn find_reached_commits(repository: &Repository, tip: Oid, commits: &[Oid]) -> HashSet<Oid> {
    let needs = NeededFacts::new();
    let mut wanted: HashSet<Oid> =
        commits.iter().copied().filter(|id| repository.read_commit(*id, &needs).is_ok()).collect();
    if wanted.is_empty() {
        return wanted;
    }
    let Ok(history) = repository.find_new_history(tip, &[]) else { return HashSet::new() };
    let all: HashSet<Oid> = history.list_ids().into_iter().collect();
    wanted.retain(|id| all.contains(id));
    wanted
}

/// A chain that is built from what the ref held, one commit after the other.
#[derive(Default)]
struct LandedChain {
    chain: RefChain,
    /// The commits whose history the steps are, none of them in that of another.
    ends: Vec<Oid>,
}

impl LandedChain {
    /// Adds the steps that lead to `end`, as far as they are new.
    fn add_end(&mut self, repository: &Repository, end: Oid) -> Result<()> {
        if self.chain.find_place(end).is_some() {
            return Ok(());
        }
        let Some(last) = self.chain.steps.last().map(|step| step.id) else {
            self.chain = RefChain::read_chain(repository, end, &mut || {})?;
            anyhow::ensure!(self.chain.cut.is_none(), "the history is cut off");
            self.ends = vec![end];
            return Ok(());
        };
        if let Some(steps) = self.list_following_steps(repository, end)? {
            self.add_run(steps, last, false);
            self.ends.retain(|id| *id != last);
            self.ends.push(end);
            return Ok(());
        }
        let mut steps = Vec::new();
        for commits in repository.list_steps(end, &self.ends)? {
            let Some(id) = commits.last() else { continue };
            match self.chain.find_place(*id) {
                Some(_) => steps.clear(),
                None => steps.push(read_step(repository, *id)?),
            }
        }
        // It is an older commit that lies inside a change, to which the ref went back.
        if steps.is_empty() {
            return Ok(());
        }
        self.add_run(steps, last, true);
        let mut left = vec![end];
        for id in self.ends.drain(..) {
            if !repository.find_new_history(end, &[id])?.leads_back_to(id) {
                left.push(id);
            }
        }
        self.ends = left;
        Ok(())
    }

    /// Returns the steps over the last one to which the first parents of `end` lead; `None` if they lead elsewhere.
    fn list_following_steps(&self, repository: &Repository, end: Oid) -> Result<Option<FollowingSteps>> {
        let last = self.chain.steps.last().map(|step| step.id);
        let (mut steps, mut next) = (Vec::new(), Some(end));
        while let Some(id) = next.filter(|id| Some(*id) != last) {
            if self.chain.find_place(id).is_some() {
                return Ok(None);
            }
            let (step, parent) = read_step(repository, id)?;
            steps.push((step, parent));
            next = parent;
        }
        steps.reverse();
        Ok(if next.is_some() { Some(steps) } else { None })
    }

    /// Adds steps, each with its first parent, over the last one, of this id.
    fn add_run(&mut self, steps: Vec<(ChainStep, Option<Oid>)>, last: Oid, is_aside: bool) {
        let first = self.chain.steps.len();
        let before = steps.first().and_then(|(_, parent)| *parent);
        for (step, _) in steps {
            self.chain.add_step(step);
        }
        let end = self.chain.steps.len().saturating_sub(1);
        match self.chain.runs.last_mut() {
            Some(run) if !run.is_aside && !is_aside => run.last = end,
            _ => {
                let mut hidden = self.ends.clone();
                hidden.extend(before.filter(|id| !self.ends.contains(id)));
                self.chain.runs.push(ChainRun { first, last: end, base: Some(last), hidden, is_aside });
            }
        }
    }
}

/// Returns a commit as a step, and its first parent.
fn read_step(repository: &Repository, id: Oid) -> Result<(ChainStep, Option<Oid>)> {
    let commit = repository.read_commit(id, &NeededFacts::new()).map_err(anyhow::Error::from)?;
    let committed_at = Timestamp::from_second(commit.committed_at).unwrap_or(Timestamp::UNIX_EPOCH);
    let step = ChainStep { id, committed_at, landing: StepLanding::Unrecorded };
    Ok((step, commit.parents.first().copied()))
}
