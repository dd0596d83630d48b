//! What has to be met, and the ways to meet it.

use crate::change::Change;
use crate::people::PeopleDirectory;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::field::WantedField;
use crate::predicates::{EvaluationContext, Predicate, PredicateOutcome};
use crate::unblock::repair::Repair;
use crate::verdict::ObstacleReason;
use crate::vocabulary::{FieldDefinition, FieldVocabulary};

/// Something that has to be met.
#[derive(Clone, Debug)]
pub(super) enum Need<'policy> {
    /// Approvals, by the policy with this index.
    Approvals { policy: usize, asked: &'policy ApprovalsPredicate },
    /// A value of a field; the ticket that it names has to be as asked.
    Field { wanted: WantedField<'policy>, ticket: Option<&'policy Predicate> },
    /// This value of a field, and no other.
    Value { field: &'policy FieldDefinition, value: String },
    /// One act that is known.
    Act(Repair),
}

/// The ways to meet a question.
#[derive(Debug)]
pub(super) enum WaysToMeet<'policy> {
    /// Each of these ways meets it; one without needs if it holds. Never empty.
    Known(Vec<Vec<Need<'policy>>>),
    /// No act of a person does.
    Blocked(ObstacleReason),
    /// Whether an act does is not known.
    Open,
}

/// The policy that asks, and the change that is asked about.
pub(super) struct AskedChange<'asked, 'policy> {
    /// The index of the policy.
    pub(super) policy: usize,
    pub(super) people: &'policy PeopleDirectory,
    pub(super) vocabulary: &'policy FieldVocabulary,
    pub(super) context: &'asked EvaluationContext<'asked>,
    /// True if a missing fact denies; otherwise what is not known is asked later, and needs nothing now.
    pub(super) enforce: bool,
}

impl AskedChange<'_, '_> {
    /// Returns whether a predicate holds, or not as `wanted` says, for another value of the change.
    pub(super) fn is_answered(&self, predicate: &Predicate, wanted: bool, change: &Change) -> bool {
        let context = EvaluationContext::without_reasons(change, self.people, self.vocabulary);
        match predicate.evaluate(&context) {
            Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)) => wanted,
            Ok(PredicateOutcome::Fails(_)) => !wanted,
            Err(_) => !self.enforce,
        }
    }
}
