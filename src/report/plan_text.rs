//! The words of an unblock plan, as all formats for people have them.

use crate::report::ranked_judgements::RankedJudgement;
use crate::verdict::{
    Fixer, ObstacleReason, PlanObstacle, PlanStep, PlannedAct, RuleId, RuleOutcome, Sentence, UnblockPlan,
    Verdict,
};

/// What helps where no act does.
const LAST_RESORT: &str = "change the policy, or wait";

/// Returns what a step asks for: its acts, and the other options.
pub(crate) fn describe_step(step: &PlanStep) -> Sentence {
    let mut sentence = Sentence::from_words(if step.options.len() > 1 { "either " } else { "" });
    for (index, option) in step.options.iter().enumerate() {
        sentence = sentence.with_words(if index == 0 { "" } else { ", or " });
        sentence = sentence.with_sentence(describe_acts(option));
    }
    sentence
}

fn describe_acts(acts: &[PlannedAct]) -> Sentence {
    let mut sentence = Sentence::default();
    for (index, act) in acts.iter().enumerate() {
        sentence = sentence.with_words(if index == 0 { "" } else { " and " });
        sentence = sentence.with_sentence(act.what.sentence());
    }
    sentence
}

/// Returns why no act meets a rule, and what is left to do; or what helps although it could not be tried.
pub(crate) fn describe_obstacle(obstacle: &PlanObstacle) -> Sentence {
    let reason = match &obstacle.reason {
        ObstacleReason::Missing(missing) => Sentence::from_words(missing.to_string()),
        ObstacleReason::Because(message) => message.sentence(),
        ObstacleReason::Advice(message) => return message.sentence(),
    };
    Sentence::from_words("no act of a person can meet it: ")
        .with_sentence(reason)
        .with_words(format!("; {LAST_RESORT}"))
}

/// The code of the finding that something holds which a rule forbids; it says what, and not what to do about it.
const FORBIDDEN_CODE: &str = "condition.forbidden";

/// Returns the plan of a denied change, if it says more than the findings do.
pub(crate) fn find_told_plan(verdict: &Verdict) -> Option<&UnblockPlan> {
    let plan = verdict.plan.as_deref()?;
    let says_more = plan.says_more() || plan.steps.iter().any(|step| serves_forbidden(verdict, step));
    says_more.then_some(plan)
}

/// Returns true if a step says more than the findings of its rules: whom to ask, which of several ways is the shortest, how
/// long to wait, or what to do about something that must not be so.
pub(crate) fn is_step_telling(verdict: &Verdict, step: &PlanStep) -> bool {
    step.options.len() > 1
        || step.options.iter().flatten().any(|act| act.says_more(&step.rules))
        || serves_forbidden(verdict, step)
}

/// Returns true if a step serves a rule that is broken because something holds which it forbids.
fn serves_forbidden(verdict: &Verdict, step: &PlanStep) -> bool {
    verdict.judgements.iter().any(|judgement| match &judgement.outcome {
        RuleOutcome::Fail(findings) => {
            step.rules.contains(&judgement.rule.id)
                && findings.iter().any(|finding| finding.message.code() == FORBIDDEN_CODE)
        }
        _ => false,
    })
}

/// Returns true if the plan says who can remove what a finding is about, better than its roles do.
pub(crate) fn tells_remedy(ranked: &RankedJudgement<'_>, fixers: &[Fixer]) -> bool {
    let Some(plan) = ranked.verdict.and_then(find_told_plan) else { return false };
    let is_of_others =
        fixers.iter().all(|fixer| matches!(fixer, Fixer::Reviewer | Fixer::TeamMember(_) | Fixer::Pusher));
    let rule = &ranked.judgement.rule.id;
    let is_blocked = plan
        .obstacles
        .iter()
        .any(|obstacle| obstacle.rule == *rule && matches!(obstacle.reason, ObstacleReason::Because(_)));
    is_of_others
        && matches!(ranked.judgement.outcome, RuleOutcome::Fail(_))
        && (is_blocked || plan.steps.iter().any(|step| step.rules.contains(rule)))
}

/// Returns the ids of rules in a list.
pub(crate) fn join_rule_ids(rules: &[RuleId]) -> String {
    let ids: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
    ids.join(", ")
}
