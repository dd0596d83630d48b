//! Records that close something and landed in evaluate mode: each is told, and what was denied closes nothing.

use changegate::verdict::Decision;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";
const BEN: &str = "ben@example.com";

#[test]
fn a_closing_that_landed_unenforced_is_an_exception() {
    let mut year = Year::start();
    let fire = year.land(at("03-02T03:00"), ANA, Some("c.txt"), &emergency("Stop charging twice"));
    year.world.configure("changegate.mode", "evaluate");
    let state = |more: &str| format!("Look back at it\n\nFor-Change: {fire}\n{more}");
    // The ticket is named in words that are none, so it is denied; it lands all the same.
    let denied = year.commit(at("03-02T08:00"), BEN, None, &state("Emergency-Ticket: soon\n"));
    assert_eq!(year.push(at("03-02T08:00"), BEN), Decision::Deny);
    assert_eq!(year.world.main(), denied);
    let allowed = state(
        "Emergency-Ticket: SEC-2\nRetrospective-Review: the fix does what it says and no more\n\
         Post-Implementation-Review: a test was missing, and is there now\nReviewed-by: Kim <kim@example.com>\n",
    );
    let allowed = year.land(at("03-02T12:00"), BEN, None, &allowed);
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let about = |kind: &str| -> Vec<String> {
        let found = list_kind(&out, kind);
        found.iter().map(|one| one["subject_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(about("denied-not-enforced"), [format!("server@{denied}")]);
    assert_eq!(about("not-enforced"), [format!("server@{allowed}")]);
    // What was denied is a change, and stands in no other change's list of closings.
    let population = read_lines(&out, "population.jsonl");
    let kind = |id: &str| population.iter().find(|one| one["commit"] == id).unwrap()["kind"].clone();
    assert_eq!((kind(&denied), kind(&allowed)), ("change".into(), "closing-record".into()));
    let changes = read_lines(&out, "changes.jsonl");
    let row = changes.iter().find(|one| one["merge_sha"] == fire.as_str()).unwrap();
    assert_eq!(row["closing_records"], allowed.as_str());
    assert_eq!(row["emergency_ticket_at"], "2026-03-02T12:00:00Z");
}
