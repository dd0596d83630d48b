//! What landed without a decision: who may declare it afterwards, until when, and whether a change does.
//!
//! It is owed from the record on that tells of it, and overdue at once. Where the policy says who may
//! declare such a thing, a further record gives the time and names those who made it; only then can it
//! be closed. That it came without a decision stays.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::gate::obligations::{ObligationClosing, format_record_reference as named};
use crate::ledger::record::RecordedMove;
use crate::ledger::state::obligation::{NotClosedReason, require_independent_person};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::people::contributors::Contributor;
use crate::policy::{EMERGENCY_REASON_FIELD, Policy};

/// The rule that what landed without a decision is answered for.
pub const UNAUTHORISED_CHANGE_RULE: &str = "unauthorised-change";

/// Those who made what a move brought, and whether that is all of them.
pub(crate) type MoveContributors = (Vec<Contributor>, bool);

/// Who may declare what landed without a decision, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegularisationTerms {
    /// The number of the record that tells of it.
    pub record: u64,
    /// The teams that may declare it.
    pub from: Vec<String>,
    /// The last instant that is in time, counted from when that record was written.
    pub due: Option<Timestamp>,
    /// Those who made what it brought, as far as known.
    pub makers: Vec<Contributor>,
    /// Whether all of them are known.
    pub makers_known: bool,
    /// The ref on which the change has to land that declares it.
    pub declared_on: Text,
}

/// What is known of something that landed without a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnauthorisedChange {
    /// The ref on which the change has to land that declares it; `None` while nobody may.
    pub declared_on: Option<Text>,
    /// What the ref held before; `None` for nothing.
    pub old: Option<Oid>,
    /// The number of the record that tells of it.
    pub record: u64,
}

/// Returns what is owed by the number of the record that tells of it.
pub fn unauthorised_key(record: u64) -> String {
    format!("unauthorised/{record}")
}

/// Returns the number of the record that tells of what is owed, if that landed without a decision.
pub fn parse_unauthorised_key(key: &str) -> Option<u64> {
    key.strip_prefix("unauthorised/")?.parse().ok()
}

/// Returns what is owed for a move that nobody decided, which the record of this number tells of.
pub(crate) fn build_unauthorised_obligation(
    moved: &RecordedMove,
    record: u64,
    at: Timestamp,
) -> TrackedObligation {
    TrackedObligation {
        by_others: true,
        change: moved.new,
        closed: None,
        decision: String::new(),
        due: Some(at),
        evidence: format!("{EMERGENCY_REASON_FIELD}: <in your own words>"),
        field: Some(EMERGENCY_REASON_FIELD.into()),
        makers: Vec::new(),
        makers_known: false,
        on: moved.name.clone(),
        owner: "whoever administrates the server".into(),
        pull: None,
        rule: UNAUTHORISED_CHANGE_RULE.into(),
        session: None,
        since: at,
        stray: Some(UnauthorisedChange { declared_on: None, old: moved.old, record }),
        told: None,
        what: "to declare what landed without a decision".into(),
    }
}

/// Takes a record into a state: from now on somebody may declare it.
pub(crate) fn apply_regularisation_terms(state: &mut LedgerState, flagged: &RegularisationTerms) {
    let Some(owed) = state.owed.get_mut(&unauthorised_key(flagged.record)) else { return };
    let Some(stray) = owed.stray.as_mut().filter(|stray| stray.declared_on.is_none()) else { return };
    stray.declared_on = Some(flagged.declared_on.clone());
    owed.owner = flagged.from.join(", ");
    owed.due = flagged.due;
    owed.makers.clone_from(&flagged.makers);
    owed.makers_known = flagged.makers_known;
}

/// Returns who may declare what landed without a decision and is not flagged yet, by the policy that
/// stands now; nobody, if that names nobody. `makers` says who made what one brought, and whether that is
/// all of them; without an answer it is left for later.
pub(crate) fn derive_regularisation_terms(
    (policy, policy_ref): (&Policy, &Text),
    state: &LedgerState,
    makers: &mut dyn FnMut(&TrackedObligation, &UnauthorisedChange) -> Option<MoveContributors>,
) -> Vec<RegularisationTerms> {
    let Some(regularise) = &policy.obligations.regularise else { return Vec::new() };
    let open = state.owed.values().filter(|owed| owed.closed.is_none());
    let strays = open.filter_map(|owed| Some((owed, owed.stray.as_ref()?)));
    let unflagged = strays.filter(|(_, stray)| stray.declared_on.is_none());
    let one = |(owed, stray): (&TrackedObligation, &UnauthorisedChange)| {
        let (makers, makers_known) = makers(owed, stray)?;
        let is_branch = owed.on.as_bytes().starts_with(b"refs/heads/");
        // Where no change can land any more, one on the branch of the policy speaks for it.
        let stays = is_branch && state.tips.contains_key(&crate::ledger::state::encode_ref_key(&owed.on));
        Some(RegularisationTerms {
            record: stray.record,
            from: regularise.teams.clone(),
            due: regularise.time_limit.due_after(owed.since),
            makers,
            makers_known,
            declared_on: if stays { owed.on.clone() } else { policy_ref.clone() },
        })
    };
    unflagged.filter_map(one).collect()
}

/// Returns what the other refs under change control hold.
pub(crate) fn other_ref_tips(state: &LedgerState, name: &Text) -> Vec<Oid> {
    let own = crate::ledger::state::encode_ref_key(name);
    state.tips.iter().filter(|(name, _)| **name != own).map(|(_, id)| *id).collect()
}

/// Returns whether anybody can close this at all: what landed without a decision nobody can, unless the
/// policy says who, and those who made it are known. What nobody can close stands in nobody's way.
pub fn can_be_closed(owed: &TrackedObligation) -> bool {
    owed.stray.as_ref().is_none_or(|stray| {
        let is_known = owed.makers.iter().all(|maker| maker.key.is_some());
        stray.declared_on.is_some() && owed.makers_known && is_known
    })
}

/// Asks whether a change that landed on `on` declares it.
///
/// # Errors
///
/// Says why not.
pub(crate) fn check_regularisation(
    owed: &TrackedObligation,
    stray: &UnauthorisedChange,
    closing: &ObligationClosing,
    on: &Text,
) -> Result<(), NotClosedReason> {
    let change = owed.change.map(|id| id.to_string()).unwrap_or_default();
    let number = named(stray.record);
    let speaks = |one: &String| *one == number || (!change.is_empty() && change.starts_with(one.as_str()));
    if !closing.speaks_for.iter().any(speaks) {
        return Err(NotClosedReason::AnotherChange);
    }
    let declared_on = stray.declared_on.as_ref().ok_or(NotClosedReason::RegularisationNotConfigured)?;
    if declared_on != on {
        return Err(NotClosedReason::AnotherRef);
    }
    let declares = closing.declares.as_ref().ok_or(NotClosedReason::PusherNotAllowed)?;
    if !declares.is_stated {
        return Err(NotClosedReason::EmergencyFieldsMissing);
    }
    require_independent_person(std::slice::from_ref(&declares.by), owed)
}

/// Returns what is wrong with a record, held against the state before it.
pub(crate) fn find_terms_problem(state: &LedgerState, flagged: &RegularisationTerms) -> Option<&'static str> {
    let owed = state.owed.get(&unauthorised_key(flagged.record)).filter(|owed| owed.closed.is_none());
    let is_open = owed.and_then(|owed| owed.stray.as_ref()).is_some_and(|stray| stray.declared_on.is_none());
    let is_in_order = owed.is_some_and(|owed| flagged.due.is_none_or(|due| owed.since <= due));
    (!is_open || !is_in_order).then_some("it says who may declare what is not there to be declared")
}
