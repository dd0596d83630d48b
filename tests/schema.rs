//! The JSON Schema of policies against policies: what the loader takes, an editor does not underline;
//! and the commonest mistakes, it does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

#[path = "schema/agreement.rs"]
mod agreement;
mod json_schema;
#[path = "policy/mistakes.rs"]
mod mistakes;

use changegate::pattern::PathPattern;
use changegate::policy::{packs, schema};
use changegate::predicates::PREDICATE_DOCS;
use changegate::yaml::{self, YamlNode, YamlValue as Yaml};
use json_schema::holds;
use mistakes::{MISTAKES, SOUND};
use proptest::prelude::*;
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
    "a list of words without commas",
    "a list of classes with one bracket",
    "an unknown field",
    "an unknown word of a field",
    "an unknown team",
    "an unknown class",
    "an unknown rule of an exemption",
    "a field that answers to the name of another",
    "a regular expression that is none",
    "a regular expression that looks around",
    "a rule without a question",
    "a base that is not there",
    "a pack by the name of a file",
    "a base by its path from the root",
    "a base with the other ending",
    "a base of itself",
    "a roster that is not there",
    "keys that are not there",
    "classes without those of a pack",
    "a field in another form than the pack has it",
    "a class that swallows those after it",
    "a policy that protects nothing",
    "a policy in which no rule denies",
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
    assert!(agreed >= 80, "{agreed}");
}

fn touching(pattern: &str) -> Result<(), String> {
    policy(&format!("changegate: 1\nrules: {{ a: {{ when: {{ touches: [{pattern}] }} }} }}"))
}

/// What `policy check` finds in a pattern, an editor underlines.
#[test]
fn patterns_of_another_language_do_not_fit() {
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
        assert!(touching(slip).is_err(), "{slip}");
    }
    for meant in
        ["'**'", "a/", "'*.rs'", "'/a/*'", ".github/", "'*~'", "'{{a}}/b'", "'[a-c]?'", "'a\\*b'", "12"]
    {
        touching(meant).unwrap_or_else(|why| panic!("{meant}: {why}"));
    }
}

#[test]
fn a_pattern_that_breaks_off_does_not_fit() {
    for broken in ["a[b", "[", "[]", "[!]", "[^]", "[\\", "[a\\]", "a\\", "[a][", "[!a"] {
        let text = serde_json::to_string(broken).unwrap();
        assert!(PathPattern::new(broken).is_err(), "{broken}");
        assert!(touching(&text).is_err(), "{broken}");
    }
}

#[test]
fn nothing_is_owed_where_a_schema_can_tell() {
    let owed = [
        "ticket: { field: T, within: 24h }",
        "field: { T: { within: 24h } }",
        "field: { T: { present: true, until: U } }",
    ];
    let settled =
        ["ticket: { field: T, max: 2 }", "field: { T: present }", "field: { T: { one-of: [a] }, U: absent }"];
    for (place, may_owe) in [
        ("rules: { a: { require: { Q } } }", true),
        ("rules: { a: { require: { all: [{ Q }] } } }", true),
        ("rules: { a: { require: { any: [{ all: [{ Q }] }] } } }", true),
        ("rules: { a: { require: { not: { Q } } } }", false),
        ("rules: { a: { require: { any: [{ not: { all: [{ Q }] } }] } } }", false),
        ("rules: { a: { when: { Q }, require: { branch: main } } }", false),
        ("classes: { a: { Q } }", false),
        ("classes: { a: { any: [{ Q }] } }", false),
        ("exemptions: [{ rule: a, when: { Q }, reason: b, approved-by: c, until: 2030-01-01 }]", false),
    ] {
        for (questions, fits) in [(&owed, may_owe), (&settled, true)] {
            for question in questions {
                let text = format!("changegate: 1\n{}", place.replace('Q', question));
                assert_eq!(policy(&text).is_ok(), fits, "{text}");
            }
        }
    }
}

proptest! {
    /// The schema and the reader of patterns agree about brackets and back-slashes.
    #[test]
    fn a_pattern_is_closed_for_the_schema_as_it_is_for_the_reader(pattern in r"[ab\[\]!^\\*?]{1,9}") {
        let text = serde_json::to_string(&pattern).unwrap();
        let closed = schema::build_schema()["$defs"]["paths"]["anyOf"][0]["pattern"].clone();
        let is_closed = holds(&json!({}), &json!({ "pattern": closed }), &json!(pattern)).is_ok();
        // A pattern of one of these signs may be refused for other reasons.
        let reading = PathPattern::new(&format!("a{pattern}"));
        prop_assert_eq!(is_closed, reading.is_ok(), "{} {:?}", text, reading);
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
