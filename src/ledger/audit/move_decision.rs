//! A decision about one ref, as a reading of the ledger keeps it: without its verdicts.

use crate::change::Oid;
use crate::ledger::audit::ledger_history::MoveDecision;
use crate::ledger::record::{DecisionRecord, RefDecision};

impl MoveDecision {
    /// Returns the decision about one ref in the record of this number, which this commit of the ledger holds.
    pub(crate) fn from_record(
        (record, holder): (u64, Oid),
        decided: &DecisionRecord,
        own: &RefDecision,
    ) -> MoveDecision {
        MoveDecision {
            id: decided.id.clone(),
            record,
            holder,
            observed_at: decided.observed_at,
            stage: decided.stage,
            pusher: decided.pusher.clone(),
            policies: own.policies.clone(),
            pull_landings: own.pull_landings.clone(),
            closings: own.closings.clone(),
            judged_changes: own.count_changes(),
            has_reasons: decided.reasons.is_some(),
            reasons_digest: decided.reasons.as_ref().map(|kept| kept.digest.clone()).unwrap_or_default(),
            tool: decided.tool.clone(),
        }
    }
}
