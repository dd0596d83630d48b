//! Which commits are new: those that a tip leads to and no hidden commit does. Git calls this walk
//! `paint_down_to_common`.
//!
//! Two colours spread from child to parent, *new* from the tip and *hidden* from the hidden commits,
//! and hidden wins over new wherever they meet. A commit is taken for hidden only if a hidden one leads
//! to it, so a new commit is never missed. The error that remains possible is the opposite one: the
//! walk stops before every hidden path has been followed, and lists a commit that is hidden after all.
//!
//! Following them all would mean reading all of history for each push. So the walk ends when no
//! uncoloured path is left on the new side and no pending hidden commit can lead to a new one: by
//! generation numbers if there is a commit-graph, which is exact, and otherwise by dates, with
//! some tolerance for clocks that were wrong. With dates skewed further than that, a commit that is
//! hidden already may be judged once more.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use anyhow::Result;
use gix::ObjectId;
use gix::hashtable::HashMap;

use crate::git::objects::ObjectBytes;
use crate::git::objects::commit::CommitWalkData;
use crate::git::objects::reader::{CommitHints, ObjectReader, WalkPriority};

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
    /// Returns true if the tip leads to the commit and no hidden commit does.
    pub(crate) fn is_new(&self) -> bool {
        self.painted_new && !self.painted_hidden
    }
}

/// How many bytes of commit objects are kept in memory, so that they need not be read again.
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

    /// Finds the commits that can be reached from some of `tips` and from none of `hidden`, in one walk;
    /// also returns the place of each tip that is new.
    pub(crate) fn paint_histories(
        reader: &mut ObjectReader,
        tips: &[ObjectId],
        hidden: &[ObjectId],
    ) -> Result<(PaintedHistory, Vec<Option<usize>>)> {
        let known: HashSet<ObjectId> = hidden.iter().copied().collect();
        if tips.iter().all(|tip| known.contains(tip)) {
            return Ok((PaintedHistory { commits: Vec::new(), tip: None }, vec![None; tips.len()]));
        }
        let mut walk = PaintWalk::new(reader);
        for id in hidden {
            let node = walk.add_commit(*id);
            walk.mark_hidden(node)?;
        }
        let mut places = Vec::with_capacity(tips.len());
        for id in tips {
            let node = walk.add_commit(*id);
            walk.mark_new(node)?;
            places.push(node);
        }
        walk.spread_colours()?;
        let commits = walk.commits;
        let is_new = |place: &usize| commits.get(*place).is_some_and(PaintedCommit::is_new);
        let places = places.into_iter().map(|place| Some(place).filter(is_new)).collect();
        Ok((PaintedHistory { commits, tip: None }, places))
    }

    /// Returns how many commits the walk has met, new or not.
    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    /// Returns the commits that are new, in the order in which the walk met them.
    pub(crate) fn new_commits(&self) -> impl Iterator<Item = &PaintedCommit> {
        self.commits.iter().filter(|commit| commit.is_new())
    }

    /// Returns the id of the commit at a place.
    pub(crate) fn id_at(&self, index: usize) -> Option<&ObjectId> {
        self.commits.get(index)?.id.as_ref()
    }

    /// Returns the first parent of a commit, if that is new.
    pub(crate) fn first_parent(&self, index: usize) -> Option<usize> {
        let parent = *self.commits.get(index)?.parents.first()?;
        if self.commits.get(parent)?.is_new() { Some(parent) } else { None }
    }

    pub(crate) fn commit_at(&self, index: usize) -> Option<&PaintedCommit> {
        self.commits.get(index)
    }

    /// Returns what the walk has learned about a commit.
    pub(crate) fn commit_hints(&self, index: usize) -> CommitHints<'_> {
        let Some(node) = self.commits.get(index) else { return CommitHints::default() };
        let raw_commit = node.raw_commit.as_deref().map(Vec::as_slice);
        let mut parent_tree = None;
        if let Some(parent) = node.parents.first()
            && let Some(parent) = self.commits.get(*parent)
        {
            parent_tree = parent.tree;
        }
        CommitHints { raw_commit, parent_tree }
    }

    /// Returns the new commits among the parents of a node, first parent first.
    pub(crate) fn new_parents(&self, index: usize) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let parents: &[usize] = match self.commits.get(index) {
            Some(node) => &node.parents,
            None => &[],
        };
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
    /// How many commits in the queue are new, as far as the walk has got.
    queued_new_count: usize,
    /// The earliest date of the commits that have been taken for new.
    oldest_new_date: i64,
    /// The lowest generation of the commits that have been taken for new.
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
    /// hidden tip. Then nothing below needs to be read: all of it is hidden, and is below every
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
            let Some(node) = self.commits.get(current) else { return Ok(false) };
            let &[parent] = node.parents.as_slice() else { return Ok(false) };
            if let Some(PaintedCommit { id: Some(id), .. }) = self.commits.get(parent)
                && hidden.contains(id)
            {
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
                // holds for all others in it.
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
        let hidden = node.painted_hidden;
        let parents = node.parents.clone();
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
                    // It was queued as a new one, and will be passed on as a hidden one.
                    self.queued_new_count -= 1;
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
        // A commit that was passed on as a new one before is queued again: its ancestors change colour.
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
        let (links, mut raw) = self.reader.read_walk_data(&id.clone())?;
        if let Some(bytes) = &raw {
            if self.kept_bytes + bytes.len() <= KEPT_BYTES_BUDGET {
                self.kept_bytes += bytes.len();
            } else {
                raw = None;
            }
        }
        let parents = links.parents.into_iter().map(|id| self.add_commit(id)).collect();
        if let Some(node) = self.commits.get_mut(index) {
            node.is_loaded = true;
            node.parents = parents;
            node.tree = Some(links.tree);
            node.raw_commit = raw;
            node.date = links.date;
            node.generation = links.generation;
        }
        Ok(())
    }
}
