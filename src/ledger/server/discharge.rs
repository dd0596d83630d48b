//! A sweep: evidence that nobody has recorded yet, and who was told of what is due.

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::Text;
use crate::gate::obligations::ObligationClosing;
use crate::git::Repository;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::{LedgerEvent, ObligationEvidence};
use crate::ledger::state::obligation::{build_discharge, check_closing};
use crate::ledger::state::status::NotClosedReason;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::ledger::store::gate_folder;
use crate::ledger::store::{LedgerWriter, remove_stale_lock};

/// Appends to a ledger that has begun what `events` makes of its state, and returns the state after it.
///
/// # Errors
///
/// Fails if there is no ledger, or if it cannot be read or written.
pub fn append_events(
    repository: &Repository,
    key: Option<&str>,
    now: Timestamp,
    events: impl FnOnce(&LedgerState) -> Vec<LedgerEvent>,
) -> Result<LedgerState> {
    let mut lock = gate_folder::acquire_lock(repository.common_dir()).context("cannot lock the ledger")?;
    remove_stale_lock(repository, &mut lock)?;
    let mut ledger = LedgerWriter::open_ledger(repository, key)?;
    anyhow::ensure!(
        ledger.has_begun(),
        "there is no ledger here yet; `changegate ledger reconcile` begins it"
    );
    for event in events(ledger.state()) {
        ledger.append_event(event, None, now)?;
    }
    ledger.commit_records(&mut lock, now)?;
    Ok(ledger.state().clone())
}

/// Returns what closes an obligation, among the changes that landed on a ref after it.
///
/// What only a ticket system can tell comes from [`crate::ledger::server::confirm_tickets`].
pub fn find_evidence(
    owed: &TrackedObligation,
    on: &Text,
    landed: &[ObligationClosing],
) -> Option<ObligationEvidence> {
    let found = landed.iter().find(|closing| check_closing(owed, closing, on).is_ok())?;
    Some(ObligationEvidence::Change { id: found.made.change })
}

/// Returns the records that close what `landed`, on the ref `on`, is evidence for.
pub fn list_discharges(
    state: &LedgerState,
    on: &Text,
    landed: &[ObligationClosing],
    at: Timestamp,
) -> Vec<LedgerEvent> {
    let found = state.obligations.iter().filter_map(|(id, owed)| {
        let evidence = find_evidence(owed, on, landed)?;
        Some(LedgerEvent::Discharged(build_discharge(id, owed, evidence, at)))
    });
    found.collect()
}

/// Returns in words what a record closes.
pub fn describe_discharge(event: &LedgerEvent) -> Option<String> {
    let LedgerEvent::Discharged(one) = event else { return None };
    let change = one.change.map(|id| id.short_hex()).unwrap_or_default();
    let late = if one.late_by.is_some() { ", late" } else { "" };
    let by = match &one.evidence {
        ObligationEvidence::Change { .. } => String::new(),
        other => format!(", by {}", other.describe()),
    };
    if let Some(number) = parse_unauthorised_key(&one.obligation) {
        return Some(format!(
            "record {number}, which landed without a decision, is declared after the fact{late}"
        ));
    }
    Some(format!("{} of {change} is closed{late}{by}", one.rule))
}

/// Returns in words what changes state for something that is owed, and do not close.
pub(crate) fn describe_refused_closings(
    state: &LedgerState,
    on: &Text,
    landed: &[ObligationClosing],
) -> Vec<String> {
    let mut found = Vec::new();
    for owed in state.obligations.values().filter(|owed| find_evidence(owed, on, landed).is_none()) {
        let why = landed.iter().find_map(|closing| {
            let why = check_closing(owed, closing, on).err()?;
            let is_near = !matches!(
                why,
                NotClosedReason::AlreadyClosed | NotClosedReason::AnotherRef | NotClosedReason::AnotherChange
            );
            (is_near && !matches!(why, NotClosedReason::NotStated | NotClosedReason::BreakGlassSession))
                .then_some(why)
        });
        if let Some(why) = why {
            let number =
                owed.unauthorised_change.as_ref().map(|stray| format!("record {}", stray.record_number));
            let change = number.or_else(|| owed.change.map(|id| id.short_hex())).unwrap_or_default();
            found.push(format!("{} of {change} stays open: {}", owed.rule, why.describe()));
        }
    }
    found
}
