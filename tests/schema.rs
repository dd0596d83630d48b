//! The JSON Schema of policies against policies: what the loader takes, an editor does not underline;
//! and the commonest mistakes, it does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

use changegate::policy::{packs, schema};
use changegate::predicates::DOCS;
use changegate::yaml::{self, Node, Value as Yaml};
use serde_json::{Value, json};

/// Returns what an editor makes of a document: YAML 1.2 with its numbers and truth values.
fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Scalar { text, plain: true } => match text.as_str() {
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
    json(&yaml::read(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}")))
}

/// Holds a value against a schema, in as much of JSON Schema as ours is written in.
fn holds(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (word, said) in schema.as_object().unwrap() {
        let fits = match word.as_str() {
            "description" | "title" | "$schema" | "$defs" => true,
            "$ref" => {
                let target = root.pointer(said.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                holds(root, target, value)?;
                true
            }
            "anyOf" => {
                let tried: Vec<_> =
                    said.as_array().unwrap().iter().map(|one| holds(root, one, value)).collect();
                if !tried.iter().any(Result::is_ok) {
                    return Err(format!("{tried:?}"));
                }
                true
            }
            "const" => said == value,
            "enum" => said.as_array().unwrap().contains(value),
            "type" => {
                let is = |kind: &Value| match kind.as_str().unwrap() {
                    "string" => value.is_string(),
                    "number" | "integer" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("{other}"),
                };
                said.as_array().map_or_else(|| is(said), |kinds| kinds.iter().any(is))
            }
            "minimum" => value.as_u64().is_none_or(|number| said.as_u64().unwrap() <= number),
            "maximum" => value.as_u64().is_none_or(|number| number <= said.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| said.as_u64().unwrap() <= items.len() as u64),
            "pattern" => value
                .as_str()
                .is_none_or(|text| regex::Regex::new(said.as_str().unwrap()).unwrap().is_match(text)),
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|item| holds(root, said, item))?;
                true
            }
            "required" => {
                let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
                !value.is_object() || said.as_array().unwrap().iter().all(has)
            }
            "properties" => true,
            "additionalProperties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    match schema["properties"].get(key) {
                        Some(part) => holds(root, part, value).map_err(|why| format!("{key}: {why}"))?,
                        None if *said == json!(false) => return Err(format!("`{key}` is not known")),
                        None => holds(root, said, value).map_err(|why| format!("{key}: {why}"))?,
                    }
                }
                true
            }
            other => panic!("this test does not know `{other}`"),
        };
        if !fits {
            return Err(format!("{value} against {word}: {said}"));
        }
    }
    Ok(())
}

fn policy(text: &str) -> Result<(), String> {
    let schema = schema::schema();
    holds(&schema, &schema, &read(text))
}

#[test]
fn every_shipped_policy_fits_the_schema() {
    for pack in packs::ALL {
        policy(pack.source).unwrap_or_else(|why| panic!("{}: {why}", pack.name));
    }
    policy(include_str!("../policies/changegate.yml")).unwrap();
}

#[test]
fn every_question_of_the_documentation_fits_the_schema() {
    let schema = schema::schema();
    for doc in DOCS {
        for example in [doc.passes, doc.fails] {
            let question = read(example)["ask"].take();
            holds(&schema, &schema["$defs"]["question"], &question).unwrap();
        }
    }
}

#[test]
fn every_question_of_the_tests_fits_the_schema() {
    let schema = schema::schema();
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

#[test]
fn every_key_is_described_and_every_value_has_a_form() {
    let schema = schema::schema();
    for part in [&schema["properties"], &schema["$defs"]["rule"]["properties"]] {
        for (key, value) in part.as_object().unwrap() {
            assert!(value["description"].is_string(), "{key}");
            assert!(1 < value.as_object().unwrap().len(), "{key}");
        }
    }
    for doc in DOCS {
        assert!(schema["$defs"]["question"]["properties"][doc.name].is_object(), "{}", doc.name);
    }
}
