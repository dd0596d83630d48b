//! What is owed, against the clock and against what is brought forward for it.
//!
//! Pure: time and evidence are values. A limit is inclusive, so what is seen exactly at it is in time.
//! The clock is that of whoever saw the change and the evidence; no date out of a commit is looked at.

use jiff::{SignedDuration, Timestamp};

use super::record::{Discharged, Evidence};
use super::state::{Owed, State};
use super::stray;
use crate::change::Text;
use crate::gate::dues::{Closing, Stated};
use crate::people::participants::Hand;

/// How an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
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
pub enum WhyNot {
    /// It is closed.
    Closed,
    /// The change landed on another ref.
    AnotherRef,
    /// It speaks for other changes.
    AnotherChange,
    /// It does not state what is owed, in a way that the policy accepts.
    NotStated,
    /// Somebody who made the change that owes would close it.
    SamePerson,
    /// Nobody can tell whether somebody else closes it.
    NotKnown,
    /// It names a ticket, and the ticket system has not confirmed that yet.
    Unconfirmed,
    /// No change closes a break-glass session.
    Session,
    /// The policy names nobody who may declare what landed without a decision.
    NobodyMay,
    /// Whoever pushes it may not declare what landed without a decision.
    MayNot,
    /// It does not say what is asked of an emergency.
    NotDeclared,
}

impl WhyNot {
    /// Returns it in words that go on after "it does not close it: ".
    pub fn words(self) -> &'static str {
        match self {
            WhyNot::Closed => "it is closed",
            WhyNot::AnotherRef => "it landed on another ref",
            WhyNot::AnotherChange => "it speaks for another change",
            WhyNot::NotStated => "it does not state what is owed",
            WhyNot::SamePerson => "it takes somebody who did not make the change",
            WhyNot::Unconfirmed => "a ticket system has to confirm the ticket, and the next sweep asks it",
            WhyNot::NotKnown => "it is not known who made one of the two",
            WhyNot::Session => "`changegate breakglass close` closes it",
            WhyNot::NobodyMay => "the policy names nobody who may declare it (`regularise`)",
            WhyNot::MayNot => "it takes a push or a merge by somebody whom the policy lets declare it",
            WhyNot::NotDeclared => "it does not state what is asked of an emergency",
        }
    }
}

/// Returns by how many seconds `at` is after what is due; a part of a second counts as one.
pub fn late_by(due: Option<Timestamp>, at: Timestamp) -> Option<u64> {
    let over = at.duration_since(due?);
    if over <= SignedDuration::ZERO {
        return None;
    }
    let part = u64::from(0 < over.subsec_nanos());
    Some(u64::try_from(over.as_secs()).unwrap_or(0).saturating_add(part))
}

/// Returns how an obligation stands at `now`, where what is due until `soon` is due soon.
pub fn standing(owed: &Owed, now: Timestamp, soon: Timestamp) -> Standing {
    match (&owed.closed, owed.due) {
        (Some(closed), _) if closed.late_by.is_some() => Standing::ClosedLate,
        (Some(_), _) => Standing::Closed,
        (None, None) => Standing::Open,
        (None, Some(due)) if due < now => Standing::Overdue,
        (None, Some(due)) if due <= soon => Standing::DueSoon,
        (None, Some(_)) => Standing::Open,
    }
}

/// Returns whether something is overdue at `now`.
pub fn is_overdue(owed: &Owed, now: Timestamp) -> bool {
    standing(owed, now, now) == Standing::Overdue
}

/// Asks whether a change that landed on `on` closes an obligation.
///
/// # Errors
///
/// Says why not.
pub fn closes(owed: &Owed, closing: &Closing, on: &Text) -> Result<(), WhyNot> {
    if owed.closed.is_some() {
        return Err(WhyNot::Closed);
    }
    if owed.session.is_some() {
        return Err(WhyNot::Session);
    }
    if let Some(stray) = &owed.stray {
        return stray::closes(owed, stray, closing, on);
    }
    if owed.on != *on {
        return Err(WhyNot::AnotherRef);
    }
    let change = owed.change.map(|id| id.to_string()).unwrap_or_default();
    let speaks = |digits: &String| !change.is_empty() && change.starts_with(digits.as_str());
    if !closing.speaks_for.iter().any(speaks) {
        return Err(WhyNot::AnotherChange);
    }
    let stated = owed.field.as_ref().and_then(|field| closing.states.iter().find(|one| one.field == *field));
    let stated = stated.ok_or(WhyNot::NotStated)?;
    if let Stated { people: Some(people), .. } = stated {
        is_somebody_else(people, owed)?;
    }
    if owed.by_others {
        let made = &closing.made;
        if !made.is_complete || made.by.iter().any(|maker| maker.key.is_none()) {
            return Err(WhyNot::NotKnown);
        }
        // Everybody who made it, since each of them could have written it.
        made.by.iter().try_for_each(|maker| is_somebody_else(std::slice::from_ref(maker), owed))?;
        if made.by.is_empty() {
            return Err(WhyNot::NotKnown);
        }
    }
    if stated.tickets.is_some() { Err(WhyNot::Unconfirmed) } else { Ok(()) }
}

/// Asks whether one of `people` did not make the change that owes.
pub(super) fn is_somebody_else(people: &[Hand], owed: &Owed) -> Result<(), WhyNot> {
    if !owed.makers_known || owed.makers.iter().any(|maker| maker.key.is_none()) {
        return Err(WhyNot::NotKnown);
    }
    let is_other = |person: &Hand| !owed.makers.iter().any(|maker| maker.may_be(person));
    if people.iter().any(is_other) { Ok(()) } else { Err(WhyNot::SamePerson) }
}

/// Returns the record that an obligation is closed, by evidence that was seen at `at`.
pub fn discharge(id: &str, owed: &Owed, evidence: Evidence, at: Timestamp) -> Discharged {
    // A clock that went back does not close what is not owed yet.
    let observed_at = at.max(owed.since);
    Discharged {
        obligation: id.to_owned(),
        rule: owed.rule.clone(),
        change: owed.change,
        late_by: late_by(owed.due, evidence.counts_from(observed_at, owed.since)),
        evidence,
        observed_at,
    }
}

/// Returns what is wrong with a record that closes something, held against the state before it.
pub(super) fn untrue(state: &State, discharged: &Discharged) -> Option<&'static str> {
    let owed = state.owed.get(&discharged.obligation).filter(|owed| owed.closed.is_none());
    let Some(owed) = owed else { return Some("it closes what is not owed") };
    if owed.session.is_some() {
        return Some("it closes a break-glass session as if that were a change's");
    }
    if !stray::can_be_closed(owed) {
        return Some("it closes what nobody may close");
    }
    let evidence = discharged.evidence.clone();
    if let Evidence::Review { on, submitted, .. } = &evidence
        && (owed.pull.as_ref() != Some(on) || discharged.observed_at != (*submitted).max(owed.since))
    {
        return Some("it closes something with a review that cannot do so, or at another time");
    }
    let true_one = discharge(&discharged.obligation, owed, evidence, discharged.observed_at);
    (true_one != *discharged).then_some("it says of something owed what is not so")
}
