//! Acts about changes that have landed, by real pushes: who may record them, in which form, and what an audit
//! makes of them.

use changegate::change::Oid;
use changegate::gate::{GateSettings, RecordedPast, judge_push};
use changegate::git::{RefUpdate, Repository};
use changegate::ledger::server::decision::{self, DecisionContext};
use changegate::ledger::server::write_ahead;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::forger::chain_anew;
use crate::ledger_reader::LEDGER;
use crate::world::{MAIN, Pushed, World, ZERO, good, script};

const ACTS: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*']
people:
  teams: { release: [kim@example.com, ben@example.com], developers: [ana@example.com] }
  bots: [monitor, renovate, '*[bot]', 'deploy-*']
acts:
  outcome: { from: [release] }
  verified: { from: [release], bots: [monitor] }
  attach: { from: [developers], largest: 1KB }
";

const FOLDER: &str = "refs/changegate/acts/";
const ID: &str = "refs/changegate/acts/0123456789ab";

/// A server that is told who pushes, and a change that has landed.
fn server() -> (World, String) {
    server_under(ACTS)
}

fn server_under(policy: &str) -> (World, String) {
    let mut world = World::under(policy);
    world.configure("changegate.pusher", "env:WHO");
    world.is("ana@example.com");
    world.write("code", "one\n");
    let change = world.commit(&good("Cache the lookup"));
    world.push(&["main"]).accepted();
    (world, change)
}

impl World {
    fn act_refs(&self) -> String {
        self.git_in("server.git", &["for-each-ref", "--format=%(refname)", FOLDER])
    }

    /// Writes a commit without parents that holds this tree.
    fn act_commit(&self, tree: &str, message: &str) -> String {
        let commit = self.git_fed("work", &["commit-tree", tree, "-F", "-"], message.as_bytes());
        String::from_utf8(commit).unwrap().trim_end().to_owned()
    }

    fn tree_of(&self, entries: &str) -> String {
        let tree = self.git_fed("work", &["mktree"], entries.as_bytes());
        String::from_utf8(tree).unwrap().trim_end().to_owned()
    }

    fn blob_of(&self, content: &[u8]) -> String {
        let blob = self.git_fed("work", &["hash-object", "-w", "--stdin"], content);
        String::from_utf8(blob).unwrap().trim_end().to_owned()
    }

    /// Pushes an act with an empty tree.
    fn push_act(&self, message: &str, name: &str) -> Pushed {
        let commit = self.act_commit(&self.tree_of(""), message);
        self.push(&[&format!("{commit}:{name}")])
    }

    /// Returns the rows of a table of an audit of main.
    pub(crate) fn audit_rows(&self, table: &str) -> Vec<Value> {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("audit");
        let audited =
            self.changegate("server.git", &["audit", "--ref", "main", "--out", folder.to_str().unwrap()]);
        // A hole in the report ends it with 3, and the report is there all the same.
        let has_hole =
            ["What cannot be read", "A ledger that is not the one"].map(|title| audited.seen.contains(title));
        assert!(audited.ok || has_hole.contains(&true), "{}", audited.seen);
        let rows = std::fs::read_to_string(folder.join(format!("{table}.jsonl"))).unwrap();
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn audited_change(&self, change: &str) -> Value {
        let mut rows = self.audit_rows("changes");
        rows.retain(|row| row["merge_sha"] == *change);
        rows.pop().unwrap()
    }
}

fn outcome_message(change: &str, word: &str) -> String {
    format!(
        "Report an outcome of {change}: {word}\n\nAct: outcome\nChange: {change}\nRef: {MAIN}\nOutcome: {word}\n"
    )
}

fn attach_message(change: &str) -> String {
    format!("Attach a file to {change}\n\nAct: attach\nChange: {change}\nRef: {MAIN}\n")
}

#[test]
fn an_outcome_is_recorded_with_the_account_and_the_time_of_the_server() {
    let (mut world, change) = server();
    assert_eq!(world.audited_change(&change)["outcome"], "none-reported");
    world.is("kim@example.com");
    let failed =
        ["outcome", &change, "failed", "--incident", "INC-7", "--note", "every second request failed"];
    world.changegate("work", &failed).accepted().says("failed").says("recorded outcome of");
    assert_eq!(world.kinds()[3..], ["decision", "outcome", "act"]);
    // What it says is in the ledger, so the ref is not needed any more.
    assert_eq!(world.act_refs(), "");
    let event = world.records().pop().unwrap()["event"].clone();
    assert_eq!(event["act"]["account"], "kim@example.com");
    assert_eq!(event["act"]["says"], json!({ "outcome": { "outcome": "failed", "incident": "INC-7" } }));
    world
        .changegate("server.git", &["ledger", "show", "6"])
        .accepted()
        .says("INC-7")
        .says("every second request");
    world.changegate("server.git", &["ledger", "log"]).accepted().says("failed, by kim@example.com");
    world
        .changegate("server.git", &["ledger", "trace", &change])
        .accepted()
        .says("failed, by kim@example.com")
        .says("INC-7");
    let row = world.audited_change(&change);
    assert_eq!((&row["outcome"], &row["caused_incidents"]), (&json!("failed"), &json!("INC-7")));
    let exceptions = world.audit_rows("exceptions");
    let exception = exceptions.iter().find(|row| row["kind"] == "failed-change").unwrap();
    assert!(
        exception["what_happened"]
            .as_str()
            .unwrap()
            .contains("reported as failed by kim@example.com; it caused INC-7")
    );
    assert_eq!(exception["evidence"], "ledger record 6");
    // The incident leads to the change, whose page has the report with its remark among what happened.
    let told = world.changegate("server.git", &["show", "INC-7", "--ref", "main", "--format", "json"]);
    told.accepted();
    let page: Value = serde_json::from_str(&told.seen).unwrap();
    assert_eq!((&page["commit"], &page["acts"][0]["record"]), (&json!(change), &json!(6)));
    let happened = page["timeline"].as_array().unwrap();
    let report = happened.iter().find(|one| one["event"] == "reported").unwrap();
    assert_eq!(
        (&report["by"], &report["what"]),
        (&json!("kim@example.com"), &json!("failed in INC-7: every second request failed"))
    );
    world.changegate("server.git", &["show", &change, "--ref", "main"]).says("every second request failed");
    let folder = world.path("report");
    world.changegate("server.git", &["audit", "--ref", "main", "--out", folder.to_str().unwrap()]).accepted();
    let report = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(report.contains("failed in INC-7: every second request failed (record 6)"));
    let figure =
        |key: &str| world.audit_rows("key-figures").into_iter().find(|row| row["key"] == key).unwrap();
    let success = figure("change_success_rate");
    assert_eq!(success["denominator"].as_i64().unwrap() - success["numerator"].as_i64().unwrap(), 1);
    assert_eq!(figure("outcomes_known")["numerator"], 1);
    assert_eq!(figure("time_to_repair")["not_known"], 1);
    // What has failed stays failed: a report that it works is its repair.
    world.changegate("work", &["outcome", &change, "ok"]).accepted().says("worked");
    world.changegate("work", &["verified", &change]).accepted();
    let row = world.audited_change(&change);
    assert_eq!((&row["outcome"], &row["verification"]), (&json!("failed"), &json!("contradicted")));
    assert!(row["repaired_at"].as_str() >= row["failure_reported_at"].as_str(), "{row:#}");
    assert!(row["failure_reported_at"].is_string());
    let exceptions = world.audit_rows("exceptions");
    let exception = exceptions.iter().find(|row| row["kind"] == "failed-change").unwrap();
    assert!(exception["what_happened"].as_str().unwrap().contains("it caused INC-7; repaired at"));
    let figure =
        |key: &str| world.audit_rows("key-figures").into_iter().find(|row| row["key"] == key).unwrap();
    assert_eq!(figure("change_success_rate"), success);
    assert_eq!(
        (&figure("verified_changes")["numerator"], &figure("time_to_repair")["not_known"]),
        (&json!(0), &json!(0))
    );
    // A second failure takes the repair back.
    world.changegate("work", &["outcome", &change, "failed"]).accepted();
    assert_eq!(world.audited_change(&change)["repaired_at"], Value::Null);
    world.changegate("work", &["outcome", &change, "reverted"]).accepted();
    let row = world.audited_change(&change);
    assert_eq!((&row["outcome"], row["repaired_at"].is_string()), (&json!("backed-out"), true));
    world.changegate("work", &["outcome", &change, "ok"]).accepted();
    assert_eq!(world.audited_change(&change)["outcome"], "backed-out");
    world
        .changegate("work", &["outcome", &change, "ok", "--incident", "INC-7"])
        .refused("caused no incident");
    world.reconcile().accepted();
    world.is_whole();
}

/// A failure of what is no change of the audit stands in no figure, and is told all the same.
#[test]
fn a_failure_that_no_change_of_the_period_takes_is_an_exception_of_its_own() {
    let (mut world, change) = server();
    let record = format!("{}For-Change: {change}\n", good("Look back"));
    world.git(&["commit", "-q", "--allow-empty", "-m", &record]);
    let record = world.head();
    world.push(&["main"]).accepted();
    world.write("code", "two\n");
    let later = world.commit(&good("Warm the cache"));
    world.push(&["main"]).accepted();
    world.is("kim@example.com");
    for id in [&change, &record, &later] {
        world.changegate("work", &["outcome", id, "failed"]).accepted();
    }
    let told = |range: &str| -> Vec<(String, String)> {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("audit");
        let args = ["audit", range, "--ref", "main", "--out", folder.to_str().unwrap()];
        world.changegate("server.git", &args).accepted();
        let rows = std::fs::read_to_string(folder.join("exceptions.jsonl")).unwrap();
        let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let mut found: Vec<(String, String)> = rows
            .filter(|row| row["kind"] == "failed-change")
            .map(|row| {
                let id = text(&row, "subject_id").rsplit('@').next().unwrap().to_owned();
                (id, text(&row, "what_happened"))
            })
            .collect();
        found.sort_by_key(|(id, _)| [&change, &record, &later].iter().position(|one| *one == id));
        found
    };
    // The record that closes something is no change of its own.
    let found = told("HEAD");
    assert_eq!(found.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&change, &record, &later]);
    assert!(found[0].1.starts_with("reported as failed by kim@example.com"), "{found:?}");
    assert!(found[1].1.contains("is no change of this period"), "{found:?}");
    // What landed before is told as well, since it failed after that.
    let found = told(&format!("{record}..{later}"));
    assert_eq!(found.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&change, &record, &later]);
    assert!(found[0].1.contains("no figure of this report counts it"), "{found:?}");
}

#[test]
fn a_report_does_not_outweigh_a_commit_that_takes_the_change_back() {
    let (mut world, change) = server();
    world.git(&["revert", "--no-edit", "--no-commit", "HEAD"]);
    let message = good(&format!("Revert the cache\n\nThis reverts commit {change}."));
    world.commit(&message);
    world.push(&["main"]).accepted();
    world.is("kim@example.com").changegate("work", &["outcome", &change, "ok"]).accepted();
    assert_eq!(world.audited_change(&change)["outcome"], "backed-out");
    world.is_whole();
}

#[test]
fn only_the_accounts_that_the_policy_names_record_an_act() {
    let (mut world, change) = server();
    let outcome = ["outcome", change.as_str(), "failed"];
    for (who, why) in [
        ("ana@example.com", "the pusher is not in release"),
        ("monitor", "is a bot that the policy does not name for this act"),
        ("deploy-1", "is a bot that the policy does not name"),
        ("", "the pusher is unknown"),
    ] {
        world.is(who).changegate("work", &outcome).refused(why);
    }
    // Who a commit names is not who pushes it.
    world.environment.push(("GIT_AUTHOR_EMAIL".into(), "kim@example.com".into()));
    world.environment.push(("GIT_COMMITTER_EMAIL".into(), "kim@example.com".into()));
    world.is("ana@example.com").changegate("work", &outcome).refused("the pusher is not in release");
    let signed = format!("{}Reported-by: Kim <kim@example.com>\n", outcome_message(&change, "failed"));
    world.push_act(&signed, ID).refused("not in the form");
    for bot in ["renovate", "release[bot]", "deploy-1"] {
        world
            .is(bot)
            .changegate("work", &["verified", &change])
            .refused("is a bot that the policy does not name");
    }
    world.is("kim@example.com");
    world.write("report.xml", "<ok/>");
    world.changegate("work", &["attach", &change, "report.xml"]).refused("the pusher is not in developers");
    world.configure("changegate.pusher", "none");
    world.changegate("work", &outcome).refused("the pusher is unknown");
    assert_eq!(world.act_refs(), "");
    assert!(!world.kinds().contains(&"act".to_owned()));
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn where_the_policy_names_nobody_nobody_records_an_act() {
    let policy = ACTS.split("acts:").next().unwrap();
    let (mut world, change) = server_under(policy);
    world.is("kim@example.com");
    world.write("report.xml", "<ok/>");
    for (command, paste) in [
        (vec!["outcome", change.as_str(), "ok"], "acts: { outcome: { from: [<team>] } }"),
        (vec!["verified", change.as_str()], "acts: { verified: { from: [<team>] } }"),
        (vec!["attach", change.as_str(), "report.xml"], "acts: { attach: { from: [<team>] } }"),
    ] {
        world
            .changegate("work", &command)
            .refused("the policy names no team and no bot for this act")
            .says(paste);
    }
    // What a push brings of a policy does not count for it.
    world.write("policies/changegate.yml", ACTS);
    let policy = world.commit(&good("Name those who report"));
    let act = world.act_commit(&world.tree_of(""), &outcome_message(&change, "failed"));
    world.push(&[&format!("{policy}:{MAIN}"), &format!("{act}:{ID}")]).refused("names one ref and no other");
    assert_eq!(world.act_refs(), "");
}

#[test]
fn what_is_hidden_in_a_note_is_shown_and_an_act_replays_and_exports() {
    let (mut world, change) = server();
    let hidden = "\u{202e}";
    let hostile = format!("all is well {hidden}desrever");
    world.is("kim@example.com");
    world
        .changegate("work", &["outcome", &change, "failed", "--note", &hostile])
        .accepted()
        .does_not_say(hidden);
    for command in [
        &["ledger", "log"][..],
        &["ledger", "show", "6"],
        &["ledger", "trace", &change],
        &["ledger", "trace", &change, "--format", "json"],
    ] {
        world.changegate("server.git", command).does_not_say(hidden).says("failed");
    }
    let log = world.git_in("server.git", &["log", "--format=%B", LEDGER]);
    assert!(!log.contains(hidden) && log.contains("act outcome failed"), "{log}");
    world.changegate("server.git", &["ledger", "replay", "4"]).accepted();
    world
        .changegate("server.git", &["ledger", "export", "--uri", "git+https://git.example.com/acme/shop"])
        .accepted()
        .does_not_say(hidden);
    world.is_whole();
}

#[test]
fn a_policy_tells_who_may_and_gives_a_reason_to_let_others() {
    let (world, _) = server();
    world
        .changegate("work", &["policy", "show"])
        .accepted()
        .says("outcome: release may report its outcome")
        .says("verified: release, monitor may say that it was verified")
        .says("attach: developers may attach a file to it");
    world.write("policies/base.yml", ACTS);
    let child =
        "changegate: 1\nname: child\nextends: [base.yml]\nacts: { outcome: { from: [developers] } }\n";
    world.write("policies/changegate.yml", child);
    world.changegate("work", &["policy", "check"]).refused("`acts`");
    world.write(
        "policies/changegate.yml",
        &format!("{child}reasons: {{ acts: the developers run it themselves }}\n"),
    );
    world.changegate("work", &["policy", "check"]).accepted();
}

#[test]
fn a_monitor_verifies_and_approves_nothing() {
    let (mut world, change) = server();
    assert_eq!(world.audited_change(&change)["verification"], "missing");
    world.is("monitor");
    world
        .changegate("work", &["verified", &change, "--note", "no alert for an hour"])
        .accepted()
        .says("was verified");
    let row = world.audited_change(&change);
    assert_eq!((&row["verification"], &row["verified_by"]), (&json!("done"), &json!("monitor (machine)")));
    let event = world.records().pop().unwrap()["event"].clone();
    assert_eq!((&event["act"]["person"], &event["act"]["says"]), (&Value::Null, &json!("verified")));
    let seconds = |value: &Value| value.as_str().unwrap()[..19].to_owned();
    assert_eq!(seconds(&row["verified_at"]), seconds(&event["observed-at"]));
    assert_eq!(row["outcome"], "none-reported");
    // A change that nobody has reviewed stays one, whoever verifies it.
    world.is("ana@example.com");
    let unreviewed = world.commit("Skip the check\n\nChange-Type: normal\nRisk: low\n");
    world.push(&["main"]).refused("peer-review");
    world.is("kim@example.com").changegate("work", &["verified", &unreviewed]).refused("there is no commit");
    world.is("ana@example.com").push(&["main"]).refused("peer-review");
    assert_eq!(row["approvers"], world.audited_change(&change)["approvers"]);
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn an_attached_file_stays_with_its_digest_in_the_ledger() {
    let (mut world, change) = server();
    world.is("ana@example.com");
    world.write("Test report.xml", "<ok/>");
    world.changegate("work", &["attach", &change, "Test report.xml"]).refused("give a name of letters");
    let attach = ["attach", &change, "Test report.xml", "--name", "report.xml"];
    world.changegate("work", &attach).accepted().says("report.xml is attached to");
    let refs = world.act_refs();
    let id = refs.strip_prefix(FOLDER).unwrap();
    let event = world.records().pop().unwrap()["event"].clone();
    let file = &event["act"]["says"]["attachment"];
    assert_eq!((event["act"]["id"].as_str().unwrap(), &file["bytes"]), (id, &json!(5)));
    // The digest of `<ok/>`, by sha256sum.
    let digest = world.git_fed(
        "work",
        &["cat-file", "blob", &format!("{}:report.xml", file["commit"].as_str().unwrap())],
        b"",
    );
    assert_eq!(digest, b"<ok/>");
    assert_eq!(file["digest"], changegate::ledger::record::digest_bytes(b"<ok/>"));
    assert_eq!(world.at(&refs).as_deref(), file["commit"].as_str());
    let evidence = world.audited_change(&change)["test_evidence"].as_str().unwrap().to_owned();
    assert_eq!(evidence, format!("report.xml {}", file["digest"].as_str().unwrap()));
    // Neither a push nor the upkeep takes it away.
    world.push(&[&format!(":{refs}")]).refused("cannot be changed or withdrawn");
    let act = world.act_commit(&world.tree_of(""), &attach_message(&change));
    world.push(&[&format!("+{act}:{refs}")]).refused("cannot be changed or withdrawn");
    world.reconcile().accepted();
    assert_eq!(world.act_refs(), refs);
    world.is_whole();
    // It is in a pack about the change, where nobody can replace it.
    let pack = world.path("pack");
    let folder = pack.to_str().unwrap();
    world.changegate("server.git", &["evidence", &change, "--ref", "main", "--out", folder]).accepted();
    let verify = || world.changegate("work", &["evidence", "verify", folder]);
    verify().accepted();
    let attachments = std::fs::read_dir(pack.join("changes")).unwrap().next().unwrap().unwrap().path();
    let file = attachments.join("attachments/6-report.xml");
    assert_eq!(std::fs::read(&file).unwrap(), b"<ok/>");
    std::fs::write(&file, "<no/>").unwrap();
    verify().refused("6-report.xml is not the file that was attached");
    // Whoever administrates the server can remove it, and the audit tells.
    let lost = |world: &World| {
        let exceptions = world.audit_rows("exceptions");
        let is_lost =
            |row: &&Value| row["what_happened"].as_str().unwrap().contains("the attached file report.xml");
        exceptions.iter().filter(is_lost).count()
    };
    assert_eq!(lost(&world), 0);
    world.git_in("server.git", &["update-ref", "-d", &refs]);
    world.git_in("server.git", &["prune", "--expire=now"]);
    assert_eq!(lost(&world), 1);
    let later = world.path("later");
    world
        .changegate("server.git", &["evidence", &change, "--ref", "main", "--out", later.to_str().unwrap()])
        .accepted()
        .says("the attached file report.xml of record 6 is not in this repository");
}

#[test]
fn what_is_no_single_plain_file_is_not_attached() {
    let (mut world, change) = server();
    world.is("ana@example.com");
    let (small, empty) = (world.blob_of(b"<ok/>"), world.tree_of(""));
    let (large, limit) = (world.blob_of(&[b'x'; 1001]), world.blob_of(&[b'x'; 1000]));
    let message = attach_message(&change);
    let inner = world.tree_of(&format!("100644 blob {small}\ta\n"));
    let long = "a".repeat(101);
    for (entries, why) in [
        (String::new(), "holds no file to attach"),
        (format!("100644 blob {small}\ta\n100644 blob {small}\tb\n"), "several files"),
        (format!("100644 blob {large}\ta\n"), "1001 bytes; the policy allows at most 1000"),
        (format!("100755 blob {small}\ta\n"), "only a plain file"),
        (format!("120000 blob {small}\ta\n"), "only a plain file"),
        (format!("040000 tree {inner}\ta\n"), "only a plain file"),
        (format!("160000 commit {change}\ta\n"), "only a plain file"),
        (format!("100644 blob {small}\t-rf\n"), "cannot be used"),
        (format!("100644 blob {small}\ta b\n"), "cannot be used"),
        (format!("100644 blob {small}\ta\u{202e}b\n"), "cannot be used"),
        (format!("100644 blob {small}\t{long}\n"), "cannot be used"),
        ((0..40).map(|n| format!("100644 blob {small}\tfile-{n:02}\n")).collect(), "several files"),
    ] {
        let commit = world.act_commit(&world.tree_of(&entries), &message);
        world.push(&[&format!("{commit}:{ID}")]).refused(why).does_not_say("\u{202e}");
    }
    // A file comes with no other act.
    let tree = world.tree_of(&format!("100644 blob {small}\ta\n"));
    let commit = world.act_commit(&tree, &outcome_message(&change, "ok"));
    world.is("kim@example.com").push(&[&format!("{commit}:{ID}")]).refused("the commit holds files");
    assert_eq!(world.act_refs(), "");
    let tree = world.tree_of(&format!("100644 blob {limit}\ta\n"));
    let commit = world.act_commit(&tree, &message);
    world.is("ana@example.com").push(&[&format!("{commit}:{ID}")]).accepted();
    assert_ne!(empty, tree);
    world.is_whole();
}

#[test]
fn an_act_is_about_a_change_of_a_protected_ref_and_has_one_form() {
    let (mut world, change) = server();
    world.is("kim@example.com");
    let right = outcome_message(&change, "failed");
    for name in ["0123456789AB", "0123456789a", "x", "0123456789ab/x"] {
        world.push_act(&right, &format!("{FOLDER}{name}")).refused("the name of the ref ends in");
    }
    // A commit that came with a merge, one of a free branch, one that nobody pushed, and a tag.
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("topic", "x\n");
    let inner = world.commit(&good("Part one"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge the topic"), "topic"]);
    let merge = world.head();
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-b", "free"]);
    let free = world.commit("Free\n");
    world.push(&["free"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    let foreign = world.commit_tree(&["HEAD"], "Nobody pushed this\n");
    world.git(&["tag", "-a", "-m", "one", "one", &change]);
    let tag = world.git(&["rev-parse", "one"]);
    let absent = "1".repeat(40);
    for (named, why) in [
        (inner.as_str(), "name the commit by which it landed there"),
        (&free, "is not a change of `refs/heads/main`"),
        (&foreign, "there is no commit"),
        (&absent, "there is no commit"),
        (&tag, "there is no commit"),
        (ZERO, "there is no commit"),
    ] {
        world.push_act(&outcome_message(named, "failed"), ID).refused(why);
    }
    let of_ref = |name: &str| right.replace(MAIN, name);
    world.push_act(&of_ref("refs/heads/free"), ID).refused("is not under change control");
    world.push_act(&of_ref("refs/heads/absent"), ID).refused("is not under change control");
    world.push_act(&of_ref("refs/heads/release/1"), ID).refused("is not under change control");
    world.push_act(&of_ref(LEDGER), ID).refused("is not under change control");
    world.push(&["main~1:refs/heads/release/1"]).accepted();
    let newer = outcome_message(&merge, "failed").replace(MAIN, "refs/heads/release/1");
    world.push_act(&newer, ID).refused("is not a change of `refs/heads/release/1`");
    for (message, why) in [
        (right.replace("failed", "broken"), "not in the form"),
        (right.replace("Act: outcome", "Act: approve"), "not in the form"),
        (right.replace(&change, &change[..12]), "not in the form"),
        (right.replace("Outcome: failed\n", ""), "not in the form"),
        (format!("{right}Reviewed-by: Kim <kim@example.com>\n"), "not in the form"),
        (format!("{right}Incident: an incident\n"), "is not of the form `INC-2031`"),
        (format!("{right}Note: \x1b[2J\n"), "control characters"),
        (format!("{right}Note: {}\n", "x".repeat(2_001)), "longer than 2000 bytes"),
        (format!("{right}Note: {}\n", "x".repeat(9_000)), "at most 8192 are read"),
        (format!("{}Incident: INC-7\n", outcome_message(&change, "ok")), "caused no incident"),
    ] {
        world.push_act(&message, ID).refused(why).does_not_say("\x1b[2J");
    }
    world.push(&[&format!("HEAD:{ID}")]).refused("the commit");
    let child = world.commit_tree(&["HEAD"], &right);
    world.push(&[&format!("{child}:{ID}")]).refused("has a history");
    world.push(&[&format!("HEAD^{{tree}}:{ID}")]).refused("is a tree");
    // Nothing else lands with it, and nothing else of the gate's own can be written.
    let act = world.act_commit(&world.tree_of(""), &right);
    let one = format!("{act}:{ID}");
    world.push(&[&one, "free:refs/heads/other"]).refused("names one ref and no other");
    world.push(&[&one, &format!("{act}:{FOLDER}ffffffffffff")]).refused("names one ref and no other");
    assert_eq!(world.at("refs/heads/other"), None);
    assert!(!world.push(&[&format!("{act}:refs/changegate/acts")]).ok);
    // The same ref does not take another act, also after it was removed.
    world.push(&[&one]).accepted().says("failed");
    assert_eq!(world.act_refs(), "");
    world.push(&[&one]).refused("an act with this id exists");
    world.push_act(&outcome_message(&merge, "ok"), ID).refused("an act with this id exists");
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn an_act_that_cannot_be_recorded_is_refused() {
    let (mut world, change) = server();
    world.is("kim@example.com");
    let outcome = ["outcome", change.as_str(), "failed"];
    world.configure("changegate.ledger", "off");
    world.changegate("work", &outcome).refused("the ledger is switched off");
    world.configure("changegate.ledger", "require");
    world.git_in("server.git", &["config", "--unset-all", "receive.hideRefs"]);
    world.git_in("server.git", &["config", "--add", "receive.hideRefs", "refs/changegate"]);
    world.changegate("work", &outcome).refused("`changegate install --server`");
    world.changegate("server.git", &["install", "--server"]).accepted().says("!refs/changegate/acts");
    // A hook that dies after the push leaves it to the next run.
    let hook = world.path("server.git/hooks/post-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    script(&hook, "#!/bin/sh\nkill -9 $$\n");
    world.changegate("work", &outcome);
    assert_ne!(world.act_refs(), "");
    script(&hook, &text);
    world.changegate("server.git", &["ledger", "reconcile", "--now"]).accepted();
    assert_eq!((world.act_refs(), world.kinds().pop().unwrap()), (String::new(), "act".to_owned()));
    world.is_whole();
}

#[test]
fn objects_of_an_alternate_are_read_as_its_own() {
    let (mut world, change) = server();
    world.is("ana@example.com");
    // The server gets its objects from another store, and the push brings nothing that is there.
    world.git_in("", &["init", "-q", "--bare", "store.git"]);
    let blob = world.git_fed("store.git", &["hash-object", "-w", "--stdin"], b"<ok/>");
    let store = world.path("store.git/objects");
    std::fs::write(world.path("server.git/objects/info/alternates"), format!("{}\n", store.display()))
        .unwrap();
    let blob = String::from_utf8(blob).unwrap();
    assert_eq!(world.blob_of(b"<ok/>"), blob.trim_end());
    let tree = world.tree_of(&format!("100644 blob {}\treport.xml\n", blob.trim_end()));
    let act = world.act_commit(&tree, &attach_message(&change));
    world.push(&[&format!("{act}:{ID}")]).accepted();
    world.is_whole();
}

#[test]
fn a_rewritten_act_is_found() {
    let (mut world, change) = server();
    world
        .is("kim@example.com")
        .changegate("work", &["outcome", &change, "failed", "--incident", "INC-7"])
        .accepted();
    let not_so = "its act is not as it was decided";
    let rewritten = |edit: &dyn Fn(&mut Value)| {
        let tip = world.at(LEDGER).unwrap();
        let mut links = world.links();
        let place = links.iter().rposition(|link| link.record()["event"].get("act").is_some()).unwrap();
        links[place].edit(|record| edit(&mut record["event"]["act"]));
        chain_anew(&mut links, place);
        world.forge(&links);
        let verified = world.changegate("server.git", &["ledger", "verify"]);
        // In an audit it says nothing of the change, and is told.
        assert_eq!(world.audited_change(&change)["outcome"], "none-reported");
        let broken = world.audit_rows("exceptions").into_iter().filter(|row| row["kind"] == "broken-ledger");
        let broken: Vec<String> = broken.map(|row| row["what_happened"].to_string()).collect();
        assert!(broken.iter().any(|what| what.contains("tells of an act, and")), "{broken:?}");
        world.git_in("server.git", &["update-ref", LEDGER, &tip]);
        verified
    };
    rewritten(&|event| event["act"]["says"]["outcome"]["outcome"] = json!("ok")).refused(not_so);
    rewritten(&|event| event["act"]["says"]["outcome"]["incident"] = Value::Null).refused(not_so);
    rewritten(&|event| event["act"]["account"] = json!("ben@example.com")).refused(not_so);
    rewritten(&|event| event["act"]["change"] = json!("1".repeat(40))).refused(not_so);
    rewritten(&|event| event["observed-at"] = json!("2001-01-01T00:00:00Z")).refused(not_so);
    rewritten(&|event| event["decision"] = json!("0".repeat(32)))
        .refused("no decision that has landed allows this act");
    // An act that landed is not left out.
    let tip = world.at(LEDGER).unwrap();
    world.git_in("server.git", &["update-ref", LEDGER, &format!("{tip}~1")]);
    world.changegate("server.git", &["ledger", "verify"]).refused("allowed has landed and has no record");
    let told = world.audit_rows("exceptions");
    let told = told.iter().filter(|row| row["kind"] == "broken-ledger");
    let told: Vec<String> = told.map(|row| row["what_happened"].to_string()).collect();
    assert!(told.iter().any(|what| what.contains("has landed and has no record")), "{told:?}");
    world.git_in("server.git", &["update-ref", LEDGER, &tip]);
    // One decision allows one record.
    let mut links = world.links();
    links.push(links.last().unwrap().clone());
    let place = links.len() - 1;
    chain_anew(&mut links, place);
    world.forge(&links);
    world
        .changegate("server.git", &["ledger", "verify"])
        .refused("no decision that has landed allows this act");
}

#[test]
fn a_thousand_acts_leave_a_short_state() {
    let (mut world, change) = server();
    world.is("monitor");
    let message = format!("Verify {change}\n\nAct: verified\nChange: {change}\nRef: {MAIN}\n");
    let commit = world.act_commit(&world.tree_of(""), &message);
    world.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    world.git_in("server.git", &["fetch", "-q", "../work", &commit]);
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    let settings = GateSettings::read_settings(&repository, &|_| Some("monitor".into()), || 1).unwrap();
    let oid = |hex: &str| Oid::from_hex(hex).unwrap();
    let mut updates = String::new();
    for number in 0..1_000_u64 {
        let name = format!("{FOLDER}{number:012x}");
        let update = [RefUpdate { old: oid(ZERO), new: oid(&commit), name: name.as_str().into() }];
        let (report, facts) =
            judge_push(&repository, &update, (&settings, RecordedPast::default()), Timestamp::now(), false);
        assert!(facts.act().is_some(), "{report:?}");
        let pusher = settings.pusher.clone();
        let by = DecisionContext { id: write_ahead::new_decision_id().unwrap(), pusher, served_by: None };
        let entry = decision::build_push_entry(&repository, &report, &facts, by).unwrap().unwrap();
        write_ahead::write_entry(repository.common_dir(), &entry).unwrap();
        updates.push_str(&format!("create {name} {commit}\n"));
    }
    world.git_fed("server.git", &["update-ref", "--stdin"], updates.as_bytes());
    world.changegate("server.git", &["ledger", "reconcile", "--now"]).accepted();
    assert_eq!(world.kinds().iter().filter(|kind| *kind == "act").count(), 1_000);
    assert_eq!(world.act_refs(), "");
    let state: Value =
        serde_json::from_str(&world.git_in("server.git", &["show", &format!("{LEDGER}:state.json")]))
            .unwrap();
    assert_eq!(state["recent-acts"].as_array().unwrap().len(), 32);
    assert_eq!(state["tips"].as_object().unwrap().len(), 1);
    assert!(world.audited_change(&change)["verified_by"].as_str().unwrap().ends_with("and 950 more"));
    world.is_whole();
}
