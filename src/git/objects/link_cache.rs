//! Commits with their parents, as walks have met them: numbered, so that a walk that comes by again finds
//! the parents of a commit without reading it and without looking for an id.
//!
//! The merges of one history have most of their merge bases in the same stretch of it. Reading each commit
//! of that stretch once for each merge would take most of the time.

use gix::ObjectId;
use gix::hashtable::HashMap;

use crate::git::objects::commit::CommitWalkData;

/// How many commits are kept from one walk to the next, at most.
const MAX_KEPT_COMMITS: usize = 128 * 1024;

/// The commits that were met, each with a number: its place.
#[derive(Default)]
pub(crate) struct CommitLinkCache {
    places: HashMap<ObjectId, usize>,
    commits: Vec<LinkedCommit>,
    /// The places of the parents of all commits, one commit after the other.
    parent_places: Vec<usize>,
}

struct LinkedCommit {
    id: ObjectId,
    links: Option<KnownLinks>,
}

/// What is known about a commit that was read.
#[derive(Clone, Copy)]
pub(crate) struct KnownLinks {
    /// The committer's date, in seconds since 1970 UTC.
    pub(crate) date: i64,
    /// The id of the root tree.
    pub(crate) tree: ObjectId,
    /// Where its parents begin in `parent_places`, and how many they are.
    first_parent: usize,
    parent_count: usize,
}

impl CommitLinkCache {
    /// Forgets all commits, if there are too many to keep. Places that were given out are void then.
    pub(crate) fn trim_to_limit(&mut self) {
        if self.commits.len() > MAX_KEPT_COMMITS || self.parent_places.len() > 2 * MAX_KEPT_COMMITS {
            *self = CommitLinkCache::default();
        }
    }

    /// Returns the place of a commit, which gets one if it has none yet.
    pub(crate) fn place_of(&mut self, id: ObjectId) -> usize {
        let fresh = self.commits.len();
        let place = *self.places.entry(id).or_insert(fresh);
        if place == fresh {
            self.commits.push(LinkedCommit { id, links: None });
        }
        place
    }

    /// Returns the id of the commit at a place.
    pub(crate) fn id_at(&self, place: usize) -> Option<ObjectId> {
        Some(self.commits.get(place)?.id)
    }

    /// Returns what is known about the commit at a place; `None` if it was not read yet.
    pub(crate) fn links_at(&self, place: usize) -> Option<KnownLinks> {
        self.commits.get(place)?.links
    }

    /// Returns what is known about a commit; `None` if it was not read yet.
    pub(crate) fn find_links(&self, id: &ObjectId) -> Option<KnownLinks> {
        self.links_at(*self.places.get(id)?)
    }

    /// Returns the place of the parent with this number, counted from 0; `None` if there are not as many.
    pub(crate) fn parent_at(&self, links: KnownLinks, number: usize) -> Option<usize> {
        if number < links.parent_count {
            self.parent_places.get(links.first_parent + number).copied()
        } else {
            None
        }
    }

    /// Keeps what was read of the commit at a place, and returns it.
    pub(crate) fn insert_links(&mut self, place: usize, data: &CommitWalkData) -> KnownLinks {
        let first_parent = self.parent_places.len();
        for parent in &data.parents {
            let parent = self.place_of(*parent);
            self.parent_places.push(parent);
        }
        let links =
            KnownLinks { date: data.date, tree: data.tree, first_parent, parent_count: data.parents.len() };
        if let Some(commit) = self.commits.get_mut(place) {
            commit.links = Some(links);
        }
        links
    }
}
