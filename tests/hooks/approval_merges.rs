//! Merges beside what was approved: what their messages state, and who makes them.

use crate::signed_approvals::{POLICY, approved_by, commit_as, git_as, push_as, start, start_under};
use crate::world::World;

/// Merges the branch `topic` into main with this message.
fn merge_topic(world: &World, who: &str, message: &str) -> String {
    world.git(&["checkout", "-q", "-B", "merged", "origin/main"]);
    git_as(world, who, &["merge", "-q", "--no-ff", "--no-verify", "-m", message, "topic"])
}

#[test]
fn a_merge_states_nothing_that_no_approved_commit_states() {
    for unit in ["", "unit: commit\n"] {
        let Some(mut world) = start_under(&(POLICY.replace("CARRIES", "{}") + unit)) else { return };
        world.git(&["checkout", "-q", "-b", "topic"]);
        commit_as(&world, "ana", "a", "1", "One\n\nRisk: high");
        approved_by(&world, "ben", &[]);
        let merge = merge_topic(&world, "ana", "Merge it\n\nRisk: low");
        push_as(&mut world, "ana", "HEAD:main")
            .refused("states in `Risk` what no approved commit states")
            .says(&format!("changegate approve {merge} --ref main"));
        // Who merges may say the same as the commits, and what is no field of the policy.
        merge_topic(&world, "ana", "Merge it\n\nRisk: high\nIssue: 7");
        push_as(&mut world, "ana", "HEAD:main").accepted();
    }
}

#[test]
fn a_merge_that_states_more_can_be_approved_itself() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "ben", &[]);
    let merge = merge_topic(&world, "ana", "Merge it\n\nRisk: low\nReviewed-by: ben <ben@example.com>");
    push_as(&mut world, "ana", "HEAD:main").refused("states in `Risk` what no approved commit states");
    approved_by(&world, "ben", &[&merge, "--ref", "main"]);
    push_as(&mut world, "ana", "HEAD:main").accepted();
}

#[test]
fn a_merge_of_several_commits_may_repeat_what_each_of_them_states() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One\n\nRisk: low");
    commit_as(&world, "ana", "b", "1", "Two\n\nRisk: low");
    approved_by(&world, "ben", &[]);
    merge_topic(&world, "ana", "Merge it\n\nRisk: low\nReviewed-by: ben <ben@example.com>");
    push_as(&mut world, "ana", "HEAD:main").accepted();
}

#[test]
fn who_only_merges_what_they_approved_made_no_part_of_it() {
    for unit in ["", "unit: commit\n"] {
        let Some(mut world) = start_under(&(POLICY.replace("CARRIES", "{}") + unit)) else { return };
        world.git(&["checkout", "-q", "-b", "topic"]);
        commit_as(&world, "ana", "a", "1", "One");
        approved_by(&world, "ben", &[]);
        merge_topic(&world, "ben", "Merge it");
        // Who pushes is one of those who make a change.
        push_as(&mut world, "ben", "HEAD:main").refused("is the pusher of this change");
        push_as(&mut world, "ana", "HEAD:main").accepted();
        world.git(&["fetch", "-q", "origin"]);
        // Nor does the merge hide that they made a part.
        world.git(&["checkout", "-q", "-B", "topic", "origin/main"]);
        commit_as(&world, "ben", "b", "1", "Two");
        commit_as(&world, "ana", "c", "1", "Three");
        approved_by(&world, "ben", &[]);
        merge_topic(&world, "ben", "Merge both");
        push_as(&mut world, "ana", "HEAD:main").refused("`ben` is the author of this change");
        approved_by(&world, "kim", &["topic"]);
        // A co-author whom only the merge names is one of those who made it.
        if unit.is_empty() {
            merge_topic(&world, "ana", "Merge both\n\nCo-authored-by: kim <kim@example.com>");
            push_as(&mut world, "ana", "HEAD:main").refused("`kim` is a co-author of this change");
        }
        merge_topic(&world, "kim", "Merge both");
        push_as(&mut world, "ana", "HEAD:main").accepted();
    }
}
