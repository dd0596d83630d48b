//! Many pushes at once, by real git.

use std::collections::BTreeSet;

use crate::world::{World, good};

#[test]
fn fifty_pushes_at_once_are_fifty_decisions_in_one_chain() {
    let world = World::new();
    let start = world.head();
    let mut commits = Vec::new();
    for number in 0..50 {
        world.git(&["reset", "-q", "--hard", &start]);
        commits.push((
            format!("refs/heads/release/{number:02}"),
            world.commit(&good(&format!("Commit {number}"))),
        ));
    }
    std::thread::scope(|scope| {
        for (name, id) in &commits {
            let world = &world;
            scope.spawn(move || {
                let pushed = world.push(&[&format!("{id}:{name}")]);
                pushed.accepted().does_not_say("earlier push").does_not_say("cannot");
            });
        }
    });
    world.reconcile();
    world.is_whole();
    let records = world.records();
    let of = |kind: &str| records.iter().filter(|record| record["event"]["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of("decision").len(), 50);
    assert_eq!(of("unauthorised").len(), 0);
    let landed: BTreeSet<(String, String)> = of("outcome")
        .iter()
        .flat_map(|record| record["event"]["landed"].as_array().unwrap())
        .map(|moved| (moved["name"].as_str().unwrap().to_owned(), moved["new"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(landed, commits.into_iter().collect());
    assert!(of("outcome").iter().all(|record| record["event"]["found-late"] == false));
}

#[test]
fn of_many_pushes_of_the_same_one_lands() {
    let world = World::new();
    let new = world.commit(&good("One"));
    std::thread::scope(|scope| {
        // All but one come too late, in whichever way git tells them.
        let pushes: Vec<_> = (0..12).map(|_| scope.spawn(|| world.push(&["main"]))).collect();
        assert!(pushes.into_iter().map(|push| push.join().unwrap()).filter(|push| push.ok).count() >= 1);
    });
    world.reconcile();
    world.is_whole();
    let records = world.records();
    let landed: Vec<_> = records
        .iter()
        .flat_map(|record| record["event"]["landed"].as_array().into_iter().flatten())
        .map(|moved| moved["new"].as_str().unwrap())
        .collect();
    assert_eq!(landed, [new]);
}

#[test]
fn pushes_that_overtake_one_another_are_told_in_order() {
    let world = World::new();
    let mut commits = vec![world.main()];
    for number in 0..16 {
        commits.push(world.commit(&good(&format!("Commit {number}"))));
    }
    std::thread::scope(|scope| {
        for id in &commits[1..] {
            let world = &world;
            // Those that come too late are refused, as git does it.
            scope.spawn(move || world.push(&[&format!("{id}:main")]));
        }
    });
    world.push(&["main"]).accepted();
    world.reconcile();
    world.is_whole();
    let mut at = commits[0].clone();
    for record in world.records() {
        assert_ne!(record["event"]["kind"], "unauthorised");
        for moved in record["event"]["landed"].as_array().into_iter().flatten() {
            assert_eq!(moved["old"], at);
            at = moved["new"].as_str().unwrap().to_owned();
        }
    }
    assert_eq!(at, world.main());
}
