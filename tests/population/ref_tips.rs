//! What a ref held by its ledger decides what landed, and not where first parents lead now.

use std::path::{Path, PathBuf};

use serde_json::Value;

use changegate::verdict::Decision;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, normal};
use crate::unjudged::list_kind;
use crate::world::World;

const ANA: &str = "ana@example.com";

fn list_changes(out: &Path) -> Vec<String> {
    let rows = read_lines(out, "changes.jsonl");
    // The first commit was there before.
    let landed = rows.iter().filter(|one| one["bypassed"] != "before-gate");
    landed.map(|one| one["merge_sha"].as_str().unwrap().to_owned()).collect()
}

fn find_check(out: &Path, words: &str) -> Value {
    let manifest = std::fs::read_to_string(out.join("audit.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let checks = manifest["completeness"].as_array().unwrap();
    let found = checks.iter().find(|one| one["what"].as_str().unwrap().contains(words));
    found.unwrap_or_else(|| panic!("no {words} in {checks:#?}")).clone()
}

/// Commits a merge of this commit into HEAD.
fn merge(year: &mut Year, when: &str, other: &str, subject: &str) -> String {
    year.world.git(&["merge", "-q", "--no-ff", "--no-commit", other]);
    year.commit(at(when), ANA, None, &normal(subject, ""))
}

/// Somebody merges main into their own work, and pushes that as main: its first parent is their work.
#[test]
fn a_change_that_landed_stays_in_the_population_when_parents_are_turned_around() {
    let mut year = Year::start();
    let first = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let second = year.land(at("01-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    year.world.git(&["checkout", "-q", "--detach", &first]);
    let topic = year.commit(at("01-12T10:00"), ANA, Some("t.txt"), &normal("Topic", ""));
    let turned = merge(&mut year, "01-13T10:00", &second, "Merge main into the topic");
    assert_eq!(year.push(at("01-13T11:00"), ANA), Decision::Allow);
    let later = year.land(at("01-14T10:00"), ANA, Some("c.txt"), &normal("Three", ""));
    // And once more, from further back.
    year.world.git(&["checkout", "-q", "--detach", &second]);
    let other = year.commit(at("01-15T10:00"), ANA, Some("u.txt"), &normal("Another topic", ""));
    let again = merge(&mut year, "01-16T10:00", &later, "Merge main once more");
    assert_eq!(year.push(at("01-16T11:00"), ANA), Decision::Allow);

    let (code, out) =
        year.world.audit_with_code("server.git", &["--from", "2026-01-02", "--as-of", "2026-12-31"]);
    assert_eq!(code, Some(0));
    let ids = [&first, &second, &topic, &turned, &later, &other, &again].map(Clone::clone);
    assert_eq!(list_changes(&out), ids);
    for kind in ["unrecorded-change", "ref-moved", "rule-broken", "unreadable"] {
        assert_eq!(list_kind(&out, kind), Vec::<Value>::new(), "{kind}");
    }
    for row in read_lines(&out, "changes.jsonl").into_iter().skip(1) {
        assert_eq!((&row["bypassed"], &row["landing_clock"]), (&"none".into(), &"gate".into()), "{row:#}");
        assert!(!row["gate_version"].as_str().unwrap().starts_with("afterwards"), "{row:#}");
    }
    // Each of them has its own page.
    for (id, title) in [(&second, "Two"), (&topic, "Topic"), (&turned, "Merge main into the topic")] {
        year.world.changegate("server.git", &["show", id]).accepted().says(&id[..10]).says(title);
    }
}

/// What came by a turned merge that no record tells of is judged by the policy that the branch held.
#[test]
fn a_turned_merge_past_the_gate_takes_nothing_out() {
    let mut year = Year::start();
    let first = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    let second = year.land(at("01-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    year.world.git(&["checkout", "-q", "--detach", &first]);
    let topic = year.commit(at("01-12T10:00"), ANA, Some("t.txt"), "Topic\n");
    let turned = merge(&mut year, "01-13T10:00", &second, "Merge main into the topic");
    year.bypass(at("01-13T11:00"));
    let (_, out) =
        year.world.audit_with_code("server.git", &["--from", "2026-01-02", "--as-of", "2026-12-31"]);
    assert_eq!(list_changes(&out), [first, second, topic.clone(), turned.clone()]);
    let past: Vec<String> = list_kind(&out, "unauthorised-change")
        .iter()
        .map(|one| one["subject_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(past, [topic, turned].map(|id| format!("server@{id}")));
    assert_eq!(list_kind(&out, "ref-moved"), Vec::<Value>::new());
}

/// Clones the server, with its ledger.
fn clone_server(world: &World) {
    world.git_in("", &["clone", "-q", &world.url(), "clone"]);
    world.git_in("clone", &["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"]);
}

#[test]
fn a_branch_that_is_older_than_its_ledger_is_a_hole_and_no_rewritten_history() {
    let mut year = Year::start();
    let first = year.land(at("01-10T10:00"), ANA, Some("a.txt"), &normal("One", ""));
    clone_server(&year.world);
    let second = year.land(at("01-11T10:00"), ANA, Some("b.txt"), &normal("Two", ""));
    let third = year.land(at("02-11T10:00"), ANA, Some("c.txt"), &normal("Three", ""));
    let fetch = ["fetch", "-q", "origin", "refs/changegate/ledger:refs/changegate/ledger"];
    for with_main in [false, true] {
        if with_main {
            year.world.git_in("clone", &["fetch", "-q", "origin", "main"]);
            year.world.git_in("clone", &["fetch", "-q", "origin"]);
        } else {
            year.world.git_in("clone", &fetch);
        }
        let period = ["--from", "2026-01-02", "--to", "2026-01-31", "--as-of", "2026-12-31"];
        let (code, out) = year.world.audit_with_code("clone", &period);
        assert_eq!((code, list_changes(&out)), (Some(3), vec![first.clone()]));
        assert_eq!(list_kind(&out, "ref-moved"), Vec::<Value>::new());
        let landings = find_check(&out, "landings of the period by the ledger");
        assert_eq!((&landings["expected"], &landings["found"]), (&"2".into(), &"1".into()));
        assert!(
            find_check(&out, "landings of the period that the ref lacks")["found"]
                .as_str()
                .unwrap()
                .starts_with(&second[..10])
        );
        let newest = find_check(&out, "newest state of the ref by the ledger");
        assert_eq!(newest["agrees"], false);
        assert!(newest["expected"].as_str().unwrap().starts_with(&third), "{newest}");
        assert!(newest["found"].as_str().unwrap().contains("--ref origin/main"), "{newest}");
    }
    let whole = ["--ref", "origin/main", "--from", "2026-01-02", "--as-of", "2026-12-31"];
    let (code, out) = year.world.audit_with_code("clone", &whole);
    assert_eq!((code, list_changes(&out)), (Some(0), vec![first, second.clone(), third]));
    assert_eq!(find_check(&out, "newest state of the ref by the ledger")["agrees"], true);
    year.world.changegate("clone", &["show", &second, "--ref", "origin/main"]).accepted().says("Two");
}

#[test]
fn what_landed_after_a_range_is_no_rewritten_history() {
    let mut year = Year::start();
    let mut ids = Vec::new();
    for (day, subject) in
        [("01-10T10:00", "One"), ("01-11T10:00", "Two"), ("01-12T10:00", "Three"), ("01-13T10:00", "Four")]
    {
        ids.push(year.land(at(day), ANA, Some("a.txt"), &normal(subject, "")));
    }
    // The last one goes, which is outside of the range too.
    year.world.git(&["reset", "-q", "--hard", &ids[2]]);
    year.bypass(at("01-14T10:00"));
    let range = format!("{}..{}", ids[0], ids[1]);
    let output = |args: &[&str]| -> (Option<i32>, PathBuf) { year.world.audit_with_code("server.git", args) };
    let (code, out) = output(&[&range]);
    assert_eq!((code, list_changes(&out)), (Some(0), vec![ids[1].clone()]));
    assert_eq!(list_kind(&out, "ref-moved"), Vec::<Value>::new());
    let manifest: Value = serde_json::from_slice(&std::fs::read(out.join("audit.json")).unwrap()).unwrap();
    assert!(
        manifest.to_string().contains(&format!("the steps after {} until {}", ids[0], ids[1])),
        "{manifest:#}"
    );
    let (_, out) = output(&[]);
    assert_eq!(list_kind(&out, "ref-moved").len(), 2);
    // A commit that only a branch of its own has is none that main lost.
    year.world.git_in("server.git", &["branch", "other", &ids[3]]);
    let (_, out) = output(&[&format!("{}..other", ids[1])]);
    assert_eq!((list_kind(&out, "ref-moved"), list_changes(&out).len()), (Vec::new(), 2));
}
