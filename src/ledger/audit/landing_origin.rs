//! How a change came to a ref, by what the ledger says of the decision that brought it.

use serde::{Deserialize, Serialize};

use crate::ledger::record::RecordedDecision;

/// How a change came to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandingOrigin {
    /// It was on the ref when the ledger began.
    AlreadyThere,
    /// It was on the ref when the ref became protected, after the ledger had begun.
    BeforeProtection,
    /// A decision allowed it.
    Decided,
    /// It came without a decision.
    Unauthorised,
    /// It came without a decision, and was regularised.
    Regularised,
    /// A decision allowed it, by a policy that came without one.
    UndecidedPolicy,
    /// A decision allowed it, and whether its policy came without one is not known: this repository does not hold the
    /// commit that a ref held before it moved without a decision.
    PolicyNotKnown,
    /// It landed in evaluate mode, in which no decision is enforced; one that counts would have allowed it.
    NotEnforced,
    /// It landed in evaluate mode, although a decision that counts would have denied it.
    DeniedNotEnforced,
}

impl LandingOrigin {
    /// Returns how something came to a ref that a decision of evaluate mode let through; `None` for one that counts.
    pub(crate) fn from_evaluation(evaluated: Option<RecordedDecision>) -> Option<LandingOrigin> {
        Some(match evaluated? {
            RecordedDecision::Allow => LandingOrigin::NotEnforced,
            RecordedDecision::Deny => LandingOrigin::DeniedNotEnforced,
        })
    }

    /// Returns true if nothing that counts has judged what came so: no policy vouches for what it states.
    pub(crate) fn came_past_gate(self) -> bool {
        matches!(
            self,
            LandingOrigin::Unauthorised | LandingOrigin::Regularised | LandingOrigin::DeniedNotEnforced
        )
    }

    /// Returns true if what landed so was judged by nothing that can be relied on.
    pub(crate) fn is_unreliable(self) -> bool {
        self.came_past_gate()
            || matches!(self, LandingOrigin::UndecidedPolicy | LandingOrigin::PolicyNotKnown)
    }

    /// Returns the word for it in JSON.
    pub(crate) fn code(self) -> &'static str {
        match self {
            LandingOrigin::AlreadyThere => "before",
            LandingOrigin::BeforeProtection => "before-protection",
            LandingOrigin::Decided => "decided",
            LandingOrigin::Unauthorised => "undecided",
            LandingOrigin::Regularised => "regularised",
            LandingOrigin::UndecidedPolicy => "undecided-policy",
            LandingOrigin::PolicyNotKnown => "policy-not-known",
            LandingOrigin::NotEnforced => "not-enforced",
            LandingOrigin::DeniedNotEnforced => "denied-not-enforced",
        }
    }

    /// Returns the same in words, before the name of the ref.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            LandingOrigin::AlreadyThere => "older than the ledger, on ",
            LandingOrigin::BeforeProtection => "landed before the ref was protected, on ",
            LandingOrigin::Decided => "landed as decided on ",
            LandingOrigin::Unauthorised => "landed WITHOUT A DECISION on ",
            LandingOrigin::Regularised => "landed without a decision and was regularised, on ",
            LandingOrigin::UndecidedPolicy => "landed by a policy WITHOUT A DECISION on ",
            LandingOrigin::PolicyNotKnown => {
                "landed by a policy of which it is not known here whether it came without a decision, on "
            }
            LandingOrigin::NotEnforced => "landed while NOTHING WAS ENFORCED (evaluate mode), on ",
            LandingOrigin::DeniedNotEnforced => {
                "landed ALTHOUGH DENIED, while NOTHING WAS ENFORCED (evaluate mode), on "
            }
        }
    }
}
