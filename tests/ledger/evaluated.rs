//! Evaluate mode: the gate says and records what it would have done, and blocks nothing that is not aimed at itself.

use crate::world::{MAIN, World, bad, good};

fn evaluating() -> World {
    let world = World::new();
    world.configure("changegate.mode", "evaluate");
    world
}

#[test]
fn what_would_be_refused_lands_and_nobody_takes_it_for_enforced() {
    let world = evaluating();
    let base = world.main();
    let new = world.commit(&bad("One"));
    world
        .push(&["main"])
        .accepted()
        .says("evaluate mode: nothing is blocked; this push would have been refused")
        .says("peer-review")
        .says("this lands as it is, and is not rewritten; next time, add these trailers")
        .does_not_say("--amend")
        .says("would have been denied");
    assert_eq!(world.main(), new);
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    let decided = &world.records()[1]["event"];
    assert_eq!((&decided["decision"], &decided["evaluated"]), (&"allow".into(), &"deny".into()));
    let verified = world.verify();
    verified.accepted().says("1 decisions, 0 of them denied, 1 not enforced (evaluate mode)");
    world
        .changegate("server.git", &["ledger", "show", "2"])
        .says("would have been denied, NOT ENFORCED (evaluate mode)");
    world.changegate("server.git", &["ledger", "log"]).says("Not enforced, would deny");
    world
        .changegate("server.git", &["ledger", "trace", "main"])
        .refused("landed ALTHOUGH DENIED, while NOTHING WAS ENFORCED");
    let range = format!("{base}..main");
    world
        .changegate("server.git", &["deploy-check", &range])
        .refused("it would have been denied, and landed in evaluate mode");
    world.changegate("server.git", &["ledger", "replay", "2"]).accepted();
    world
        .changegate("server.git", &["show", "main"])
        .says("DENIED AND NOT ENFORCED: it landed in evaluate mode, which blocks nothing");
    let uri = "git+https://git.example.com/acme/shop";
    let exported = world.changegate("server.git", &["ledger", "export", "--format", "in-toto", "--uri", uri]);
    exported.accepted().says("1 decision of evaluate mode left out");
}

#[test]
fn what_would_be_accepted_is_told_apart_as_well() {
    let world = evaluating();
    let base = world.main();
    world.commit(&good("One"));
    world
        .push(&["main"])
        .accepted()
        .says("evaluate mode: nothing is blocked; this push would have been accepted")
        .says("would have been allowed");
    assert_eq!(world.records()[1]["event"]["evaluated"], "allow");
    world.is_whole();
    world
        .changegate("server.git", &["deploy-check", &format!("{base}..main")])
        .accepted()
        .says("landed in evaluate mode; it would have been allowed")
        .says("1 change on refs/heads/main: 0 decided and landed, 1 not enforced");
}

#[test]
fn what_guards_the_gate_itself_is_refused_all_the_same() {
    let world = evaluating();
    let base = world.main();
    world.commit(&bad("One"));
    for refspec in ["main:refs/changegate/x", "main:refs/replace/x", "main:refs/namespaces/a/refs/heads/main"]
    {
        world.push(&["main", refspec]).refused("").does_not_say("would have been refused");
        assert_eq!(world.main(), base, "{refspec}");
    }
    world.push(&["main:refs/changegate/break-glass/x"]).refused("break-glass");
    // Rewriting and deleting is what the policy protects, and not the gate.
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-b", "other", &base]);
    world.commit(&good("Another"));
    world.push(&["+other:main"]).accepted().says("ref-rewritten");
    world.is_whole();
}

#[test]
fn a_broken_setting_refuses_and_the_switch_is_the_servers_alone() {
    let world = World::new();
    world.configure("changegate.mode", "evaluation");
    world.commit(&good("One"));
    world.push(&["main"]).refused("changegate.mode is `evaluation`; use enforce or evaluate");
    world.configure("changegate.mode", "enforce");
    // What is pushed, and what a clone is configured with, change nothing.
    world.git(&["config", "changegate.mode", "evaluate"]);
    world.write(".git-config", "[changegate]\n\tmode = evaluate\n");
    world.commit(&bad("Two"));
    world.push(&["-o", "changegate.mode=evaluate", "main"]).refused("");
    world.push(&["main"]).refused("peer-review").does_not_say("evaluate mode");
}

#[test]
fn an_obligation_is_owed_only_for_what_would_have_been_accepted() {
    let world = World::under(&format!("{}obligations: {{ block-on-overdue: true }}\n", crate::world::POLICY));
    world.configure("changegate.mode", "evaluate");
    let emergency = "Fire\n\nChange-Type: emergency\nRisk: low\nIncident: INC-7\nEmergency-Reason: the bank \
                     refuses every transfer that is off by a cent\n";
    world.commit(emergency);
    world.push(&["main"]).accepted().says("would have been accepted");
    world.changegate("server.git", &["obligations"]).says("emergency-ticket");
    let world = evaluating();
    world.commit(&bad("Unreviewed"));
    world.commit(emergency);
    world.push(&["main"]).accepted().says("would have been refused");
    world.changegate("server.git", &["obligations"]).accepted().does_not_say("emergency-ticket");
    world.is_whole();
}

#[test]
fn enforcing_again_starts_from_what_landed() {
    let world = evaluating();
    world.commit(&bad("One"));
    world.push(&["main"]).accepted();
    world.configure("changegate.mode", "enforce");
    world.commit(&good("Two"));
    world.push(&["main"]).accepted().does_not_say("evaluate mode");
    world.commit(&bad("Three"));
    world.push(&["main"]).refused("peer-review");
    world.changegate("server.git", &["doctor"]).accepted().says("the settings enforce the gate");
    world.configure("changegate.mode", "evaluate");
    world
        .changegate("server.git", &["doctor"])
        .refused("evaluate mode: nothing that the policy denies is refused");
}

#[test]
fn an_audit_lists_what_landed_while_nothing_was_enforced() {
    let world = evaluating();
    world.commit(&bad("One"));
    world.push(&["main"]).accepted();
    let out = world.path("out");
    world.changegate("server.git", &["audit", "--ref", MAIN, "--out", out.to_str().unwrap()]).accepted();
    let exceptions = std::fs::read_to_string(out.join("exceptions.jsonl")).unwrap();
    assert_eq!(exceptions.matches("\"denied-not-enforced\"").count(), 1, "{exceptions}");
}

fn read_rows(out: &std::path::Path, table: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(out.join(format!("{table}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What evaluate mode let through did not pass: it is counted and named by itself, in every table and on the page.
#[test]
fn what_evaluate_mode_let_through_did_not_pass_the_gate() {
    let world = evaluating();
    let denied = world.commit(&bad("Denied"));
    world.push(&["main"]).accepted();
    let allowed = world.commit(&good("Allowed"));
    world.push(&["main"]).accepted();
    world.configure("changegate.mode", "enforce");
    let passed = world.commit(&good("Passed"));
    world.push(&["main"]).accepted();
    let audit = |name: &str, profile: &str| {
        let out = world.path(name);
        let words = ["audit", "--ref", MAIN, "--profile", profile, "--out", out.to_str().unwrap()];
        world.changegate("server.git", &words).accepted();
        out
    };
    let (full, short) = (audit("full", "full"), audit("short", "auditor"));
    for (out, table) in [(&full, "changes"), (&short, "change-log")] {
        let rows = read_rows(out, table);
        for (id, result, bypassed) in [
            (&denied, "not-enforced-fail", "denied-not-enforced"),
            (&allowed, "not-enforced-pass", "not-enforced"),
            (&passed, "pass", "none"),
        ] {
            let row =
                rows.iter().find(|row| row["change_id"].as_str().unwrap().ends_with(id.as_str())).unwrap();
            assert_eq!(
                (&row["gate_result"], &row["bypassed"]),
                (&result.into(), &bypassed.into()),
                "{table}"
            );
        }
    }
    let log = std::fs::read_to_string(full.join("change-log.csv")).unwrap();
    assert!(log.contains("not-enforced-fail") && log.contains("denied-not-enforced"), "{log}");
    let page = std::fs::read_to_string(full.join("report.html")).unwrap();
    assert!(page.contains("<strong>1</strong> passed the gate"), "only what was enforced passed");
    assert!(page.contains(
        "<strong>2</strong> landed in evaluate mode, which blocks nothing; 1 of them although they were denied"
    ));
    let figures = read_rows(&full, "key-figures");
    let figure = |key: &str| figures.iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!(figure("coverage")["numerator"], 1);
    assert_eq!(figure("not_enforced")["numerator"], 2);
    assert_eq!(figure("denied_not_enforced")["value"], 1.0);
    let kinds: Vec<serde_json::Value> =
        read_rows(&full, "exceptions").into_iter().map(|one| one["kind"].clone()).collect();
    for kind in ["denied-not-enforced", "not-enforced"] {
        assert_eq!(kinds.iter().filter(|one| **one == *kind).count(), 1, "{kinds:?}");
    }
    let shown = world.changegate("server.git", &["show", &denied, "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.accepted().seen).unwrap();
    assert_eq!(shown["gate-result"], "not-enforced-fail");
    let timeline = shown["timeline"].to_string();
    assert!(
        timeline.contains("landed-although-denied") && timeline.contains("not-enforced-fail"),
        "{timeline}"
    );
    assert!(!timeline.contains("\"landed\""), "{timeline}");
    let pack = world.path("pack");
    let out = pack.to_str().unwrap();
    world.changegate("server.git", &["evidence", &denied, &allowed, "--out", out]).accepted();
    world.changegate("", &["evidence", "verify", out]).accepted();
    let mut timelines = 0;
    for folder in std::fs::read_dir(pack.join("changes")).unwrap() {
        let timeline = std::fs::read_to_string(folder.unwrap().path().join("timeline.csv")).unwrap();
        assert!(timeline.contains("not-enforced-"), "{timeline}");
        timelines += 1;
    }
    assert_eq!(timelines, 2);
}

#[test]
fn a_record_that_claims_to_be_an_evaluation_is_held_to_its_judgements() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    for (decision, evaluated) in [("allow", "deny"), ("deny", "allow")] {
        let mut links = world.links();
        links[1].edit(|record| {
            record["event"]["decision"] = decision.into();
            record["event"]["evaluated"] = evaluated.into();
        });
        crate::forger::chain_anew(&mut links, 1);
        world.forge(&links);
        world.verify().refused("tampered");
    }
}
