//! CSV: UTF-8, as RFC 4180 has it, with lines that end in CR LF.
//!
//! The first line holds the keys of the columns. Of all formats it is the one that spreadsheets guess about,
//! so what they would calculate is defused (see `cell_text`), and control characters are replaced.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::audit::formats::cell_text::{guard_formulas, is_harmless, replace_controls};
use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::table::{RowWriter, TableCell, TableSheet, format_table_time};
use crate::change::Text;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a CSV file begins with a byte order mark, by which Excel knows UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvEncodingMark {
    /// Begins with the mark.
    Present,
    /// Begins with the keys of the columns.
    Absent,
}

/// A CSV file that is being written.
pub struct CsvTable {
    sheet: TableSheet,
    rows: csv::Writer<UnfinishedFile>,
}

impl CsvTable {
    /// Creates the file at `path`; it gets its name when it is finished.
    pub fn create_file(path: &Path, sheet: TableSheet, mark: CsvEncodingMark) -> Result<CsvTable> {
        let mut file = UnfinishedFile::create(path)?;
        if mark == CsvEncodingMark::Present {
            file.write_all(BYTE_ORDER_MARK)?;
        }
        let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        rows.write_record(sheet.columns.iter().map(|column| column.key))?;
        Ok(CsvTable { sheet, rows })
    }
}

impl RowWriter for CsvTable {
    fn write_row(&mut self, cells: &[TableCell]) -> Result<()> {
        self.sheet.check_row(cells)?;
        for cell in cells {
            self.rows.write_field(&*format_cell(cell))?;
        }
        self.rows.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let file = self.rows.into_inner().map_err(|error| error.into_error());
        file.with_context(|| format!("cannot write the table `{}`", self.sheet.name))?.finish()
    }
}

/// Returns a cell as a field of CSV, before quotation marks.
pub(crate) fn format_cell(cell: &TableCell) -> Cow<'_, [u8]> {
    let text = match cell {
        TableCell::Empty => return Cow::Borrowed(b""),
        TableCell::Text(text) => return defuse_text(text),
        TableCell::Integer(number) => number.to_string(),
        // As JSON has it, so that both say the same of a whole number.
        TableCell::Decimal(number) => {
            serde_json::Number::from_f64(*number).map_or_else(String::new, |number| number.to_string())
        }
        TableCell::Time(time) => format_table_time(*time),
        TableCell::Flag(flag) => return Cow::Borrowed(if *flag { b"true" } else { b"false" }),
    };
    Cow::Owned(text.into_bytes())
}

/// Returns a text without what a spreadsheet would act on.
fn defuse_text(text: &Text) -> Cow<'_, [u8]> {
    if is_harmless(text.as_bytes()) {
        return Cow::Borrowed(text.as_bytes());
    }
    Cow::Owned(guard_formulas(&replace_controls(&text.to_lossy())).into_owned().into_bytes())
}
