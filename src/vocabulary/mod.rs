//! The fields that a policy knows: their names, the values they accept, and which value counts when
//! they are stated more than once.
//!
//! A field is read from commit trailers and from the description of a pull request; each statement is
//! a claim and keeps its place. Keys compare without regard to case, as git's own tools do; in a
//! description, where labels are prose, a space stands for a hyphen, too.

pub(crate) mod claims;
pub(crate) mod definition;
pub(crate) mod field;
pub(crate) mod name_index;
mod named_hosts;
pub(crate) mod value_check;
pub(crate) mod word_choice;

use std::collections::HashSet;
use std::sync::Arc;

use crate::change::PullRequest;
use crate::people::PeopleDirectory;
use crate::vocabulary::field::FieldSurroundings;
use crate::vocabulary::name_index::NameIndex;
use crate::vocabulary::named_hosts::NamedHosts;
use crate::yaml::decode::{read_entries, unknown_word_fault};
use crate::yaml::{YamlFault, YamlKey, YamlNode};

pub use crate::vocabulary::field::{
    ClaimSource, ConflictResolution, FieldClaim, FieldDefinition, FieldKind, FieldReading,
};

/// The fields of a policy, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldVocabulary {
    fields: Vec<Arc<FieldDefinition>>,
    /// The places of the fields, by their names and aliases.
    places: NameIndex,
    /// The hosts of ticket systems.
    hosts: NamedHosts,
}

impl FieldVocabulary {
    /// Reads the `fields` of a policy and adds them, each replacing a field of the same name.
    pub fn read_fields(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        let mut known: HashSet<String> = self.trailer_keys().map(str::to_ascii_lowercase).collect();
        for (key, node) in read_entries(node, faults) {
            let Some(field) = FieldDefinition::read_definition(key, node, faults) else { continue };
            if known.contains(&field.name.to_ascii_lowercase()) {
                self.places = NameIndex::default();
                self.fields.retain(|known| !known.name.eq_ignore_ascii_case(&field.name));
            }
            for name in field.trailer_keys() {
                // Most names are new.
                if known.insert(name.to_ascii_lowercase()) {
                    continue;
                }
                if let Some(other) = self.find_field(name) {
                    faults.push(YamlFault::new(
                        key.at,
                        format!("`{name}` already belongs to the field `{}`", other.name),
                    ));
                }
            }
            self.fields.push(Arc::new(field));
            // A field that is looked for above fills the index, which does not know this one then.
            self.places = NameIndex::default();
        }
    }

    /// Adds the address of a system that holds tickets, so that its host is not taken for an example.
    pub(crate) fn add_ticket_address(&mut self, address: &str) {
        self.hosts.add_text(address);
    }

    /// Tells each field what it has to know of the others and of `people`, once all of them are read.
    pub fn connect_fields(&mut self, people: &PeopleDirectory) {
        let mut labels = Vec::new();
        for key in self.trailer_keys() {
            labels.push(key.to_owned());
        }
        let mut hosts = self.hosts.clone();
        for field in &self.fields {
            if let FieldKind::Matches { pattern, example } = &field.kind {
                hosts.add_text(&pattern.to_string());
                if let Some(example) = example {
                    hosts.add_text(example);
                }
            }
        }
        let surroundings = Arc::new(FieldSurroundings { labels, machines: people.machine_accounts(), hosts });
        for field in &mut self.fields {
            Arc::make_mut(field).surroundings = surroundings.clone();
        }
    }

    /// Returns true if the description of a pull request may state `label`, which need not be a field: then
    /// only that of a person may.
    pub(crate) fn may_state_label(&self, label: &str, pull: &PullRequest, people: &PeopleDirectory) -> bool {
        match self.find_field(label) {
            Some(field) => field.may_be_stated_by(pull),
            None => match &pull.opener {
                Some(opener) => !people.machine_accounts().includes_account(opener),
                None => false,
            },
        }
    }

    /// Returns the field that is called `name`, or has it as an alias.
    pub(crate) fn find_field(&self, name: &str) -> Option<&Arc<FieldDefinition>> {
        let names = self.fields.iter().enumerate();
        let names = names.flat_map(|(place, field)| field.trailer_keys().map(move |key| (key, place)));
        self.fields.get(self.places.find_place(name, self.fields.len(), names)?)
    }

    /// Returns the field that `node` names; leaves a fault if there is none.
    pub(crate) fn resolve_field(
        &self,
        node: &YamlNode,
        written: &str,
        faults: &mut Vec<YamlFault>,
    ) -> Option<&Arc<FieldDefinition>> {
        let found = self.find_field(written);
        if found.is_none() {
            let key = YamlKey { at: node.at, text: written.to_owned() };
            faults.push(unknown_word_fault("field", &key, self.field_names()));
        }
        found
    }

    /// Returns every key that the policy gives a meaning, aliases included.
    pub(crate) fn trailer_keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().flat_map(|field| field.trailer_keys())
    }

    /// Returns the fields, in the policy's order.
    pub fn fields(&self) -> &[Arc<FieldDefinition>] {
        &self.fields
    }

    /// Returns the names of the fields.
    pub(crate) fn field_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn a_field_that_is_stated_again_is_found_among_few_and_many() {
        for count in [2, 31, 32, 33, 90] {
            for again in [vec![0], vec![0, 1], vec![count - 1]] {
                let mut vocabulary = FieldVocabulary::default();
                let mut faults = Vec::new();
                let all: Vec<usize> = (0..count).collect();
                for places in [&all, &again] {
                    let lines: Vec<String> = places
                        .iter()
                        .map(|place| format!("F{place}: {{ text: {{}}, aliases: [G{place}] }}\n"))
                        .collect();
                    vocabulary.read_fields(&read_document(lines.concat().as_bytes()).unwrap(), &mut faults);
                }
                assert_eq!((faults.as_slice(), vocabulary.fields().len()), (&[][..], count));
                for place in 0..count {
                    for name in [format!("F{place}"), format!("g{place}")] {
                        let found = vocabulary.find_field(&name).map(|field| field.name.clone());
                        assert_eq!(
                            found,
                            Some(format!("F{place}")),
                            "{count} fields, {again:?} again: {name}"
                        );
                    }
                }
            }
        }
    }
}
