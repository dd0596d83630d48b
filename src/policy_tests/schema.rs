//! The JSON Schema of a suite, for editors.
//!
//! What a change can say is probed from its reader, as the schema of a policy is; the frame of a suite is
//! written out. Names of rules, classes and fields are the policy's, which an editor does not know.

use serde_json::{Value, json};

use crate::fixture::read_change;
use crate::policy::schema::probe::probe_schema;
use crate::policy_tests::tested_outcome::OUTCOME_WORDS;

/// The keys whose lists can hold maps, which no probe of a list finds.
const LISTS_OF_MAPS: [&str; 9] =
    ["checks", "comments", "commits", "conversations", "edits", "labels", "makers", "paths", "reviews"];

/// Returns the schema as a JSON value.
pub fn build_test_schema() -> Value {
    let mut change = probe_schema(&|node, faults| {
        read_change(node, faults);
    });
    allow_null_values(&mut change);
    open_lists_of_maps(&mut change);
    let words: Vec<&str> = OUTCOME_WORDS.iter().map(|(word, _)| *word).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tests of a policy of changegate",
        "description": "What an editor can check; `changegate policy test` checks the rest.",
        "type": "object",
        "required": ["tests"],
        "properties": {
            "policy": {
                "$ref": "#/$defs/text",
                "description": "The policy under test: a path from this file, or `pack:NAME`; by default the file beside this one without `.test`.",
            },
            "change": {
                "$ref": "#/$defs/change",
                "description": "What every change is, unless a test says otherwise.",
            },
            "forge-teams": {
                "description": "Who is in the teams of GitHub that the policy names: logins, by the name of the team.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "anyOf": [
                    { "$ref": "#/$defs/text" },
                    { "type": "array", "items": { "$ref": "#/$defs/text" } },
                ] },
            },
            "tests": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "anyOf": [{ "required": ["expect"] }, { "required": ["cases"] }],
                    "additionalProperties": false,
                    "properties": {
                        "name": { "$ref": "#/$defs/text" },
                        "change": { "$ref": "#/$defs/change" },
                        "expect": { "$ref": "#/$defs/expect" },
                        "cases": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "object",
                                "additionalProperties": false,
                                "properties": {
                                    "name": { "$ref": "#/$defs/text" },
                                    "change": { "$ref": "#/$defs/change" },
                                    "expect": { "$ref": "#/$defs/expect" },
                                },
                            },
                        },
                    },
                },
            },
        },
        "additionalProperties": false,
        "$defs": {
            "text": { "type": ["string", "number", "boolean"], "pattern": "[^ \t\r\n]" },
            "texts": { "anyOf": [
                { "$ref": "#/$defs/text" },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
            ] },
            "change": change,
            "outcome": { "enum": words },
            "expect": { "anyOf": [
                { "enum": ["allowed", "denied"] },
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": false,
                    "properties": {
                        "decision": { "enum": ["allowed", "denied"] },
                        "class": { "$ref": "#/$defs/text" },
                        "denied-by": { "$ref": "#/$defs/texts" },
                        "rules": {
                            "type": "object",
                            "additionalProperties": { "anyOf": [
                                { "$ref": "#/$defs/outcome" },
                                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/outcome" } },
                            ] },
                        },
                    },
                },
            ] },
        },
    })
}

/// Lets every key of a map have no value, which takes it away from what the map starts from.
fn allow_null_values(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                allow_null_values(value);
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        for property in properties.values_mut() {
                            *property = json!({ "anyOf": [property.take(), { "type": "null" }] });
                        }
                    }
                    ("additionalProperties", value @ Value::Object(_)) => {
                        *value = json!({ "anyOf": [value.take(), { "type": "null" }] });
                    }
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_null_values),
        _ => {}
    }
}

/// Lets the lists of [`LISTS_OF_MAPS`] hold maps; what is in these, the loader checks.
fn open_lists_of_maps(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                open_lists_of_maps(value);
                let ("properties", Value::Object(properties)) = (key.as_str(), value) else { continue };
                for (name, property) in properties.iter_mut() {
                    if LISTS_OF_MAPS.contains(&name.as_str()) {
                        let item = json!({ "anyOf": [{ "$ref": "#/$defs/text" }, { "type": "object" }] });
                        *property = json!({ "anyOf": [
                            { "$ref": "#/$defs/text" },
                            { "type": "array", "minItems": 1, "items": item },
                            { "type": "null" },
                        ] });
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(open_lists_of_maps),
        _ => {}
    }
}
