//! The control ids of the shipped packs, held against `tests/packs/controls.tsv`.
//!
//! That table says which controls each kind of rule serves, in each framework. A rule of a pack belongs to one kind
//! and names its controls: no other, none left out, none misspelt, none of another framework. So a record that was
//! written for one framework can be read for every other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use changegate::policy::{self, Policy, packs};
use regex::Regex;

#[path = "cli/scene.rs"]
#[expect(dead_code, reason = "only parts of the scene are used here")]
mod scene;

use scene::Scene;

/// The frameworks, and how each one numbers its requirements.
const FRAMEWORKS: [(&str, &str); 12] = [
    // Clauses of the standard, and controls of its Annex A.
    ("iso27001", r"(4|5|6|7|8|9|10)\.[1-9](\.[1-9])?|A\.[5-8]\.([1-9]|[1-3][0-9])"),
    ("iso42001", r"(4|5|6|7|8|9|10)\.[1-9]|A\.([2-9]|10)(\.[1-9](\.[1-9])?)?"),
    // Criteria of trust services.
    ("soc2", r"CC[1-9]\.[1-9]"),
    ("pci-dss", r"([1-9]|1[0-2])\.[1-9][0-9]*(\.[1-9][0-9]*){0,2}"),
    // Controls with their enhancements in parentheses.
    ("nist-800-53", r"[A-Z]{2}-[1-9][0-9]?(\([1-9][0-9]?\))?"),
    // Practices and tasks of the secure software development framework, and of its profile for models.
    ("nist-800-218", r"(PO|PS|PW|RV)\.[1-9](\.[1-9])?"),
    ("nist-800-218a", r"(PO|PS|PW|RV)\.[1-9](\.[1-9])?"),
    // Article, paragraph and letter: of the regulation, and of its technical standard.
    ("dora", r"[1-9][0-9]?(\.[1-9][0-9]?(\.[a-z])?)?"),
    ("dora-rts", r"[1-9][0-9]?(\.[1-9][0-9]?(\.[a-z])?)?"),
    // The directive, and the annex of its implementing regulation.
    ("nis2", r"[1-9][0-9]?(\.[1-9][0-9]?(\.[a-z])?)?"),
    ("nis2-ir", r"[1-9][0-9]?\.[1-9][0-9]?(\.[1-9][0-9]?)?"),
    ("ai-act", r"[1-9][0-9]{0,2}(\.[1-9][0-9]?(\.[a-z])?)?"),
];

/// Names of our own, where a framework gives no numbers that could be cited.
const OWN_NAMES: [&str; 3] = ["slsa:two-party-review", "sox:program-change", "sox:segregation-of-duties"];

/// A kind of rule: the rules of packs that are of it, and the controls that they serve.
struct RuleKind {
    name: String,
    rules: Vec<String>,
    controls: BTreeSet<String>,
}

fn read_kinds() -> Vec<RuleKind> {
    let text = include_str!("packs/controls.tsv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("kind\tasks\trules\tcontrols"));
    let read = |line: &str| {
        let [name, asks, rules, controls] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        assert!(!asks.is_empty() && !asks.ends_with('.'), "{line}");
        let controls: Vec<String> = controls.split(' ').map(str::to_owned).collect();
        let unique: BTreeSet<String> = controls.iter().cloned().collect();
        assert_eq!(controls.len(), unique.len(), "{name}: a control stands twice");
        let rules = rules.split(' ').map(str::to_owned).collect();
        RuleKind { name: name.to_owned(), rules, controls: unique }
    };
    let kinds: Vec<RuleKind> = lines.map(read).collect();
    let names: BTreeSet<&String> = kinds.iter().map(|kind| &kind.name).collect();
    assert_eq!(names.len(), kinds.len(), "a kind stands twice");
    kinds
}

/// Returns what is wrong with the form of a control id.
fn find_form_fault(control: &str) -> Option<String> {
    if OWN_NAMES.contains(&control) {
        return None;
    }
    let Some((framework, id)) = control.split_once(':') else {
        return Some(format!("`{control}` names no framework"));
    };
    let Some((_, form)) = FRAMEWORKS.iter().find(|(name, _)| *name == framework) else {
        return Some(format!("`{framework}` is no framework that is known"));
    };
    let is_right = Regex::new(&format!("^({form})$")).unwrap().is_match(id);
    (!is_right).then(|| format!("`{id}` is no id of {framework}"))
}

/// Returns what is wrong with the controls of a rule.
fn find_control_faults(rule: &str, controls: &[String], kinds: &[RuleKind]) -> Vec<String> {
    let Some(kind) = kinds.iter().find(|kind| kind.rules.iter().any(|known| known == rule)) else {
        return vec![format!("`{rule}` is of no kind; add it to tests/packs/controls.tsv")];
    };
    let mut faults = Vec::new();
    if controls.is_empty() {
        faults.push(format!("`{rule}` names no control"));
    }
    let mut seen = BTreeSet::new();
    for control in controls {
        if !seen.insert(control.clone()) {
            faults.push(format!("`{rule}` names `{control}` twice"));
        }
        if let Some(fault) = find_form_fault(control) {
            faults.push(format!("`{rule}`: {fault}"));
        } else if !kinds.iter().any(|kind| kind.controls.contains(control)) {
            faults.push(format!("`{rule}`: `{control}` is not known"));
        } else if !kind.controls.contains(control) {
            faults.push(format!("`{rule}`: `{control}` is none of the kind `{}`", kind.name));
        }
    }
    for control in kind.controls.difference(&seen) {
        faults.push(format!("`{rule}` leaves out `{control}`"));
    }
    faults
}

fn load_pack(pack: &packs::PolicyPack) -> Policy {
    policy::load_policy(pack.name, &mut |_| Ok(None)).unwrap()
}

#[test]
fn every_rule_of_every_pack_names_the_controls_of_its_kind() {
    let kinds = read_kinds();
    let mut faults = Vec::new();
    let mut rules = BTreeSet::new();
    for pack in packs::POLICY_PACKS {
        for rule in load_pack(pack).rules {
            let id = rule.description.id.to_string();
            for fault in find_control_faults(&id, &rule.description.controls, &kinds) {
                faults.push(format!("{}: {fault}", pack.name));
            }
            rules.insert(id);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The table has nothing that no pack has, and each rule once.
    let mut listed: Vec<&String> = kinds.iter().flat_map(|kind| &kind.rules).collect();
    listed.sort();
    assert_eq!(listed, rules.iter().collect::<Vec<_>>());
}

#[test]
fn every_control_of_the_table_is_an_id_of_its_framework() {
    let mut frameworks: BTreeMap<String, usize> = BTreeMap::new();
    for kind in read_kinds() {
        for control in &kind.controls {
            assert_eq!(find_form_fault(control), None, "{}", kind.name);
            *frameworks.entry(control.split(':').next().unwrap().to_owned()).or_default() += 1;
        }
        // Nearly all of change management is one control of one standard.
        assert!(
            kind.controls.iter().any(|control| control.starts_with("iso27001:")) || kind.name == "privacy"
        );
    }
    let known: BTreeSet<&str> = FRAMEWORKS.iter().map(|(name, _)| *name).chain(["slsa", "sox"]).collect();
    assert_eq!(frameworks.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
}

#[test]
fn what_is_wrong_with_a_control_is_found() {
    let kinds = read_kinds();
    let startup = load_pack(packs::POLICY_PACKS.iter().find(|pack| pack.name == "startup").unwrap());
    let review = startup.rules.iter().find(|rule| rule.description.id.as_str() == "peer-review").unwrap();
    let controls = &review.description.controls;
    assert_eq!(find_control_faults("peer-review", controls, &kinds), [""; 0]);
    let with = |control: &str| {
        let mut controls = controls.clone();
        controls.push(control.to_owned());
        find_control_faults("peer-review", &controls, &kinds)
    };
    for (control, told) in [
        ("iso27001:A.8.77", "`A.8.77` is no id of iso27001"),
        ("iso27001:A8.32", "`A8.32` is no id of iso27001"),
        ("iso27001:a.8.32", "`a.8.32` is no id of iso27001"),
        ("soc2:A.8.32", "`A.8.32` is no id of soc2"),
        ("iso27001:CC8.1", "`CC8.1` is no id of iso27001"),
        ("soc2:CC8.2", "`soc2:CC8.2` is not known"),
        ("nist-800-53:CM3", "`CM3` is no id of nist-800-53"),
        ("nist-800-53:CM-4(9)", "`nist-800-53:CM-4(9)` is not known"),
        ("pci:6.5.1", "`pci` is no framework that is known"),
        ("slsa:two-party-reviews", "`slsa` is no framework that is known"),
        ("A.8.32", "`A.8.32` names no framework"),
        ("pci-dss:6.5.2", "`pci-dss:6.5.2` is none of the kind `review`"),
        ("iso27001:A.5.3", "`peer-review` names `iso27001:A.5.3` twice"),
    ] {
        assert!(with(control).iter().any(|fault| fault.contains(told)), "{control}: {:?}", with(control));
    }
    assert!(
        find_control_faults("peer-review", &[], &kinds)
            .contains(&"`peer-review` names no control".to_owned())
    );
    let less = find_control_faults("peer-review", &controls[1..], &kinds);
    assert_eq!(less, [format!("`peer-review` leaves out `{}`", controls[0])]);
    assert!(find_control_faults("per-review", controls, &kinds)[0].contains("is of no kind"));
}

/// The procedure of a pack, and the report of an audit, tell every control of every framework.
#[test]
fn the_procedure_and_the_audit_tell_the_controls_of_every_framework() {
    for pack in packs::POLICY_PACKS {
        let scene = Scene::repository();
        let output = scene.command(&["policy", "docs", "--pack", pack.name]).output().unwrap();
        let procedure = String::from_utf8(output.stdout).unwrap();
        let (_, table) = procedure.split_once("Each control with the rules").unwrap();
        for rule in load_pack(pack).rules {
            for control in &rule.description.controls {
                let row = table.lines().find(|line| line.starts_with(&format!("| `{control}` |")));
                let row = row.unwrap_or_else(|| panic!("{}: {control}", pack.name));
                assert!(row.contains(&format!("`{}`", rule.description.id)), "{}: {row}", pack.name);
            }
        }
    }
    let mut scene = Scene::repository();
    scene.commit("Begin\n\nChange-Type: normal\nRisk: low\n");
    scene.commit("Go on\n\nChange-Type: normal\nRisk: low\n");
    let audited = ["audit", "--pack", "ai-company", "--out", "audit"];
    let output = scene.command(&audited).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(scene.directory.join("audit/report.html")).unwrap();
    let (_, page) = page.split_once("Controls and the rules that served them").unwrap();
    let (asked, _) = page.split_once("Controls with no evidence").unwrap();
    for rule in load_pack(packs::POLICY_PACKS.iter().find(|pack| pack.name == "ai-company").unwrap()).rules {
        for control in &rule.description.controls {
            assert!(asked.contains(control), "{control}");
        }
    }
    // What only another pack serves is named as well.
    assert!(page.contains("pci-dss:6.5.2: a shipped pack serves it"));
}
