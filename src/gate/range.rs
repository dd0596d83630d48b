//! Judges a range of history, or one message, on request; it refuses only if `enforce` asks for it.

use jiff::Timestamp;

use crate::change::{Change, Commit, Fact, FactKind, Oid, PushCertificate, PusherIdentity, Stage, Text};
use crate::gate::committed_policy::load_from_commit;
use crate::gate::policy_check::find_brought_fault;
use crate::gate::policy_effect::list_policy_change_notes;
use crate::gate::policy_findings::{find_today, list_policy_notes, list_warning_notes};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::change_judge::collect_commits;
use crate::gate::range_walk::{RangeDivision, RangeWalk, refuse_new_gate_files};
use crate::gate::recorded_past::{UnauthorisedRecord, list_known_records};
use crate::gate::rule_traces::explain_rules;
use crate::gate::signed_approvals::fetched_approvals::describe_fetched_approvals;
use crate::gate::signed_approvals::walk_approvals::WalkApprovals;
use crate::gate::swapped_parents::SwappedParents;
use crate::gate::walk_facts::WalkFacts;
use crate::git::{CommitRange, Repository, UnreadableCommit};
use crate::judge::{collect_reasons, find_used_exemptions, judge_change};
use crate::policy::{ChangeUnit, Policy};
use crate::predicates::support::condition::ConditionTrace;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{ChangeSelection, GroupScope, HeldChanges, PolicyLocation, Report, ReportGroup};
use crate::unblock::{MAX_PLANNED_CHANGES, plan_unblocking};
use crate::verdict::{Decision, Judgement, Message, RuleId, Verdict, messages};

messages! {
    EXEMPTION_UNUSED = "policy.exemption-unused":
        "no change here used the exemption from `{rule}` ({place})";
}

/// The most notes about signed approvals of one range.
const MAX_APPROVAL_NOTES: usize = 20;

/// The commits to judge, and how to judge them.
#[derive(Clone, Debug)]
pub struct RangeRequest<'asked> {
    /// The commits to judge.
    pub range: CommitRange<'asked>,
    /// The name of the range in the report.
    pub display_name: Text,
    /// The ref that the commits are for.
    pub target: Fact<Text>,
    /// The refs that signed approvals may be for, the likeliest first; empty if `target` says it.
    pub approval_targets: &'asked [Text],
    /// The account that pushes them.
    pub pusher: Fact<PusherIdentity>,
    /// What is known of the certificate of their push.
    pub push_certificate: PushCertificate,
    /// The records of unauthorised changes in the ledger; `None` if it was not read.
    pub unauthorised: Option<&'asked [UnauthorisedRecord]>,
    /// The stage at which they are seen.
    pub stage: Stage,
    /// What counts as one change.
    pub unit: ChangeUnit,
    /// True if a missing fact denies.
    pub enforce: bool,
    /// The changes that the report holds in full.
    pub held: HeldChanges,
    /// True to explain how each rule came to its answer.
    pub explain: bool,
    /// True to return with each verdict what it rests on.
    pub wants_reasons: bool,
    /// True to return plans with the first denied changes.
    pub wants_plans: bool,
    /// True to name the exemptions that no change used.
    pub names_unused: bool,
    /// How many threads can work; called only where there is enough to do.
    pub threads: fn() -> usize,
    /// The time at which the commits are seen.
    pub now: Timestamp,
    /// True if each change is seen at the time of its last commit, and at `now` at the latest.
    pub own_time: bool,
}

/// Commits of a range that are judged by one policy.
#[derive(Clone, Copy, Debug)]
pub struct RangePart<'asked> {
    /// The policy that they are judged by.
    pub loaded: &'asked LoadedPolicy,
    /// The commit at the new end.
    pub tip: Oid,
    /// The commits whose history is left out.
    pub hidden_tips: &'asked [Oid],
    /// How they are divided into changes.
    pub division: RangeDivision,
}

/// What judging one change of a range gives.
struct JudgedRangeChange {
    verdict: Verdict,
    /// How the rules came to their answers, by rule id, if that was asked.
    traces: Vec<(RuleId, ConditionTrace)>,
    /// The indices of the exemptions that were used, if that was asked.
    used_exemptions: Vec<usize>,
    /// True if the change touches a file of the policy, so that the policy may name others afterwards.
    touches_policy: bool,
    /// The change, if it is denied and a plan is wanted.
    denied: Option<Box<Change>>,
    /// How the signed approvals of a clone count for it.
    approval_notes: Vec<Message>,
}

/// What judges the changes of a range, beside their commits.
pub(super) struct RangeJudge<'asked> {
    loaded: &'asked LoadedPolicy,
    request: &'asked RangeRequest<'asked>,
    swapped_parents: SwappedParents,
    walk_facts: WalkFacts<'asked>,
}

/// What takes each change of a range when it is judged, oldest first, with how its rules came to their
/// answers where that was asked for.
pub type ChangeObserver<'asked> =
    dyn FnMut(&Verdict, &[(RuleId, ConditionTrace)]) -> anyhow::Result<()> + 'asked;

/// The judgements of a range, as they come in.
struct RangeResults {
    group: ReportGroup,
    selection: ChangeSelection,
    /// For each exemption of the policy, whether a change used it.
    is_used: Vec<bool>,
    /// What the range makes of the policy.
    notes: Vec<Message>,
    /// How many changes have got a plan.
    planned: usize,
}

/// Judges a range of history by one policy.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end.
pub fn judge_range(
    repository: &Repository,
    loaded: &LoadedPolicy,
    asked: &RangeRequest<'_>,
) -> anyhow::Result<Report> {
    let CommitRange { tip, hidden_tips, .. } = asked.range;
    let division = asked.unit.into();
    judge_parts(repository, &[RangePart { loaded, tip, hidden_tips, division }], asked, &mut |_, _| Ok(()))
}

/// Judges a range of history that is divided into parts, oldest first, each by a policy of its own. The
/// report names the policy of the last part; without a part it has none. `observe` is given every change,
/// whether the report holds it or not.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end, and with the first error of `observe`.
pub fn judge_parts(
    repository: &Repository,
    parts: &[RangePart<'_>],
    asked: &RangeRequest<'_>,
    observe: &mut ChangeObserver<'_>,
) -> anyhow::Result<Report> {
    let scope = GroupScope::Range(asked.display_name.clone());
    let mut results = RangeResults {
        group: ReportGroup::new(scope, Vec::new()),
        selection: ChangeSelection::new(asked.held),
        is_used: Vec::new(),
        notes: Vec::new(),
        planned: 0,
    };
    for part in parts {
        results.is_used = vec![false; part.loaded.policy.exemptions.len()];
        judge_part(repository, part, asked, &mut results, observe)?;
    }
    let RangeResults { group, is_used, notes, .. } = results;
    let Some(RangePart { loaded, .. }) = parts.last() else {
        return Ok(Report::from_groups(vec![group], asked.stage, asked.enforce, asked.now));
    };
    let mut report = build_report(loaded, asked.stage, asked.enforce, asked.now, group);
    report.notes.extend(notes);
    if asked.names_unused {
        add_unused_exemptions(&mut report, &loaded.policy, &is_used, asked.now);
    }
    Ok(report)
}

fn judge_part(
    repository: &Repository,
    part: &RangePart<'_>,
    asked: &RangeRequest<'_>,
    results: &mut RangeResults,
    observe: &mut ChangeObserver<'_>,
) -> anyhow::Result<()> {
    let RangePart { loaded, tip, .. } = *part;
    let (judge, walk) = prepare_part(repository, part, asked)?;
    let mut touches_policy = false;
    walk.for_each_change(
        &loaded.policy.needed_facts(),
        |commits| judge.judge_commits(commits),
        |judged| {
            touches_policy |= judged.as_ref().is_ok_and(|change| change.touches_policy);
            let judged = judged.map(|change| results.add_plan(change, &loaded.policy, asked.enforce));
            results.add_change(judged, observe)
        },
    )?;
    // History is judged by the policy of its time, and a policy from elsewhere is not changed by a push.
    if !touches_policy || asked.own_time {
        return Ok(());
    }
    let PolicyLocation::Commit { path, .. } = &loaded.place else { return Ok(()) };
    let name = asked.target.as_ref().unwrap_or(&asked.display_name);
    let left = load_from_commit(repository, tip, path, &tip.short_hex());
    if let Ok(left) = &left {
        results.notes.extend(list_policy_change_notes(loaded, left, name));
    }
    let finding = find_brought_fault(left.as_ref(), loaded, tip, asked.now);
    results.group.refusals.extend(finding.map(|finding| refuse_by_rule(GateRule::PolicyValid, finding)));
    let build_change = |commits| judge.build_change(commits).ok();
    let refusal = refuse_new_gate_files(&walk, loaded, (path, name), asked.enforce, &build_change)?;
    results.group.refusals.extend(refusal);
    Ok(())
}

/// Returns what judges the changes of a part of a range, and the walk over them.
///
/// # Errors
///
/// Fails if the history cannot be walked.
pub(super) fn prepare_part<'asked>(
    repository: &'asked Repository,
    part: &RangePart<'asked>,
    asked: &'asked RangeRequest<'_>,
) -> anyhow::Result<(RangeJudge<'asked>, RangeWalk<'asked>)> {
    let RangePart { loaded, tip, hidden_tips, division } = *part;
    let swapped_parents = match hidden_tips {
        [old] if loaded.policy.needed_facts().contains(&FactKind::Paths) => {
            let history = repository.find_new_history(tip, &[*old])?;
            SwappedParents::compare_tips(repository, &history, *old, tip)?
        }
        _ => SwappedParents::default(),
    };
    let path = Some(loaded.path_in_commit());
    let target = asked.target.as_ref().ok();
    let records = target.and_then(|target| list_known_records(asked.unauthorised, target));
    let known = (path, records.as_deref());
    let mut walk_facts = WalkFacts::new(repository, (loaded, None), known, (tip, hidden_tips));
    // Before a push, the clone may hold what people signed. Of history, the ledger tells.
    let is_before_push = matches!(asked.stage, Stage::Check | Stage::PrePush) && !asked.own_time;
    if is_before_push && loaded.policy.needed_facts().contains(&FactKind::SignedApprovals) {
        let signed_for = (asked.find_approval_target(&loaded.policy), loaded.trusted_keys(asked.now));
        let approvals = WalkApprovals::find_fetched(repository, signed_for, (tip, hidden_tips));
        walk_facts = walk_facts.with_approvals(approvals);
    }
    let judge = RangeJudge { loaded, request: asked, swapped_parents, walk_facts };
    let range = CommitRange { tip, hidden_tips, trusted_keys: loaded.trusted_keys(asked.now) };
    Ok((judge, RangeWalk { repository, range, division, threads: asked.threads }))
}

impl RangeRequest<'_> {
    /// Returns the ref that signed approvals have to name: the likeliest one under change control. For another one they say
    /// nothing.
    fn find_approval_target(&self, policy: &Policy) -> Option<&Text> {
        match self.approval_targets {
            [] => self.target.as_ref().ok(),
            likely => likely.iter().find(|name| policy.protects_ref(name.as_bytes())),
        }
    }
}

/// Notes the exemptions that no change used.
fn add_unused_exemptions(report: &mut Report, policy: &Policy, is_used: &[bool], now: Timestamp) {
    let today = find_today(now);
    for (exemption, is_used) in policy.exemptions.iter().zip(is_used) {
        // One that has ended is named anyway.
        if *is_used || today > exemption.until {
            continue;
        }
        if let Some(rule) = policy.rules.get(exemption.rule_index) {
            let message = EXEMPTION_UNUSED.with("rule", rule.description.id.as_str());
            report.notes.push(message.with("place", exemption.id.to_string()));
        }
    }
}

impl RangeJudge<'_> {
    fn judge_commits(
        &self,
        commits: Vec<Result<Commit, UnreadableCommit>>,
    ) -> Result<JudgedRangeChange, Judgement> {
        let policy = &self.loaded.policy;
        let request = self.request;
        let change = self.build_change(commits)?;
        let touches_policy = self.loaded.is_made_of(&change);
        let mut verdict = judge_change(policy, &change, request.enforce);
        if request.wants_reasons {
            verdict.reasons = Some(Box::new(collect_reasons(&[policy], &change, &verdict)));
        }
        let traces = if request.explain { explain_rules(policy, &change, &verdict) } else { Vec::new() };
        let used_exemptions =
            if request.names_unused { find_used_exemptions(policy, &change, &verdict) } else { Vec::new() };
        let approval_notes = match &change.signed_approvals {
            Ok(signed) if !signed.is_empty() => {
                describe_fetched_approvals(&collect_reasons(&[policy], &change, &verdict))
            }
            _ => Vec::new(),
        };
        let is_planned = request.wants_plans && verdict.decision() == Decision::Deny;
        let denied = is_planned.then(|| Box::new(change));
        Ok(JudgedRangeChange { verdict, traces, used_exemptions, touches_policy, denied, approval_notes })
    }

    /// Returns the change that these commits are, or why they are none.
    pub(super) fn build_change(
        &self,
        commits: Vec<Result<Commit, UnreadableCommit>>,
    ) -> Result<Change, Judgement> {
        let request = self.request;
        let commits = self.swapped_parents.complete_paths(collect_commits(commits)?);
        let target = request.target.clone();
        let pusher = request.pusher.clone();
        let seen_at = match Timestamp::from_second(commits.last().committed_at) {
            Ok(made_at) if request.own_time => made_at.min(request.now),
            _ => request.now,
        };
        let mut change = Change::from_repository(request.stage, target, pusher, seen_at, commits);
        change.push_certificate = request.push_certificate.clone();
        self.walk_facts.complete_change(&mut change);
        Ok(change)
    }
}

impl RangeResults {
    /// Adds the plan to a denied change, unless enough others have one: the same ones in every run.
    fn add_plan(
        &mut self,
        mut change: JudgedRangeChange,
        policy: &Policy,
        enforce: bool,
    ) -> JudgedRangeChange {
        if let Some(denied) = change.denied.take()
            && self.planned < MAX_PLANNED_CHANGES
        {
            self.planned += 1;
            let proved = plan_unblocking(&[policy], &denied, enforce);
            change.verdict.plan = proved.map(|proved| Box::new(proved.plan));
        }
        change
    }

    fn add_change(
        &mut self,
        judged: Result<JudgedRangeChange, Judgement>,
        observe: &mut ChangeObserver<'_>,
    ) -> anyhow::Result<()> {
        let JudgedRangeChange { verdict, traces, used_exemptions, approval_notes, .. } = match judged {
            Ok(judged) => judged,
            Err(refusal) => {
                self.group.refusals.push(refusal);
                return Ok(());
            }
        };
        for index in used_exemptions {
            if let Some(is_used) = self.is_used.get_mut(index) {
                *is_used = true;
            }
        }
        for note in approval_notes {
            if self.notes.len() < MAX_APPROVAL_NOTES && !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        observe(&verdict, &traces)?;
        self.selection.add_change(&mut self.group, verdict, traces);
        Ok(())
    }
}

/// Returns the report about one group.
pub(crate) fn build_report(
    loaded: &LoadedPolicy,
    stage: Stage,
    enforced: bool,
    now: Timestamp,
    group: ReportGroup,
) -> Report {
    let mut notes = list_policy_notes(loaded, now);
    notes.extend(list_warning_notes(&loaded.policy, std::slice::from_ref(&group)));
    let policy = Some(loaded.name());
    Report { policy, notes, ..Report::from_groups(vec![group], stage, enforced, now) }
}
