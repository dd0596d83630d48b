//! What an auditor fills in survives the next audit.

use std::fs;

use serde_json::Value;

use crate::fleet::{Fleet, PERIOD, read_files};

const ASKED: [&str; 4] = ["--repo", "shop.git", "--out", "out"];

fn audit(fleet: &Fleet, more: &[&str], code: i32) -> String {
    let output = fleet.run(&[&ASKED[..], &PERIOD, more].concat());
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}

fn read(fleet: &Fleet, name: &str) -> String {
    fs::read_to_string(fleet.path("out").join(name)).unwrap()
}

/// Fills in the row of the exceptions that is about `subject`.
fn fill_in(fleet: &Fleet, subject: &str, words: &str) {
    let mut text = String::new();
    let mut is_filled = false;
    for line in read(fleet, "exceptions.csv").lines() {
        let is_row = line.contains(subject) && !is_filled;
        is_filled |= is_row;
        let end = if is_row { words } else { ",,," };
        let line = if line.ends_with("closed_at") { line } else { &line.replace(",,,,", &format!(",{end}")) };
        text.push_str(&format!("{line}\r\n"));
    }
    assert!(is_filled, "{text}");
    fs::write(fleet.path("out/exceptions.csv"), text).unwrap();
}

#[test]
fn what_is_filled_in_stays_with_its_exception() {
    let fleet = Fleet::of_one(8);
    audit(&fleet, &[], 0);
    let untouched = read_files(&fleet.path("out"));
    // The third change breaks a rule as well; the last one is not in the next period.
    fill_in(&fleet, "Change 3", "A form without a field,The form has it,Ana,2026-06-03");
    let told = audit(&fleet, &[], 0);
    assert!(told.contains("  filled in before: 1 row carried over\n") && !told.contains("kept"), "{told}");
    let rows = read(&fleet, "exceptions.csv");
    let filled = ",A form without a field,The form has it,Ana,2026-06-03T00:00:00Z\r\n";
    assert_eq!(rows.matches(filled).count(), 1, "{rows}");
    let row = rows.split("\r\n").find(|row| row.contains("A form without")).unwrap();
    assert!(row.contains("Change 3"), "{row}");
    let rows = read(&fleet, "exceptions.jsonl");
    assert!(rows.contains("\"corrective_action\":\"The form has it\""), "{rows}");
    let manifest: Value = serde_json::from_str(&read(&fleet, "audit.json")).unwrap();
    assert_eq!(manifest["inputs"]["filled-in"]["rows"], 1);

    // The same inputs make the same bytes.
    let first = read_files(&fleet.path("out"));
    audit(&fleet, &[], 0);
    assert!(read_files(&fleet.path("out")) == first, "another audit of the same");

    // A period without the exception keeps the row, and the next one with it has it again.
    let earlier = ["--from", "2026-04-01"];
    let told = audit(&fleet, &earlier, 0);
    assert!(told.contains("0 rows carried over") && told.contains("exceptions-kept.csv"), "{told}");
    assert!(read(&fleet, "exceptions-kept.csv").contains("Change 3"));
    assert!(!read(&fleet, "exceptions.csv").contains("The form has it"));
    audit(&fleet, &[], 0);
    assert!(read_files(&fleet.path("out")) == first, "the row came back");

    // Without what was filled in, everything is as it was.
    fs::remove_file(fleet.path("out/exceptions.csv")).unwrap();
    audit(&fleet, &[], 0);
    assert!(read_files(&fleet.path("out")) == untouched);
}

#[test]
fn what_could_not_be_carried_over_is_not_replaced() {
    let fleet = Fleet::of_one(8);
    audit(&fleet, &[], 0);
    fill_in(&fleet, "Change 3", "A form,,Ana,next week");
    let filled = read_files(&fleet.path("out"));
    let told = audit(&fleet, &[], 2);
    assert!(told.contains("`closed_at` is `next week`, which is no date"), "{told}");
    assert!(read_files(&fleet.path("out")) == filled);

    let fleet = Fleet::of_one(8);
    audit(&fleet, &[], 0);
    let path = fleet.path("out").join("change-log.csv");
    let before = fs::read(&path).unwrap();
    let edited = [before.as_slice(), b"seen"].concat();
    fs::write(&path, &edited).unwrap();
    let told = audit(&fleet, &[], 2);
    assert!(told.contains("changed in out since the audit wrote them: change-log.csv;"), "{told}");
    assert!(fs::read(&path).unwrap() == edited);
    fs::write(&path, before).unwrap();
    // A workbook that was edited is kept beside the new one, whatever of it could be carried over.
    let path = fleet.path("out").join("audit.xlsx");
    let edited = [fs::read(&path).unwrap().as_slice(), b"seen"].concat();
    fs::write(&path, &edited).unwrap();
    audit(&fleet, &[], 0);
    let files = read_files(&fleet.path("out"));
    assert!(files.values().any(|content| *content == edited), "{:?}", files.keys());
    assert!(fs::read(&path).unwrap() != edited);
}
