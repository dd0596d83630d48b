//! The action, run by a real local runner against the fake, for every event that it is for.
//!
//! `act` runs the workflow on this machine, without containers and without a network. Where it is
//! missing, the test says that it was skipped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::fake::{Fake, shapes};
use crate::ledger::{Scene, land, push_by_hand};
use crate::scene::{GOOD, plain};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn runner() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap();
    let ours = root().join("target/workflow-tools/bin");
    let folders = std::env::split_paths(&path).chain([ours]);
    let found = folders.map(|folder| folder.join("act")).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: `act` is not installed");
    }
    found
}

/// A workflow run.
pub(crate) struct Run {
    /// What the step after the gate saw of it: verdict, denied rules and outcome.
    seen: String,
    pub(crate) log: String,
    pub(crate) is_success: bool,
}

impl Run {
    /// Returns the job's summary.
    fn summary(&self) -> &str {
        self.log.split_once("Summary - ").map_or("", |(_, rest)| rest)
    }
}

/// What the events tell; the gate takes nothing from it but what to ask about.
pub(crate) fn event(fake: &Fake, name: &str) -> Value {
    fake.world(|world| {
        let pull = world.pull(6).clone();
        let mut event = json!({
            "repository": shapes::repository(world),
            "sender": shapes::account(world, Some("ana")),
        });
        let whole = shapes::pull(world, &pull, true);
        match name {
            "pull_request" | "pull_request_target" => {
                event["action"] = json!("edited");
                event["number"] = json!(6);
                event["pull_request"] = whole;
            }
            "pull_request_review" => {
                event["action"] = json!("submitted");
                event["pull_request"] = whole;
                event["review"] = json!({ "id": 1, "state": "approved", "commit_id": pull.head_id });
            }
            "merge_group" => {
                let queued = world.queue.first().unwrap();
                let base = queued.base.clone();
                event["action"] = json!("checks_requested");
                event["merge_group"] = json!({
                    "head_sha": queued.head, "base_sha": base, "base_ref": "refs/heads/main",
                    "head_ref": format!("refs/heads/gh-readonly-queue/main/pr-6-{base}"),
                });
            }
            _ => {
                event["ref"] = json!("refs/heads/main");
                event["before"] = json!(pull.base_id);
                event["after"] = json!(pull.merge_commit);
                event["created"] = json!(false);
                event["deleted"] = json!(false);
                event["forced"] = json!(false);
                event["commits"] = json!([]);
            }
        }
        event
    })
}

/// Runs a workflow that uses the action, for an event about pull request 6.
fn run(act: &Path, fake: &Fake, name: &str) -> Run {
    run_of("workflow.yml", act, fake, name, &event(fake, name), &[])
}

/// Runs a workflow for an event, with more variables.
fn run_of(
    workflow: &str,
    act: &Path,
    fake: &Fake,
    name: &str,
    event: &Value,
    more: &[(&str, String)],
) -> Run {
    let text = fs::read_to_string(root().join("tests/github/act").join(workflow)).unwrap();
    run_text(&text, act, fake, name, event, more)
}

/// Runs the text of a workflow for an event, with more variables.
pub(crate) fn run_text(
    workflow: &str,
    act: &Path,
    fake: &Fake,
    name: &str,
    event: &Value,
    more: &[(&str, String)],
) -> Run {
    // Beside another one under load, it drops lines of its log.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let top = tempfile::tempdir().unwrap();
    let work = top.path().join("work");
    for folder in ["work/.github/workflows", "work/.github/action", "bin", "home"] {
        fs::create_dir_all(top.path().join(folder)).unwrap();
    }
    for file in
        ["action.yml", "Cargo.toml", "checksums.txt", ".github/action/install.sh", ".github/action/judge.sh"]
    {
        fs::copy(root().join(file), work.join(file)).unwrap();
    }
    fs::write(work.join(".github/workflows/try.yml"), workflow).unwrap();
    install_program(&top.path().join("bin/changegate"));
    let git = |args: &[&str]| {
        let told =
            Command::new("git").current_dir(&work).args(args).env("HOME", top.path().join("home")).output();
        assert!(told.as_ref().unwrap().status.success(), "{told:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["remote", "add", "origin", "https://github.com/acme/shop.git"]);
    git(&["add", "."]);
    git(&["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "commit", "-qm", "Begin"]);
    let (payload, seen) = (top.path().join("event.json"), top.path().join("seen"));
    fs::write(&payload, event.to_string()).unwrap();
    let path = format!("{}:{}", top.path().join("bin").display(), std::env::var("PATH").unwrap());
    let token = fake.world(|world| world.token.clone());
    let output = Command::new(act)
        .current_dir(&work)
        .args([name, "--platform", "ubuntu-24.04=-self-hosted", "--no-cache-server"])
        .arg("--eventpath")
        .arg(&payload)
        .args(["--secret", &format!("GITHUB_TOKEN={token}")])
        .args(["--env", &format!("GITHUB_API_URL={}", fake.url())])
        .args(["--env", &format!("GITHUB_GRAPHQL_URL={}/graphql", fake.url())])
        .args(["--env", "GITHUB_REPOSITORY=acme/shop"])
        .args(more.iter().flat_map(|(name, value)| ["--env".to_owned(), format!("{name}={value}")]))
        .arg("--env")
        .arg(format!("SEEN={}", seen.display()))
        .env_clear()
        .env("PATH", path)
        .env("HOME", top.path().join("home"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Run { seen: fs::read_to_string(seen).unwrap_or_default(), log, is_success: output.status.success() }
}

/// Puts the program on the PATH of the workflow.
fn install_program(to: &Path) {
    symlink(env!("CARGO_BIN_EXE_changegate"), to).unwrap();
}

#[test]
fn the_action_lets_a_good_change_through_and_fails_for_a_bad_one() {
    let Some(act) = runner() else { return };
    for name in ["pull_request", "pull_request_target", "pull_request_review", "merge_group", "push"] {
        let fake = Fake::start(plain());
        fake.world(|world| arrive(world, name));
        let good = run(&act, &fake, name);
        assert!(good.is_success, "{name}: {}", good.log);
        assert!(good.seen.starts_with("allow\n\nsuccess\n"), "{name}: {}\n{}", good.seen, good.log);
        assert!(good.summary().contains("changegate"), "{name}: no summary: {}", good.log);

        let fake = Fake::start(bad());
        fake.world(|world| arrive(world, name));
        let bad = run(&act, &fake, name);
        assert!(!bad.is_success, "{name}: {}", bad.log);
        let lines: Vec<&str> = bad.seen.lines().collect();
        assert_eq!((lines[0], lines[2]), ("deny", "failure"), "{name}: {}\n{}", bad.seen, bad.log);
        assert!(lines[1].split(',').any(|rule| rule.trim() == "risk"), "{name}: {}", bad.seen);
        assert!(bad.log.contains("::error") || bad.log.contains("❗"), "{name}: {}", bad.log);
        assert!(bad.summary().contains("changegate"), "{name}: no summary: {}", bad.log);
        for log in [&good.log, &bad.log] {
            assert!(!log.contains("a-plain-token"), "{name}: the token is in the log");
        }
    }
}

#[test]
fn the_action_keeps_the_ledger_after_a_push_and_on_a_schedule() {
    let Some(act) = runner() else { return };
    let scene = Scene::new(crate::ledger::POLICY);
    let more = [("GITHUB_SERVER_URL", scene.git.url())];
    let push = |(before, after): &(String, String)| {
        json!({
            "ref": "refs/heads/main", "before": before, "after": after, "forced": false, "commits": [],
            "repository": { "full_name": "acme/shop" },
        })
    };
    let first = push(&land(&scene, "one"));
    let told = run_of("ledger.yml", &act, &scene.fake, "push", &first, &more);
    assert!(told.is_success && told.seen.starts_with("allow\n\nsuccess\n"), "{}\n{}", told.seen, told.log);
    assert_eq!(scene.events(), ["begin", "decision", "outcome"]);
    land(&scene, "two");
    let by_hand = scene.fake.world(|world| push_by_hand(world, "kim", "2026-03-02T18:00:00Z"));
    let told = run_of("ledger.yml", &act, &scene.fake, "push", &push(&by_hand), &more);
    assert!(!told.is_success && told.seen.starts_with("deny\n"), "{}\n{}", told.seen, told.log);
    assert!(told.log.contains("recorded as an unauthorised change"), "{}", told.log);
    land(&scene, "three");
    let schedule = json!({ "schedule": "17 * * * *", "repository": { "full_name": "acme/shop" } });
    let told = run_of("ledger.yml", &act, &scene.fake, "schedule", &schedule, &more);
    // What was pushed by hand is owed an answer, and the policy names nobody who may give one.
    assert!(!told.is_success && told.seen.starts_with("deny\n"), "{}\n{}", told.seen, told.log);
    assert!(told.summary().contains("1 overdue"), "{}", told.log);
    assert_eq!(scene.events()[7..], ["decision", "outcome"]);
    assert!(!told.log.contains("a-plain-token"), "the token is in the log");
}

#[test]
fn what_cannot_be_judged_fails_and_is_never_skipped() {
    let Some(act) = runner() else { return };
    let fake = Fake::start(plain());
    fake.spoil("/repos/acme/shop", crate::fake::How::Status(500, Vec::new(), json!({ "message": "no" })));
    fake.spoil("/graphql", crate::fake::How::Status(500, Vec::new(), json!({ "message": "no" })));
    let told = run(&act, &fake, "pull_request_target");
    assert!(!told.is_success, "{}", told.log);
    assert!(!told.seen.starts_with("allow"), "{}", told.seen);
    assert!(told.log.contains("Failure"), "{}", told.log);
}

/// Returns a world in which neither the description nor the commit states a risk.
pub(crate) fn bad() -> crate::fake::World {
    let mut world = crate::fake::World::new(crate::scene::POLICY);
    let main = world.branches["main"].clone();
    let message = "Keep an index of the words\n\nIt was a scan.\n\nChange-Type: normal\n";
    let commit = world.commit(&[&main], "ana", message, &[("src/search.rs", "fn search() {}\n")]);
    world.open("ana", "Search faster", &GOOD.replace("Risk: low\n", ""), "search", &[commit]);
    world
}

/// Brings pull request 6 to where an event finds it.
fn arrive(world: &mut crate::fake::World, event: &str) {
    match event {
        "merge_group" => drop(world.enqueue(6)),
        "push" => merge(world),
        _ => {}
    }
}

/// Merges pull request 6, as its commit says that GitHub did.
fn merge(world: &mut crate::fake::World) {
    let head = world.enqueue(6);
    world.queue.clear();
    let before = world.branches.insert("main".into(), head.clone()).unwrap();
    world.branches.retain(|name, _| !name.starts_with("gh-readonly-queue/"));
    world.activity.push(crate::fake::Activity {
        branch: "main".into(),
        before,
        after: head.clone(),
        by: Some("kim".into()),
        kind: "pr_merge",
        at: "2026-03-02T16:01:00Z".into(),
    });
    let pull = world.pull(6);
    pull.state = "merged";
    pull.merge_commit = Some(head);
}
