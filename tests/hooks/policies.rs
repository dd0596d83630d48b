//! Which policy a push is judged by, and what keeps it usable.

use crate::world::{MAIN, POLICY, Pushed, World, bad, good};

const PATH: &str = "policies/changegate.yml";

/// The test policy without its review.
fn weaker() -> String {
    format!("{POLICY}rules:\n  peer-review: {{ level: off, reason: nobody has time }}\n")
}

#[test]
fn what_a_push_does_to_the_policy_is_not_in_force_for_it() {
    let world = World::new();
    let base = world.main();
    world.write(PATH, &weaker());
    world.commit(&good("Reviews are optional"));
    world.commit(&bad("Unreviewed"));
    world.push(&["main"]).refused("peer-review").says("Unreviewed");
    assert_eq!(world.main(), base);
    // Once it has landed, it is.
    world.push(&["main~1:main"]).accepted();
    world.push(&["main"]).accepted();
    assert_eq!(world.main(), world.head());
}

#[test]
fn another_ref_of_the_same_push_does_not_change_the_policy_either() {
    let world = World::new();
    let base = world.main();
    world.write(PATH, &weaker());
    let weak = world.commit(&good("Reviews are optional"));
    let new = world.commit_tree(&[&base], &bad("Unreviewed"));
    world
        .push(&[&format!("{weak}:{MAIN}"), &format!("{new}:refs/heads/release/1")])
        .refused("refs/heads/release/1");
    assert_eq!(world.main(), base);
}

/// An emergency that nobody has reviewed.
const EMERGENCY: &str = "Fire\n\nChange-Type: emergency\nRisk: low\nIncident: INC-7\nEmergency-Reason: the bank \
                         refuses every transfer that is off by a cent\n";

#[test]
fn a_file_that_the_policy_comes_to_name_is_a_file_of_the_gate_in_the_same_push() {
    let person = |name: &str| format!("  {name}: {{ addresses: [{name}@example.com] }}\n");
    let roster = format!("people:\n{}{}", person("ana"), person("ben"));
    let catalogue = |paths: &str| {
        format!(
            "standard-changes:\n  STD-A: {{ paths: [{paths}], approved-by: D, approved-on: 2998-01-02, review-by: \
             2999-12-31 }}\n"
        )
    };
    for unit in ["", "unit: commit\n"] {
        for (naming, path, before, after) in [
            ("people: { roster: PEOPLE }", "PEOPLE", roster.clone(), roster.clone() + &person("mal")),
            ("standard-changes: x/cat.yml", "x/cat.yml", catalogue("a"), catalogue("a, src/")),
            ("signers: { ssh: who/keys }", "who/keys", String::new(), "# none\n".into()),
        ] {
            let world = World::under(&format!("{POLICY}{unit}"));
            let base = world.main();
            world.write(PATH, &format!("{POLICY}{unit}{naming}\n"));
            world.write(path, &before);
            let named = world.commit(&good("Name another file"));
            world.write(path, &after);
            let urgent = world.commit(EMERGENCY);
            world.push(&["main"]).refused("gate-files").says(path);
            assert_eq!(world.main(), base, "{naming}");
            // In two pushes, or with a review, it is as with every file of the gate.
            let reviewed = world.commit_tree(&[&named], &good("Add one"));
            world.push(&[&format!("{named}:{MAIN}")]).accepted();
            world.push(&[&format!("{urgent}:{MAIN}")]).refused("peer-review");
            world.push(&[&format!("{reviewed}:{MAIN}")]).accepted();
        }
    }
}

#[test]
fn reviewed_changes_of_a_newly_named_file_land_together_and_a_way_back_hides_nothing() {
    let world = World::new();
    let naming = format!("{POLICY}people: {{ roster: x/people.yml }}\n");
    let roster = "people: { ana: { addresses: [ana@example.com] }, ben: { addresses: [ben@example.com] } }\n";
    world.write("x/people.yml", roster);
    world.commit(&good("Write a roster"));
    world.write(PATH, &naming);
    world.commit(&good("Name the roster"));
    world.write("x/people.yml", &format!("{roster}# nothing\n"));
    world.commit(&good("Say more"));
    world.write("src/a", "1");
    world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    // A policy that names a file and then does not: the file was one of the gate for a while.
    world.write(PATH, &naming.replace("x/people.yml", "y/people.yml"));
    world.write("y/people.yml", roster);
    world.commit(&good("Name another one"));
    world.write("y/people.yml", &format!("{roster}# more\n"));
    world.commit(EMERGENCY);
    world.write(PATH, &naming);
    world.commit(&good("Name the first one"));
    world.push(&["main"]).refused("gate-files").says("y/people.yml");
}

#[test]
fn a_push_holds_at_most_a_hundred_policies() {
    let world = World::new();
    for (count, is_allowed) in [(100, true), (101, false)] {
        let before = world.head();
        for number in 0..count {
            world.write("policies/changegate.yml", &format!("{POLICY}# {count}, {number}\n"));
            world.commit(&good("Note something in the policy"));
        }
        let early = world.changegate("work", &["check", "origin/main..main"]);
        let pushed = world.push(&["main"]);
        if is_allowed {
            early.accepted();
            pushed.accepted();
        } else {
            // The developer is told before anything is sent.
            early.refused("hold more than 100 different policies; push fewer commits at a time");
            pushed
                .refused("push-size")
                .says("hold more than 100 different policies; push fewer commits at a time");
            // No part of one merge can be pushed.
            world.git(&["branch", "-q", "topic"]);
            world.git(&["reset", "-q", "--hard", &before]);
            world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge it all"), "topic"]);
            let halfway = world.git(&["rev-parse", "topic~50"]);
            world
                .push(&["main"])
                .refused("one merge brings more than 100 different policies")
                .says(&halfway[..10])
                .does_not_say("push fewer commits");
            world.git(&["reset", "-q", "--hard", &before]);
            for part in [&halfway[..10], "topic"] {
                world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge a part"), part]);
                world.push(&["main"]).accepted();
            }
        }
    }
}

#[test]
fn a_branch_is_judged_by_what_it_held_itself() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.write(PATH, &weaker());
    let weak = world.commit(&good("Reviews are optional"));
    world.push(&[&format!("{weak}:{MAIN}")]).accepted();
    let new = world.commit_tree(&[&base], &bad("Unreviewed"));
    world.push(&[&format!("{new}:refs/heads/release/1")]).refused("peer-review");
    assert_eq!(world.at("refs/heads/release/1"), Some(base));
}

#[test]
fn a_policy_that_cannot_be_used_does_not_land() {
    let world = World::new();
    let base = world.main();
    let odd = [
        "changegate: 1\nname: test\nrulse: {}\n",
        "not: [a policy",
        "",
        "changegate: 1\nname: test\nextends: [../../etc/passwd]\n",
    ];
    for (number, policy) in odd.into_iter().enumerate() {
        world.write(PATH, policy);
        world.commit(&good(&format!("Policy {number}")));
        world.push(&["main"]).refused("policy-valid");
        assert_eq!(world.main(), base);
        world.git(&["reset", "-q", "--hard", &base]);
    }
}

#[test]
fn a_policy_is_not_taken_away() {
    let world = World::new();
    let base = world.main();
    world.git(&["rm", "-q", PATH]);
    world.commit(&good("Without a policy"));
    world.push(&["main"]).refused("policy-valid").says("removes the policy");
    assert_eq!(world.main(), base);
}

#[test]
fn a_policy_is_a_regular_file() {
    let world = World::new();
    let base = world.main();
    world.git(&["rm", "-q", PATH]);
    world.write("elsewhere.yml", &weaker());
    std::fs::create_dir_all(world.path("work/policies")).unwrap();
    std::os::unix::fs::symlink("../elsewhere.yml", world.path("work").join(PATH)).unwrap();
    world.commit(&good("A link"));
    world.push(&["main"]).refused("policy-valid");
    assert_eq!(world.main(), base);
}

#[test]
fn without_a_policy_everything_is_refused_and_the_way_out_is_told() {
    let world = World::with(None, "sha1");
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    for name in [MAIN, "refs/heads/free"] {
        let pushed = world.push(&[&format!("{new}:{name}")]);
        pushed.refused("policy-present").says("git fetch CLONE main:main").does_not_say("missingPolicy");
    }
    assert_eq!(world.main(), base);
    assert_eq!(world.at("refs/heads/free"), None);
}

/// Runs a line that a refusal gives to the server administrator, in the repository of the server.
fn run_in_server(world: &World, line: &str) -> std::process::Output {
    let folder = std::path::Path::new(crate::world::BINARY).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    world.command("sh", "server.git").env("PATH", path).args(["-c", line]).output().unwrap()
}

/// Returns the line of a refusal that begins like this.
fn find_line(seen: &str, begin: &str) -> String {
    let lines = seen.lines().map(|line| line.trim_start_matches("remote:").trim());
    lines.map(str::to_owned).find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("{seen}"))
}

#[test]
fn the_branch_that_holds_the_policy_is_named_with_the_line_that_helps() {
    let world = World::new();
    let base = world.main();
    // A name that a shell reads as something else is no advice.
    world.push(&[&format!("{base}:refs/heads/a$(touch${{IFS}}x)")]).accepted();
    world.push(&[&format!("{base}:refs/heads/topic")]).accepted();
    world.git(&["rm", "-rqf", "--cached", "."]);
    let tree = world.git(&["write-tree"]);
    world.git(&["reset", "-q", "--hard", &base]);
    let empty_commit = world.git(&["commit-tree", &tree, "-m", "Nothing"]);
    world.git_in("server.git", &["fetch", "-q", "../work", &format!("{empty_commit}:refs/heads/site")]);
    for wrong in ["refs/heads/site", "refs/heads/gone"] {
        world.configure("changegate.policyRef", wrong);
        let new = world.commit_tree(&[&world.main()], &good("Good"));
        let pushed = world.push(&[&format!("{new}:{MAIN}")]);
        pushed.refused("policy-present").says("refs/heads/main").does_not_say("missingPolicy");
        pushed.does_not_say("touch");
        let line = find_line(&pushed.seen, "git config");
        assert_eq!(line, "git config changegate.policyRef refs/heads/main");
        assert!(run_in_server(&world, &line).status.success());
        let next = world.commit_tree(&[&world.main()], &good("Good"));
        world.push(&[&format!("{next}:{MAIN}")]).accepted();
    }
    world.configure("changegate.policyFile", "/nowhere/policy.yml");
    let new = world.commit_tree(&[&world.main()], &good("Good"));
    let pushed = world.push(&[&format!("{new}:{MAIN}")]);
    pushed.refused("policy-present").says("changegate.policyFile names").does_not_say("missingPolicy");
}

#[test]
fn a_broken_policy_is_shown_by_a_command_that_works_on_the_server() {
    let world = World::with(None, "sha1");
    world.write(PATH, "changegate: 1\nname: test\nprotects: 7\nextends: [nothing]\n");
    world.commit("A broken policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let new = world.commit(&good("Good"));
    let pushed = world.push(&[&format!("{new}:{MAIN}")]);
    pushed.refused("policy-valid");
    let line = find_line(&pushed.seen, "d=$(mktemp").replace("\n", " ");
    // A long line is folded in the answer, so the command is read from the record of it.
    let whole = "d=$(mktemp -d) && git clone -q -b main . $d && changegate policy check -C $d";
    assert!(whole.starts_with(line.trim_end()), "{line}");
    let shown = run_in_server(&world, whole);
    let said = String::from_utf8_lossy(&[shown.stdout, shown.stderr].concat()).into_owned();
    // What follows from a misspelling is not told.
    assert!(said.contains("there is no `nothing`") && said.contains("1 fault"), "{said}");
}

/// No decision names a policy from before, so no push can put one back.
#[test]
fn a_policy_that_was_broken_before_any_decision_is_replaced_by_a_command() {
    for is_first in [true, false] {
        let world = World::with(None, "sha1");
        if !is_first {
            world.write(PATH, POLICY);
            world.commit("A policy\n");
            world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
        }
        world.write(PATH, "changegate: 1\nbogus: [\n");
        world.commit("Break the policy\n");
        world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
        world.write(PATH, POLICY);
        let plan = good("Restore the policy") + "Security-Impact: none, it is restored\n";
        world.commit(&plan);
        let pushed = world.push(&["main"]);
        pushed.refused("policy-valid").says("# in a clone: correct the policy, and commit; then here:");
        let line = find_line(&pushed.seen, "git fetch CLONE").replace("CLONE", "../work");
        assert!(run_in_server(&world, &line).status.success(), "{line}");
        world.commit(&good("Go on"));
        world.push(&["main"]).accepted();
    }
}

/// It has no policy before and none afterwards, so that of main goes on judging it, on the server and in clones.
#[test]
fn a_branch_that_is_older_than_the_policy_is_judged_by_that_of_main() {
    let world = World::with(None, "sha1");
    let first = world.main();
    world.write(PATH, POLICY);
    let policy = world.commit("A policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["remote", "set-head", "origin", "main"]);
    // What main holds is judged already, with a policy or without.
    world.push(&[&format!("{first}:refs/heads/release/0")]).accepted();
    world.push(&[&format!("{first}:refs/tags/v0")]).accepted();
    world.git(&["checkout", "-q", "-b", "release/1", &first]);
    world.commit(&bad("Unreviewed"));
    world.push(&["release/1"]).refused("peer-review").does_not_say("policy-valid");
    world.git(&["commit", "-q", "--amend", "--allow-empty", "-m", &good("Prepare the release")]);
    world.push(&["release/1"]).accepted();
    world.changegate("work", &["install"]).accepted();
    let refused =
        world.command("git", "work").args(["commit", "--allow-empty", "-m", "Nothing said"]).output();
    Pushed::from(refused.unwrap()).refused("Change-Type");
    world.commit(&bad("Unreviewed"));
    world.changegate("work", &["check", "HEAD^..HEAD"]).refused("peer-review").does_not_say("iso27001");
    world.push(&["release/1"]).refused("peer-review").does_not_say("remote:");
    let amend =
        ["commit", "-q", "--amend", "--allow-empty", "--no-verify", "-m", &good("Prepare more of it")];
    world.git(&amend);
    world.push(&["release/1"]).accepted();
    // A new branch that has left the policy behind takes it away.
    world.git(&["checkout", "-q", "-b", "release/2", &policy]);
    world.git(&["rm", "-q", PATH]);
    world.commit(&good("Without a policy"));
    world.push(&["--no-verify", "release/2"]).refused("policy-valid").says("removes the policy");
    // Where a policy has come to the branch, it stays.
    world.git(&["checkout", "-q", "release/1"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Take the policy over"), "main"]);
    world.push(&["release/1"]).accepted();
    world.git(&["rm", "-q", PATH]);
    world.commit(&good("Without a policy"));
    world.push(&["--no-verify", "release/1"]).refused("policy-valid").says("removes the policy");
}

#[test]
fn the_administrator_says_what_happens_without_a_policy() {
    let world = World::with(None, "sha1");
    let base = world.main();
    let new = world.commit_tree(&[&base], &bad("Unreviewed"));
    world.configure("changegate.missingPolicy", "iso27001");
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review").says("iso27001");
    assert_eq!(world.main(), base);
    world.configure("changegate.missingPolicy", "allow");
    world.push(&[&format!("{new}:{MAIN}")]).accepted();
    assert_eq!(world.main(), new);
    world.configure("changegate.missingPolicy", "perhaps");
    world.push(&[&format!("{base}:refs/heads/free")]).refused("changegate.missingPolicy");
    assert_eq!(world.at("refs/heads/free"), None);
}

#[test]
fn the_first_policy_can_be_pushed_where_that_is_allowed() {
    let world = World::with(None, "sha1");
    world.configure("changegate.missingPolicy", "allow");
    world.write(PATH, POLICY);
    world.commit("A policy\n");
    world.push(&["main"]).accepted();
    world.commit(&bad("Unreviewed"));
    world.push(&["main"]).refused("peer-review");
}

#[test]
fn a_branch_that_is_not_born_yet_holds_no_policy() {
    let world = World::new();
    world.git_in("server.git", &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    world.configure("changegate.policyRef", "refs/heads/trunk");
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("policy-present").says("refs/heads/trunk");
    assert_eq!(world.main(), base);
}

#[test]
fn a_file_on_the_server_can_be_the_policy() {
    let world = World::with(None, "sha1");
    let base = world.main();
    std::fs::write(world.path("policy.yml"), POLICY).unwrap();
    world.configure("changegate.policyFile", world.path("policy.yml").to_str().unwrap());
    let new = world.commit_tree(&[&base], &bad("Unreviewed"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    assert_eq!(world.main(), base);
    std::fs::remove_file(world.path("policy.yml")).unwrap();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("policy-present");
    assert_eq!(world.main(), base);
}

#[test]
fn a_branch_that_is_free_now_vouches_for_nothing() {
    // release/1 has a policy of its own, by which x/1 is under change control; by that of main, which
    // decides what is judged at all, it is not.
    let world = World::new();
    world.write(PATH, &POLICY.replace("[main,", "[main, 'x/*',"));
    let base = world.commit(&good("Guard x"));
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    let new = world.commit_tree(&[&base], &bad("Unreviewed"));
    world.push(&[&format!("{new}:refs/heads/x/1")]).accepted();
    world.push(&[&format!("{new}:refs/heads/release/1")]).refused("peer-review");
    assert_eq!(world.at("refs/heads/release/1"), Some(base));
}

#[test]
fn a_branch_that_comes_under_change_control_does_not_vouch_for_what_it_held() {
    let world = World::new();
    world.write(PATH, &POLICY.replace("[main,", "[main, dev,"));
    let wide = world.commit(&good("Guard dev as well"));
    let new = world.commit_tree(&[&wide], &bad("Unreviewed"));
    world.push(&[&format!("{new}:refs/heads/dev")]).accepted();
    world.push(&[&format!("{wide}:{MAIN}")]).accepted();
    world.push(&[&format!("{new}:{MAIN}")]).refused("peer-review");
    assert_eq!(world.main(), wide);
}

#[test]
fn a_policy_after_which_nobody_could_push_is_refused() {
    let world = World::new();
    let locking = format!("{POLICY}rules:\n  verified: {{ require: {{ approvals: {{}} }} }}\n");
    world.write(PATH, &locking);
    let commit = world.commit(&good("Ask for verified reviews"));
    world.push(&[&format!("{commit}:{MAIN}")]).refused("policy-valid").says("trust: verified");
}

/// Additions to the test policy. A change with a good message meets those that can be met.
const ADDITIONS: [(&str, &str); 12] = [
    (
        "rules",
        "  zone: { require: { window: { outside: [{ from: 2001-01-01, until: 2001-01-02 }], zone: Europe/Berln } } }",
    ),
    ("rules", "  signed: { require: { signed: true } }"),
    ("rules", "  pair: { require: { approvals: { at-least: 2, from: [solo], trust: claimed } } }"),
    ("rules", "  dead: { when: { touches: ['./a', 'b/{c,d}'] }, require: { branch: main } }"),
    ("rules", "  risk: { for: [standard] }"),
    ("rules", "  who: { require: { pusher: ana } }"),
    ("rules", "  forge: { require: { checks: test } }"),
    ("rules", "  spelt: { require: { brunch: main } }"),
    ("rules", "  main: { require: { branch: main } }"),
    (
        "rules",
        "  open: { require: { window: { outside: [{ from: 2001-01-01, until: 2001-01-02 }], zone: Europe/Berlin } } }",
    ),
    ("rules", "  back-out-plan: { for: [standard], reason: a trial }"),
    (
        "exemptions",
        "  - { rule: risk, when: { branch: release/1 }, reason: a, approved-by: b, until: 2999-01-01 }",
    ),
];

fn policy_with(chosen: u16) -> String {
    let mut policy = format!("{POLICY}people: {{ teams: {{ solo: [eva@example.com] }} }}\n");
    for section in ["rules", "exemptions"] {
        let lines: Vec<_> = ADDITIONS
            .iter()
            .enumerate()
            .filter(|(index, (of, _))| *of == section && chosen & (1 << index) != 0)
            .map(|(_, (_, line))| *line)
            .collect();
        if !lines.is_empty() {
            policy += &format!("{section}:\n{}\n", lines.join("\n"));
        }
    }
    policy
}

#[test]
fn a_push_refuses_what_policy_check_refuses_and_takes_only_what_can_be_changed_again() {
    let world = World::new();
    let alone = (0..ADDITIONS.len()).map(|index| 1 << index);
    let mixed = [0, 0b1111_0000_0000, 0b0011_0000_0000, 0b1010_0000_0001, 0b1100_0001_0000, 0b1111_1111_1111];
    let mut accepted = 0;
    for chosen in alone.chain(mixed) {
        let base = world.main();
        world.git(&["reset", "-q", "--hard", &base]);
        world.write(PATH, &policy_with(chosen));
        let is_valid = world.changegate("work", &["policy", "check"]).ok;
        world.commit(&good(&format!("Policy {chosen:b}")));
        let pushed = world.push(&["main"]);
        if !is_valid {
            pushed.refused("policy-valid");
        }
        if !pushed.ok {
            pushed.says("policy-valid");
            assert_eq!(world.main(), base);
            continue;
        }
        accepted += 1;
        world.commit(&good("Work goes on"));
        world.push(&["main"]).accepted();
        world.write(PATH, POLICY);
        world.commit(&good("Take it back"));
        world.push(&["main"]).accepted();
    }
    assert_eq!(accepted, 7);
}

#[test]
fn a_rule_about_the_pusher_needs_a_server_that_knows_them() {
    let world = World::new();
    world.write(PATH, &format!("{POLICY}rules:\n  who: {{ require: {{ pusher: ana }} }}\n"));
    let commit = world.commit(&good("Ask who pushes"));
    world.push(&[&format!("{commit}:{MAIN}")]).refused("policy-valid").says("changegate.pusher");
}

#[test]
fn a_roster_that_leaves_a_team_too_small_for_its_rule_is_refused() {
    let roster = |people: &[&str]| {
        let mut text = "people:\n".to_owned();
        for name in people {
            text += &format!("  {name}: {{ addresses: [{name}@example.com] }}\n");
        }
        text
    };
    let world = World::new();
    world.write("policies/people.yml", &roster(&["ana", "ben", "eva"]));
    let people =
        "people: { roster: policies/people.yml, teams: { duo: [ben@example.com, eva@example.com] } }\n";
    let pair = "rules:\n  pair: { require: { approvals: { at-least: 2, from: [duo], trust: claimed } } }\n";
    world.write(PATH, &format!("{POLICY}{people}{pair}"));
    world.commit(&good("Two of two"));
    world.push(&["main"]).accepted();
    world.write("policies/people.yml", &roster(&["ana", "ben"]));
    world.commit(&good("Eva leaves"));
    world.push(&["main"]).refused("policy-valid").says("with 1 member");
}

#[test]
fn what_only_a_forge_can_tell_cannot_be_asked_of_a_push() {
    for (question, refused) in [
        ("checks: test", true),
        ("draft: false", true),
        ("not: { label: stop }", true),
        ("any: [{ checks: test }, { subject: {} }]", false),
        ("approvals: { trust: claimed, commands: ['/approve'] }", false),
    ] {
        let world = World::new();
        world.write(PATH, &format!("{POLICY}rules:\n  forge: {{ require: {{ {question} }} }}\n"));
        let commit = world.commit(&good("Ask a forge"));
        let pushed = world.push(&[&format!("{commit}:{MAIN}")]);
        match refused {
            true => pushed
                .refused("policy-valid")
                .says("what only a forge knows")
                .says("changegate policy check --server"),
            false => pushed.accepted(),
        };
    }
}

#[test]
fn a_branch_from_an_old_commit_does_not_bring_back_an_old_policy() {
    let lax = format!("{POLICY}rules:\n  peer-review: {{ level: off, reason: nobody has time }}\n");
    let world = World::under(&lax);
    let old = world.main();
    world.write(PATH, POLICY);
    let strict = world.commit(&good("Ask for reviews"));
    world.push(&[&format!("{strict}:{MAIN}")]).accepted();
    world.push(&[&format!("{old}:refs/heads/release/1")]).accepted();
    let new = world.commit_tree(&[&old], &bad("Unreviewed"));
    world.push(&[&format!("{new}:refs/heads/release/1")]).refused("peer-review");
    assert_eq!(world.at("refs/heads/release/1"), Some(old));
}

#[test]
fn the_branch_of_the_policy_stays_under_change_control() {
    let world = World::new();
    world.write(PATH, &POLICY.replace("[main,", "[elsewhere,"));
    let commit = world.commit(&good("Guard something else"));
    world.push(&[&format!("{commit}:{MAIN}")]).refused("policy-valid").says("is no longer under");
}

#[test]
fn a_policy_ref_that_leads_to_no_commit_is_not_an_absent_policy() {
    let world = World::new();
    let base = world.main();
    let blob = world.git_in("server.git", &["rev-parse", &format!("{base}:{PATH}")]);
    world.git_in("server.git", &["update-ref", "refs/tags/policy", &blob]);
    world.configure("changegate.policyRef", "refs/tags/policy");
    world.configure("changegate.missingPolicy", "allow");
    let new = world.commit_tree(&[&base], &bad("Unreviewed"));
    world.push(&[&format!("{new}:{MAIN}")]).refused("policy-valid");
    assert_eq!(world.main(), base);
}

/// The test policy, which asks for two approvals of what loosens it.
fn guarded() -> String {
    format!(
        "{POLICY}rules:\n  policy-loosened:\n    when: {{ policy-loosened: true }}\n    require: {{ approvals: {{ at-least: \
         2, trust: claimed }} }}\n"
    )
}

fn reviewed_twice(subject: &str) -> String {
    format!("{}Reviewed-by: Kim <kim@example.com>\n", good(subject))
}

#[test]
fn what_loosens_the_policy_is_asked_for_more_and_told() {
    let strict = guarded();
    let loose =
        strict.replace("rules:\n", "rules:\n  peer-review: { level: off, reason: nobody has time }\n");
    let stricter = format!(
        "{strict}  signed: {{ require: {{ signed: true }}, level: warn, until: 2999-12-31, reason: keys come }}\n"
    );
    let world = World::under(&strict);
    // A change of other files is asked for nothing.
    world.write("a", "1");
    world.commit(&good("Add a file"));
    world.push(&["main"]).accepted().does_not_say("policy-loosened");
    world.write(PATH, &loose);
    world.commit(&good("Reviews are optional"));
    world.push(&["main"]).refused("policy-loosened").says(
        "what `refs/heads/main` asks of later changes is looser: rule `peer-review`: level: deny → off",
    );
    world.git(&["commit", "-q", "--amend", "-m", &reviewed_twice("Reviews are optional")]);
    world.push(&["main"]).accepted().says("is looser");
    // The way back asks for more, and one approval is enough.
    world.write(PATH, &strict);
    world.commit(&good("Ask for reviews again"));
    world.push(&["main"]).accepted().says("asks of later changes is stricter").says("level: off → deny");
    world.write(PATH, &stricter);
    world.commit(&good("Ask for signatures"));
    world.push(&["main"]).accepted().does_not_say("is looser");
}

const FIRST_KEY: &str =
    "ana@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY";
const OTHER_KEY: &str =
    "eve@evil.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm";

#[test]
fn one_more_key_of_a_signer_loosens_the_policy() {
    let world = World::with(None, "sha1");
    world.write(PATH, &format!("{}signers: {{ ssh: keys }}\n", guarded()));
    world.write("keys", &format!("{FIRST_KEY}\n"));
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let base = world.main();
    world.write("keys", &format!("{FIRST_KEY}\n{OTHER_KEY}\n"));
    world.commit(&good("Add a key"));
    world.push(&["main"]).refused("policy-loosened").says(
        "what `refs/heads/main` asks of later changes is looser: keys in `keys`: another key counts, of `eve@evil.example`",
    );
    world.git(&["commit", "-q", "--amend", "-m", &reviewed_twice("Add a key")]);
    world.push(&["main"]).accepted().says("another key counts");
    // The way back is no loosening.
    world.write("keys", &format!("{FIRST_KEY}\n"));
    world.commit(&good("Remove the key"));
    world.push(&["main"]).accepted().says("is stricter: keys in `keys`");
    assert_ne!(world.main(), base);
}

#[test]
fn each_change_of_a_push_is_compared_with_what_it_finds() {
    let strict = guarded();
    let roster = "people: { ana: { addresses: [ana@example.com] }, ben: { addresses: [ben@example.com] } }\n";
    for unit in ["", "unit: commit\n"] {
        let world = World::under(&format!("{strict}{unit}"));
        // A roster is a part of the policy as soon as the policy names it, in the same push too.
        world.write("people.yml", roster);
        world.commit(&good("Write a roster"));
        world.write(PATH, &format!("{strict}{unit}people: {{ roster: people.yml }}\n"));
        world.commit(&reviewed_twice("Name the roster"));
        world.write("people.yml", &roster.replace("ben:", "mal: { addresses: [mal@example.com] }, ben:"));
        world.commit(&good("Add somebody"));
        world.push(&["main"]).refused("policy-loosened").says("Add somebody");
        world.push(&["main~2:main"]).accepted();
    }
}

#[test]
fn what_cannot_be_compared_loosens() {
    let strict = guarded();
    let world = World::under(&strict);
    world.write(PATH, "changegate: 2\n");
    world.commit(&good("Break the policy"));
    world.write(PATH, &format!("{strict}# the same\n"));
    world.commit(&good("Write it again"));
    // The policy is whole in the end, and nobody knows what the first of the changes does.
    world.push(&["main"]).refused("policy-loosened").says("the policy at");
}

const OWNED: &str =
    "rules:\n  owners:\n    require: { approvals: { from: codeowners, unowned: nobody, trust: claimed } }\n";

#[test]
fn code_owners_are_those_of_the_target_from_before_the_push() {
    let roster = "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com], accounts: \
                  [ben] }\n  kim: { addresses: [kim@example.com], accounts: ['github:kim'] }\n";
    let world = World::with(None, "sha1");
    world.write(PATH, &format!("{POLICY}{OWNED}people: {{ roster: people.yml }}\n"));
    world.write("people.yml", roster);
    world.write("CODEOWNERS", "*.rs @kim\n/CODEOWNERS @kim\n");
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let base = world.main();
    world.write("a.rs", "1");
    world.commit(&good("Add code"));
    world
        .push(&["main"])
        .refused("owners")
        .says("`a.rs`: needs 1 approval from an owner (`@kim`, line 1 of `CODEOWNERS`); 0 count");
    // Who is made an owner by the push itself owns nothing yet.
    world.write("CODEOWNERS", "*.rs @ben\n/CODEOWNERS @ben\n");
    world.commit(&good("Add code"));
    world.push(&["main"]).refused("owners").says("`CODEOWNERS`: needs 1 approval");
    world.git(&["reset", "-q", "--hard", &base]);
    world.write("a.rs", "1");
    world.commit(&format!("{}Reviewed-by: Kim <kim@example.com>\n", good("Add code")));
    world.push(&["main"]).accepted();
    // What nobody owns needs no owner.
    world.write("b.txt", "1");
    world.commit(&good("Add text"));
    world.push(&["main"]).accepted();
    // Without the file, later pushes could not be judged.
    world.git(&["rm", "-q", "CODEOWNERS"]);
    world.commit(&format!("{}Reviewed-by: Kim <kim@example.com>\n", good("Remove the owners")));
    world.push(&["main"]).refused("there is no file of code owners");
}

/// Returns a policy that takes too long to search: each of eleven fields has one of ten words, and no two may have the
/// same.
fn too_large() -> String {
    let words: Vec<String> = (0..10).map(|word| format!("w{word}")).collect();
    let (mut fields, mut rules) = (String::new(), String::new());
    for one in 0..11 {
        fields.push_str(&format!("  F{one}: {{ one-of: [{}] }}\n", words.join(", ")));
        rules.push_str(&format!("  f{one}: {{ require: {{ field: {{ F{one}: present }} }} }}\n"));
        for other in 0..one {
            for word in 0..10 {
                let both = format!("field: {{ F{one}: w{word}, F{other}: w{word} }}");
                rules.push_str(&format!("  r{one}x{other}x{word}: {{ require: {{ not: {{ {both} }} }} }}\n"));
            }
        }
    }
    format!("changegate: 1\nname: large\nprotects: [main]\nfields:\n{fields}rules:\n{rules}")
}

#[test]
fn a_policy_too_large_to_be_inspected_whole_is_told_by_the_push_that_brings_it() {
    let world = World::new();
    let told = "the policy is too large for this check to be complete";
    world.commit(&good("Something else"));
    world.push(&["main"]).accepted().does_not_say(told);
    world.write("policies/changegate.yml", &too_large());
    world.commit(&good("Ask for much"));
    world.push(&["main"]).accepted().says(told);
}

/// A repository that has release branches and tags when the gate comes, as docs/server.md says it is taken over.
#[test]
fn a_repository_with_releases_is_taken_over() {
    let world = World::with(None, "sha1");
    // A server without the gate.
    std::fs::remove_dir_all(world.path("server.git")).unwrap();
    world.git_in("", &["init", "-q", "--bare", "-b", "main", "server.git"]);
    world.git(&["checkout", "-q", "-b", "release/1"]);
    let old = world.commit("Old and unreviewed");
    world.git(&["tag", "v1.0.1"]);
    world.git(&["checkout", "-q", "--detach"]);
    world.commit("Of no branch");
    world.git(&["tag", "v0.9"]);
    world.push(&["main", "release/1", "v1.0.1", "v0.9"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    world.write("policies/changegate.yml", POLICY);
    world.commit("Put it under change control");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world.changegate("server.git", &["install", "--server", "--pusher", "none"]).accepted();
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    // What the branch held counts as judged for it, and what is new is judged by the policy of main.
    world.git(&["checkout", "-q", "release/1"]);
    world.commit(&bad("Unreviewed"));
    world.push(&["release/1"]).refused("peer-review").does_not_say(&old[..10]);
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.commit(&good("Reviewed"));
    world.push(&["release/1"]).accepted();
    // Tags of states of the branch, new and old ones; what stands is not judged.
    world.git(&["tag", "v1.0.2"]);
    world.git(&["tag", "v1.0.1-again", &old]);
    world.push(&["v1.0.2", "v1.0.1-again"]).accepted();
    world.git(&["tag", "v0.9-again", "v0.9"]);
    world.push(&["v0.9-again"]).refused("tag-of-reviewed");
    world.push(&["-f", "v1.0.2:v0.9"]).refused("tag-moved");
    // Another branch from there has all that main does not have.
    world.git(&["branch", "-q", "release/2", &old]);
    world.push(&["release/2"]).refused(&old[..10]);
    world.git(&["branch", "-q", "release/3", "main"]);
    world.push(&["release/3"]).accepted();
}

/// A branch of policies alone has no history in common with any other, and vouches for none.
#[test]
fn a_policy_ref_without_history_is_told() {
    let world = World::with(None, "sha1");
    world.git(&["checkout", "-q", "--orphan", "policy"]);
    world.git(&["rm", "-q", "-rf", "."]);
    world.write("policies/changegate.yml", &POLICY.replace("[main,", "[main, policy,"));
    world.commit("Policy");
    world.git_in("server.git", &["fetch", "-q", "../work", "policy:policy"]);
    let told = "has no commit in common with `refs/heads/main`, so it vouches for nothing";
    let args = ["install", "--server", "--policy-ref", "refs/heads/policy"];
    let installed = world.changegate("server.git", &args);
    installed.accepted().says(told).says("changegate install --server --policy-ref refs/heads/main");
    world.changegate("server.git", &["doctor"]).accepted().says(told);
    world.git(&["checkout", "-q", "-f", "main"]);
    world.git(&["branch", "-q", "release/1"]);
    let first = world.head();
    world.push(&["release/1"]).refused(&first[..10]);
    // A policy that main holds vouches for what main has had.
    world.write("policies/changegate.yml", POLICY);
    world.commit("Policy on main");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let installed =
        world.changegate("server.git", &["install", "--server", "--policy-ref", "refs/heads/main"]);
    installed.accepted().does_not_say("in common");
    world.changegate("server.git", &["doctor"]).accepted().does_not_say("in common");
    world.push(&["release/1"]).accepted();
}

/// Where no rule applies to any change, the push that brings the policy is refused; where that is so of some, it is told.
#[test]
fn a_push_says_of_a_policy_that_no_rule_applies_to_changes() {
    let policy = |rule: &str| {
        format!(
            "changegate: 1\nname: test\nprotects: [main, dev]\nrules: {{ a: {{ {rule}require: {{ subject: {{ longest: 72 }} }} }} }}\n"
        )
    };
    let world = World::under(&policy(""));
    for when in [
        "when: { branch: other }, ",
        "when: { window: { inside: [{ from: 2025-01-01, until: 2025-02-01 }] } }, ",
        "when: { touches: 'src/**' }, ",
    ] {
        world.write(PATH, &policy(when));
        world.commit("Change the rule");
        let checked = world.changegate("work", &["policy", "check"]);
        let pushed = world.push(&["main"]);
        match when.contains("touches") {
            true => {
                let what = "applies to a change only of files that the rules do not name";
                checked.accepted().says(what);
                pushed.accepted().says(what).says("policies/changegate.yml");
            }
            false => {
                checked.refused("no rule that denies ever applies to a change");
                pushed.refused("policy-valid").says("no rule that denies ever applies to a change");
                world.git(&["reset", "-q", "--hard", "HEAD~1"]);
            }
        }
    }
    world.write(PATH, &policy("when: { branch: main }, "));
    world.write("src/a", "1");
    world.commit("Leave out the other branch");
    world.push(&["main"]).accepted().says("a change of the branch `dev`");
}
