//! A policy that does not protect the ref that it is read from: any push could replace it, so none is accepted.

use crate::world::{Pushed, World, bad, good};

const TRUNK: &str = "refs/heads/trunk";
const PATH: &str = "policies/changegate.yml";
const LEFT_OUT: &str = "changegate: 1\nname: test\nextends: [startup]\nprotects: [main]\n";
const LAX: &str = "changegate: 1\nname: lax\nprotects: [main]\nrules: {}\n";

/// A server that reads its policy from trunk, with this policy.
fn trunk_server(policy: &str) -> World {
    let world = World::with(None, "sha1");
    world.git_in("server.git", &["symbolic-ref", "HEAD", TRUNK]);
    world.configure("changegate.policyRef", TRUNK);
    world.git(&["switch", "-q", "-c", "trunk"]);
    world.write(PATH, policy);
    world.commit("First policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "trunk:trunk"]);
    world
}

#[test]
fn a_push_to_a_free_policy_ref_replaces_no_policy() {
    let world = trunk_server(LEFT_OUT);
    let (main, trunk) = (world.main(), world.at(TRUNK));
    let said = "`protects` leaves out `refs/heads/trunk`, which the policy is read from";
    for message in [bad("Another policy"), good("Another policy")] {
        world.write(PATH, LAX);
        world.commit(&message);
        world.push(&["trunk"]).refused("policy-valid").says(said).says("the server administrator");
        // Nor does anything else get in.
        world.push(&["trunk:main"]).refused("policy-valid").says(said);
        world.push(&["trunk:refs/heads/free"]).refused("policy-valid").says(said);
        world.push(&["trunk", "trunk:main"]).refused(said);
    }
    assert_eq!((world.main(), world.at(TRUNK)), (main, trunk));
}

#[test]
fn the_way_out_of_a_free_policy_ref_is_printed_and_works() {
    for begins_ledger in [true, false] {
        let world = trunk_server(LEFT_OUT);
        if begins_ledger {
            world.changegate("server.git", &["ledger", "reconcile"]).accepted();
        }
        world.commit(&good("Go on"));
        let refused = world.push(&["trunk"]);
        refused.refused("add trunk in `protects`").says("git fetch CLONE trunk:trunk");
        world.git(&["reset", "-q", "--hard", "HEAD~1"]);
        world.write(PATH, &LEFT_OUT.replace("[main]", "[main, trunk]"));
        world.commit("Protect trunk\n");
        let line = refused.seen.lines().find_map(|line| line.split_once("git fetch CLONE")).unwrap().1;
        let pasted = format!("git fetch ../work{}", line.trim_end());
        let fetched: Pushed =
            world.command("sh", "server.git").args(["-c", &pasted]).output().unwrap().into();
        fetched.accepted();
        world.commit(&bad("Unreviewed"));
        world.push(&["trunk"]).refused("peer-review").does_not_say("policy-valid");
        world.git(&["reset", "-q", "--hard", "HEAD~1"]);
        world.commit(&good("Reviewed"));
        world.push(&["trunk"]).accepted();
        world.changegate("server.git", &["ledger", "verify"]).accepted();
    }
}

#[test]
fn a_free_policy_ref_is_an_error_where_the_server_is_set_up() {
    let world = trunk_server(LEFT_OUT);
    let said = "error: `protects` leaves out `trunk`, which the policy is read from";
    let installed = world.changegate("server.git", &["install", "--server"]);
    installed.accepted().says(said).says("git fetch CLONE trunk:trunk").does_not_say("next: push");
    let doctor = world.changegate("server.git", &["doctor"]);
    doctor.refused("leaves out the ref that the policy is read from").says(said);
    doctor.says("changegate: the policy cannot be used");
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    world.changegate("work", &["policy", "check"]).refused("`protects` leaves out the branch `trunk`");
    world.changegate("server.git", &["policy", "check"]).refused("`protects` leaves out the branch `trunk`");
}

#[test]
fn a_pack_in_place_of_the_policy_has_to_protect_its_ref() {
    let world = World::with(None, "sha1");
    world.configure("changegate.policyRef", TRUNK);
    world.configure("changegate.missingPolicy", "startup");
    let installed = world.changegate("server.git", &["install", "--server"]);
    installed.accepted().says("every push is refused, since the pack startup does not protect that ref");
    world.changegate("server.git", &["doctor"]).refused("leaves out the ref");
    world.write(PATH, LAX);
    let commit = world.commit(&bad("A policy"));
    let push = world.push(&[&format!("{commit}:{TRUNK}")]);
    push.refused("which the pack `startup` in its place does not protect").says("changegate policy init");
    assert_eq!(world.at(TRUNK), None);
    world.configure("changegate.policyRef", "refs/heads/main");
    world.push(&[&format!("{commit}:{TRUNK}")]).accepted();
}

#[test]
fn what_protects_the_policy_ref_in_another_way_is_left_alone() {
    // A symbolic ref with a protected name leads to it.
    let world = trunk_server(LEFT_OUT);
    world.git_in("server.git", &["update-ref", "-d", "refs/heads/main"]);
    world.git_in("server.git", &["symbolic-ref", "refs/heads/main", TRUNK]);
    world.commit(&good("Go on"));
    world.push(&["trunk"]).accepted();
    world.commit(&bad("Unreviewed"));
    world.push(&["trunk"]).refused("peer-review");
    // No client can write to a reserved name.
    let world = World::new();
    let main = world.main();
    world.git_in("server.git", &["update-ref", "refs/changegate/policy", &main]);
    world.configure("changegate.policyRef", "refs/changegate/policy");
    world.changegate("server.git", &["doctor"]).does_not_say("leaves out");
    world.commit(&good("Go on"));
    world.push(&["main"]).does_not_say("leaves out");
    // Nor to a file on the server.
    let world = trunk_server(LEFT_OUT);
    std::fs::write(world.path("policy.yml"), LEFT_OUT).unwrap();
    world.configure("changegate.policyFile", world.path("policy.yml").to_str().unwrap());
    world.commit(&bad("Free"));
    world.push(&["trunk"]).accepted();
    world.changegate("server.git", &["doctor"]).does_not_say("leaves out");
}
