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
