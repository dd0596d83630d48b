//! Changes that the policy ref holds already and that come to another branch: they were judged there, but not by the rules
//! which ask about the branch.

use std::collections::HashSet;

use anyhow::Result;

use crate::change::{FactKind, NeededFacts, Oid};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::change_judge::{ChangeJudge, JudgedChange};
use crate::gate::push::ref_judge::RefJudge;
use crate::git::{NewHistory, TrustedKeys};
use crate::policy::{ChangeUnit, Policy, Rule};
use crate::push::{GateRule, ProposedRefUpdate, refuse_by_rule};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement, RuleId, RuleOutcome, messages};

messages! {
    TOO_MANY_PROMOTED = "push.too-many-promoted":
        "more than {limit} commits that other branches hold come to {ref}, whose own rules ask about them; push fewer at a time, or raise `changegate.maxCommits`";
}

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
        let rules: HashSet<RuleId> =
            std::iter::once(judge.loaded).chain(judge.base).flat_map(list_branch_rules).collect();
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
        let judge_step = |commits: Vec<_>| match unit {
            ChangeUnit::Step => vec![judge.judge_commits(commits)],
            ChangeUnit::Commit => commits.into_iter().map(|one| judge.judge_commits(vec![one])).collect(),
        };
        let mut denied = 0;
        let collect = |step: Vec<Result<JudgedChange, Judgement>>| {
            for change in step {
                let verdict = match change {
                    Ok(change) => change.verdict,
                    Err(refusal) => {
                        group.refusals.push(refusal);
                        continue;
                    }
                };
                let Some(verdict) = verdict else { continue };
                if verdict.revision.is_some_and(|id| judged.contains(&id)) {
                    continue;
                }
                // What a rule lets follow later is owed where the change landed first.
                let is_told = |one: &Judgement| one.is_denying(true) && rules.contains(&one.rule.id);
                let told: Vec<Judgement> = verdict.judgements.into_iter().filter(is_told).collect();
                denied += usize::from(!told.is_empty());
                if denied <= MAX_TOLD_CHANGES {
                    group.refusals.extend(told.into_iter().map(name_commit_only));
                }
            }
            Ok(())
        };
        let threads = self.settings.threads;
        self.repository.for_each_history_step(&history, trusted, needs, threads, judge_step, collect)
    }
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
