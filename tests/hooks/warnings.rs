//! What the ledger tells of a rule that only warns counts for the rule as it was then.

use crate::world::{MAIN, World, good};

const PATH: &str = "policies/changegate.yml";

fn warning(files: u32) -> String {
    format!(
        "changegate: 1\nname: own\nextends: [startup]\nprotects: [main]\nrules:\n  big: {{ title: at most {files} files, level: warn, \
         reason: the team gets used to it, until: 2999-12-31, require: {{ size: {{ files: {{ at-most: {files} }} }} }} }}\n"
    )
}

#[test]
fn a_record_counts_for_the_version_of_the_rule_that_judged() {
    let world = World::under(&warning(50));
    for number in ["1", "2"] {
        for file in ["a", "b", "c", "d"] {
            world.write(file, number);
        }
        world.commit(&good("Change four files"));
        world.push(&["main"]).accepted();
    }
    world.write(PATH, &warning(3));
    world.commit(&good("Warn of more than three files"));
    world.push(&["main"]).accepted();
    for file in ["a", "b", "c", "d"] {
        world.write(file, "3");
    }
    world.commit(&good("Change four files again"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    world.git(&["fetch", "-q", "../server.git", "refs/changegate/ledger:refs/changegate/ledger"]);
    let told = world.changegate("work", &["policy", "status", "--since", "2020-01-01"]);
    told.accepted();
    let flat = told.seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("would have denied 3 of 4 changes"), "{}", told.seen);
    assert!(
        flat.contains("; 3 changes that another version of the rule judged were judged again"),
        "{}",
        told.seen
    );
    assert!(world.at(MAIN).is_some());
}

/// What lands in evaluate mode is enforced later, so a policy that cannot be used is told before that.
#[test]
fn a_policy_that_cannot_be_used_is_told_by_the_doctor() {
    let world = World::under(&warning(50));
    world.changegate("server.git", &["doctor"]).accepted();
    world.configure("changegate.mode", "evaluate");
    world.write(PATH, "changegate: 1\nrules: [\n");
    world.commit(&good("Break the policy"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    world.git(&["fetch", "-q", "../server.git", "refs/changegate/ledger:refs/changegate/ledger"]);
    let told = world.changegate("work", &["policy", "status", "--policy", "HEAD~1", "--since", "2020-01-01"]);
    told.accepted();
    let flat = told.seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("of 1 push that landed since 2020-01-01, 1 would have been refused"),
        "{}",
        told.seen
    );
    world.configure("changegate.mode", "enforce");
    world.changegate("server.git", &["doctor"]).refused("the policy cannot be used");
}
