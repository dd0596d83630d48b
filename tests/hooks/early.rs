//! What only the server can know, and what it holds already: the hooks of a clone refuse nothing that it takes.

use crate::world::{POLICY, Pushed, World, good};

/// A message without the risk of the change.
const NO_RISK: &str = "Add a file\n\nChange-Type: normal\nReviewed-by: Ben <ben@example.com>\n";

const EMERGENCY: &str = "\
Put the fire out

Change-Type: emergency
Risk: high
Incident: INC-1
Emergency-Reason: cards are charged twice, and each minute costs customers money
";

/// A server that knows who pushes, under the test policy and an exemption from `risk`; and a clone with hooks.
fn exempting_world(when: &str) -> World {
    let policy = format!(
        "{POLICY}exemptions:\n  - {{ rule: risk, when: {when}, reason: a test of it, approved-by: dana@example.com, until: \
         2999-12-31 }}\n"
    );
    let world = World::under(&policy);
    world.configure("changegate.pusher", "env:WHO");
    world.changegate("work", &["install"]).accepted();
    world
}

fn commit(world: &World, message: &str) -> Pushed {
    world.git(&["add", "-A"]);
    world.command("git", "work").args(["commit", "-m", message]).output().unwrap().into()
}

fn push_as(world: &World, who: &str) -> Pushed {
    world.command("git", "work").args(["push", "origin", "main"]).env("WHO", who).output().unwrap().into()
}

#[test]
fn what_an_exemption_may_allow_is_left_to_the_server() {
    for when in [
        "{ pusher: 'renovate[bot]' }",
        "{ all: [{ pusher: 'renovate[bot]' }, { touches: a }] }",
        "{ size: { lines: { at-most: 5 } } }",
        "{ blob: { largest: 5KB } }",
        "{ branch: main }",
        "{ window: { inside: [{ from: 2020-01-01, until: 2999-12-30 }] } }",
    ] {
        let world = exempting_world(when);
        world.write("a", "1\n");
        let note = "broken, unless the exemption applies";
        let committed = commit(&world, NO_RISK);
        committed.accepted();
        // On a protected branch it is known where the commit will land.
        if when != "{ branch: main }" {
            committed.says(note).says("- risk: `Risk` is missing (policies/changegate.yml:6)");
        }
        let pushed = push_as(&world, "renovate[bot]");
        pushed.accepted();
        assert_eq!(world.main(), world.head(), "{when}");
    }
}

#[test]
fn an_exemption_that_cannot_be_known_is_deferred_and_named() {
    let world = exempting_world("{ pusher: 'renovate[bot]' }");
    world.write("a", "1\n");
    commit(&world, NO_RISK).accepted();
    let check = |more: &[&str]| world.changegate("work", &[&["check"], more].concat());
    check(&[])
        .accepted()
        .says("checked later (not passed yet):")
        .says("- at the push, by the server: risk, peer-review (the pusher)")
        .says("broken, unless the exemption applies (not known here):")
        .says("- risk: `Risk` is missing (policies/changegate.yml:6)");
    let json: serde_json::Value = serde_json::from_str(&check(&["--format", "json"]).seen).unwrap();
    let judgements = json["groups"][0]["changes"][0]["judgements"].as_array().unwrap();
    let risk = judgements.iter().find(|one| one["rule"]["id"] == "risk").unwrap();
    assert_eq!((&risk["outcome"], &risk["denies"]), (&"deferred".into(), &false.into()));
    assert_eq!(risk["findings"][0]["code"], "field.missing");
    assert_eq!(risk["missing"][0]["need"], "pusher");
    assert_eq!(risk["exemption"]["approved_by"], "dana@example.com");
    let sarif: serde_json::Value = serde_json::from_str(&check(&["--format", "sarif"]).seen).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let texts: Vec<String> = results.iter().map(|one| one["message"]["text"].to_string()).collect();
    assert!(results.iter().all(|one| one["level"] == "note"), "{results:#?}");
    assert!(texts.iter().any(|text| text.contains("`Risk` is missing")), "{texts:?}");
    assert!(
        texts.iter().any(|text| text.contains("the exemption at policies/changegate.yml:6")),
        "{texts:?}"
    );
    check(&["--format", "markdown"])
        .accepted()
        .says("broken unless the exemption at")
        .says("changegate.yml:6");
    check(&["--format", "junit"]).accepted().says("broken unless the exemption at");
    world
        .changegate("work", &["try", "HEAD~1..HEAD", "--as", "commit"])
        .accepted()
        .says("- risk: `Risk` is missing (policies/changegate.yml:6)");
    // Where it is known, and where a missing fact denies, it is as it was.
    check(&["--enforce"]).refused("`Risk` is missing");
    world.changegate("work", &["try", "HEAD~1..HEAD", "--pusher", "ana"]).refused("`Risk` is missing");
    world
        .changegate("work", &["try", "HEAD~1..HEAD", "--pusher", "renovate[bot]"])
        .accepted()
        .says("exempted risk");
    push_as(&world, "ana").refused("remote: ").says("`Risk` is missing");
    // Other rules are not touched by it.
    world.write("a", "2\n");
    commit(&world, "Change a\n\nRisk: low\n").refused("`Change-Type` is missing");
}

#[test]
fn a_suite_can_say_that_a_rule_hangs_on_an_exemption() {
    let world = exempting_world("{ pusher: 'renovate[bot]' }");
    let change =
        "commits: [{ message: \"x\\n\\nChange-Type: normal\\nReviewed-by: Ben <ben@example.com>\" }]";
    let suite = format!(
        "tests:\n\
         - {{ name: early, change: {{ stage: check, unknown: [pusher], {change} }}, expect: {{ decision: allowed, rules: \
         {{ risk: undecided }} }} }}\n\
         - {{ name: late, change: {{ unknown: [pusher], {change} }}, expect: {{ decision: denied, rules: {{ risk: fail }} }} }}\n"
    );
    world.write("policies/changegate.test.yml", &suite);
    world.changegate("work", &["policy", "test"]).accepted().says("2 passed");
}

/// Has a colleague push something to main.
fn land_as_colleague(world: &World, file: &str, message: &str) {
    if !world.path("other").exists() {
        world.git_in("", &["clone", "-q", "server.git", "other"]);
    }
    world.git_in("other", &["pull", "-q", "--ff-only"]);
    std::fs::write(world.path("other").join(file), "1\n").unwrap();
    world.git_in("other", &["add", "-A"]);
    world.git_in("other", &["commit", "-q", "-m", message]);
    let mut command = world.command("git", "other");
    command.env("GIT_COMMITTER_EMAIL", "cyd@example.com");
    Pushed::from(command.args(["push", "-q", "origin", "main"]).output().unwrap()).accepted();
}

fn merge(world: &World, args: &[&str]) -> Pushed {
    world.command("git", "work").args(["merge", "--no-ff"]).args(args).output().unwrap().into()
}

#[test]
fn what_the_remote_holds_is_not_judged_again_with_a_merge() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    land_as_colleague(&world, "fire", EMERGENCY);
    land_as_colleague(&world, "fire2", &EMERGENCY.replace("INC-1", "INC-2"));
    world.write("a", "1\n");
    commit(&world, &good("Add a")).accepted();
    world.git(&["fetch", "-q"]);
    // As `git pull` would, and with the trailers that the merge needs.
    merge(&world, &["-m", &good("Merge main"), "origin/main"])
        .accepted()
        .does_not_say("Emergency-Ticket")
        .does_not_say("Back-out-Plan");
    world.push(&["main"]).accepted();
    assert_eq!(world.main(), world.head());
}

#[test]
fn a_merge_does_not_speak_with_the_trailers_of_what_has_landed() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    land_as_colleague(&world, "b1", &good("One"));
    land_as_colleague(&world, "b2", &good("Two"));
    world.write("a", "1\n");
    commit(&world, &good("Add a")).accepted();
    world.git(&["fetch", "-q"]);
    merge(&world, &["--no-edit", "origin/main"])
        .refused("`Change-Type` is missing")
        .says("`Risk` is missing");
    world.git(&["commit", "-q", "--no-verify", "--no-edit"]);
    // The server says the same.
    let pushed = world.command("git", "work").args(["push", "--no-verify", "origin", "main"]).output();
    Pushed::from(pushed.unwrap()).refused("remote: ").says("`Risk` is missing");
}

#[test]
fn a_topic_that_holds_what_has_landed_is_merged_into_an_older_main() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    land_as_colleague(&world, "fire", EMERGENCY);
    world.git(&["fetch", "-q"]);
    world.git(&["checkout", "-q", "-b", "topic", "origin/main"]);
    world.write("t", "1\n");
    commit(&world, "Work on it").accepted();
    world.git(&["checkout", "-q", "main"]);
    merge(&world, &["-m", &good("Merge the topic"), "topic"]).accepted();
    world.push(&["main"]).accepted();
    assert_eq!(world.main(), world.head());
}

#[test]
fn what_main_holds_is_not_judged_again_on_a_release_branch() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    land_as_colleague(&world, "fire", EMERGENCY);
    world.git(&["fetch", "-q"]);
    world.git(&["remote", "set-head", "origin", "main"]);
    world.git(&["checkout", "-q", "-b", "release/1", "origin/release/1"]);
    merge(&world, &["-m", &good("Merge main"), "origin/main"]).accepted();
    world.push(&["release/1"]).accepted();
    assert_eq!(world.at("refs/heads/release/1").unwrap(), world.head());
}

#[test]
fn a_draft_of_the_policy_in_the_work_tree_judges_nothing() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    let stricter = format!("{POLICY}rules:\n  ticket: {{ require: {{ field: {{ Ticket: present }} }} }}\n");
    world.write("policies/changegate.yml", &stricter);
    world.write("a", "1\n");
    world.git(&["add", "a"]);
    let note = "the policy in the work tree is a draft";
    let staged = |message: &str| -> Pushed {
        world.command("git", "work").args(["commit", "-m", message]).output().unwrap().into()
    };
    staged(&good("Add a")).accepted().says(note).says("policies/changegate.yml at origin/main");
    // A draft that allows more judges nothing either, and one that cannot be used is shown.
    world.write("policies/changegate.yml", "changegate: 1\nname: test\nprotects: [main]\nrules: {}\n");
    world.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", &good("Nothing")]);
    world.write("b", "1\n");
    world.git(&["add", "b"]);
    staged("Add b\n\nChange-Type: normal\n").refused("`Risk` is missing").says(note);
    world.write("policies/changegate.yml", "changegate: 1\nname: [\n");
    staged(&good("Add b")).accepted().says(note).says("policies/changegate.yml:2");
    // The change of the policy is judged by the one before it, as the server does.
    world.write("policies/changegate.yml", &stricter);
    commit(&world, &good("Ask for a ticket")).accepted();
    world.push(&["main"]).accepted();
    // It has landed.
    world.write("c", "1\n");
    commit(&world, &good("Add c")).refused("`Ticket` is missing").does_not_say(note);
    // `try` and `policy check` go on to read drafts.
    world.write("policies/changegate.yml", POLICY);
    world.changegate("work", &["policy", "check"]).accepted().says("policies/changegate.yml: valid");
}

#[test]
fn a_policy_that_only_the_remote_holds_judges() {
    let world = World::with(None, "sha1");
    world.configure("changegate.missingPolicy", "allow");
    world.changegate("work", &["install"]).accepted();
    world.git_in("", &["clone", "-q", "server.git", "other"]);
    std::fs::create_dir_all(world.path("other/policies")).unwrap();
    std::fs::write(world.path("other/policies/changegate.yml"), POLICY).unwrap();
    world.git_in("other", &["add", "-A"]);
    world.git_in("other", &["commit", "-q", "-m", "Begin with a policy"]);
    world.git_in("server.git", &["fetch", "-q", "../other", "main:main"]);
    world.write("a", "1\n");
    commit(&world, "Add a").accepted();
    world.git(&["fetch", "-q"]);
    world.write("b", "1\n");
    commit(&world, "Add b").refused("`Risk` is missing");
    // A first policy that is not committed yet is advice.
    let world = World::with(None, "sha1");
    world.changegate("work", &["install"]).accepted();
    world.write("policies/changegate.yml", POLICY);
    world.write("a", "1\n");
    world.git(&["add", "a"]);
    let told: Pushed = world.command("git", "work").args(["commit", "-m", "Add a"]).output().unwrap().into();
    told.accepted().says("the draft `policies/changegate.yml` would ask for `change-type` and `risk`");
}

#[test]
fn an_empty_message_that_git_was_told_to_take_is_judged() {
    let world = World::new();
    world.changegate("work", &["install"]).accepted();
    let run = |args: &[&str]| -> Pushed {
        world.command("git", "work").args(["commit", "--allow-empty"]).args(args).output().unwrap().into()
    };
    let before = world.head();
    run(&["--allow-empty-message", "-m", ""])
        .refused("`Risk` is missing")
        .says("git commit --allow-empty --allow-empty-message -eF .git/CHANGEGATE_EDITMSG");
    run(&["-m", ""]).refused("empty commit message").does_not_say("changegate");
    assert_eq!(world.head(), before);
    world.git(&["checkout", "-q", "-b", "topic"]);
    run(&["--allow-empty-message", "-m", ""]).accepted().says("will be asked for more");
}
