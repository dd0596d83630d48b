//! What can be judged is told, beside what cannot: of a push that brought several, and of a sweep without time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::check_runs::gates;
use crate::fake::{Fake, How, World};
use crate::judged::{judge, push};
use crate::ledger::{POLICY as LEDGER_POLICY, Scene, land, merge, open};
use crate::published::{action, code, value};
use crate::scene::{GOOD, POLICY, plain};

/// Returns a world with two pull requests that landed in one push, and the event of that.
fn two_landed() -> (World, [u64; 2], Value) {
    let mut world = World::new(POLICY);
    let first = open(&mut world, "one", "normal");
    let (old, _) = merge(&mut world, first, "2026-03-02T15:00:00Z");
    let second = open(&mut world, "two", "nothing-known");
    let (_, new) = merge(&mut world, second, "2026-03-02T15:01:00Z");
    let event = json!({ "ref": "refs/heads/main", "before": old, "after": new, "forced": false,
        "created": false, "deleted": false, "commits": [], "repository": { "full_name": "acme/shop" } });
    (world, [first, second], event)
}

#[test]
fn of_a_push_that_brought_several_what_could_be_read_is_told() {
    let (world, [first, second], event) = two_landed();
    let fake = Fake::start(world);
    let (output, outputs, _) = action(&fake, "push", &event, &[]);
    assert_eq!(code(&output), 1, "{}", String::from_utf8_lossy(&output.stdout));
    let denied = value(&outputs, "denied-rules");
    // The first one cannot be read; what the second one lacks is told all the same.
    fake.spoil(&format!("/pulls/{first}?"), How::Status(502, Vec::new(), json!({ "message": "no" })));
    let (output, outputs, summary) = action(&fake, "push", &event, &["--deadline", "5"]);
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains(&format!("acme/shop#{first}: GitHub answered 502")), "{error}");
    for rule in denied.split(',').chain(["pull-complete"]) {
        assert!(value(&outputs, "denied-rules").split(',').any(|known| known == rule), "{outputs:?}");
    }
    assert!(value(&outputs, "json").contains(&format!("acme/shop#{second}")), "{outputs:?}");
    for told in [format!("acme/shop#{first}"), format!("acme/shop#{second}")] {
        assert!(summary.contains(&told), "{told}: {summary}");
    }
    // So is the lack of what brought one of the steps.
    fake.heal();
    let step = fake.world(|world| world.pull(first).merge_commit.clone().unwrap());
    let after = event["after"].as_str().unwrap().to_owned();
    let (lost, listed) = if step == after { (after.clone(), step) } else { (after, step) };
    assert_ne!(lost, listed);
    fake.spoil(&format!("/commits/{lost}/pulls"), How::Status(500, Vec::new(), json!({})));
    let (output, outputs, summary) = action(&fake, "push", &event, &["--deadline", "5"]);
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()));
    assert!(summary.contains("cannot tell which pull request brought"), "{summary}");
    // What GitHub never shows is no outage: the push is refused for it.
    fake.heal();
    fake.spoil(&format!("/pulls/{first}?"), How::Status(404, Vec::new(), json!({ "message": "no" })));
    let (output, outputs, _) = action(&fake, "push", &event, &[]);
    assert_eq!((code(&output), value(&outputs, "verdict")), (1, "deny".into()));
}

#[test]
fn an_answer_that_lacks_in_part_is_no_record() {
    let scene = Scene::new(LEDGER_POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let push = land(&scene, "two");
    let number = scene.fake.world(|world| world.pulls.last().unwrap().number);
    let records = scene.events().len();
    scene
        .fake
        .spoil(&format!("/pulls/{number}/reviews"), How::Status(502, Vec::new(), json!({ "message": "no" })));
    scene.keep(&push).ends(3);
    assert_eq!(scene.events().len(), records);
    scene.fake.heal();
    scene.keep(&push).ends(0);
    assert!(scene.events().len() > records);
}

#[test]
fn a_sweep_without_time_names_what_it_left_and_begins_with_that_the_next_time() {
    let mut world = plain();
    let main = world.branches["main"].clone();
    for at in 0..15 {
        let file = format!("src/{at}.rs");
        let message = format!("Step {at}\n\nWhy.\n");
        let commit = world.commit(&[&main], "ana", &message, &[(file.as_str(), "x")]);
        world.open("ana", &format!("Step {at}"), GOOD, &format!("b{at}"), &[commit]);
    }
    let open: Vec<(u64, String)> =
        world.pulls.iter().map(|pull| (pull.number, pull.head_id.clone())).collect();
    let fake = Fake::start(world);
    fake.spoil("/commits?", How::Delay(Duration::from_millis(1_400)));
    let schedule = json!({ "schedule": "x", "repository": { "full_name": "acme/shop" } });
    let sweep = || action(&fake, "schedule", &schedule, &["--check-run", "gate", "--deadline", "4"]);
    let (output, outputs, summary) = sweep();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()), "{error}");
    let judged = |fake: &Fake| -> Vec<String> {
        let runs = gates(fake).into_iter().filter(|run| run.conclusion.as_deref() == Some("success"));
        runs.map(|run| run.commit).collect()
    };
    let first = judged(&fake);
    assert!(!first.is_empty() && first.len() < open.len(), "{} judged", first.len());
    for (number, head) in &open {
        let is_named = error.contains(&format!("acme/shop#{number}: no time was left"));
        assert!(
            first.contains(head) || is_named || error.contains(&format!("#{number}:")),
            "{number}: {error}"
        );
        assert!(!(first.contains(head) && is_named), "{number}: {error}");
    }
    assert!(summary.contains("no time was left for it"), "{summary}");
    assert!(summary.contains(" pull requests do not pass the policy"), "{summary}");
    // What it had no time for has no check run that was only made to say so.
    assert!(gates(&fake).len() <= first.len() + 4, "{} check runs", gates(&fake).len());
    // The next run judges the others first.
    std::thread::sleep(Duration::from_secs(1));
    sweep();
    let second = judged(&fake);
    assert!(second.len() >= open.len().min(first.len() + 4), "{} and then {}", first.len(), second.len());
}

#[test]
fn a_push_that_contradicts_itself_names_no_pull_request_as_good() {
    let (world, _, event) = two_landed();
    let (old, new) = (event["before"].as_str().unwrap(), event["after"].as_str().unwrap());
    let fake = Fake::start(world);
    fake.spoil("/compare/", How::Edit(|value| value["behind_by"] = json!(4)));
    assert!(judge(&fake, &push("refs/heads/main", old, new, false)).is_err());
}
