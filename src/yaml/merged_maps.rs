//! Maps that state only what differs from another map.

use crate::yaml::tree::{YamlKey, YamlNode, YamlValue};

/// Returns `base` with what `changed` states instead: maps are merged key by key, a list or a single value
/// replaces what was there, and nothing (`~`, or no value) takes a key away.
///
/// Every value keeps the place where it was written.
pub fn merge_maps(base: &YamlNode, changed: &YamlNode) -> YamlNode {
    let (YamlValue::Map(known), YamlValue::Map(entries)) = (&base.value, &changed.value) else {
        return changed.clone();
    };
    let mut merged: Vec<(YamlKey, YamlNode)> = known.clone();
    for (key, node) in entries {
        let place = merged.iter().position(|(known, _)| known.text == key.text);
        if node.is_null() {
            place.map(|place| merged.remove(place));
            continue;
        }
        match place.and_then(|place| merged.get_mut(place)) {
            Some(entry) => *entry = (key.clone(), merge_maps(&entry.1, node)),
            None => merged.push((key.clone(), node.clone())),
        }
    }
    YamlNode { at: changed.at, value: YamlValue::Map(merged) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn merge(base: &str, changed: &str) -> YamlNode {
        merge_maps(&read_document(base.as_bytes()).unwrap(), &read_document(changed.as_bytes()).unwrap())
    }

    /// Returns the node without places, as in `{ a: [b] }`.
    fn show(node: &YamlNode) -> String {
        match &node.value {
            YamlValue::Scalar { text, .. } => text.clone(),
            YamlValue::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
            YamlValue::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| format!("{}: {}", key.text, show(node)));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    #[test]
    fn maps_are_merged_key_by_key() {
        for (base, changed, expected) in [
            ("a: 1", "b: 2", "{ a: 1, b: 2 }"),
            ("a: 1\nb: 2", "a: 3", "{ a: 3, b: 2 }"),
            ("a: { x: 1, y: 2 }", "a: { y: 3, z: 4 }", "{ a: { x: 1, y: 3, z: 4 } }"),
            ("a: { x: 1, y: 2 }", "a: { y: }", "{ a: { x: 1 } }"),
            ("a: [1, 2]", "a: [3]", "{ a: [3] }"),
            ("a: { x: 1 }", "a: 2", "{ a: 2 }"),
            ("a: 1", "a: ~\nb: null", "{  }"),
            ("a: 1", "a: 'null'", "{ a: null }"),
        ] {
            assert_eq!(show(&merge(base, changed)), expected, "{base} / {changed}");
        }
    }

    #[test]
    fn a_value_keeps_its_place() {
        let merged = merge("a: 1\nb: 2", "\n\nb: 3");
        let entries = match &merged.value {
            YamlValue::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        assert_eq!(entries.iter().map(|(_, node)| node.at.line).collect::<Vec<_>>(), [1, 3]);
    }
}
