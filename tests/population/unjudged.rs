//! Changes that nothing judged, people whom no roster knows, and histories that are cut off: each is told.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, normal};
use crate::world::{World, good};

impl World {
    /// Audits a folder; returns the exit code and the report.
    pub(crate) fn audit_with_code(&self, folder: &str, more: &[&str]) -> (Option<i32>, PathBuf) {
        let out = self.path("report");
        // What an earlier audit has left is no answer of this one.
        let _ = fs::remove_dir_all(&out);
        let mut command = self.command(crate::world::BINARY, folder);
        command.args(["audit", "--out", out.to_str().unwrap()]).args(more);
        let output = command.output().unwrap();
        assert!(out.join("audit.json").exists(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code(), out)
    }
}

/// Returns the exceptions of one kind.
pub(crate) fn list_kind(out: &std::path::Path, kind: &str) -> Vec<Value> {
    let mut found = read_lines(out, "exceptions.jsonl");
    found.retain(|one| one["kind"] == kind);
    found
}

/// Whatever keeps a policy from judging: the changes are rows, an exception, a line that differs, and exit code 3.
#[test]
fn changes_that_no_policy_could_judge_are_a_gap_that_is_told() {
    let policies: [(&str, Option<&str>, &str); 3] = [
        ("deleted", None, "the ref held no `policies/changegate.yml` before it"),
        (
            "faulty",
            Some("changegate: 1\nrules: [\n"),
            "could not be used at the time: policies/changegate.yml:",
        ),
        (
            "unknown",
            Some("changegate: 1\nname: x\nruels: {}\n"),
            "could not be used at the time: policies/changegate.yml:3",
        ),
    ];
    for (name, written, why) in policies {
        let world = World::new();
        let policy = fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
        world.write("a.txt", "1");
        world.commit(&good("Judged"));
        match written {
            Some(text) => world.write("policies/changegate.yml", text),
            None => fs::remove_file(world.path("work/policies/changegate.yml")).unwrap(),
        }
        world.commit(&good("Break the policy"));
        world.write("a.txt", "2");
        let first = world.commit(&good("Unjudged"));
        world.write("policies/changegate.yml", &policy);
        world.commit(&good("Bring it back"));
        world.write("a.txt", "3");
        world.commit(&good("Judged again"));
        let (code, out) = world.audit_with_code("work", &[]);
        assert_eq!(code, Some(3), "{name}");
        let found = list_kind(&out, "not-judged");
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        let what = found[0]["what_happened"].as_str().unwrap();
        assert!(what.starts_with("nothing judged 2 changes from ") && what.contains(why), "{what}");
        assert!(found[0]["subject_id"].as_str().unwrap().ends_with(&first), "{found:#?}");
        let gaps: Vec<Value> =
            read_lines(&out, "population.jsonl").into_iter().filter(|one| one["kind"] == "gap").collect();
        assert_eq!((gaps.len(), &gaps[0]["what"]), (1, &found[0]["what_happened"]));
        let sheet = fs::read_to_string(out.join("completeness.csv")).unwrap();
        assert!(sheet.contains("changes that were judged\",5,3,false"), "{sheet}");
        // A policy that is given judges them, and nothing is missing.
        let (code, out) = world.audit_with_code("work", &["--pack", "core"]);
        assert_eq!((code, list_kind(&out, "not-judged").len()), (Some(0), 0));
    }
}

#[test]
fn a_branch_that_never_had_a_policy_is_a_gap_and_the_first_policy_is_none() {
    let world = World::with(None, "sha1");
    let (code, out) = world.audit_with_code("work", &[]);
    assert_eq!((code, list_kind(&out, "not-judged").len()), (Some(3), 1));
    world.write("a.txt", "1");
    world.commit(&good("Before"));
    world.write("policies/changegate.yml", "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\n");
    world.commit(&good("Found the gate"));
    let (code, out) = world.audit_with_code("work", &[]);
    let found = list_kind(&out, "not-judged");
    assert_eq!((code, found.len()), (Some(3), 1));
    assert!(
        found[0]["what_happened"].as_str().unwrap().starts_with("nothing judged 2 changes"),
        "{found:#?}"
    );
    // From the first policy on, everything is judged.
    let founded = world.git(&["rev-parse", "HEAD~1"]);
    world.write("a.txt", "2");
    world.commit(&good("After"));
    let (code, out) = world.audit_with_code("work", &[&format!("{founded}..HEAD")]);
    assert_eq!((code, list_kind(&out, "not-judged").len()), (Some(0), 0));
}

const ROSTERED: &str = "\
changegate: 1
name: shop
extends: [startup]
protects: [main]
people:
  roster: policies/people.yml
";

fn write_roster(world: &World, names: &[&str]) {
    let people: Vec<String> =
        names.iter().map(|name| format!("  {name}: {{ addresses: [{name}@example.com] }}\n")).collect();
    world.write("policies/people.yml", &format!("people:\n{}", people.concat()));
}

/// Returns a message with these reviewers.
fn reviewed(subject: &str, reviewers: &[&str]) -> String {
    let lines: Vec<String> =
        reviewers.iter().map(|name| format!("Reviewed-by: {name} <{name}@example.com>\n")).collect();
    format!("{subject}\n\nChange-Type: normal\nRisk: low\n{}", lines.concat())
}

#[test]
fn people_outside_the_roster_of_the_time_are_told_and_leavers_by_that_word() {
    let world = World::with(None, "sha1");
    world.write("policies/changegate.yml", ROSTERED);
    write_roster(&world, &["ana", "ben", "kim", "max"]);
    world.commit(&good("Found the gate"));
    let land = |subject: &str, reviewers: &[&str]| {
        world.write(subject, "1");
        world.commit(&reviewed(subject, reviewers))
    };
    land("a", &["ben"]);
    // Ben leaves, and is named as a second reviewer all the same; Eve was never there.
    write_roster(&world, &["ana", "kim", "max"]);
    land("b", &["max"]);
    let by_leaver = land("c", &["max", "ben"]);
    let by_stranger = land("d", &["max", "eve"]);
    let fine = land("e", &["max"]);
    // Ana leaves, who writes all of it.
    write_roster(&world, &["kim", "max"]);
    land("f", &["max"]);
    let of_leaver = land("g", &["max"]);
    let (_, out) = world.audit_with_code("work", &["--ref", "main"]);
    let told = |kind: &str| -> Vec<(String, String)> {
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let id = |one: &Value| text(one, "subject_id").rsplit('@').next().unwrap().to_owned();
        list_kind(&out, kind).iter().map(|one| (id(one), text(one, "what_happened"))).collect()
    };
    let approvers = told("approver-not-in-roster");
    let ids: Vec<&str> = approvers.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, [by_leaver.as_str(), &by_stranger], "{approvers:#?}");
    assert!(
        approvers[0].1.contains("whom an earlier one lists; the approval did not count"),
        "{approvers:#?}"
    );
    assert!(!approvers[1].1.contains("earlier"), "{approvers:#?}");
    let actors = told("actor-not-in-roster");
    assert!(!actors.is_empty() && actors.iter().all(|(id, _)| *id == of_leaver), "{actors:#?}");
    let is_author = |what: &str| what.contains("whom an earlier one lists, the author");
    assert!(actors.iter().any(|(_, what)| is_author(what)), "{actors:#?}");
    assert!(approvers.iter().chain(&actors).all(|(id, _)| *id != fine));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!page.contains("without a roster"));
}

#[test]
fn without_a_roster_the_report_says_that_leavers_cannot_be_told() {
    let world = World::new();
    world.write("a.txt", "1");
    world.commit(&good("Add a file"));
    let (code, out) = world.audit_with_code("work", &[]);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("1 change was judged by a policy without a roster"));
    assert_eq!(code, Some(0));
}

/// A history that is cut off cannot be held against the moves that the ledger tells of.
#[test]
fn a_shallow_clone_with_a_ledger_accuses_nobody() {
    let mut year = Year::start();
    for number in 1..7 {
        let when = at(&format!("01-1{number}T10:00"));
        year.land(when, "ana@example.com", Some("a.txt"), &normal(&format!("Change {number}"), ""));
    }
    let world = &year.world;
    let url = format!("file://{}", world.path("server.git").display());
    world.git_in("", &["clone", "-q", "--depth", "3", &url, "shallow"]);
    world.git_in("shallow", &["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
    let is_shallow = world.git_in("shallow", &["rev-parse", "--is-shallow-repository"]);
    assert_eq!(is_shallow, "true");
    let (code, out) = world.audit_with_code("shallow", &["--ref", "main", "--as-of", "2026-12-31"]);
    assert_eq!((code, list_kind(&out, "ref-moved")), (Some(3), Vec::new()));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("cannot be compared with a history that is cut off"));
    let changes = read_lines(&out, "changes.jsonl");
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|one| one["bypassed"] == "none"), "{changes:#?}");
    // A move that really went back is told, in a shallow clone too.
    let back = world.git_in("server.git", &["rev-parse", "main~1"]);
    year.world.git(&["reset", "-q", "--hard", &back]);
    year.bypass(at("02-01T10:00"));
    let world = &year.world;
    world.git_in("shallow", &["fetch", "-q", "--depth", "3", "origin", "+main:refs/heads/back"]);
    world.git_in("shallow", &["update-ref", "refs/heads/main", "refs/heads/back"]);
    world.git_in("shallow", &["fetch", "-q", "origin", "+refs/changegate/ledger:refs/changegate/ledger"]);
    let (_, out) = world.audit_with_code("shallow", &["--ref", "main", "--as-of", "2026-12-31"]);
    assert!(!list_kind(&out, "ref-moved").is_empty());
}
