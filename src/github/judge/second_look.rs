//! The second look at a pull request: whether it still is what the facts were gathered from.
//!
//! GitHub answers each request from the state of that moment, so a push or an edit between two requests gives
//! facts of two states. A verdict that would allow is therefore given only if the pull request, its base
//! and the default branch are afterwards what they were before; otherwise everything is read again.

use crate::github::api::GitHubClient;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestPullRequest;
use crate::github::judge::policy_at_commit::{BaseBranch, read_base_branch};
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{ReportGroup, decide_groups};
use crate::verdict::{Decision, Finding, Fixer, Judgement, Message, RuleLevel, RuleOutcome, messages};

messages! {
    STATE_MOVED = "pull-current.state-moved":
        "the pull request or its base branch changed each time it was read; judge it again";
}

/// How often a pull request is read until it stays the same meanwhile.
pub(crate) const MAX_LOOKS: usize = 3;

/// What a pull request was judged from.
pub(crate) struct JudgedState {
    pub(crate) pull: RestPullRequest,
    pub(crate) base: BaseBranch,
}

/// Returns true if a pull request that was judged has to be looked at again: only what allows needs a second
/// look, and a recording tells the same each time.
pub(crate) fn needs_second_look(client: &GitHubClient, judged: &ReportGroup) -> bool {
    !client.is_recording() && decide_groups(std::slice::from_ref(judged), true) == Decision::Allow
}

/// Returns true if the pull request and its base branch still are as they were judged.
///
/// # Errors
///
/// Fails if GitHub does not tell.
pub(crate) async fn is_unchanged(
    client: &GitHubClient,
    name: &PullRequestName,
    policy_path: &str,
    judged: &JudgedState,
) -> Result<bool, GitHubFailure> {
    let base = read_base_branch(client, name, policy_path).await?;
    // The policy of the default branch counts for every other branch as well.
    let is_same_policy = base.tip == judged.base.tip && base.default_branch == judged.base.default_branch;
    if !is_same_policy || base.branch != judged.base.branch || base.pull != judged.base.pull {
        return Ok(false);
    }
    match base.pull.head_ref_oid {
        Some(head) => Ok(head == judged.pull.head.sha),
        // A server that does not tell it here tells it in the pull request.
        None => {
            let path = format!("{}/pulls/{}", name.repo.rest_path(), name.number);
            let pull: RestPullRequest = client.fetch_json(path).await?;
            Ok(pull.head.sha == judged.pull.head.sha && pull.body == judged.pull.body)
        }
    }
}

/// Returns the refusal of a pull request that never stood still.
pub(crate) fn refuse_moving_pull() -> Judgement {
    let finding = Finding::new(Message::from(&STATE_MOVED)).fixed_by(Fixer::NotNeeded);
    refuse_by_rule(GateRule::PullCurrent, finding)
}

/// Returns true if something that is known denies, and not only the lack of an answer.
pub(crate) fn is_denied_by_facts(judged: &ReportGroup) -> bool {
    let is_known = |id: &str| id != GateRule::PullComplete.id() && id != GateRule::PolicyValid.id();
    if judged.refusals.iter().any(|refusal| is_known(refusal.rule.id.as_str())) {
        return true;
    }
    judged.verdicts.iter().flat_map(|verdict| &verdict.judgements).any(|judgement| {
        judgement.level == RuleLevel::Deny && matches!(judgement.outcome, RuleOutcome::Fail(_))
    })
}
