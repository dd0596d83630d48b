//! One change, read for a page: the row of the change log, the verdicts behind it, and the decision that holds them.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::Result;

use crate::audit::change_record::ChangeRecord;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::ref_audit::{PopulationObserver, RefAuditRequest, audit_ref};
use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::audit::ledger_history::{LedgerHistory, MoveDecision};
use crate::ledger::audit::policy_changes::read_policy_changes;
use crate::ledger::audit::ref_verdicts::read_change_verdicts;
use crate::ledger::record::RecordedMove;
use crate::policy::Policy;
use crate::verdict::{Message, Verdict};

/// A change with what its page tells beyond the change log.
#[derive(Clone, Debug)]
pub struct ShownChange {
    /// The change.
    pub record: ChangeRecord,
    /// The move that brought it, by the ledger.
    pub moved: Option<RecordedMove>,
    /// The decision that brought it.
    pub decision: Option<Rc<MoveDecision>>,
    /// The verdicts on it, with the sentences of their findings.
    pub verdicts: Vec<Verdict>,
    /// What the decision says about a change of the policy.
    pub policy_changes: Vec<Message>,
    /// Why a verdict is not available.
    pub unavailable: Vec<String>,
    /// True if the repository has a ledger.
    pub has_ledger: bool,
    /// The number of records that cannot be read.
    pub unreadable_records: usize,
}

/// A step of a branch, read for a page.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a command makes a few of it")]
pub enum ShownStep {
    /// It is a change.
    Change(ShownChange),
    /// It is no change of this branch, but this.
    Other(EntryKind, Text),
    /// It is no step that can be found.
    Unknown,
}

/// Reads the change that landed as `step`, or what the step is instead.
///
/// # Errors
///
/// Fails if the history, the ledger or an object of the change cannot be read.
pub fn read_shown_change(
    repository: &Repository,
    request: &RefAuditRequest<'_>,
    history: Option<&LedgerHistory>,
    step: Oid,
) -> Result<ShownStep> {
    let mut taken = TakenChange { step, found: None, entry: None };
    let request = RefAuditRequest {
        repository_name: request.repository_name.clone(),
        ref_name: request.ref_name.clone(),
        tip: request.tip,
        is_ref_tip: request.is_ref_tip,
        period: request.period,
        after: request.after,
        until: request.until,
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
    let Some(record) = taken.found else {
        let other = taken.entry.map(|entry| ShownStep::Other(entry.kind, entry.what));
        return Ok(other.unwrap_or(ShownStep::Unknown));
    };
    let moved = history
        .and_then(|history| history.moves.iter().find(|one| Some(one.record) == record.landing.record));
    let decision = moved.and_then(|one| one.decision.clone());
    let (verdicts, unavailable) = match &decision {
        Some(decided) if record.verdicts.is_empty() => read_recorded_verdicts(repository, &record, decided)?,
        _ => (record.verdicts.clone(), Vec::new()),
    };
    let policy_changes = read_change_policy(repository, decision.as_deref())?;
    Ok(ShownStep::Change(ShownChange {
        record,
        moved: moved.map(|one| one.moved.clone()),
        decision,
        verdicts,
        policy_changes,
        unavailable,
        has_ledger: history.is_some(),
        unreadable_records: history.map_or(0, |history| history.unreadable_records.len()),
    }))
}

/// Returns the verdicts of a decision on a change, and why some are not available.
///
/// # Errors
///
/// Fails if an object of the record cannot be read.
pub(crate) fn read_recorded_verdicts(
    repository: &Repository,
    record: &ChangeRecord,
    decided: &MoveDecision,
) -> Result<(Vec<Verdict>, Vec<String>)> {
    let mut revisions: BTreeSet<Oid> = record.reasons.iter().filter_map(|reasons| reasons.revision).collect();
    revisions.insert(record.id);
    let own = decided.pull_landings.iter().filter(|landing| landing.landed_as == record.id);
    revisions.extend(own.map(|landing| landing.change));
    read_change_verdicts(repository, decided.holder, &record.ref_name, &revisions)
}

/// Returns what a decision says about a change of the policy.
///
/// # Errors
///
/// Fails if an object of the record cannot be read.
pub(crate) fn read_change_policy(
    repository: &Repository,
    decided: Option<&MoveDecision>,
) -> Result<Vec<Message>> {
    match decided {
        Some(decided) => read_policy_changes(repository, decided.holder),
        None => Ok(Vec::new()),
    }
}

/// Keeps the change that landed as one step.
struct TakenChange {
    step: Oid,
    found: Option<ChangeRecord>,
    entry: Option<PopulationEntry>,
}

impl PopulationObserver for TakenChange {
    fn add_entry(&mut self, entry: &PopulationEntry) -> Result<()> {
        if entry.commit == Some(self.step) {
            self.entry = Some(entry.clone());
        }
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
