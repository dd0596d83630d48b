//! The published schema of records against records: what is written fits, in every form that it can
//! have, and nothing else is described.

use std::sync::Arc;

use changegate::change::{FactKind, Missing, Oid, PusherIdentity, Stage, Text};
use changegate::gate::break_glass::{AuthorisedRequest, ParsedRequest};
use changegate::gate::obligations::{
    ChangeContributors, ClosingStatement as Declared, LateDeclaration, MergedPull, ObligationClosing,
};
use changegate::ledger::record::canonical::{is_canonical, to_canonical_json};
use changegate::ledger::record::readable::ReadableRecord;
use changegate::ledger::record::{
    DamagedDecision, DecisionOutcome as Became, DecisionRecord, FactsDigest, LedgerBeginning, LedgerEvent,
    ObligationDischarge, ObligationEscalation, ObligationEvidence, OmittedChanges, RECORD_SCHEMA, Record,
    RecordedMove, RecordedPolicy, RefDecision, RefTip, ScopeChange,
};
use changegate::ledger::state::break_glass::{BreakGlassEvent, SessionActor, SessionClosure, SessionOpening};
use changegate::ledger::state::unauthorised::RegularisationTerms;
use changegate::people::contributors::Contributor;
use changegate::report::{PolicyLocation, PolicyReference};
use changegate::verdict::{
    ChangeLocation, Decision, FieldDisagreement, Finding, Judgement, Obligation, RuleDescription, RuleLevel,
    RuleOutcome, Sentence, StatedValue, Verdict,
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

fn judgement(outcome: RuleOutcome) -> Judgement {
    let rule = RuleDescription {
        id: "peer-review".into(),
        title: "somebody looked".into(),
        controls: vec!["iso27001:A.8.32".into()],
    };
    Judgement { rule: Arc::new(rule), level: RuleLevel::Warn, outcome }
}

fn finding() -> Finding {
    let at =
        ChangeLocation { commit: Some(id(1)), line: Some(3), in_description: true, path: Some("a/b".into()) };
    Finding {
        message: Sentence::from_words("no ").with_quote(&Text::new(*b"\xff")).into(),
        at,
        fixers: vec!["Ana".into()],
        paste: Some("x".into()),
    }
}

/// Every event, and in them every form that a value can have.
fn events() -> Vec<LedgerEvent> {
    let odd = Text::new(*b"refs/heads/\xff");
    let moved = RecordedMove { name: odd.clone(), old: None, new: Some(id(2)) };
    let due = Some(Timestamp::UNIX_EPOCH);
    let owed = |due: Option<Timestamp>| Obligation {
        what: "a ticket".into(),
        owner: "Ana".into(),
        due,
        evidence: "the ticket".into(),
        field: due.map(|_| "Ticket".into()),
        by_others: due.is_some(),
    };
    let hand = |key: Option<&str>| Contributor {
        key: key.map(str::to_owned),
        name: "ana".into(),
        account: key.map(|_| "ana".into()),
    };
    let made = ChangeContributors {
        change: id(4),
        by: vec![hand(Some("ana@example.com")), hand(None)],
        is_complete: false,
    };
    let states = [None, Some(vec![hand(None)])].map(|people| {
        let tickets = people.is_none().then(|| vec!["PAY-1".into(), odd.clone()]);
        Declared { field: "Ticket".into(), people, tickets }
    });
    let closing = ObligationClosing {
        made: made.clone(),
        speaks_for: vec!["0123456789ab".into()],
        states: states.to_vec(),
        declares: Some(LateDeclaration { by: hand(None), is_stated: true }),
    };
    let ticket = |by| ObligationEvidence::Ticket {
        key: "SEC-78".into(),
        source: odd.clone(),
        created: Timestamp::UNIX_EPOCH,
        url: "https://tickets.example.com/SEC-78".into(),
        by,
    };
    let review = ObligationEvidence::Review {
        by: "github:kim".into(),
        on: "acme/shop#6".into(),
        submitted: Timestamp::UNIX_EPOCH,
    };
    let discharged = |evidence: ObligationEvidence, change, late_by| {
        LedgerEvent::Discharged(ObligationDischarge {
            obligation: "a/0/b/c/0".into(),
            rule: "c".into(),
            change,
            evidence,
            observed_at: Timestamp::UNIX_EPOCH,
            late_by,
        })
    };
    let escalated = LedgerEvent::Escalated(ObligationEscalation {
        due_soon: vec!["a/0/b/c/0".into()],
        overdue: vec!["a/0/b/d/0".into()],
        observed_at: Timestamp::UNIX_EPOCH,
    });
    let (at, session) = (Timestamp::UNIX_EPOCH, "0123456789ab".to_owned());
    let open = ParsedRequest::Open { incident: "INC-1".into(), reason: "r".into(), until: at };
    let close = ParsedRequest::Close { session: session.clone(), note: Some("n".into()) };
    let act = |asks| AuthorisedRequest { id: session.clone(), by: hand(Some("ana")), is_in_team: true, asks };
    let who = |is_pushed: bool| SessionActor {
        account: "ana".into(),
        decision: is_pushed.then(|| "b".repeat(32)),
        person: is_pushed.then(|| hand(Some("ana"))),
    };
    let opened = LedgerEvent::BreakGlass(BreakGlassEvent::Opened(SessionOpening {
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
        LedgerEvent::BreakGlass(BreakGlassEvent::Closed(SessionClosure {
            session,
            asked_as,
            by,
            note,
            closed_at: at,
            late_by,
        }))
    };
    let flagged = |due| {
        let (makers, declared_on) = (vec![hand(None)], odd.clone());
        let from = vec!["t".to_owned()];
        LedgerEvent::Flagged(RegularisationTerms {
            record: 7,
            from,
            due,
            makers,
            makers_known: false,
            declared_on,
        })
    };
    let missing = vec![
        Missing::NotAtThisStage(FactKind::Pull),
        Missing::NotConfigured(FactKind::Pusher),
        Missing::Unavailable(FactKind::Paths, "gone".into()),
    ];
    let outcomes = [
        RuleOutcome::Pass,
        RuleOutcome::Fail(vec![finding(), Finding::new(Sentence::default())]),
        RuleOutcome::Owed(vec![owed(due), owed(None)]),
        RuleOutcome::Undecided(missing.clone()),
        RuleOutcome::Deferred(missing),
        RuleOutcome::Exempted {
            reason: "r".into(),
            approved_by: "a".into(),
            until: "2026-12-31".into(),
            place: "p.yml:3".into(),
        },
        RuleOutcome::NotApplicable,
    ];
    let verdict = |class: Option<&str>| Verdict {
        revision: class.map(|_| id(4)),
        commits: 2,
        subject: "Do it".into(),
        stage: Stage::PreReceive,
        enforced: true,
        class: class.map(str::to_owned),
        judgements: outcomes.clone().map(judgement).to_vec(),
        disagreements: vec![FieldDisagreement {
            field: "Risk".into(),
            stated: vec![StatedValue { value: "low".into(), at: finding().at }],
            counts: "high".into(),
        }],
    };
    let places = [
        PolicyLocation::Commit { id: id(5), path: "policies/changegate.yml".into() },
        PolicyLocation::Disk("/etc/policy.yml".into()),
        PolicyLocation::Pack("startup".into()),
        PolicyLocation::Elsewhere("the API".into()),
    ];
    let of_ref = RefDecision {
        name: odd.clone(),
        pushed_as: Some("refs/heads/alias".into()),
        old: Some(id(6)),
        new: None,
        tree: Some(id(7)),
        protected: true,
        policies: places.map(|place| PolicyReference { place, digest: "0".repeat(64) }).to_vec(),
        refusals: vec![judgement(RuleOutcome::Pass)],
        changes: vec![verdict(Some("normal")), verdict(None)],
        passed: 3,
        left_out: OmittedChanges { changes: 4, denied: 1 },
        owing: vec![made],
        closings: vec![closing],
        brought: vec![MergedPull {
            change: id(4),
            pull: "acme/shop#6".into(),
            landed_as: id(9),
            reviewable: vec!["peer-review".into()],
        }],
        break_glass: Some(act(open)),
    };
    let (owing, closings, brought) = (Vec::new(), Vec::new(), Vec::new());
    let bare = RefDecision {
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
    let policy = RecordedPolicy { name: "p".into(), digest: digest.clone(), source: "s".into() };
    let decided = |pusher, policy| {
        LedgerEvent::Decision(Box::new(DecisionRecord {
            id: "b".repeat(32),
            observed_at: Timestamp::UNIX_EPOCH,
            stage: Stage::PreReceive,
            pusher,
            decision: Decision::Deny,
            policy,
            refs: vec![of_ref.clone(), bare.clone()],
            refs_left_out: 5,
            notes: vec!["note".into()],
            facts: FactsDigest { digest: digest.clone(), changes: 9, kept: false },
            tool: "changegate 0.1.0".into(),
        }))
    };
    let LedgerEvent::Decision(mut landed) = decided(Ok(PusherIdentity::Unidentified), None) else { panic!() };
    landed.stage = Stage::Landed;
    let landed = LedgerEvent::Decision(landed);
    let tip = RefTip { name: odd.clone(), id: id(3) };
    let outcome = Became {
        of: "b".repeat(32),
        landed: vec![moved.clone()],
        stayed: vec![odd.clone()],
        observed_at: Timestamp::UNIX_EPOCH,
        found_late: true,
    };
    let damaged =
        |digest| LedgerEvent::Damaged(DamagedDecision { file: "f.json".into(), digest, why: "w".into() });
    vec![
        LedgerEvent::Begin(LedgerBeginning {
            protects: vec!["main".into()],
            tips: vec![tip.clone()],
            tool: "t".into(),
        }),
        decided(Ok(PusherIdentity::Account("ana".into())), Some(policy)),
        decided(Ok(PusherIdentity::Unidentified), None),
        decided(Err(Missing::NotConfigured(FactKind::Pusher)), None),
        landed,
        LedgerEvent::Outcome(outcome),
        LedgerEvent::Unauthorised(moved),
        LedgerEvent::Scope(ScopeChange {
            protects: vec!["*".into()],
            came: vec![tip],
            left: vec![odd.clone()],
        }),
        damaged(Some(digest.clone())),
        damaged(None),
        discharged(ObligationEvidence::Change { id: id(8) }, None, None),
        discharged(ticket(None), None, None),
        discharged(ticket(Some(id(8))), None, None),
        discharged(ObligationEvidence::Change { id: id(8) }, Some(id(4)), Some(1)),
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
        let record = Record {
            schema: RECORD_SCHEMA.into(),
            number,
            previous,
            recorded_at: Timestamp::UNIX_EPOCH,
            event,
        };
        let bytes = record.to_canonical_bytes().unwrap();
        assert!(is_canonical(&bytes));
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        holds(&schema, &schema, &value).unwrap_or_else(|why| panic!("{why}\n{value:#}"));
        assert_eq!(ReadableRecord::parse_record(&bytes), ReadableRecord::Known(Box::new(record)));
        previous = Some(changegate::ledger::record::digest_bytes(&bytes));
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
            schema: RECORD_SCHEMA.into(),
            number: 1,
            previous: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            event,
        };
        let value: Value = serde_json::from_slice(&to_canonical_json(&record).unwrap()).unwrap();
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
            schema: RECORD_SCHEMA.into(),
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
