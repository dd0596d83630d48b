//! Which new commits lie between two commits.

use std::collections::{HashMap, HashSet};

use crate::change::Oid;
use crate::git::history::NewHistory;
use crate::git::objects::reader::to_oid;

/// The places of the new commits by their ids.
pub(crate) struct NewCommitPlaces(HashMap<Oid, usize>);

impl NewHistory {
    /// Returns the places of the new commits, for [`NewHistory::list_new_range`].
    pub(crate) fn index_new_commits(&self) -> NewCommitPlaces {
        let mut places = HashMap::new();
        for place in 0..self.painted.len() {
            if let Some(commit) = self.painted.commit_at(place)
                && commit.is_new()
                && let Some(id) = &commit.id
            {
                places.insert(to_oid(id), place);
            }
        }
        NewCommitPlaces(places)
    }

    /// Returns the new commits to which one of `tips` leads and `base` does not. A tip that is not new leads to none.
    pub(crate) fn list_new_range(
        &self,
        places: &NewCommitPlaces,
        base: Oid,
        tips: impl IntoIterator<Item = Oid>,
    ) -> HashSet<Oid> {
        let excluded = self.list_reachable(places, [base], &HashSet::new());
        let found = self.list_reachable(places, tips, &excluded);
        let ids = found.into_iter().filter_map(|place| self.painted.id_at(place));
        ids.map(|id| to_oid(id)).collect()
    }

    /// Returns the new merges that bring together nothing but `covered` commits, such merges and commits that are not new,
    /// and of the first two at least one.
    pub(crate) fn list_covered_merges(
        &self,
        places: &NewCommitPlaces,
        covered: &HashSet<Oid>,
    ) -> HashSet<Oid> {
        let mut is_known: HashMap<usize, bool> =
            covered.iter().filter_map(|id| places.0.get(id)).map(|place| (*place, true)).collect();
        let mut merges = HashSet::new();
        let mut open: Vec<usize> = places.0.values().copied().collect();
        while let Some(place) = open.last().copied() {
            let is_merge = self.painted.commit_at(place).is_some_and(|one| one.parents.len() > 1);
            let unknown: Vec<usize> = match is_merge && !is_known.contains_key(&place) {
                true => self.painted.new_parents(place).filter(|one| !is_known.contains_key(one)).collect(),
                false => Vec::new(),
            };
            if !unknown.is_empty() {
                open.extend(unknown);
                continue;
            }
            open.pop();
            if is_known.contains_key(&place) {
                continue;
            }
            let mut parents = self.painted.new_parents(place).peekable();
            let has_new = parents.peek().is_some();
            let brings_covered = is_merge && has_new && parents.all(|one| is_known.get(&one) == Some(&true));
            is_known.insert(place, brings_covered);
            if brings_covered {
                merges.extend(self.painted.id_at(place).map(|id| to_oid(id)));
            }
        }
        merges
    }

    /// Returns the places of the new commits to which `tips` lead, without those that are excluded.
    fn list_reachable(
        &self,
        places: &NewCommitPlaces,
        tips: impl IntoIterator<Item = Oid>,
        excluded: &HashSet<usize>,
    ) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut open: Vec<usize> = tips.into_iter().filter_map(|tip| places.0.get(&tip)).copied().collect();
        while let Some(place) = open.pop() {
            if !excluded.contains(&place) && found.insert(place) {
                open.extend(self.painted.new_parents(place));
            }
        }
        found
    }
}
