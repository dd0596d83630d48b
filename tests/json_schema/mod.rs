//! JSON Schema, as much of it as ours are written in.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Value, json};

thread_local! {
    /// Compiled patterns: a schema has few, and a test asks each of them very often.
    static PATTERNS: RefCell<HashMap<String, regex::Regex>> = RefCell::default();
}

fn is_match(pattern: &str, text: &str) -> bool {
    PATTERNS.with_borrow_mut(|known| {
        known.entry(pattern.to_owned()).or_insert_with(|| regex::Regex::new(pattern).unwrap()).is_match(text)
    })
}

/// Holds a value against a schema, in as much of JSON Schema as ours is written in.
pub(crate) fn holds(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(accepts) = schema.as_bool() {
        return if accepts { Ok(()) } else { Err("nothing is accepted here".to_owned()) };
    }
    for (word, said) in schema.as_object().unwrap() {
        let fits = match word.as_str() {
            "description" | "title" | "$schema" | "$defs" | "format" => true,
            "$ref" => {
                let target = root.pointer(said.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                holds(root, target, value)?;
                true
            }
            "anyOf" => {
                let mut tried = Vec::new();
                for one in said.as_array().unwrap() {
                    match holds(root, one, value) {
                        Ok(()) => break,
                        Err(why) => tried.push(why),
                    }
                }
                if tried.len() == said.as_array().unwrap().len() {
                    return Err(format!("[{}]", tried.join("; ")));
                }
                true
            }
            "oneOf" => {
                let fitting = said.as_array().unwrap().iter().filter(|one| holds(root, one, value).is_ok());
                fitting.count() == 1
            }
            "allOf" => {
                for one in said.as_array().unwrap() {
                    holds(root, one, value)?;
                }
                true
            }
            "not" => holds(root, said, value).is_err(),
            "if" => holds(root, said, value).is_err() || holds(root, &schema["then"], value).is_ok(),
            "then" => true,
            "minLength" => {
                value.as_str().is_none_or(|text| said.as_u64().unwrap() <= text.chars().count() as u64)
            }
            "maxLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= said.as_u64().unwrap())
            }
            "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= said.as_u64().unwrap()),
            "minProperties" => value.as_object().is_none_or(|map| said.as_u64().unwrap() <= map.len() as u64),
            "propertyNames" => {
                for key in value.as_object().into_iter().flat_map(|map| map.keys()) {
                    holds(root, said, &json!(key))?;
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
                    "null" => value.is_null(),
                    other => panic!("{other}"),
                };
                said.as_array().map_or_else(|| is(said), |kinds| kinds.iter().any(is))
            }
            "minimum" => value.as_i64().is_none_or(|number| said.as_i64().unwrap() <= number),
            "maximum" => value.as_u64().is_none_or(|number| number <= said.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= said.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| said.as_u64().unwrap() <= items.len() as u64),
            "uniqueItems" => value.as_array().is_none_or(|items| {
                items.iter().enumerate().all(|(place, item)| !items[..place].contains(item))
            }),
            "pattern" => value.as_str().is_none_or(|text| is_match(said.as_str().unwrap(), text)),
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|item| holds(root, said, item))?;
                true
            }
            "required" => {
                let has = |key: &Value| value.get(key.as_str().unwrap()).is_some();
                !value.is_object() || said.as_array().unwrap().iter().all(has)
            }
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if let Some(part) = said.get(key) {
                        holds(root, part, value).map_err(|why| format!("{key}: {why}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    match schema["properties"].get(key) {
                        Some(_) => {}
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
