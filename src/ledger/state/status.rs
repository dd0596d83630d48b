//! How an obligation stands: open, due soon, overdue or closed, and why a change does not close it.
//!
//! Pure: time is a value. A limit is inclusive, so evidence that is seen exactly at it is in time.

use jiff::{SignedDuration, Timestamp};

use crate::ledger::state::TrackedObligation;
use crate::people::contributors::Contributor;

/// How an obligation stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObligationStatus {
    /// Its time is up, and the evidence is not there.
    Overdue,
    /// Its time is up soon.
    DueSoon,
    /// There is time left.
    Open,
    /// It was closed after its time.
    ClosedLate,
    /// It was closed in time.
    Closed,
}

/// Why a change does not close an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotClosedReason {
    /// The obligation is closed already.
    AlreadyClosed,
    /// The change landed on another ref.
    AnotherRef,
    /// The change speaks for other changes.
    AnotherChange,
    /// The change does not state what is owed, in a way that the policy accepts.
    NotStated,
    /// A contributor to the change that owes would close it.
    SameContributor,
    /// A bot states what only a person can.
    StatedByBot,
    /// The change landed in the same push as the change that owes, so it was made before that landed.
    LandedTogether,
    /// The contributors to one of the two changes are not known.
    ContributorsUnknown,
    /// The change names a ticket that the ticket system has not confirmed yet.
    Unconfirmed,
    /// A change cannot close a break-glass session.
    BreakGlassSession,
    /// The policy does not say who may regularise an unauthorised change.
    RegularisationNotConfigured,
    /// The pusher may not regularise an unauthorised change.
    PusherNotAllowed,
    /// The change does not state what the policy asks of an emergency.
    EmergencyFieldsMissing,
}

impl NotClosedReason {
    /// Returns the reason in words that follow `stays open: `.
    pub fn describe(self) -> &'static str {
        match self {
            NotClosedReason::AlreadyClosed => "it is closed already",
            NotClosedReason::AnotherRef => "the change landed on another ref",
            NotClosedReason::AnotherChange => "the change speaks for another change",
            NotClosedReason::NotStated => "the change does not state what is owed",
            NotClosedReason::SameContributor => "a contributor to the change cannot close it",
            NotClosedReason::StatedByBot => {
                "a bot states it, and only a person can; a person other than the contributors has to author and \
                 push the change"
            }
            NotClosedReason::LandedTogether => {
                "the change landed together with it, and a review is made after it has landed"
            }
            NotClosedReason::Unconfirmed => {
                "the ticket system has not confirmed the ticket yet; the next sweep asks it"
            }
            NotClosedReason::ContributorsUnknown => {
                "the contributors to one of the two changes are not known"
            }
            NotClosedReason::BreakGlassSession => "close it with `changegate breakglass close`",
            NotClosedReason::RegularisationNotConfigured => {
                "the policy does not say who may regularise it (`regularise`)"
            }
            NotClosedReason::PusherNotAllowed => {
                "the push or merge has to be by a person whom the policy lets regularise it"
            }
            NotClosedReason::EmergencyFieldsMissing => {
                "the change does not state what the policy asks of an emergency"
            }
        }
    }
}

/// Returns by how many seconds `at` is after what is due; a part of a second counts as one.
pub fn seconds_late(due: Option<Timestamp>, at: Timestamp) -> Option<u64> {
    let over = at.duration_since(due?);
    if over <= SignedDuration::ZERO {
        return None;
    }
    let part = u64::from(over.subsec_nanos() > 0);
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

/// Returns whether an obligation is overdue at `now`.
pub fn is_overdue(owed: &TrackedObligation, now: Timestamp) -> bool {
    obligation_status(owed, now, now) == ObligationStatus::Overdue
}

/// Checks that one of `people` is not a contributor to the change that owes.
///
/// # Errors
///
/// Says why not.
pub(crate) fn require_independent_person(
    people: &[Contributor],
    owed: &TrackedObligation,
) -> Result<(), NotClosedReason> {
    if !owed.contributors_known || owed.contributors.iter().any(|one| one.key.is_none()) {
        return Err(NotClosedReason::ContributorsUnknown);
    }
    for person in people {
        if !owed.contributors.iter().any(|one| one.may_be_same(person)) {
            return Ok(());
        }
    }
    Err(NotClosedReason::SameContributor)
}
