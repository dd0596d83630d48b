//! Signed approvals in the evidence: what a page, an audit, a pack and the verification of the ledger tell of them, also
//! where what landed is not what was approved.

use std::path::Path;

use crate::signed_approvals::{approve_as, approved_by, commit_as, git_as, push_as, start};
use crate::world::{MAIN, Pushed, World, fed};

/// Packs the changes that landed as these commits, and verifies the pack.
fn pack_and_verify(world: &World, commits: &[&str]) -> Pushed {
    let folder = world.path("pack");
    let _ = std::fs::remove_dir_all(&folder);
    let out = folder.to_str().unwrap();
    world.changegate("server.git", &[&["evidence"], commits, &["--out", out]].concat()).accepted();
    world.changegate("", &["evidence", "verify", out])
}

/// Writes the manifest of a pack again, as a forger would.
fn repair_manifest(pack: &Path) {
    let listed = std::process::Command::new("sh")
        .args([
            "-c",
            "find . -type f ! -name MANIFEST.sha256 | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum",
        ])
        .current_dir(pack)
        .output()
        .unwrap();
    std::fs::write(pack.join("MANIFEST.sha256"), listed.stdout).unwrap();
}

#[test]
fn an_update_merge_is_shown_and_packed_with_its_approvals() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    let topic = commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--reject", "-m", "not so"]);
    let (taken, said) = approve_as(&world, "ben", &["--role", "security"]);
    assert!(!taken, "{said}");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "other", "main"]);
    commit_as(&world, "kim", "b", "1", "Another");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "kim", "other:main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "topic"]);
    approved_by(&world, "kim", &["--revoke"]);
    git_as(&world, "ana", &["merge", "-q", "--no-verify", "-m", "Update", "origin/main"]);
    let merge = world.head();
    push_as(&mut world, "ana", "topic:main").accepted();
    world
        .changegate("server.git", &["show", &topic])
        .says("counts for reviewed")
        .says("`kim@example.com`")
        .says("does not count for reviewed: withdrawn")
        .says("it says `not so`")
        .says("approval.role-not-held")
        .says("what landed is exact");
    pack_and_verify(&world, &[&topic, &merge]).accepted().says("verification passed");
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}

#[test]
fn a_rebase_a_squash_and_a_merge_are_packed_with_what_was_approved() {
    let Some(mut world) = start("{ carries-over: [clean-merge, clean-rebase, squash] }") else { return };
    world.git(&["checkout", "-q", "-b", "one"]);
    commit_as(&world, "ana", "a", "1\n2\n3\n", "One");
    commit_as(&world, "ana", "a", "1\n2\n3\n4\n", "More of it");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "two", "main"]);
    commit_as(&world, "ana", "dir/b", "1", "Two");
    commit_as(&world, "ana", "dir/c", "1", "More of that");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "other", "main"]);
    commit_as(&world, "kim", "dir/d", "1", "Another");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "kim", "other:main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "one"]);
    git_as(&world, "ana", &["rebase", "-q", "origin/main"]);
    push_as(&mut world, "ana", "one:main").accepted();
    let rebased = world.head();
    world.git(&["checkout", "-q", "-b", "landing", "one"]);
    world.git(&["merge", "-q", "--squash", "two"]);
    let squashed = git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Two and more"]);
    push_as(&mut world, "ana", "landing:main").accepted();
    for (commit, relation) in [(&rebased, "clean-rebase"), (&squashed, "squash")] {
        world.changegate("server.git", &["show", commit]).says(&format!("what landed is {relation}"));
    }
    let verified = pack_and_verify(&world, &[&rebased, &squashed]);
    verified.accepted().does_not_say("not everything that it takes");
    // A pack that leaves out what was approved, or tells another relation, does not hold.
    let pack = world.path("pack");
    let short = &squashed[..10];
    let values = pack.join(format!("changes/{short}/values.json"));
    let text = std::fs::read_to_string(&values).unwrap();
    std::fs::write(&values, text.replace("\"relation\": \"squash\"", "\"relation\": \"exact\"")).unwrap();
    repair_manifest(&pack);
    let verify = || world.changegate("", &["evidence", "verify", pack.to_str().unwrap()]);
    verify().refused("in another way than told");
    let mut forged: serde_json::Value = serde_json::from_str(&text).unwrap();
    forged["change"]["signed-approvals"] = serde_json::json!([]);
    std::fs::write(&values, format!("{forged:#}\n")).unwrap();
    repair_manifest(&pack);
    verify().refused("is a signed approval of it, and its values leave it out");
    // So is one whose record is gone.
    std::fs::write(&values, &text).unwrap();
    let index = pack.join("pack.json");
    let listed = std::fs::read_to_string(&index).unwrap();
    let mut forged: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let records = forged["ledger"]["records"].as_array_mut().unwrap();
    let is_approval = |record: &serde_json::Value| {
        let number = record["number"].as_u64().unwrap();
        let path = pack.join(format!("ledger/{number:08}/record.json"));
        std::fs::read_to_string(path).unwrap().contains("\"signed-at\"")
    };
    records.retain(|record| !is_approval(record));
    std::fs::write(&index, format!("{forged:#}\n")).unwrap();
    repair_manifest(&pack);
    verify()
        .refused("does not hold the signed approval that its values tell of")
        .says("is about it and is not in the pack");
}

#[test]
fn what_was_slipped_in_past_the_gate_is_shown_line_by_line() {
    let Some(mut world) = start("{}") else { return };
    let approved = commit_as(&world, "ana", "a", "one\ntwo\n", "Cache it");
    approved_by(&world, "ben", &[]);
    world.write("a", "one\ntwo\nbackdoor()\n");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-edit", "--no-verify"]);
    let landed = world.head();
    push_as(&mut world, "ana", "main").refused("differs from it in `a`");
    world.bring("+main:main");
    world
        .changegate("server.git", &["ledger", "reconcile"])
        .says("moved without a decision")
        .says("ben@example.com")
        .says("changed")
        .says("backdoor()");
    let page = world.changegate("server.git", &["show", &landed]);
    page.says("what landed is changed").says("+ line 3: `backdoor()`").says(&approved[..10]);
    assert_eq!(world.at(MAIN).unwrap(), landed);
    pack_and_verify(&world, &[&landed]).does_not_say("in another way than told");
    let out = world.path("audit");
    world.changegate("server.git", &["audit", "--ref", "main", "--out", out.to_str().unwrap()]);
    let changes = std::fs::read_to_string(out.join("changes.jsonl")).unwrap();
    assert!(changes.contains("\"unapproved_paths\":\"a\""), "{changes}");
    let exceptions = std::fs::read_to_string(out.join("exceptions.jsonl")).unwrap();
    assert!(exceptions.contains("unapproved-content"), "{exceptions}");
    // A clone that holds the ledger, and not what was signed, cannot tell, and says so.
    let url = format!("file://{}", world.path("server.git").display());
    world.git_in("", &["clone", "-q", &url, "lean"]);
    let ledger = "refs/changegate/ledger:refs/changegate/ledger";
    world.git_in("lean", &["fetch", "-q", "origin", ledger]);
    world.changegate("lean", &["show", &landed]).says("could not be compared with what landed");
    let out = world.path("lean-audit");
    world.changegate("lean", &["audit", "--ref", "main", "--out", out.to_str().unwrap()]);
    let exceptions = std::fs::read_to_string(out.join("exceptions.jsonl")).unwrap();
    let unknown = "whether it is what was approved with a signature is not known";
    assert!(exceptions.contains(unknown), "{exceptions}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("cannot be compared with what was approved"), "the page has it among its limits");
}

#[test]
fn what_landed_past_the_gate_as_it_was_approved_is_proved_to_be_that() {
    let Some(world) = start("{}") else { return };
    let landed = commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    world.bring("+main:main");
    world.changegate("server.git", &["ledger", "reconcile"]).says("ben@example.com").says("exact");
    world.changegate("server.git", &["show", &landed]).says("what landed is exact");
}

#[test]
fn an_approval_that_was_removed_from_the_server_is_told() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let approval = approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    let name = format!("refs/changegate/approvals/{approval}");
    world.git_in("server.git", &["update-ref", "-d", &name]);
    world.changegate("server.git", &["ledger", "verify"]).refused(&approval[..12]).says("tampered");
    // Moved to something else is no better.
    world.git_in("server.git", &["update-ref", &name, "refs/heads/main"]);
    world.changegate("server.git", &["ledger", "verify"]).refused(&approval[..12]);
    world.git_in("server.git", &["update-ref", &name, &approval]);
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}

#[test]
fn a_clone_knows_how_approvals_count_before_the_push() {
    let Some(world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let check = || world.changegate("work", &["check", "origin/main..main", "--onto", "main"]);
    check().does_not_say("has approved");
    approved_by(&world, "ana", &[]);
    check().says("does not count for reviewed").says("reviewed");
    let approval = approved_by(&world, "ben", &[]);
    check().says("`ben@example.com` has approved").says("counts for reviewed, unless");
    world
        .changegate("work", &["explain", "origin/main..main"])
        .says("met; it is for all classes")
        .says("the approval by `ben@example.com` counts [verified: signing keys]");
    // What was not fetched is not known.
    let name = format!("refs/changegate/approvals/{approval}");
    world.git(&["update-ref", "-d", &name]);
    check().does_not_say("has approved");
    world.git(&["fetch", "-q", "origin", "refs/changegate/approvals/*:refs/changegate/approvals/*"]);
    check().says("`ben@example.com` has approved");
    let said = pre_push(&world);
    said.accepted().says("`ben@example.com` has approved");
    approved_by(&world, "kim", &["--reject"]);
    check().says("`kim@example.com` has rejected");
}

#[test]
fn a_clone_that_lacks_what_was_rejected_refuses_nothing_for_it() {
    let Some(world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "rejected"]);
    commit_as(&world, "ana", "folder/a", "1", "Rejected");
    approved_by(&world, "kim", &["--reject"]);
    let folder = world.git(&["rev-parse", "HEAD:folder"]);
    world.git(&["checkout", "-q", "main"]);
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    let (fan, rest) = folder.split_at(2);
    std::fs::remove_file(world.path(&format!("work/.git/objects/{fan}/{rest}"))).unwrap();
    let said = pre_push(&world);
    said.accepted().says("`ben@example.com` has approved").does_not_say("rejects revision");
}

/// Runs the hook of a clone as git does before it pushes `main`.
fn pre_push(world: &World) -> Pushed {
    let line = format!(
        "refs/heads/main {} refs/heads/main {}\n",
        world.head(),
        world.git(&["rev-parse", "origin/main"])
    );
    let mut command = world.command(crate::world::BINARY, "work");
    command.args(["hook", "pre-push", "origin", &world.url()]);
    fed(&mut command, line.as_bytes()).into()
}

#[test]
fn what_a_merge_and_a_squash_hold_beside_what_was_approved_is_shown() {
    let Some(world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1\n2\n", "One");
    commit_as(&world, "ana", "b", "1\n", "Two");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    world.write("b", "1\nbackdoor()\n");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Merge it"]);
    let merge = world.head();
    world.bring("+main:main");
    world.changegate("server.git", &["ledger", "reconcile"]).says("partial").says("+ line 2: backdoor()");
    world
        .changegate("server.git", &["show", &merge])
        .says("what landed is partial")
        .says("not approved: `b`")
        .says("+ line 2: `backdoor()`");
    pack_and_verify(&world, &[&merge]).does_not_say("in another way than told");
    // A squash shares neither author nor date with what it comes from.
    world.git(&["checkout", "-q", "-b", "second", "main"]);
    commit_as(&world, "ana", "c", "1\n2\n", "Three");
    commit_as(&world, "ana", "d", "1\n", "Four");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--squash", "second"]);
    world.write("d", "1\nslip()\n");
    world.git(&["add", "-A"]);
    let squash = git_as(&world, "kim", &["commit", "-q", "--no-verify", "-m", "Both"]);
    world.bring("+main:main");
    world.changegate("server.git", &["ledger", "reconcile"]).says("changed").says("+ line 2: slip()");
    world
        .changegate("server.git", &["show", &squash])
        .says("what landed is changed")
        .says("not approved: `d`")
        .says("+ line 2: `slip()`")
        .does_not_say("not approved: `c`");
}
