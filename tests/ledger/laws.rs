//! Laws of the ledger, over histories in which anything may happen to a push.

use proptest::prelude::*;

use crate::world::{BINARY, MAIN, World, bad, good, script};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A push lands, and git says so.
    Lands,
    /// A push lands, and nobody is told.
    LandsUntold,
    /// A push is allowed, and does not land.
    Dies,
    /// A push is denied.
    Denied,
    /// Somebody moves the branch on the server, to a commit upon what it holds.
    Forward,
    /// Somebody moves it to a commit beside.
    Aside,
    /// Somebody moves it back to what it held before.
    Back,
    /// Somebody reconciles.
    Reconciles,
}

fn deed() -> impl Strategy<Value = Deed> {
    use Deed::{Aside, Back, Denied, Dies, Forward, Lands, LandsUntold, Reconciles};
    prop_oneof![
        3 => Just(Lands),
        3 => Just(LandsUntold),
        2 => Just(Dies),
        1 => Just(Denied),
        1 => Just(Forward),
        1 => Just(Aside),
        1 => Just(Back),
        1 => Just(Reconciles),
    ]
}

fn hooks(world: &World, before: &str, after: &str) {
    script(
        &world.path("server.git/hooks/pre-receive"),
        &format!("#!/bin/sh\n{BINARY} hook pre-receive {before}\n"),
    );
    script(&world.path("server.git/hooks/post-receive"), &format!("#!/bin/sh\n{after}\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// After any of it, one further run leaves every move of the branch in the ledger: what was
    /// decided as landed, once, and the rest as unauthorised; and each landing goes on from the last.
    #[test]
    fn every_move_of_a_ref_is_told_as_what_it_was(deeds in prop::collection::vec(deed(), 1..10)) {
        let world = World::new();
        let mut landed: Vec<String> = Vec::new();
        let mut decisions = 0;
        let mut unauthorised = 0;
        let told = format!("exec {BINARY} hook post-receive");
        for (number, deed) in deeds.iter().enumerate() {
            let tip = world.main();
            world.git(&["reset", "-q", "--hard", &tip]);
            let subject = format!("Commit {number}");
            let side = || world.commit_tree(&["HEAD~0"], &format!("Unauthorised {number}"));
            let give = |id: &str| {
                world.git_in("server.git", &["fetch", "-q", "../work", id]);
                world.git_in("server.git", &["update-ref", MAIN, id]);
            };
            match deed {
                Deed::Lands | Deed::LandsUntold | Deed::Dies | Deed::Denied => {
                    let id = world.commit(&if matches!(deed, Deed::Denied) { bad(&subject) } else { good(&subject) });
                    hooks(
                        &world,
                        if matches!(deed, Deed::Dies) { "; exit 1" } else { "" },
                        if matches!(deed, Deed::Lands) { &told } else { "" },
                    );
                    let pushed = world.push(&["main"]);
                    prop_assert_eq!(pushed.ok, matches!(deed, Deed::Lands | Deed::LandsUntold), "{}", pushed.seen);
                    decisions += 1;
                    if pushed.ok {
                        landed.push(id);
                    }
                }
                Deed::Forward => {
                    world.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
                    give(&side());
                    unauthorised += 1;
                }
                Deed::Aside => {
                    world.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
                    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
                    // A policy has to stand there, for the next push.
                    give(&world.commit_tree(&[&first], &format!("Aside {number}")));
                    unauthorised += 1;
                }
                Deed::Back => {
                    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
                    if first != tip {
                        give(&first);
                        unauthorised += 1;
                    }
                }
                Deed::Reconciles => {
                    world.changegate("server.git", &["ledger", "reconcile"]);
                }
            }
        }
        world.reconcile();
        let verified = world.verify();
        for kind in ["tampered", "mismatch", "incomplete", "unreadable", "truncated"] {
            prop_assert!(!verified.seen.contains(kind), "{:?}:\n{}", deeds, verified.seen);
        }
        let records = world.records();
        let mut told = Vec::new();
        let mut at = records[0]["event"]["tips"][0]["id"].clone();
        let mut found = 0;
        for record in &records {
            let event = &record["event"];
            for moved in event["landed"].as_array().into_iter().flatten() {
                told.push(moved["new"].as_str().unwrap().to_owned());
                prop_assert_eq!(&moved["old"], &at, "{:?}", deeds);
                at = moved["new"].clone();
            }
            if event["kind"] == "unauthorised" {
                found += 1;
                prop_assert_eq!(&event["old"], &at, "{:?}", deeds);
                at = event["new"].clone();
            }
        }
        prop_assert_eq!(at.as_str().unwrap(), world.main(), "{:?}", deeds);
        prop_assert_eq!(told, landed, "{:?}: {:#?}", deeds, records);
        prop_assert!(found <= unauthorised, "{:?}", deeds);
        prop_assert_eq!(kinds(&records, "decision"), decisions, "{:?}", deeds);
    }
}

fn kinds(records: &[serde_json::Value], kind: &str) -> usize {
    records.iter().filter(|record| record["event"]["kind"] == kind).count()
}
