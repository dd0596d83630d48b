//! How much a judgement matters: the same order for every format.

use crate::verdict::{Judgement, RuleLevel, RuleOutcome};

/// The importance of a judgement; what comes first matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JudgementRank {
    /// The judgement denies, because something is wrong.
    Denied,
    /// The judgement denies, because a fact is missing.
    DeniedUnknown,
    /// A fact is missing, and nothing is denied for that here.
    Undecided,
    /// The judgement is reported and denies nothing.
    Warning,
    /// The change meets the rule against obligations.
    Owed,
    /// The change breaks the rule, and an exemption allows that.
    Exempted,
    /// A later stage checks the rule.
    Deferred,
    /// The change meets the rule.
    Passed,
    /// The rule does not apply to the change.
    NotApplicable,
}

impl JudgementRank {
    /// Returns the rank of a judgement, where a missing fact denies if and only if `enforced`.
    pub(crate) fn from_judgement(judgement: &Judgement, enforced: bool) -> Self {
        let denies = judgement.is_denying(enforced);
        match &judgement.outcome {
            RuleOutcome::Fail(_) if denies => JudgementRank::Denied,
            RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_) | RuleOutcome::MaybeExempted(_)
                if denies =>
            {
                JudgementRank::DeniedUnknown
            }
            RuleOutcome::MaybeExempted(possible) if possible.is_settled_later() => JudgementRank::Deferred,
            RuleOutcome::Undecided(_) | RuleOutcome::MaybeExempted(_)
                if judgement.level == RuleLevel::Deny =>
            {
                JudgementRank::Undecided
            }
            RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) | RuleOutcome::MaybeExempted(_) => {
                JudgementRank::Warning
            }
            RuleOutcome::Deferred(_) => JudgementRank::Deferred,
            RuleOutcome::Owed(_) => JudgementRank::Owed,
            RuleOutcome::Exempted { .. } => JudgementRank::Exempted,
            RuleOutcome::Pass => JudgementRank::Passed,
            RuleOutcome::NotApplicable => JudgementRank::NotApplicable,
        }
    }

    /// Returns true for a judgement that denies.
    pub(crate) fn is_denying(self) -> bool {
        self <= JudgementRank::DeniedUnknown
    }

    /// Returns true for a judgement to report in its place; what passed or is checked later is
    /// listed at the end of a report, if at all.
    pub(crate) fn is_listed(self) -> bool {
        self < JudgementRank::Deferred
    }

    /// Returns the rank in a word or two, for a reader who sees nothing else.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            JudgementRank::Denied => "denied",
            JudgementRank::DeniedUnknown => "denied (undecided)",
            JudgementRank::Undecided => "undecided",
            JudgementRank::Warning => "warning",
            JudgementRank::Owed => "owed",
            JudgementRank::Exempted => "exempted",
            JudgementRank::Deferred => "checked later",
            JudgementRank::Passed => "passed",
            JudgementRank::NotApplicable => "not applicable",
        }
    }
}
