//! Where two lines of history parted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::{Result, bail};
use gix::ObjectId;
use gix::hashtable::HashMap;

use super::reader::Reader;

/// How many commits may be read in search of the place.
const MOST_COMMITS: usize = 100_000;

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const BOTH: u8 = LEFT | RIGHT;
/// Below a commit that both sides lead to.
const BELOW: u8 = 4;

struct Met {
    parents: Vec<ObjectId>,
    priority: (i64, Reverse<usize>),
    flags: u8,
    queued: bool,
}

/// Returns the commits that both some of `left` and `right` lead to, without those that another of them
/// leads to. With skewed dates one of the latter can be left over. Empty for unrelated histories.
///
/// # Errors
///
/// Fails if a commit is missing, and after a great many of them.
pub(super) fn merge_bases(reader: &mut Reader, left: &[ObjectId], right: &ObjectId) -> Result<Vec<ObjectId>> {
    let mut search = Search { reader, met: HashMap::default(), queue: BinaryHeap::new(), undecided: 0 };
    for left in left {
        search.paint(*left, LEFT)?;
    }
    search.paint(*right, RIGHT)?;
    while 0 < search.undecided {
        let Some((_, id)) = search.queue.pop() else { break };
        let Some(met) = search.met.get_mut(&id) else { continue };
        met.queued = false;
        if met.flags & BELOW == 0 {
            search.undecided -= 1;
        }
        let flags = if met.flags & BOTH == BOTH { BOTH | BELOW } else { met.flags };
        for parent in met.parents.clone() {
            search.paint(parent, flags)?;
        }
    }
    let found = search.met.iter().filter(|(_, met)| met.flags == BOTH);
    let mut found: Vec<ObjectId> = found.map(|(id, _)| *id).collect();
    found.sort_unstable();
    Ok(found)
}

struct Search<'r> {
    reader: &'r mut Reader,
    met: HashMap<ObjectId, Met>,
    queue: BinaryHeap<((i64, Reverse<usize>), ObjectId)>,
    /// How many commits in the queue are not below a common one.
    undecided: usize,
}

impl Search<'_> {
    fn paint(&mut self, id: ObjectId, flags: u8) -> Result<()> {
        if !self.met.contains_key(&id) {
            if self.met.len() == MOST_COMMITS {
                bail!("the merge base is more than {MOST_COMMITS} commits away");
            }
            let (links, _) = self.reader.links(&id)?;
            // By date, since a line of history that came in late, such as that of a project that was
            // merged in, has low generations, and everything above them would be read first. The
            // answer does not depend on the order.
            let priority = (links.date, Reverse(self.met.len()));
            self.met.insert(id, Met { parents: links.parents, priority, flags: 0, queued: false });
        }
        let Some(met) = self.met.get_mut(&id) else { return Ok(()) };
        let before = met.flags;
        met.flags |= flags;
        if met.flags == before {
            return Ok(());
        }
        let was_undecided = met.queued && before & BELOW == 0;
        let is_undecided = met.flags & BELOW == 0;
        if !met.queued {
            met.queued = true;
            self.queue.push((met.priority, id));
        }
        match (was_undecided, is_undecided) {
            (false, true) => self.undecided += 1,
            (true, false) => self.undecided -= 1,
            _ => {}
        }
        Ok(())
    }
}
