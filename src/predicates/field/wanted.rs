//! What a question wants of a field, for who looks for the way to meet it.

use crate::change::Change;
use crate::predicates::field::requirement::FieldRequirement;
use crate::predicates::support::field_levels::AssumedField;
use crate::vocabulary::{FieldDefinition, FieldReading};

/// What a change has to say in one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WantedField<'policy> {
    /// The field.
    pub(crate) field: &'policy FieldDefinition,
    pub(super) requirement: &'policy FieldRequirement,
}

/// What is wanted of a field that only has to be stated.
static STATED: FieldRequirement = FieldRequirement::Present { deadline: None, by_others: false };

impl<'policy> WantedField<'policy> {
    /// Returns that a field has to be stated.
    pub(crate) fn of_reference(field: &'policy FieldDefinition) -> Self {
        WantedField { field, requirement: &STATED }
    }

    /// Returns true if the field must not be stated.
    pub(crate) fn must_be_absent(&self) -> bool {
        *self.requirement == FieldRequirement::Absent
    }

    /// Returns whether a field that says this is as wanted; `None` where that is open.
    pub(crate) fn answer_assumed(&self, assumed: AssumedField) -> Option<bool> {
        self.requirement.answer_assumed(assumed)
    }

    /// Returns the words that are wanted, as ranges of their places in the list of the field, without their ends;
    /// `None` where that is open, or where every word or none is as good as any other.
    pub(crate) fn list_wanted_levels(&self) -> Option<Vec<(usize, usize)>> {
        let count = self.field.allowed_words()?.len();
        match self.requirement {
            FieldRequirement::OneOf(levels) => {
                Some(levels.iter().map(|level| (*level, level.saturating_add(1))).collect())
            }
            FieldRequirement::AtLeast(level) => Some(vec![(*level, count)]),
            FieldRequirement::AtMost(level) => Some(vec![(0, level.saturating_add(1))]),
            FieldRequirement::Present { .. } | FieldRequirement::Absent => None,
        }
    }

    /// Returns true if a stated value is one that the question accepts; `level` is the word that counts, in a field of
    /// words.
    pub(crate) fn accepts_value(&self, level: Option<usize>) -> bool {
        self.requirement.accepts_level(level)
    }

    /// Returns true if the change says now what is wanted, or may say it later.
    pub(crate) fn is_met_by(&self, change: &Change) -> bool {
        match (self.field.read_from_change(change), self.requirement) {
            (FieldReading::Absent, FieldRequirement::Absent) => true,
            (FieldReading::Absent, FieldRequirement::Present { deadline, .. }) => deadline.is_some(),
            (FieldReading::Stated { level, .. }, requirement) => requirement.accepts_level(level),
            (FieldReading::Absent | FieldReading::Invalid(_) | FieldReading::Unknown(_), _) => false,
        }
    }
}
