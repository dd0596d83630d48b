//! Check runs: when they are written, on which commit, and what they say.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake::{Fake, How, Run, World};
use crate::judged::spoil;
use crate::published::{action, action_with, code, event, value};
use crate::scene::{GOOD, POLICY, plain};

const CHECK: &[&str] = &["--check-run", "gate"];

/// A rule that only another person can meet, and one that only a pipeline can.
const ASKS_OTHERS: &str = "\
rules:
  reviewed:
    title: another person has reviewed it
    require: { approvals: { at-least: 1, of: final-revision, trust: verified } }
  built:
    title: it builds
    require: { checks: [build] }
";

/// Makes another policy that of the default branch.
pub(crate) fn set_policy(world: &mut World, policy: &str) {
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], "kim", "Ask for more\n", &[("policies/changegate.yml", policy)]);
    world.branches.insert("main".into(), commit);
}

/// Returns a world in which pull request 6 lacks a review and a check, and nothing else.
pub(crate) fn waiting() -> World {
    let mut world = plain();
    set_policy(&mut world, &format!("{POLICY}{ASKS_OTHERS}"));
    world
}

pub(crate) fn gates(fake: &Fake) -> Vec<Run> {
    fake.world(|world| world.runs.iter().filter(|run| run.name == "gate").cloned().collect())
}

/// Returns the only check run of the gate, as its status and its conclusion.
pub(crate) fn only_gate(fake: &Fake) -> (String, Option<String>) {
    let runs = gates(fake);
    assert_eq!(runs.len(), 1, "there is one check run for each commit");
    (runs[0].status.clone(), runs[0].conclusion.clone())
}

pub(crate) fn concluded(with: &str) -> (String, Option<String>) {
    ("completed".into(), Some(with.into()))
}

pub(crate) fn in_progress() -> (String, Option<String>) {
    ("in_progress".into(), None)
}

fn of_pull(fake: &Fake, number: u64) -> Value {
    let head = fake.world(|world| world.pull(number).head_id.clone());
    json!({ "action": "opened", "pull_request": { "number": number, "head": { "sha": head } },
        "repository": { "full_name": "acme/shop" } })
}

#[test]
fn it_is_begun_before_anything_is_asked_and_concluded_before_comments() {
    let fake = Fake::start(plain());
    for _ in 0..2 {
        fake.forget();
        let (output, ..) =
            action(&fake, "pull_request", &event(&fake), &["--comment", "--check-run", "gate"]);
        assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(only_gate(&fake), concluded("success"));
        let seen: Vec<String> =
            fake.seen().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
        let at = |start: &str, word: &str| {
            let found = seen.iter().position(|asked| asked.starts_with(start) && asked.contains(word));
            found.unwrap_or_else(|| panic!("no {start} {word} in {seen:#?}"))
        };
        let last = seen.iter().rposition(|asked| asked.starts_with("PATCH") && asked.contains("check-runs"));
        let begun = seen.iter().position(|asked| !asked.starts_with("GET") && asked.contains("check-runs"));
        assert!(begun.unwrap() < at("GET", "/pulls") && begun.unwrap() < at("POST", "/graphql"), "{seen:#?}");
        assert!(last.unwrap() < at("GET", "/comments"), "{seen:#?}");
    }
    // What is denied takes its own check run back.
    fake.world(|world| world.pull(6).body = Some("Nothing is said.\n".into()));
    fake.world(spoil_description);
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (1, concluded("failure")));
    let title = gates(&fake)[0].title.clone().unwrap();
    assert!(title.starts_with("denied: "), "{title}");
}

/// Has pull request 6 state no risk.
pub(crate) fn spoil_description(world: &mut World) {
    let main = world.branches["main"].clone();
    let bad = world.commit(&[&main], "ana", "Keep an index\n\nWhy.\n", &[("src/search.rs", "fn a() {}\n")]);
    let pull = world.pull(6);
    (pull.commits, pull.body) = (vec![pull.head_id.clone()], Some("Nothing is said.\n".into()));
    let head = pull.head_id.clone();
    // The commit keeps its id, as for an edit of the description.
    let text = world.commits[&bad].message.clone();
    world.commits.get_mut(&head).unwrap().message = text;
}

#[test]
fn a_check_run_costs_four_requests_beside_the_judgement() {
    let counted = |more: &[&str]| {
        let fake = Fake::start(waiting());
        fake.spoil("", How::Delay(Duration::from_millis(100)));
        let start = Instant::now();
        action(&fake, "pull_request", &event(&fake), more);
        (fake.seen().len(), start.elapsed())
    };
    let ((bare, _), (with_check, took)) = (counted(&[]), counted(CHECK));
    // One list of open pull requests in each; then two to begin the check run and two to conclude it.
    assert_eq!(with_check, bare + 4);
    assert_eq!(bare, 10);
    eprintln!("{bare} requests, {with_check} with a check run in {took:?}");
}

#[test]
fn twenty_commits_take_fifteen_requests_most_of_them_at_once() {
    let mut world = waiting();
    for at in 0..19 {
        let head = world.pull(6).head_id.clone();
        let file = format!("src/{at}.rs");
        let commit = world.commit(&[&head], "ana", "Step\n\nWhy.\n", &[(file.as_str(), "x\n")]);
        world.push(6, "ana", &commit);
    }
    world.review(6, "kim", "APPROVED");
    world.check(6, "build", "github-actions", "success");
    let fake = Fake::start(world);
    fake.spoil("", How::Delay(Duration::from_millis(100)));
    let start = Instant::now();
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    let took = start.elapsed();
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
    let asked = fake.seen().len();
    assert_eq!(asked, 15);
    eprintln!("{asked} requests, {took:?}");
    // The machine that tests may be busy with other things.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn what_lacks_only_what_others_give_is_waited_for() {
    let fake = Fake::start(waiting());
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (1, in_progress()));
    let title = gates(&fake)[0].title.clone().unwrap();
    assert!(title.starts_with("waiting for ") && title.contains("needs 1 approving review"), "{title}");
    assert!(title.contains("no check `build` is reported"), "{title}");
    // Its page says the same as its title.
    let page = gates(&fake)[0].summary.clone().unwrap();
    assert!(page.contains("changegate: waiting") && !page.contains("breaks the policy"), "{page}");
    // A check that runs is waited for as well, and one that failed is not.
    fake.world(|world| {
        world.review(6, "kim", "APPROVED");
        world.check(6, "build", "github-actions", "failure");
        let build = world.runs.last_mut().unwrap();
        (build.status, build.conclusion) = ("in_progress".into(), None);
    });
    action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!(only_gate(&fake), in_progress());
    fake.world(|world| world.check(6, "build", "github-actions", "failure"));
    action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!(only_gate(&fake), concluded("failure"));
    fake.world(|world| world.check(6, "build", "github-actions", "success"));
    let (output, ..) = action(&fake, "pull_request_review", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
}

#[test]
fn the_log_the_summary_and_the_comment_say_what_the_check_run_says() {
    let fake = Fake::start(waiting());
    let more = ["--check-run", "gate", "--comment", "--fail-on", "never"];
    let (output, _, summary) = action(&fake, "pull_request", &event(&fake), &more);
    assert_eq!((code(&output), only_gate(&fake)), (0, in_progress()));
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    let title = gates(&fake)[0].title.clone().unwrap();
    assert!(!log.contains("::error"), "{log}");
    assert!(log.contains(&format!("::notice title=changegate::{title}; nothing is wrong")), "{log}");
    assert!(log.contains("::notice title=waiting%3A reviewed%3A another person has reviewed it::"), "{log}");
    assert!(log.contains("changegate: waiting - nothing is wrong"), "{log}");
    assert!(log.contains("the change waits for others; the step passes"), "{log}");
    let comment = fake.world(|world| world.comments[0].body.clone());
    for page in [summary, comment] {
        assert!(page.contains("changegate: waiting") && !page.contains("breaks the policy"), "{page}");
        assert!(page.contains("| ⏳ waiting | `reviewed` |") && !page.contains("denied"), "{page}");
    }
    // What the author has to do as well is a denial, and said as one.
    fake.world(|world| world.pull(6).body = Some("Nothing is said.\n".into()));
    fake.world(spoil_description);
    let (output, _, summary) = action(&fake, "pull_request", &event(&fake), &more);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("failure")));
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(log.contains("::error") && !log.contains("waiting"), "{log}");
    assert!(!summary.contains("changegate: waiting"), "{summary}");
    // A queue does not wait.
    let (fake, event, _) = queued(GOOD);
    fake.world(|world| set_policy(world, &format!("{POLICY}{ASKS_OTHERS}")));
    let (output, _, summary) = action(&fake, "merge_group", &event, CHECK);
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(log.contains("::error") && !summary.contains("changegate: waiting"), "{log}");
}

#[test]
fn requested_changes_are_for_the_author_and_not_waited_for() {
    let fake = Fake::start(waiting());
    fake.world(|world| world.check(6, "build", "github-actions", "success"));
    fake.world(|world| world.review(6, "kim", "CHANGES_REQUESTED"));
    let (output, ..) = action(&fake, "pull_request_review", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (1, concluded("failure")));
    let title = gates(&fake)[0].title.clone().unwrap();
    assert!(title.starts_with("denied: changes are requested by"), "{title}");
    fake.world(|world| world.review(6, "kim", "APPROVED"));
    let (output, ..) = action(&fake, "pull_request_review", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
}

#[test]
fn a_denial_that_no_check_run_holds_fails_the_step() {
    let never = ["--check-run", "gate", "--fail-on", "never"];
    let no = || How::Status(422, Vec::new(), json!({ "message": "no" }));
    // A token that cannot write, GitHub that takes no check run, and one that loses the verdict.
    for refused in 0..3 {
        for is_denied in [false, true] {
            let fake = Fake::start(plain());
            if is_denied {
                fake.world(spoil_description);
            }
            match refused {
                0 => fake.world(|world| world.is_read_only = true),
                1 => fake.spoil("/check-runs", no()),
                _ => fake.spoil("/check-runs/", no()),
            }
            let (output, outputs, _) = action(&fake, "pull_request_review", &event(&fake), &never);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let expected = if is_denied { (1, "deny".into()) } else { (0, "allow".into()) };
            assert_eq!((code(&output), value(&outputs, "verdict")), expected, "{refused}: {said}");
            assert_eq!(said.contains("in spite of `--fail-on never`"), is_denied, "{refused}: {said}");
        }
    }
    // Without a check run, nothing was to be written.
    let fake = Fake::start(waiting());
    fake.world(|world| world.is_read_only = true);
    let (output, ..) = action(&fake, "pull_request_review", &event(&fake), &never[2..]);
    assert_eq!(code(&output), 0);
}

#[test]
fn what_could_not_be_judged_is_told_apart_and_takes_back_what_was_green() {
    let fake = Fake::start(plain());
    action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!(only_gate(&fake), concluded("success"));
    for spoilt in ["/pulls/6?", "/pulls?"] {
        fake.spoil(spoilt, How::Status(404, Vec::new(), json!({ "message": "Not Found" })));
        let (output, outputs, _) = action(&fake, "pull_request", &event(&fake), CHECK);
        assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
        assert_eq!(only_gate(&fake), concluded("action_required"));
        let run = gates(&fake).remove(0);
        assert!(run.title.as_ref().unwrap().starts_with("not judged: "), "{:?}", run.title);
        assert!(run.summary.as_ref().unwrap().contains("GitHub answered 404"), "{:?}", run.summary);
        fake.heal();
    }
    // A rule that lacks its fact is not judged either.
    fake.world(|world| set_policy(world, &format!("{POLICY}{ASKS_OTHERS}")));
    fake.spoil("/check-runs?filter", How::Status(403, Vec::new(), json!({ "message": "no" })));
    fake.world(|world| world.review(6, "kim", "APPROVED"));
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
}

#[test]
fn a_run_that_is_killed_leaves_nothing_green() {
    let slow = [
        ("pull_request", "/pulls/6/commits"),
        ("workflow_run", "/pulls?"),
        ("check_suite", "/pulls?"),
        ("check_run", "/pulls?"),
        ("status", "/pulls?"),
    ];
    for (name, path) in slow {
        let fake = Fake::start(plain());
        action(&fake, "pull_request", &event(&fake), CHECK);
        assert_eq!(only_gate(&fake), concluded("success"));
        let head = fake.world(|world| world.pull(6).head_id.clone());
        let json = if name == "pull_request" { event(&fake) } else { event_at(name, &head) };
        fake.spoil(path, How::Delay(Duration::from_secs(20)));
        kill_when_in_progress(&fake, name, &json);
        assert_eq!(only_gate(&fake), in_progress(), "{name}");
    }
}

/// Returns the event that names a commit and nothing else.
fn event_at(name: &str, commit: &str) -> Value {
    let mut event = json!({ "sha": commit, "repository": { "full_name": "acme/shop" } });
    event[name] = json!({ "head_sha": commit });
    event
}

/// Starts the gate for an event, and kills it when its check run is in progress or never becomes so.
fn kill_when_in_progress(fake: &Fake, name: &str, event: &Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("event.json");
    std::fs::write(&path, event.to_string()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_changegate"))
        .args(["action", "--check-run", "gate"])
        .current_dir(folder.path())
        .env_clear()
        .env("GITHUB_API_URL", fake.url())
        .env("GITHUB_TOKEN", "a-plain-token")
        .env("GITHUB_REPOSITORY", "acme/shop")
        .env("GITHUB_EVENT_NAME", name)
        .env("GITHUB_EVENT_PATH", &path)
        .spawn()
        .unwrap();
    let start = Instant::now();
    while only_gate(fake) != in_progress() && start.elapsed() < Duration::from_secs(15) {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_event_on_a_commit_that_ends_no_pull_request_leaves_its_verdict() {
    let (fake, event, last) = queued(GOOD);
    let (output, ..) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
    let before = gates(&fake).remove(0);
    // That of a group is not even touched: its queue would wait.
    fake.forget();
    let (output, outputs, _) = action(&fake, "workflow_run", &event_at("workflow_run", &last), CHECK);
    assert_eq!((code(&output), value(&outputs, "verdict")), (0, "none".into()));
    assert!(fake.seen().iter().all(|asked| asked.method == "GET"), "{:?}", fake.seen());
    // That of a pull request is as it was before, for one that is closed now.
    let fake = Fake::start(waiting());
    for (spoilt, said) in [(false, in_progress()), (true, concluded("failure"))] {
        if spoilt {
            fake.world(spoil_description);
        }
        fake.world(|world| world.pull(6).state = "open");
        let told = self::event(&fake);
        action(&fake, "pull_request", &told, CHECK);
        // It keeps the times that it had: what is judged as of a merge goes by them.
        fake.world(|world| {
            let run = world.runs.iter_mut().find(|run| run.name == "gate").unwrap();
            (run.started_at, run.completed_at) =
                ("2026-03-02T14:00:00Z".into(), "2026-03-02T14:10:00Z".into());
        });
        let before = gates(&fake).remove(0);
        fake.world(|world| world.pull(6).state = "closed");
        let event = event_at("status", &before.commit);
        let (output, outputs, _) = action(&fake, "status", &event, CHECK);
        assert_eq!((code(&output), value(&outputs, "verdict")), (0, "none".into()));
        assert_eq!(only_gate(&fake), said);
        let after = gates(&fake).remove(0);
        assert_eq!((after.title, after.summary), (before.title, before.summary));
        assert_eq!(after.external_id, before.external_id);
        assert_eq!((after.started_at, after.completed_at), (before.started_at, before.completed_at));
    }
    assert_eq!(before.conclusion.as_deref(), Some("success"));
}

#[test]
fn what_another_app_plants_stops_no_verdict() {
    let fake = Fake::start(plain());
    fake.world(|world| {
        world.check(6, "gate", "github-actions", "success");
        world.runs[0].external_id = Some("changegate:earlier".into());
        // More than are taken over, each newer than the gate's own.
        for _ in 0..7 {
            world.check(6, "gate", "another-app", "success");
            world.runs.last_mut().unwrap().external_id = Some("changegate:planted".into());
        }
    });
    let own = |fake: &Fake| {
        let runs: Vec<Run> = gates(fake).into_iter().filter(|run| run.app == "github-actions").collect();
        assert_eq!(runs.len(), 1);
        (runs[0].status.clone(), runs[0].conclusion.clone())
    };
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((code(&output), own(&fake)), (0, concluded("success")), "{said}");
    assert!(!said.contains("a later run"), "{said}");
    fake.world(|world| world.pull(6).body = Some("Nothing is said.\n".into()));
    fake.world(spoil_description);
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), own(&fake)), (1, concluded("failure")));
}

#[test]
fn of_two_runs_at_once_the_later_one_concludes() {
    let fake = Fake::start(plain());
    fake.spoil("/pulls/6/commits", How::Delay(Duration::from_secs(2)));
    let other = fake.clone();
    let later = std::thread::spawn(move || {
        let start = Instant::now();
        while gates(&other).is_empty() && start.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(20));
        }
        other.world(|world| world.runs[0].external_id = Some("changegate:another".into()));
    });
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    later.join().unwrap();
    assert_eq!((code(&output), only_gate(&fake)), (0, in_progress()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("a later run judges the same commit"), "{said}");
    // What two runs have left, the next one makes one verdict.
    fake.heal();
    fake.world(|world| {
        world.check(6, "gate", "github-actions", "success");
        world.runs[1].external_id = Some("changegate:yet-another".into());
    });
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!(code(&output), 0);
    let told: Vec<_> = gates(&fake).into_iter().map(|run| run.conclusion).collect();
    assert_eq!(told, [Some("success".to_owned()), Some("success".to_owned())]);
}

#[test]
fn a_check_run_that_cannot_be_seen_again_is_not_made_green() {
    let fake = Fake::start(plain());
    let lost = How::Status(500, Vec::new(), json!({ "message": "lost" }));
    fake.spoil_some("check_name=gate", 1, usize::MAX, lost);
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, in_progress()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("no check run written"), "{said}");
}

#[test]
fn the_check_runs_of_other_apps_are_left_alone_and_what_is_green_under_its_own_is_not() {
    let mut world = plain();
    for app in ["another-app", "github-actions"] {
        world.check(6, "gate", app, "success");
    }
    let fake = Fake::start(world);
    fake.world(|world| world.runs[0].external_id = Some("changegate:stolen".into()));
    fake.world(|world| spoil(world, "Bad\n"));
    fake.world(|world| {
        let head = world.pull(6).head_id.clone();
        world.runs.iter_mut().for_each(|run| run.commit = head.clone());
    });
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!(code(&output), 1);
    let told: Vec<_> = gates(&fake).iter().map(|run| run.conclusion.clone().unwrap()).collect();
    assert_eq!(told, ["success", "failure", "failure"]);
}

#[test]
fn a_green_check_run_says_whether_all_conversations_were_resolved() {
    let asks = "rules:\n  talk: { title: it is settled, require: { comments-resolved: true } }\n";
    for (rules, is_said) in [(asks, true), ("", false)] {
        let mut world = plain();
        set_policy(&mut world, &format!("{POLICY}{rules}"));
        let fake = Fake::start(world);
        action(&fake, "pull_request", &event(&fake), CHECK);
        assert_eq!(only_gate(&fake), concluded("success"));
        let summary = gates(&fake)[0].summary.clone().unwrap();
        assert_eq!(summary.starts_with("<!-- changegate: conversations resolved -->"), is_said, "{summary}");
    }
}

/// A check run that another workflow writes as the gate's own app and under its name.
fn plant(world: &mut World, mark: Option<&str>, workflow_run: Option<u64>) {
    world.check(6, "gate", "github-actions", "success");
    let planted = world.runs.last_mut().unwrap();
    planted.external_id = mark.map(|word| format!("changegate:{}", word.repeat(8)));
    planted.details_url =
        workflow_run.map(|number| format!("https://github.com/acme/shop/actions/runs/{number}"));
}

#[test]
fn what_is_planted_without_a_mark_is_not_green_while_a_run_is_at_work() {
    let planted = |world: &mut World| {
        plant(world, None, None);
        let run = world.runs.last_mut().unwrap();
        (run.started_at, run.completed_at) = ("2026-03-02T14:00:00Z".into(), "2026-03-02T14:10:00Z".into());
    };
    let fake = Fake::start(plain());
    fake.world(planted);
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let told = event_at("status", &head);
    fake.spoil("/pulls?", How::Delay(Duration::from_secs(20)));
    kill_when_in_progress(&fake, "status", &told);
    assert_eq!(only_gate(&fake), in_progress());
    // The verdict stands in one of the gate's own too, since the maker of the other may still write to it.
    let fake = Fake::start(plain());
    fake.world(planted);
    fake.world(spoil_description);
    action(&fake, "status", &told, CHECK);
    assert_eq!(conclusions(&fake), ["failure", "failure"]);
    // Where nothing is judged, it is what it was.
    let fake = Fake::start(plain());
    fake.world(planted);
    fake.world(|world| world.pull(6).state = "closed");
    let before = gates(&fake).remove(0);
    action(&fake, "status", &told, CHECK);
    let after = gates(&fake).remove(0);
    assert_eq!((after.conclusion, after.started_at), (before.conclusion, before.started_at));
    assert_eq!(after.completed_at, before.completed_at);
    assert_eq!(after.external_id.unwrap_or_default(), "");
}

fn conclusions(fake: &Fake) -> Vec<String> {
    gates(fake).into_iter().map(|run| run.conclusion.unwrap_or_default()).collect()
}

#[test]
fn a_green_check_run_that_another_workflow_plants_does_not_outlast_the_next_run() {
    for mark in [None, Some("0123")] {
        let fake = Fake::start(plain());
        fake.world(spoil_description);
        action(&fake, "pull_request", &event(&fake), CHECK);
        fake.world(|world| plant(world, mark, Some(900)));
        assert_eq!(conclusions(&fake), ["failure", "success"]);
        let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
        assert_eq!(
            (code(&output), conclusions(&fake)),
            (1, vec!["failure".into(), "failure".into()]),
            "{mark:?}"
        );
    }
}

#[test]
fn what_is_planted_while_a_run_is_at_work_passes_for_a_later_run_only_if_it_claims_one() {
    let run = [("GITHUB_RUN_ID", "500"), ("GITHUB_SERVER_URL", "https://github.com")];
    for (mark, workflow_run, is_overwritten) in [
        (None, None, true),
        (Some("0123"), None, true),
        (Some("0123"), Some(499), true),
        // What names a later workflow run is taken for one, until the next run.
        (Some("0123"), Some(501), false),
    ] {
        let fake = Fake::start(plain());
        fake.world(spoil_description);
        fake.spoil("/pulls/6/commits", How::Delay(Duration::from_secs(1)));
        let other = fake.clone();
        let planter = std::thread::spawn(move || {
            let start = Instant::now();
            while gates(&other).is_empty() && start.elapsed() < Duration::from_secs(15) {
                std::thread::sleep(Duration::from_millis(20));
            }
            other.world(|world| plant(world, mark, workflow_run));
        });
        let (output, ..) = action_with(&fake, "pull_request", &event(&fake), CHECK, &run);
        planter.join().unwrap();
        assert_eq!(code(&output), 1);
        let expected = if is_overwritten { ["failure", "failure"] } else { ["", "success"] };
        assert_eq!(conclusions(&fake), expected, "{mark:?} {workflow_run:?}");
        action_with(&fake, "pull_request", &event(&fake), CHECK, &[run[1], ("GITHUB_RUN_ID", "510")]);
        assert_eq!(conclusions(&fake), ["failure", "failure"]);
    }
}

#[test]
fn a_late_run_writes_on_the_commit_that_it_is_for() {
    let fake = Fake::start(plain());
    let old = event(&fake);
    let before = fake.world(|world| world.pull(6).head_id.clone());
    fake.world(|world| spoil(world, "More\n"));
    let (output, ..) = action(&fake, "pull_request", &old, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
    assert_eq!(gates(&fake)[0].commit, before);
}

/// Opens pull request 7, of the same commit as 6, into a branch that holds this policy.
fn open_twin(world: &mut World, base: &str, policy: &str) {
    let main = world.branches["main"].clone();
    let own = world.commit(&[&main], "ana", "My own\n", &[("policies/changegate.yml", policy)]);
    world.branches.insert(base.into(), own.clone());
    let head = world.pull(6).head_id.clone();
    let number = world.open("ana", "Twin", GOOD, "twin", &[head]);
    assert_eq!(number, 7);
    let pull = world.pull(7);
    (pull.base, pull.base_id) = (base.into(), own);
}

#[test]
fn a_check_stands_for_every_pull_request_with_its_commit() {
    // Into a branch whose policy the author wrote: it makes nothing green.
    let fake = Fake::start(waiting());
    fake.world(|world| open_twin(world, "evil", "changegate: 1\nname: mine\nprotects: [evil]\n"));
    for number in [7, 6] {
        let (output, ..) = action(&fake, "pull_request_target", &of_pull(&fake, number), CHECK);
        assert_eq!((code(&output), only_gate(&fake)), (1, in_progress()), "{number}");
    }
    // Alone, it has nothing that could stand for it.
    fake.world(|world| world.pull(6).state = "closed");
    let (output, outputs, _) = action(&fake, "pull_request_target", &of_pull(&fake, 7), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (1, concluded("failure")));
    assert_eq!(value(&outputs, "denied-rules"), "pull-target");
    // And it does not spoil what is good.
    let fake = Fake::start(plain());
    fake.world(|world| open_twin(world, "evil", "changegate: 1\nname: mine\nprotects: [evil]\n"));
    for number in [6, 7] {
        let (output, ..) = action(&fake, "pull_request_target", &of_pull(&fake, number), CHECK);
        assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")), "{number}");
    }
    // Of two branches under change control, the stricter one counts for both.
    let wide = POLICY.replace("protects: [main]", "protects: [main, 'release/*']");
    let fake = Fake::start(plain());
    fake.world(|world| set_policy(world, &wide));
    fake.world(|world| open_twin(world, "release/1", &format!("{wide}{ASKS_OTHERS}")));
    for number in [6, 7] {
        let (output, ..) = action(&fake, "pull_request_target", &of_pull(&fake, number), CHECK);
        assert_eq!((code(&output), only_gate(&fake)), (1, in_progress()), "{number}");
    }
}

#[test]
fn a_list_that_lacks_the_pull_request_of_the_event_makes_nothing_green() {
    // The other one with this commit would be missing as well.
    let empty = How::Edit(|listed| *listed = json!([]));
    let fake = Fake::start(plain());
    fake.spoil("/pulls?state=open", empty.clone());
    let event = of_pull(&fake, 6);
    let (output, ..) = action(&fake, "pull_request_target", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
    // Nor does one that has it at another commit.
    fake.heal();
    fake.spoil("/pulls?state=open", How::Edit(|listed| listed[0]["head"]["sha"] = json!("7".repeat(40))));
    let (output, ..) = action(&fake, "pull_request_target", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
    // A list that lags is read again, and one that is closed is in no list.
    fake.heal();
    fake.spoil_some("/pulls?state=open", 0, 1, empty);
    let (output, ..) = action(&fake, "pull_request_target", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
    fake.world(|world| world.pull(6).state = "closed");
    let (output, ..) = action(&fake, "pull_request_target", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
}

/// Returns a world with pull requests 6 and 7 in the queue, one after the other, and the event of the second.
pub(crate) fn queued(body: &str) -> (Fake, Value, String) {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let said = "Count the words\n\nFor the index.\n";
    let second = world.commit(&[&main], "ana", said, &[("src/count.rs", "fn count() {}\n")]);
    assert_eq!(world.open("ana", "Count", GOOD, "count", &[second]), 7);
    world.pull(6).body = Some(body.into());
    let head = world.pull(6).head_id.clone();
    world.commits.get_mut(&head).unwrap().message = said.into();
    let first = world.enqueue(6);
    let last = world.enqueue(7);
    let event = json!({ "action": "checks_requested", "repository": { "full_name": "acme/shop" },
        "merge_group": { "head_sha": last, "base_sha": first, "base_ref": "refs/heads/main" } });
    (Fake::start(world), event, last)
}

#[test]
fn a_merge_group_has_its_verdict_on_its_own_commit() {
    let (fake, event, last) = queued(GOOD);
    let (output, ..) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")));
    assert_eq!(gates(&fake)[0].commit, last);
    // One that cannot be read, and a queue that cannot.
    for spoilt in ["/pulls/7?", "query Queue"] {
        fake.spoil(spoilt, How::Status(404, Vec::new(), json!({ "message": "Not Found" })));
        let (output, ..) = action(&fake, "merge_group", &event, CHECK);
        assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")), "{spoilt}");
        fake.heal();
    }
    // A queue stands still while a check is in progress, so nothing is waited for in it.
    fake.world(|world| set_policy(world, &format!("{POLICY}{ASKS_OTHERS}")));
    let (output, ..) = action(&fake, "merge_group", &event, CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (1, concluded("failure")));
    // And it says what fails, not what is waited for; what both lack stands there once, with their numbers.
    let title = gates(&fake)[0].title.clone().unwrap();
    assert!(title.starts_with("denied: ") && !title.contains("waiting"), "{title}");
    let both = title.replace("(#6, #7)", "(#7)");
    assert_eq!(both.matches("no check `build` is reported").count(), 1, "{title}");
}

#[test]
fn a_group_waits_for_checks_that_have_not_ended_and_for_nothing_else() {
    let checks = "rules:\n  built:\n    title: it builds\n    require: { checks: [build] }\n";
    for (conclusion, exit) in [("success", 0), ("failure", 1)] {
        let (fake, event, last) = queued(GOOD);
        fake.world(|world| {
            set_policy(world, &format!("{POLICY}{checks}"));
            world.check(7, "build", "github-actions", conclusion);
            let build = world.runs.last_mut().unwrap();
            (build.commit, build.status, build.conclusion) = (last.clone(), "in_progress".into(), None);
        });
        let other = fake.clone();
        let builder = std::thread::spawn(move || {
            let start = Instant::now();
            // It ends after the gate has seen that it had not.
            let has_seen =
                |fake: &Fake| fake.seen().iter().any(|asked| asked.path.contains("check-runs?filter"));
            while !has_seen(&other) && start.elapsed() < Duration::from_secs(15) {
                std::thread::sleep(Duration::from_millis(20));
            }
            std::thread::sleep(Duration::from_secs(2));
            other.world(|world| {
                let build = world.runs.iter_mut().find(|run| run.name == "build").unwrap();
                (build.status, build.conclusion) = ("completed".into(), Some(conclusion.into()));
            });
        });
        let more = ["--check-run", "gate", "--deadline", "100"];
        let (output, ..) = action(&fake, "merge_group", &event, &more);
        builder.join().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!((code(&output), only_gate(&fake).1.unwrap()), (exit, conclusion.into()), "{said}");
    }
    // Without time for it, what is missing denies.
    let (fake, event, _) = queued(GOOD);
    fake.world(|world| set_policy(world, &format!("{POLICY}{checks}")));
    let start = Instant::now();
    let (output, ..) = action(&fake, "merge_group", &event, &["--check-run", "gate", "--deadline", "9"]);
    assert_eq!((code(&output), only_gate(&fake)), (1, concluded("failure")));
    assert!(start.elapsed() < Duration::from_secs(9));
}

#[test]
fn where_one_check_is_enough_a_group_lands_what_is_before_it_too() {
    let bad = "Nothing is said.\n";
    for (strategy, exit) in [(Some("ALLGREEN"), 0), (Some("HEADGREEN"), 1), (None, 1)] {
        let (fake, event, last) = queued(bad);
        fake.world(|world| world.merging_strategy = strategy);
        let (output, ..) = action(&fake, "merge_group", &event, CHECK);
        assert_eq!(code(&output), exit, "{strategy:?}: {}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(gates(&fake)[0].commit, last);
    }
}

#[test]
fn one_bad_pull_request_stops_no_other() {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let said = "Count the words\n\nFor the index.\n";
    let second = world.commit(&[&main], "ana", said, &[("src/count.rs", "fn count() {}\n")]);
    assert_eq!(world.open("ana", "Count", GOOD, "count", std::slice::from_ref(&second)), 7);
    let fake = Fake::start(world);
    fake.spoil("/pulls/7?", How::Status(404, Vec::new(), json!({ "message": "Not Found" })));
    let schedule = json!({ "schedule": "x", "repository": { "full_name": "acme/shop" } });
    let (output, outputs, summary) = action(&fake, "schedule", &schedule, CHECK);
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
    let told = |fake: &Fake, commit: &str| {
        let run = gates(fake).into_iter().find(|run| run.commit == commit).unwrap();
        run.conclusion.unwrap()
    };
    let good = fake.world(|world| world.pull(6).head_id.clone());
    assert_eq!((told(&fake, &good), told(&fake, &second)), ("success".into(), "action_required".into()));
    assert!(String::from_utf8_lossy(&output.stderr).contains("acme/shop#7: GitHub answered 404"));
    assert!(summary.contains("could not be judged"), "{summary}");
    // By its number, the list of open ones still says which commit it is about.
    let (output, ..) = action(
        &fake,
        "workflow_dispatch",
        &json!({ "inputs": { "pull-request": "7" },
        "repository": { "full_name": "acme/shop" } }),
        CHECK,
    );
    assert_eq!((code(&output), told(&fake, &second)), (3, "action_required".into()));
    fake.heal();
    let (output, ..) = action(&fake, "schedule", &schedule, CHECK);
    assert_eq!((code(&output), told(&fake, &second), gates(&fake).len()), (0, "success".into(), 2));
}

#[test]
fn an_event_and_an_answer_of_another_repository_are_errors() {
    let fake = Fake::start(plain());
    let mut other = event(&fake);
    other["repository"]["full_name"] = json!("acme/other");
    let (output, outputs, _) = action(&fake, "pull_request", &other, CHECK);
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
    assert!(String::from_utf8_lossy(&output.stderr).contains("acme/other"));
    assert!(fake.seen().is_empty());
    let place = format!("{}/repos/acme/other/pulls/6", fake.url());
    fake.spoil("/pulls/6?", How::Status(301, vec![("location", place)], json!({ "message": "Moved" })));
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
    fake.heal();
    fake.spoil("/pulls/6?", How::Edit(|pull| pull["base"]["repo"]["full_name"] = json!("acme/other")));
    let (output, ..) = action(&fake, "pull_request", &event(&fake), CHECK);
    assert_eq!((code(&output), only_gate(&fake)), (3, concluded("action_required")));
}
