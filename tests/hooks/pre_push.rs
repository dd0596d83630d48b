//! A push from a clone with hooks, to everywhere that is not the gate's business.

use std::fs;

use crate::world::{POLICY, Pushed, World, good};

/// A clone with hooks whose last commit lacks everything, and a repository without a gate.
fn world() -> World {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    world.git_in("", &["init", "-q", "--bare", "other.git"]);
    world.write("file", "x");
    world.commit("Nothing at all");
    world
}

fn push(world: &World, args: &[&str]) -> Pushed {
    world.command("git", "work").arg("push").args(args).output().unwrap().into()
}

#[test]
fn a_push_elsewhere_goes_through() {
    let world = world();
    let url = format!("file://{}", world.path("other.git").display());
    for place in ["../other.git", &url] {
        push(&world, &[place, "main:topic"]).accepted().does_not_say("not checked here");
        // A branch that would be protected here is named.
        push(&world, &[place, "main:release/1"]).accepted().says("refs/heads/release/1 is not checked here");
        push(&world, &[place, ":release/1"]).accepted();
        push(&world, &["--mirror", place]).accepted();
    }
    // What `gh pr checkout` sets up.
    for (key, value) in [
        ("branch.main.remote", url.as_str()),
        ("branch.main.merge", "refs/heads/feature"),
        ("push.default", "upstream"),
    ] {
        world.git(&["config", key, value]);
    }
    push(&world, &[]).accepted().does_not_say("not checked here");
    // A remote that nothing was ever fetched from, and a mirror.
    world.git(&["remote", "add", "fork", &url]);
    world.git(&["remote", "add", "--mirror=push", "backup", &url]);
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "More"]);
    push(&world, &["fork", "main:main"]).accepted().says("not checked here");
    push(&world, &["backup"]).accepted();
}

#[test]
fn tags_deletions_and_free_branches_go_through() {
    let world = world();
    push(&world, &["origin", "main:a", "main:b/c"]).accepted().does_not_say("not checked here");
    world.git(&["tag", "-a", "-m", "x", "free", "main"]);
    push(&world, &["origin", "free"]).accepted().does_not_say("not checked here");
    push(&world, &["origin", ":a", ":b/c", ":free"]).accepted().does_not_say("not checked here");
    // The server has a word about these; the hook leaves it to the server.
    world.git(&["tag", "v1", "main"]);
    push(&world, &["origin", "v1"]).says("refs/tags/v1 is not checked here").says("remote: ");
    push(&world, &["origin", "main:release/1"]).says("refs/heads/release/1 is not checked here");
}

#[test]
fn a_remote_without_a_gate_can_be_named_as_such() {
    let world = world();
    let base = world.main();
    push(&world, &["origin", "main"])
        .refused("git config remote.origin.changegate false")
        .says("at origin/main (")
        .does_not_say("origin/refs/");
    world.git(&["config", "remote.origin.changegate", "false"]);
    push(&world, &["origin", "main"]).refused("remote: ");
    assert_eq!(world.main(), base);
}

/// Adds a remote that holds a copy of the policy and has no gate, as a fork does.
fn add_fork(world: &World, name: &str) {
    world.git_in("", &["clone", "-q", "--bare", "server.git", &format!("{name}.git")]);
    let url = format!("file://{}", world.path(&format!("{name}.git")).display());
    world.git(&["remote", "add", name, &url]);
    world.git(&["fetch", "-q", name]);
}

#[test]
fn a_fork_that_is_fetched_from_is_not_the_gate() {
    let world = world();
    add_fork(&world, "fork");
    push(&world, &["origin", "main"]).refused("is missing").does_not_say("remote: ");
    push(&world, &["fork", "main"])
        .accepted()
        .says("refs/heads/main of fork is not checked here")
        .says("if fork has one: git config remote.fork.changegate true");
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "More"]);
    world.git(&["config", "remote.fork.changegate", "true"]);
    push(&world, &["fork", "main"]).refused("is missing");
    // What is said about one remote counts for the others.
    push(&world, &["origin", "main"]).says("the gate is taken to be at fork").says("remote: ");
    world.git(&["config", "remote.fork.changegate", "false"]);
    push(&world, &["fork", "main"]).accepted().does_not_say("not checked here");
    push(&world, &["origin", "main"]).refused("is missing").does_not_say("remote: ");
}

#[test]
fn a_clone_of_a_fork_is_held_to_the_repository_that_it_comes_from() {
    let world = world();
    // `git clone FORK` has main follow the fork, until the other one is added as `upstream`.
    world.git(&["remote", "rename", "origin", "upstream"]);
    add_fork(&world, "origin");
    world.git(&["branch", "-q", "--set-upstream-to=origin/main", "main"]);
    push(&world, &["origin", "main"]).accepted().says("the gate is taken to be at upstream");
    push(&world, &["upstream", "main"]).refused("is missing").does_not_say("remote: ");
    // Under other names, it is the one that the branch follows.
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "More"]);
    world.git(&["remote", "rename", "upstream", "gate"]);
    world.git(&["branch", "-q", "--set-upstream-to=gate/main", "main"]);
    push(&world, &["gate", "main"]).refused("is missing").does_not_say("remote: ");
    push(&world, &["origin", "main"]).accepted().says("the gate is taken to be at gate");
    // If git knows nothing of the kind, the server decides.
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "Still more"]);
    world.git(&["branch", "-q", "--unset-upstream", "main"]);
    world.git(&["remote", "rename", "origin", "fork"]);
    push(&world, &["gate", "main"]).says("several remotes hold a policy").says("remote: ");
}

#[test]
fn a_remote_that_pushes_to_another_repository_is_not_the_gate() {
    let elsewhere = "origin pushes to another repository than it fetches from";
    for key in ["remote.origin.pushurl", "url.../other.git.pushInsteadOf"] {
        let world = world();
        let value = if key.starts_with("remote") { "../other.git".to_owned() } else { world.url() };
        world.git(&["config", key, &value]);
        push(&world, &["origin", "main"])
            .accepted()
            .says(elsewhere)
            .says("git config remote.origin.changegate true")
            .does_not_say("remote: ");
        world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "More"]);
        world.git(&["config", "remote.origin.changegate", "true"]);
        push(&world, &["origin", "main"]).refused("is missing").does_not_say(elsewhere);
    }
    // The same repository by another address, and two of which one has the gate.
    let world = world();
    let path = world.path("server.git").display().to_string();
    world.git(&["config", "remote.origin.pushurl", &path]);
    push(&world, &["origin", "main"]).refused("is missing").does_not_say(elsewhere);
    world.git(&["config", "--add", "remote.origin.pushurl", "../other.git"]);
    push(&world, &["origin", "main"]).refused("is missing").says(elsewhere);
}

#[test]
fn what_only_a_fork_holds_is_not_published() {
    let world = world();
    world.git(&["remote", "rename", "origin", "upstream"]);
    add_fork(&world, "origin");
    push(&world, &["origin", "main"]).accepted();
    let published = "is not rewritten";
    let refused = push(&world, &["upstream", "main"]);
    refused.refused("git commit --amend").does_not_say(published);
    world
        .changegate("work", &["check", "upstream/main..HEAD"])
        .says("git commit --amend")
        .does_not_say(published);
    world.git(&["config", "remote.origin.changegate", "false"]);
    world
        .changegate("work", &["check", "upstream/main..HEAD"])
        .says("git commit --amend")
        .does_not_say(published);
    push(&world, &["upstream", "main"]).refused("git commit --amend").does_not_say(published);
    // With a gate of its own, it counts.
    world.git(&["config", "remote.origin.changegate", "true"]);
    world.changegate("work", &["check", "upstream/main..HEAD"]).says(published);
}

#[test]
fn what_is_printed_leads_to_the_repository() {
    let world = world();
    // What is pasted runs where the shell is.
    let pushed = |args: &[&str], folder: &str| -> Pushed {
        let shell = ["-c", "git \"$@\"; exit $?", "sh"];
        world.command("sh", folder).args(shell).args(args).output().unwrap().into()
    };
    world.git(&["config", "alias.up", "push origin"]);
    world.git(&["config", "alias.out", "!git push origin"]);
    for args in [["-C", "work", "push", "origin", "main"].as_slice(), &["-C", "work", "up", "main"]] {
        let refused = pushed(args, "");
        refused.refused("work commit --amend --only").says("work config remote.origin.changegate false");
    }
    fs::create_dir_all(world.path("work/a/b")).unwrap();
    for alias in ["up", "out"] {
        pushed(&[alias, "main"], "work").refused("git commit --amend --only");
        pushed(&[alias, "main"], "work/a/b").refused("commit --amend --only").does_not_say("CHANGEGATE");
    }
    pushed(&["push", "origin", "main"], "work/a/b").refused("git commit --amend --only");
}

#[test]
fn what_cannot_be_judged_is_named_and_goes_through() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    // Someone else has pushed in the meantime, and the policy that was fetched is faulty.
    world.write("policies/changegate.yml", "changegate: 1\nname: [\n");
    let faulty = world.commit(&good("Break the policy"));
    world.git(&["update-ref", "refs/remotes/origin/main", &faulty]);
    world.git_in("server.git", &["fetch", "-q", "../work", "main"]);
    world.git_in("server.git", &["update-ref", "refs/heads/main", &faulty]);
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "Nothing at all"]);
    push(&world, &["origin", "main:free"]).does_not_say("not checked here");
    push(&world, &["origin", "main"]).says("refs/heads/main is not checked here").says("remote: ");
    // Input that git never writes, and more refs than are read.
    let many: String = (0..10_001).map(|n| format!("a {0} refs/heads/x{n} {0}\n", "1".repeat(40))).collect();
    for input in ["what is this\n", &many] {
        let mut command = world.command(crate::world::BINARY, "work");
        let output = crate::world::fed(command.args(["hook", "pre-push", "origin"]), input.as_bytes());
        Pushed::from(output).accepted().says("this push is not checked here");
    }
}

#[test]
fn the_remote_itself_says_what_is_new() {
    let world = world();
    // The ref that keeps it here has a name of its own, and is behind.
    let old = world.main();
    world.git(&["config", "remote.origin.fetch", "+refs/heads/*:refs/kept/*"]);
    world.git(&["update-ref", "refs/kept/main", &old]);
    world.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
    push(&world, &["origin", "main"]).refused("is missing").does_not_say("remote: ");
    let landed = world.head();
    world.git_in("server.git", &["fetch", "-q", "../work", "main"]);
    world.git_in("server.git", &["update-ref", "refs/heads/main", &landed]);
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", &good("Good")]);
    push(&world, &["origin", "main"]).says("remote: ");
    assert!(fs::exists(world.path("server.git")).unwrap());
}

/// What the default branch holds already is asked once more by the rules of a release, and only the push can say how.
#[test]
fn the_rules_about_promoted_changes_are_named_as_left_to_the_push() {
    let rule = "guarded: { when: { branch: 'release/*' }, require: { not: { touches: 'guarded/**' } } }";
    let world = World::under(&format!("{POLICY}rules:\n  {rule}\n"));
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.write("guarded/a", "1");
    world.commit(&good("Touch what releases leave alone"));
    world.push(&["main"]).accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["remote", "set-head", "origin", "main"]);
    world.changegate("work", &["install"]).accepted();
    let pushed = world.push(&["main:release/1"]);
    let left = "whose own rules (guarded) the push asks about it once more; that is not checked here";
    pushed.refused("guarded").says("1 commit of this is on").says(left);
    for how in ["merge", "rebase"] {
        let args = ["check", "--as", how, "--onto", "origin/release/1"];
        world.changegate("work", &args).says("is on `origin/main` already").says(left);
    }
    // On the default branch itself nothing is asked twice.
    world.commit(&good("More"));
    world
        .changegate("work", &["check", "--as", "merge", "--onto", "origin/main"])
        .accepted()
        .does_not_say("once more");
    world.push(&["main"]).accepted().does_not_say("once more");
}
