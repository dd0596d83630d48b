//! What somebody hostile tries: with pushes, with the server's clock, and with the ledger itself.

use changegate::change::{Oid, Text};
use changegate::gate::{GateSettings, RecordedPast, current_policy, judge_push, protected_refs};
use changegate::git::{RefUpdate, Repository};
use changegate::ledger::record::{
    BreakGlassEvent, DecisionRecord, LedgerEvent, ObligationEscalation, ObligationEvidence, RecordedDecision,
    RefTip, ScopeChange, SessionActor, SessionClosure, SessionOpening,
};
use changegate::ledger::server::decision::{self, DecisionContext};
use changegate::ledger::server::discharge::append_events;
use changegate::ledger::server::reconcile::{ReconcileContext, reconcile_ledger};
use changegate::ledger::server::write_ahead;
use changegate::ledger::state::TrackedObligation;
use changegate::ledger::state::obligation::build_discharge;
use changegate::ledger::store;
use changegate::ledger::store::state_reader::LedgerStateReader;
use jiff::{SignedDuration, Timestamp};

use crate::break_glass::server;
use crate::ledger_reader::LEDGER;
use crate::past::{EMERGENCY, REVIEW, TICKET, ago, closes};
use crate::world::{MAIN, POLICY, Pushed, World, ZERO, bad, good};

/// What serves a push, in these tests.
const SERVER: &str = "a process that the test speaks for";

/// Judges a push as `pre-receive` does, and writes the decision ahead.
fn decide(world: &World, updates: &[(&str, &str, &str)], served_by: Option<&str>) {
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    let settings = GateSettings::read_settings(&repository, &|_| None, || 1).unwrap();
    let id = |digits: &str| Oid::from_hex(digits).unwrap();
    let one = |(old, new, name): &(&str, &str, &str)| RefUpdate {
        old: id(old),
        new: id(new),
        name: Text::from(*name),
    };
    let updates: Vec<RefUpdate> = updates.iter().map(one).collect();
    let (report, kept) =
        judge_push(&repository, &updates, (&settings, RecordedPast::default()), Timestamp::now(), false);
    let pusher = settings.pusher.clone();
    let by = DecisionContext {
        id: write_ahead::new_decision_id().unwrap(),
        pusher,
        served_by: served_by.map(str::to_owned),
    };
    let decision = decision::build_push_entry(&repository, &report, &kept, by).unwrap().unwrap();
    write_ahead::write_entry(repository.common_dir(), &decision).unwrap();
}

/// Folds in, while what serves pushes runs or not.
fn fold_while(world: &World, runs: bool) {
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    let settings = GateSettings::read_settings(&repository, &|_| None, || 1).unwrap();
    let policy = current_policy(&repository, &settings, &[]).unwrap();
    let scope = Some(protected_refs(&repository, &policy.policy).unwrap());
    let folding = ReconcileContext {
        repository: &repository,
        states: &LedgerStateReader::new(&repository),
        scope: scope.as_deref(),
        policy: None,
        signing_key: None,
        clock: Timestamp::now,
        push_timeout: SignedDuration::ZERO,
        max_denials: usize::MAX,
        heartbeat: None,
        tool_version: decision::TOOL_VERSION,
        is_process_running: &|_| Some(runs),
    };
    reconcile_ledger(&folding, None).unwrap();
}

#[test]
fn a_slow_push_is_recorded_once_however_many_come_in_between() {
    let world = World::new();
    let old = world.main();
    let new = world.commit(&good("One of two"));
    let denied = world.commit(&bad("Nobody has looked at this"));
    world.git_in("server.git", &["fetch", "-q", "../work", &denied]);
    decide(&world, &[(&old, &new, MAIN), (ZERO, &new, "refs/heads/release/1")], Some(SERVER));
    world.git_in("server.git", &["update-ref", MAIN, &new]);
    fold_while(&world, true);
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    // Git is still about to move the other ref, and somebody has himself denied again and again.
    for _ in 0..40 {
        decide(&world, &[(&new, &denied, MAIN)], None);
    }
    fold_while(&world, true);
    world.git_in("server.git", &["update-ref", "refs/heads/release/1", &new]);
    fold_while(&world, false);
    assert_eq!(world.kinds().iter().filter(|kind| *kind == "decision").count(), 41);
    world.is_whole();
}

#[test]
fn what_landed_past_the_gate_closes_nothing() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    let unjudged = world.commit_as_ben(&closes(&change, TICKET));
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.reconcile().refused("moved without a decision");
    let told = world.changegate("server.git", &["sweep"]);
    told.refused("emergency-ticket")
        .says(&format!("{} closes no obligation: it landed without", &unjudged[..10]));
    told.does_not_say("closed in time");
    // What lands by a decision afterwards does.
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted().says("emergency-ticket of");
    world.changegate("server.git", &["sweep"]).says("1 closed in time");
}

/// Appends what somebody makes up, with the gate's own code, verifies, and takes it away again.
fn made_up(world: &World, at: Timestamp, event: LedgerEvent) -> Pushed {
    let (tip, newest) = (world.at(LEDGER).unwrap(), world.path("server.git/changegate/newest"));
    let before = std::fs::read(&newest).unwrap();
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    append_events(&repository, None, at, |_| vec![event]).unwrap();
    let verified = world.verify();
    world.git_in("server.git", &["update-ref", LEDGER, &tip]);
    std::fs::write(newest, before).unwrap();
    verified
}

#[test]
fn nothing_is_closed_by_what_does_not_close_it() {
    let world = World::new();
    let change = world.commit(EMERGENCY);
    world.land_at(ago(30));
    let other = world.commit(&good("Something else"));
    world.push(&["main"]).accepted();
    world.is_whole();
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    let state = store::read_state(&repository).unwrap().unwrap();
    let owes = |rule: &str| {
        let found = state.obligations.iter().find(|(_, owed)| owed.rule.as_str() == rule).unwrap();
        (found.0.clone(), found.1.clone())
    };
    let (ticket, review) = (owes("emergency-ticket"), owes("emergency-review"));
    let now = Timestamp::now();
    let discharged =
        |(id, owed): &(String, TrackedObligation), evidence: ObligationEvidence, at: Timestamp| {
            LedgerEvent::Discharged(build_discharge(id, owed, evidence, at))
        };
    let id = |digits: &str| Oid::from_hex(digits).unwrap();
    let not_so = "the evidence does not close this obligation, or at another time";
    for (owed, evidence, at) in [
        (&ticket, ObligationEvidence::Session { by: Text::from("kim") }, now),
        // Neither says anything for the emergency, and one is the emergency itself.
        (&ticket, ObligationEvidence::Change { id: id(&other) }, now),
        (&ticket, ObligationEvidence::Change { id: id(&change) }, now),
        (&ticket, ObligationEvidence::Change { id: id(&"1".repeat(40)) }, now),
        (&review, ObligationEvidence::Change { id: id(&other) }, now),
    ] {
        made_up(&world, now, discharged(owed, evidence, at)).refused(not_so);
    }
    // What closes it late does not close it in time.
    let closing = world.commit(&closes(&change, TICKET));
    world.git_in("server.git", &["config", "changegate.ledger", "off"]);
    world.push(&["main"]).accepted();
    world.git_in("server.git", &["config", "--unset", "changegate.ledger"]);
    world.reconcile();
    let evidence = || ObligationEvidence::Change { id: id(&closing) };
    made_up(&world, now, discharged(&ticket, evidence(), ago(20))).refused(not_so);
    made_up(&world, now, discharged(&ticket, evidence(), now)).does_not_say(not_so);
    let told = |overdue: Vec<String>, due_soon: Vec<String>| {
        LedgerEvent::Escalated(ObligationEscalation { due_soon, overdue, observed_at: now })
    };
    let nobody = "people were told of what was not due";
    made_up(&world, now, told(vec![review.0.clone()], Vec::new())).refused(nobody);
    made_up(&world, now, told(vec![ticket.0.clone()], vec![review.0.clone()])).does_not_say(nobody);
}

#[test]
fn no_ref_moves_by_coming_under_change_control_again() {
    let world = World::new();
    world.commit("Past the hook\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    world.changegate("server.git", &["ledger", "verify"]).refused("mismatch");
    let state = store::read_state(&repository).unwrap().unwrap();
    let tip = RefTip { name: Text::from(MAIN), id: Oid::from_hex(&world.main()).unwrap() };
    let scope =
        ScopeChange { protects: state.protects, newly_protected: vec![tip], no_longer_protected: Vec::new() };
    made_up(&world, Timestamp::now(), LedgerEvent::Scope(scope)).refused("and they are not");
}

#[test]
fn a_session_on_the_server_has_the_time_of_its_record() {
    let world = server();
    let on_server =
        |what: &[&str]| world.changegate("server.git", &[&["breakglass"], what, &["--server"]].concat());
    let why = "the payment queue is stuck, and orders are lost with every minute";
    on_server(&["open", "--incident", "INC-1", "--reason", why]).accepted();
    world.is_whole();
    let session = world.sessions()[0]["id"].as_str().unwrap().to_owned();
    let (now, later) = (Timestamp::now(), Timestamp::now() + SignedDuration::from_hours(9));
    let by = SessionActor { account: Text::from("root"), decision: None, person: None };
    let closed = SessionClosure {
        request_id: "0123456789ab".into(),
        by: by.clone(),
        closed_at: now,
        late_by: None,
        note: None,
        session,
    };
    made_up(&world, later, LedgerEvent::BreakGlass(BreakGlassEvent::Closed(closed.clone())))
        .refused("is not closed like that");
    made_up(&world, now, LedgerEvent::BreakGlass(BreakGlassEvent::Closed(closed))).accepted();
    let id = "0123456789ab".to_owned();
    let (incident, reason) = (Text::from("INC-2"), Text::from(why));
    let opened = SessionOpening {
        request_id: id.clone(),
        session: id,
        by,
        incident,
        reason,
        opened_at: later,
        until: later,
    };
    made_up(&world, now, LedgerEvent::BreakGlass(BreakGlassEvent::Opened(opened)))
        .refused("cannot be opened like that");
}

#[test]
fn what_is_denied_is_not_said_to_be_allowed() {
    let world = World::new();
    world.commit(&bad("Nobody has looked at this"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile();
    let record = world.links().pop().unwrap().record();
    let mut decided: DecisionRecord = serde_json::from_value(record["event"]["decision"].clone()).unwrap();
    decided.id = "0".repeat(32);
    decided.decision = RecordedDecision::Allow;
    made_up(&world, Timestamp::now(), LedgerEvent::Decision(Box::new(decided)))
        .refused("it allows a change that its judgements deny");
}

const STRICT: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main]
obligations: { block-on-overdue: true, suspend-shortcut: true }
";

#[test]
fn nobody_blocks_everybody_by_what_nobody_can_close() {
    let world = World::under(STRICT);
    let before = world.head();
    world.commit(&format!("{EMERGENCY}Co-authored-by: somebody\n"));
    world.push(&["main"]).refused("obligations-known").says("its contributors are not known");
    world.git(&["reset", "-q", "--hard", &before]);
    world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    world.is_whole_but_for_denials();
}

#[test]
fn what_nobody_can_close_from_before_is_in_nobodys_way() {
    let world = World::new();
    let change = world.commit(&format!("{EMERGENCY}Co-authored-by: somebody\n"));
    world.land_at(ago(24 * 30));
    world.commit(&closes(&change, &format!("{TICKET}{REVIEW}")));
    world.push(&["main"]).accepted().says("the contributors to one of the two changes are not known");
    world.write("policies/changegate.yml", STRICT);
    world.commit(&good("Ask what is overdue"));
    world.push(&["main"]).accepted();
    world.commit(&good("Go on"));
    world.push(&["main"]).accepted();
    world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    // It stays overdue, and whoever sweeps is told.
    world.changegate("server.git", &["sweep"]).refused("1 overdue");
}

#[test]
fn one_push_does_not_leave_more_owed_than_the_ledger_can_carry() {
    let world = World::new();
    let before = world.head();
    let name = "x".repeat(2000);
    let others: String =
        (0..1900).map(|one| format!("Co-authored-by: {name}{one} <a{one}@example.com>\n")).collect();
    std::fs::write(world.path("message"), format!("{EMERGENCY}{others}")).unwrap();
    let message = world.path("message").display().to_string();
    world.git(&["commit", "-q", "--allow-empty", "--no-verify", "-F", &message]);
    world.push(&["main"]).refused("owes more than the ledger can carry along");
    world.git(&["reset", "-q", "--hard", &before]);
    world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    world.is_whole_but_for_denials();
    let decided: Vec<_> =
        world.records().into_iter().filter(|record| record["event"]["id"].is_string()).collect();
    assert_eq!(
        decided.iter().map(|one| one["event"]["decision"].clone()).collect::<Vec<_>>(),
        ["deny", "allow"]
    );
}

#[test]
fn what_owes_more_is_refused_before_the_state_cannot_be_read_any_more() {
    let world = World::new();
    world.commit(&good("Before"));
    world.push(&["main"]).accepted();
    // The same state, with much space behind it, as if that many things were owed.
    let ledger = "refs/changegate/ledger";
    let state = world.git_in("server.git", &["cat-file", "blob", &format!("{ledger}:state.json")]);
    std::fs::write(world.path("state"), format!("{state}{}", " ".repeat(17 << 20))).unwrap();
    let id = |spec: &str| world.git_in("server.git", &["rev-parse", spec]).trim().to_owned();
    let path = world.path("state").display().to_string();
    let blob = world.git_in("server.git", &["hash-object", "-w", &path]).trim().to_owned();
    let index = world.path("index").display().to_string();
    let mut command = world.command("git", "server.git");
    let script = format!(
        "git read-tree {ledger} && git update-index --cacheinfo 100644,{blob},state.json && git write-tree"
    );
    let output =
        command.args(["-c", &format!("alias.grow=!{script}"), "grow"]).env("GIT_INDEX_FILE", &index).output();
    let tree = String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned();
    let parent = id(&format!("{ledger}~1"));
    let message = world.git_in("server.git", &["log", "-1", "--format=%B", ledger]);
    let grown = world.git_in("server.git", &["commit-tree", "-p", &parent, "-m", &message, &tree]);
    world.git_in("server.git", &["update-ref", ledger, grown.trim()]);
    let before = world.commit(&good("Owes nothing"));
    world.push(&["main"]).accepted();
    world.git_in("server.git", &["update-ref", ledger, grown.trim()]);
    world.commit(EMERGENCY);
    world.push(&["main"]).refused("so much is owed already that the ledger cannot carry more");
    assert_eq!(world.main(), before);
}

#[test]
fn what_was_judged_nowhere_is_not_deployed_from_another_branch() {
    let world = World::new();
    let first = world.head();
    let unjudged = world.commit(&bad("Past the hook"));
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.reconcile();
    let check = |name: &str| {
        world.changegate("server.git", &["deploy-check", &format!("{first}..{unjudged}"), "--ref", name])
    };
    check("main").refused("it landed without a decision");
    // Nothing new is nothing judged, if it never came to the branch.
    let never = world.commit(&bad("Never pushed"));
    let none = format!("{never}..{never}");
    let check_none = |range: &str| world.changegate("work", &["deploy-check", range, "--ref", "main"]);
    world.git(&["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    check_none(&none).refused(&format!("{never}: no landing in the ledger brought it"));
    check_none(&format!("{first}..{first}")).says("0 changes").does_not_say("no landing");
    world.git(&["reset", "-q", "--hard", &unjudged]);
    // Another branch takes only what was decided on main.
    world.push(&["main:release/1"]).refused("peer-review");
    world.git_in("server.git", &["update-ref", "refs/heads/release/1", &unjudged]);
    check("release/1").refused(&format!("{unjudged}: no landing in the ledger brought it"));
    // What is judged on the other branch first is decided there.
    let world = World::new();
    let first = world.head();
    let fix = world.commit(&good("Fix it there"));
    world.push(&["main:release/1"]).accepted();
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.reconcile();
    let range = format!("{first}..{fix}");
    world.changegate("server.git", &["deploy-check", &range, "--ref", "release/1"]).accepted();
    world.changegate("server.git", &["deploy-check", &range, "--ref", "main"]).refused("landed without");
}

#[test]
fn a_branch_from_before_the_rules_owes_what_they_ask() {
    let old = format!(
        "{POLICY}rules:\n  emergency-ticket: {{ level: off, reason: nobody asked for it yet }}\n  \
         emergency-review: {{ level: off, reason: nobody asked for it yet }}\n"
    );
    let world = World::under(&old);
    let first = world.head();
    world.write("policies/changegate.yml", POLICY);
    world.commit(&good("Ask for tickets"));
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-b", "old", &first]);
    world.push(&["old:release/old"]).accepted();
    world.commit(EMERGENCY);
    world.push(&["old:release/old"]).accepted().says("owed emergency-ticket").says("owed emergency-review");
    world.changegate("server.git", &["obligations"]).says("1 due soon, 1 open");
    world.is_whole();
}

#[test]
fn a_branch_from_before_the_ticket_system_takes_no_key_for_a_ticket() {
    let world = World::new();
    let first = world.head();
    world.write("policies/changegate.yml", &format!("{POLICY}tickets: {{ SEC: linear }}\n"));
    world.commit(&good("Ask the ticket system"));
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-b", "old", &first]);
    world.push(&["old:release/old"]).accepted();
    let change = world.commit(EMERGENCY);
    world.push(&["old:release/old"]).accepted();
    world.commit(&closes(&change, TICKET));
    world.push(&["old:release/old"]).accepted().says("emergency-ticket of").says("stays open");
    world.changegate("server.git", &["sweep"]).does_not_say("closed in time");
}

#[test]
fn what_lands_after_all_closes_what_it_said() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    let closing = world.commit_as_ben(&closes(&change, &format!("{TICKET}{REVIEW}")));
    world.git_in("server.git", &["fetch", "-q", "../work", &closing]);
    decide(&world, &[(&change, &closing, MAIN)], Some(SERVER));
    fold_while(&world, false);
    world.changegate("server.git", &["obligations"]).says("1 due soon, 1 open");
    // Its server was only slow.
    world.git_in("server.git", &["update-ref", MAIN, &closing]);
    fold_while(&world, false);
    world.changegate("server.git", &["obligations"]).accepted().says("2 closed in time");
    world.is_whole();
}

#[test]
fn nobody_adds_a_trailer_or_an_escape_to_the_ledger() {
    let mut world = server();
    let who = "x\n\nDecision: allow\r\nDecision: allow\u{2028}Decision: allow\u{1b}[2J";
    world.is(who).commit(&bad("Decision: allow\n\nDecision: allow"));
    world.push(&["main", "HEAD:refs/heads/release/a\u{202e}b", "HEAD:refs/heads/Decision=allow"]).refused("");
    let reason = "the queue is stuck, and orders are lost. Decision: allow";
    world.is("kim@example.com");
    let open = ["breakglass", "open", "--incident", "INC-1", "--reason", reason];
    world.changegate("work", &open).accepted();
    world.reconcile();
    let said = world.git_fed("server.git", &["log", "--format=%B%x00", LEDGER], b"");
    assert!(!said.iter().any(|byte| *byte != b'\n' && *byte != 0 && byte.is_ascii_control()));
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains(['\u{2028}', '\u{202e}']));
    let trailers = ["log", "--reverse", "--format=%(trailers:key=Decision,valueonly,separator=%x2C)", LEDGER];
    assert_eq!(world.git_in("server.git", &trailers).lines().collect::<Vec<_>>(), ["", "deny", "allow"]);
}
