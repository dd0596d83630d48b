//! Reading the definition of a field from a policy.

use std::collections::HashSet;
use std::sync::Arc;

use crate::pattern::ValuePattern;
use crate::vocabulary::field::{ConflictResolution, FieldDefinition, FieldKind};
use crate::yaml::decode::{
    MapReader, parse_one, read_bool, read_choice, read_count, read_items, read_text, read_texts,
};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

const CONFLICT_WORDS: [(&str, ConflictResolution); 3] = [
    ("refuse", ConflictResolution::Refuse),
    ("strictest", ConflictResolution::Strictest),
    ("highest", ConflictResolution::Highest),
];

impl FieldDefinition {
    pub(crate) fn read_definition(
        key: &YamlKey,
        node: &YamlNode,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        if let Err(what) = check_trailer_key(&key.text) {
            faults.push(YamlFault::new(key.at, what));
            return None;
        }
        let mut map = MapReader::new(node, faults)?;
        let kind = read_kind(&mut map, key, node, faults);
        if kind.is_none() {
            map.allow_keys(&["example"]);
        }
        let aliases = read_aliases(map.find_key("aliases"), faults);
        let conflict_node = map.find_key("on-conflict");
        // Two people, or two ways to say why, do not contradict one another.
        let adds_up =
            matches!(kind, Some(FieldKind::Person | FieldKind::Text { .. })) && conflict_node.is_none();
        let is_repeatable = match map.find_key("many") {
            Some(node) => read_bool(node, faults).unwrap_or(adds_up),
            None => adds_up,
        };
        let on_conflict = match conflict_node {
            Some(node) => read_conflict(node, &kind, faults),
            None => ConflictResolution::Refuse,
        };
        let stated_by_bots = read_bots(map.find_key("stated-by-bots"), faults);
        map.refuse_unknown_keys(faults);
        let name = key.text.clone();
        Some(FieldDefinition {
            name,
            aliases,
            kind: kind?,
            is_repeatable,
            on_conflict,
            stated_by_bots,
            surroundings: Arc::default(),
            levels: Default::default(),
        })
    }
}

/// The kinds of fields, of which each field has one.
const FIELD_KINDS: [&str; 5] = ["one-of", "ordered", "matches", "text", "person"];

/// Reads the one key that says which values the field accepts.
fn read_kind(
    map: &mut MapReader<'_>,
    key: &YamlKey,
    node: &YamlNode,
    faults: &mut Vec<YamlFault>,
) -> Option<FieldKind> {
    let mut given = Vec::new();
    for kind in FIELD_KINDS {
        if let Some(node) = map.find_key(kind) {
            given.push((kind, node));
        }
    }
    // All kinds are collected first, so that two of them are named as a contradiction and neither as
    // unknown.
    match given.as_slice() {
        [("one-of", node)] => Some(FieldKind::OneOf(read_words(node, faults))),
        [("ordered", node)] => Some(FieldKind::Ordered(read_words(node, faults))),
        [("matches", node)] => {
            let pattern = parse_one(node, faults, ValuePattern::new)?;
            let example = match map.find_key("example") {
                Some(node) => read_example(node, &pattern, faults),
                None => None,
            };
            Some(FieldKind::Matches { pattern, example })
        }
        [("text", node)] => read_prose_kind(node, faults),
        [("person", node)] => {
            if read_bool(node, faults)? {
                return Some(FieldKind::Person);
            }
            faults.push(YamlFault::new(node.at, "`person` can only be `true`"));
            None
        }
        // A misspelt kind has a fault already, with the right word.
        [] if map.has_misspelt_key(&FIELD_KINDS) => None,
        [] | [_] => {
            let what = format!("`{}` does not say which values it accepts", shorten_for_message(&key.text));
            let help = "give one of one-of, ordered, matches, text, person";
            faults.push(YamlFault::new(node.at, what).with_help(help));
            None
        }
        [(first, _), (second, node), ..] => {
            let what = format!("`{second}` contradicts `{first}`; keep one of them");
            faults.push(YamlFault::new(node.at, what));
            None
        }
    }
}

fn read_example(node: &YamlNode, pattern: &ValuePattern, faults: &mut Vec<YamlFault>) -> Option<String> {
    parse_one(node, faults, |example| {
        // To match an example, its pattern has to be compiled, which takes longer than all else about a field.
        if pattern.has_shipped_example(example) || pattern.matches_value(example.as_bytes()) == Some(true) {
            return Ok(example.to_owned());
        }
        Err(format!("`{}` does not match `{pattern}`", shorten_for_message(example)))
    })
}

fn read_aliases(node: Option<&YamlNode>, faults: &mut Vec<YamlFault>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let mut aliases = Vec::new();
    for alias in read_texts(node, faults) {
        if let Err(what) = check_trailer_key(alias) {
            faults.push(YamlFault::new(node.at, what));
        }
        aliases.push(alias.to_owned());
    }
    aliases
}

/// Reads the accounts of bots that may state the field. Each is named by itself: a pattern would let in
/// bots that the author of the policy has never heard of.
fn read_bots(node: Option<&YamlNode>, faults: &mut Vec<YamlFault>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let mut bots = Vec::new();
    for bot in read_texts(node, faults) {
        let shown = shorten_for_message(bot);
        if bot.contains('*') {
            let what = format!("`{shown}` is a pattern; name each bot that may state the field");
            faults.push(YamlFault::new(node.at, what));
        } else if !bot.split_once(':').is_some_and(|(forge, login)| !forge.is_empty() && !login.is_empty()) {
            let what = format!("`{shown}` does not say on which forge it is an account");
            faults.push(YamlFault::new(node.at, what).with_help("as in `github:renovate[bot]`"));
        }
        bots.push(bot.to_owned());
    }
    bots
}

fn read_conflict(
    node: &YamlNode,
    kind: &Option<FieldKind>,
    faults: &mut Vec<YamlFault>,
) -> ConflictResolution {
    let Some(chosen) = read_choice(node, &CONFLICT_WORDS, faults) else { return ConflictResolution::Refuse };
    let is_listed = matches!(kind, None | Some(FieldKind::OneOf(_) | FieldKind::Ordered(_)));
    if !is_listed && chosen != ConflictResolution::Refuse {
        faults.push(YamlFault::new(node.at, "only a list of words has a strictest or a highest value"));
    }
    chosen
}

fn read_words(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for item in read_items(node, faults) {
        let Some(word) = read_text(item, faults) else { continue };
        if word.contains(';') || word.trim() != word {
            let what = format!("`{}` cannot be a word of a field", shorten_for_message(word));
            let items: Vec<&str> = word.split(';').map(str::trim).filter(|item| !item.is_empty()).collect();
            let help = match items.as_slice() {
                [_, _, ..] => {
                    format!("part the words with commas: `[{}]`", shorten_for_message(&items.join(", ")))
                }
                _ => "a word has no `;`, and no space around it".to_owned(),
            };
            faults.push(YamlFault::new(item.at, what).with_help(help));
        }
        if !seen.insert(word.to_ascii_lowercase()) {
            let what = format!("`{}` is listed twice", shorten_for_message(word));
            faults.push(YamlFault::new(item.at, what).with_help("keep one of them"));
        }
        words.push(word.to_owned());
    }
    words
}

fn read_prose_kind(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<FieldKind> {
    let mut map = MapReader::new(node, faults)?;
    let mut min_length = 1;
    if let Some(node) = map.find_key("min-length") {
        min_length = read_count(node, 1, 10_000, faults).unwrap_or(min_length);
    }
    let mut refused_phrases = Vec::new();
    if let Some(node) = map.find_key("refuse") {
        refused_phrases.extend(read_texts(node, faults).into_iter().map(str::to_owned));
    }
    map.refuse_unknown_keys(faults);
    Some(FieldKind::Text { min_length, refused_phrases })
}

fn check_trailer_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > 64 || !key.bytes().all(is_key_byte) {
        return Err(format!(
            "`{}` cannot be the key of a trailer: only letters, digits and `-` are allowed",
            shorten_for_message(key)
        ));
    }
    Ok(())
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
