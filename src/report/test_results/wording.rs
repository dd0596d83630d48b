//! The words for what tests found. Every text is printable: names are the policy's or the suite's, and
//! findings can quote what a change says.

use crate::judge::{ChangeExplanation, ExplainedQuestion, QuestionKind, RuleReach};
use crate::policy_tests::{ExpectationMiss, PolicyTestResult};
use crate::report::escape::{escape_sentence, escape_words};
use crate::verdict::{ClassId, Decision, Judgement, PredicateAnswer, RuleId, RuleOutcome, Verdict};

/// How many facts are told of a rule that does not do what is expected.
const MAX_GROUNDS: usize = 4;

/// How many rules are told of that pass where a denial is expected.
const MAX_PASSED_RULES: usize = 4;

/// Returns how a verdict is not what was expected, a sentence each.
pub(crate) fn describe_misses(result: &PolicyTestResult) -> Vec<String> {
    let PolicyTestResult { misses, verdict, explanation, .. } = result;
    let explained = explanation.as_deref();
    let mut lines = Vec::new();
    for miss in misses {
        match miss {
            ExpectationMiss::Decision { expected, found } => {
                lines.push(format!(
                    "expected it to be {}, and it is {}",
                    expected.describe(),
                    found.describe()
                ));
                let other_rules = misses.iter().any(|miss| matches!(miss, ExpectationMiss::DeniedBy { .. }));
                if *found == Decision::Allow && !other_rules {
                    lines.extend(describe_warnings(verdict));
                    let applied = verdict.judgements.iter().filter(|one| one.outcome == RuleOutcome::Pass);
                    for judgement in applied.take(MAX_PASSED_RULES) {
                        let id = escape_words(judgement.rule.id.as_str());
                        lines.push(format!(
                            "`{id}`: {}",
                            describe_outcome(&judgement.rule.id, verdict, explained)
                        ));
                    }
                }
                if *found == Decision::Deny && !other_rules {
                    let denying = verdict.judgements.iter().filter(|one| one.is_denying(verdict.enforced));
                    lines.extend(denying.map(|one| describe_denial(&one.rule.id, verdict)));
                }
            }
            ExpectationMiss::Class { expected, found } => {
                let found = match found {
                    Some(found) => format!("it is of `{}`", escape_words(found.as_str())),
                    None => "its class cannot be known".to_owned(),
                };
                let expected = escape_words(expected.as_str());
                lines.push(format!("expected the class `{expected}`, and {found}"));
            }
            ExpectationMiss::DeniedBy { missing, unexpected } => {
                for rule in missing {
                    let id = escape_words(rule.as_str());
                    let found = describe_outcome(rule, verdict, explained);
                    lines.push(format!("expected `{id}` to deny it, and {found}"));
                }
                for rule in unexpected {
                    lines.push(format!("not expected: {}", describe_denial(rule, verdict)));
                }
            }
            ExpectationMiss::Outcome { rule, expected, .. } => {
                let words: Vec<&str> = expected.iter().map(|outcome| outcome.word()).collect();
                let id = escape_words(rule.as_str());
                let found = describe_outcome(rule, verdict, explained);
                lines.push(format!("expected `{id}`: {}, and {found}", words.join(" or ")));
            }
        }
    }
    lines
}

/// Returns why a rule denies.
fn describe_denial(rule: &RuleId, verdict: &Verdict) -> String {
    let id = escape_words(rule.as_str());
    match find_reason(rule, verdict) {
        Some(reason) => format!("`{id}` denies it: {reason}"),
        None => format!("`{id}` denies it"),
    }
}

/// Returns a sentence for each rule that would deny the change, and only warns.
pub(crate) fn describe_warnings(verdict: &Verdict) -> Vec<String> {
    let warning = verdict.judgements.iter().filter(|judgement| judgement.is_warning(verdict.enforced));
    let describe = |judgement: &Judgement| {
        let id = escape_words(judgement.rule.id.as_str());
        match find_reason(&judgement.rule.id, verdict) {
            Some(reason) => format!("`{id}` warns: {reason}"),
            None => format!("`{id}` warns"),
        }
    };
    warning.map(describe).collect()
}

/// Returns the outcome of a rule, as the end of a sentence.
fn describe_outcome(rule: &RuleId, verdict: &Verdict, explained: Option<&ChangeExplanation>) -> String {
    let Some(judgement) = find_judgement(rule, verdict) else {
        return "it does not apply".to_owned();
    };
    let words = match &judgement.outcome {
        _ if judgement.is_warning(verdict.enforced) => "it only warns (`level: warn`)",
        RuleOutcome::Pass => "it passes",
        RuleOutcome::Fail(_) => "it fails",
        RuleOutcome::Owed(_) => "it passes against something owed",
        RuleOutcome::Undecided(_) => "it cannot be decided",
        RuleOutcome::Deferred(_) => "it is left to a later stage",
        RuleOutcome::Exempted { .. } => "an exemption covers it",
        RuleOutcome::MaybeExempted(possible) if possible.is_settled_later() => "it is left to a later stage",
        RuleOutcome::MaybeExempted(_) => "it cannot be decided",
        RuleOutcome::NotApplicable => "it does not apply",
    };
    let ground = || explained.and_then(|explained| find_ground(rule, explained));
    match find_reason(rule, verdict).or_else(ground) {
        Some(reason) => format!("{words}: {reason}"),
        None => words.to_owned(),
    }
}

/// Returns why a rule passes or does not apply, by the questions that decide it and the facts that they rest on.
fn find_ground(rule: &RuleId, explained: &ChangeExplanation) -> Option<String> {
    let rule = explained.rules.iter().find(|known| known.judgement.rule.id == *rule)?;
    let mut grounds = Vec::new();
    match (&rule.judgement.outcome, &rule.reach) {
        (RuleOutcome::Pass, _) => list_grounds(rule.require.as_ref()?, &mut grounds),
        (RuleOutcome::NotApplicable, RuleReach::WhenFails) => list_grounds(rule.when.as_ref()?, &mut grounds),
        (RuleOutcome::NotApplicable, RuleReach::OtherClass) => {
            let class = explained.verdict.class.as_ref().map_or("not certain", ClassId::as_str);
            grounds.push(format!("the class is {}", escape_words(class)));
        }
        _ => {}
    }
    grounds.truncate(MAX_GROUNDS);
    (!grounds.is_empty()).then(|| grounds.join("; "))
}

/// Adds what decides a question: the facts of the parts that give it its answer.
fn list_grounds(question: &ExplainedQuestion, grounds: &mut Vec<String>) {
    let holds = |question: &ExplainedQuestion| matches!(question.answer, PredicateAnswer::Holds(_));
    match (question.kind, holds(question)) {
        (QuestionKind::Predicate(_), _) => {
            if question.facts.is_empty() {
                grounds.push(escape_sentence(&question.question.sentence()));
            }
            grounds.extend(question.facts.iter().map(|fact| escape_sentence(&fact.what.sentence())));
        }
        (QuestionKind::Any, true) | (QuestionKind::All, false) => {
            let deciding = question.parts.iter().find(|part| holds(part) == holds(question));
            if let Some(part) = deciding {
                list_grounds(part, grounds);
            }
        }
        _ => {
            for part in &question.parts {
                list_grounds(part, grounds);
            }
        }
    }
}

fn find_judgement<'verdict>(rule: &RuleId, verdict: &'verdict Verdict) -> Option<&'verdict Judgement> {
    verdict.judgements.iter().find(|judgement| judgement.rule.id == *rule)
}

/// Returns what a rule found, in words.
fn find_reason(rule: &RuleId, verdict: &Verdict) -> Option<String> {
    let reasons: Vec<String> = match &find_judgement(rule, verdict)?.outcome {
        RuleOutcome::Fail(findings) => {
            findings.iter().map(|finding| escape_sentence(&finding.message.sentence())).collect()
        }
        RuleOutcome::Owed(owed) => {
            owed.iter().map(|obligation| escape_sentence(&obligation.what.sentence())).collect()
        }
        RuleOutcome::Undecided(missing) | RuleOutcome::Deferred(missing) => {
            missing.iter().map(|missing| escape_words(&missing.to_string())).collect()
        }
        RuleOutcome::MaybeExempted(possible) => {
            let mut reasons = vec![format!(
                "whether the exemption at {} applies",
                escape_words(possible.exemption.as_str())
            )];
            reasons.extend(possible.missing.iter().map(|missing| escape_words(&missing.to_string())));
            reasons
        }
        RuleOutcome::Exempted { exemption, .. } => vec![escape_words(exemption.as_str())],
        RuleOutcome::Pass | RuleOutcome::NotApplicable => Vec::new(),
    };
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
