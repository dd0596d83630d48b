//! The JSON Schema of a policy file, for editors.
//!
//! Nothing is listed here that the loader does not list: keys come from its tables, words and bounds
//! from its answers, predicates and their parameters from their documentation. An editor sees most
//! mistakes; `changegate policy check` sees all of them.

use serde_json::{Map, Value, json};

use super::load::{KEYS, SIGNERS, UNITS};
use super::probe::{Reader, shape};
use super::rules::{self, LEVELS, exemption};
use super::tickets::System;
use super::{BreakGlass, Obligations};
use crate::people::People;
use crate::predicates::{Condition, DOCS, Doc, Known, Predicate};
use crate::vocabulary::{Field, Vocabulary};
use crate::yaml::{Key, Place};

/// Returns the schema.
pub fn schema() -> Value {
    let mut properties = Map::new();
    for (key, says) in KEYS {
        properties.insert(key.into(), described(top(key), says));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of changegate",
        "description": "What an editor can know of it; `changegate policy check` knows the rest.",
        "type": "object",
        "required": ["changegate"],
        "properties": properties,
        "additionalProperties": false,
        "$defs": {
            "text": { "type": ["string", "number", "boolean"] },
            "texts": { "anyOf": [
                { "$ref": "#/$defs/text" },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
            ] },
            "day": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
            "questions": { "anyOf": [
                { "$ref": "#/$defs/question" },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/question" } },
            ] },
            "question": question(),
            "rule": rule(),
        },
    })
}

/// Returns the schema as it is printed.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

fn top(key: &str) -> Value {
    match key {
        "changegate" => json!({ "const": 1 }),
        "review-by" => reference("day"),
        "extends" | "protects" => reference("texts"),
        "unit" => json!({ "enum": UNITS.map(|(word, _)| word) }),
        "people" => shape(&|node, faults| {
            People::read(node, faults);
        }),
        "fields" => {
            let key = Key { at: Place::default(), text: "Key".into() };
            let field = shape(&|node, faults| {
                Field::read(&key, node, faults);
            });
            json!({ "type": "object", "additionalProperties": field })
        }
        "classes" => json!({ "type": "object", "additionalProperties": reference("question") }),
        "rules" => json!({ "type": "object", "additionalProperties": reference("rule") }),
        "exemptions" => {
            let one = with_known(&|known| {
                shape(&|node, faults| {
                    exemption(node, "", &[], &[], known, faults);
                })
            });
            json!({ "type": "array", "minItems": 1, "items": one })
        }
        "obligations" => with_known(&|known| {
            shape(&|node, faults| {
                Obligations::read(node, known, faults);
            })
        }),
        "break-glass" => with_known(&|known| {
            shape(&|node, faults| {
                BreakGlass::read(node, known, faults);
            })
        }),
        "signers" => {
            let files: Map<String, Value> =
                SIGNERS.iter().map(|kind| ((*kind).to_owned(), reference("text"))).collect();
            json!({ "type": "object", "properties": files, "additionalProperties": false })
        }
        "tickets" => {
            let system = shape(&|node, faults| {
                System::read(node, faults);
            });
            json!({ "type": "object", "additionalProperties": system })
        }
        _ => reference("text"),
    }
}

fn rule() -> Value {
    let mut properties = Map::new();
    for (key, says) in rules::KEYS {
        let schema = match key {
            "controls" | "for" => reference("texts"),
            "when" | "require" => reference("question"),
            "level" => json!({ "enum": LEVELS.map(|(word, _)| word) }),
            "until" => reference("day"),
            _ => reference("text"),
        };
        properties.insert(key.into(), described(schema, says));
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn question() -> Value {
    let mut properties = Map::new();
    for (word, says) in Condition::WORDS {
        let parts = if word == "not" { "question" } else { "questions" };
        properties.insert(word.into(), described(reference(parts), says));
    }
    for doc in DOCS {
        let mut schema = parameters(doc);
        explain(&mut schema, doc);
        let says = format!("{}\n\n{}", doc.asks, doc.parameters);
        properties.insert(doc.name.into(), described(schema, &says));
    }
    json!({
        "description": "A map of questions, all of which are meant.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Returns what a predicate takes, as far as its reader tells.
fn parameters(doc: &Doc) -> Value {
    let key = Key { at: Place::default(), text: doc.name.into() };
    with_known(&|known| {
        let read: Reader<'_> = &|node, faults| {
            Predicate::read(&key, node, known, faults);
        };
        shape(read)
    })
}

/// Adds to each parameter the item of the documentation that starts with its name.
fn explain(schema: &mut Value, doc: &Doc) {
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        kinds.iter_mut().for_each(|kind| explain(kind, doc));
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (key, value) in properties {
        let item = doc.parameters.lines().find(|line| line.starts_with(&format!("- `{key}: ")));
        if let Some(item) = item.and_then(|item| item.strip_prefix("- ")) {
            *value = described(value.take(), item.trim_end_matches([';', '.']));
        }
    }
}

fn with_known<T>(ask: &dyn Fn(&Known<'_>) -> T) -> T {
    let (vocabulary, people) = (Vocabulary::default(), People::default());
    ask(&Known { vocabulary: &vocabulary, people: &people, may_owe: true })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn described(mut schema: Value, says: &str) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".into(), says.into());
    }
    schema
}
