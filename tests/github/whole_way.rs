//! The whole way of a protected ref is recorded, detours included; and a ledger that was deleted, set back,
//! replaced or damaged is said, and does not begin again.

use std::process::Command;

use crate::ledger::{POLICY, Scene, land, moved, push_by_hand};

const LEDGER: &str = "refs/changegate/ledger";
const COPY: &str = "refs/changegate/ledger-copy";

/// Runs git in the repository that holds the ledger.
fn git(scene: &Scene, args: &[&str]) -> String {
    let told = Command::new("git")
        .arg("-C")
        .arg(scene.git.path())
        .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
        .args(args)
        .output()
        .unwrap();
    assert!(told.status.success(), "{args:?} {told:?}");
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

/// Pastes what a message says to do, in a clone of the repository.
fn paste(scene: &Scene, said: &str) {
    let start = said.find("git fetch origin ").unwrap_or_else(|| panic!("{said}"));
    let command = said[start..].lines().next().unwrap();
    let clone = tempfile::tempdir().unwrap();
    let all = format!("git init -q . && git remote add origin {} && {command}", scene.git.path().display());
    let told = Command::new("sh").arg("-ec").arg(all).current_dir(clone.path()).output().unwrap();
    assert!(told.status.success(), "{command} {told:?}");
}

/// Moves `main` to a commit by hand and back again.
fn go_astray(scene: &Scene, at: &str, back: &str) {
    scene.fake.world(|world| {
        let (before, _) = push_by_hand(world, "kim", at);
        moved(world, &before, "force_push", back);
    });
}

#[test]
fn a_detour_is_recorded_whether_the_ref_came_back_or_went_on() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    go_astray(&scene, "2026-03-02T17:00:00Z", "2026-03-02T17:01:00Z");
    let second = land(&scene, "two");
    let said = scene.record(&second).ends(1);
    assert!(said.contains("found late") && said.contains("unauthorised"), "{said}");
    let detour = ["decision", "unauthorised", "decision", "unauthorised"];
    assert_eq!(scene.events()[3..7], detour);
    assert_eq!(scene.events()[7..], ["decision", "outcome"]);
    // It stays where it was, and the sweep finds the way.
    go_astray(&scene, "2026-03-02T18:00:00Z", "2026-03-02T18:01:00Z");
    scene.sweep().ends(1);
    assert_eq!(scene.events()[9..], detour);
    // The same move once more is another one.
    let (x, m) = scene.fake.world(|world| {
        let last = &world.activity[world.activity.len() - 1];
        (last.before.clone(), last.after.clone())
    });
    scene.fake.world(|world| {
        moved(world, &x, "force_push", "2026-03-02T19:00:00Z");
        moved(world, &m, "force_push", "2026-03-02T19:01:00Z");
    });
    scene.sweep().ends(1);
    assert_eq!(scene.events()[13..], detour);
    scene.sweep().ends(1);
    scene.record(&second).ends(0);
    assert_eq!(scene.events().len(), 17);
    assert!(!scene.verify().ends(1).contains("tampered"));
}

#[test]
fn a_ledger_begins_only_if_it_is_told_to() {
    let scene = Scene::new(POLICY);
    let push = land(&scene, "one");
    for said in [scene.keep(&push).ends(3), scene.run(&["sweep", "--github", "acme/shop"], &[]).ends(3)] {
        assert!(said.contains("`ledger: begin`"), "{said}");
    }
    assert!(!scene.has_ledger());
    assert!(scene.record(&push).ends(0).contains("started the ledger"));
    assert_eq!(git(&scene, &["rev-parse", LEDGER]), git(&scene, &["rev-parse", COPY]));
    let said = scene.run(&["sweep", "--github", "acme/shop", "--begin"], &[]).ends(0);
    assert!(said.contains("has begun before"), "{said}");
    // With its copy it is gone without a trace, and still does not begin again.
    git(&scene, &["update-ref", "-d", LEDGER]);
    git(&scene, &["update-ref", "-d", COPY]);
    scene.keep(&land(&scene, "two")).ends(3);
    assert!(!scene.has_ledger());
}

#[test]
fn a_ledger_that_was_deleted_or_set_back_or_replaced_is_put_back() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    for (title, what) in [("two", "was deleted"), ("three", "was set back"), ("four", "was replaced")] {
        let newest = git(&scene, &["rev-parse", LEDGER]);
        match what {
            "was deleted" => git(&scene, &["update-ref", "-d", LEDGER]),
            "was set back" => git(&scene, &["update-ref", LEDGER, &format!("{newest}~1")]),
            _ => {
                let tree = format!("{newest}~1^{{tree}}");
                let other = git(&scene, &["commit-tree", &tree, "-p", &format!("{newest}~2"), "-m", "other"]);
                git(&scene, &["update-ref", LEDGER, &other])
            }
        };
        let push = land(&scene, title);
        for said in [scene.keep(&push).ends(3), scene.begin(&push).ends(3)] {
            assert!(said.contains(what), "{said}");
            if scene.has_ledger() {
                assert_ne!(git(&scene, &["rev-parse", LEDGER]), newest);
            }
        }
        paste(&scene, &scene.sweep().ends(3));
        assert_eq!(git(&scene, &["rev-parse", LEDGER]), newest);
        scene.keep(&push).ends(0);
    }
    // One from before there was a copy goes on, and so does one that an earlier version has appended to.
    git(&scene, &["update-ref", "-d", COPY]);
    scene.keep(&land(&scene, "five")).ends(0);
    git(&scene, &["update-ref", COPY, &format!("{LEDGER}~2")]);
    scene.keep(&land(&scene, "six")).ends(0);
    assert_eq!(git(&scene, &["rev-parse", LEDGER]), git(&scene, &["rev-parse", COPY]));
    scene.verify().ends(0);
}

#[test]
fn a_damaged_ledger_says_how_it_is_put_back() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let good = git(&scene, &["rev-parse", LEDGER]);
    let tree = git(&scene, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let bad = git(&scene, &["commit-tree", &tree, "-p", &good, "-m", "bad"]);
    for name in [LEDGER, COPY] {
        git(&scene, &["update-ref", name, &bad]);
    }
    let push = land(&scene, "two");
    let said = scene.keep(&push).ends(3);
    assert!(said.contains("is damaged") && said.contains("git push --force origin COMMIT"), "{said}");
    for name in [LEDGER, COPY] {
        git(&scene, &["update-ref", name, &good]);
    }
    scene.keep(&push).ends(0);
}
