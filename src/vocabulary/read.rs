//! Reading the definition of a field.

use super::{Field, Kind, OnConflict};
use crate::pattern::ValuePattern;
use crate::yaml::decode::{Map, choice, count, one, texts, truth};
use crate::yaml::{Fault, Key, Node, shown};

impl Field {
    pub(crate) fn read(key: &Key, node: &Node, faults: &mut Vec<Fault>) -> Option<Self> {
        trailer_key(&key.text).map_err(|what| faults.push(Fault::new(key.at, what))).ok()?;
        let mut map = Map::new(node, faults)?;
        let kinds = ["one-of", "ordered", "matches", "text", "person"].map(|kind| (kind, map.get(kind)));
        let given: Vec<_> = kinds.iter().filter_map(|(kind, node)| node.map(|node| (*kind, node))).collect();
        let kind = match given.as_slice() {
            [("one-of", node)] => Some(Kind::OneOf(words(node, faults))),
            [("ordered", node)] => Some(Kind::Ordered(words(node, faults))),
            [("matches", node)] => one(node, faults, ValuePattern::new).map(|pattern| {
                let example = map.get("example").and_then(|node| {
                    one(node, faults, |example| match pattern.matches(example.as_bytes()) {
                        Some(true) => Ok(example.to_owned()),
                        _ => Err(format!("`{}` does not match `{pattern}`", shown(example))),
                    })
                });
                Kind::Matches { pattern, example }
            }),
            [("text", node)] => prose(node, faults),
            [("person", node)] => match truth(node, faults) {
                Some(false) => {
                    faults.push(Fault::new(node.at, "`person` can only be `true`"));
                    None
                }
                said => said.map(|_| Kind::Person),
            },
            [] | [_] => {
                let what = format!("it is not said what may stand in `{}`", shown(&key.text));
                let help = "give one of one-of, ordered, matches, text, person";
                faults.push(Fault::new(node.at, what).help(help));
                None
            }
            [_, (second, node), ..] => {
                let what = format!("`{second}` contradicts what was said before; keep one");
                faults.push(Fault::new(node.at, what));
                None
            }
        };
        if kind.is_none() {
            map.knows(&["example"]);
        }
        let aliases = map.get("aliases").map(|node| {
            let aliases = texts(node, faults);
            for alias in &aliases {
                if let Err(what) = trailer_key(alias) {
                    faults.push(Fault::new(node.at, what));
                }
            }
            aliases.into_iter().map(str::to_owned).collect()
        });
        // Two people, or two ways to say why, do not contradict one another.
        let adds_up =
            matches!(kind, Some(Kind::Person | Kind::Text { .. })) && map.get("on-conflict").is_none();
        let many = map.get("many").and_then(|node| truth(node, faults)).unwrap_or(adds_up);
        let on_conflict = map.get("on-conflict").and_then(|node| {
            let listed = matches!(kind, None | Some(Kind::OneOf(_) | Kind::Ordered(_)));
            let choices = [
                ("refuse", OnConflict::Refuse),
                ("strictest", OnConflict::Strictest),
                ("highest", OnConflict::Highest),
            ];
            let chosen = choice(node, &choices, faults)?;
            if !listed && chosen != OnConflict::Refuse {
                faults.push(Fault::new(node.at, "only a list of words has a strictest or a highest value"));
            }
            Some(chosen)
        });
        map.finish(faults);
        Some(Field {
            name: key.text.clone(),
            aliases: aliases.unwrap_or_default(),
            kind: kind?,
            many,
            on_conflict: on_conflict.unwrap_or(OnConflict::Refuse),
        })
    }
}

fn words(node: &Node, faults: &mut Vec<Fault>) -> Vec<String> {
    let words: Vec<String> = texts(node, faults).into_iter().map(str::to_owned).collect();
    for (index, word) in words.iter().enumerate() {
        if word.contains(';') || word.trim() != word {
            faults.push(Fault::new(node.at, format!("`{}` cannot be a word of a field", shown(word))));
        }
        if words.iter().take(index).any(|earlier| earlier.eq_ignore_ascii_case(word)) {
            faults.push(Fault::new(node.at, format!("`{}` is listed twice", shown(word))));
        }
    }
    words
}

fn prose(node: &Node, faults: &mut Vec<Fault>) -> Option<Kind> {
    let mut map = Map::new(node, faults)?;
    let min_length = map.get("min-length").and_then(|node| count(node, 1, 10_000, faults)).unwrap_or(1);
    let refuse = map.get("refuse").map(|node| texts(node, faults)).unwrap_or_default();
    map.finish(faults);
    Some(Kind::Text { min_length, refuse: refuse.into_iter().map(str::to_owned).collect() })
}

fn trailer_key(key: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if key.is_empty() || 64 < key.len() || !key.bytes().all(plain) {
        return Err(format!("`{}` cannot be a trailer's key: only letters, digits and `-`", shown(key)));
    }
    Ok(())
}
