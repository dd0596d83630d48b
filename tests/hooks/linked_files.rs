//! Files of a policy that are no regular files: a server follows no link, and so does each check before it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::{MAIN, POLICY, World, good};

const ROSTER: &str =
    "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com] }\n";
const BASE: &str = "changegate: 1\nname: base\nfields: { Note: { text: { min-length: 3 } } }\n";

/// A server under a policy of several files, all of which the clone has.
fn world_of_files() -> World {
    let world = World::with(None, "sha1");
    let own = "extends: [startup, base.yml]\npeople: { roster: policies/people.yml }\n";
    let policy = POLICY.replace("extends: [startup]\n", own);
    world.write("policies/changegate.yml", &policy);
    world.write("policies/people.yml", ROSTER);
    world.write("policies/base.yml", BASE);
    world.commit("First policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["branch", "-q", "-u", "origin/main"]);
    world
}

#[test]
fn a_link_is_refused_by_every_check_as_by_the_push() {
    for file in ["changegate.yml", "people.yml", "base.yml"] {
        let world = world_of_files();
        world.changegate("work", &["policy", "check"]).accepted();
        let path = format!("policies/{file}");
        world.git(&["mv", &path, &format!("policies/real-{file}")]);
        symlink(format!("real-{file}"), world.path("work").join(&path)).unwrap();
        let checked = world.changegate("work", &["policy", "check"]);
        checked.refused("it is a symbolic link; a policy must be a regular file").says(&path);
        let new = world.commit(&(good("Link the file") + "Security-Impact: none, it is a link\n"));
        for args in [&["check"][..], &["check", "HEAD~1..HEAD"], &["check", "HEAD", "--onto", "origin/main"]]
        {
            world.changegate("work", args).refused("policy-valid").says("it is a symbolic link");
        }
        world.push(&["main"]).refused("policy-valid").says("it is a symbolic link");
        assert_ne!(world.at(MAIN).unwrap(), new);
    }
}

#[test]
fn a_folder_that_is_a_link_or_a_submodule_holds_no_file_of_a_policy() {
    let world = world_of_files();
    world.git(&["mv", "policies", "real"]);
    symlink("real", world.path("work/policies")).unwrap();
    world.changegate("work", &["policy", "check"]).refused("it is a symbolic link");
    let world = world_of_files();
    world.git_in("work/policies", &["init", "-q"]);
    world.changegate("work", &["policy", "check"]).refused("it is a submodule");
    // Outside of a repository no commit is meant.
    let world = world_of_files();
    fs::create_dir(world.path("loose")).unwrap();
    symlink(world.path("work/policies/changegate.yml"), world.path("loose/p.yml")).unwrap();
    symlink(world.path("work/policies/base.yml"), world.path("loose/base.yml")).unwrap();
    fs::create_dir(world.path("loose/policies")).unwrap();
    symlink(world.path("work/policies/people.yml"), world.path("loose/policies/people.yml")).unwrap();
    world.changegate("loose", &["policy", "check", "p.yml"]).accepted();
}

/// As the push does, `check` asks whether the policy that a change leaves can be used.
#[test]
fn a_change_that_breaks_the_policy_is_denied_before_the_push() {
    let world = world_of_files();
    let policy = fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
    world.write("policies/changegate.yml", &(policy.clone() + "bogus: 1\n"));
    world.commit(&(good("Break it") + "Security-Impact: none, it is wrong\n"));
    world.changegate("work", &["check"]).refused("policy-valid").says("bogus");
    world.push(&["main"]).refused("policy-valid").says("bogus");
    // A branch that was made before is not about it.
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.write("policies/changegate.yml", &(policy + "review-by: 2030-01-01\n"));
    world.commit(&(good("Say more") + "Security-Impact: none, only words\n"));
    let said = world.changegate("work", &["check"]);
    said.does_not_say("policy-valid");
}
