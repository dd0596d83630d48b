//! One row of an export: what it states in each column that is read.
//!
//! A fact that two columns state has to be the same in both: the gate does not choose one.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::tickets::export::json::read_texts;

/// Every column, the names under which it may stand, and what it says; names compare in any case.
pub const EXPORT_COLUMNS: [(&[&str], &str); 11] = [
    (&["key", "issue key", "number"], "the key, as in PAY-412; needed"),
    (&["created", "created at", "created_at", "sys_created_on"], "when it was made, with a zone; needed"),
    (&["project", "project key"], "the project; the front of the key where it is left out"),
    (&["type", "issue type", "kind"], "of which type it is"),
    (&["labels", "label"], "its labels, with spaces or commas between them, or in several columns"),
    (&["state", "status"], "the state that it is in"),
    (&["closed"], "`true` or `false`: whether nothing more is to be done"),
    (&["assignee", "assigned to"], "who is to do it"),
    (&["title", "summary", "description", "short_description"], "what it is about; several of them add up"),
    (&["url", "link"], "where people look at it"),
    (&["imported"], "`true` if it was brought in from elsewhere; then `created` proves nothing"),
];

/// A column that is read: its place in [`EXPORT_COLUMNS`], and the name under which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExportColumn {
    pub(crate) place: usize,
    name: &'static str,
}

/// Returns the column with this name, unless it is one that is not read.
pub(crate) fn find_column(name: &str) -> Option<ExportColumn> {
    let name = name.trim().to_lowercase();
    for (place, (names, _)) in EXPORT_COLUMNS.iter().enumerate() {
        if let Some(name) = names.iter().find(|known| **known == name) {
            return Some(ExportColumn { place, name });
        }
    }
    None
}

/// The values of one row.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExportRow {
    values: Vec<(ExportColumn, String)>,
    /// What cannot be read, with the place of its column.
    faults: Vec<(usize, String)>,
}

impl ExportRow {
    /// Reads the members of an object.
    pub(crate) fn read_members(members: Vec<(String, &RawValue)>) -> Self {
        let mut row = ExportRow::default();
        let mut seen = HashSet::new();
        for (name, value) in members {
            let Some(column) = find_column(&name) else { continue };
            match read_texts(value) {
                Ok(texts) => row.values.extend(texts.into_iter().map(|text| (column, text))),
                Err(why) => row.faults.push((column.place, format!("`{}` {why}", column.name))),
            }
            // Readers of JSON differ in which of the two they take.
            if !seen.insert(name) {
                row.faults.push((column.place, format!("`{}` occurs twice in this object", column.name)));
            }
        }
        row
    }

    /// Adds a value to its column, unless it is one that is not read.
    pub(crate) fn add_value(&mut self, column: Option<ExportColumn>, value: String) {
        self.values.extend(column.map(|column| (column, value)));
    }

    /// Returns all values of a column.
    pub(crate) fn list_values(&self, place: usize) -> Vec<&str> {
        let values = self.values.iter().filter(|(column, _)| column.place == place);
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the value of a column, without white space around it; empty if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the column cannot be read, or states two different values.
    pub(crate) fn read_value(&self, place: usize) -> Result<&str, String> {
        self.check_column(place)?;
        let mut found: Option<(&str, &str)> = None;
        for (column, value) in &self.values {
            let value = value.trim();
            if column.place != place || value.is_empty() {
                continue;
            }
            match found {
                Some((_, known)) if known == value => {}
                Some((name, _)) if name == column.name => {
                    return Err(format!("`{name}` is stated twice, with different values"));
                }
                Some((name, _)) => {
                    return Err(format!("`{name}` and `{}` state different values", column.name));
                }
                None => found = Some((column.name, value)),
            }
        }
        Ok(found.map_or("", |(_, value)| value))
    }

    /// Checks that a column can be read.
    ///
    /// # Errors
    ///
    /// Says why it cannot.
    pub(crate) fn check_column(&self, place: usize) -> Result<(), String> {
        match self.faults.iter().find(|(faulty, _)| *faulty == place) {
            Some((_, why)) => Err(why.clone()),
            None => Ok(()),
        }
    }
}
