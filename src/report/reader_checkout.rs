//! What a report knows of the clone in which its commands are run.

use std::path::PathBuf;

use crate::change::{Oid, Text};

/// What is checked out where the commands of a report are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderCheckout {
    /// The branch to check out before a commit of the group is reworded; `None` if that is not known, or is
    /// the branch of the reader.
    pub branch_to_switch: Option<Text>,
    /// The other worktree that has this branch checked out, so that git checks it out nowhere else.
    pub worktree: Option<PathBuf>,
    /// What has to end there before git rewords a commit.
    pub unfinished: Option<UnfinishedOperation>,
    /// True if files there have conflicts, as a `git stash pop` leaves them: git makes no commit before they are
    /// resolved.
    pub has_conflicts: bool,
}

impl ReaderCheckout {
    /// Returns true if git rewords no commit there now.
    pub(crate) fn keeps_from_rewording(&self) -> bool {
        self.unfinished.is_some() || self.has_conflicts
    }
}

/// An operation of git that waits for its end, and meanwhile keeps commits from being reworded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfinishedOperation {
    /// `git merge`
    Merge,
    /// `git cherry-pick`
    CherryPick,
    /// `git revert`
    Revert,
    /// `git rebase`
    Rebase,
    /// `git am`
    ApplyMail,
}

impl UnfinishedOperation {
    /// Returns the operation as a noun, with the command of git that ends it.
    pub(crate) fn describe_with_command(self) -> (&'static str, &'static str) {
        match self {
            UnfinishedOperation::Merge => ("merge", "merge"),
            UnfinishedOperation::CherryPick => ("cherry-pick", "cherry-pick"),
            UnfinishedOperation::Revert => ("revert", "revert"),
            UnfinishedOperation::Rebase => ("rebase", "rebase"),
            UnfinishedOperation::ApplyMail => ("series of patches", "am"),
        }
    }
}

/// How the history of a group is rewritten so that other messages can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRewrite {
    /// Where a rebase begins.
    pub start: RebaseStart,
    /// True if one of the commits that get another id is a merge.
    pub holds_merge: bool,
    /// How the commits are made again with the files that they hold, where a rebase would lose some or stop; `None` where
    /// a rebase gives the same files.
    pub kept_files: Option<KeptFiles>,
}

/// How commits are made again with the files that they hold, and with other messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFiles {
    /// The commits below those that get another id.
    pub below: Vec<Oid>,
    /// True if one of those that get another id is signed, so that it needs another signature.
    pub are_signed: bool,
}

/// Where a rebase begins that opens all commits of a group that are reworded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebaseStart {
    /// At the oldest of them, which all others follow.
    From(Oid),
    /// Behind a commit that all of them follow, on more than one line of history.
    After(Oid),
    /// At the root commits, since no commit is below all of them.
    Root,
}
