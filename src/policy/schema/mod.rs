//! The JSON Schema of a policy file, for editors.
//!
//! Nothing is listed here that the loader does not list: keys come from its tables, words and bounds
//! from its answers, predicates and their parameters from their documentation. An editor sees most
//! mistakes; `changegate policy check` sees all of them.

pub(crate) mod probe;

use serde_json::{Map, Value, json};

use crate::people::PeopleDirectory;
use crate::policy::load::rules::{self, LEVEL_WORDS, read_exemption};
use crate::policy::load::{POLICY_KEYS, SIGNER_KINDS, UNIT_WORDS};
use crate::policy::schema::probe::{NodeReader, probe_schema};
use crate::policy::ticket_systems::TicketSystem;
use crate::policy::{BreakGlassPolicy, ObligationPolicy};
use crate::predicates::{COMBINATORS, PREDICATE_DOCS, PolicyScope, Predicate, PredicateDoc};
use crate::vocabulary::{FieldDefinition, FieldVocabulary};
use crate::yaml::{YamlKey, YamlPlace};

/// Returns the schema.
pub fn build_schema() -> Value {
    let mut properties = Map::new();
    for (key, says) in POLICY_KEYS {
        properties.insert(key.into(), with_description(policy_key_schema(key), says));
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
            "question": condition_schema(),
            "rule": rule_schema(),
        },
    })
}

/// Returns the schema as it is printed.
pub fn render_schema() -> String {
    format!("{:#}\n", build_schema())
}

fn policy_key_schema(key: &str) -> Value {
    match key {
        "changegate" => json!({ "const": 1 }),
        "review-by" => schema_reference("day"),
        "extends" | "protects" => schema_reference("texts"),
        "unit" => json!({ "enum": UNIT_WORDS.map(|(word, _)| word) }),
        "people" => probe_schema(&|node, faults| {
            PeopleDirectory::read_people(node, faults);
        }),
        "fields" => {
            let key = YamlKey { at: YamlPlace::default(), text: "Key".into() };
            let field = probe_schema(&|node, faults| {
                FieldDefinition::read_definition(&key, node, faults);
            });
            json!({ "type": "object", "additionalProperties": field })
        }
        "classes" => json!({ "type": "object", "additionalProperties": schema_reference("question") }),
        "rules" => json!({ "type": "object", "additionalProperties": schema_reference("rule") }),
        "exemptions" => {
            let one = with_empty_scope(&|known| {
                probe_schema(&|node, faults| {
                    read_exemption(node, "", &[], &[], known, faults);
                })
            });
            json!({ "type": "array", "minItems": 1, "items": one })
        }
        "obligations" => with_empty_scope(&|known| {
            probe_schema(&|node, faults| {
                ObligationPolicy::read_obligations(node, known, faults);
            })
        }),
        "break-glass" => with_empty_scope(&|known| {
            probe_schema(&|node, faults| {
                BreakGlassPolicy::read_break_glass(node, known, faults);
            })
        }),
        "signers" => {
            let files: Map<String, Value> =
                SIGNER_KINDS.iter().map(|kind| ((*kind).to_owned(), schema_reference("text"))).collect();
            json!({ "type": "object", "properties": files, "additionalProperties": false })
        }
        "tickets" => {
            let system = probe_schema(&|node, faults| {
                TicketSystem::read_system(node, faults);
            });
            json!({ "type": "object", "additionalProperties": system })
        }
        _ => schema_reference("text"),
    }
}

fn rule_schema() -> Value {
    let mut properties = Map::new();
    for (key, says) in rules::RULE_KEYS {
        let schema = match key {
            "controls" | "for" => schema_reference("texts"),
            "when" | "require" => schema_reference("question"),
            "level" => json!({ "enum": LEVEL_WORDS.map(|(word, _)| word) }),
            "until" => schema_reference("day"),
            _ => schema_reference("text"),
        };
        properties.insert(key.into(), with_description(schema, says));
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn condition_schema() -> Value {
    let mut properties = Map::new();
    for (word, says) in COMBINATORS {
        let parts = if word == "not" { "question" } else { "questions" };
        properties.insert(word.into(), with_description(schema_reference(parts), says));
    }
    for doc in PREDICATE_DOCS {
        let mut schema = predicate_schema(doc);
        describe_properties(&mut schema, doc);
        let says = format!("{}\n\n{}", doc.summary, doc.parameters);
        properties.insert(doc.name.into(), with_description(schema, &says));
    }
    json!({
        "description": "A map of questions, all of which are meant.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Returns what a predicate takes, as far as its reader tells.
fn predicate_schema(doc: &PredicateDoc) -> Value {
    let key = YamlKey { at: YamlPlace::default(), text: doc.name.into() };
    with_empty_scope(&|known| {
        let read: NodeReader<'_> = &|node, faults| {
            Predicate::read_predicate(&key, node, known, faults);
        };
        probe_schema(read)
    })
}

/// Adds to each parameter the item of the documentation that starts with its name.
fn describe_properties(schema: &mut Value, doc: &PredicateDoc) {
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        kinds.iter_mut().for_each(|kind| describe_properties(kind, doc));
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (key, value) in properties {
        let item = doc.parameters.lines().find(|line| line.starts_with(&format!("- `{key}: ")));
        if let Some(item) = item.and_then(|item| item.strip_prefix("- ")) {
            *value = with_description(value.take(), item.trim_end_matches([';', '.']));
        }
    }
}

fn with_empty_scope<T>(ask: &dyn Fn(&PolicyScope<'_>) -> T) -> T {
    let (vocabulary, people) = (FieldVocabulary::default(), PeopleDirectory::default());
    ask(&PolicyScope { vocabulary: &vocabulary, people: &people, allows_obligations: true })
}

fn schema_reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn with_description(mut schema: Value, says: &str) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".into(), says.into());
    }
    schema
}
