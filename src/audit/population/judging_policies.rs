//! The policies that the verdicts of a ledger rest on, each read once: a verdict names rules, and what a rule is for
//! stands in its policy.

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;

use crate::git::Repository;
use crate::ledger::audit::ledger_history::MoveDecision;
use crate::ledger::audit::replay::load_recorded_policy;
use crate::ledger::record::RecordedReasons;
use crate::policy::Policy;

/// Reads policies as verdicts name them.
pub(crate) struct JudgingPolicies<'a> {
    repository: &'a Repository,
    /// The digests of the policies that were read, or that cannot be.
    known: HashSet<String>,
}

impl<'a> JudgingPolicies<'a> {
    /// Starts with nothing read.
    pub(crate) fn new(repository: &'a Repository) -> Self {
        JudgingPolicies { repository, known: HashSet::new() }
    }

    /// Reads the policies of a decision that its verdicts name and that were not read before. One that cannot be read
    /// any more is left out.
    ///
    /// # Errors
    ///
    /// Passes on what `take` says.
    pub(crate) fn read_policies(
        &mut self,
        decided: &MoveDecision,
        reasons: &[RecordedReasons],
        take: &mut dyn FnMut(&Policy) -> Result<()>,
    ) -> Result<()> {
        // The record of a move does not tell at which commits shared files were read; the digest does.
        let unnamed = BTreeMap::new();
        for named in reasons.iter().flat_map(|one| &one.policies) {
            let Some(source) = decided.policies.iter().find(|source| source.digest() == named.digest) else {
                continue;
            };
            if self.known.insert(named.digest.clone())
                && let Ok(loaded) = load_recorded_policy(self.repository, &unnamed, source)
            {
                take(&loaded.policy)?;
            }
        }
        Ok(())
    }
}
