//! What ordinary pushes leave in the ledger.

use std::rc::Rc;

use changegate::git::Repository;
use changegate::ledger::store::state_reader::LedgerStateReader;

use crate::ledger_reader::LEDGER;
use crate::world::{MAIN, POLICY, World, bad, good};

#[test]
fn installing_begins_the_ledger_with_what_refs_hold() {
    let world = World::new();
    let records = world.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["event"]["tips"][0]["id"], world.main());
    assert_eq!(records[0]["event"]["protects"][0], "main");
    world.is_whole();
    world.changegate("server.git", &["install", "--server", "--pusher", "none"]).says("already installed");
    assert_eq!(world.records().len(), 1);
}

#[test]
fn an_allowed_push_is_a_decision_and_a_landing() {
    let world = World::new();
    let old = world.main();
    let new = world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let records = world.records();
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    let decided = &records[1]["event"];
    assert_eq!(decided["decision"], "allow");
    assert_eq!(decided["refs"][0]["old"], old);
    assert_eq!(decided["refs"][0]["new"], new);
    assert_eq!(decided["refs"][0]["tree"], world.git(&["rev-parse", "HEAD^{tree}"]));
    let landed = &records[2]["event"];
    assert_eq!(landed["decision-id"], decided["id"]);
    assert_eq!(landed["landed"][0]["new"], new);
    assert_eq!(landed["found-late"], false);
    world.is_whole();
}

#[test]
fn a_refused_push_is_a_record_of_the_next_that_folds_in() {
    let world = World::new();
    world.commit(&bad("One"));
    world.push(&["main"]).refused("peer-review");
    assert_eq!(world.waiting().len(), 1);
    world.reconcile().accepted();
    assert_eq!(world.kinds(), ["begin", "decision"]);
    assert_eq!(world.records()[1]["event"]["decision"], "deny");
    world.is_whole();
}

#[test]
fn clients_mirror_the_ledger_and_cannot_write_it() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let spec = format!("{LEDGER}:{LEDGER}");
    world.git(&["fetch", "-q", "origin", &spec]);
    assert_eq!(world.git(&["rev-parse", LEDGER]), world.at(LEDGER).unwrap());
    world.changegate("work", &["ledger", "verify", "--no-refs"]).accepted();
    for spec in [format!("+HEAD:{LEDGER}"), format!(":{LEDGER}"), format!("HEAD:{LEDGER}/x")] {
        world.push(&[&spec]).refused("");
    }
    world.git_in("server.git", &["config", "--unset-all", "receive.hideRefs"]);
    for spec in [format!("+HEAD:{LEDGER}"), format!(":{LEDGER}"), format!("HEAD:{LEDGER}/x")] {
        world.push(&[&spec]).refused("reserved");
    }
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn a_name_that_leads_to_another_is_recorded_as_what_it_leads_to() {
    let world = World::new();
    world.git_in("server.git", &["symbolic-ref", "refs/heads/alias", MAIN]);
    let new = world.commit(&good("One"));
    world.push(&["main:alias"]).accepted();
    let records = world.records();
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    assert_eq!(records[1]["event"]["refs"][0]["name"], MAIN);
    assert_eq!(records[1]["event"]["refs"][0]["pushed-as"], "refs/heads/alias");
    assert_eq!(records[2]["event"]["landed"][0]["new"], new);
    world.is_whole();
}

#[test]
fn tags_new_branches_and_free_refs() {
    let world = World::new();
    world.commit(&good("One"));
    world.git(&["tag", "-a", "-m", "v1", "v1"]);
    world.push(&["main", "main:release/1", "v1", "main:free"]).refused("tag-of-reviewed");
    world.push(&["main", "main:release/1", "main:free"]).accepted();
    world.push(&["v1"]).accepted();
    world.push(&["HEAD~1:refs/heads/other"]).accepted();
    assert_eq!(world.kinds(), ["begin", "decision", "decision", "outcome", "decision", "outcome"]);
    let records = world.records();
    assert_eq!(records[3]["event"]["landed"].as_array().unwrap().len(), 2);
    assert_eq!(records[5]["event"]["landed"][0]["new"], world.at("refs/tags/v1").unwrap());
    world.push(&[":free"]).accepted();
    world.push(&[":release/1"]).refused("ref-deleted");
    world.reconcile().accepted();
    world.is_whole();
}

#[test]
fn a_policy_that_protects_other_refs_changes_the_scope_and_accuses_nobody() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main", "main:dev"]).accepted();
    let policy = "changegate: 1\nname: test\nextends: [startup]\nprotects: [main, dev]\n";
    world.write("policies/changegate.yml", policy);
    world.commit("Protect dev, release the rest\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n");
    world.push(&["main"]).accepted();
    let records = world.records();
    let scope = &records.iter().find(|record| record["event"]["kind"] == "scope").unwrap()["event"];
    assert_eq!(scope["newly-protected"][0]["name"], "refs/heads/dev");
    world.is_whole();
    world.push(&["main:dev"]).accepted();
    world.push(&["main:release/9"]).accepted();
    world.is_whole();
}

#[test]
fn the_first_push_into_an_empty_repository() {
    let world = World::with(None, "sha1");
    world.git_in("server.git", &["update-ref", "-d", MAIN]);
    world.git_in("server.git", &["update-ref", "-d", LEDGER]);
    std::fs::remove_dir_all(world.path("server.git/changegate")).unwrap();
    world.configure("changegate.missingPolicy", "startup");
    world.changegate("server.git", &["install", "--server", "--pusher", "none"]).accepted();
    world.write("policies/changegate.yml", POLICY);
    world.git(&["checkout", "-q", "--orphan", "fresh"]);
    world.commit(&good("Start"));
    world.push(&["fresh:main"]).accepted();
    assert_eq!(world.kinds()[..1], ["begin"]);
    world.is_whole();
    world.git(&["checkout", "-q", "-B", "main", "fresh"]);
    world.commit(&good("Next"));
    world.push(&["main"]).accepted();
    world.is_whole();
}

#[test]
fn sha256_linked_worktrees_and_packed_refs() {
    let world = World::with(Some(POLICY), "sha256");
    for number in 0..3 {
        world.commit(&good(&format!("Commit {number}")));
        world.push(&["main"]).accepted();
        world.git_in("server.git", &["gc", "-q", "--prune=now"]);
        world.git_in("server.git", &["pack-refs", "--all", "--prune"]);
        world.is_whole();
    }
    world.git_in("server.git", &["worktree", "add", "-q", "../tree", "main~1"]);
    world.changegate("tree", &["ledger", "verify"]).accepted().says("7 records");
    world.changegate("tree", &["ledger", "reconcile"]).accepted();
    assert_eq!(world.records().len(), 7);
}

#[test]
fn the_state_is_read_once_until_the_ledger_goes_on() {
    let world = World::new();
    let repository = Repository::open_at(&world.path("server.git"), None).unwrap();
    let states = LedgerStateReader::new(&repository);
    let newest = || states.read_newest().unwrap().unwrap();
    let first = newest();
    assert!(Rc::ptr_eq(&first, &newest()));
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    assert_eq!(newest().number, first.number + 2);
    assert!(Rc::ptr_eq(&newest(), &newest()));
}

#[test]
fn what_a_push_makes_of_the_policy_is_recorded_in_codes_and_values() {
    let world = World::new();
    world.write(
        "policies/changegate.yml",
        &format!("{POLICY}rules:\n  peer-review: {{ level: off, reason: none }}\n"),
    );
    world.commit(&good("Reviews are optional"));
    world.push(&["main"]).accepted();
    let notes = &world.records()[1]["event"]["notes"];
    let note = notes.as_array().unwrap().iter().find(|note| note["code"] == "policy-change.note").unwrap();
    assert_eq!(note["values"]["place"]["quoted"], MAIN);
    assert_eq!(note["values"]["direction"]["nested"]["code"], "policy-change.looser");
    assert_eq!(note["values"]["part"]["nested"]["values"]["id"]["plain"], "peer-review");
    assert_eq!(note["values"]["what"]["nested"]["code"], "policy-change.other-value");
    world.is_whole();
    // People are told it wherever the change is listed or shown.
    let told = "is looser: rule `peer-review`";
    world.changegate("server.git", &["ledger", "log"]).accepted().says("the policy changes: 1 looser");
    world.changegate("server.git", &["ledger", "show", "2"]).accepted().says(told);
    let flat = |output: std::process::Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace().collect::<Vec<&str>>().join(" ")
    };
    for args in [&["ledger", "trace", "main"], &["show", "main"][..]] {
        let output =
            world.command(env!("CARGO_BIN_EXE_changegate"), "server.git").args(args).output().unwrap();
        let text = flat(output);
        assert!(text.contains(told), "{args:?}: {text}");
    }
}
