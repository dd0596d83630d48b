//! What `commit-msg` knows of the paths that a commit changes, before there is a commit.

use std::fs;

use crate::world::{Pushed, World, script};

/// A policy with a rule for some paths only.
const BY_PATH: &str = "\
changegate: 1
name: test
protects: [main]
rules:
  documented:
    title: what changes the documents says so
    why: The test needs a rule for some paths.
    when: { touches: 'docs/**' }
    require: { subject: { matches: 'docs: .*' } }
  always:
    title: everything has a subject
    why: The test needs a rule that always applies.
    require: { subject: { matches: '.+' } }
";

fn world() -> World {
    let world = World::under(BY_PATH);
    for file in ["docs/a", "src/a"] {
        world.write(file, "first\n");
    }
    world.commit("docs: first");
    world.changegate("work", &["install"]).accepted();
    world
}

fn commit(world: &World, args: &[&str]) -> Pushed {
    world.command("git", "work").arg("commit").args(args).output().unwrap().into()
}

#[test]
fn a_rule_for_some_paths_is_asked_of_what_is_staged() {
    let world = world();
    world.write("src/a", "second\n");
    commit(&world, &["-am", "second"]).accepted().does_not_say("checked later");
    world.write("docs/a", "second\n");
    world.write("src/a", "third\n");
    // What is changed and not staged is not committed.
    world.git(&["add", "src/a"]);
    commit(&world, &["-m", "third"]).accepted();
    for args in [&["-am", "third"][..], &["-m", "third", "docs/a"], &["-m", "third", "-i", "docs/a"]] {
        commit(&world, args).refused("documented");
    }
    // What is staged and left out is not committed either.
    world.git(&["add", "docs/a"]);
    world.write("src/a", "fourth\n");
    commit(&world, &["-m", "fourth", "--only", "src/a"]).accepted();
    commit(&world, &["-m", "fifth"]).refused("documented");
    commit(&world, &["-m", "docs: fifth"]).accepted();
    fs::remove_file(world.path("work/docs/a")).unwrap();
    commit(&world, &["-am", "sixth"]).refused("documented");
}

#[test]
fn an_amended_commit_is_compared_with_its_parent() {
    let world = world();
    world.write("docs/a", "second\n");
    commit(&world, &["-a", "--no-verify", "-m", "second"]).accepted();
    commit(&world, &["--amend", "-m", "still second"]).refused("documented");
    world.git(&["checkout", "-q", "HEAD^", "--", "docs/a"]);
    world.write("src/a", "second\n");
    commit(&world, &["-a", "--amend", "-m", "second"]).accepted();
    // The first commit has no parent.
    world.git(&["checkout", "-q", "--orphan", "fresh"]);
    world.git(&["branch", "-q", "-D", "main"]);
    world.git(&["checkout", "-q", "-b", "main"]);
    commit(&world, &["-m", "first"]).refused("documented");
    commit(&world, &["-m", "docs: first"]).accepted();
    commit(&world, &["--amend", "-m", "first"]).refused("documented");
    world.git(&["rm", "-q", "-r", "docs"]);
    commit(&world, &["--amend", "-m", "first"]).accepted();
}

#[test]
fn a_merge_brings_the_paths_of_its_commits() {
    let world = world();
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("docs/a", "second\n");
    commit(&world, &["-a", "-m", "second"]).accepted().says("documented");
    world.git(&["checkout", "-q", "main"]);
    let merge = |message: &str| -> Pushed {
        let args = ["merge", "--no-ff", "-m", message, "topic"];
        world.command("git", "work").args(args).output().unwrap().into()
    };
    merge("merge it").refused("documented");
    world.git(&["merge", "--abort"]);
    merge("docs: merge it").refused("documented");
    world.git(&["merge", "--abort"]);
    world.git(&["checkout", "-q", "topic"]);
    commit(&world, &["--amend", "-m", "docs: second"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    merge("docs: merge it").accepted();
}

#[test]
fn an_index_that_cannot_be_read_leaves_the_rule_for_later() {
    let world = world();
    world.changegate("work", &["uninstall"]).accepted();
    let before = world.path("work/.git/hooks/commit-msg");
    // Git has read it already, and goes on with what it knows.
    script(&before, "#!/bin/sh\necho broken >\"$GIT_INDEX_FILE\"\n");
    world.changegate("work", &["install"]).accepted();
    world.write("docs/a", "second\n");
    commit(&world, &["-am", "second"]).accepted();
    script(&before.with_file_name("commit-msg.before-changegate"), "#!/bin/sh\n");
    fs::remove_file(world.path("work/.git/index")).unwrap();
    world.write("docs/a", "third\n");
    world.git(&["add", "-A"]);
    commit(&world, &["-m", "third"]).refused("documented");
}

#[test]
fn a_freeze_is_asked_about_when_the_commit_is_pushed() {
    let frozen = BY_PATH.replace(
        "require: { subject: { matches: '.+' } }",
        "require: { window: { outside: [{ from: 2000-01-01, until: 2999-12-31 }] } }",
    );
    let world = World::under(&frozen);
    world.changegate("work", &["install"]).accepted();
    commit(&world, &["--allow-empty", "-m", "made during a freeze"]).accepted();
    world.push(&["main"]).refused("always");
}

#[test]
fn a_policy_that_cannot_be_used_stops_no_commit() {
    let world = world();
    world.write("policies/changegate.yml", &BY_PATH.replace("protects", "protect"));
    // A draft is shown, and does not judge.
    commit(&world, &["--allow-empty", "-m", "second"])
        .accepted()
        .says("policies/changegate.yml:3")
        .says("the policy in the work tree is a draft");
    let faulty = world.commit("Break the policy");
    world.git(&["update-ref", "refs/remotes/origin/main", &faulty]);
    let committed = commit(&world, &["--allow-empty", "-m", "third"]);
    committed.accepted().says("policies/changegate.yml:3").says("the server decides by its own policy");
    let mut command = world.command("git", "work");
    command.env("GIT_EDITOR", "echo fourth >");
    let edited: Pushed = command.args(["commit", "--allow-empty"]).output().unwrap().into();
    edited.accepted().says("no trailers are filled in").says("policies/changegate.yml:3");
    // The server does refuse it.
    world.push(&["main"]).refused("protect");
}
