//! A branch that somebody moves back and forth past the gate: each move is told, and what it owes is counted.

use std::fs;

use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, normal};
use crate::unjudged::list_kind;

const ANA: &str = "ana@example.com";

fn find_figure(out: &std::path::Path, key: &str) -> Value {
    let figures = read_lines(out, "key-figures.jsonl");
    let found = figures.iter().find(|one| one["key"] == key);
    found.unwrap_or_else(|| panic!("no {key}: {figures:#?}"))["value"].clone()
}

#[test]
fn a_branch_that_is_put_back_to_what_it_held_was_moved() {
    let mut year = Year::start();
    let first = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let second = year.land(at("01-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    year.world.git(&["reset", "-q", "--hard", &first]);
    year.bypass(at("01-12T10:00"));
    year.world.git(&["reset", "-q", "--hard", &second]);
    year.bypass(at("01-13T10:00"));
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    let moved = list_kind(&out, "ref-moved");
    let at_times: Vec<&str> = moved.iter().map(|one| one["occurred_at"].as_str().unwrap()).collect();
    assert_eq!(at_times, ["2026-01-12T10:00:00Z", "2026-01-13T10:00:00Z"], "{moved:#?}");
    let population = read_lines(&out, "population.jsonl");
    assert_eq!(population.iter().filter(|one| one["kind"] == "ref-move").count(), 2);
    // Both owe that somebody regularises them, within a day.
    assert_eq!(find_figure(&out, "unauthorised_changes"), 2.0);
    assert_eq!(find_figure(&out, "obligations_overdue"), 2.0);
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("moves of the branch"));
}
