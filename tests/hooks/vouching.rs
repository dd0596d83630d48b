//! What a branch under change control vouches for: states that it has had by decision, judged as they were to be judged.

use crate::world::{MAIN, POLICY, World, bad, good};

#[test]
fn a_bypass_of_any_branch_is_tagged_nowhere_before_it_is_on_record() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.git(&["checkout", "-q", "-b", "past"]);
    world.commit(&bad("Past the gate"));
    world.bring("past:release/1");
    world.push(&["past:refs/tags/v1"]).refused("regularised before it is tagged");
    // Nor on a branch that was made past the gate.
    world.commit(&bad("Past the gate, on a branch of its own"));
    world.bring("past:release/2");
    world.push(&["past:refs/tags/v2"]).refused("regularised before it is tagged");
    world.push(&[&format!("{base}:refs/tags/v3")]).accepted();
}

#[test]
fn a_symbolic_ref_hides_no_bypass_of_what_it_leads_to() {
    let world = World::new();
    let base = world.main();
    world.git_in("server.git", &["update-ref", "refs/heads/trunk", &base]);
    world.git_in("server.git", &["symbolic-ref", "refs/heads/main", "refs/heads/trunk"]);
    world.changegate("server.git", &["ledger", "reconcile"]);
    world.commit(&bad("Past the gate"));
    world.bring("main:trunk");
    world.push(&["main:refs/tags/v1"]).refused("tag-of-reviewed");
    world.changegate("server.git", &["ledger", "reconcile"]);
    world.push(&["main:refs/tags/v1"]).refused("regularised before it is tagged");
}

#[test]
fn a_bypass_that_was_put_back_never_was_a_state() {
    let world = World::new();
    let base = world.main();
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("backdoor", "1");
    let inner = world.commit(&bad("Not reviewed"));
    world.bypass_gate("topic:main");
    world.put_back("refs/heads/main", &base);
    // It lands inside a change that was reviewed by its end.
    world.git(&["rm", "-q", "backdoor"]);
    world.write("nice", "1");
    world.commit("nice\n");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Nice"), "topic"]);
    world.push(&["main"]).accepted();
    world.push(&[&format!("{inner}:refs/tags/v1")]).refused("lies inside a change");
    world.push(&[&format!("{inner}:refs/heads/release/1")]).refused("peer-review");
    world.push(&["main:refs/tags/v1", "main:release/1"]).accepted();
}

#[test]
fn what_was_judged_by_its_end_stays_so_when_each_commit_becomes_a_change() {
    let world = World::new();
    let inner = world.merge_topic();
    world.push(&["main"]).accepted();
    world.write("policies/changegate.yml", &format!("{POLICY}unit: commit\n"));
    let message = format!(
        "Judge every commit\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ben <ben@example.com>\n{}",
        "Isms-Purpose: every commit is judged\n"
    );
    world.commit(&message);
    world.push(&["main"]).accepted();
    world.push(&[&format!("{inner}:refs/tags/v1")]).refused("lies inside a change");
    world.push(&[&format!("{inner}:refs/heads/release/1")]).refused("peer-review");
    // What came afterwards was judged commit by commit.
    world.git(&["checkout", "-q", "-b", "later"]);
    world.write("one", "1");
    let one = world.commit(&good("One"));
    world.write("two", "1");
    world.commit(&good("Two"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Both"), "later"]);
    world.push(&["main"]).accepted();
    world.push(&[&format!("{one}:refs/tags/v2"), &format!("{one}:refs/heads/release/2")]).accepted();
}

#[test]
fn a_release_whose_own_policy_judges_commits_does_not_let_in_the_inside_of_main() {
    let world = World::new();
    let base = world.main();
    world.push(&[&format!("{base}:refs/heads/release/old")]).accepted();
    world.git(&["checkout", "-q", "-b", "old", &base]);
    world.write("policies/changegate.yml", &format!("{POLICY}unit: commit\n"));
    world.commit(&good("Judge every commit here"));
    world.push(&["old:release/old"]).accepted();
    world.git(&["checkout", "-q", "main"]);
    let inner = world.merge_topic();
    world.push(&["main"]).accepted();
    world.git(&["checkout", "-q", "old"]);
    world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &good("Bring it"), &inner]);
    world.push(&["old:release/old"]).refused("peer-review").says("wip");
}

#[test]
fn an_empty_record_begins_no_release_past_its_rules() {
    let rule = "rules:\n  released: { for: [normal, emergency], when: { branch: 'release/*' }, \
                require: { field: { Release-Note: present } } }\nfields: { Release-Note: { text: {} } }\n";
    let world = World::under(&format!("{POLICY}{rule}"));
    world.write("a", "1");
    let a = world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.push(&["main:release/1"]).refused("released").says("put a commit on top");
    world.git(&["checkout", "-q", "-b", "begin"]);
    world.commit(&format!("Begin the release\n\nFor-Change: {a}\n"));
    world.push(&["begin:release/1"]).refused("released");
    let noted =
        good("Begin the release") + "Release-Note: this is the first release, with all that is on main\n";
    world.git(&["commit", "-q", "--amend", "--allow-empty", "--no-verify", "-m", &noted]);
    world.push(&["begin:release/1"]).accepted();
}

#[test]
fn main_comes_to_a_release_by_a_merge_whatever_a_change_is() {
    let rule = "rules:\n  released: { when: { branch: 'release/*' }, require: { field: { Release-Note: present } } }\n\
                fields: { Release-Note: { text: {} } }\n";
    let noted = |subject: &str| good(subject) + "Release-Note: this brings the change to the customers\n";
    for unit in ["", "unit: commit\n"] {
        let world = World::under(&format!("{POLICY}{unit}{rule}"));
        let base = world.main();
        world.git(&["checkout", "-q", "-b", "begin"]);
        world.commit(&noted("Begin the release"));
        world.push(&["begin:release/1"]).accepted();
        world.git(&["checkout", "-q", "-B", "main", &base]);
        world.write("a", "1");
        world.commit(&good("One"));
        world.push(&["main"]).accepted();
        world.git(&["checkout", "-q", "begin"]);
        world.git(&["merge", "-q", "--no-ff", "--no-verify", "-m", &noted("Bring main"), "main"]);
        world.push(&["begin:release/1"]).accepted();
        assert_ne!(world.at(MAIN).unwrap(), base);
    }
}

#[test]
fn a_reviewer_brings_to_a_release_what_they_reviewed() {
    let rule = "rules:\n  everywhere: { when: { branch: [main, 'release/*'] }, \
                require: { approvals: { at-least: 1, trust: claimed } } }\n\
                people: { roster: who/people.yml }\n";
    let roster = "people:\n  ana: { addresses: [ana@example.com], accounts: [ana] }\n  \
                  ben: { addresses: [ben@example.com], accounts: [ben] }\n";
    let mut world = World::with(None, "sha1");
    world.write("policies/changegate.yml", &format!("{POLICY}{rule}"));
    world.write("who/people.yml", roster);
    let base = world.commit(&good("Begin"));
    world.bring("+main:main");
    world.configure("changegate.pusher", "env:GL_USER");
    world.environment.push(("GL_USER".into(), "ana".into()));
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.write("a", "1");
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.environment.clear();
    world.environment.push(("GL_USER".into(), "ben".into()));
    world.push(&["main:release/1"]).accepted();
}

#[test]
fn a_signature_has_to_be_good_by_the_keys_of_the_branch_too() {
    let rule = "signers: { ssh: who/keys }\nrules:\n  signed: { require: { signed: true } }\n";
    let world = World::with(None, "sha1");
    let Some(lines) = world.make_keys(&["ana", "ben"]) else { return };
    world.write("policies/changegate.yml", &format!("{POLICY}{rule}"));
    world.write("who/keys", &lines.concat());
    world.git(&["config", "commit.gpgsign", "true"]);
    let sign_as = |who: &str| world.git(&["config", "user.signingkey", world.path(who).to_str().unwrap()]);
    sign_as("ana");
    let base = world.commit(&good("Begin"));
    world.bring("+main:main");
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.git(&["checkout", "-q", "-b", "release"]);
    world.write("who/keys", &lines[0]);
    world.commit(&good("Ben signs no more here"));
    world.push(&["release:release/1"]).accepted();
    sign_as("ben");
    world.write("b", "1");
    world.commit(&good("Signed by Ben all the same"));
    world.push(&["release:release/1"]).refused("signed").says("of that ref");
    world.git(&["checkout", "-q", "main"]);
    world.write("b", "1");
    world.commit(&good("Signed by Ben on main"));
    world.push(&["main"]).accepted();
}

/// What is owed for a change on two branches is closed on both by one record, as it comes to each of them.
#[test]
fn a_record_closes_what_is_owed_wherever_it_comes() {
    let mut world = World::new();
    let base = world.main();
    world.configure("changegate.pusher", "env:GL_USER");
    world.environment.push(("GL_USER".into(), "ana@example.com".into()));
    world.push(&[&format!("{base}:refs/heads/release/1")]).accepted();
    world.git(&["checkout", "-q", "-b", "fix"]);
    world.write("fix", "1");
    let fix = world.commit(
        "Stop charging twice\n\nChange-Type: emergency\nRisk: high\nIncident: INC-2031\n\
         Emergency-Reason: cards are charged twice, and each minute costs customers money\n",
    );
    world.push(&["fix:release/1"]).accepted();
    world.push(&["fix:main"]).accepted();
    let record = format!(
        "Close it\n\nFor-Change: {fix}\nEmergency-Ticket: SEC-12\nPost-Implementation-Review: the double charge \
         came from a retry; fixed and monitored since\n"
    );
    let mut commit = world.command("git", "work");
    for who in ["AUTHOR", "COMMITTER"] {
        commit.env(format!("GIT_{who}_NAME"), "Ben").env(format!("GIT_{who}_EMAIL"), "ben@example.com");
    }
    commit.args(["commit", "-q", "--allow-empty", "--no-verify", "-m", &record]);
    assert!(commit.output().unwrap().status.success());
    world.environment.clear();
    world.environment.push(("GL_USER".into(), "ben@example.com".into()));
    world.push(&["fix:main"]).accepted().says("closed");
    world.push(&["fix:release/1"]).accepted().says("closed");
    world.changegate("server.git", &["obligations"]).says("4 closed in time");
}

/// A new branch that begins at a record of main is asked about the change below it.
#[test]
fn a_record_of_main_begins_no_release_past_its_rules() {
    let rule = "rules:\n  released: { for: [normal, emergency], when: { branch: 'release/*' }, \
                require: { field: { Release-Note: present } } }\nfields: { Release-Note: { text: {} } }\n";
    let world = World::under(&format!("{POLICY}{rule}"));
    world.write("a", "1");
    let a = world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.commit(&format!("Say more about it\n\nFor-Change: {a}\n"));
    world.push(&["main"]).accepted();
    world.push(&["main:release/1"]).refused("released");
}

/// A rule of the releases that asks for an approval by a person of the roster.
const EVERYWHERE: &str = "rules:\n  everywhere: { when: { branch: [main, 'release/*'] }, \
                          require: { approvals: { at-least: 1, trust: claimed } } }\n\
                          people: { roster: who/people.yml }\n";

fn roster_line(name: &str, more: &str) -> String {
    format!("  {name}: {{ addresses: [{name}@example.com]{more} }}\n")
}

/// Begins main and a release under this roster, before the ledger does.
fn begin_with_roster(roster: &str) -> World {
    let world = World::with(None, "sha1");
    world.write("policies/changegate.yml", &format!("{POLICY}{EVERYWHERE}"));
    world.write("who/people.yml", roster);
    world.commit(&good("Begin"));
    world.bring("+main:main");
    world.bring("main:release/1");
    world
}

#[test]
fn the_older_roster_of_a_release_is_named_as_its_own() {
    let ana_alone = format!("people:\n{}", roster_line("ana", ""));
    let world = begin_with_roster(&ana_alone);
    // The roster of main knows a reviewer, and the one of the release does not.
    world.write("who/people.yml", &format!("{ana_alone}{}", roster_line("ben", "")));
    world.commit(&good("Ben joins"));
    world.bring("main:main");
    world.git(&["checkout", "-q", "-b", "fix", "main~1"]);
    world.write("fix", "1");
    world.commit(&good("Fix"));
    let refused = world.push(&["fix:release/1"]);
    refused.refused("everywhere").says("of that ref").says("with who/people.yml as it stands there");
    world.git(&["checkout", "-q", "main"]);
    world.write("fix", "1");
    world.commit(&bad("Fix"));
    world.push(&["main"]).refused("everywhere").does_not_say("as it stands there");
}

/// A team of one has no reviewer: no line that is pasted makes one.
#[test]
fn a_team_of_one_is_told_what_it_lacks_and_not_what_to_paste() {
    let world = begin_with_roster(&format!("people:\n{}", roster_line("ana", "")));
    world.write("a", "1");
    world.commit(&bad("Alone"));
    let refused = world.push(&["main"]);
    refused.refused("everywhere").says("`who/people.yml` has 0 people who could approve this change");
    refused.says("add a reviewer to the roster").does_not_say("Reviewed-by: <");
}
