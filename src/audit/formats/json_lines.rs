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
use crate::change::Text;
use crate::report::VisibleJsonFormatter;

/// A file of JSON Lines that is being written.
pub struct JsonLinesTable {
    sheet: TableSheet,
    file: UnfinishedFile,
    /// The line that is being put together.
    line: Vec<u8>,
}

impl JsonLinesTable {
    /// Creates the file at `path`; it gets its name when it is finished.
    pub fn create_file(path: &Path, sheet: TableSheet) -> Result<JsonLinesTable> {
        Ok(JsonLinesTable { sheet, file: UnfinishedFile::create(path)?, line: Vec::new() })
    }
}

impl RowWriter for JsonLinesTable {
    fn write_row(&mut self, cells: &[TableCell]) -> Result<()> {
        self.sheet.check_row(cells)?;
        self.line.clear();
        let written = write_object(self.sheet, cells, &mut self.line);
        written
            .and_then(|()| self.file.write_all(&self.line))
            .with_context(|| format!("cannot write the table `{}`", self.sheet.name))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.file.finish()
    }
}

fn write_object(sheet: TableSheet, cells: &[TableCell], out: &mut Vec<u8>) -> io::Result<()> {
    let mut separator = b'{';
    for (column, cell) in sheet.columns.iter().zip(cells) {
        out.extend_from_slice(&[separator, b'"']);
        out.extend_from_slice(column.key.as_bytes());
        out.extend_from_slice(b"\":");
        separator = b',';
        match cell {
            TableCell::Empty => out.extend_from_slice(b"null"),
            TableCell::Text(text) => write_string(text, out)?,
            TableCell::Integer(number) => write!(out, "{number}")?,
            TableCell::Decimal(number) => serde_json::to_writer(&mut *out, number)?,
            TableCell::Time(time) => write!(out, "\"{}\"", format_table_time(*time))?,
            TableCell::Flag(flag) => write!(out, "{flag}")?,
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn write_string(text: &Text, out: &mut Vec<u8>) -> io::Result<()> {
    // Most texts have nothing to hide or to escape, and the plain way is the faster one.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'[' | b'"' | b'\\');
    if text.as_bytes().iter().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return Ok(());
    }
    let mut serializer = serde_json::Serializer::with_formatter(out, VisibleJsonFormatter::default());
    Ok(text.to_lossy().serialize(&mut serializer)?)
}
