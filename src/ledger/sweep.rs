//! A sweep: evidence that nobody has recorded yet, and who was told of what is due.

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::obligation::{WhyNot, closes, discharge};
use super::place;
use super::record::{Event, Evidence};
use super::state::{Owed, State};
use super::store::{Ledger, unstick};
use super::stray::record_in;
use crate::change::Text;
use crate::gate::dues::Closing;
use crate::git::Repository;

/// Appends to a ledger that has begun what `events` makes of its state, and returns the state after it.
///
/// # Errors
///
/// Fails if there is no ledger, or if it cannot be read or written.
pub fn append(
    repository: &Repository,
    key: Option<&str>,
    now: Timestamp,
    events: impl FnOnce(&State) -> Vec<Event>,
) -> Result<State> {
    let mut lock = place::lock(repository.common_dir()).context("cannot lock the ledger")?;
    unstick(repository, &mut lock)?;
    let mut ledger = Ledger::open(repository, key)?;
    anyhow::ensure!(
        ledger.has_begun(),
        "there is no ledger here yet; `changegate ledger reconcile` begins it"
    );
    for event in events(ledger.state()) {
        ledger.append(event, None, now)?;
    }
    ledger.commit(&mut lock, now)?;
    Ok(ledger.state().clone())
}

/// Returns what closes an obligation, among the changes that landed on a ref after it.
///
/// What only a ticket system can tell comes from [`super::confirming`].
pub fn evidence(owed: &Owed, on: &Text, landed: &[Closing]) -> Option<Evidence> {
    let found = landed.iter().find(|closing| closes(owed, closing, on).is_ok())?;
    Some(Evidence::Change { id: found.made.change })
}

/// Returns the records that close what `landed`, on the ref `on`, is evidence for.
pub fn discharges(state: &State, on: &Text, landed: &[Closing], at: Timestamp) -> Vec<Event> {
    let found = state.owed.iter().filter_map(|(id, owed)| {
        let evidence = evidence(owed, on, landed)?;
        Some(Event::Discharged(discharge(id, owed, evidence, at)))
    });
    found.collect()
}

/// Returns in words what a record closes.
pub fn closed(event: &Event) -> Option<String> {
    let Event::Discharged(one) = event else { return None };
    let change = one.change.map(|id| id.short()).unwrap_or_default();
    let late = if one.late_by.is_some() { ", late" } else { "" };
    let by = match &one.evidence {
        Evidence::Change { .. } => String::new(),
        other => format!(", by {}", other.words()),
    };
    if let Some(number) = record_in(&one.obligation) {
        return Some(format!(
            "record {number}, which landed without a decision, is declared after the fact{late}"
        ));
    }
    Some(format!("{} of {change} is closed{late}{by}", one.rule))
}

/// Returns in words what changes state for something that is owed, and do not close.
pub(super) fn refused(state: &State, on: &Text, landed: &[Closing]) -> Vec<String> {
    let mut found = Vec::new();
    for owed in state.owed.values().filter(|owed| evidence(owed, on, landed).is_none()) {
        let why = landed.iter().find_map(|closing| {
            let why = closes(owed, closing, on).err()?;
            let is_near = !matches!(why, WhyNot::Closed | WhyNot::AnotherRef | WhyNot::AnotherChange);
            (is_near && !matches!(why, WhyNot::NotStated | WhyNot::Session)).then_some(why)
        });
        if let Some(why) = why {
            let number = owed.stray.as_ref().map(|stray| format!("record {}", stray.record));
            let change = number.or_else(|| owed.change.map(|id| id.short())).unwrap_or_default();
            found.push(format!("{} of {change} stays open: {}", owed.rule, why.words()));
        }
    }
    found
}
