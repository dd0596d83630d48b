//! The roles of signed approvals: a word for one team takes back nothing of another.

use crate::signed_approvals::{POLICY, approved_by, commit_as, push_as, start_under};

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
