//! A push that has happened, and the policies that it is judged by.

use jiff::Timestamp;

use crate::change::{Oid, PusherIdentity, Text};
use crate::gate::UnusablePolicy;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::judge::GitHubJudgeOptions;
use crate::github::judge::branch_tips::BranchTips;
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::report::{GroupScope, RefUpdateKind};

/// A push that has happened.
#[derive(Clone, Debug)]
pub(crate) struct CompletedPush<'event> {
    pub(crate) repo: &'event RepositoryName,
    pub(crate) ref_name: &'event str,
    pub(crate) update: RefUpdateKind,
    /// When it happened, if that is known; without it, a ref that has moved on since is refused.
    pub(crate) pushed_at: Option<Timestamp>,
    /// The account that pushed; `None` if it is not known.
    pub(crate) pusher: Option<PusherIdentity>,
    /// How it happened, by GitHub's record; `None` if the record was not read, or does not tell.
    pub(crate) recorded_as: Option<RecordedMoveKind>,
}

/// How a ref moved, by GitHub's record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedMoveKind {
    /// GitHub merged a pull request, by its button or its API.
    PullMerge,
    /// GitHub's merge queue merged.
    QueueMerge,
    /// An account pushed, or moved the ref in another way.
    Push,
}

impl RecordedMoveKind {
    /// Returns the kind of a move by its word in the record; a word that is not known is no merge of GitHub's.
    pub(crate) fn from_activity(word: &str) -> RecordedMoveKind {
        match word {
            "pr_merge" => RecordedMoveKind::PullMerge,
            "merge_queue_merge" => RecordedMoveKind::QueueMerge,
            _ => RecordedMoveKind::Push,
        }
    }
}

/// Returns what became of a ref that pointed at `old` and now points at `new`; `None` if that is nothing.
pub(crate) fn classify_ref_update(
    old: Option<Oid>,
    new: Option<Oid>,
    is_forced: bool,
) -> Option<RefUpdateKind> {
    match (old, new) {
        (Some(old), Some(new)) if is_forced => Some(RefUpdateKind::Rewrite { old, new }),
        (Some(old), Some(new)) => Some(RefUpdateKind::Move { old, new }),
        (None, Some(new)) => Some(RefUpdateKind::Create { new }),
        (Some(old), None) => Some(RefUpdateKind::Delete { old }),
        (None, None) => None,
    }
}

impl CompletedPush<'_> {
    /// Returns where the ref pointed before.
    pub(crate) fn old_tip(&self) -> Option<Oid> {
        match self.update {
            RefUpdateKind::Create { .. } => None,
            RefUpdateKind::Move { old, .. }
            | RefUpdateKind::Rewrite { old, .. }
            | RefUpdateKind::Delete { old } => Some(old),
        }
    }

    /// Returns where the push left the ref.
    pub(crate) fn new_tip(&self) -> Option<Oid> {
        match self.update {
            RefUpdateKind::Create { new }
            | RefUpdateKind::Move { new, .. }
            | RefUpdateKind::Rewrite { new, .. } => Some(new),
            RefUpdateKind::Delete { .. } => None,
        }
    }

    pub(crate) fn report_scope(&self) -> GroupScope {
        GroupScope::Ref { name: Text::from(self.ref_name), update: self.update }
    }
}

/// Loads the policies that a push is judged by: that of what the branch held before, and that of the default
/// branch, which stood at the old tip before its own push. A branch that is new, or older than its policy, is
/// judged by the default branch alone.
///
/// # Errors
///
/// Fails if one of them cannot be read, and if none can be used.
pub(crate) async fn load_governing_policies(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
    tips: &BranchTips,
) -> Result<GoverningPolicies, PolicyFetchError> {
    let repo = landed.repo;
    let path = &options.policy_path;
    let own = match landed.old_tip() {
        Some(old) => policy_at_commit::load_policy(client, repo, old, path, landed.ref_name, None).await,
        None => Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)),
    };
    let default = &tips.default_branch;
    if landed.ref_name == default {
        return own.map(GoverningPolicies::from_own);
    }
    let at = (default.as_str(), tips.default_tip);
    match own {
        Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => {
            let loaded = policy_at_commit::load_policy(client, repo, at.1, path, default, None).await;
            loaded.map(GoverningPolicies::from_own)
        }
        Ok(own) => {
            let is_protected = own.policy.protects_ref(landed.ref_name.as_bytes());
            match GoverningPolicies::add_default(own.clone(), landed.ref_name, client, repo, path, at).await {
                // A branch can be made from a commit whose policy did not know of it.
                Ok(GoverningPolicies { base: Some(base), .. }) if !is_protected => {
                    Ok(GoverningPolicies::from_own(base))
                }
                // What the branch's own policy leaves alone needs no other one.
                Err(PolicyFetchError::Unusable(_)) if !is_protected => Ok(GoverningPolicies::from_own(own)),
                other => other,
            }
        }
        Err(other) => Err(other),
    }
}
