//! The change of a test: what a suite, a table and a case say of it, put together, and the place where it is
//! judged.

use crate::policy::Policy;
use crate::yaml::decode::offer_word;
use crate::yaml::{
    YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue, find_nearest_word, merge_maps, shorten_for_message,
};

/// The key of the map of fields.
const FIELDS_KEY: &str = "fields";

/// The stages at which nothing knows a pull request.
const PUSH_STAGES: [&str; 3] = ["commit-msg", "pre-push", "pre-receive"];

/// Returns the change that `base` and `change` describe together. The names of fields are the same in any case of
/// their letters, as they are to git.
pub(crate) fn merge_change(base: &YamlNode, change: &YamlNode, faults: &mut Vec<YamlFault>) -> YamlNode {
    let mut change = change.clone();
    if let Some(fields) = find_entry_mut(&mut change, FIELDS_KEY) {
        refuse_equal_fields(fields, faults);
        if let Some(known) = find_entry(base, FIELDS_KEY) {
            adopt_spelling(known, fields);
        }
    }
    merge_maps(base, &change)
}

/// Adds a fault for each field that stands twice, apart from the case of its letters.
fn refuse_equal_fields(fields: &YamlNode, faults: &mut Vec<YamlFault>) {
    let YamlValue::Map(entries) = &fields.value else { return };
    for (index, (key, _)) in entries.iter().enumerate() {
        let is_same = |other: &&(YamlKey, YamlNode)| other.0.text.eq_ignore_ascii_case(&key.text);
        if let Some((earlier, _)) = entries.iter().take(index).find(is_same) {
            let what = format!(
                "`{}` is `{}` once more: fields are the same in any case of their letters",
                shorten_for_message(&key.text),
                shorten_for_message(&earlier.text)
            );
            let fault = YamlFault::new(key.at, what).with_help("give several values as a list");
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
}

/// Gives each field the name that it has in `known`.
fn adopt_spelling(known: &YamlNode, fields: &mut YamlNode) {
    let (YamlValue::Map(known), YamlValue::Map(entries)) = (&known.value, &mut fields.value) else { return };
    for (key, _) in entries {
        if let Some((spelling, _)) =
            known.iter().find(|(known, _)| known.text.eq_ignore_ascii_case(&key.text))
        {
            key.text.clone_from(&spelling.text);
        }
    }
}

/// Returns the change with the stage and the target that it has if it names none: a pull request is judged as one,
/// for a branch that the policy protects.
///
/// Adds a fault where the stage knows no pull request, or the policy does not protect the target: the gate judges
/// nothing there, so a test would say what never happens.
pub(crate) fn place_change(change: &YamlNode, policy: &Policy, faults: &mut Vec<YamlFault>) -> YamlNode {
    let mut change = change.clone();
    let at = change.at;
    let YamlValue::Map(entries) = &mut change.value else { return change };
    let pull = entries.iter().find(|(key, _)| key.text == "pull").map(|(key, _)| key.at);
    match (pull, find_text(entries, "stage")) {
        (Some(_), None) => entries.push(build_entry("stage", "pull-request", at)),
        (Some(pull), Some((stage, _))) if PUSH_STAGES.contains(&stage) => {
            let what = format!("`{stage}` knows no pull request");
            faults.push(
                YamlFault::new(pull, what)
                    .with_help("leave out `stage`, or write `stage: pull-request`; or leave out `pull`"),
            );
        }
        _ => {}
    }
    match find_text(entries, "target") {
        None => entries.extend(find_usual_target(policy).map(|usual| build_entry("target", &usual, at))),
        Some((target, place)) if !protects_target(policy, target) => {
            let what = format!(
                "the policy does not protect `{}`, so the gate judges nothing there",
                shorten_for_message(target)
            );
            let names: Vec<String> = policy.protected_refs.iter().map(ToString::to_string).collect();
            let help = match find_nearest_word(target, names.iter().map(String::as_str)) {
                Some(near) => offer_word(near),
                None => format!("it protects {}", names.join(", ")),
            };
            faults.push(YamlFault::new(place, what).with_help(help));
        }
        Some(_) => {}
    }
    change
}

/// Returns a ref that the policy protects: `main`, else the first one in its list, with a letter for each `*`.
fn find_usual_target(policy: &Policy) -> Option<String> {
    let named = policy.protected_refs.iter().map(|pattern| pattern.to_string().replace('*', "x"));
    std::iter::once("main".to_owned()).chain(named).find(|name| protects_target(policy, name))
}

fn protects_target(policy: &Policy, target: &str) -> bool {
    match target.starts_with("refs/") {
        true => policy.protects_ref(target.as_bytes()),
        false => policy.protects_ref(format!("refs/heads/{target}").as_bytes()),
    }
}

fn build_entry(key: &str, text: &str, at: YamlPlace) -> (YamlKey, YamlNode) {
    let value = YamlValue::Scalar { text: text.to_owned(), is_plain: false };
    (YamlKey { at, text: key.to_owned() }, YamlNode { at, value })
}

fn find_text<'node>(entries: &'node [(YamlKey, YamlNode)], key: &str) -> Option<(&'node str, YamlPlace)> {
    let (_, node) = entries.iter().find(|(known, _)| known.text == key)?;
    match &node.value {
        YamlValue::Scalar { text, .. } => Some((text.as_str(), node.at)),
        _ => None,
    }
}

fn find_entry<'node>(map: &'node YamlNode, key: &str) -> Option<&'node YamlNode> {
    let YamlValue::Map(entries) = &map.value else { return None };
    entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
}

fn find_entry_mut<'node>(map: &'node mut YamlNode, key: &str) -> Option<&'node mut YamlNode> {
    let YamlValue::Map(entries) = &mut map.value else { return None };
    entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, node)| node)
}
