//! Finds evidence that the ledger does not hold yet, and records what it closes.

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::{NeededFacts, Oid, Text};
use crate::gate::obligations::{ObligationClosing, format_record_reference, parse_record_reference};
use crate::git::Repository;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::{LedgerEvent, ObligationEvidence};
use crate::ledger::state::obligation::{build_discharge, check_closing};
use crate::ledger::state::status::NotClosedReason;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::ledger::store::gate_folder;
use crate::ledger::store::{LedgerWriter, remove_stale_lock};
use crate::verdict::{Message, MessageValue, messages};

messages! {
    CLOSED = "discharge.closed": "{rule} of {change} is closed";
    CLOSED_BY = "discharge.closed-by": "{closed}, by {evidence}";
    CLOSED_LATE = "discharge.closed-late": "{closed}, late";
    REGULARISED = "discharge.regularised": "record {number}, an unauthorised change, is regularised";
    NAMES_NOTHING = "discharge.names-nothing": "`For-Change: {reference}` closes nothing: no change of {ref} of that id has something open, or more than one begins so; write all digits of the id";
    NAMES_NO_ID = "discharge.names-no-id": "`For-Change: {reference}` closes nothing: no change of {ref} of that id has something open";
    NAMES_NO_RECORD = "discharge.names-no-record": "`For-Change: {reference}` closes nothing: on {ref} nothing is open for that record";
    NAMES_INNER_COMMIT = "discharge.names-inner-commit": "`For-Change: {reference}` closes nothing: that commit landed on {ref} with {change}, which has the obligations; write `For-Change: {change}`";
    STATES_NOTHING = "discharge.states-nothing": "`For-Change: {reference}` closes nothing: the change does not state what is open, {fields/or}, in a form that the policy accepts";
    STAYS_OPEN = "discharge.stays-open": "{rule} of {change} stays open: {reason}";
    RECORD_REFERENCE = "discharge.record": "record {number}";
}

/// Appends to a ledger that has begun the events that `events` returns for its state, and returns the
/// state after them.
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

/// What knows the commits that landed with a change that owes something.
pub(crate) type InnerCommitSource<'a> = dyn Fn(&TrackedObligation) -> Vec<Oid> + 'a;

/// Changes that landed together, and may close what is owed.
#[derive(Clone, Copy)]
pub(crate) struct LandedClosings<'a> {
    /// The ref that they landed on.
    pub(crate) ref_name: &'a Text,
    /// What they state for earlier changes.
    pub(crate) closings: &'a [ObligationClosing],
    /// The id of the decision that let them land; `None` in a sweep, which takes them from the history.
    pub(crate) decision: Option<&'a str>,
    /// Returns the commits that landed with a change, as far as they can be found, to say which change is
    /// meant by one of them; `None` where nothing is said.
    pub(crate) list_inner_commits: Option<&'a InnerCommitSource<'a>>,
}

impl<'a> LandedClosings<'a> {
    /// Returns the closings of a decision, with what knows the commits inside of changes.
    pub(crate) fn of_decision(
        ref_name: &'a Text,
        closings: &'a [ObligationClosing],
        decision: &'a str,
        list_inner_commits: &'a InnerCommitSource<'a>,
    ) -> Self {
        let (decision, list_inner_commits) = (Some(decision), Some(list_inner_commits));
        LandedClosings { ref_name, closings, decision, list_inner_commits }
    }

    /// Checks whether one of the changes closes an obligation.
    fn check_one(
        &self,
        owed: &TrackedObligation,
        closing: &ObligationClosing,
    ) -> Result<(), NotClosedReason> {
        check_closing(owed, closing, self.ref_name)?;
        // A review of what happened cannot have been made before it happened.
        if owed.by_others && self.decision == Some(owed.decision.as_str()) {
            return Err(NotClosedReason::LandedTogether);
        }
        Ok(())
    }
}

/// Returns what closes an obligation, among the changes that landed on a ref after it.
///
/// What only a ticket system can confirm comes from [`crate::ledger::server::confirm_tickets`].
pub(crate) fn find_evidence(
    owed: &TrackedObligation,
    landed: LandedClosings<'_>,
) -> Option<ObligationEvidence> {
    let found = landed.closings.iter().find(|closing| landed.check_one(owed, closing).is_ok())?;
    Some(ObligationEvidence::Change { id: found.made.change })
}

/// Returns the events that close what the changes in `landed` are evidence for.
pub(crate) fn list_discharges(
    state: &LedgerState,
    landed: LandedClosings<'_>,
    at: Timestamp,
) -> Vec<LedgerEvent> {
    let mut events = Vec::new();
    for (id, owed) in &state.obligations {
        if let Some(evidence) = find_evidence(owed, landed) {
            events.push(LedgerEvent::Discharged(build_discharge(id, owed, evidence, at)));
        }
    }
    events
}

/// Returns what an event closes; `None` for an event that closes nothing.
pub(crate) fn describe_discharge(event: &LedgerEvent) -> Option<Message> {
    let LedgerEvent::Discharged(one) = event else { return None };
    let is_late = one.late_by.is_some();
    if let Some(number) = parse_unauthorised_key(&one.obligation) {
        return Some(add_lateness(REGULARISED.with("number", number), is_late));
    }
    let change = one.change.map(|id| id.short_hex()).unwrap_or_default();
    let closed = add_lateness(CLOSED.with("rule", one.rule.as_str()).with("change", change), is_late);
    Some(match &one.evidence {
        ObligationEvidence::Change { .. } => closed,
        other => CLOSED_BY.with("closed", closed).with("evidence", other.describe()),
    })
}

fn add_lateness(closed: Message, is_late: bool) -> Message {
    if is_late { CLOSED_LATE.with("closed", closed) } else { closed }
}

/// Returns why obligations stay open that changes state something for.
pub(crate) fn describe_refused_closings(state: &LedgerState, landed: LandedClosings<'_>) -> Vec<Message> {
    let mut notes = Vec::new();
    let mut references: Vec<&str> = Vec::new();
    for reference in landed.closings.iter().flat_map(|closing| &closing.speaks_for) {
        if !references.contains(&reference.as_str()) {
            references.push(reference);
        }
    }
    for reference in references {
        notes.extend(describe_useless_reference(reference, state, landed));
    }
    for owed in state.obligations.values() {
        if find_evidence(owed, landed).is_some() {
            continue;
        }
        let Some(reason) = find_near_miss(owed, landed) else { continue };
        let change: MessageValue = match &owed.unauthorised_change {
            Some(unauthorised) => RECORD_REFERENCE.with("number", unauthorised.record_number).into(),
            None => owed.change.map(|id| id.short_hex()).unwrap_or_default().into(),
        };
        let note = STAYS_OPEN.with("rule", owed.rule.as_str()).with("change", change);
        notes.push(note.with("reason", reason.describe()));
    }
    notes
}

/// Returns why one `For-Change` closes nothing; `None` if it closes something, or if another note says why not.
fn describe_useless_reference(
    reference: &str,
    state: &LedgerState,
    landed: LandedClosings<'_>,
) -> Option<Message> {
    let is_open = |owed: &&TrackedObligation| owed.closed.is_none() && is_open_for(owed, landed.ref_name);
    let open: Vec<&TrackedObligation> = state.obligations.values().filter(is_open).collect();
    let mut named = open.clone();
    named.retain(|owed| is_named_by(owed, reference));
    let message = if named.is_empty() {
        match find_landing_change(reference, &open, landed) {
            Some(change) => NAMES_INNER_COMMIT.with("change", change.to_string()),
            None if parse_record_reference(reference).is_some() => Message::from(&NAMES_NO_RECORD),
            None if Oid::from_hex(reference).is_some() => Message::from(&NAMES_NO_ID),
            None => Message::from(&NAMES_NOTHING),
        }
    } else {
        let mut fields: Vec<String> = Vec::new();
        for owed in named {
            if find_evidence(owed, landed).is_some() || find_near_miss(owed, landed).is_some() {
                return None;
            }
            if let Some(field) = &owed.field {
                fields.push(format!("`{field}`"));
            }
        }
        if fields.is_empty() {
            return None;
        }
        fields.sort_unstable();
        fields.dedup();
        STATES_NOTHING.with("fields", fields)
    };
    Some(message.with("reference", reference).with("ref", landed.ref_name))
}

/// Returns the change that owes something and landed with the commit that a reference names, if it is known.
fn find_landing_change(
    reference: &str,
    open: &[&TrackedObligation],
    landed: LandedClosings<'_>,
) -> Option<Oid> {
    let list_inner_commits = landed.list_inner_commits?;
    if parse_record_reference(reference).is_some() {
        return None;
    }
    let mut seen = Vec::new();
    for owed in open {
        let Some(change) = owed.change.filter(|change| !seen.contains(change)) else { continue };
        seen.push(change);
        if list_inner_commits(owed).iter().any(|id| id.to_string().starts_with(reference)) {
            return Some(change);
        }
    }
    None
}

/// Returns what knows the commits that a merge of this repository brought.
pub(crate) fn find_merged_commits(repository: &Repository) -> impl Fn(&TrackedObligation) -> Vec<Oid> {
    |owed| {
        let Some(change) = owed.change else { return Vec::new() };
        let Ok(merge) = repository.read_commit(change, &NeededFacts::new()) else { return Vec::new() };
        let [first, _, ..] = merge.parents.as_slice() else { return Vec::new() };
        match repository.list_new_commits(change, &[*first]) {
            Ok(brought) => brought.map_while(Result::ok).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// Returns whether a change on this ref could close an obligation.
fn is_open_for(owed: &TrackedObligation, ref_name: &Text) -> bool {
    match &owed.unauthorised_change {
        // While no team may regularise it, no ref is named; it stays open for another reason.
        Some(change) => change.regularised_on.as_ref().is_none_or(|on| on == ref_name),
        None => owed.ref_name == *ref_name,
    }
}

/// Returns whether a reference names the change that owes.
fn is_named_by(owed: &TrackedObligation, reference: &str) -> bool {
    if let Some(change) = &owed.unauthorised_change
        && format_record_reference(change.record_number) == reference
    {
        return true;
    }
    owed.is_named_by_digits(reference)
}

/// Returns why the first change that states something for an obligation does not close it; `None` if
/// every change is about something else.
fn find_near_miss(owed: &TrackedObligation, landed: LandedClosings<'_>) -> Option<NotClosedReason> {
    for closing in landed.closings {
        match landed.check_one(owed, closing) {
            Ok(())
            | Err(
                NotClosedReason::AlreadyClosed
                | NotClosedReason::AnotherRef
                | NotClosedReason::AnotherChange
                | NotClosedReason::NotStated
                | NotClosedReason::BreakGlassSession,
            ) => {}
            Err(reason) => return Some(reason),
        }
    }
    None
}
