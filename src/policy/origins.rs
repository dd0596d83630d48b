//! Where each value of a policy came from: the file and the line, and what it took the place of.
//!
//! The files are joined as the loader joins them, and of every value all statements are kept, the one that counts
//! last.

use std::collections::BTreeMap;

use crate::policy::faults::PolicyErrors;
use crate::policy::inspect::written::{find_entry, list_entries, list_items, scalar_text};
use crate::policy::load::files::{FetchedFile, PolicyFiles};
use crate::policy::packs::find_pack;
use crate::policy::question_place::{QuestionPlace, place_question};
use crate::yaml::{YamlNode, YamlPlace, YamlValue};

/// How many characters of a value are kept.
const MAX_VALUE_CHARACTERS: usize = 300;

/// One statement of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenValue {
    /// The file, or the name of a pack.
    pub file: String,
    /// True if the file is a pack that is shipped.
    pub is_pack: bool,
    /// The line, counted from 1.
    pub line: usize,
    /// The value, on one line.
    pub text: String,
}

/// The statements of every value of a policy, by the path to it, such as `rules`, `peer-review`, `level`.
#[derive(Clone, Debug, Default)]
pub struct ValueOrigins {
    values: BTreeMap<Vec<String>, Vec<WrittenValue>>,
    /// The places of the questions that count, by the same paths.
    questions: BTreeMap<Vec<String>, QuestionPlace>,
}

impl ValueOrigins {
    /// Returns the statements of a value in the order of the files, the one that counts last; none for a default.
    pub fn find_statements(&self, path: &[&str]) -> &[WrittenValue] {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.values.get(&path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns where the question that counts stands in the file of its last statement; `None` if the path leads to none.
    pub fn find_question(&self, path: &[&str]) -> Option<&QuestionPlace> {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.questions.get(&path)
    }

    fn add_question(&mut self, path: &[&str], node: &YamlNode) {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.questions.insert(path, place_question(node));
    }

    fn add_value(&mut self, file: &str, path: &[&str], at: YamlPlace, node: &YamlNode) {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let mut text = show_flow_value(node);
        if text.chars().count() > MAX_VALUE_CHARACTERS {
            text = text.chars().take(MAX_VALUE_CHARACTERS).collect::<String>() + "...";
        }
        let is_pack = find_pack(file).is_some();
        let value = WrittenValue { file: file.to_owned(), is_pack, line: at.line, text };
        self.values.entry(path).or_default().push(value);
    }

    fn add_file(&mut self, file: &str, node: &YamlNode) {
        for (key, value) in list_entries(node) {
            let top = key.text.as_str();
            match top {
                "rules" => {
                    for (id, rule) in list_entries(value) {
                        self.add_value(file, &[top, &id.text], id.at, rule);
                        for (key, value) in list_entries(rule) {
                            self.add_value(file, &[top, &id.text, &key.text], key.at, value);
                            if let "when" | "require" = key.text.as_str() {
                                self.add_question(&[top, &id.text, &key.text], value);
                            }
                        }
                    }
                }
                "people" => self.add_people(file, value),
                "exemptions" => {
                    for item in list_items(value) {
                        let place = format!("{file}:{}", item.at.line);
                        self.add_value(file, &[top, &place], item.at, item);
                        if let Some(when) = find_entry(item, "when") {
                            self.add_question(&[top, &place], when);
                        }
                    }
                }
                "fields" | "obligations" | "classes" | "tickets" | "standard-changes" | "break-glass"
                | "acts" | "signers" => {
                    self.add_value(file, &[top], key.at, value);
                    for (name, value) in list_entries(value) {
                        self.add_value(file, &[top, &name.text], name.at, value);
                        if top == "classes" {
                            self.add_question(&[top, &name.text], value);
                        }
                    }
                }
                _ => self.add_value(file, &[top], key.at, value),
            }
        }
    }

    fn add_people(&mut self, file: &str, node: &YamlNode) {
        for (key, value) in list_entries(node) {
            match key.text.as_str() {
                "teams" => {
                    for (name, members) in list_entries(value) {
                        self.add_value(file, &["teams", &name.text], name.at, members);
                    }
                }
                list @ ("bots" | "holidays") => {
                    for item in list_items(value) {
                        let text = scalar_text(item).unwrap_or_default();
                        self.add_value(file, &[list, text], item.at, item);
                    }
                }
                other => self.add_value(file, &[other], key.at, value),
            }
        }
    }
}

/// Returns where the values of a valid policy came from; `fetch` finds its files again.
///
/// # Errors
///
/// Returns the files that cannot be read again.
pub fn find_value_origins(
    entry: &str,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Result<ValueOrigins, PolicyErrors> {
    let files = PolicyFiles::gather_files(entry, fetch)?;
    let mut origins = ValueOrigins::default();
    for file in &files.files {
        origins.add_file(&file.name, &file.node);
    }
    Ok(origins)
}

/// Returns a value on one line, as YAML writes it in brackets.
pub(crate) fn show_flow_value(node: &YamlNode) -> String {
    let mut text = String::new();
    write_flow(node, &mut text);
    text
}

/// Writes a value on one line, as YAML writes it in brackets.
fn write_flow(node: &YamlNode, text: &mut String) {
    match &node.value {
        YamlValue::Scalar { text: scalar, is_plain } if *is_plain => text.push_str(scalar),
        YamlValue::Scalar { text: scalar, .. } => {
            text.push('\'');
            text.push_str(&scalar.replace('\'', "''"));
            text.push('\'');
        }
        YamlValue::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write_flow(item, text);
            }
            text.push(']');
        }
        YamlValue::Map(entries) => {
            text.push_str("{ ");
            for (index, (key, value)) in entries.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                text.push_str(&key.text);
                text.push_str(": ");
                write_flow(value, text);
            }
            text.push_str(" }");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_kept_with_its_line_and_the_last_one_counts() {
        let own = "changegate: 1\nextends: [startup]\nprotects: [trunk]\nrules:\n  peer-review:\n    level: warn\n    until: 2027-01-01\n    reason: 'it''s a trial'\n";
        let origins = find_value_origins("own.yml", &mut |_| Ok(Some(own.as_bytes().to_vec()))).unwrap();
        let protects = origins.find_statements(&["protects"]);
        let last = protects.last().unwrap();
        assert_eq!((last.file.as_str(), last.line, last.text.as_str()), ("own.yml", 3, "[trunk]"));
        assert!(protects.len() > 1 && protects.iter().rev().skip(1).all(|one| one.is_pack));
        let level = origins.find_statements(&["rules", "peer-review", "level"]);
        assert_eq!(level.last().unwrap().line, 6);
        let reason = origins.find_statements(&["rules", "peer-review", "reason"]);
        assert_eq!(reason.last().unwrap().text, "'it''s a trial'");
        assert!(origins.find_statements(&["rules", "peer-review", "require"]).last().unwrap().is_pack);
        assert!(origins.find_statements(&["rules", "none"]).is_empty());
    }
}
