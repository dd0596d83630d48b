//! Obligations against a clock that the test holds: the vectors, and what holds for all of them.

use changegate::calendar::Within;
use changegate::change::Oid;
use changegate::ledger::obligation::{Standing, discharge, is_overdue, late_by, standing};
use changegate::ledger::record::{Escalated, Event, Evidence, Record, SCHEMA};
use changegate::ledger::state::{Owed, State};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

pub(crate) fn instant(written: &str) -> Timestamp {
    written.parse().unwrap()
}

fn evidence() -> Evidence {
    Evidence::Change { id: Oid::from_bytes(&[7; 20]).unwrap() }
}

pub(crate) fn owed(since: Timestamp, within: &str) -> Owed {
    Owed {
        decision: "d".into(),
        on: "refs/heads/main".into(),
        change: Oid::from_bytes(&[9; 20]),
        rule: "emergency-ticket".into(),
        what: "a ticket".into(),
        owner: "the author".into(),
        pull: None,
        due: Within::new(within).unwrap().due(since),
        evidence: "Emergency-Ticket: SEC-78".into(),
        field: Some("Emergency-Ticket".into()),
        by_others: false,
        makers: Vec::new(),
        makers_known: true,
        since,
        session: None,
        stray: None,
        told: None,
        closed: None,
    }
}

fn closed(mut state: State, id: &str, at: Timestamp) -> State {
    let one = discharge(id, &state.owed[id], evidence(), at);
    state.apply(&record(Event::Discharged(one)));
    state
}

fn record(event: Event) -> Record {
    Record { schema: SCHEMA.into(), number: 1, previous: None, recorded_at: Timestamp::UNIX_EPOCH, event }
}

fn state(owed: impl IntoIterator<Item = Owed>) -> State {
    let owed = owed.into_iter().enumerate().map(|(number, owed)| (format!("o{number}"), owed)).collect();
    State { owed, ..State::default() }
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
        let closed = state.owed["o0"].closed.clone().unwrap();
        assert_eq!((closed.late_by, closed.at), (late, instant(seen)), "{since} {seen}");
        let expected = if late.is_some() { Standing::ClosedLate } else { Standing::Closed };
        assert_eq!(standing(&state.owed["o0"], Timestamp::MAX, Timestamp::MAX), expected);
    }
}

/// When the change was seen, what time it is, and how it stands without evidence.
#[test]
fn the_vectors_without_evidence() {
    for (within, now, expected) in [
        ("24h", "2026-03-02T09:00:00Z", Standing::DueSoon),
        ("24h", "2026-03-02T10:00:00Z", Standing::DueSoon),
        ("24h", "2026-03-02T10:00:01Z", Standing::Overdue),
        ("24h", "2026-03-02T11:00:00Z", Standing::Overdue),
        ("24h", "2026-03-01T10:00:00Z", Standing::Open),
        // A Sunday: business days begin on Monday.
        ("2 business days", "2026-03-03T23:59:59Z", Standing::DueSoon),
        ("2 business days", "2026-03-04T00:00:00Z", Standing::Overdue),
        ("5 business days", "2026-03-06T23:59:59Z", Standing::DueSoon),
        ("5 business days", "2026-03-07T00:00:00Z", Standing::Overdue),
    ] {
        let owed = owed(instant("2026-03-01T10:00:00Z"), within);
        let now = instant(now);
        let soon = now.checked_add(SignedDuration::from_hours(2)).unwrap();
        assert_eq!(standing(&owed, now, soon), expected, "{within} {now}");
        assert_eq!(is_overdue(&owed, now), expected == Standing::Overdue);
    }
    assert_eq!(late_by(None, Timestamp::MAX), None);
    assert!(late_by(Some(Timestamp::MIN), Timestamp::MAX).is_some());
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
        let kept = once.owed["o0"].closed.clone().unwrap();
        prop_assert_eq!(kept.late_by.is_some(), 86_400 < first);
        // It is never closed before it was owed.
        prop_assert!(since <= kept.at);
        let mut state = once;
        for seconds in later {
            state = closed(state, "o0", after(seconds));
            let told = Escalated { due_soon: vec!["o0".into()], overdue: vec!["o0".into()], observed_at: since };
            state.apply(&record(Event::Escalated(told)));
        }
        prop_assert_eq!(state.owed["o0"].closed.as_ref(), Some(&kept));
    }

    #[test]
    fn the_order_in_which_things_are_closed_changes_nothing(
        at in prop::collection::vec(0_i64..200_000, 1..8),
        order in any::<prop::sample::Index>(),
    ) {
        let since = instant("2026-03-01T10:00:00Z");
        let all = || at.iter().map(|_| owed(since, "24h"));
        let close = |mut state: State, places: &mut dyn Iterator<Item = usize>| {
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
        prop_assert_eq!(is_overdue(&owed, early), late_by(owed.due, early).is_some());
    }
}
