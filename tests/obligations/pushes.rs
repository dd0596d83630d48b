//! Real pushes: what an emergency owes, what closes it, and what waits until it is closed.

use crate::past::{EMERGENCY, REVIEW, TICKET, ago, closes};
use crate::world::{World, good};

const STRICT: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main, 'release/*']
obligations: { block-on-overdue: true, suspend-shortcut: true }
";

fn owed(world: &World) -> Vec<serde_json::Value> {
    let told = world.command(crate::world::BINARY, "server.git");
    let mut told = told;
    let output = told.args(["obligations", "--all", "--format", "json"]).output().unwrap();
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    list["obligations"].as_array().unwrap().clone()
}

fn standing(world: &World, rule: &str) -> String {
    let list = owed(world);
    let one = list.iter().find(|one| one["rule"] == rule).unwrap_or_else(|| panic!("{list:?}"));
    one["standing"].as_str().unwrap().to_owned()
}

#[test]
fn an_emergency_lands_and_a_later_change_closes_what_it_owes() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted().says("landed with 2 obligations");
    world
        .changegate("server.git", &["obligations"])
        .accepted()
        .says(&format!("{} on main: emergency-ticket", &change[..12]))
        .says("1 due soon, 1 open");
    // Who made the change brings the ticket, and cannot look back at it alone.
    world.commit(&closes(&change, &format!("{TICKET}{REVIEW}")));
    world
        .push(&["main"])
        .accepted()
        .says(&format!("emergency-ticket of {} is closed", &change[..10]))
        .says("stays open: a contributor to the change cannot close it");
    assert_eq!(standing(&world, "emergency-ticket"), "closed");
    assert_eq!(standing(&world, "emergency-review"), "open");
    let by = world.commit_as_ben(&closes(&change, REVIEW));
    world.push(&["main"]).accepted();
    let list = owed(&world);
    let review = list.iter().find(|one| one["rule"] == "emergency-review").unwrap();
    assert_eq!(
        (review["standing"].as_str(), review["closed"]["by"].as_str()),
        (Some("closed"), Some(by.as_str()))
    );
    assert_eq!(
        world.kinds(),
        [
            "begin",
            "decision",
            "outcome",
            "decision",
            "outcome",
            "discharged",
            "decision",
            "outcome",
            "discharged"
        ]
    );
    world.changegate("server.git", &["obligations"]).accepted().says("2 closed in time");
    world.is_whole();
}

#[test]
fn what_does_not_speak_for_the_change_closes_nothing() {
    let world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    let unknown = "0".repeat(40);
    for (message, why) in [
        (closes(&unknown, TICKET), "of that id has something open, or more than one begins so"),
        (closes(&unknown, TICKET).replace(&unknown[..12], &unknown), "of that id has something open\n"),
        (closes(&change, "").replace(&change[..12], "ledger:2"), "nothing is open for that record"),
        (closes(&change, ""), "the change does not state what is open, `Emergency-Ticket` or `Post-"),
    ] {
        world.commit(&message);
        world.push(&["main"]).accepted().says(why.trim_end()).says("closes nothing: ");
        assert_eq!(standing(&world, "emergency-ticket"), "due-soon", "{message}");
    }
    world.push(&["main:release/1"]).accepted();
    assert_eq!(standing(&world, "emergency-ticket"), "due-soon");
    world.is_whole();
}

#[test]
fn what_lands_only_in_evaluate_mode_closes_nothing() {
    let world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    world.configure("changegate.mode", "evaluate");
    // The ticket by itself would count; the change that states it would have been refused.
    let denied = closes(&change, TICKET).replace("Reviewed-by: Kim <kim@example.com>\n", "");
    let commit = world.commit(&format!("{denied}Post-Implementation-Review: TODO\n"));
    world.push(&["main"]).accepted().says("this push would have been refused");
    assert_eq!(standing(&world, "emergency-ticket"), "due-soon");
    let told = format!("{} closes no obligation: it would have been denied", &commit[..10]);
    world.changegate("server.git", &["sweep"]).says(&told);
    assert_eq!(standing(&world, "emergency-ticket"), "due-soon");
    world.configure("changegate.mode", "enforce");
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    assert_eq!(standing(&world, "emergency-ticket"), "closed");
    world.is_whole();
}

#[test]
fn a_wrong_value_that_would_close_something_is_refused_at_once() {
    let world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    let record = |reference: &str, field: &str| format!("Record\n\nFor-Change: {reference}\n{field}");
    let short = &change[..10];
    for (message, why) in [
        (record(&change, "Post-Implementation-Review: TODO"), "`TODO`, which is a placeholder (line 4"),
        (record(&change, "Emergency-Ticket: banana"), "`banana`, which is not of the form `SEC-78` (line 4"),
        (record(short, TICKET), "which has fewer than 12 digits (line 3"),
        (record(&change, &format!("For-Change: {short}\n{TICKET}")), "fewer than 12 digits (line 4"),
        (record(&format!("commit {change}"), TICKET), "not of the form `4e5f60718293` (line 3"),
        (closes(&change, "Emergency-Ticket: SEC-78.\n"), "`SEC-78.`, which is not of the form"),
        (closes(&change, TICKET).replace(&change[..12], &change[..11]), "has fewer than 12 digits"),
    ] {
        world.commit(&message);
        let pushed = world.push(&["main"]);
        pushed.refused(why);
        // What names no change is none of the records that close something, and is asked what any change is asked.
        if message.contains(&format!("For-Change: {}", &change[..12])) {
            pushed.does_not_say("Change-Type").does_not_say("Reviewed-by");
        }
        world.write("../message", &message);
        world
            .changegate("work", &["hook", "commit-msg", "../message"])
            .refused(why.split(" (").next().unwrap());
        world.git(&["reset", "-q", "--hard", "origin/main"]);
    }
    // What closes nothing is not asked for a value that closes something.
    world.commit(&good("Next").replace("Risk:", "Emergency-Ticket: banana\nRisk:"));
    world.push(&["main"]).accepted();
    world.is_whole();
}

#[test]
fn a_commit_that_came_with_a_merge_is_told_apart_from_what_owes() {
    let world = World::new();
    let before = world.head();
    let inner = world.commit(EMERGENCY);
    let merge = world.commit_tree(&[&before, &inner], "Merge the fix\n");
    world.git(&["reset", "-q", "--hard", &merge]);
    world.push(&["main"]).accepted().says("landed with 2 obligations");
    world.commit(&closes(&inner, TICKET));
    let told = format!(
        "landed on `refs/heads/main` with {merge}, which has the obligations; write `For-Change: {merge}`"
    );
    world.push(&["main"]).accepted().says(&told);
    world.commit(&closes(&merge, TICKET));
    world.push(&["main"]).accepted().says("is closed");
    world.is_whole();
}

#[test]
fn what_did_not_land_owes_nothing() {
    let world = World::new();
    world.commit(EMERGENCY);
    let lock = world.path("server.git/refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    world.push(&["main"]).refused("");
    std::fs::remove_file(&lock).unwrap();
    world.reconcile();
    assert_eq!(owed(&world), Vec::<serde_json::Value>::new());
    world.is_whole();
}

#[test]
fn closed_late_stays_late() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    world.land_at(ago(25));
    let told = world.changegate("server.git", &["obligations"]);
    told.refused("1 overdue, 1 open").says("1 h late");
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    assert_eq!(standing(&world, "emergency-ticket"), "closed-late");
    world.commit_as_ben(&closes(&change, &format!("{TICKET}{REVIEW}")));
    world.push(&["main"]).accepted();
    world
        .changegate("server.git", &["obligations"])
        .accepted()
        .says("1 closed late, 1 closed in time")
        .says("1 h late, by");
    world.changegate("server.git", &["ledger", "verify"]).accepted();
}

#[test]
fn the_dates_of_commits_change_nothing() {
    let mut world = World::new();
    let started = jiff::Timestamp::now();
    for date in ["2001-01-01T00:00:00Z", "2090-01-01T00:00:00Z"] {
        world.environment =
            ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name.to_owned(), date.to_owned())).to_vec();
        let change = world.commit(&EMERGENCY.replace("twice", date));
        world.push(&["main"]).accepted();
        let list = owed(&world);
        let ours: Vec<_> = list.iter().filter(|one| one["change"] == change.as_str()).collect();
        assert_eq!(ours.len(), 2);
        for one in ours {
            let since: jiff::Timestamp = one["since"].as_str().unwrap().parse().unwrap();
            assert!(started <= since && since <= jiff::Timestamp::now(), "{date}: {since}");
        }
        assert_eq!(standing(&world, "emergency-ticket"), "due-soon");
    }
    // Nor does the date of the change that closes it make it in time, or late.
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    let closed = owed(&world).into_iter().filter(|one| one["standing"] == "closed").count();
    assert_eq!(closed, 1);
}

#[test]
fn an_emergency_that_closes_something_makes_no_room_for_others() {
    let mut world = World::under(STRICT);
    let change = world.commit(EMERGENCY);
    world.land_at(ago(24 * 20));
    world.changegate("server.git", &["obligations"]).refused("2 overdue");
    // Ben's emergency closes one of the two, and something ordinary rides along.
    let emergency = EMERGENCY.replace("twice", "thrice");
    world.commit_as_ben(&format!("{emergency}For-Change: {change}\n{TICKET}"));
    let alone = world.head();
    world.commit_as_ben(&good("One").replace("Ben <ben", "Kim <kim"));
    world.push(&["main"]).refused("nothing-overdue");
    // Step by step is fine.
    world.push(&[&format!("{alone}:refs/heads/main")]).accepted();
    world.git(&["reset", "-q", "--hard", &alone]);
    world.commit_as_ben(&closes(&change, REVIEW));
    world.commit_as_ben(&good("One").replace("Ben <ben", "Kim <kim"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["obligations"]).accepted().says("2 closed late");
}

#[test]
fn what_is_overdue_lets_nothing_pass_but_what_closes_it() {
    let mut world = World::under(STRICT);
    let change = world.commit(EMERGENCY);
    world.land_at(ago(25));
    let after = world.head();
    world.commit(&good("One"));
    world
        .push(&["main"])
        .refused("nothing-overdue")
        .says(&format!("For-Change: {}", &change[..12]))
        .says("Emergency-Ticket:");
    // Another ref is none of its business.
    world.push(&[&format!("{after}:refs/heads/release/1")]).accepted();
    // Nothing rides along with a part of it, and those who owe take no shortcut.
    world.git(&["reset", "-q", "--hard", &after]);
    world.commit(EMERGENCY);
    world.push(&["main"]).refused("shortcut-suspended");
    world.git(&["reset", "-q", "--hard", &after]);
    world.commit_as_ben(&EMERGENCY.replace("twice", "thrice"));
    world.push(&["main"]).accepted();
    world.commit(&closes(&change, TICKET));
    world.push(&["main"]).accepted();
    world.commit(&good("Two"));
    world.push(&["main"]).accepted();
    let late = owed(&world).into_iter().filter(|one| one["standing"] == "closed-late").count();
    assert_eq!(late, 1);
}

#[test]
fn where_nobody_can_tell_what_is_overdue_nothing_lands() {
    let world = World::under(STRICT);
    world.commit(&good("One"));
    world.push(&["main"]).accepted();
    world.commit(&good("Two"));
    world.configure("changegate.ledger", "off");
    world.push(&["main"]).refused("obligations-known");
    world.git_in("server.git", &["config", "--unset", "changegate.ledger"]);
    world.push(&["main"]).accepted();
    let tip = world.at(crate::ledger_reader::LEDGER).unwrap();
    world.git_in("server.git", &["update-ref", "-d", crate::ledger_reader::LEDGER]);
    world.commit(&good("Three"));
    world.push(&["main"]).refused("obligations-known");
    world.git_in("server.git", &["update-ref", crate::ledger_reader::LEDGER, &tip]);
    world.push(&["main"]).accepted();
}

#[test]
fn a_review_that_lands_together_with_the_emergency_was_made_before_it() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    let review = closes(&change, REVIEW);
    world.commit_as_ben(&review);
    world
        .push(&["main"])
        .accepted()
        .says("stays open: the change landed together with it")
        .does_not_say(" is closed");
    assert_eq!(standing(&world, "emergency-review"), "open");
    // Later, the same words are a review. The first ones stay in the history, and a sweep knows better too.
    world.changegate("server.git", &["sweep"]);
    assert_eq!(standing(&world, "emergency-review"), "open");
    world.commit_as_ben(&review);
    world.push(&["main"]).accepted().says(" is closed");
    assert_eq!(standing(&world, "emergency-review"), "closed");
}

#[test]
fn a_for_change_that_names_nothing_is_told() {
    let mut world = World::new();
    let change = world.commit(EMERGENCY);
    world.push(&["main"]).accepted();
    // Another id, a change that owes nothing, and a record that there is not.
    let first = world.git(&["rev-parse", "HEAD~1"]);
    for named in ["0123456789ab", &first, "ledger:000099"] {
        world.commit_as_ben(&closes(named, REVIEW));
        world.push(&["main"]).accepted().says("closes nothing").says(&named[..7]);
    }
    assert_eq!(standing(&world, "emergency-review"), "open");
    world.commit_as_ben(&closes(&change, REVIEW));
    world.push(&["main"]).accepted().does_not_say("closes nothing");
    // It is closed now.
    world.commit_as_ben(&closes(&change, REVIEW));
    world.push(&["main"]).accepted();
}
