//! Verdicts on pull requests in the ledger: judged by a run that may write check runs only, read back and recorded by
//! the sweep.

use serde_json::{Value, json};

use crate::fake::World;
use crate::ledger::{POLICY, Scene, Told, land, open};

/// Judges a pull request as the judging workflow does, with a check run.
fn judge(scene: &Scene, number: u64) -> Told {
    let head = scene.fake.world(|world| world.pull(number).head_id.clone());
    let event = json!({ "action": "synchronize", "pull_request": { "number": number, "head": { "sha": head } },
        "repository": { "full_name": "acme/shop" } });
    let path = scene.folder.path().join(format!("{}.json", scene.fake.world(World::fresh)));
    std::fs::write(&path, event.to_string()).unwrap();
    let variables = [("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_EVENT_PATH", path.to_str().unwrap())];
    scene.run(&["action", "--check-run", "gate", "--fail-on", "never"], &variables)
}

/// Replaces the only commit of a pull request, as an amended one that is pushed by force does.
fn amend(world: &mut World, number: u64) {
    let main = world.branches["main"].clone();
    let amended = world.commit(&[&main], "ana", "Search faster\n", &[("src/search.rs", "amended")]);
    let before = world.pull(number).head_id.clone();
    world.push(number, "ana", &amended);
    let pull = world.pull(number);
    pull.commits.retain(|commit| *commit != before);
    pull.body = Some("Faster.\n\nChange-Type: normal\nRisk: low\n".into());
}

/// Returns the verdicts on pull requests in the ledger.
fn verdicts(scene: &Scene) -> Vec<Value> {
    let all = scene.records().into_iter().map(|record| record["event"]["pull-verdict"].clone());
    all.filter(|verdict| !verdict.is_null()).collect()
}

/// Opens a pull request that states no risk, has it denied, amended, reviewed and allowed, and returns its number.
fn refuse_and_amend(scene: &Scene) -> u64 {
    let number = scene.fake.world(|world| {
        let number = open(world, "search", "normal");
        world.pull(number).body = Some("Nothing is said.\n".into());
        number
    });
    judge(scene, number).ends(0);
    scene.fake.world(|world| amend(world, number));
    judge(scene, number).ends(0);
    scene.fake.world(|world| world.review(number, "kim", "APPROVED"));
    judge(scene, number).ends(0);
    number
}

#[test]
fn every_verdict_is_recorded_once_also_of_a_revision_that_a_forced_push_took_away() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let number = refuse_and_amend(&scene);
    assert_eq!(verdicts(&scene).len(), 0, "the judging run writes no ledger");
    scene.scheduled(&[]).ends(0);
    let found = verdicts(&scene);
    let standings: Vec<&str> = found.iter().map(|one| one["standing"].as_str().unwrap()).collect();
    assert_eq!(standings, ["denied", "waiting", "allowed"], "{found:#?}");
    let denied = &found[0];
    assert_eq!(denied["pull"], format!("acme/shop#{number}"));
    assert_eq!(denied["target"], "refs/heads/main");
    assert!(denied["rules"].as_array().unwrap().len() > 1, "{denied:#}");
    assert_eq!(
        (&denied["check-run"]["app"], &denied["check-run"]["name"]),
        (&json!("github-actions"), &json!("gate"))
    );
    assert_eq!(denied["marks"]["paths"], json!(["src/search.rs"]));
    assert_ne!(denied["revision"], found[1]["revision"]);
    assert_eq!(found[1]["revision"], found[2]["revision"]);
    assert!(found[2]["policy"].as_str().unwrap().starts_with("sha256:"));
    // What is recorded is not recorded again.
    scene.scheduled(&[]).ends(0);
    scene.sweep().ends(0);
    assert_eq!(verdicts(&scene).len(), 3);
    scene.verify().ends(0);
    let folder = scene.git.path();
    let log = scene.run(&["ledger", "log", "-C", folder.to_str().unwrap()], &[]).ends(0);
    assert!(log.contains(&format!("Deny acme/shop#{number}")), "{log}");
}

#[test]
fn a_list_that_another_app_planted_is_recorded_as_of_that_app() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    refuse_and_amend(&scene);
    scene.fake.world(|world| {
        for run in &mut world.runs {
            run.app = "impostor".into();
        }
    });
    scene.scheduled(&[]).ends(0);
    let found = verdicts(&scene);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| one["check-run"]["app"] == "impostor"), "{found:#?}");
}

#[test]
fn a_sweep_that_cannot_read_them_says_so_and_records_the_rest() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    refuse_and_amend(&scene);
    scene.fake.spoil("state=all", crate::fake::How::Bytes(b"not JSON".to_vec()));
    let said = scene.scheduled(&[]).ends(3);
    assert!(said.contains("cannot read the verdicts on pull requests"), "{said}");
}
