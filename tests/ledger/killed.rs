//! Hooks that are killed, at every step that they take.
//!
//! `strace` kills a program at the n-th of each kind of call by which it touches the disk, until there
//! is no such call any more. Whatever the push had come to, one further run has to leave every tip and
//! every decision in the ledger, each once.

use std::fs;

use crate::world::{BINARY, MAIN, World, bad, good, script};

/// Calls that read and write.
const OFTEN: [&str; 2] = ["openat", "write"];

/// Calls that move, lock, sync or remove something; and the end.
const SELDOM: [&str; 12] = [
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "fsync",
    "fdatasync",
    "ftruncate",
    "flock",
    "exit_group",
];

/// What is pushed.
#[derive(Clone, Copy, PartialEq)]
enum Push {
    /// A commit that the policy allows.
    Allowed,
    /// The same to a new branch as well.
    Two,
    /// A commit that the policy denies.
    Denied,
}

fn strace(world: &World, call: &str, nth: usize) -> String {
    let trace = world.path("trace");
    format!("strace -f -o {} -e trace={call} -e inject={call}:signal=SIGKILL:when={nth}", trace.display())
}

/// Returns whether strace has killed what it ran.
fn was_killed(world: &World) -> bool {
    fs::read_to_string(world.path("trace")).is_ok_and(|trace| trace.contains("killed by SIGKILL"))
}

fn has_strace() -> bool {
    let found = std::process::Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !found {
        eprintln!("skipped: `strace` is not installed");
    }
    found
}

/// Writes a hook of the server, run by `before`.
fn hook(world: &World, name: &str, before: &str) {
    let text = format!("#!/bin/sh\nexec {before} {BINARY} hook {name}\n");
    script(&world.path(&format!("server.git/hooks/{name}")), &text);
}

/// Asserts that the ledger is whole, and that these landings are in it, each once.
#[track_caller]
fn holds_together(world: &World, landed: &[(String, String)], what: &str) {
    let verified = world.verify();
    assert!(verified.ok, "{what}:\n{}", verified.seen);
    world.is_whole();
    let records = world.records();
    let mut told: Vec<(String, String)> = Vec::new();
    for record in &records {
        let event = &record["event"];
        assert_ne!(event["kind"], "unauthorised", "{what}: {record}");
        for moved in event["landed"].as_array().into_iter().flatten() {
            let text = |key: &str| moved[key].as_str().unwrap().to_owned();
            told.push((text("name"), text("new")));
        }
    }
    assert_eq!(told, landed, "{what}");
}

/// Kills `victim` (a hook, or `reconcile`) at each of its calls in turn, and returns at how many.
fn everywhere(victim: &str, push: Push, calls: &[&str]) -> usize {
    let world = World::new();
    let mut landed = Vec::new();
    let mut points = 0;
    for call in calls {
        for nth in 1.. {
            let what = format!("{victim} at {call} {nth}");
            let before = world.main();
            let branch = format!("refs/heads/release/{call}-{nth}");
            let new = world.commit(&if push == Push::Denied { bad(&what) } else { good(&what) });
            let more = format!("{new}:{branch}");
            let specs: &[&str] = if push == Push::Two { &["main", &more] } else { &["main"] };
            if victim == "reconcile" {
                // A server that was switched off as the push had landed.
                script(&world.path("server.git/hooks/post-receive"), "#!/bin/sh\n");
            } else {
                hook(&world, victim, &strace(&world, call, nth));
            }
            let pushed = world.push(specs);
            hook(&world, "pre-receive", "");
            hook(&world, "post-receive", "");
            if victim == "reconcile" {
                let command = format!("{} {BINARY} ledger reconcile --now", strace(&world, call, nth));
                world.command("sh", "server.git").args(["-c", &command]).output().unwrap();
            }
            let has_landed = world.main() == new;
            assert!(push != Push::Denied || !has_landed, "{what}");
            // Refs are told in the order of their names.
            if has_landed {
                landed.push((MAIN.to_owned(), new.clone()));
                if push == Push::Two {
                    landed.push((branch, new.clone()));
                }
            }
            let is_over = !was_killed(&world);
            world.git(&["reset", "-q", "--hard", &world.main()]);
            // Every other time the next push mends it; and what was denied is told by whoever asks.
            if nth % 2 == 0 {
                let next = world.commit(&good(&format!("After {what}")));
                world.push(&["main"]).accepted();
                landed.push((MAIN.to_owned(), next));
            } else {
                world.reconcile();
            }
            holds_together(&world, &landed, &format!("{what}, from {before}: {}", pushed.seen));
            if is_over {
                break;
            }
            points += 1;
        }
    }
    eprintln!("{victim}: killed at {points} points");
    points
}

/// Returns all calls.
fn all() -> Vec<&'static str> {
    SELDOM.into_iter().chain(OFTEN).collect()
}

#[test]
fn pre_receive_is_killed() {
    if has_strace() {
        assert!(50 <= everywhere("pre-receive", Push::Allowed, &all()));
    }
}

#[test]
fn pre_receive_is_killed_as_it_refuses() {
    if has_strace() {
        assert!(3 <= everywhere("pre-receive", Push::Denied, &SELDOM));
    }
}

#[test]
fn post_receive_is_killed() {
    if has_strace() {
        // Each object is written on a thread of its own, and strace counts the calls of each thread apart.
        assert!(60 <= everywhere("post-receive", Push::Allowed, &all()));
    }
}

#[test]
fn post_receive_is_killed_with_two_refs() {
    if has_strace() {
        assert!(8 <= everywhere("post-receive", Push::Two, &SELDOM));
    }
}

#[test]
fn reconcile_is_killed() {
    if has_strace() {
        assert!(50 <= everywhere("reconcile", Push::Allowed, &all()));
    }
}

/// Leaves so many denials in the journal: one of a push, and copies of it with other ids.
fn leave_denials(world: &World, count: usize) {
    world.commit(&bad("Denied"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &world.main()]);
    let [first] = &world.waiting()[..] else { panic!("{:?}", world.waiting()) };
    let name = first.file_name().unwrap().to_str().unwrap();
    let (time, id) = name.strip_suffix(".json").unwrap().split_once('-').unwrap();
    let text = fs::read_to_string(first).unwrap();
    for number in 1..count {
        let other = format!("{number:032x}");
        let time = format!("{:020}", time.parse::<usize>().unwrap() + number);
        let path = first.with_file_name(format!("{time}-{other}.json"));
        fs::write(path, text.replace(id, &other)).unwrap();
    }
}

/// Returns how many records of the ledger have a state beside them.
fn count_states(world: &World) -> usize {
    let commits = world.git_in("server.git", &["rev-list", "refs/changegate/ledger"]);
    let has_state = |commit: &&str| {
        world
            .git_in("server.git", &["ls-tree", "--name-only", commit])
            .lines()
            .any(|name| name == "state.json")
    };
    commits.lines().filter(has_state).count()
}

#[test]
fn many_denials_are_recorded_with_one_state() {
    let world = World::new();
    leave_denials(&world, 100);
    let states = count_states(&world);
    world.reconcile().accepted();
    assert_eq!(world.records().len(), 101);
    assert_eq!(count_states(&world), states + 1);
    world.is_whole();
}

#[test]
fn denials_that_are_recorded_and_not_removed_are_recognised() {
    // More than the state remembers; what a killed process leaves are the last ones, or all.
    for left in [100, 40, 1] {
        let world = World::new();
        leave_denials(&world, 100);
        let mut files: Vec<_> =
            world.waiting().into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
        files.sort_by(|one, other| one.1.cmp(&other.1));
        world.reconcile().accepted();
        for (bytes, path) in &files[files.len() - left..] {
            fs::write(path, bytes).unwrap();
        }
        world.reconcile().accepted();
        assert_eq!(world.records().len(), 101, "{left}");
        world.is_whole();
    }
}
