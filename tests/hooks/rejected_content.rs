//! What was rejected does not land in another form: in other commits, in fewer, in more, as a merge, or under other words.

use crate::signed_approvals::{approve_as, approved_by, commit_as, git_as, push_as, start};
use crate::world::World;

/// Has Ben approve what is checked out, and sees it refused all the same because Kim rejected it.
fn stays_rejected(world: &mut World) {
    approved_by(world, "ben", &[]);
    push_as(world, "ana", "HEAD:main").refused("`kim@example.com` rejects revision").says("--revoke");
}

/// Two commits, which Kim has rejected.
fn rejected_topic(world: &World) -> String {
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(world, "ana", "a", "1", "One");
    let tip = commit_as(world, "ana", "b", "1", "Two");
    approved_by(world, "kim", &["--reject"]);
    tip
}

#[test]
fn the_same_files_in_other_commits_stay_rejected() {
    let Some(mut world) = start("{}") else { return };
    rejected_topic(&world);
    let begin = |world: &World, branch: &str| world.git(&["checkout", "-q", "-B", branch, "origin/main"]);
    // With other dates.
    begin(&world, "again");
    for (file, subject) in [("a", "One"), ("b", "Two")] {
        world.write(file, "1");
        world.git(&["add", "-A"]);
        git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", subject, "--date=2020-01-01T00:00:00Z"]);
    }
    stays_rejected(&mut world);
    // In one, below a commit without content.
    begin(&world, "one");
    git_as(&world, "ana", &["merge", "-q", "--squash", "topic"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Both"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--allow-empty", "-m", "Nothing"]);
    stays_rejected(&mut world);
    // As a merge that holds it itself.
    begin(&world, "evil");
    let side = git_as(&world, "ana", &["commit", "-q", "--no-verify", "--allow-empty", "-m", "Side"]);
    begin(&world, "merge");
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-commit", &side]);
    world.git(&["checkout", "topic", "--", "a", "b"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Merge side"]);
    stays_rejected(&mut world);
}

#[test]
fn one_rejected_commit_stays_so_in_two_on_any_base() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("a", "1");
    commit_as(&world, "ana", "b", "1", "Both");
    approved_by(&world, "kim", &["--reject"]);
    for base_moves in [false, true] {
        if base_moves {
            world.git(&["checkout", "-q", "-b", "other", "origin/main"]);
            commit_as(&world, "kim", "other", "1", "Other");
            approved_by(&world, "ben", &[]);
            push_as(&mut world, "kim", "other:main").accepted();
            world.git(&["fetch", "-q", "origin"]);
        }
        world.git(&["checkout", "-q", "-B", "again", "origin/main"]);
        commit_as(&world, "ana", "b", "1", "Second");
        commit_as(&world, "ana", "a", "1", "First");
        stays_rejected(&mut world);
    }
}

#[test]
fn a_rejected_merge_stays_so_in_one_commit() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "left"]);
    commit_as(&world, "ana", "a", "1", "Left");
    world.git(&["checkout", "-q", "-b", "right", "main"]);
    commit_as(&world, "ana", "b", "1", "Right");
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "-m", "Merge both", "left"]);
    approved_by(&world, "kim", &["--reject"]);
    world.git(&["checkout", "-q", "-b", "squashed", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--squash", "right"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Both"]);
    stays_rejected(&mut world);
}

#[test]
fn a_rejection_is_found_whatever_else_there_is_to_compare() {
    let Some(mut world) = start("{}") else { return };
    // Its message is too long to be compared.
    let long = format!("One\n\n{}", "A line of the description, and so on and on.\n".repeat(1_600));
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", &long);
    approved_by(&world, "kim", &["--reject"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One, short"]);
    stays_rejected(&mut world);
    // More commits than are compared one by one.
    for number in 0..501 {
        git_as(
            &world,
            "ana",
            &["commit", "-q", "--no-verify", "--allow-empty", "-m", &format!("Nothing {number}")],
        );
    }
    stays_rejected(&mut world);
}

#[test]
fn approvals_of_the_author_hide_no_rejection() {
    let Some(mut world) = start("{}") else { return };
    rejected_topic(&world);
    world.git(&["checkout", "-q", "-b", "other", "main"]);
    commit_as(&world, "kim", "c", "1", "Other");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "kim", "other:main").accepted();
    for number in 0..56 {
        world.git(&["checkout", "-q", "-B", "decoy", "main"]);
        world.write("a", &format!("{number}"));
        commit_as(&world, "ana", "b", &format!("{number}"), "Decoy");
        let (accepted, said) = approve_as(&world, "ana", &[]);
        assert!(accepted, "{said}");
    }
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "-b", "two", "origin/main"]);
    commit_as(&world, "ana", "a", "1", "First");
    commit_as(&world, "ana", "b", "1", "Second");
    stays_rejected(&mut world);
}

#[test]
fn a_rejection_holds_for_no_other_content() {
    let Some(mut world) = start("{}") else { return };
    rejected_topic(&world);
    world.git(&["checkout", "-q", "-b", "mended", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--squash", "topic"]);
    world.git(&["reset", "-q"]);
    commit_as(&world, "ana", "a", "mended", "Both, mended");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "HEAD:main").accepted();
}

/// A commit to two files, which Kim has rejected, and main with something else on top by now. Returns what main held.
fn rejected_below_a_moved_main(world: &mut World) -> String {
    let before = world.git(&["rev-parse", "main"]);
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("x", "2");
    commit_as(world, "ana", "y", "2", "Both");
    approved_by(world, "kim", &["--reject"]);
    world.git(&["checkout", "-q", "main"]);
    commit_as(world, "ana", "z", "1", "Other");
    approved_by(world, "ben", &[]);
    push_as(world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    before
}

#[test]
fn what_a_push_brings_as_a_whole_is_compared_however_it_is_divided() {
    let Some(mut world) = start("{}") else { return };
    let before = rejected_below_a_moved_main(&mut world);
    // With something that comes and goes.
    world.git(&["checkout", "-q", "-b", "junk", "origin/main"]);
    world.write("junk", "1");
    world.write("x", "2");
    commit_as(&world, "ana", "y", "2", "All");
    world.git(&["rm", "-q", "junk"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Tidy"]);
    stays_rejected(&mut world);
    // As a merge whose first parent is on the older main.
    world.git(&["checkout", "-q", "-b", "first", &before]);
    commit_as(&world, "ana", "x", "2", "One");
    world.git(&["checkout", "-q", "-b", "second", "origin/main"]);
    commit_as(&world, "ana", "y", "2", "Two");
    world.git(&["checkout", "-q", "first"]);
    git_as(&world, "ana", &["merge", "-q", "--no-verify", "-m", "Merge them", "second"]);
    stays_rejected(&mut world);
    // With a part of it in an update merge.
    world.git(&["checkout", "-q", "-b", "evil", &before]);
    commit_as(&world, "ana", "x", "2", "One");
    git_as(&world, "ana", &["merge", "-q", "--no-commit", "origin/main"]);
    world.write("y", "2");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Merge main"]);
    stays_rejected(&mut world);
}

#[test]
fn many_old_rejections_refuse_no_other_work() {
    let Some(mut world) = start("{}") else { return };
    let lines: Vec<String> = (0..40).map(|number| format!("line {number}\n")).collect();
    commit_as(&world, "ana", "log", &lines.concat(), "Begin a log");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    for number in 0..40 {
        world.git(&["checkout", "-q", "-B", "rejected", "origin/main"]);
        let mut changed = lines.clone();
        changed[number].insert(0, 'x');
        commit_as(&world, "ana", "log", &changed.concat(), "Change a line");
        approved_by(&world, "kim", &["--reject"]);
    }
    world.git(&["checkout", "-q", "-b", "work", "origin/main"]);
    let mut log = lines.concat();
    for number in 0..60 {
        log += &format!("entry {number}\n");
        commit_as(&world, "ana", "log", &log, "Add an entry");
    }
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "work:main").accepted();
}

#[test]
fn the_rejection_of_who_has_left_holds_no_more() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    let rejected = commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--reject"]);
    world.git(&["checkout", "-q", "main"]);
    let roster = std::fs::read_to_string(world.path("work/who/people.yml")).unwrap();
    let left = roster.replace("    accounts: [kim]\n", "    accounts: [kim]\n    left: 2026-01-31\n");
    assert_ne!(left, roster);
    let policy = std::fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
    world.write("policies/changegate.yml", &policy.replace("[kim@example.com]", "[ben@example.com]"));
    commit_as(&world, "ana", "who/people.yml", &left, "Kim has left");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "-B", "again", "origin/main"]);
    git_as(&world, "ana", &["cherry-pick", &rejected]);
    let landed = world.head();
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "again:main").accepted();
    world
        .changegate("server.git", &["ledger", "trace", &landed])
        .says("the signer has left, with 2026-01-31 as their last day")
        .does_not_say("withdrawn");
}

#[test]
fn a_rejection_of_other_content_is_not_told_as_withdrawn() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--reject"]);
    world.write("a", "mended");
    world.git(&["add", "-A"]);
    let mended = git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "HEAD:main").accepted();
    let trace = world.changegate("server.git", &["ledger", "trace", &mended]);
    trace.says("kim@example.com").does_not_say("withdrawn");
}

#[test]
fn a_rejection_that_was_taken_back_does_not_come_again() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--reject"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One, as told"]);
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
    for _ in 0..2 {
        world.git(&["fetch", "-q", "origin"]);
        git_as(&world, "ana", &["revert", "--no-edit", "HEAD"]);
        approved_by(&world, "ben", &[]);
        push_as(&mut world, "ana", "main").accepted();
    }
}

#[test]
fn approving_what_was_mended_takes_no_rejection_of_the_rest_back() {
    let Some(mut world) = start("{}") else { return };
    let rejected = commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--reject"]);
    world.write("a", "mended");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One"]);
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    git_as(&world, "ana", &["merge", "-q", "--no-verify", "-s", "ours", "-m", "Merge it", &rejected]);
    stays_rejected(&mut world);
}
