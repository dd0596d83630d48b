//! A push that has happened, judged by the policy as it was before.
//!
//! Nothing is kept out here; it is found. Each new step of the branch has to have come in by a pull
//! request, which GitHub is asked about (a number in a message proves nothing), and is judged with
//! what is known of that. A step that no pull request brought is judged by its commits alone.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::change::{Change, Commits, FactKind, Missing, Oid, PusherIdentity, Stage, Text};
use crate::gate::{UnusablePolicy, list_policy_notes};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit, RestPullRequest};
use crate::github::facts::accounts::account_of_user;
use crate::github::facts::commits;
use crate::github::judge::branch_tips::{BranchTips, read_branch_tips, short_branch_name};
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::judged_group::{ChangeLanding, JudgedGroup};
use crate::github::judge::landed_gate_files::refuse_new_gate_files;
use crate::github::judge::policy_at_commit::{self, PolicyFetchError};
use crate::github::judge::pushed_steps::{
    PushedStep, check_comparison, find_bringing_pull, find_merged_pulls, split_into_steps,
};
use crate::github::judge::refusals::refuse_unusable_policy;
use crate::github::judge::{
    GitHubJudgeOptions, GitHubRunContext, PULL_CLOSED, judge_with_policies, look_up_tickets,
};
use crate::push::{self, GateRule, ProposedRefUpdate, RefTargetKind, refuse_by_rule};
use crate::report::{GroupScope, RefUpdateKind, ReportGroup};
use crate::verdict::{Finding, Fixer, MessageValue, messages};

messages! {
    REF_MOVED_ON = "pull-current.ref-moved-on": "the ref has moved on since; the run for the newer push judges that";
    PUSH_UNREADABLE = "github.push-unreadable": "cannot read what this push brought: {detail}";
    TAG_OFF_BRANCH = "github.tag-off-branch": "{commit} is not on the default branch";
    TOO_MANY_STEPS = "github.too-many-steps": "this push brought {steps} steps; at most {limit} are judged";
}

/// How many new steps of a branch are judged.
const MAX_PUSHED_STEPS: usize = 100;

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
}

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
    fn old_tip(&self) -> Option<Oid> {
        match self.update {
            RefUpdateKind::Create { .. } => None,
            RefUpdateKind::Move { old, .. }
            | RefUpdateKind::Rewrite { old, .. }
            | RefUpdateKind::Delete { old } => Some(old),
        }
    }

    /// Returns where the push left the ref.
    fn new_tip(&self) -> Option<Oid> {
        match self.update {
            RefUpdateKind::Create { new }
            | RefUpdateKind::Move { new, .. }
            | RefUpdateKind::Rewrite { new, .. } => Some(new),
            RefUpdateKind::Delete { .. } => None,
        }
    }

    fn report_scope(&self) -> GroupScope {
        GroupScope::Ref { name: Text::from(self.ref_name), update: self.update }
    }
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
    let default = &tips.default_branch;
    let mut groups = Vec::new();
    let mut new_tree = None;
    match judge_pushed_steps(client, landed, options, &policies, default, &mut first).await {
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
            let message = PUSH_UNREADABLE.with("detail", MessageValue::unrecorded(Text::from(failure.why)));
            let finding = Finding::new(message).fixed_by(Fixer::GateAdministrator);
            first.group.refusals.push(refuse_by_rule(GateRule::WholeHistory, finding));
        }
    }
    groups.insert(0, first);
    Ok(JudgedPush { groups, policies: Some(policies), new_tree })
}

/// Loads the policies that a push is judged by: that of what the branch held before, and that of the default
/// branch, which stood at the old tip before its own push. A branch that is new, or older than its policy, is
/// judged by the default branch alone.
async fn load_governing_policies(
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

/// A pull request that a push brought, and where it ended up.
struct BroughtPull<'listed> {
    number: u64,
    step_index: usize,
    landed_as: Oid,
    /// The commits of the branch that it landed as.
    landed_commits: Vec<&'listed RestCommit>,
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
        PushFailure::Unreadable(failure)
    }
}

/// Judges what a push brought, and returns what pull requests did, with the tree of the last commit;
/// what is about the ref itself goes into `first`, as does what came without a pull request.
async fn judge_pushed_steps(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
    policies: &GoverningPolicies,
    default: &str,
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
        None => short_branch_name(default).to_owned(),
    };
    let ends = format!("{}...{new}", escape_path(&start));
    let (status, commits) = commits::compare_commits(client, landed.repo, &ends).await?;
    check_comparison(old, new, &status, &commits).map_err(PushFailure::Implausible)?;
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
    let found =
        join_all(steps.iter().map(|step| find_merged_pulls(client, landed.repo, step.id, branch))).await;
    let mut seen = HashSet::new();
    let mut pulls = Vec::new();
    for (index, (step, listed)) in steps.iter().zip(found).enumerate() {
        if let Some((number, landed_as)) = find_bringing_pull(&steps, index, &listed?, &commits) {
            if seen.insert(number) {
                let last = steps.iter().position(|step| step.id == landed_as);
                let step_index = last.unwrap_or(index);
                pulls.push(BroughtPull { number, step_index, landed_as, landed_commits: Vec::new() });
            }
            let landing = commits.iter().find(|commit| commit.sha == step.id);
            if let Some(brought) = pulls.iter_mut().find(|pull| pull.number == number) {
                brought.landed_commits.extend(landing);
            }
        } else {
            let change = build_direct_push_change(client, landed, policies, step, &commits)?;
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
    let judged = pulls.iter().map(|pull| judge_brought_pull(client, landed, options, policies, pull));
    let done: Result<Vec<JudgedGroup>, GitHubFailure> = join_all(judged).await.into_iter().collect();
    let mut groups = done?;
    refuse_new_gate_files(client, landed.repo, (&options.policy_path, new), policies, first, &mut groups)
        .await?;
    Ok((groups, tree))
}

async fn judge_brought_pull(
    client: &GitHubClient,
    landed: &CompletedPush<'_>,
    options: &GitHubJudgeOptions,
    policies: &GoverningPolicies,
    brought: &BroughtPull<'_>,
) -> Result<JudgedGroup, GitHubFailure> {
    let name = PullRequestName { repo: landed.repo.clone(), number: brought.number };
    let path = format!("{}/pulls/{}", landed.repo.rest_path(), brought.number);
    let pull: RestPullRequest = client.fetch_json(path).await?;
    let tip = landed.old_tip().unwrap_or(pull.base.sha);
    let landed_at = pull.merged_at.or(landed.pushed_at);
    let landed_commits = &brought.landed_commits;
    let context = GitHubRunContext { landed_at, landed_commits, ..GitHubRunContext::default() };
    let mut done = judge_with_policies(client, &name, options, context, &pull, tip, policies).await;
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
        pull: Err(missing_pull(FactKind::Pull)),
        tickets: Change::missing_tickets(Stage::PullRequest),
        commits,
    })
}

fn missing_pull(kind: FactKind) -> Missing {
    Missing::Unavailable(kind, "no pull request brought this in".into())
}
