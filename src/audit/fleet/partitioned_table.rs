//! One table of a data set: a Parquet file for each repository and month, in folders that say so.
//!
//! Folders are named as Hive names them (`repository=shop/month=2026-11`), which engines read as columns; so the files
//! have no column `repository` of their own. Changes come in the order of the history, whose times may go back and
//! forth between months: a few months are open at once, and one that comes again later gets another part.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::audit::formats::parquet::ParquetTable;
use crate::audit::table::{RowWriter as _, TableCell, TableSheet};

/// How many months of one table are open at once.
const MAX_OPEN_MONTHS: usize = 3;

/// How many bytes of text one open month keeps in memory.
const MAX_MONTH_TEXT: usize = 4 << 20;

/// A table that is being written.
pub(super) struct PartitionedTable {
    /// The folder of the data set.
    root: PathBuf,
    sheet: TableSheet,
    /// The columns that the folders do not tell, by their places in a row.
    kept_columns: Vec<usize>,
    open: Vec<OpenMonth>,
    /// How many parts each month of the repository has so far.
    parts: BTreeMap<String, usize>,
    /// The files that are whole, as the manifest names them.
    files: Vec<String>,
}

/// A month whose file is being written.
struct OpenMonth {
    month: String,
    name: String,
    table: Box<ParquetTable>,
    /// The number of the last row, so that the month that was not used for longest is closed first.
    last_row: u64,
}

impl PartitionedTable {
    /// Returns a table below `root` with the columns of `sheet`, which is `full` without those that folders tell.
    pub(super) fn new(root: &Path, sheet: TableSheet, full: TableSheet) -> PartitionedTable {
        let is_kept = |key: &str| sheet.columns.iter().any(|column| column.key == key);
        let places = full.columns.iter().enumerate().filter(|(_, column)| is_kept(column.key));
        PartitionedTable {
            root: root.to_path_buf(),
            sheet,
            kept_columns: places.map(|(place, _)| place).collect(),
            open: Vec::new(),
            parts: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Writes a row of the repository into the month of `at`, which is one in UTC.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(super) fn write_row(&mut self, repository: &str, at: Timestamp, row: &[TableCell]) -> Result<()> {
        let month = name_month(at);
        let newest = self.open.iter().map(|one| one.last_row).max().unwrap_or_default() + 1;
        if !self.open.iter().any(|one| one.month == month) {
            self.open_month(repository, &month)?;
        }
        let cells: Vec<TableCell> =
            self.kept_columns.iter().filter_map(|place| row.get(*place)).cloned().collect();
        if let Some(one) = self.open.iter_mut().find(|one| one.month == month) {
            one.table.write_row(&cells)?;
            one.last_row = newest;
        }
        Ok(())
    }

    fn open_month(&mut self, repository: &str, month: &str) -> Result<()> {
        if self.open.len() >= MAX_OPEN_MONTHS
            && let Some(oldest) = self.open.iter().enumerate().min_by_key(|(_, one)| one.last_row)
        {
            let place = oldest.0;
            let closed = self.open.swap_remove(place);
            self.close_month(closed)?;
        }
        let part = self.parts.entry(month.to_owned()).or_default();
        let folder = format!("{}/{}/month={month}", self.sheet.name, name_partition(repository));
        let name = format!("{folder}/part-{part}.parquet");
        *part += 1;
        let path = self.root.join(&folder);
        fs::create_dir_all(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        let mut table = ParquetTable::create_file(&self.root.join(&name), self.sheet)?;
        table.limit_group_text(MAX_MONTH_TEXT);
        let month = month.to_owned();
        self.open.push(OpenMonth { month, name, table: Box::new(table), last_row: 0 });
        Ok(())
    }

    fn close_month(&mut self, month: OpenMonth) -> Result<()> {
        month.table.finish()?;
        self.files.push(month.name);
        Ok(())
    }

    /// Ends the repository, and returns the names of its files.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(super) fn end_repository(&mut self) -> Result<Vec<String>> {
        for month in std::mem::take(&mut self.open) {
            self.close_month(month)?;
        }
        self.parts.clear();
        Ok(std::mem::take(&mut self.files))
    }
}

/// Returns the folder of a repository. As Hive does, what is no letter, digit or one of `-._~` is written as `%` and two
/// digits.
pub(super) fn name_partition(repository: &str) -> String {
    let mut name = "repository=".to_owned();
    for byte in repository.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

fn name_month(at: Timestamp) -> String {
    let day = at.to_zoned(TimeZone::UTC);
    format!("{:04}-{:02}", day.year(), day.month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::exceptions::EXCEPTION_SHEET;

    #[test]
    fn a_month_that_comes_again_has_another_part_and_few_are_open() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = PartitionedTable::new(folder.path(), EXCEPTION_SHEET, EXCEPTION_SHEET);
        let row = vec![TableCell::Empty; EXCEPTION_SHEET.columns.len()];
        for month in [1, 2, 3, 4, 2, 1] {
            let at = format!("2026-{month:02}-28T23:59:59Z").parse().unwrap();
            table.write_row("acme/shop", at, &row).unwrap();
            assert!(table.open.len() <= MAX_OPEN_MONTHS);
        }
        let mut files = table.end_repository().unwrap();
        files.sort();
        let expected = ["01/part-0", "01/part-1", "02/part-0", "03/part-0", "04/part-0"];
        let expected =
            expected.map(|part| format!("exceptions/repository=acme%2Fshop/month=2026-{part}.parquet"));
        assert_eq!(files, expected);
        assert!(files.iter().all(|name| folder.path().join(name).is_file()));
    }
}
