//! Judging again from the facts beside a record, and records that are too long for all of it.

use std::fmt::Write as _;

use changegate::gate::load_from_disk;
use changegate::ledger::record::digest_bytes;

use crate::forger::chain_anew;
use crate::ledger_reader::LEDGER;
use crate::world::{MAIN, POLICY, World, bad, good};

#[test]
fn what_was_decided_is_decided_again() {
    let world = World::new();
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.commit(&good("Two"));
    world.commit(&bad("Three"));
    world.push(&["main", "main:release/1"]).refused("peer-review");
    world.reconcile().accepted();
    let replay = |number: &str| world.changegate("server.git", &["ledger", "replay", number]);
    replay("2").accepted().says("1 change judged again, with the same outcome");
    replay("4").accepted().says("4 changes judged again, with the same outcome");
    replay("3").refused("not a decision");
    replay("9").refused("there is no record `9`");
    // In a copy, after everything else is gone from the server.
    let spec = format!("{LEDGER}:{LEDGER}");
    world.git(&["fetch", "-q", "origin", &spec]);
    world.changegate("work", &["ledger", "replay", "4"]).accepted().says("with the same outcome");
    // Where the policy is not, nothing is judged again.
    world.git_in("", &["init", "-q", "--bare", "copy.git"]);
    world.git_in("copy.git", &["fetch", "-q", "../server.git", &spec]);
    world
        .changegate("copy.git", &["ledger", "replay", "4"])
        .refused("cannot judge again")
        .says("cannot be read any more");
    world.changegate("copy.git", &["ledger", "verify"]).accepted();
}

#[test]
fn an_outcome_that_does_not_follow_from_the_facts_is_found() {
    let world = World::new();
    world.commit(&bad("One"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted();
    let whole = world.links();
    let mut links = whole.clone();
    links[1].replace("record.json", "\"level\":\"deny\"", "\"level\":\"warn\"");
    world.forge(&links);
    world.changegate("server.git", &["ledger", "replay", "2"]).refused("is judged otherwise");
    let mut links = whole.clone();
    links[1].replace("facts.jsonl", "Risk: low", "Risk: high");
    chain_anew(&mut links, 1);
    world.forge(&links);
    world.changegate("server.git", &["ledger", "replay", "2"]).refused("are not those that it was judged by");
    let mut links = whole;
    links[1].files.remove("facts.jsonl");
    world.forge(&links);
    world.changegate("server.git", &["ledger", "replay", "2"]).refused("too long to be kept");
}

/// A record of an earlier version names its policy by a digest without the files of keys: it is judged again, and by no other
/// policy.
#[test]
fn a_record_that_names_its_policy_by_an_old_digest_is_judged_again() {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMqXgRLKG73K+sIxs5oj3E2nhu/4FHxOcrmAd4Wv7ki7";
    let world = World::new();
    world.write("policies/keys", &format!("ana@example.com namespaces=\"git\" {KEY}\n"));
    world.write("policies/changegate.yml", &format!("{POLICY}signers: {{ ssh: policies/keys }}\n"));
    world.commit(&good("Name the keys"));
    world.push(&["main"]).accepted();
    world.commit(&good("One"));
    world.commit(&bad("Two"));
    world.push(&["main"]).refused("peer-review");
    world.reconcile().accepted();
    let policy = load_from_disk(&world.path("work"), "policies/changegate.yml").unwrap().policy;
    assert_ne!(policy.digest, policy.digest_without_keys);
    let last = world.links().len();
    let replay = || world.changegate("server.git", &["ledger", "replay", &last.to_string()]);
    replay().accepted().says("2 changes judged again, with the same outcome");
    let whole = world.links();
    let name_by = |digest: &str| {
        let mut links = whole.clone();
        let link = &mut links[last - 1];
        for file in ["record.json", "reasons.jsonl"] {
            let text = String::from_utf8(link.files[file].clone()).unwrap();
            assert!(text.contains(&policy.digest), "{file}: {text}");
            link.files.insert(file.into(), text.replace(&policy.digest, digest).into_bytes());
        }
        let reasons = digest_bytes(&link.files["reasons.jsonl"]);
        link.edit(|record| record["event"]["decision"]["reasons"]["digest"] = reasons.into());
        chain_anew(&mut links, last - 1);
        world.forge(&links);
    };
    name_by(&policy.digest_without_keys);
    replay().accepted().says("2 changes judged again, with the same outcome");
    name_by(&"0".repeat(64));
    replay().refused("cannot judge again");
}

#[test]
fn a_push_under_an_old_policy_is_judged_again_by_both() {
    let world = World::new();
    world.git(&["checkout", "-q", "-b", "old"]);
    world.push(&["old:release/old"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    let stricter = "changegate: 1\nname: stricter\nextends: [startup]\nprotects: [main, 'release/*']\n\
                    rules:\n  ticket: { title: a ticket, require: { field: { Ticket: present } } }\n\
                    fields:\n  Ticket: { matches: '[A-Z]+-[0-9]+' }\nreasons: { fields.Ticket: one tracker }\n";
    world.write("policies/changegate.yml", stricter);
    world.commit(&good("Ask for tickets"));
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "old"]);
    world.commit(&good("No ticket"));
    world.push(&["old:release/old"]).refused("ticket");
    world.reconcile().accepted();
    let records = world.records();
    let last = records.len();
    assert_eq!(records[last - 1]["event"]["refs"][0]["policies"].as_array().unwrap().len(), 2);
    world
        .changegate("server.git", &["ledger", "replay", &last.to_string()])
        .accepted()
        .says("1 change judged again");
}

#[test]
fn thousands_of_denied_changes_fit_into_a_record_that_counts_them() {
    let world = World::new();
    let tip = world.main();
    let mut stream = String::new();
    let many = 6000;
    for number in 0..many {
        let message = bad(&format!("Commit {number}"));
        writeln!(
            stream,
            "commit refs/heads/many\ncommitter Ana <ana@example.com> {} +0000\ndata {}\n{message}",
            1_700_000_000 + number,
            message.len()
        )
        .unwrap();
        if number == 0 {
            writeln!(stream, "from {tip}").unwrap();
        }
        writeln!(stream, "M 100644 inline file{}\ndata 2\n{}\n", number % 50, number % 10).unwrap();
    }
    world.git_fed("work", &["fast-import", "--quiet"], stream.as_bytes());
    world.push(&[&format!("many:{MAIN}")]).refused("peer-review");
    world.reconcile().accepted();
    world.is_whole();
    let record = world.records().pop().unwrap();
    let one = &record["event"]["refs"][0];
    let kept = one["changes"].as_array().unwrap().len();
    let left_out = one["omitted"]["changes"].as_u64().unwrap();
    assert!(0 < kept && 0 < left_out, "{kept}, {left_out}");
    assert_eq!(u64::try_from(kept).unwrap() + left_out, many);
    assert_eq!(one["omitted"]["denied"].as_u64().unwrap(), left_out);
    assert_eq!(record["event"]["facts"]["kept"], false);
    assert_eq!(record["event"]["facts"]["changes"], many);
}
