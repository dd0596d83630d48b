//! One pull request of a merge queue, judged with the checks of the commit at which its group ends.

use serde::Deserialize;

use crate::change::{Oid, Text};
use crate::gate::LoadedPolicy;
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::{GitHubJudgeOptions, GitHubRunContext, judge_or_keep_failure};
use crate::report::{GroupScope, RefUpdateKind};

/// A group of a merge queue.
#[derive(Clone, Debug)]
pub(crate) struct MergeGroup<'event> {
    pub(crate) repo: &'event RepositoryName,
    pub(crate) base_ref: &'event str,
    pub(crate) base_tip: Oid,
    pub(crate) group_head: Oid,
}

impl MergeGroup<'_> {
    /// Returns what a report says the group as a whole is about.
    pub(crate) fn report_scope(&self) -> GroupScope {
        let update = RefUpdateKind::Move { old: self.base_tip, new: self.group_head };
        GroupScope::Ref { name: Text::from(self.base_ref), update }
    }
}

/// A pull request, as an entry of a merge queue names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueuedPullRequest {
    pub(crate) number: u64,
    pub(crate) head_ref_oid: Oid,
    pub(crate) base_ref_name: String,
}

/// Judges one pull request of the queue; `queued_policy` is that which what stands before its group leaves, if it is
/// not on its base branch.
pub(crate) async fn judge_queued_pull(
    client: &GitHubClient,
    queued: &MergeGroup<'_>,
    options: &GitHubJudgeOptions,
    pull: &QueuedPullRequest,
    queued_policy: Option<&LoadedPolicy>,
) -> JudgedGroup {
    let name = PullRequestName { repo: queued.repo.clone(), number: pull.number };
    let context = GitHubRunContext {
        expected_head: Some(pull.head_ref_oid),
        checks_revision: Some(queued.group_head),
        queued_policy,
        ..GitHubRunContext::default()
    };
    judge_or_keep_failure(client, &name, options, context).await
}
