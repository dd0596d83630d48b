//! Where in its files a policy states a rule, so that what is found of it can be told there.

use crate::policy::definition::Policy;
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::excluding_rules::ExcludingRules;
use crate::policy::inspect::written::{find_entry, list_entries, list_items, scalar_text};
use crate::policy::load::files::PolicyFile;
use crate::policy::packs::find_pack;
use crate::yaml::{self, YamlFault, YamlNode, YamlPlace};

/// Returns the place of the rule `id` in the source of a policy file.
pub(crate) fn find_rule_place(source: &[u8], id: &str) -> Option<YamlPlace> {
    find_inner_place(&yaml::read_document(source).ok()?, "rules", id)
}

/// Returns the place of the top-level key `key` in the source of a policy file.
pub(crate) fn find_key_place(source: &[u8], key: &str) -> Option<YamlPlace> {
    find_top_place(&yaml::read_document(source).ok()?, key)
}

/// Returns the place of the first item `text` of the list under the top-level key `key` in the source of a policy file.
pub(crate) fn find_item_place(source: &[u8], key: &str, text: &str) -> Option<YamlPlace> {
    let file = yaml::read_document(source).ok()?;
    let items = list_items(find_entry(&file, key)?);
    items.iter().find(|item| scalar_text(item) == Some(text)).map(|item| item.at)
}

fn find_top_place(file: &YamlNode, key: &str) -> Option<YamlPlace> {
    list_entries(file).iter().find(|(known, _)| known.text == key).map(|(key, _)| key.at)
}

fn find_inner_place(file: &YamlNode, key: &str, id: &str) -> Option<YamlPlace> {
    let inner = list_entries(find_entry(file, key)?);
    inner.iter().find(|(known, _)| known.text == id).map(|(key, _)| key.at)
}

/// Returns where rules that exclude every change are told: at one that the policy's own files state, or else at the
/// people or the keys that they name. Packs by themselves exclude none, and what they leave open is for policies
/// to fill.
pub(crate) fn place_excluding_rules<'files>(
    policy: &Policy,
    files: &'files [PolicyFile],
    rules: &RuleIndex<'_>,
    excluding: ExcludingRules,
) -> Option<(&'files PolicyFile, YamlFault)> {
    let ExcludingRules { rules: excluded, what, help } = excluding;
    let fault_at = |at| YamlFault::new(at, what.as_str()).with_help(help);
    for rule in excluded.iter().rev().filter_map(|index| policy.rules.get(*index)) {
        let id = rule.description.id.as_str();
        let own = files.iter().enumerate().filter(|(_, file)| find_pack(&file.name).is_none());
        for (_, file) in own.filter(|(index, _)| rules.find_written(*index, id).is_some()) {
            if let Some(at) = find_inner_place(&file.node, "rules", id) {
                return Some((file, fault_at(at)));
            }
        }
    }
    if excluded.is_empty() {
        return find_rules_place(files).map(|(file, at)| (file, fault_at(at)));
    }
    let (file, at) = find_first_place(files, &["people", "signers"])?;
    Some((file, fault_at(at)))
}

/// Returns where something is told of a class: where the policy's own files state it, or else of all rules together.
pub(crate) fn find_class_place<'files>(
    files: &'files [PolicyFile],
    class: Option<&str>,
) -> Option<(&'files PolicyFile, YamlPlace)> {
    let own = files.iter().filter(|file| find_pack(&file.name).is_none());
    let find_class =
        |file: &'files PolicyFile| Some((file, find_inner_place(&file.node, "classes", class?)?));
    own.filter_map(find_class).next().or_else(|| find_rules_place(files))
}

/// Returns where something is told of all rules together.
fn find_rules_place(files: &[PolicyFile]) -> Option<(&PolicyFile, YamlPlace)> {
    find_first_place(files, &["rules", "extends", "changegate"])
}

/// Returns the place of the first of these keys in the policy's own files.
fn find_first_place<'files>(
    files: &'files [PolicyFile],
    keys: &[&str],
) -> Option<(&'files PolicyFile, YamlPlace)> {
    for key in keys {
        for file in files.iter().filter(|file| find_pack(&file.name).is_none()) {
            if let Some(at) = find_top_place(&file.node, key) {
                return Some((file, at));
            }
        }
    }
    None
}
