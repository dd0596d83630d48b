//! A broken rule that an exemption may allow, where it cannot be known whether the exemption applies.

use crate::change::Missing;
use crate::verdict::Finding;
use crate::verdict::ids::ExemptionId;

/// A broken rule that an exemption may allow, as a point sees it that enforces nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct PossibleExemption {
    /// What is wrong, unless the exemption applies; never empty.
    pub findings: Vec<Finding>,
    /// The facts that are missing to know whether it applies; never empty.
    pub missing: Vec<Missing>,
    /// Why the policy allows it.
    pub reason: String,
    /// The person who approved the exemption.
    pub approved_by: String,
    /// The last day of the exemption.
    pub until: String,
    /// The file and line of the policy on which it stands.
    pub exemption: ExemptionId,
}

impl PossibleExemption {
    /// Returns true if a later stage knows all the missing facts.
    pub(crate) fn is_settled_later(&self) -> bool {
        self.missing.iter().all(|missing| matches!(missing, Missing::NotAtThisStage(_)))
    }
}
