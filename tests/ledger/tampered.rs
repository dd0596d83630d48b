//! Whatever is changed in a ledger is found, and called what it is.

use std::fs;

use serde_json::json;

use crate::forger::{Link, chain_anew};
use crate::ledger_reader::LEDGER;
use crate::world::{MAIN, Pushed, World, bad, good, script};

/// A server on which two commits have landed and one was denied: begin, decision, outcome, decision
/// (denied), decision, outcome.
fn scene() -> World {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let kept = world.head();
    world.commit(&bad("Two"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &kept]);
    world.commit(&good("Three"));
    world.push(&["main"]).accepted();
    assert_eq!(world.kinds(), ["begin", "decision", "outcome", "decision", "decision", "outcome"]);
    world.is_whole();
    world
}

/// Forges the ledger of the scene, makes the server forget, and verifies.
fn forged(forge: impl FnOnce(&mut Vec<Link>)) -> Pushed {
    let world = scene();
    let mut links = world.links();
    forge(&mut links);
    world.forge(&links);
    world.forget();
    world.verify()
}

#[test]
fn rebuilding_a_ledger_as_it_was_changes_nothing() {
    let world = scene();
    let before = world.at(LEDGER);
    world.forge(&world.links());
    assert_eq!(world.at(LEDGER), before);
    let mut links = world.links();
    chain_anew(&mut links, 0);
    world.forge(&links);
    assert_eq!(world.at(LEDGER), before, "the forger of these tests knows the format");
}

#[test]
fn a_changed_record() {
    forged(|links| links[1].replace("record.json", "\"allow\"", "\"deny\"")).refused("tampered record 3");
    // Also where everything after it is made to fit.
    forged(|links| {
        links[1].replace("record.json", "\"allow\"", "\"deny\"");
        chain_anew(links, 2);
    })
    .refused("tampered record 2");
}

#[test]
fn a_record_written_otherwise() {
    forged(|links| {
        links[5].replace("record.json", "{\"event\":", "{ \"event\":");
    })
    .refused("tampered record 6")
    .says("it is not canonical JSON");
}

#[test]
fn a_changed_state() {
    forged(|links| links[2].replace("state.json", "\"recent-decisions\":[", "\"recent-decisions\":[\"x\","))
        .refused("tampered record 3")
        .says("the state beside it");
    forged(|links| {
        links[2].files.remove("state.json");
    })
    .refused("tampered record 3")
    .says("the state beside it is gone");
    // A denial is recorded with the push after it, so only the last record of that push has a state.
    forged(|links| {
        assert!(!links[3].files.contains_key("state.json"));
        links[5].files.remove("state.json");
    })
    .refused("tampered record 6")
    .says("the state beside it is gone");
}

#[test]
fn a_changed_message() {
    forged(|links| {
        let text = String::from_utf8(links[3].message.clone()).unwrap();
        links[3].message = text.replace("decision deny", "decision allow").into_bytes();
    })
    .refused("tampered record 4")
    .says("its commit message does not match");
}

#[test]
fn what_no_record_has_beside_it() {
    forged(|links| {
        links[5].files.insert("x.txt".into(), b"x".to_vec());
    })
    .refused("tampered record 6")
    .says("it holds a file that no record has: x.txt");
    forged(|links| {
        let facts = links[1].files["facts.jsonl"].clone();
        links[5].files.insert("facts.jsonl".into(), facts);
    })
    .refused("tampered record 6");
    for mode in ["100755", "120000"] {
        forged(|links| links[5].mode = mode)
            .refused("tampered record 6")
            .says("its files have modes that no record has");
    }
    for header in [
        "encoding ISO-8859-1",
        "x-evil: 1",
        "author a <a@example.com> 0 +0000",
        "gpgsig x\nmergetag y",
        "gpgsig the auditor approved this",
        "gpgsig -----BEGIN SSH SIGNATURE-----\n the auditor, approved\n -----END SSH SIGNATURE-----",
    ] {
        forged(|links| links[5].add_header(header))
            .refused("tampered record 6")
            .says("its commit has headers that no record has");
    }
}

#[test]
fn changed_facts_and_lost_facts() {
    forged(|links| links[1].replace("facts.jsonl", "Reviewed-by", "Reviewed-By"))
        .refused("the facts beside it are not those");
    forged(|links| {
        links[1].files.remove("facts.jsonl");
    })
    .refused("the facts that it was judged by are gone");
}

#[test]
fn records_in_another_order() {
    forged(|links| links.swap(3, 4)).refused("tampered record 4").says("in the place of");
    forged(|links| {
        links.swap(2, 3);
        chain_anew(links, 2);
    })
    .refused("tampered record 3");
}

#[test]
fn a_record_taken_out_of_the_middle() {
    forged(|links| drop(links.remove(3))).refused("says record 5 in the place of 4");
    forged(|links| {
        links.remove(3);
        chain_anew(links, 3);
    })
    // The next state beside a record tells of the decision that is gone.
    .refused("tampered record 5");
}

#[test]
fn a_record_put_in_twice() {
    forged(|links| links.insert(4, links[3].clone())).refused("says record 4 in the place of 5");
    forged(|links| {
        links.insert(4, links[3].clone());
        chain_anew(links, 4);
    })
    .refused("recorded before");
}

#[test]
fn a_beginning_that_is_gone() {
    forged(|links| drop(links.remove(0))).refused("does not begin");
    forged(|links| {
        links.remove(0);
        chain_anew(links, 0);
    })
    .refused("does not begin");
    forged(|links| {
        let again = links[0].clone();
        links.push(again);
        let last = links.len() - 1;
        chain_anew(links, last);
    })
    .refused("begins a second time");
}

#[test]
fn an_end_that_is_gone_is_found_by_whoever_saw_it() {
    let world = scene();
    let seen = world.verify().seen;
    let seen = seen.split_whitespace().find(|word| word.starts_with("6:sha256:")).unwrap().to_owned();
    let verify =
        |world: &World| world.changegate("server.git", &["ledger", "verify", "--no-refs", "--seen", &seen]);
    verify(&world).accepted();
    let whole = world.at(LEDGER).unwrap();
    // It is cut between records that were appended at once.
    world.git_in("server.git", &["update-ref", LEDGER, &format!("{LEDGER}~2")]);
    world.verify().refused("truncated").says("tampered record 4").says("the state beside it is gone");
    world.commit(&good("Four"));
    world.push(&["main"]).refused("records after it are gone");
    // And where a push ended.
    world.git_in("server.git", &["update-ref", LEDGER, &format!("{whole}~3")]);
    // The server remembers by itself.
    world.verify().refused("truncated").says("there were 6 records, and now there are 3");
    // And nothing is appended to what was cut, which would hide it.
    world.push(&["main"]).says("the ledger had 6 records");
    world.commit(&good("Five"));
    world
        .push(&["main"])
        .refused("cannot be recorded, so the push is refused")
        .says("the ledger had 6 records");
    world.forget();
    verify(&world).refused("truncated");
    world.changegate("server.git", &["ledger", "verify", "--no-refs"]).says("3 records");
    // Another end of the same length.
    world.git_in("server.git", &["update-ref", LEDGER, &whole]);
    let mut links = world.links();
    links[5].edit(|record| record["event"]["outcome"]["found-late"] = true.into());
    world.forge(&links);
    verify(&world).refused("record 6 is not the one that was seen before");
    // What was cut is put back from a copy, and the pushes that waited are told.
    world.git_in("server.git", &["update-ref", LEDGER, &whole]);
    world.reconcile().accepted();
    world.is_whole();
    world.push(&["main"]).accepted();
    world.is_whole();
}

#[test]
fn a_ledger_that_is_gone() {
    let world = scene();
    world.git_in("server.git", &["update-ref", "-d", LEDGER]);
    world.verify().refused("no ledger in this repository");
    world.reconcile().refused("had 6 records, and now there is none");
}

#[test]
fn two_ledgers_joined() {
    let world = scene();
    let links = world.links();
    let other = world.git_in("server.git", &["rev-parse", &format!("{LEDGER}~2")]);
    let main = world.git_in("server.git", &["rev-parse", &format!("{LEDGER}~1")]);
    let joined = world.forge_one(&links[5], &[main, other]);
    world.git_in("server.git", &["update-ref", LEDGER, &joined]);
    world.verify().refused("tampered record 6").says("two ledgers were joined");
}

#[test]
fn a_record_of_another_repository() {
    forged(|links| {
        let tree = links[1].record()["event"]["decision"]["refs"][0]["tree"].as_str().unwrap().to_owned();
        links[1].replace(
            "record.json",
            &format!("\"tree\":\"{tree}\""),
            &format!("\"tree\":\"{}\"", "1".repeat(40)),
        );
        chain_anew(links, 2);
    })
    .refused("mismatch record 2")
    .says("another tree than was judged");
}

#[test]
fn an_outcome_without_a_decision_and_the_contrary() {
    forged(|links| links[2].edit(|record| record["event"]["outcome"]["decision-id"] = "0".repeat(32).into()))
        .refused("incomplete record 3")
        .says("its decision is not open");
    let world = scene();
    let mut links = world.links();
    links.truncate(5);
    world.forge(&links);
    world.forget();
    world.verify().refused("has no outcome");
}

#[test]
fn a_landing_that_was_not_decided() {
    forged(|links| {
        links[2].edit(|record| record["event"]["outcome"]["landed"][0]["new"] = "2".repeat(40).into())
    })
    .refused("tampered record 3")
    .says("landed that was not decided");
    forged(|links| {
        links[2].edit(|record| record["event"]["outcome"]["landed"][0]["name"] = "refs/heads/other".into())
    })
    .refused("landed that was not decided");
}

#[test]
fn a_record_that_does_not_go_on_from_the_one_before() {
    forged(|links| {
        for place in [4, 5] {
            let mut text = String::from_utf8(links[place].files["record.json"].clone()).unwrap();
            let old = links[1].record()["event"]["decision"]["refs"][0]["new"].as_str().unwrap().to_owned();
            text = text.replace(&format!("\"old\":\"{old}\""), &format!("\"old\":\"{}\"", "3".repeat(40)));
            links[place].files.insert("record.json".into(), text.into_bytes());
        }
        chain_anew(links, 5);
    })
    .refused("tampered record 6")
    .says("the records before it say");
}

#[test]
fn a_newer_version_and_unknown_fields_are_told_and_stop_nothing() {
    let told = forged(|links| {
        links[3].edit(|record| record["schema"] = "changegate/record/v2".into());
        chain_anew(links, 4);
    });
    told.refused("unreadable record 4").says("changegate/record/v2").says("6 records");
    assert!(!told.seen.contains("record 5"), "{}", told.seen);
    forged(|links| {
        links[3].edit(|record| record["event"]["decision"]["surprise"] = json!({ "a": 1 }));
        chain_anew(links, 4);
    })
    .refused("unreadable record 4")
    .says("surprise");
    // Nothing is appended after a record that is not understood.
    let world = scene();
    let mut links = world.links();
    links[5].edit(|record| record["schema"] = "changegate/record/v9".into());
    world.forge(&links);
    world.forget();
    world.reconcile().refused("append with a version of changegate that knows it");
}

#[test]
fn what_is_no_record_at_all() {
    let huge = vec![b'x'; 100 << 20];
    for content in [b"\xff\xfe{\"schema\":".to_vec(), b"".to_vec(), b"[]".to_vec(), b"null".to_vec(), huge] {
        let told = forged(|links| drop(links[3].files.insert("record.json".into(), content)));
        told.refused("unreadable record 4").says("6 records");
        assert!(!told.seen.contains("record 6"), "{}", told.seen);
    }
    forged(|links| drop(links[3].files.remove("record.json"))).refused("it holds no record.json");
}

#[test]
fn commits_that_are_gone() {
    let world = scene();
    let gone = world.git_in("server.git", &["rev-parse", &format!("{LEDGER}~3")]);
    let (folder, file) = gone.split_at(2);
    fs::remove_file(world.path(&format!("server.git/objects/{folder}/{file}"))).unwrap();
    let told = world.verify();
    told.refused("unreadable").says("cannot be read");
    assert!(!told.seen.contains("record 5"), "{}", told.seen);
}

#[test]
fn a_branch_moved_on_the_server() {
    let world = scene();
    let old = world.main();
    world.git_in("server.git", &["update-ref", MAIN, &format!("{old}~1")]);
    world.verify().refused("mismatch").says("and the ledger says");
    world.reconcile().refused("moved without a decision");
    world.verify().refused("unauthorised record 7").says("refs/heads/main moved without a decision");
    // It is told once, and the ledger goes on.
    world.reconcile().accepted().says("nothing to reconcile");
    // The next push finds it as well.
    world.git_in("server.git", &["update-ref", MAIN, &old]);
    world.commit(&good("Four"));
    world.push(&["main"]).accepted().says("moved without a decision");
    let kinds = world.kinds();
    assert_eq!(kinds[6..], ["unauthorised", "unauthorised", "decision", "outcome"]);
    world.verify().does_not_say("mismatch").does_not_say("tampered");
}

#[test]
fn a_branch_made_or_deleted_on_the_server() {
    let world = scene();
    world.git_in("server.git", &["update-ref", "refs/heads/release/7", MAIN]);
    world.reconcile().refused("refs/heads/release/7 moved without a decision");
    world.git_in("server.git", &["update-ref", "-d", "refs/heads/release/7"]);
    world.verify().refused("refs/heads/release/7 holds nothing");
    world.reconcile().refused("refs/heads/release/7 moved without a decision");
    world.git_in("server.git", &["update-ref", "refs/heads/free", MAIN]);
    world.reconcile().accepted();
}

#[test]
fn a_hook_that_is_not_run_for_a_while() {
    let world = scene();
    let hook = world.path("server.git/hooks/pre-receive");
    let text = fs::read_to_string(&hook).unwrap();
    fs::remove_file(&hook).unwrap();
    world.commit(&bad("Nobody looked"));
    world.push(&["main"]).accepted().says("moved without a decision");
    script(&hook, &text);
    world.commit(&good("Looked at"));
    world.push(&["main"]).accepted();
    assert_eq!(world.kinds()[6..], ["unauthorised", "decision", "outcome"]);
    world.verify().refused("unauthorised record 7").does_not_say("tampered");
}

#[test]
fn every_changed_byte_of_every_record_is_found() {
    let world = scene();
    let seen = fs::read_to_string(world.path("server.git/changegate/newest")).unwrap();
    let links = world.links();
    let mut seed = 7_usize;
    for place in 0..links.len() {
        for file in ["record.json", "state.json", "message", "facts.jsonl"] {
            let mut forged = links.clone();
            let bytes = match file {
                "message" => &mut forged[place].message,
                file => match forged[place].files.get_mut(file) {
                    Some(bytes) => bytes,
                    None => continue,
                },
            };
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 20) % bytes.len();
            bytes[at] ^= 1 << ((seed >> 50) % 8);
            world.forge(&forged);
            let told = world.changegate("server.git", &["ledger", "verify", "--seen", seen.trim_end()]);
            assert!(!told.ok, "{file} of record {}, byte {at}: {}", place + 1, told.seen);
        }
    }
}
