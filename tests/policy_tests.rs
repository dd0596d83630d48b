//! Tests of policies, as their authors run them: the suites of the packs pass and reach what a pack asks; a
//! suite that cannot mean what it says is refused with the place; what fails is told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "cli/scene.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod scene;

mod json_schema;

#[allow(dead_code, reason = "each suite uses a part of it")]
mod suites;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use changegate::gate::load_from_pack;
use changegate::policy::origins::find_value_origins;
use changegate::policy::{self, Policy, packs};
use changegate::policy_tests::{
    CoverageGap, CoverageReport, GapKind, PolicyTestSuite, build_test_schema, measure_coverage, run_suite,
};
use changegate::yaml::YamlFault;
use json_schema::holds;
use scene::Scene;
use serde_json::Value;
use suites::{list_untested_rules, read_text_suite};

const POLICY: &str = "\
changegate: 1
name: acme
protects: [main]
people: { teams: { duty: [kim@example.com] } }
fields:
  Change-Type: { one-of: [normal, emergency], on-conflict: strictest }
  Risk: { ordered: [low, medium, high], on-conflict: highest }
  Incident: { text: { min-length: 3 } }
  Reviewed-by: { person: true }
classes:
  emergency: { field: { Change-Type: emergency } }
  normal: {}
rules:
  risk: { require: { field: { Risk: present } } }
  review: { for: [normal], require: { approvals: { at-least: 1, trust: claimed } } }
  cause: { for: [emergency], require: { any: [{ field: { Incident: present } }, { field: { Risk: high } }] } }
exemptions:
  - { rule: review, when: { only-touches: 'docs/' }, reason: prose, approved-by: Kim, until: 2027-01-31 }
";

/// A suite of [`POLICY`] whose tests pass.
const SUITE: &str = "\
change:
  author: Ana <ana@example.com>
  paths: [src/a.rs]
  fields: { Change-Type: normal, Risk: low, Reviewed-by: Bo <bo@example.com> }
tests:
  - { name: whole, expect: { decision: allowed, class: normal, rules: { review: pass, cause: not-applicable } } }
  - name: risk
    change: { fields: { Risk: } }
    expect: { denied-by: risk }
  - name: reviews
    cases:
      - { name: none, change: { fields: { Reviewed-by: } }, expect: { denied-by: [review] } }
      - { name: own, change: { fields: { Reviewed-by: Ana <ana@example.com> } }, expect: denied }
      - { change: { paths: [docs/a.md], fields: { Reviewed-by: } }, expect: { rules: { review: exempted } } }
  - name: emergencies
    change: { fields: { Change-Type: emergency, Reviewed-by: } }
    cases:
      - { name: no cause, expect: { class: emergency, denied-by: cause } }
      - { name: incident, change: { fields: { Incident: INC-1 } }, expect: allowed }
      - { name: high, change: { fields: { Risk: high } }, expect: allowed }
";

fn load(text: &str) -> Policy {
    policy::load_policy(
        "p/main.yml",
        &mut |name| Ok((name == "p/main.yml").then(|| text.as_bytes().to_vec())),
    )
    .unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn read(text: &str, policy: &Policy) -> Result<PolicyTestSuite, Vec<YamlFault>> {
    read_text_suite(text, policy)
}

/// Whether a gap is the one that is meant.
type GapTest = fn(&CoverageGap<'_>) -> bool;

/// Measures the coverage of a policy of one file.
fn measure(text: &str, suite: &PolicyTestSuite) -> CoverageReport {
    let policy = load(text);
    let origins = find_value_origins("p/main.yml", &mut |name| {
        Ok((name == "p/main.yml").then(|| text.as_bytes().to_vec()))
    });
    let results = run_suite(suite, &policy);
    measure_coverage(&policy, &origins.unwrap(), &[(suite, &results)])
}

/// Returns each gap as its kind, its line and the beginning of its question.
fn list_gap_lines(report: &CoverageReport) -> Vec<String> {
    let mut lines = Vec::new();
    for gap in report.list_gaps() {
        let line = gap.point.place.as_ref().map_or(0, |place| place.line);
        let question = gap.point.question.clone().unwrap_or_default();
        lines.push(format!("{:?} {line} {question}", gap.kind).trim_end().to_owned());
    }
    lines
}

/// What the suite of no pack can reach, with the reason.
const UNREACHABLE: &[(&str, GapTest)] = &[
    ("a pack has no catalogue of standard changes: its entries are the policy's own", |gap| {
        gap.kind == GapKind::RuleNeverKept && gap.point.subject.name() == "standard-change"
    }),
    ("the same, where it is one part of what a rule asks", |gap| {
        gap.kind == GapKind::PartNeverHolds
            && gap.point.subject.name() == "standard-change"
            && gap.point.question.as_ref().unwrap().contains("catalogue of standard changes")
    }),
];

#[test]
fn the_tests_of_every_pack_pass_and_reach_all_of_it() {
    let (mut used, mut unreached) = (BTreeSet::new(), Vec::new());
    for pack in packs::POLICY_PACKS {
        let policy = policy::load_policy(pack.name, &mut |_| Ok(None)).unwrap();
        let suite = read(pack.tests, &policy).unwrap_or_else(|faults| panic!("{}: {faults:#?}", pack.name));
        let results = run_suite(&suite, &policy);
        for result in &results {
            assert!(result.misses.is_empty(), "{}: {}: {:?}", pack.name, result.name, result.misses);
        }
        // Every rule, every part of a question, every class and exemption is reached, and what is not has its reason.
        let origins = load_from_pack(pack.name).unwrap().find_origins().unwrap();
        let coverage = measure_coverage(&policy, &origins, &[(&suite, &results)]);
        for gap in &coverage.list_gaps() {
            match UNREACHABLE.iter().find(|(_, is_it)| is_it(gap)) {
                Some((reason, _)) => drop(used.insert(*reason)),
                None => unreached.push(format!("{}: {gap:?}", pack.name)),
            }
        }
        assert!(pack.copy_tests().contains("\nchange:") && !pack.copy_tests().contains("pack:"));
    }
    assert_eq!(unreached, [""; 0]);
    assert_eq!(used.len(), UNREACHABLE.len(), "{used:?}");
}

/// Each rule of a pack, also one that it extends, makes its suite fail if it is taken away.
#[test]
fn a_pack_without_one_of_its_rules_fails_its_tests() {
    for pack in packs::POLICY_PACKS {
        let policy = policy::load_policy(pack.name, &mut |_| Ok(None)).unwrap();
        let suite = read(pack.tests, &policy).unwrap();
        // What exempts from rules would hide them; packs have no exemptions.
        assert!(policy.exemptions.is_empty());
        let rules: Vec<String> = policy.rules.iter().map(|rule| rule.description.id.to_string()).collect();
        assert_eq!(list_untested_rules(&policy, &suite, &rules), [""; 0], "{}", pack.name);
    }
}

#[test]
fn the_suite_of_this_repository_passes() {
    let text = std::fs::read("policies/changegate.yml").unwrap();
    let policy = policy::load_policy("policies/changegate.yml", &mut |name| {
        Ok((name == "policies/changegate.yml").then(|| text.clone()))
    })
    .unwrap();
    let suite = read(include_str!("../policies/changegate.test.yml"), &policy).unwrap();
    for result in run_suite(&suite, &policy) {
        assert!(result.misses.is_empty(), "{}: {:?}", result.name, result.misses);
    }
}

#[test]
fn everything_is_reached_and_what_is_left_out_is_told() {
    let policy = load(POLICY);
    let suite = read(SUITE, &policy).unwrap();
    let results = run_suite(&suite, &policy);
    assert_eq!(suite.tests.len(), 8);
    assert!(results.iter().all(|result| result.misses.is_empty()), "{results:#?}");
    let whole = measure(POLICY, &suite);
    assert_eq!((whole.count_reached(), whole.list_gaps().as_slice()), (whole.count_total(), &[][..]));
    // Classes; outcomes of three rules; two parts of one question, and that each of them is enough; an exemption.
    assert_eq!(whole.count_total(), 2 + 3 * 3 + 2 * 2 + 2 + 2);
    // Without one of its tests, something is not reached any more.
    for (index, told) in [
        (1, "RuleNeverBroken 14"),
        (4, "Exemption 18"),
        (5, "RuleNeverBroken 16"),
        (6, "PartNeverHolds 16 `Incident` is stated"),
        (7, "PartNeverHolds 16 `Risk` is high"),
    ] {
        let mut less = suite.clone();
        less.tests.remove(index);
        let coverage = measure(POLICY, &less);
        assert!(coverage.count_reached() < coverage.count_total(), "{index}");
        let gaps = list_gap_lines(&coverage);
        assert!(gaps.contains(&told.to_owned()), "{index}: {gaps:#?}");
    }
}

/// A policy whose questions have branches of every kind, each on a line of its own.
const BRANCHES: &str = "\
changegate: 1
name: acme
protects: [main]
fields:
  Risk: { ordered: [low, high], on-conflict: highest }
  Plan: { text: { min-length: 3 } }
  Incident: { text: { min-length: 3 } }
classes:
  urgent:
    any:
      - field: { Incident: present }
      - all:
          - field: { Risk: high }
          - touches: hot/
  normal: {}
rules:
  plan:
    for: [normal]
    when:
      not:
        any:
          - touches: docs/
          - only-touches: logs/
    require:
      any:
        - field: { Plan: present }
        - field: { Risk: low }
          touches: src/
  risk: { require: { field: { Risk: present } } }
exemptions:
  - rule: risk
    when:
      any:
        - touches: logs/
        - touches: docs/
    reason: prose
    approved-by: Kim
    until: 2027-01-31
";

/// Each branch is counted by itself, with its line: of `any`, `all` and `not`, of classes, of `when`, of exemptions, and
/// each way to pass.
#[test]
fn every_branch_is_counted_with_its_line() {
    let policy = load(BRANCHES);
    let nothing = read("tests: [{ name: x, expect: denied, change: { paths: [a] } }]", &policy).unwrap();
    let gaps = list_gap_lines(&measure(BRANCHES, &nothing));
    assert_eq!(
        gaps,
        [
            "Class 9",
            "RuleNeverKept 24",
            "PartNeverHolds 26 `Plan` is stated",
            "PartNeverHolds 27 `Risk` is low, and the change touches `src/`",
            "PartNeverHolds 27 `Risk` is low",
            "PartNeverHolds 28 the change touches `src/`",
            "WayNeverAlone 26 `Plan` is stated",
            "WayNeverAlone 27 `Risk` is low, and the change touches `src/`",
            "WhenAlwaysHolds 19",
            "PartNeverHolds 22 the change touches `docs/`",
            "PartNeverHolds 23 the change touches only `logs/`",
            "RuleNeverKept 29",
            "Exemption 31",
            "PartNeverHolds 34 the change touches `logs/`",
            "PartNeverHolds 35 the change touches `docs/`",
        ]
    );
    // Two ways that always come together are no proof that one of them is enough.
    let whole = "\
change: { paths: [a], fields: { Risk: low, Plan: as told } }
tests:
  - { name: with a plan, expect: allowed }
  - { name: both, change: { paths: [src/a] }, expect: allowed }
  - { name: neither, change: { fields: { Plan: } }, expect: { denied-by: plan } }
  - { name: low in src, change: { paths: [src/a], fields: { Plan: } }, expect: allowed }
  - { name: high in src, change: { paths: [src/a], fields: { Risk: high, Plan: } }, expect: { denied-by: plan } }
  - { name: incident, change: { fields: { Incident: INC-1 } }, expect: { class: urgent } }
  - { name: hot, change: { paths: [hot/a], fields: { Risk: high } }, expect: { class: urgent } }
  - { name: low and hot, change: { paths: [hot/a] }, expect: { class: normal } }
  - { name: docs, change: { paths: [docs/a], fields: { Plan: } }, expect: { rules: { plan: not-applicable } } }
  - { name: logs, change: { paths: [logs/a], fields: { Plan: } }, expect: { rules: { plan: not-applicable } } }
  - { name: docs without, change: { paths: [docs/a], fields: { Risk: } }, expect: { rules: { risk: exempted } } }
  - { name: logs without, change: { paths: [logs/a], fields: { Risk: } }, expect: { rules: { risk: exempted } } }
  - { name: src without, change: { paths: [src/a], fields: { Risk: } }, expect: { denied-by: risk } }
";
    let suite = read(whole, &policy).unwrap();
    for result in run_suite(&suite, &policy) {
        assert_eq!(result.misses, [], "{}", result.name);
    }
    let coverage = measure(BRANCHES, &suite);
    assert_eq!(list_gap_lines(&coverage), [""; 0]);
    let mut less = suite.clone();
    less.tests.retain(|test| test.name != "low in src");
    assert_eq!(
        list_gap_lines(&measure(BRANCHES, &less)),
        ["WayNeverAlone 27 `Risk` is low, and the change touches `src/`"]
    );
    // What a test shows that no other does is not reached without it.
    for (index, test) in suite.tests.iter().enumerate() {
        let mut less = suite.clone();
        less.tests.remove(index);
        let is_missed = measure(BRANCHES, &less).count_reached() < coverage.count_reached();
        let shows_more = ["low in src", "incident", "hot", "docs without", "logs without"];
        assert!(is_missed || !shows_more.contains(&test.name.as_str()), "{}", test.name);
    }
}

/// Where each commit is a change, a branch that only one of several commits takes is reached.
#[test]
fn a_branch_that_one_of_several_commits_takes_is_reached() {
    let text = "changegate: 1\nname: u\nprotects: [main]\nunit: commit\nfields: { Risk: { ordered: [low, high] } }\n\
                rules:\n  risk: { when: { touches: src/ }, require: { field: { Risk: present } } }\n  \
                any: { require: { not: { touches: never/ } } }\n";
    let policy = load(text);
    let suite = "tests: [{ name: x, expect: denied, change: { commits: [{ message: x, paths: [src/a] }, \
                 { message: \"y\\n\\nRisk: low\", paths: [a] }] } }]";
    let suite = read(suite, &policy).unwrap();
    let gaps = list_gap_lines(&measure(text, &suite));
    assert!(!gaps.iter().any(|gap| gap.starts_with("WhenAlwaysHolds")), "{gaps:#?}");
    let step = text.replace("unit: commit", "unit: step");
    let suite = read(
        "tests: [{ name: x, expect: denied, change: { commits: [{ message: x, paths: [src/a] }, { message: y, paths: [a] }] } }]",
        &load(&step),
    )
    .unwrap();
    let gaps = list_gap_lines(&measure(&step, &suite));
    assert!(gaps.iter().any(|gap| gap.starts_with("WhenAlwaysHolds")), "{gaps:#?}");
}

/// The figure is green only where all is reached; a gap has its place behind it, also where it stands in a pack.
#[test]
fn coverage_is_coloured_and_places_its_gaps() {
    let scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/changegate.test.yml", SUITE);
    let told = |scene: &Scene, args: &[&str]| {
        let args = [&["policy", "test", "--coverage"], args].concat();
        let output = scene.command(&args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let green = told(&scene, &["--color", "always"]);
    assert!(green.contains("the tests reach \u{1b}[1m\u{1b}[32m19 of 19 (100 %)\u{1b}[0m"), "{green:?}");
    // One gap: a single line, with no word of more.
    let less = SUITE.replacen(
        "      - { name: incident, change: { fields: { Incident: INC-1 } }, expect: allowed }\n",
        "",
        1,
    );
    scene.write("policies/changegate.test.yml", less);
    let yellow = told(&scene, &["--color", "always"]);
    assert!(yellow.contains("the tests reach \u{1b}[1m\u{1b}[33m17 of 19 (89 %)\u{1b}[0m"), "{yellow:?}");
    let plain = told(&scene, &[]);
    assert!(!plain.contains('\u{1b}') && !plain.contains(" more;"), "{plain}");
    assert!(
        plain.contains("`cause`: it never holds that `Incident` is stated\n    [policies/changegate.yml:16]")
            || plain
                .contains("`cause`: it never holds that `Incident` is stated [policies/changegate.yml:16]"),
        "{plain}"
    );
    assert!(plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
    let json = told(&scene, &["--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let coverage = &json["coverage"][0];
    assert_eq!((&coverage["total"], &coverage["reached"]), (&19.into(), &17.into()));
    assert_eq!(coverage["groups"]["ways"], serde_json::json!({ "total": 2, "reached": 1 }));
    let points = coverage["points"].as_array().unwrap();
    assert_eq!(points.len(), 19);
    assert_eq!(points.iter().filter(|point| point["reached"] == true).count(), 17);
    assert!(points.iter().all(|point| point["place"]["line"].as_u64().is_some()), "{points:#?}");
    let gaps: Vec<(&str, u64)> = coverage["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| (gap["kind"].as_str().unwrap(), gap["place"]["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(gaps, [("part-never-holds", 16), ("way-never-alone", 16)]);
    // With --verbose, everything is told.
    let all = told(&scene, &["--verbose"]);
    assert_eq!(all.matches("\n  reached ").count(), 17, "{all}");
    assert_eq!(all.matches("\n  missing ").count(), 2, "{all}");
    // What stands in a pack is placed there.
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nextends: [iso27001]\nprotects: [main]\n",
    );
    scene.write("policies/changegate.test.yml", "tests: [{ name: x, expect: denied }]\n");
    let packed = told(&scene, &[]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(packed.contains("[pack core:") && packed.contains("[pack iso27001:"), "{packed}");
    assert!(packed.contains(" more; --verbose shows them"), "{packed}");
    // What is the policy's own comes first, and a question of a hundred paths is cut.
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nextends: [startup]\nprotects: [main]\nrules:\n  own: { require: { not: { touches: \
         never/ } } }\n",
    );
    let own = told(&scene, &[]).split_whitespace().collect::<Vec<_>>().join(" ");
    let first = own.split("one predicate ").nth(1).unwrap();
    assert!(first.starts_with("no test breaks `own` [policies/changegate.yml:6]"), "{own}");
    assert!(!own.contains("buildspec"), "{own}");
}

/// A file whose name is nearly that of a suite is named, and not passed over in silence.
#[test]
fn a_file_with_nearly_the_name_of_a_suite_is_told() {
    let scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/changegate.test.yml", SUITE);
    let told = |scene: &Scene, args: &[&str]| {
        let output = scene.command(&[&["policy", "test"], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(&scene, &[]), "");
    for name in ["more.test.yaml", "more.tests.yml", "more_test.yml", "more-tests.yaml", "deep/more.test.yml"]
    {
        scene.write(&format!("policies/{name}"), SUITE);
    }
    for name in ["contest.yml", "latest.yaml", "test.txt", "tests.md"] {
        scene.write(&format!("policies/{name}"), "x");
    }
    let notes = told(&scene, &[]);
    assert_eq!(notes.matches("is passed over").count(), 5, "{notes}");
    for name in ["more.test.yaml", "more.tests.yml", "more_test.yml", "more-tests.yaml", "deep/more.test.yml"]
    {
        assert!(notes.contains(&format!("`policies/{name}` is passed over")), "{name}: {notes}");
    }
    // Who names what to run is told nothing.
    assert_eq!(told(&scene, &["policies/changegate.test.yml"]), "");
    for number in 0..20 {
        scene.write(&format!("policies/{number}.tests.yml"), SUITE);
    }
    assert_eq!(told(&scene, &[]).matches("is passed over").count(), 10);
}

/// What is wrong, by a replacement in [`SUITE`]; the line and words of the fault that tells it.
const MISTAKES: &[(&str, &str, usize, &str)] = &[
    ("denied-by: risk", "denied-by: rsik", 9, "unknown rule `rsik`"),
    ("rules: { review: exempted }", "rules: { revew: exempted }", 14, "unknown rule `revew`"),
    ("review: exempted", "review: exempt", 14, "unknown word `exempt`"),
    ("class: emergency", "class: emergncy", 18, "unknown class `emergncy`"),
    ("{ Incident: INC-1 }", "{ Incidnt: INC-1 }", 19, "unknown field `Incidnt`"),
    ("Risk: low", "Rsik: low", 4, "unknown field `Rsik`"),
    ("paths: [src/a.rs]", "path: [src/a.rs]", 3, "unknown key `path`"),
    ("  author:", "  auther:", 2, "unknown key `auther`"),
    ("    expect: { denied-by: risk }\n", "", 7, "`expect` is missing here"),
    ("expect: { denied-by: risk }", "expect: {}", 9, "this expects nothing"),
    ("expect: { denied-by: risk }", "expect: refused", 9, "unknown word `refused`"),
    ("expect: { denied-by: risk }", "expect: { denied-by: risk, decision: allowed }", 9, "is not allowed"),
    ("name: risk", "name: whole", 7, "another test is called `whole`"),
    ("tests:", "test:", 1, "`tests` is missing here"),
    ("    cases:\n      - { name: none", "    case:\n      - { name: none", 11, "unknown key `case`"),
    ("change: { fields: { Risk: } }", "change: []", 8, "expected a map"),
    ("change:\n  author", "at: 1\nchange:\n  author", 1, "unknown key `at`"),
    ("paths: [src/a.rs]", "at: yesterday", 3, "expected an instant such as `2026-12-24T18:00:00Z`"),
    ("paths: [src/a.rs]", "at: 3h", 3, "expected an instant such as `2026-12-24T18:00:00Z`"),
    ("paths: [src/a.rs]", "commits: [{ fields: { Rsik: low } }]", 3, "unknown field `Rsik`"),
    ("paths: [src/a.rs]", "paths: [/src/a.rs]", 3, "is no path of a file"),
    ("paths: [src/a.rs]", "paths: [{ path: ../a.rs }]", 3, "is no path of a file"),
    ("paths: [src/a.rs]", "stage: deploy", 3, "unknown word `deploy`"),
    ("paths: [src/a.rs]", "commits: []", 3, "this list is empty"),
    ("paths: [src/a.rs]", "target: mian", 3, "the policy does not protect `mian`"),
    ("paths: [src/a.rs]", "target: refs/tags/v1", 3, "the policy does not protect `refs/tags/v1`"),
    ("paths: [src/a.rs]", "stage: pre-receive\n  pull: {}", 4, "`pre-receive` knows no pull request"),
    ("paths: [src/a.rs]", "stage: commit-msg\n  pull: {}", 4, "`commit-msg` knows no pull request"),
    ("fields: { Risk: } }", "fields: { Rsik: } }", 8, "unknown field `Rsik`"),
    ("fields: { Risk: } }", "fields: { Risk: low, risk: high } }", 8, "`risk` is `Risk` once more"),
];

#[test]
fn a_suite_that_cannot_mean_what_it_says_is_refused() {
    let policy = load(POLICY);
    for (from, to, line, told) in MISTAKES {
        assert!(SUITE.contains(from), "{from}");
        let faults = read(&SUITE.replacen(from, to, 1), &policy).err().unwrap_or_else(|| panic!("{to}"));
        let found = faults.iter().any(|fault| fault.at.line == *line && fault.what.contains(told));
        assert!(found, "{to}: {faults:#?}");
    }
    // All of them together are told together.
    let several =
        SUITE.replacen("denied-by: risk", "denied-by: rsik", 1).replacen("class: emergency", "class: x", 1);
    assert_eq!(read(&several, &policy).unwrap_err().len(), 2);
    // What is expected of something that there is not is one mistake.
    for expected in ["{ class: nromal }", "{ rules: { rsik: pass } }", "{ denied-by: rsik }"] {
        let suite = format!("tests: [{{ name: x, expect: {expected} }}]");
        assert_eq!(read(&suite, &policy).unwrap_err().len(), 1, "{expected}");
    }
}

/// Where every commit is a change, a test of several commits is denied if one of them is.
#[test]
fn commits_are_judged_one_by_one_where_the_policy_says_so() {
    let suite = "\
change: { author: Bo <bo@example.com> }
tests:
  - name: stated
    change: { commits: [{ fields: { Risk: low } }, { message: Again, fields: { Risk: low }, author: Cy <cy@example.com> }] }
    expect: { rules: { risk: pass } }
  - name: once
    change: { commits: [{ message: \"x\\n\\nRisk: low\\n\" }, { message: y }] }
    expect: EXPECTED
  - name: shared
    change: { commits: [{ message: x }, { message: y }], paths: [docs/a.md], fields: { Risk: low } }
    expect: EXPECTED
  - name: proposed
    change: { commits: [{ message: x }, { message: y }], pull: {}, fields: { Risk: low } }
    expect: EXPECTED
";
    let policy = "changegate: 1\nname: u\nprotects: [main]\nunit: step\nfields: { Risk: { ordered: [low, high] } }\n\
        rules:\n  risk: { require: { field: { Risk: present } } }\n";
    for (unit, expected) in [("step", "allowed"), ("commit", "{ denied-by: risk }")] {
        let policy = load(&policy.replace("unit: step", &format!("unit: {unit}")));
        let suite = read(&suite.replace("EXPECTED", expected), &policy).unwrap();
        assert_eq!(suite.tests[0].change.commits.first().author.name.to_lossy(), "Bo");
        assert_eq!(suite.tests[0].change.commits.last().author.name.to_lossy(), "Cy");
        for result in run_suite(&suite, &policy) {
            assert_eq!(result.misses, [], "{unit}: {}", result.name);
        }
    }
}

/// Whoever is known to be in a team counts; of everyone else it is not known where a team of GitHub is in it.
#[test]
fn who_is_in_a_team_of_a_forge_is_told_by_the_suite_or_unknown() {
    let text = "\
changegate: 1
name: acme
protects: [main]
people: { teams: { security: ['github:acme/security', sam@example.com] } }
fields: { Reviewed-by: { person: true } }
rules:
  secure: { require: { approvals: { from: [security], trust: claimed } } }
  outside: { when: { touches: src/ }, require: { not: { author: { team: security } } } }
";
    let policy = load(text);
    let cases = "\
change: { author: Ana <ana@example.com>, pull: { reviews: [{ by: kim }] } }
tests:
  - { name: told, expect: EXPECTED }
  - name: known
    change: { pull: , fields: { Reviewed-by: Sam <sam@example.com> } }
    expect: { rules: { secure: pass } }
  - name: nobody of them
    change: { pull: { reviews: [{ by: ben }] } }
    expect: OTHER
  - { name: no author of theirs, change: { paths: [src/a.rs] }, expect: { rules: { outside: OUTSIDE } } }
  - { name: early, change: { pull: , stage: pre-push }, expect: { rules: { secure: EARLY } } }
  - { name: on a server, change: { pull: }, expect: { denied-by: secure, rules: { secure: SERVER } } }
";
    let told = "forge-teams: { 'github:acme/Security': [kim, 'github:zoe'] }\n";
    for (head, words) in [
        (told, ["allowed", "{ rules: { secure: fail } }", "pass", "fail", "fail"]),
        (
            "",
            [
                "{ denied-by: secure }",
                "{ rules: { secure: undecided } }",
                "undecided",
                "deferred",
                "undecided",
            ],
        ),
        (
            "forge-teams: { 'github:acme/security': [] }\n",
            ["{ denied-by: secure }", "{ rules: { secure: fail } }", "pass", "fail", "fail"],
        ),
    ] {
        let names = ["EXPECTED", "OTHER", "OUTSIDE", "EARLY", "SERVER"];
        let mut suite = format!("{head}{cases}");
        for (name, word) in names.iter().zip(words) {
            suite = suite.replace(name, word);
        }
        holds(&build_test_schema(), &build_test_schema(), &as_json(&suite)).unwrap();
        let suite = read(&suite, &policy).unwrap();
        for result in run_suite(&suite, &policy) {
            assert_eq!(result.misses, [], "{head}{}: {:#?}", result.name, result.verdict.judgements);
        }
    }
    for (head, told) in [
        ("forge-teams: { 'github:acme/secure': [kim] }", "unknown team of a forge"),
        ("forge-teams: { 'github:acme/security': [kim@example.com] }", "is no account"),
    ] {
        let faults = read(&format!("{head}\ntests: [{{ name: x, expect: allowed }}]"), &policy).unwrap_err();
        assert!(faults.len() == 1 && faults[0].what.contains(told), "{faults:?}");
    }
    // The policy is a good one; a server that hooks guard could never find a team of GitHub alone.
    let mut scene = Scene::repository();
    scene.write("policies/changegate.yml", text);
    assert_eq!(scene.run(&["policy", "check"]), 0);
    assert_eq!(scene.run(&["policy", "check", "--server"]), 0);
    scene.write("policies/changegate.yml", text.replace(", sam@example.com", ""));
    assert_eq!(scene.run(&["policy", "check"]), 0);
    assert_eq!(scene.run(&["policy", "check", "--server"]), 2);
    assert_eq!(scene.run(&["policy", "show"]), 0);
    scene.is("forge-teams");
}

/// A rule that is switched off is a rule of the policy, and asks nothing.
#[test]
fn a_rule_that_is_off_applies_to_no_change() {
    let policy = load(&POLICY.replace(
        "  risk: { require: { field: { Risk: present } } }",
        "  risk: { require: { field: { Risk: present } }, level: off, reason: not yet }",
    ));
    let suite = "tests: [{ name: x, expect: { rules: { risk: not-applicable } } }]";
    let suite = read(suite, &policy).unwrap();
    assert_eq!(run_suite(&suite, &policy)[0].misses, []);
    let faults = read("tests: [{ name: x, expect: { denied-by: risk } }]", &policy).unwrap_err();
    assert!(
        faults.len() == 1 && faults[0].what == "`risk` is switched off, and denies nothing",
        "{faults:?}"
    );
}

/// A rule that only warns is told apart from one that denies and from one that is kept, up to the last day of its `until`.
#[test]
fn a_rule_that_only_warns_has_an_outcome_of_its_own() {
    let warning = POLICY.replace(
        "  risk: { require: { field: { Risk: present } } }",
        "  risk: { require: { field: { Risk: present } }, level: warn, until: 2026-06-30, reason: new to us }",
    );
    let suite = "\
change: { author: Ana <ana@example.com>, fields: { Change-Type: normal, Reviewed-by: Bo <bo@example.com> } }
tests:
  - name: without a risk
    cases:
      - name: on the last day
        change: { at: 2026-06-30T23:59:59Z }
        expect: { decision: allowed, rules: { risk: warns, review: pass } }
      - { name: any of two, change: { at: 2026-06-30T12:00:00Z }, expect: { rules: { risk: [fail, warns] } } }
      - { name: on the day after, change: { at: 2026-07-01T00:00:00Z }, expect: { denied-by: risk, rules: { risk: fail } } }
  - { name: with a risk, change: { fields: { Risk: low } }, expect: { decision: allowed, rules: { risk: pass } } }
";
    let policy = load(&warning);
    let read_results = |text: &str| {
        let suite = read(text, &policy).unwrap();
        let results = run_suite(&suite, &policy);
        (suite, results)
    };
    let (whole, results) = read_results(suite);
    for result in &results {
        assert_eq!(result.misses, [], "{}", result.name);
    }
    // What warns is broken, to the coverage.
    let coverage = measure(&warning, &whole);
    let is_risk =
        |gap: &CoverageGap<'_>| gap.kind == GapKind::RuleNeverBroken && gap.point.subject.name() == "risk";
    assert!(!coverage.list_gaps().iter().any(is_risk), "{:?}", coverage.list_gaps());
    // Neither a refusal, nor a pass, nor a failure.
    for wrong in ["denied-by: risk", "rules: { risk: pass }", "rules: { risk: fail }", "decision: denied"] {
        let wrong = format!(
            "tests: [{{ name: x, change: {{ fields: {{ Change-Type: emergency, Incident: INC-1 }} }}, expect: {{ {wrong} }} }}]"
        );
        let (_, results) = read_results(&wrong);
        assert_eq!(results[0].misses.len(), 1, "{wrong}");
    }
    let mut scene = Scene::repository();
    scene.write("policies/changegate.yml", &warning);
    scene.write("policies/changegate.test.yml", suite);
    assert_eq!(scene.run(&["policy", "test", "-v"]), 0);
    scene.write(
        "policies/changegate.test.yml",
        suite.replacen("rules: { risk: warns, review: pass }", "rules: { risk: pass }", 1),
    );
    assert_eq!(scene.run(&["policy", "test"]), 1);
    scene.write(
        "policies/changegate.test.yml",
        suite.replacen("decision: allowed, rules: { risk: warns, review: pass }", "denied-by: risk", 1),
    );
    assert_eq!(scene.run(&["policy", "test"]), 1);
    for (format, told) in [
        ("json", "\"warned_by\": [\n            \"risk\"\n          ]"),
        ("json", "\"risk\": \"warns\""),
        ("json", "\"`risk` warns: `Risk` is missing\""),
        ("junit", "<system-out>`risk` warns: `Risk` is missing</system-out>"),
    ] {
        let output = scene.command(&["policy", "test", "--format", format]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(told), "{told}: {text}");
    }
    scene.is("policy-test-warns");
}

/// Returns what an editor makes of a suite: the library that reads YAML for the editor's language server.
fn as_json(text: &str) -> Value {
    serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap()).unwrap()
}

#[test]
fn the_schema_takes_what_the_loader_takes_and_underlines_misspelt_keys() {
    let schema = build_test_schema();
    let mut suites = vec![("policy", SUITE.to_owned())];
    suites.extend(packs::POLICY_PACKS.iter().map(|pack| (pack.name, pack.tests.to_owned())));
    for (name, text) in &suites {
        holds(&schema, &schema, &as_json(text)).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    for (from, to, _, told) in MISTAKES {
        // Names of the policy, and what spans several keys, no schema knows.
        if [
            "rule",
            "class",
            "field",
            "another test",
            "is not allowed",
            "an instant",
            "is no path",
            "not protect",
            "knows no",
            "once more",
        ]
        .iter()
        .any(|word| told.contains(word))
        {
            continue;
        }
        let text = SUITE.replacen(from, to, 1);
        assert!(holds(&schema, &schema, &as_json(&text)).is_err(), "{to}");
    }
}

/// An independent validator says the same of the printed schema.
#[test]
fn another_validator_agrees_about_the_schema() {
    let tool = Path::new("target/workflow-tools/bin/check-jsonschema");
    if !tool.exists() {
        eprintln!("skipped: check-jsonschema is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("schema.json");
    std::fs::write(&schema, serde_json::to_string(&build_test_schema()).unwrap()).unwrap();
    let validate = |suites: &[(&str, &str)]| {
        let mut command = Command::new(tool);
        command.arg("--schemafile").arg(&schema);
        for (name, text) in suites {
            let file = folder.path().join(name).with_extension("yml");
            std::fs::write(&file, text).unwrap();
            command.arg(file);
        }
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let mut good: Vec<(&str, &str)> =
        packs::POLICY_PACKS.iter().map(|pack| (pack.name, pack.tests)).collect();
    good.push(("suite", SUITE));
    let (is_valid, told) = validate(&good);
    assert!(is_valid, "{told}");
    let bad = SUITE.replacen("paths:", "path:", 1);
    assert!(!validate(&[("bad", &bad)]).0);
}

#[test]
fn what_fails_is_told_and_ends_with_1() {
    let mut scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/changegate.test.yml", SUITE);
    assert_eq!(scene.run(&["policy", "test", "--coverage"]), 0);
    let wrong = SUITE
        .replacen("denied-by: risk", "denied-by: [review]", 1)
        .replacen("expect: denied }", "expect: allowed }", 1)
        .replacen("review: exempted", "review: [pass, owed]", 1)
        .replacen("class: emergency, denied-by: cause", "class: normal", 1);
    scene.write("policies/changegate.test.yml", &wrong);
    assert_eq!(scene.run(&["policy", "test"]), 1);
    let output = scene.command(&["policy", "test"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("note: `risk` denies 1 test that does not expect it; where that is meant, add it to"),
        "{text}"
    );
    // For programs, no line is wrapped.
    for (format, name) in [("json", "policy-test.json"), ("junit", "policy-test.xml")] {
        let output = scene.command(&["policy", "test", "--format", format, "policies"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        insta::with_settings!({
            snapshot_path => "cli",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, String::from_utf8(output.stdout).unwrap()) });
    }
    // A suite that cannot be read runs no test, of the others neither.
    scene.write("policies/other.test.yml", "policy: changegate.yml\ntests: [{ name: x, expect: alowed }]\n");
    assert_eq!(scene.run(&["policy", "test"]), 2);
    assert_eq!(scene.run(&["policy", "test", "nowhere.test.yml"]), 2);
    scene.write("policies/other.test.yml", "policy: pack:iso2701\ntests: [{ name: x, expect: allowed }]\n");
    assert_eq!(scene.run(&["policy", "test", "policies/other.test.yml"]), 2);
    scene.write("policies/other.test.yml", "policy: gone.yml\ntests: [{ name: x, expect: allowed }]\n");
    assert_eq!(scene.run(&["policy", "test", "policies/other.test.yml"]), 2);
    scene.is("policy-test");
}

/// A test is about what the gate judges: a field by any spelling of its name, a pull request as one, and a branch that the
/// policy protects.
#[test]
fn a_change_is_what_its_test_says() {
    let policy = load(&POLICY.replace("protects: [main]", "protects: ['release/*', 'refs/tags/v*']"));
    let suite = "\
change:
  fields: { Change-Type: normal, Risk: low, Reviewed-by: Bo <bo@example.com> }
tests:
  - { name: whole, expect: allowed }
  - { name: other spelling, change: { fields: { risk: } }, expect: { denied-by: risk } }
  - { name: other value, change: { fields: { RISK: high } }, expect: allowed }
  - { name: pull, change: { pull: { reviews: [{ by: bo }] }, fields: { Reviewed-by: } }, expect: allowed }
  - { name: audit, change: { pull: { reviews: [{ by: bo }] }, stage: audit, fields: { Reviewed-by: } }, expect: allowed }
";
    let suite = read(suite, &policy).unwrap();
    for (test, result) in suite.tests.iter().zip(run_suite(&suite, &policy)) {
        assert_eq!(result.misses, [], "{}", result.name);
        let stage = match test.name.as_str() {
            "pull" => "PullRequest",
            "audit" => "Audit",
            _ => "PreReceive",
        };
        assert_eq!(format!("{:?}", test.change.stage), stage);
        assert_eq!(test.change.target.as_ref().unwrap().to_lossy(), "refs/heads/release/x");
    }
}

/// What cannot be seen in the name of a test is written as an escape, in every format.
#[test]
fn names_of_tests_can_be_seen() {
    let scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    let name = "\\u202eturned\\u2066 \\u200bhidden \\x1b[31mred \\u0085 ##[error]";
    scene.write(
        "policies/changegate.test.yml",
        format!("tests: [{{ name: \"{name}\", expect: allowed, change: {{ fields: {{ Risk: low }} }} }}]\n"),
    );
    for format in ["terminal", "json", "junit"] {
        let output = scene.command(&["policy", "test", "-v", "--format", format]).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains("turned") && text.contains("hidden"), "{text}");
        for hidden in ["\u{202e}", "\u{2066}", "\u{200b}", "\u{1b}", "\u{85}", "##["] {
            assert!(!text.contains(hidden), "{format}: {hidden:?}: {text}");
        }
    }
}

#[test]
fn a_repository_without_tests_is_told_how_to_start() {
    let mut scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nextends: [startup]\nprotects: [main]\n",
    );
    assert_eq!(scene.run(&["policy", "test"]), 2);
    // As it is printed.
    let output = scene.command(&["policy", "packs", "startup", "--tests"]).output().unwrap();
    assert!(output.status.success());
    scene.write("policies/changegate.test.yml", &output.stdout);
    assert_eq!(scene.run(&["policy", "test"]), 0);
}

#[test]
fn watching_runs_the_tests_again_when_a_file_changes() {
    let scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/changegate.test.yml", SUITE);
    let log = scene.directory.join("log");
    let mut command = scene.command(&["policy", "test", "--watch"]);
    let mut child =
        command.stdout(std::fs::File::create(&log).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let await_text = |wanted: &str| {
        let start = Instant::now();
        while !std::fs::read_to_string(&log).unwrap().contains(wanted) {
            assert!(start.elapsed() < Duration::from_secs(60), "{wanted}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    await_text("waiting for a change");
    scene.write("policies/changegate.test.yml", SUITE.replacen("denied-by: risk", "denied-by: review", 1));
    await_text("1 failed");
    // A file that is wrong for a moment ends nothing.
    scene.write("policies/changegate.yml", "changegate: 1\nrules: [");
    std::thread::sleep(Duration::from_millis(900));
    scene.write("policies/changegate.yml", POLICY.replacen("name: acme", "name: acme-2", 1));
    scene.write("policies/changegate.test.yml", SUITE.replacen("name: risk", "name: risk2", 1));
    let start = Instant::now();
    while std::fs::read_to_string(&log).unwrap().matches("8 passed").count() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
