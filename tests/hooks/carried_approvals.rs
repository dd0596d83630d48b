//! Whose approvals are carried over to other content, and whose are not: who made what was approved does not approve it in a
//! form that no longer names them, and what a merge holds belongs to what was approved.

use crate::signed_approvals::{
    POLICY, approve_as, approved_by, commit_as, git_as, push_as, start, start_prepared,
};
use crate::world::World;

#[test]
fn nobody_approves_their_own_work_in_a_form_that_hides_them() {
    for asked in ["{}", "{ authors: cross }"] {
        let Some(mut world) = start(asked) else { return };
        world.git(&["checkout", "-q", "-b", "topic"]);
        commit_as(&world, "ana", "a", "1", "One");
        commit_as(&world, "ben", "b", "1", "Two");
        approved_by(&world, "ben", &[]);
        world.git(&["checkout", "-q", "-b", "squashed", "main"]);
        git_as(&world, "ana", &["merge", "-q", "--squash", "topic"]);
        git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "One and two"]);
        push_as(&mut world, "ana", "squashed:main").refused("`ben` is the author of that");
        // Somebody else's approval of the same revision counts.
        world.git(&["checkout", "-q", "topic"]);
        approved_by(&world, "kim", &[]);
        push_as(&mut world, "ana", "squashed:main").accepted();
    }
}

#[test]
fn a_co_author_and_a_committer_who_are_left_out_approve_nothing() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One\n\nCo-authored-by: ben <ben@example.com>");
    approved_by(&world, "ben", &[]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One"]);
    push_as(&mut world, "ana", "topic:main").refused("`ben` is a co-author of that");
    world.git(&["checkout", "-q", "-b", "other", "main"]);
    commit_as(&world, "ana", "b", "1", "Two");
    let author = ["-c", "user.name=ana", "commit", "-q", "--no-verify", "--amend", "--no-edit"];
    git_as(&world, "ben", &author);
    approved_by(&world, "ben", &[]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "--no-edit", "--date=now"]);
    push_as(&mut world, "ana", "other:main").refused("`ben` is the committer of that");
}

#[test]
fn an_approved_merge_is_approved_with_all_that_it_holds() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "guard"]);
    commit_as(&world, "ana", "guard", "1", "Guard");
    world.git(&["checkout", "-q", "-b", "door", "main"]);
    commit_as(&world, "ana", "door", "1", "Door");
    world.git(&["checkout", "-q", "guard"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "-m", "Merge both", "door"]);
    approved_by(&world, "ben", &[]);
    // One of the two, in another form or as it is.
    push_as(&mut world, "ana", "door:main").refused("0 count");
    world.git(&["checkout", "-q", "-b", "alone", "door"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "Door again"]);
    push_as(&mut world, "ana", "alone:main").refused("0 count");
    // Both in one commit.
    world.git(&["checkout", "-q", "-b", "both", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--squash", "guard"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Guard and door"]);
    push_as(&mut world, "ana", "both:main").accepted();
}

#[test]
fn a_topic_that_was_updated_lands_as_it_was_approved_and_takes_nothing_away() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "Topic");
    world.git(&["checkout", "-q", "-b", "other", "main"]);
    commit_as(&world, "kim", "secured", "1", "Security");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "kim", "other:main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "topic"]);
    git_as(&world, "ana", &["merge", "-q", "-m", "Update", "origin/main"]);
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "evil", "origin/main"]);
    world.git(&["rm", "-q", "secured"]);
    commit_as(&world, "ana", "a", "1", "Topic landed");
    push_as(&mut world, "ana", "evil:main").refused("0 count");
    world.git(&["checkout", "-q", "-b", "squashed", "origin/main"]);
    git_as(&world, "ana", &["merge", "-q", "--squash", "topic"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Topic squashed"]);
    push_as(&mut world, "ana", "squashed:main").accepted();
}

#[test]
fn a_line_that_names_its_author_is_confirmed_by_no_signature() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "One\n\nReviewed-by: ana <ana@example.com>");
    approved_by(&world, "ben", &[]);
    let (accepted, said) = approve_as(&world, "ana", &[]);
    assert!(accepted, "{said}");
    push_as(&mut world, "ana", "main").refused("this person has not signed an approval of what lands");
}

/// A policy that asks for two approvals where an agent took part.
const WITH_AGENTS: &str = "  sponsored: { require: { agents: { sponsor: verified } } }
  read-twice: { when: { agents: took-part }, require: { approvals: { at-least: 2 } } }
";

/// As [`start`], with an agent and a bot in the roster.
fn start_with_agents() -> Option<World> {
    let policy = POLICY.replace("CARRIES", "{}").replace("teams:", "bots: [noreply@anthropic.com], teams:");
    start_prepared(&(policy + WITH_AGENTS), |world| {
        let roster = std::fs::read_to_string(world.path("work/who/people.yml")).unwrap();
        let machines = "  helper: { kind: agent, addresses: [helper@example.com], accounts: [helper] }\n  ci: { kind: bot, addresses: [ci@example.com], accounts: [ci] }\n";
        world.write("who/people.yml", &(roster + machines));
        true
    })
}

#[test]
fn an_agent_took_part_in_what_was_approved_whatever_is_amended_away() {
    for (message, committer) in [
        ("One\n\nGenerated-by: Claude", "ana"),
        ("One\n\nAssisted-by: Claude", "ana"),
        ("One\n\nCo-authored-by: Claude <noreply@anthropic.com>", "ana"),
        ("One", "helper"),
    ] {
        let Some(mut world) = start_with_agents() else { return };
        commit_as(&world, "ana", "a", "1", message);
        git_as(&world, committer, &["commit", "-q", "--no-verify", "--amend", "--no-edit"]);
        approved_by(&world, "ben", &[]);
        git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One"]);
        push_as(&mut world, "ana", "main").refused("needs 2 signed approvals");
        // Nor does a machine answer for what an agent committed.
        if committer == "helper" {
            push_as(&mut world, "ci", "main").refused("no account of a person stands behind this commit");
        }
        approved_by(&world, "kim", &[]);
        push_as(&mut world, "ana", "main").accepted();
    }
}

#[test]
fn what_no_agent_made_is_read_once() {
    let Some(mut world) = start_with_agents() else { return };
    commit_as(&world, "ana", "a", "1", "One\n\nAssisted-by: none");
    approved_by(&world, "ben", &[]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One, at last"]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn another_base_with_the_same_files_is_another_base() {
    for (asked, is_accepted) in [("{}", false), ("{ carries-over: [clean-merge, clean-rebase] }", true)] {
        let Some(mut world) = start(asked) else { return };
        world.git(&["checkout", "-q", "-b", "topic"]);
        commit_as(&world, "ana", "a", "1", "Topic");
        approved_by(&world, "ben", &[]);
        world.git(&["checkout", "-q", "-b", "other", "main"]);
        commit_as(&world, "kim", "b", "1", "There");
        world.git(&["rm", "-q", "b"]);
        git_as(&world, "kim", &["commit", "-q", "--no-verify", "-m", "And back"]);
        approved_by(&world, "ben", &[]);
        git_as(&world, "kim", &["checkout", "-q", "-b", "both", "main"]);
        git_as(&world, "kim", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "other"]);
        push_as(&mut world, "kim", "both:main").accepted();
        world.git(&["fetch", "-q", "origin"]);
        world.git(&["checkout", "-q", "topic"]);
        let landed = git_as(&world, "ana", &["rebase", "-q", "origin/main"]);
        let pushed = push_as(&mut world, "ana", "topic:main");
        if is_accepted {
            pushed.accepted();
            world
                .changegate("server.git", &["show", &landed])
                .says("clean-rebase")
                .does_not_say("message-only");
        } else {
            pushed.refused("what lands is a clean rebase of it, which this rule does not accept");
        }
    }
}

#[test]
fn a_series_with_other_words_on_the_same_base_has_the_same_tree() {
    let Some(mut world) = start("{ carries-over: [same-tree] }") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One");
    commit_as(&world, "ana", "b", "1", "Two");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "again", "topic~1"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "--amend", "-m", "One, at last"]);
    git_as(&world, "ana", &["cherry-pick", "topic"]);
    push_as(&mut world, "ana", "again:main").refused("the same content with another message");
    world.git(&["checkout", "-q", "-B", "again", "topic"]);
    git_as(&world, "ana", &["reset", "-q", "--soft", "main"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Both"]);
    push_as(&mut world, "ana", "again:main").accepted();
}

#[test]
fn two_commits_of_one_second_have_nothing_to_do_with_each_other_by_that() {
    let Some(mut world) = start("{}") else { return };
    let first = commit_as(&world, "ana", "a", "1", "One");
    let date = world.git(&["log", "-1", "--format=%ad", "--date=raw"]);
    let date = date.trim();
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    let commit = |file: &str, subject: &str| {
        world.git(&["reset", "-q", "--hard", "origin/main"]);
        world.write(file, "2");
        world.git(&["add", "-A"]);
        git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", subject, "--date", date]);
        world.changegate("work", &["check", "origin/main..main"])
    };
    let is_told = format!("revision {}", &first[..10]);
    commit("b", "Two").does_not_say("differs from").does_not_say(&is_told);
    commit("b", "One").says("differs from it in");
    commit("a", "Two").says("differs from it in");
}
