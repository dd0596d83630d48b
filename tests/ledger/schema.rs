//! The published schema of records against records: what is written fits, in every form that it can
//! have, and nothing else is described.

use std::sync::Arc;

use changegate::change::{Missing, Need, Oid, Pusher, Stage, Text};
use changegate::gate::break_glass::{Act, Asks};
use changegate::gate::dues::{Brought, Closing, Declares, Made, Stated as Declared};
use changegate::ledger::canonical::{canonical, is_canonical};
use changegate::ledger::readable::Readable;
use changegate::ledger::record::{
    Begin, Damaged, Decided, Discharged, Escalated, Event, Evidence, Facts, LeftOut, Moved,
    Outcome as Became, PolicyUsed, Record, RefDecided, SCHEMA, Scope, Tip,
};
use changegate::ledger::session::{BreakGlass, Ended, Opened, Who};
use changegate::ledger::stray::Flagged;
use changegate::people::participants::Hand;
use changegate::report::{PolicyFrom, PolicyPlace};
use changegate::verdict::{
    Decision, Disagreement, Finding, Judgement, Level, Line, Obligation, Outcome, RuleName, Spot, Stated,
    Verdict,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::json_schema::holds;
use crate::world::{World, bad, good};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/record-v1.schema.json")).unwrap()
}

fn id(byte: u8) -> Oid {
    Oid::from_bytes(&[byte; 20]).unwrap()
}

fn judgement(outcome: Outcome) -> Judgement {
    let rule = RuleName {
        id: "peer-review".into(),
        title: "somebody looked".into(),
        controls: vec!["iso27001:A.8.32".into()],
    };
    Judgement { rule: Arc::new(rule), level: Level::Warn, outcome }
}

fn finding() -> Finding {
    let at = Spot { commit: Some(id(1)), line: Some(3), in_description: true, path: Some("a/b".into()) };
    Finding {
        what: Line::say("no ").quote(&Text::new(*b"\xff")),
        at,
        who: "Ana".into(),
        paste: Some("x".into()),
    }
}

/// Every event, and in them every form that a value can have.
fn events() -> Vec<Event> {
    let odd = Text::new(*b"refs/heads/\xff");
    let moved = Moved { name: odd.clone(), old: None, new: Some(id(2)) };
    let due = Some(Timestamp::UNIX_EPOCH);
    let owed = |due: Option<Timestamp>| Obligation {
        what: "a ticket".into(),
        owner: "Ana".into(),
        due,
        evidence: "the ticket".into(),
        field: due.map(|_| "Ticket".into()),
        by_others: due.is_some(),
    };
    let hand = |key: Option<&str>| Hand {
        key: key.map(str::to_owned),
        name: "ana".into(),
        account: key.map(|_| "ana".into()),
    };
    let made =
        Made { change: id(4), by: vec![hand(Some("ana@example.com")), hand(None)], is_complete: false };
    let states = [None, Some(vec![hand(None)])].map(|people| {
        let tickets = people.is_none().then(|| vec!["PAY-1".into(), odd.clone()]);
        Declared { field: "Ticket".into(), people, tickets }
    });
    let closing = Closing {
        made: made.clone(),
        speaks_for: vec!["0123456789ab".into()],
        states: states.to_vec(),
        declares: Some(Declares { by: hand(None), is_stated: true }),
    };
    let ticket = |by| Evidence::Ticket {
        key: "SEC-78".into(),
        source: odd.clone(),
        created: Timestamp::UNIX_EPOCH,
        url: "https://tickets.example.com/SEC-78".into(),
        by,
    };
    let review = Evidence::Review {
        by: "github:kim".into(),
        on: "acme/shop#6".into(),
        submitted: Timestamp::UNIX_EPOCH,
    };
    let discharged = |evidence: Evidence, change, late_by| {
        Event::Discharged(Discharged {
            obligation: "a/0/b/c/0".into(),
            rule: "c".into(),
            change,
            evidence,
            observed_at: Timestamp::UNIX_EPOCH,
            late_by,
        })
    };
    let escalated = Event::Escalated(Escalated {
        due_soon: vec!["a/0/b/c/0".into()],
        overdue: vec!["a/0/b/d/0".into()],
        observed_at: Timestamp::UNIX_EPOCH,
    });
    let (at, session) = (Timestamp::UNIX_EPOCH, "0123456789ab".to_owned());
    let open = Asks::Open { incident: "INC-1".into(), reason: "r".into(), until: at };
    let close = Asks::Close { session: session.clone(), note: Some("n".into()) };
    let act = |asks| Act { id: session.clone(), by: hand(Some("ana")), is_in_team: true, asks };
    let who = |is_pushed: bool| Who {
        account: "ana".into(),
        decision: is_pushed.then(|| "b".repeat(32)),
        person: is_pushed.then(|| hand(Some("ana"))),
    };
    let opened = Event::BreakGlass(BreakGlass::Opened(Opened {
        session: session.clone(),
        asked_as: session.clone(),
        by: who(true),
        incident: "INC-1".into(),
        reason: odd.clone(),
        opened_at: at,
        until: at,
    }));
    let ended = |note: Option<Text>, late_by| {
        let (session, asked_as, by) = (session.clone(), session.clone(), who(false));
        Event::BreakGlass(BreakGlass::Closed(Ended { session, asked_as, by, note, closed_at: at, late_by }))
    };
    let flagged = |due| {
        let (makers, declared_on) = (vec![hand(None)], odd.clone());
        let from = vec!["t".to_owned()];
        Event::Flagged(Flagged { record: 7, from, due, makers, makers_known: false, declared_on })
    };
    let missing = vec![
        Missing::NotAtThisStage(Need::Pull),
        Missing::NotConfigured(Need::Pusher),
        Missing::Unavailable(Need::Paths, "gone".into()),
    ];
    let outcomes = [
        Outcome::Pass,
        Outcome::Fail(vec![finding(), Finding::new(Line::default())]),
        Outcome::Owed(vec![owed(due), owed(None)]),
        Outcome::Undecided(missing.clone()),
        Outcome::Deferred(missing),
        Outcome::Exempted {
            reason: "r".into(),
            approved_by: "a".into(),
            until: "2026-12-31".into(),
            place: "p.yml:3".into(),
        },
        Outcome::NotApplicable,
    ];
    let verdict = |class: Option<&str>| Verdict {
        revision: class.map(|_| id(4)),
        commits: 2,
        subject: "Do it".into(),
        stage: Stage::PreReceive,
        enforced: true,
        class: class.map(str::to_owned),
        judgements: outcomes.clone().map(judgement).to_vec(),
        disagreements: vec![Disagreement {
            field: "Risk".into(),
            stated: vec![Stated { value: "low".into(), at: finding().at }],
            counts: "high".into(),
        }],
    };
    let places = [
        PolicyPlace::Commit { id: id(5), path: "policies/changegate.yml".into() },
        PolicyPlace::Disk("/etc/policy.yml".into()),
        PolicyPlace::Pack("startup".into()),
        PolicyPlace::Elsewhere("the API".into()),
    ];
    let of_ref = RefDecided {
        name: odd.clone(),
        pushed_as: Some("refs/heads/alias".into()),
        old: Some(id(6)),
        new: None,
        tree: Some(id(7)),
        protected: true,
        policies: places.map(|place| PolicyFrom { place, digest: "0".repeat(64) }).to_vec(),
        refusals: vec![judgement(Outcome::Pass)],
        changes: vec![verdict(Some("normal")), verdict(None)],
        passed: 3,
        left_out: LeftOut { changes: 4, denied: 1 },
        owing: vec![made],
        closings: vec![closing],
        brought: vec![Brought {
            change: id(4),
            pull: "acme/shop#6".into(),
            landed_as: id(9),
            reviewable: vec!["peer-review".into()],
        }],
        break_glass: Some(act(open)),
    };
    let (owing, closings, brought) = (Vec::new(), Vec::new(), Vec::new());
    let bare = RefDecided {
        break_glass: Some(act(close)),
        pushed_as: None,
        old: None,
        tree: None,
        owing,
        closings,
        brought,
        ..of_ref.clone()
    };
    let digest = format!("sha256:{}", "a".repeat(64));
    let policy = PolicyUsed { name: "p".into(), digest: digest.clone(), source: "s".into() };
    let decided = |pusher, policy| {
        Event::Decision(Box::new(Decided {
            id: "b".repeat(32),
            observed_at: Timestamp::UNIX_EPOCH,
            stage: Stage::PreReceive,
            pusher,
            decision: Decision::Deny,
            policy,
            refs: vec![of_ref.clone(), bare.clone()],
            refs_left_out: 5,
            notes: vec![Line::say("note")],
            facts: Facts { digest: digest.clone(), changes: 9, kept: false },
            tool: "changegate 0.1.0".into(),
        }))
    };
    let Event::Decision(mut landed) = decided(Ok(Pusher::Unidentified), None) else { panic!() };
    landed.stage = Stage::Landed;
    let landed = Event::Decision(landed);
    let tip = Tip { name: odd.clone(), id: id(3) };
    let outcome = Became {
        of: "b".repeat(32),
        landed: vec![moved.clone()],
        stayed: vec![odd.clone()],
        observed_at: Timestamp::UNIX_EPOCH,
        found_late: true,
    };
    let damaged = |digest| Event::Damaged(Damaged { file: "f.json".into(), digest, why: "w".into() });
    vec![
        Event::Begin(Begin { protects: vec!["main".into()], tips: vec![tip.clone()], tool: "t".into() }),
        decided(Ok(Pusher::Account("ana".into())), Some(policy)),
        decided(Ok(Pusher::Unidentified), None),
        decided(Err(Missing::NotConfigured(Need::Pusher)), None),
        landed,
        Event::Outcome(outcome),
        Event::Unauthorised(moved),
        Event::Scope(Scope { protects: vec!["*".into()], came: vec![tip], left: vec![odd.clone()] }),
        damaged(Some(digest.clone())),
        damaged(None),
        discharged(Evidence::Change { id: id(8) }, None, None),
        discharged(ticket(None), None, None),
        discharged(ticket(Some(id(8))), None, None),
        discharged(Evidence::Change { id: id(8) }, Some(id(4)), Some(1)),
        discharged(review, None, None),
        escalated,
        opened,
        ended(Some("n".into()), Some(1)),
        ended(None, None),
        flagged(due),
        flagged(None),
    ]
}

#[test]
fn every_record_that_can_be_written_fits_the_schema_and_is_read_back() {
    let schema = schema();
    let mut previous = None;
    for (number, event) in (1..).zip(events()) {
        let record =
            Record { schema: SCHEMA.into(), number, previous, recorded_at: Timestamp::UNIX_EPOCH, event };
        let bytes = record.bytes().unwrap();
        assert!(is_canonical(&bytes));
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        holds(&schema, &schema, &value).unwrap_or_else(|why| panic!("{why}\n{value:#}"));
        assert_eq!(Readable::read(&bytes), Readable::Known(Box::new(record)));
        previous = Some(changegate::ledger::record::digest(&bytes));
    }
}

/// Collects where each key of a document stands, as a path with `*` for the items of lists.
fn paths(value: &Value, at: &str, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let at = format!("{at}.{key}");
                found.insert(at.clone());
                paths(value, &at, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, at, found)),
        _ => {}
    }
}

#[test]
fn a_key_more_or_less_does_not_fit() {
    let schema = schema();
    for event in events() {
        let record = Record {
            schema: SCHEMA.into(),
            number: 1,
            previous: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            event,
        };
        let value: Value = serde_json::from_slice(&canonical(&record).unwrap()).unwrap();
        let mut found = std::collections::BTreeSet::new();
        paths(&value, "", &mut found);
        let (kind, inside) = value["event"].as_object().unwrap().iter().next().unwrap();
        for key in inside.as_object().unwrap().keys() {
            let mut less = value.clone();
            less["event"][kind].as_object_mut().unwrap().remove(key);
            assert!(holds(&schema, &schema, &less).is_err(), "without {key}");
        }
        let mut more = value.clone();
        more["event"][kind]["surprise"] = 1.into();
        assert!(holds(&schema, &schema, &more).is_err());
    }
}

/// Returns the names of all properties that a schema describes.
fn described(schema: &Value, found: &mut std::collections::BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| described(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| described(item, found)),
        _ => {}
    }
}

#[test]
fn nothing_is_described_that_no_record_has() {
    let mut wanted = std::collections::BTreeSet::new();
    for event in events() {
        let record = Record {
            schema: SCHEMA.into(),
            number: 1,
            previous: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            event,
        };
        let mut found = std::collections::BTreeSet::new();
        paths(&serde_json::to_value(&record).unwrap(), "", &mut found);
        wanted.extend(found.into_iter().map(|path| path.rsplit('.').next().unwrap().to_owned()));
    }
    let mut found = std::collections::BTreeSet::new();
    described(&schema(), &mut found);
    assert_eq!(found, wanted);
}

#[test]
fn the_records_of_real_pushes_fit() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.commit(&bad("Two"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile();
    let schema = schema();
    for link in world.links() {
        let record = link.record();
        holds(&schema, &schema, &record).unwrap_or_else(|why| panic!("{why}\n{record:#}"));
    }
}
