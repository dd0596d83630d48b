//! Lists that were written without their brackets: `{ one-of: low, high }` has a key `high` of its own, and
//! `protects: main, dev` is one text.

use crate::yaml::tree::{YamlFault, YamlKey, YamlNode, YamlValue};
use crate::yaml::words::shorten_for_message;

/// How many items behind each other are taken for a list; it bounds the work for many keys.
const MAX_ITEMS: usize = 64;

/// Returns true if the key at `index` has no value and follows a single value on its line, as an item of a
/// list without brackets does; leaves a fault at the first of these items.
pub(crate) fn refuse_unbracketed_items(
    entries: &[(YamlKey, YamlNode)],
    index: usize,
    faults: &mut Vec<YamlFault>,
) -> bool {
    let is_bare = |entry: &(YamlKey, YamlNode)| matches!(&entry.1.value, YamlValue::Scalar { text, is_plain: true } if text.is_empty());
    let Some((item, _)) = entries.get(index).filter(|entry| is_bare(entry)) else { return false };
    let before = entries.get(..index).unwrap_or_default().iter().rev().take(MAX_ITEMS);
    let Some((distance, (key, value))) = before.enumerate().find(|(_, entry)| !is_bare(entry)) else {
        return false;
    };
    let YamlValue::Scalar { text: first, .. } = &value.value else { return false };
    if key.at.line != item.at.line {
        return false;
    }
    if distance == 0 {
        let mut items = vec![first.as_str()];
        let bare = entries
            .get(index..)
            .unwrap_or_default()
            .iter()
            .take_while(|entry| is_bare(entry))
            .take(MAX_ITEMS);
        items.extend(bare.map(|(key, _)| key.text.as_str()));
        let what = format!(
            "`{}` is a key without a value here, not an item of `{}`",
            shorten_for_message(&item.text),
            shorten_for_message(&key.text)
        );
        let key = shorten_for_message(&key.text);
        let is_number = items.iter().all(|item| item.bytes().all(|byte| byte.is_ascii_digit()));
        let help = match is_number {
            true => {
                format!("write the number without commas: `{key}: {}`", shorten_for_message(&items.concat()))
            }
            false => {
                // Brackets of another kind may stand around it.
                let joined = items.join(", ");
                let inner = joined.trim_start_matches(['(', '<']).trim_end_matches([')', '>']);
                format!("write the list in brackets: `{key}: [{}]`", shorten_for_message(inner))
            }
        };
        faults.push(YamlFault::new(item.at, what).with_help(help));
    }
    true
}

/// Returns how a text with commas is written as a list; `None` for a text without.
pub(crate) fn suggest_brackets(written: &str) -> Option<String> {
    // One of the brackets may be there.
    let inner = written.trim().trim_start_matches('[').trim_end_matches(']');
    let items: Vec<&str> = inner.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    if items.len() < 2 {
        return None;
    }
    Some(format!("for a list, write `[{}]`", shorten_for_message(&items.join(", "))))
}

/// Returns how a text is written as a list that has commas, or the bullets and numbers of a word processor.
pub(crate) fn suggest_list_form(written: &str) -> Option<String> {
    let number = written.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_numbered = number.len() < written.len() && (number.starts_with(". ") || number.starts_with(") "));
    if is_numbered || written.starts_with(['\u{2022}', '\u{b7}', '\u{25e6}', '\u{2013}', '\u{2014}']) {
        return Some("for a list, begin each line with `- `".to_owned());
    }
    suggest_brackets(written)
}

/// Returns how keys without values, as in `{ a, b }`, are written as a list.
pub(crate) fn suggest_square_brackets(entries: &[(YamlKey, YamlNode)]) -> Option<String> {
    let is_bare = |(_, value): &(YamlKey, YamlNode)| matches!(&value.value, YamlValue::Scalar { text, is_plain: true } if text.is_empty());
    if entries.is_empty() || !entries.iter().all(is_bare) {
        return None;
    }
    let items: Vec<&str> = entries.iter().take(MAX_ITEMS).map(|(key, _)| key.text.as_str()).collect();
    Some(format!("a list has square brackets: `[{}]`", shorten_for_message(&items.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_word_processors_are_told_how_to_be_written() {
        for (written, help) in [
            ("a, b", Some("for a list, write `[a, b]`")),
            ("\u{2022} a \u{2022} b", Some("for a list, begin each line with `- `")),
            ("1. a", Some("for a list, begin each line with `- `")),
            ("1.5", None),
            ("a, b]", Some("for a list, write `[a, b]`")),
            ("[a, b", Some("for a list, write `[a, b]`")),
            ("a", None),
            (",", None),
        ] {
            assert_eq!(suggest_list_form(written).as_deref(), help, "{written}");
        }
    }
}
