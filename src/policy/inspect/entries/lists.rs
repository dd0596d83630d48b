//! Slips of writing that make another value: quotation marks of a word processor, a value given twice.

use std::collections::HashSet;

use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::scalar_text;
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// The keys whose values only people read, and may quote as they like.
const PROSE_KEYS: [&str; 8] =
    ["title", "why", "reason", "reasons", "summary", "owner", "approved-by", "refuse"];

/// The quotation marks that YAML takes as a part of the value.
const CURLY_QUOTES: [char; 8] =
    ['\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}', '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}'];

/// Looks at every single value of a file that is not prose, and at every list.
pub(crate) fn inspect_scalars(node: &YamlNode, found: &mut FileFindings) {
    match &node.value {
        YamlValue::Scalar { text, .. } => inspect_quotes(text, node, found),
        YamlValue::List(items) => {
            inspect_repetitions(items, found);
            for item in items {
                inspect_scalars(item, found);
            }
        }
        YamlValue::Map(entries) => {
            for (key, value) in entries {
                // A rule may be called `title`; then its value is a map, which is not prose.
                let is_prose = PROSE_KEYS.contains(&key.text.as_str());
                if !is_prose || matches!(value.value, YamlValue::Map(_)) && key.text != "reasons" {
                    inspect_scalars(value, found);
                }
            }
        }
    }
}

fn inspect_quotes(text: &str, node: &YamlNode, found: &mut FileFindings) {
    if !text.starts_with(CURLY_QUOTES) && !text.ends_with(CURLY_QUOTES) {
        return;
    }
    let what = format!("`{}` has curly quotes, which are a part of the value", shorten_for_message(text));
    let plain = shorten_for_message(text.trim_matches(CURLY_QUOTES));
    found.errors.push(YamlFault::new(node.at, what).with_help(format!("write `'{plain}'`")));
}

fn inspect_repetitions(items: &[YamlNode], found: &mut FileFindings) {
    let mut seen: HashSet<&str> = HashSet::new();
    for item in items {
        let Some(text) = scalar_text(item) else { continue };
        if !seen.insert(text) {
            let what = format!("`{}` stands twice in this list", shorten_for_message(text));
            found.notes.push(YamlFault::new(item.at, what).with_help("keep one of them"));
        }
    }
}
