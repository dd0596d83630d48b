//! What goes from one branch under change control to another: what counts as judged there, and by which rules.

use crate::world::{BINARY, MAIN, POLICY, Pushed, World, bad, good};

/// A policy with a rule of release branches alone.
fn guarding_releases(unit: &str) -> String {
    let rule = "guarded: { when: { branch: 'release/*' }, require: { not: { touches: 'guarded/**' } } }";
    format!("{POLICY}{unit}rules:\n  {rule}\n")
}

#[test]
fn the_rules_of_a_branch_ask_about_what_main_holds_already() {
    for unit in ["", "unit: commit\n"] {
        let world = World::under(&guarding_releases(unit));
        let base = world.main();
        world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
        world.write("guarded/a", "1");
        let guarded = world.commit(&good("Touch what releases leave alone"));
        world.push(&["main"]).accepted();
        let refused = world.push(&["main:release/1"]);
        refused.refused("guarded").does_not_say("--amend").does_not_say("rebase");
        // A new branch is asked about what it begins with.
        world.push(&["main:release/2"]).refused("guarded");
        world.write("b", "1");
        world.commit(&good("Another"));
        world.push(&["main"]).accepted();
        world.push(&["main:release/1"]).refused("guarded");
        world.push(&["main:release/2"]).accepted();
        // What the rule does not mean goes through, and what the branch has is not asked about again.
        world.git(&["checkout", "-q", "-b", "next", &base]);
        world.write("c", "1");
        world.commit(&good("Harmless"));
        world.push(&["next:release/1"]).accepted();
        world.git(&["checkout", "-q", "-b", "later", "main"]);
        world.write("d", "1");
        world.commit(&good("Later"));
        world.push(&["later:release/2"]).accepted();
        assert_eq!(world.git(&["rev-parse", "main~1"]), guarded);
    }
}

#[test]
fn what_lies_inside_a_change_is_no_state_of_main() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("backdoor", "1");
    let inner = world.commit("wip\n");
    world.git(&["rm", "-q", "backdoor"]);
    world.write("nice", "1");
    world.commit("nice\n");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Nice"), "topic"]);
    world.push(&["main"]).accepted();
    for name in ["release/1", "release/2"] {
        world.push(&[&format!("{inner}:refs/heads/{name}")]).refused("peer-review").says("wip");
    }
    world.push(&[&format!("{inner}:refs/tags/v1")]).refused("tag-of-reviewed").says("lies inside one");
    // A merge of it brings it as new work, whose author cannot approve it.
    world.git(&["checkout", "-q", "-b", "release", &base]);
    world.write("r", "1");
    world.commit(&good("On the release"));
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &bad("Take it in"), &inner]);
    world.push(&["release:release/1"]).refused("peer-review");
    // The states of main, and what was merged in there as a whole, go on.
    world.push(&["main:release/3", "main~1:refs/tags/v0"]).accepted();
    world.push(&["main:refs/tags/v1"]).accepted();
    world.git(&["checkout", "-q", "-B", "release", &base]);
    world.write("r", "1");
    world.commit(&good("On the release"));
    world.push(&["release:release/1"]).accepted();
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Take main in"), "main"]);
    world.push(&["release:release/1"]).accepted();
    world.push(&["release~1:refs/tags/v2"]).accepted();
}

/// With each commit judged by itself, every commit of main is a state that was judged.
#[test]
fn where_each_commit_is_a_change_every_commit_of_main_was_judged() {
    let world = World::under(&format!("{POLICY}unit: commit\n"));
    world.git(&["checkout", "-q", "-b", "topic"]);
    let inner = world.commit(&good("One"));
    world.commit(&good("Two"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Both"), "topic"]);
    world.push(&["main"]).accepted();
    world.push(&[&format!("{inner}:refs/heads/release/1"), &format!("{inner}:refs/tags/v1")]).accepted();
}

#[test]
fn what_came_to_main_without_a_decision_is_judged_where_it_goes() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.commit(&bad("Past the gate"));
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.changegate("server.git", &["ledger", "reconcile"]);
    world.push(&["main:release/1"]).refused("peer-review").says("Past the gate");
    world.push(&["main:release/2"]).refused("peer-review");
    world.push(&["main:refs/tags/v1"]).refused("tag-of-reviewed").says("came without a decision");
    world.push(&["main~1:refs/tags/v1"]).accepted();
    // On main it stands, and what comes after it is judged by itself.
    world.commit(&good("After it"));
    world.push(&["main"]).accepted();
    assert_eq!(world.main(), world.at(MAIN).unwrap());
}

/// Git gives the hook a line for each ref, so that without one something stands between them.
#[test]
fn a_hook_that_reads_no_line_refuses() {
    let world = World::new();
    let mut hook = world.command(BINARY, "server.git");
    let answer: Pushed = hook.env("GIT_DIR", ".").args(["hook", "pre-receive"]).output().unwrap().into();
    answer.refused("no ref was read from standard input");
}
