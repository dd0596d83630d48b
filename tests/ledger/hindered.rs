//! A server that cannot write: a full disk, a folder without rights, a lock that somebody left.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::forger::chain_anew;
use crate::ledger_reader::LEDGER;
use crate::world::{BINARY, World, bad, good, script};

/// Takes the right to write away from a folder, and whether that means something to whoever tests.
fn forbid(folder: &Path) -> bool {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    let is_heeded = fs::write(folder.join("try"), "").is_err();
    if !is_heeded {
        // For root no folder is closed; a file in its place is.
        let _ = fs::remove_file(folder.join("try"));
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    is_heeded
}

/// Puts a file where the folder of waiting decisions would be, and returns what undoes that.
fn close(world: &World) -> impl FnOnce() + use<> {
    let folder = world.path("server.git/changegate/journal");
    let aside = world.path("server.git/changegate/aside");
    if forbid(&folder) {
        return Box::new(move || fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap())
            as Box<dyn FnOnce()>;
    }
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "").unwrap();
    Box::new(move || {
        fs::remove_file(&folder).unwrap();
        fs::rename(aside, folder).unwrap();
    })
}

#[test]
fn where_nothing_can_be_written_ahead_nothing_is_accepted() {
    let world = World::new();
    world.commit(&good("One"));
    let open = close(&world);
    world
        .push(&["main"])
        .refused("the decision cannot be recorded, so the push is refused")
        .does_not_say("allowed");
    world.configure("changegate.ledger", "warn");
    world.push(&["main"]).accepted().says("this decision is NOT recorded");
    // A free ref needs no record.
    world.push(&["main:free"]).accepted().does_not_say("NOT recorded");
    open();
    world.reconcile().refused("moved without a decision");
    world.configure("changegate.ledger", "off");
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    assert_eq!(world.kinds(), ["begin", "unauthorised"]);
}

#[test]
fn a_full_disk() {
    let world = World::new();
    // A file system of its own for the folder, if this machine lets us have one.
    let small = world.path("server.git/changegate/journal");
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"])
        .arg(&small)
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    fs::write(small.join("full"), vec![b'x'; 4096]).unwrap();
    world.commit(&good("One"));
    let pushed = world.push(&["main"]);
    std::process::Command::new("umount").arg(&small).status().unwrap();
    pushed.refused("cannot be recorded").says("No space left");
    world.push(&["main"]).accepted();
    world.is_whole();
}

#[test]
fn a_lock_that_somebody_left() {
    let world = World::new();
    let lock = world.path(&format!("server.git/{LEDGER}.lock"));
    fs::write(&lock, "").unwrap();
    world.commit(&good("One"));
    // Nothing is allowed that the ledger cannot take.
    world.push(&["main"]).refused("ledger.lock is in the way").does_not_say("allowed");
    assert_eq!(world.waiting().len(), 1);
    world.configure("changegate.ledger", "warn");
    world.push(&["main"]).accepted().says("is in the way");
    world.configure("changegate.ledger", "require");
    fs::remove_file(&lock).unwrap();
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    assert_eq!(world.kinds(), ["begin", "decision", "decision", "outcome", "decision", "outcome"]);
    world.is_whole();
}

#[test]
fn a_lock_that_comes_after_the_decision() {
    let world = World::new();
    let lock = world.path(&format!("server.git/{LEDGER}.lock"));
    // Git calls this one between the decision and the move of the ref.
    let late = world.path("server.git/hooks/update");
    script(&late, &format!("#!/bin/sh\n: > '{}'\n", lock.display()));
    world.commit(&good("One"));
    let pushed = world.push(&["main"]);
    pushed
        .accepted()
        .says("the push has landed, and its decision is kept on the server")
        .says("`changegate ledger reconcile`")
        .says("ledger.lock is in the way; remove it")
        .does_not_say("os error");
    fs::remove_file(&late).unwrap();
    fs::remove_file(&lock).unwrap();
    world.reconcile().accepted();
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    world.is_whole();
}

#[test]
fn a_damaged_newest_record_stops_appending_and_loses_nothing() {
    let world = World::new();
    let whole = world.at(LEDGER).unwrap();
    let empty =
        world.git_in("server.git", &["commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", "x"]);
    world.git_in("server.git", &["update-ref", LEDGER, &empty]);
    world.commit(&good("One"));
    // Without the ledger, it is not known whether the policy was decided.
    world.push(&["main"]).refused("cannot tell whether the policy was decided");
    world.configure("changegate.ledger", "warn");
    world.push(&["main"]).accepted().says("has no record.json");
    world.git_in("server.git", &["update-ref", LEDGER, &whole]);
    world.reconcile().accepted();
    assert_eq!(world.kinds(), ["begin", "decision", "decision", "outcome"]);
    world.is_whole();
}

#[test]
fn a_damaged_file_is_told_of_and_kept() {
    let world = World::new();
    world.commit(&bad("One"));
    world.push(&["main"]).refused("peer-review");
    let file = world.waiting().remove(0);
    fs::write(&file, "{\"half\":").unwrap();
    world.reconcile().refused("cannot be read");
    assert_eq!(world.kinds(), ["begin", "damaged"]);
    assert!(file.with_extension("damaged").exists());
    world.reconcile().accepted();
    world.verify().refused("unreadable record 2").says("a decision in the journal could not be read");
}

#[test]
fn a_clock_that_goes_back() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    // A decision that was made in what is the future now, and whose push is over.
    script(&world.path("server.git/hooks/post-receive"), "#!/bin/sh\n");
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let file = world.waiting().remove(0);
    let mut entry: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    entry["decided"]["observed-at"] = "2199-01-01T00:00:00Z".into();
    fs::write(&file, serde_json::to_vec(&entry).unwrap()).unwrap();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted().says("1 earlier push");
    world.is_whole();
    // Records in the wrong order of time are told of, and speak against nothing.
    let mut links = world.links();
    let last = links.len() - 1;
    // The decision and its outcome were appended at once.
    for place in [last - 1, last] {
        links[place].at("1000000000");
        links[place].edit(|record| record["recorded-at"] = "2001-09-09T01:46:40Z".into());
    }
    chain_anew(&mut links, last);
    world.forge(&links);
    world.forget();
    world.verify().accepted().says("clock").says("went back").says("verification passed");
}

#[test]
fn a_client_that_is_gone_before_the_end() {
    let world = World::new();
    world.commit(&good("One"));
    script(&world.path("server.git/hooks/post-receive"), "#!/bin/sh\nkill -9 $PPID\n");
    world.push(&["main"]);
    script(
        &world.path("server.git/hooks/post-receive"),
        &format!("#!/bin/sh\nexec {BINARY} hook post-receive\n"),
    );
    world
        .changegate("server.git", &["ledger", "reconcile"])
        .accepted()
        .says("recorded the end of 1 earlier push");
    let records = world.records();
    assert_eq!(records[2]["event"]["found-late"], true);
    assert_eq!(records[2]["event"]["landed"][0]["new"], world.main());
    world.is_whole();
}

#[test]
fn a_push_under_way_is_waited_for() {
    let world = World::new();
    world.commit(&good("One"));
    // The hook decides, and somebody looks while git has not moved the ref yet.
    let hook = format!(
        "#!/bin/sh\n{BINARY} hook pre-receive || exit 1\n\
         env -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY {BINARY} ledger reconcile > ../seen\n"
    );
    script(&world.path("server.git/hooks/pre-receive"), &hook);
    world.push(&["main"]).accepted();
    let seen = fs::read_to_string(world.path("seen")).unwrap();
    assert!(seen.contains("1 push may still be under way"), "{seen}");
    let records = world.records();
    assert_eq!(records.len(), 3);
    assert_eq!(records[2]["event"]["found-late"], false);
    // With --now the push is taken for over; then it lands all the same.
    let hook = hook.replace("ledger reconcile", "ledger reconcile --now");
    script(&world.path("server.git/hooks/pre-receive"), &hook);
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let records = world.records();
    let last: Vec<_> = records[3..].iter().map(|record| &record["event"]).collect();
    assert_eq!(last[1]["unmoved"][0], "refs/heads/main");
    assert_eq!(last[2]["landed"][0]["new"], world.main());
    assert_eq!(last[2]["found-late"], true);
    world.is_whole();
}

#[test]
fn refusals_that_are_no_judgement_are_recorded() {
    let world = World::new();
    world.configure("changegate.missingPolicy", "nonsense");
    world.commit(&good("One"));
    world.push(&["main"]).refused("changegate.missingPolicy");
    world.configure("changegate.missingPolicy", "deny");
    world.reconcile().accepted();
    let records = world.records();
    assert_eq!(records[1]["event"]["decision"], "deny");
    assert_eq!(records[1]["event"]["notes"][0]["code"], "decision.not-judged");
    world.is_whole();
}

#[test]
fn the_update_hook_decides_ref_by_ref() {
    let world = World::new();
    fs::remove_file(world.path("server.git/hooks/pre-receive")).unwrap();
    script(&world.path("server.git/hooks/update"), &format!("#!/bin/sh\nexec {BINARY} hook update \"$@\"\n"));
    let first = world.commit(&good("One"));
    world.commit(&bad("Two"));
    let release = format!("{first}:refs/heads/release/1");
    let pushed = world.push(&["main", &release]);
    assert!(!pushed.ok);
    world.is_whole_but_for_denials();
    let records = world.records();
    let decided: Vec<_> = records
        .iter()
        .filter(|record| record["event"]["kind"] == "decision")
        .map(|record| &record["event"])
        .collect();
    assert_eq!(decided.len(), 2);
    let landed: Vec<_> = records
        .iter()
        .filter(|record| record["event"]["kind"] == "outcome")
        .map(|record| &record["event"])
        .collect();
    assert_eq!(landed.len(), 1);
    assert_eq!(landed[0]["found-late"], false);
    assert_eq!(landed[0]["landed"][0]["name"], "refs/heads/release/1");
}

#[test]
fn a_hook_that_was_there_before_changes_nothing() {
    let world = World::new();
    for name in ["pre-receive", "post-receive"] {
        world.changegate("server.git", &["uninstall"]);
        script(&world.path(&format!("server.git/hooks/{name}")), "#!/bin/sh\ncat >/dev/null\n");
        world.changegate("server.git", &["install", "--server", "--pusher", "none"]).accepted();
    }
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let records = world.records();
    assert_eq!(records[2]["event"]["found-late"], false);
    world.is_whole();
}
