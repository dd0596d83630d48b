//! Obligations against a clock that the test holds: the vectors, and what holds for all of them.

use changegate::calendar::{Holidays, TimeLimit};
use changegate::change::Oid;
use changegate::ledger::record::{
    LedgerEvent, ObligationEscalation, ObligationEvidence, RECORD_SCHEMA, Record, RecordedFixer,
    RecordedMessage,
};
use changegate::ledger::state::obligation::build_discharge;
use changegate::ledger::state::status::{ObligationStatus, is_overdue, obligation_status, seconds_late};
use changegate::ledger::state::{LedgerState, ObligationOwner, TrackedObligation};
use changegate::verdict::RuleId;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

pub(crate) fn instant(written: &str) -> Timestamp {
    written.parse().unwrap()
}

fn evidence() -> ObligationEvidence {
    ObligationEvidence::Change { id: Oid::from_bytes(&[7; 20]).unwrap() }
}

fn message(code: &str) -> RecordedMessage {
    RecordedMessage { code: code.into(), values: std::collections::BTreeMap::new() }
}

pub(crate) fn owed(since: Timestamp, within: &str) -> TrackedObligation {
    TrackedObligation {
        decision: "d".into(),
        ref_name: "refs/heads/main".into(),
        change: Oid::from_bytes(&[9; 20]),
        rule: RuleId::new("emergency-ticket"),
        what: message("ticket.owed"),
        owner: ObligationOwner::Role(RecordedFixer::Author),
        pull: None,
        due: TimeLimit::new(within).unwrap().due_after(since, &Holidays::default()),
        evidence: message("ticket.trailer"),
        field: Some("Emergency-Ticket".into()),
        by_others: false,
        contributors: Vec::new(),
        contributors_known: true,
        since,
        shares_digits: false,
        session: None,
        unauthorised_change: None,
        notice: None,
        closed: None,
    }
}

fn closed(mut state: LedgerState, id: &str, at: Timestamp) -> LedgerState {
    let one = build_discharge(id, &state.obligations[id], evidence(), at);
    state.apply_record(&record(LedgerEvent::Discharged(one)));
    state
}

fn record(event: LedgerEvent) -> Record {
    Record {
        schema: RECORD_SCHEMA.into(),
        number: 1,
        previous: None,
        recorded_at: Timestamp::UNIX_EPOCH,
        event,
    }
}

fn state(owed: impl IntoIterator<Item = TrackedObligation>) -> LedgerState {
    let owed = owed.into_iter().enumerate().map(|(number, owed)| (format!("o{number}"), owed)).collect();
    LedgerState { obligations: owed, ..LedgerState::default() }
}

/// When the change was seen, when the evidence was, how late that is, and what is left in time.
#[test]
fn the_vectors_of_evidence() {
    for (since, seen, late) in [
        ("2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", None),
        ("2026-03-01T10:00:00Z", "2026-03-02T10:00:01Z", Some(1)),
        ("2026-03-01T10:00:00Z", "2026-03-02T10:00:00.001Z", Some(1)),
        // The clocks go forward: 22 h 59 min later.
        ("2026-03-28T23:30:00+01:00", "2026-03-29T23:29:00+02:00", None),
        ("2026-03-28T23:30:00+01:00", "2026-03-30T00:30:00+02:00", None),
        ("2026-03-28T23:30:00+01:00", "2026-03-30T00:30:01+02:00", Some(1)),
        // The clocks go back: 24 hours are 24 hours.
        ("2026-10-24T23:30:00+02:00", "2026-10-25T22:30:00+01:00", None),
        ("2026-10-24T23:30:00+02:00", "2026-10-25T22:30:01+01:00", Some(1)),
        // A leap day, and the end of a year.
        ("2028-02-28T12:00:00Z", "2028-02-29T12:00:00Z", None),
        ("2026-12-31T23:59:59Z", "2027-01-01T23:59:59Z", None),
        ("2026-12-31T23:59:59Z", "2027-01-02T00:00:00Z", Some(1)),
    ] {
        let state = closed(state([owed(instant(since), "24h")]), "o0", instant(seen));
        let closed = state.obligations["o0"].closed.clone().unwrap();
        assert_eq!((closed.late_by, closed.at), (late, instant(seen)), "{since} {seen}");
        let expected = if late.is_some() { ObligationStatus::ClosedLate } else { ObligationStatus::Closed };
        assert_eq!(obligation_status(&state.obligations["o0"], Timestamp::MAX, Timestamp::MAX), expected);
    }
}

/// When the change was seen, what time it is, and how it stands without evidence.
#[test]
fn the_vectors_without_evidence() {
    for (within, now, expected) in [
        ("24h", "2026-03-02T09:00:00Z", ObligationStatus::DueSoon),
        ("24h", "2026-03-02T10:00:00Z", ObligationStatus::DueSoon),
        ("24h", "2026-03-02T10:00:01Z", ObligationStatus::Overdue),
        ("24h", "2026-03-02T11:00:00Z", ObligationStatus::Overdue),
        ("24h", "2026-03-01T10:00:00Z", ObligationStatus::Open),
        // A Sunday: business days begin on Monday.
        ("2 business days", "2026-03-03T23:59:59Z", ObligationStatus::DueSoon),
        ("2 business days", "2026-03-04T00:00:00Z", ObligationStatus::Overdue),
        ("5 business days", "2026-03-06T23:59:59Z", ObligationStatus::DueSoon),
        ("5 business days", "2026-03-07T00:00:00Z", ObligationStatus::Overdue),
    ] {
        let owed = owed(instant("2026-03-01T10:00:00Z"), within);
        let now = instant(now);
        let soon = now.checked_add(SignedDuration::from_hours(2)).unwrap();
        assert_eq!(obligation_status(&owed, now, soon), expected, "{within} {now}");
        assert_eq!(is_overdue(&owed, now), expected == ObligationStatus::Overdue);
    }
    assert_eq!(seconds_late(None, Timestamp::MAX), None);
    assert!(seconds_late(Some(Timestamp::MIN), Timestamp::MAX).is_some());
}

proptest! {
    #[test]
    fn late_stays_late_whatever_comes_after(
        since in 0_i64..4_000_000_000,
        first in -1_000_000_i64..1_000_000,
        later in prop::collection::vec(-1_000_000_i64..1_000_000, 0..5),
    ) {
        let since = Timestamp::from_second(since).unwrap();
        let after = |seconds: i64| since.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let once = closed(state([owed(since, "24h")]), "o0", after(first));
        let kept = once.obligations["o0"].closed.clone().unwrap();
        prop_assert_eq!(kept.late_by.is_some(), 86_400 < first);
        // It is never closed before it was owed.
        prop_assert!(since <= kept.at);
        let mut state = once;
        for seconds in later {
            state = closed(state, "o0", after(seconds));
            let told = ObligationEscalation { due_soon: vec!["o0".into()], overdue: vec!["o0".into()], observed_at: since };
            state.apply_record(&record(LedgerEvent::Escalated(told)));
        }
        prop_assert_eq!(state.obligations["o0"].closed.as_ref(), Some(&kept));
    }

    #[test]
    fn the_order_in_which_things_are_closed_changes_nothing(
        at in prop::collection::vec(0_i64..200_000, 1..8),
        order in any::<prop::sample::Index>(),
    ) {
        let since = instant("2026-03-01T10:00:00Z");
        let all = || at.iter().map(|_| owed(since, "24h"));
        let close = |mut state: LedgerState, places: &mut dyn Iterator<Item = usize>| {
            for place in places {
                let seen = since.checked_add(SignedDuration::from_secs(at[place])).unwrap();
                state = closed(state, &format!("o{place}"), seen);
            }
            state
        };
        let forwards = close(state(all()), &mut (0..at.len()));
        let from = order.index(at.len());
        let around = close(state(all()), &mut (from..at.len()).chain(0..from));
        prop_assert_eq!(forwards, around);
    }

    #[test]
    fn a_limit_is_passed_once_and_for_good(since in 0_i64..4_000_000_000, a in 0_i64..400_000, b in 0_i64..400_000) {
        let since = Timestamp::from_second(since).unwrap();
        let owed = owed(since, "24h");
        let after = |seconds: i64| since.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let (early, late) = (after(a.min(b)), after(a.max(b)));
        prop_assert!(!is_overdue(&owed, early) || is_overdue(&owed, late));
        prop_assert_eq!(is_overdue(&owed, early), seconds_late(owed.due, early).is_some());
    }
}
