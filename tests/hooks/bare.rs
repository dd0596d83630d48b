//! Commands in a bare repository, which has no work tree and whose own files are no policies.

use crate::world::{World, bad, good};

#[test]
fn the_policy_of_a_bare_repository_is_that_of_the_policy_ref() {
    let world = World::new();
    world.write("src/a.rs", "1\n");
    world.commit(&good("Write it"));
    world.push(&["main"]).accepted();
    let run = |args: &[&str]| world.changegate("server.git", args);
    for args in [
        &["policy", "check"][..],
        &["policy", "show"],
        &["policy", "status"],
        &["policy", "status", "--policy", "HEAD"],
        &["policy", "status", "--policy", "main"],
        &["policy", "diff", "HEAD"],
        &["policy", "diff", "HEAD~1", "HEAD"],
        &["policy", "backtest", "--since", "2020-01-01"],
        &["policy", "docs"],
        &["explain", "-m", "Try it", "--author", "Ana <ana@example.com>"],
    ] {
        run(args).accepted().does_not_say("HEAD:1");
    }
    for args in [&["policy", "init"][..], &["policy", "test"]] {
        run(args).refused("run `changegate policy").says("in a clone");
    }
    run(&["policy", "check"]).says("policies/changegate.yml at main (").says("valid");
    // Another ref can hold the policy, and none has to.
    world.git_in("server.git", &["update-ref", "refs/heads/release/gate", "main"]);
    world.configure("changegate.policyRef", "refs/heads/release/gate");
    run(&["policy", "check"]).accepted().says("policies/changegate.yml at release/gate (");
    world.configure("changegate.policyRef", "refs/heads/nowhere");
    run(&["policy", "check"]).refused("`nowhere` has no commit yet").does_not_say("policy init");
}

#[test]
fn a_revision_counts_before_a_file_of_the_same_name() {
    let world = World::new();
    for name in ["main", "HEAD"] {
        world.write(name, "no policy\n");
        let said = world.changegate("work", &["policy", "diff", name]);
        said.accepted().says("they ask the same").says("is a revision and a file; taken as the revision");
        world.changegate("work", &["policy", "diff", &format!("./{name}")]).refused("a policy is a map");
    }
    world.write("draft.yml", &std::fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap());
    world.git(&["branch", "draft.yml"]);
    let said = world.changegate("work", &["policy", "diff", "draft.yml"]);
    said.accepted().says("from draft.yml").says("is a file and a revision; taken as the file");
    world.changegate("work", &["policy", "diff", "nothing"]).refused("neither a file nor a revision");
}

#[test]
fn where_no_commit_can_be_made_none_is_amended() {
    let world = World::new();
    world.configure("changegate.mode", "evaluate");
    world.commit(&bad("Unreviewed"));
    world.push(&["main"]).accepted();
    let said = world.changegate("server.git", &["check", "--history"]);
    said.refused("peer-review").does_not_say("--amend").does_not_say("rebase").says("in a clone, ");
    world.changegate("work", &["check", "HEAD~1..HEAD"]).refused("peer-review");
}

#[test]
fn a_file_of_git_is_no_policy_where_a_file_is_asked_for() {
    let world = World::new();
    let run = |args: &[&str]| world.changegate("server.git", args);
    for args in [
        &["policy", "check", "HEAD"][..],
        &["policy", "show", "HEAD"],
        &["policy", "docs", "HEAD"],
        &["policy", "backtest", "--policy", "HEAD", "--since", "2020-01-01"],
        &["check", "--policy", "HEAD", "--history"],
        &["explain", "--policy", "HEAD", "-m", "Try it", "--author", "Ana <ana@example.com>"],
    ] {
        let said = run(args);
        said.says("`HEAD` is a revision and a file of Git; taken as the revision")
            .does_not_say("a policy is a map");
    }
    run(&["policy", "check", "HEAD"]).accepted().says("policies/changegate.yml at HEAD (");
    run(&["policy", "check", "main"]).accepted().says("policies/changegate.yml at main (");
    run(&["policy", "check", "config"]).refused("`config` is no revision").says("./config");
    run(&["policy", "check", "./HEAD"]).refused("HEAD:1:1");
    run(&["policy", "check", "nowhere"]).refused("there is no `nowhere`");
}
