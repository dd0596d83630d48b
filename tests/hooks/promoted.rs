//! What goes from one branch under change control to another: what counts as judged there, and by which rules.

use crate::world::{BINARY, MAIN, POLICY, Pushed, World, bad, good};

/// A policy with a rule of release branches alone.
fn guarding_releases(unit: &str) -> String {
    let rule = "guarded: { when: { branch: 'release/*' }, require: { not: { touches: 'guarded/**' } } }";
    format!("{POLICY}{unit}rules:\n  {rule}\n")
}

#[test]
fn the_rules_of_a_branch_ask_about_what_main_holds_already() {
    for unit in ["", "unit: commit\n"] {
        let world = World::under(&guarding_releases(unit));
        let base = world.main();
        world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
        world.write("guarded/a", "1");
        let guarded = world.commit(&good("Touch what releases leave alone"));
        world.push(&["main"]).accepted();
        let refused = world.push(&["main:release/1"]);
        refused.refused("guarded").does_not_say("--amend").does_not_say("rebase");
        refused.says("bring it by a merge commit (`git merge --no-ff`)");
        // A new branch is asked about what it begins with.
        world.push(&["main:release/2"]).refused("guarded").says("put a commit on top");
        world.write("b", "1");
        world.commit(&good("Another"));
        world.push(&["main"]).accepted();
        world.push(&["main:release/1"]).refused("guarded");
        world.push(&["main:release/2"]).accepted();
        // What the rule does not mean goes through, and what the branch has is not asked about again.
        world.git(&["checkout", "-q", "-b", "next", &base]);
        world.write("c", "1");
        world.commit(&good("Harmless"));
        world.push(&["next:release/1"]).accepted();
        world.git(&["checkout", "-q", "-b", "later", "main"]);
        world.write("d", "1");
        world.commit(&good("Later"));
        world.push(&["later:release/2"]).accepted();
        assert_eq!(world.git(&["rev-parse", "main~1"]), guarded);
    }
}

#[test]
fn what_lies_inside_a_change_is_no_state_of_main() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    let inner = world.merge_topic();
    world.push(&["main"]).accepted();
    for name in ["release/1", "release/2"] {
        world.push(&[&format!("{inner}:refs/heads/{name}")]).refused("peer-review").says("wip");
    }
    world.push(&[&format!("{inner}:refs/tags/v1")]).refused("tag-of-reviewed").says("lies inside a change");
    // A merge of it brings it as new work, whose author cannot approve it.
    world.git(&["checkout", "-q", "-b", "release", &base]);
    world.write("r", "1");
    world.commit(&good("On the release"));
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &bad("Take it in"), &inner]);
    world.push(&["release:release/1"]).refused("peer-review");
    // The states of main, and what was merged in there as a whole, go on.
    world.push(&["main:release/3", "main~1:refs/tags/v0"]).accepted();
    world.push(&["main:refs/tags/v1"]).accepted();
    world.git(&["checkout", "-q", "-B", "release", &base]);
    world.write("r", "1");
    world.commit(&good("On the release"));
    world.push(&["release:release/1"]).accepted();
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Take main in"), "main"]);
    world.push(&["release:release/1"]).accepted();
    world.push(&["release~1:refs/tags/v2"]).accepted();
}

/// First parents that lead into the inside of a change make no states of what lies there.
#[test]
fn a_merge_of_main_into_what_it_has_merged_makes_no_state_of_its_inside() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    let inner = world.merge_topic();
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-b", "sync", &inner]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Sync"), "main"]);
    world.push(&["sync:release/1"]).refused("peer-review").says("wip");
    // On main the merge is a change, and what it builds on is no earlier state.
    world.push(&["sync:main"]).accepted();
    world.push(&[&format!("{inner}:refs/tags/v1")]).refused("tag-of-reviewed");
    world.push(&[&format!("{inner}:refs/heads/release/2")]).refused("wip");
    world.push(&["main~0:refs/tags/v2", "sync^2:refs/tags/v3", &format!("{base}:refs/tags/v0")]).accepted();
}

/// Exemptions and classes that ask about the branch make a rule one of the branch.
#[test]
fn what_a_rule_lets_through_on_main_alone_is_asked_elsewhere() {
    let exempt = "exemptions: [{ rule: peer-review, when: { branch: main }, reason: a test, approved-by: kim@example.com, \
                  until: 2999-12-31 }]\n";
    let light = "classes: { light: { branch: main }, normal: {} }\nrules: { two: { for: [normal], require: { approvals: { \
                 at-least: 1, trust: claimed } } } }\n";
    for policy in [
        format!("{POLICY}{exempt}"),
        format!(
            "changegate: 1\nname: test\nextends: [core]\nprotects: [main, 'release/*', 'refs/tags/v*']\n{light}"
        ),
    ] {
        let world = World::under(&policy);
        world.commit(&good("Reviewed"));
        world.push(&["main"]).accepted();
        world.push(&["main:release/1"]).accepted();
        world.commit(&bad("Unreviewed"));
        world.push(&["main"]).accepted();
        world.push(&["main:release/1"]).refused("approval");
        world.push(&["main:release/2"]).refused("approval");
    }
}

/// A merge into which a branch was merged puts the earlier states of the branch on its second parent.
#[test]
fn the_log_of_a_branch_tells_its_states_after_a_pull_and_a_back_merge() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.write("theirs", "1");
    let theirs = world.commit(&good("Theirs"));
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "-B", "main", &base]);
    world.write("mine", "1");
    world.commit(&good("Mine"));
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Pull"), &theirs]);
    world.push(&["main"]).accepted();
    world.push(&[&format!("{theirs}:refs/tags/v1"), &format!("{theirs}:refs/heads/release/2")]).accepted();
    // A hotfix that main took back, before the release followed main.
    world.git(&["checkout", "-q", "-b", "fix", &base]);
    world.write("fix", "1");
    let fix = world.commit(&good("Fix"));
    world.push(&["fix:release/1"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Take the fix"), "fix"]);
    world.push(&["main"]).accepted();
    world.push(&["main:release/1"]).accepted();
    world.push(&[&format!("{fix}:refs/tags/v2")]).accepted();
}

/// With each commit judged by itself, every commit of main is a state that was judged.
#[test]
fn where_each_commit_is_a_change_every_commit_of_main_was_judged() {
    let world = World::under(&format!("{POLICY}unit: commit\n"));
    world.git(&["checkout", "-q", "-b", "topic"]);
    let inner = world.commit(&good("One"));
    world.commit(&good("Two"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Both"), "topic"]);
    world.push(&["main"]).accepted();
    world.push(&[&format!("{inner}:refs/heads/release/1"), &format!("{inner}:refs/tags/v1")]).accepted();
}

#[test]
fn what_came_to_main_without_a_decision_is_judged_where_it_goes() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.commit(&bad("Past the gate"));
    world.bypass_gate("main:main");
    world.push(&["main:release/1"]).refused("peer-review").says("Past the gate");
    world.push(&["main:release/2"]).refused("peer-review");
    world.push(&["main:refs/tags/v1"]).refused("tag-of-reviewed").says("regularised before it is tagged");
    world.push(&["main~1:refs/tags/v1"]).accepted();
    // The same of any branch under change control.
    world.git(&["checkout", "-q", "-b", "release", &base]);
    world.commit(&bad("Past the gate on a release"));
    world.bypass_gate("release:release/1");
    world.push(&["release:refs/tags/v9"]).refused("tag-of-reviewed").says("regularised before it is tagged");
    world.put_back("refs/heads/release/1", &base);
    world.git(&["checkout", "-q", "main"]);
    // Put back by the administrator, it is gone, and what comes later is vouched for.
    world.put_back("refs/heads/main", &base);
    world.git(&["reset", "-q", "--hard", &base]);
    world.write("later", "1");
    world.commit(&good("Later"));
    world.push(&["main"]).accepted();
    world.push(&["main:release/1", "main:refs/tags/v2"]).accepted();
    // What stays there is judged, and what comes after it by itself.
    world.commit(&bad("Past the gate again"));
    world.bypass_gate("main:main");
    world.commit(&good("After it"));
    world.push(&["main"]).accepted();
    assert_eq!(world.main(), world.at(MAIN).unwrap());
}

/// What came past the gate and was put back is gone, whichever of the two moves somebody has regularised since.
#[test]
fn a_bypass_that_was_put_back_holds_up_no_tag() {
    let regularise = "people: { teams: { duty: [kim@example.com] } }\n\
                      obligations: { regularise: { from: [duty], within: 24h } }\n";
    for answered in [0, 1] {
        let mut world = World::under(&format!("{POLICY}{regularise}"));
        world.configure("changegate.pusher", "env:GL_USER");
        world.environment.push(("GL_USER".into(), "kim@example.com".into()));
        let base = world.main();
        let past = world.commit(&bad("Past the gate"));
        world.bypass_gate("main:main");
        world.put_back("refs/heads/main", &base);
        world.git(&["reset", "-q", "--hard", &base]);
        let answer = |reason: &str| {
            format!(
                "Answer for it\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n\
             For-Change: {}\nEmergency-Reason: {reason}\nIncident: INC-1\n",
                [&past, &base][answered]
            )
        };
        world.write("answer", "1");
        world.commit(&answer("the hook was off"));
        let refused = world.push(&["main"]);
        refused.refused("at least 40 are needed").does_not_say("names no change");
        world.git(&["reset", "-q", "--soft", "HEAD~1"]);
        world.commit(&answer("the hook was off while the disk of the server was replaced by a larger one"));
        world.push(&["main"]).accepted();
        world.changegate("server.git", &["obligations", "--all"]).says("regularised");
        world.push(&["main:refs/tags/v1", "main:release/1"]).accepted();
    }
}

/// A merge on a release is judged there itself, but a release whose commits have to be signed holds none that is not.
#[test]
fn a_merge_brings_no_unsigned_commit_to_a_branch_of_signed_ones() {
    let rules = "signers: { ssh: who/keys }\nrules:\n  signed: { when: { branch: 'release/*' }, require: { signed: true } }\n";
    let world = World::with(None, "sha1");
    let Some(keys) = world.make_keys(&["ana"]) else { return };
    world.write("who/keys", &keys.concat());
    world.write("policies/changegate.yml", &format!("{POLICY}{rules}"));
    world.git(&["config", "user.signingkey", world.path("ana").to_str().unwrap()]);
    let sign = |on: &str| world.git(&["config", "commit.gpgsign", on]);
    sign("true");
    let base = world.commit(&good("Begin"));
    world.bring("+main:main");
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    sign("false");
    world.write("unsigned", "1");
    let unsigned = world.commit(&good("Not signed"));
    world.push(&["main"]).accepted();
    sign("true");
    let merge = |onto: &str, what: &str| {
        world.git(&["checkout", "-q", "-B", "release", onto]);
        world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Bring main"), what]);
    };
    merge(&base, "main");
    world
        .push(&["release:release/1"])
        .refused("this commit is not signed")
        .says(&unsigned[..10])
        .says("signed");
    // The next change of main is signed, and does not make the one before it good.
    world.git(&["checkout", "-q", "main"]);
    world.write("signed", "1");
    world.commit(&good("Signed"));
    world.push(&["main"]).accepted();
    merge(&base, "main");
    world.push(&["release:release/1"]).refused("this commit is not signed");
    // Where all of them are signed, a merge brings them.
    world.git(&["checkout", "-q", "-B", "other", &base]);
    world.write("other", "1");
    world.commit(&good("Signed as well"));
    merge(&base, "other");
    world.push(&["release:release/1"]).accepted();
}

/// Git gives the hook a line for each ref, so that without one something stands between them.
#[test]
fn a_hook_that_reads_no_line_refuses() {
    let world = World::new();
    let mut hook = world.command(BINARY, "server.git");
    let answer: Pushed = hook.env("GIT_DIR", ".").args(["hook", "pre-receive"]).output().unwrap().into();
    answer.refused("no ref was read from standard input");
    assert!(answer.seen.lines().all(|line| line.len() <= 72), "{}", answer.seen);
}
