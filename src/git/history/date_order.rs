//! The order in which new commits are listed: newest first.
//!
//! Of all commits that have a listed child, the one with the latest committer's date comes next; of two
//! with the same date, the one that the walk met first. The order depends on nothing but the commits.
//! If the clocks were right, no parent comes before its child.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashSet;

use crate::change::Oid;

use crate::git::history::paint::PaintedHistory;
use crate::git::objects::ObjectBytes;
use crate::git::objects::reader::{ObjectReader, to_oid};
use crate::git::repository::Repository;

impl Repository {
    /// Lists the commits that can be reached from `new` and from none of `hidden`, newest first.
    ///
    /// No such commit is ever left out. If dates are skewed across many commits and there is no
    /// commit-graph, a commit that `hidden` leads to can be listed as well. History that only `hidden`
    /// leads to is not read, except as far as the decision needs it.
    ///
    /// # Errors
    ///
    /// Fails if a commit on the way is not there or has malformed parents. The ids must be those of
    /// commits; peel tags first.
    pub fn list_new_commits(&self, new: Oid, hidden: &[Oid]) -> Result<NewCommits> {
        let mut reader = self.shared.create_reader(0);
        let newest =
            NewestFirstWalk::start_walk(&mut reader, self.to_object_id(new)?, &self.to_object_ids(hidden)?)?;
        Ok(NewCommits { reader, walk: newest })
    }
}

/// The iterator that [`Repository::list_new_commits`] returns; it ends after an error.
pub struct NewCommits {
    reader: ObjectReader,
    walk: NewestFirstWalk,
}

impl std::fmt::Debug for NewCommits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCommits").finish_non_exhaustive()
    }
}

impl Iterator for NewCommits {
    type Item = Result<Oid>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.walk.next_commit(&mut self.reader) {
            Ok(Some((id, _))) => Some(Ok(to_oid(&id))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// A walk over new commits, newest first.
pub(crate) enum NewestFirstWalk {
    /// Nothing is hidden: commits are read when the walk gets to them, and not kept.
    WholeHistory(WholeHistoryWalk),
    /// The new commits are known, with their dates and parents.
    Painted(PaintedHistoryWalk),
}

impl NewestFirstWalk {
    pub(crate) fn start_walk(
        reader: &mut ObjectReader,
        new: ObjectId,
        hidden: &[ObjectId],
    ) -> Result<NewestFirstWalk> {
        if hidden.is_empty() {
            let mut whole = WholeHistoryWalk::default();
            whole.enqueue_commit(reader, new)?;
            return Ok(NewestFirstWalk::WholeHistory(whole));
        }
        Ok(NewestFirstWalk::Painted(PaintedHistoryWalk::new(PaintedHistory::paint_history(
            reader, new, hidden,
        )?)))
    }

    /// Returns the next commit, with its bytes if the walk had to read them.
    pub(crate) fn next_commit(
        &mut self,
        reader: &mut ObjectReader,
    ) -> Result<Option<(ObjectId, Option<ObjectBytes>)>> {
        match self {
            NewestFirstWalk::WholeHistory(whole) => whole.next_commit(reader),
            NewestFirstWalk::Painted(known) => match known.next_commit() {
                Some(id) => Ok(Some((id, None))),
                None => Ok(None),
            },
        }
    }
}

/// A walk over all that a commit leads to.
#[derive(Default)]
pub(crate) struct WholeHistoryWalk {
    queue: BinaryHeap<QueuedCommit>,
    seen: HashSet<ObjectId>,
}

struct QueuedCommit {
    date: i64,
    arrival: Reverse<usize>,
    id: ObjectId,
    parents: Vec<ObjectId>,
    raw_commit: Option<ObjectBytes>,
}

impl WholeHistoryWalk {
    fn enqueue_commit(&mut self, reader: &mut ObjectReader, id: ObjectId) -> Result<()> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        let (links, raw) = reader.read_walk_data(&id)?;
        let arrival = Reverse(self.seen.len());
        self.queue.push(QueuedCommit {
            date: links.date,
            arrival,
            id,
            parents: links.parents,
            raw_commit: raw,
        });
        Ok(())
    }

    fn next_commit(&mut self, reader: &mut ObjectReader) -> Result<Option<(ObjectId, Option<ObjectBytes>)>> {
        let Some(QueuedCommit { id, parents, raw_commit: raw, .. }) = self.queue.pop() else {
            return Ok(None);
        };
        for parent in parents {
            if let Err(error) = self.enqueue_commit(reader, parent) {
                self.queue.clear();
                return Err(error);
            }
        }
        Ok(Some((id, raw)))
    }
}

impl PartialEq for QueuedCommit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for QueuedCommit {}

impl PartialOrd for QueuedCommit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for QueuedCommit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.date, self.arrival).cmp(&(other.date, other.arrival))
    }
}

/// A walk over the new commits of a history that was painted before.
pub(crate) struct PaintedHistoryWalk {
    painted: PaintedHistory,
    queue: BinaryHeap<(i64, Reverse<usize>, usize)>,
    seen: Vec<bool>,
    arrivals: usize,
}

impl PaintedHistoryWalk {
    fn new(painted: PaintedHistory) -> PaintedHistoryWalk {
        let met = vec![false; painted.len()];
        let tip = painted.tip;
        let mut known = PaintedHistoryWalk { painted, queue: BinaryHeap::new(), seen: met, arrivals: 0 };
        if let Some(tip) = tip {
            known.enqueue_commit(tip);
        }
        known
    }

    fn enqueue_commit(&mut self, index: usize) {
        let (Some(met), Some(node)) = (self.seen.get_mut(index), self.painted.commit_at(index)) else {
            return;
        };
        if !std::mem::replace(met, true) {
            self.arrivals += 1;
            self.queue.push((node.date, Reverse(self.arrivals), index));
        }
    }

    fn next_commit(&mut self) -> Option<ObjectId> {
        let (_, _, index) = self.queue.pop()?;
        let parents: Vec<usize> = self.painted.new_parents(index).collect();
        for parent in parents {
            self.enqueue_commit(parent);
        }
        self.painted.commit_at(index)?.id
    }
}
