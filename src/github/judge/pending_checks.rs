//! A merge group whose checks have not ended: it is judged again until they have.
//!
//! A queue takes the first verdict on a group for the last one, and the checks of the group's commit begin together
//! with the gate. A denial for a check that has not ended would throw out what is good.

use std::time::Duration;

use tokio::time::sleep;

use crate::github::api::GitHubClient;
use crate::github::judge::GitHubJudgeOptions;
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::merge_queue::judge_group_now;
use crate::github::judge::queued_pull::MergeGroup;
use crate::verdict::{Fixer, Judgement, RuleOutcome};

/// The time between two looks at checks that have not ended.
const CHECK_PAUSE: Duration = Duration::from_secs(10);

/// Judges a group, again and again while only checks are missing that may still come, and there is time.
///
/// Each time everything is read anew: the queue can have moved on, and the policy can have changed.
pub(crate) async fn judge_merge_group(
    client: &GitHubClient,
    queued: &MergeGroup<'_>,
    options: &GitHubJudgeOptions,
) -> Vec<JudgedGroup> {
    loop {
        let before = client.remaining_time();
        let groups = judge_group_now(client, queued, options).await;
        let left = client.remaining_time();
        // The next look has to end in time: one that is cut off would be an error instead of a denial.
        let needed = CHECK_PAUSE + before.saturating_sub(left) * 2;
        if client.is_recording() || left <= needed || !lacks_only_checks(&groups) {
            return groups;
        }
        sleep(CHECK_PAUSE).await;
    }
}

/// Returns whether something denies, and all that denies is for a pipeline: what failed is for the author as well.
fn lacks_only_checks(groups: &[JudgedGroup]) -> bool {
    if groups.iter().any(|judged| judged.failure.is_some() || !judged.group.refusals.is_empty()) {
        return false;
    }
    let verdicts = groups.iter().flat_map(|judged| &judged.group.verdicts);
    let mut denying = verdicts
        .flat_map(|verdict| &verdict.judgements)
        .filter(|judgement| judgement.is_denying(true))
        .peekable();
    denying.peek().is_some() && denying.all(is_for_pipeline)
}

fn is_for_pipeline(judgement: &Judgement) -> bool {
    match &judgement.outcome {
        RuleOutcome::Fail(findings) => {
            findings.iter().all(|finding| finding.fixers == [Fixer::PipelineOwner])
        }
        _ => false,
    }
}
