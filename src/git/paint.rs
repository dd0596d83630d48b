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

use super::objects::Bytes;
use super::reader::{Known, Links, Priority, Reader};

/// How many hidden commits older than every new one are still followed, one after the other, before
/// dates are believed.
const PATIENCE: usize = 64;

/// How far a straight line of new commits is followed before the general way is taken.
const STRAIGHT: usize = 256;

/// One commit that the walk has met.
#[derive(Default)]
pub(super) struct Node {
    pub(super) id: Option<ObjectId>,
    pub(super) date: i64,
    pub(super) parents: Vec<usize>,
    tree: Option<ObjectId>,
    raw: Option<Bytes>,
    generation: u32,
    loaded: bool,
    queued: bool,
    new: bool,
    hidden: bool,
}

impl Node {
    /// Returns true for the commits that were looked for.
    pub(super) fn is_new(&self) -> bool {
        self.new && !self.hidden
    }
}

/// How many bytes of commits are kept, so that they need not be read again.
const MOST_KEPT: usize = 16 << 20;

/// The commits around the border between new and hidden history.
pub(super) struct Painted {
    nodes: Vec<Node>,
    /// The tip of the new history, unless it is hidden itself.
    pub(super) tip: Option<usize>,
}

impl Painted {
    /// Finds the commits that can be reached from `new` and from none of `hidden`.
    pub(super) fn find(reader: &mut Reader, new: ObjectId, hidden: &[ObjectId]) -> Result<Painted> {
        let hidden: HashSet<ObjectId> = hidden.iter().copied().collect();
        if hidden.contains(&new) {
            return Ok(Painted { nodes: Vec::new(), tip: None });
        }
        let mut walk = Walk::new(reader);
        let tip = walk.node(new);
        if !walk.straight_line(tip, &hidden)? {
            walk.mark_new(tip)?;
            for id in &hidden {
                let node = walk.node(*id);
                walk.mark_hidden(node)?;
            }
        }
        walk.spread()?;
        let tip = walk.nodes.get(tip).is_some_and(Node::is_new).then_some(tip);
        Ok(Painted { nodes: walk.nodes, tip })
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// Returns what the walk has come to know of a commit.
    pub(super) fn known(&self, index: usize) -> Known<'_> {
        let Some(node) = self.nodes.get(index) else { return Known::default() };
        let parent = node.parents.first().and_then(|parent| self.nodes.get(*parent));
        Known {
            raw: node.raw.as_ref().map(|raw| raw.as_slice()),
            tree_before: parent.and_then(|parent| parent.tree),
        }
    }

    /// Returns the new commits among the parents of a node, first parent first.
    pub(super) fn new_parents(&self, index: usize) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let parents = self.nodes.get(index).map(|node| node.parents.as_slice()).unwrap_or_default();
        parents.iter().copied().filter(|parent| self.nodes.get(*parent).is_some_and(Node::is_new))
    }
}

struct Walk<'r> {
    reader: &'r mut Reader,
    nodes: Vec<Node>,
    indices: HashMap<ObjectId, usize>,
    queue: BinaryHeap<(Priority, usize)>,
    arrivals: usize,
    kept: usize,
    /// How many commits in the queue are new as far as is known.
    new_in_queue: usize,
    /// The least of all commits that have been taken for new.
    oldest_new: i64,
    lowest_new: u32,
}

impl<'r> Walk<'r> {
    fn new(reader: &'r mut Reader) -> Self {
        Walk {
            reader,
            nodes: Vec::new(),
            indices: HashMap::default(),
            queue: BinaryHeap::new(),
            arrivals: 0,
            kept: 0,
            new_in_queue: 0,
            oldest_new: i64::MAX,
            lowest_new: u32::MAX,
        }
    }

    fn node(&mut self, id: ObjectId) -> usize {
        let fresh = self.nodes.len();
        let index = *self.indices.entry(id).or_insert(fresh);
        if index == fresh {
            self.nodes.push(Node { id: Some(id), ..Node::default() });
        }
        index
    }

    /// Follows the new side as long as it is a straight line, and returns true if that ends at a
    /// hidden tip. Then nothing below needs to be read: all of it is hidden, and lies below every
    /// new commit, so that none of it can lead back to one.
    ///
    /// This is the everyday push, whose parent is the tip of the branch.
    fn straight_line(&mut self, tip: usize, hidden: &HashSet<ObjectId>) -> Result<bool> {
        if hidden.is_empty() {
            return Ok(false);
        }
        let mut line = Vec::new();
        let mut current = tip;
        let end = loop {
            if line.len() == STRAIGHT {
                return Ok(false);
            }
            self.load(current)?;
            line.push(current);
            let Some(&[parent]) = self.nodes.get(current).map(|node| node.parents.as_slice()) else {
                return Ok(false);
            };
            if self.nodes.get(parent).and_then(|node| node.id).is_some_and(|id| hidden.contains(&id)) {
                break parent;
            }
            current = parent;
        };
        for index in line {
            self.take_for_new(index);
        }
        if let Some(node) = self.nodes.get_mut(end) {
            node.hidden = true;
        }
        // Another hidden tip may lead to the line from above.
        for id in hidden {
            let node = self.node(*id);
            self.mark_hidden(node)?;
        }
        Ok(true)
    }

    fn spread(&mut self) -> Result<()> {
        let mut patience = PATIENCE;
        while let Some(((generation, date, _), index)) = self.queue.peek().copied() {
            if self.new_in_queue == 0 {
                // The queue gives the greatest generation first, so what holds for this commit
                // holds for all that wait behind it.
                let too_low = generation != Links::NO_GENERATION && generation <= self.lowest_new;
                if too_low || patience == 0 {
                    break;
                }
                patience = if generation == Links::NO_GENERATION && date < self.oldest_new {
                    patience - 1
                } else {
                    PATIENCE
                };
            }
            self.queue.pop();
            self.visit(index)?;
        }
        Ok(())
    }

    fn visit(&mut self, index: usize) -> Result<()> {
        let Some(node) = self.nodes.get_mut(index) else { return Ok(()) };
        node.queued = false;
        let (hidden, parents) = (node.hidden, node.parents.clone());
        if !hidden {
            self.new_in_queue -= 1;
            self.take_for_new(index);
        }
        for parent in parents {
            if hidden { self.mark_hidden(parent)? } else { self.mark_new(parent)? }
        }
        Ok(())
    }

    fn take_for_new(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.new = true;
            self.oldest_new = self.oldest_new.min(node.date);
            self.lowest_new = self.lowest_new.min(node.generation);
        }
    }

    fn mark_new(&mut self, index: usize) -> Result<()> {
        match self.nodes.get_mut(index) {
            Some(node) if !node.new && !node.hidden => node.new = true,
            _ => return Ok(()),
        }
        self.push(index)?;
        self.new_in_queue += 1;
        Ok(())
    }

    fn mark_hidden(&mut self, index: usize) -> Result<()> {
        match self.nodes.get_mut(index) {
            Some(node) if !node.hidden => {
                node.hidden = true;
                if node.queued {
                    // It waits as a new one, and is passed on as a hidden one.
                    self.new_in_queue -= 1;
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
        // Also where it was passed on as a new one before: its ancestors are to be painted over.
        self.push(index)
    }

    fn push(&mut self, index: usize) -> Result<()> {
        self.load(index)?;
        if let Some(node) = self.nodes.get_mut(index) {
            node.queued = true;
            self.arrivals += 1;
            self.queue.push(((node.generation, node.date, Reverse(self.arrivals)), index));
        }
        Ok(())
    }

    fn load(&mut self, index: usize) -> Result<()> {
        let Some(Node { id: Some(id), loaded: false, .. }) = self.nodes.get(index) else { return Ok(()) };
        let (links, raw) = self.reader.links(&id.clone())?;
        let raw = raw.filter(|raw| self.kept + raw.len() <= MOST_KEPT);
        self.kept += raw.as_ref().map_or(0, |raw| raw.len());
        let parents = links.parents.into_iter().map(|id| self.node(id)).collect();
        if let Some(node) = self.nodes.get_mut(index) {
            node.loaded = true;
            node.parents = parents;
            (node.tree, node.raw) = (Some(links.tree), raw);
            (node.date, node.generation) = (links.date, links.generation);
        }
        Ok(())
    }
}
