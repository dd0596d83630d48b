//! Hooks that are killed, at every step that they take.
//!
//! `strace` kills a program at the n-th of each kind of call by which it touches the disk, until there
//! is no such call any more. Whatever the push had come to, one further run has to leave every tip and
//! every decision in the ledger, each once.
//!
//! Of the calls that are made often, and change nothing that lasts, the first ones are tried and every fourth
//! of the rest; `CHANGEGATE_EVERY_KILL=1` tries all of them, which takes minutes.

use std::fs;
use std::path::PathBuf;

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

/// Returns whether a hook is killed at the n-th of these calls, here and today.
fn is_tried(call: &str, nth: usize) -> bool {
    !OFTEN.contains(&call)
        || nth <= 6
        || nth.is_multiple_of(4)
        || std::env::var_os("CHANGEGATE_EVERY_KILL").is_some()
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
    let mut points = 0;
    for call in calls {
        // Each look at the ledger reads it whole, so a long one would cost more than what is tried.
        let world = World::new();
        let mut landed = Vec::new();
        for nth in (1..).filter(|nth| is_tried(call, *nth)) {
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
        assert!(20 <= everywhere("pre-receive", Push::Allowed, &all()));
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
        assert!(30 <= everywhere("post-receive", Push::Allowed, &all()));
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
        assert!(25 <= everywhere("reconcile", Push::Allowed, &all()));
    }
}

/// A denial in the journal, from which others are made.
struct Denial {
    folder: PathBuf,
    time: usize,
    id: String,
    text: String,
}

impl Denial {
    /// Leaves one in the journal: that of a push.
    fn leave_first(world: &World) -> Denial {
        world.commit(&bad("Denied"));
        world.push(&["main"]).refused("peer-review");
        world.git(&["reset", "-q", "--hard", &world.main()]);
        let [first] = &world.waiting()[..] else { panic!("{:?}", world.waiting()) };
        let name = first.file_name().unwrap().to_str().unwrap();
        let (time, id) = name.strip_suffix(".denied.json").unwrap().split_once('-').unwrap();
        Denial {
            folder: first.parent().unwrap().to_owned(),
            time: time.parse().unwrap(),
            id: id.to_owned(),
            text: fs::read_to_string(first).unwrap(),
        }
    }

    /// Leaves another one in the journal, with this number as its id.
    fn leave_copy(&self, number: usize) {
        let id = format!("{number:032x}");
        let path = self.folder.join(format!("{:020}-{id}.denied.json", self.time + number));
        fs::write(path, self.text.replace(&self.id, &id)).unwrap();
    }
}

/// Leaves so many denials in the journal: one of a push, and copies of it with other ids.
fn leave_denials(world: &World, count: usize) {
    let first = Denial::leave_first(world);
    for number in 1..count {
        first.leave_copy(number);
    }
}

/// Returns the names of the files beside the packs of the server, without their digests.
fn list_pack_files(world: &World) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(world.path("server.git/objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let end = path.extension().map(|end| end.to_str().unwrap().to_owned());
        names.push(end.unwrap_or_else(|| "unfinished".to_owned()));
    }
    names.sort();
    names
}

#[test]
fn many_records_are_one_pack_that_git_accepts() {
    let world = World::new();
    leave_denials(&world, 100);
    world.reconcile().accepted();
    assert_eq!(list_pack_files(&world), ["idx", "pack"]);
    world.git_in("server.git", &["fsck", "--strict"]);
    world.is_whole();
    // A few are loose: git looks into every pack.
    let first = Denial::leave_first(&world);
    (1001..1010).for_each(|number| first.leave_copy(number));
    world.reconcile().accepted();
    assert_eq!(list_pack_files(&world), ["idx", "pack"]);
    world.is_whole();
    // Git can pack it all anew.
    world.git_in("server.git", &["repack", "-adq"]);
    world.git_in("server.git", &["fsck", "--strict"]);
    world.is_whole();
}

#[test]
fn a_push_records_some_of_many_denials_and_the_next_ones_the_rest() {
    let world = World::new();
    leave_denials(&world, 300);
    let mut left = Vec::new();
    for number in 0..3 {
        world.commit(&good(&format!("After {number}")));
        world.push(&["main"]).accepted();
        left.push(world.waiting().len());
        world.verify().accepted();
    }
    assert_eq!(left, [300 - 128, 300 - 256, 0]);
    world.is_whole();
    let records = world.records();
    // The oldest come first.
    let denied = records.iter().filter(|record| record["event"]["decision"] == "deny");
    let ids: Vec<&str> = denied.skip(1).map(|record| record["event"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 299);
    assert!(ids.is_sorted());
    assert_eq!(records.iter().filter(|record| record["event"]["kind"] == "outcome").count(), 3);
}

#[test]
fn a_push_recognises_denials_that_are_recorded_and_not_removed() {
    let world = World::new();
    leave_denials(&world, 300);
    let files: Vec<_> = world.waiting().into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    world.reconcile().accepted();
    // A process that was killed removed none of them, and a clock that went back has left others before them.
    for (bytes, path) in &files {
        fs::write(path, bytes).unwrap();
    }
    let (text, path) = &files[0];
    for number in 0..700 {
        let id = format!("e{number:031x}");
        let name = path.file_name().unwrap().to_str().unwrap();
        let known = name.split_once('-').unwrap().1.split_once('.').unwrap().0;
        let other = String::from_utf8(text.clone()).unwrap().replace(known, &id);
        fs::write(path.with_file_name(format!("{number:020}-{id}.denied.json")), other).unwrap();
    }
    // More than the newest records of which the ids are compared.
    for number in 0..9 {
        world.commit(&good(&format!("After {number}")));
        world.push(&["main"]).accepted();
    }
    world.is_whole();
    let records = world.records();
    assert_eq!(records.iter().filter(|record| record["event"]["decision"] == "deny").count(), 1000);
}

#[test]
fn a_writer_of_a_pack_is_killed() {
    if !has_strace() {
        return;
    }
    let (mut number, mut points) = (0, 0);
    for call in SELDOM {
        let world = World::new();
        let first = Denial::leave_first(&world);
        world.reconcile().accepted();
        for nth in 1.. {
            let what = format!("{call} {nth}");
            let before = count_decisions(&world);
            // More than what is written loose.
            for _ in 0..20 {
                number += 1;
                first.leave_copy(number);
            }
            let command = format!("{} {BINARY} ledger reconcile --now", strace(&world, call, nth));
            world.command("sh", "server.git").args(["-c", &command]).output().unwrap();
            let is_over = !was_killed(&world);
            // What there is before the next run is the old chain or the new one.
            let between = count_decisions(&world);
            assert!(between == before || between == before + 20, "{what}: {before} and {between}");
            world.reconcile().accepted();
            assert_eq!(count_decisions(&world), before + 20, "{what}");
            world.is_whole();
            let kept = list_pack_files(&world);
            assert!(!kept.iter().any(|name| name == "keep"), "{what}: {kept:?}");
            if is_over {
                break;
            }
            points += 1;
        }
    }
    assert!(points >= 20, "killed at {points} points");
}

/// Returns how many records are no sign that the gate stood, of which a long row of denials gets one.
fn count_decisions(world: &World) -> usize {
    world.records().iter().filter(|record| record["event"]["kind"] != "heartbeat").count()
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
