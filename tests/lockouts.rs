//! No policy is refused for a lock-out that some change of a person is allowed under, and none is taken whose rules apply
//! to no change of it: generated policies of a few rules, against the judge, over a small world of changes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use changegate::change::Change;
use changegate::gate::{check_policy, load_from_files};
use changegate::judge::judge_change;
use changegate::policy::Policy;
use changegate::verdict::Decision;
use changegate::{fixture, yaml};
use jiff::Timestamp;
use proptest::prelude::*;

const ENTRY: &str = "policies/p.yml";

const ROSTER: &str = "people:\n  ana: { addresses: [ana@example.com], accounts: [ana] }\n  \
                      ben: { addresses: [ben@example.com], accounts: [ben] }\n  \
                      kim: { addresses: [kim@example.com], accounts: [kim] }\n";

const NOW: &str = "2026-11-20T09:00:00Z";

/// What rules require, and what exemptions and `when` ask.
const QUESTIONS: &[&str] = &[
    "approvals: { at-least: 1, trust: claimed }",
    "approvals: { at-least: 2, trust: claimed }",
    "approvals: { at-least: 3, trust: claimed }",
    "approvals: { at-least: 4, trust: claimed }",
    "approvals: { from: [ops], trust: claimed }",
    "approvals: { from: [solo], trust: claimed }",
    "approvals: { from: [ops], at-least: 2, trust: claimed }",
    "approvals: { from: [solo], at-least: 2, trust: claimed }",
    "approvals: { from: [nobody], trust: claimed }",
    "approvals: { from: [ops, solo], distinct-teams: true, trust: claimed }",
    "author: { team: solo }",
    "author: { team: ops }",
    "author: { bot: true }",
    "author: { address: 'ana+work@example.com' }",
    "author: { address: 'a*' }",
    "author: { domain: out.example }",
    "pusher: ben",
    "pusher: { team: solo }",
    "pusher: { bot: true }",
    "pusher: { bot: false }",
    "size: { files: { at-most: 0 } }",
    "size: { files: { at-most: 1 } }",
    "size: { files: { at-most: 0 }, ignore: ['*.lock'] }",
    "size: { files: { at-most: 0 }, ignore: ['*.lock', /policies/] }",
    "size: { lines: { at-most: 0 } }",
    "size: { lines: { at-most: 9 } }",
    "field: { Risk: low }",
    "field: { Risk: high }",
    "field: { Risk: present }",
    "field: { Risk: absent }",
    "field: { Note: present }",
    "field: { Note: absent }",
    "field: { Reviewed-by: absent }",
    "field: { Kind: urgent }",
    "window: { outside: [{ from: 2026-11-01, until: 2026-12-31 }] }",
    "window: { outside: [{ from: 2026-11-01, until: 2028-12-31 }] }",
    "window: { inside: [{ from: 2026-01-01, until: 2026-02-01 }] }",
    "window: { inside: [{ from: 2026-11-01, until: 2026-11-30 }] }",
    "touches: src/",
    "touches: '/policies/**'",
    "only-touches: ['*.lock']",
    "branch: main",
    "branch: dev",
    "signed: true",
];

#[derive(Clone, Debug)]
enum Asked {
    Plain(usize),
    Not(usize),
    Any(usize, usize),
    NotAny(usize, usize),
    All(usize, usize),
}

impl Asked {
    fn write_yaml(&self, questions: &[&str]) -> String {
        match self {
            Asked::Plain(one) => questions[*one].to_owned(),
            Asked::Not(one) => format!("not: {{ {} }}", questions[*one]),
            Asked::Any(one, other) => {
                format!("any: [{{ {} }}, {{ {} }}]", questions[*one], questions[*other])
            }
            Asked::NotAny(one, other) => {
                format!("any: [{{ {} }}, {{ not: {{ {} }} }}]", questions[*one], questions[*other])
            }
            Asked::All(one, other) => {
                format!("all: [{{ {} }}, {{ {} }}]", questions[*one], questions[*other])
            }
        }
    }
}

fn asked_of(questions: &'static [&'static str]) -> impl Strategy<Value = Asked> {
    let one = || 0..questions.len();
    prop_oneof![
        5 => one().prop_map(Asked::Plain),
        1 => one().prop_map(Asked::Not),
        2 => (one(), one()).prop_map(|(one, other)| Asked::Any(one, other)),
        1 => (one(), one()).prop_map(|(one, other)| Asked::NotAny(one, other)),
        1 => (one(), one()).prop_map(|(one, other)| Asked::All(one, other)),
    ]
}

/// A rule, with an exemption from it.
#[derive(Clone, Debug)]
struct RuleSketch {
    scope: usize,
    when: Option<Asked>,
    require: Asked,
    exemption: Option<(Asked, bool)>,
}

fn rule() -> impl Strategy<Value = RuleSketch> {
    let optional = |weight| prop::option::weighted(weight, asked_of(QUESTIONS));
    let exemption = prop::option::weighted(0.25, (asked_of(QUESTIONS), prop::bool::weighted(0.8)));
    (0..6_usize, optional(0.3), asked_of(QUESTIONS), exemption)
        .prop_map(|(scope, when, require, exemption)| RuleSketch { scope, when, require, exemption })
}

fn write_policy(rules: &[RuleSketch], has_roster: bool, has_classes: bool) -> String {
    let mut stated = Vec::new();
    let mut exemptions = String::new();
    for (index, rule) in rules.iter().enumerate() {
        let when = rule.when.as_ref().map(|when| when.write_yaml(QUESTIONS));
        stated.push((rule.scope, when, rule.require.write_yaml(QUESTIONS)));
        if let Some((when, is_granted)) = &rule.exemption {
            let until = if *is_granted { "2028-01-01" } else { "2026-11-01" };
            let when = when.write_yaml(QUESTIONS);
            writeln!(
                exemptions,
                "  - {{ rule: r{index}, when: {{ {when} }}, reason: x, approved-by: K, until: {until} }}"
            )
            .unwrap();
        }
    }
    let mut text = write_rules(&stated, has_roster, has_classes);
    if !exemptions.is_empty() {
        write!(text, "exemptions:\n{exemptions}").unwrap();
    }
    text
}

/// Writes a policy of rules, each with its scope, its `when` and what it requires.
fn write_rules(rules: &[(usize, Option<String>, String)], has_roster: bool, has_classes: bool) -> String {
    let mut text = String::from("changegate: 1\nname: x\nprotects: [main]\npeople:\n");
    if has_roster {
        text += "  roster: policies/people.yml\n";
    }
    text += "  teams: { ops: [ana@example.com, ben@example.com], solo: [kim@example.com], nobody: ['gone@bots.example'] }\n  \
             bots: ['*[bot]', 'x[bot]', '*@bots.example']\n\
             fields:\n  Risk: { ordered: [low, high], on-conflict: highest }\n  Kind: { one-of: [urgent, usual], on-conflict: \
             strictest }\n  Note: { text: { min-length: 3 } }\n  Reviewed-by: { person: true }\n";
    if has_classes {
        text += "classes: { urgent: { field: { Kind: urgent } }, normal: {} }\n";
    }
    text += "rules:\n";
    for (index, (scope, when, require)) in rules.iter().enumerate() {
        let scope = if has_classes {
            ["", "", "", "for: [normal], ", "for: [urgent], ", "not-for: [urgent], "][*scope]
        } else {
            ""
        };
        let when = when.as_ref().map(|when| format!("when: {{ {when} }}, ")).unwrap_or_default();
        writeln!(text, "  r{index}: {{ {scope}{when}require: {{ {require} }} }}").unwrap();
    }
    text
}

/// Returns each change of the policy that a person can make in the world.
fn build_world() -> Vec<Change> {
    let people = ["ana@example.com", "ben@example.com", "kim@example.com", "out@out.example"];
    let authors = ["ana@example.com", "ana+work@example.com", "kim@example.com", "out@out.example"];
    let pushers = ["ana", "ben", "kim", "x[bot]"];
    let paths = ["policies/p.yml", "policies/p.yml, src/a.rs", "policies/p.yml, a.lock"];
    let said =
        ["", "Risk: low, Kind: urgent, ", "Risk: high, Note: abc, Kind: usual, ", "Risk: low, Note: abc, "];
    let mut world = Vec::new();
    for number in 0..authors.len() * pushers.len() * paths.len() * said.len() * 2 * 2 * 16 {
        let mut rest = number;
        let mut choose = |count: usize| {
            let chosen = rest % count;
            rest /= count;
            chosen
        };
        let (author, pusher) = (authors[choose(4)], pushers[choose(4)]);
        let (paths, said) = (paths[choose(3)], said[choose(4)]);
        let (lines, at) = ([1, 90][choose(2)], [NOW, "2027-03-01T09:00:00Z"][choose(2)]);
        let approvers = choose(16);
        let chosen = people.iter().enumerate().filter(|(bit, _)| approvers >> bit & 1 == 1);
        let chosen: Vec<String> = chosen.map(|(_, who)| format!("X <{who}>")).collect();
        let approvals =
            if chosen.is_empty() { String::new() } else { format!("Reviewed-by: [{}]", chosen.join(", ")) };
        let text = format!(
            "at: {at}\nauthor: Y <{author}>\npusher: '{pusher}'\nmessage: Change it\nlines: {lines}\npaths: [{paths}]\n\
             fields: {{ {said}{approvals} }}\n"
        );
        let mut faults = Vec::new();
        let node = yaml::read_document(text.as_bytes()).unwrap();
        let change = fixture::read_change(&node, &mut faults);
        world.push(change.unwrap_or_else(|| panic!("{faults:?}\n{text}")));
    }
    world
}

/// Returns true if the judge allows some change of the policy in the world.
fn is_policy_changeable(policy: &Policy) -> bool {
    static WORLD: LazyLock<Vec<Change>> = LazyLock::new(build_world);
    WORLD.iter().any(|change| judge_change(policy, change, true).decision() == Decision::Allow)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("CHANGEGATE_LOCKOUT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_policy_is_refused_that_some_change_can_keep(
        rules in prop::collection::vec(rule(), 1..4), has_roster in any::<bool>(), has_classes in any::<bool>(),
    ) {
        let text = write_policy(&rules, has_roster, has_classes);
        let files = BTreeMap::from([(ENTRY, text.as_str()), ("policies/people.yml", ROSTER)]);
        let loaded = load_from_files(ENTRY, "a test".into(), &mut |name| {
            Ok(files.get(name).map(|text| text.as_bytes().to_vec()))
        });
        let Ok(loaded) = loaded else { return Err(TestCaseError::reject("not valid")) };
        let now: Timestamp = NOW.parse().unwrap();
        let Err(errors) = check_policy(&loaded, &[], now) else { return Ok(()) };
        let told: Vec<&str> = errors.faulty_files.iter().flat_map(|file| &file.faults).map(|fault| fault.what.as_str()).collect();
        // An exemption that leaves nothing of its rule, and a class that is never reached, are no lock-outs.
        let is_lockout = |what: &&str| !what.starts_with("this exempts every change") && !what.starts_with("no change is of the class");
        prop_assume!(told.iter().any(is_lockout));
        // A policy that can never be changed again is refused as well.
        prop_assert!(!is_policy_changeable(&loaded.policy), "{}\n{:#?}", text, told);
    }
}

/// What the `when` of a rule asks that the changes of the world tell; who has which address, nothing tells in full.
const CONDITIONS: &[&str] = &[
    "author: { team: solo }",
    "author: { bot: true }",
    "pusher: ben",
    "pusher: { team: solo }",
    "pusher: { bot: true }",
    "size: { files: { at-most: 1 } }",
    "size: { lines: { at-most: 9 } }",
    "field: { Risk: low }",
    "field: { Risk: high }",
    "field: { Kind: urgent }",
    "field: { Note: present }",
    "window: { outside: [{ from: 2026-11-01, until: 2026-12-31 }] }",
    "window: { outside: [{ from: 2026-11-01, until: 2028-12-31 }] }",
    "window: { inside: [{ from: 2026-01-01, until: 2026-02-01 }] }",
    "window: { inside: [{ from: 2026-11-01, until: 2026-11-30 }] }",
    "touches: src/",
    "touches: '/policies/**'",
    "only-touches: ['/policies/**']",
    "branch: main",
    "branch: dev",
];

/// Returns each change of the policy that a person can make, as far as the conditions tell changes apart.
fn build_told_world() -> Vec<Change> {
    let mut world = Vec::new();
    let sizes = [6, 6, 4, 3, 3, 2, 2, 3];
    for number in 0..sizes.iter().product() {
        let mut rest: usize = number;
        let mut choices = sizes.iter().map(|size| {
            let chosen = rest % size;
            rest /= size;
            chosen
        });
        let mut choose = || choices.next().unwrap();
        let author = [
            "ana@example.com",
            "ben@example.com",
            "kim@example.com",
            "out@out.example",
            "b@x.example",
            "a@out.example",
        ][choose()];
        let pusher = ["ana", "ben", "kim", "x[bot]", "zoe", "kim@example.com"][choose()];
        let paths = [
            "policies/p.yml",
            "policies/p.yml, src/a.rs",
            "policies/p.yml, policies/src/a.rs",
            "policies/p.yml, b.md",
        ][choose()];
        let risk = ["", "Risk: low, ", "Risk: high, "][choose()];
        let kind = ["", "Kind: urgent, ", "Kind: usual, "][choose()];
        let (note, lines) = (["", "Note: abc"][choose()], [1, 90][choose()]);
        let at = [NOW, "2026-12-15T09:00:00Z", "2027-03-01T09:00:00Z"][choose()];
        let text = format!(
            "at: {at}\nauthor: Y <{author}>\npusher: '{pusher}'\nmessage: Change it\nlines: {lines}\npaths: [{paths}]\n\
             fields: {{ {risk}{kind}{note} }}\n"
        );
        let mut faults = Vec::new();
        let node = yaml::read_document(text.as_bytes()).unwrap();
        let change = fixture::read_change(&node, &mut faults);
        world.push(change.unwrap_or_else(|| panic!("{faults:?}\n{text}")));
    }
    world
}

/// Returns true if a rule applies to some change of the policy in the world.
fn is_policy_ruled(policy: &Policy) -> bool {
    static WORLD: LazyLock<Vec<Change>> = LazyLock::new(build_told_world);
    WORLD.iter().any(|change| {
        let verdict = judge_change(policy, change, true);
        verdict.judgements.iter().all(|judgement| judgement.rule.id.as_str() != "no-rule-applies")
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("CHANGEGATE_LOCKOUT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_policy_is_refused_if_and_only_if_its_rules_apply_to_no_change_of_it(
        rules in prop::collection::vec((0..6_usize, asked_of(CONDITIONS)), 1..3),
        has_roster in any::<bool>(), has_classes in any::<bool>(),
    ) {
        let mut sketches = Vec::new();
        for (scope, when) in rules {
            sketches.push((scope, Some(when.write_yaml(CONDITIONS)), "subject: { longest: 72 }".to_owned()));
        }
        let text = write_rules(&sketches, has_roster, has_classes);
        let files = BTreeMap::from([(ENTRY, text.as_str()), ("policies/people.yml", ROSTER)]);
        let loaded = load_from_files(ENTRY, "a test".into(), &mut |name| {
            Ok(files.get(name).map(|text| text.as_bytes().to_vec()))
        });
        let Ok(loaded) = loaded else { return Err(TestCaseError::reject("not valid")) };
        let told: Vec<String> = match check_policy(&loaded, &[], NOW.parse().unwrap()) {
            Ok(_) => Vec::new(),
            Err(errors) => {
                errors.faulty_files.iter().flat_map(|file| &file.faults).map(|fault| fault.what.clone()).collect()
            }
        };
        prop_assert_eq!(told.is_empty(), is_policy_ruled(&loaded.policy), "{}\n{:#?}", text, told);
        prop_assert!(told.iter().all(|what| what.contains("no-rule-applies")), "{}\n{:#?}", text, told);
    }
}
