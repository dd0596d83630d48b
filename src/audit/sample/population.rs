//! The list of changes that a sample is drawn from, as a file holds it.
//!
//! JSON Lines, CSV, or one id on each line. A line that cannot be read as what the first one promises is an
//! error, not a change less: a sample of an incomplete population proves nothing.

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::audit::formats::cell_text::remove_formula_guards;
use crate::audit::sample::stratum::{FACT_COLUMNS, FACTS, Stratum, fits_stratum};
use crate::change::Text;
use crate::change::text::encode_hex;

/// The bytes that one row takes at most, all of its lines together.
const MAX_ROW_BYTES: usize = 4 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The column that holds the ids.
const ID_COLUMN: &str = "change_id";

/// One change of a population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PopulationItem {
    /// What the change is called.
    pub id: Text,
    /// The type of the change, if the file tells it.
    pub change_type: Option<Text>,
    /// The strata that the change fits, in their order.
    pub strata: Vec<Stratum>,
}

/// The changes that a sample is drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    /// The changes, in the order of the file.
    pub items: Vec<PopulationItem>,
    /// The strata that the file has no column for.
    pub unknown_strata: Vec<Stratum>,
}

/// Why there is no population.
#[derive(Debug)]
pub enum PopulationError {
    /// The file could not be read.
    Unreadable(io::Error),
    /// A line of the file cannot be used; the text says which, and why.
    Faulty(String),
}

impl From<io::Error> for PopulationError {
    fn from(error: io::Error) -> PopulationError {
        PopulationError::Unreadable(error)
    }
}

impl Population {
    /// Reads a population, in the form that its first line is in.
    pub fn read_population(reader: &mut dyn BufRead) -> Result<Population, PopulationError> {
        let mut rows = RowReader { reader, line: 0, row_line: 0, row: Vec::new() };
        let mut found = PopulationBuilder::default();
        if !rows.read_line()? {
            return Err(PopulationError::Faulty("the population is empty".into()));
        }
        let form = PopulationForm::detect_form(&rows.row);
        if matches!(form, PopulationForm::Csv { .. }) {
            rows.complete_row()?;
        } else {
            found.add_row(&form, &rows)?;
        }
        while rows.read_line()? {
            if matches!(form, PopulationForm::Csv { .. }) {
                rows.complete_row()?;
            }
            found.add_row(&form, &rows)?;
        }
        found.finish(&form)
    }

    /// Returns SHA-256 of the sorted ids, each followed by a line feed: `LC_ALL=C sort ids | sha256sum`.
    pub fn digest(&self) -> String {
        let mut ids: Vec<&[u8]> = self.items.iter().map(|item| item.id.as_bytes()).collect();
        ids.sort_unstable();
        let mut digest = Sha256::new();
        for id in ids {
            digest.update(id);
            digest.update(b"\n");
        }
        encode_hex(&digest.finalize())
    }
}

/// The form that a population is in.
enum PopulationForm {
    JsonLines,
    /// The separator, the number of fields, the field of the ids, and those of the facts that there are.
    Csv {
        separator: u8,
        fields: usize,
        id: usize,
        facts: [Option<usize>; FACTS],
    },
    /// One id on each line.
    Ids,
}

impl PopulationForm {
    fn detect_form(first: &[u8]) -> PopulationForm {
        if first.trim_ascii_start().starts_with(b"{") {
            return PopulationForm::JsonLines;
        }
        for separator in [b',', b';', b'\t'] {
            let Some(names) = parse_csv_row(first, separator) else { continue };
            let find = |column: &str| names.iter().position(|name| name.trim() == column);
            if let Some(id) = find(ID_COLUMN) {
                return PopulationForm::Csv {
                    separator,
                    fields: names.len(),
                    id,
                    facts: FACT_COLUMNS.map(find),
                };
            }
        }
        PopulationForm::Ids
    }
}

/// Returns the fields of one row, or `None` if its quotation marks do not make it one row of UTF-8.
fn parse_csv_row(row: &[u8], separator: u8) -> Option<Vec<String>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(separator).flexible(true).from_reader(row);
    let mut records = reader.records();
    let record = records.next()?.ok()?;
    records.next().is_none().then(|| record.iter().map(str::to_owned).collect())
}

/// Reads rows that are bounded, and knows on which line each begins.
struct RowReader<'a> {
    reader: &'a mut dyn BufRead,
    line: usize,
    row_line: usize,
    row: Vec<u8>,
}

impl RowReader<'_> {
    /// Reads the next line that is not empty; false after the last.
    fn read_line(&mut self) -> Result<bool, PopulationError> {
        loop {
            self.row.clear();
            if !self.append_line()? {
                return Ok(false);
            }
            self.row_line = self.line;
            if self.line == 1 && self.row.starts_with(BYTE_ORDER_MARK) {
                self.row.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.row.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Reads on to the end of a row of CSV whose quotation marks are open.
    fn complete_row(&mut self) -> Result<(), PopulationError> {
        while !self.row.iter().filter(|byte| **byte == b'"').count().is_multiple_of(2) {
            if !self.append_line()? {
                return Err(self.fault("a quotation mark is never closed"));
            }
        }
        Ok(())
    }

    fn append_line(&mut self) -> Result<bool, PopulationError> {
        let room = MAX_ROW_BYTES.saturating_sub(self.row.len()) + 1;
        let mut bounded = (&mut *self.reader).take(u64::try_from(room).unwrap_or(u64::MAX));
        let read = bounded.read_until(b'\n', &mut self.row)?;
        self.line += usize::from(read > 0);
        if self.row.len() > MAX_ROW_BYTES {
            return Err(PopulationError::Faulty(format!(
                "line {}: longer than {} MiB",
                self.line,
                MAX_ROW_BYTES >> 20
            )));
        }
        Ok(read > 0)
    }

    fn fault(&self, why: &str) -> PopulationError {
        PopulationError::Faulty(format!("line {}: {why}", self.row_line))
    }
}

/// A row, whatever form it was in.
#[derive(Default)]
struct PopulationRow {
    id: String,
    /// The cells of `FACT_COLUMNS`; `None` where there is no such column.
    facts: [Option<String>; FACTS],
}

/// A line of JSON. What it holds besides is not looked at; a key that stands twice is an error.
#[derive(Deserialize)]
struct PopulationLine {
    change_id: String,
    #[serde(default, deserialize_with = "keep_null")]
    change_type: Option<Value>,
    #[serde(default, deserialize_with = "keep_null")]
    isms_change: Option<Value>,
    #[serde(default, deserialize_with = "keep_null")]
    bypassed: Option<Value>,
    #[serde(default, deserialize_with = "keep_null")]
    outcome: Option<Value>,
    #[serde(default, deserialize_with = "keep_null")]
    change_class: Option<Value>,
}

/// Reads `null` as a value: the column is there, and the cell is empty.
fn keep_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn format_json_cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Collects the changes of a population.
#[derive(Default)]
struct PopulationBuilder {
    items: Vec<PopulationItem>,
    /// The line of each id.
    lines: HashMap<String, usize>,
    /// Which of `FACT_COLUMNS` were seen.
    seen: [bool; FACTS],
    /// The places of the changes of which no record tells how they landed.
    unrecorded: Vec<usize>,
    /// True if a ledger told of other changes how they landed.
    has_ledger: bool,
}

impl PopulationBuilder {
    fn add_row(&mut self, form: &PopulationForm, rows: &RowReader<'_>) -> Result<(), PopulationError> {
        let row = read_row(form, &rows.row).map_err(|why| rows.fault(&why))?;
        if row.id.is_empty() {
            return Err(rows.fault("the id of the change is empty"));
        }
        if row.id.chars().any(char::is_control) {
            return Err(rows.fault("the id of the change holds a control character"));
        }
        for (seen, fact) in self.seen.iter_mut().zip(&row.facts) {
            *seen |= fact.is_some();
        }
        if let Some(first) = self.lines.insert(row.id.clone(), rows.row_line) {
            return Err(rows.fault(&format!("the same change stands on line {first}")));
        }
        let strata = Stratum::ALL.into_iter().filter(|stratum| fits_stratum(*stratum, &row.facts)).collect();
        let [change_type, _, bypassed, ..] = row.facts;
        match bypassed.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "not-known" => self.unrecorded.push(self.items.len()),
            "" | "no" | "false" => {}
            _ => self.has_ledger = true,
        }
        let change_type = change_type.filter(|name| !name.is_empty()).map(Text::from);
        self.items.push(PopulationItem { id: Text::from(row.id), change_type, strata });
        Ok(())
    }

    fn finish(mut self, form: &PopulationForm) -> Result<Population, PopulationError> {
        // Without a ledger, nothing is known of any change, and none is apart.
        let unrecorded = std::mem::take(&mut self.unrecorded);
        if self.has_ledger {
            for place in unrecorded {
                if let Some(item) = self.items.get_mut(place) {
                    item.strata.insert(0, Stratum::Unauthorised);
                }
            }
        }
        if self.items.is_empty() {
            return Err(PopulationError::Faulty("the population holds no change".into()));
        }
        let has_column = |stratum: &Stratum| {
            let known = match form {
                PopulationForm::Csv { facts, .. } => facts.map(|fact| fact.is_some()),
                _ => self.seen,
            };
            FACT_COLUMNS.into_iter().zip(known).any(|(column, known)| known && column == stratum.column())
        };
        let unknown_strata = Stratum::ALL.into_iter().filter(|stratum| !has_column(stratum)).collect();
        Ok(Population { items: self.items, unknown_strata })
    }
}

/// Returns the id and the facts of a row, or why it is none.
fn read_row(form: &PopulationForm, row: &[u8]) -> Result<PopulationRow, String> {
    match form {
        PopulationForm::JsonLines => {
            let line: PopulationLine =
                serde_json::from_slice(row).map_err(|error| format!("not a change: {error}"))?;
            let facts = [line.change_type, line.isms_change, line.bypassed, line.outcome, line.change_class];
            Ok(PopulationRow { id: line.change_id, facts: facts.map(|fact| fact.map(format_json_cell)) })
        }
        PopulationForm::Csv { separator, fields, id, facts } => {
            let cells = parse_csv_row(row, *separator)
                .ok_or("not UTF-8, or its quotation marks do not follow RFC 4180")?;
            if cells.len() != *fields {
                return Err(format!(
                    "the number of fields is {}, and {fields} on the first line",
                    cells.len()
                ));
            }
            let cell = |at: usize| {
                let cell = cells.get(at).map(String::as_str).unwrap_or_default();
                remove_formula_guards(cell).into_owned()
            };
            Ok(PopulationRow { id: cell(*id), facts: facts.map(|fact| fact.map(cell)) })
        }
        PopulationForm::Ids => {
            let text = std::str::from_utf8(row).map_err(|_| "not UTF-8".to_owned())?;
            let id = text.trim();
            // A table whose first line names no ids would be taken for a list of long ids.
            if id.contains([',', ';', '\t', '"']) {
                return Err(format!(
                    "more than an id; the first line of a table has to name the column `{ID_COLUMN}`"
                ));
            }
            Ok(PopulationRow { id: id.to_owned(), ..PopulationRow::default() })
        }
    }
}
