//! The published schema of records against records: what is written fits, in every form that it can
//! have, and nothing else is described.

use std::collections::BTreeMap;

use changegate::change::{FactKind, Oid, SignedDecision, Stage, Text};
use changegate::ledger::record::canonical::{is_canonical, to_canonical_json};
use changegate::ledger::record::readable::ReadableRecord;
use changegate::ledger::record::{
    BreakGlassEvent, ChangeAct, DamageCause, DamagedDecision, DecisionOutcome, DecisionRecord, FactsDigest,
    GapCause, LedgerBeginning, LedgerEvent, LedgerHeartbeat, ObligationDischarge, ObligationEscalation,
    ObligationEvidence, OmittedChanges, OwingChange, PullLanding, PullVerdict, RECORD_SCHEMA, ReasonsDigest,
    Record, RecordedAct, RecordedActKind, RecordedCertificate, RecordedCheckRun, RecordedClosing,
    RecordedContributor, RecordedDecision, RecordedDisagreement, RecordedFinding, RecordedFixer, RecordedGap,
    RecordedHookState, RecordedJudgement, RecordedLateStatement, RecordedLevel, RecordedMarks,
    RecordedMessage, RecordedMove, RecordedObligation, RecordedOutcome, RecordedPlace, RecordedPolicy,
    RecordedPolicySource, RecordedPusher, RecordedReport, RecordedRequest, RecordedSignedApproval,
    RecordedStanding, RecordedStatement, RecordedValue, RecordedVerdict, RecordedWord, RefDecision, RefTip,
    RegularisationTerms, RequestedAction, ScopeChange, SessionActor, SessionClosure, SessionOpening,
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

fn odd() -> Text {
    Text::new(*b"refs/heads/\xff")
}

fn judgement(outcome: RecordedOutcome) -> RecordedJudgement {
    RecordedJudgement {
        rule: "peer-review".into(),
        controls: vec!["iso27001:A.8.32".into()],
        level: RecordedLevel::Warn,
        outcome,
    }
}

/// A message with every form of a value.
fn message() -> RecordedMessage {
    let nested = RecordedMessage { code: "field.missing".into(), values: BTreeMap::new() };
    let values = [
        ("list", RecordedValue::List(vec![RecordedValue::Number(2), RecordedValue::Plain("a".into())])),
        ("nested", RecordedValue::Nested(nested)),
        ("number", RecordedValue::Number(1)),
        ("plain", RecordedValue::Plain("low".into())),
        ("unrecorded", RecordedValue::Unrecorded),
        ("quoted", RecordedValue::Quoted(odd())),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    RecordedMessage { code: "approvals.too-few".into(), values }
}

fn place() -> RecordedPlace {
    RecordedPlace { commit: Some(id(1)), line: Some(3), in_description: true, path: Some("a/b".into()) }
}

fn finding() -> RecordedFinding {
    let RecordedMessage { code, values } = message();
    let fixers = vec![RecordedFixer::Author, RecordedFixer::TeamMember(vec!["security".into()])];
    RecordedFinding { code, values, at: place(), fixers }
}

fn person(key: Option<&str>) -> RecordedContributor {
    RecordedContributor {
        account: key.map(|_| "ana".into()),
        key: key.map(str::to_owned),
        name: "ana".into(),
        number: key.map(|_| 583_231),
    }
}

fn verdict(class: Option<&str>) -> RecordedVerdict {
    let owed = |due: Option<Timestamp>| RecordedObligation {
        what: message(),
        owner: RecordedFixer::Author,
        due,
        evidence: message(),
        field: due.map(|_| "Ticket".into()),
        by_others: due.is_some(),
    };
    let gap = |cause| RecordedGap { fact: FactKind::Pull, cause };
    let outcomes = [
        RecordedOutcome::Pass,
        RecordedOutcome::Fail(vec![finding()]),
        RecordedOutcome::Owed(vec![owed(Some(Timestamp::UNIX_EPOCH)), owed(None)]),
        RecordedOutcome::Undecided(vec![gap(GapCause::NotConfigured), gap(GapCause::Unavailable)]),
        RecordedOutcome::Deferred(vec![gap(GapCause::NotAtThisStage)]),
        RecordedOutcome::Exempted {
            reason: "r".into(),
            approved_by: "a".into(),
            until: "2026-12-31".into(),
            place: "p.yml:3".into(),
        },
        RecordedOutcome::NotApplicable,
    ];
    RecordedVerdict {
        revision: class.map(|_| id(4)),
        commits: 2,
        subject: "Do it".into(),
        stage: Stage::PreReceive,
        enforced: true,
        class: class.map(str::to_owned),
        judgements: outcomes.map(judgement).to_vec(),
        disagreements: vec![RecordedDisagreement {
            field: "Risk".into(),
            stated: vec![RecordedWord { value: "low".into(), at: place() }],
            counts: "high".into(),
        }],
    }
}

/// Decisions in which each part has every form that it can have.
fn decisions() -> Vec<LedgerEvent> {
    let statements = [None, Some(vec![person(None)])].map(|people| {
        let tickets = people.is_none().then(|| vec!["PAY-1".into(), odd()]);
        RecordedStatement { field: "Ticket".into(), people, tickets }
    });
    let closing = RecordedClosing {
        change: id(4),
        contributors: vec![person(Some("ana@example.com")), person(None)],
        contributors_known: false,
        for_changes: vec!["0123456789ab".into()],
        statements: statements.to_vec(),
        late_statement: Some(RecordedLateStatement { by: person(None), is_complete: true }),
    };
    let owing = OwingChange { change: id(4), contributors: vec![person(None)], contributors_known: true };
    let session = "0123456789ab".to_owned();
    let request = |action| RecordedRequest {
        id: "0123456789ab".into(),
        by: person(Some("ana")),
        is_in_team: true,
        action,
    };
    let open =
        RequestedAction::Open { incident: "INC-1".into(), reason: "r".into(), until: Timestamp::UNIX_EPOCH };
    let close = RequestedAction::Close { session, note: Some("n".into()) };
    let digest = "0".repeat(64);
    let policies = vec![
        RecordedPolicySource::Commit {
            id: id(5),
            path: "policies/changegate.yml".into(),
            digest: digest.clone(),
        },
        RecordedPolicySource::Disk { path: "/etc/policy.yml".into(), digest: digest.clone() },
        RecordedPolicySource::Pack { name: "startup".into(), digest: digest.clone() },
        RecordedPolicySource::Elsewhere { place: "the API".into(), digest },
    ];
    let of_ref = RefDecision {
        name: odd(),
        pushed_as: Some("refs/heads/alias".into()),
        old: Some(id(6)),
        new: None,
        tree: Some(id(7)),
        protected: true,
        policies,
        refusals: vec![judgement(RecordedOutcome::Pass)],
        changes: vec![verdict(Some("normal")), verdict(None)],
        passed: 3,
        omitted: OmittedChanges { changes: 4, denied: 1 },
        owing_changes: vec![owing],
        closings: vec![closing],
        pull_landings: vec![PullLanding {
            change: id(4),
            pull: "acme/shop#6".into(),
            landed_as: id(9),
            reviewable_rules: vec!["peer-review".into()],
        }],
        break_glass: Some(request(open)),
        act: acts().pop(),
        used_approvals: vec![id(7)],
    };
    let bare = RefDecision {
        break_glass: Some(request(close)),
        act: None,
        used_approvals: Vec::new(),
        pushed_as: None,
        old: None,
        tree: None,
        owing_changes: Vec::new(),
        closings: Vec::new(),
        pull_landings: Vec::new(),
        ..of_ref.clone()
    };
    let digest = format!("sha256:{}", "a".repeat(64));
    let policy = RecordedPolicy { name: "p".into(), digest: digest.clone(), source: "s".into() };
    let decided = |pusher, policy, stage, evaluated| {
        LedgerEvent::Decision(Box::new(DecisionRecord {
            id: "b".repeat(32),
            observed_at: Timestamp::UNIX_EPOCH,
            stage,
            push_certificate: match pusher {
                RecordedPusher::Account(_) => Some(RecordedCertificate {
                    id: id(9),
                    signer: "ana@example.com".into(),
                    key: "SHA256:x".into(),
                }),
                _ => None,
            },
            pusher,
            decision: RecordedDecision::Deny,
            evaluated,
            policy,
            refs: vec![of_ref.clone(), bare.clone()],
            omitted_refs: 5,
            notes: vec![message()],
            facts: FactsDigest { digest: digest.clone(), changes: 9, kept: false },
            reasons: Some(ReasonsDigest { digest: digest.clone(), changes: 9 }),
            tool: "changegate 0.1.0".into(),
        }))
    };
    vec![
        decided(RecordedPusher::Account("ana".into()), Some(policy), Stage::PreReceive, None),
        decided(RecordedPusher::Unidentified, None, Stage::Landed, Some(RecordedDecision::Deny)),
        decided(RecordedPusher::Unknown(GapCause::NotConfigured), None, Stage::PreReceive, None),
    ]
}

fn discharges() -> Vec<LedgerEvent> {
    let ticket = |by| ObligationEvidence::Ticket {
        key: "SEC-78".into(),
        source: odd(),
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
    vec![
        discharged(ObligationEvidence::Change { id: id(8) }, None, None),
        discharged(ticket(None), None, None),
        discharged(ticket(Some(id(8))), None, None),
        discharged(ObligationEvidence::Change { id: id(8) }, Some(id(4)), Some(1)),
        discharged(review, None, None),
    ]
}

fn sessions() -> Vec<LedgerEvent> {
    let (at, session) = (Timestamp::UNIX_EPOCH, "0123456789ab".to_owned());
    let actor = |is_pushed: bool| SessionActor {
        account: "ana".into(),
        decision: is_pushed.then(|| "b".repeat(32)),
        person: is_pushed.then(|| person(Some("ana"))),
    };
    let opened = LedgerEvent::BreakGlass(BreakGlassEvent::Opened(SessionOpening {
        session: session.clone(),
        request_id: session.clone(),
        by: actor(true),
        incident: "INC-1".into(),
        reason: odd(),
        opened_at: at,
        until: at,
    }));
    let closed = |note: Option<Text>, late_by| {
        LedgerEvent::BreakGlass(BreakGlassEvent::Closed(SessionClosure {
            session: session.clone(),
            request_id: session.clone(),
            by: actor(false),
            note,
            closed_at: at,
            late_by,
        }))
    };
    vec![opened, closed(Some("n".into()), Some(1)), closed(None, None)]
}

/// Acts in which each part has every form that it can have.
fn acts() -> Vec<RecordedAct> {
    let act = |says, person, note: Option<Text>| RecordedAct {
        id: "0123456789ab".into(),
        account: "ana".into(),
        person,
        change: id(4),
        ref_name: odd(),
        says,
        note,
    };
    let attachment = RecordedActKind::Attachment {
        name: "report.xml".into(),
        bytes: 7,
        digest: format!("sha256:{}", "a".repeat(64)),
        commit: id(5),
    };
    let mut acts = vec![
        act(RecordedActKind::Verified, None, None),
        act(RecordedActKind::Deployment { environment: odd(), before: None, failed: true }, None, None),
        act(
            RecordedActKind::Deployment { environment: odd(), before: Some(id(6)), failed: false },
            None,
            None,
        ),
        act(attachment, Some(person(Some("ana"))), Some(odd())),
    ];
    for (decision, role) in SignedDecision::ALL.into_iter().zip([Some(odd()), None, None]) {
        let approval = RecordedSignedApproval {
            decision,
            signer: odd(),
            key: "SHA256:abc".into(),
            signed_at: 1,
            role,
            base: id(1),
            tree: id(2),
            statements: format!("sha256:{}", "b".repeat(64)),
            commit: id(3),
        };
        acts.push(act(RecordedActKind::Approval(Box::new(approval)), None, Some(odd())));
    }
    for outcome in [RecordedReport::Ok, RecordedReport::Failed, RecordedReport::Reverted] {
        let incident = (outcome != RecordedReport::Ok).then(odd);
        acts.push(act(RecordedActKind::Outcome { outcome, incident }, Some(person(None)), None));
    }
    acts
}

/// Every event, and in them every form that a value can have.
fn events() -> Vec<LedgerEvent> {
    let moved = RecordedMove { name: odd(), old: None, new: Some(id(2)) };
    let tip = RefTip { name: odd(), id: id(3) };
    let damaged =
        |digest, cause| LedgerEvent::Damaged(DamagedDecision { file: "f.json".into(), digest, cause });
    let terms = |due| {
        LedgerEvent::RegularisationTerms(RegularisationTerms {
            record_number: 7,
            teams: vec!["t".to_owned()],
            due,
            contributors: vec![person(None)],
            contributors_known: false,
            regularised_on: odd(),
        })
    };
    let mut events = vec![
        LedgerEvent::Begin(LedgerBeginning {
            protects: vec!["main".into()],
            tips: vec![tip.clone()],
            tool: "t".into(),
        }),
        LedgerEvent::Outcome(DecisionOutcome {
            decision_id: "b".repeat(32),
            landed: vec![moved.clone()],
            unmoved: vec![odd()],
            observed_at: Timestamp::UNIX_EPOCH,
            found_late: true,
        }),
        LedgerEvent::Unauthorised(moved),
        LedgerEvent::Scope(ScopeChange {
            protects: vec!["*".into()],
            newly_protected: vec![tip],
            no_longer_protected: vec![odd()],
        }),
        damaged(Some(format!("sha256:{}", "a".repeat(64))), DamageCause::Malformed),
        damaged(None, DamageCause::Unreadable),
        damaged(None, DamageCause::TooLong),
        LedgerEvent::Escalated(ObligationEscalation {
            due_soon: vec!["a/0/b/c/0".into()],
            overdue: vec!["a/0/b/d/0".into()],
            observed_at: Timestamp::UNIX_EPOCH,
        }),
        terms(Some(Timestamp::UNIX_EPOCH)),
        terms(None),
    ];
    for hook in [
        RecordedHookState::Installed,
        RecordedHookState::Foreign,
        RecordedHookState::Missing,
        RecordedHookState::Unknown,
        RecordedHookState::Workflow,
    ] {
        events.push(LedgerEvent::Heartbeat(LedgerHeartbeat {
            observed_at: Timestamp::UNIX_EPOCH,
            refs: 3,
            waiting_decisions: 1,
            hook,
            tool: "t".into(),
        }));
    }
    events.extend(pull_verdicts());
    events.extend(decisions());
    events.extend(discharges());
    events.extend(sessions());
    for act in acts() {
        let decision = "b".repeat(32);
        events.push(LedgerEvent::Act(ChangeAct { act, decision, observed_at: Timestamp::UNIX_EPOCH }));
    }
    events
}

fn pull_verdicts() -> Vec<LedgerEvent> {
    let verdict = |standing, is_whole: bool| {
        let marks = RecordedMarks {
            subject: odd(),
            author: is_whole.then(|| "ana@example.com".into()),
            change_ids: vec!["I1".into()],
            tickets: vec![odd()],
            paths: vec![odd()],
        };
        LedgerEvent::PullVerdict(Box::new(PullVerdict {
            pull: "acme/shop#1".into(),
            target: odd(),
            revision: id(1),
            standing,
            rules: vec!["peer-review".into()],
            policy: is_whole.then(|| format!("sha256:{}", "a".repeat(64))),
            judged_at: Timestamp::UNIX_EPOCH,
            check_run: RecordedCheckRun {
                id: 7,
                name: odd(),
                app: is_whole.then(|| "github-actions".into()),
                completed_at: is_whole.then_some(Timestamp::UNIX_EPOCH),
            },
            marks: (standing == RecordedStanding::Denied).then_some(marks),
            observed_at: Timestamp::UNIX_EPOCH,
            tool: "t".into(),
        }))
    };
    vec![
        verdict(RecordedStanding::Denied, true),
        verdict(RecordedStanding::Denied, false),
        verdict(RecordedStanding::Allowed, false),
        verdict(RecordedStanding::Waiting, true),
        verdict(RecordedStanding::Undecided, true),
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
                let is_name_of_value = at.ends_with(".values");
                let at = format!("{at}.{key}");
                if !is_name_of_value {
                    found.insert(at.clone());
                }
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
        // Records of before reasons were kept have none, only evaluate mode leaves what was evaluated, and few pushes are
        // signed.
        let is_optional = |key: &str| ["reasons", "evaluated", "push-certificate"].contains(&key);
        for key in inside.as_object().unwrap().keys().filter(|key| !is_optional(key)) {
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
