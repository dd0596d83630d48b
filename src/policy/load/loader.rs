//! What the readers of a policy share: the files, their faults, and the statements of a key.

use std::collections::BTreeMap;

use crate::yaml::decode::{is_misspelt_key, read_text};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

/// The files that are being read, base first, and the faults found so far.
pub(crate) struct PolicyLoader<'nodes> {
    nodes: &'nodes [YamlNode],
    names: &'nodes [String],
    faults: BTreeMap<usize, Vec<YamlFault>>,
    /// True if a file that another one extends could not be found.
    pub(crate) lacks_base: bool,
    /// True if a key of a rule stands where the id of one belongs, so that the rule before it lacks the key.
    pub(crate) has_stray_keys: bool,
    /// The names of classes that rules of packs name and the policy does not have, each with the pack.
    missing_classes: Vec<(&'nodes str, String)>,
}

/// A value and the index of its file.
#[derive(Clone, Copy)]
pub(crate) struct SourcedNode<'node> {
    pub(crate) file: usize,
    pub(crate) node: &'node YamlNode,
}

impl<'nodes> PolicyLoader<'nodes> {
    /// Starts to read these files, which have their names in the same order.
    pub(crate) fn new(nodes: &'nodes [YamlNode], names: &'nodes [String]) -> Self {
        PolicyLoader {
            nodes,
            names,
            faults: BTreeMap::new(),
            lacks_base: false,
            has_stray_keys: false,
            missing_classes: Vec::new(),
        }
    }

    /// Returns the files as they were read, base first.
    pub(crate) fn nodes(&self) -> &'nodes [YamlNode] {
        self.nodes
    }

    /// Returns the faults of a file, for adding to them.
    pub(crate) fn faults_of(&mut self, file: usize) -> &mut Vec<YamlFault> {
        self.faults.entry(file).or_default()
    }

    /// Returns the faults of all files.
    pub(crate) fn list_faults(&self) -> impl Iterator<Item = &YamlFault> {
        self.faults.values().flatten()
    }

    /// Returns true if no file has a fault so far.
    pub(crate) fn is_faultless(&self) -> bool {
        !self.lacks_base && self.faults.values().all(Vec::is_empty)
    }

    /// Returns the faults, each list with the index of its file.
    pub(crate) fn into_faults(self) -> BTreeMap<usize, Vec<YamlFault>> {
        self.faults
    }

    /// Notes that a rule of the pack at `file` names a class that the policy does not have.
    pub(crate) fn add_missing_class(&mut self, file: usize, class: &str) {
        if !self.missing_classes.iter().any(|(_, known)| known == class) {
            self.missing_classes.push((self.file_name(file), class.to_owned()));
        }
    }

    /// Leaves a fault at the classes that leave out what rules of packs name.
    pub(crate) fn refuse_missing_classes(&mut self) {
        let Some((pack, _)) = self.missing_classes.first() else { return };
        let Some(SourcedNode { file, node }) = self.find_last_node("classes") else { return };
        let names: Vec<String> = self.missing_classes.iter().map(|(_, class)| format!("`{class}`")).collect();
        let what = format!("these classes leave out {}, which rules of `{pack}` name", names.join(", "));
        let help = match names.iter().any(|name| name == "`normal`") {
            true => format!(
                "add them, the last one as `normal: {{}}`, or leave `classes` out and keep those of `{pack}`"
            ),
            false => format!("add them, or leave `classes` out and keep those of `{pack}`"),
        };
        self.faults_of(file).push(YamlFault::new(node.at, what).with_help(help));
    }

    /// Takes the faults of a file out, for another file to have them.
    pub(crate) fn take_faults(&mut self, file: usize) -> Vec<YamlFault> {
        self.faults.remove(&file).unwrap_or_default()
    }

    /// Returns the name of a file.
    pub(crate) fn file_name(&self, file: usize) -> &'nodes str {
        self.names.get(file).map_or("", String::as_str)
    }

    /// Returns every statement of `key` at the top of a file, base first.
    pub(crate) fn find_nodes(&self, key: &str) -> Vec<SourcedNode<'nodes>> {
        let mut found = Vec::new();
        for (file, node) in self.nodes.iter().enumerate() {
            let YamlValue::Map(entries) = &node.value else { continue };
            for (given, node) in entries {
                if given.text == key {
                    found.push(SourcedNode { file, node });
                }
            }
        }
        found
    }

    /// Returns true if this file itself states `key` at its top.
    pub(crate) fn states_key(&self, file: usize, key: &str) -> bool {
        self.find_nodes(key).iter().any(|at| at.file == file)
    }

    /// Returns the statement of `key` that counts, which is the last.
    pub(crate) fn find_last_node(&self, key: &str) -> Option<SourcedNode<'nodes>> {
        self.find_nodes(key).last().copied()
    }

    /// Reads the text of `key` at the top; `None` if no file states it.
    pub(crate) fn read_top_text(&mut self, key: &str) -> Option<&'nodes str> {
        let found = self.find_last_node(key)?;
        read_text(found.node, self.faults_of(found.file))
    }

    /// Returns true if a key at the top is most likely a misspelling of `key`.
    pub(crate) fn has_misspelt_key<const N: usize>(&self, key: &str, known: [&str; N]) -> bool {
        for node in self.nodes {
            let YamlValue::Map(entries) = &node.value else { continue };
            for (given, _) in entries {
                if is_misspelt_key(given, key, known) {
                    return true;
                }
            }
        }
        false
    }
}
