//! A pull request that a push brought: judged as it was when it was merged, with what it landed as held against it.

use crate::change::{FactKind, Oid};
use crate::github::api::GitHubClient;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit, RestPullRequest};
use crate::github::facts::accounts::account_of_user;
use crate::github::facts::checks::find_tried_revision;
use crate::github::judge::completed_push::{CompletedPush, RecordedMoveKind};
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::judged_group::{ChangeLanding, JudgedGroup};
use crate::github::judge::landed_content::{LandedCommits, check_landed_content};
use crate::github::judge::recorded_moves::RecordedMoves;
use crate::github::judge::second_look::is_denied_by_facts;
use crate::github::judge::{GitHubJudgeOptions, GitHubRunContext, PULL_CLOSED, judge_with_policies};
use crate::report::{ReportGroup, decide_groups};
use crate::verdict::Decision;

/// A pull request that a push brought, and where it ended up.
pub(crate) struct BroughtPull<'listed> {
    pub(crate) number: u64,
    pub(crate) step_index: usize,
    pub(crate) landed_as: Oid,
    /// The commits of the branch that it landed as.
    pub(crate) landed_commits: Vec<&'listed RestCommit>,
    /// The step after the last one of them.
    pub(crate) next_step: usize,
    /// True if no step of something else is between them.
    pub(crate) are_in_a_row: bool,
}

/// What everything that a push brought is judged with.
#[derive(Clone, Copy)]
pub(crate) struct PushJudging<'ask> {
    pub(crate) client: &'ask GitHubClient,
    pub(crate) landed: &'ask CompletedPush<'ask>,
    pub(crate) options: &'ask GitHubJudgeOptions,
    pub(crate) policies: &'ask GoverningPolicies,
    /// How the ref came to hold what was pushed, by GitHub's record.
    pub(crate) recorded: &'ask RecordedMoves,
}

/// Returns whether the lack of an answer is no verdict on the push: a later run may have the answer.
pub(crate) fn is_error(client: &GitHubClient, failure: &GitHubFailure) -> bool {
    failure.is_contradiction || client.outage().is_some()
}

/// Judges a pull request that a push brought, with the failure in its place if it could not be read, or if nothing
/// but the lack of an answer denies it.
pub(crate) async fn judge_or_keep_landed(
    judging: &PushJudging<'_>,
    brought: &BroughtPull<'_>,
) -> JudgedGroup {
    let PushJudging { client, landed, .. } = *judging;
    let name = PullRequestName { repo: landed.repo.clone(), number: brought.number };
    match judge_brought_pull(judging, brought).await {
        Ok(group) => match client.outage() {
            Some(outage) if is_denied(&group.group) && !is_denied_by_facts(&group.group) => {
                JudgedGroup::from_failure(&name, &outage)
            }
            _ => group,
        },
        Err(failure) => {
            let mut group = JudgedGroup::from_failure(&name, &failure);
            if !is_error(client, &failure) {
                group.failure = None;
            }
            group
        }
    }
}

fn is_denied(group: &ReportGroup) -> bool {
    decide_groups(std::slice::from_ref(group), true) == Decision::Deny
}

async fn judge_brought_pull(
    judging: &PushJudging<'_>,
    brought: &BroughtPull<'_>,
) -> Result<JudgedGroup, GitHubFailure> {
    let PushJudging { client, landed, options, policies, recorded } = *judging;
    let name = PullRequestName { repo: landed.repo.clone(), number: brought.number };
    let path = format!("{}/pulls/{}", landed.repo.rest_path(), brought.number);
    let pull: RestPullRequest = client.fetch_json(path).await?;
    let tip = landed.old_tip().unwrap_or(pull.base.sha);
    let landed_at = pull.merged_at.or(landed.pushed_at);
    let landed_commits = &brought.landed_commits;
    let first_parent = landed_commits.first().and_then(|first| first.parents.first());
    let base = first_parent.map(|parent| parent.sha);
    let kind = recorded.find_kind(landed, base, brought.landed_as);
    let mut checks_revision = None;
    if let Some(at) = landed_at
        && policies.needed_facts().contains(&FactKind::Checks)
        // Only a merge queue tries the commit that lands; check runs that it has otherwise are not of before.
        && matches!(kind, None | Some(RecordedMoveKind::QueueMerge))
    {
        // What a merge queue tries is the commit that lands, or the one at the end of its group.
        let mut tried = vec![brought.landed_as];
        tried.extend(landed.new_tip().filter(|tip| *tip != brought.landed_as));
        checks_revision = find_tried_revision(client, landed.repo, &tried, at).await?;
    }
    let context =
        GitHubRunContext { landed_at, landed_commits, checks_revision, ..GitHubRunContext::default() };
    let mut done = judge_with_policies(client, &name, options, context, &pull, tip, policies).await;
    // Where it is not known whether a queue tried it, the checks of both commits have to allow it.
    if kind.is_none() && checks_revision.is_some() && !is_denied(&done.group) {
        let context = GitHubRunContext { checks_revision: None, ..context };
        let of_head = judge_with_policies(client, &name, options, context, &pull, tip, policies).await;
        if is_denied(&of_head.group) {
            done = of_head;
        }
    }
    let commits = LandedCommits {
        commits: landed_commits,
        are_in_a_row: brought.are_in_a_row,
        is_merge_by_forge: recorded.is_merge_by_forge(landed, base, brought.landed_as),
        is_record_absent: recorded.is_absent,
    };
    match check_landed_content(client, landed.repo, &pull, &done.changes, &commits).await {
        Ok(content) => {
            done.group.refusals.extend(content.refusal);
            done.notes.extend(content.note);
        }
        // What is denied for another reason stays denied, whatever landed.
        Err(_) if is_denied(&done.group) => {}
        Err(failure) => return Err(failure),
    }
    // It has been merged, so it is closed.
    done.notes.retain(|note| note.code() != PULL_CLOSED.code);
    let landing = ChangeLanding {
        step_index: brought.step_index,
        landed_as: brought.landed_as,
        pull: Some(name),
        merged_by: account_of_user(pull.merged_by.as_ref()).map(|account| account.id),
    };
    done.landings = vec![landing; done.changes.len()];
    Ok(done)
}
