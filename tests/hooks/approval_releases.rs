//! Signed approvals for other branches than the one that the server's HEAD names.

use crate::signed_approvals::{
    POLICY, approve_as, approved_by, commit_as, git_as, push_as, start, start_under,
};
use crate::world::World;

fn start_with_releases() -> Option<World> {
    start_under(&POLICY.replace("CARRIES", "{}").replace("[main]", "[main, 'release/*']"))
}

/// Returns the arguments of the command that a refusal gives, after `changegate approve`.
fn find_told_command(seen: &str) -> Vec<String> {
    let text = seen.replace("remote:", "").split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = text.split_once("`changegate approve ").unwrap();
    let (command, _) = rest.split_once('`').unwrap();
    command.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_a_refusal_says_approves_for_its_branch() {
    let Some(mut world) = start_with_releases() else { return };
    push_as(&mut world, "ana", "main:release/1").accepted();
    world.git(&["checkout", "-q", "-b", "fix"]);
    commit_as(&world, "ana", "a", "1", "Fix it");
    for branch in ["release/1", "release/2"] {
        let pushed = push_as(&mut world, "ana", &format!("fix:{branch}"));
        pushed.refused("needs 1 signed approval").says(&format!("--ref {branch}"));
        let told = find_told_command(&pushed.seen);
        approved_by(&world, "ben", &told.iter().map(String::as_str).collect::<Vec<_>>());
        push_as(&mut world, "ana", &format!("fix:{branch}")).accepted();
    }
    // For main, nobody has approved it.
    push_as(&mut world, "ana", "fix:main").refused("needs 1 signed approval").says("--ref main");
}

#[test]
fn a_branch_that_is_yet_to_be_made_has_to_be_under_change_control() {
    let Some(world) = start_with_releases() else { return };
    commit_as(&world, "ana", "a", "1", "Fix it");
    let (accepted, said) = approve_as(&world, "ben", &["--ref", "relase/1"]);
    assert!(!accepted && said.contains("which the server does not have yet"), "{said}");
    assert!(said.contains("is not under change control"), "{said}");
    let (accepted, said) = approve_as(&world, "ben", &["origin/main", "--ref", "release/1"]);
    assert!(!accepted && said.contains("a new branch is only asked there what its own rules ask"), "{said}");
    // A base that no branch under change control has vouches for nothing.
    let base = commit_as(&world, "ana", "b", "1", "More");
    world.git(&["push", "-q", "--no-verify", "origin", "HEAD:topic"]);
    world.git_in("server.git", &["symbolic-ref", "HEAD", "refs/heads/topic"]);
    commit_as(&world, "ana", "b", "2", "And more");
    let (accepted, said) = approve_as(&world, "ben", &["--ref", "release/1"]);
    let told = said.replace("remote:", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!accepted && told.contains("is a commit of no branch under change control"), "{told}");
    assert!(told.contains(&base[..10]), "{told}");
}

#[test]
fn a_release_is_approved_with_the_keys_of_today() {
    let Some(mut world) = start_with_releases() else { return };
    push_as(&mut world, "ana", "main:release/1").accepted();
    // With the old key, for later.
    world.git(&["checkout", "-q", "-b", "early"]);
    commit_as(&world, "ana", "early", "1", "Early");
    approved_by(&world, "ben", &["--ref", "release/1"]);
    // Everybody gets another key on main.
    world.git(&["checkout", "-q", "-b", "keys", "main"]);
    let made = world.make_keys(&["ben2", "kim2"]).unwrap();
    let mut roster = std::fs::read_to_string(world.path("work/who/people.yml")).unwrap();
    for (who, line) in ["ben", "kim"].into_iter().zip(&made) {
        let old = std::fs::read_to_string(world.path(&format!("{who}.pub"))).unwrap();
        roster = roster.replace(old.trim(), line.split_once("\"git\" ").unwrap().1.trim());
    }
    world.write("who/people.yml", &roster);
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Know other keys"]);
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "keys:main").accepted();
    // The old key counts nowhere any more, although the release still lists it.
    push_as(&mut world, "ana", "early:release/1").refused("is not valid any more");
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "-b", "fix", "origin/release/1"]);
    commit_as(&world, "ana", "fix", "1", "Fix it");
    let (accepted, said) = approve_as(&world, "kim", &["--ref", "release/1"]);
    let told = said.replace("remote:", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!accepted && told.contains("the policy does not take the key"), "{told}");
    assert!(told.contains("fix: the maintainers of the roster"), "{told}");
    for (new, old) in [("ben2", "ben"), ("kim2", "kim")] {
        std::fs::copy(world.path(new), world.path(old)).unwrap();
        std::fs::copy(world.path(&format!("{new}.pub")), world.path(&format!("{old}.pub"))).unwrap();
    }
    approved_by(&world, "ben", &["--ref", "release/1"]);
    push_as(&mut world, "ana", "fix:release/1").accepted();
}

#[test]
fn what_has_landed_is_not_approved_again() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "Cache it");
    // A clone that has not fetched since, as its approval is kept back.
    let (signed, said) = approve_as(&world, "ben", &["--no-push"]);
    assert!(signed, "{said}");
    let name = said.split_whitespace().last().unwrap().to_owned();
    approved_by(&world, "kim", &[]);
    world.git(&["checkout", "-q", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    push_as(&mut world, "ana", "main").accepted();
    push_as(&mut world, "ben", &format!("{name}:{name}")).refused("so there is nothing to approve");
}

#[test]
fn what_is_told_takes_a_rejection_for_a_release_back() {
    let Some(mut world) = start_with_releases() else { return };
    push_as(&mut world, "ana", "main:release/1").accepted();
    world.git(&["checkout", "-q", "-b", "fix"]);
    commit_as(&world, "ana", "a", "1", "Fix it");
    approved_by(&world, "ben", &["--ref", "release/1"]);
    approved_by(&world, "kim", &["--ref", "release/1", "--reject"]);
    let pushed = push_as(&mut world, "ana", "fix:release/1");
    pushed.refused("rejects revision").says("--ref release/1 --revoke");
    let told = find_told_command(&pushed.seen);
    approved_by(&world, "kim", &told.iter().map(String::as_str).collect::<Vec<_>>());
    push_as(&mut world, "ana", "fix:release/1").accepted();
}

#[test]
fn a_rejection_for_a_release_holds_for_what_main_holds_already() {
    let Some(mut world) = start_with_releases() else { return };
    push_as(&mut world, "ana", "main:release/1").accepted();
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "kim", &["--ref", "release/1", "--reject"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    push_as(&mut world, "ana", "main:release/1").refused("`kim@example.com` rejects revision");
    approved_by(&world, "kim", &["--ref", "release/1", "--revoke", &tip]);
    push_as(&mut world, "ana", "main:release/1").accepted();
}

#[test]
fn what_main_holds_is_approved_for_a_release_that_asks_for_it() {
    let policy = POLICY.replace("CARRIES", "{}").replace("[main]", "[main, 'release/*']")
        + "  released:\n    when: { branch: 'release/*' }\n    require: { approvals: { at-least: 1 } }\n";
    let Some(mut world) = start_under(&policy) else { return };
    world.git_in("server.git", &["update-ref", "refs/heads/release/1", "main"]);
    world.changegate("server.git", &["ledger", "reconcile"]);
    world.git(&["fetch", "-q", "origin"]);
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    let pushed = push_as(&mut world, "ana", "main:release/1");
    pushed.refused("released").says("--ref release/1");
    let told = find_told_command(&pushed.seen);
    approved_by(&world, "ben", &told.iter().map(String::as_str).collect::<Vec<_>>());
    push_as(&mut world, "ana", "main:release/1").accepted();
    // A branch that is not there yet cannot be approved for, and is not told to be.
    let pushed = push_as(&mut world, "ana", "main:release/2");
    pushed.refused("released").says("git commit --allow-empty").does_not_say("changegate approve");
}

#[test]
fn an_approval_is_used_up_by_the_branch_that_moved_alone() {
    let Some(mut world) = start_with_releases() else { return };
    push_as(&mut world, "ana", "main:release/1").accepted();
    world.git(&["fetch", "-q", "origin"]);
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "fix", "origin/release/1"]);
    commit_as(&world, "ana", "b", "1", "Fix it");
    approved_by(&world, "ben", &["--ref", "release/1"]);
    crate::world::script(
        &world.path("server.git/hooks/update"),
        "#!/bin/sh\n[ \"$1\" != refs/heads/release/1 ] || [ -e allowed ]\n",
    );
    world.environment.retain(|(name, _)| name != "GL_USER");
    world.environment.push(("GL_USER".into(), "ana".into()));
    world.push(&["main", "fix:release/1"]).says("main -> main");
    world.write("../server.git/allowed", "");
    push_as(&mut world, "ana", "fix:release/1").accepted();
}

#[test]
fn a_clone_counts_an_approval_for_the_branch_that_it_names() {
    let Some(mut world) = start_with_releases() else { return };
    push_as(&mut world, "ana", "main:release/1").accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "-b", "fix", "origin/release/1"]);
    let check = |world: &World, args: &[&str]| world.changegate("work", &[&["check"], args].concat());
    commit_as(&world, "ana", "a", "1", "Fix it");
    approved_by(&world, "ben", &["--ref", "main"]);
    check(&world, &["origin/release/1..HEAD"]).does_not_say("has approved");
    check(&world, &["HEAD", "--onto", "origin/release/1"]).does_not_say("has approved");
    check(&world, &["origin/main..HEAD", "--target", "release/1"]).does_not_say("has approved");
    for args in [&["origin/main..HEAD"][..], &["HEAD~1..HEAD"], &["HEAD", "--onto", "origin/main"]] {
        check(&world, args).says("`ben@example.com` has approved");
    }
    let explained = world.changegate("work", &["explain", "origin/release/1..HEAD"]);
    explained.does_not_say("the approval by `ben@example.com` counts");
    push_as(&mut world, "ana", "fix:release/1").refused("needs 1 signed approval");
    approved_by(&world, "ben", &["--ref", "release/1"]);
    check(&world, &["origin/release/1..HEAD"]).says("`ben@example.com` has approved");
    push_as(&mut world, "ana", "fix:release/1").accepted();
}
