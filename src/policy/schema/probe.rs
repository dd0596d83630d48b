//! What a reader of the policy accepts, found by asking the reader.
//!
//! The schema of a policy cannot contradict the loader if it is made from the loader's own answers:
//! a reader is handed values that no policy has, and the faults that it leaves say what it would
//! have taken instead. A schema made in this way is at most too generous, never too strict.

use serde_json::{Map, Value as Json, json};

use crate::yaml::{ExpectedValue, YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue};

/// How deep maps within maps are looked into.
const MAX_PROBE_DEPTH: usize = 3;

/// Where the value stands that the reader is asked about.
const PROBED_PLACE: YamlPlace = YamlPlace { line: 1, column: 1, length: 1 };
/// Where what stands inside that value is.
const INNER_PLACE: YamlPlace = YamlPlace { line: 2, column: 1, length: 1 };
/// Where everything else is.
const OUTER_PLACE: YamlPlace = YamlPlace { line: 3, column: 1, length: 1 };

/// A word that no policy has.
const IMPOSSIBLE_WORD: &str = "\u{0}";

/// A reader of one value.
pub(crate) type NodeReader<'reader> = &'reader dyn Fn(&YamlNode, &mut Vec<YamlFault>);

/// Returns the schema of what `read` accepts.
pub(crate) fn probe_schema(read: NodeReader<'_>) -> Json {
    probe_nested_schema(read, 0).unwrap_or_else(|| json!({}))
}

/// Returns the schema; `None` for a value that nobody looks at.
fn probe_nested_schema(read: NodeReader<'_>, depth: usize) -> Option<Json> {
    let (scalar, list, map) = (probe_scalar(read), probe_list(read), probe_map(read, depth));
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

fn collect_faults(read: NodeReader<'_>, node: &YamlNode) -> Vec<YamlFault> {
    let mut faults = Vec::new();
    read(node, &mut faults);
    faults
}

/// Returns what is expected at a place where something else was found.
fn find_expected(faults: &[YamlFault], at: YamlPlace) -> Option<&ExpectedValue> {
    let mut here = faults.iter().filter(|fault| fault.at == at).map(|fault| &fault.expected);
    here.find(|expected| !matches!(expected, ExpectedValue::Unspecified | ExpectedValue::Key(_)))
}

fn impossible_node(at: YamlPlace) -> YamlNode {
    text_node(IMPOSSIBLE_WORD, at)
}

fn text_node(text: &str, at: YamlPlace) -> YamlNode {
    YamlNode { at, value: YamlValue::Scalar { text: text.into(), is_plain: true } }
}

/// Returns the schema of the single values that are accepted.
fn probe_scalar(read: NodeReader<'_>) -> Option<Json> {
    match find_expected(&collect_faults(read, &impossible_node(PROBED_PLACE)), PROBED_PLACE) {
        None => Some(json!({ "$ref": "#/$defs/text" })),
        Some(ExpectedValue::Words(words)) => Some(json!({ "enum": words })),
        Some(ExpectedValue::Number { least, most: u64::MAX }) => {
            Some(json!({ "type": "integer", "minimum": least }))
        }
        Some(ExpectedValue::Number { least, most }) => {
            Some(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        Some(ExpectedValue::Bool) => Some(json!({ "type": "boolean" })),
        // Some take a day or a time of day.
        Some(ExpectedValue::Day) => {
            match find_expected(&collect_faults(read, &text_node("0:00", PROBED_PLACE)), PROBED_PLACE) {
                Some(ExpectedValue::Day) => Some(json!({ "$ref": "#/$defs/day" })),
                _ => Some(json!({ "$ref": "#/$defs/text" })),
            }
        }
        Some(ExpectedValue::Condition) => Some(json!({ "$ref": "#/$defs/question" })),
        Some(_) => None,
    }
}

/// Returns the schema of the lists that are accepted.
fn probe_list(read: NodeReader<'_>) -> Option<Json> {
    let list = |items| YamlNode { at: PROBED_PLACE, value: YamlValue::List(items) };
    if find_expected(&collect_faults(read, &list(vec![impossible_node(INNER_PLACE)])), PROBED_PLACE).is_some()
    {
        return None;
    }
    let items = probe_scalar(&|item, faults| {
        let inner = YamlNode { at: INNER_PLACE, ..item.clone() };
        let mut found = collect_faults(read, &list(vec![inner]));
        found.retain(|fault| fault.at == INNER_PLACE);
        faults.extend(found.into_iter().map(|fault| YamlFault { at: PROBED_PLACE, ..fault }));
    });
    Some(json!({ "type": "array", "minItems": 1, "items": items.unwrap_or_else(|| json!({})) }))
}

/// Returns the schema of the maps that are accepted.
fn probe_map(read: NodeReader<'_>, depth: usize) -> Option<Json> {
    let of = |entries: Vec<(String, YamlNode)>| {
        let key = |text| YamlKey { at: INNER_PLACE, text };
        let entries = entries.into_iter().map(|(text, node)| (key(text), node)).collect();
        YamlNode { at: PROBED_PLACE, value: YamlValue::Map(entries) }
    };
    let faults = collect_faults(read, &of(vec![(IMPOSSIBLE_WORD.into(), impossible_node(OUTER_PLACE))]));
    if find_expected(&faults, PROBED_PLACE).is_some() {
        return None;
    }
    let value = |key: &str| {
        let asked = |node: &YamlNode, faults: &mut Vec<YamlFault>| {
            let mut around = of(vec![(key.to_owned(), node.clone())]);
            around.at = OUTER_PLACE;
            if let YamlValue::Map(entries) = &mut around.value {
                entries.iter_mut().for_each(|(key, _)| key.at = OUTER_PLACE);
            }
            read(&around, faults);
        };
        if MAX_PROBE_DEPTH <= depth { None } else { probe_nested_schema(&asked, depth + 1) }
    };
    let Some(ExpectedValue::Keys(keys)) = find_expected(&faults, INNER_PLACE) else {
        return Some(match value(IMPOSSIBLE_WORD) {
            Some(values) => json!({ "type": "object", "additionalProperties": values }),
            None => json!({ "type": "object" }),
        });
    };
    let properties: Map<String, Json> =
        keys.iter().map(|key| (key.clone(), value(key).unwrap_or_else(|| json!({})))).collect();
    let missed = |key: &&String| {
        let others = keys.iter().filter(|other| other != key);
        let faults = collect_faults(
            read,
            &of(others.map(|other| (other.clone(), impossible_node(OUTER_PLACE))).collect()),
        );
        faults
            .iter()
            .any(|fault| matches!(fault.expected, ExpectedValue::Key(missed) if missed == key.as_str()))
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
