//! What the readers of a policy share: the files, their faults, and the statements of a key.

use std::collections::BTreeMap;

use crate::yaml::decode::{is_misspelt_key, read_text};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

/// The files that are being read, base first, and the faults found so far.
pub(crate) struct PolicyLoader<'nodes> {
    nodes: &'nodes [YamlNode],
    names: &'nodes [String],
    faults: BTreeMap<usize, Vec<YamlFault>>,
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
        PolicyLoader { nodes, names, faults: BTreeMap::new() }
    }

    /// Returns the files as they were read, base first.
    pub(crate) fn nodes(&self) -> &'nodes [YamlNode] {
        self.nodes
    }

    /// Returns the faults of a file, for adding to them.
    pub(crate) fn faults_of(&mut self, file: usize) -> &mut Vec<YamlFault> {
        self.faults.entry(file).or_default()
    }

    /// Returns true if no file has a fault so far.
    pub(crate) fn is_faultless(&self) -> bool {
        self.faults.values().all(Vec::is_empty)
    }

    /// Returns the faults, each list with the index of its file.
    pub(crate) fn into_faults(self) -> BTreeMap<usize, Vec<YamlFault>> {
        self.faults
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
