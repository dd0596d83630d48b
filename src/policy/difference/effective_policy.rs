//! A policy as it is written, after its files are joined.

use std::collections::{BTreeSet, HashMap};

use crate::policy::difference::written_parts::has_alternatives;
use crate::policy::inspect::written::{find_entry, list_entries, list_items, scalar_text};
use crate::policy::load::files::PolicyFile;
use crate::policy::remote_file::RemotePolicyFile;
use crate::yaml::YamlNode;

/// The keys of a policy whose last statement counts, as a whole.
const REPLACED_KEYS: [&str; 8] =
    ["protects", "unit", "signers", "break-glass", "acts", "classes", "tickets", "standard-changes"];

/// Names with what the policy says about each, in the order of the files.
pub(crate) type NamedNodes<'files> = Vec<(&'files str, &'files YamlNode)>;

/// What the files of a policy say together.
pub(crate) struct EffectivePolicy<'files> {
    /// The rules, each with its keys.
    pub(crate) rules: Vec<(&'files str, NamedNodes<'files>)>,
    /// The places of the rules, by their ids.
    rule_places: HashMap<&'files str, usize>,
    pub(crate) fields: NamedNodes<'files>,
    pub(crate) teams: NamedNodes<'files>,
    pub(crate) obligations: NamedNodes<'files>,
    /// The other statements, by their keys.
    pub(crate) settings: NamedNodes<'files>,
    pub(crate) bots: Vec<&'files str>,
    pub(crate) exemptions: Vec<&'files YamlNode>,
    /// The bytes of the roster.
    pub(crate) roster: Option<Vec<u8>>,
    /// The files that the policy is made of, beside the one that was asked for.
    pub(crate) other_files: BTreeSet<OtherFile>,
    /// The files of other repositories that it extends, each once.
    pub(crate) shared_files: BTreeSet<RemotePolicyFile>,
}

/// A file that a policy is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OtherFile {
    /// True if the policy extends it: its path starts from the folder of the policy then, else from the root.
    pub(crate) is_extended: bool,
    pub(crate) path: String,
}

impl<'files> EffectivePolicy<'files> {
    /// Joins the files of a valid policy, bases first, as the loader does.
    pub(crate) fn join_files(
        files: &'files [PolicyFile],
        (roster, other_files): (Option<Vec<u8>>, BTreeSet<OtherFile>),
    ) -> EffectivePolicy<'files> {
        let mut joined = EffectivePolicy {
            rules: Vec::new(),
            rule_places: HashMap::new(),
            fields: Vec::new(),
            teams: Vec::new(),
            obligations: Vec::new(),
            settings: Vec::new(),
            bots: Vec::new(),
            exemptions: Vec::new(),
            roster,
            other_files,
            shared_files: files
                .iter()
                .filter_map(|file| RemotePolicyFile::parse_name(&file.name).ok())
                .collect(),
        };
        for file in files {
            joined.add_file(&file.node);
        }
        joined
    }

    /// Returns the keys of the rule with this id.
    pub(crate) fn find_rule(&self, id: &str) -> Option<&NamedNodes<'files>> {
        self.rules.get(*self.rule_places.get(id)?).map(|(_, keys)| keys)
    }

    /// Returns what the rules require.
    pub(crate) fn list_requirements(&self) -> Vec<&'files YamlNode> {
        self.rules.iter().filter_map(|(_, keys)| find_named(keys, "require")).collect()
    }

    /// Returns the conditions that decide which rules apply, and those of rules that are not known to count in one way
    /// only: the ones with `any` or `not`.
    pub(crate) fn list_sorting_conditions(&self) -> Vec<&'files YamlNode> {
        let mut sorting: Vec<&YamlNode> = Vec::new();
        for (_, keys) in &self.rules {
            sorting.extend(find_named(keys, "when"));
            sorting.extend(find_named(keys, "require").filter(|node| has_alternatives(node)));
        }
        let classes = find_named(&self.settings, "classes").map(list_entries).unwrap_or_default();
        sorting.extend(classes.iter().map(|(_, condition)| condition));
        sorting.extend(self.exemptions.iter().filter_map(|exemption| find_entry(exemption, "when")));
        sorting
    }

    fn add_file(&mut self, node: &'files YamlNode) {
        let entries = |key: &str| find_entry(node, key).map(list_entries).unwrap_or_default();
        for (id, rule) in entries("rules") {
            let place = *self.rule_places.entry(&id.text).or_insert(self.rules.len());
            if place == self.rules.len() {
                self.rules.push((&id.text, Vec::new()));
            }
            let Some((_, keys)) = self.rules.get_mut(place) else { continue };
            for (key, value) in list_entries(rule) {
                replace_entry(keys, &key.text, value);
            }
        }
        for (name, field) in entries("fields") {
            self.fields.retain(|(known, _)| !known.eq_ignore_ascii_case(&name.text));
            self.fields.push((&name.text, field));
        }
        for (key, value) in entries("obligations") {
            replace_entry(&mut self.obligations, &key.text, value);
        }
        for (key, value) in entries("people") {
            match key.text.as_str() {
                "teams" => {
                    for (name, members) in list_entries(value) {
                        replace_entry(&mut self.teams, &name.text, members);
                    }
                }
                "bots" => self.bots.extend(list_items(value).iter().filter_map(scalar_text)),
                // What the roster and the calendars say is compared, wherever they stand.
                _ => {}
            }
        }
        for key in REPLACED_KEYS {
            if let Some(value) = find_entry(node, key) {
                replace_entry(&mut self.settings, key, value);
            }
        }
        self.exemptions.extend(find_entry(node, "exemptions").map(list_items).unwrap_or_default());
    }
}

fn replace_entry<'files>(entries: &mut NamedNodes<'files>, key: &'files str, value: &'files YamlNode) {
    match entries.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = value,
        None => entries.push((key, value)),
    }
}

/// Returns what stands under a name.
pub(crate) fn find_named<'files>(entries: &NamedNodes<'files>, name: &str) -> Option<&'files YamlNode> {
    entries.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}
