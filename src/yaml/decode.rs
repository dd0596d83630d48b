//! Turning a tree into values, collecting every fault on the way.
//!
//! A reader of this kind returns `None` for what it could not read and leaves a [`Fault`] behind,
//! so that whoever edits a policy sees all that is wrong with it at once.

use super::{Expected, Fault, Key, Node, Place, Value, nearest, shown};

/// A map that is being read; what nobody has asked for is unknown, and an error at the end.
pub struct Map<'node> {
    /// Where the map stands.
    pub at: Place,
    entries: &'node [(Key, Node)],
    asked: Vec<&'static str>,
}

impl<'node> Map<'node> {
    /// Starts to read `node` as a map; leaves a fault if it is none.
    pub fn new(node: &'node Node, faults: &mut Vec<Fault>) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Map { at: node.at, entries, asked: Vec::new() }),
            _ => {
                faults.push(no_map(node));
                None
            }
        }
    }

    /// Returns the value of `key`, if the map has it.
    pub fn get(&mut self, key: &'static str) -> Option<&'node Node> {
        self.asked.push(key);
        self.entries.iter().find(|(given, _)| given.text == key).map(|(_, node)| node)
    }

    /// Returns the value of `key`; leaves a fault if the map does not have it.
    pub fn require(&mut self, key: &'static str, faults: &mut Vec<Fault>) -> Option<&'node Node> {
        let found = self.get(key);
        if found.is_none() {
            let fault = Fault::new(self.at, format!("`{key}` is missing here"));
            faults.push(fault.expecting(Expected::Key(key)));
        }
        found
    }

    /// Says that these keys exist, though nobody looks at them.
    pub fn knows(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// Leaves a fault for each key that nobody has asked for, with the nearest one that exists.
    pub fn finish(self, faults: &mut Vec<Fault>) {
        for (key, _) in self.entries {
            if !self.asked.contains(&key.text.as_str()) {
                faults.push(unknown("key", key, self.asked.iter().copied()));
            }
        }
    }
}

/// Returns the fault for a word that does not exist, with the nearest ones that do.
pub fn unknown<'known>(what: &str, key: &Key, known: impl IntoIterator<Item = &'known str> + Clone) -> Fault {
    let words = || known.clone().into_iter().map(str::to_owned).collect();
    let expected = match what {
        "key" => Expected::Keys(words()),
        "word" => Expected::Words(words()),
        _ => Expected::Else,
    };
    let fault = Fault::new(key.at, format!("unknown {what} `{}`", shown(&key.text))).expecting(expected);
    match nearest(&key.text, known.clone()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => {
            let mut known: Vec<_> = known.into_iter().collect();
            known.sort_unstable();
            if known.is_empty() { fault } else { fault.help(format!("expected one of {}", known.join(", "))) }
        }
    }
}

/// Returns true if a key that is none of `known` is nearest to `wanted`, so that nothing more need be
/// said about what is missing.
pub fn is_meant<const N: usize>(key: &Key, wanted: &str, known: [&str; N]) -> bool {
    !known.contains(&key.text.as_str()) && nearest(&key.text, known) == Some(wanted)
}

fn no_map(node: &Node) -> Fault {
    Fault::new(node.at, format!("expected a map, found {}", node.kind())).expecting(Expected::Map)
}

/// Returns the entries of a map whose keys are the policy's own names.
pub fn entries<'node>(node: &'node Node, faults: &mut Vec<Fault>) -> &'node [(Key, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        _ if node.is_nothing() => &[],
        _ => {
            faults.push(no_map(node));
            &[]
        }
    }
}

/// Returns the text of a single value that is not empty.
pub fn text<'node>(node: &'node Node, faults: &mut Vec<Fault>) -> Option<&'node str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_nothing() && !text.trim().is_empty() => Some(text),
        Value::Scalar { .. } => {
            faults.push(Fault::new(node.at, "expected a text, found nothing"));
            None
        }
        _ => {
            let fault = Fault::new(node.at, format!("expected a text, found {}", node.kind()));
            faults.push(fault.expecting(Expected::Text));
            None
        }
    }
}

/// Returns the items of a list; a single value counts as a list of one.
pub fn items<'node>(node: &'node Node, faults: &mut Vec<Fault>) -> &'node [Node] {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            faults
                .push(Fault::new(node.at, "this list is empty").help("leave the key out, or name something"));
            &[]
        }
        Value::List(items) => items,
        Value::Scalar { .. } if !node.is_nothing() => std::slice::from_ref(node),
        _ => {
            let fault = Fault::new(node.at, format!("expected a list, found {}", node.kind()));
            faults.push(fault.expecting(Expected::List));
            &[]
        }
    }
}

/// Returns the texts of a list; a single text counts as a list of one. Never an empty list without
/// a fault.
pub fn texts<'node>(node: &'node Node, faults: &mut Vec<Fault>) -> Vec<&'node str> {
    items(node, faults).iter().filter_map(|item| text(item, faults)).collect()
}

/// Reads each text of a list with `read`, whose error is the fault.
pub fn each<T>(node: &Node, faults: &mut Vec<Fault>, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
    let mut values = Vec::new();
    for item in items(node, faults) {
        if let Some(written) = text(item, faults) {
            match read(written) {
                Ok(value) => values.push(value),
                Err(what) => faults.push(Fault::new(item.at, what)),
            }
        }
    }
    values
}

/// Reads one text with `read`, whose error is the fault.
pub fn one<T>(node: &Node, faults: &mut Vec<Fault>, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
    match read(text(node, faults)?) {
        Ok(value) => Some(value),
        Err(what) => {
            faults.push(Fault::new(node.at, what));
            None
        }
    }
}

/// Returns a whole number from `least` to `most`, in decimal digits and without quotes.
pub fn count(node: &Node, least: u64, most: u64, faults: &mut Vec<Fault>) -> Option<u64> {
    let number = match &node.value {
        Value::Scalar { text, plain: true } if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        _ => None,
    };
    match number {
        Some(number) if least <= number && number <= most => Some(number),
        _ => {
            let fault = Fault::new(node.at, format!("expected a whole number from {least} to {most}"));
            faults.push(fault.expecting(Expected::Number { least, most }));
            None
        }
    }
}

/// Returns `true` or `false`, which must stand there in just these words and without quotes.
pub fn truth(node: &Node, faults: &mut Vec<Fault>) -> Option<bool> {
    match &node.value {
        Value::Scalar { text, plain: true } if text == "true" => Some(true),
        Value::Scalar { text, plain: true } if text == "false" => Some(false),
        _ => {
            faults.push(Fault::new(node.at, "expected `true` or `false`").expecting(Expected::Truth));
            None
        }
    }
}

/// Returns the value that one of a few words stands for.
pub fn choice<T: Clone>(node: &Node, words: &[(&'static str, T)], faults: &mut Vec<Fault>) -> Option<T> {
    let written = text(node, faults)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
        return Some(value.clone());
    }
    let key = Key { at: node.at, text: written.into() };
    faults.push(unknown("word", &key, words.iter().map(|(word, _)| *word)));
    None
}

/// Returns a calendar day written as `2027-06-30`.
pub fn day(node: &Node, faults: &mut Vec<Fault>) -> Option<jiff::civil::Date> {
    let written = text(node, faults)?;
    let plain = written.len() == 10 && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let day = written.parse().ok().filter(|_| plain);
    if day.is_none() {
        let what = format!("expected a day such as 2027-06-30, found `{}`", shown(written));
        faults.push(Fault::new(node.at, what).expecting(Expected::Day));
    }
    day
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_misspelt_key_is_an_error_with_the_right_one_beside_it() {
        let node = read(b"min_lenght: 3\nother: 1\n").unwrap();
        let mut faults = Vec::new();
        let mut map = Map::new(&node, &mut faults).unwrap();
        map.get("min-length");
        map.finish(&mut faults);
        assert_eq!(faults.len(), 2);
        assert_eq!(faults[0].help.as_deref(), Some("did you mean `min-length`?"));
        assert_eq!(faults[1].help.as_deref(), Some("expected one of min-length"));
    }

    #[test]
    fn numbers_words_and_days_are_not_coerced() {
        let mut faults = Vec::new();
        for text in ["-1", "'1'", "0x1", "1e0", "1.0", "18446744073709551616", "no", "[1]", ""] {
            let node = read(format!("- {text}").as_bytes()).unwrap();
            let Value::List(items) = &node.value else { panic!() };
            assert_eq!(count(&items[0], 0, 10, &mut faults), None, "{text}");
        }
        for text in ["yes", "'true'", "True", "1"] {
            let node = read(format!("- {text}").as_bytes()).unwrap();
            let Value::List(items) = &node.value else { panic!() };
            assert_eq!(truth(&items[0], &mut faults), None, "{text}");
        }
        for text in ["2027-02-30", "20270101", "tomorrow", "2027-1-1", "2027-01-01T00:00"] {
            let node = read(format!("- {text}").as_bytes()).unwrap();
            let Value::List(items) = &node.value else { panic!() };
            assert_eq!(day(&items[0], &mut faults), None, "{text}");
        }
        assert_eq!(faults.len(), 18);
    }
}
