//! The vectors of emergency tickets: when the change was seen, which tickets there are, what that comes
//! to. The clock is the test's, and the tickets stand in an export.

use std::collections::BTreeMap;

use changegate::change::{Change, Oid, Text};
use changegate::fixture;
use changegate::gate::obligations::{ObligationClosing, find_closing};
use changegate::ledger::record::{LedgerEvent, ObligationEvidence, RECORD_SCHEMA, Record};
use changegate::ledger::server::confirm_tickets::{
    ConfirmationRequest, TicketConfirmation, confirm_ticket, is_ticket_confirmable,
};
use changegate::ledger::state::obligation::build_discharge;
use changegate::ledger::state::status::{ObligationStatus, obligation_status};
use changegate::ledger::state::{LedgerState, TrackedObligation};
use changegate::policy::{FetchedFile, Policy, load_policy};
use changegate::report::escape::escape_sentence;
use changegate::tickets::{TicketAccess, TicketExport, TicketSources};
use changegate::yaml;
use jiff::Timestamp;

use crate::clock::{instant, owed};

/// The change that owes.
const OWING: &str = "1f0c3a9be27d66aa0123456789abcdef01234567";
const T0: &str = "2026-03-01T10:00:00Z";

fn policy(ticket: &str) -> Policy {
    let text = format!(
        "changegate: 1\nname: test\nextends: [startup]\nprotects: [main]\ntickets: {{ '*': export }}\n\
         rules:\n  emergency-ticket:\n    for: [emergency]\n    require: {{ ticket: {{ field: Emergency-Ticket, \
         within: 24h{ticket} }} }}\n"
    );
    let mut fetch = |file: &str| -> FetchedFile { Ok((file == "p.yml").then(|| text.clone().into_bytes())) };
    load_policy("p.yml", &mut fetch).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn change(message: &str, id: &str, seen_at: &str) -> Change {
    let message = serde_json::to_string(message).unwrap();
    let text = format!("at: '{seen_at}'\ncommits: [{{ message: {message} }}]\n");
    let mut faults = Vec::new();
    let change = fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults);
    let mut change = change.unwrap_or_else(|| panic!("{faults:?}"));
    change.commits[0].id = Oid::from_hex(id);
    change
}

fn emergency(seen_at: &str, more: &str) -> Change {
    let message = format!(
        "Stop charging twice\n\nChange-Type: emergency\nRisk: high\nIncident: INC-1\nEmergency-Reason: cards are charged twice\n{more}"
    );
    change(&message, OWING, seen_at)
}

/// Returns a later change that names this ticket for the one that owes.
fn names(key: &str, policy: &Policy) -> ObligationClosing {
    let message = format!(
        "Bring the ticket\n\nChange-Type: normal\nRisk: low\nFor-Change: {}\nEmergency-Ticket: {key}\n",
        &OWING[..12]
    );
    find_closing(&change(&message, &"2".repeat(40), T0), policy, None).unwrap()
}

fn sources(policy: &Policy, csv: &str) -> TicketSources {
    let export = TicketExport::parse_export("tickets.csv", csv.as_bytes());
    TicketSources::new(
        policy.ticket_systems.clone(),
        TicketAccess { export: Some(export), ..TicketAccess::default() },
    )
}

struct World {
    policy: Policy,
    owing: Change,
    owed: TrackedObligation,
}

impl World {
    fn new(seen_at: &str, asked: &str) -> World {
        let mut owed = owed(instant(seen_at), "24h");
        owed.change = Oid::from_hex(OWING);
        World { policy: policy(asked), owing: emergency(seen_at, ""), owed }
    }

    fn ask(&self, landed: &[ObligationClosing], csv: &str, now: &str) -> TicketConfirmation {
        assert!(is_ticket_confirmable(&self.owed, &self.policy));
        let (owed, owing, policy, now) = (&self.owed, &self.owing, &self.policy, instant(now));
        confirm_ticket(
            &ConfirmationRequest { obligation: owed, owing_change: owing, closings: landed, policy, now },
            &mut sources(policy, csv),
        )
    }

    /// Returns how it stands once that is recorded: by how much it was late, and what is left.
    fn closed(&self, evidence: ObligationEvidence, now: &str) -> (Option<u64>, i64, ObligationStatus) {
        let mut state = LedgerState {
            obligations: BTreeMap::from([("o".to_owned(), self.owed.clone())]),
            ..LedgerState::default()
        };
        let one = build_discharge("o", &self.owed, evidence, instant(now));
        assert_eq!(one.observed_at, instant(now));
        let recorded_at = instant(now);
        state.apply_record(&Record {
            schema: RECORD_SCHEMA.into(),
            number: 1,
            previous: None,
            recorded_at,
            event: LedgerEvent::Discharged(one.clone()),
        });
        let owed = &state.obligations["o"];
        let closed = owed.closed.as_ref().unwrap();
        assert_eq!(closed.late_by, one.late_by);
        let margin = owed.due.unwrap().duration_since(closed.at).as_secs();
        (closed.late_by, margin, obligation_status(owed, instant(now), instant(now)))
    }
}

const HEAD: &str = "key,created,type,closed,imported,title\n";

fn told(answer: &TicketConfirmation) -> String {
    let all = answer.objections.iter().chain(&answer.unanswered);
    all.map(|message| escape_sentence(&message.sentence())).collect::<Vec<_>>().join("\n")
}

/// What is expected of a ticket.
enum Comes {
    /// It closes, with so many seconds to spare.
    InTime(i64),
    /// It closes, so many seconds late.
    Late(u64),
    /// It does not close, for a reason with these words.
    Not(&'static str),
}

#[test]
fn the_vectors_of_tickets() {
    use Comes::{InTime, Late, Not};
    for (what, since, rows, expected) in [
        ("exactly at the limit", T0, "SEC-78,2026-03-02T10:00:00Z,,,,x", InTime(0)),
        ("a second late", T0, "SEC-78,2026-03-02T10:00:01Z,,,,x", Late(1)),
        ("a part of a second late", T0, "SEC-78,2026-03-02T10:00:00.001Z,,,,x", Late(1)),
        ("at once", T0, "SEC-78,2026-03-01T10:00:00Z,,,,x", InTime(86_400)),
        ("days late", T0, "SEC-78,2026-03-05T10:00:00Z,,,,x", Late(3 * 86_400)),
        (
            "the night on which clocks go forward",
            "2026-03-28T23:30:00+01:00",
            "SEC-78,2026-03-29T23:29:00+02:00,,,,x",
            InTime(3660),
        ),
        (
            "the night on which clocks go back",
            "2026-10-24T23:30:00+02:00",
            "SEC-78,2026-10-25T22:30:01+01:00,,,,x",
            Late(1),
        ),
        ("a leap day", "2028-02-28T12:00:00Z", "SEC-78,2028-02-29T12:00:00Z,,,,x", InTime(0)),
        ("older, about the incident", T0, "SEC-78,2026-02-26T10:00:00Z,,,,see INC-1", InTime(86_400)),
        (
            "older, naming the change",
            T0,
            "SEC-78,2026-02-26T10:00:00Z,,,,commit 1f0c3a9be27d66aa0123456789abcdef01234567",
            InTime(86_400),
        ),
        (
            "older, about another incident",
            T0,
            "SEC-78,2026-02-26T10:00:00Z,,,,see INC-12",
            Not("something else"),
        ),
        (
            "below what was made later",
            T0,
            "SEC-78,2026-02-26T10:00:00Z,,,,see INC-1\nSEC-70,2026-03-01T12:00:00Z,,,,y",
            Not("cannot be trusted: SEC-70"),
        ),
        (
            "imported",
            T0,
            "SEC-78,2026-03-01T11:00:00Z,,,true,INC-1",
            Not("cannot be trusted: the export says"),
        ),
        ("late and imported", T0, "SEC-78,2026-03-03T11:00:00Z,,,true,INC-1", Not("cannot be trusted")),
        ("another ticket", T0, "SEC-7,2026-03-01T11:00:00Z,,,,x", Not("there is no ticket `SEC-78`")),
        ("no ticket at all", T0, "", Not("there is no ticket `SEC-78`")),
        ("out of the future", T0, "SEC-78,2029-03-01T11:00:00Z,,,,x", Not("in the future")),
        ("without a time", T0, "SEC-78,soon,,,,x", Not("`created` is not an instant")),
    ] {
        let world = World::new(since, "");
        let landed = [names("SEC-78", &world.policy)];
        let now = "2028-12-01T00:00:00Z";
        let answer = world.ask(&landed, &format!("{HEAD}{rows}\n"), now);
        let told = told(&answer);
        match (answer.evidence, expected) {
            (None, Not(why)) => assert!(told.contains(why), "{what}: {told}"),
            (Some(evidence), expected) => {
                let ObligationEvidence::Ticket { key, source, by, .. } = &evidence else { panic!("{what}") };
                assert_eq!((key, *by), (&Text::from("SEC-78"), Oid::from_hex(&"2".repeat(40))), "{what}");
                assert!(source.to_lossy().starts_with("tickets.csv (sha256:"), "{what}");
                let (late, margin, standing) = world.closed(evidence, now);
                match expected {
                    InTime(seconds) => {
                        assert_eq!(
                            (late, margin, standing),
                            (None, seconds, ObligationStatus::Closed),
                            "{what}"
                        )
                    }
                    Late(seconds) => {
                        assert_eq!((late, standing), (Some(seconds), ObligationStatus::ClosedLate), "{what}")
                    }
                    Not(why) => panic!("{what} closes, and {why}"),
                }
            }
            (None, _) => panic!("{what} does not close: {told}"),
        }
    }
}

/// Without a ticket it is open for as long as there is time, and overdue from then on.
#[test]
fn the_vectors_without_a_ticket() {
    let world = World::new(T0, "");
    for (now, expected) in [
        ("2026-03-02T09:00:00Z", ObligationStatus::DueSoon),
        ("2026-03-02T10:00:00Z", ObligationStatus::DueSoon),
        ("2026-03-02T11:00:00Z", ObligationStatus::Overdue),
    ] {
        let answer = world.ask(&[], HEAD, now);
        assert_eq!((answer.evidence, answer.objections, answer.unanswered), (None, vec![], vec![]));
        let soon = instant(now).checked_add(jiff::SignedDuration::from_hours(2)).unwrap();
        assert_eq!(obligation_status(&world.owed, instant(now), soon), expected);
    }
}

#[test]
fn a_ticket_that_names_the_change_is_found_by_nobody_saying_which() {
    let now = "2026-03-04T00:00:00Z";
    let world = World::new(T0, "");
    let names = |digits: &str| format!("{HEAD}OPS-5,2026-03-01T12:00:00Z,,,,Bypass of {digits}\n");
    for digits in [OWING, &OWING.to_uppercase()] {
        let found = world.ask(&[], &names(digits), now).evidence.unwrap();
        let ObligationEvidence::Ticket { key, by: None, .. } = &found else { panic!("{found:?}") };
        assert_eq!(key, &Text::from("OPS-5"));
        assert_eq!(world.closed(found, now).2, ObligationStatus::Closed);
    }
    for digits in [&OWING[..12], &OWING[..39], &format!("x{OWING}"), &"0".repeat(12), ""] {
        assert_eq!(world.ask(&[], &names(digits), now).evidence, None, "{digits}");
    }
    // Of several the first counts, whichever way it was found.
    let rows = format!("OPS-4,2026-03-01T11:00:00Z,,,,{OWING}\nOPS-5,2026-03-01T12:00:00Z,,,,{OWING}\n");
    let late = "SEC-78,2026-03-03T11:00:00Z,,,,x\n";
    let landed = [self::names("SEC-78", &world.policy)];
    let found = world.ask(&landed, &format!("{HEAD}{late}{rows}"), now).evidence.unwrap();
    assert!(matches!(&found, ObligationEvidence::Ticket { key, .. } if *key == "OPS-4".into()), "{found:?}");
    // What is for others to close is not closed by a ticket that anybody could have made.
    let mut others = World::new(T0, "");
    others.owed.by_others = true;
    assert_eq!(others.ask(&[], &names(OWING), now).evidence, None);
}

#[test]
fn what_the_rule_asks_of_a_ticket_is_asked_of_this_one() {
    let now = "2026-03-04T00:00:00Z";
    let row = format!("{HEAD}SEC-78,2026-03-01T12:00:00Z,Incident,false,,{OWING}\n");
    for (asked, closes) in [
        (", exists: true", true),
        (", project: [SEC]", true),
        (", project: [PAY]", false),
        (", type: [Incident], state: open", true),
        (", type: [Task]", false),
        (", state: closed", false),
        (", created-within: 24h, about: [Incident]", true),
        (", max: 1", true),
    ] {
        let world = World::new(T0, asked);
        let named = [names("SEC-78", &world.policy)];
        for landed in [named.as_slice(), &[]] {
            let answer = world.ask(landed, &row, now);
            assert_eq!(answer.evidence.is_some(), closes, "{asked} {}", told(&answer));
            assert_eq!(answer.objections.is_empty(), closes, "{asked}");
        }
    }
    // Too many at once are none.
    let world = World::new(T0, ", max: 1");
    let mut two = names("SEC-78", &world.policy);
    for stated in &mut two.states {
        stated.tickets.iter_mut().for_each(|keys| keys.push("SEC-79".into()));
    }
    let answer = world.ask(&[two], HEAD, now);
    assert!(told(&answer).contains("names 2 tickets; at most 1 can be named"), "{}", told(&answer));
}

#[test]
fn a_ticket_that_the_emergency_names_itself_is_looked_up() {
    let mut world = World::new(T0, ", exists: true, unseen: owe");
    world.owing = emergency(T0, "Emergency-Ticket: SEC-78\n");
    let now = "2026-03-04T00:00:00Z";
    let row = format!("{HEAD}SEC-78,2026-03-01T12:00:00Z,,,,x\n");
    let found = world.ask(&[], &row, now).evidence.unwrap();
    assert!(
        matches!(&found, ObligationEvidence::Ticket { by, .. } if *by == Oid::from_hex(OWING)),
        "{found:?}"
    );
    assert_eq!(world.ask(&[], HEAD, now).evidence, None);
}

#[test]
fn a_key_that_no_system_holds_is_worth_nothing() {
    let mut world = World::new(T0, "");
    let tickets = "{ SEC: export }";
    world.policy.ticket_systems = changegate::policy::TicketSystems::default();
    world
        .policy
        .ticket_systems
        .read_systems(&yaml::read_document(tickets.as_bytes()).unwrap(), &mut Vec::new());
    for key in ["PAY-1", "#12", "https://192.0.2.7/1", "acme/shop#12"] {
        let answer = world.ask(&[names(key, &world.policy)], HEAD, "2026-03-04T00:00:00Z");
        assert_eq!(answer.evidence, None);
        assert!(told(&answer).contains("is not in a ticket system of the policy"), "{}", told(&answer));
        assert_eq!(answer.unanswered, []);
    }
}

#[test]
fn silence_closes_nothing_and_is_told() {
    let world = World::new(T0, "");
    let (owed, owing, policy) = (&world.owed, &world.owing, &world.policy);
    let landed = [names("SEC-78", policy)];
    let question = ConfirmationRequest {
        obligation: owed,
        owing_change: owing,
        closings: &landed,
        policy,
        now: Timestamp::MAX,
    };
    let mut none = TicketSources::new(policy.ticket_systems.clone(), TicketAccess::default());
    let answer = confirm_ticket(&question, &mut none);
    assert_eq!((answer.evidence, answer.objections.len(), answer.unanswered.len()), (None, 0, 2));
    // A row that cannot be read may be the one.
    let answer = world.ask(&[], &format!("{HEAD}SEC-1,soon,,,,{OWING}\n"), "2026-03-04T00:00:00Z");
    assert_eq!((answer.evidence, answer.unanswered.len()), (None, 1));
}
