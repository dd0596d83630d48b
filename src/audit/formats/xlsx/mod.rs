//! XLSX: workbooks for people who sort, filter and tick.
//!
//! The first sheet says what the workbook is about; each table is a sheet behind it, and one with more rows than
//! Excel takes goes on in a further sheet. Everything but the rows is made by a library (`skeleton`); rows are
//! spooled to disk (`row_xml`) and streamed into the file, so memory does not grow with them.

pub(crate) mod filled_sheet;
mod row_xml;
mod skeleton;

use std::fs::File;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::formats::xlsx::row_xml::{MAX_SHEET_ROWS, SheetRows, column_letters, style_number};
use crate::audit::formats::xlsx::skeleton::{SheetChoices, SheetPlan, build_skeleton};
use crate::audit::table::{RowWriter, TableCell, TableColumn, TableNote, TableSheet};

/// The longest name that Excel gives to a sheet.
const MAX_SHEET_NAME: usize = 31;

/// How hard rows are compressed: they are repetitive, and a higher level takes far longer for little.
const ROW_COMPRESSION: i64 = 3;

/// Which sheet of a workbook rows go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetNumber(usize);

/// A workbook that is being written. As a [`RowWriter`] it takes the rows of the sheet that was added last.
pub struct XlsxWorkbook {
    file: UnfinishedFile,
    title: String,
    notes: Vec<TableNote>,
    sheets: Vec<WorkbookSheet>,
    max_sheet_rows: u32,
}

/// A table of the workbook, in as many sheets as it takes.
struct WorkbookSheet {
    sheet: TableSheet,
    full: Vec<SheetRows>,
    rows: SheetRows,
    choices: Vec<SheetChoices>,
}

impl XlsxWorkbook {
    /// Creates the file at `path`; it gets its name when it is finished. The title stands above each page.
    pub fn create_file(path: &Path, title: impl Into<String>) -> Result<XlsxWorkbook> {
        let file = UnfinishedFile::create(path)?;
        let (notes, sheets) = (Vec::new(), Vec::new());
        Ok(XlsxWorkbook { file, title: title.into(), notes, sheets, max_sheet_rows: MAX_SHEET_ROWS })
    }

    /// Adds a line to the first sheet. Lines may come at any time, so that counts can be among them.
    pub fn add_note(&mut self, note: TableNote) {
        self.notes.push(note);
    }

    /// Adds a sheet, and returns its number.
    pub fn add_sheet(&mut self, sheet: TableSheet) -> Result<SheetNumber> {
        let rows = SheetRows::new(self.file.create_spool()?, sheet.columns);
        self.sheets.push(WorkbookSheet { sheet, full: Vec::new(), rows, choices: Vec::new() });
        Ok(SheetNumber(self.sheets.len() - 1))
    }

    /// Offers these words, and no others, in the cells from one column of a sheet to another.
    pub fn offer_choices(
        &mut self,
        number: SheetNumber,
        columns: (&str, &str),
        words: &'static [&'static str],
    ) -> Result<()> {
        let open = self.sheets.get_mut(number.0).context("the workbook has no such sheet")?;
        let find = |key: &str| open.sheet.columns.iter().position(|column| column.key == key);
        let (Some(first_column), Some(last_column)) = (find(columns.0), find(columns.1)) else {
            bail!("the sheet `{}` has no such columns", open.sheet.name);
        };
        open.choices.push(SheetChoices { first_column, last_column, words });
        Ok(())
    }

    /// Makes a column of a sheet at least so many characters wide, so that there is room to write in it.
    pub fn widen_column(&mut self, number: SheetNumber, column: &str, characters: usize) -> Result<()> {
        let open = self.sheets.get_mut(number.0).context("the workbook has no such sheet")?;
        let at = open.sheet.columns.iter().position(|known| known.key == column);
        let width = at.and_then(|at| open.rows.widths.get_mut(at)).context("the sheet has no such column")?;
        *width = characters.max(*width);
        Ok(())
    }

    /// Writes a row of a sheet. Sheets may be filled by turns.
    pub fn write_row_of(&mut self, number: SheetNumber, cells: &[TableCell]) -> Result<()> {
        let open = self.sheets.get_mut(number.0).context("the workbook has no such sheet")?;
        open.sheet.check_row(cells)?;
        if open.rows.count >= self.max_sheet_rows {
            let next = SheetRows::new(self.file.create_spool()?, open.sheet.columns);
            open.full.push(std::mem::replace(&mut open.rows, next));
        }
        let written = open.rows.write_row(cells);
        written.with_context(|| format!("cannot write the table `{}`", open.sheet.name))
    }

    /// Writes the whole file and puts it in its place.
    pub fn finish_file(self) -> Result<()> {
        let XlsxWorkbook { file, title, notes, sheets, .. } = self;
        let mut plans = Vec::new();
        for open in &sheets {
            let parts = open.full.iter().chain([&open.rows]);
            for (part, rows) in (1..).zip(parts) {
                plans.push(SheetPlan {
                    name: name_sheet(open.sheet.title, part)?,
                    columns: open.sheet.columns,
                    rows: rows.count,
                    widths: &rows.widths,
                    choices: &open.choices,
                });
            }
        }
        let skeleton = build_skeleton(&title, &notes, &plans)?;
        let mut parts = Vec::new();
        for open in sheets {
            for rows in open.full.into_iter().chain([open.rows]) {
                parts.push((open.sheet.columns, rows.count, rows.into_file()?));
            }
        }
        fill_skeleton(skeleton, parts, file)?.finish()
    }
}

impl RowWriter for XlsxWorkbook {
    fn write_row(&mut self, cells: &[TableCell]) -> Result<()> {
        let last = self.sheets.len().checked_sub(1).context("the workbook has no sheet")?;
        self.write_row_of(SheetNumber(last), cells)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.finish_file()
    }
}

/// Returns the name of a part of a table; every one but the first has a number.
fn name_sheet(title: &str, part: usize) -> Result<String> {
    let name = if part == 1 { title.to_owned() } else { format!("{title} ({part})") };
    if name.chars().count() > MAX_SHEET_NAME {
        bail!("`{name}` is too long for the name of a sheet");
    }
    Ok(name)
}

/// Copies a workbook, and puts rows where the skeleton has a row of examples.
fn fill_skeleton(
    skeleton: Vec<u8>,
    parts: Vec<(&[TableColumn], u32, File)>,
    file: UnfinishedFile,
) -> Result<UnfinishedFile> {
    let mut archive = ZipArchive::new(Cursor::new(skeleton))?;
    let mut out = ZipWriter::new(file);
    let mut filled = 0;
    let total = parts.len();
    // The first sheet is that of the notes.
    let mut parts: Vec<_> = (2..).zip(parts).map(|(number, part)| (sheet_path(number), part)).collect();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let Some(at) = parts.iter().position(|(path, _)| *path == name) else {
            out.raw_copy_file(entry)?;
            continue;
        };
        let (path, (columns, rows, mut spool)) = parts.swap_remove(at);
        let mut xml = String::new();
        entry.read_to_string(&mut xml)?;
        let (head, tail) = split_sheet(&xml, columns, rows)?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(ROW_COMPRESSION))
            .large_file(spool.metadata()?.len() > u64::from(u32::MAX) / 2);
        out.start_file(path, options)?;
        out.write_all(head.as_bytes())?;
        std::io::copy(&mut spool, &mut out)?;
        out.write_all(tail.as_bytes())?;
        filled += 1;
    }
    if filled != total {
        bail!("a sheet of the workbook has no place");
    }
    Ok(out.finish()?)
}

fn sheet_path(number: usize) -> String {
    format!("xl/worksheets/sheet{number}.xml")
}

/// Returns what stands before and after the rows of a sheet, without the row of examples.
fn split_sheet(xml: &str, columns: &[TableColumn], rows: u32) -> Result<(String, String)> {
    const UNKNOWN: &str = "the library writes sheets in another way than expected";
    let (head, rest) = xml.split_once("<row r=\"2\"").context(UNKNOWN)?;
    let (example, tail) = rest.split_once("</sheetData>").context(UNKNOWN)?;
    let styles: Vec<&str> =
        example.split(" s=\"").skip(1).filter_map(|cell| cell.split('"').next()).collect();
    let expected: Vec<String> = columns.iter().map(|column| style_number(column.kind).to_string()).collect();
    if styles != expected {
        bail!("the library has numbered its styles in another way than expected");
    }
    let (before, after) = head.split_once("<dimension ref=\"").context(UNKNOWN)?;
    let (_, after) = after.split_once('"').context(UNKNOWN)?;
    let last = format!("{}{rows}", column_letters(columns.len().saturating_sub(1)));
    Ok((format!("{before}<dimension ref=\"A1:{last}\"{after}"), format!("</sheetData>{tail}")))
}

#[cfg(test)]
pub(crate) mod tests;
