//! Evidence outlives wording: the ledgers in `tests/ledger/fixture` were made by earlier versions, and every
//! later version verifies, replays and traces them, whatever its sentences are.
//!
//! After a release, and whenever the form of records has changed before one, a maintainer makes the ledger of
//! this version with
//!
//! ```text
//! cargo test --test evidence -- --ignored make_the_ledger_of_this_version
//! ```
//!
//! which writes `tests/ledger/fixture/unreleased.bundle`. A release gives it the name `VERSION.bundle`, and the bundle of a
//! released version never changes.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "ledger/ledger_reader.rs"]
mod ledger_reader;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "hooks/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use changegate::change::{Oid, Text};
use changegate::git::{FileAtPath, Repository};
use changegate::ledger::LEDGER_REF;
use changegate::ledger::audit::history_fold::read_ledger_history;
use changegate::ledger::audit::ledger_history::RecordedChangeAct;
use changegate::ledger::audit::replay::{ReplayOutcome, replay_decision};
use changegate::ledger::audit::trace::{LandingOrigin, trace_change};
use changegate::ledger::audit::verify::{
    LedgerProblemKind, LedgerVerification, VerifyOptions, verify_ledger,
};
use changegate::ledger::record::readable::ReadableRecord;
use changegate::ledger::record::{
    LedgerEvent, Record, RecordedActKind, RecordedMessage, RecordedOutcome, RecordedValue, digest_bytes,
};
use changegate::ledger::store::{FACTS_FILE, REASONS_FILE, RECORD_FILE, read_ledger_file, read_state};

use crate::world::{World, bad, good};

const POLICY: &str = include_str!("ledger/fixture/policy.yml");

const EMERGENCY: &str = "\
Stop charging cards twice

Change-Type: emergency
Risk: high
Incident: INC-1
Emergency-Reason: cards are charged twice and every minute costs customers money
";

const REASON: &str = "the payment queue is stuck, and orders are lost with every minute";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/fixture")
}

/// What this version reads out of a ledger.
#[derive(Debug, PartialEq)]
struct Reading {
    verification: LedgerVerification,
    /// Judging each decision again, by the number of its record.
    replays: BTreeMap<u64, ReplayOutcome>,
    /// For each change that landed: how many records tell of it, and how it came to each ref.
    traces: BTreeMap<Oid, (usize, BTreeMap<Text, LandingOrigin>)>,
}

/// A ledger that was restored from a bundle.
struct RestoredLedger {
    /// Removes the files at the end.
    _folder: tempfile::TempDir,
    repository: Repository,
}

impl RestoredLedger {
    fn from_bundle(bundle: &Path) -> RestoredLedger {
        let folder = tempfile::tempdir().unwrap();
        for args in [
            vec!["init", "-q", "--bare", "."],
            vec!["fetch", "-q", bundle.to_str().unwrap(), "+refs/*:refs/*"],
        ] {
            let mut command = Command::new("git");
            command.current_dir(folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
            let output = command.args(&args).output().unwrap();
            assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let repository = Repository::open_at(folder.path(), None).unwrap();
        RestoredLedger { _folder: folder, repository }
    }

    /// Returns every record with its commit, oldest first.
    fn records(&self) -> Vec<(Oid, Box<Record>)> {
        let tip = self.repository.resolve_ref(LEDGER_REF.as_bytes()).unwrap().id;
        let (commits, broken) = self.repository.walk_chain(tip);
        assert!(broken.is_none());
        let mut records = Vec::new();
        for (commit, _) in commits.into_iter().rev() {
            let bytes = read_ledger_file(&self.repository, commit, RECORD_FILE).unwrap().unwrap();
            match ReadableRecord::parse_record(&bytes) {
                ReadableRecord::Known(record) => records.push((commit, record)),
                other => panic!("{other:?}"),
            }
        }
        records
    }

    fn read(&self) -> Reading {
        let options = VerifyOptions { check_refs: true, ..VerifyOptions::default() };
        let verification = verify_ledger(&self.repository, &options, &mut || {}).unwrap();
        let mut replays = BTreeMap::new();
        let mut traces = BTreeMap::new();
        for (commit, record) in self.records() {
            match &record.event {
                LedgerEvent::Decision(decision) => {
                    let facts = read_ledger_file(&self.repository, commit, FACTS_FILE).unwrap();
                    let reasons = read_ledger_file(&self.repository, commit, REASONS_FILE).unwrap();
                    let outcome =
                        replay_decision(&self.repository, decision, facts.as_deref(), reasons.as_deref());
                    replays.insert(record.number, outcome);
                }
                LedgerEvent::Outcome(outcome) => {
                    for change in outcome.landed.iter().filter_map(|moved| moved.new) {
                        let trace = trace_change(&self.repository, change).unwrap();
                        assert_eq!(trace.unreadable_records, 0);
                        traces.insert(change, (trace.records.len(), trace.landings));
                    }
                }
                _ => {}
            }
        }
        Reading { verification, replays, traces }
    }

    /// Returns every message of the records and of the state, with its code.
    fn messages(&self) -> Vec<RecordedMessage> {
        let mut messages = Vec::new();
        for (_, record) in self.records() {
            let LedgerEvent::Decision(decision) = &record.event else { continue };
            messages.extend(decision.notes.iter().cloned());
            for judgement in decision.refs.iter().flat_map(|one| one.judgements()) {
                match &judgement.outcome {
                    RecordedOutcome::Fail(findings) => messages.extend(findings.iter().map(|finding| {
                        RecordedMessage { code: finding.code.clone(), values: finding.values.clone() }
                    })),
                    RecordedOutcome::Owed(owed) => {
                        messages.extend(owed.iter().flat_map(|one| [one.what.clone(), one.evidence.clone()]));
                    }
                    _ => {}
                }
            }
        }
        let state = read_state(&self.repository).unwrap().unwrap();
        for owed in state.obligations.into_values() {
            messages.extend([owed.what, owed.evidence]);
        }
        messages
    }
}

/// Returns a template in capitals and with more words, but with its placeholders as they are.
fn reword(text: &str) -> String {
    let mut out = "in other words, ".to_owned();
    let mut is_placeholder = false;
    for character in text.chars() {
        is_placeholder = (is_placeholder || character == '{') && character != '}';
        if is_placeholder {
            out.push(character);
        } else {
            out.extend(character.to_uppercase());
        }
    }
    out
}

#[test]
fn a_ledger_of_every_version_is_read_alike_in_other_words() {
    let mut bundles: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    bundles.retain(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    bundles.sort();
    assert!(bundles.len() >= 2, "make one: see the top of this file");
    let mut before = Vec::new();
    for bundle in &bundles {
        let ledger = RestoredLedger::from_bundle(bundle);
        let reading = ledger.read();
        holds_everything(&ledger);
        // There were no acts before.
        if !bundle.ends_with("0.1.0.bundle") {
            holds_every_act(&ledger);
        }
        is_sound(bundle, &reading);
        let messages = ledger.messages();
        hold_no_english(&messages);
        let words: Vec<String> = messages.iter().map(RecordedMessage::to_plain_text).collect();
        before.push((ledger, reading, messages, words));
    }
    // From here on every sentence of this process is another one.
    changegate::verdict::reword_messages(reword);
    for (ledger, reading, messages, words) in before {
        assert_eq!(ledger.read(), reading);
        for (message, words) in messages.iter().zip(words) {
            assert_ne!(message.to_plain_text(), words, "{}", message.code);
        }
    }
}

/// Asserts that no value of these messages is English of the program: its words stand in the policy, or are an
/// id, a number or a time.
fn hold_no_english(messages: &[RecordedMessage]) {
    let mut values: Vec<(&str, &RecordedValue)> = Vec::new();
    for message in messages {
        values.extend(message.values.values().map(|value| (message.code.as_str(), value)));
    }
    let mut codes = BTreeSet::new();
    while let Some((code, value)) = values.pop() {
        codes.insert(code);
        match value {
            RecordedValue::Plain(words) => {
                let is_number = |byte: u8| byte.is_ascii_hexdigit() || b"-:. TZ".contains(&byte);
                let is_id_or_time = words.trim_end_matches("UTC").bytes().all(is_number);
                let mut parts = words.trim_matches(['`', '<', '>']).split('|');
                assert!(is_id_or_time || parts.all(|part| POLICY.contains(part)), "{code}: {words}");
            }
            RecordedValue::List(items) => values.extend(items.iter().map(|item| (code, item))),
            RecordedValue::Nested(nested) => {
                values.extend(nested.values.values().map(|value| (nested.code.as_str(), value)));
            }
            RecordedValue::Number(_) | RecordedValue::Quoted(_) | RecordedValue::Unrecorded => {}
        }
    }
    for code in [
        "condition.forbidden",
        "touches.not-touched",
        "window.frozen",
        "window.closed",
        "obligation.ticket-within",
    ] {
        assert!(codes.contains(code), "no {code} in {codes:?}");
    }
}

/// Asserts that the ledger has every kind of record that the gate of a server writes in order.
fn holds_everything(ledger: &RestoredLedger) {
    let records = ledger.records();
    let kinds: Vec<String> = records
        .iter()
        .map(|(_, record)| {
            let value = serde_json::to_value(&record.event).unwrap();
            value.as_object().unwrap().keys().next().unwrap().clone()
        })
        .collect();
    for kind in
        ["begin", "decision", "outcome", "unauthorised", "discharged", "break-glass", "regularisation-terms"]
    {
        assert!(kinds.iter().any(|one| one == kind), "no {kind} in {kinds:?}");
    }
}

/// Asserts that the history of main has an act of each kind, and that the attached file is the one of its record.
fn holds_every_act(ledger: &RestoredLedger) {
    let history = read_ledger_history(&ledger.repository, &Text::from("refs/heads/main"), &mut || {});
    let acts = history.unwrap().unwrap().acts;
    let mut told: Vec<String> = Vec::new();
    for RecordedChangeAct { event, .. } in &acts {
        let by = event.act.account.to_lossy();
        let note = event.act.note.as_ref().map(|note| note.to_lossy().into_owned()).unwrap_or_default();
        told.push(match &event.act.says {
            RecordedActKind::Outcome { outcome, incident } => {
                let incident = incident.as_ref().map(|one| one.to_lossy().into_owned()).unwrap_or_default();
                format!("{} {incident} {by} {note}", outcome.code())
            }
            RecordedActKind::Verified => format!("verified {by} {}", event.act.person.is_none()),
            RecordedActKind::Attachment { name, bytes, digest, commit } => {
                let file = ledger.repository.read_file_at(*commit, name, 1 << 10).unwrap();
                let FileAtPath::Found(content) = file else { panic!("{name} is not there") };
                assert_eq!((content.len() as u64, &digest_bytes(&content)), (*bytes, digest));
                format!("{name} {by}")
            }
            RecordedActKind::Approval(approval) => {
                format!("{} by {}", approval.decision.word(), approval.signer.to_lossy())
            }
            RecordedActKind::Deployment { environment, failed, .. } => {
                format!("deployed {} {failed} {by}", environment.to_lossy())
            }
        });
    }
    let expected = [
        "failed INC-4 kim@example.com every second request failed",
        "ok  kim@example.com ",
        "verified monitor true",
        "report.xml kim@example.com",
    ];
    assert_eq!(told, expected);
}

fn is_sound(bundle: &Path, reading: &Reading) {
    let verification = &reading.verification;
    assert!(verification.is_whole(), "{}: {:#?}", bundle.display(), verification.problems);
    let kinds: Vec<LedgerProblemKind> = verification.problems.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [LedgerProblemKind::Regularised]);
    assert!(verification.denied > 0 && verification.denied < verification.decisions);
    assert!(reading.replays.len() as u64 == verification.decisions);
    let mut judged_again = 0;
    for (number, replay) in &reading.replays {
        assert_eq!(replay.differences, Vec::<String>::new(), "record {number}");
        assert_eq!(replay.unavailable, Vec::<String>::new(), "record {number}");
        judged_again += replay.identical;
    }
    assert!(judged_again >= 5, "{judged_again}");
    assert!(!reading.traces.is_empty());
    for (change, (records, landings)) in &reading.traces {
        assert!(*records >= 2, "{change}");
        assert!(landings.values().all(|origin| *origin == LandingOrigin::Decided), "{change}: {landings:?}");
    }
}

impl World {
    /// Pushes as this account from now on.
    fn push_as(&mut self, account: &str) {
        self.environment.retain(|(name, _)| name != "WHO");
        self.environment.push(("WHO".into(), account.into()));
    }

    /// Commits as Ben, who is not an author of what he speaks for.
    fn commit_as_other(&mut self, message: &str) -> String {
        let before = self.environment.clone();
        for (name, value) in [("NAME", "Ben"), ("EMAIL", "ben@example.com")] {
            self.environment.push((format!("GIT_AUTHOR_{name}"), value.into()));
            self.environment.push((format!("GIT_COMMITTER_{name}"), value.into()));
        }
        let id = self.commit(message);
        self.environment = before;
        id
    }
}

/// A normal change that Kim has reviewed, and that speaks for an earlier one.
fn closing(change: &str, fields: &str) -> String {
    format!("{}For-Change: {}\n{fields}", reviewed("Look back"), &change[..12])
}

/// A normal change that Kim has reviewed.
fn reviewed(subject: &str) -> String {
    format!("{subject}\n\nChange-Type: normal\nRisk: low\nReviewed-by: Kim <kim@example.com>\n")
}

#[test]
#[ignore = "writes tests/ledger/fixture; a maintainer runs it"]
fn make_the_ledger_of_this_version() {
    let mut world = World::under(POLICY);
    world.configure("changegate.pusher", "env:WHO");
    world.push_as("ana@example.com");
    world.commit(&good("Add the shop"));
    world.push(&["main"]).accepted();
    let kept = world.head();
    // What was said about it after it had landed.
    world.push_as("kim@example.com");
    let failed = ["outcome", &kept, "failed", "--incident", "INC-4", "--note", "every second request failed"];
    world.changegate("work", &failed).accepted();
    world.changegate("work", &["outcome", &kept, "ok"]).accepted();
    world.push_as("monitor");
    world.changegate("work", &["verified", &kept]).accepted();
    world.push_as("kim@example.com");
    world.write("../report.xml", "<testsuites tests='7' failures='0'/>\n");
    world.changegate("work", &["attach", &kept, "../report.xml"]).accepted();
    world.push_as("ana@example.com");
    world.commit(&bad("Change prices without a review"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &kept]);
    // Findings whose questions hold other questions, and an obligation to have a ticket confirmed.
    world.write("src/probe.rs", "// probe\n");
    world.commit(&format!("{}Probe: all\nTicket: PAY-412\n", reviewed("Ask everything")));
    world.push(&["main"]).refused("probe-window");
    world.git(&["reset", "-q", "--hard", &kept]);
    // An emergency, and what closes its obligations.
    let emergency = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    world.push_as("ben@example.com");
    world.commit_as_other(&closing(
        &emergency,
        "Emergency-Ticket: SEC-78\nPost-Implementation-Review: the retry ran twice; it is idempotent now\n",
    ));
    world.push(&["main"]).accepted();
    // A break-glass session.
    world.push_as("kim@example.com");
    let open = ["breakglass", "open", "--reason", REASON, "--incident", "INC-2"];
    world.changegate("work", &open).accepted();
    let record = world.records().pop().unwrap();
    let session = record["event"]["opened"]["session"].as_str().unwrap().to_owned();
    world.changegate("work", &["breakglass", "close", &session, "--note", "the queue is drained"]).accepted();
    // An unauthorised change, and its regularisation.
    world.push_as("ana@example.com");
    let unauthorised = world.commit("Past the hook\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    world.reconcile();
    world.push_as("ben@example.com");
    world.commit_as_other(&closing(
        &unauthorised,
        "Emergency-Reason: the hook was off while the disk was replaced, and it could not wait\nIncident: INC-3\n",
    ));
    world.push(&["main"]).accepted();
    world.reconcile();
    world.is_whole();
    fs::create_dir_all(folder()).unwrap();
    let bundle = folder().join("unreleased.bundle");
    world.git_in("server.git", &["bundle", "create", "-q", bundle.to_str().unwrap(), "--all"]);
}
