//! How many signed approvals of one signer are open at a time.

use crate::signed_approvals::{approve_as, approved_by, commit_as, push_as, start};

#[test]
fn rejections_leave_room_for_approvals_and_the_next_one_is_told_how_to_make_room() {
    let Some(mut world) = start("{}") else { return };
    let mut first = String::new();
    for number in 0..64 {
        world.git(&["checkout", "-q", "--detach", "origin/main"]);
        let commit = commit_as(&world, "ana", "other", &number.to_string(), "Another");
        approved_by(&world, "kim", &["--reject"]);
        if first.is_empty() {
            first = commit;
        }
    }
    world.git(&["checkout", "-q", "--detach", "origin/main"]);
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    let (accepted, said) = approve_as(&world, "kim", &["--reject"]);
    let told = said.replace("remote:", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!accepted && told.contains("has 64 rejections open"), "{told}");
    assert!(told.contains(&format!("the oldest are of {}", &first[..10])), "{told}");
    // What counts is not dropped at once.
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", &format!("{tip}:main")).accepted();
    approved_by(&world, "kim", &[&first[..10], "--revoke"]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "--detach", "origin/main"]);
    commit_as(&world, "ana", "b", "1", "Next");
    approved_by(&world, "kim", &["--reject"]);
}
