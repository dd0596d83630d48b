//! The sign that the gate stood while nothing else was recorded.

use crate::forger::chain_anew;
use crate::ledger_reader::LEDGER;
use crate::world::{MAIN, World, bad, good};

/// Moves a ledger to the past, so that nothing was recorded for a long time.
fn age(world: &World, day: &str) {
    let mut links = world.links();
    for link in &mut links {
        let at = format!("2026-01-{day}T00:00:00Z");
        link.edit(|record| {
            record["recorded-at"] = at.clone().into();
            for (_, event) in record["event"].as_object_mut().unwrap() {
                if event.get("observed-at").is_some() {
                    event["observed-at"] = at.clone().into();
                }
            }
        });
        let message = String::from_utf8(link.message.clone()).unwrap();
        let line = |line: &str| match line.strip_prefix("Observed-At: ") {
            Some(_) => format!("Observed-At: {at}\n"),
            None => format!("{line}\n"),
        };
        link.message = message.lines().map(line).collect::<String>().into_bytes();
        let seconds: jiff::Timestamp = at.parse().unwrap();
        link.at(&seconds.as_second().to_string());
    }
    chain_anew(&mut links, 0);
    world.forge(&links);
    let newest = world.path("server.git/changegate/newest");
    if newest.exists() {
        std::fs::remove_file(newest).unwrap();
    }
}

/// Returns the newest sign.
fn newest_sign(world: &World) -> serde_json::Value {
    let mut records = world.records();
    records.retain(|record| record["event"]["kind"] == "heartbeat");
    records.last().unwrap()["event"].clone()
}

#[test]
fn reconcile_leaves_a_sign_if_nothing_was_recorded_for_an_hour() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.reconcile().accepted().says("nothing to reconcile");
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"], "the newest record is sign enough");
    age(&world, "05");
    world.reconcile().accepted().says("1 record appended");
    assert_eq!(world.kinds(), ["begin", "decision", "outcome", "heartbeat"]);
    let heartbeat = newest_sign(&world);
    assert_eq!((&heartbeat["hook"], &heartbeat["refs"]), (&"installed".into(), &1.into()));
    world.reconcile().accepted().says("nothing to reconcile");
    world.verify().accepted().says("longest time without a record:").says("from 2026-01-05 00:00 UTC");
    world.changegate("server.git", &["ledger", "show", "4"]).accepted().says("the hook is installed");
    world.changegate("server.git", &["ledger", "log"]).accepted().says("Heartbeat: 1 ref as recorded");
}

/// A denial tells of no ref what it holds, so a run that records one leaves a sign as well.
#[test]
fn a_denial_that_waited_is_no_sign() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    age(&world, "05");
    world.commit(&bad("Two"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted().says("2 records appended");
    assert_eq!(world.kinds(), ["begin", "decision", "outcome", "decision", "heartbeat"]);
    world.commit(&bad("Three"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted().says("1 record appended");
}

#[test]
fn a_hook_that_is_gone_is_told_by_the_sign() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    age(&world, "05");
    std::fs::remove_file(world.path("server.git/hooks/pre-receive")).unwrap();
    world.reconcile().accepted();
    assert_eq!(newest_sign(&world)["hook"], "missing");
    std::fs::write(world.path("server.git/hooks/pre-receive"), "#!/bin/sh\nexit 0\n").unwrap();
    age(&world, "06");
    world.reconcile().accepted();
    assert_eq!(newest_sign(&world)["hook"], "missing", "git does not run this file");
}

#[test]
fn a_ref_was_last_seen_unchanged_at_the_last_sign() {
    let world = World::new();
    let first = world.commit(&good("One"));
    world.push(&["main"]).accepted();
    age(&world, "05");
    world.reconcile().accepted();
    let seen = newest_sign(&world)["observed-at"].as_str().unwrap().to_owned();
    let bypass = world.commit(&good("Two"));
    world.git(&["push", "-q", "origin", "HEAD:refs/heads/elsewhere"]);
    world.git_in("server.git", &["update-ref", MAIN, &bypass, &first]);
    world.reconcile().says("moved without a decision");
    world.verify().says(&format!("moved without a decision, after {seen} and not after"));
}

#[test]
fn a_sign_that_does_not_fit_the_ledger_is_found() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    age(&world, "05");
    world.reconcile().accepted();
    let mut links = world.links();
    links[3].edit(|record| record["event"]["heartbeat"]["refs"] = 7.into());
    chain_anew(&mut links, 3);
    world.forge(&links);
    std::fs::remove_file(world.path("server.git/changegate/newest")).unwrap();
    world.verify().refused("its refs or its time are not those of the ledger");
    assert!(world.at(LEDGER).is_some());
}
