//! The formats of tables, one file each, and one door to all of them.

pub(crate) mod cell_text;
pub mod csv;
pub mod json_lines;
pub mod parquet;
pub(crate) mod unfinished_file;
pub mod xlsx;

use std::path::Path;

use anyhow::Result;

use crate::audit::formats::csv::{CsvEncodingMark, CsvTable};
use crate::audit::formats::json_lines::JsonLinesTable;
use crate::audit::formats::parquet::ParquetTable;
use crate::audit::formats::xlsx::XlsxWorkbook;
use crate::audit::table::{RowWriter, TableNote, TableSheet};

/// The formats that a table can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// For every spreadsheet and audit tool.
    Csv,
    /// For programs that read line by line.
    JsonLines,
    /// For people: a workbook with an "About" sheet and the table.
    Xlsx,
    /// For engines such as DuckDB and Spark.
    Parquet,
}

impl TableFormat {
    /// All formats.
    pub const ALL: [TableFormat; 4] =
        [TableFormat::Csv, TableFormat::JsonLines, TableFormat::Xlsx, TableFormat::Parquet];

    /// Returns how the name of a file in this format ends, without the dot.
    pub fn file_extension(self) -> &'static str {
        match self {
            TableFormat::Csv => "csv",
            TableFormat::JsonLines => "jsonl",
            TableFormat::Xlsx => "xlsx",
            TableFormat::Parquet => "parquet",
        }
    }
}

/// Creates a file that holds one table. Notes go where the format has a place for them: the "About" sheet of a
/// workbook, the metadata of Parquet. The file gets its name when the table is finished.
pub fn create_table(
    format: TableFormat,
    path: &Path,
    sheet: TableSheet,
    notes: &[TableNote],
) -> Result<Box<dyn RowWriter>> {
    Ok(match format {
        TableFormat::Csv => Box::new(CsvTable::create_file(path, sheet, CsvEncodingMark::Absent)?),
        TableFormat::JsonLines => Box::new(JsonLinesTable::create_file(path, sheet)?),
        TableFormat::Xlsx => {
            let mut workbook = XlsxWorkbook::create_file(path, sheet.title)?;
            for note in notes {
                workbook.add_note(note.clone());
            }
            workbook.add_sheet(sheet)?;
            Box::new(workbook)
        }
        TableFormat::Parquet => {
            let mut table = ParquetTable::create_file(path, sheet)?;
            for note in notes {
                table.add_note(note);
            }
            Box::new(table)
        }
    })
}

#[cfg(test)]
pub(crate) mod tests;
