//! What SARIF 2.1.0 and code scanning ask for, held against what is written.
//!
//! The standard's own schema may not be shipped; `.ci/run` holds a file against it where it can be
//! had. This file checks what matters of it, and what no schema says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::change::{FactKind, Missing};
use crate::report::samples::*;
use crate::report::sarif::*;
use crate::report::{ReportFormat, RepositoryUrl, write_report};
use crate::verdict::{Finding, RuleOutcome};

fn sarif(report: &Report, style: &ReportStyle) -> Value {
    let mut out = Vec::new();
    write_report(ReportFormat::Sarif, report, style, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_keys(value: &Value, required: &[&str], optional: &[&str]) {
    let keys = keys(value);
    for key in required {
        assert!(keys.contains(key), "`{key}` is missing in {value:#}");
    }
    for key in keys {
        assert!(required.contains(&key) || optional.contains(&key), "`{key}` in {value:#}");
    }
}

fn assert_message(value: &Value) {
    assert_keys(value, &["text"], &[]);
    assert!(!value["text"].as_str().unwrap().is_empty(), "{value}");
}

/// Asserts that a document has the form that the standard asks for, and that its places are right.
pub(crate) fn assert_valid(log: &Value) {
    assert_keys(log, &["$schema", "version", "runs"], &[]);
    assert_eq!(log["version"], "2.1.0");
    let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
    let required = ["tool", "automationDetails", "invocations", "results", "properties"];
    assert_keys(run, &required, &["versionControlProvenance"]);
    let driver = &run["tool"]["driver"];
    assert_keys(driver, &["name", "semanticVersion", "rules"], &[]);
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        let required =
            ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"];
        assert_keys(rule, &required, &[]);
        ["shortDescription", "fullDescription", "help"].iter().for_each(|key| assert_message(&rule[*key]));
        let tags = rule["properties"]["tags"].as_array().unwrap();
        assert!(tags.len() <= MAX_TAGS);
    }
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "a rule stands there twice");
    let mut prints = BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        let required =
            ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "properties"];
        assert_keys(result, &required, &[]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert_message(&result["message"]);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let [location] = result["locations"].as_array().unwrap().as_slice() else { panic!("one place") };
        let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        assert!(uri.bytes().all(plain) && !uri.starts_with('/'), "{uri}");
        assert_eq!(location["physicalLocation"]["region"]["startLine"], 1);
        assert_keys(&location["logicalLocations"][0], &["name", "fullyQualifiedName"], &[]);
        let print = &result["partialFingerprints"];
        assert_eq!(print["changegate/v1"], print["primaryLocationLineHash"]);
        assert!(prints.insert(print["changegate/v1"].as_str().unwrap()), "{result:#}");
    }
    for invocation in run["invocations"].as_array().unwrap() {
        assert_keys(invocation, &["executionSuccessful", "endTimeUtc", "toolExecutionNotifications"], &[]);
        for note in invocation["toolExecutionNotifications"].as_array().unwrap() {
            assert_keys(note, &["level", "message"], &[]);
            assert_message(&note["message"]);
        }
    }
    for one in run["versionControlProvenance"].as_array().into_iter().flatten() {
        assert_keys(one, &["repositoryUri", "revisionId"], &["branch"]);
    }
}

#[test]
fn every_sample_has_the_form() {
    for report in [denied(), allowed(), owed(), deferred(), undecided(), remarked(), hostile(), pulled()] {
        for web in [None, RepositoryUrl::new("https://git.example.com/acme/shop")] {
            assert_valid(&sarif(&report, &ReportStyle { repository_url: web, ..ReportStyle::default() }));
        }
    }
}

#[test]
fn a_run_is_successful_if_a_decision_was_reached_on_what_is_known() {
    let successful = |report: &Report| {
        let log = sarif(report, &ReportStyle::default());
        log["runs"][0]["invocations"][0]["executionSuccessful"].as_bool().unwrap()
    };
    assert!(successful(&denied()));
    assert!(successful(&remarked()));
    assert!(!successful(&undecided()));
    assert!(!successful(&Report { policy: None, ..denied() }));
}

#[test]
fn a_finding_stands_at_its_path_or_in_the_policy() {
    let log = sarif(&pulled(), &ReportStyle::default());
    let uris = log["runs"][0]["results"].as_array().unwrap().iter().map(|result| {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().to_owned()
    });
    let policy = "policies/changegate.yml";
    assert_eq!(uris.collect::<Vec<_>>(), [policy, "infra/prod.tf", policy, policy]);
    assert_eq!(encode_uri(b"a b/%0A\xff\"[x].rs"), "a%20b/%250A%FF%22%5Bx%5D.rs");
    assert_eq!(encode_uri(b"//evil.example/x"), ".//evil.example/x");
}

#[test]
fn what_matters_most_is_written_where_not_all_can_be() {
    let warned = sample_judgement(
        "long",
        "it is short",
        RuleLevel::Warn,
        RuleOutcome::Fail(vec![Finding::new(sample_message("long", "")); 10]),
    );
    let wrong = denying_judgement(
        "risk",
        "it is stated",
        RuleOutcome::Fail(vec![Finding::new(sample_message("missing", "")); 10]),
    );
    let gap = denying_judgement(
        "checks",
        "they passed",
        RuleOutcome::Undecided(vec![Missing::NotConfigured(FactKind::Checks)]),
    );
    let one = || sample_verdict("6", b"Add a table", vec![warned.clone(), gap.clone(), wrong.clone()]);
    let report = sample_report(vec![ReportGroup::new(
        moved_ref("refs/heads/main"),
        (0..300).map(|_| one()).collect(),
    )]);
    let log = sarif(&report, &ReportStyle::default());
    assert_valid(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), MAX_RESULTS);
    assert_eq!(results.iter().filter(|one| one["level"] == "error").count(), 3300);
    let note = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(note, "1300 more results are not written; these are the ones that matter most");
}
