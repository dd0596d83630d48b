//! Values that a field accepts, to try a plan with.
//!
//! A plan is proved by judging the change as if each act was taken, and for that a field needs a value. It is
//! never shown: what to write is for the author to decide, and the plan gives the form of it.

use crate::change::{Change, Text};
use crate::vocabulary::{ClaimSource, FieldDefinition, FieldKind};

/// Values of the usual forms of references.
const USUAL_REFERENCES: [&str; 12] = [
    "PAY-4121",
    "INC-2031",
    "CHG0012345",
    "#4121",
    "SEC-7801",
    "CVE-2026-12345",
    "STD-DEPS-PATCH",
    "v1.2.3",
    "2027-06-30",
    "12345",
    "4e5f60718293",
    "https://tickets.acme.net/browse/PAY-4121",
];

/// Prose of some length, which repeats no subject.
const PROSE: &str =
    "what stands here is a trial of the gate, and its author writes the real words instead of these. ";

/// The longest prose that is tried.
const MAX_PROSE_BYTES: usize = 24_000;

/// Returns the words of a field that are accepted, the first one first; `None` for a field without words.
pub(super) fn list_accepted_words(
    field: &FieldDefinition,
    accepts: &dyn Fn(Option<usize>) -> bool,
) -> Option<Vec<String>> {
    let words = field.allowed_words()?.iter().enumerate();
    Some(words.filter(|(level, _)| accepts(Some(*level))).map(|(_, word)| word.clone()).collect())
}

/// Returns a value that the field accepts in this change; `None` if none is known.
pub(super) fn find_sample_value(
    field: &FieldDefinition,
    change: &Change,
    source: ClaimSource,
) -> Option<String> {
    let is_valid = |value: &str| field.check_value(&Text::from(value), change, source).is_ok();
    match &field.kind {
        FieldKind::OneOf(words) | FieldKind::Ordered(words) => words.first().cloned(),
        FieldKind::Matches { example, .. } => {
            let usual = USUAL_REFERENCES.iter().map(|value| (*value).to_owned());
            example.iter().cloned().chain(usual).find(|value| is_valid(value))
        }
        FieldKind::Text { min_length, .. } => {
            let wanted = usize::try_from(*min_length).unwrap_or(usize::MAX).saturating_mul(2);
            let mut prose = PROSE.to_owned();
            while prose.len() < wanted && prose.len() < MAX_PROSE_BYTES {
                prose.push_str(PROSE);
            }
            let prose = prose.trim_end().to_owned();
            is_valid(&prose).then_some(prose)
        }
        FieldKind::Person => {
            Some("Some One <someone@changegate.example>".to_owned()).filter(|value| is_valid(value))
        }
    }
}
