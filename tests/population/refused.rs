//! What was refused: each push has its row, with what became of it, and those of people who had left are asked about.

use std::fs;

use changegate::verdict::Decision;
use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency, normal};
use crate::unjudged::list_kind;
use crate::world::{World, bad, good};

const ANA: &str = "ana@example.com";

fn unreviewed(subject: &str) -> String {
    normal(subject, "").replace("Reviewed-by: Ben <ben@example.com>\n", "")
}

#[test]
fn every_refusal_has_its_row_with_what_became_of_it() {
    let mut year = Year::start();
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("Cache the lookup", ""));
    year.commit(at("02-01T09:00"), ANA, Some("b.txt"), &unreviewed("Round the amounts"));
    assert_eq!(year.push(at("02-01T09:05"), ANA), Decision::Deny);
    let amended = year.land(at("02-01T11:00"), ANA, Some("b.txt"), &normal("Round the amounts", ""));
    year.commit(at("03-01T09:00"), "max@example.com", Some("c.txt"), &unreviewed("Open the firewall"));
    assert_eq!(year.push(at("03-01T09:05"), "max@example.com"), Decision::Deny);
    year.land(at("04-01T10:00"), ANA, Some("d.txt"), &normal("Go on", ""));
    let told = |args: &[&str]| -> Vec<Value> {
        let (code, out) = year.world.audit_with_code("server.git", args);
        assert_eq!(code, Some(0));
        let rows = read_lines(&out, "refusals.jsonl");
        assert_eq!(fs::read_to_string(out.join("refusals.csv")).unwrap().lines().count(), rows.len() + 1);
        let manifest = fs::read_to_string(out.join("audit.json")).unwrap();
        assert!(manifest.contains("\"refusals.jsonl\"") && manifest.contains("\"refusals.csv\""));
        let page = fs::read_to_string(out.join("report.html")).unwrap();
        assert!(page.contains(&format!("{} refused in the period", rows.len())), "{}", rows.len());
        rows
    };
    let rows = told(&["--as-of", "2026-12-31"]);
    let words = |key: &str| -> Vec<&str> { rows.iter().map(|row| row[key].as_str().unwrap_or("")).collect() };
    assert_eq!(words("what"), ["Round the amounts", "Open the firewall"], "{rows:#?}");
    assert_eq!(words("refused_account"), [ANA, "max@example.com"]);
    assert_eq!(words("refused_at"), ["2026-02-01T09:05:00Z", "2026-03-01T09:05:00Z"]);
    assert_eq!(words("outcome"), ["became-change", "not-landed"]);
    assert!(words("became")[0].contains(&amended) && words("became")[1].is_empty());
    assert!(words("rules").iter().all(|rules| !rules.is_empty()));
    assert_eq!(words("target_ref"), ["refs/heads/main"; 2]);
    // Each belongs to the period in which it was refused, and to no range that ends before.
    assert_eq!(told(&["--from", "2026-02-15", "--to", "2026-12-31"]), rows[1..]);
    assert_eq!(told(&["--to", "2026-01-31"]), [] as [Value; 0]);
    // Of a range, only its own changes can be what became of it.
    let of_range = told(&[&amended]);
    assert_eq!(of_range.len(), 1, "the last one came after the end of the range");
    assert_eq!(of_range[0]["refusal_id"], rows[0]["refusal_id"]);
    assert_eq!(told(&["HEAD", "--as-of", "2026-12-31"]).len(), 2);
}

#[test]
fn a_refusal_that_lands_unchanged_says_so() {
    let mut year = Year::start();
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("Cache the lookup", ""));
    let refused = year.commit(at("02-01T09:00"), ANA, Some("b.txt"), &unreviewed("Round the amounts"));
    assert_eq!(year.push(at("02-01T09:05"), ANA), Decision::Deny);
    year.world.git(&["reset", "-q", "--hard", &refused]);
    year.bypass(at("02-02T09:00"));
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let rows = read_lines(&out, "refusals.jsonl");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["outcome"], &rows[0]["commit"]), (&"landed-unchanged".into(), &refused.into()));
}

const ROSTERED: &str = "\
changegate: 1
name: shop
extends: [startup]
protects: [main]
people:
  roster: policies/people.yml
";

fn roster(names: &[&str]) -> String {
    let people: Vec<String> =
        names.iter().map(|name| format!("  {name}: {{ addresses: [{name}@example.com] }}\n")).collect();
    format!("people:\n{}", people.concat())
}

/// Who has left and pushes is refused; that they tried is an exception, and that a newcomer tried too early is none.
#[test]
fn what_a_leaver_pushes_is_refused_and_asked_about() {
    let mut year = Year::under(ROSTERED);
    let reviewed = |subject: &str| {
        format!("{subject}\n\nChange-Type: normal\nRisk: low\nReviewed-by: max <max@example.com>\n")
    };
    year.world.write("policies/people.yml", &roster(&["ana", "ben", "max"]));
    year.commit(at("01-01T10:00"), ANA, Some("0"), &reviewed("Name the people"));
    year.world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    year.land(at("01-10T10:00"), ANA, Some("a"), &reviewed("Begin"));
    year.world.write("policies/people.yml", &roster(&["ana", "max"]));
    year.land(at("02-01T10:00"), ANA, Some("b"), &reviewed("Ben leaves"));
    for (when, who) in [("02-10T10:00", "ben@example.com"), ("02-11T10:00", "eve@example.com")] {
        let message = "Take it along\n\nChange-Type: normal\nReviewed-by: max <max@example.com>\n";
        year.commit(at(when), who, Some("c"), message);
        assert_eq!(year.push(at(when), who), Decision::Deny, "{who}");
    }
    // Ana asks Ben, who has left, for his approval.
    let message = "Ask a friend\n\nChange-Type: normal\nReviewed-by: ben <ben@example.com>\n";
    year.commit(at("02-12T10:00"), ANA, Some("c"), message);
    assert_eq!(year.push(at("02-12T10:00"), ANA), Decision::Deny);
    year.world.write("policies/people.yml", &roster(&["ana", "max", "eve"]));
    year.land(at("03-01T10:00"), ANA, Some("d"), &reviewed("Eve joins"));
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    assert_eq!(read_lines(&out, "refusals.jsonl").len(), 3);
    let approved = list_kind(&out, "approver-not-in-roster");
    assert_eq!(approved.len(), 1, "{approved:#?}");
    assert_eq!(
        (&approved[0]["actor"], &approved[0]["occurred_at"]),
        (&ANA.into(), &"2026-02-12T10:00:00Z".into())
    );
    let what = approved[0]["what_happened"].as_str().unwrap();
    assert!(what.starts_with("refused: ") && what.contains("ben") && what.contains("an approver"), "{what}");
    let found: Vec<Value> = list_kind(&out, "actor-not-in-roster")
        .into_iter()
        .filter(|one| one["what_happened"].as_str().unwrap().starts_with("refused: "))
        .collect();
    assert!(!found.is_empty());
    for one in &found {
        assert!(one["what_happened"].as_str().unwrap().contains("whom an earlier one lists"), "{one}");
        assert!(one["actor"].as_str().unwrap().to_lowercase().contains("ben"), "{one}");
        assert_eq!(one["occurred_at"], "2026-02-10T10:00:00Z");
    }
}

/// Who has left by the dates of a roster that still lists them is asked about as one whom it lists no more.
#[test]
fn a_leaver_whom_the_roster_still_lists_is_asked_about() {
    let mut year = Year::under(ROSTERED);
    let reviewed = |subject: &str| {
        format!("{subject}\n\nChange-Type: normal\nRisk: low\nReviewed-by: max <max@example.com>\n")
    };
    year.world.write("policies/people.yml", &roster(&["ana", "ben", "max"]));
    year.commit(at("01-01T10:00"), ANA, Some("0"), &reviewed("Name the people"));
    year.world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    year.land(at("01-10T10:00"), ANA, Some("a"), &reviewed("Begin"));
    let listed =
        roster(&["ana", "ben", "max"]).replace("[ben@example.com]", "[ben@example.com], left: 2026-02-01");
    year.world.write("policies/people.yml", &listed);
    year.land(at("02-01T10:00"), ANA, Some("b"), &reviewed("Ben leaves"));
    let ben = "ben@example.com";
    year.commit(at("02-10T10:00"), ben, Some("c"), &reviewed("Take it along"));
    assert_eq!(year.push(at("02-10T10:00"), ben), Decision::Deny);
    let by_ben = reviewed("Ask a friend").replace("max <max@", "ben <ben@");
    year.commit(at("02-12T10:00"), ANA, Some("c"), &by_ben);
    assert_eq!(year.push(at("02-12T10:00"), ANA), Decision::Deny);
    let both = format!("{}Reviewed-by: ben <ben@example.com>\n", reviewed("Ask two"));
    year.land(at("03-01T10:00"), ANA, Some("d"), &both);
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let list = |kind: &str| -> Vec<(String, String)> {
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        list_kind(&out, kind)
            .iter()
            .map(|one| (text(one, "occurred_at"), text(one, "what_happened")))
            .collect()
    };
    let approved = list("approver-not-in-roster");
    let at_times: Vec<&str> = approved.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(at_times, ["2026-02-12T10:00:00Z", "2026-03-01T10:00:00Z"], "{approved:#?}");
    assert!(approved.iter().all(|(_, what)| what.contains("was not there, who had left")), "{approved:#?}");
    assert!(approved[1].1.contains("the approval did not count"));
    let made = list("actor-not-in-roster");
    assert!(!made.is_empty());
    for (at, what) in &made {
        assert_eq!(at, "2026-02-10T10:00:00Z", "{what}");
        assert!(
            what.starts_with("refused: by the roster of the time") && what.contains("was not there"),
            "{what}"
        );
    }
}

/// What the ledger keeps beside a denial is evidence only as long as it is the one that the record names.
#[test]
fn evidence_of_a_refusal_that_is_gone_or_another_one_is_told() {
    for is_altered in [false, true] {
        let mut year = Year::start();
        year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("Cache the lookup", ""));
        year.commit(at("02-01T09:00"), ANA, Some("b.txt"), &unreviewed("Round the amounts"));
        assert_eq!(year.push(at("02-01T09:05"), ANA), Decision::Deny);
        year.land(at("04-01T10:00"), ANA, Some("d.txt"), &normal("Go on", ""));
        let mut links = year.world.links();
        let denial = links.iter_mut().find(|link| link.message.starts_with(b"decision deny")).unwrap();
        if is_altered {
            denial.replace("reasons.jsonl", "ana@", "eve@");
        } else {
            denial.files.remove("facts.jsonl").unwrap();
            denial.files.remove("reasons.jsonl").unwrap();
        }
        year.world.forge(&links);
        let (code, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
        assert_ne!(code, Some(0));
        let told = list_kind(&out, "unreadable");
        assert_eq!(told.len(), 1, "{told:#?}");
        let what = told[0]["what_happened"].as_str().unwrap();
        assert!(what.contains("is missing, or another one than it names"), "{what}");
        let counted = fs::read_to_string(out.join("completeness.csv")).unwrap();
        let line = counted.lines().find(|line| line.contains("refusals that cannot be read")).unwrap();
        assert!(line.contains(",1,"), "{line}");
    }
}

/// The same commit, pushed by somebody else: its row counts the refusal, and the refusal names its row.
#[test]
fn what_was_refused_and_landed_as_it_was_is_linked() {
    let mut year = Year::start();
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("Cache the lookup", ""));
    let id = year.commit(at("02-01T09:00"), ANA, Some("b.txt"), &normal("Round the amounts", ""));
    // Who pushes counts among those who made it, so their own approval counts no more.
    assert_eq!(year.push(at("02-01T09:05"), "ben@example.com"), Decision::Deny);
    year.world.git(&["reset", "-q", "--hard", &id]);
    assert_eq!(year.push(at("02-01T10:00"), ANA), Decision::Allow);
    // Another change of the same author with the same ticket has nothing to do with it.
    let other = year.land(at("02-02T10:00"), ANA, Some("d.txt"), &normal("Go on", ""));
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let rows = read_lines(&out, "refusals.jsonl");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["outcome"], &rows[0]["what"]),
        (&"landed-unchanged".into(), &"Round the amounts".into())
    );
    assert_eq!(rows[0]["became"], format!("server@{id}"));
    let changes = read_lines(&out, "changes.jsonl");
    let count =
        |id: &str| changes.iter().find(|one| one["merge_sha"] == id).unwrap()["refused_attempts"].clone();
    assert_eq!((count(&id), count(&other)), (1.into(), 0.into()));
    let page = year.world.changegate("server.git", &["show", "--ref", "main", &id]);
    page.accepted().says("REFUSED BEFORE").says("linked by the same").says("denied by peer-review");
    let pack = year.world.path("pack");
    let args = ["evidence", "--ref", "main", &id, "--out", pack.to_str().unwrap()];
    year.world.changegate("server.git", &args).accepted();
    year.world.changegate("", &["evidence", "verify", pack.to_str().unwrap()]).accepted();
}

/// A record that closes something is refused, and lands with other words.
#[test]
fn a_refused_record_is_linked_to_the_one_that_landed() {
    let mut year = Year::start();
    let fire = year.land(at("03-02T03:00"), ANA, Some("c.txt"), &emergency("Stop charging twice"));
    let ben = "ben@example.com";
    let ticket = format!("For-Change: {fire}\nEmergency-Ticket: ");
    // The ticket is named in words that are none.
    year.commit(at("03-02T08:00"), ben, None, &format!("Name a ticket\n\n{ticket}soon\n"));
    assert_eq!(year.push(at("03-02T08:00"), ben), Decision::Deny);
    let message = format!("The ticket of the fire\n\n{ticket}SEC-78\nReviewed-by: Kim <kim@example.com>\n");
    let landed = year.land(at("03-02T09:00"), ben, None, &message);
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let rows = read_lines(&out, "refusals.jsonl");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["outcome"], "became-record", "{rows:#?}");
    assert_eq!(rows[0]["became"], format!("server@{landed}"));
}

/// A request for a session and an act that were refused, and a push that waits beside the ledger, have rows as well.
#[test]
fn requests_acts_and_what_waits_to_be_recorded_have_rows() {
    let mut year = Year::start();
    year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("Cache the lookup", ""));
    for (day, name) in [
        ("02-01", "refs/changegate/break-glass/0123456789ab"),
        ("02-02", "refs/changegate/acts/0123456789ab"),
    ] {
        let when = at(&format!("{day}T09:00"));
        year.commit(when, ANA, None, "Let me\n");
        assert_eq!(year.push_ref(when, ANA, name), Decision::Deny, "{name}");
    }
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let rows = read_lines(&out, "refusals.jsonl");
    let words = |key: &str| -> Vec<&str> { rows.iter().map(|row| row[key].as_str().unwrap_or("")).collect() };
    assert_eq!(
        words("what"),
        ["a request about a break-glass session", "an act about a change that has landed"]
    );
    assert_eq!(words("rules"), ["break-glass", "acts"]);
    assert_eq!(words("outcome"), ["not-landed"; 2]);
    assert!(words("refusal_id").iter().all(|id| id.ends_with("/0123456789ab")), "{rows:#?}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("2 refused in the period"));

    // Nothing makes a record of a refusal before the next push lands or a job runs.
    let world = World::new();
    world.write("a.txt", "1");
    world.commit(&good("Cache the lookup"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "reconcile", "--now"]).accepted();
    world.commit(&bad("Round the amounts"));
    world.push(&["main"]).refused("peer-review");
    let told = || {
        let (_, out) = world.audit_with_code("server.git", &["--ref", "main"]);
        let rows = read_lines(&out, "refusals.jsonl");
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert_eq!((&rows[0]["rules"], &rows[0]["outcome"]), (&"peer-review".into(), &"not-landed".into()));
        let sheet = fs::read_to_string(out.join("completeness.csv")).unwrap();
        (rows[0]["refusal_id"].as_str().unwrap().to_owned(), sheet)
    };
    let (id, sheet) = told();
    assert!(id.contains("/decision/") && sheet.contains("refusals that wait on the disk"), "{id} {sheet}");
    world.changegate("server.git", &["ledger", "reconcile", "--now"]).accepted();
    let (id, sheet) = told();
    assert!(id.contains("/record/") && !sheet.contains("refusals that wait"), "{id} {sheet}");
}
