//! The base of a signed approval: what the branch and the revision have in common when the server receives it, and nothing
//! older, so that what others have landed is no part of what was approved or rejected.

use std::process::Output;

use crate::signed_approvals::{approve_as, approved_by, commit_as, git_as, push_as, start};
use crate::world::{BINARY, Pushed, World};

/// Runs `changegate approve` as this person in the clone `other`.
fn approve_in_other(world: &World, who: &str, args: &[&str]) -> Pushed {
    run_in_other(world, who, BINARY, &[&["approve"], args].concat()).into()
}

fn run_in_other(world: &World, who: &str, program: &str, args: &[&str]) -> Output {
    let mut command = world.command(program, "other");
    for identity in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{identity}_NAME"), who);
        command.env(format!("{identity}_EMAIL"), format!("{who}@example.com"));
    }
    command.env("GL_USER", who);
    command.env("GIT_CONFIG_COUNT", "2").env("GIT_CONFIG_KEY_0", "user.signingKey");
    command.env("GIT_CONFIG_VALUE_0", world.path(who));
    command.env("GIT_CONFIG_KEY_1", "gpg.format").env("GIT_CONFIG_VALUE_1", "ssh");
    command.args(args).output().unwrap()
}

/// Lands a file of Kim's on main.
fn land(world: &mut World, file: &str) {
    world.git(&["checkout", "-q", "-b", file, "origin/main"]);
    commit_as(world, "kim", file, "1", file);
    approved_by(world, "ben", &[]);
    push_as(world, "kim", "HEAD:main").accepted();
    world.git(&["fetch", "-q", "origin"]);
}

/// A topic of Ana's that builds on the newest commit of main, which moves on after that; the clone `other` has fetched the
/// topic since and has main as it was before both.
fn stale_clone() -> Option<World> {
    let mut world = start("{}")?;
    world.git_in("", &["clone", "-q", "server.git", "other"]);
    land(&mut world, "one");
    world.git(&["checkout", "-q", "-b", "topic", "origin/main"]);
    commit_as(&world, "ana", "a", "1", "Topic");
    world.git(&["push", "-q", "--no-verify", "origin", "topic"]);
    land(&mut world, "two");
    world.git_in("other", &["fetch", "-q", "origin", "topic"]);
    Some(world)
}

/// Runs the command that stands below the note on what the clone lacks.
fn run_told_fetch(world: &World, said: &Pushed) {
    let command = said.seen.lines().map(str::trim).find(|line| line.starts_with("git fetch ")).unwrap();
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    world.git_in("other", &args);
}

#[test]
fn what_others_have_landed_is_no_part_of_what_a_stale_clone_approves() {
    let Some(mut world) = stale_clone() else { return };
    let said = approve_in_other(&world, "ben", &["FETCH_HEAD"]);
    said.refused("is older than what `refs/heads/main` and the revision").says("this clone lacks");
    let tip = world.git(&["rev-parse", "topic"]);
    run_told_fetch(&world, &said);
    approve_in_other(&world, "ben", &[tip.trim()]).accepted().says("1 commit for").does_not_say("lacks");
    // The same content under other words is what was approved.
    world.git(&["checkout", "-q", "topic"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Topic, better"]);
    world.git(&["checkout", "-q", "-b", "merged", "origin/main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    push_as(&mut world, "ana", "HEAD:main").accepted();
}

#[test]
fn a_stale_clone_rejects_what_it_means() {
    let Some(mut world) = stale_clone() else { return };
    let said = approve_in_other(&world, "kim", &["FETCH_HEAD", "--reject"]);
    said.refused("is older than what `refs/heads/main` and the revision");
    let tip = world.git(&["rev-parse", "topic"]);
    run_told_fetch(&world, &said);
    approve_in_other(&world, "kim", &[tip.trim(), "--reject"]).accepted();
    world.git(&["checkout", "-q", "-b", "again", "origin/main"]);
    commit_as(&world, "ana", "a", "1", "Topic again");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "HEAD:main").refused("`kim@example.com` rejects revision");
}

#[test]
fn a_clone_that_lacks_only_what_landed_elsewhere_approves() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    let topic = commit_as(&world, "ana", "a", "1", "Topic");
    world.git(&["push", "-q", "--no-verify", "origin", "topic"]);
    world.git_in("", &["clone", "-q", "server.git", "other"]);
    land(&mut world, "one");
    approve_in_other(&world, "ben", &[&topic]).accepted().says("this clone lacks");
    world.git(&["checkout", "-q", "-b", "merged", "origin/main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    push_as(&mut world, "ana", "HEAD:main").accepted();
}

#[test]
fn what_has_landed_is_not_kept_out_any_more() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let (signed, said) = approve_as(&world, "kim", &["--reject", "--no-push"]);
    assert!(signed, "{said}");
    let name = said.split_whitespace().last().unwrap().to_owned();
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    push_as(&mut world, "kim", &format!("{name}:{name}")).refused("so it is too late to reject it");
}
