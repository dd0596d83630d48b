//! The JSON Schema of policies against policies: what the loader takes, an editor does not underline;
//! and the commonest mistakes, it does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

mod json_schema;
#[path = "policy/mistakes.rs"]
mod mistakes;

use changegate::policy::{packs, schema};
use changegate::predicates::PREDICATE_DOCS;
use changegate::yaml::{self, YamlNode, YamlValue as Yaml};
use json_schema::holds;
use mistakes::{MISTAKES, SOUND};
use serde_json::{Value, json};

/// Returns what an editor makes of a document: YAML 1.2 with its numbers and truth values.
fn json(node: &YamlNode) -> Value {
    match &node.value {
        Yaml::Scalar { text, is_plain: true } => match text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            "" | "~" | "null" => Value::Null,
            _ => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        },
        Yaml::Scalar { text, .. } => json!(text),
        Yaml::List(items) => items.iter().map(json).collect(),
        Yaml::Map(entries) => entries.iter().map(|(key, node)| (key.text.clone(), json(node))).collect(),
    }
}

fn read(text: &str) -> Value {
    json(&yaml::read_document(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}")))
}

fn policy(text: &str) -> Result<(), String> {
    let schema = schema::build_schema();
    holds(&schema, &schema, &read(text))
}

#[test]
fn every_shipped_policy_fits_the_schema() {
    for pack in packs::POLICY_PACKS {
        // A team that a pack leaves open has members in the policy that fills it.
        let filled = pack.source.replace(": []", ": [kim@example.com]");
        policy(&filled).unwrap_or_else(|why| panic!("{}: {why}", pack.name));
    }
    policy(include_str!("../policies/changegate.yml")).unwrap();
}

#[test]
fn every_question_of_the_documentation_fits_the_schema() {
    let schema = schema::build_schema();
    for doc in PREDICATE_DOCS {
        for example in [doc.passing_example, doc.failing_example] {
            let question = read(example)["ask"].take();
            holds(&schema, &schema["$defs"]["question"], &question).unwrap();
        }
    }
}

#[test]
fn every_question_of_the_tests_fits_the_schema() {
    let schema = schema::build_schema();
    for (name, questions) in read(include_str!("predicates/questions.yml")).as_object().unwrap() {
        for question in questions.as_array().unwrap() {
            let question = json!({ name: question });
            holds(&schema, &schema["$defs"]["question"], &question).unwrap();
        }
    }
}

#[test]
fn common_mistakes_do_not_fit() {
    for mistake in [
        "changegate: 2",
        "name: x",
        "changegate: 1\nprotect: [main]",
        "changegate: 1\nprotects: []",
        "changegate: 1\nunit: steps",
        "changegate: 1\nreview-by: tomorrow",
        "changegate: 1\nrules: { a: { requires: {} } }",
        "changegate: 1\nrules: { a: { level: error } }",
        "changegate: 1\nrules: { a: { require: { aprovals: {} } } }",
        "changegate: 1\nrules: { a: { require: { approvals: { at-least: 0 } } } }",
        "changegate: 1\nrules: { a: { require: { any: [{ not: { subject: { longest: '72' } } }] } } }",
        "changegate: 1\nrules: { a: { require: { size: { files: 3 } } } }",
        "changegate: 1\nrules: { a: { require: { signed: { by: me } } } }",
        "changegate: 1\nrules: { a: { require: { ticket: { max: 1 } } } }",
        "changegate: 1\nfields: { A: { one_of: [a] } }",
        "changegate: 1\nfields: { A: { text: { longest: 3 } } }",
        "changegate: 1\npeople: { team: {} }",
        "changegate: 1\nexemptions: [{ rule: a, when: { branch: main }, reason: b, approved-by: c }]",
        "changegate: 1\nsigners: { gpg: keys }",
    ] {
        assert!(policy(mistake).is_err(), "{mistake}");
    }
}

/// The mistakes that no schema can say: they are about other lines, other files, or the text itself.
const BEYOND_A_SCHEMA: &[&str] = &[
    "an unknown field",
    "an unknown word of a field",
    "an unknown team",
    "an unknown class",
    "an unknown rule of an exemption",
    "a field that answers to the name of another",
    "a regular expression that is none",
    "a regular expression that looks around",
    "a path pattern that is none",
    "a rule without a question",
    "a base that is not there",
    "a base of itself",
    "a roster that is not there",
    "keys that are not there",
    "a class that swallows those after it",
    "a policy that protects nothing",
    "a policy in which no rule denies",
    "something owed under not",
    "something owed in a class",
];

#[test]
fn what_the_loader_refuses_the_schema_refuses_where_a_schema_can_say_it() {
    policy(SOUND).unwrap();
    let mut agreed = 0;
    let mut overlooked = Vec::new();
    for (kind, from, to) in MISTAKES {
        let text = if from.is_empty() { format!("{SOUND}{to}") } else { SOUND.replacen(from, to, 1) };
        // What is no YAML has no schema.
        let Ok(node) = yaml::read_document(text.as_bytes()) else { continue };
        let schema = schema::build_schema();
        if holds(&schema, &schema, &json(&node)).is_err() {
            agreed += 1;
        } else {
            overlooked.push(*kind);
        }
    }
    assert_eq!(overlooked, BEYOND_A_SCHEMA);
    assert!(agreed >= 45, "{agreed}");
}

/// What `policy check` finds in a pattern, an editor underlines.
#[test]
fn patterns_of_another_language_do_not_fit() {
    let touching =
        |pattern: &str| format!("changegate: 1\nrules: {{ a: {{ when: {{ touches: [{pattern}] }} }} }}");
    for slip in [
        "'./a'",
        "'a/../b'",
        "'~/a'",
        "'a//b'",
        "'*.{a,b}'",
        "'^a'",
        "'a.*$'",
        "'a\\b'",
        "'!a'",
        "\u{201c}a\u{201d}",
    ] {
        assert!(policy(&touching(slip)).is_err(), "{slip}");
    }
    for meant in
        ["'**'", "a/", "'*.rs'", "'/a/*'", ".github/", "'*~'", "'{{a}}/b'", "'[a-c]?'", "'a\\*b'", "12"]
    {
        policy(&touching(meant)).unwrap_or_else(|why| panic!("{meant}: {why}"));
    }
}

#[test]
fn every_key_is_described_and_every_value_has_a_form() {
    let schema = schema::build_schema();
    for part in [&schema["properties"], &schema["$defs"]["rule"]["properties"]] {
        for (key, value) in part.as_object().unwrap() {
            assert!(value["description"].is_string(), "{key}");
            assert!(1 < value.as_object().unwrap().len(), "{key}");
        }
    }
    for doc in PREDICATE_DOCS {
        assert!(schema["$defs"]["question"]["properties"][doc.name].is_object(), "{}", doc.name);
    }
}
