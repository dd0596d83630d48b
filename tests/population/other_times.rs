//! What hides a change, or hides what became of it in another period.

use std::path::Path;

use changegate::verdict::Decision;
use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency, normal};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";

fn count_entries(out: &Path, kind: &str) -> usize {
    read_lines(out, "population.jsonl").iter().filter(|one| one["kind"] == kind).count()
}

/// A commit that only names something is a change like any other, and closes nothing.
#[test]
fn what_names_a_change_and_says_nothing_of_it_is_a_change() {
    let mut year = Year::start();
    let known = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let mut hidden = Vec::new();
    for (day, named) in
        [("11", "deadbeefdeadbeef"), ("12", known.as_str()), ("13", "ledger:1"), ("14", "ledger:99999")]
    {
        let when = at(&format!("01-{day}T10:00"));
        let id = year.commit(when, ANA, None, &format!("Nothing to see\n\nFor-Change: {named}\n"));
        if year.push(when, ANA) == Decision::Deny {
            year.world.git(&["reset", "-q", "--hard", &id]);
            year.bypass(when);
        }
        hidden.push(id);
    }
    // It says something of a change that is not known.
    let stated = "For-Change: deadbeefdeadbeef\nPost-Implementation-Review: all went well there\n";
    let stated = normal("Say something", stated);
    hidden.push(year.commit(at("01-15T10:00"), ANA, None, &stated));
    assert_eq!(year.push(at("01-15T10:00"), ANA), Decision::Allow);
    let review = format!(
        "Look back\n\nFor-Change: {known}\nPost-Implementation-Review: all went well, and was watched for a day\n\
         Reviewed-by: Kim <kim@example.com>\n"
    );
    let record = year.land(at("01-16T10:00"), "ben@example.com", None, &review);
    let (_, out) =
        year.world.audit_with_code("server.git", &["--from", "2026-01-02", "--as-of", "2026-12-31"]);
    let mut rows = read_lines(&out, "changes.jsonl");
    // The first commit was there before.
    rows.retain(|one| one["bypassed"] != "before-gate");
    let ids: Vec<&str> = rows.iter().map(|one| one["merge_sha"].as_str().unwrap()).collect();
    let expected: Vec<&str> = std::iter::once(&known).chain(&hidden).map(String::as_str).collect();
    assert_eq!(ids, expected);
    assert_eq!(count_entries(&out, "closing-record"), 1);
    assert_eq!(rows[0]["closing_records"], record.as_str());
    for id in &hidden {
        year.world.changegate("server.git", &["show", id]).accepted().says(&id[..10]);
    }
    year.world.changegate("server.git", &["show", &record]).accepted().says(&known[..10]);
}

/// What becomes late, or fails, in another period than that of its change is told there.
#[test]
fn a_period_tells_what_becomes_of_the_changes_before_it() {
    let mut year = Year::start();
    let failing = year.land(at("05-20T10:00"), ANA, Some("b.txt"), &normal("Use the new scheduler", ""));
    let owing = year.land(at("05-31T23:00"), ANA, Some("a.txt"), &emergency("Stop the queue"));
    let ticket = format!(
        "Name the ticket\n\nFor-Change: {owing}\nEmergency-Ticket: SEC-79\nReviewed-by: Kim <kim@example.com>\n"
    );
    year.land(at("06-05T05:00"), "ben@example.com", None, &ticket);
    let back = normal("Revert \"Use the new scheduler\"", &format!("This reverts commit {failing}.\n\n"));
    let back = year.land(at("07-02T10:00"), ANA, Some("b.txt"), &back);
    let audit = |from: &str, to: &str| {
        let (_, out) = year.world.audit_with_code("server.git", &["--from", from, "--to", to]);
        out
    };
    let carried = |out: &Path, kind: &str| -> Vec<Value> {
        let told = list_kind(out, kind);
        told.into_iter()
            .filter(|one| one["what_happened"].as_str().unwrap().contains("carried over"))
            .collect()
    };
    let may = audit("2026-05-01", "2026-05-31");
    assert_eq!(carried(&may, "late-obligation").len() + carried(&may, "open-obligation").len(), 0);
    let june = audit("2026-06-01", "2026-06-30");
    let late = carried(&june, "late-obligation");
    assert!(late.len() > 1, "{late:#?}");
    assert!(late.iter().all(|one| one["subject_id"] == format!("server@{owing}") && one["actor"] == "Ana"));
    let closed: Vec<&Value> = late.iter().filter(|one| one["status"] == "late").collect();
    assert_eq!(closed.len(), 1, "{late:#?}");
    assert_eq!(count_entries(&june, "closing-record"), 1);
    let july = audit("2026-07-01", "2026-07-31");
    // The ticket came in June; the reviews are still owed.
    assert_eq!(carried(&july, "late-obligation").len(), late.len() - 1);
    let failed = carried(&july, "failed-change");
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0]["subject_id"], format!("server@{failing}"));
    assert!(failed[0]["what_happened"].as_str().unwrap().contains(&back));
    // Nothing is told twice by a period that has the change itself.
    let whole = audit("2026-05-01", "2026-07-31");
    for kind in ["late-obligation", "open-obligation", "failed-change"] {
        assert_eq!(carried(&whole, kind), Vec::<Value>::new());
    }
}
