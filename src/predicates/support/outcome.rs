//! What a predicate answers once it has all its facts.

use crate::change::Missing;
use crate::verdict::{Finding, Obligation};

/// The answer of a predicate that has all its facts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PredicateOutcome {
    /// The predicate holds, without conditions.
    Holds,
    /// The predicate holds for now, against these obligations.
    Owed(Vec<Obligation>),
    /// The predicate does not hold, for these reasons; never empty.
    Fails(Vec<Finding>),
}

impl PredicateOutcome {
    /// Returns the outcome that holds if and only if there is no finding.
    pub(crate) fn from_findings(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { PredicateOutcome::Holds } else { PredicateOutcome::Fails(findings) }
    }

    /// Returns the outcome for a question about each of several things, some of which may be unknown:
    /// one finding decides, and without a finding one gap leaves the question open.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing, if it matters.
    pub(crate) fn from_findings_or_missing(
        findings: Vec<Finding>,
        missing: Option<Missing>,
    ) -> Result<Self, Missing> {
        match missing {
            Some(missing) if findings.is_empty() => Err(missing),
            _ => Ok(PredicateOutcome::from_findings(findings)),
        }
    }
}
