//! What a group of a merge queue stands on, and what it makes of the gate's files together with that.
//!
//! The start of a group can be the end of another one, which has not landed. What stands before it then lands first,
//! and maybe in the same push. So each pull request of the group is judged by two policies: that of the branch,
//! and the one that what stands before it leaves.

use futures_util::future::join_all;

use crate::change::Text;
use crate::gate::{LoadedPolicy, MissingPolicyAction, UnusablePolicy};
use crate::github::api::GitHubClient;
use crate::github::api::request::GitHubFailure;
use crate::github::judge::GitHubJudgeOptions;
use crate::github::judge::branch_tips::{BranchTips, read_branch_tips};
use crate::github::judge::completed_push::{CompletedPush, load_governing_policies};
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::landed_gate_files::{may_touch_policy, refuse_new_gate_files};
use crate::github::judge::policy_at_commit::{PolicyFetchError, load_policy_or_pack};
use crate::github::judge::queued_pull::{MergeGroup, QueuedPullRequest, judge_queued_pull};
use crate::github::judge::refusals::{LeftPolicy, refuse_unusable_policy};
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{RefUpdateKind, ReportGroup};
use crate::verdict::{Finding, Fixer, MessageValue, messages};

messages! {
    FILES_UNREADABLE = "pull-queued.files-unreadable":
        "cannot tell what the merge group makes of the gate's files: {detail}";
}

/// What the commit at the start of a group is called in messages.
const BASE_NAME: &str = "the base of the merge group";

/// What a group of a merge queue stands on.
pub(crate) struct GroupBase {
    tips: BranchTips,
    /// The policy that the pull requests before the group leave; `None` if the group stands on its branch.
    pub(crate) policy: Option<LoadedPolicy>,
    /// The pull requests before the group, oldest first; `None` in the place of one that the queue does not name.
    ahead: Vec<Option<QueuedPullRequest>>,
}

impl GroupBase {
    /// Reads what a group stands on; `ahead` are the pull requests before it in the queue.
    ///
    /// # Errors
    ///
    /// Returns the refusal of the group if that cannot be read, or leaves no policy that can be used.
    pub(crate) async fn read_group_base(
        client: &GitHubClient,
        queued: &MergeGroup<'_>,
        options: &GitHubJudgeOptions,
        ahead: Vec<Option<QueuedPullRequest>>,
    ) -> Result<GroupBase, JudgedGroup> {
        let tips = match read_branch_tips(client, queued.repo, queued.base_ref).await {
            Ok(tips) => tips,
            Err(failure) => return Err(refuse_unread_files(queued, failure)),
        };
        // Each pull request into a branch that is gone is refused for that.
        if tips.ref_tip.is_none_or(|tip| tip == queued.base_tip) {
            return Ok(GroupBase { tips, policy: None, ahead: Vec::new() });
        }
        let (path, base) = (&options.policy_path, queued.base_tip);
        let asked = (path.as_str(), &options.missing_policy);
        match load_policy_or_pack(client, queued.repo, base, asked, BASE_NAME, None).await {
            // Each pull request of the group is skipped as well.
            Err(PolicyFetchError::Unusable(UnusablePolicy::Absent))
                if options.missing_policy == MissingPolicyAction::Allow =>
            {
                Ok(GroupBase { tips, policy: None, ahead: Vec::new() })
            }
            Ok(policy) => Ok(GroupBase { tips, policy: Some(policy), ahead }),
            Err(PolicyFetchError::Unusable(why)) => {
                let refusal = refuse_unusable_policy(&why, path, &Text::from(BASE_NAME));
                Err(JudgedGroup::from_refusal(queued.report_scope(), refusal))
            }
            Err(PolicyFetchError::NotFetched(failure)) => Err(refuse_unread_files(queued, failure)),
        }
    }

    /// Judges what the pull requests of a group make of the gate's files together, and with those before them;
    /// nothing if none of them changes the policy, or if that is as it should be.
    ///
    /// Each was judged by the policy as it leaves it alone. The commit that lands holds all of them.
    pub(crate) async fn judge_group_files(
        &self,
        client: &GitHubClient,
        queued: &MergeGroup<'_>,
        options: &GitHubJudgeOptions,
        groups: &mut Vec<JudgedGroup>,
    ) -> Option<JudgedGroup> {
        match self.refuse_group_files(client, queued, options, groups).await {
            Ok(refused) => refused,
            Err(failure) => Some(refuse_unread_files(queued, failure)),
        }
    }

    async fn refuse_group_files(
        &self,
        client: &GitHubClient,
        queued: &MergeGroup<'_>,
        options: &GitHubJudgeOptions,
        groups: &mut Vec<JudgedGroup>,
    ) -> Result<Option<JudgedGroup>, GitHubFailure> {
        let Some(old) = self.tips.ref_tip else { return Ok(None) };
        let landed = CompletedPush {
            repo: queued.repo,
            ref_name: queued.base_ref,
            update: RefUpdateKind::Move { old, new: queued.group_head },
            pushed_at: None,
            pusher: None,
            recorded_as: None,
        };
        let policies = match load_governing_policies(client, &landed, options, &self.tips).await {
            Ok(policies) => policies.add_queued(self.policy.as_ref()),
            // Without a policy each of the pull requests is refused.
            Err(PolicyFetchError::Unusable(_)) => return Ok(None),
            Err(PolicyFetchError::NotFetched(failure)) => return Err(failure),
        };
        let changes = || groups.iter().flat_map(|group| &group.changes);
        if !changes().any(|change| may_touch_policy(change, &policies)) {
            return Ok(None);
        }
        let mut whole = JudgedGroup::from_group(ReportGroup::new(queued.report_scope(), Vec::new()));
        whole.group.amendable = None;
        let left = LeftPolicy {
            path: &options.policy_path,
            commit: queued.group_head,
            called: "the head of the merge group",
        };
        let target = Text::from(queued.base_ref);
        if let Some(finding) = left.find_break(client, queued.repo, target, client.now()).await {
            whole.group.refusals.push(refuse_by_rule(GateRule::PolicyValid, finding));
        }
        // What stands before the group is judged by itself; here it only counts with what it changes.
        let own_count = groups.len();
        groups.extend(self.read_changes_ahead(client, queued, options).await?);
        let at = (options.policy_path.as_str(), queued.group_head);
        let refused = refuse_new_gate_files(client, queued.repo, at, &policies, &mut whole, groups).await;
        for ahead in groups.drain(own_count..) {
            whole.group.refusals.extend(ahead.group.refusals);
        }
        refused?;
        Ok(if whole.group.refusals.is_empty() { None } else { Some(whole) })
    }

    /// Reads the changes of the pull requests before the group, without what is wrong with them.
    async fn read_changes_ahead(
        &self,
        client: &GitHubClient,
        queued: &MergeGroup<'_>,
        options: &GitHubJudgeOptions,
    ) -> Result<Vec<JudgedGroup>, GitHubFailure> {
        let mut pulls = Vec::new();
        for pull in &self.ahead {
            let Some(pull) = pull else {
                return Err(GitHubFailure::new("an entry before it in the merge queue has no pull request"));
            };
            pulls.push(pull);
        }
        let read = pulls.iter().map(|pull| judge_queued_pull(client, queued, options, pull, None));
        let mut groups = Vec::new();
        for (group, pull) in join_all(read).await.into_iter().zip(&pulls) {
            if let Some(failure) = group.failure {
                return Err(failure);
            }
            if group.changes.is_empty() {
                let why = format!(
                    "cannot read pull request {}, which is before it in the merge queue",
                    pull.number
                );
                return Err(GitHubFailure::new(why));
            }
            let empty = JudgedGroup::from_group(ReportGroup::new(queued.report_scope(), Vec::new()));
            groups.push(JudgedGroup { changes: group.changes, ..empty });
        }
        Ok(groups)
    }
}

/// Returns the refusal of a group of which it is not known what it makes of the gate's files.
fn refuse_unread_files(queued: &MergeGroup<'_>, failure: GitHubFailure) -> JudgedGroup {
    let detail = MessageValue::unrecorded(Text::from(failure.why.as_str()));
    let finding = Finding::new(FILES_UNREADABLE.with("detail", detail)).fixed_by(Fixer::GateAdministrator);
    let refusal = refuse_by_rule(GateRule::GateFiles, finding);
    let refused = JudgedGroup::from_refusal(queued.report_scope(), refusal);
    JudgedGroup { failure: Some(failure), ..refused }
}
