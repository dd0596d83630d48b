//! JSON Lines: one object on each line, its keys in the order of the columns.
//!
//! An empty cell is `null`, so that every line has every key. Characters that cannot be seen are written as
//! escapes, which read back as the same text; only bytes that are not UTF-8 become U+FFFD.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize as _;

use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::table::{RowWriter, TableCell, TableSheet, format_table_time};
use crate::report::VisibleJsonFormatter;

/// A file of JSON Lines that is being written.
pub struct JsonLinesTable {
    sheet: TableSheet,
    file: UnfinishedFile,
}

impl JsonLinesTable {
    /// Creates the file at `path`; it gets its name when it is finished.
    pub fn create_file(path: &Path, sheet: TableSheet) -> Result<JsonLinesTable> {
        Ok(JsonLinesTable { sheet, file: UnfinishedFile::create(path)? })
    }
}

impl RowWriter for JsonLinesTable {
    fn write_row(&mut self, cells: &[TableCell]) -> Result<()> {
        self.sheet.check_row(cells)?;
        let written = write_object(self.sheet, cells, &mut self.file);
        written.with_context(|| format!("cannot write the table `{}`", self.sheet.name))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.file.finish()
    }
}

fn write_object(sheet: TableSheet, cells: &[TableCell], out: &mut dyn Write) -> io::Result<()> {
    let mut separator = "{";
    for (column, cell) in sheet.columns.iter().zip(cells) {
        write!(out, "{separator}\"{}\":", column.key)?;
        separator = ",";
        match cell {
            TableCell::Empty => out.write_all(b"null")?,
            TableCell::Text(text) => write_string(&text.to_lossy(), out)?,
            TableCell::Integer(number) => write!(out, "{number}")?,
            TableCell::Decimal(number) => serde_json::to_writer(&mut *out, number)?,
            TableCell::Time(time) => write!(out, "\"{}\"", format_table_time(*time))?,
            TableCell::Flag(flag) => write!(out, "{flag}")?,
        }
    }
    out.write_all(b"}\n")
}

fn write_string(text: &str, out: &mut dyn Write) -> io::Result<()> {
    // Most texts have nothing to hide, and the plain way is the faster one.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'[') {
        return Ok(serde_json::to_writer(out, text)?);
    }
    let mut serializer = serde_json::Serializer::with_formatter(out, VisibleJsonFormatter::default());
    Ok(text.serialize(&mut serializer)?)
}
