//! What a clone does before any policy is committed: nothing judges yet, and no server judges what brings the first one.

use crate::world::{POLICY, Pushed, World, good};

const PATH: &str = "policies/changegate.yml";

fn commit(world: &World, args: &[&str]) -> Pushed {
    world.command("git", "work").arg("commit").args(args).output().unwrap().into()
}

#[test]
fn the_first_policy_and_what_comes_before_it_is_committed_with_a_note() {
    for has_remote in [true, false] {
        let world = World::with(None, "sha1");
        if !has_remote {
            world.git(&["remote", "remove", "origin"]);
        }
        world.changegate("work", &["install"]).accepted();
        world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
        world.write("README", "second\n");
        let note = "changegate: not judged, since no policy is committed yet; the draft `policies/changegate.yml` \
                    would ask for `change-type`";
        let beside = commit(&world, &["-m", "Correct the text", "README"]);
        beside.accepted().says(note);
        assert!(beside.seen.lines().count() <= 4, "{}", beside.seen);
        // Nothing is to say where the draft would take it.
        world.write("README", "third\n");
        commit(&world, &["-q", "-m", &good("Correct it again"), "README"]).accepted().does_not_say("draft");
        world.git(&["add", "-A"]);
        commit(&world, &["-m", "Bring in a change policy"]).accepted().says(note);
        // From now on it judges.
        world.write("README", "fourth\n");
        commit(&world, &["-m", "Correct it once more", "README"])
            .refused("change-type")
            .does_not_say("not judged");
    }
}

#[test]
fn a_draft_with_errors_stops_no_commit() {
    let world = World::with(None, "sha1");
    world.changegate("work", &["install"]).accepted();
    world.write(PATH, "changegate: 1\nbogus: 1\n");
    world.write("README", "second\n");
    commit(&world, &["-m", "Correct the text", "README"]).accepted().says("bogus");
}

/// The draft does not hide the policy of the branch that the work starts from.
#[test]
fn a_branch_that_is_older_than_the_policy_is_judged_by_that_of_the_default_branch() {
    let world = World::with(None, "sha1");
    let first = world.head();
    world.write(PATH, POLICY);
    world.commit("A policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main", &format!("{first}:release/1")]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["remote", "set-head", "origin", "main"]);
    world.git(&["checkout", "-q", "-b", "release/1", &first]);
    world.changegate("work", &["install"]).accepted();
    world.write(PATH, "changegate: 1\nname: none\nprotects: [other]\nrules: {}\n");
    world.write("README", "second\n");
    commit(&world, &["-m", "Correct the text", "README"]).refused("change-type").does_not_say("not judged");
}
