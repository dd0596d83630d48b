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

/// Returns a policy in which who is in the team, what a field accepts and which changes are exempted decide the warning.
fn asking(members: &str, words: &str, exempted: &str) -> String {
    format!(
        "changegate: 1\nname: own\nextends: [startup]\nprotects: [main]\npeople: {{ teams: {{ makers: [{members}] }} }}\n\
         fields:\n  Kind: {{ one-of: [{words}] }}\nrules:\n  made: {{ title: made by a maker, level: warn, reason: on trial, \
         until: 2999-12-31, require: {{ any: [{{ author: {{ team: makers }} }}, {{ field: {{ Kind: small }} }}] }} }}\n\
         exemptions:\n  - {{ rule: made, when: {{ touches: '{exempted}/' }}, reason: tools, approved-by: Kim, until: 2999-12-31 }}\n"
    )
}

/// A rule is another one too where only the members of its team, the words of its field or its exemptions have changed, and
/// the same where something else has.
#[test]
fn a_rule_is_another_one_where_what_it_looks_up_has_changed() {
    let before = asking("kim@example.com", "small, big", "tools");
    let read_status = |world: &World| {
        world.changegate("server.git", &["ledger", "reconcile"]).accepted();
        world.git(&["fetch", "-q", "../server.git", "+refs/changegate/ledger:refs/changegate/ledger"]);
        let told =
            world.changegate("work", &["policy", "status", "--since", "2020-01-01", "--format", "json"]);
        told.accepted();
        let json = &told.seen[told.seen.find('{').unwrap()..];
        let json = serde_json::Deserializer::from_str(json)
            .into_iter::<serde_json::Value>()
            .next()
            .unwrap()
            .unwrap();
        json["rules"][0].clone()
    };
    for (after, is_other) in [
        (asking("kim@example.com, lee@example.com", "small, big", "tools"), true),
        (asking("kim@example.com", "small, big, huge", "tools"), true),
        (asking("kim@example.com", "small, big", "scripts"), true),
        (before.replace("reason: on trial", "reason: on trial for longer"), false),
        (before.replace("{ makers:", "{ others: [lee@example.com], makers:"), false),
    ] {
        let world = World::under(&before);
        for number in ["1", "2"] {
            world.write("a", number);
            world.commit(&good("Change it"));
            world.push(&["main"]).accepted();
        }
        world.write(PATH, &after);
        world.commit(&good("Ask another thing"));
        world.push(&["main"]).accepted();
        world.write("a", "3");
        world.commit(&good("Change it again"));
        world.push(&["main"]).accepted();
        let rule = read_status(&world);
        // The change of the policy was judged by the earlier form as well.
        let again = if is_other { 3 } else { 0 };
        assert_eq!(rule["judged_again"], again, "{after}: {rule}");
        assert_eq!((&rule["changes"], &rule["would_have_denied"]), (&4.into(), &4.into()), "{after}: {rule}");
    }
}

/// What landed before a rule was there is neither denied nor let through by it.
#[test]
fn a_change_from_before_the_rule_is_not_counted_for_it() {
    let world = World::under("changegate: 1\nname: own\nextends: [startup]\nprotects: [main]\n");
    for number in ["1", "2", "3"] {
        world.write("a", number);
        world.commit(&good("Change a file"));
        world.push(&["main"]).accepted();
    }
    // Commits have no finer time than a second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.write(PATH, &warning(3));
    world.commit(&good("Warn of more than three files"));
    world.push(&["main"]).accepted();
    for file in ["a", "b", "c", "d"] {
        world.write(file, "4");
    }
    world.commit(&good("Change four files"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    world.git(&["fetch", "-q", "../server.git", "refs/changegate/ledger:refs/changegate/ledger"]);
    let told = world.changegate("work", &["policy", "status", "--since", "2020-01-01"]);
    told.accepted();
    let flat = told.seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("would have denied 1 of 2 changes"), "{}", told.seen);
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
