//! The decision.
//!
//! [`judge`] is a function of a policy and a change, and of nothing else: no clock, no repository,
//! no environment. For each rule it asks whether the rule is about this change (class and `when`),
//! then what the rule requires. Whatever cannot be known stays open, and what is open denies where
//! the gate enforces.
//!
//! Invariants: removing a fact never turns deny into allow; the order of rules changes nothing but
//! the order of the judgements; a change that no denying rule is about is denied.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::change::{Change, Missing};
use crate::policy::{Policy, Rule, RuleExemption};
use crate::predicates::{ConditionTrace, EvaluationContext};
use crate::verdict::{
    Finding, Judgement, PredicateAnswer, RuleDescription, RuleLevel, RuleOutcome, Sentence, Verdict,
};

/// The id of the judgement on a change that no rule is about.
pub const NO_RULE_APPLIES: &str = "no-rule-applies";

/// Judges `change` by `policy`; with `enforce`, a gap in the facts denies.
pub fn judge_change(policy: &Policy, change: &Change, enforce: bool) -> Verdict {
    let seen = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
    // Of what sorts changes and rules only the answer matters.
    let sorting = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    let classes = find_possible_classes(policy, &sorting);
    let today = change.seen_at.to_zoned(TimeZone::UTC).date();
    let mut judgements: Vec<Judgement> = Vec::with_capacity(policy.rules.len());
    for (place, rule) in policy.rules.iter().enumerate() {
        let outcome = match check_applicability(rule, &classes, &sorting) {
            RuleApplicability::DoesNotApply => RuleOutcome::NotApplicable,
            RuleApplicability::Applies => convert_answer(rule.require.evaluate(&seen), enforce),
            // Whether or not the rule is about this change: if it is kept, nothing is open.
            RuleApplicability::Undecided(missing) => match rule.require.evaluate(&seen) {
                PredicateAnswer::Holds(owed) if owed.is_empty() => RuleOutcome::Pass,
                PredicateAnswer::Holds(owed) => RuleOutcome::Owed(owed),
                PredicateAnswer::Fails(_) => classify_missing(missing, enforce),
                PredicateAnswer::Unknown(more) => {
                    classify_missing(missing.into_iter().chain(more).collect(), enforce)
                }
            },
        };
        let outcome = match outcome {
            RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_) => {
                find_exemption(policy, place, &sorting).unwrap_or(outcome)
            }
            other => other,
        };
        judgements.push(Judgement { rule: Arc::clone(&rule.name), level: rule.level_on(today), outcome });
    }
    let about = |judgement: &Judgement| {
        judgement.level == RuleLevel::Deny && !matches!(judgement.outcome, RuleOutcome::NotApplicable)
    };
    if !judgements.iter().any(about) {
        judgements.push(build_no_rule_judgement());
    }
    let tip = change.tip();
    Verdict {
        revision: tip.id,
        commits: change.commits.len(),
        subject: tip.message.subject(),
        stage: change.stage,
        enforced: enforce,
        class: match classes.as_slice() {
            [(class, missing)] if missing.is_empty() => {
                policy.classes.get(*class).map(|class| class.name.clone())
            }
            _ => None,
        },
        judgements,
        disagreements: policy
            .vocabulary
            .fields()
            .iter()
            .filter_map(|field| field.find_disagreement(change))
            .collect(),
    }
}

/// Tells how the rule at `place` came to its outcome, question by question.
pub fn explain_rule(policy: &Policy, change: &Change, rule: &str) -> Vec<ConditionTrace> {
    let seen = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
    let rules = policy.rules.iter().filter(|known| known.name.id == rule);
    rules
        .flat_map(|rule| rule.when.iter().chain(std::iter::once(&rule.require)))
        .map(|asked| asked.trace_evaluation(&seen))
        .collect()
}

/// Returns the exemptions, as places in the policy, that let a judgement of `verdict` be, or of which
/// nobody can tell whether they would.
pub fn find_used_exemptions(policy: &Policy, change: &Change, verdict: &Verdict) -> Vec<usize> {
    let seen = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    let mut used = Vec::new();
    for (place, exemption) in policy.exemptions.iter().enumerate() {
        let counts = match verdict.judgements.get(exemption.rule_index).map(|judgement| &judgement.outcome) {
            Some(RuleOutcome::Exempted { place, .. }) => *place == exemption.place,
            Some(RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_)) => {
                matches!(exemption.when.evaluate(&seen), PredicateAnswer::Unknown(_))
            }
            _ => false,
        };
        if counts {
            used.push(place);
        }
    }
    used
}

/// Returns the classes that the change may be of: one, unless a missing fact leaves it open. Each
/// comes with what is missing to be sure of it.
fn find_possible_classes(policy: &Policy, seen: &EvaluationContext<'_>) -> Vec<(usize, Vec<Missing>)> {
    let mut possible = Vec::new();
    let mut open: Vec<Missing> = Vec::new();
    for (place, class) in policy.classes.iter().enumerate() {
        match class.when.evaluate(seen) {
            PredicateAnswer::Fails(_) => {}
            PredicateAnswer::Unknown(missing) => {
                open.extend(missing);
                possible.push((place, open.clone()));
            }
            PredicateAnswer::Holds(_) => {
                possible.push((place, open));
                break;
            }
        }
    }
    possible
}

/// Whether a rule is about a change.
enum RuleApplicability {
    Applies,
    DoesNotApply,
    /// It depends on these facts.
    Undecided(Vec<Missing>),
}

fn check_applicability(
    rule: &Rule,
    possible: &[(usize, Vec<Missing>)],
    seen: &EvaluationContext<'_>,
) -> RuleApplicability {
    let mut open = Vec::new();
    if let Some(of) = &rule.class_indexes {
        let ours = possible.iter().filter(|(class, _)| of.contains(class)).count();
        if ours == 0 {
            return RuleApplicability::DoesNotApply;
        }
        if ours < possible.len() {
            open.extend(possible.iter().flat_map(|(_, missing)| missing).cloned());
        }
    }
    match rule.when.as_ref().map(|when| when.evaluate(seen)) {
        None | Some(PredicateAnswer::Holds(_)) => {}
        Some(PredicateAnswer::Fails(_)) => return RuleApplicability::DoesNotApply,
        Some(PredicateAnswer::Unknown(missing)) => open.extend(missing),
    }
    open.sort();
    open.dedup();
    if open.is_empty() { RuleApplicability::Applies } else { RuleApplicability::Undecided(open) }
}

fn convert_answer(answer: PredicateAnswer, enforce: bool) -> RuleOutcome {
    match answer {
        PredicateAnswer::Holds(owed) if owed.is_empty() => RuleOutcome::Pass,
        PredicateAnswer::Holds(owed) => RuleOutcome::Owed(owed),
        PredicateAnswer::Fails(findings) => RuleOutcome::Fail(findings),
        PredicateAnswer::Unknown(missing) => classify_missing(missing, enforce),
    }
}

/// Returns the outcome for facts that are missing: deferred if a later stage will know them all and
/// nothing is decided here.
fn classify_missing(mut missing: Vec<Missing>, enforce: bool) -> RuleOutcome {
    missing.sort();
    missing.dedup();
    let later = missing.iter().all(|missing| matches!(missing, Missing::NotAtThisStage(_)));
    if later && !enforce { RuleOutcome::Deferred(missing) } else { RuleOutcome::Undecided(missing) }
}

fn find_exemption(policy: &Policy, rule: usize, seen: &EvaluationContext<'_>) -> Option<RuleOutcome> {
    let today = seen.change.seen_at.to_zoned(TimeZone::UTC).date();
    let holds = |exemption: &&RuleExemption| {
        exemption.rule_index == rule
            && today <= exemption.until
            && matches!(exemption.when.evaluate(seen), PredicateAnswer::Holds(_))
    };
    policy.exemptions.iter().find(holds).map(|exemption| RuleOutcome::Exempted {
        reason: exemption.reason.clone(),
        approved_by: exemption.approved_by.clone(),
        until: exemption.until.to_string(),
        place: exemption.place.clone(),
    })
}

fn build_no_rule_judgement() -> Judgement {
    let what = Sentence::from_words("no rule of the policy that denies anything is about this change");
    Judgement {
        rule: Arc::new(RuleDescription {
            id: NO_RULE_APPLIES.into(),
            title: "every change is held against at least one rule".into(),
            controls: Vec::new(),
        }),
        level: RuleLevel::Deny,
        outcome: RuleOutcome::Fail(vec![Finding::new(what).fixed_by("whoever keeps the policy")]),
    }
}
