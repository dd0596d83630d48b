//! The JSON Schema of a policy file, for editors.
//!
//! Keys come from the loader's tables, words and bounds from its readers (see `probe`), predicates
//! and their parameters from their documentation; so the schema cannot contradict the loader. An editor
//! finds most mistakes with it, and `changegate policy check` finds all of them.

mod constraints;
pub(crate) mod probe;
mod question_forms;
mod roster;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::catalogue::StandardChange;
use crate::people::PeopleDirectory;
use crate::policy::acts::ActsPolicy;
use crate::policy::break_glass::BreakGlassPolicy;
use crate::policy::load::exemptions::{ExemptibleRules, read_exemption};
use crate::policy::load::rules::{self, LEVEL_WORDS};
use crate::policy::load::{POLICY_KEYS, SIGNER_KINDS, UNIT_WORDS};
use crate::policy::obligations::ObligationPolicy;
use crate::policy::remote_file::{MAY_BE_WEAKENED, WITH_REASON};
use crate::policy::schema::constraints::schema_reference;
use crate::policy::schema::probe::probe_schema;
use crate::policy::ticket_systems::TicketSystem;
use crate::predicates::{COMBINATORS, PREDICATE_DOCS, PolicyScope, Predicate, PredicateDoc};
use crate::vocabulary::{FieldDefinition, FieldVocabulary};
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlPlace};

pub use crate::policy::schema::roster::{build_roster_schema, render_roster_schema};

/// Returns the schema as a JSON value.
pub fn build_schema() -> Value {
    let mut properties = Map::new();
    for (key, description) in POLICY_KEYS {
        properties.insert(key.into(), with_description(policy_key_schema(key), description));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of changegate",
        "description": "What an editor can check; `changegate policy check` checks the rest.",
        "type": "object",
        "required": ["changegate"],
        "properties": properties,
        "additionalProperties": false,
        // Only a base, which protects nothing by itself, leaves a team for others to fill.
        "if": { "required": ["protects"] },
        "then": { "properties": { "people": { "properties": { "teams": {
            "additionalProperties": schema_reference("members"),
        } } } } },
        "$defs": {
            "text": { "type": ["string", "number", "boolean"], "pattern": "[^ \t\r\n]" },
            "filled-text": constraints::filled_schema(),
            "texts": { "anyOf": [
                { "$ref": "#/$defs/text" },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
            ] },
            "limit": { "type": "string", "pattern": constraints::LIMIT_PATTERN },
            "paths": constraints::list_or_one(constraints::path_pattern_schema()),
            "refs": constraints::list_or_one(constraints::ref_pattern_schema()),
            "names": constraints::list_or_one(constraints::name_pattern_schema()),
            "members": constraints::list_or_one(constraints::member_schema()),
            "file": constraints::file_schema(),
            "day": constraints::day_schema(),
            "questions": constraints::list_of(constraints::asked_question("question")),
            "question": condition_schema(true),
            "settled-questions": constraints::list_of(constraints::asked_question("settled-question")),
            "settled-question": condition_schema(false),
            "rule": rule_schema(),
        },
    })
}

/// Returns the schema as it is printed.
pub fn render_schema() -> String {
    format!("{:#}\n", build_schema())
}

fn policy_key_schema(key: &str) -> Value {
    // Keys of a plain form or with a shared definition are written out; the others are probed from their
    // readers.
    match key {
        "changegate" => json!({ "const": 1 }),
        "review-by" => schema_reference("day"),
        "owner" => constraints::visible_schema(),
        "extends" => constraints::list_or_one(constraints::base_schema()),
        "protects" => schema_reference("refs"),
        "unit" => json!({ "enum": UNIT_WORDS.map(|(word, _)| word) }),
        "people" => {
            let mut people = probe_schema(&|node, faults| {
                PeopleDirectory::read_people(node, faults);
            });
            constraints::replace_at(&mut people, "/properties/roster", schema_reference("file"));
            let members = schema_reference("members");
            constraints::replace_at(&mut people, "/properties/bots", schema_reference("names"));
            let holidays = constraints::list_or_one(constraints::holiday_schema());
            constraints::replace_at(&mut people, "/properties/holidays", holidays);
            let members = json!({ "anyOf": [members, { "type": "array", "maxItems": 0 }] });
            constraints::replace_at(&mut people, "/properties/teams/additionalProperties", members);
            for place in ["/properties/teams/type", "/properties/codeowners/anyOf/1/properties/teams/type"] {
                constraints::replace_at(&mut people, place, json!(["object", "null"]));
            }
            people
        }
        "fields" => {
            let key = YamlKey { at: YamlPlace::default(), text: "Key".into() };
            let field = probe_schema(&|node, faults| {
                FieldDefinition::read_definition(&key, node, faults);
            });
            let field = constraints::with_one_kind(field);
            constraints::or_nothing(json!({
                "type": "object",
                "propertyNames": { "pattern": constraints::FIELD_NAME_PATTERN },
                "additionalProperties": field,
            }))
        }
        "standard-changes" => {
            let mut entry = probe_with_scope(&|node, scope, faults| {
                StandardChange::read_entry(node, scope.people, faults);
            });
            let paths = constraints::list_or_one(constraints::bounded_pattern_schema());
            constraints::replace_at(&mut entry, "/properties/paths", paths);
            constraints::refine_properties(&mut entry, &["bots"], &schema_reference("names"));
            constraints::refine_properties(&mut entry, &["approved-by"], &constraints::approver_schema());
            // One without a file is no standard change.
            constraints::replace_at(
                &mut entry,
                "/properties/size/properties/files/properties/at-most/minimum",
                json!(1),
            );
            for (place, keys) in
                [("/properties/size", ["files", "lines"]), ("/properties/who", ["bots", "teams"])]
            {
                if let Some(part) = entry.pointer_mut(place) {
                    constraints::require_one_of(part, &keys);
                }
            }
            let entries = json!({
                "type": "object",
                "propertyNames": { "pattern": constraints::ENTRY_ID_PATTERN },
                "additionalProperties": entry,
            });
            json!({ "anyOf": [schema_reference("file"), entries] })
        }
        "classes" => {
            let question = schema_reference("settled-question");
            constraints::or_nothing(json!({ "type": "object", "additionalProperties": question }))
        }
        "rules" => constraints::or_nothing(json!({
            "type": "object",
            "propertyNames": { "pattern": constraints::RULE_ID_PATTERN },
            "additionalProperties": schema_reference("rule"),
        })),
        "exemptions" => {
            let mut exemption = probe_with_scope(&|node, scope, faults| {
                read_exemption(node, "", &ExemptibleRules::default(), scope, faults);
            });
            constraints::replace_at(
                &mut exemption,
                "/properties/when",
                constraints::asked_question("settled-question"),
            );
            constraints::refine_properties(&mut exemption, &["reason"], &schema_reference("filled-text"));
            constraints::refine_properties(&mut exemption, &["approved-by"], &constraints::approver_schema());
            json!({ "type": "array", "minItems": 1, "items": exemption })
        }
        "obligations" => {
            let mut obligations = probe_with_scope(&|node, scope, faults| {
                ObligationPolicy::default().add_obligations(node, scope, faults);
            });
            constraints::refine_properties(&mut obligations, &["within"], &schema_reference("limit"));
            obligations
        }
        "break-glass" => {
            let mut session = probe_with_scope(&|node, scope, faults| {
                BreakGlassPolicy::read_break_glass(node, scope, faults);
            });
            constraints::replace_at(&mut session, "/properties/longest", constraints::session_schema());
            session
        }
        "acts" => {
            let mut acts = probe_with_scope(&|node, scope, faults| {
                ActsPolicy::read_acts(node, scope, faults);
            });
            constraints::refine_properties(&mut acts, &["largest"], &constraints::attachment_size_schema());
            for place in ["/properties/attach", "/properties/verified"] {
                if let Some(part) = acts.pointer_mut(place) {
                    constraints::require_one_of(part, &["bots", "from"]);
                }
            }
            acts
        }
        "reasons" => constraints::or_nothing(
            json!({ "type": "object", "additionalProperties": schema_reference("filled-text") }),
        ),
        "signers" => {
            let mut files = Map::new();
            for kind in SIGNER_KINDS {
                files.insert(kind.into(), schema_reference("file"));
            }
            json!({ "type": "object", "properties": files, "additionalProperties": false })
        }
        "tickets" => {
            let system = probe_schema(&|node, faults| {
                TicketSystem::read_system(node, faults);
            });
            constraints::or_nothing(json!({
                "type": "object",
                "propertyNames": { "pattern": constraints::TICKET_PREFIX_PATTERN },
                "additionalProperties": constraints::refine_ticket_system(system),
            }))
        }
        _ => schema_reference("text"),
    }
}

fn rule_schema() -> Value {
    let mut properties = Map::new();
    for (key, description) in rules::RULE_KEYS {
        let schema = match key {
            "controls" => constraints::list_or_one(constraints::visible_schema()),
            "for" | "not-for" => schema_reference("texts"),
            "when" => schema_reference("settled-question"),
            "require" => constraints::asked_question("question"),
            "level" => json!({ "enum": LEVEL_WORDS.map(|(word, _)| word) }),
            "until" => schema_reference("day"),
            "reason" => schema_reference("filled-text"),
            MAY_BE_WEAKENED => json!({ "const": WITH_REASON }),
            _ => schema_reference("text"),
        };
        properties.insert(key.into(), with_description(schema, description));
    }
    constraints::or_nothing(json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "allOf": constraints::level_conditions(),
    }))
}

/// Returns the schema of a question; of one by which nothing may be owed if `allows_obligations` is false.
fn condition_schema(allows_obligations: bool) -> Value {
    let mut properties = Map::new();
    for (word, description) in COMBINATORS {
        let parts = match word {
            "not" => "settled-question",
            _ if allows_obligations => "questions",
            _ => "settled-questions",
        };
        properties.insert(word.into(), with_description(schema_reference(parts), description));
    }
    for doc in PREDICATE_DOCS {
        let mut schema = predicate_schema(doc);
        question_forms::refine_predicate(&mut schema, doc.name, allows_obligations);
        describe_properties(&mut schema, doc);
        let description = format!("{}\n\n{}", doc.summary, doc.parameters);
        properties.insert(doc.name.into(), with_description(schema, &description));
    }
    json!({
        "description": "A map of questions, all of which have to hold.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Returns the schema of a predicate's parameters, as far as its reader tells.
fn predicate_schema(doc: &PredicateDoc) -> Value {
    let key = YamlKey { at: YamlPlace::default(), text: doc.name.into() };
    probe_with_scope(&|node, scope, faults| {
        Predicate::read_predicate(&key, node, scope, faults);
    })
}

/// Adds to each parameter the item of the documentation that starts with its name.
fn describe_properties(schema: &mut Value, doc: &PredicateDoc) {
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        for kind in kinds {
            describe_properties(kind, doc);
        }
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (key, value) in properties {
        let start = format!("- `{key}: ");
        for line in doc.parameters.lines() {
            if line.starts_with(&start) {
                let item = line.trim_start_matches("- ").trim_end_matches([';', '.']);
                *value = with_description(value.take(), item);
                break;
            }
        }
    }
}

/// A reader that looks up names of the policy.
type ScopedReader<'reader> = &'reader dyn Fn(&YamlNode, &PolicyScope<'_>, &mut Vec<YamlFault>);

/// Returns the schema of what `read` accepts in a policy without any names.
fn probe_with_scope(read: ScopedReader<'_>) -> Value {
    let vocabulary = FieldVocabulary::default();
    let people = PeopleDirectory::default();
    let catalogue = Arc::default();
    let scope = PolicyScope {
        vocabulary: &vocabulary,
        people: &people,
        catalogue: &catalogue,
        allows_obligations: true,
    };
    probe_schema(&|node, faults| read(node, &scope, faults))
}

fn with_description(mut schema: Value, description: &str) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".into(), description.into());
    }
    schema
}
