//! From a tree to values, collecting every fault on the way.
//!
//! Each of these readers returns `None` for a value that it cannot read and leaves a [`YamlFault`], so
//! the editor of a policy sees all faults at once.

use crate::yaml::forgotten_list::{
    refuse_unbracketed_items, suggest_brackets, suggest_list_form, suggest_square_brackets,
};
use crate::yaml::tree::{ExpectedValue, YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue};
use crate::yaml::words::{find_nearest_word, shorten_for_message};

/// A map that is being read. A key that no reader asks for is unknown, and a fault at the end.
pub struct MapReader<'node> {
    /// Where the map starts.
    pub at: YamlPlace,
    entries: &'node [(YamlKey, YamlNode)],
    asked_keys: Vec<&'static str>,
}

impl<'node> MapReader<'node> {
    /// Starts to read `node` as a map; leaves a fault if it is not one.
    pub fn new(node: &'node YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        match &node.value {
            YamlValue::Map(entries) => Some(MapReader { at: node.at, entries, asked_keys: Vec::new() }),
            _ => {
                faults.push(not_map_fault(node));
                None
            }
        }
    }

    /// Returns the value of `key`, if the map has it.
    pub(crate) fn find_key(&mut self, key: &'static str) -> Option<&'node YamlNode> {
        self.asked_keys.push(key);
        self.entries.iter().find(|(given, _)| given.text == key).map(|(_, node)| node)
    }

    /// Returns the value of `key`; leaves a fault if the map does not have it.
    pub fn require_key(&mut self, key: &'static str, faults: &mut Vec<YamlFault>) -> Option<&'node YamlNode> {
        let found = self.find_key(key);
        if found.is_none() {
            let fault = YamlFault::new(self.at, format!("`{key}` is missing here"))
                .with_help(format!("add `{key}: ...`"));
            faults.push(fault.with_expected(ExpectedValue::Key(key)));
        }
        found
    }

    /// Accepts these keys without reading them.
    pub(crate) fn allow_keys(&mut self, keys: &[&'static str]) {
        self.asked_keys.extend(keys);
    }

    /// Leaves a fault for each key that no reader has asked for, with the nearest one that exists.
    pub fn refuse_unknown_keys(self, faults: &mut Vec<YamlFault>) {
        for (index, (key, _)) in self.entries.iter().enumerate() {
            if !self.asked_keys.contains(&key.text.as_str())
                && !refuse_unbracketed_items(self.entries, index, faults)
            {
                faults.push(unknown_word_fault("key", key, self.asked_keys.iter().copied()));
            }
        }
    }

    /// Returns true if a key that no reader has asked for is most likely a misspelling of one of `wanted`.
    pub(crate) fn has_misspelt_key(&self, wanted: &[&str]) -> bool {
        let unknown = self.entries.iter().filter(|(key, _)| !self.asked_keys.contains(&key.text.as_str()));
        unknown
            .filter_map(|(key, _)| find_nearest_word(&key.text, self.asked_keys.iter().copied()))
            .any(|near| wanted.contains(&near))
    }
}

/// How many of the words that would be right are named.
const MAX_NAMED_WORDS: usize = 60;

/// Returns the fault for a word that does not exist, with the nearest ones that do.
pub(crate) fn unknown_word_fault<'known>(
    what: &str,
    key: &YamlKey,
    known: impl IntoIterator<Item = &'known str>,
) -> YamlFault {
    let mut known: Vec<&str> = known.into_iter().collect();
    let list_words = || known.iter().copied().map(str::to_owned).collect();
    let expected = match what {
        "key" => ExpectedValue::Keys(list_words()),
        "word" => ExpectedValue::Words(list_words()),
        "class" | "field" | "rule" | "team" => ExpectedValue::DefinedName,
        _ => ExpectedValue::Unspecified,
    };
    let fault = YamlFault::new(key.at, format!("unknown {what} `{}`", shorten_for_message(&key.text)))
        .with_expected(expected);
    if let Some((name, value)) = key.text.split_once(':')
        && value.starts_with(['{', '['])
    {
        let (name, value) = (shorten_for_message(name), shorten_for_message(value));
        return fault.with_help(format!("put a space behind the colon: `{name}: {value}: ...`"));
    }
    if let Some(near) = find_nearest_word(&key.text, known.iter().copied()) {
        return fault.with_help(offer_word(near));
    }
    if let Some(brackets) = suggest_brackets(&key.text) {
        return fault.with_help(brackets);
    }
    if known.is_empty() {
        return fault;
    }
    known.sort_unstable();
    known.dedup();
    let listed = known.get(..MAX_NAMED_WORDS).unwrap_or(&known).join(", ");
    fault.with_help(match known.len().saturating_sub(MAX_NAMED_WORDS) {
        0 => format!("expected one of {listed}"),
        more => format!("expected one of {listed} and {more} more"),
    })
}

/// Returns the help that offers the word which was most likely meant.
pub(crate) fn offer_word(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// Returns true if `key` is a misspelling of the known key `wanted`.
///
/// Its own fault already suggests `wanted`, so a second fault that `wanted` is missing is left out.
pub(crate) fn is_misspelt_key<const N: usize>(key: &YamlKey, wanted: &str, known: [&str; N]) -> bool {
    !known.contains(&key.text.as_str()) && find_nearest_word(&key.text, known) == Some(wanted)
}

fn not_map_fault(node: &YamlNode) -> YamlFault {
    YamlFault::new(node.at, format!("expected a map, found {}", node.describe_kind()))
        .with_expected(ExpectedValue::Map)
}

/// Returns the entries of a map whose keys are the policy's own names.
pub fn read_entries<'node>(
    node: &'node YamlNode,
    faults: &mut Vec<YamlFault>,
) -> &'node [(YamlKey, YamlNode)] {
    match &node.value {
        YamlValue::Map(entries) => entries,
        _ if node.is_null() => &[],
        _ => {
            let mut fault = not_map_fault(node);
            if let YamlValue::List(_) = node.value {
                fault = fault.with_help("write each item as `name: ...`, without a dash or brackets");
            }
            faults.push(fault);
            &[]
        }
    }
}

/// Returns the text of a single value that is not empty.
pub fn read_text<'node>(node: &'node YamlNode, faults: &mut Vec<YamlFault>) -> Option<&'node str> {
    match &node.value {
        YamlValue::Scalar { text, .. } if !node.is_null() && !text.trim().is_empty() => Some(text),
        YamlValue::Scalar { .. } => {
            let fault = YamlFault::new(node.at, "expected a text, found nothing");
            faults.push(fault.with_help("leave the key out, or name something"));
            None
        }
        _ => {
            let fault = YamlFault::new(node.at, format!("expected a text, found {}", node.describe_kind()));
            faults.push(fault.with_expected(ExpectedValue::Text));
            None
        }
    }
}

/// Returns the items of a list; a single value counts as a list of one.
pub fn read_items<'node>(node: &'node YamlNode, faults: &mut Vec<YamlFault>) -> &'node [YamlNode] {
    match &node.value {
        YamlValue::List(items) if items.is_empty() => {
            faults.push(
                YamlFault::new(node.at, "this list is empty")
                    .with_help("leave the key out, or name something"),
            );
            &[]
        }
        YamlValue::List(items) => items,
        YamlValue::Scalar { .. } if !node.is_null() => std::slice::from_ref(node),
        _ => {
            let mut fault =
                YamlFault::new(node.at, format!("expected a list, found {}", node.describe_kind()));
            if let YamlValue::Map(entries) = &node.value {
                fault.help = suggest_square_brackets(entries);
            }
            faults.push(fault.with_expected(ExpectedValue::List));
            &[]
        }
    }
}

/// Returns the texts of a list; a single text counts as a list of one. Never an empty list without
/// a fault.
pub(crate) fn read_texts<'node>(node: &'node YamlNode, faults: &mut Vec<YamlFault>) -> Vec<&'node str> {
    read_items(node, faults).iter().filter_map(|item| read_text(item, faults)).collect()
}

/// Reads each text of a list with `read`, whose error is the fault.
pub(crate) fn parse_each<T>(
    node: &YamlNode,
    faults: &mut Vec<YamlFault>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut values = Vec::new();
    for item in read_items(node, faults) {
        if let Some(written) = read_text(item, faults) {
            match read(written) {
                Ok(value) => values.push(value),
                Err(what) => {
                    let mut fault = YamlFault::new(item.at, what);
                    fault.help = suggest_list_form(written);
                    faults.push(fault);
                }
            }
        }
    }
    values
}

/// Reads one text with `read`, whose error is the fault.
pub(crate) fn parse_one<T>(
    node: &YamlNode,
    faults: &mut Vec<YamlFault>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    match read(read_text(node, faults)?) {
        Ok(value) => Some(value),
        Err(what) => {
            faults.push(YamlFault::new(node.at, what));
            None
        }
    }
}

/// Returns a whole number from `least` to `most`, in decimal digits and without quotes.
///
/// A zero in front is refused: to some readers of YAML, `010` is eight.
pub(crate) fn read_count(node: &YamlNode, least: u64, most: u64, faults: &mut Vec<YamlFault>) -> Option<u64> {
    if let YamlValue::Scalar { text, is_plain: true } = &node.value
        && is_decimal(text)
        && let Ok(number) = text.parse()
        && (least..=most).contains(&number)
    {
        return Some(number);
    }
    let range =
        if most == u64::MAX { format!("of at least {least}") } else { format!("from {least} to {most}") };
    let mut fault = YamlFault::new(node.at, format!("expected a whole number {range}"));
    match &node.value {
        YamlValue::Scalar { text, is_plain: true } if is_decimal(text) => {}
        YamlValue::Scalar { text, is_plain: false } if is_decimal(text) => {
            fault = fault.with_help("write it without quotes");
        }
        _ => fault = fault.with_help("write it in decimal digits"),
    }
    faults.push(fault.with_expected(ExpectedValue::Number { least, most }));
    None
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// Reads an upper bound, written `{ at-most: N }`.
pub(crate) fn read_at_most(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<u64> {
    let mut map = MapReader::new(node, faults)?;
    let most = match map.require_key("at-most", faults) {
        Some(node) => read_count(node, 0, u64::MAX, faults),
        None => None,
    };
    map.refuse_unknown_keys(faults);
    most
}

/// Returns `true` or `false`, written in exactly these words and without quotes.
pub(crate) fn read_bool(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<bool> {
    match &node.value {
        YamlValue::Scalar { text, is_plain: true } if text == "true" => Some(true),
        YamlValue::Scalar { text, is_plain: true } if text == "false" => Some(false),
        _ => {
            let mut fault = YamlFault::new(node.at, "expected `true` or `false`");
            if let YamlValue::Scalar { text, is_plain: false } = &node.value
                && ["true", "false"].contains(&text.as_str())
            {
                fault = fault.with_help("write the word without quotes");
            } else if let YamlValue::Scalar { text, .. } = &node.value
                && let Some(word) = find_truth_word(text)
            {
                fault = fault.with_help(format!("write `{word}`"));
            }
            faults.push(fault.with_expected(ExpectedValue::Bool));
            None
        }
    }
}

/// Returns the word for what some readers of YAML take for a truth value.
fn find_truth_word(written: &str) -> Option<&'static str> {
    match written.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" | "true" => Some("true"),
        "no" | "off" | "n" | "false" => Some("false"),
        _ => None,
    }
}

/// Returns the value that one of a few words stands for.
pub(crate) fn read_choice<T: Clone>(
    node: &YamlNode,
    words: &[(&'static str, T)],
    faults: &mut Vec<YamlFault>,
) -> Option<T> {
    let written = read_text(node, faults)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
        return Some(value.clone());
    }
    let key = YamlKey { at: node.at, text: written.into() };
    faults.push(unknown_word_fault("word", &key, words.iter().map(|(word, _)| *word)));
    None
}

/// Returns a calendar day written as `2027-06-30`.
pub(crate) fn read_day(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<jiff::civil::Date> {
    let written = read_text(node, faults)?;
    // The library reads more forms of a day than this one.
    let is_plain_form =
        written.len() == 10 && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_plain_form && let Ok(day) = written.parse() {
        return Some(day);
    }
    let what = format!("expected a day such as 2027-06-30, found `{}`", shorten_for_message(written));
    let mut fault = YamlFault::new(node.at, what).with_expected(ExpectedValue::Day);
    fault.help = find_meant_day(written).map(|day| format!("write `{day}`"));
    faults.push(fault);
    None
}

/// Returns the day of `2027-1-5`, `2027/01/05` or `5.1.2027`; none where day and month may be exchanged.
fn find_meant_day(written: &str) -> Option<jiff::civil::Date> {
    let parts: Vec<&str> = written.split(['-', '/', '.']).map(str::trim).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let (year, month, day) = match (first.len(), third.len()) {
        (4, _) => (first, second, third),
        (_, 4) if written.contains('.') => (third, second, first),
        _ => return None,
    };
    jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn a_misspelt_key_is_an_error_with_the_right_one_beside_it() {
        let node = read_document(b"min_lenght: 3\nother: 1\n").unwrap();
        let mut faults = Vec::new();
        let mut map = MapReader::new(&node, &mut faults).unwrap();
        map.find_key("min-length");
        map.refuse_unknown_keys(&mut faults);
        assert_eq!(faults.len(), 2);
        assert_eq!(faults[0].help.as_deref(), Some("did you mean `min-length`?"));
        assert_eq!(faults[1].help.as_deref(), Some("expected one of min-length"));
    }

    #[test]
    fn numbers_words_and_days_are_not_coerced() {
        let mut faults = Vec::new();
        for text in ["-1", "'1'", "01", "0x1", "1e0", "1.0", "18446744073709551616", "no", "[1]", ""] {
            let node = read_document(format!("- {text}").as_bytes()).unwrap();
            let YamlValue::List(items) = &node.value else { panic!() };
            assert_eq!(read_count(&items[0], 0, 10, &mut faults), None, "{text}");
        }
        for text in ["yes", "'true'", "True", "1"] {
            let node = read_document(format!("- {text}").as_bytes()).unwrap();
            let YamlValue::List(items) = &node.value else { panic!() };
            assert_eq!(read_bool(&items[0], &mut faults), None, "{text}");
        }
        for text in ["2027-02-30", "20270101", "tomorrow", "2027-1-1", "2027-01-01T00:00"] {
            let node = read_document(format!("- {text}").as_bytes()).unwrap();
            let YamlValue::List(items) = &node.value else { panic!() };
            assert_eq!(read_day(&items[0], &mut faults), None, "{text}");
        }
        assert_eq!(faults.len(), 19);
    }
}
