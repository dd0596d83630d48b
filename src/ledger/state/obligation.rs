//! Closing an obligation by what a change states for it.
//!
//! Pure: time and evidence are values. The clock is that of the gate that saw the change and the evidence;
//! no date out of a commit is read.

use jiff::Timestamp;

use crate::change::Text;
use crate::gate::obligations::{ClosingStatement, ObligationClosing};
use crate::ledger::record::{ObligationDischarge, ObligationEvidence};
use crate::ledger::state::status::{NotClosedReason, require_independent_person, seconds_late};
use crate::ledger::state::unauthorised;
use crate::ledger::state::{LedgerState, TrackedObligation};

/// Checks whether a change that landed on `ref_name` closes an obligation.
///
/// # Errors
///
/// Says why not.
pub(crate) fn check_closing(
    owed: &TrackedObligation,
    closing: &ObligationClosing,
    ref_name: &Text,
) -> Result<(), NotClosedReason> {
    if owed.closed.is_some() {
        return Err(NotClosedReason::AlreadyClosed);
    }
    if owed.session.is_some() {
        return Err(NotClosedReason::BreakGlassSession);
    }
    if let Some(unauthorised) = &owed.unauthorised_change {
        return unauthorised::check_regularisation(owed, unauthorised, closing, ref_name);
    }
    if owed.ref_name != *ref_name {
        return Err(NotClosedReason::AnotherRef);
    }
    if !closing.speaks_for.iter().any(|digits| owed.is_named_by_digits(digits)) {
        return Err(NotClosedReason::AnotherChange);
    }
    let field = owed.field.as_ref().ok_or(NotClosedReason::NotStated)?;
    let stated = closing.states.iter().find(|one| one.field == *field).ok_or(NotClosedReason::NotStated)?;
    if let ClosingStatement { people: Some(people), .. } = stated {
        require_independent_person(people, owed)?;
    }
    if owed.by_others {
        let made = &closing.made;
        if made.by.is_empty() && made.is_complete {
            return Err(NotClosedReason::StatedByBot);
        }
        if !made.is_complete || made.by.iter().any(|maker| maker.key.is_none()) {
            return Err(NotClosedReason::ContributorsUnknown);
        }
        // Every contributor, since each of them could have written the statement.
        for maker in &made.by {
            require_independent_person(std::slice::from_ref(maker), owed)?;
        }
    }
    if stated.tickets.is_some() { Err(NotClosedReason::Unconfirmed) } else { Ok(()) }
}

/// Returns the record that an obligation is closed, by evidence that was seen at `at`.
pub fn build_discharge(
    id: &str,
    owed: &TrackedObligation,
    evidence: ObligationEvidence,
    at: Timestamp,
) -> ObligationDischarge {
    // A clock that went back does not close an obligation before it began.
    let observed_at = at.max(owed.since);
    ObligationDischarge {
        obligation: id.to_owned(),
        rule: owed.rule.to_string(),
        change: owed.change,
        late_by: seconds_late(owed.due, evidence.effective_time(observed_at, owed.since)),
        evidence,
        observed_at,
    }
}

/// Returns what is wrong with a record that closes an obligation, compared with the state before it.
pub(crate) fn find_discharge_problem(
    state: &LedgerState,
    discharged: &ObligationDischarge,
) -> Option<&'static str> {
    let Some(owed) = state.obligations.get(&discharged.obligation) else {
        return Some("it closes an obligation that does not exist");
    };
    if owed.closed.is_some() {
        return Some("it closes an obligation that is closed already");
    }
    if owed.session.is_some() {
        return Some("it closes a break-glass session with a change");
    }
    if !unauthorised::can_be_closed(owed) {
        return Some("it closes an obligation that cannot be closed");
    }
    let evidence = discharged.evidence.clone();
    if let ObligationEvidence::Review { on, submitted, .. } = &evidence
        && (owed.pull.as_ref() != Some(on) || discharged.observed_at != (*submitted).max(owed.since))
    {
        return Some("its review does not close this obligation, or at another time");
    }
    let expected = build_discharge(&discharged.obligation, owed, evidence, discharged.observed_at);
    if expected == *discharged { None } else { Some("its values do not match the obligation") }
}
