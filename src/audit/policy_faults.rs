//! Policies that were in force although their own check refuses them: a gate that enforces lets none in, so they came past it,
//! or while nothing was enforced.

use anyhow::Result;

use crate::audit::exceptions::of_policy::build_fault_exception;
use crate::audit::population::judged_part::JudgedPart;
use crate::audit::population::ref_chain::StepLanding;
use crate::audit::ref_audit::RefAuditor;
use crate::gate::{LoadedPolicy, check_policy};
use crate::ledger::audit::trace::LandingOrigin;

impl RefAuditor<'_> {
    /// Tells of the faults of the policy that judged a part, unless a decision that counts let it in.
    pub(super) fn add_policy_faults(&mut self, part: &JudgedPart<'_>) -> Result<()> {
        let steps = self.chain.steps.get(part.first..=part.last).unwrap_or_default();
        // Before there was a gate, nothing was in force.
        let is_gated = steps.iter().any(|step| matches!(step.landing, StepLanding::Moved(_)));
        match (part.loaded(), part.first.checked_sub(1)) {
            (Some(loaded), Some(before)) if is_gated => self.add_faults_of(loaded, before),
            _ => Ok(()),
        }
    }

    /// Tells of the faults of the policy that the step at this place left, unless a decision that counts let it in.
    pub(super) fn add_faults_of(&mut self, loaded: &LoadedPolicy, place: usize) -> Result<()> {
        let Some(step) = self.chain.steps.get(place).copied() else { return Ok(()) };
        let origin = step.find_origin(self.history);
        if self.request.only.is_some()
            || self.history.moves.is_empty()
            || matches!(origin, Some(LandingOrigin::Decided | LandingOrigin::NotEnforced))
        {
            return Ok(());
        }
        let (at, _) = self.find_landing_time(&step);
        let Err(errors) = check_policy(loaded, &[], at) else { return Ok(()) };
        let landed = (step.id, at);
        let name = &self.request.repository_name;
        self.observer.add_exception(&build_fault_exception(name, landed, (&loaded.policy, &errors)))
    }
}
