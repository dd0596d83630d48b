//! The dates of signed approvals: the time of receipt decides, and what was held back undoes nothing.

use crate::signed_approvals::{approve_as, approved_by, commit_as, push_as, run_as, start};
use crate::world::World;

/// Signs a word of this person about HEAD with a clock that is so many seconds ahead, and returns its commit. `like` is an
/// approval that says the same.
fn sign_ahead(world: &World, who: &str, like: &str, decision: &str, ahead: i64) -> String {
    let message = world.git(&["log", "-1", "--format=%B", like]);
    let mut lines = Vec::new();
    for line in message.trim().lines() {
        lines.push(match line.split_once(": ") {
            Some(("Decision", _)) => format!("Decision: {decision}"),
            _ => line.to_owned(),
        });
    }
    let verb = match decision {
        "approved" => "Approve ",
        "rejected" => "Reject ",
        _ => "Revoke the approval of ",
    };
    let (_, subject) = lines[0].split_once(char::is_whitespace).unwrap();
    lines[0] = format!("{verb}{}", subject.trim_start_matches("the approval of "));
    let date = jiff::Timestamp::now().as_second() + ahead;
    let mut command = world.command("git", "work");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), who);
        command.env(format!("GIT_{role}_EMAIL"), format!("{who}@example.com"));
        command.env(format!("GIT_{role}_DATE"), format!("{date} +0000"));
    }
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "user.signingKey");
    command.env("GIT_CONFIG_VALUE_0", world.path(who));
    command.args(["commit-tree", "-S", "-p", "HEAD", "HEAD^{tree}", "-m", &lines.join("\n")]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Signs an approval of HEAD and keeps it back; returns its commit.
fn hold_back(world: &World, who: &str, args: &[&str]) -> String {
    let all: Vec<&str> = ["--no-push"].iter().chain(args).copied().collect();
    let (signed, said) = approve_as(world, who, &all);
    assert!(signed, "{said}");
    said.trim().rsplit('/').next().unwrap().to_owned()
}

fn name_ref(commit: &str) -> String {
    format!("{commit}:refs/changegate/approvals/{commit}")
}

#[test]
fn a_clock_that_was_ahead_keeps_nobody_from_objecting() {
    for (word, told) in [("--reject", "`ben@example.com` rejects revision"), ("--revoke", "has revoked it")] {
        let Some(mut world) = start("{}") else { return };
        commit_as(&world, "ana", "a", "1", "Cache it");
        let like = hold_back(&world, "ben", &["-m", "like"]);
        let ahead = sign_ahead(&world, "ben", &like, "approved", 540);
        push_as(&mut world, "ben", &name_ref(&ahead)).accepted();
        // The clone does not know of it, as that of another machine.
        approved_by(&world, "ben", &[word]);
        push_as(&mut world, "ana", "main").refused(told);
        // What was signed before, by the clock that is ahead, does not come back.
        let earlier = sign_ahead(&world, "ben", &like, "approved", 400);
        push_as(&mut world, "kim", &name_ref(&earlier)).refused("with a later date");
        push_as(&mut world, "ana", "main").refused(told);
    }
}

#[test]
fn a_new_word_is_dated_after_the_last_one_that_the_clone_knows() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let like = hold_back(&world, "ben", &["-m", "like"]);
    let ahead = sign_ahead(&world, "ben", &like, "rejected", 540);
    push_as(&mut world, "ben", &name_ref(&ahead)).accepted();
    // Only a word with a later date lifts a rejection.
    let (accepted, said) = approve_as(&world, "ben", &[]);
    assert!(!accepted && said.contains("with a later date"), "{said}");
    let (accepted, said) = approve_as(&world, "ben", &["--revoke"]);
    assert!(!accepted && said.contains("with a later date"), "{said}");
    world.git(&["fetch", "-q", "origin", "refs/changegate/approvals/*:refs/changegate/fetched/*"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn words_that_follow_each_other_at_once_are_all_taken() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    for _ in 0..4 {
        approved_by(&world, "ben", &[]);
    }
    approved_by(&world, "ben", &["--reject"]);
    push_as(&mut world, "ana", "main").refused("`ben@example.com` rejects revision");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn a_revocation_that_was_held_back_lifts_no_rejection() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    approved_by(&world, "kim", &[]);
    let held = hold_back(&world, "kim", &["--revoke"]);
    approved_by(&world, "kim", &["--reject"]);
    push_as(&mut world, "ana", &name_ref(&held)).refused("with a later date");
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
}

#[test]
fn a_signature_that_was_held_back_stays_refused_when_its_revocation_is_dropped() {
    let Some(mut world) = start("{}") else { return };
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    let held = hold_back(&world, "ben", &[]);
    approved_by(&world, "ben", &[]);
    approved_by(&world, "ben", &["--revoke"]);
    push_as(&mut world, "ana", &name_ref(&held)).refused("with a later date");
    for number in 0..65 {
        world.git(&["checkout", "-q", "--detach", "origin/main"]);
        commit_as(&world, "ana", "other", &number.to_string(), "Another");
        approved_by(&world, "ben", &[]);
    }
    push_as(&mut world, "ana", &name_ref(&held)).refused("not known any more whether they took this back");
    push_as(&mut world, "ana", &format!("{tip}:main")).refused("needs 1 signed approval");
    // A new signature counts.
    approved_by(&world, "ben", &[&tip]);
    push_as(&mut world, "ana", &format!("{tip}:main")).accepted();
    assert!(run_as(&world, "ana", "git", &["status"]).status.success());
}

#[test]
fn what_was_signed_before_a_rejection_of_the_same_content_does_not_lift_it() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "first"]);
    commit_as(&world, "ana", "a", "1", "Cache it");
    let held = hold_back(&world, "kim", &[]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    // The same content under other words.
    world.git(&["checkout", "-q", "-b", "second", "main"]);
    commit_as(&world, "ana", "a", "1", "Cache it, again");
    approved_by(&world, "kim", &["--reject"]);
    push_as(&mut world, "ana", &name_ref(&held)).accepted();
    world.git(&["checkout", "-q", "first"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "first:main").refused("`kim@example.com` rejects revision");
}
