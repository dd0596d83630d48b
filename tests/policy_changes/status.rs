//! `policy status`: what only warns, what ends when, what is unused.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::scene::Scene;

/// Returns the day that is so many days from now, in UTC.
fn day(days: i64) -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).date().checked_add(days.days()).unwrap().to_string()
}

fn write_policy(scene: &Scene, warning: &str, more: &str) {
    scene.write(
        "policies/changegate.yml",
        format!(
            "changegate: 1\nname: acme\nprotects: [main]\n\
             fields:\n  Risk: {{ one-of: [low, high] }}\n  Plan: {{ text: {{ min-length: 3 }} }}\n\
             \x20 Standard: {{ matches: 'STD-[A-Z]+', example: STD-DEPS }}\n\
             rules:\n  risk: {{ require: {{ field: {{ Risk: present }} }} }}\n  \
             plan: {{ {warning}require: {{ field: {{ Plan: present }} }} }}\n{more}"
        ),
    );
}

fn status(scene: &Scene, args: &[&str]) -> (i32, Value) {
    let told = ["policy", "status", "--since", "2026-01-01", "--format", "json"];
    let output = scene.command(&[&told, args].concat()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{error}"));
    (output.status.code().unwrap(), json)
}

fn told(scene: &Scene, args: &[&str]) -> String {
    let told = ["policy", "status", "--since", "2026-01-01"];
    let output = scene.command(&[&told, args].concat()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    text
}

/// A scene in whose history `plan` has warned since the second commit, until ten days from now.
fn warned(more: &str) -> Scene {
    let mut scene = Scene::repository();
    write_policy(&scene, "", "");
    scene.commit("Begin\n\nRisk: low\nPlan: none yet\n");
    let warning = format!("level: warn, until: {}, reason: trial, ", day(5));
    write_policy(&scene, &warning, "");
    scene.commit("Warn only\n\nRisk: low\nPlan: none yet\n");
    scene.commit("Old words\n\nRisk: low\n");
    let warning = format!("level: warn, until: {}, reason: trial, ", day(10));
    write_policy(&scene, &warning, more);
    scene.commit("Warn longer\n\nRisk: low\nPlan: wait\n");
    scene.commit("Count\n\nRisk: low\n");
    scene.commit("Planned\n\nRisk: low\nPlan: as told\n");
    scene
}

#[test]
fn a_warning_tells_since_when_until_when_and_what_it_would_have_denied() {
    let scene = warned("");
    let (code, json) = status(&scene, &[]);
    assert_eq!(code, 0);
    assert_eq!((&json["source"], &json["changes"]), (&"history".into(), &6.into()));
    let rule = &json["rules"][0];
    assert_eq!(rule["rule"], "plan");
    assert_eq!(rule["until"], day(10));
    assert!(rule["since"].as_str().unwrap().starts_with("2026-05-28T"), "{rule}");
    assert_eq!((&rule["extended"], &rule["would_have_denied"]), (&1.into(), &2.into()));
    // The change from before it warned was not let through by it.
    assert_eq!(rule["changes"], 5);
    let subjects: Vec<&str> =
        rule["examples"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Count", "Old words"]);
    let text = told(&scene, &[]);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "would have denied 2 of 5 changes since 2026-05-28, when it began to warn,",
        "(extended once)",
        "from the next day on it denies",
        "`plan` only warns",
        "next - `plan` denies from",
    ] {
        assert!(flat.contains(words), "no {words:?} in {text}");
    }
}

#[test]
fn a_warning_that_is_over_denies_and_says_so() {
    let mut scene = Scene::repository();
    write_policy(&scene, "level: warn, until: 2026-06-01, reason: trial, ", "");
    scene.commit("Begin\n\nRisk: low\nPlan: none yet\n");
    scene.commit("Old words\n\nRisk: low\n");
    let text = told(&scene, &[]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("it denies since then") && text.contains("denies by now"), "{text}");
    let judged = scene.command(&["check", "HEAD~1..HEAD"]).output().unwrap();
    let text = String::from_utf8_lossy(&judged.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!judged.status.success(), "{text}");
    assert!(text.contains("`plan` only warned until 2026-06-01; it denies now"), "{text}");
    // Before that day it says that it will.
    write_policy(&scene, &format!("level: warn, until: {}, reason: trial, ", day(3)), "");
    scene.commit("Warn longer\n\nRisk: low\nPlan: wait\n");
    scene.commit("New words\n\nRisk: low\n");
    let judged = scene.command(&["check", "HEAD~1..HEAD"]).output().unwrap();
    let text = String::from_utf8_lossy(&judged.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(judged.status.success(), "{text}");
    assert!(text.contains(&format!("`plan` only warns until {}; from the next day on", day(3))), "{text}");
}

#[test]
fn what_ends_is_listed_by_its_day_and_fails_only_where_that_was_asked_for() {
    let more = format!(
        "review-by: {}\nstandard-changes:\n  STD-DEPS: {{ paths: [a/], approved-by: Kim, approved-on: 2026-01-01, \
         review-by: {} }}\n  STD-DOCS: {{ paths: [b/], approved-by: Kim, approved-on: 2026-01-01, review-by: {} }}\n\
         people: {{ holidays: [{}, '12-25'] }}\nexemptions:\n  \
         - {{ rule: risk, when: {{ only-touches: docs/ }}, reason: prose, approved-by: Kim, until: {} }}\n  \
         - {{ rule: risk, when: {{ only-touches: used/ }}, reason: prose, approved-by: Kim, until: {} }}\n",
        day(90),
        day(40),
        day(60),
        day(20),
        day(-3),
        day(45),
    );
    let mut scene = warned(&more);
    scene.write("used/a", "a");
    scene.commit("Touch it\n\nPlan: as told\nStandard: STD-DOCS\n");
    let (code, json) = status(&scene, &[]);
    assert_eq!(code, 0);
    let dates: Vec<(&str, String, bool)> = json["dates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let last = one["last_day"].as_str().unwrap().to_owned();
            (one["kind"].as_str().unwrap(), last, one["ends_soon"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        dates,
        [
            ("exemption", day(-3), true),
            ("warning", day(10), true),
            ("holidays", day(20), true),
            ("standard-change", day(40), false),
            ("exemption", day(45), false),
            ("standard-change", day(60), false),
            ("review", day(90), false),
        ]
    );
    let unused = json["unused_exemptions"].as_array().unwrap();
    assert_eq!(unused.len(), 1, "{unused:?}");
    assert!(unused[0]["place"].as_str().unwrap().starts_with("policies/changegate.yml:"));
    assert_eq!(json["unused_standard_changes"], serde_json::json!(["STD-DEPS"]));
    assert_eq!(status(&scene, &["--fail-on", "expired"]).0, 1);
    let text = told(&scene, &[]);
    assert!(text.contains("exemptions that no change used since 2026-01-01"), "{text}");
    assert!(text.contains("standard changes that no commit named"), "{text}");
    let next = text.split("\nnext\n").nth(1).unwrap();
    assert_eq!(next.matches("- ").count(), 4, "{next}");
}

#[test]
fn a_key_ends_on_the_day_before_it_no_longer_counts() {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMqXgRLKG73K+sIxs5oj3E2nhu/4FHxOcrmAd4Wv7ki7";
    let mut scene = Scene::repository();
    let before = |days| day(days).replace('-', "");
    scene.write(
        "policies/keys",
        format!(
            "ana@example.com namespaces=\"git\",valid-before=\"{}Z\" {KEY}\nben@example.com namespaces=\"git\" {}\n",
            before(8),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID4j6BYAOVlKM4lPZWThsTSLvXoAiNQsSstz7q7VnACd"
        ),
    );
    write_policy(&scene, "", "signers: { ssh: policies/keys }\n");
    scene.commit("Begin\n\nRisk: low\nPlan: none yet\n");
    let (_, json) = status(&scene, &[]);
    let dates = json["dates"].as_array().unwrap();
    assert_eq!(dates.len(), 1, "{dates:?}");
    assert_eq!((&dates[0]["kind"], &dates[0]["last_day"]), (&"key".into(), &day(7).into()));
    assert_eq!(dates[0]["place"], "policies/keys:1");
}

#[test]
fn where_nothing_warns_or_ends_it_says_so() {
    let mut scene = Scene::repository();
    write_policy(&scene, "", "");
    scene.commit("Begin\n\nRisk: low\nPlan: none yet\n");
    let text = told(&scene, &["--fail-on", "expired"]);
    assert!(text.contains("no rule only warns, nothing has a last day, nothing is unused"), "{text}");
}

/// One commit from a machine with a wrong clock ends no history, and the headline says since when it counts.
#[test]
fn a_commit_with_an_older_date_does_not_end_the_history() {
    let mut scene = Scene::repository();
    let warning = format!("level: warn, until: {}, reason: trial, ", day(10));
    write_policy(&scene, &warning, "");
    scene.commit("Begin\n\nRisk: low\n");
    for number in 0..3 {
        scene.commit(&format!("Change {number}\n\nRisk: low\n"));
    }
    let head = scene.git(&["rev-parse", "HEAD"]);
    let tree = scene.git(&["rev-parse", "HEAD^{tree}"]);
    let old = "Ana Lang <ana@example.com> 1600000000 +0000";
    let raw =
        format!("tree {tree}\nparent {head}\nauthor {old}\ncommitter {old}\n\nWrong clock\n\nRisk: low\n");
    scene.write(".git/raw", raw);
    let wrong = scene.git(&["hash-object", "-t", "commit", "-w", ".git/raw"]);
    scene.git(&["reset", "-q", "--hard", &wrong]);
    scene.commit("After it\n\nRisk: low\n");
    let text = told(&scene, &[]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("would have denied 5 of 5 changes since 2026-05-28, when it began to warn,"),
        "{text}"
    );
    let run = |since: &str| {
        let output = scene.command(&["policy", "backtest", "--since", since]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("2026-01-01").contains("HEAD since 2026-01-01, 6 changes"), "{}", run("2026-01-01"));
    let start = run("2026-01-01T10:00:00Z");
    assert!(start.contains("HEAD since 2026-01-01T10:00:00Z, 6 changes"), "{start}");
}

/// A rule that is off asks nothing, which is told with its reason wherever the policy is; one that only warns says so.
#[test]
fn a_rule_that_is_off_is_told_with_its_reason() {
    let mut scene = Scene::repository();
    let warning = format!("level: warn, until: {}, reason: trial, controls: ['iso27001:A.8.28'], ", day(10));
    let more = "  quiet: { title: A rule, level: 'off', reason: everyone is on holiday for now, controls: ['iso27001:A.8.4'], require: \
                { field: { Plan: present } } }\n";
    write_policy(&scene, &warning, more);
    scene.commit("Begin\n\nRisk: low\n");
    let run = |args: &[&str]| {
        let output = scene.command(&[&["policy"], args].concat()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for args in [
        &["check"][..],
        &["show"],
        &["show", "--format", "json"],
        &["show", "--controls"],
        &["show", "--controls", "--format", "json"],
        &["docs"],
    ] {
        let text = run(args);
        assert!(
            text.contains("quiet") && text.contains("everyone is on holiday for now"),
            "{args:?}: {text}"
        );
    }
    let text = run(&["show", "--controls"]);
    assert!(text.contains("iso27001:A.8.28 plan: plan Warns, up to and including"), "{text}");
    assert!(text.contains("iso27001:A.8.4 quiet: A rule Off: everyone is on holiday for now"), "{text}");
}
