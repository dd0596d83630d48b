//! Where the commits of a report are reworded: the worktree and the branch, what has to end there first, and
//! the commit from which the history is opened.

use std::fs;
use std::path::{Path, PathBuf};

use crate::change::{Oid, Text};
use crate::git::{HeadState, Repository};
use crate::report::{ReaderCheckout, RebaseStart, ReportGroup, UnfinishedOperation, list_reworded_commits};

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

/// Notes in groups from where a rebase opens all commits that their reports ask to reword. By date alone, the first of
/// them need not be below the others.
///
/// # Errors
///
/// Fails if the history cannot be read; the advice is less good then.
pub(crate) fn mark_rebase_starts(groups: &mut [ReportGroup], repository: &Repository) -> anyhow::Result<()> {
    for group in groups {
        let ids = list_reworded_commits(group);
        if ids.len() > 1 {
            group.rebase_start = Some(find_rebase_start(repository, &ids)?);
        }
    }
    Ok(())
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
