//! How what has landed relates to signed approvals, worked out again from Git objects alone, with the lines that nobody
//! approved. What a gate judged is found again so, and what came past the gate is found at all.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::change::{
    Commit, ContentRelation, FactKind, LandedRelation, NeededFacts, Oid, SignedDecision, Text, UnapprovedPath,
};
use crate::gate::signed_approvals::authorised::ReceivedApproval;
use crate::gate::signed_approvals::related_approval::{RelatedApproval, RelatedChange};
use crate::gate::signed_approvals::statement::ApprovalStatement;
use crate::gate::signed_approvals::walk_approvals::ApprovalWalk;
use crate::git::Repository;

/// The most paths whose lines are shown of one change.
const MAX_SHOWN_PATHS: usize = 20;

/// The most commits that nobody approved whose lines are shown.
const MAX_SHOWN_COMMITS: usize = 20;

/// What landed, and what is asked about it.
pub(crate) struct LandedChange<'a> {
    /// The full name of the ref, after symbolic refs have been followed.
    pub(crate) target: &'a Text,
    /// What the ref held after the move that brought the change.
    pub(crate) tip: Oid,
    /// What it held before; the history of these is left out.
    pub(crate) hidden: &'a [Oid],
    /// The commits of the change, oldest first.
    pub(crate) commits: &'a [Oid],
}

/// What approvals come to, each by the id of the commit that states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LandedRelations {
    /// Those to which the change relates, and how.
    pub(crate) related: Vec<(Oid, LandedRelation)>,
    /// Those that this repository does not hold, or not what they are of.
    pub(crate) absent: Vec<Oid>,
}

impl LandedRelations {
    /// Returns how the change relates to an approval; `None` if it does not.
    pub(crate) fn find_relation(&self, approval: Oid) -> Option<&LandedRelation> {
        self.related.iter().find(|(id, _)| *id == approval).map(|(_, relation)| relation)
    }
}

/// Compares a change that has landed with what these approvals are of. Approvals of other refs are left out.
///
/// # Errors
///
/// Fails if a commit of the change cannot be read.
pub(crate) fn relate_landed_change(
    repository: &Repository,
    landed: &LandedChange<'_>,
    received: &[ReceivedApproval],
) -> Result<LandedRelations> {
    let mut found = LandedRelations::default();
    let mut open = Vec::new();
    for one in received.iter().filter(|one| one.target == *landed.target) {
        let holds = |id| repository.read_commit(id, &NeededFacts::new()).is_ok();
        if holds(one.id) && holds(one.revision) {
            open.push(one);
        } else {
            found.absent.push(one.id);
        }
    }
    if open.is_empty() {
        return Ok(found);
    }
    let mut needs = NeededFacts::new();
    needs.insert(FactKind::EvilMerges);
    let mut commits = Vec::with_capacity(landed.commits.len());
    for id in landed.commits {
        commits.push(repository.read_commit(*id, &needs).map_err(anyhow::Error::from)?);
    }
    let history = repository.find_new_history(landed.tip, landed.hidden)?;
    let (target, ends) = (landed.target, (landed.tip, [].as_slice()));
    let walk = ApprovalWalk { repository, target, history: &history, ends, keys: None };
    let comparison = LandedComparison { repository, commits: &commits };
    let related = walk.relate_received(&open, None)?;
    for one in &open {
        let change = match related.iter().find(|known| known.id == one.id) {
            Some(approval) => approval.relate_commits(&commits).map(|change| (Some(approval), change)),
            // What is too large to be merged again is no reason to compare nothing else.
            None => comparison.find_changed_squash(one).unwrap_or_default().map(|change| (None, change)),
        };
        let Some((approval, change)) = change else { continue };
        let relation = match comparison.describe_change(one, approval, change) {
            Ok(relation) => relation,
            Err(error) => LandedRelation {
                relation: ContentRelation::Uncompared(format!("{error:#}")),
                unapproved: Vec::new(),
                left_out_paths: 0,
            },
        };
        found.related.push((one.id, relation));
    }
    Ok(found)
}

/// The commits of a change, beside one approval after the other.
struct LandedComparison<'a> {
    repository: &'a Repository,
    commits: &'a [Commit],
}

/// Content that is shown beside what was expected in its place.
struct ExpectedContent {
    /// The commit that holds it.
    commit: Oid,
    /// Its tree.
    tree: Oid,
    /// The trees whose clean merge was expected, and their base.
    sides: [Oid; 2],
    base: Oid,
    paths: Vec<Text>,
}

impl LandedComparison<'_> {
    /// Returns that a lone commit holds a part of what was approved as it was approved, and something else beside that: a
    /// squash that somebody changed. Such a commit shares neither author nor date with what it comes from.
    fn find_changed_squash(&self, approval: &ReceivedApproval) -> Result<Option<RelatedChange>> {
        if approval.decision != SignedDecision::Approved {
            return Ok(None);
        }
        let Some((commit, squash)) = self.read_squash_trees(approval)? else { return Ok(None) };
        let ExpectedContent { tree, sides: [parent, approved], base, .. } = squash;
        let changed_paths = self.repository.list_differing_paths(parent, tree)?;
        let mut approved_paths = self.repository.list_differing_paths(base, approved)?;
        // What had landed before is no part of this commit.
        approved_paths.retain(|path| changed_paths.contains(path));
        if approved_paths.is_empty() {
            return Ok(None);
        }
        let mut paths = self.repository.compare_with_pick(tree, [parent, approved], base)?;
        paths.sort();
        if paths.is_empty() || approved_paths.iter().all(|path| paths.contains(path)) {
            return Ok(None);
        }
        paths.truncate(MAX_SHOWN_PATHS);
        let relation = ContentRelation::Changed { commit, paths };
        Ok(Some(RelatedChange::of(relation)))
    }

    /// Returns the lone commit of the change, and of which trees it would be made if it were a squash of what was approved.
    fn read_squash_trees(&self, approval: &ReceivedApproval) -> Result<Option<(Oid, ExpectedContent)>> {
        let [commit] = self.commits else { return Ok(None) };
        let (Some(id), [parent]) = (commit.id, commit.parents.as_slice()) else { return Ok(None) };
        let Some(statement) = self.read_statement(approval) else { return Ok(None) };
        let find_tree = |id| self.repository.find_tree_and_parent(id).map(|read| read.tree);
        let Ok(base) = find_tree(statement.base) else { return Ok(None) };
        let (tree, parent) = (find_tree(id)?, find_tree(*parent)?);
        let sides = [parent, find_tree(approval.revision)?];
        Ok(Some((id, ExpectedContent { commit: id, tree, sides, base, paths: Vec::new() })))
    }

    fn read_statement(&self, approval: &ReceivedApproval) -> Option<ApprovalStatement> {
        let commit = self.repository.read_commit(approval.id, &NeededFacts::new()).ok()?;
        ApprovalStatement::parse_message(&commit.message)
    }

    /// Adds to a relation the lines that nobody approved.
    fn describe_change(
        &self,
        approval: &ReceivedApproval,
        related: Option<&RelatedApproval>,
        change: RelatedChange,
    ) -> Result<LandedRelation> {
        let expected = match (&change.relation, related) {
            (ContentRelation::Changed { .. }, Some(related)) => self.list_changed_content(related)?,
            (ContentRelation::Changed { paths, .. }, None) => {
                let squash = self.read_squash_trees(approval)?.into_iter();
                squash.map(|(_, trees)| ExpectedContent { paths: paths.clone(), ..trees }).collect()
            }
            (ContentRelation::Partial { .. }, _) => self.list_unapproved_commits(&change.uncovered)?,
            _ => Vec::new(),
        };
        let mut landed =
            LandedRelation { relation: change.relation, unapproved: Vec::new(), left_out_paths: 0 };
        for ExpectedContent { commit, tree, sides, base, paths } in expected {
            for path in paths {
                if landed.unapproved.len() >= MAX_SHOWN_PATHS {
                    landed.left_out_paths += 1;
                    continue;
                }
                let compared = self.repository.compare_path_with_pick(&path, tree, sides, base)?;
                landed.unapproved.push(UnapprovedPath {
                    path,
                    commit,
                    lines: compared.lines,
                    left_out_lines: compared.left_out,
                    without_lines: compared.without_lines,
                });
            }
        }
        Ok(landed)
    }

    /// Returns where commits differ from the approved ones that they come from.
    fn list_changed_content(&self, related: &RelatedApproval) -> Result<Vec<ExpectedContent>> {
        let mut expected = Vec::new();
        for one in &related.related.changed {
            if !self.commits.iter().any(|commit| commit.id == Some(one.id)) {
                continue;
            }
            let new = self.repository.find_tree_and_parent(one.id)?;
            let old = self.repository.find_tree_and_parent(one.approved)?;
            let parent_tree = |parent: Option<Oid>| match parent {
                Some(parent) => self.repository.find_tree_and_parent(parent).map(|read| Some(read.tree)),
                None => Ok(None),
            };
            // Of two roots, and of one of them, the whole of what was approved is what was expected.
            let sides = (parent_tree(new.first_parent)?, parent_tree(old.first_parent)?);
            let (left, base) = match sides {
                (Some(left), Some(base)) => (left, base),
                _ => (old.tree, old.tree),
            };
            expected.push(ExpectedContent {
                commit: one.id,
                tree: new.tree,
                sides: [left, old.tree],
                base,
                paths: one.paths.clone(),
            });
        }
        Ok(expected)
    }

    /// Returns what commits hold that nobody approved: of a merge what it holds beside a clean merge, of another commit
    /// everything.
    fn list_unapproved_commits(&self, uncovered: &[Oid]) -> Result<Vec<ExpectedContent>> {
        let mut expected = Vec::new();
        let uncovered: BTreeSet<Oid> = uncovered.iter().take(MAX_SHOWN_COMMITS).copied().collect();
        for commit in self.commits {
            let Some(id) = commit.id.filter(|id| uncovered.contains(id)) else { continue };
            let tree = self.repository.find_tree_and_parent(id)?.tree;
            let mut parents = Vec::with_capacity(commit.parents.len());
            for parent in &commit.parents {
                parents.push(self.repository.find_tree_and_parent(*parent)?.tree);
            }
            let (sides, base, paths) = match (parents.as_slice(), commit.parents.as_slice()) {
                ([parent], _) => {
                    let paths = self.repository.list_differing_paths(*parent, tree)?;
                    ([*parent, *parent], *parent, paths)
                }
                ([left, right], [ours, theirs]) => {
                    let base = match self.repository.find_common_ancestor(*ours, *theirs)? {
                        Some(base) => self.repository.find_tree_and_parent(base)?.tree,
                        None => *left,
                    };
                    let paths = commit.evil_merge_paths.clone().unwrap_or_default();
                    ([*left, *right], base, paths)
                }
                // A root, and a merge of many, are named without their lines.
                _ => continue,
            };
            expected.push(ExpectedContent { commit: id, tree, sides, base, paths });
        }
        Ok(expected)
    }
}
