//! A push that has happened, judged by the policy as it was before.
//!
//! Nothing is kept out here; it is found. Each new step of the branch has to have come in by a pull
//! request, which GitHub is asked about (a number in a message proves nothing), and is judged with
//! what is known of that. A step that no pull request brought is judged by its commits alone.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::change::{
    Change, Commits, FactKind, Missing, Oid, PushCertificate, Stage, Text, unrequested_earlier_change,
};
use crate::gate::{list_policy_notes, list_warning_notes};
use crate::github::api::GitHubClient;
use crate::github::api::names::escape_path;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestCommit;
use crate::github::facts::commits;
use crate::github::judge::branch_tips::{BranchTips, read_branch_tips, short_branch_name};
use crate::github::judge::brought_pull::{BroughtPull, PushJudging, is_error, judge_or_keep_landed};
use crate::github::judge::completed_push::{CompletedPush, load_governing_policies};
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::judged_group::{ChangeLanding, JudgedGroup};
use crate::github::judge::landed_gate_files::refuse_new_gate_files;
use crate::github::judge::ledger_bases::list_ledger_base_moves;
use crate::github::judge::named_changes::find_named_change;
use crate::github::judge::policy_at_commit::PolicyFetchError;
use crate::github::judge::pushed_steps::{
    PushedStep, check_comparison, find_bringing_pull, find_pulls_of_steps, split_into_steps,
};
use crate::github::judge::recorded_moves::{RecordedMoves, find_recorded_moves};
use crate::github::judge::refusals::refuse_unusable_policy;
use crate::github::judge::{GitHubJudgeOptions, look_up_tickets};
use crate::push::{self, GateRule, ProposedRefUpdate, RefTargetKind, refuse_by_rule};
use crate::report::{RefUpdateKind, ReportGroup};
use crate::verdict::{Finding, Fixer, Judgement, MessageValue, messages};

messages! {
    REF_MOVED_ON = "pull-current.ref-moved-on": "the ref has moved on since; the run for the newer push judges that";
    PUSH_UNREADABLE = "github.push-unreadable": "cannot read what this push brought: {detail}";
    STEP_UNREADABLE = "github.step-unreadable": "cannot tell which pull request brought {commit}: {detail}";
    TAG_OFF_BRANCH = "github.tag-off-branch": "{commit} is not on the default branch";
    TOO_MANY_STEPS = "github.too-many-steps": "this push brought {steps} steps; at most {limit} are judged";
}

/// How many new steps of a branch are judged.
const MAX_PUSHED_STEPS: usize = 100;

/// How long GitHub may take after a merge until it lists the pull request of the commit that was made.
const MAX_LAG_SECONDS: i64 = 600;

/// The groups that a push was judged in, and what it was judged by.
pub(crate) struct JudgedPush {
    /// What is about the ref and what came without a pull request, then each pull request; nothing for
    /// a ref that is not under change control.
    pub(crate) groups: Vec<JudgedGroup>,
    /// The policies that it was judged by, if there are any.
    pub(crate) policies: Option<GoverningPolicies>,
    /// The tree of what the ref holds now, if that is known.
    pub(crate) new_tree: Option<Oid>,
}

/// Judges a push that GitHub has already accepted, change by change, by the policy from before it.
///
/// # Errors
///
/// Fails if neither the default branch nor its policy can be read, and if GitHub does not list what was pushed.
pub(crate) async fn judge_completed_push(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
) -> Result<JudgedPush, GitHubFailure> {
    // A ref that is not under change control gives no group at all, so that nothing is recorded about it.
    let name = Text::from(landed.ref_name);
    let tips = read_branch_tips(client, landed.repo, landed.ref_name).await?;
    let policies = match load_governing_policies(client, landed, options, &tips).await {
        Ok(policies) => policies,
        Err(PolicyFetchError::NotFetched(failure)) => return Err(failure),
        Err(PolicyFetchError::Unusable(why)) => {
            let judgement = refuse_unusable_policy(&why, &options.policy_path, &name);
            return Ok(JudgedPush {
                groups: vec![JudgedGroup::from_refusal(landed.report_scope(), judgement)],
                policies: None,
                new_tree: None,
            });
        }
    };
    if !policies.own.policy.protects_ref(name.as_bytes()) {
        return Ok(JudgedPush { groups: Vec::new(), policies: Some(policies), new_tree: None });
    }
    let mut group = ReportGroup::new(landed.report_scope(), Vec::new());
    group.amendable = None;
    if landed.pushed_at.is_none() && tips.ref_tip != landed.new_tip() {
        let finding = Finding::new(&REF_MOVED_ON).fixed_by(Fixer::NotNeeded);
        group.refusals.push(refuse_by_rule(GateRule::PullCurrent, finding));
    }
    let mut first = JudgedGroup::from_group(group);
    first.policy_name = Some(policies.own.name());
    first.notes = list_policy_notes(&policies.own, client.now());
    first.notes.extend(list_ledger_base_moves(client, landed.repo, &policies.own, &name).await);
    let mut groups = Vec::new();
    let mut new_tree = None;
    match judge_pushed_steps(client, landed, options, &policies, &tips, &mut first).await {
        Ok((brought, tree)) => {
            groups = brought;
            new_tree = tree;
        }
        Err(PushFailure::Implausible(failure)) => return Err(failure),
        Err(PushFailure::Unreadable(failure)) => {
            // An outage says nothing about the push; a later run can judge it.
            if let Some(outage) = client.outage() {
                return Err(outage);
            }
            first.group.refusals.push(refuse_unread_push(failure));
        }
    }
    let warned = list_warning_notes(&policies.own.policy, std::slice::from_ref(&first.group));
    first.notes.extend(warned);
    groups.insert(0, first);
    Ok(JudgedPush { groups, policies: Some(policies), new_tree })
}

/// Why nothing can be said of what a push brought.
enum PushFailure {
    /// GitHub does not answer, which refuses the push.
    Unreadable(GitHubFailure),
    /// GitHub's answer cannot be right, so there is nothing to judge by.
    Implausible(GitHubFailure),
}

impl From<GitHubFailure> for PushFailure {
    fn from(failure: GitHubFailure) -> Self {
        if failure.is_contradiction {
            PushFailure::Implausible(failure)
        } else {
            PushFailure::Unreadable(failure)
        }
    }
}

/// Returns whether GitHub may not know yet which pull request brought a push: it is the last one of its ref, or one
/// of the last minutes. Of earlier ones, it knows all that it ever will.
fn may_lag(client: &GitHubClient, landed: &CompletedPush<'_>, tips: &BranchTips) -> bool {
    let is_last = tips.ref_tip == landed.new_tip();
    let is_recent = |at: Timestamp| client.now().as_second().saturating_sub(at.as_second()) < MAX_LAG_SECONDS;
    is_last || landed.pushed_at.is_none_or(is_recent)
}

fn refuse_unread_push(failure: GitHubFailure) -> Judgement {
    let message = PUSH_UNREADABLE.with("detail", MessageValue::unrecorded(Text::from(failure.why)));
    refuse_by_rule(GateRule::WholeHistory, Finding::new(message).fixed_by(Fixer::GateAdministrator))
}

fn refuse_unread_step(step: &PushedStep, failure: &GitHubFailure) -> Judgement {
    let detail = MessageValue::unrecorded(Text::from(failure.why.as_str()));
    let message = STEP_UNREADABLE.with("commit", step.id.short_hex()).with("detail", detail);
    refuse_by_rule(GateRule::WholeHistory, Finding::new(message).fixed_by(Fixer::GateAdministrator))
}

/// Judges what a push brought, and returns what pull requests did, with the tree of the last commit;
/// what is about the ref itself goes into `first`, as does what came without a pull request.
async fn judge_pushed_steps(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
    policies: &GoverningPolicies,
    tips: &BranchTips,
    first: &mut JudgedGroup,
) -> Result<(Vec<JudgedGroup>, Option<Oid>), PushFailure> {
    // The gate's own rules about refs come first: a deletion, a tag and a push that is too large have no steps.
    let name = Text::from(landed.ref_name);
    let old = landed.old_tip();
    let mut proposed = ProposedRefUpdate {
        name: &name,
        claimed_old: old,
        actual_old: old,
        new: landed.new_tip(),
        target_kind: RefTargetKind::Commit,
        is_fast_forward: false,
    };
    let Some(new) = landed.new_tip() else {
        first.group.refusals.extend(push::judge_ref_update(&proposed));
        return Ok((Vec::new(), None));
    };
    let start = match old {
        Some(old) => old.to_string(),
        None => short_branch_name(&tips.default_branch).to_owned(),
    };
    let ends = format!("{}...{new}", escape_path(&start));
    let compared = commits::compare_commits(client, landed.repo, &ends).await?;
    check_comparison(old, new, &compared)?;
    let (status, commits) = (compared.status, compared.commits);
    let is_forced = matches!(landed.update, RefUpdateKind::Rewrite { .. });
    let is_forward = !is_forced && matches!(status.as_str(), "ahead" | "identical");
    proposed.is_fast_forward = is_forward || old.is_none();
    first.group.refusals.extend(push::judge_ref_update(&proposed));
    let last = commits.iter().find(|commit| commit.sha == new);
    let tree = last.map(|commit| commit.commit.tree.sha);
    if landed.ref_name.starts_with("refs/tags/") {
        if !commits.is_empty() {
            let message = TAG_OFF_BRANCH.with("commit", new.short_hex());
            let finding = Finding::new(message).fixed_by(Fixer::Pusher);
            first.group.refusals.push(refuse_by_rule(GateRule::TagOfReviewed, finding));
        }
        return Ok((Vec::new(), tree));
    }
    let steps = split_into_steps(&commits, new);
    if steps.len() > MAX_PUSHED_STEPS {
        let message = TOO_MANY_STEPS.with("steps", steps.len()).with("limit", MAX_PUSHED_STEPS);
        let finding = Finding::new(message).fixed_by(Fixer::Pusher);
        first.group.refusals.push(refuse_by_rule(GateRule::PushSize, finding));
        return Ok((Vec::new(), tree));
    }
    let branch = short_branch_name(landed.ref_name);
    let may_lag = may_lag(client, landed, tips);
    let found = find_pulls_of_steps(client, landed.repo, &steps, branch, may_lag).await;
    let mut seen = HashSet::new();
    let mut pulls = Vec::new();
    for (index, (step, listed)) in steps.iter().zip(found).enumerate() {
        let listed = match listed {
            Ok(listed) => listed,
            // One that cannot be read stops no other.
            Err(failure) => {
                let is_error = is_error(client, &failure);
                first.add_failure(refuse_unread_step(step, &failure), failure, is_error);
                continue;
            }
        };
        if let Some((number, landed_as)) = find_bringing_pull(&steps, index, &listed, &commits) {
            if seen.insert(number) {
                let last = steps.iter().position(|step| step.id == landed_as);
                let step_index = last.unwrap_or(index);
                pulls.push(BroughtPull {
                    number,
                    step_index,
                    landed_as,
                    landed_commits: Vec::new(),
                    next_step: index,
                    are_in_a_row: true,
                });
            }
            let landing = commits.iter().find(|commit| commit.sha == step.id);
            if let Some(brought) = pulls.iter_mut().find(|pull| pull.number == number) {
                brought.landed_commits.extend(landing);
                brought.are_in_a_row &= brought.next_step == index;
                brought.next_step = index + 1;
            }
        } else {
            let mut change = build_direct_push_change(client, landed, policies, step, &commits)?;
            if policies.needed_facts().contains(&FactKind::EarlierChange) {
                let (from, own) = ((client, landed.repo), &policies.own.policy);
                change.names_earlier = find_named_change(from, landed.old_tip(), own, &change).await;
            }
            let mut changes = policies.split_change(change);
            look_up_tickets(&mut changes, policies, options, landed.repo);
            for change in changes {
                let landed_as = change.tip().id.unwrap_or(step.id);
                first.add_change(change, policies, options.explain);
                first.landings.push(ChangeLanding {
                    step_index: index,
                    landed_as,
                    pull: None,
                    merged_by: None,
                });
            }
        }
    }
    // How a pull request landed says which checks were a condition of it, and whether GitHub made what landed.
    let recorded = match pulls.is_empty() {
        true => RecordedMoves::default(),
        false => find_recorded_moves(client, landed, may_lag).await,
    };
    let judging = PushJudging { client, landed, options, policies, recorded: &recorded };
    let judged = pulls.iter().map(|pull| judge_or_keep_landed(&judging, pull));
    let mut groups = join_all(judged).await;
    let refused =
        refuse_new_gate_files(client, landed.repo, (&options.policy_path, new), policies, first, &mut groups);
    if let Err(failure) = refused.await {
        let is_error = is_error(client, &failure);
        first.add_failure(refuse_unread_push(failure.clone()), failure, is_error);
    }
    Ok((groups, tree))
}

/// Returns the change of a step that no pull request brought in.
fn build_direct_push_change(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    policies: &GoverningPolicies,
    step: &PushedStep,
    listed: &[RestCommit],
) -> Result<Change, GitHubFailure> {
    // Without a pull request there is no review, label or check to look up; those facts are gaps.
    let needs = policies.needed_facts();
    let mut by_id: HashMap<Oid, &RestCommit> = HashMap::new();
    for commit in listed {
        by_id.insert(commit.sha, commit);
    }
    let mut commits = Vec::with_capacity(step.commit_ids.len());
    for id in &step.commit_ids {
        if let Some(commit) = by_id.get(id) {
            commits.push(commits::convert_commit(commit, &needs, policies.trusted_keys(client.now())));
        }
    }
    let commits = Commits::new(commits)
        .ok_or_else(|| GitHubFailure::new(format!("GitHub lists no commits for {}", step.id.short_hex())))?;
    Ok(Change {
        stage: Stage::PullRequest,
        target: Ok(Text::from(landed.ref_name)),
        seen_at: landed.pushed_at.unwrap_or(client.now()),
        pusher: landed.pusher.clone().ok_or_else(|| missing_pull(FactKind::Pusher)),
        push_certificate: PushCertificate::Absent,
        pull: Err(missing_pull(FactKind::Pull)),
        tickets: Change::missing_tickets(Stage::PullRequest),
        policy_effect: Err(missing_pull(FactKind::PolicyChange)),
        names_earlier: unrequested_earlier_change(),
        signed_approvals: crate::change::unrequested_signed_approvals(),
        forge_teams: Default::default(),
        commits,
    })
}

fn missing_pull(kind: FactKind) -> Missing {
    Missing::Unavailable(kind, "no pull request brought this in".into())
}
