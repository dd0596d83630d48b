//! What a change does to the policy of its target, counted by the ways in which the policy changes.

use serde::{Deserialize, Serialize};

use crate::change::fact::{Fact, FactKind, Missing};

/// How many parts of the policy ask for less after the change, for something else, and for more; none of a change
/// that leaves the policy as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicyEffect {
    /// The parts that ask for less.
    pub looser: usize,
    /// The parts that ask for something else, which may be less.
    pub different: usize,
    /// The parts that ask for more.
    pub stricter: usize,
}

impl PolicyEffect {
    /// Returns true unless nothing that the policy denied is allowed because of the change.
    pub(crate) fn may_loosen(self) -> bool {
        self.looser > 0 || self.different > 0
    }

    /// Returns the sum of both.
    #[must_use]
    pub(crate) fn combine_with(self, other: PolicyEffect) -> PolicyEffect {
        PolicyEffect {
            looser: self.looser.saturating_add(other.looser),
            different: self.different.saturating_add(other.different),
            stricter: self.stricter.saturating_add(other.stricter),
        }
    }
}

/// Returns the gap of a change of which nobody asked what it does to the policy.
pub(crate) fn unrequested_policy_effect() -> Fact<PolicyEffect> {
    Err(Missing::Unavailable(FactKind::PolicyChange, "it was not asked for".to_owned()))
}

/// Returns true for that gap, which is not written.
pub(crate) fn is_unrequested_policy_effect(effect: &Fact<PolicyEffect>) -> bool {
    *effect == unrequested_policy_effect()
}
