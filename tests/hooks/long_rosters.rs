//! Rosters of many people: the hooks look them up in an index, and say the same as by the roster.

use std::fs;
use std::path::PathBuf;

use crate::world::{MAIN, Pushed, World, bad, fed, good};

const POLICY: &str = "\
changegate: 1
extends: [startup]
protects: [main]
people: { roster: policies/people.yml, teams: { ops: [p1@example.com] } }
";

/// A roster that is long enough for an index, with `more` lines at its end.
fn roster(more: &str) -> String {
    let mut text = String::from("people:\n");
    text += "  ana: { name: Ana, addresses: [ana@example.com], accounts: ['github:ana#7'] }\n";
    for number in 0..440 {
        text += &format!(
            "  p{number}: {{ name: Person {number}, addresses: [p{number}@example.com], joined: 2024-01-01 }}\n"
        );
    }
    text + "  ben: { name: Ben Ito, addresses: [ben@example.com], joined: 2024-01-01 }\n" + more
}

/// A server and a clone with this roster.
fn world(roster: &str) -> World {
    let world = World::new();
    world.write("policies/people.yml", roster);
    world.write("policies/changegate.yml", POLICY);
    world.commit(&good("Bring in a roster"));
    accept_main(&world);
    world.git(&["fetch", "-q", "origin"]);
    world
}

/// Brings what is committed to the server past the hook, where an administrator puts it into force.
fn accept_main(world: &World) {
    world.bypass_gate(&format!("{}:{MAIN}", world.head()));
    world.configure("changegate.acceptedPolicy", &world.head());
}

/// The indexes in the gate's folder of a repository.
fn indexes(world: &World, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(world.path(folder).join("changegate")) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("people-"));
    found
}

/// What the hook of a clone says of a message.
fn check_message(world: &World, message: &str) -> Pushed {
    fs::write(world.path("work/message"), message).unwrap();
    world.changegate("work", &["hook", "commit-msg", "message"])
}

/// What the gate says of a push of one commit with this message, which is never taken.
fn check_push(world: &World, commit: &str) -> Pushed {
    let line = format!("{} {commit} {MAIN}\n", world.main());
    world.git_in("server.git", &["fetch", "-q", "../work", &format!("+{commit}:refs/kept/tried")]);
    let mut command = world.command(crate::world::BINARY, "server.git");
    Pushed::from(fed(command.args(["hook", "pre-receive"]), line.as_bytes()))
}

/// Changes that pass, and that are refused for what only the roster tells.
fn list_messages() -> Vec<String> {
    let reviewed = |by: &str| bad("Cache it") + &format!("Reviewed-by: {by}\n");
    vec![
        good("Cache it"),
        bad("Cache it"),
        reviewed("Person 3 <p3@example.com>"),
        reviewed("Ben Ito <ben@example.org>"),
        reviewed("Nobody <nobody@example.com>"),
        reviewed("Ana <ana@example.com>"),
        reviewed("Eve <eve@example.com>"),
    ]
}

/// What both hooks say of changes; before each of them, something is done to the indexes.
fn list_verdicts(world: &World, changes: &[(String, String)], before_each: &dyn Fn()) -> Vec<(bool, String)> {
    let mut verdicts = Vec::new();
    for (message, commit) in changes {
        before_each();
        verdicts.extend([check_message(world, message), check_push(world, commit)]);
    }
    verdicts.into_iter().map(|one| (one.ok, one.seen)).collect()
}

#[test]
fn an_index_says_what_the_roster_says_and_is_made_again_where_it_is_damaged() {
    let world = world(&roster("  eve: { addresses: [eve@example.com], left: 2025-01-01 }\n"));
    let base = world.main();
    let commit = |message: String| (message.clone(), world.commit_tree(&[&base], &message));
    let changes: Vec<(String, String)> = list_messages().into_iter().map(commit).collect();
    let list_places = || [indexes(&world, "work/.git"), indexes(&world, "server.git")].concat();
    let remove_all = || list_places().into_iter().for_each(|path| fs::remove_file(path).unwrap());
    let known = list_verdicts(&world, &changes, &remove_all);
    let pushes: Vec<&(bool, String)> = known.iter().skip(1).step_by(2).collect();
    for (place, is_allowed) in [true, false, true, false, false, false, false].into_iter().enumerate() {
        assert_eq!(pushes[place].0, is_allowed, "{place}: {}", pushes[place].1);
    }
    assert!(pushes[3].1.contains("Ben Ito"), "{}", pushes[3].1);
    let places = list_places();
    assert_eq!(places.len(), 2);
    assert_eq!(list_verdicts(&world, &changes, &|| {}), known, "with the index");
    let whole: Vec<Vec<u8>> = places.iter().map(|path| fs::read(path).unwrap()).collect();
    for damage in [
        (|file: &[u8]| file[..file.len() / 2].to_vec()) as fn(&[u8]) -> Vec<u8>,
        |file| {
            // A name in it that is another one.
            let mut file = file.to_vec();
            let at = file.windows(7).position(|piece| piece == b"Ben Ito").unwrap();
            file[at] = b'K';
            file
        },
        |file| [b"changegate people 1, 0.0.0\n".as_slice(), file].concat(),
        |_| Vec::new(),
    ] {
        let damage_all = || {
            for (path, file) in places.iter().zip(&whole) {
                fs::write(path, damage(file)).unwrap();
            }
        };
        // One that passes, and one that is refused for whom the roster has.
        assert_eq!(list_verdicts(&world, &changes[2..4], &damage_all), known[4..8]);
        for (path, file) in places.iter().zip(&whole) {
            assert!(fs::read(path).unwrap() == *file, "it is made again");
        }
    }
}

#[test]
fn an_index_of_another_roster_is_not_asked() {
    let mut more = String::from("  kim: { addresses: [kim@example.com] }\n");
    let world = world(&roster(&more));
    let message = bad("Cache it") + "Reviewed-by: Kim <kim@example.com>\n";
    for _ in 0..2 {
        let new = world.commit_tree(&[&world.main()], &message);
        assert!(check_push(&world, &new).ok);
    }
    let known = indexes(&world, "server.git");
    assert_eq!(known.len(), 1);
    let old = fs::read(&known[0]).unwrap();
    more = more.replace("kim@", "tim@");
    world.write("policies/people.yml", &roster(&more));
    world.commit(&good("Let Kim go"));
    accept_main(&world);
    let new = world.commit_tree(&[&world.main()], &message);
    check_push(&world, &new).refused("kim@example.com");
    let places = indexes(&world, "server.git");
    assert!(places.len() > 1, "{places:?}");
    // Nor where it stands in the place of another.
    for place in places {
        fs::write(place, &old).unwrap();
    }
    check_push(&world, &new).refused("kim@example.com");
}

#[test]
fn a_faulty_roster_has_no_index_and_is_refused_each_time() {
    let world = world(&roster("  tom: { addresses: [p7@example.com] }\n"));
    let new = world.commit_tree(&[&world.main()], &good("Cache it"));
    for _ in 0..2 {
        check_push(&world, &new).refused("`p7@example.com` belongs to `p7` and to `tom`");
        assert!(indexes(&world, "server.git").is_empty());
    }
}

#[test]
fn a_policy_by_which_an_indexed_roster_has_a_fault_is_refused() {
    let world = world(&roster(""));
    let new = world.commit_tree(&[&world.main()], &good("Cache it"));
    check_push(&world, &new).accepted();
    let old = indexes(&world, "server.git");
    assert_eq!(old.len(), 1);
    // The number that a team has for a login is another one than that of the roster.
    world.write("policies/changegate.yml", &POLICY.replace("p1@example.com", "'github:ana#8'"));
    world.commit(&good("Ask Ana"));
    accept_main(&world);
    let new = world.commit_tree(&[&world.main()], &good("Cache it"));
    for _ in 0..2 {
        check_push(&world, &new).refused("`github:ana` cannot have both numbers, 8 and 7");
    }
}

#[test]
fn where_no_index_can_be_written_the_roster_is_read() {
    let world = world(&roster(""));
    // A file stands where the folder would be.
    fs::write(world.path("work/.git/changegate"), "").unwrap();
    for _ in 0..2 {
        check_message(&world, &good("Cache it")).accepted();
        check_message(&world, &(bad("Cache it") + "Reviewed-by: Ben Ito <ben@example.org>\n"))
            .says("peer-review");
    }
}

#[test]
fn a_roster_that_is_edited_in_the_work_tree_is_told_of() {
    let world = world(&roster(""));
    let note = "the policy in the work tree is a draft";
    for _ in 0..2 {
        check_message(&world, &good("Cache it")).accepted().does_not_say(note);
    }
    let text = fs::read_to_string(world.path("work/policies/people.yml")).unwrap();
    world.write("policies/people.yml", &text.replace('\n', "\r\n"));
    check_message(&world, &good("Cache it")).accepted().does_not_say(note);
    world.write("policies/people.yml", &(text + "  kim: { addresses: [kim@example.com] }\n"));
    check_message(&world, &good("Cache it")).accepted().says(note);
}
