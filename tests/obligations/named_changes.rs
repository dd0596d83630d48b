//! What only names an earlier change is asked less, so the change has to be there: at the push, in `check`, and not yet
//! in `commit-msg`.

use crate::world::{Pushed, World, good};

fn closing(named: &str) -> String {
    format!(
        "Look at it again\n\nFor-Change: {named}\nPost-Implementation-Review: looked at, nothing is left to do\n"
    )
}

/// A made-up id is no way around what every change is asked.
#[test]
fn a_made_up_id_gives_no_record() {
    let world = World::new();
    let change = world.commit(&good("Cache the lookup"));
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-b", "topic"]);
    let aside = world.commit(&good("On another branch"));
    world.push(&["topic"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    for made_up in ["0123456789ab", &"0".repeat(40), "ledger:1", "ledger:99", &aside[..12], &tree[..12]] {
        world.commit(&closing(made_up));
        let denied = world.changegate("work", &["check", "origin/main..HEAD", "--target", "main"]);
        let unknown = format!("`For-Change` names `{made_up}`, which is unknown on this branch");
        denied.refused("change-type").says(&unknown);
        let refused = world.push(&["main"]);
        refused
            .refused("`Change-Type`")
            .says("`Risk`")
            .says(&unknown)
            .says("For-Change: <id of a change that the branch holds>");
        // As a change like any other it is not meant.
        for said in [&denied, &refused] {
            said.does_not_say("Risk: <").does_not_say("Change-Type: <").does_not_say("Reviewed-by: <");
        }
        world.git(&["reset", "-q", "--hard", "origin/main"]);
    }
    for named in [&change[..12], &change] {
        world.commit(&closing(named));
        world.changegate("work", &["check", "origin/main..HEAD", "--target", "main"]).accepted();
        world.push(&["main"]).accepted();
    }
    world.verify().accepted();
}

/// Too few digits are asked to be whole first, and nothing else.
#[test]
fn an_id_that_is_cut_is_asked_for_alone() {
    let world = World::new();
    let change = world.commit(&good("Cache the lookup"));
    world.push(&["main"]).accepted();
    for digits in [7, 11] {
        world.commit(&closing(&change[..digits]));
        let denied = world.changegate("work", &["check", "origin/main..HEAD", "--target", "main"]);
        let refused = world.push(&["main"]);
        for said in [&denied, &refused] {
            said.refused("which has fewer than 12 digits").says("For-Change: <");
            said.does_not_say("Risk").does_not_say("Change-Type").does_not_say("Reviewed-by");
        }
        world.git(&["reset", "-q", "--hard", "origin/main"]);
        // With files, it is a change like any other.
        world.write("a", "1");
        world.commit(&closing(&change[..digits]));
        world.push(&["main"]).refused("which has fewer than 12 digits").says("Risk: <");
        world.git(&["reset", "-q", "--hard", "origin/main"]);
    }
}

/// What changes files as well is asked what every change is, whatever it names.
#[test]
fn a_made_up_id_beside_files_leaves_the_lines_of_a_change() {
    let world = World::new();
    world.write("a", "1");
    world.commit(&closing("0123456789ab"));
    let refused = world.push(&["main"]);
    refused.refused("`For-Change` names `0123456789ab`, which is unknown on this branch").says("Risk: <");
    refused.does_not_say("For-Change: <");
}

/// What is pushed with it counts as well, if it comes before.
#[test]
fn a_change_of_the_same_push_counts_if_it_comes_before() {
    let world = World::new();
    let change = world.commit(&good("First"));
    world.commit(&closing(&change[..12]));
    world.push(&["main"]).accepted();
    // Its own id it cannot know, and a later one is not there yet: a rebase turns them around.
    let first = world.head();
    let later = world.commit(&good("Later"));
    world.git(&["reset", "-q", "--hard", &first]);
    world.commit(&closing(&later));
    world.push(&["main"]).refused("`Risk`");
}

/// Before there is a commit, nothing is known of the branch that it will land on.
#[test]
fn the_hook_of_a_clone_leaves_it_to_the_push() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    let mut command = world.command("git", "work");
    let commit = ["commit", "-q", "--allow-empty", "-m", &closing("0123456789ab")];
    let committed: Pushed = command.args(commit).output().unwrap().into();
    committed.accepted().says("checked later, and not passed yet: change-type");
    world.push(&["main"]).refused("`Risk`");
}

/// Where the history is cut off, the change may be behind the cut.
#[test]
fn a_shallow_clone_cannot_tell() {
    let world = World::new();
    let change = world.commit(&good("Cache the lookup"));
    world.commit(&good("Another"));
    world.push(&["main"]).accepted();
    world.git_in("", &["clone", "-q", "--depth", "1", &world.url(), "shallow"]);
    for named in [&change[..12], "0123456789ab"] {
        let message = closing(named);
        world.git_in("shallow", &["commit", "-q", "--allow-empty", "-m", &message]);
        let told = world.changegate("shallow", &["check", "HEAD~1..HEAD", "--target", "main"]);
        told.accepted().says("the earlier change that it names");
        world.git_in("shallow", &["reset", "-q", "--hard", "HEAD~1"]);
    }
}
