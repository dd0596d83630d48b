//! Which new commits bring content that somebody rejected: the same commits, or the same content in any other form.
//!
//! An approval that is not recognised is only one less. A rejection that is not recognised lets through what somebody said
//! must not land, so more forms are looked for here: in what a push brings as a whole, which is always compared, and in its
//! commits, as far as the push can wait for that. Old rejections are many, so what there is no time for is no rejection.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;

use crate::change::{Commit, Oid, Text};
use crate::gate::signed_approvals::comparison_budget::ComparisonBudget;
use crate::gate::signed_approvals::content_relations::{CommitTrees, ContentComparison, RelatedCommits};
use crate::git::Repository;

/// How much of one push is compared with one rejection.
const MAX_STEPS_OF_ONE: usize = 1_000;

/// Into how many commits in a row rejected content may be divided on another base to be recognised.
const MAX_DIVIDED_COMMITS: usize = 10;

impl ContentComparison<'_> {
    /// Compares the new commits with what was rejected, as [`ContentComparison::relate`] does; what holds the rejected content
    /// in another form is among the parts.
    ///
    /// # Errors
    ///
    /// Fails if a tree or a file cannot be read.
    pub fn relate_rejected(
        &mut self,
        base: Oid,
        revision: Oid,
        rejected: Vec<Commit>,
    ) -> Result<RelatedCommits> {
        let most = MAX_STEPS_OF_ONE.min(self.rejection_steps_left / 2);
        let kept = std::mem::replace(&mut self.budget, ComparisonBudget::new(most, most));
        let related = self.relate(base, revision, rejected).and_then(|mut related| {
            related.parts.extend(self.find_rejected_content(base, revision)?);
            Ok(related)
        });
        let spent = std::mem::replace(&mut self.budget, kept);
        let steps = 2 * most - spent.pairs - spent.merges;
        self.rejection_steps_left = self.rejection_steps_left.saturating_sub(steps);
        related
    }

    /// Finds the new commits that bring the rejected content: alone, together with those before them, or as a merge.
    fn find_rejected_content(&mut self, base: Oid, revision: Oid) -> Result<HashSet<Oid>> {
        let base = self.repository.find_tree_and_parent(base)?.tree;
        let rejected = self.repository.find_tree_and_parent(revision)?.tree;
        let mut found = HashSet::new();
        if base == rejected {
            return Ok(found);
        }
        let paths: BTreeSet<Text> =
            self.repository.list_differing_paths(base, rejected)?.into_iter().collect();
        for place in 0..self.merges.len() {
            let Some((id, tree, Some(parent))) = self.merges.get(place).map(describe_trees) else { continue };
            if tree != parent
                && (tree == rejected || self.holds_pick((tree, paths.len()), [parent, rejected], base)?)
            {
                found.insert(id);
            }
        }
        for place in 0..self.new.len() {
            let Some((id, tree, parent)) = self.new.get(place).map(describe_trees) else { continue };
            if tree == rejected && parent != Some(tree) {
                found.insert(id);
            }
            self.find_divided_content((place, tree), (base, rejected), &paths, &mut found)?;
        }
        Ok(found)
    }

    /// Finds commits in a row that end at `place`, change only these paths, and together bring the rejected content.
    fn find_divided_content(
        &mut self,
        (place, tree): (usize, Oid),
        (base, rejected): (Oid, Oid),
        paths: &BTreeSet<Text>,
        found: &mut HashSet<Oid>,
    ) -> Result<()> {
        let mut row = Vec::new();
        let mut next = Some(place);
        while let Some(at) = next.filter(|_| row.len() < MAX_DIVIDED_COMMITS) {
            if !self.changes_only(at, paths)? {
                break;
            }
            let Some(CommitTrees { id, parent: Some((parent, before)), .. }) = self.new.get(at) else {
                break;
            };
            let (id, parent, before) = (*id, *parent, *before);
            row.push(id);
            let side = (tree, paths.len());
            if row.len() > 1 && before != tree && self.holds_pick(side, [before, rejected], base)? {
                found.extend(row.iter().copied());
            }
            next = self.places.get(&parent).copied();
        }
        Ok(())
    }

    /// Returns true if a tree is exactly what picking the difference between `base` and the second side onto the first one
    /// gives. `paths` is the number of paths of that difference.
    fn holds_pick(&mut self, (tree, paths): (Oid, usize), sides: [Oid; 2], base: Oid) -> Result<bool> {
        Ok(self.budget.take_merge_of(paths)
            && self.repository.compare_with_pick(tree, sides, base)?.is_empty())
    }
}

/// Returns the id of a commit, its tree, and that of its first parent.
fn describe_trees(one: &CommitTrees) -> (Oid, Oid, Option<Oid>) {
    (one.id, one.tree, one.parent.map(|(_, tree)| tree))
}

/// What a push brings as a whole: the difference between what the ref held and what it is to hold.
pub(super) struct WholePush<'walk> {
    repository: &'walk Repository,
    /// The trees before and after.
    trees: [Oid; 2],
    /// The paths at which they differ.
    paths: BTreeSet<Text>,
}

impl<'walk> WholePush<'walk> {
    /// Reads what the ref brings by moving from the first of these commits to the second.
    ///
    /// # Errors
    ///
    /// Fails if a tree cannot be read.
    pub(super) fn read_ends(repository: &'walk Repository, ends: [Oid; 2]) -> Result<Self> {
        let [before, after] = ends;
        let before = repository.find_tree_and_parent(before)?.tree;
        let after = repository.find_tree_and_parent(after)?.tree;
        let paths = repository.list_differing_paths(before, after)?.into_iter().collect();
        Ok(WholePush { repository, trees: [before, after], paths })
    }

    /// Returns true if the push brings exactly what `revision` holds and `base` does not, in whatever commits.
    ///
    /// # Errors
    ///
    /// Fails if a tree or a file cannot be read.
    pub(super) fn brings_revision(&self, base: Oid, revision: Oid) -> Result<bool> {
        if self.paths.is_empty() {
            return Ok(false);
        }
        let base = self.repository.find_tree_and_parent(base)?.tree;
        let rejected = self.repository.find_tree_and_parent(revision)?.tree;
        let rejected_paths: BTreeSet<Text> =
            self.repository.list_differing_paths(base, rejected)?.into_iter().collect();
        if !self.paths.is_subset(&rejected_paths) {
            return Ok(false);
        }
        let [before, after] = self.trees;
        Ok(self.repository.compare_with_pick(after, [before, rejected], base)?.is_empty())
    }
}
