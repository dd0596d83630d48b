//! Who judges what is tried, and what the questions about approvals say of a change.

use std::cell::Cell;

use crate::change::{Change, Missing};
use crate::policy::Policy;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::{EvaluationContext, PredicateOutcome};

/// Who judges: policies, and whether a missing fact denies.
#[derive(Clone, Copy)]
pub(super) struct Court<'court> {
    pub(super) policies: &'court [&'court Policy],
    pub(super) enforce: bool,
    /// How often questions about approvals were tried for this plan.
    pub(super) tries: &'court Cell<usize>,
}

/// The questions of one search, each with the policy that asks it.
pub(super) type AskedApprovals<'policy> = Vec<(usize, &'policy ApprovalsPredicate)>;

/// What the questions say of a change.
pub(super) enum QuestionsAnswer {
    Met,
    Missing(Missing),
    Unmet,
}

/// Returns what these questions say of a change.
pub(super) fn ask_questions(
    court: Court<'_>,
    change: &Change,
    questions: &AskedApprovals<'_>,
) -> QuestionsAnswer {
    let mut missing = None;
    for (policy, asked) in questions {
        let Some(policy) = court.policies.get(*policy) else { return QuestionsAnswer::Unmet };
        let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
        match asked.evaluate(&context) {
            Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)) => {}
            Ok(PredicateOutcome::Fails(_)) => return QuestionsAnswer::Unmet,
            Err(gap) => missing = Some(gap),
        }
    }
    match missing {
        Some(missing) if court.enforce => QuestionsAnswer::Missing(missing),
        _ => QuestionsAnswer::Met,
    }
}
