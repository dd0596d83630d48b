//! Answers with the status of a good one that say nothing, or nothing yet: asked for again, and where they stay so, an
//! error and no verdict.

use serde_json::{Value, json};

use crate::check_runs::{concluded, gates, only_gate, queued, set_policy};
use crate::fake::{Fake, How};
use crate::ledger::{POLICY as LEDGER_POLICY, Scene, land, push_by_hand};
use crate::published::{action, code, event, value};
use crate::scene::{GOOD, POLICY, plain};

const ARGS: &[&str] = &["--check-run", "gate", "--deadline", "3"];

fn page() -> How {
    How::Bytes(b"<html>Down for maintenance</html>".to_vec())
}

fn timeout() -> How {
    let message = "Something went wrong while executing your query. This may be the result of a timeout";
    How::Status(200, Vec::new(), json!({ "data": null, "errors": [{ "message": message }] }))
}

/// A part of an answer that GitHub did not get to.
fn partial_timeout(value: &mut Value) {
    value["data"]["repository"]["pullRequest"]["reviews"] = Value::Null;
    value["errors"] = json!([{ "message": "Something went wrong while executing your query.",
        "path": ["repository", "pullRequest", "reviews"] }]);
}

/// Returns a server whose pull request is approved, as its policy asks for.
fn reviewed() -> Fake {
    let mut world = plain();
    let rule = "rules:\n  reviewed: { title: reviewed, require: { approvals: { at-least: 1 } } }\n";
    set_policy(&mut world, &format!("{POLICY}{rule}"));
    world.review(6, "kim", "APPROVED");
    Fake::start(world)
}

#[test]
fn an_answer_that_says_nothing_is_asked_for_again() {
    for (on, how) in [
        ("/pulls/6/reviews", page()),
        ("/pulls/6/commits", page()),
        ("/pulls/6?", page()),
        ("query Details", timeout()),
        ("query Details", How::Bytes(b"{\"data\":null}".to_vec())),
        ("query Details", How::Edit(partial_timeout)),
        ("query Policy", page()),
    ] {
        let fake = reviewed();
        fake.spoil_some(on, 0, 1, how);
        let (output, ..) = action(&fake, "pull_request", &event(&fake), ARGS);
        assert_eq!((code(&output), only_gate(&fake)), (0, concluded("success")), "{on}");
    }
}

#[test]
fn an_answer_that_says_nothing_denies_nothing() {
    for (on, how) in [
        ("/pulls/6/reviews", page()),
        ("/pulls/6/reviews", How::Bytes(b"{}".to_vec())),
        ("/pulls/6/commits", page()),
        ("/activity", page()),
        ("query Details", timeout()),
        ("query Details", How::Edit(partial_timeout)),
        ("query Policy", timeout()),
    ] {
        let fake = reviewed();
        fake.spoil(on, how);
        let (output, outputs, _) = action(&fake, "pull_request", &event(&fake), ARGS);
        let told = (code(&output), value(&outputs, "verdict"), only_gate(&fake));
        assert_eq!(told, (3, "error".into(), concluded("action_required")), "{on}");
    }
    let (fake, event, _) = queued(GOOD);
    fake.spoil("query Queue", timeout());
    let (output, outputs, _) = action(&fake, "merge_group", &event, ARGS);
    let told = (code(&output), value(&outputs, "verdict"), only_gate(&fake));
    assert_eq!(told, (3, "error".into(), concluded("action_required")));
}

#[test]
fn what_github_refuses_is_an_answer() {
    let fake = reviewed();
    let refused: fn(&mut Value) = |value| {
        value["data"]["repository"]["pullRequest"]["reviews"] = Value::Null;
        value["errors"] = json!([{ "type": "FORBIDDEN", "message": "Resource not accessible by integration",
            "path": ["repository", "pullRequest", "reviews"] }]);
    };
    let details = |fake: &Fake| {
        fake.forget();
        let (output, ..) = action(fake, "pull_request", &event(fake), ARGS);
        let is_details = |body: &[u8]| String::from_utf8_lossy(body).contains("query Details");
        (code(&output), fake.seen().iter().filter(|seen| is_details(&seen.body)).count())
    };
    let (exit, asked) = details(&fake);
    assert_eq!(exit, 0);
    fake.spoil("query Details", How::Edit(refused));
    let (exit, asked_then) = details(&fake);
    // A list that was not given whole is asked for by itself, once.
    assert!(asked_then <= asked + 1, "{asked} and then {asked_then}");
    assert_ne!(exit, 0);
}

#[test]
fn what_could_not_be_read_of_a_push_is_not_recorded_until_it_can_be() {
    let scene = Scene::new(LEDGER_POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let push = land(&scene, "two");
    let number = scene.fake.world(|world| world.pulls.last().unwrap().number);
    let records = scene.events().len();
    for (on, how) in [
        (format!("/pulls/{number}/reviews"), page()),
        (format!("/pulls/{number}/commits"), page()),
        (format!("/pulls/{number}?"), page()),
        (format!("/commits/{}/pulls", push.1), page()),
        ("/compare/".into(), page()),
        ("query Details".into(), timeout()),
    ] {
        scene.fake.spoil(&on, how);
        scene.keep_within("3", &push).ends(3);
        assert_eq!(scene.events().len(), records, "{on}");
        scene.fake.heal();
    }
    scene.keep(&push).ends(0);
    assert_eq!(scene.events()[records..], ["decision", "outcome"]);
    assert_eq!(scene.records()[records]["event"]["decision"]["decision"], "allow");
}

#[test]
fn where_the_check_run_says_not_judged_the_job_does_too() {
    let refused: fn(&mut Value) = |value| {
        value["data"]["repository"]["pullRequest"]["reviews"] = Value::Null;
        value["errors"] = json!([{ "type": "FORBIDDEN", "message": "Resource not accessible by integration",
            "path": ["repository", "pullRequest", "reviews"] }]);
    };
    let fake = reviewed();
    fake.spoil("query Details", How::Edit(refused));
    let mut outdated = event(&fake);
    outdated["pull_request"]["head"]["sha"] = json!(fake.world(|world| world.branches["main"].clone()));
    for event in [event(&fake), outdated] {
        for fail_on in ["deny", "never"] {
            let args = [ARGS, &["--fail-on", fail_on]].concat();
            let (output, outputs, _) = action(&fake, "pull_request", &event, &args);
            assert_eq!((code(&output), value(&outputs, "verdict")), (3, "error".into()), "{fail_on}");
        }
    }
    let last: Vec<_> = gates(&fake).into_iter().map(|run| run.conclusion).collect();
    assert_eq!(last, [Some("action_required".to_owned()), Some("action_required".to_owned())]);
    // A group that the queue no longer has.
    let (fake, mut event, _) = queued(GOOD);
    let moved_on = fake.world(|world| world.branches["main"].clone());
    event["merge_group"]["head_sha"] = json!(moved_on);
    let (output, outputs, _) = action(&fake, "merge_group", &event, ARGS);
    let told = (code(&output), value(&outputs, "verdict"), only_gate(&fake));
    assert_eq!(told, (3, "error".into(), concluded("action_required")));
}

#[test]
fn a_merge_that_github_does_not_list_yet_is_asked_about_again() {
    let scene = Scene::new(LEDGER_POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let push = land(&scene, "two");
    scene.fake.spoil_some(&format!("/commits/{}/pulls", push.1), 0, 1, How::Edit(|value| *value = json!([])));
    scene.keep(&push).ends(0);
    assert_eq!(scene.events()[3..], ["decision", "outcome"]);
    // What no pull request brought stays that.
    let push = scene.fake.world(|world| push_by_hand(world, "kim", "2026-03-02T17:00:00Z"));
    scene.keep(&push).ends(1);
    assert_eq!(scene.events()[5..], ["decision", "unauthorised"]);
}

#[test]
fn a_pull_request_that_github_does_not_list_yet_is_judged_all_the_same() {
    let fake = reviewed();
    let head = fake.world(|world| world.pull(6).head_id.clone());
    let repository = json!({ "full_name": "acme/shop" });
    let ended =
        json!({ "action": "completed", "workflow_run": { "head_sha": head }, "repository": repository });
    fake.spoil_some("/repos/acme/shop/pulls?state=open", 0, 1, How::Edit(|value| *value = json!([])));
    let (output, outputs, _) = action(&fake, "workflow_run", &ended, &["--check-run", "gate"]);
    let told = (code(&output), value(&outputs, "verdict"), only_gate(&fake));
    assert_eq!(told, (0, "allow".into(), concluded("success")));
}
