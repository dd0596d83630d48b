//! Where the commits of a report are reworded: the worktree and the branch, what has to end there first, and
//! the commit from which the history is opened.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::change::{FactKind, NeededFacts, Oid, Text};
use crate::git::{HeadState, Repository};
use crate::report::{
    HistoryRewrite, KeptFiles, ReaderCheckout, RebaseStart, ReportGroup, UnfinishedOperation,
    list_reworded_commits,
};

/// The most merges that are made again to see what a rebase would make of them.
const MAX_COMPARED_MERGES: usize = 200;

/// The files by which git knows what it has begun in a worktree. A rebase picks commits, so it comes first.
const OPERATION_FILES: [(&str, UnfinishedOperation); 6] = [
    ("rebase-apply/applying", UnfinishedOperation::ApplyMail),
    ("rebase-apply", UnfinishedOperation::Rebase),
    ("rebase-merge", UnfinishedOperation::Rebase),
    ("MERGE_HEAD", UnfinishedOperation::Merge),
    ("CHERRY_PICK_HEAD", UnfinishedOperation::CherryPick),
    ("REVERT_HEAD", UnfinishedOperation::Revert),
];

/// The files that name the branch of a worktree: what is checked out, and what a rebase returns to.
const BRANCH_FILES: [&str; 3] = ["HEAD", "rebase-merge/head-name", "rebase-apply/head-name"];

/// The most commits that are compared with each other, to name only those that lead to the others.
const MAX_COMPARED_PARENTS: usize = 20;

/// A worktree other than that of the reader.
struct OtherWorktree {
    top: PathBuf,
    git_dir: PathBuf,
}

/// Returns where the commits of the branch `name` are reworded; of what is checked out, if there is no name.
pub(crate) fn find_reader_checkout(repository: &Repository, name: Option<&str>) -> ReaderCheckout {
    let branch = name.filter(|name| !is_checked_out(repository, name));
    let mut checkout = ReaderCheckout {
        branch_to_switch: branch.map(Text::from),
        worktree: None,
        unfinished: find_unfinished_operation(repository.git_dir()),
        has_conflicts: has_conflicts(repository, repository.git_dir()),
    };
    // What the reader has begun may be a rebase of that branch, which no other worktree has then.
    if let Some(branch) = branch
        && let Some(other) = find_other_worktree(repository, &format!("refs/heads/{branch}"))
    {
        checkout.unfinished = find_unfinished_operation(&other.git_dir);
        checkout.has_conflicts = has_conflicts(repository, &other.git_dir);
        checkout.worktree = Some(other.top);
    }
    checkout
}

fn is_checked_out(repository: &Repository, branch: &str) -> bool {
    matches!(
        repository.read_head(),
        Ok(HeadState::Branch(head)) if head.name.as_bytes().strip_prefix(b"refs/heads/") == Some(branch.as_bytes())
    )
}

fn find_unfinished_operation(git_dir: &Path) -> Option<UnfinishedOperation> {
    let begun = OPERATION_FILES.iter().find(|(file, _)| git_dir.join(file).exists());
    begun.map(|(_, operation)| *operation)
}

/// Returns true if files of a worktree have conflicts. An operation that leaves some need not leave a file of its own:
/// `git stash pop`, `git merge --squash` and `git checkout -m` do not.
fn has_conflicts(repository: &Repository, git_dir: &Path) -> bool {
    repository.has_unmerged_paths(&git_dir.join("index")).unwrap_or(false)
}

/// Returns the worktree, other than that of `repository`, from which git lets go of the branch `name` for no other.
fn find_other_worktree(repository: &Repository, name: &str) -> Option<OtherWorktree> {
    let own = repository.git_dir().canonicalize().ok()?;
    let common = repository.common_dir().canonicalize().ok()?;
    let mut git_dirs = vec![common.clone()];
    for entry in fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten() {
        git_dirs.push(entry.path());
    }
    for git_dir in git_dirs {
        let holds_branch = BRANCH_FILES.iter().any(|file| {
            fs::read_to_string(git_dir.join(file))
                .is_ok_and(|text| text.trim_start_matches("ref: ").trim_end_matches('\n') == name)
        });
        if holds_branch
            && git_dir != own
            && let Some(top) = find_worktree_top(repository, &git_dir, &common)
        {
            return Some(OtherWorktree { top, git_dir });
        }
    }
    None
}

/// Returns the folder with the files of a worktree; `None` if it is gone, or a bare repository has none.
fn find_worktree_top(repository: &Repository, git_dir: &Path, common: &Path) -> Option<PathBuf> {
    let dot_git = if git_dir == common {
        if repository.read_config_flag("core.bare").unwrap_or(false) {
            return None;
        }
        if let Ok(Some(set)) = repository.read_config_value("core.worktree") {
            return git_dir.join(set).canonicalize().ok();
        }
        git_dir.to_path_buf()
    } else {
        let text = fs::read_to_string(git_dir.join("gitdir")).ok()?;
        git_dir.join(text.trim_end_matches('\n'))
    };
    let top = dot_git.file_name().filter(|name| *name == ".git").and(dot_git.parent())?;
    top.canonicalize().ok()
}

/// Notes in groups how all commits are reworded that their reports ask to reword, in the history of `tip`, or of what is
/// pushed. By date alone, the first of them need not be below the others.
///
/// # Errors
///
/// Fails if the history cannot be read; the advice is less good then.
pub(crate) fn mark_rewrites(
    groups: &mut [ReportGroup],
    repository: &Repository,
    tip: Option<Oid>,
) -> anyhow::Result<()> {
    for group in groups {
        let ids = list_reworded_commits(group);
        let Some(tip) = group.scope.pushed_tip().or(tip) else { continue };
        if ids.is_empty() {
            continue;
        }
        let start = find_rebase_start(repository, &ids)?;
        let renamed = RenamedCommits::find_above(repository, (tip, start), &ids)?;
        let keeps_files =
            renamed.has_remade_merge(repository) || renamed.has_stop_at_empty(repository, &ids)?;
        let kept_files = if keeps_files { Some(renamed.find_kept_files(repository)?) } else { None };
        group.rewrite = Some(HistoryRewrite { start, holds_merge: !renamed.merges.is_empty(), kept_files });
    }
    Ok(())
}

/// The commits that get another id where messages below them, or their own ones, are written again.
struct RenamedCommits {
    ids: HashSet<Oid>,
    /// Those of them that are merges.
    merges: Vec<Oid>,
    /// Those of them of which no parent gets another id: a rebase takes them over as they are before it opens them.
    lowest: HashSet<Oid>,
    /// The parents of them that keep their ids.
    below: BTreeSet<Oid>,
}

impl RenamedCommits {
    /// Finds the commits up to `tip` that are among these, or follow one of them.
    fn find_above(
        repository: &Repository,
        (tip, start): (Oid, RebaseStart),
        reworded: &[Oid],
    ) -> anyhow::Result<RenamedCommits> {
        let hidden = match start {
            RebaseStart::From(id) => repository.list_parents(id)?,
            RebaseStart::After(id) => vec![id],
            RebaseStart::Root => Vec::new(),
        };
        let mut found = RenamedCommits {
            ids: HashSet::new(),
            merges: Vec::new(),
            lowest: HashSet::new(),
            below: BTreeSet::new(),
        };
        for id in repository.divide_new_history(&[tip], &hidden)?.into_iter().flatten() {
            let parents = repository.list_parents(id)?;
            let follows_one = parents.iter().any(|parent| found.ids.contains(parent));
            if !follows_one && !reworded.contains(&id) {
                continue;
            }
            if !follows_one {
                found.lowest.insert(id);
            }
            if parents.len() > 1 {
                found.merges.push(id);
            }
            found.below.extend(parents.iter().filter(|parent| !found.ids.contains(parent)));
            found.ids.insert(id);
        }
        Ok(found)
    }

    /// Returns true if a merge holds something else than git makes of its parents: a rebase would lose that without a
    /// word, or stop at a conflict that was resolved. What cannot be compared counts as changed.
    fn has_remade_merge(&self, repository: &Repository) -> bool {
        let needs = NeededFacts::from([FactKind::EvilMerges]);
        let is_changed = |id: &Oid| {
            let read = repository.read_commit(*id, &needs);
            !read.is_ok_and(|commit| commit.evil_merge_paths.is_ok_and(|paths| paths.is_empty()))
        };
        self.merges.len() > MAX_COMPARED_MERGES || self.merges.iter().any(is_changed)
    }

    /// Returns true if a rebase that has merges to make stops at a commit without content: git takes it over as it is,
    /// and then refuses to amend it.
    fn has_stop_at_empty(&self, repository: &Repository, reworded: &[Oid]) -> anyhow::Result<bool> {
        if self.merges.is_empty() {
            return Ok(false);
        }
        for id in reworded.iter().filter(|id| self.lowest.contains(id)) {
            let own = repository.find_tree_and_parent(*id)?;
            if !self.merges.contains(id)
                && let Some(parent) = own.first_parent
                && repository.find_tree_and_parent(parent)?.tree == own.tree
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns how the commits are made again with the files that they hold.
    fn find_kept_files(&self, repository: &Repository) -> anyhow::Result<KeptFiles> {
        // Those that others of them follow need no mention. Many are not compared with each other.
        let mut below: Vec<Oid> = Vec::new();
        for id in &self.below {
            let mut is_covered = false;
            for other in self.below.iter().filter(|_| self.below.len() <= MAX_COMPARED_PARENTS) {
                is_covered |= other != id && repository.find_common_ancestor(*other, *id)? == Some(*id);
            }
            if !is_covered {
                below.push(*id);
            }
        }
        let mut are_signed = false;
        for id in &self.ids {
            let raw = repository.read_raw_commit(*id)?;
            let mut header = raw.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
            are_signed |= header.any(|line| line.starts_with(b"gpgsig"));
        }
        Ok(KeptFiles { below, are_signed })
    }
}

fn find_rebase_start(repository: &Repository, ids: &[Oid]) -> anyhow::Result<RebaseStart> {
    let mut lowest: Option<Oid> = None;
    for id in ids {
        lowest = match lowest {
            None => Some(*id),
            Some(known) => match repository.find_common_ancestor(known, *id)? {
                None => return Ok(RebaseStart::Root),
                found => found,
            },
        };
    }
    Ok(match lowest {
        Some(id) if ids.contains(&id) => RebaseStart::From(id),
        Some(id) => RebaseStart::After(id),
        None => RebaseStart::Root,
    })
}
