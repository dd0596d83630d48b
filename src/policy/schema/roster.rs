//! The JSON Schema of a roster, for editors.

use serde_json::{Value, json};

use crate::people::service::KIND_WORDS;
use crate::policy::schema::constraints::{self, schema_reference};

/// Returns the schema as a JSON value.
pub fn build_roster_schema() -> Value {
    let identities = constraints::list_or_one(json!({ "type": "string", "pattern": "^[^ \t]" }));
    let spans = json!({ "anyOf": [
        { "type": "null" },
        schema_reference("days"),
        constraints::list_of(schema_reference("days")),
    ] });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A roster of changegate",
        "description": "What an editor can check; `changegate people check` checks the rest.",
        "type": "object",
        "required": ["people"],
        "properties": {
            "people": {
                "description": "Who is whom, by a short name for each person.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": schema_reference("person"),
            },
        },
        "additionalProperties": false,
        "$defs": {
            "text": { "type": ["string", "number", "boolean"], "pattern": "[^ \t\r\n]" },
            "texts": constraints::list_or_one(schema_reference("text")),
            "day": constraints::day_schema(),
            "days": {
                "type": "object",
                "properties": { "from": schema_reference("day"), "until": schema_reference("day") },
                "additionalProperties": false,
            },
            "delegation": {
                "type": "object",
                "required": ["to", "for"],
                "properties": {
                    "to": with_words(schema_reference("text"), "The entry of the roster that acts for this person."),
                    "for": with_words(schema_reference("texts"), "The teams in which they act."),
                    "from": with_words(schema_reference("day"), "The first day."),
                    "until": with_words(schema_reference("day"), "The last day, which counts in full."),
                },
                "additionalProperties": false,
            },
            "person": {
                "type": "object",
                "required": ["addresses"],
                "properties": {
                    "name": with_words(schema_reference("text"), "What the person is called."),
                    "kind": {
                        "description": "A person (`human`, which need not be written), or a machine, which never approves.",
                        "enum": KIND_WORDS.map(|(word, _)| word),
                    },
                    "addresses": with_words(identities.clone(), "Every address that the person uses."),
                    "accounts": with_words(identities, "Accounts of the server, or of a forge, as in `github:ana#583231`."),
                    "joined": with_words(schema_reference("day"), "The first day, in UTC."),
                    "left": with_words(schema_reference("day"), "The last day, which counts in full, in UTC."),
                    "trained-until": with_words(schema_reference("day"), "The last day on which the training is valid."),
                    "teams": {
                        "description": "Teams of the policy that the person is in as well, with or without days.",
                        "anyOf": [
                            schema_reference("texts"),
                            { "type": "object", "additionalProperties": spans },
                        ],
                    },
                    "delegate": {
                        "description": "Who acts for this person, in which teams and when.",
                        "anyOf": [
                            schema_reference("delegation"),
                            constraints::list_of(schema_reference("delegation")),
                        ],
                    },
                    "keys": with_words(schema_reference("texts"), "The public keys of SSH that the person signs with."),
                },
                "additionalProperties": false,
            },
        },
    })
}

fn with_words(mut schema: Value, words: &str) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), Value::from(words));
    }
    schema
}

/// Returns the schema as it is printed.
pub fn render_roster_schema() -> String {
    format!("{:#}\n", build_roster_schema())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::PeopleDirectory;
    use crate::yaml::read_document;

    #[test]
    fn the_schema_has_the_keys_that_the_reader_knows() {
        let mut faults = Vec::new();
        let wrong = read_document(b"people: { ana: { addresses: [ana@example.com], qqqqqqqq: x } }").unwrap();
        PeopleDirectory::default().read_roster(&wrong, &mut faults);
        let help = faults[0].help.clone().unwrap();
        let known = help.strip_prefix("expected one of ").unwrap().split(", ").map(str::to_owned);
        let schema = build_roster_schema();
        let mut listed: Vec<String> =
            schema["$defs"]["person"]["properties"].as_object().unwrap().keys().cloned().collect();
        listed.sort_unstable();
        assert_eq!(listed, known.collect::<Vec<String>>());
    }
}
