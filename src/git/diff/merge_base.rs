//! Merge bases: the newest commits that two lines of history have in common.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::{Result, bail};
use gix::ObjectId;
use gix::hashtable::HashMap;

use crate::git::objects::reader::ObjectReader;

/// The most commits that are read in search of a merge base.
const MAX_SEARCHED_COMMITS: usize = 100_000;

const LEFT_SIDE: u8 = 1;
const RIGHT_SIDE: u8 = 2;
const BOTH_SIDES: u8 = LEFT_SIDE | RIGHT_SIDE;
/// Below a commit that both sides lead to.
const BELOW_COMMON: u8 = 4;

/// One commit that the search has met.
struct SearchedCommit {
    parents: Vec<ObjectId>,
    priority: (i64, Reverse<usize>),
    flags: u8,
    is_queued: bool,
}

/// Returns the commits that both some of `left` and `right` lead to, without those that another of them
/// leads to. If dates are skewed, one of the latter can remain. Empty for unrelated histories.
///
/// # Errors
///
/// Fails if a commit is missing, and after [`MAX_SEARCHED_COMMITS`] of them.
pub(crate) fn find_merge_bases(
    reader: &mut ObjectReader,
    left: &[ObjectId],
    right: &ObjectId,
) -> Result<Vec<ObjectId>> {
    let mut search =
        MergeBaseSearch { reader, commits: HashMap::default(), queue: BinaryHeap::new(), undecided_count: 0 };
    for left in left {
        search.paint_commit(*left, LEFT_SIDE)?;
    }
    search.paint_commit(*right, RIGHT_SIDE)?;
    // When only commits below a common one are left, no further merge base can be found.
    while search.undecided_count > 0 {
        let Some((_, id)) = search.queue.pop() else { break };
        let Some(met) = search.commits.get_mut(&id) else { continue };
        met.is_queued = false;
        if met.flags & BELOW_COMMON == 0 {
            search.undecided_count -= 1;
        }
        let flags = if met.flags & BOTH_SIDES == BOTH_SIDES { BOTH_SIDES | BELOW_COMMON } else { met.flags };
        for parent in met.parents.clone() {
            search.paint_commit(parent, flags)?;
        }
    }
    let mut found = Vec::new();
    for (id, commit) in &search.commits {
        if commit.flags == BOTH_SIDES {
            found.push(*id);
        }
    }
    found.sort_unstable();
    Ok(found)
}

struct MergeBaseSearch<'r> {
    reader: &'r mut ObjectReader,
    commits: HashMap<ObjectId, SearchedCommit>,
    queue: BinaryHeap<((i64, Reverse<usize>), ObjectId)>,
    /// How many commits in the queue are not below a common one.
    undecided_count: usize,
}

impl MergeBaseSearch<'_> {
    fn paint_commit(&mut self, id: ObjectId, flags: u8) -> Result<()> {
        if !self.commits.contains_key(&id) {
            if self.commits.len() == MAX_SEARCHED_COMMITS {
                bail!("the merge base is more than {MAX_SEARCHED_COMMITS} commits away");
            }
            let (links, _) = self.reader.read_walk_data(&id)?;
            // By date, since a line of history that came in late, such as that of a project that was
            // merged in, has low generations, and everything above them would be read first. The
            // answer does not depend on the order.
            let priority = (links.date, Reverse(self.commits.len()));
            self.commits
                .insert(id, SearchedCommit { parents: links.parents, priority, flags: 0, is_queued: false });
        }
        let Some(met) = self.commits.get_mut(&id) else { return Ok(()) };
        let before = met.flags;
        met.flags |= flags;
        if met.flags == before {
            return Ok(());
        }
        let was_undecided = met.is_queued && before & BELOW_COMMON == 0;
        let is_undecided = met.flags & BELOW_COMMON == 0;
        if !met.is_queued {
            met.is_queued = true;
            self.queue.push((met.priority, id));
        }
        match (was_undecided, is_undecided) {
            (false, true) => self.undecided_count += 1,
            (true, false) => self.undecided_count -= 1,
            _ => {}
        }
        Ok(())
    }
}
