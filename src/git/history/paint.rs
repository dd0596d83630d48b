//! Which commits are new: those that can be reached from here and not from there.
//!
//! Two colours spread from child to parent, *new* from the one side and *hidden* from the other, and
//! hidden wins over new wherever they meet. A commit is taken for hidden only if a hidden one leads
//! to it, so a new commit can never be missed. What could go wrong is the other way round: to stop
//! before every hidden path has been followed, and list a commit that is hidden after all.
//!
//! To follow them all would mean to read all of history for each push. So the walk ends when no
//! uncoloured path is left on the new side and no pending hidden commit can lead to a new one: by
//! generation numbers where there is a commit-graph, which is exact, and otherwise by dates, with
//! some patience for clocks that were wrong. With dates skewed further than that, a commit that is
//! hidden already may be judged once more.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashMap;

use crate::git::objects::ObjectBytes;
use crate::git::objects::reader::{CommitHints, CommitWalkData, ObjectReader, WalkPriority};

/// How many hidden commits older than every new one are still followed, one after the other, before
/// dates are believed.
const MAX_OLDER_HIDDEN_COMMITS: usize = 64;

/// How far a straight line of new commits is followed before the general way is taken.
const MAX_STRAIGHT_LINE: usize = 256;

/// One commit that the walk has met.
#[derive(Default)]
pub(crate) struct PaintedCommit {
    pub(crate) id: Option<ObjectId>,
    pub(crate) date: i64,
    pub(crate) parents: Vec<usize>,
    tree: Option<ObjectId>,
    raw_commit: Option<ObjectBytes>,
    generation: u32,
    is_loaded: bool,
    is_queued: bool,
    painted_new: bool,
    painted_hidden: bool,
}

impl PaintedCommit {
    /// Returns true for the commits that were looked for.
    pub(crate) fn is_new(&self) -> bool {
        self.painted_new && !self.painted_hidden
    }
}

/// How many bytes of commits are kept, so that they need not be read again.
const KEPT_BYTES_BUDGET: usize = 16 << 20;

/// The commits around the border between new and hidden history.
pub(crate) struct PaintedHistory {
    commits: Vec<PaintedCommit>,
    /// The tip of the new history, unless it is hidden itself.
    pub(crate) tip: Option<usize>,
}

impl PaintedHistory {
    /// Finds the commits that can be reached from `new` and from none of `hidden`.
    pub(crate) fn paint_history(
        reader: &mut ObjectReader,
        new: ObjectId,
        hidden: &[ObjectId],
    ) -> Result<PaintedHistory> {
        let hidden: HashSet<ObjectId> = hidden.iter().copied().collect();
        if hidden.contains(&new) {
            return Ok(PaintedHistory { commits: Vec::new(), tip: None });
        }
        let mut walk = PaintWalk::new(reader);
        let tip = walk.add_commit(new);
        if !walk.follow_straight_line(tip, &hidden)? {
            walk.mark_new(tip)?;
            for id in &hidden {
                let node = walk.add_commit(*id);
                walk.mark_hidden(node)?;
            }
        }
        walk.spread_colours()?;
        let tip = walk.commits.get(tip).is_some_and(PaintedCommit::is_new).then_some(tip);
        Ok(PaintedHistory { commits: walk.commits, tip })
    }

    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    pub(crate) fn commit_at(&self, index: usize) -> Option<&PaintedCommit> {
        self.commits.get(index)
    }

    /// Returns what the walk has come to know of a commit.
    pub(crate) fn commit_hints(&self, index: usize) -> CommitHints<'_> {
        let Some(node) = self.commits.get(index) else { return CommitHints::default() };
        let parent = node.parents.first().and_then(|parent| self.commits.get(*parent));
        CommitHints {
            raw_commit: node.raw_commit.as_ref().map(|raw| raw.as_slice()),
            parent_tree: parent.and_then(|parent| parent.tree),
        }
    }

    /// Returns the new commits among the parents of a node, first parent first.
    pub(crate) fn new_parents(&self, index: usize) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let parents = self.commits.get(index).map(|node| node.parents.as_slice()).unwrap_or_default();
        parents.iter().copied().filter(|parent| self.commits.get(*parent).is_some_and(PaintedCommit::is_new))
    }
}

struct PaintWalk<'r> {
    reader: &'r mut ObjectReader,
    commits: Vec<PaintedCommit>,
    indices: HashMap<ObjectId, usize>,
    queue: BinaryHeap<(WalkPriority, usize)>,
    arrivals: usize,
    kept_bytes: usize,
    /// How many commits in the queue are new as far as is known.
    queued_new_count: usize,
    /// The least of all commits that have been taken for new.
    oldest_new_date: i64,
    lowest_new_generation: u32,
}

impl<'r> PaintWalk<'r> {
    fn new(reader: &'r mut ObjectReader) -> Self {
        PaintWalk {
            reader,
            commits: Vec::new(),
            indices: HashMap::default(),
            queue: BinaryHeap::new(),
            arrivals: 0,
            kept_bytes: 0,
            queued_new_count: 0,
            oldest_new_date: i64::MAX,
            lowest_new_generation: u32::MAX,
        }
    }

    fn add_commit(&mut self, id: ObjectId) -> usize {
        let fresh = self.commits.len();
        let index = *self.indices.entry(id).or_insert(fresh);
        if index == fresh {
            self.commits.push(PaintedCommit { id: Some(id), ..PaintedCommit::default() });
        }
        index
    }

    /// Follows the new side as long as it is a straight line, and returns true if that ends at a
    /// hidden tip. Then nothing below needs to be read: all of it is hidden, and lies below every
    /// new commit, so that none of it can lead back to one.
    ///
    /// This is the everyday push, whose parent is the tip of the branch.
    fn follow_straight_line(&mut self, tip: usize, hidden: &HashSet<ObjectId>) -> Result<bool> {
        if hidden.is_empty() {
            return Ok(false);
        }
        let mut line = Vec::new();
        let mut current = tip;
        let end = loop {
            if line.len() == MAX_STRAIGHT_LINE {
                return Ok(false);
            }
            self.load_commit(current)?;
            line.push(current);
            let Some(&[parent]) = self.commits.get(current).map(|node| node.parents.as_slice()) else {
                return Ok(false);
            };
            if self.commits.get(parent).and_then(|node| node.id).is_some_and(|id| hidden.contains(&id)) {
                break parent;
            }
            current = parent;
        };
        for index in line {
            self.record_new(index);
        }
        if let Some(node) = self.commits.get_mut(end) {
            node.painted_hidden = true;
        }
        // Another hidden tip may lead to the line from above.
        for id in hidden {
            let node = self.add_commit(*id);
            self.mark_hidden(node)?;
        }
        Ok(true)
    }

    fn spread_colours(&mut self) -> Result<()> {
        let mut patience = MAX_OLDER_HIDDEN_COMMITS;
        while let Some(((generation, date, _), index)) = self.queue.peek().copied() {
            if self.queued_new_count == 0 {
                // The queue gives the greatest generation first, so what holds for this commit
                // holds for all that wait behind it.
                let too_low =
                    generation != CommitWalkData::NO_GENERATION && generation <= self.lowest_new_generation;
                if too_low || patience == 0 {
                    break;
                }
                patience = if generation == CommitWalkData::NO_GENERATION && date < self.oldest_new_date {
                    patience - 1
                } else {
                    MAX_OLDER_HIDDEN_COMMITS
                };
            }
            self.queue.pop();
            self.visit_commit(index)?;
        }
        Ok(())
    }

    fn visit_commit(&mut self, index: usize) -> Result<()> {
        let Some(node) = self.commits.get_mut(index) else { return Ok(()) };
        node.is_queued = false;
        let (hidden, parents) = (node.painted_hidden, node.parents.clone());
        if !hidden {
            self.queued_new_count -= 1;
            self.record_new(index);
        }
        for parent in parents {
            if hidden { self.mark_hidden(parent)? } else { self.mark_new(parent)? }
        }
        Ok(())
    }

    fn record_new(&mut self, index: usize) {
        if let Some(node) = self.commits.get_mut(index) {
            node.painted_new = true;
            self.oldest_new_date = self.oldest_new_date.min(node.date);
            self.lowest_new_generation = self.lowest_new_generation.min(node.generation);
        }
    }

    fn mark_new(&mut self, index: usize) -> Result<()> {
        match self.commits.get_mut(index) {
            Some(node) if !node.painted_new && !node.painted_hidden => node.painted_new = true,
            _ => return Ok(()),
        }
        self.enqueue_commit(index)?;
        self.queued_new_count += 1;
        Ok(())
    }

    fn mark_hidden(&mut self, index: usize) -> Result<()> {
        match self.commits.get_mut(index) {
            Some(node) if !node.painted_hidden => {
                node.painted_hidden = true;
                if node.is_queued {
                    // It waits as a new one, and is passed on as a hidden one.
                    self.queued_new_count -= 1;
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
        // Also where it was passed on as a new one before: its ancestors are to be painted over.
        self.enqueue_commit(index)
    }

    fn enqueue_commit(&mut self, index: usize) -> Result<()> {
        self.load_commit(index)?;
        if let Some(node) = self.commits.get_mut(index) {
            node.is_queued = true;
            self.arrivals += 1;
            self.queue.push(((node.generation, node.date, Reverse(self.arrivals)), index));
        }
        Ok(())
    }

    fn load_commit(&mut self, index: usize) -> Result<()> {
        let Some(PaintedCommit { id: Some(id), is_loaded: false, .. }) = self.commits.get(index) else {
            return Ok(());
        };
        let (links, raw) = self.reader.read_walk_data(&id.clone())?;
        let raw = raw.filter(|raw| self.kept_bytes + raw.len() <= KEPT_BYTES_BUDGET);
        self.kept_bytes += raw.as_ref().map_or(0, |raw| raw.len());
        let parents = links.parents.into_iter().map(|id| self.add_commit(id)).collect();
        if let Some(node) = self.commits.get_mut(index) {
            node.is_loaded = true;
            node.parents = parents;
            (node.tree, node.raw_commit) = (Some(links.tree), raw);
            (node.date, node.generation) = (links.date, links.generation);
        }
        Ok(())
    }
}
