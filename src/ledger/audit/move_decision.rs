//! A decision about one ref, as a reading of the ledger keeps it: without its verdicts.

use std::collections::HashMap;
use std::rc::Rc;

use crate::change::Oid;
use crate::ledger::audit::index_table::{IndexReader, IndexWriter};
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
            evaluated: decided.evaluated,
            judged_changes: own.count_changes(),
            has_reasons: decided.reasons.is_some(),
            reasons_digest: decided.reasons.as_ref().map(|kept| kept.digest.clone()).unwrap_or_default(),
            facts_digest: if decided.facts.kept { decided.facts.digest.clone() } else { String::new() },
            tool: decided.tool.clone(),
        }
    }
}

/// A decision with the number of the record that puts its policy in doubt.
pub(crate) type KnownDecision = (Rc<MoveDecision>, Option<u64>);

/// Writes a decision into an index.
pub(crate) fn encode_decision(
    decision: &MoveDecision,
    doubt: Option<u64>,
    out: &mut IndexWriter,
) -> Option<()> {
    out.put_bytes(decision.id.as_bytes());
    out.put_number(decision.record);
    out.put_id(Some(decision.holder));
    out.put_time(decision.observed_at);
    out.put_shared(&decision.stage).ok()?;
    out.put_shared(&decision.pusher).ok()?;
    out.put_shared(&decision.policies).ok()?;
    out.put_shared(&decision.pull_landings).ok()?;
    out.put_shared(&decision.closings).ok()?;
    out.put_shared(&decision.evaluated).ok()?;
    out.put_number(decision.judged_changes as u64);
    out.put_number(u64::from(decision.has_reasons));
    out.put_bytes(decision.reasons_digest.as_bytes());
    out.put_bytes(decision.facts_digest.as_bytes());
    out.put_shared(&decision.tool).ok()?;
    out.put_shared(&doubt).ok()
}

/// Reads the decisions of an index.
pub(crate) fn decode_decisions(index: &mut IndexReader<'_>) -> Option<Vec<KnownDecision>> {
    let (mut stages, mut pushers, mut policies) = (HashMap::new(), HashMap::new(), HashMap::new());
    let (mut landings, mut closings) = (HashMap::new(), HashMap::new());
    let (mut tools, mut doubts, mut evaluations) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut decisions = Vec::new();
    for _ in 0..index.take_number()? {
        let decision = MoveDecision {
            id: index.take_text()?,
            record: index.take_number()?,
            holder: index.take_id()??,
            observed_at: index.take_time()?,
            stage: index.take_shared(&mut stages)?,
            pusher: index.take_shared(&mut pushers)?,
            policies: index.take_shared(&mut policies)?,
            pull_landings: index.take_shared(&mut landings)?,
            closings: index.take_shared(&mut closings)?,
            evaluated: index.take_shared(&mut evaluations)?,
            judged_changes: usize::try_from(index.take_number()?).ok()?,
            has_reasons: index.take_number()? == 1,
            reasons_digest: index.take_text()?,
            facts_digest: index.take_text()?,
            tool: index.take_shared(&mut tools)?,
        };
        decisions.push((Rc::new(decision), index.take_shared(&mut doubts)?));
    }
    Some(decisions)
}
