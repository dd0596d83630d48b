//! What was judged together: a group of a report, with the changes that its verdicts are about.

use crate::change::{Change, Oid, Stage, Text};
use crate::gate::LoadedPolicy;
use crate::github::api::GitHubClient;
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::judge::explain_rule;
use crate::policy::Policy;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{GroupScope, PolicyDescription, Report, ReportGroup, RuleTrace};
use crate::unblock::{MAX_PLANNED_CHANGES, plan_unblocking};
use crate::verdict::{
    Decision, Finding, Fixer, Judgement, Message, MessageValue, RuleOutcome, Verdict, messages,
};

messages! {
    POLICY_MISSING = "pull.policy-missing":
        "there is no policy `{path}` on the base branch of {pull}, so it was not judged";
    NOT_READ = "pull-complete.not-read": "the pull request could not be judged: {detail}";
}

/// A group of a report, with what else is known of what it judges.
#[derive(Clone, Debug)]
pub(crate) struct JudgedGroup {
    pub(crate) group: ReportGroup,
    pub(crate) policy_name: Option<PolicyDescription>,
    pub(crate) notes: Vec<Message>,
    /// The pull request and its final revision, where that is known.
    pub(crate) pull_request_head: Option<(PullRequestName, Oid)>,
    /// The changes that the verdicts of the group are about, in the same order.
    pub(crate) changes: Vec<Change>,
    /// How each of them came to its branch; empty if they have not been merged.
    pub(crate) landings: Vec<ChangeLanding>,
    /// True if the default branch does not put the target branch under change control.
    pub(crate) is_outside_control: bool,
    /// Why the pull request could not be read at all; `None` if it could.
    pub(crate) failure: Option<GitHubFailure>,
}

/// How a change came to its branch.
#[derive(Clone, Debug)]
pub(crate) struct ChangeLanding {
    /// The step of the branch that it is, counted from the first one of the push.
    pub(crate) step_index: usize,
    /// The commit that the step ends with.
    pub(crate) landed_as: Oid,
    /// The pull request, if one brought it.
    pub(crate) pull: Option<PullRequestName>,
    /// The account that merged that, as the pull request says.
    pub(crate) merged_by: Option<Text>,
}

/// Returns the report on everything that was judged together.
pub(crate) fn build_report(client: &GitHubClient, done: Vec<JudgedGroup>) -> Report {
    let mut groups = Vec::new();
    let mut notes: Vec<Message> = Vec::new();
    let mut policy = None;
    for one in done {
        groups.push(one.group);
        policy = policy.or(one.policy_name);
        for note in one.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Report { policy, notes, ..Report::from_groups(groups, Stage::PullRequest, true, client.now()) }
}

impl JudgedGroup {
    /// Returns whether all conversations of what was judged are known, and resolved.
    pub(crate) fn has_resolved_conversations(&self) -> bool {
        let is_resolved = |change: &Change| match change.pull.as_deref().map(|pull| &pull.conversations) {
            Ok(Ok(conversations)) => conversations.iter().all(|conversation| conversation.is_resolved),
            _ => false,
        };
        !self.changes.is_empty() && self.changes.iter().all(is_resolved)
    }

    /// Returns a group without verdicts.
    pub(crate) fn from_group(group: ReportGroup) -> JudgedGroup {
        JudgedGroup {
            group,
            policy_name: None,
            notes: Vec::new(),
            pull_request_head: None,
            changes: Vec::new(),
            landings: Vec::new(),
            is_outside_control: false,
            failure: None,
        }
    }

    /// Returns the group of a pull request that is not judged, because its base branch has no policy at `path`.
    pub(crate) fn skip_for_want_of_policy(name: &PullRequestName, path: &str) -> JudgedGroup {
        let scope = GroupScope::PullRequest(Text::from(name.to_string()));
        let mut group = ReportGroup::new(scope, Vec::new());
        group.amendable = None;
        let note = POLICY_MISSING.with("path", path).with("pull", Text::from(name.to_string()));
        JudgedGroup { notes: vec![note], ..JudgedGroup::from_group(group) }
    }

    /// Judges a change, and adds it with its verdict.
    pub(crate) fn add_change(&mut self, change: Change, policies: &GoverningPolicies, explain: bool) {
        let mut verdict = policies.judge_change(&change);
        // What has landed is past all acts.
        if verdict.decision() == Decision::Deny
            && change.stage == Stage::PullRequest
            && self.group.verdicts.len() < MAX_PLANNED_CHANGES
        {
            let in_force: Vec<&Policy> = policies.policies().collect();
            verdict.plan = plan_unblocking(&in_force, &change, true).map(|proved| Box::new(proved.plan));
        }
        if explain {
            for mut trace in explain_judgements(&policies.own, &change, &verdict) {
                trace.verdict_index = self.group.verdicts.len();
                self.group.traces.push(trace);
            }
        }
        self.group.verdicts.push(verdict);
        self.changes.push(change);
    }

    /// Returns the group of a pull request that could not be read.
    pub(crate) fn from_failure(name: &PullRequestName, failure: &GitHubFailure) -> JudgedGroup {
        let detail = MessageValue::unrecorded(Text::from(failure.why.as_str()));
        let finding = Finding::new(NOT_READ.with("detail", detail)).fixed_by(Fixer::GateAdministrator);
        let scope = GroupScope::PullRequest(Text::from(name.to_string()));
        let why = format!("{name}: {}", failure.why);
        JudgedGroup {
            failure: Some(GitHubFailure { why, ..failure.clone() }),
            ..JudgedGroup::from_refusal(scope, refuse_by_rule(GateRule::PullComplete, finding))
        }
    }

    /// Adds a refusal for the lack of an answer. The run is an error too if that says nothing of what was judged.
    pub(crate) fn add_failure(&mut self, refusal: Judgement, failure: GitHubFailure, is_error: bool) {
        self.group.refusals.push(refusal);
        if is_error {
            self.failure.get_or_insert(failure);
        }
    }

    /// Returns a group in which nothing could be judged.
    pub(crate) fn from_refusal(scope: GroupScope, judgement: Judgement) -> JudgedGroup {
        let mut group = ReportGroup::new(scope, Vec::new());
        group.refusals.push(judgement);
        group.amendable = None;
        JudgedGroup::from_group(group)
    }
}

/// Returns how every rule that applies came to its outcome.
fn explain_judgements(loaded: &LoadedPolicy, change: &Change, verdict: &Verdict) -> Vec<RuleTrace> {
    let mut traces = Vec::new();
    for judgement in &verdict.judgements {
        if judgement.outcome == RuleOutcome::NotApplicable {
            continue;
        }
        let rule_id = &judgement.rule.id;
        for trace in explain_rule(&loaded.policy, change, rule_id) {
            traces.push(RuleTrace { verdict_index: 0, rule_id: rule_id.clone(), trace });
        }
    }
    traces
}
