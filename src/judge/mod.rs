//! The judge: from a policy and a change to a verdict.
//!
//! [`judge_change`] is a function of a policy and a change, and of nothing else: no clock, no
//! repository, no environment. For each rule it asks whether the rule applies to the change (class and
//! `when`), then what the rule requires. What cannot be known stays undecided, and an undecided rule
//! denies where the gate enforces.
//!
//! Where it does not, what hangs on a missing fact is left to a later point, also whether an exemption
//! applies.
//!
//! Invariants: removing a fact never turns deny into allow; a point that does not enforce never denies what
//! one that enforces and knows more allows; the order of rules changes nothing but
//! the order of the judgements; a change that no denying rule applies to is denied.

mod applicability;
pub(crate) mod certificate_facts;
mod explanation;
mod fact_sources;
mod pasted_lines;
mod reasons;
pub(crate) mod used_facts;

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::change::{Change, Missing};
use crate::judge::applicability::{RuleApplicability, check_applicability};
use crate::judge::pasted_lines::unify_pasted_lines;
use crate::people::is_forge_committer;
use crate::policy::{Policy, Rule};
use crate::predicates::EvaluationContext;
use crate::predicates::support::condition::ConditionTrace;
use crate::verdict::{
    ClassId, CommitShape, Decision, Finding, Fixer, Judgement, PossibleExemption, PredicateAnswer,
    RuleDescription, RuleId, RuleLevel, RuleOutcome, Verdict, messages,
};

pub(crate) use crate::judge::applicability::find_possible_classes;
pub use crate::judge::explanation::{
    ChangeExplanation, ExplainedClass, ExplainedExemption, ExplainedQuestion, ExplainedRule, QuestionKind,
    RuleReach, explain_verdict,
};
pub use crate::judge::fact_sources::{AssumedFacts, UsedFact, UsedFactSource};
pub use crate::judge::reasons::collect_reasons;
pub(crate) use crate::judge::reasons::name_outcome;

messages! {
    NO_DENYING_RULE = "judge.no-denying-rule": "no denying rule of the policy applies to this change";
}

/// The id of the judgement on what a change states for an earlier one.
const CLOSING_VALUES: &str = "closing-values";

/// The title of that judgement.
const CLOSING_TITLE: &str = "what it states for an earlier change can count";

/// The id of the judgement on a change that no denying rule applies to.
pub(crate) const NO_RULE_APPLIES: &str = "no-rule-applies";

/// Judges `change` by `policy`; with `enforce`, a missing fact denies.
///
/// Classes, `when` and exemptions only sort changes and rules: of those the answer matters and not the
/// reasons, so they are evaluated in a context that collects none.
pub fn judge_change(policy: &Policy, change: &Change, enforce: bool) -> Verdict {
    if let Some(verdict) = judge_cut_reference(policy, change, enforce) {
        return verdict;
    }
    let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
    let sorting = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    let classes = find_possible_classes(policy, &sorting);
    let today = change.seen_at.to_zoned(TimeZone::UTC).date();
    let mut judgements: Vec<Judgement> = Vec::with_capacity(policy.rules.len() + 1);
    for (index, rule) in policy.rules.iter().enumerate() {
        let outcome = judge_rule(rule, &classes, &context, &sorting, enforce);
        let outcome = apply_exemptions(policy, index, outcome, &sorting, enforce);
        judgements.push(Judgement {
            rule: Arc::clone(&rule.description),
            level: rule.level_on(today),
            outcome,
        });
    }
    judgements.extend(judge_closing_values(policy, change, &judgements));
    let unlanded = warn_of_unlanded_reference(policy, change, &mut judgements, enforce);
    judgements.extend(unlanded);
    // A change to which no denying rule applies would pass unjudged, so that is itself a denial.
    if !judgements.iter().any(is_applicable_denial) {
        judgements.push(build_no_rule_judgement());
    }
    unify_pasted_lines(&mut judgements);
    let mut disagreements = Vec::new();
    for field in policy.vocabulary.fields() {
        disagreements.extend(field.find_disagreement(change));
    }
    let tip = change.tip();
    Verdict {
        revision: tip.id,
        commits: change.commits.len(),
        commit_shapes: list_commit_shapes(change),
        subject: tip.message.subject(),
        stage: change.stage,
        enforced: enforce,
        class: find_certain_class(policy, &classes),
        judgements,
        disagreements,
        reasons: None,
        plan: None,
    }
}

fn list_commit_shapes(change: &Change) -> Vec<CommitShape> {
    let mut shapes = Vec::with_capacity(change.commits.len());
    for commit in &change.commits {
        if let Some(id) = commit.id {
            let is_made_by_forge =
                is_forge_committer(&commit.committer) || has_squash_separator(commit.message.body());
            let parents = commit.parents.len();
            let changes_file = commit.paths.as_ref().is_ok_and(|paths| !paths.is_empty());
            // Git takes a merge for a commit with content.
            let may_be_empty = parents < 2 && !changes_file;
            shapes.push(CommitShape { id, parents, is_made_by_forge, may_be_empty });
        }
    }
    shapes
}

/// Returns true if a line stands in the message that GitHub and Gitea put between what they copy from the
/// pull request and the co-authors.
fn has_squash_separator(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == b"---------")
}

fn judge_rule(
    rule: &Rule,
    classes: &[(usize, Vec<Missing>)],
    context: &EvaluationContext<'_>,
    sorting: &EvaluationContext<'_>,
    enforce: bool,
) -> RuleOutcome {
    let mut missing = match check_applicability(rule, classes, sorting) {
        RuleApplicability::DoesNotApply => return RuleOutcome::NotApplicable,
        RuleApplicability::Applies => return convert_answer(rule.require.evaluate(context), enforce),
        RuleApplicability::Undecided(missing) => missing,
    };
    // If the rule is kept, it does not matter whether it applies.
    match rule.require.evaluate(context) {
        PredicateAnswer::Holds(owed) if owed.is_empty() => RuleOutcome::Pass,
        PredicateAnswer::Holds(owed) => RuleOutcome::Owed(owed),
        PredicateAnswer::Fails(_) => classify_missing(missing, enforce),
        PredicateAnswer::Unknown(more) => {
            missing.extend(more);
            classify_missing(missing, enforce)
        }
    }
}

/// Returns true if a rule that can deny applied to the change.
fn is_applicable_denial(judgement: &Judgement) -> bool {
    judgement.level == RuleLevel::Deny && !matches!(judgement.outcome, RuleOutcome::NotApplicable)
}

/// Returns the class of the change, if no missing fact leaves it open.
fn find_certain_class(policy: &Policy, classes: &[(usize, Vec<Missing>)]) -> Option<ClassId> {
    let [(index, missing)] = classes else { return None };
    if !missing.is_empty() {
        return None;
    }
    policy.classes.get(*index).map(|class| class.id.clone())
}

/// Tells how the rule with this id came to its outcome, question by question.
pub(crate) fn explain_rule(policy: &Policy, change: &Change, rule: &RuleId) -> Vec<ConditionTrace> {
    let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
    let mut traces = Vec::new();
    for known in &policy.rules {
        if known.description.id == *rule {
            for condition in known.when.iter().chain([&known.require]) {
                traces.push(condition.trace_evaluation(&context));
            }
        }
    }
    traces
}

/// Returns the exemptions, as indexes of [`Policy::exemptions`], that a judgement of `verdict` rests on,
/// or may rest on once a missing fact is known.
pub(crate) fn find_used_exemptions(policy: &Policy, change: &Change, verdict: &Verdict) -> Vec<usize> {
    let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    let mut used = Vec::new();
    for (index, exemption) in policy.exemptions.iter().enumerate() {
        let Some(judgement) = verdict.judgements.get(exemption.rule_index) else { continue };
        let counts = match &judgement.outcome {
            RuleOutcome::Exempted { exemption: used, .. } => *used == exemption.id,
            RuleOutcome::Fail(_)
            | RuleOutcome::Undecided(_)
            | RuleOutcome::Deferred(_)
            | RuleOutcome::MaybeExempted(_) => {
                matches!(exemption.when.evaluate(&context), PredicateAnswer::Unknown(_))
            }
            _ => false,
        };
        if counts {
            used.push(index);
        }
    }
    used
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
    let known_later = missing.iter().all(|missing| matches!(missing, Missing::NotAtThisStage(_)));
    if known_later && !enforce { RuleOutcome::Deferred(missing) } else { RuleOutcome::Undecided(missing) }
}

/// Returns the outcome of a rule with the exemptions from it.
///
/// An exemption whose `when` cannot be known covers nothing where the gate enforces. Where it does not, what is
/// broken is left open: a point that knows more would take the change if the exemption applies.
fn apply_exemptions(
    policy: &Policy,
    rule: usize,
    outcome: RuleOutcome,
    context: &EvaluationContext<'_>,
    enforce: bool,
) -> RuleOutcome {
    if !matches!(outcome, RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_)) {
        return outcome;
    }
    let today = context.change.seen_at.to_zoned(TimeZone::UTC).date();
    let mut possible = None;
    for exemption in &policy.exemptions {
        if exemption.rule_index != rule || exemption.until < today {
            continue;
        }
        match exemption.when.evaluate(context) {
            PredicateAnswer::Holds(_) => {
                return RuleOutcome::Exempted {
                    reason: exemption.reason.clone(),
                    approved_by: exemption.approved_by.clone(),
                    until: exemption.until.to_string(),
                    exemption: exemption.id.clone(),
                };
            }
            PredicateAnswer::Unknown(missing) if possible.is_none() => possible = Some((exemption, missing)),
            PredicateAnswer::Unknown(_) | PredicateAnswer::Fails(_) => {}
        }
    }
    match (outcome, possible) {
        (RuleOutcome::Fail(findings), Some((exemption, mut missing))) if !enforce => {
            missing.sort();
            missing.dedup();
            RuleOutcome::MaybeExempted(Box::new(PossibleExemption {
                findings,
                missing,
                reason: exemption.reason.clone(),
                approved_by: exemption.approved_by.clone(),
                until: exemption.until.to_string(),
                exemption: exemption.id.clone(),
            }))
        }
        (outcome, _) => outcome,
    }
}

fn build_no_rule_judgement() -> Judgement {
    let finding = Finding::new(&NO_DENYING_RULE).fixed_by(Fixer::PolicyOwner);
    build_denial(NO_RULE_APPLIES, "a denying rule applies to every change", vec![finding])
}

/// Returns the denial of a change that states something for an earlier one which can close nothing; `None`
/// if there is nothing wrong, or a rule says so already.
fn judge_closing_values(policy: &Policy, change: &Change, judgements: &[Judgement]) -> Option<Judgement> {
    let mut wrong = policy.find_wrong_closing_values(change);
    for judgement in judgements {
        if let (RuleLevel::Deny, RuleOutcome::Fail(findings)) = (judgement.level, &judgement.outcome) {
            wrong.retain(|finding| !findings.contains(finding));
        }
    }
    if wrong.is_empty() {
        return None;
    }
    Some(build_denial(CLOSING_VALUES, CLOSING_TITLE, wrong))
}

/// Returns the warning of a denied change that it closes nothing: it would be asked less if what it names were there. Where
/// it would be asked for nothing then, the other lines to paste are taken from the judgements.
fn warn_of_unlanded_reference(
    policy: &Policy,
    change: &Change,
    judgements: &mut [Judgement],
    enforce: bool,
) -> Option<Judgement> {
    let is_denied = |judgement: &Judgement| {
        judgement.level == RuleLevel::Deny && matches!(judgement.outcome, RuleOutcome::Fail(_))
    };
    if !judgements.iter().any(is_denied) {
        return None;
    }
    let is_record = records_unknown_change(policy, change, enforce);
    let finding = policy.find_unlanded_reference(change, is_record)?;
    for judgement in judgements.iter_mut().filter(|_| is_record) {
        let RuleOutcome::Fail(findings) = &mut judgement.outcome else { continue };
        for one in findings {
            one.paste = None;
            one.paste_alternatives.clear();
        }
    }
    let denial = build_denial(CLOSING_VALUES, CLOSING_TITLE, vec![finding]);
    Some(Judgement { level: RuleLevel::Warn, ..denial })
}

/// Returns true if a change is denied only because its branch does not hold the change that it names in `For-Change`.
pub(crate) fn records_unknown_change(policy: &Policy, change: &Change, enforce: bool) -> bool {
    if change.names_earlier != Ok(false) || policy.find_unlanded_reference(change, true).is_none() {
        return false;
    }
    let landed = Change { names_earlier: Ok(true), ..change.clone() };
    judge_change(policy, &landed, enforce).decision() == Decision::Allow
}

/// Returns the verdict on a change that names an earlier one by too few digits, as if that one were there; `None` if it is
/// denied for something else as well. What else it would be asked for, as a change that names none, leads the wrong way.
fn judge_cut_reference(policy: &Policy, change: &Change, enforce: bool) -> Option<Verdict> {
    if change.names_earlier != Ok(false) || !policy.has_cut_reference(change) {
        return None;
    }
    let landed = Change { names_earlier: Ok(true), ..change.clone() };
    let verdict = judge_change(policy, &landed, enforce);
    let mut denials = verdict.judgements.iter().filter(|judgement| judgement.is_denying(enforce));
    let is_cut_only = denials.next().is_some_and(|judgement| judgement.rule.id.as_str() == CLOSING_VALUES)
        && denials.next().is_none();
    is_cut_only.then_some(verdict)
}

/// Returns a denial by the gate itself, which no rule of the policy asks for.
fn build_denial(id: &str, title: &str, findings: Vec<Finding>) -> Judgement {
    Judgement {
        rule: Arc::new(RuleDescription { id: RuleId::new(id), title: title.into(), controls: Vec::new() }),
        level: RuleLevel::Deny,
        outcome: RuleOutcome::Fail(findings),
    }
}
