//! Finds out what a reader of the policy accepts, by giving it values that it must refuse.
//!
//! Each reader of the loader is called with a text, a list and a map that no policy contains, and the
//! faults that it leaves name what it expected: these words, a number between these bounds, these keys.
//! The schema is made from these expectations, so there is one description of the policy and not two
//! that could contradict each other. Where a fault names no expectation the schema accepts any text, so
//! it can be too generous but never too strict.

use serde_json::{Map, Value as Json, json};

use crate::yaml::{ExpectedValue, YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue};

/// How many maps within maps are probed.
const MAX_PROBE_DEPTH: usize = 3;

// A fault belongs to a part of the probe by its place, so every part has a line of its own.

/// The place of the value that is probed.
const PROBED_PLACE: YamlPlace = YamlPlace { line: 1, column: 1, length: 1 };
/// The place of an item or a key of that value.
const INNER_PLACE: YamlPlace = YamlPlace { line: 2, column: 1, length: 1 };
/// The place of everything else, whose faults do not matter.
const OTHER_PLACE: YamlPlace = YamlPlace { line: 3, column: 1, length: 1 };

/// A text that no policy contains: YAML does not allow this character.
const IMPOSSIBLE_TEXT: &str = "\u{0}";

/// A reader of one value.
pub(crate) type NodeReader<'reader> = &'reader dyn Fn(&YamlNode, &mut Vec<YamlFault>);

/// Returns the schema of what `read` accepts.
pub(crate) fn probe_schema(read: NodeReader<'_>) -> Json {
    probe_nested_schema(read, 0).unwrap_or_else(any_value)
}

/// Returns the schema; `None` for a value that no reader looks at.
fn probe_nested_schema(read: NodeReader<'_>, depth: usize) -> Option<Json> {
    let scalar = probe_scalar(read);
    if scalar.as_ref() == Some(&schema_reference("question")) {
        return scalar;
    }
    let list = probe_list(read);
    let map = probe_map(read, depth);
    // Every reader refuses something. If a text, a list and any map are all accepted, nothing read them.
    if scalar.is_some() && list.is_some() && map.as_ref().is_some_and(is_open_map) {
        return None;
    }
    let mut kinds: Vec<Json> = Vec::new();
    kinds.extend(scalar);
    kinds.extend(list);
    kinds.extend(map);
    let text_or_list = [schema_reference("text"), list_schema(schema_reference("text"))];
    if kinds.starts_with(&text_or_list) {
        kinds.splice(..2, [schema_reference("texts")]);
    }
    if kinds.len() == 1 { kinds.pop() } else { Some(json!({ "anyOf": kinds })) }
}

fn any_value() -> Json {
    json!({})
}

fn schema_reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn list_schema(items: Json) -> Json {
    json!({ "type": "array", "minItems": 1, "items": items })
}

/// Returns true for the schema of a map that may have any key.
fn is_open_map(schema: &Json) -> bool {
    schema.get("properties").is_none()
}

fn collect_faults(read: NodeReader<'_>, node: &YamlNode) -> Vec<YamlFault> {
    let mut faults = Vec::new();
    read(node, &mut faults);
    faults
}

/// Returns what is expected at a place where something else was found.
fn find_expected(faults: &[YamlFault], at: YamlPlace) -> Option<&ExpectedValue> {
    for fault in faults {
        let is_value = !matches!(
            fault.expected,
            ExpectedValue::Unspecified
                | ExpectedValue::Key(_)
                | ExpectedValue::DefinedName
                | ExpectedValue::BaseFile
        );
        if fault.at == at && is_value {
            return Some(&fault.expected);
        }
    }
    None
}

fn impossible_node(at: YamlPlace) -> YamlNode {
    text_node(IMPOSSIBLE_TEXT, at)
}

fn text_node(text: &str, at: YamlPlace) -> YamlNode {
    YamlNode { at, value: YamlValue::Scalar { text: text.into(), is_plain: true } }
}

fn list_node(item: YamlNode) -> YamlNode {
    YamlNode { at: PROBED_PLACE, value: YamlValue::List(vec![item]) }
}

fn map_node(at: YamlPlace, entries: Vec<(YamlKey, YamlNode)>) -> YamlNode {
    YamlNode { at, value: YamlValue::Map(entries) }
}

/// Returns the schema of the single values that are accepted.
fn probe_scalar(read: NodeReader<'_>) -> Option<Json> {
    let faults = collect_faults(read, &impossible_node(PROBED_PLACE));
    let Some(expected) = find_expected(&faults, PROBED_PLACE) else { return Some(schema_reference("text")) };
    match expected {
        ExpectedValue::Words(words) => Some(json!({ "enum": words })),
        ExpectedValue::Number { least, most: u64::MAX } => {
            Some(json!({ "type": "integer", "minimum": least }))
        }
        ExpectedValue::Number { least, most } => {
            Some(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        ExpectedValue::Bool => Some(json!({ "type": "boolean" })),
        ExpectedValue::Day if accepts_time_of_day(read) => Some(schema_reference("text")),
        ExpectedValue::Day => Some(schema_reference("day")),
        ExpectedValue::Condition => Some(schema_reference("question")),
        _ => None,
    }
}

/// Returns whether a reader that expects a day accepts a time of day as well.
fn accepts_time_of_day(read: NodeReader<'_>) -> bool {
    let faults = collect_faults(read, &text_node("0:00", PROBED_PLACE));
    find_expected(&faults, PROBED_PLACE) != Some(&ExpectedValue::Day)
}

/// Returns the schema of the lists that are accepted.
fn probe_list(read: NodeReader<'_>) -> Option<Json> {
    let faults = collect_faults(read, &list_node(impossible_node(INNER_PLACE)));
    if find_expected(&faults, PROBED_PLACE).is_some() {
        return None;
    }
    // An item is probed as a value of its own: inside a list, and with only the faults about itself.
    let items = probe_scalar(&|item, faults| {
        let item = YamlNode { at: INNER_PLACE, ..item.clone() };
        for fault in collect_faults(read, &list_node(item)) {
            if fault.at == INNER_PLACE {
                faults.push(YamlFault { at: PROBED_PLACE, ..fault });
            }
        }
    });
    Some(list_schema(items.unwrap_or_else(any_value)))
}

/// Returns the schema of the maps that are accepted.
fn probe_map(read: NodeReader<'_>, depth: usize) -> Option<Json> {
    let key = YamlKey { at: INNER_PLACE, text: IMPOSSIBLE_TEXT.into() };
    let faults = collect_faults(read, &map_node(PROBED_PLACE, vec![(key, impossible_node(OTHER_PLACE))]));
    if find_expected(&faults, PROBED_PLACE).is_some() {
        return None;
    }
    let Some(ExpectedValue::Keys(keys)) = find_expected(&faults, INNER_PLACE) else {
        return Some(match probe_map_value(read, IMPOSSIBLE_TEXT, depth) {
            Some(values) => json!({ "type": "object", "additionalProperties": values }),
            None => json!({ "type": "object" }),
        });
    };
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys {
        let value = probe_map_value(read, key, depth).unwrap_or_else(any_value);
        properties.insert(key.clone(), value);
        if is_required(read, keys, key) {
            required.push(key);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema.as_object_mut()?.insert("required".into(), json!(required));
    }
    Some(schema)
}

/// Returns the schema of the values that a map accepts for `key`; `None` if no reader looks at them.
fn probe_map_value(read: NodeReader<'_>, key: &str, depth: usize) -> Option<Json> {
    if depth >= MAX_PROBE_DEPTH {
        return None;
    }
    let read_value: NodeReader<'_> = &|node, faults| {
        let key = YamlKey { at: OTHER_PLACE, text: key.to_owned() };
        read(&map_node(OTHER_PLACE, vec![(key, node.clone())]), faults);
    };
    probe_nested_schema(read_value, depth + 1)
}

/// Returns whether a map with all of `keys` but this one is refused for want of it.
fn is_required(read: NodeReader<'_>, keys: &[String], key: &String) -> bool {
    let mut entries = Vec::new();
    for other in keys {
        if other != key {
            let name = YamlKey { at: INNER_PLACE, text: other.clone() };
            entries.push((name, impossible_node(OTHER_PLACE)));
        }
    }
    for fault in collect_faults(read, &map_node(PROBED_PLACE, entries)) {
        if matches!(fault.expected, ExpectedValue::Key(missing) if missing == key.as_str()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::decode::{MapReader, read_bool, read_choice, read_count, read_day, read_texts};

    #[test]
    fn a_reader_tells_what_it_takes() {
        let read = |node: &YamlNode, faults: &mut Vec<YamlFault>| {
            let Some(mut map) = MapReader::new(node, faults) else { return };
            map.require_key("how", faults)
                .and_then(|node| read_choice(node, &[("well", ()), ("badly", ())], faults));
            map.find_key("often").and_then(|node| read_count(node, 1, 9, faults));
            map.find_key("sure").and_then(|node| read_bool(node, faults));
            map.find_key("until").and_then(|node| read_day(node, faults));
            map.find_key("who").map(|node| read_texts(node, faults));
            map.refuse_unknown_keys(faults);
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
        assert_eq!(probe_schema(&read), wanted);
    }
}
