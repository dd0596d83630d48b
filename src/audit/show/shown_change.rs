//! One change, read for a page: the row of the change log, the verdicts behind it, and the decision that holds them.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::Result;

use crate::audit::change_record::ChangeRecord;
use crate::audit::population::population_entry::PopulationEntry;
use crate::audit::ref_audit::{PopulationObserver, RefAuditRequest, audit_ref};
use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::audit::ledger_history::{LedgerHistory, MoveDecision};
use crate::ledger::audit::ref_verdicts::read_change_verdicts;
use crate::policy::Policy;
use crate::verdict::Verdict;

/// A change with what its page tells beyond the change log.
#[derive(Clone, Debug)]
pub struct ShownChange {
    /// The change.
    pub record: ChangeRecord,
    /// The decision that brought it.
    pub decision: Option<Rc<MoveDecision>>,
    /// The verdicts on it, with the sentences of their findings.
    pub verdicts: Vec<Verdict>,
    /// Why a verdict is not available.
    pub unavailable: Vec<String>,
    /// True if the repository has a ledger.
    pub has_ledger: bool,
    /// The number of records that cannot be read.
    pub unreadable_records: usize,
}

/// Reads the change that landed as `step`; `None` if the step closes something and is no change.
///
/// # Errors
///
/// Fails if the history, the ledger or an object of the change cannot be read.
pub fn read_shown_change(
    repository: &Repository,
    request: &RefAuditRequest<'_>,
    history: Option<&LedgerHistory>,
    step: Oid,
) -> Result<Option<ShownChange>> {
    let mut taken = TakenChange { step, found: None };
    let request = RefAuditRequest {
        repository_name: request.repository_name.clone(),
        ref_name: request.ref_name.clone(),
        tip: request.tip,
        period: request.period,
        after: request.after,
        only: Some(BTreeSet::from([step])),
        policy: request.policy,
        incidents: request.incidents,
        deployments: request.deployments,
        merged_pulls: request.merged_pulls,
        now: request.now,
        threads: request.threads,
        journal: None,
    };
    audit_ref(repository, &request, history, &mut taken)?;
    let Some(record) = taken.found else { return Ok(None) };
    let moved = history
        .and_then(|history| history.moves.iter().find(|one| Some(one.record) == record.landing.record));
    let decision = moved.and_then(|one| one.decision.clone());
    let (mut verdicts, mut unavailable) = (record.verdicts.clone(), Vec::new());
    if let Some(decided) = &decision
        && verdicts.is_empty()
    {
        let mut revisions: BTreeSet<Oid> =
            record.reasons.iter().filter_map(|reasons| reasons.revision).collect();
        revisions.insert(record.id);
        let own = decided.pull_landings.iter().filter(|landing| landing.landed_as == record.id);
        revisions.extend(own.map(|landing| landing.change));
        (verdicts, unavailable) =
            read_change_verdicts(repository, decided.holder, &record.ref_name, &revisions)?;
    }
    Ok(Some(ShownChange {
        record,
        decision,
        verdicts,
        unavailable,
        has_ledger: history.is_some(),
        unreadable_records: history.map_or(0, |history| history.unreadable_records.len()),
    }))
}

/// Keeps the change that landed as one step.
struct TakenChange {
    step: Oid,
    found: Option<ChangeRecord>,
}

impl PopulationObserver for TakenChange {
    fn add_entry(&mut self, _: &PopulationEntry) -> Result<()> {
        Ok(())
    }

    fn add_policy(&mut self, _: &Policy) -> Result<()> {
        Ok(())
    }

    fn add_change(&mut self, change: &ChangeRecord) -> Result<()> {
        if change.id == self.step {
            self.found = Some(change.clone());
        }
        Ok(())
    }

    fn count_step(&mut self) {}
}
