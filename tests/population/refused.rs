//! What was refused: each push has its row, with what became of it, and those of people who had left are asked about.

use std::fs;

use changegate::verdict::Decision;
use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, normal};
use crate::unjudged::list_kind;

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
    year.world.write("policies/people.yml", &roster(&["ana", "max", "eve"]));
    year.land(at("03-01T10:00"), ANA, Some("d"), &reviewed("Eve joins"));
    let (_, out) = year.world.audit_with_code("server.git", &["--as-of", "2026-12-31"]);
    assert_eq!(read_lines(&out, "refusals.jsonl").len(), 2);
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
