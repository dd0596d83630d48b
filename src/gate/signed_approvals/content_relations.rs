//! How commits that land relate to commits that were approved and are not among them: whether they are the same content,
//! proved by their trees and by merging again. A patch id proves nothing, since it leaves out where a patch belongs.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Result;

use crate::change::{Commit, ContentRelation, Oid, Person, Text};
use crate::gate::signed_approvals::comparison_budget::{ComparisonBudget, MAX_REJECTION_STEPS};
use crate::git::Repository;

/// The most paths that are named of content that nobody approved.
const MAX_NAMED_PATHS: usize = 20;

/// The most new commits that are compared one by one with what was approved.
pub(crate) const MAX_COMPARED_COMMITS: usize = 500;

/// The most new commits that are tried as the last one of an approved series.
const MAX_SERIES_ENDS: usize = 4;

/// A commit, and the trees of itself and of its first parent.
#[derive(Clone, Debug)]
pub struct CommitTrees {
    /// The commit.
    pub commit: Commit,
    /// Its id.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// The first parent and its tree; `None` for a root commit.
    pub parent: Option<(Oid, Oid)>,
}

/// What one approval says about new commits that are not the approved ones.
#[derive(Clone, Debug, Default)]
pub struct RelatedCommits {
    /// The new commits that are each proved to be an approved one in another form; the whole of what was approved is among
    /// them.
    pub same: HashMap<Oid, ContentRelation>,
    /// New commits that are a part of what was approved, the rest of which is not new.
    pub parts: HashSet<Oid>,
    /// New commits that are the approved content if all of them are in one change, and how.
    pub together: Vec<(HashSet<Oid>, ContentRelation)>,
    /// New commits that come from an approved one and hold something else.
    pub changed: Vec<ChangedCommit>,
}

/// A new commit that comes from an approved one and holds something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedCommit {
    /// The new commit.
    pub id: Oid,
    /// The approved one.
    pub approved: Oid,
    /// The paths that differ, at most 20 of them.
    pub paths: Vec<Text>,
}

/// Compares new commits with approved ones.
pub struct ContentComparison<'walk> {
    pub(super) repository: &'walk Repository,
    /// The new commits without merges, parents first.
    pub(super) new: Vec<CommitTrees>,
    pub(super) places: HashMap<Oid, usize>,
    /// The new merges, parents first.
    pub(super) merges: Vec<CommitTrees>,
    /// The paths that a new commit changes, by its place.
    changed_paths: HashMap<usize, BTreeSet<Text>>,
    /// What is left for all approvals of the push together.
    pub(super) budget: ComparisonBudget,
    /// What is left for all its rejections together.
    pub(super) rejection_steps_left: usize,
}

impl<'walk> ContentComparison<'walk> {
    /// Prepares for new commits, parents first.
    ///
    /// # Errors
    ///
    /// Fails if a commit cannot be read.
    pub fn new(repository: &'walk Repository, new: Vec<Commit>) -> Result<ContentComparison<'walk>> {
        let all = read_commit_trees(repository, new)?;
        let (merges, new): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.commit.is_merge());
        let places = new.iter().enumerate().map(|(place, one)| (one.id, place)).collect();
        Ok(ContentComparison {
            repository,
            new,
            places,
            merges,
            changed_paths: HashMap::new(),
            budget: ComparisonBudget::of_approvals(),
            rejection_steps_left: MAX_REJECTION_STEPS,
        })
    }

    /// Compares the new commits with those that were approved: what `revision` holds and `base` does not, parents first.
    /// Merges among them bring nothing of their own into a series; the tree of the revision has what they hold.
    ///
    /// # Errors
    ///
    /// Fails if a tree or a file cannot be read, or if there is too much to compare.
    pub fn relate(&mut self, base: Oid, revision: Oid, approved: Vec<Commit>) -> Result<RelatedCommits> {
        let has_merges = approved.iter().any(Commit::is_merge);
        let mut approved = read_commit_trees(self.repository, approved)?;
        approved.retain(|one| !one.commit.is_merge());
        let mut related = RelatedCommits::default();
        let base_tree = self.repository.find_tree_and_parent(base)?.tree;
        let approved_tree = self.repository.find_tree_and_parent(revision)?.tree;
        if !has_merges {
            self.relate_best_series(&approved, &mut related)?;
        }
        let approved_paths: BTreeSet<Text> =
            self.repository.list_differing_paths(base_tree, approved_tree)?.into_iter().collect();
        self.find_parts(&approved, &mut related)?;
        for place in 0..self.new.len() {
            let Some(tip) = self.new.get(place) else { continue };
            let (tip_id, tip_tree) = (tip.id, tip.tree);
            if related.same.contains_key(&tip_id) {
                continue;
            }
            if tip_tree == approved_tree
                && let Some(run) = self.find_run_from(place, base)
            {
                // What only comes and goes in between stays in the history, and nobody has approved it.
                if self.is_run_within(&run, &approved_paths)? {
                    related.together.push((run, ContentRelation::SameTree));
                } else {
                    related.parts.extend(run);
                }
            } else if self.is_squash(place, (base_tree, approved_tree), &approved_paths)? {
                related.together.push((HashSet::from([tip_id]), ContentRelation::Squash));
            }
        }
        let RelatedCommits { together, changed, .. } = &mut related;
        changed.retain(|one| !together.iter().any(|(run, _)| run.contains(&one.id)));
        Ok(related)
    }

    /// Pairs the approved commits with new ones that were written as they were. Several can have been written by one person
    /// in one second, so some of them are tried for the last one, those with its message first, and the pairing that explains
    /// most is taken.
    fn relate_best_series(&self, approved: &[CommitTrees], related: &mut RelatedCommits) -> Result<()> {
        let Some(last) = approved.last() else { return Ok(()) };
        let mut best: Option<RelatedCommits> = None;
        let mut ends: Vec<(usize, &CommitTrees)> = self.new.iter().enumerate().rev().collect();
        ends.retain(|(_, tip)| tip.was_written_as(last));
        ends.sort_by_key(|(_, tip)| tip.commit.message.raw() != last.commit.message.raw());
        for (place, _) in ends.into_iter().take(MAX_SERIES_ENDS) {
            let mut found = RelatedCommits::default();
            self.relate_series(place, approved, &mut found)?;
            let is_whole = found.same.len() == approved.len();
            if best.as_ref().is_none_or(|best| best.same.len() < found.same.len()) {
                best = Some(found);
            }
            if is_whole {
                break;
            }
        }
        if let Some(mut best) = best {
            if best.same.len() < approved.len() {
                best.parts = best.same.drain().map(|(id, _)| id).collect();
            }
            *related = best;
        }
        Ok(())
    }

    /// Finds the new commits that are an approved one, or one in another form, where the whole series is not new.
    fn find_parts(&mut self, approved: &[CommitTrees], related: &mut RelatedCommits) -> Result<()> {
        let mut budget = self.budget;
        for old in approved {
            for new in &self.new {
                if related.same.contains_key(&new.id) || related.parts.contains(&new.id) {
                    continue;
                }
                let is_same = old.id == new.id
                    || (new.was_written_as(old) && budget.take_pair() && self.relate_pair(old, new)?.is_ok());
                if is_same {
                    related.parts.insert(new.id);
                }
            }
        }
        self.budget = budget;
        Ok(())
    }

    /// Returns true if every commit of a run changes only these paths.
    fn is_run_within(&mut self, run: &HashSet<Oid>, approved_paths: &BTreeSet<Text>) -> Result<bool> {
        for id in run {
            let Some(place) = self.places.get(id).copied() else { return Ok(false) };
            if !self.changes_only(place, approved_paths)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns true if the commit at `place` changes only these paths.
    pub(super) fn changes_only(&mut self, place: usize, approved_paths: &BTreeSet<Text>) -> Result<bool> {
        if !self.changed_paths.contains_key(&place) {
            let Some(CommitTrees { tree, parent: Some((_, parent)), .. }) = self.new.get(place) else {
                return Ok(false);
            };
            let paths = self.repository.list_differing_paths(*parent, *tree)?;
            self.changed_paths.insert(place, paths.into_iter().collect());
        }
        Ok(self.changed_paths.get(&place).is_some_and(|paths| paths.is_subset(approved_paths)))
    }

    /// Pairs the approved commits with the new ones that end at `place`, from the last one backwards, and says how each
    /// relates.
    fn relate_series(
        &self,
        place: usize,
        approved: &[CommitTrees],
        related: &mut RelatedCommits,
    ) -> Result<()> {
        let mut next = self.new.get(place);
        let mut is_on_base = false;
        for old in approved.iter().rev() {
            let Some(new) = next.filter(|new| new.was_written_as(old)) else { break };
            match self.relate_pair(old, new)? {
                Ok(relation) => {
                    related.same.insert(new.id, relation);
                }
                Err(_) if !self.has_common_trait(old, new)? => break,
                Err(paths) => {
                    related.changed.push(ChangedCommit { id: new.id, approved: old.id, paths });
                }
            }
            is_on_base = old.commit.parents == new.commit.parents;
            let parent = new.parent.map(|(parent, _)| parent);
            next = parent.and_then(|parent| self.places.get(&parent)).and_then(|place| self.new.get(*place));
        }
        // Below a reworded commit of a series on the same base, the rest of it has other parents with the same trees.
        if is_on_base && related.same.len() == approved.len() {
            for relation in related.same.values_mut().filter(|one| **one == ContentRelation::CleanRebase) {
                *relation = ContentRelation::SameTree;
            }
        }
        Ok(())
    }

    /// Returns true if two commits have their subject or one of their paths in common. Several commits of one person in one
    /// second have no more to do with each other than that, such as those that a program makes.
    fn has_common_trait(&self, old: &CommitTrees, new: &CommitTrees) -> Result<bool> {
        if old.commit.message.subject() == new.commit.message.subject() {
            return Ok(true);
        }
        let (Some((_, old_parent)), Some((_, new_parent))) = (old.parent, new.parent) else {
            return Ok(false);
        };
        let old_paths: BTreeSet<Text> =
            self.repository.list_differing_paths(old_parent, old.tree)?.into_iter().collect();
        let new_paths = self.repository.list_differing_paths(new_parent, new.tree)?;
        Ok(new_paths.iter().any(|path| old_paths.contains(path)))
    }

    /// Returns how a new commit relates to the approved one from which it comes, or the paths that differ.
    fn relate_pair(
        &self,
        old: &CommitTrees,
        new: &CommitTrees,
    ) -> Result<Result<ContentRelation, Vec<Text>>> {
        // Of other parents with the same tree, the change was applied again, and picking it gives the tree at hand.
        if old.tree == new.tree && old.commit.parents == new.commit.parents {
            let is_by_same =
                old.commit.author == new.commit.author && old.commit.committer == new.commit.committer;
            return Ok(Ok(if is_by_same { ContentRelation::MessageOnly } else { ContentRelation::SameTree }));
        }
        let (Some((_, old_parent)), Some((_, new_parent))) = (old.parent, new.parent) else {
            return Ok(Err(self.repository.list_differing_paths(old.tree, new.tree)?));
        };
        let mut paths = self.repository.compare_with_pick(new.tree, [new_parent, old.tree], old_parent)?;
        if paths.is_empty() {
            return Ok(Ok(ContentRelation::CleanRebase));
        }
        paths.truncate(MAX_NAMED_PATHS);
        Ok(Err(paths))
    }

    /// Returns the new commits from one whose parent is `base` to the one at `place`; `None` if there are none.
    fn find_run_from(&self, place: usize, base: Oid) -> Option<HashSet<Oid>> {
        let mut run = HashSet::new();
        let mut next = self.new.get(place)?;
        loop {
            run.insert(next.id);
            let (parent, _) = next.parent?;
            if parent == base {
                return Some(run);
            }
            next = self.new.get(*self.places.get(&parent)?)?;
        }
    }

    /// Returns true if the commit at `place` holds exactly what merging the approved tree into its parent gives.
    fn is_squash(
        &mut self,
        place: usize,
        (base, approved): (Oid, Oid),
        approved_paths: &BTreeSet<Text>,
    ) -> Result<bool> {
        let Some(new) = self.new.get(place) else { return Ok(false) };
        let (Some((_, parent)), tree) = (new.parent, new.tree) else { return Ok(false) };
        if tree == parent || base == approved {
            return Ok(false);
        }
        // What changes a path that the approved content leaves alone is none of it, and that is seen without merging.
        if !self.changes_only(place, approved_paths)? {
            return Ok(false);
        }
        if !self.budget.take_merge() {
            return Ok(false);
        }
        Ok(self.repository.compare_with_pick(tree, [parent, approved], base)?.is_empty())
    }
}

impl RelatedCommits {
    /// Returns true if nothing is known of any new commit.
    pub fn is_empty(&self) -> bool {
        self.same.is_empty() && self.parts.is_empty() && self.together.is_empty() && self.changed.is_empty()
    }
}

impl CommitTrees {
    /// Returns true for the same author, as written at the same time: a rebase and an amended message keep both.
    fn was_written_as(&self, other: &CommitTrees) -> bool {
        self.commit.author == other.commit.author && self.commit.authored_at == other.commit.authored_at
    }
}

/// Returns the authors of commits, or their committers, each once.
pub(crate) fn list_people<'commit>(people: impl Iterator<Item = &'commit Person>) -> Vec<Person> {
    let mut listed: Vec<Person> = Vec::new();
    for person in people {
        if !listed.contains(person) {
            listed.push(person.clone());
        }
    }
    listed
}

/// Returns the commits with their trees.
fn read_commit_trees(repository: &Repository, commits: Vec<Commit>) -> Result<Vec<CommitTrees>> {
    let mut read = Vec::with_capacity(commits.len());
    for commit in commits {
        let Some(id) = commit.id else { continue };
        let own = repository.find_tree_and_parent(id)?;
        let parent = match own.first_parent {
            Some(parent) => Some((parent, repository.find_tree_and_parent(parent)?.tree)),
            None => None,
        };
        read.push(CommitTrees { commit, id, tree: own.tree, parent });
    }
    Ok(read)
}
