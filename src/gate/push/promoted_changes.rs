//! Changes that the policy ref holds already and that come to another branch: they were judged there, but not by the rules
//! which ask about the branch.
//!
//! A merge on the branch is a change of its own there: its rules are asked of the merge, and not of each commit that it
//! brings. Only signatures are asked of every commit, because a rule about them is about every commit that a branch holds.

use std::collections::HashSet;

use anyhow::Result;

use crate::change::{Commit, FactKind, NeededFacts, Oid};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::change_judge::ChangeJudge;
use crate::gate::push::ref_judge::RefJudge;
use crate::git::{NewHistory, TrustedKeys, UnreadableCommit};
use crate::policy::{ChangeUnit, Policy, Rule};
use crate::push::{GateRule, ProposedRefUpdate, refuse_by_rule};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement, RuleId, RuleOutcome, messages};

messages! {
    TOO_MANY_PROMOTED = "push.too-many-promoted":
        "more than {limit} commits that other branches hold come to {ref}, whose own rules ask about them; push fewer at a time, or raise `changegate.maxCommits`";
    PROMOTED_ADVICE = "push.promoted-advice":
        "this change is on another branch already, and stays as it is; where {ref} may have it, bring it by a merge commit (`git merge --no-ff`) that keeps the rules of {ref} itself";
    BEGUN_ADVICE = "push.begun-advice":
        "a new branch is asked about the change that it begins with; where {ref} may begin there, put a commit on top (`git commit --allow-empty`) that keeps the rules of {ref} itself";
}

/// What the codes of findings about signatures begin with.
const SIGNATURE_CODES: &str = "signed.";

/// Of how many changes it is told what is wrong; the others are like them.
const MAX_TOLD_CHANGES: usize = 20;

impl RefJudge<'_> {
    /// Judges what comes to the ref and counts as judged, by the rules that ask about the branch. Of a new ref, that is its
    /// newest change: what a branch begins with has no end otherwise.
    pub(super) fn judge_promoted_changes(
        &mut self,
        judge: &ChangeJudge<'_>,
        (asked, tip): (&ProposedRefUpdate<'_>, Oid),
        (new, trusted, needs): (&NewHistory, Option<TrustedKeys<'_>>, &NeededFacts),
        unit: ChangeUnit,
        group: &mut ReportGroup,
    ) -> Result<()> {
        let policies = std::iter::once(judge.loaded).chain(judge.base);
        let rules: HashSet<RuleId> = policies.flat_map(list_branch_rules).collect();
        if rules.is_empty() || self.is_policy_ref(asked.name) {
            return Ok(());
        }
        let held = match asked.actual_old {
            Some(old) => vec![old],
            None => self.repository.list_parents(tip)?.into_iter().take(1).collect(),
        };
        let history = self.repository.find_new_history(tip, &held)?;
        let judged: HashSet<Oid> = new.list_ids().into_iter().collect();
        if history.list_ids().iter().all(|id| judged.contains(id)) {
            return Ok(());
        }
        let limit = self.settings.max_commits;
        if history.count_commits() > limit {
            let message = TOO_MANY_PROMOTED.with("limit", limit).with("ref", asked.name);
            let finding = Finding::new(message).fixed_by(Fixer::Pusher).or_by(Fixer::ServerAdministrator);
            group.refusals.push(refuse_by_rule(GateRule::PushSize, finding));
            return Ok(());
        }
        let judge_step = |commits: Vec<ReadCommit>| {
            let changes = match unit {
                ChangeUnit::Step => vec![commits],
                ChangeUnit::Commit => commits.into_iter().map(|one| vec![one]).collect(),
            };
            changes.into_iter().map(|commits| judge_promoted(judge, commits, &judged)).collect::<Vec<_>>()
        };
        let advice = match asked.actual_old {
            Some(_) => &PROMOTED_ADVICE,
            None => &BEGUN_ADVICE,
        };
        let mut denied = 0;
        let collect = |step: Vec<Result<PromotedChange, Judgement>>| {
            for change in step {
                let change = match change {
                    Ok(change) => change,
                    Err(refusal) => {
                        group.refusals.push(refusal);
                        continue;
                    }
                };
                // What a rule lets follow later is owed where the change landed first.
                let is_told = |one: &Judgement| one.is_denying(true) && rules.contains(&one.rule.id);
                let denials = change.judgements.into_iter().filter(is_told);
                let mut told: Vec<Judgement> = match &change.unsigned {
                    None => denials.map(name_commit_only).collect(),
                    Some(promoted) => denials.filter_map(|one| keep_signatures(one, promoted)).collect(),
                };
                if let (None, 0, Some(RuleOutcome::Fail(findings))) =
                    (&change.unsigned, denied, told.last_mut().map(|last| &mut last.outcome))
                {
                    findings.push(Finding::new(advice.with("ref", asked.name)).fixed_by(Fixer::Pusher));
                }
                denied += usize::from(!told.is_empty());
                if denied <= MAX_TOLD_CHANGES {
                    group.refusals.extend(told);
                }
            }
            Ok(())
        };
        let threads = self.settings.threads;
        self.repository.for_each_history_step(&history, trusted, needs, threads, judge_step, collect)
    }
}

/// A commit, or why it cannot be read.
type ReadCommit = Result<Commit, UnreadableCommit>;

/// What the rules of a branch say about a change that comes to it from another.
struct PromotedChange {
    judgements: Vec<Judgement>,
    /// The commits that other branches hold, where the change as a whole is new to all of them; only their signatures are asked
    /// about then.
    unsigned: Option<HashSet<Oid>>,
}

/// Judges one change of those that come to a branch, `judged` of which were judged for it before.
fn judge_promoted(
    judge: &ChangeJudge<'_>,
    commits: Vec<ReadCommit>,
    judged: &HashSet<Oid>,
) -> Result<PromotedChange, Judgement> {
    let read_id =
        |commit: &ReadCommit| commit.as_ref().map_or_else(|unreadable| Some(unreadable.id), |read| read.id);
    let ids: Vec<Oid> = commits.iter().filter_map(read_id).collect();
    let is_new = ids.last().is_some_and(|end| judged.contains(end));
    let promoted: HashSet<Oid> = ids.into_iter().filter(|id| !judged.contains(id)).collect();
    if promoted.is_empty() {
        return Ok(PromotedChange { judgements: Vec::new(), unsigned: None });
    }
    let verdict = judge.judge_commits(commits)?.verdict;
    let judgements = verdict.map_or(Vec::new(), |verdict| verdict.judgements);
    Ok(PromotedChange { judgements, unsigned: is_new.then_some(promoted) })
}

/// Returns a denial with what it says about the signatures of these commits; `None` if that is nothing.
fn keep_signatures(mut judgement: Judgement, promoted: &HashSet<Oid>) -> Option<Judgement> {
    let RuleOutcome::Fail(findings) = &mut judgement.outcome else { return None };
    let is_promoted = |one: &Finding| one.at.commit.is_some_and(|id| promoted.contains(&id));
    findings.retain(|one| one.message.code().starts_with(SIGNATURE_CODES) && is_promoted(one));
    (!findings.is_empty()).then(|| name_commit_only(judgement))
}

/// Returns a judgement without lines to paste: the commit stands on another branch, and nothing rewrites it.
fn name_commit_only(mut judgement: Judgement) -> Judgement {
    if let RuleOutcome::Fail(findings) = &mut judgement.outcome {
        for finding in findings {
            finding.paste = None;
            finding.paste_alternatives.clear();
        }
    }
    judgement
}

/// Returns the rules of a policy that can come to another answer on another branch.
fn list_branch_rules(loaded: &LoadedPolicy) -> Vec<RuleId> {
    let policy = &loaded.policy;
    let asking =
        policy.rules.iter().enumerate().filter(|(index, rule)| asks_about_branch(policy, *index, rule));
    asking.map(|(_, rule)| rule.description.id.clone()).collect()
}

fn asks_about_branch(policy: &Policy, index: usize, rule: &Rule) -> bool {
    let mut needs = NeededFacts::new();
    for condition in rule.when.iter().chain([&rule.require]) {
        condition.add_needs(&mut needs);
    }
    // A change is of the first class that holds, so all those before the last one that is meant count.
    let last = rule.class_indexes.iter().flatten().max();
    for class in policy.classes.iter().take(last.map_or(0, |last| last + 1)) {
        class.when.add_needs(&mut needs);
    }
    for exemption in policy.exemptions.iter().filter(|exemption| exemption.rule_index == index) {
        exemption.when.add_needs(&mut needs);
    }
    needs.contains(&FactKind::Target)
}
