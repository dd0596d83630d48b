//! What landed in evaluate mode although it would have been denied: no other ref has it as if it had been decided.

use crate::world::{POLICY, World, bad, good};

/// Lets an unreviewed change land on main in evaluate mode, and enforces the policy afterwards. Returns what main held
/// before, and the change.
fn land_unenforced(world: &World) -> (String, String) {
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.configure("changegate.mode", "evaluate");
    world.write("unreviewed", "1");
    let landed = world.commit(&bad("Unreviewed"));
    world.push(&["main"]).accepted().says("would have been refused");
    world.configure("changegate.mode", "enforce");
    (base, landed)
}

#[test]
fn what_would_have_been_denied_is_judged_where_it_goes() {
    for unit in ["", "unit: commit\n"] {
        let world = World::under(&format!("{POLICY}{unit}"));
        let (_, landed) = land_unenforced(&world);
        let refused = world.push(&["main:release/1"]);
        refused
            .refused("peer-review")
            .says(&landed[..10])
            .says("landed on `refs/heads/main` in evaluate mode");
        refused.says("bring it by a merge commit (`git merge --no-ff`)").does_not_say("--amend");
        world.push(&["main:release/2"]).refused("peer-review").says("put a commit on top");
        world
            .push(&["main:refs/tags/v1"])
            .refused("tag-of-reviewed")
            .says("landed on `refs/heads/main` in evaluate mode, and would have been denied");
        // A merge is judged itself, and a state after it came by a decision.
        world.git(&["checkout", "-q", "-b", "release", "origin/release/1"]);
        world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &bad("Bring main"), "main"]);
        world.push(&["release:release/1"]).refused("peer-review");
        world.git(&["commit", "-q", "--amend", "--no-verify", "-m", &good("Bring main")]);
        world.push(&["release:release/1", "release:refs/tags/v2"]).refused("tag-of-reviewed");
        world.push(&["release:release/1"]).accepted();
        world.push(&["release:refs/tags/v2"]).accepted();
        world.git(&["checkout", "-q", "main"]);
        world.write("later", "1");
        world.commit(&good("Later"));
        world.push(&["main"]).accepted();
        world.push(&["main:refs/tags/v3", "main:release/3"]).accepted();
        world.push(&["main~1:refs/tags/v4"]).refused("evaluate mode");
    }
}

#[test]
fn what_evaluate_mode_would_have_let_in_goes_on_as_before() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.configure("changegate.mode", "evaluate");
    world.write("reviewed", "1");
    world.commit(&good("Reviewed"));
    world.push(&["main"]).accepted();
    world.configure("changegate.mode", "enforce");
    world.push(&["main:release/1", "main:release/2", "main:refs/tags/v1"]).accepted();
    let range = format!("{base}..main");
    for name in ["release/1", "release/2"] {
        world
            .changegate("server.git", &["deploy-check", &range, "--ref", name])
            .accepted()
            .says("landed in evaluate mode; it would have been allowed");
    }
}

/// Evaluate mode refuses nothing on the release either, and the check of its deployment says what that of main says.
#[test]
fn a_release_is_deployed_as_main_would_be() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.configure("changegate.mode", "evaluate");
    world.write("unreviewed", "1");
    let landed = world.commit(&bad("Unreviewed"));
    world.push(&["main"]).accepted();
    world.push(&["main:release/1"]).accepted().says("would have been refused");
    world.configure("changegate.mode", "enforce");
    world.write("later", "1");
    let later = world.commit(&good("Later"));
    world.push(&["main"]).accepted();
    world.push(&["main:release/1", "main:release/2"]).accepted();
    for name in ["main", "release/1", "release/2"] {
        let check = |old: &str| {
            world.changegate("server.git", &["deploy-check", &format!("{old}..{later}"), "--ref", name])
        };
        check(&base).refused(&format!("{landed}: it would have been denied, and landed in evaluate mode"));
        check(&landed).accepted();
    }
}

/// What main took back holds up nothing that comes to it afterwards.
#[test]
fn what_main_took_back_holds_up_nothing() {
    let world = World::new();
    let (base, landed) = land_unenforced(&world);
    world.configure("changegate.mode", "evaluate");
    world.push(&[&format!("+{base}:main")]).accepted();
    world.configure("changegate.mode", "enforce");
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", &base]);
    world.write("unreviewed", "1");
    world.commit(&good("Reviewed now"));
    world.push(&["main"]).accepted();
    world.push(&["main:release/1", "main:refs/tags/v1"]).accepted();
    world.push(&[&format!("{landed}:refs/tags/v2")]).refused("tag-of-reviewed");
}
