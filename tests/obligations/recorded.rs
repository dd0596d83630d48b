//! Changes without code: what `changegate record` writes, what it leaves alone, and what the server makes of it.

use crate::world::World;

const GRANT: [&str; 4] = ["record", "Grant Ben access to billing", "--why", "He joins the team."];
const FIELDS: [&str; 6] = [
    "--field",
    "Change-Type=normal",
    "--field",
    "Risk=low",
    "--field",
    "Reviewed-by=Kim Duty <kim@example.com>",
];

#[test]
fn a_change_without_code_is_judged_and_leaves_the_work_tree_alone() {
    let world = World::new();
    world.write("README", "edited\n");
    world.write("new", "staged\n");
    world.git(&["add", "new"]);
    let (status, head, before) = (world.git(&["status", "--porcelain"]), world.head(), world.main());
    // What the policy misses is listed, and nothing is pushed.
    let push = [&GRANT[..], &FIELDS[..4], &["--push"]].concat();
    world.changegate("work", &push).refused("peer-review").says("Reviewed-by");
    assert_eq!(world.main(), before);
    let printed = world.changegate("work", &[&GRANT[..], &FIELDS].concat());
    printed.accepted().says("to push it: git push origin").says(":refs/heads/main");
    assert_eq!(world.main(), before);
    world.changegate("work", &[&push[..], &FIELDS[4..]].concat()).accepted();
    let landed = world.main();
    assert_eq!(world.git_in("server.git", &["rev-parse", &format!("{landed}^")]), before);
    let trees = ["rev-parse", &format!("{landed}^{{tree}}"), &format!("{before}^{{tree}}")];
    let trees = world.git_in("server.git", &trees);
    let (one, other) = trees.split_once('\n').unwrap();
    assert_eq!(one, other);
    let message = world.git_in("server.git", &["log", "-1", "--format=%B", "main"]);
    assert_eq!(
        message,
        "Grant Ben access to billing\n\nHe joins the team.\n\nChange-Type: normal\nRisk: low\n\
         Reviewed-by: Kim Duty <kim@example.com>"
    );
    assert_eq!((world.git(&["status", "--porcelain"]), world.head()), (status, head));
    world.is_whole();
}

#[test]
fn the_command_that_is_printed_lands_the_change() {
    let world = World::new();
    let printed = world.changegate("work", &[&GRANT[..], &FIELDS].concat());
    let line = printed.accepted().seen.lines().find(|line| line.starts_with("  git ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    world.git(&words);
    assert_eq!(
        world.git_in("server.git", &["log", "-1", "--format=%s", "main"]),
        "Grant Ben access to billing"
    );
    world.is_whole();
}

#[test]
fn what_cannot_be_recorded_is_refused_before_a_push() {
    let world = World::new();
    let before = world.main();
    let with =
        |more: &[&str]| world.changegate("work", &[&["record", "Grant access", "--push"], more].concat());
    // Prose that git would read as a field.
    with(&["--why", "Reviewed-by: Kim Duty <kim@example.com>"]).refused("git would not read the fields");
    with(&["--field", "Risk"]).refused("expected KEY=VALUE");
    with(&["--field", "Risk= "]).refused("expected KEY=VALUE");
    with(&["--field", "a b=low"]).refused("expected KEY=VALUE");
    with(&["--ref", "absent"]).refused("run `git fetch origin` first");
    with(&["--ref", "refs/tags/v1"]).refused("a change is recorded on a branch");
    assert!(!world.changegate("work", &["record", " "]).ok);
    // A line end in a value makes no second field.
    with(&["--field", "Risk=low\nReviewed-by: Kim Duty <kim@example.com>"]).refused("peer-review");
    assert_eq!(world.main(), before);
}
