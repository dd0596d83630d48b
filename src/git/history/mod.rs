//! The new history of a branch, and the steps in which the branch advanced: one for each commit of its
//! first-parent history.

pub(crate) mod backlog;
pub(crate) mod date_order;
pub(crate) mod new_range;
pub(crate) mod paint;
pub(crate) mod pipeline;
pub(crate) mod scan;
pub(crate) mod stream;

use anyhow::Result;
use gix::ObjectId;

use crate::change::{Fact, FactKind, Oid, PathChange};

use crate::git::history::paint::PaintedHistory;
use crate::git::objects::commit::unavailable_fact;
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// The commits that can be reached from a tip and from none of some hidden commits.
pub(crate) struct NewHistory {
    pub(crate) painted: PaintedHistory,
    tip: ObjectId,
}

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
    /// As [`Repository::list_new_commits`].
    pub fn list_steps(&self, new: Oid, hidden: &[Oid]) -> Result<Vec<Vec<Oid>>> {
        let painted = self.find_new_history(new, hidden)?.painted;
        let mut steps = Vec::new();
        for places in divide_into_steps(&painted) {
            let mut step = Vec::with_capacity(places.len());
            for place in places {
                if let Some(id) = painted.id_at(place) {
                    step.push(to_oid(id));
                }
            }
            steps.push(step);
        }
        Ok(steps)
    }

    /// Finds the commits that can be reached from `new` and from none of `hidden`.
    ///
    /// # Errors
    ///
    /// As [`Repository::list_new_commits`].
    pub(crate) fn find_new_history(&self, new: Oid, hidden: &[Oid]) -> Result<NewHistory> {
        let new = self.to_object_id(new)?;
        let hidden = self.to_object_ids(hidden)?;
        let painted = PaintedHistory::paint_history(&mut self.borrow_reader(), new, &hidden)?;
        Ok(NewHistory { painted, tip: new })
    }

    /// Divides the commits that can be reached from `tips` and from none of `hidden`: returns for each tip,
    /// in order, those to which no earlier tip leads, parents first.
    ///
    /// One walk finds them all, so many tips cost no more than the history that they share.
    ///
    /// # Errors
    ///
    /// As [`Repository::list_new_commits`].
    pub(crate) fn divide_new_history(&self, tips: &[Oid], hidden: &[Oid]) -> Result<Vec<Vec<Oid>>> {
        let (tips, hidden) = (self.to_object_ids(tips)?, self.to_object_ids(hidden)?);
        let (painted, places) = PaintedHistory::paint_histories(&mut self.borrow_reader(), &tips, &hidden)?;
        let mut taken = vec![false; painted.len()];
        let mut shares = Vec::with_capacity(places.len());
        for tip in places {
            let mut share = Vec::new();
            if let Some(tip) = tip {
                for place in take_reachable_commits(&painted, tip, &mut taken) {
                    share.extend(painted.id_at(place).map(|id| to_oid(id)));
                }
            }
            shares.push(share);
        }
        Ok(shares)
    }

    /// Returns the paths that differ between `old` and the tip of `history`, if its first parents do
    /// not lead back to `old`, and `None` if they do.
    ///
    /// If they do, every path that differs is among the paths of some commit on the way, each compared
    /// with its first parent. If they do not (`old` was merged in from the side), a merge can undo what
    /// `old` had without differing from its first parent; only this comparison shows that.
    /// `history` must be of what is new over `old` and nothing else.
    ///
    /// # Errors
    ///
    /// Fails if either commit cannot be read.
    pub(crate) fn find_side_changes(
        &self,
        history: &NewHistory,
        old: Oid,
    ) -> Result<Option<Fact<Vec<PathChange>>>> {
        let old = self.to_object_id(old)?;
        if history.painted.tip.is_none() || history.descends_by_first_parent(&old) {
            return Ok(None);
        }
        let mut reader = self.borrow_reader();
        let before = reader.find_root_tree(&old)?;
        let after = reader.find_root_tree(&history.tip)?;
        match reader.find_changed_paths(Some(before), Some(after)) {
            Ok(paths) => Ok(Some(Ok(paths))),
            Err(error) => Ok(Some(Err(unavailable_fact(FactKind::Paths, &error)))),
        }
    }
}

impl NewHistory {
    /// Returns how many commits are new.
    pub(crate) fn count_commits(&self) -> usize {
        self.painted.new_commits().count()
    }

    /// Returns the ids of the new commits, in no particular order.
    pub(crate) fn list_ids(&self) -> Vec<Oid> {
        self.painted.new_commits().filter_map(|commit| commit.id.as_ref()).map(|id| to_oid(id)).collect()
    }

    /// Returns true if `old` is part of the history of the tip.
    ///
    /// If it is, it is a parent of some new commit, or the tip itself, independent of dates: a list
    /// of new commits leaves none out, but if clocks were wrong it can hold some that are not
    /// new. The history must be of what is new over `old` and nothing else.
    pub(crate) fn leads_back_to(&self, old: Oid) -> bool {
        if self.tip.as_bytes() == old.as_bytes() {
            return true;
        }
        for commit in self.painted.new_commits() {
            for parent in &commit.parents {
                if self.painted.id_at(*parent).is_some_and(|id| id.as_bytes() == old.as_bytes()) {
                    return true;
                }
            }
        }
        false
    }

    /// Returns true if the first parents of the tip lead back to `old`.
    fn descends_by_first_parent(&self, old: &ObjectId) -> bool {
        let mut next = self.painted.tip;
        while let Some(place) = next
            && let Some(commit) = self.painted.commit_at(place)
        {
            if commit.id == Some(*old) {
                return true;
            }
            next = if commit.is_new() { commit.parents.first().copied() } else { None };
        }
        false
    }
}

/// Returns the steps, each as the places of its commits in `painted`.
pub(crate) fn divide_into_steps(painted: &PaintedHistory) -> Vec<Vec<usize>> {
    let mut tips: Vec<usize> = Vec::new();
    let mut next = painted.tip;
    while let Some(tip) = next {
        tips.push(tip);
        next = painted.first_parent(tip);
    }
    let mut taken = vec![false; painted.len()];
    let mut steps = Vec::with_capacity(tips.len());
    // From the oldest tip upwards, each commit belongs to the first tip that leads to it.
    for tip in tips.into_iter().rev() {
        steps.push(take_reachable_commits(painted, tip, &mut taken));
    }
    steps
}

/// Returns what `tip` leads to and was not taken before, parents first.
fn take_reachable_commits(painted: &PaintedHistory, tip: usize, taken: &mut [bool]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut stack = Vec::new();
    if take_place(taken, tip) {
        stack.push((tip, 0));
    }
    while let Some((index, parents_done)) = stack.pop() {
        match painted.new_parents(index).nth(parents_done) {
            Some(parent) => {
                stack.push((index, parents_done + 1));
                if take_place(taken, parent) {
                    stack.push((parent, 0));
                }
            }
            None => found.push(index),
        }
    }
    found
}

/// Marks a place as taken, and returns whether it was free.
fn take_place(taken: &mut [bool], place: usize) -> bool {
    match taken.get_mut(place) {
        Some(taken) => !std::mem::replace(taken, true),
        None => false,
    }
}
