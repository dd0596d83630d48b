//! The rows of a sheet as XML, each written once and kept on disk.
//!
//! The library that makes the rest of a workbook holds all cells in memory, or panics where the disk is full.
//! Rows are simple enough to be written here: a string is always a string, and a number or a time a number.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::audit::formats::cell_text::replace_controls;
use crate::audit::table::{ColumnKind, TableCell, TableColumn, format_table_time, round_down_time};

/// The rows that Excel takes in one sheet, with the one that holds the titles.
pub(crate) const MAX_SHEET_ROWS: u32 = 1_048_576;

/// The characters, in UTF-16, that Excel takes in one cell.
const MAX_CELL_UNITS: usize = 32_767;

/// The whole numbers that Excel shows digit by digit.
const MAX_EXACT_INTEGER: u64 = 999_999_999_999_999;

/// The characters that the widest column shows in one line; longer lines are wrapped.
pub(crate) const MAX_LINE_LENGTH: usize = 64;

/// The height of a line, in points, and that of the tallest row.
const LINE_POINTS: usize = 15;
const MAX_ROW_POINTS: usize = 409;

/// Days from Excel's day 0 to 1970-01-01.
const EPOCH_DAY: f64 = 25_569.0;

const DAY_MILLISECONDS: f64 = 86_400_000.0;

/// What stands at the end of a text that is too long for a cell.
const CUT_MARK: &str = " [...] (cut here: Excel takes no longer text in a cell)";

/// Returns the style of the cells of a kind, as a number of the workbook's list of styles.
pub(crate) fn style_number(kind: ColumnKind) -> usize {
    // 0 is the default style, and the styles are registered in this order.
    match kind {
        ColumnKind::Text => 1,
        ColumnKind::Integer => 2,
        ColumnKind::Decimal => 3,
        ColumnKind::Time => 4,
        ColumnKind::Flag => 5,
    }
}

/// The rows of one sheet that are written so far.
pub(crate) struct SheetRows {
    file: BufWriter<File>,
    /// How the cell of each column begins, up to the number of the row, and goes on after it.
    cell_starts: Vec<(String, String)>,
    /// The row that is being put together.
    xml: Vec<u8>,
    /// How many rows there are, with the one that holds the titles.
    pub(crate) count: u32,
    /// The longest line of each column, in characters.
    pub(crate) widths: Vec<usize>,
}

impl SheetRows {
    /// Returns no rows; they will be kept in `file`. The first row is the library's.
    pub(crate) fn new(file: File, columns: &[TableColumn]) -> SheetRows {
        let start = |(number, column): (usize, &TableColumn)| {
            let style = style_number(column.kind);
            (format!("<c r=\"{}", column_letters(number)), format!("\" s=\"{style}\""))
        };
        SheetRows {
            file: BufWriter::new(file),
            cell_starts: columns.iter().enumerate().map(start).collect(),
            xml: Vec::new(),
            count: 1,
            widths: vec![0; columns.len()],
        }
    }

    pub(crate) fn write_row(&mut self, cells: &[TableCell]) -> io::Result<()> {
        self.count += 1;
        let row = self.count.to_string();
        let lines = cells.iter().map(count_cell_lines).max().unwrap_or(1);
        let xml = &mut self.xml;
        xml.clear();
        match row_points(lines) {
            // Not every spreadsheet finds out by itself how tall wrapped text is.
            Some(points) => write!(xml, "<row r=\"{row}\" ht=\"{points}\" customHeight=\"1\">")?,
            None => write!(xml, "<row r=\"{row}\">")?,
        }
        for (((before, after), cell), width) in self.cell_starts.iter().zip(cells).zip(&mut self.widths) {
            let place = CellPlace { before, row: &row, after };
            let columns = place.write_cell(cell, xml)?;
            *width = columns.max(*width);
        }
        xml.extend_from_slice(b"</row>");
        self.file.write_all(xml)
    }

    /// Returns the file that holds the rows, at its start.
    pub(crate) fn into_file(self) -> Result<File> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        let mut file = file.context("cannot write the rows of a workbook")?;
        io::Seek::rewind(&mut file)?;
        Ok(file)
    }
}

/// Returns the height of a row of so many lines, in points; `None` for the usual one.
pub(crate) fn row_points(lines: usize) -> Option<usize> {
    (lines > 1).then(|| lines.saturating_mul(LINE_POINTS).min(MAX_ROW_POINTS))
}

fn count_cell_lines(cell: &TableCell) -> usize {
    match cell {
        // A short text in plain characters is not looked at twice.
        TableCell::Text(text) if text.as_bytes().len() <= MAX_LINE_LENGTH && is_plain(text.as_bytes()) => 1,
        TableCell::Text(text) => count_lines(&text.to_lossy(), MAX_LINE_LENGTH),
        _ => 1,
    }
}

/// Returns true for a text of printable ASCII that XML and Excel take as it is.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<' | b'>' | b'_'))
}

/// Returns how many lines a text takes in a column that shows so many characters, about.
pub(crate) fn count_lines(text: &str, length: usize) -> usize {
    if text.len() <= length && !text.contains('\n') {
        return 1;
    }
    text.split('\n').map(|line| count_wrapped_lines(line, length)).sum()
}

fn count_wrapped_lines(line: &str, length: usize) -> usize {
    let (mut lines, mut filled) = (1, 0);
    for word in line.split(' ') {
        let letters = word.chars().count();
        if filled > 0 && filled + 1 + letters <= length {
            filled += 1 + letters;
            continue;
        }
        // A word that no line takes is broken.
        lines += usize::from(filled > 0) + letters.saturating_sub(1) / length.max(1);
        filled = letters.saturating_sub(1) % length.max(1) + 1;
    }
    lines
}

/// Where a cell is, and how it looks: what its element begins with, before and after the number of the row.
struct CellPlace<'a> {
    before: &'a str,
    row: &'a str,
    after: &'a str,
}

impl CellPlace<'_> {
    /// Writes a cell, and returns how many characters wide it is.
    fn write_cell(&self, cell: &TableCell, out: &mut Vec<u8>) -> io::Result<usize> {
        match cell {
            TableCell::Empty => Ok(0),
            TableCell::Text(text) if text.as_bytes().len() <= MAX_CELL_UNITS && is_plain(text.as_bytes()) => {
                self.write_string(text.as_bytes(), out);
                Ok(text.as_bytes().len())
            }
            TableCell::Text(text) => {
                let shown = cut_to_cell(&replace_controls(&text.to_lossy()));
                let mut xml = Vec::with_capacity(shown.len());
                write_xml_text(&shown, &mut xml)?;
                self.write_string(&xml, out);
                Ok(shown.lines().map(|line| line.chars().count()).max().unwrap_or(0))
            }
            TableCell::Integer(number) if number.unsigned_abs() > MAX_EXACT_INTEGER => {
                let digits = number.to_string();
                self.write_string(digits.as_bytes(), out);
                Ok(digits.len())
            }
            TableCell::Integer(number) => self.write_number(&number.to_string(), out),
            TableCell::Decimal(number) => self.write_number(&number.to_string(), out),
            TableCell::Time(time) => match excel_day(*time) {
                Some(day) => {
                    self.write_number(&day.to_string(), out)?;
                    Ok("2026-11-29 14:00:00 UTC".len())
                }
                None => {
                    let told = format_table_time(*time);
                    self.write_string(told.as_bytes(), out);
                    Ok(told.len())
                }
            },
            TableCell::Flag(flag) => {
                self.write_start(out);
                write!(out, " t=\"b\"><v>{}</v></c>", u8::from(*flag))?;
                Ok("FALSE".len())
            }
        }
    }

    fn write_start(&self, out: &mut Vec<u8>) {
        for part in [self.before, self.row, self.after] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    fn write_number(&self, digits: &str, out: &mut Vec<u8>) -> io::Result<usize> {
        self.write_start(out);
        write!(out, "><v>{digits}</v></c>")?;
        Ok(digits.len())
    }

    /// Writes a text that is XML already.
    fn write_string(&self, xml: &[u8], out: &mut Vec<u8>) {
        self.write_start(out);
        out.extend_from_slice(b" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
        out.extend_from_slice(xml);
        out.extend_from_slice(b"</t></is></c>");
    }
}

/// Writes a text between two tags.
fn write_xml_text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut written = 0;
    for (at, character) in text.char_indices() {
        let replacement = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            // Excel reads `_x0041_` as `A`; its own escape of the underscore keeps the text as it is.
            '_' if is_excel_escape(text.get(at..).unwrap_or_default()) => "_x005F_",
            '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            _ => continue,
        };
        out.write_all(text.get(written..at).unwrap_or_default().as_bytes())?;
        out.write_all(replacement.as_bytes())?;
        written = at + character.len_utf8();
    }
    out.write_all(text.get(written..).unwrap_or_default().as_bytes())
}

/// Returns true for a text that starts like `_x0041_`.
fn is_excel_escape(text: &str) -> bool {
    let Some([b'_', b'x', digits @ .., b'_']) = text.as_bytes().get(..7) else { return false };
    digits.iter().all(u8::is_ascii_hexdigit)
}

/// Returns as much of a text as Excel takes in one cell; one that is cut says so.
pub(crate) fn cut_to_cell(text: &str) -> String {
    // A text of so many bytes has no more units.
    if text.len() <= MAX_CELL_UNITS || text.encode_utf16().count() <= MAX_CELL_UNITS {
        return text.to_owned();
    }
    let mut units = CUT_MARK.len();
    let mut cut = String::new();
    for character in text.chars() {
        units += character.len_utf16();
        if units > MAX_CELL_UNITS {
            break;
        }
        cut.push(character);
    }
    cut + CUT_MARK
}

/// Returns an instant as Excel counts days; `None` for one that it has no date for.
fn excel_day(time: Timestamp) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of Excel's years have 48 bits")]
    let milliseconds = round_down_time(time).as_millisecond() as f64;
    let day = milliseconds / DAY_MILLISECONDS + EPOCH_DAY;
    // Excel takes 1900 for a leap year, so its days mean the same as everybody else's from day 61 on.
    (61.0..2_958_466.0).contains(&day).then_some(day)
}

/// Returns the letters that Excel calls a column by, counted from 0.
pub(crate) fn column_letters(number: usize) -> String {
    let mut letters = String::new();
    let mut rest = number + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or(0);
        letters.insert(0, char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_excel_does() {
        for (number, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(column_letters(number), letters);
        }
    }

    #[test]
    fn times_are_excels_days_where_it_has_one() {
        for (time, day) in [
            ("1970-01-01T00:00:00Z", Some(25_569.0)),
            ("2026-11-29T12:00:00Z", Some(46_355.5)),
            ("9999-12-30T00:00:00Z", Some(2_958_464.0)),
            ("1900-03-01T00:00:00Z", Some(61.0)),
            ("1900-02-28T23:59:59Z", None),
            ("-000100-01-01T00:00:00Z", None),
        ] {
            assert_eq!(excel_day(time.parse().unwrap()), day, "{time}");
        }
    }

    #[test]
    fn what_excel_would_take_for_its_own_is_escaped() {
        for (text, written) in [
            ("a<b>&\"c", "a&lt;b&gt;&amp;\"c"),
            ("_x0041_", "_x005F_x0041_"),
            ("_x004_", "_x004_"),
            ("__x0041__", "__x005F_x0041__"),
            ("\u{ffff}", "\u{fffd}"),
        ] {
            let mut out = Vec::new();
            write_xml_text(text, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }

    #[test]
    fn lines_are_counted_as_they_are_wrapped() {
        for (text, lines) in [
            ("", 1),
            ("one two", 1),
            ("one two three", 2),
            ("one\n\ntwo", 3),
            ("0123456789", 1),
            ("01234567890", 2),
            ("a 01234567890", 3),
            ("01234567890 a", 2),
        ] {
            assert_eq!(count_lines(text, 10), lines, "{text:?}");
        }
        assert_eq!([row_points(1), row_points(2), row_points(100)], [None, Some(30), Some(409)]);
    }

    #[test]
    fn a_text_that_no_cell_takes_is_cut_and_says_so() {
        let fits = "\u{1f600}".repeat(16_383);
        assert_eq!(cut_to_cell(&fits), fits);
        let cut = cut_to_cell(&"\u{1f600}".repeat(16_384));
        assert!(cut.ends_with(CUT_MARK) && cut.encode_utf16().count() <= MAX_CELL_UNITS);
    }
}
