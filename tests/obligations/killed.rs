//! Hooks that are killed while a break-glass session is opened, at every step that moves, locks, syncs or removes.

use std::fs;

use crate::break_glass::server;
use crate::world::{BINARY, World, script};

/// Calls that move, lock, sync or remove something; and the end.
const CALLS: [&str; 11] = [
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "fsync",
    "fdatasync",
    "flock",
    "exit_group",
];

fn has_strace() -> bool {
    let found = std::process::Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !found {
        eprintln!("skipped: `strace` is not installed");
    }
    found
}

/// Kills a hook at each of its calls in turn, and returns at how many. After each, one further run has
/// the session in the ledger, once, if and only if its push has landed; and its ref is gone.
fn everywhere(hook: &str, more: &[&str]) -> usize {
    let (mut points, mut tries) = (0, 0);
    for call in CALLS.iter().chain(more) {
        // Each look at the ledger reads it whole, so a long one would cost more than what is tried.
        let mut world = server();
        world.is("kim@example.com");
        let path = world.path(&format!("server.git/hooks/{hook}"));
        for nth in 1.. {
            let trace = world.path("trace");
            let strace = format!(
                "strace -f -o {} -e trace={call} -e inject={call}:signal=SIGKILL:when={nth}",
                trace.display()
            );
            script(&path, &format!("#!/bin/sh\nexec {strace} {BINARY} hook {hook}\n"));
            tries += 1;
            let before = world.sessions().len();
            let opened = world.open(&format!("INC-{tries}"), &[]);
            script(&path, &format!("#!/bin/sh\nexec {BINARY} hook {hook}\n"));
            let was_killed =
                fs::read_to_string(&trace).is_ok_and(|trace| trace.contains("killed by SIGKILL"));
            let (what, seen) = (format!("{hook} at {call} {nth}"), &opened.seen);
            world.reconcile();
            let sessions = world.sessions();
            let has_landed = before < sessions.len();
            // A hook that ends after the push has landed tells git nothing any more.
            assert!(has_landed == opened.ok || hook == "post-receive", "{what}: {seen}");
            assert!(has_landed || hook == "pre-receive", "{what}: {seen}");
            assert!(sessions.len() <= before + 1, "{what}: {sessions:?}");
            assert_eq!(world.asked_for(), "", "{what}");
            let verified = world.verify();
            assert!(verified.ok, "{what}: {}", verified.seen);
            for one in sessions.iter().filter(|one| one["standing"] == "open") {
                world.close(one["id"].as_str().unwrap()).accepted();
            }
            if !was_killed {
                break;
            }
            points += 1;
        }
        World::is_whole(&world);
    }
    eprintln!("{hook}: killed at {points} points");
    points
}

#[test]
fn pre_receive_is_killed_as_a_session_is_opened() {
    if has_strace() {
        assert!(4 <= everywhere("pre-receive", &["write"]));
    }
}

#[test]
fn post_receive_is_killed_as_a_session_is_opened() {
    if has_strace() {
        // Each object is written on a thread of its own, and strace counts the calls of each thread apart.
        assert!(8 <= everywhere("post-receive", &[]));
    }
}
