//! Merge bases: the newest commits that two lines of history have in common.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::{Result, bail};
use gix::ObjectId;

use crate::change::Oid;
use crate::git::objects::reader::{ObjectReader, to_oid};
use crate::git::repository::Repository;

/// The most commits that are read in search of a merge base.
const MAX_SEARCHED_COMMITS: usize = 100_000;

const LEFT_SIDE: u8 = 1;
const RIGHT_SIDE: u8 = 2;
const BOTH_SIDES: u8 = LEFT_SIDE | RIGHT_SIDE;
/// Below a commit that both sides lead to.
const BELOW_COMMON: u8 = 4;

/// Set while a commit is in the queue.
const IS_QUEUED: u8 = 8;

/// Returns the commits that both some of `left` and `right` lead to, without those that another of them
/// leads to. If dates are skewed, one of the latter can remain. Empty for unrelated histories. The oldest is
/// first, as git takes them.
///
/// # Errors
///
/// Fails if a commit is missing, and after [`MAX_SEARCHED_COMMITS`] of them.
pub(crate) fn find_merge_bases(
    reader: &mut ObjectReader,
    left: &[ObjectId],
    right: &ObjectId,
) -> Result<Vec<ObjectId>> {
    reader.link_cache.trim_to_limit();
    let mut search = MergeBaseSearch {
        reader,
        flags: Vec::new(),
        met: Vec::new(),
        queue: BinaryHeap::new(),
        undecided_count: 0,
    };
    for left in left {
        let place = search.reader.link_cache.place_of(*left);
        search.paint_commit(place, LEFT_SIDE)?;
    }
    let place = search.reader.link_cache.place_of(*right);
    search.paint_commit(place, RIGHT_SIDE)?;
    // When only commits below a common one are left, no further merge base can be found.
    while search.undecided_count > 0 {
        let Some((_, Reverse(place))) = search.queue.pop() else { break };
        search.visit_commit(place)?;
    }
    let mut found = Vec::new();
    for place in &search.met {
        if search.flags_at(*place) & !IS_QUEUED == BOTH_SIDES {
            let date = search.reader.read_links_at(*place)?.date;
            found.extend(search.reader.link_cache.id_at(*place).map(|id| (date, id)));
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

impl Repository {
    /// Returns the newest commit that both commits lead to, or one of the newest; one of the two, if the other leads
    /// to it.
    ///
    /// # Errors
    ///
    /// As [`find_merge_bases`].
    pub(crate) fn find_common_ancestor(&self, left: Oid, right: Oid) -> Result<Option<Oid>> {
        Ok(self.list_common_ancestors(left, right)?.pop())
    }

    /// Returns the newest commits that both commits lead to, the newest of them last; several where histories were merged
    /// crosswise.
    ///
    /// # Errors
    ///
    /// As [`find_merge_bases`].
    pub(crate) fn list_common_ancestors(&self, left: Oid, right: Oid) -> Result<Vec<Oid>> {
        let (left, right) = (self.to_object_id(left)?, self.to_object_id(right)?);
        let bases = find_merge_bases(&mut self.borrow_reader(), &[left], &right)?;
        Ok(bases.iter().map(|id| to_oid(id)).collect())
    }
}

/// One search. Commits are known by their places in the cache of the reader.
struct MergeBaseSearch<'r> {
    reader: &'r mut ObjectReader,
    /// By place; 0 for a commit that the search has not met.
    flags: Vec<u8>,
    /// The commits that the search has met.
    met: Vec<usize>,
    queue: BinaryHeap<(i64, Reverse<usize>)>,
    /// How many commits in the queue are not below a common one.
    undecided_count: usize,
}

impl MergeBaseSearch<'_> {
    fn flags_at(&self, place: usize) -> u8 {
        self.flags.get(place).copied().unwrap_or_default()
    }

    /// Paints the parents of a commit that was taken from the queue.
    fn visit_commit(&mut self, place: usize) -> Result<()> {
        let links = self.reader.read_links_at(place)?;
        let Some(flags) = self.flags.get_mut(place) else { return Ok(()) };
        *flags &= !IS_QUEUED;
        if *flags & BELOW_COMMON == 0 {
            self.undecided_count -= 1;
        }
        let spread = if *flags & BOTH_SIDES == BOTH_SIDES { BOTH_SIDES | BELOW_COMMON } else { *flags };
        let mut number = 0;
        while let Some(parent) = self.reader.link_cache.parent_at(links, number) {
            self.paint_commit(parent, spread)?;
            number += 1;
        }
        Ok(())
    }

    fn paint_commit(&mut self, place: usize, spread: u8) -> Result<()> {
        let before = self.flags_at(place);
        let after = before | spread;
        if after == before {
            return Ok(());
        }
        if before == 0 {
            if self.met.len() == MAX_SEARCHED_COMMITS {
                bail!("the merge base is more than {MAX_SEARCHED_COMMITS} commits away");
            }
            self.met.push(place);
            if self.flags.len() <= place {
                self.flags.resize(place + 1, 0);
            }
        }
        let was_undecided = before & IS_QUEUED != 0 && before & BELOW_COMMON == 0;
        let is_undecided = after & BELOW_COMMON == 0;
        if before & IS_QUEUED == 0 {
            // By date, since a line of history that came in late, such as that of a project that was
            // merged in, has low generations, and everything above them would be read first. The
            // answer does not depend on the order.
            let date = self.reader.read_links_at(place)?.date;
            self.queue.push((date, Reverse(place)));
        }
        if let Some(flags) = self.flags.get_mut(place) {
            *flags = after | IS_QUEUED;
        }
        match (was_undecided, is_undecided) {
            (false, true) => self.undecided_count += 1,
            (true, false) => self.undecided_count -= 1,
            _ => {}
        }
        Ok(())
    }
}
