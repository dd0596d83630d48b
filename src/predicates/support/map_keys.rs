//! Optional keys of a map: each function reads the value of a key if the key is there.
//!
//! A predicate reads its parameters with these, one line for each.

use crate::yaml::decode::{MapReader, parse_one, read_choice, read_texts};
use crate::yaml::{YamlFault, YamlNode};

/// Returns what `read` makes of the value of `key`; `None` if there is no such key.
pub(crate) fn read_key<'node, T>(
    map: &mut MapReader<'node>,
    key: &'static str,
    faults: &mut Vec<YamlFault>,
    read: impl FnOnce(&'node YamlNode, &mut Vec<YamlFault>) -> Option<T>,
) -> Option<T> {
    let node = map.find_key(key)?;
    read(node, faults)
}

/// Returns what `parse` makes of the text of `key`; `None` if there is no such key.
pub(crate) fn parse_key<T>(
    map: &mut MapReader<'_>,
    key: &'static str,
    faults: &mut Vec<YamlFault>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let node = map.find_key(key)?;
    parse_one(node, faults, parse)
}

/// Returns the value that the word of `key` stands for; `None` if there is no such key.
pub(crate) fn read_choice_key<T: Clone>(
    map: &mut MapReader<'_>,
    key: &'static str,
    faults: &mut Vec<YamlFault>,
    words: &[(&'static str, T)],
) -> Option<T> {
    let node = map.find_key(key)?;
    read_choice(node, words, faults)
}

/// Returns the texts of `key`; nothing if there is no such key.
pub(crate) fn read_texts_key(
    map: &mut MapReader<'_>,
    key: &'static str,
    faults: &mut Vec<YamlFault>,
) -> Vec<String> {
    match map.find_key(key) {
        Some(node) => read_texts(node, faults).into_iter().map(str::to_owned).collect(),
        None => Vec::new(),
    }
}
