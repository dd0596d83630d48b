//! The moves of the policy ref that no decision allowed: those that the ledger holds and that are not
//! regularised, and those that it does not hold yet.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};

use crate::change::{Oid, Text};
use crate::gate::{UnauthorisedRecord, UndecidedMove};
use crate::git::Repository;
use crate::ledger::server::pending::{PendingDecision, collect_pending};
use crate::ledger::server::recorded_entries::find_recorded_entries;
use crate::ledger::server::ref_path::{DecisionEdge, RefStep, find_ref_path};
use crate::ledger::server::ref_steps::is_behind;
use crate::ledger::server::write_ahead;
use crate::ledger::state::{LedgerState, encode_ref_key};
use crate::ledger::store::protected_refs::ProtectedRefs;
use crate::ledger::store::state_reader::LedgerStateReader;

/// How often the ledger is read again while other processes append to it.
const MAX_READS: usize = 3;

/// Returns the moves of a ref that no decision allowed and that are not regularised, oldest first. A move
/// that the ledger does not hold yet is found by what the ref holds now.
///
/// # Errors
///
/// Fails if the ledger, the journal or the ref cannot be read.
pub(crate) fn list_undecided_moves(
    states: &LedgerStateReader<'_>,
    ref_name: &Text,
) -> Result<Vec<UndecidedMove>> {
    let repository = states.repository();
    let mut moves = Vec::new();
    let mut number = None;
    for _ in 0..MAX_READS {
        let Some(state) = states.read_newest()? else { return Ok(Vec::new()) };
        // Nothing was appended while the refs were read, so what is found is really not explained.
        if number == Some(state.number) {
            return Ok(moves);
        }
        number = Some(state.number);
        let found = repository.resolve_ref(ref_name.as_bytes())?;
        moves = list_recorded_moves(&state, &found.name);
        let known = state.tips.get(&encode_ref_key(&found.name)).copied();
        let is_followed = known.is_some() || moves.last().is_some_and(|last| last.new.is_none());
        if !is_followed || known == found.id {
            return Ok(moves);
        }
        let gaps = list_unrecorded_moves(repository, &state, &found.name, (known, found.id))?;
        if gaps.is_empty() {
            return Ok(moves);
        }
        moves.extend(gaps);
    }
    Ok(moves)
}

/// Returns the moves of a ref in the ledger that are not regularised, oldest first.
pub(crate) fn list_recorded_moves(state: &LedgerState, ref_name: &Text) -> Vec<UndecidedMove> {
    let mut found = Vec::new();
    for owed in state.obligations.values() {
        if let Some(change) = &owed.unauthorised_change
            && owed.closed.is_none()
            && owed.ref_name == *ref_name
        {
            found.push((change.record_number, UndecidedMove { old: change.old_tip, new: owed.change }));
        }
    }
    found.sort_unstable_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, moved)| moved).collect()
}

/// Returns the records of the unauthorised changes that the ledger has, open and closed: none without a ledger, and
/// `None` if it cannot be read.
pub(crate) fn read_unauthorised_records(states: &LedgerStateReader<'_>) -> Option<Vec<UnauthorisedRecord>> {
    let Some(state) = states.read_newest().ok()? else { return Some(Vec::new()) };
    let mut found = Vec::new();
    for owed in state.obligations.values() {
        if let Some(change) = &owed.unauthorised_change {
            found.push(UnauthorisedRecord {
                number: change.record_number,
                ref_name: owed.ref_name.clone(),
                regularised_on: change.regularised_on.clone(),
                moved: UndecidedMove { old: change.old_tip, new: owed.change },
                is_regularised: owed.closed.is_some(),
            });
        }
    }
    Some(found)
}

/// Returns the moves of protected branches that no decision allowed and that the ledger does not hold yet, as records that
/// are still to come; none without a ledger.
///
/// # Errors
///
/// Fails if the ledger, the journal or the refs cannot be read.
pub(crate) fn list_coming_records(states: &LedgerStateReader<'_>) -> Result<Vec<UnauthorisedRecord>> {
    let repository = states.repository();
    let Some(state) = states.read_newest()? else { return Ok(Vec::new()) };
    let refs = ProtectedRefs::read_refs(repository, None, &state, &BTreeSet::new())?;
    let mut coming = Vec::new();
    for name in refs.ref_names().filter(|name| name.as_bytes().starts_with(b"refs/heads/")) {
        let known = state.tips.get(&encode_ref_key(name)).copied();
        let holds = refs.ref_tip(name).flatten();
        if known == holds {
            continue;
        }
        for moved in list_unrecorded_moves(repository, &state, name, (known, holds))? {
            coming.push(UnauthorisedRecord {
                number: u64::MAX,
                ref_name: name.clone(),
                regularised_on: None,
                moved,
                is_regularised: false,
            });
        }
    }
    Ok(coming)
}

/// Returns the moves from what the ledger knows to what a ref holds that no decision on disk explains.
fn list_unrecorded_moves(
    repository: &Repository,
    state: &LedgerState,
    ref_name: &Text,
    (known, holds): (Option<Oid>, Option<Oid>),
) -> Result<Vec<UndecidedMove>> {
    let journal = write_ahead::list_entries(repository.common_dir(), &[], 0)
        .context("cannot list what was written ahead")?;
    let recorded = find_recorded_entries(repository, state, &journal)?;
    let pending = collect_pending(journal, state, &recorded, &|_| false);
    let mut edges: Vec<DecisionEdge> = Vec::new();
    for (name, edge) in pending.iter().flat_map(PendingDecision::list_edges) {
        if name == ref_name {
            edges.push(edge);
        }
    }
    let is_behind = |id| holds.is_some_and(|holds| is_behind(repository, id, holds));
    let mut gaps = Vec::new();
    let mut at = known;
    for step in find_ref_path(known, holds, &edges, &is_behind) {
        match step {
            RefStep::Gap(old, new) => {
                gaps.push(UndecidedMove { old, new });
                at = new;
            }
            RefStep::Decided(place) => at = edges.get(place).and_then(|edge| edge.new),
        }
    }
    if at != holds {
        gaps.push(UndecidedMove { old: at, new: holds });
    }
    Ok(gaps)
}
