//! What an emergency on GitHub owes afterwards, and what makes up for it: a review, a later change; and
//! the sweep that looks for both.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use changegate::change::Change;
use changegate::ledger::record::RecordedVerdict;
use serde_json::Value;

use crate::ledger::{POLICY, Scene, land, merge, open};

/// An emergency by ana that nobody has reviewed lands at noon; returns its number and the push.
fn emergency(scene: &Scene) -> (u64, (String, String)) {
    scene.fake.world(|world| {
        let number = open(world, "stop the fire", "emergency");
        (number, merge(world, number, "2026-03-02T12:30:00Z"))
    })
}

fn discharged(scene: &Scene) -> Vec<Value> {
    let records = scene.records();
    records.into_iter().filter_map(|record| record["event"].get("discharged").cloned()).collect()
}

/// Returns the scene after an emergency has landed, and its number.
fn owing() -> (Scene, u64, String) {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "before")).ends(0);
    let (number, push) = emergency(&scene);
    let said = scene.record(&push).ends(0);
    assert!(said.contains("Post-Implementation-Review"), "{said}");
    (scene, number, push.1)
}

#[test]
fn a_review_after_the_landing_closes_what_it_makes_up_for() {
    let (scene, number, landed_as) = owing();
    // Long overdue by now, as the due time counts from the landing and not from any run.
    let said = scene.sweep().ends(1);
    assert!(said.contains("overdue") && said.contains("due 2026-03-04 23:59 UTC"), "{said}");
    let review = format!("approve acme/shop#{number}");
    assert!(said.contains(&review) && said.contains(&landed_as[..12]), "{said}");
    scene.fake.world(|world| world.review(number, "kim", "APPROVED"));
    let said = scene.sweep().ends(0);
    assert!(said.contains("reviewed-later") && said.contains("is closed"), "{said}");
    let found = discharged(&scene);
    assert_eq!(found.len(), 1);
    // By GitHub's clock it was in time, however late the sweep is.
    assert!(found[0]["late-by"].is_null(), "{found:?}");
    assert_eq!(found[0]["evidence"]["by"], "github:kim");
    assert_eq!(found[0]["evidence"]["on"], format!("acme/shop#{number}"));
    assert_eq!(found[0]["observed-at"], found[0]["evidence"]["submitted"]);
    scene.sweep().ends(0);
    assert_eq!(discharged(&scene).len(), 1);
    scene.verify().ends(0);
    let at = scene.git.path();
    let said = scene.run(&["obligations", "--all", "-C", at.to_str().unwrap()], &[]).ends(0);
    assert!(said.contains("the review of acme/shop#"), "{said}");
}

#[test]
fn a_review_that_would_not_count_before_does_not_count_afterwards() {
    type Done = fn(&mut crate::fake::World, u64);
    let cases: [(&str, Done); 6] = [
        ("the author's own", |world, number| _ = world.review(number, "ana", "APPROVED")),
        ("a bot's", |world, number| _ = world.review(number, "helper[bot]", "APPROVED")),
        ("one of somebody who may not write", |world, number| _ = world.review(number, "rea", "APPROVED")),
        ("one that was dismissed", |world, number| _ = world.review(number, "kim", "DISMISSED")),
        ("a comment", |world, number| _ = world.review(number, "kim", "COMMENTED")),
        ("one of another description", |world, number| {
            world.edit(number, "ana", "Nothing.\n\nChange-Type: normal\nRisk: low\n", "2026-03-02T13:00:00Z");
            world.review(number, "kim", "APPROVED");
        }),
    ];
    for (what, done) in cases {
        let (scene, number, _) = owing();
        scene.fake.world(|world| done(world, number));
        scene.sweep().ends(1);
        assert_eq!(discharged(&scene), Vec::<Value>::new(), "{what}");
    }
}

#[test]
fn a_late_review_is_late_and_an_objection_holds_it_back() {
    let (scene, number, _) = owing();
    scene.fake.world(|world| {
        world.review(number, "kim", "APPROVED");
        world.review(number, "ben", "CHANGES_REQUESTED");
        world.pull(number).reviews[0].at = Some("2026-03-05T00:00:05Z".into());
    });
    scene.sweep().ends(1);
    assert!(discharged(&scene).is_empty());
    scene.fake.world(|world| world.review(number, "ben", "APPROVED"));
    scene.fake.world(|world| world.pull(number).reviews[2].at = Some("2026-03-05T00:00:09Z".into()));
    scene.sweep().ends(0);
    let found = discharged(&scene);
    assert_eq!(found[0]["evidence"]["by"], "github:ben");
    assert_eq!(found[0]["late-by"], 10, "{found:?}");
    scene.verify().ends(0);
}

/// A pull request that was merged is named by its merge, whichever of its commits the author writes down.
#[test]
fn a_commit_that_came_with_a_merge_is_told_apart_from_what_owes() {
    let (scene, number, landed_as) = owing();
    let push = scene.fake.world(|world| {
        let inner = world.pull(number).commits.last().unwrap().clone();
        let main = world.branches["main"].clone();
        let commit = world.commit(&[&main], "ben", "Look at the fire again\n", &[("report.md", "It was hot.\n")]);
        let body = format!(
            "The report.\n\nChange-Type: normal\nRisk: low\nFor-Change: {inner}\nPost-Implementation-Review: looked at, nothing left to do\n"
        );
        let number = world.open("ben", "Look at the fire again", &body, "report", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains(&format!("which has the obligations; write `For-Change: {landed_as}`")), "{said}");
    assert!(discharged(&scene).is_empty());
    scene.verify().ends(0);
}

#[test]
fn a_later_pull_request_closes_it_by_its_description() {
    let (scene, _, landed_as) = owing();
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let commit = world.commit(&[&main], "ben", "Look at the fire again\n", &[("report.md", "It was hot.\n")]);
        let body = format!(
            "The report.\n\nChange-Type: normal\nRisk: low\nFor-Change: {}\nPost-Implementation-Review: looked at, nothing left to do\n",
            &landed_as[..12]
        );
        let number = world.open("ben", "Look at the fire again", &body, "report", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("is closed"), "{said}");
    let found = discharged(&scene);
    // What landed is named, and not the head of a branch that is gone.
    assert_eq!(found[0]["evidence"]["id"], push.1);
    scene.sweep().ends(0);
    scene.verify().ends(0);
}

#[test]
fn what_cannot_be_looked_at_is_said_and_ends_with_3() {
    let (scene, number, _) = owing();
    scene.fake.world(|world| world.review(number, "kim", "APPROVED"));
    let gone = crate::fake::How::Status(500, Vec::new(), serde_json::json!({}));
    scene.fake.spoil_some(&format!("/pulls/{number}/reviews"), 0, 4, gone);
    let said = scene.sweep().ends(3);
    assert!(said.contains("cannot check the reviews of"), "{said}");
    assert!(said.contains("overdue"), "{said}");
    scene.sweep().ends(0);
}

#[test]
fn a_sweep_tells_each_place_once() {
    let (scene, ..) = owing();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("webhook=http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 16 * 1024];
            while stream.read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
            *counted.lock().unwrap() += 1;
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    for _ in 0..2 {
        let said = scene.scheduled(&["--notify", &url]).ends(1);
        assert!(said.contains("1 overdue"), "{said}");
        assert_eq!(*heard.lock().unwrap(), 1);
    }
    assert_eq!(scene.events().last().unwrap(), "escalated");
    scene.verify().ends(0);
}

#[test]
fn what_was_recorded_is_judged_again_from_its_facts_alone() {
    let (scene, number, landed_as) = owing();
    let facts = scene.file(1, "facts.jsonl");
    let record: Value = serde_json::from_slice(&scene.file(1, "record.json")).unwrap();
    let of_ref = &record["event"]["decision"]["refs"][0];
    let change: Change = serde_json::from_slice(facts.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(change.pull.as_ref().unwrap().name, format!("acme/shop#{number}").as_str().into());
    let loaded = changegate::policy::load_policy("policies/changegate.yml", &mut |_| {
        Ok(Some(POLICY.as_bytes().to_vec()))
    });
    let policy = loaded.unwrap_or_else(|errors| panic!("{errors:?}"));
    let again = changegate::gate::judge_from_facts(&change, &policy, None);
    assert_eq!(serde_json::to_value(RecordedVerdict::from(&again)).unwrap(), of_ref["changes"][0]);
    // The policy is named by where anybody can have it again.
    let from = &of_ref["policies"][0];
    assert_eq!(from["commit"]["digest"], policy.digest);
    assert_eq!(from["commit"]["path"], "policies/changegate.yml");
    assert_eq!(from["commit"]["id"], of_ref["old"]);
    assert_eq!(of_ref["pull-landings"][0]["landed-as"], landed_as);
    assert_eq!(of_ref["pull-landings"][0]["reviewable-rules"], serde_json::json!(["reviewed-later"]));
}

#[test]
fn who_made_it_does_not_close_what_others_owe() {
    let (scene, _, landed_as) = owing();
    let push = scene.fake.world(|world| {
        let main = world.branches["main"].clone();
        let commit = world.commit(&[&main], "ana", "Look at it myself\n", &[("report.md", "It was hot.\n")]);
        let body = format!(
            "The report.\n\nChange-Type: normal\nRisk: low\nFor-Change: {}\nPost-Implementation-Review: looked at by myself\n",
            &landed_as[..12]
        );
        let number = world.open("ana", "Look at it myself", &body, "report", &[commit]);
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    });
    let said = scene.record(&push).ends(0);
    assert!(said.contains("stays open"), "{said}");
    assert!(discharged(&scene).is_empty());
}
