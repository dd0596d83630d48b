//! What is explained: plain values, complete before a byte is printed.

use jiff::Timestamp;

use crate::change::Stage;
use crate::judge::ChangeExplanation;
use crate::report::content::PolicyDescription;

/// What is explained: changes that one policy judged.
#[derive(Clone, Debug)]
pub struct ExplanationReport {
    /// The policy.
    pub policy: PolicyDescription,
    /// The stage at which the changes were judged.
    pub stage: Stage,
    /// True if a missing fact denies.
    pub enforced: bool,
    /// The instant at which they are seen.
    pub seen_at: Timestamp,
    /// The changes, oldest first.
    pub changes: Vec<ChangeExplanation>,
    /// How many further changes there are.
    pub left_out: usize,
}
