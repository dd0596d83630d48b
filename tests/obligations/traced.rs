//! How one change went, from request to closure, as `ledger trace` tells it after real pushes.

use serde_json::Value;

use crate::break_glass::server;
use crate::past::{EMERGENCY, REVIEW, TICKET, ago, closes};
use crate::world::{Pushed, World, good};

impl World {
    fn trace(&self, change: &str) -> Pushed {
        self.changegate("server.git", &["ledger", "trace", change])
    }

    fn traced(&self, change: &str) -> Value {
        let mut command = self.command(crate::world::BINARY, "server.git");
        let output = command.args(["ledger", "trace", change, "--format", "json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (told["schema"].as_str(), told["change"].as_str()),
            (Some("changegate/trace/v1"), Some(change))
        );
        told
    }
}

/// Returns the kinds of the records that are told, in their order.
fn kinds(told: &Value) -> Vec<String> {
    let records = told["records"].as_array().unwrap();
    let kind = |one: &Value| one["record"]["event"].as_object().unwrap().keys().next().unwrap().clone();
    records.iter().map(kind).collect()
}

fn came(told: &Value) -> Vec<(&str, &str)> {
    let landed = told["landed"].as_array().unwrap();
    landed.iter().map(|one| (one["ref"].as_str().unwrap(), one["came"].as_str().unwrap())).collect()
}

#[test]
fn an_emergency_is_told_from_its_push_to_what_closed_it() {
    let mut world = World::new();
    world.commit(&good("Before"));
    world.push(&["main"]).accepted();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    let trace = world.trace(&change);
    trace.accepted().says("owed emergency-ticket").says("1 due soon, 1 open").does_not_say("Before");
    // Somebody else closes it, and that is part of how the change went.
    world.commit_as_ben(&closes(&change, &format!("{TICKET}{REVIEW}")));
    world.push(&["main"]).accepted();
    let told = world.traced(&change);
    assert_eq!(kinds(&told), ["decision", "outcome", "discharged", "discharged"]);
    world.trace(&change).accepted().says("2 closed in time").says("Close emergency-ticket");
}

#[test]
fn a_change_in_the_middle_of_a_push_is_told_and_its_neighbours_are_not() {
    let world = World::new();
    let owes = world.commit(EMERGENCY);
    let middle = world.commit(&good("Middle"));
    let tip = world.commit(&good("Tip"));
    world.push(&["main"]).accepted();
    for (id, subject) in [(&middle, "Middle"), (&tip, "Tip")] {
        world
            .trace(id)
            .accepted()
            .says(subject)
            .says("landed as decided on refs/heads/main")
            .says("passed     risk")
            .says("no obligations");
        let told = world.traced(id);
        assert_eq!(kinds(&told), ["decision", "outcome"]);
        assert_eq!(came(&told), [("refs/heads/main", "decided")]);
        let verdicts = told["records"][0]["verdicts"].as_array().unwrap();
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        assert_eq!(verdicts[0]["verdict"]["revision"].as_str(), Some(id.as_str()));
    }
    world.trace(&owes).accepted().says("owed     emergency-ticket");
}

#[test]
fn what_a_merge_brought_is_told_by_the_judgement_of_the_merge() {
    let world = World::new();
    world.git(&["checkout", "-q", "-b", "topic"]);
    let inner = world.commit("Work\n");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge the work"), "topic"]);
    let merge = world.head();
    world.push(&["main"]).accepted();
    let told = world.traced(&inner);
    assert_eq!(kinds(&told), ["decision", "outcome"]);
    let revision = &told["records"][0]["verdicts"][0]["verdict"]["revision"];
    assert_eq!(revision.as_str(), Some(merge.as_str()));
}

#[test]
fn what_is_refused_has_not_landed_and_what_came_past_is_said_so() {
    let mut world = server();
    let refused = world.is("ana@example.com").commit("No trailers\n");
    world.push(&["main"]).refused("denied");
    world.reconcile();
    world.git_in("server.git", &["fetch", "-q", "../work", "main:refs/heads/aside"]);
    world.trace(&refused).refused("not landed").says("failed").says("denied on refs/heads/main");
    // The same commit comes in past the hook.
    world.git_in("server.git", &["update-ref", "refs/heads/main", &refused]);
    world.reconcile();
    world
        .trace(&refused)
        .refused("landed WITHOUT A DECISION on refs/heads/main")
        .says("denied on refs/heads/main")
        .says("can be regularised by duty-managers");
    let told = world.traced(&refused);
    assert_eq!(kinds(&told), ["decision", "unauthorised", "regularisation-terms"]);
    assert_eq!(came(&told), [("refs/heads/main", "undecided")]);
    let why = "Emergency-Reason: the hook was off while the disk was replaced, and the fix could not wait\n";
    let regularising = format!("{}For-Change: {refused}\n{why}Incident: INC-1\n", good("Regularise it"));
    world.is("kim@example.com").commit(&regularising);
    world.push(&["main"]).accepted();
    world.trace(&refused).accepted().says("was regularised, on refs/heads/main");
    assert_eq!(came(&world.traced(&refused)), [("refs/heads/main", "regularised")]);
}

#[test]
fn what_is_overdue_ends_with_one_and_what_was_there_before_is_told_as_that() {
    let world = World::new();
    let first = world.main();
    world.commit(EMERGENCY);
    let change = world.land_at(ago(48));
    world.trace(&change).refused("overdue").says("landed as decided");
    world.trace(&first).accepted().says("older than the ledger, on refs/heads/main");
    let none = world.commit(&good("Nowhere yet"));
    world.git_in("server.git", &["fetch", "-q", "../work", &none]);
    world.trace(&none).refused("no records about this change");
    world.changegate("server.git", &["ledger", "trace", "no-such-thing"]).refused("does not name a commit");
    world.git_in("server.git", &["update-ref", "-d", "refs/changegate/ledger"]);
    world
        .trace(&change)
        .refused("no ledger in this repository")
        .says("no remote is configured")
        .does_not_say("git fetch");
    let fetch = "refs/changegate/ledger:refs/changegate/ledger";
    world.git_in("server.git", &["remote", "add", "hub", "../work"]);
    world.trace(&change).refused("no ledger").says(&format!("git fetch hub {fetch}"));
    world.git_in("server.git", &["remote", "add", "two", "../work"]);
    world
        .trace(&change)
        .refused("no ledger")
        .says("from the remote that the server is")
        .does_not_say("git fetch");
    world.git_in("server.git", &["remote", "add", "origin", "../work"]);
    world.trace(&change).refused("no ledger").says(&format!("git fetch origin {fetch}"));
}

#[test]
fn a_damaged_record_is_told_and_keeps_nobody_from_the_rest() {
    let world = World::new();
    let change = world.commit(&good("One"));
    world.push(&["main"]).accepted();
    let first = world.git_in("server.git", &["rev-parse", "refs/changegate/ledger~2:record.json"]);
    let (folder, name) = first.trim().split_at(2);
    std::fs::remove_file(world.path("server.git").join("objects").join(folder).join(name)).unwrap();
    world.trace(&change).refused("1 record cannot be read").says("landed as decided on refs/heads/main");
    world.changegate("server.git", &["ledger", "log"]).accepted().says("cannot be read").says("Landed: main");
}
