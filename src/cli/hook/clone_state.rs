//! What is going on in a clone while a hook runs: the branch, and the operation that makes the commit.

use std::fs;
use std::path::{Path, PathBuf};

use crate::change::{Oid, Text};
use crate::cli::context::Context;
use crate::git::{HeadState, Repository};

/// The operation of git that the commit is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OngoingOperation {
    /// None, or a merge: the commit is all that is missing.
    Commit,
    /// A rebase that goes on by itself once the commit is made: it stopped at a conflict, or this hook refused it.
    Rebase,
    /// A rebase that waits for its user, who may want to make more commits before it goes on, as where one commit is
    /// split, or a series of patches, which `git am` takes for not applied where the user makes the commit.
    WaitsForUser,
    /// A cherry-pick of several commits.
    CherryPicks,
    /// A revert of several commits.
    Reverts,
}

/// Returns the repository that a hook of a clone runs in.
///
/// # Errors
///
/// As [`Repository::open_at`].
pub(crate) fn open_clone(context: &Context) -> anyhow::Result<Repository> {
    match context.read_variable("GIT_DIR") {
        Some(git_dir) => Repository::open_at(&context.resolve_path(PathBuf::from(git_dir)), None),
        None => Repository::discover_from(&context.directory),
    }
}

/// Returns true if the user of a clone has chosen that its hooks only say what would be denied, as a server in evaluate
/// mode does. A clone does not know the mode of its server.
pub(crate) fn is_evaluating(repository: &Repository) -> bool {
    matches!(repository.read_config_value("changegate.mode"), Ok(Some(mode)) if mode == "evaluate")
}

/// Returns the full name of the branch that the commit is made on, also during a rebase; `None` if there is
/// none.
pub(crate) fn find_commit_branch(repository: &Repository) -> Option<Text> {
    if let Ok(HeadState::Branch(branch)) = repository.read_head() {
        return Some(branch.name);
    }
    for folder in ["rebase-merge", "rebase-apply"] {
        if let Ok(name) = fs::read_to_string(repository.git_dir().join(folder).join("head-name"))
            && name.starts_with("refs/heads/")
        {
            return Some(Text::from(name.trim_end()));
        }
    }
    None
}

/// Returns the commits that a merge brings in; none if there is no merge.
pub(crate) fn read_merge_heads(git_dir: &Path) -> Vec<Oid> {
    let Ok(text) = fs::read_to_string(git_dir.join("MERGE_HEAD")) else { return Vec::new() };
    text.lines().filter_map(|line| Oid::from_hex(line.trim())).collect()
}

/// Returns true if a rebase goes on that makes a merge again, so that its commits need not be changes of
/// their own.
pub(crate) fn rebases_merge(git_dir: &Path) -> bool {
    ["git-rebase-todo", "done"].iter().any(|name| {
        let list = fs::read(git_dir.join("rebase-merge").join(name)).unwrap_or_default();
        list.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"merge ") || line.starts_with(b"m "))
    })
}

impl OngoingOperation {
    /// Finds the operation by the files that git keeps while it goes on.
    pub(crate) fn find_in(git_dir: &Path) -> OngoingOperation {
        let exists = |name: &str| git_dir.join(name).exists();
        // Both `git am` and `git rebase --apply` refuse to continue after a commit that they have not made.
        if exists("rebase-apply") {
            return OngoingOperation::WaitsForUser;
        }
        if exists("rebase-merge") {
            return OngoingOperation::find_rebase(git_dir);
        }
        if !exists("sequencer") {
            return OngoingOperation::Commit;
        }
        match fs::read_to_string(git_dir.join("sequencer/todo")) {
            Ok(todo) if todo.starts_with("revert ") => OngoingOperation::Reverts,
            _ => OngoingOperation::CherryPicks,
        }
    }

    /// Finds out by the last line that a rebase has begun whether it goes on by itself.
    fn find_rebase(git_dir: &Path) -> OngoingOperation {
        let done = fs::read_to_string(git_dir.join("rebase-merge/done")).unwrap_or_default();
        let last = done.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        match last.split_whitespace().next() {
            Some("edit" | "e" | "break" | "b" | "exec" | "x") => OngoingOperation::WaitsForUser,
            _ => OngoingOperation::Rebase,
        }
    }

    /// Returns the command of git that goes on with the operation after the commit is made.
    pub(crate) fn continue_command(self) -> Option<&'static str> {
        match self {
            OngoingOperation::Commit | OngoingOperation::WaitsForUser => None,
            OngoingOperation::Rebase => Some("rebase --continue"),
            OngoingOperation::CherryPicks => Some("cherry-pick --continue"),
            OngoingOperation::Reverts => Some("revert --continue"),
        }
    }
}
