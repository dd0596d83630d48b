//! The roles of signed approvals: a word for one team takes back nothing of another.

use crate::signed_approvals::{POLICY, approved_by, commit_as, push_as, start, start_prepared, start_under};

#[test]
fn one_person_approves_for_two_teams_one_after_the_other() {
    let policy = POLICY
        .replace("CARRIES", "{ from: [security] }")
        .replace("security: [kim@example.com]", "security: [kim@example.com], ops: [kim@example.com]")
        + "  operated: { require: { approvals: { from: [ops] } } }\n";
    let Some(mut world) = start_under(&policy) else { return };
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--role", "security"]);
    push_as(&mut world, "ana", "main").refused("operated");
    approved_by(&world, "kim", &["--role", "ops"]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    // A rejection for one team is not lifted by a word for another.
    commit_as(&world, "ana", "b", "1", "Two");
    approved_by(&world, "kim", &[]);
    approved_by(&world, "kim", &["--role", "security", "--reject"]);
    approved_by(&world, "kim", &["--role", "ops"]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    approved_by(&world, "kim", &["--role", "security"]);
    push_as(&mut world, "ana", "main").accepted();
    world.git(&["fetch", "-q", "origin"]);
    // One that names no team is lifted by a word that names none.
    commit_as(&world, "ana", "c", "1", "Three");
    approved_by(&world, "kim", &["--reject"]);
    approved_by(&world, "kim", &["--role", "ops"]);
    approved_by(&world, "kim", &["--role", "security"]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

/// A policy under which Ben is in ops and Kim in both teams.
fn asking_teams(asked: &str) -> String {
    let teams = "security: [kim@example.com], ops: [ben@example.com, kim@example.com]";
    POLICY.replace("CARRIES", asked).replace("security: [kim@example.com]", teams)
}

#[test]
fn what_one_person_says_for_several_teams_adds_up_and_fills_one_place() {
    let each = asking_teams("{ at-least: 2, from: [security, ops], distinct-teams: true }");
    for second in [&["--role", "security"][..], &[]] {
        let Some(mut world) = start_under(&each) else { return };
        commit_as(&world, "ana", "a", "1", "One");
        approved_by(&world, "kim", &["--role", "ops"]);
        approved_by(&world, "kim", second);
        push_as(&mut world, "ana", "main").refused("1 counts");
        approved_by(&world, "ben", &["--role", "ops"]);
        push_as(&mut world, "ana", "main").accepted();
    }
    // Where both have approved for one team, the refusal says who can approve for the other.
    let Some(mut world) = start_under(&each) else { return };
    commit_as(&world, "ana", "a", "1", "One");
    for who in ["ben", "kim"] {
        approved_by(&world, who, &["--role", "ops"]);
    }
    push_as(&mut world, "ana", "main").refused("kim").does_not_say("no act of a person");
    let approval = approved_by(&world, "kim", &["--role", "security"]);
    approved_by(&world, "kim", &["--role", "security", "--revoke"]);
    push_as(&mut world, "ana", "main").refused("2 count");
    assert_ne!(approval, approved_by(&world, "kim", &["--role", "security"]));
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn a_word_for_a_team_counts_where_the_rule_names_that_team_alone() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--role", "security"]);
    push_as(&mut world, "ana", "main").refused("it was given for `security` alone");
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
    // Who owns a file owns it as themselves, and not for a team.
    let owned = start_prepared(&POLICY.replace("CARRIES", "{ from: codeowners }"), |world| {
        world.write(".github/CODEOWNERS", "* kim@example.com ben@example.com\n");
        true
    });
    let Some(mut world) = owned else { return };
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--role", "security"]);
    push_as(&mut world, "ana", "main").refused("it was given for `security` alone");
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
}
