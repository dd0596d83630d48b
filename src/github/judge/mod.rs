//! A pull request, judged by the policy of its base branch as that is now.
//!
//! Everything is read live; an event only names the pull request and the revision for which the run was
//! started. A run for an older revision refuses, because a newer run exists for what would be merged.

pub(crate) mod branch_tips;
pub(crate) mod brought_pull;
pub(crate) mod completed_push;
pub(crate) mod forge_teams;
pub(crate) mod governing_policies;
pub(crate) mod group_base;
pub(crate) mod judged_group;
pub(crate) mod landed_content;
pub(crate) mod landed_gate_files;
pub(crate) mod landing_message;
pub(crate) mod ledger_bases;
pub(crate) mod merge_queue;
pub(crate) mod named_changes;
pub(crate) mod pending_checks;
pub(crate) mod policy_at_commit;
pub(crate) mod pushed;
pub(crate) mod pushed_steps;
pub(crate) mod queued_pull;
pub(crate) mod recorded_moves;
pub(crate) mod refusals;
pub(crate) mod remote_commit;
pub(crate) mod second_look;

use std::slice::from_ref;

use futures_util::future::join;
use jiff::Timestamp;

use crate::change::{Change, FactKind, Oid, Text};
use crate::gate::{LoadedPolicy, MissingPolicyAction, UnusablePolicy, list_policy_notes, list_warning_notes};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit, RestPullRequest};
use crate::github::facts::accounts::{account_of_user, require_listed_numbers};
use crate::github::facts::as_of_merge::PullMerge;
use crate::github::facts::checks::OwnChecks;
use crate::github::facts::co_authors::add_landed_co_authors;
use crate::github::facts::templates::TemplateRoot;
use crate::github::facts::{GatherFailure, PullRequestGatherer, PusherSource};
use crate::github::judge::branch_tips::read_default_branch;
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::landing_message::check_landing_messages;
use crate::github::judge::ledger_bases::list_ledger_base_moves;
use crate::github::judge::named_changes::find_named_change;
use crate::github::judge::policy_at_commit::{BaseBranch, PolicyFetchError, load_policy_or_pack};
use crate::github::judge::refusals::{ProposedPolicy, refuse_unusable_policy};
use crate::github::judge::second_look::{
    JudgedState, MAX_LOOKS, is_denied_by_facts, is_unchanged, needs_second_look, refuse_moving_pull,
};
use crate::people::PeopleDirectory;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{GroupScope, ReportGroup};
use crate::tickets::{TicketAccess, TicketSources};
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, messages};

messages! {
    RUN_OUTDATED = "pull-current.run-outdated":
        "this run is for {expected}, but the pull request is at {head} now; the run for {head} counts";
    RETARGETED = "pull-current.retargeted":
        "the pull request was pointed at {branch} while it was being read; judge it again";
    TARGET_GONE = "github.target-gone": "the target branch {target} no longer exists";
    TARGET_UNPROTECTED = "pull-target.unprotected":
        "the policy of {target} does not put that branch under change control";
    TARGET_UNCONTROLLED = "pull-target.uncontrolled":
        "the policy of {default} does not put {target} under change control, and a check on this commit would \
         count for every branch";
    COMMITS_UNREADABLE = "pull-complete.commits-unreadable": "cannot read the commits of the pull request: {detail}";
    PULL_CLOSED = "github.pull-closed": "this pull request is closed";
}

/// How pull requests and pushes on GitHub are judged.
#[derive(Clone, Debug)]
pub struct GitHubJudgeOptions {
    /// The path of the policy in the base branch.
    pub policy_path: String,
    /// What happens to a pull request, or to a group of a merge queue, whose base branch has no policy.
    pub missing_policy: MissingPolicyAction,
    /// Where the pushers are looked up.
    pub pusher_source: PusherSource,
    /// True to trace how each rule came to its outcome.
    pub explain: bool,
    /// The checks that the gate itself writes.
    pub own_checks: OwnChecks,
    /// The access to ticket systems; `None` if they are not asked.
    pub ticket_access: Option<TicketAccess>,
}

/// Asks ticket systems about the tickets that changes name, if their policies need to know; the systems are
/// those of the branch's own policy.
pub(crate) fn look_up_tickets(
    changes: &mut [Change],
    policies: &GoverningPolicies,
    options: &GitHubJudgeOptions,
    repo: &RepositoryName,
) {
    let wanted = policies.needed_facts().contains(&FactKind::Tickets);
    if let (true, Some(access)) = (wanted, &options.ticket_access) {
        let access = TicketAccess { repository: Some(repo.to_string()), ..access.clone() };
        let mut sources = TicketSources::new(policies.own.policy.ticket_systems.clone(), access);
        for change in changes {
            let keys: Vec<Text> =
                policies.policies().flat_map(|policy| policy.find_ticket_keys(change)).collect();
            change.tickets = Ok(sources.look_up_tickets(&keys));
        }
    }
}

/// What is known of a run beside the pull request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GitHubRunContext<'run> {
    /// The final revision for which the run was started.
    pub(crate) expected_head: Option<Oid>,
    /// The revision whose checks count, if not the final one.
    pub(crate) checks_revision: Option<Oid>,
    /// When it was merged; what came later is left out. `None` if it was not.
    pub(crate) landed_at: Option<Timestamp>,
    /// The policy that what stands before it in a merge queue leaves for it; `None` if that is its base branch.
    pub(crate) queued_policy: Option<&'run LoadedPolicy>,
    /// Where the base branch may have templates, if that is known already.
    pub(crate) template_root: Option<&'run TemplateRoot>,
    /// The commits that it landed as; empty if it has not landed.
    pub(crate) landed_commits: &'run [&'run RestCommit],
}

/// Judges a pull request, with the failure in its place if it cannot be read at all: one of several stops no
/// other.
pub(crate) async fn judge_or_keep_failure(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    context: GitHubRunContext<'_>,
) -> JudgedGroup {
    match judge_pull_request(client, name, options, context).await {
        Ok(group) => group,
        Err(failure) => JudgedGroup::from_failure(name, &failure),
    }
}

/// Judges a pull request by the policy that its base branch has now.
///
/// # Errors
///
/// Fails if the pull request or its policy cannot be read at all, and if nothing but the lack of an answer
/// would deny it: that is no verdict on the change.
pub(crate) async fn judge_pull_request(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    context: GitHubRunContext<'_>,
) -> Result<JudgedGroup, GitHubFailure> {
    for _ in 0..MAX_LOOKS {
        let (judged, state) = judge_once(client, name, options, context).await?;
        if needs_second_look(client, &judged.group) {
            if is_unchanged(client, name, &options.policy_path, &state).await? {
                return Ok(judged);
            }
            continue;
        }
        return match client.outage() {
            Some(outage) if !is_denied_by_facts(&judged.group) => Err(outage),
            _ => Ok(judged),
        };
    }
    let scope = GroupScope::PullRequest(Text::from(name.to_string()));
    Ok(JudgedGroup::from_refusal(scope, refuse_moving_pull()))
}

/// Reads a pull request and judges it; also returns what it was judged from.
async fn judge_once(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    context: GitHubRunContext<'_>,
) -> Result<(JudgedGroup, JudgedState), GitHubFailure> {
    // Both are asked for at once; that they tell the same base branch is checked below.
    let path = format!("{}/pulls/{}", name.repo.rest_path(), name.number);
    let (pull, base) = join(
        client.fetch_json::<RestPullRequest>(path),
        policy_at_commit::read_base_branch(client, name, &options.policy_path),
    )
    .await;
    let (pull, base) = (pull?, base?);
    if pull.number != name.number {
        return Err(GitHubFailure::new(format!("GitHub answered with another pull request than {name}")));
    }
    if let Some(repo) = &pull.base.repo
        && !repo.full_name.eq_ignore_ascii_case(&name.repo.to_string())
    {
        return Err(GitHubFailure::new(format!(
            "GitHub answered about another repository than {}",
            name.repo
        )));
    }
    let head = pull.head.sha;
    let mut done = match load_base_policy(client, name, options, context, &pull, &base).await? {
        Ok((tip, policies)) => {
            let context = GitHubRunContext { template_root: Some(&base.template_root), ..context };
            let mut done = judge_with_policies(client, name, options, context, &pull, tip, &policies).await;
            done.policy_name = Some(policies.own.name());
            let mut notes = list_policy_notes(&policies.own, client.now());
            notes.extend(list_warning_notes(&policies.own.policy, from_ref(&done.group)));
            let target = Text::from(format!("refs/heads/{}", pull.base.branch));
            notes.extend(list_ledger_base_moves(client, &name.repo, &policies.own, &target).await);
            done.notes.splice(0..0, notes);
            done
        }
        Err(None) => JudgedGroup::skip_for_want_of_policy(name, &options.policy_path),
        Err(Some(refusal)) => {
            let is_outside_control = refusal.rule.id.as_str() == GateRule::PullTarget.id();
            let scope = GroupScope::PullRequest(Text::from(name.to_string()));
            JudgedGroup { is_outside_control, ..JudgedGroup::from_refusal(scope, refusal) }
        }
    };
    done.pull_request_head = Some((name.clone(), head));
    Ok((done, JudgedState { pull, base }))
}

/// Returns the tip of the base branch and the policies that count there; or why the pull request is refused without one,
/// or nothing if it is not judged without one.
async fn load_base_policy(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    context: GitHubRunContext<'_>,
    pull: &RestPullRequest,
    base: &BaseBranch,
) -> Result<Result<(Oid, GoverningPolicies), Option<Judgement>>, GitHubFailure> {
    // A base branch that the two answers name differently was changed between them.
    let head = pull.head.sha;
    if let Some(expected) = context.expected_head
        && expected != head
    {
        let message = RUN_OUTDATED.with("expected", expected.short_hex()).with("head", head.short_hex());
        let finding = Finding::new(message).fixed_by(Fixer::NotNeeded);
        return Ok(Err(Some(refuse_by_rule(GateRule::PullCurrent, finding))));
    }
    if base.branch != pull.base.branch {
        let message = RETARGETED.with("branch", Text::from(base.branch.as_str()));
        let finding = Finding::new(message).fixed_by(Fixer::NotNeeded);
        return Ok(Err(Some(refuse_by_rule(GateRule::PullCurrent, finding))));
    }
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let Some(tip) = base.tip else {
        let finding = Finding::new(TARGET_GONE.with("target", target)).fixed_by(Fixer::PolicyOwner);
        return Ok(Err(Some(refuse_by_rule(GateRule::PolicyPresent, finding))));
    };
    let path = &options.policy_path;
    let asked = (path.as_str(), &options.missing_policy);
    let is_skipped = options.missing_policy == MissingPolicyAction::Allow;
    let called = target.to_lossy();
    // That of the default branch comes first: a branch that it does not protect is refused whatever the
    // branch itself says, since its check counts for every pull request with the same commit.
    let mut default_policy = None;
    let (default, default_tip) = match &base.default_branch {
        Some((default, tip)) => (format!("refs/heads/{default}"), *tip),
        // Without it nothing would tell whether the branch is under change control at all.
        None => read_default_branch(client, &name.repo).await?,
    };
    let place = Text::from(default);
    if place != target {
        let read_at = place.to_lossy();
        match load_policy_or_pack(client, &name.repo, default_tip, asked, &read_at, None).await {
            Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) if is_skipped => return Ok(Err(None)),
            Ok(loaded) if loaded.policy.protects_ref(target.as_bytes()) => default_policy = Some(loaded),
            Ok(_) | Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) => {
                let message = TARGET_UNCONTROLLED.with("default", place).with("target", target);
                let finding = Finding::new(message).fixed_by(Fixer::PolicyOwner);
                return Ok(Err(Some(refuse_by_rule(GateRule::PullTarget, finding))));
            }
            Err(PolicyFetchError::Unusable(why)) => {
                return Ok(Err(Some(refuse_unusable_policy(&why, path, &place))));
            }
            Err(PolicyFetchError::NotFetched(failure)) => return Err(failure),
        }
    }
    match load_policy_or_pack(client, &name.repo, tip, asked, &called, Some(base)).await {
        // What the default branch asks still counts.
        Err(PolicyFetchError::Unusable(UnusablePolicy::Absent)) if is_skipped && default_policy.is_none() => {
            Ok(Err(None))
        }
        Ok(own) => {
            let policies = GoverningPolicies::combine(own, default_policy, &called);
            Ok(Ok((tip, policies.add_queued(context.queued_policy))))
        }
        Err(PolicyFetchError::NotFetched(failure)) => Err(failure),
        Err(PolicyFetchError::Unusable(why)) => Ok(Err(Some(refuse_unusable_policy(&why, path, &target)))),
    }
}

/// Judges a pull request by policies that are loaded; `tip` is the tip of its base branch.
///
/// Where every commit is a change, each is judged with the description, the reviews and the files of the whole.
pub(crate) async fn judge_with_policies(
    client: &GitHubClient,
    name: &PullRequestName,
    options: &GitHubJudgeOptions,
    context: GitHubRunContext<'_>,
    pull: &RestPullRequest,
    tip: Oid,
    policies: &GoverningPolicies,
) -> JudgedGroup {
    // What is not known is a gap in its fact; only without the commits, or with another head, nothing is judged.
    let scope = GroupScope::PullRequest(Text::from(name.to_string()));
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let needs = policies.needed_facts();
    let people: Vec<&PeopleDirectory> = policies.policies().map(|policy| &policy.people).collect();
    let gatherer = PullRequestGatherer {
        client,
        name,
        pull,
        base_tip: tip,
        template_root: context.template_root,
        needs: &needs,
        trusted: policies.trusted_keys(client.now()),
        pusher_source: options.pusher_source,
        checks_revision: context.checks_revision.unwrap_or(pull.head.sha),
        own_checks: &options.own_checks,
        seen_at: context.landed_at.unwrap_or(client.now()),
        merge: context.landed_at.map(|at| PullMerge {
            at,
            merged_by: account_of_user(pull.merged_by.as_ref()),
            people: people.clone(),
        }),
    };
    let mut change = match gatherer.gather_change().await {
        Ok(change) => change,
        Err(GatherFailure::CommitsUnavailable(failure)) => {
            let finding = Finding::new(
                COMMITS_UNREADABLE.with("detail", MessageValue::unrecorded(Text::from(failure.why))),
            )
            .fixed_by(Fixer::GateAdministrator);
            return JudgedGroup::from_refusal(scope, refuse_by_rule(GateRule::PullComplete, finding));
        }
        Err(GatherFailure::HeadMoved(message)) => {
            let finding = Finding::new(message).fixed_by(Fixer::NotNeeded);
            return JudgedGroup::from_refusal(scope, refuse_by_rule(GateRule::PullCurrent, finding));
        }
        Err(GatherFailure::StateLost(message)) => {
            let finding = Finding::new(message).fixed_by(Fixer::NotNeeded);
            return JudgedGroup::from_refusal(scope, refuse_by_rule(GateRule::PullComplete, finding));
        }
    };
    require_listed_numbers(&mut change, &people);
    add_landed_co_authors(client, &name.repo, &mut change, context.landed_commits).await;
    let (policy_path, head) = (options.policy_path.as_str(), pull.head.sha);
    let proposed = ProposedPolicy::read_policy(client, name, policy_path, head, policies, &change).await;
    if needs.contains(&FactKind::PolicyChange) {
        change.policy_effect = proposed.find_effect(policies);
    }
    if needs.contains(&FactKind::EarlierChange) {
        let own = &policies.own.policy;
        change.names_earlier = find_named_change((client, &name.repo), Some(tip), own, &change).await;
    }
    let policy_break = proposed.refuse_policy_break(policy_path, pull, change.seen_at);
    let landing_break = check_landing_messages(policies, &change, context.landed_commits);
    let mut changes = policies.split_change(change);
    look_up_tickets(&mut changes, policies, options, &name.repo);
    let mut done = JudgedGroup::from_group(ReportGroup::new(scope, Vec::new()));
    for change in changes {
        done.add_change(change, policies, options.explain);
    }
    done.notes = proposed.list_notes(policies, name);
    let group = &mut done.group;
    // What was pushed is amended by another push, which takes the approvals with it.
    group.amendable = None;
    if !policies.branch_policies().all(|policy| policy.policy.protects_ref(target.as_bytes())) {
        let finding = Finding::new(TARGET_UNPROTECTED.with("target", target)).fixed_by(Fixer::PolicyOwner);
        group.refusals.push(refuse_by_rule(GateRule::PullTarget, finding));
    }
    group.refusals.extend(policy_break);
    group.refusals.extend(landing_break);
    if pull.state != "open" {
        done.notes.push(Message::from(&PULL_CLOSED));
    }
    done
}
