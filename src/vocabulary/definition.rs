//! Reading the definition of a field.

use crate::pattern::ValuePattern;
use crate::vocabulary::{ConflictResolution, FieldDefinition, FieldKind};
use crate::yaml::decode::{MapReader, parse_one, read_bool, read_choice, read_count, read_texts};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

impl FieldDefinition {
    pub(crate) fn read_definition(
        key: &YamlKey,
        node: &YamlNode,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        check_trailer_key(&key.text).map_err(|what| faults.push(YamlFault::new(key.at, what))).ok()?;
        let mut map = MapReader::new(node, faults)?;
        let kinds = ["one-of", "ordered", "matches", "text", "person"].map(|kind| (kind, map.find_key(kind)));
        let given: Vec<_> = kinds.iter().filter_map(|(kind, node)| node.map(|node| (*kind, node))).collect();
        let kind = match given.as_slice() {
            [("one-of", node)] => Some(FieldKind::OneOf(read_words(node, faults))),
            [("ordered", node)] => Some(FieldKind::Ordered(read_words(node, faults))),
            [("matches", node)] => parse_one(node, faults, ValuePattern::new).map(|pattern| {
                let example = map.find_key("example").and_then(|node| {
                    parse_one(node, faults, |example| match pattern.matches_value(example.as_bytes()) {
                        Some(true) => Ok(example.to_owned()),
                        _ => Err(format!("`{}` does not match `{pattern}`", shorten_for_message(example))),
                    })
                });
                FieldKind::Matches { pattern, example }
            }),
            [("text", node)] => read_prose_kind(node, faults),
            [("person", node)] => match read_bool(node, faults) {
                Some(false) => {
                    faults.push(YamlFault::new(node.at, "`person` can only be `true`"));
                    None
                }
                said => said.map(|_| FieldKind::Person),
            },
            [] | [_] => {
                let what = format!("it is not said what may stand in `{}`", shorten_for_message(&key.text));
                let help = "give one of one-of, ordered, matches, text, person";
                faults.push(YamlFault::new(node.at, what).with_help(help));
                None
            }
            [_, (second, node), ..] => {
                let what = format!("`{second}` contradicts what was said before; keep one");
                faults.push(YamlFault::new(node.at, what));
                None
            }
        };
        if kind.is_none() {
            map.allow_keys(&["example"]);
        }
        let aliases = map.find_key("aliases").map(|node| {
            let aliases = read_texts(node, faults);
            for alias in &aliases {
                if let Err(what) = check_trailer_key(alias) {
                    faults.push(YamlFault::new(node.at, what));
                }
            }
            aliases.into_iter().map(str::to_owned).collect()
        });
        // Two people, or two ways to say why, do not contradict one another.
        let adds_up = matches!(kind, Some(FieldKind::Person | FieldKind::Text { .. }))
            && map.find_key("on-conflict").is_none();
        let many = map.find_key("many").and_then(|node| read_bool(node, faults)).unwrap_or(adds_up);
        let on_conflict = map.find_key("on-conflict").and_then(|node| {
            let listed = matches!(kind, None | Some(FieldKind::OneOf(_) | FieldKind::Ordered(_)));
            let choices = [
                ("refuse", ConflictResolution::Refuse),
                ("strictest", ConflictResolution::Strictest),
                ("highest", ConflictResolution::Highest),
            ];
            let chosen = read_choice(node, &choices, faults)?;
            if !listed && chosen != ConflictResolution::Refuse {
                faults
                    .push(YamlFault::new(node.at, "only a list of words has a strictest or a highest value"));
            }
            Some(chosen)
        });
        map.refuse_unknown_keys(faults);
        Some(FieldDefinition {
            name: key.text.clone(),
            aliases: aliases.unwrap_or_default(),
            kind: kind?,
            is_repeatable: many,
            on_conflict: on_conflict.unwrap_or(ConflictResolution::Refuse),
        })
    }
}

fn read_words(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Vec<String> {
    let words: Vec<String> = read_texts(node, faults).into_iter().map(str::to_owned).collect();
    for (index, word) in words.iter().enumerate() {
        if word.contains(';') || word.trim() != word {
            faults.push(YamlFault::new(
                node.at,
                format!("`{}` cannot be a word of a field", shorten_for_message(word)),
            ));
        }
        if words.iter().take(index).any(|earlier| earlier.eq_ignore_ascii_case(word)) {
            faults.push(YamlFault::new(node.at, format!("`{}` is listed twice", shorten_for_message(word))));
        }
    }
    words
}

fn read_prose_kind(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<FieldKind> {
    let mut map = MapReader::new(node, faults)?;
    let min_length =
        map.find_key("min-length").and_then(|node| read_count(node, 1, 10_000, faults)).unwrap_or(1);
    let refuse = map.find_key("refuse").map(|node| read_texts(node, faults)).unwrap_or_default();
    map.refuse_unknown_keys(faults);
    Some(FieldKind::Text { min_length, refused_phrases: refuse.into_iter().map(str::to_owned).collect() })
}

fn check_trailer_key(key: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if key.is_empty() || 64 < key.len() || !key.bytes().all(plain) {
        return Err(format!(
            "`{}` cannot be a trailer's key: only letters, digits and `-`",
            shorten_for_message(key)
        ));
    }
    Ok(())
}
