//! Finds the steps that were judged by a shared policy that asks less than at the decision before.

use anyhow::Result;

use crate::audit::exceptions::of_policy::build_base_exception;
use crate::audit::population::ref_chain::{ChainStep, StepLanding};
use crate::audit::ref_audit::RefAuditor;
use crate::ledger::audit::ledger_history::MoveDecision;
use crate::ledger::audit::policy_changes::read_loosened_base;

impl RefAuditor<'_> {
    /// Tells that the policy of a step may ask less because a shared policy moved, as the record of its decision says. No
    /// commit of this repository brought that.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be read, and passes on what the observer says.
    pub(super) fn compare_shared_policies(&mut self, step: &ChainStep) -> Result<()> {
        let StepLanding::Moved(number) = step.landing else { return Ok(()) };
        let moves = &self.history.moves;
        let Some(landed) = moves.get(number).filter(|one| one.moved.new == Some(step.id)) else {
            return Ok(());
        };
        let Some(decided) = &landed.decision else { return Ok(()) };
        let earlier = moves.iter().take(number).rev().find_map(|one| one.decision.as_deref());
        // Policies that are the same were not moved; only else is the record read again.
        if earlier.is_none_or(|earlier| have_same_policies(earlier, decided)) {
            return Ok(());
        }
        let changes = read_loosened_base(self.repository, decided.holder)?;
        if changes.is_empty() {
            return Ok(());
        }
        let told = (changes.as_slice(), format!("record {} of the ledger", decided.record));
        let landed_at = (step.id, landed.observed_at);
        let exception = build_base_exception(&self.request.repository_name, landed_at, told);
        self.observer.add_exception(&exception)
    }
}

fn have_same_policies(one: &MoveDecision, other: &MoveDecision) -> bool {
    let digests = |decided: &MoveDecision| -> Vec<String> {
        decided.policies.iter().map(|source| source.digest().to_owned()).collect()
    };
    digests(one) == digests(other)
}
