//! A policy that came past the hook: the last decided one goes on, by real pushes.

use jiff::Timestamp;

use crate::break_glass::{GLASS, server};
use crate::world::{MAIN, World, good};

/// What a bypass would like: no reviews, and Ana to say that all was well, within a year.
const LENIENT: &str = "\
changegate: 1
name: lenient
extends: [core]
protects: [main, 'release/*']
people: { teams: { duty-managers: [ana@example.com] } }
obligations: { regularise: { from: [duty-managers], within: '365 days' } }
";

const WHY: &str = "Emergency-Reason: the hook was off while the disk was replaced, and the fix could not wait\n\
                   Incident: INC-1\n";

/// A message without a review, which only the lenient policy accepts.
const ALONE: &str = "Alone\n\nChange-Type: normal\nRisk: low\n";

impl World {
    /// Lands a policy on main past the hook, which nothing records.
    fn slip_policy(&self, policy: &str) -> String {
        self.write("policies/changegate.yml", policy);
        let id = self.commit("Quick fix\n");
        self.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
        id
    }

    /// Pushes one more commit to main, and takes it away again if it was refused.
    fn try_push(&mut self, who: &str, message: &str) -> crate::world::Pushed {
        self.is(who).commit(message);
        let pushed = self.push(&["main"]);
        if !pushed.ok {
            self.git(&["reset", "-q", "--hard", "HEAD~1"]);
        }
        pushed
    }
}

#[test]
fn a_bypass_cannot_choose_who_judges_it() {
    // Found by the push that comes next, or before it.
    for is_found in [false, true] {
        let mut world = server();
        let bypassed = world.slip_policy(LENIENT);
        if is_found {
            world.reconcile();
        }
        world
            .try_push("ana@example.com", ALONE)
            .refused("peer-review")
            .says("came without a decision")
            .says("policy test");
        world.reconcile();
        let records = world.records();
        let find = |kind: &str| records.iter().find(|record| record["event"]["kind"] == kind).unwrap();
        let terms = &find("regularisation-terms")["event"];
        assert_eq!(terms["teams"], serde_json::json!(["duty-managers"]));
        let found: Timestamp = find("unauthorised")["recorded-at"].as_str().unwrap().parse().unwrap();
        let due: Timestamp = terms["due"].as_str().unwrap().parse().unwrap();
        assert_eq!(due.duration_since(found).as_hours(), 24);
        // Ana is in the team of the policy that slipped in, and not in that of the decided one.
        let message = format!("{}For-Change: {bypassed}\n{WHY}", good("Regularise"));
        let of_ana = world.try_push("ana@example.com", &message);
        of_ana.accepted().says("by a person whom the policy lets regularise it");
        world.try_push("ana@example.com", ALONE).refused("peer-review");
        world.try_push("kim@example.com", &message).accepted().says("is regularised");
        // Now it is answered for, and in force.
        world.try_push("ana@example.com", ALONE).accepted().does_not_say("came without a decision");
        world.verify().accepted();
    }
}

#[test]
fn a_file_that_an_undecided_policy_names_is_no_emergency() {
    let mut world = server();
    let roster = "people: { ana: { addresses: [ana@example.com] }, ben: { addresses: [ben@example.com] }, \
                  kim: { addresses: [kim@example.com] } }\n";
    world.write("who/people.yml", roster);
    world.slip_policy(&GLASS.replace("people:\n", "people:\n  roster: who/people.yml\n"));
    world.reconcile();
    let urgent = format!("Fire\n\nChange-Type: emergency\nRisk: low\n{WHY}");
    world.write("who/people.yml", &format!("{roster}# mal\n"));
    world.try_push("ana@example.com", &urgent).refused("gate-files").says("who/people.yml");
    world.write("who/people.yml", &format!("{roster}# mal\n"));
    world.try_push("ana@example.com", &good("Add one")).accepted();
    world.write("src/a", "1\n");
    world.try_push("ana@example.com", &urgent).accepted();
}

#[test]
fn a_policy_that_is_put_back_is_the_decided_one_again() {
    // Past the hook, and by a push.
    for is_pushed in [false, true] {
        let mut world = server();
        let first = world.head();
        world.slip_policy(LENIENT);
        world.reconcile();
        if is_pushed {
            world.write("policies/changegate.yml", GLASS);
            world.try_push("ana@example.com", &good("Put the policy back")).accepted();
        } else {
            world.git(&["reset", "-q", "--hard", &first]);
            world.git_in("server.git", &["update-ref", MAIN, &first]);
            world.reconcile();
        }
        // From here on, a policy that is decided counts, although nothing was regularised.
        world.write("policies/changegate.yml", LENIENT);
        world.try_push("ana@example.com", ALONE).refused("peer-review");
        world.write("policies/changegate.yml", LENIENT);
        world.try_push("ana@example.com", &good("Decide it")).accepted();
        world.try_push("ana@example.com", ALONE).accepted().does_not_say("came without a decision");
        let verified = world.verify();
        verified.says("unauthorised").does_not_say("undecided-policy");
    }
}

#[test]
fn a_bypass_that_leaves_the_policy_alone_does_not_freeze_it() {
    let mut world = server();
    world.commit("Past the hook\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    world.reconcile();
    world.write("policies/changegate.yml", LENIENT);
    world.try_push("ana@example.com", &good("Decide it")).accepted();
    world.try_push("ana@example.com", ALONE).accepted().does_not_say("came without a decision");
    world.verify().does_not_say("undecided-policy");
}

#[test]
fn a_policy_that_slips_in_and_protects_nothing_is_found() {
    let mut world = server();
    for policy in [LENIENT.replace("main, ", ""), "changegate: 1\nprotects: 7\n".into()] {
        world.slip_policy(&policy);
        world.reconcile().refused("moved without a decision");
        world.try_push("ana@example.com", ALONE).refused("peer-review");
        world.verify().refused("unauthorised");
    }
    // Its roster and the teams come from there as well.
    world.try_push("ana@example.com", &good("Go on")).refused("policy-valid");
    world.write("policies/changegate.yml", GLASS);
    world.try_push("ana@example.com", &good("Put it back")).accepted();
}

#[test]
fn a_policy_that_a_bypass_broke_is_no_matter_of_the_author() {
    // One that is no policy, and one that does not protect where it is read from.
    let unprotecting = LENIENT.replace("main, ", "");
    for (is_pushed, broken) in [(false, "changegate: 1\nprotects: 8\n"), (true, unprotecting.as_str())] {
        let mut world = server();
        let first = world.head();
        world.slip_policy("changegate: 1\nprotects: 7\n");
        world.slip_policy(broken);
        world.reconcile();
        let pushed = world.try_push("ana@example.com", &good("Go on"));
        pushed.refused("policy-valid").says("the server administrator");
        pushed.says("was broken by a change that came without a decision, and not by this push");
        let restore = format!("git checkout {} -- policies/changegate.yml", &first[..10]);
        let put_back = format!("git update-ref refs/heads/main {first}");
        pushed.says(&restore).says(&put_back);
        // Another broken one is of the author's making.
        world.write("policies/changegate.yml", "changegate: 1\nprotects: 9\n");
        let own = world.try_push("ana@example.com", &good("Try to repair it"));
        own.refused("policy-valid").does_not_say("not by this push");
        if is_pushed {
            world.git(&restore.split(' ').skip(1).collect::<Vec<_>>());
            world.try_push("ana@example.com", &good("Put it back")).accepted();
        } else {
            world.git_in("server.git", &put_back.split(' ').skip(1).collect::<Vec<_>>());
            world.git(&["reset", "-q", "--hard", &first]);
        }
        world.try_push("ana@example.com", &good("Go on")).accepted();
        // What the author breaks is theirs.
        world.write("policies/changegate.yml", "changegate: 1\nprotects: 7\n");
        let own = world.try_push("ana@example.com", &good("Break it"));
        own.refused("policy-valid")
            .does_not_say("not by this push")
            .does_not_say("the server administrator or");
    }
}

#[test]
fn a_decision_by_a_policy_that_was_never_decided_is_marked() {
    let mut world = World::under(GLASS);
    let first = world.head();
    let bypassed = world.slip_policy(LENIENT);
    world.reconcile();
    world.commit(ALONE);
    // As a gate would have decided that does not look for it.
    let alone = world.land_at(Timestamp::now());
    world.verify().refused("undecided-policy record 4").says("its policy came without a decision (record 2)");
    let trace = world.changegate("server.git", &["ledger", "trace", &alone]);
    trace.refused("landed by a policy WITHOUT A DECISION on refs/heads/main").says("(record 2)");
    let trace = world.changegate("server.git", &["ledger", "trace", &alone, "--format", "json"]);
    trace.refused("\"came\": \"undecided-policy\"");
    let range = format!("{bypassed}..main");
    let checked = world.changegate("server.git", &["deploy-check", &range]);
    checked.refused(&format!("{alone}: it was decided by a policy that came without a decision"));
    // With the move, its policy is accepted.
    world.configure("changegate.pusher", "env:WHO");
    let message = format!("{}For-Change: {bypassed}\n{WHY}", good("Regularise"));
    world.try_push("kim@example.com", &message).accepted().says("is regularised");
    world.verify().accepted().says("regularised by record");
    world.changegate("server.git", &["ledger", "trace", &alone]).accepted();
    world.changegate("server.git", &["deploy-check", &range]).accepted();
    world.changegate("server.git", &["deploy-check", &format!("{first}..main")]).accepted();
}

#[test]
fn a_tag_past_the_hook_puts_no_decision_in_doubt() {
    for label in ["refs/tags/v3", "refs/heads/release/1"] {
        let mut world = World::under(&GLASS.replace("[main", "['refs/tags/v*', 'release/*', main"));
        world.try_push("ana@example.com", &good("One")).accepted();
        world.git_in("server.git", &["update-ref", label, "main"]);
        world.reconcile().refused("moved without a decision");
        world.try_push("ana@example.com", &good("Two")).accepted();
        world.try_push("ana@example.com", &good("Three")).accepted();
        world.verify().says("unauthorised").does_not_say("undecided-policy");
        let checked = world.changegate("server.git", &["deploy-check", "main~1..main", "--ref", "main"]);
        checked.accepted();
    }
}

#[test]
fn an_administrator_puts_a_policy_into_force_that_no_one_can_regularise() {
    // Without members in `duty-managers`, no person can regularise anything.
    let locked = GLASS.replace("duty-managers: [kim@example.com, ben@example.com], ", "");
    for is_found in [false, true] {
        let mut world = World::under(&locked);
        world.configure("changegate.pusher", "env:WHO");
        let bypassed = world.slip_policy(LENIENT);
        if is_found {
            world.reconcile();
        }
        let line = format!("git config changegate.acceptedPolicy {bypassed}");
        world.try_push("ana@example.com", ALONE).refused("peer-review").says(&line);
        // A name could lead anywhere later, and another commit was never on the branch.
        world.configure("changegate.acceptedPolicy", "main");
        world.try_push("ana@example.com", ALONE).refused("use the whole id of a commit");
        world.configure("changegate.acceptedPolicy", &"12".repeat(20));
        world.try_push("ana@example.com", ALONE).refused("peer-review").says("came without a decision");
        world.configure("changegate.acceptedPolicy", &bypassed);
        world.try_push("ana@example.com", ALONE).accepted().says("changegate.acceptedPolicy");
        let codes: Vec<String> = world.records().iter().map(|record| record["event"].to_string()).collect();
        assert!(codes.iter().any(|event| event.contains("push.policy-accepted")), "{codes:?}");
        world.verify().does_not_say("undecided-policy").says("unauthorised");
        // What is decided by it is in force as well, and what comes past the hook again is not.
        world.write("policies/changegate.yml", &LENIENT.replace("365", "364"));
        world.try_push("ana@example.com", ALONE).accepted();
        world.try_push("ana@example.com", ALONE).accepted().does_not_say("the last one that was decided");
        let again = world.slip_policy(&LENIENT.replace("lenient", "again"));
        let refused = world.try_push("ana@example.com", ALONE);
        refused.says("the last one that was decided goes on").says(&again);
    }
}
