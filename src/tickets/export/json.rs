//! Reading an export in JSON: a list of objects, each of which is a ticket.
//!
//! Each object is kept with the line on which it starts, so that what is wrong with it can be said
//! there. A document that is no list of objects is a fault as a whole. The values of an object are kept as
//! they are written, and read only where they are wanted: what is wrong with another one does not matter.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A ticket as written: the line on which it starts, and its members in order, of which two may have
/// the same name.
#[derive(Clone, Debug)]
pub(crate) struct JsonTicket<'a> {
    pub(crate) line: usize,
    pub(crate) members: Result<Vec<(String, &'a RawValue)>, String>,
}

/// Parses a JSON list of tickets into their fields, each with the line on which it stands.
///
/// # Errors
///
/// Says on which line the document is no list, or no JSON.
pub(crate) fn parse_objects(text: &str) -> Result<Vec<JsonTicket<'_>>, (usize, String)> {
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
        found.push(JsonTicket { line, members: parse_members(item) });
    }
    Ok(found)
}

/// Returns how many lines end in these bytes.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn parse_members(item: &RawValue) -> Result<Vec<(String, &RawValue)>, String> {
    if !item.get().starts_with('{') {
        return Err("this is not an object".into());
    }
    match serde_json::from_str::<JsonMembers<'_>>(item.get()) {
        Ok(JsonMembers(members)) => Ok(members),
        Err(error) => Err(format!("this object cannot be read: {}", describe_json_error(&error))),
    }
}

/// Reads a value as texts: a list is as many statements of the same field.
///
/// # Errors
///
/// Says why the value, which has no other text, is none.
pub(crate) fn read_texts(value: &RawValue) -> Result<Vec<String>, String> {
    if !value.get().starts_with('[') {
        return Ok(vec![read_text(value)?]);
    }
    match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        Ok(items) => items.into_iter().map(read_text).collect(),
        Err(error) => Err(format!("cannot be read: {}", describe_json_error(&error))),
    }
}

/// Reads a value other than a list as text. A number stays as it is written, however large.
fn read_text(value: &RawValue) -> Result<String, String> {
    let written = value.get();
    match written.as_bytes().first() {
        Some(b'{') => Err("is an object; write a text, a number or a truth value".into()),
        Some(b'[') => Err("is a list inside a list; write a text, a number or a truth value".into()),
        Some(b'"') => serde_json::from_str(written)
            .map_err(|error| format!("cannot be read: {}", describe_json_error(&error))),
        _ if written == "null" => Ok(String::new()),
        _ => Ok(written.to_owned()),
    }
}

/// Returns the reason of an error without its place, which counts from the start of a value.
fn describe_json_error(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    match reason.split_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => reason,
    }
}

/// The members of an object in order, as they are written.
struct JsonMembers<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for JsonMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JsonMembersVisitor)
    }
}

struct JsonMembersVisitor;

impl<'de> Visitor<'de> for JsonMembersVisitor {
    type Value = JsonMembers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(JsonMembers(members))
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
        let members = read[0].members.as_ref().unwrap();
        let members: Vec<_> =
            members.iter().map(|(name, value)| (name.as_str(), read_texts(value))).collect();
        assert_eq!(
            members,
            [("key", Ok(vec!["A-1".to_owned()])), ("labels", Ok(vec!["x".to_owned(), "y".to_owned()]))]
        );
        assert_eq!(read[1].members.as_ref().unwrap_err(), "this is not an object");
        assert_eq!(read[2].members.as_ref().unwrap().len(), 2);
    }

    #[test]
    fn a_value_that_is_no_text_says_why() {
        let read = |value: &str| {
            let text = format!("[{{\"v\": {value}}}]");
            read_texts(parse_objects(&text).unwrap()[0].members.as_ref().unwrap()[0].1)
        };
        for (value, text) in [("1e400", "1e400"), ("null", ""), ("true", "true"), ("\"\\u00e9\"", "\u{e9}")] {
            assert_eq!(read(value), Ok(vec![text.to_owned()]));
        }
        assert_eq!(read("[]"), Ok(vec![]));
        for (value, why) in [
            ("{\"v\": 1}", "is an object"),
            ("[{}]", "is an object"),
            ("[[1]]", "is a list inside a list"),
            ("\"\\ud800\"", "cannot be read: "),
        ] {
            let said = read(value).unwrap_err();
            assert!(said.starts_with(why) && !said.contains("line"), "{value}: {said}");
        }
        assert!(read(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))).is_err());
    }

    #[test]
    fn an_object_whose_names_cannot_be_read_says_why() {
        let read = parse_objects("[{\"\\ud800\": 1}]").unwrap();
        let why = read[0].members.as_ref().unwrap_err();
        assert!(why.starts_with("this object cannot be read: "), "{why}");
    }

    #[test]
    fn what_is_no_list_is_a_fault_with_its_line() {
        let fault = |text: &str| parse_objects(text).unwrap_err();
        assert_eq!(fault("[\n{}"), (2, "this is not JSON".into()));
        assert_eq!(fault("{}"), (1, "this is not a list of tickets".into()));
        assert_eq!(fault(""), (1, "this is not JSON".into()));
        assert!(parse_objects(&"[".repeat(10_000)).is_err());
    }
}
