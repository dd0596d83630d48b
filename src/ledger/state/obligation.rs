//! What is owed, against the clock and against what is brought forward for it.
//!
//! Pure: time and evidence are values. A limit is inclusive, so what is seen exactly at it is in time.
//! The clock is that of whoever saw the change and the evidence; no date out of a commit is looked at.

use jiff::{SignedDuration, Timestamp};

use crate::change::Text;
use crate::gate::obligations::{ClosingStatement, ObligationClosing};
use crate::ledger::record::{ObligationDischarge, ObligationEvidence};
use crate::ledger::state::unauthorised;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::people::contributors::Contributor;

/// How an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObligationStatus {
    /// Its time is up, and the evidence is not there.
    Overdue,
    /// Its time is up soon.
    DueSoon,
    /// There is time.
    Open,
    /// It was closed after its time.
    ClosedLate,
    /// It was closed in time.
    Closed,
}

/// Why a change does not close an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotClosedReason {
    /// It is closed.
    AlreadyClosed,
    /// The change landed on another ref.
    AnotherRef,
    /// It speaks for other changes.
    AnotherChange,
    /// It does not state what is owed, in a way that the policy accepts.
    NotStated,
    /// Somebody who made the change that owes would close it.
    SameContributor,
    /// Nobody can tell whether somebody else closes it.
    ContributorsUnknown,
    /// It names a ticket, and the ticket system has not confirmed that yet.
    Unconfirmed,
    /// No change closes a break-glass session.
    BreakGlassSession,
    /// The policy names nobody who may declare what landed without a decision.
    RegularisationNotConfigured,
    /// Whoever pushes it may not declare what landed without a decision.
    PusherNotAllowed,
    /// It does not say what is asked of an emergency.
    EmergencyFieldsMissing,
}

impl NotClosedReason {
    /// Returns it in words that go on after "it does not close it: ".
    pub fn describe(self) -> &'static str {
        match self {
            NotClosedReason::AlreadyClosed => "it is closed",
            NotClosedReason::AnotherRef => "it landed on another ref",
            NotClosedReason::AnotherChange => "it speaks for another change",
            NotClosedReason::NotStated => "it does not state what is owed",
            NotClosedReason::SameContributor => "it takes somebody who did not make the change",
            NotClosedReason::Unconfirmed => {
                "a ticket system has to confirm the ticket, and the next sweep asks it"
            }
            NotClosedReason::ContributorsUnknown => "it is not known who made one of the two",
            NotClosedReason::BreakGlassSession => "`changegate breakglass close` closes it",
            NotClosedReason::RegularisationNotConfigured => {
                "the policy names nobody who may declare it (`regularise`)"
            }
            NotClosedReason::PusherNotAllowed => {
                "it takes a push or a merge by somebody whom the policy lets declare it"
            }
            NotClosedReason::EmergencyFieldsMissing => "it does not state what is asked of an emergency",
        }
    }
}

/// Returns by how many seconds `at` is after what is due; a part of a second counts as one.
pub fn seconds_late(due: Option<Timestamp>, at: Timestamp) -> Option<u64> {
    let over = at.duration_since(due?);
    if over <= SignedDuration::ZERO {
        return None;
    }
    let part = u64::from(0 < over.subsec_nanos());
    Some(u64::try_from(over.as_secs()).unwrap_or(0).saturating_add(part))
}

/// Returns how an obligation stands at `now`, where what is due until `soon` is due soon.
pub fn obligation_status(owed: &TrackedObligation, now: Timestamp, soon: Timestamp) -> ObligationStatus {
    match (&owed.closed, owed.due) {
        (Some(closed), _) if closed.late_by.is_some() => ObligationStatus::ClosedLate,
        (Some(_), _) => ObligationStatus::Closed,
        (None, None) => ObligationStatus::Open,
        (None, Some(due)) if due < now => ObligationStatus::Overdue,
        (None, Some(due)) if due <= soon => ObligationStatus::DueSoon,
        (None, Some(_)) => ObligationStatus::Open,
    }
}

/// Returns whether something is overdue at `now`.
pub fn is_overdue(owed: &TrackedObligation, now: Timestamp) -> bool {
    obligation_status(owed, now, now) == ObligationStatus::Overdue
}

/// Asks whether a change that landed on `on` closes an obligation.
///
/// # Errors
///
/// Says why not.
pub fn check_closing(
    owed: &TrackedObligation,
    closing: &ObligationClosing,
    on: &Text,
) -> Result<(), NotClosedReason> {
    if owed.closed.is_some() {
        return Err(NotClosedReason::AlreadyClosed);
    }
    if owed.session.is_some() {
        return Err(NotClosedReason::BreakGlassSession);
    }
    if let Some(stray) = &owed.stray {
        return unauthorised::check_regularisation(owed, stray, closing, on);
    }
    if owed.on != *on {
        return Err(NotClosedReason::AnotherRef);
    }
    let change = owed.change.map(|id| id.to_string()).unwrap_or_default();
    let speaks = |digits: &String| !change.is_empty() && change.starts_with(digits.as_str());
    if !closing.speaks_for.iter().any(speaks) {
        return Err(NotClosedReason::AnotherChange);
    }
    let stated = owed.field.as_ref().and_then(|field| closing.states.iter().find(|one| one.field == *field));
    let stated = stated.ok_or(NotClosedReason::NotStated)?;
    if let ClosingStatement { people: Some(people), .. } = stated {
        require_independent_person(people, owed)?;
    }
    if owed.by_others {
        let made = &closing.made;
        if !made.is_complete || made.by.iter().any(|maker| maker.key.is_none()) {
            return Err(NotClosedReason::ContributorsUnknown);
        }
        // Everybody who made it, since each of them could have written it.
        made.by.iter().try_for_each(|maker| require_independent_person(std::slice::from_ref(maker), owed))?;
        if made.by.is_empty() {
            return Err(NotClosedReason::ContributorsUnknown);
        }
    }
    if stated.tickets.is_some() { Err(NotClosedReason::Unconfirmed) } else { Ok(()) }
}

/// Asks whether one of `people` did not make the change that owes.
pub(crate) fn require_independent_person(
    people: &[Contributor],
    owed: &TrackedObligation,
) -> Result<(), NotClosedReason> {
    if !owed.makers_known || owed.makers.iter().any(|maker| maker.key.is_none()) {
        return Err(NotClosedReason::ContributorsUnknown);
    }
    let is_other = |person: &Contributor| !owed.makers.iter().any(|maker| maker.may_be_same(person));
    if people.iter().any(is_other) { Ok(()) } else { Err(NotClosedReason::SameContributor) }
}

/// Returns the record that an obligation is closed, by evidence that was seen at `at`.
pub fn build_discharge(
    id: &str,
    owed: &TrackedObligation,
    evidence: ObligationEvidence,
    at: Timestamp,
) -> ObligationDischarge {
    // A clock that went back does not close what is not owed yet.
    let observed_at = at.max(owed.since);
    ObligationDischarge {
        obligation: id.to_owned(),
        rule: owed.rule.clone(),
        change: owed.change,
        late_by: seconds_late(owed.due, evidence.effective_time(observed_at, owed.since)),
        evidence,
        observed_at,
    }
}

/// Returns what is wrong with a record that closes something, held against the state before it.
pub(crate) fn find_discharge_problem(
    state: &LedgerState,
    discharged: &ObligationDischarge,
) -> Option<&'static str> {
    let owed = state.owed.get(&discharged.obligation).filter(|owed| owed.closed.is_none());
    let Some(owed) = owed else { return Some("it closes what is not owed") };
    if owed.session.is_some() {
        return Some("it closes a break-glass session as if that were a change's");
    }
    if !unauthorised::can_be_closed(owed) {
        return Some("it closes what nobody may close");
    }
    let evidence = discharged.evidence.clone();
    if let ObligationEvidence::Review { on, submitted, .. } = &evidence
        && (owed.pull.as_ref() != Some(on) || discharged.observed_at != (*submitted).max(owed.since))
    {
        return Some("it closes something with a review that cannot do so, or at another time");
    }
    let true_one = build_discharge(&discharged.obligation, owed, evidence, discharged.observed_at);
    (true_one != *discharged).then_some("it says of something owed what is not so")
}
