//! Unauthorised changes: who may regularise one, until when, and whether a change does.
//!
//! It is owed from the record on that tells of it, and overdue at once. Where the policy says who may
//! regularise it, a further record gives the time and names the contributors; only then can it be closed.
//! That it came without a decision stays on record.

use jiff::Timestamp;

use crate::change::Text;
use crate::gate::obligations::{ObligationClosing, format_record_reference};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{
    RecordedFixer, RecordedMessage, RecordedMove, RegularisationTerms, unauthorised_key,
};
use crate::ledger::state::status::{NotClosedReason, require_independent_person};
use crate::ledger::state::{
    LedgerState, ObligationOwner, TrackedObligation, UnauthorisedChange, encode_ref_key,
};
use crate::people::contributors::Contributor;
use crate::policy::{EMERGENCY_REASON_FIELD, Policy};
use crate::verdict::{RuleId, messages};

messages! {
    REGULARISE = "unauthorised.regularise": "to regularise a change that landed without a decision";
    REGULARISING_TRAILER = "unauthorised.trailer": "{field}: <in your own words>";
}

/// The id of the rule that an unauthorised change has to be regularised.
pub(crate) const UNAUTHORISED_CHANGE_RULE: &str = "unauthorised-change";

/// The contributors to what a move brought, and whether these are all of them.
pub(crate) type MoveContributors = (Vec<Contributor>, bool);

/// Returns the obligation for a move without a decision, which the record of this number tells of.
pub(crate) fn build_unauthorised_obligation(
    moved: &RecordedMove,
    record_number: u64,
    at: Timestamp,
) -> TrackedObligation {
    let evidence = REGULARISING_TRAILER.with("field", EMERGENCY_REASON_FIELD);
    let change = UnauthorisedChange { old_tip: moved.old, record_number, regularised_on: None };
    TrackedObligation {
        by_others: true,
        change: moved.new,
        closed: None,
        contributors: Vec::new(),
        contributors_known: false,
        decision: String::new(),
        due: Some(at),
        evidence: RecordedMessage::from(&evidence),
        field: Some(EMERGENCY_REASON_FIELD.into()),
        notice: None,
        owner: ObligationOwner::Role(RecordedFixer::ServerAdministrator),
        pull: None,
        ref_name: moved.name.clone(),
        rule: RuleId::new(UNAUTHORISED_CHANGE_RULE),
        shares_digits: false,
        session: None,
        since: at,
        unauthorised_change: Some(change),
        what: RecordedMessage::from(&REGULARISE),
    }
}

/// Takes a record into a state: from now on the change may be regularised.
pub(crate) fn apply_regularisation_terms(state: &mut LedgerState, terms: &RegularisationTerms) {
    let Some(owed) = state.obligations.get_mut(&unauthorised_key(terms.record_number)) else { return };
    let Some(change) = &mut owed.unauthorised_change else { return };
    if change.regularised_on.is_some() {
        return;
    }
    change.regularised_on = Some(terms.regularised_on.clone());
    owed.owner = ObligationOwner::Role(RecordedFixer::TeamMember(terms.teams.clone()));
    owed.due = terms.due;
    owed.contributors.clone_from(&terms.contributors);
    owed.contributors_known = terms.contributors_known;
}

/// Returns who may regularise the unauthorised changes that have no terms yet, by the policy that applies
/// now; nothing if it names no one. `find_contributors` returns the contributors to what one brought; if it
/// has no answer, the change is left for a later run.
pub(crate) fn derive_regularisation_terms(
    (policy, policy_ref): (&Policy, &Text),
    state: &LedgerState,
    find_contributors: &mut dyn FnMut(&TrackedObligation, &UnauthorisedChange) -> Option<MoveContributors>,
) -> Vec<RegularisationTerms> {
    let Some(regularise) = &policy.obligations.regularise else { return Vec::new() };
    let mut terms = Vec::new();
    for (owed, change) in list_changes_without_terms(state) {
        let Some((contributors, contributors_known)) = find_contributors(owed, change) else { continue };
        let is_branch = owed.ref_name.as_bytes().starts_with(b"refs/heads/");
        // Where no change can land any more, one on the branch of the policy speaks for it.
        let can_land_there = is_branch && state.tips.contains_key(&encode_ref_key(&owed.ref_name));
        terms.push(RegularisationTerms {
            record_number: change.record_number,
            teams: regularise.teams.clone(),
            due: regularise.time_limit.due_after(owed.since, policy.people.holidays()),
            contributors: convert_all(&contributors),
            contributors_known,
            regularised_on: if can_land_there { owed.ref_name.clone() } else { policy_ref.clone() },
        });
    }
    terms
}

/// Returns the open unauthorised changes of which it is not recorded who may regularise them, in the order of
/// their records.
pub(crate) fn list_changes_without_terms(
    state: &LedgerState,
) -> Vec<(&TrackedObligation, &UnauthorisedChange)> {
    let mut found = Vec::new();
    for owed in state.obligations.values() {
        if owed.closed.is_none()
            && let Some(change) = &owed.unauthorised_change
            && change.regularised_on.is_none()
        {
            found.push((owed, change));
        }
    }
    found.sort_by_key(|(_, change)| change.record_number);
    found
}

/// Returns whether an obligation can be closed at all. An unauthorised change cannot, unless the policy
/// says who may regularise it and its contributors are known; it then blocks no push.
pub(crate) fn can_be_closed(owed: &TrackedObligation) -> bool {
    let Some(change) = &owed.unauthorised_change else { return true };
    change.regularised_on.is_some()
        && owed.contributors_known
        && owed.contributors.iter().all(|one| one.key.is_some())
}

/// Checks whether a change that landed on `ref_name` regularises an unauthorised one.
///
/// # Errors
///
/// Says why not.
pub(crate) fn check_regularisation(
    owed: &TrackedObligation,
    change: &UnauthorisedChange,
    closing: &ObligationClosing,
    ref_name: &Text,
) -> Result<(), NotClosedReason> {
    let reference = format_record_reference(change.record_number);
    let is_named = closing.speaks_for.iter().any(|one| *one == reference || owed.is_named_by_digits(one));
    if !is_named {
        return Err(NotClosedReason::AnotherChange);
    }
    let regularised_on =
        change.regularised_on.as_ref().ok_or(NotClosedReason::RegularisationNotConfigured)?;
    if regularised_on != ref_name {
        return Err(NotClosedReason::AnotherRef);
    }
    let late = closing.late_statement.as_ref().ok_or(NotClosedReason::PusherNotAllowed)?;
    if !late.is_stated {
        return Err(NotClosedReason::EmergencyFieldsMissing);
    }
    require_independent_person(std::slice::from_ref(&late.by), owed)
}

/// Returns what is wrong with a record of terms, compared with the state before it.
pub(crate) fn find_terms_problem(state: &LedgerState, terms: &RegularisationTerms) -> Option<&'static str> {
    if let Some(owed) = state.obligations.get(&unauthorised_key(terms.record_number))
        && owed.closed.is_none()
        && owed.unauthorised_change.as_ref().is_some_and(|change| change.regularised_on.is_none())
        && terms.due.is_none_or(|due| owed.since <= due)
    {
        return None;
    }
    Some("it gives terms for an unauthorised change that is not open, or cannot have them")
}
