//! What an audit of a period that is over says of what happened later: it was open then, and when it was closed is told.

use std::fs;

use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency, normal};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";

/// An emergency whose records come on the 20th of March, and a change past the hooks that is regularised in July.
fn play() -> (Year, String, String) {
    let mut year = Year::start();
    let fire = year.land(at("03-02T03:00"), ANA, Some("c.txt"), &emergency("Stop charging twice"));
    let record = format!(
        "Look back at the double charge\n\nFor-Change: {fire}\nEmergency-Ticket: SEC-78\n\
         Retrospective-Review: the fix does what it says and no more\n\
         Post-Implementation-Review: a test was missing, and is there now\nReviewed-by: Kim <kim@example.com>\n"
    );
    year.land(at("03-20T12:00"), "ben@example.com", None, &record);
    let past = year.commit(at("06-01T02:00"), ANA, Some("e.txt"), "Fix it in production\n");
    year.bypass(at("06-01T08:00"));
    let number = year.unauthorised_record();
    let regularise = format!(
        "{}For-Change: ledger:{number}\nEmergency-Reason: the hook was off while the disk was replaced, and it could not \
         wait\nIncident: INC-9\n",
        normal("Regularise what came past the hook", "")
    );
    year.land(at("07-01T10:00"), "kim@example.com", Some("f.txt"), &regularise);
    (year, fire, past)
}

fn audit(year: &Year, args: &[&str]) -> (std::path::PathBuf, Vec<Value>) {
    let (_, out) = year.world.audit_with_code("server.git", args);
    let changes = read_lines(&out, "changes.jsonl");
    (out, changes)
}

#[test]
fn what_was_closed_after_the_period_was_open_in_it() {
    let (year, fire, past) = play();
    let find = |changes: &[Value], id: &str| {
        changes.iter().find(|one| one["merge_sha"] == id).unwrap_or_else(|| panic!("no {id}")).clone()
    };
    let (out, changes) = audit(&year, &["--to", "2026-03-10"]);
    let row = find(&changes, &fire);
    assert_eq!(
        (&row["state"], &row["closed_at"], &row["pir_at"]),
        (&"overdue".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(row["emergency_ticket_at"], Value::Null);
    let late = list_kind(&out, "late-obligation");
    assert!(!late.is_empty());
    for one in &late {
        let what = one["what_happened"].as_str().unwrap();
        assert!(what.contains("closed at 2026-03-20T12:00:00Z, after the time of this report"), "{what}");
        assert_eq!(one["status"], "open", "{one}");
        assert!(one["detected_at"].as_str() >= one["occurred_at"].as_str(), "{one}");
    }
    // In a later period that ended before it was closed, it is carried over as open.
    let (out, _) = audit(&year, &["--from", "2026-03-08", "--to", "2026-03-15"]);
    let carried = list_kind(&out, "late-obligation");
    assert_eq!(carried.len(), late.len(), "{carried:#?}");
    assert!(carried.iter().all(|one| {
        let what = one["what_happened"].as_str().unwrap();
        one["status"] == "open"
            && what.contains("carried over")
            && what.contains("closed at 2026-03-20T12:00:00Z")
    }));
    // As of a later time, it was met late.
    let (out, changes) = audit(&year, &["--to", "2026-03-10", "--as-of", "2026-04-01"]);
    assert_eq!(find(&changes, &fire)["state"], "closed");
    assert!(list_kind(&out, "late-obligation").iter().all(|one| one["status"] == "late"));
    // And a change past the gate was not regularised yet.
    let (out, changes) = audit(&year, &["--to", "2026-06-10"]);
    let row = find(&changes, &past);
    assert_eq!((&row["bypassed"], &row["state"]), (&"unauthorised".into(), &"unauthorised".into()));
    let found = list_kind(&out, "unauthorised-change");
    assert_eq!((found.len(), &found[0]["status"]), (1, &"open".into()));
    assert!(found[0]["what_happened"].as_str().unwrap().contains("closed at 2026-07-01T10:00:00Z"));
    let (_, changes) = audit(&year, &["--to", "2026-07-10"]);
    assert_eq!(find(&changes, &past)["bypassed"], "regularised");
    // The pack of an earlier time holds together.
    let pack = year.world.path("pack");
    let out = pack.to_str().unwrap();
    let args = ["evidence", "--ref", "main", &fire, &past, "--as-of", "2026-03-10", "--out", out];
    year.world.changegate("server.git", &args).accepted();
    year.world.changegate("", &["evidence", "verify", out]).accepted();
}

/// That a change was taken back later, a report of an earlier time does not know.
#[test]
fn what_was_taken_back_after_the_period_is_told_in_the_later_one() {
    let mut year = Year::start();
    let first = year.land(at("02-01T10:00"), ANA, Some("a.txt"), &normal("Cache the lookup", ""));
    let back = format!("Revert \"Cache the lookup\"\n\nThis reverts commit {first}.\n\n");
    let rest = normal("", "").split_once("\n\n").unwrap().1.to_owned();
    year.land(at("03-05T10:00"), ANA, Some("a.txt"), &format!("{back}{rest}"));
    let outcome = |args: &[&str]| {
        let (_, changes) = audit(&year, args);
        changes.iter().find(|one| one["merge_sha"] == first).unwrap()["outcome"].clone()
    };
    assert_eq!(outcome(&["--to", "2026-02-28"]), "none-reported");
    assert_eq!(outcome(&["--to", "2026-02-28", "--as-of", "2026-04-01"]), "backed-out");
    assert_eq!(outcome(&["--to", "2026-03-31"]), "backed-out");
}

#[test]
fn parts_of_a_second_are_said_as_they_count() {
    let (year, ..) = play();
    let args = ["--from", "2026-03-02T03:00:00.25Z", "--to", "2026-03-10T00:00:00.5Z"];
    let (out, changes) = audit(&year, &args);
    assert_eq!(changes.len(), 0, "it landed a quarter of a second before");
    let manifest = fs::read_to_string(out.join("audit.json")).unwrap();
    let period = "from 2026-03-02T03:00:00.25Z until 2026-03-10T00:00:00.5Z";
    assert!(manifest.contains(period), "{manifest}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains(period));
}

/// Whatever the exception, the gate did not notice it before it happened.
#[test]
fn nothing_is_noticed_before_it_happens() {
    let (year, ..) = play();
    let (out, _) = audit(&year, &["--as-of", "2026-12-31"]);
    let exceptions = read_lines(&out, "exceptions.jsonl");
    assert!(exceptions.iter().filter(|one| one["detected_at"].is_string()).count() > 3);
    for one in exceptions.iter().filter(|one| one["detected_at"].is_string()) {
        assert!(one["detected_at"].as_str() >= one["occurred_at"].as_str(), "{one}");
    }
}
