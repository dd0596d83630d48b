//! The order in which new commits are listed: newest first.
//!
//! Of all commits of which a child has been listed, the one with the latest committer's date comes
//! next; where two are equal, the one met first. The order depends on nothing but the commits. With
//! honest clocks no parent comes before its child.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashSet;

use crate::change::Oid;

use super::objects::Bytes;
use super::paint::Painted;
use super::reader::{Reader, oid};
use super::repository::Repository;

impl Repository {
    /// Lists the commits that can be reached from `new` and from none of `hidden`, newest first.
    ///
    /// No such commit is ever left out. With dates skewed across many commits, and no commit-graph,
    /// one that `hidden` does lead to can be listed as well. History that only `hidden` leads to is
    /// not read, beyond what is needed to tell the two apart.
    ///
    /// # Errors
    ///
    /// Fails if a commit on the way is not there or has malformed parents. Ids have to be those of
    /// commits, so tags are to be peeled first.
    pub fn new_commits(&self, new: Oid, hidden: &[Oid]) -> Result<NewCommits> {
        let mut reader = self.shared.reader(0);
        let newest = Newest::start(&mut reader, self.object_id(new)?, &self.object_ids(hidden)?)?;
        Ok(NewCommits { reader, newest })
    }
}

/// The iterator that [`Repository::new_commits`] returns; after an error it ends.
pub struct NewCommits {
    reader: Reader,
    newest: Newest,
}

impl std::fmt::Debug for NewCommits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCommits").finish_non_exhaustive()
    }
}

impl Iterator for NewCommits {
    type Item = Result<Oid>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.newest.next(&mut self.reader).transpose()?;
        Some(next.map(|(id, _)| oid(&id)))
    }
}

/// The walk behind it.
pub(super) enum Newest {
    /// Nothing is hidden: history is read as the walk goes, and forgotten behind it.
    Whole(Whole),
    /// The new commits are known, with their dates and parents.
    Known(Known),
}

impl Newest {
    pub(super) fn start(reader: &mut Reader, new: ObjectId, hidden: &[ObjectId]) -> Result<Newest> {
        if hidden.is_empty() {
            let mut whole = Whole::default();
            whole.meet(reader, new)?;
            return Ok(Newest::Whole(whole));
        }
        Ok(Newest::Known(Known::new(Painted::find(reader, new, hidden)?)))
    }

    /// Returns the next commit, with its bytes if the walk had to read them.
    pub(super) fn next(&mut self, reader: &mut Reader) -> Result<Option<(ObjectId, Option<Bytes>)>> {
        match self {
            Newest::Whole(whole) => whole.next(reader),
            Newest::Known(known) => Ok(known.next().map(|id| (id, None))),
        }
    }
}

#[derive(Default)]
pub(super) struct Whole {
    queue: BinaryHeap<Waiting>,
    met: HashSet<ObjectId>,
}

struct Waiting {
    date: i64,
    arrival: Reverse<usize>,
    id: ObjectId,
    parents: Vec<ObjectId>,
    raw: Option<Bytes>,
}

impl Whole {
    fn meet(&mut self, reader: &mut Reader, id: ObjectId) -> Result<()> {
        if !self.met.insert(id) {
            return Ok(());
        }
        let (links, raw) = reader.links(&id)?;
        let arrival = Reverse(self.met.len());
        self.queue.push(Waiting { date: links.date, arrival, id, parents: links.parents, raw });
        Ok(())
    }

    fn next(&mut self, reader: &mut Reader) -> Result<Option<(ObjectId, Option<Bytes>)>> {
        let Some(Waiting { id, parents, raw, .. }) = self.queue.pop() else { return Ok(None) };
        for parent in parents {
            if let Err(error) = self.meet(reader, parent) {
                self.queue.clear();
                return Err(error);
            }
        }
        Ok(Some((id, raw)))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.date, self.arrival).cmp(&(other.date, other.arrival))
    }
}

pub(super) struct Known {
    painted: Painted,
    queue: BinaryHeap<(i64, Reverse<usize>, usize)>,
    met: Vec<bool>,
    arrivals: usize,
}

impl Known {
    fn new(painted: Painted) -> Known {
        let met = vec![false; painted.len()];
        let tip = painted.tip;
        let mut known = Known { painted, queue: BinaryHeap::new(), met, arrivals: 0 };
        if let Some(tip) = tip {
            known.meet(tip);
        }
        known
    }

    fn meet(&mut self, index: usize) {
        let (Some(met), Some(node)) = (self.met.get_mut(index), self.painted.get(index)) else { return };
        if !std::mem::replace(met, true) {
            self.arrivals += 1;
            self.queue.push((node.date, Reverse(self.arrivals), index));
        }
    }

    fn next(&mut self) -> Option<ObjectId> {
        let (_, _, index) = self.queue.pop()?;
        let parents: Vec<usize> = self.painted.new_parents(index).collect();
        for parent in parents {
            self.meet(parent);
        }
        self.painted.get(index)?.id
    }
}
