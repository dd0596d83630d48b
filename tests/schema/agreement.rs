//! The schema and the loader about the same policies: sound ones, each with one slip in one place.
//!
//! What the loader takes, the schema takes as well. What the loader refuses, the schema refuses where a schema can say it:
//! the rest is about names that other parts define, about the order of values, and about the text itself.

use std::collections::BTreeSet;

use changegate::gate::{check_policy, load_from_files};
use changegate::policy::{load_policy, schema};
use changegate::yaml::{YamlNode, YamlValue as Yaml};

use crate::json_schema::holds;
use crate::{json, read};

const NAME: &str = "p/main.yml";

/// What stands around a question. The fields and the teams are those of `tests/predicates/policy.yml`.
const AROUND: &str = "\
changegate: 1
protects: [main]
people:
  teams: { security: [sec@example.com], duty-managers: [kim@example.com], platform: [ana@example.com] }
  bots: ['*[bot]']
fields:
  Change-Type: { one-of: [normal, standard, emergency], on-conflict: strictest }
  Risk: { ordered: [low, medium, high], on-conflict: highest }
  Ticket: { matches: '[A-Z]+-[0-9]+', aliases: [Refs], many: true }
  Back-out-Plan: { text: { min-length: 15 } }
  Reviewed-by: { person: true }
  Authorized-by: { person: true }
tickets: { PAY: { jira: 'https://acme.example' } }
standard-changes:
  STD-1: { paths: [src/], approved-by: Kim, approved-on: 2026-01-01, review-by: 2026-12-31 }
";

/// What ends it, as the trees of policies are written here.
const AROUND_END: &str = "\"STD-1\"";

/// Parts of policies, each with everything that its key may hold.
const PARTS: &[&str] = &[
    "name: acme",
    "summary: For tests",
    "owner: Ana",
    "review-by: 2027-06-30",
    "extends: core",
    "extends: [core, base.yml]",
    "protects: main",
    "protects: [main, 'release/*', refs/tags/v1]",
    "unit: commit",
    "people: { teams: { a: [ana@example.com, 'github:ana#5', 'Ana <ana@example.com>'], b: kim }, bots: ci }",
    "people: { bots: ['*[bot]', ci@example.com], holidays: [12-25, 2027-03-29] }",
    "people: { holidays: 12-25 }",
    "people: { teams: { a: [x] }, codeowners: { format: github, teams: { '@acme/sec': a } } }",
    "people: { codeowners: gitlab }",
    "people: { roster: who.yml }",
    "fields: { A: { one-of: [a, b], on-conflict: strictest, aliases: [B], many: true } }",
    "fields: { A: { ordered: [a, b], on-conflict: highest, aliases: [B, C] } }",
    "fields: { A: { one-of: a, stated-by-bots: ['github:renovate[bot]'] } }",
    "fields: { A: { matches: '[a-z]+', example: abc } }",
    "fields: { A: { text: { min-length: 20, refuse: [as usual, see ticket] } } }",
    "fields: { A: { text: {} }, B: { person: true, on-conflict: refuse } }",
    "signers: { ssh: keys }",
    "tickets: { PAY: { jira: 'https://acme.example' }, '#': github, '*': export, OPS: linear }",
    "tickets: { A: { github: acme/shop }, B: { jira-data-center: 'https://jira.acme.example:8443/jira' } }",
    "classes: { a: { branch: main }, b: { all: [{ branch: dev }, { not: { draft: true } }] }, c: {} }",
    "classes: { a: { any: [{ branch: dev }, { draft: false }] } }",
    "standard-changes: { A-1: { title: x, paths: ['docs/**', '*.md'], size: { files: { at-most: 2 } }, who: { bots: [ci], \
     teams: [t] }, approved-by: Kim, approved-on: 2026-01-01, review-by: 2026-12-31 } }\npeople: { teams: { t: [kim] } }",
    "standard-changes: { A-1: { paths: docs/, size: { lines: { at-most: 2 } }, who: { bots: ci }, approved-by: Kim, \
     approved-on: 2026-01-01, review-by: 2026-12-31 } }",
    "standard-changes: catalogue.yml",
    "exemptions: [{ rule: base, when: { branch: main }, reason: a, approved-by: b, until: 2030-01-01 }]",
    "obligations: { block-on-overdue: true, suspend-shortcut: false, regularise: { from: [t], within: 24h } }\n\
     people: { teams: { t: [kim] } }",
    "break-glass: { from: t, longest: 4h }\npeople: { teams: { t: [kim] } }",
    "acts: { outcome: { from: [t] }, verified: { from: t, bots: [ci] }, attach: { bots: ci, largest: 5MB } }\n\
     people: { teams: { t: [kim] }, bots: [ci] }",
    "reasons: { protects: it is so }",
    "rules:\n  a: { title: x, why: y, controls: ['iso27001:A.8.32'], level: warn, reason: z, until: 2030-01-01, require: { \
     draft: false } }\n  base: { require: { branch: main } }",
    "classes: { n: {} }\nrules:\n  a: { for: [n], when: { branch: main }, level: off, reason: z, require: { draft: false } }\n  \
     base: { not-for: n, require: { branch: main } }",
];

/// More questions than those of `tests/predicates/questions.yml`.
const QUESTIONS: &[&str] = &[
    "approvals: { from: [security, platform], distinct-teams: true, commands: /ok }",
    "approvals: { authors: cross, from: [security, platform], different-teams: 2, suggestions: count-as-review }",
    "author: { address: a@example.com, domain: [example.com, x.org], bot: true, team: [platform] }",
    "blob: { largest: 5 MB, lfs: '*.bin', lfs-pointer: well-formed, raw-weights: refuse }",
    "field: { Risk: { one-of: [low, high] }, Back-out-Plan: { present: true, until: Ticket, by: others } }",
    "field: { Risk: { at-most: medium }, Back-out-Plan: { within: 24h, by: others }, Ticket: { present: true } }",
    "label: { any-of: a, all-of: [b], by: [platform], of: any-revision }",
    "label: [hotfix]",
    "merge: { parents: { at-most: 2 } }",
    "pusher: { account: [ci, 'a-*'], team: platform, pushers: every }",
    "signed: { by: author, from: platform }",
    "ticket: { field: Ticket, type: [Bug], label: x, state: { one-of: [Done] }, within: 24h, unseen: owe }",
    "touches: { kinds: [addition], ignore: 'a' }",
    "window: { outside: { first: 3 days, of: month }, inside: { until: '16:59' }, zone: UTC }",
    "window: { inside: [{ weekdays: Fri, from: '08:00' }, { from: '08:00', until: '09:00' }] }",
    "all: [{ branch: main }, { draft: false }]",
    "any: [{ branch: main }, { not: { draft: true, branch: dev } }]",
];

/// Returns the sound policies, each with the key that slips are made below; everywhere if there is none.
fn list_policies() -> Vec<(String, Option<&'static str>)> {
    let mut policies = Vec::new();
    for part in PARTS {
        let mut text = String::from("changegate: 1\n");
        if !part.starts_with("protects") {
            text += "protects: [main]\n";
        }
        text += part;
        if !part.contains("rules:") {
            text += "\nrules: { base: { require: { branch: main } } }";
        }
        policies.push((text + "\n", None));
    }
    let questions = read(include_str!("../predicates/questions.yml"));
    let mut asked: Vec<String> = QUESTIONS.iter().map(|question| (*question).to_owned()).collect();
    for (name, forms) in questions.as_object().unwrap() {
        asked.extend(forms.as_array().unwrap().iter().map(|form| format!("{name}: {form}")));
    }
    for question in asked {
        policies.push((format!("{AROUND}rules:\n  a:\n    require: {{ {question} }}\n"), Some("rules")));
    }
    policies
}

/// Writes a tree as YAML in one line.
fn write_node(node: &YamlNode, text: &mut String) {
    match &node.value {
        Yaml::Scalar { text: value, is_plain: true } => *text += value,
        Yaml::Scalar { text: value, .. } => *text += &serde_json::to_string(value).unwrap(),
        Yaml::List(items) => {
            *text += "[";
            for (index, item) in items.iter().enumerate() {
                *text += if index == 0 { "" } else { ", " };
                write_node(item, text);
            }
            *text += "]";
        }
        Yaml::Map(entries) => {
            *text += "{";
            for (index, (key, value)) in entries.iter().enumerate() {
                *text += if index == 0 { " " } else { ", " };
                *text += &serde_json::to_string(&key.text).unwrap();
                *text += ": ";
                write_node(value, text);
            }
            *text += " }";
        }
    }
}

fn scalar(text: &str, is_plain: bool) -> YamlNode {
    YamlNode { value: Yaml::Scalar { text: text.into(), is_plain }, ..YamlNode::default() }
}

fn with_value(value: Yaml) -> YamlNode {
    YamlNode { value, ..YamlNode::default() }
}

/// Returns what may stand in the place of a value by a slip.
fn list_slips(node: &YamlNode) -> Vec<YamlNode> {
    let mut slips = vec![
        scalar("null", true),
        scalar("", false),
        scalar("x y", false),
        scalar("true", true),
        scalar("false", true),
        scalar("0", true),
        scalar("7", true),
        scalar("5/5mb", false),
        scalar("*", false),
        scalar("-", false),
        scalar("a\u{200b}b", false),
        scalar("0h", false),
        scalar("0 days", false),
        scalar("0MB", false),
        with_value(Yaml::List(Vec::new())),
        with_value(Yaml::Map(Vec::new())),
        with_value(Yaml::List(vec![node.clone()])),
        with_value(Yaml::List(vec![node.clone(), scalar("other", false)])),
    ];
    match &node.value {
        Yaml::Scalar { text, is_plain } => slips.push(scalar(text, !is_plain)),
        Yaml::List(items) => {
            slips.extend(items.first().cloned());
            let doubled = items.iter().chain(items.first()).cloned().collect();
            slips.push(with_value(Yaml::List(doubled)));
        }
        Yaml::Map(entries) => {
            for left_out in 0..entries.len() {
                let mut fewer = entries.clone();
                let (mut key, value) = fewer.remove(left_out);
                slips.push(with_value(Yaml::Map(fewer.clone())));
                key.text += "x";
                fewer.insert(left_out, (key, value));
                slips.push(with_value(Yaml::Map(fewer)));
            }
        }
    }
    slips
}

/// Returns the tree with each slip in each place.
fn list_mutants(node: &YamlNode) -> Vec<YamlNode> {
    let mut mutants = list_slips(node);
    mutants.extend(list_inner_mutants(node, None));
    mutants
}

/// Returns the tree with each slip in each place within it; only below one key if that is given.
fn list_inner_mutants(node: &YamlNode, below: Option<&str>) -> Vec<YamlNode> {
    let mut mutants = Vec::new();
    match &node.value {
        Yaml::Scalar { .. } => {}
        Yaml::List(items) => {
            for (index, item) in items.iter().enumerate() {
                for mutant in list_mutants(item) {
                    let mut others = items.clone();
                    others[index] = mutant;
                    mutants.push(with_value(Yaml::List(others)));
                }
            }
        }
        Yaml::Map(entries) => {
            let is_meant = |key: &str| below.is_none_or(|below| key == below);
            for (index, (key, value)) in
                entries.iter().enumerate().filter(|(_, (key, _))| is_meant(&key.text))
            {
                for mutant in list_mutants(value) {
                    let mut others = entries.clone();
                    others[index] = (key.clone(), mutant);
                    mutants.push(with_value(Yaml::Map(others)));
                }
            }
        }
    }
    mutants
}

/// What `policy check` says of a policy that the loader takes, and a schema can say as well, by a piece of it.
const CHECKED: [&str; 5] = [
    "is a placeholder",
    "has only placeholders for words",
    "which nobody sees",
    "one without a file is no standard change",
    "does not know the time zone",
];

/// Returns what the loader says about a policy, or else the check; nothing for one that both take.
fn load(text: &str) -> Vec<String> {
    let fetch = |name: &str| {
        Ok(match name {
            NAME => Some(text.as_bytes().to_vec()),
            "p/base.yml" => Some(b"changegate: 1\n".to_vec()),
            "who.yml" => Some(b"people: { ana: { addresses: [ana@example.com] } }\n".to_vec()),
            "catalogue.yml" => Some(
                b"standard-changes: { A: { paths: [a], approved-by: b, approved-on: 2026-01-01, review-by: 2026-02-01 } }\n"
                    .to_vec(),
            ),
            "keys" => Some(Vec::new()),
            _ => None,
        })
    };
    let is_slip = ["\u{200b}", "\"*\"", "\"-\"", "\"at-most\": 0", "\"zone\": \"0", "\"zone\": \"5"]
        .iter()
        .any(|slip| text.contains(slip));
    let errors = match load_policy(NAME, &mut { fetch }) {
        Err(errors) => errors,
        Ok(_) if !is_slip => return Vec::new(),
        Ok(_) => {
            let Ok(loaded) = load_from_files(NAME, "a test".into(), &mut { fetch }) else {
                return Vec::new();
            };
            let now = "2026-11-20T09:00:00Z".parse().unwrap();
            let Err(mut errors) = check_policy(&loaded, &[], now) else { return Vec::new() };
            for file in &mut errors.faulty_files {
                file.faults.retain(|fault| CHECKED.iter().any(|piece| fault.what.contains(piece)));
            }
            errors
        }
    };
    errors.faulty_files.iter().flat_map(|file| &file.faults).map(|fault| fault.what.clone()).collect()
}

/// What only the loader can find, by a piece of what it says.
const BEYOND: &[&str] = &[
    // Names that other parts define.
    "unknown team",
    "unknown class",
    "unknown field",
    "unknown rule",
    "there is no ",
    "is no bot of this policy",
    "; it is one of",
    "is not a field of words",
    // Other places.
    "asks nothing: `require` is missing",
    "no rule of this policy denies anything",
    "so no later one is reached",
    // An expression and its example.
    "does not match `",
];

#[test]
fn schema_and_loader_agree_about_every_slip_in_every_place() {
    let schema = schema::build_schema();
    let mut compared = 0;
    let mut beyond = BTreeSet::new();
    let mut unsound = Vec::new();
    let mut too_strict = Vec::new();
    let mut overlooked = Vec::new();
    for (policy, below) in list_policies() {
        let said = load(&policy);
        if !said.is_empty() {
            unsound.push(format!("{policy}  {said:?}"));
            continue;
        }
        let tree = changegate::yaml::read_document(policy.as_bytes()).unwrap();
        let fits = |tree: &YamlNode| -> Result<(), String> { holds(&schema, &schema, &json(tree)) };
        if let Err(why) = fits(&tree) {
            too_strict.push(format!("{policy}  {why}"));
        }
        for mutant in list_inner_mutants(&tree, below) {
            let mut text = String::new();
            write_node(&mutant, &mut text);
            text += "\n";
            // What is read is what counts: a plain value may be read as another one than it was.
            let Ok(read) = changegate::yaml::read_document(text.as_bytes()) else { continue };
            compared += 1;
            let said = load(&text);
            match (said.as_slice(), fits(&read)) {
                ([], Ok(())) | ([_, ..], Err(_)) => {}
                ([], Err(why)) => too_strict.push(format!("{text}  {why}")),
                (said, Ok(())) => {
                    for what in said {
                        match BEYOND.iter().find(|piece| what.contains(**piece)) {
                            Some(piece) => drop(beyond.insert(*piece)),
                            None => overlooked.push(format!("{text}  {said:?}")),
                        }
                    }
                }
            }
        }
    }
    println!("{compared} policies");
    assert!(compared > 5_000, "{compared}");
    let shorten =
        |text: &String| text.split_once(AROUND_END).map_or(text.clone(), |(_, rest)| rest.to_owned());
    let show = |found: &[String]| found.iter().take(40).map(shorten).collect::<Vec<_>>().join("\n");
    let failures = [
        ("that are not sound", &unsound),
        ("that only the schema refuses", &too_strict),
        ("that only the loader refuses", &overlooked),
    ];
    for (what, found) in failures {
        println!("{} policies {what}:\n{}", found.len(), show(found));
    }
    assert!(failures.iter().all(|(_, found)| found.is_empty()));
    // The list stays as short as it can be.
    let unused: Vec<_> = BEYOND.iter().filter(|piece| !beyond.contains(**piece)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// What a review found that an editor did not underline.
#[test]
fn parameters_that_need_each_other_are_asked_for() {
    let fits = |question: &str| -> Result<(), String> {
        let schema = schema::build_schema();
        let policy = read(&format!("{AROUND}rules: {{ a: {{ require: {{ {question} }} }} }}\n"));
        holds(&schema, &schema, &policy)
    };
    for question in [
        "field: { Ticket: { within: 24h, until: Ticket } }",
        "field: { Ticket: { by: others } }",
        "field: { Ticket: { present: false } }",
        "field: {}",
        "signed: false",
        "comments-resolved: false",
        "merge: {}",
        "size: {}",
        "author: {}",
        "window: { zone: UTC }",
        "window: { outside: [{ from: 2026-12-20 }] }",
        "window: { outside: [{ from: '15:00', until: 2026-12-20 }] }",
        "label: [a, b]",
        "label: { none-of: [a], by: platform }",
        "blob: { largest: 5 }",
        "blob: { largest: 5/5mb }",
        "approvals: { distinct-teams: true }",
        "approvals: { unowned: nobody }",
        "approvals: { different-teams: 2 }",
        "approvals: { from: [security, platform], different-teams: 2, distinct-teams: true }",
        "approvals: { authors: cross, of: any-commit }",
        "approvals: { authors: cross, distinct: people }",
        "approvals: { by: pusher, suggestions: count-as-review }",
        "agents: {}",
        "agents: sponsored",
        "size: { lines: { at-most: 3 }, ignore: a }",
        "touches: { ignore: a }",
    ] {
        assert!(fits(question).is_err(), "{question}");
    }
}
