//! Repositories without a ledger, and what their audit says that it does not know.

use std::fs;

use serde_json::Value;

use crate::audited::read_lines;
use crate::world::{World, good};

#[test]
fn without_a_ledger_the_report_says_what_it_could_not_know() {
    let world = World::new();
    world.write("a.txt", "1");
    world.commit(&good("Add a file"));
    let out = world.path("out");
    world.changegate("work", &["audit", "--out", out.to_str().unwrap()]).accepted().says("2 changes");
    let changes = read_lines(&out, "changes.jsonl");
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0]["gate_result"], "not-evaluated");
    // Who pushed is known to servers alone, and the policy asks for it.
    assert_eq!(changes[1]["gate_result"], "afterwards-undecided");
    assert_eq!(changes[1]["not_known"], "the pusher: not known at this stage");
    assert_eq!(
        (&changes[1]["landing_clock"], &changes[1]["bypassed"]),
        (&"committer".into(), &"not-known".into())
    );
    let unauthorised =
        read_lines(&out, "key-figures.jsonl").into_iter().find(|one| one["key"] == "unauthorised_changes");
    assert_eq!(unauthorised.unwrap()["value"], Value::Null);
}

#[test]
fn a_shallow_clone_is_a_hole_that_is_named() {
    let world = World::new();
    for number in 0..3 {
        world.write("a.txt", &number.to_string());
        world.commit(&good("Change the file"));
    }
    let url = format!("file://{}", world.path("work").display());
    world.git_in("", &["clone", "-q", "--depth", "2", &url, "shallow"]);
    let out = world.path("out");
    let told = world.changegate("shallow", &["audit", "--out", out.to_str().unwrap()]);
    assert!(!told.ok, "{}", told.seen);
    assert_eq!(read_lines(&out, "changes.jsonl").len(), 2);
    let manifest = fs::read_to_string(out.join("audit.json")).unwrap();
    assert!(manifest.contains("the history is cut off"), "{manifest}");
}

#[test]
fn an_audit_that_cannot_be_written_leaves_the_one_that_was_there() {
    let world = World::new();
    let out = world.path("out");
    world.changegate("work", &["audit", "--out", out.to_str().unwrap()]).accepted();
    assert!(out.join("audit.json").exists() && !out.join("unfinished.txt").exists());
    fs::remove_file(out.join("changes.csv")).unwrap();
    fs::create_dir(out.join("changes.csv")).unwrap();
    let manifest = fs::read(out.join("audit.json")).unwrap();
    world.write("a.txt", "1");
    world.commit(&good("Another"));
    let told = world.changegate("work", &["audit", "--out", out.to_str().unwrap()]);
    assert!(!told.ok && told.seen.contains("changes.csv"), "{}", told.seen);
    assert_eq!(fs::read(out.join("audit.json")).unwrap(), manifest);
    assert!(!out.join("unfinished.txt").exists() && list_hidden(&out) == [""; 0]);
    fs::remove_dir(out.join("changes.csv")).unwrap();
    world.changegate("work", &["audit", "--out", out.to_str().unwrap()]).accepted();
    assert!(out.join("audit.json").exists() && !out.join("unfinished.txt").exists());
    assert_ne!(fs::read(out.join("audit.json")).unwrap(), manifest);
}

/// Returns the names in a folder of what an audit has not finished.
fn list_hidden(folder: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".unfinished")).collect()
}

/// Whether somebody else has approved is not known where the rule that asks for it could not be decided.
#[test]
fn a_review_that_could_not_be_weighed_is_not_known() {
    let world = World::new();
    world.write("a.txt", "1");
    world.commit(&good("Add a file"));
    let out = world.path("out");
    world.changegate("work", &["audit", "--out", out.to_str().unwrap()]).accepted();
    let row = read_lines(&out, "changes.jsonl").pop().unwrap();
    assert_eq!(row["gate_result"], "afterwards-undecided");
    assert_eq!((&row["independent_approval"], &row["approvers"]), (&Value::Null, &Value::Null));
    let figures = read_lines(&out, "key-figures.jsonl");
    let review = figures.iter().find(|one| one["key"] == "independent_review").unwrap();
    assert_eq!((&review["denominator"], &review["not_known"]), (&0.into(), &2.into()));
}

#[test]
fn a_file_that_no_audit_has_written_is_not_replaced() {
    let world = World::new();
    let out = world.path("out");
    let audit = |more: &[&str]| {
        world.changegate("work", &[&["audit", "--out", out.to_str().unwrap()], more].concat())
    };
    fs::create_dir(&out).unwrap();
    fs::write(out.join("changes.csv"), "mine").unwrap();
    fs::write(out.join("notes.txt"), "mine too").unwrap();
    audit(&[]).refused("files of these names that no audit has written: changes.csv; move them");
    assert_eq!(fs::read_to_string(out.join("changes.csv")).unwrap(), "mine");
    assert!(!out.join("audit.json").exists() && list_hidden(&out) == [""; 0]);
    // The short profile would remove it, as one of an earlier audit.
    audit(&["--profile", "auditor"]).refused("changes.csv");
    fs::rename(out.join("changes.csv"), out.join("mine.csv")).unwrap();
    audit(&[]).accepted();
    // An earlier audit is replaced, and what stands beside it stays.
    audit(&["--profile", "auditor"]).accepted();
    assert!(!out.join("changes.csv").exists());
    assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine too");
    fs::write(out.join("changes.csv"), "mine again").unwrap();
    audit(&[]).refused("changes.csv");
}
