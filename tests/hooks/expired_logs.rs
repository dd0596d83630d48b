//! A server whose logs of refs are gone knows the states of its branches from the ledger.

use crate::world::{World, good};

/// Forgets how the refs of the server moved.
fn expire_logs(world: &World) {
    world.git_in("server.git", &["reflog", "expire", "--expire=now", "--all"]);
}

#[test]
fn the_ledger_tells_the_states_before_a_pull_and_a_back_merge() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.write("theirs", "1");
    let theirs = world.commit(&good("Theirs"));
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-B", "main", &base]);
    world.write("mine", "1");
    world.commit(&good("Mine"));
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Pull"), &theirs]);
    world.push(&["main"]).accepted();
    expire_logs(&world);
    world.push(&[&format!("{theirs}:refs/tags/v1"), &format!("{theirs}:refs/heads/release/2")]).accepted();
}

#[test]
fn without_a_log_the_inside_of_a_change_is_no_state_all_the_same() {
    let world = World::new();
    let inner = world.merge_topic();
    let merged = world.head();
    world.push(&["main"]).accepted();
    // The next merge has the inside of the change as its first parent.
    world.git(&["checkout", "-q", "-b", "sync", &inner]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Sync"), "main"]);
    world.push(&["sync:main"]).accepted();
    expire_logs(&world);
    world.push(&[&format!("{inner}:refs/tags/v1")]).refused("lies inside a change");
    world.push(&[&format!("{inner}:refs/heads/release/2")]).refused("wip");
    world.push(&[&format!("{merged}:refs/tags/v2")]).accepted();
}
