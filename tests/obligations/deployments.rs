//! What `deploy-check` says of what is about to be deployed.

use crate::past::{EMERGENCY, ago};
use crate::world::{World, good};

#[test]
fn what_was_decided_and_landed_may_be_deployed() {
    let world = World::new();
    let first = world.head();
    world.commit(&good("One"));
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let second = world.commit(&good("Three"));
    world.push(&["main"]).accepted();
    let check = |range: &str| world.changegate("server.git", &["deploy-check", range]);
    check(&format!("{first}..{second}"))
        .accepted()
        .says("3 changes on refs/heads/main: 3 decided and landed");
    // In a clone that mirrors the ledger, too.
    world.git(&["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    let range = format!("{first}..HEAD");
    world.changegate("work", &["deploy-check", &range, "--ref", "main"]).accepted();
    world.changegate("work", &["deploy-check", &range, "--ref", "other"]).refused("0 decided");
    // What is not pushed has no decision.
    world.commit(&good("Four"));
    world.changegate("work", &["deploy-check", &range]).refused("no landing in the ledger brought it");
    for wrong in ["", "HEAD", "..HEAD", "HEAD..", "HEAD...HEAD", "nothing..HEAD"] {
        assert!(!world.changegate("work", &["deploy-check", wrong]).ok, "{wrong}");
    }
}

#[test]
fn what_nobody_decided_is_named_and_so_is_what_is_overdue() {
    let world = World::new();
    let first = world.head();
    let bypass = world.commit(&good("One"));
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let range = format!("{first}..main");
    let check = || world.changegate("server.git", &["deploy-check", &range]);
    check().refused(&format!("{bypass}: no landing"));
    world.reconcile();
    check().refused(&format!("{bypass}: it landed without a decision"));
    let range = format!("{bypass}..main");
    let check = || world.changegate("server.git", &["deploy-check", &range]);
    let change = world.commit(EMERGENCY);
    world.land_at(ago(25));
    check().refused(&format!("{change}: owes `Emergency-Ticket`")).says("1 decided and landed; overdue: 1");
}
