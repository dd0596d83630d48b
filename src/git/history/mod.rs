//! The steps by which a branch advanced: one for each commit of its first-parent history.

pub(crate) mod date_order;
pub(crate) mod paint;
pub(crate) mod pipeline;
pub(crate) mod stream;

use anyhow::Result;
use gix::ObjectId;

use crate::change::{Fact, FactKind, Missing, Oid, PathChange};

use crate::git::history::paint::{PaintedCommit, PaintedHistory};
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

impl Repository {
    /// Divides the commits that can be reached from `new` and from none of `hidden` into the steps
    /// of `new`'s first-parent history, oldest step first.
    ///
    /// A step holds what its tip leads to, and neither the tip's first parent nor `hidden` does:
    /// for a merge, the merge and everything that it brought in. Within a step every parent comes
    /// before its children, so the tip is last. Each new commit is in exactly one step.
    ///
    /// # Errors
    ///
    /// As [`Repository::new_commits`].
    pub fn list_steps(&self, new: Oid, hidden: &[Oid]) -> Result<Vec<Vec<Oid>>> {
        let (new, hidden) = (self.to_object_id(new)?, self.to_object_ids(hidden)?);
        let painted = PaintedHistory::paint_history(&mut self.borrow_reader(), new, &hidden)?;
        let id = |index| painted.commit_at(index).and_then(|node| node.id).map(|id| to_oid(&id));
        Ok(divide_into_steps(&painted)
            .into_iter()
            .map(|step| step.into_iter().filter_map(id).collect())
            .collect())
    }
}

/// The commits that some are new over others, found once for all that is asked about them.
pub struct NewHistory {
    pub(crate) painted: PaintedHistory,
    tip: ObjectId,
}

impl Repository {
    /// Finds the commits that can be reached from `new` and from none of `hidden`.
    ///
    /// # Errors
    ///
    /// As [`Repository::new_commits`].
    pub fn find_new_history(&self, new: Oid, hidden: &[Oid]) -> Result<NewHistory> {
        let (new, hidden) = (self.to_object_id(new)?, self.to_object_ids(hidden)?);
        let painted = PaintedHistory::paint_history(&mut self.borrow_reader(), new, &hidden)?;
        Ok(NewHistory { painted, tip: new })
    }

    /// Returns the paths that differ between `old` and the tip of `history`, if its first parents do
    /// not lead back to `old`, and `None` if they do.
    ///
    /// Where they do, whatever differs is among the paths of some commit on the way, each against
    /// its first parent. Where they do not (`old` was merged in from the side), a merge can take back
    /// what `old` had without differing from its first parent; only this comparison shows that.
    /// `history` must be of what is new over `old` and nothing else.
    ///
    /// # Errors
    ///
    /// Fails if either commit cannot be read.
    pub fn find_side_changes(&self, history: &NewHistory, old: Oid) -> Result<Option<Fact<Vec<PathChange>>>> {
        let old = self.to_object_id(old)?;
        if history.painted.tip.is_none() || history.descends_by_first_parent(&old) {
            return Ok(None);
        }
        let mut reader = self.borrow_reader();
        let (before, after) = (reader.find_root_tree(&old)?, reader.find_root_tree(&history.tip)?);
        let changed = reader.find_changed_paths(Some(before), Some(after));
        Ok(Some(changed.map_err(|error| Missing::Unavailable(FactKind::Paths, format!("{error:#}")))))
    }
}

impl NewHistory {
    /// Returns how many commits are new.
    pub fn count_commits(&self) -> usize {
        self.iter_commits().filter(|node| node.is_new()).count()
    }

    /// Returns true if `old` is part of the history of the tip.
    ///
    /// If it is, it is a parent of some new commit, or the tip itself, whatever the dates say: a list
    /// of new commits leaves none out, but where clocks were wrong it can hold some that are not
    /// new. The history must be of what is new over `old` and nothing else.
    pub fn leads_back_to(&self, old: Oid) -> bool {
        let is_old = |id: &ObjectId| id.as_bytes() == old.as_bytes();
        is_old(&self.tip)
            || self.iter_commits().filter(|node| node.is_new()).flat_map(|node| &node.parents).any(|parent| {
                self.painted.commit_at(*parent).and_then(|node| node.id).is_some_and(|id| is_old(&id))
            })
    }

    /// Returns true if the first parents of the tip lead back to `old`.
    fn descends_by_first_parent(&self, old: &ObjectId) -> bool {
        let mut at = self.painted.tip;
        while let Some(node) = at.and_then(|at| self.painted.commit_at(at)) {
            if node.id == Some(*old) {
                return true;
            }
            at = node.parents.first().copied().filter(|_| node.is_new());
        }
        false
    }

    fn iter_commits(&self) -> impl Iterator<Item = &PaintedCommit> {
        (0..self.painted.len()).filter_map(|at| self.painted.commit_at(at))
    }
}

/// Returns the steps, each as the places of its commits.
pub(crate) fn divide_into_steps(painted: &PaintedHistory) -> Vec<Vec<usize>> {
    let mut tips: Vec<usize> = Vec::new();
    let mut next = painted.tip;
    while let Some(tip) = next {
        tips.push(tip);
        let first_parent = painted.commit_at(tip).and_then(|node| node.parents.first().copied());
        next = first_parent.filter(|parent| painted.commit_at(*parent).is_some_and(|node| node.is_new()));
    }
    let mut taken = vec![false; painted.len()];
    // From the oldest tip upwards, each commit falls to the first tip that leads to it.
    tips.iter().rev().map(|tip| take_reachable_commits(painted, *tip, &mut taken)).collect()
}

/// Returns what `tip` leads to and was not taken before, parents first.
fn take_reachable_commits(painted: &PaintedHistory, tip: usize, taken: &mut [bool]) -> Vec<usize> {
    let mut take = |index: usize| taken.get_mut(index).is_some_and(|taken| !std::mem::replace(taken, true));
    let mut found = Vec::new();
    let mut stack = Vec::new();
    if take(tip) {
        stack.push((tip, 0));
    }
    while let Some((index, parents_done)) = stack.pop() {
        match painted.new_parents(index).nth(parents_done) {
            Some(parent) => {
                stack.push((index, parents_done + 1));
                if take(parent) {
                    stack.push((parent, 0));
                }
            }
            None => found.push(index),
        }
    }
    found
}
