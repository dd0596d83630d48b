//! What an audit asks about that only several changes together show, or that a policy no longer asks.

use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency, normal};
use crate::world::World;

const POLICY: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main, 'release/*']
rules:
  explained:
    title: it says why
    require: { field: { Risk: { present: true } } }
  ticketed:
    title: it has a ticket
    require: { field: { Ticket: { present: true } } }
";

const LOOSER: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
rules:
  explained:
    title: it says why
    require: { field: { Risk: { present: true } } }
    level: warn
    until: 2027-06-30
    reason: the team learns
";

/// Audits the work tree, and returns the exceptions of one kind.
fn list_kind(world: &World, kind: &str) -> Vec<Value> {
    let out = world.path("out");
    world.changegate("work", &["audit", "--out", out.to_str().unwrap()]).accepted();
    let mut found = read_lines(&out, "exceptions.jsonl");
    found.retain(|one| one["kind"] == kind);
    found
}

fn change(world: &World, number: usize) {
    world.write("a.txt", &number.to_string());
    world.commit(&format!("Change {number}\n\nWhy.\n\nChange-Type: normal\nRisk: low\nTicket: OPS-1\n"));
}

#[test]
fn a_policy_that_asks_less_is_told_with_what_it_no_longer_asks() {
    let world = World::under(POLICY);
    change(&world, 1);
    assert_eq!(list_kind(&world, "policy-loosened"), [] as [Value; 0]);
    world.write("policies/changegate.yml", LOOSER);
    world.commit("Relax the rules\n\nWhy.\n\nChange-Type: normal\nRisk: low\nTicket: OPS-2\n");
    change(&world, 2);
    let found = list_kind(&world, "policy-loosened");
    assert_eq!(found.len(), 1, "{found:#?}");
    let what = found[0]["what_happened"].as_str().unwrap();
    for part in [
        "protects: no longer `release/*`",
        "rule `explained`: level: deny \u{2192} warn",
        "rule `ticketed`: is gone",
        "looks the same; read both",
    ] {
        assert!(what.contains(part), "{part}: {what}");
    }
    assert!(!what.contains("requires"), "{what}");
    let relaxed = world.git(&["rev-parse", "HEAD~1"]);
    assert!(found[0]["subject_id"].as_str().unwrap().ends_with(relaxed.trim()), "{found:#?}");
    // Back to what it was: nothing is asked less.
    world.write("policies/changegate.yml", POLICY);
    world.commit("Ask again\n\nWhy.\n\nChange-Type: normal\nRisk: low\nTicket: OPS-3\n");
    change(&world, 3);
    assert_eq!(list_kind(&world, "policy-loosened").len(), 1);
}

/// Whatever `policy diff` calls looser is told, with its own reason; what it calls stricter is not.
#[test]
fn every_loosening_that_the_comparison_knows_is_told() {
    let base = format!("{POLICY}people: {{ teams: {{ leads: [kim@example.com] }}, bots: ['ci-*'] }}\n");
    let session = "break-glass: { from: [leads], longest: 2h }\n";
    let world = World::under(&format!("{base}{session}"));
    let steps = [
        (format!("{base}{}", session.replace("2h", "8h")), Some("`break-glass`: is another one")),
        (base.clone(), None),
        (format!("{base}{session}"), Some("`break-glass`: is new")),
        (
            format!("{base}{session}").replace("[kim@example.com]", "[kim@example.com, ben@example.com]"),
            Some("team `leads`: has `ben@example.com` as well"),
        ),
        (format!("{base}{session}"), None),
        (format!("{base}{session}").replace(", bots: ['ci-*']", ""), Some("`bots`: is another one")),
    ];
    let mut told = Vec::new();
    for (number, (policy, expected)) in steps.iter().enumerate() {
        world.write("policies/changegate.yml", policy);
        world.commit(&format!("Policy {number}\n\nWhy.\n\nChange-Type: normal\nRisk: low\nTicket: OPS-2\n"));
        told.extend(expected.iter().copied());
    }
    change(&world, 9);
    let found = list_kind(&world, "policy-loosened");
    let said: Vec<&str> = found.iter().map(|one| one["what_happened"].as_str().unwrap()).collect();
    assert_eq!(said.len(), told.len(), "{said:#?}");
    for (what, part) in said.iter().zip(told) {
        assert!(what.contains(part) && !what.contains("rule `"), "{part}: {what}");
    }
}

/// Plans that are copied, and work that is cut into pieces, are asked about without a name.
#[test]
fn copied_plans_and_small_pieces_are_asked_about() {
    let world = World::under(POLICY);
    let land = |number: usize| {
        let plan = if number == 0 {
            "Back-out-Plan: turn the flag off again"
        } else {
            "Back-out-Plan: revert the commit"
        };
        world.write("a.txt", &number.to_string());
        let fields = format!("Change-Type: normal\nRisk: low\nTicket: OPS-{number}\n{plan}\n");
        world.commit(&format!("Change {number}\n\nWhy.\n\n{fields}"));
    };
    for number in 0..4 {
        land(number);
    }
    assert_eq!(list_kind(&world, "repeated-text"), [] as [Value; 0]);
    assert_eq!(list_kind(&world, "split-change"), [] as [Value; 0]);
    land(4);
    land(5);
    let found = list_kind(&world, "repeated-text");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((&found[0]["subject"], &found[0]["severity"]), (&"revert the commit".into(), &"low".into()));
    let found = list_kind(&world, "split-change");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((&found[0]["subject"], &found[0]["actor"]), (&"a.txt".into(), &Value::Null));
    assert!(
        found[0]["what_happened"]
            .as_str()
            .unwrap()
            .starts_with("6 standard or low-risk changes by one author")
    );
}

/// Emergencies and dates, as a server sees them.
#[test]
fn emergencies_and_dates_far_from_the_receipt_are_asked_about() {
    let mut year = Year::start();
    let ana = "ana@example.com";
    for number in 0..4 {
        let when = at(&format!("03-0{}T10:00", number + 1));
        year.land(when, ana, Some("a.txt"), &emergency(&format!("Stop fire {number}")));
    }
    let ahead = year.commit(at("04-02T10:00"), ana, Some("b.txt"), &normal("From the future", ""));
    year.push(at("04-01T10:00"), ana);
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let found = crate::unjudged::list_kind(&out, "emergency-series");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0]["what_happened"].as_str().unwrap().starts_with("4 emergencies within 30 days"));
    let found = crate::unjudged::list_kind(&out, "doubtful-date");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|one| one["subject_id"].as_str().unwrap().ends_with(&ahead)));
}

#[test]
fn a_ticket_for_everything_is_asked_about() {
    let world = World::under(POLICY);
    for number in 0..20 {
        change(&world, number);
    }
    assert_eq!(list_kind(&world, "shared-ticket"), [] as [Value; 0]);
    change(&world, 20);
    let found = list_kind(&world, "shared-ticket");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["subject"], &found[0]["severity"]), (&"OPS-1".into(), &"low".into()));
    let what = found[0]["what_happened"].as_str().unwrap();
    assert!(what.starts_with("21 changes") && what.contains("epic"), "{what}");
}

/// What the comparison calls another one may ask less, and is asked about; the column says only what surely does.
#[test]
fn the_column_names_only_what_surely_asks_less() {
    let world = World::under(POLICY);
    change(&world, 1);
    world.write("policies/changegate.yml", &format!("{POLICY}people: {{ bots: ['ci-*'] }}\n"));
    let another = world.commit("Name the bots\n\nWhy.\n\nChange-Type: normal\nRisk: low\nTicket: OPS-2\n");
    change(&world, 2);
    let found = list_kind(&world, "policy-loosened");
    assert_eq!(found.len(), 1, "{found:#?}");
    let what = found[0]["what_happened"].as_str().unwrap();
    assert!(
        what.starts_with("the policy may ask less than the one before, by what is another one: `bots`"),
        "{what}"
    );
    let changes = read_lines(&world.path("out"), "changes.jsonl");
    let row = changes.iter().find(|one| one["merge_sha"] == another.as_str()).unwrap();
    assert_eq!(row["policy_loosened"], Value::Null);
}

/// A person is one author, whichever of their addresses they write from.
#[test]
fn the_addresses_of_one_person_are_one_author() {
    let mut year = Year::under(
        "changegate: 1\nname: shop\nextends: [startup]\nprotects: [main]\npeople: { roster: policies/people.yml }\n",
    );
    year.world.write(
        "policies/people.yml",
        "people:\n  ana: { addresses: [ana@example.com, ana@home.example.com] }\n  max: { addresses: [max@example.com] }\n",
    );
    let message = |subject: &str| {
        format!("{subject}\n\nChange-Type: normal\nRisk: low\nReviewed-by: max <max@example.com>\n")
    };
    year.commit(at("01-01T10:00"), "ana@example.com", Some("0"), &message("Name the people"));
    year.world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    let mut ids = Vec::new();
    for number in 0..6 {
        let when = at(&format!("02-01T1{number}:00"));
        let who = ["ana@example.com", "ana@home.example.com"][number % 2];
        year.commit(when, who, Some("a.txt"), &message(&format!("Step {number}")));
        if number % 2 == 1 {
            year.push(when, who);
        }
        ids.push(year.world.head());
    }
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let changes = read_lines(&out, "changes.jsonl");
    assert!(changes.iter().all(|one| one["co_authors"].is_null()), "{changes:#?}");
    let found = crate::unjudged::list_kind(&out, "split-change");
    assert_eq!(found.len(), 1, "{found:#?}");
    let what = found[0]["what_happened"].as_str().unwrap();
    assert!(what.starts_with("6 standard or low-risk changes by one author"), "{what}");
    for id in &ids {
        assert!(what.contains(&format!("server@{}", &id[..12])), "{id}: {what}");
    }
}
