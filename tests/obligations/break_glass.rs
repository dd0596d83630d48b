//! Break-glass sessions, by real pushes: who opens them, in which form, until when, and how they end.

use changegate::gate::{GateSettings, RecordedPast, judge_push};
use changegate::git::{RefUpdate, Repository};
use changegate::ledger::record::{
    BreakGlassEvent, LedgerEvent, RECORD_SCHEMA, Record, SessionActor, SessionClosure, SessionOpening,
};
use changegate::ledger::state::LedgerState;
use changegate::ledger::state::break_glass::session_key;
use changegate::people::contributors::Contributor;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::past::EMERGENCY;
use crate::world::{BINARY, MAIN, Pushed, World, good, script};

pub(crate) const GLASS: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*']
people:
  teams: { duty-managers: [kim@example.com, ben@example.com], developers: [ana@example.com] }
  bots: ['*[bot]']
break-glass: { from: [duty-managers], longest: 4h }
obligations: { block-on-overdue: true, suspend-shortcut: true, regularise: { from: [duty-managers], within: 24h } }
";

const REASON: &str = "the payment queue is stuck, and orders are lost with every minute";
const FOLDER: &str = "refs/changegate/break-glass/";

/// A server that is told who pushes.
pub(crate) fn server() -> World {
    let world = World::under(GLASS);
    world.configure("changegate.pusher", "env:WHO");
    world
}

impl World {
    pub(crate) fn is(&mut self, who: &str) -> &mut World {
        self.environment.retain(|(name, _)| name != "WHO");
        if !who.is_empty() {
            self.environment.push(("WHO".into(), who.into()));
        }
        self
    }

    /// Opens a session for an incident.
    pub(crate) fn opens(&self) {
        self.open("INC-1", &[]).accepted();
    }

    pub(crate) fn open(&self, incident: &str, more: &[&str]) -> Pushed {
        let open = ["breakglass", "open", "--reason", REASON, "--incident", incident];
        self.changegate("work", &[&open, more].concat())
    }

    pub(crate) fn close(&self, session: &str) -> Pushed {
        self.changegate("work", &["breakglass", "close", session])
    }

    /// Returns the ids of the sessions that are open.
    pub(crate) fn sessions(&self) -> Vec<serde_json::Value> {
        let output = self
            .command(BINARY, "server.git")
            .args(["breakglass", "list", "--all", "--format", "json"])
            .output()
            .unwrap();
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        list["sessions"].as_array().unwrap().clone()
    }

    fn session(&self) -> String {
        self.sessions()[0]["id"].as_str().unwrap().to_owned()
    }

    /// Returns the refs by which sessions are asked for.
    pub(crate) fn asked_for(&self) -> String {
        self.git_in("server.git", &["for-each-ref", FOLDER])
    }

    /// Writes a commit with the empty tree and this message in the clone.
    fn words(&self, message: &str) -> String {
        let tree = self.git_fed("work", &["hash-object", "-t", "tree", "-w", "--stdin"], b"");
        let tree = String::from_utf8(tree).unwrap();
        let commit = self.git_fed("work", &["commit-tree", tree.trim_end(), "-F", "-"], message.as_bytes());
        String::from_utf8(commit).unwrap().trim_end().to_owned()
    }
}

fn message(limit: &str) -> String {
    format!(
        "Open a break-glass session for INC-1\n\nBreak-Glass: open\nIncident: INC-1\nEmergency-Reason: {REASON}\n\
         Session-Limit: {limit}\n"
    )
}

#[test]
fn a_session_is_opened_and_closed_by_a_push_and_is_owed_in_between() {
    let mut world = server();
    world.is("kim@example.com");
    world.open("INC-1", &[]).accepted().says("is open until").says("opened session");
    let id = world.session();
    assert_eq!(world.asked_for(), "");
    assert_eq!(world.kinds(), ["begin", "decision", "outcome", "break-glass"]);
    world
        .changegate("server.git", &["obligations"])
        .accepted()
        .says(&format!("{id} for INC-1: break-glass-closed"))
        .says("owed by kim@example.com")
        .says(&format!("to close it: changegate breakglass close {id}"));
    world
        .changegate("server.git", &["breakglass", "list"])
        .accepted()
        .says(REASON)
        .says("last opened by kim@example.com");
    world.changegate("server.git", &["sweep"]).accepted().says("1 due soon");
    // The gate itself judges as before.
    world.is("ana@example.com").commit("Nobody has looked at this\n\nChange-Type: normal\nRisk: low\n");
    world.push(&["main"]).refused("peer-review");
    world.is("kim@example.com");
    world.git(&["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    world.changegate("work", &["breakglass", "close", "--note", "queue drained"]).accepted().says(&id);
    assert_eq!(world.sessions()[0]["standing"], "closed");
    assert_eq!(world.asked_for(), "");
    world
        .changegate("server.git", &["ledger", "log"])
        .accepted()
        .says("Open a break-glass session for INC-1");
    let records = world.records().len().to_string();
    world.changegate("server.git", &["ledger", "show", &records]).accepted().says("queue drained");
    world.changegate("server.git", &["breakglass", "list"]).accepted().says("no open sessions");
    world.close(&id).refused("there is no open break-glass session");
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn only_a_person_whom_the_policy_names_opens_one() {
    let mut world = server();
    for (who, why) in [
        ("ana@example.com", "the pusher is not in duty-managers"),
        ("release[bot]", "is a bot"),
        ("", "the pusher is unknown"),
    ] {
        world.is(who).open("INC-1", &[]).refused(why);
    }
    world.configure("changegate.pusher", "none");
    world.open("INC-1", &[]).refused("the pusher is unknown");
    assert_eq!(world.sessions(), Vec::<serde_json::Value>::new());
    assert_eq!(world.asked_for(), "");
    world.reconcile().accepted();
    assert_eq!(world.kinds().iter().filter(|kind| *kind == "decision").count(), 4);
    world.is_whole();
}

#[test]
fn where_the_policy_names_nobody_nobody_opens_one() {
    let mut world = World::new();
    world.configure("changegate.pusher", "env:WHO");
    world.is("kim@example.com").open("INC-1", &[]).refused("the policy names no team");
    world
        .changegate(
            "server.git",
            &["breakglass", "open", "--server", "--reason", REASON, "--incident", "INC-1"],
        )
        .refused("the policy lets no team open a break-glass session");
    // What a push brings of a policy does not count for it.
    world.write("policies/changegate.yml", GLASS);
    let policy = world.commit(&good("Name the duty managers"));
    let words = world.words(&message("4h"));
    let both = [format!("{policy}:{MAIN}"), format!("{words}:{FOLDER}0123456789ab")];
    world.push(&[&both[0], &both[1]]).refused("names one ref and no other");
    assert_eq!(world.sessions(), Vec::<serde_json::Value>::new());
}

#[test]
fn there_is_one_form_and_no_other() {
    let mut world = server();
    world.is("kim@example.com");
    let right = message("4h");
    let push = |message: &str, name: &str| {
        let words = world.words(message);
        world.push(&[&format!("{words}:{FOLDER}{name}")])
    };
    for name in ["0123456789AB", "0123456789a", "0123456789abc", "x", "0123456789ab/x"] {
        push(&right, name).refused("the name of the ref ends in");
    }
    for (message, why) in [
        (right.replace("open\n", "wide open\n"), "not in the form"),
        (right.replace("Open a", "Open the"), "not in the form"),
        (format!("{right}Signed-off-by: Kim <kim@example.com>\n"), "not in the form"),
        (right.replace("Incident: INC-1\n", ""), "not in the form"),
        (right.replace(REASON, "TODO"), "is a placeholder"),
        (right.replace(REASON, "it is urgent"), "at least 40 are needed"),
        (right.replace(REASON, &format!("{REASON} \x1b[2J")), "control characters"),
        (right.replace("INC-1", "an incident"), "is not of the form `INC-2031`"),
        (message("5h"), "at most 4 hours"),
        (message("25h"), "at most 24 hours"),
        (message("1 business day"), "counted in hours"),
        (message("0h"), "expected a time"),
        (right.replace(REASON, &REASON.repeat(200)), "at most 8192 are read"),
        ("Close the break-glass session x\n\nBreak-Glass: close\nSession: x\n".into(), "is not the id"),
    ] {
        push(&message, "0123456789ab").refused(why);
    }
    // Files, a history, and what is no commit.
    let name = format!("{FOLDER}0123456789ab");
    world.push(&[&format!("HEAD:{name}")]).refused("the commit");
    let child = world.commit_tree(&["HEAD"], &right);
    world.push(&[&format!("{child}:{name}")]).refused("has a history");
    let files = world.commit_tree(&[], &right);
    world.push(&[&format!("{files}:{name}")]).refused("holds files");
    world.push(&[&format!("HEAD^{{tree}}:{name}")]).refused("is a tree");
    world.push(&[&format!(":{name}")]).refused("");
    // A second ref beside it, whichever.
    let words = world.words(&right);
    let one = format!("{words}:{name}");
    world.push(&[&one, "main:refs/heads/free"]).refused("names one ref and no other");
    world.push(&[&one, &format!("{words}:{FOLDER}ffffffffffff")]).refused("names one ref and no other");
    // Nothing else of the gate's own can be written.
    for other in ["refs/changegate/ledger", "refs/changegate/break-glass", "refs/changegate/other"] {
        assert!(!world.push(&[&format!("+{words}:{other}")]).ok, "{other}");
    }
    assert_eq!(world.sessions(), Vec::<serde_json::Value>::new());
    world.push(&[&one]).accepted().says("is open until");
    world.push(&[&one]).refused("a session with this id exists");
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn what_is_hidden_in_a_reason_is_shown() {
    let mut world = server();
    let hostile = format!("{REASON} \u{202e}desrever");
    let open = ["breakglass", "open", "--reason", &hostile, "--incident", "INC-1"];
    let hidden = "\u{202e}";
    world.is("kim@example.com").changegate("work", &open).accepted().does_not_say(hidden);
    for command in [
        &["breakglass", "list"][..],
        &["breakglass", "list", "--format", "json"],
        &["obligations"],
        &["obligations", "--format", "json"],
        &["ledger", "log"],
        &["ledger", "show", "4"],
        &["sweep"],
    ] {
        world.changegate("server.git", command).accepted().does_not_say(hidden);
    }
    let log = world.git_in("server.git", &["log", "--format=%B", crate::ledger_reader::LEDGER]);
    assert!(!log.contains(hidden), "{log}");
    world.is_whole();
}

#[test]
fn a_second_person_extends_a_session_and_nobody_beyond_a_day() {
    let mut world = server();
    world.is("kim@example.com").open("INC-1", &["--for", "1h"]).accepted();
    let id = world.session();
    let until = world.sessions()[0]["until"].clone();
    world.open("INC-1", &[]).refused("another person has to open the next one");
    world.open("INC-2", &[]).refused("close it first");
    world.is("ana@example.com").open("INC-1", &[]).refused("is not in duty-managers");
    world.is("ben@example.com").open("INC-1", &["--for", "2h"]).accepted().says("is extended until");
    let sessions = world.sessions();
    assert_eq!(sessions.len(), 1);
    assert_ne!(sessions[0]["until"], until);
    assert_eq!(sessions[0]["by"], "ben@example.com");
    // Neither who is in no team, nor a bot; but whoever opened it, and whoever might have.
    world.is("ana@example.com").close(&id).refused("only the person who opened a session");
    world.is("kim@example.com").close(&id).accepted();
    // Opened again for the same, it is still that day's.
    world.is("ben@example.com").open("INC-1", &[]).refused("another person has to open");
    world.is("kim@example.com").open("INC-1", &[]).accepted().says("is open until");
    world.is_whole();
}

#[test]
fn a_session_on_the_server_is_claimed_by_an_account() {
    let mut world = server();
    let open = ["breakglass", "open", "--server", "--reason", REASON, "--incident", "INC-9"];
    world.changegate("server.git", &open).accepted().says("is open until");
    let id = world.session();
    assert!(world.sessions()[0]["by"].as_str().unwrap().ends_with(", on the server"));
    let last = world.records().pop().unwrap();
    assert_eq!(last["event"]["opened"]["by"]["decision"], serde_json::Value::Null);
    assert_eq!(last["event"]["opened"]["by"]["person"], serde_json::Value::Null);
    // Who is on the server may be anybody, so nobody can be shown to be a second person.
    world.is("kim@example.com").open("INC-9", &[]).refused("another person has to open");
    world.changegate("server.git", &open).refused("another person has to open");
    let short = ["breakglass", "open", "--server", "--reason", "soon", "--incident", "INC-9"];
    world.changegate("server.git", &short).refused("at least 40 are needed");
    world.changegate("server.git", &["breakglass", "close", "--server", &id]).accepted();
    world.changegate("server.git", &["ledger", "show", "2"]).accepted().says("on the server (claimed)");
    world.is_whole();
}

#[test]
fn an_old_server_says_what_it_lacks() {
    let mut world = server();
    world
        .git_in("server.git", &["config", "--unset-all", "receive.hideRefs", "!refs/changegate/break-glass"]);
    world.git_in("server.git", &["config", "--unset-all", "receive.hideRefs"]);
    world.git_in("server.git", &["config", "--add", "receive.hideRefs", "refs/changegate"]);
    world.is("kim@example.com").open("INC-1", &[]).refused("`changegate install --server`");
    world.changegate("server.git", &["install", "--server"]).accepted().says("!refs/changegate/break-glass");
    world.open("INC-1", &[]).accepted();
}

#[test]
fn what_no_hook_told_is_folded_in_later() {
    let mut world = server();
    world.is("kim@example.com");
    let hook = world.path("server.git/hooks/post-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    script(&hook, "#!/bin/sh\nkill -9 $$\n");
    world.open("INC-1", &[]);
    assert_eq!(world.sessions(), Vec::<serde_json::Value>::new());
    // The push has landed, so the session is known to the next one, and can be closed.
    let id = world.asked_for().rsplit('/').next().unwrap().to_owned();
    world.is("ben@example.com").open("INC-1", &[]);
    world.is("kim@example.com").open("INC-2", &[]).accepted();
    world.is("ben@example.com").open("INC-2", &[]).refused("close it first");
    world.is("kim@example.com").close(&id);
    script(&hook, &text);
    world.reconcile();
    let sessions = world.sessions();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert_eq!(sessions.iter().find(|one| one["id"] == id.as_str()).unwrap()["standing"], "closed");
    assert_eq!(world.asked_for(), "");
    world.is_whole();
}

#[test]
fn a_push_that_died_opens_nothing() {
    let mut world = server();
    world.is("kim@example.com");
    let hook = world.path("server.git/hooks/pre-receive");
    script(&hook, &format!("#!/bin/sh\n{BINARY} hook pre-receive; exit 1\n"));
    world.open("INC-1", &[]).refused("");
    world.reconcile();
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    assert_eq!(world.sessions(), Vec::<serde_json::Value>::new());
    world.is_whole();
}

#[test]
fn without_a_ledger_there_is_no_session() {
    let mut world = server();
    world.configure("changegate.ledger", "off");
    world.is("kim@example.com").open("INC-1", &[]).refused("the open break-glass sessions are unknown");
    world
        .changegate(
            "server.git",
            &["breakglass", "open", "--server", "--reason", REASON, "--incident", "INC-1"],
        )
        .refused("the ledger is switched off");
    world.configure("changegate.ledger", "shout");
    std::fs::write(world.path("server.git/changegate/failing"), "no room").unwrap();
    world.configure("changegate.ledgerKey", "/nowhere");
    world.open("INC-1", &[]).refused("cannot be recorded, so the push is refused");
}

#[test]
fn an_overdue_session_is_in_the_way_of_everybody_until_it_is_closed() {
    let mut world = server();
    world.is("kim@example.com").open_at(5);
    let id = world.session();
    assert_eq!(world.sessions()[0]["standing"], "overdue");
    world.changegate("server.git", &["sweep"]).refused("1 overdue");
    world.changegate("server.git", &["breakglass", "list"]).refused("1 h late");
    world.is("ana@example.com").commit(&good("One"));
    world.push(&["main"]).refused("nothing-overdue").says(&format!("changegate breakglass close {id}"));
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let before = world.main();
    world
        .changegate("server.git", &["deploy-check", &format!("{before}..{before}"), "--ref", "main"])
        .refused(&format!("session {id}"));
    // It is not extended, and whoever opened it takes no shortcut; others do.
    world.is("ben@example.com").open("INC-1", &[]).refused("is overdue; close it first");
    world.is("kim@example.com").commit(EMERGENCY);
    world.push(&["main"]).refused("shortcut-suspended");
    world.is("ana@example.com").push(&["main"]).accepted();
    world.is("kim@example.com").close(&id).accepted().says("is closed, late");
    assert_eq!(world.sessions()[0]["standing"], "closed-late");
    assert!(3600 <= world.sessions()[0]["closed"]["late-by"].as_u64().unwrap());
    world.is("ana@example.com").commit(&good("Two"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["obligations"]).accepted().says("1 closed late");
    world.is_whole();
}

impl World {
    /// Opens a session of four hours so many hours ago, as a push would have.
    fn open_at(&mut self, hours: i64) {
        use changegate::ledger::server::decision::{self, DecisionContext};
        use changegate::ledger::server::write_ahead;
        let at = crate::past::ago(hours);
        let words = self.words(&message("4h"));
        let name = format!("{FOLDER}0123456789ab");
        self.git_in("server.git", &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        self.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        self.git_in("server.git", &["fetch", "-q", "../work", &words]);
        let repository = Repository::open_at(&self.path("server.git"), None).unwrap();
        let settings =
            GateSettings::read_settings(&repository, &|_| Some("kim@example.com".into()), || 1).unwrap();
        let id = |digits: &str| changegate::change::Oid::from_hex(digits).unwrap();
        let update = RefUpdate { old: id(crate::world::ZERO), new: id(&words), name: name.as_str().into() };
        let (report, kept) = judge_push(
            &repository,
            std::slice::from_ref(&update),
            (&settings, RecordedPast::default()),
            at,
            false,
        );
        assert!(kept.request().is_some(), "{report:?}");
        let by = DecisionContext {
            id: write_ahead::new_decision_id().unwrap(),
            pusher: settings.pusher.clone(),
            served_by: None,
        };
        let decision = decision::build_push_entry(&repository, &report, &kept, by).unwrap().unwrap();
        write_ahead::write_entry(repository.common_dir(), &decision).unwrap();
        self.git_in("server.git", &["update-ref", &name, &words]);
        self.reconcile();
    }
}

#[test]
fn the_limit_is_inclusive_and_a_day_is_the_most() {
    // Extended by one and the other in turn, each time for the longest time, it ends within a day.
    let start: Timestamp = "2026-03-01T03:00:00Z".parse().unwrap();
    let mut state = LedgerState::default();
    let hours = |hours: i64| start.checked_add(SignedDuration::from_hours(hours)).unwrap();
    for (number, (who, at)) in
        ["kim", "ben", "kim", "ben", "kim", "ben"].into_iter().zip([0, 4, 8, 12, 16, 20]).enumerate()
    {
        let until = hours(at + 4);
        assert_eq!(against(&state, who, hours(at), until), Ok(()), "{who} {at}");
        let record = opened(if number == 0 { "a" } else { "b" }, "a", who, hours(at), until);
        state.apply_record(&in_record(record));
    }
    let why = against(&state, "kim", hours(24), hours(25)).unwrap_err();
    assert!(why.contains("within 24 hours, by 2026-03-02 03:00 UTC"), "{why}");
    let why = against(&state, "ben", hours(24), hours(24)).unwrap_err();
    assert!(why.contains("another person has to open"), "{why}");
    let late = hours(24).checked_add(SignedDuration::from_secs(1)).unwrap();
    assert!(against(&state, "kim", late, late).unwrap_err().contains("overdue"));
    state.apply_record(&in_record(ended("a", hours(24), None)));
    let closed = state.obligations[&session_key("a")].closed.clone().unwrap();
    assert_eq!(closed.late_by, None);
    // The next day is another day.
    assert_eq!(against(&state, "ben", hours(24), hours(28)), Ok(()));
}

fn against(state: &LedgerState, who: &str, at: Timestamp, until: Timestamp) -> Result<(), String> {
    use changegate::gate::break_glass::{AuthorisedRequest, ParsedRequest};
    use changegate::ledger::state::break_glass::{SessionRequest, check_session_request};
    let act = AuthorisedRequest {
        id: "c".into(),
        by: hand(who),
        is_in_team: true,
        asks: ParsedRequest::Open { incident: "INC-1".into(), reason: REASON.into(), until },
    };
    let who = SessionActor { account: who.into(), decision: None, person: Some((&hand(who)).into()) };
    let found = check_session_request(state, &SessionRequest { request: act, actor: who, requested_at: at });
    found.map_err(|finding| format!("{:?}", finding.message.sentence()))
}

fn hand(who: &str) -> Contributor {
    Contributor { key: Some(format!("{who}@example.com")), name: who.into(), account: None, number: None }
}

fn opened(asked_as: &str, session: &str, who: &str, at: Timestamp, until: Timestamp) -> BreakGlassEvent {
    BreakGlassEvent::Opened(SessionOpening {
        session: session.into(),
        request_id: asked_as.into(),
        by: SessionActor {
            account: who.into(),
            decision: Some("d".into()),
            person: Some((&hand(who)).into()),
        },
        incident: "INC-1".into(),
        reason: REASON.into(),
        opened_at: at,
        until,
    })
}

fn ended(session: &str, at: Timestamp, late_by: Option<u64>) -> BreakGlassEvent {
    let by = SessionActor { account: "kim".into(), decision: None, person: None };
    let (session, request_id) = (session.to_owned(), "e".to_owned());
    BreakGlassEvent::Closed(SessionClosure { session, request_id, by, note: None, closed_at: at, late_by })
}

fn in_record(event: BreakGlassEvent) -> Record {
    let (number, recorded_at) = (1, Timestamp::UNIX_EPOCH);
    Record {
        schema: RECORD_SCHEMA.into(),
        number,
        previous: None,
        recorded_at,
        event: LedgerEvent::BreakGlass(event),
    }
}

proptest! {
    /// Whatever is opened, extended and closed afterwards: what was closed late stays closed late.
    #[test]
    fn a_session_that_was_closed_late_stays_late(
        over in -10_000_i64..10_000,
        later in prop::collection::vec((any::<bool>(), 0_i64..200_000), 0..6),
    ) {
        let start: Timestamp = "2026-03-01T03:00:00Z".parse().unwrap();
        let after = |seconds: i64| start.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let mut state = LedgerState::default();
        state.apply_record(&in_record(opened("a", "a", "kim", start, after(14_400))));
        state.apply_record(&in_record(ended("a", after(14_400 + over), None)));
        let closed = state.obligations[&session_key("a")].closed.clone();
        prop_assert_eq!(closed.as_ref().unwrap().late_by.is_some(), 0 < over);
        for (number, (is_closing, seconds)) in later.into_iter().enumerate() {
            let record = if is_closing {
                ended("a", after(seconds), None)
            } else {
                opened(&format!("n{number}"), &format!("n{number}"), "ben", after(seconds), after(seconds + 60))
            };
            state.apply_record(&in_record(record));
            prop_assert_eq!(&state.obligations[&session_key("a")].closed, &closed);
        }
    }
}

#[test]
fn what_git_has_packed_meanwhile_goes_as_well() {
    let mut world = server();
    let hook = world.path("server.git/hooks/post-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    script(&hook, "#!/bin/sh\n");
    world.is("kim@example.com").open("INC-1", &[]).accepted();
    script(&hook, &text);
    world.git_in("server.git", &["pack-refs", "--all", "--prune"]);
    assert_ne!(world.asked_for(), "");
    world.reconcile();
    assert_eq!(world.asked_for(), "");
    assert_eq!(world.sessions().len(), 1);
    world.is_whole();
}

#[test]
fn everything_that_is_wrong_with_a_request_is_told_at_once() {
    let mut world = server();
    let short = message("9h").replace(REASON, "stuck");
    let words = world.words(&short);
    world
        .is("ana@example.com")
        .push(&[&format!("{words}:{FOLDER}0123456789ab")])
        .refused("is not in duty-managers")
        .says("at least 40 are needed")
        .says("4 h");
}

/// A range of steps has the sessions of its own time, and each is told as what it is about.
#[test]
fn an_audit_of_a_range_tells_of_the_sessions_of_its_time() {
    let mut world = server();
    world.is("kim@example.com");
    let land = |world: &mut World, incident: &str| {
        world.open(incident, &[]).accepted();
        let open = world.sessions().into_iter().find(|one| one["incident"] == *incident).unwrap();
        world.close(open["id"].as_str().unwrap()).accepted();
        world.write("code", incident);
        let id = world.is("ana@example.com").commit(&good("Change the code"));
        world.push(&["main"]).accepted();
        world.is("kim@example.com");
        world.git(&["fetch", "-q", "origin", "+refs/changegate/ledger:refs/changegate/ledger"]);
        id
    };
    let [first, second, third] = ["INC-1", "INC-2", "INC-3"].map(|incident| land(&mut world, incident));
    let told = |range: &[&str]| -> Vec<String> {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("audit");
        let args = [range, &["--ref", "main", "--out", folder.to_str().unwrap()]].concat();
        world.changegate("server.git", &[&["audit"], args.as_slice()].concat()).accepted();
        let text = std::fs::read_to_string(folder.join("exceptions.jsonl")).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let sessions: Vec<_> = rows.filter(|row| row["kind"] == "break-glass-session").collect();
        assert!(sessions.iter().all(|row| row["subject_id"].as_str().unwrap().contains("/session/")));
        sessions.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told(&[]), ["INC-1", "INC-2", "INC-3"]);
    assert_eq!(told(&[&format!("{first}..{second}")]), ["INC-2"]);
    assert_eq!(told(&[&first]), ["INC-1"]);
    assert_eq!(told(&[&format!("{second}..{third}")]), ["INC-3"]);
    assert_eq!(told(&[&format!("{third}..main")]), [""; 0]);
}
