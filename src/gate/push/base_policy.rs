//! The policy of the policy ref, as far as there is one.

use std::rc::Rc;

use crate::gate::policy_findings::refuse_missing_policy;
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::settings::GateSettings;
use crate::verdict::Judgement;

/// The policy that says which refs are under change control.
pub(crate) enum PushBasePolicy {
    /// There is one.
    Loaded(Rc<LoadedPolicy>),
    /// There is none, and the administrator lets everything through.
    Unrestricted,
    /// There is none that can be used.
    Refused(Judgement),
}

impl PushBasePolicy {
    /// Returns the policy, or why nothing can be judged by one.
    pub(crate) fn require_loaded(&self, settings: &GateSettings) -> Result<&LoadedPolicy, Judgement> {
        match self {
            PushBasePolicy::Loaded(loaded) => Ok(loaded),
            PushBasePolicy::Unrestricted => {
                Err(refuse_missing_policy(&UnusablePolicy::Absent, "the policy ref", settings))
            }
            PushBasePolicy::Refused(judgement) => Err(judgement.clone()),
        }
    }
}
