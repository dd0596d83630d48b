//! The trace of a change tells of its refused attempts, which have other ids, and of who counted.

use serde_json::Value;

use crate::world::{World, bad, good};

fn traced(world: &World, change: &str) -> Value {
    let told = world.changegate("server.git", &["ledger", "trace", change, "--format", "json"]);
    serde_json::from_str(&told.accepted().seen).unwrap()
}

/// Returns the link and the subject of each attempt.
fn attempts(world: &World, change: &str) -> Vec<(String, String)> {
    let told = traced(world, change);
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    told["attempts"].as_array().unwrap().iter().map(|one| (text(one, "link"), text(one, "subject"))).collect()
}

fn pair(link: &str, subject: &str) -> (String, String) {
    (link.to_owned(), subject.to_owned())
}

#[test]
fn an_amended_commit_is_linked_to_its_refused_attempts() {
    let world = World::new();
    let start = world.head();
    world.write("a.txt", "1");
    let first = world.commit(&bad("Cache the lookup"));
    world.push(&["main"]).refused("peer-review");
    // Somebody else's, and another one of the same author.
    world.git(&["reset", "-q", "--hard", &start]);
    world.write("b.txt", "1");
    world.commit(&bad("Something else"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &start]);
    world.write("a.txt", "1");
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "--author", "Zoe <zoe@example.com>", "-m", &bad("Cache the lookup")]);
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &start]);
    world.write("a.txt", "1");
    let landed = world.commit(&good("Cache the lookup"));
    world.push(&["main"]).accepted();
    world.reconcile().accepted();
    assert_eq!(attempts(&world, &landed), [pair("subject", "Cache the lookup")]);
    let told = traced(&world, &landed);
    assert_eq!(told["attempts"][0]["revision"], first.as_str());
    assert_eq!(told["attempts"][0]["rules"], serde_json::json!(["peer-review"]));
    world
        .changegate("server.git", &["ledger", "trace", &landed])
        .accepted()
        .says("refused before, as far as it can be told:")
        .says("denied by peer-review; the same author and subject")
        .says("Ben <ben@example.com>, by a trailer, which anyone can")
        .says("counts for peer-review");
}

#[test]
fn a_change_is_known_by_its_id_its_paths_and_its_ticket() {
    for (trailer, file, link) in [
        ("Change-Id: I8473b95934b5732ac55d26311a706c9c2bde9940", "other.txt", "change-id"),
        ("Noted-by: nobody", "a.txt", "paths"),
        ("Ticket: PAY-412", "other.txt", "ticket"),
    ] {
        let world = World::new();
        let start = world.head();
        world.write("a.txt", "1");
        world.commit(&format!("{}{trailer}\n", bad("First words")));
        world.push(&["main"]).refused("peer-review");
        world.git(&["reset", "-q", "--hard", &start]);
        world.write(file, "1");
        let landed = world.commit(&format!("{}{trailer}\n", good("Other words")));
        world.push(&["main"]).accepted();
        world.reconcile().accepted();
        assert_eq!(attempts(&world, &landed), [pair(link, "First words")], "{trailer}");
    }
}

#[test]
fn what_landed_as_it_was_is_no_refused_attempt_of_another_change() {
    let world = World::new();
    let one = world.commit(&good("Same words"));
    // Refused for the ref beside it, and then landed as it was.
    let world_main = world.main();
    let aside = world.commit_tree(&[&world_main], &bad("Aside"));
    world.push(&["main", &format!("{aside}:refs/heads/release/1")]).refused("peer-review");
    world.push(&["main"]).accepted();
    let two = world.commit(&good("Same words"));
    world.push(&["main"]).accepted();
    world.reconcile().accepted();
    assert_eq!(attempts(&world, &one), [], "its own denial is in the trace by its id");
    assert_eq!(attempts(&world, &two), []);
}
