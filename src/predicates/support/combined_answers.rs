//! What the answers to several questions come to together.

use crate::predicates::Predicate;
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{Finding, PredicateAnswer};

/// Returns the answer to a question all of whose parts have to hold.
pub(super) fn combine_all(answers: impl Iterator<Item = PredicateAnswer>) -> PredicateAnswer {
    let mut owed = Vec::new();
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    for answer in answers {
        match answer {
            PredicateAnswer::Holds(more) => owed.extend(more),
            PredicateAnswer::Fails(more) => findings.extend(more),
            PredicateAnswer::Unknown(more) => missing.extend(more),
        }
    }
    match (findings.is_empty(), missing.is_empty()) {
        (false, _) => PredicateAnswer::Fails(findings),
        (true, false) => PredicateAnswer::Unknown(missing),
        (true, true) => PredicateAnswer::Holds(owed),
    }
}

/// Returns the answer to a question that must not hold; `reasons` are why it is refused where it does.
pub(super) fn negate_answer(
    answer: PredicateAnswer,
    reasons: impl FnOnce() -> Vec<Finding>,
) -> PredicateAnswer {
    match answer {
        PredicateAnswer::Holds(_) => PredicateAnswer::Fails(reasons()),
        PredicateAnswer::Fails(_) => PredicateAnswer::Holds(Vec::new()),
        unknown @ PredicateAnswer::Unknown(_) => unknown,
    }
}

/// Returns the answer to a question whose parts hold, after it was asked whether the approvals among them can come from
/// different people.
pub(super) fn require_distinct_people(
    answer: PredicateAnswer,
    required: &[&Predicate],
    context: &EvaluationContext<'_>,
) -> PredicateAnswer {
    let PredicateAnswer::Holds(_) = &answer else { return answer };
    let mut roles = Vec::new();
    for predicate in required {
        if let Predicate::Approvals(asked) = predicate
            && asked.requires_distinct_people()
        {
            roles.push(asked);
        }
    }
    let Some((first, others)) = roles.split_first() else { return answer };
    match first.find_shared_approvers(others, context) {
        Ok(None) => answer,
        Ok(Some(finding)) => PredicateAnswer::Fails(vec![finding]),
        Err(missing) => PredicateAnswer::Unknown(vec![missing]),
    }
}
