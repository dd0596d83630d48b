//! Which class a change is of, and which rules apply to it.

use crate::change::Missing;
use crate::policy::{Policy, Rule};
use crate::predicates::EvaluationContext;
use crate::verdict::PredicateAnswer;

/// Returns the classes that the change may be of: one, unless a missing fact leaves it open. Each
/// comes with the facts that are missing to be sure of it.
pub(crate) fn find_possible_classes(
    policy: &Policy,
    context: &EvaluationContext<'_>,
) -> Vec<(usize, Vec<Missing>)> {
    let mut possible = Vec::new();
    let mut open: Vec<Missing> = Vec::new();
    for (index, class) in policy.classes.iter().enumerate() {
        match class.when.evaluate(context) {
            PredicateAnswer::Fails(_) => {}
            PredicateAnswer::Unknown(missing) => {
                open.extend(missing);
                possible.push((index, open.clone()));
            }
            PredicateAnswer::Holds(_) => {
                possible.push((index, open));
                break;
            }
        }
    }
    possible
}

/// Whether a rule applies to a change.
pub(super) enum RuleApplicability {
    Applies,
    DoesNotApply,
    /// It depends on these facts.
    Undecided(Vec<Missing>),
}

/// Returns whether a rule applies to a change of one of these classes.
pub(super) fn check_applicability(
    rule: &Rule,
    possible: &[(usize, Vec<Missing>)],
    context: &EvaluationContext<'_>,
) -> RuleApplicability {
    let mut open: Vec<Missing> = Vec::new();
    if let Some(indexes) = &rule.class_indexes {
        let matching = possible.iter().filter(|(class, _)| indexes.contains(class)).count();
        if matching == 0 {
            return RuleApplicability::DoesNotApply;
        }
        if matching < possible.len() {
            for (_, missing) in possible {
                open.extend(missing.iter().cloned());
            }
        }
    }
    if let Some(when) = &rule.when {
        match when.evaluate(context) {
            PredicateAnswer::Holds(_) => {}
            PredicateAnswer::Fails(_) => return RuleApplicability::DoesNotApply,
            PredicateAnswer::Unknown(missing) => open.extend(missing),
        }
    }
    open.sort();
    open.dedup();
    if open.is_empty() { RuleApplicability::Applies } else { RuleApplicability::Undecided(open) }
}
