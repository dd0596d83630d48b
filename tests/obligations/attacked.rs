//! What somebody hostile tries: with pushes, with the server's clock, and with the ledger itself.

use changegate::change::{Oid, Text};
use changegate::gate::{Settings, judge_push, under_control};
use changegate::git::{RefUpdate, Repository};
use changegate::ledger::ahead;
use changegate::ledger::deciding::{self, Deciding};
use changegate::ledger::fold::{Folding, fold};
use jiff::{SignedDuration, Timestamp};

use crate::past::{EMERGENCY, TICKET, closes};
use crate::world::{MAIN, World, ZERO, bad, good};

/// What serves a push, in these tests.
const SERVER: &str = "a process that the test speaks for";

/// Judges a push as `pre-receive` does, and writes the decision ahead.
fn decide(world: &World, updates: &[(&str, &str, &str)], served_by: Option<&str>) {
    let repository = Repository::open(&world.path("server.git"), None).unwrap();
    let settings = Settings::read(&repository, &|_| None, 1).unwrap();
    let id = |digits: &str| Oid::from_hex(digits).unwrap();
    let one = |(old, new, name): &(&str, &str, &str)| RefUpdate {
        old: id(old),
        new: id(new),
        name: Text::from(*name),
    };
    let updates: Vec<RefUpdate> = updates.iter().map(one).collect();
    let (report, kept) = judge_push(&repository, &updates, &settings, Timestamp::now(), false);
    let pusher = settings.pusher.clone();
    let by = Deciding { id: ahead::fresh_id().unwrap(), pusher, served_by: served_by.map(str::to_owned) };
    let decision = deciding::ahead(&repository, &report, &kept, by).unwrap().unwrap();
    ahead::write(repository.common_dir(), &decision).unwrap();
}

/// Folds in, while what serves pushes runs or not.
fn fold_while(world: &World, runs: bool) {
    let repository = Repository::open(&world.path("server.git"), None).unwrap();
    let settings = Settings::read(&repository, &|_| None, 1).unwrap();
    let scope = under_control(&repository, &settings);
    let folding = Folding {
        repository: &repository,
        scope: scope.as_deref(),
        policy: None,
        key: None,
        clock: Timestamp::now,
        patience: SignedDuration::ZERO,
        tool: deciding::TOOL,
        is_running: &|_| Some(runs),
    };
    fold(&folding, None).unwrap();
}

#[test]
fn a_slow_push_is_recorded_once_however_many_come_in_between() {
    let world = World::new();
    let old = world.main();
    let new = world.commit(&good("One of two"));
    let denied = world.commit(&bad("Nobody has looked at this"));
    world.git_in("server.git", &["fetch", "-q", "../work", &denied]);
    decide(&world, &[(&old, &new, MAIN), (ZERO, &new, "refs/heads/release/1")], Some(SERVER));
    world.git_in("server.git", &["update-ref", MAIN, &new]);
    fold_while(&world, true);
    assert_eq!(world.kinds(), ["begin", "decision", "outcome"]);
    // Git is still about to move the other ref, and somebody has himself denied again and again.
    for _ in 0..40 {
        decide(&world, &[(&new, &denied, MAIN)], None);
    }
    fold_while(&world, true);
    world.git_in("server.git", &["update-ref", "refs/heads/release/1", &new]);
    fold_while(&world, false);
    assert_eq!(world.kinds().iter().filter(|kind| *kind == "decision").count(), 41);
    world.is_whole();
}

#[test]
fn what_landed_past_the_gate_closes_nothing() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    let stray = world.commit_as_ben(&closes(&change, TICKET));
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.reconcile().refused("moved without a decision");
    let told = world.changegate("server.git", &["sweep"]);
    told.refused("emergency-ticket").says(&format!("{} closes nothing: it landed without", &stray[..10]));
    told.does_not_say("closed in time");
    // What lands by a decision afterwards does.
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted().says("emergency-ticket of");
    world.changegate("server.git", &["sweep"]).says("1 closed in time");
}
