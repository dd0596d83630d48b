//! People of a roster who may be one person, or be taken for each other: the same name, or the same first part of an
//! address, after folding letters that look alike. And addresses that several people use.

use std::collections::{BTreeMap, HashMap};

use crate::people::folded_names::{fold_identity, fold_local_part, is_shared_part};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{find_entry, list_entries, list_texts, scalar_text};
use crate::yaml::{YamlFault, YamlNode, YamlPlace, shorten_for_message};

/// Adds a note for each entry that looks like an earlier one, and for each address that several people use.
pub(crate) fn inspect_roster_twins(roster: &YamlNode, found: &mut FileFindings) {
    let mut names: HashMap<String, &str> = HashMap::new();
    let mut parts: HashMap<String, (&str, String)> = HashMap::new();
    for (key, entry) in find_entry(roster, "people").map(list_entries).unwrap_or_default() {
        let is_machine = find_entry(entry, "kind").and_then(scalar_text).is_some_and(|kind| kind != "human");
        if is_machine {
            continue;
        }
        let mut twins: BTreeMap<&str, String> = BTreeMap::new();
        if let Some(name) = find_entry(entry, "name").and_then(scalar_text) {
            let folded = fold_identity(name);
            match names.get(&folded) {
                Some(other) => {
                    twins.insert(other, format!("the name `{}`", shorten_for_message(name)));
                }
                None if !folded.is_empty() => {
                    names.insert(folded, &key.text);
                }
                None => {}
            }
        }
        for address in find_entry(entry, "addresses").map(list_texts).unwrap_or_default() {
            let part = fold_local_part(address);
            if is_shared_part(&part) {
                note_shared_address(address, &key.text, key.at, found);
                continue;
            }
            match parts.get(&part) {
                Some((other, known)) if *other != key.text => {
                    let what = format!(
                        "`{}`, which is like `{}`",
                        shorten_for_message(address),
                        shorten_for_message(known)
                    );
                    twins.entry(other).or_insert(what);
                }
                Some(_) => {}
                None => {
                    parts.insert(part, (&key.text, address.to_owned()));
                }
            }
        }
        for (other, what) in twins {
            let (key_shown, other) = (shorten_for_message(&key.text), shorten_for_message(other));
            let what = format!("`{key_shown}` looks like `{other}`: it has {what}");
            let help = "if both are one person, join the entries: two entries can approve each other's work";
            found.notes.push(YamlFault::new(key.at, what).with_help(help));
        }
    }
}

fn note_shared_address(address: &str, key: &str, at: YamlPlace, found: &mut FileFindings) {
    let (address, key) = (shorten_for_message(address), shorten_for_message(key));
    let what = format!("`{address}` of `{key}` is an address that several people use as a rule");
    let help = "list an address that is theirs alone, or the entry as `kind: bot`";
    found.notes.push(YamlFault::new(at, what).with_help(help));
}
