//! The steps by which a branch advanced: one for each commit of its first-parent history.

use anyhow::Result;

use crate::change::{Fact, Missing, Need, Oid, PathChange};

use super::paint::Painted;
use super::reader::oid;
use super::repository::Repository;

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
    pub fn steps(&self, new: Oid, hidden: &[Oid]) -> Result<Vec<Vec<Oid>>> {
        let (new, hidden) = (self.object_id(new)?, self.object_ids(hidden)?);
        let painted = Painted::find(&mut self.reader(), new, &hidden)?;
        Ok(divide(&painted))
    }
}

impl Repository {
    /// Returns the paths that differ between `old` and `new`, if `new`'s first-parent history does
    /// not lead back to `old`, and `None` if it does.
    ///
    /// Where it does, whatever differs is among the paths of some commit on the way, each against
    /// its first parent. Where it does not (`old` was merged in from the side), a merge can take back
    /// what `old` had without differing from its first parent; only this comparison shows that.
    ///
    /// # Errors
    ///
    /// As [`Repository::new_commits`].
    pub fn changed_from_the_side(&self, old: Oid, new: Oid) -> Result<Option<Fact<Vec<PathChange>>>> {
        let (old, new) = (self.object_id(old)?, self.object_id(new)?);
        let mut reader = self.reader();
        let painted = Painted::find(&mut reader, new, &[old])?;
        let mut at = painted.tip;
        while let Some(node) = at.and_then(|at| painted.get(at)) {
            if node.id == Some(old) {
                return Ok(None);
            }
            at = node.parents.first().copied().filter(|_| node.is_new());
        }
        if painted.tip.is_none() {
            return Ok(None);
        }
        let (before, after) = (reader.tree_of(&old)?, reader.tree_of(&new)?);
        let changed = reader.changed_paths(Some(before), Some(after));
        Ok(Some(changed.map_err(|error| Missing::Unavailable(Need::Paths, format!("{error:#}")))))
    }
}

pub(super) fn divide(painted: &Painted) -> Vec<Vec<Oid>> {
    let mut tips: Vec<usize> = Vec::new();
    let mut next = painted.tip;
    while let Some(tip) = next {
        tips.push(tip);
        let first_parent = painted.get(tip).and_then(|node| node.parents.first().copied());
        next = first_parent.filter(|parent| painted.get(*parent).is_some_and(|node| node.is_new()));
    }
    let mut taken = vec![false; painted.len()];
    // From the oldest tip upwards, each commit falls to the first tip that leads to it.
    tips.iter().rev().map(|tip| below(painted, *tip, &mut taken)).collect()
}

/// Returns what `tip` leads to and was not taken before, parents first.
fn below(painted: &Painted, tip: usize, taken: &mut [bool]) -> Vec<Oid> {
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
            None => found.extend(painted.get(index).and_then(|node| node.id).map(|id| oid(&id))),
        }
    }
    found
}
