//! When things happened, as the ledger tells it: a record can be written long after what it tells.

use std::fs;

use jiff::{SignedDuration, Timestamp};

use crate::world::{MAIN, World, bad, good};

/// Returns the two times between which `verify` says that main moved.
fn told_gap(world: &World) -> (Timestamp, Timestamp) {
    told_gaps(world).remove(0)
}

/// Returns the same for each move that `verify` tells of.
fn told_gaps(world: &World) -> Vec<(Timestamp, Timestamp)> {
    let seen = world.verify().refused("moved without a decision, after").seen.clone();
    let gaps = seen.split("decision, after ").skip(1).map(|gap| {
        let (after, until) = gap.lines().next().unwrap().split_once(" and not after ").unwrap();
        (after.parse().unwrap(), until.trim().parse().unwrap())
    });
    gaps.collect()
}

/// Moves main past the hook, and returns between which times.
fn bypass(world: &World, message: &str) -> (Timestamp, Timestamp) {
    let before = Timestamp::now();
    let new = world.commit(message);
    world.git_in("server.git", &["fetch", "-q", "../work", &format!("+{new}:main")]);
    (before, Timestamp::now())
}

fn assert_told(told: &[(Timestamp, Timestamp)], real: &[(Timestamp, Timestamp)]) {
    assert_eq!(told.len(), real.len(), "{told:?}");
    for ((from, until), (before, after)) in told.iter().zip(real) {
        assert!(from <= before && after <= until, "told {told:?}, real {real:?}");
    }
}

#[test]
fn a_bypass_that_a_waiting_denial_saw_ends_where_the_next_one_begins() {
    for has_terms in [true, false] {
        let world = World::new();
        world.commit(&good("One"));
        world.push(&["main"]).accepted();
        let mut real = Vec::new();
        let mut denied_at = Vec::new();
        for number in 0..3 {
            real.push(bypass(&world, &format!("Past the hook {number}\n")));
            if number < 2 {
                let denied = world.commit_tree(&["main"], &bad("Bad"));
                world.push(&[&format!("{denied}:{MAIN}")]).refused("peer-review");
                denied_at.push(Timestamp::now());
            }
        }
        if !has_terms {
            world.configure("changegate.policy", "/nowhere/policy.yml");
        }
        world.reconcile();
        let told = told_gaps(&world);
        assert_told(&told, &real);
        // Each was over when the denied push saw it.
        for (number, at) in denied_at.iter().enumerate() {
            assert!(told[number].1 <= *at && told[number + 1].0 <= *at, "{told:?} {denied_at:?}");
            assert!(told[number + 1].0 == told[number].1, "{told:?}");
        }
    }
}

#[test]
fn a_bypass_after_a_landing_that_is_found_late_has_a_window() {
    let world = World::new();
    let (hook, aside) = (world.path("server.git/hooks/post-receive"), world.path("server.git/aside"));
    world.commit(&good("One"));
    fs::rename(&hook, &aside).unwrap();
    world.push(&["main"]).accepted();
    fs::rename(&aside, &hook).unwrap();
    let real = bypass(&world, "Past the hook\n");
    world.reconcile().refused("moved without a decision");
    assert_told(&told_gaps(&world), &[real]);
}

#[test]
fn a_ref_that_was_moved_and_put_back_has_two_windows() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let good_tip = world.main();
    let away = bypass(&world, "Past the hook\n");
    let denied = world.commit_tree(&["main"], &bad("Bad"));
    world.push(&[&format!("{denied}:{MAIN}")]).refused("peer-review");
    let before = Timestamp::now();
    world.git_in("server.git", &["update-ref", MAIN, &good_tip]);
    let back = (before, Timestamp::now());
    world.reconcile().refused("moved without a decision");
    let told = told_gaps(&world);
    assert_told(&told, &[away, back]);
    assert!(told[0].1 <= before, "{told:?}");
}

#[test]
fn a_denial_that_waited_is_no_sight_of_the_ref_after_the_fact() {
    // Denied before or after the last allowed push; with the journal as it is, or a day old.
    for age in [SignedDuration::ZERO, SignedDuration::from_hours(24)] {
        let world = World::new();
        let begun = Timestamp::now();
        let first = world.main();
        let denied = world.commit_tree(&[&first], &bad("Bad"));
        world.push(&[&format!("{denied}:{MAIN}")]).refused("peer-review");
        world.age_waiting(age);
        let before = Timestamp::now();
        let new = world.commit("Past the hook\n");
        world.git_in("server.git", &["fetch", "-q", "../work", &format!("+{new}:main")]);
        let after = Timestamp::now();
        world.reconcile().refused("moved without a decision");
        let (from, until) = told_gap(&world);
        assert!(from <= before && after <= until, "{from} {before} {after} {until}");
        // The denial shows the ref as it was, and before that the ledger has seen it at its beginning.
        assert!(age != SignedDuration::ZERO || begun <= from, "{begun} {from}");
    }
}

#[test]
fn what_is_recorded_about_other_refs_says_nothing_of_this_one() {
    let world = World::new();
    let first = world.main();
    let new = world.commit("Past the hook\n");
    let before = Timestamp::now();
    world.git_in("server.git", &["fetch", "-q", "../work", &format!("+{new}:main")]);
    world.push(&[&format!("{first}:refs/heads/release/1")]).accepted();
    let (from, _) = told_gap(&world);
    assert!(from <= before, "{from} {before}");
}

#[test]
fn a_waiting_denial_is_a_note_and_no_alarm() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &bad("Bad"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    world.verify().accepted().says("waiting the ledger: denials in the journal: 1").says("passed");
    world.reconcile().accepted();
    world.verify().accepted().does_not_say("waiting");
}

#[test]
fn events_are_dated_when_they_happened() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &bad("Bad"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    let seen_at = world.age_waiting(SignedDuration::from_hours(50));
    world.reconcile().accepted();
    let line = format!("2 {} Deny main", seen_at.strftime("%F %R"));
    world.changegate("server.git", &["ledger", "log"]).accepted().says(&line);
    world.is_whole();
}

#[test]
fn a_first_policy_that_came_after_the_ledger_is_told_as_that() {
    let world = World::with(None, "sha1");
    let first = world.main();
    world.write("policies/changegate.yml", crate::world::POLICY);
    let policy = world.commit("Bring in the policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.reconcile().accepted();
    let later = world.commit(&good("Later"));
    world.push(&["main"]).accepted();
    for id in [&first, &policy] {
        world
            .changegate("server.git", &["ledger", "trace", id])
            .accepted()
            .says("landed before the ref was protected, on refs/heads/main")
            .says("Protect 1 more ref");
    }
    let trace = world.changegate("server.git", &["ledger", "trace", &later]);
    trace.accepted().says("landed as decided on refs/heads/main").does_not_say("Protect 1 more");
}

impl World {
    /// Makes the one decision that waits older, and returns when it says that it was made.
    fn age_waiting(&self, age: SignedDuration) -> Timestamp {
        let file = self.waiting().remove(0);
        let mut entry: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let seen_at = &mut entry["decided"]["observed-at"];
        let earlier: Timestamp = seen_at.as_str().unwrap().parse().unwrap();
        let earlier = earlier.checked_sub(age).unwrap();
        *seen_at = earlier.to_string().into();
        fs::write(&file, serde_json::to_vec(&entry).unwrap()).unwrap();
        earlier
    }
}
