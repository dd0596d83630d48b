//! The events that a workflow runs on, read from its file.
//!
//! Anchors and aliases are followed, as GitHub does. A file can be small and its aliases stand for a
//! very large one, so only `on` is read of it, names and lists there are bounded, and everything else
//! is skipped without being expanded. The library itself bounds how deep a document nests.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::yaml::MAX_DOCUMENT_BYTES;

/// The most events of a workflow, and the most types of an event; GitHub has about 40 and 20.
const MAX_LIST_ENTRIES: usize = 100;

/// The longest name of an event or a type, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// The most opening brackets in a file: the time that the library takes grows with the square of how deep they
/// nest.
const MAX_OPENING_BRACKETS: usize = 5000;

/// The types that a `pull_request` event has where the workflow names none.
const DEFAULT_TYPES: [&str; 3] = ["opened", "synchronize", "reopened"];

/// The events that a workflow runs on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkflowTriggers {
    /// Each event with its types; no types where the workflow names none.
    events: Vec<(String, Option<Vec<String>>)>,
}

#[derive(Deserialize)]
struct WorkflowFile {
    on: Option<WorkflowTriggers>,
}

/// Reads the events that a workflow runs on; `None` if the file does not name any.
///
/// # Errors
///
/// Says why the file cannot be read as a workflow.
pub(crate) fn read_triggers(text: &str) -> Result<Option<WorkflowTriggers>, String> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(format!("it has {} bytes; at most {MAX_DOCUMENT_BYTES} are read", text.len()));
    }
    if text.bytes().filter(|byte| b"[{".contains(byte)).count() > MAX_OPENING_BRACKETS {
        return Err(format!("it has more than {MAX_OPENING_BRACKETS} opening brackets"));
    }
    match serde_yaml::from_str::<WorkflowFile>(text) {
        Ok(file) => Ok(file.on),
        Err(error) => Err(error.to_string()),
    }
}

impl WorkflowTriggers {
    /// Returns whether the workflow runs on an event.
    pub(crate) fn has_event(&self, name: &str) -> bool {
        self.events.iter().any(|(known, _)| known == name)
    }

    /// Returns the names of the events.
    pub(crate) fn event_names(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the types of an event that the workflow runs on; `None` if it does not run on the event.
    pub(crate) fn event_types(&self, name: &str) -> Option<Vec<String>> {
        for (known, types) in &self.events {
            if known == name {
                return Some(match types {
                    Some(types) => types.clone(),
                    None => DEFAULT_TYPES.map(str::to_owned).to_vec(),
                });
            }
        }
        None
    }
}

/// The name of an event or a type, of a bounded length.
struct ShortName(String);

/// A list of names, or one name alone.
struct NameList(Vec<String>);

/// What a workflow asks of one event.
#[derive(Default)]
struct EventFilter {
    types: Option<Vec<String>>,
}

struct ShortNameVisitor;
struct NameListVisitor;
struct EventFilterVisitor;
struct TriggersVisitor;

fn check_name<E: Error>(name: &str) -> Result<String, E> {
    if name.len() > MAX_NAME_BYTES {
        return Err(E::custom(format!("a name has more than {MAX_NAME_BYTES} bytes")));
    }
    Ok(name.to_owned())
}

fn read_names<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<String>, A::Error> {
    let mut names = Vec::new();
    while let Some(ShortName(name)) = list.next_element()? {
        if names.len() == MAX_LIST_ENTRIES {
            return Err(A::Error::custom(format!("a list has more than {MAX_LIST_ENTRIES} entries")));
        }
        names.push(name);
    }
    Ok(names)
}

impl Visitor<'_> for ShortNameVisitor {
    type Value = ShortName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<ShortName, E> {
        check_name(name).map(ShortName)
    }
}

impl<'de> Visitor<'de> for NameListVisitor {
    type Value = NameList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a list of names")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<NameList, E> {
        Ok(NameList(vec![check_name(name)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<NameList, A::Error> {
        read_names(list).map(NameList)
    }
}

impl<'de> Visitor<'de> for EventFilterVisitor {
    type Value = EventFilter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing, or a map with `types`")
    }

    fn visit_unit<E: Error>(self) -> Result<EventFilter, E> {
        Ok(EventFilter::default())
    }

    // The filter of a schedule is a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EventFilter, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(EventFilter::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EventFilter, A::Error> {
        let mut filter = EventFilter::default();
        while let Some(ShortName(key)) = map.next_key()? {
            check_merge_key(&key)?;
            if key == "types" {
                let NameList(types) = map.next_value()?;
                filter.types = Some(types);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(filter)
    }
}

impl<'de> Visitor<'de> for TriggersVisitor {
    type Value = WorkflowTriggers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, a list of events or a map of events")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<WorkflowTriggers, E> {
        Ok(WorkflowTriggers { events: vec![(check_name(name)?, None)] })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<WorkflowTriggers, A::Error> {
        let mut events = Vec::new();
        for name in read_names(list)? {
            events.push((name, None));
        }
        Ok(WorkflowTriggers { events })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WorkflowTriggers, A::Error> {
        let mut events = Vec::new();
        while let Some(ShortName(name)) = map.next_key()? {
            check_merge_key(&name)?;
            if events.len() == MAX_LIST_ENTRIES {
                return Err(A::Error::custom(format!("`on` has more than {MAX_LIST_ENTRIES} events")));
            }
            let filter: EventFilter = map.next_value()?;
            events.push((name, filter.types));
        }
        Ok(WorkflowTriggers { events })
    }
}

/// Refuses a merge key, as GitHub does: a workflow with one does not run.
fn check_merge_key<E: Error>(key: &str) -> Result<(), E> {
    if key == "<<" { Err(E::custom("GitHub does not accept merge keys (`<<`)")) } else { Ok(()) }
}

impl<'de> Deserialize<'de> for ShortName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ShortNameVisitor)
    }
}

impl<'de> Deserialize<'de> for NameList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameListVisitor)
    }
}

impl<'de> Deserialize<'de> for EventFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EventFilterVisitor)
    }
}

impl<'de> Deserialize<'de> for WorkflowTriggers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TriggersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str, event: &str) -> Option<Vec<String>> {
        read_triggers(text).unwrap().unwrap().event_types(event)
    }

    fn refusal(text: &str) -> String {
        read_triggers(text).unwrap_err()
    }

    #[test]
    fn events_are_a_name_a_list_or_a_map() {
        let usual = Some(DEFAULT_TYPES.map(str::to_owned).to_vec());
        for text in ["on: pull_request", "on: [push, pull_request]", "on: { pull_request: , push: }"] {
            assert_eq!(types(text, "pull_request"), usual, "{text}");
            assert_eq!(types(text, "merge_group"), None, "{text}");
        }
        assert_eq!(
            types("on: { pull_request: { types: edited } }", "pull_request"),
            Some(vec!["edited".into()])
        );
        assert!(types("on: { schedule: [{ cron: '0 * * * *' }] }", "schedule").is_some());
        assert_eq!(read_triggers("name: gate"), Ok(None));
        assert_eq!(read_triggers("on:"), Ok(None));
    }

    #[test]
    fn an_anchor_is_followed() {
        let text = "
on:
  pull_request_target: &reviewed
    types: &types [opened, edited]
  pull_request_review: *reviewed
  issue_comment:
    types: *types
";
        for event in ["pull_request_target", "pull_request_review", "issue_comment"] {
            assert_eq!(types(text, event), Some(vec!["opened".into(), "edited".into()]), "{event}");
        }
        assert_eq!(types("x: &all [push]\non: *all", "push").map(|types| types.len()), Some(3));
    }

    #[test]
    fn a_merge_key_is_refused_as_github_refuses_it() {
        let base = "x: &base { types: [edited] }\non:\n  pull_request:\n    <<: *base\n";
        assert!(refusal(base).contains("merge keys"), "{}", refusal(base));
        let events = "x: &base { pull_request: }\non:\n  <<: *base\n";
        assert!(refusal(events).contains("merge keys"), "{}", refusal(events));
        // Elsewhere it is not looked at.
        assert!(types("on: push\njobs: { a: &a { x: 1 }, b: { <<: *a } }", "push").is_some());
    }

    #[test]
    fn a_broken_file_is_refused() {
        for text in ["on: [", "on: *nowhere", "\t", "on: 1", "on: [[push]]", "[]", "on: { push: 1 }"] {
            assert!(read_triggers(text).is_err(), "{text}: {:?}", read_triggers(text));
        }
    }

    #[test]
    fn aliases_do_not_make_a_small_file_large() {
        // Each level is ten times the one before: ten thousand million names.
        let mut bomb = String::from("a0: &a0 [push]\n");
        for level in 1..11 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        assert!(types(&format!("{bomb}on: push\n"), "push").is_some());
        assert!(read_triggers(&format!("{bomb}on: *a10\n")).is_err());
        let long = format!("x: &x {}\non: [*x, *x]\n", "n".repeat(MAX_NAME_BYTES + 1));
        assert!(refusal(&long).contains("bytes"));
        let wide = format!("on: [{}]", "push, ".repeat(MAX_LIST_ENTRIES + 1));
        assert!(refusal(&wide).contains("entries"));
        for depth in [200, MAX_OPENING_BRACKETS + 1] {
            let deep = format!("on: {}{}", "[".repeat(depth), "]".repeat(depth));
            assert!(read_triggers(&deep).is_err());
        }
        let steps = "- ".repeat(200_000);
        assert!(read_triggers(&format!("on:\n {steps}\n")).is_err());
        assert!(read_triggers(&format!("on: push\nx:\n {steps}\n")).is_err());
        let few_steps = "- ".repeat(100);
        assert!(read_triggers(&format!("on: push\nx:\n {few_steps}\n")).is_ok());
        assert!(refusal(&"#".repeat(MAX_DOCUMENT_BYTES + 1)).contains("at most"));
    }
}
