//! What a reader of the policy accepts, found by asking the reader.
//!
//! The schema of a policy cannot contradict the loader if it is made from the loader's own answers:
//! a reader is handed values that no policy has, and the faults that it leaves say what it would
//! have taken instead. A schema made in this way is at most too generous, never too strict.

use serde_json::{Map, Value as Json, json};

use crate::yaml::{Expected, Fault, Key, Node, Place, Value};

/// How deep maps within maps are looked into.
const DEEPEST: usize = 3;

/// Where the value stands that the reader is asked about.
const SELF: Place = Place { line: 1, column: 1, length: 1 };
/// Where what stands inside that value is.
const INSIDE: Place = Place { line: 2, column: 1, length: 1 };
/// Where everything else is.
const AROUND: Place = Place { line: 3, column: 1, length: 1 };

/// A word that no policy has.
const NO_WORD: &str = "\u{0}";

/// A reader of one value.
pub(super) type Reader<'reader> = &'reader dyn Fn(&Node, &mut Vec<Fault>);

/// Returns the schema of what `read` accepts.
pub(super) fn shape(read: Reader<'_>) -> Json {
    below(read, 0).unwrap_or_else(|| json!({}))
}

/// Returns the schema; `None` for a value that nobody looks at.
fn below(read: Reader<'_>, depth: usize) -> Option<Json> {
    let (scalar, list, map) = (scalar(read), list(read), map(read, depth));
    if scalar.as_ref().is_some_and(|scalar| *scalar == json!({ "$ref": "#/$defs/question" })) {
        return scalar;
    }
    // Every reader objects to something; an open map beside a text and a list means that none read.
    let open = |map: &Json| map.get("properties").is_none();
    if scalar.is_some() && list.is_some() && map.as_ref().is_some_and(open) {
        return None;
    }
    let mut kinds: Vec<Json> = scalar.into_iter().chain(list).chain(map).collect();
    let text = json!({ "$ref": "#/$defs/text" });
    if kinds.starts_with(&[text.clone(), json!({ "type": "array", "minItems": 1, "items": text })]) {
        kinds.splice(..2, [json!({ "$ref": "#/$defs/texts" })]);
    }
    if kinds.len() == 1 { kinds.pop() } else { Some(json!({ "anyOf": kinds })) }
}

fn ask(read: Reader<'_>, node: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    read(node, &mut faults);
    faults
}

/// Returns what is expected at a place where something else was found.
fn expected(faults: &[Fault], at: Place) -> Option<&Expected> {
    let mut here = faults.iter().filter(|fault| fault.at == at).map(|fault| &fault.expected);
    here.find(|expected| !matches!(expected, Expected::Else | Expected::Key(_)))
}

fn single(at: Place) -> Node {
    text(NO_WORD, at)
}

fn text(text: &str, at: Place) -> Node {
    Node { at, value: Value::Scalar { text: text.into(), plain: true } }
}

/// Returns the schema of the single values that are accepted.
fn scalar(read: Reader<'_>) -> Option<Json> {
    match expected(&ask(read, &single(SELF)), SELF) {
        None => Some(json!({ "$ref": "#/$defs/text" })),
        Some(Expected::Words(words)) => Some(json!({ "enum": words })),
        Some(Expected::Number { least, most: u64::MAX }) => {
            Some(json!({ "type": "integer", "minimum": least }))
        }
        Some(Expected::Number { least, most }) => {
            Some(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        Some(Expected::Truth) => Some(json!({ "type": "boolean" })),
        // Some take a day or a time of day.
        Some(Expected::Day) => match expected(&ask(read, &text("0:00", SELF)), SELF) {
            Some(Expected::Day) => Some(json!({ "$ref": "#/$defs/day" })),
            _ => Some(json!({ "$ref": "#/$defs/text" })),
        },
        Some(Expected::Question) => Some(json!({ "$ref": "#/$defs/question" })),
        Some(_) => None,
    }
}

/// Returns the schema of the lists that are accepted.
fn list(read: Reader<'_>) -> Option<Json> {
    let list = |items| Node { at: SELF, value: Value::List(items) };
    if expected(&ask(read, &list(vec![single(INSIDE)])), SELF).is_some() {
        return None;
    }
    let items = scalar(&|item, faults| {
        let inner = Node { at: INSIDE, ..item.clone() };
        let mut found = ask(read, &list(vec![inner]));
        found.retain(|fault| fault.at == INSIDE);
        faults.extend(found.into_iter().map(|fault| Fault { at: SELF, ..fault }));
    });
    Some(json!({ "type": "array", "minItems": 1, "items": items.unwrap_or_else(|| json!({})) }))
}

/// Returns the schema of the maps that are accepted.
fn map(read: Reader<'_>, depth: usize) -> Option<Json> {
    let of = |entries: Vec<(String, Node)>| {
        let key = |text| Key { at: INSIDE, text };
        let entries = entries.into_iter().map(|(text, node)| (key(text), node)).collect();
        Node { at: SELF, value: Value::Map(entries) }
    };
    let faults = ask(read, &of(vec![(NO_WORD.into(), single(AROUND))]));
    if expected(&faults, SELF).is_some() {
        return None;
    }
    let value = |key: &str| {
        let asked = |node: &Node, faults: &mut Vec<Fault>| {
            let mut around = of(vec![(key.to_owned(), node.clone())]);
            around.at = AROUND;
            if let Value::Map(entries) = &mut around.value {
                entries.iter_mut().for_each(|(key, _)| key.at = AROUND);
            }
            read(&around, faults);
        };
        if DEEPEST <= depth { None } else { below(&asked, depth + 1) }
    };
    let Some(Expected::Keys(keys)) = expected(&faults, INSIDE) else {
        return Some(match value(NO_WORD) {
            Some(values) => json!({ "type": "object", "additionalProperties": values }),
            None => json!({ "type": "object" }),
        });
    };
    let properties: Map<String, Json> =
        keys.iter().map(|key| (key.clone(), value(key).unwrap_or_else(|| json!({})))).collect();
    let missed = |key: &&String| {
        let others = keys.iter().filter(|other| other != key);
        let faults = ask(read, &of(others.map(|other| (other.clone(), single(AROUND))).collect()));
        faults.iter().any(|fault| matches!(fault.expected, Expected::Key(missed) if missed == key.as_str()))
    };
    let required: Vec<&String> = keys.iter().filter(missed).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema.as_object_mut()?.insert("required".into(), json!(required));
    }
    Some(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::decode::{Map, choice, count, day, texts, truth};

    #[test]
    fn a_reader_tells_what_it_takes() {
        let read = |node: &Node, faults: &mut Vec<Fault>| {
            let Some(mut map) = Map::new(node, faults) else { return };
            map.require("how", faults).and_then(|node| choice(node, &[("well", ()), ("badly", ())], faults));
            map.get("often").and_then(|node| count(node, 1, 9, faults));
            map.get("sure").and_then(|node| truth(node, faults));
            map.get("until").and_then(|node| day(node, faults));
            map.get("who").map(|node| texts(node, faults));
            map.finish(faults);
        };
        let wanted = json!({
            "type": "object",
            "properties": {
                "how": { "enum": ["well", "badly"] },
                "often": { "type": "integer", "minimum": 1, "maximum": 9 },
                "sure": { "type": "boolean" },
                "until": { "$ref": "#/$defs/day" },
                "who": { "$ref": "#/$defs/texts" },
            },
            "additionalProperties": false,
            "required": ["how"],
        });
        assert_eq!(shape(&read), wanted);
    }
}
