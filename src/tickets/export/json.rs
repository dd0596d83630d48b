//! Reading an export in JSON: a list of objects, each of which is a ticket.
//!
//! Each object is kept with the line on which it starts, so that what is wrong with it can be said
//! there. A document that is no list of objects is a fault as a whole.

use serde_json::Value;
use serde_json::value::RawValue;

/// A ticket as written: the line on which it starts, and its fields as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonTicket {
    pub(crate) line: usize,
    pub(crate) fields: Result<Vec<(String, String)>, String>,
}

/// Parses a JSON list of tickets into their fields, each with the line on which it stands.
///
/// # Errors
///
/// Says on which line the document is no list, or no JSON.
pub(crate) fn parse_objects(text: &str) -> Result<Vec<JsonTicket>, (usize, String)> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        let what = if error.is_data() { "this is not a list of tickets" } else { "this is not JSON" };
        (error.line().max(1), what.to_owned())
    })?;
    let mut at = 0;
    let mut line = 1;
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        // The text of an item is a part of the whole, so that its place is the distance.
        let start = (item.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        line += count_lines(text.as_bytes().get(at..start).unwrap_or_default());
        at = start;
        found.push(JsonTicket { line, fields: parse_fields(item.get()) });
    }
    Ok(found)
}

/// Returns how many lines end in these bytes.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn parse_fields(item: &str) -> Result<Vec<(String, String)>, String> {
    let Ok(Value::Object(fields)) = serde_json::from_str(item) else {
        return Err("this is not an object".into());
    };
    let mut read = Vec::new();
    for (key, value) in fields {
        let values = match value {
            // A list is as many statements of the same field.
            Value::Array(items) => items,
            other => vec![other],
        };
        for value in values {
            read.extend(scalar_text(value).map(|text| (key.clone(), text)));
        }
    }
    Ok(read)
}

/// Returns a value as text; `None` for a list or an object.
fn scalar_text(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_knows_its_line() {
        let text = "[\n  {\"key\": \"A-1\", \"labels\": [\"x\", \"y\"]}, 7,\n\n  {\"key\": \"A-2\",\n \"closed\": true}]";
        let read = parse_objects(text).unwrap();
        let lines: Vec<usize> = read.iter().map(|object| object.line).collect();
        assert_eq!(lines, [2, 2, 4]);
        let field = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read[0].fields, Ok(vec![field("key", "A-1"), field("labels", "x"), field("labels", "y")]));
        assert_eq!(read[1].fields, Err("this is not an object".into()));
        assert_eq!(read[2].fields.as_ref().unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_list_is_a_fault_with_its_line() {
        assert_eq!(parse_objects("[\n{}"), Err((2, "this is not JSON".into())));
        assert_eq!(parse_objects("{}"), Err((1, "this is not a list of tickets".into())));
        assert_eq!(parse_objects(""), Err((1, "this is not JSON".into())));
        assert!(parse_objects(&"[".repeat(10_000)).is_err());
    }
}
