//! Reading CSV as RFC 4180 has it, with the `csv` crate, and strictly.
//!
//! The crate makes something of every input. In an export that would hide tickets: an open quotation
//! mark swallows the rows after it. So each row is compared with what it would be if its fields were
//! written by the book. One that differs is a fault, and reading goes on with the next line, so that one
//! bad row does not hide the others. Since each of them can swallow the whole file, only so many are read.

use std::io::Cursor;

use csv::{Position, ReaderBuilder, StringRecord};

use crate::tickets::export::json::count_lines;

const BAD_QUOTES: &str = "the quotation marks of this row do not follow RFC 4180";
const BARE_CARRIAGE_RETURN: &str =
    "this line ends in a carriage return alone; end lines with a line feed, or with both";
const BYTE_ORDER_MARK: &str = "a byte order mark stands here, and not at the start of the file";

/// How many rows that are not written by the book are read before the rest of the file is given up.
const MAX_BAD_ROWS: usize = 100;

/// A row of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvRow {
    /// The line on which the row starts, counted from 1.
    pub(crate) line: usize,
    /// Its fields, or why they cannot be told.
    pub(crate) fields: Result<Vec<String>, &'static str>,
}

/// The rows of an export.
#[derive(Debug, Default)]
pub(crate) struct CsvRows {
    pub(crate) rows: Vec<CsvRow>,
    /// The line from which on the file was not read, since too many rows before it are bad.
    pub(crate) unread_from: Option<usize>,
}

/// Reads all rows; empty lines are none.
pub(crate) fn parse_rows(text: &str) -> CsvRows {
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Cursor::new(text.as_bytes()));
    let mut record = StringRecord::new();
    let mut read_rows = CsvRows::default();
    let rows = &mut read_rows.rows;
    let mut bad_rows = 0;
    let mut taken = 0;
    let mut line = 1;
    // Reading from memory cannot fail, and all of it is UTF-8.
    while let Ok(true) = reader.read_record(&mut record) {
        let mut end = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        // The crate ends a row before the second byte of its line end.
        if text.get(..end).is_some_and(|read| read.ends_with('\r'))
            && text.get(end..).is_some_and(|rest| rest.starts_with('\n'))
        {
            end += 1;
        }
        let read = text.get(taken..end).unwrap_or_default();
        // The crate skips empty lines before a row, but takes them for a part of it.
        let written = read.trim_start_matches(['\r', '\n']);
        line += count_lines(read.get(..read.len() - written.len()).unwrap_or_default().as_bytes());
        match check_row_form(written, &record) {
            Ok(()) => {
                rows.push(CsvRow { line, fields: Ok(record.iter().map(str::to_owned).collect()) });
                line += count_lines(written.as_bytes());
                taken = end;
            }
            Err(_) if bad_rows == MAX_BAD_ROWS => {
                read_rows.unread_from = Some(line);
                break;
            }
            Err(why) => {
                rows.push(CsvRow { line, fields: Err(why) });
                bad_rows += 1;
                let start = end - written.len();
                let Some(length) = text.get(start..).and_then(|rest| rest.find('\n')) else { break };
                line += 1;
                taken = start + length + 1;
                let mut next = Position::new();
                next.set_byte(taken as u64);
                if reader.seek(next).is_err() {
                    break;
                }
            }
        }
    }
    read_rows
}

/// Checks that `written` holds these fields as RFC 4180 writes them: bare without a quotation mark,
/// or in quotation marks with those inside doubled.
fn check_row_form(written: &str, fields: &StringRecord) -> Result<(), &'static str> {
    if written.starts_with('\u{feff}') {
        // The crate leaves it out.
        return Err(BYTE_ORDER_MARK);
    }
    let mut rest = written;
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(',').ok_or(BAD_QUOTES)?;
        }
        let after = if rest.starts_with('"') {
            rest.strip_prefix(&format!("\"{}\"", field.replace('"', "\"\"")))
        } else if field.contains('"') {
            None
        } else {
            rest.strip_prefix(field)
        };
        rest = after.ok_or(BAD_QUOTES)?;
    }
    match rest {
        "" | "\n" | "\r\n" => Ok(()),
        "\r" => Err(BARE_CARRIAGE_RETURN),
        _ => Err(BAD_QUOTES),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        parse_rows(text)
            .rows
            .into_iter()
            .map(|row| (row.line, row.fields.unwrap_or_else(|why| vec![format!("! {why}")])))
            .collect()
    }

    fn row(line: usize, fields: &[&str]) -> (usize, Vec<String>) {
        (line, fields.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        assert_eq!(read("a,b\n1,2\n"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
        assert_eq!(
            read("a,b\r\n1,\r\n\r\n,2"),
            [row(1, &["a", "b"]), row(2, &["1", ""]), row(4, &["", "2"])]
        );
        assert_eq!(read("\"a\nb\",\"c\"\"d\",\"\"\nx\n"), [row(1, &["a\nb", "c\"d", ""]), row(3, &["x"])]);
        assert_eq!(read("\"a,b\"\r\n=1+1,@x\n"), [row(1, &["a,b"]), row(2, &["=1+1", "@x"])]);
        assert_eq!(read("a,"), [row(1, &["a", ""])]);
        assert_eq!(read(""), []);
        assert_eq!(read("\n\r\n"), []);
    }

    #[test]
    fn a_bad_row_does_not_hide_the_next() {
        let bad = format!("! {BAD_QUOTES}");
        assert_eq!(
            read("a\n\"b\nc,\"d\"e\nf\"g\nh\n"),
            [row(1, &["a"]), row(2, &[&bad]), row(3, &[&bad]), row(4, &[&bad]), row(5, &["h"]),]
        );
        assert_eq!(read("\"b\nc\n"), [row(1, &[&bad]), row(2, &["c"])]);
    }

    #[test]
    fn a_line_that_ends_in_a_carriage_return_alone_is_a_fault() {
        assert_eq!(read("a\rb\nc\n"), [row(1, &[&format!("! {BARE_CARRIAGE_RETURN}")]), row(2, &["c"])]);
        assert_eq!(read("a,b\r1,2\r"), [row(1, &[&format!("! {BARE_CARRIAGE_RETURN}")])]);
    }

    #[test]
    fn a_byte_order_mark_at_the_start_of_a_row_is_a_fault() {
        let bad = format!("! {BYTE_ORDER_MARK}");
        assert_eq!(read("a\n\u{feff}b\nc\n"), [row(1, &["a"]), row(2, &[&bad]), row(3, &["c"])]);
    }

    #[test]
    fn reading_ends_after_too_many_bad_rows() {
        // Each of these rows opens a field that ends in the next one, and opens another one there.
        let bad = parse_rows(&"x\"y,\"b\n".repeat(20_000));
        assert_eq!((bad.rows.len(), bad.unread_from), (MAX_BAD_ROWS, Some(MAX_BAD_ROWS + 1)));
        let mixed = parse_rows(&"a\"\nb\n".repeat(MAX_BAD_ROWS));
        assert_eq!((mixed.rows.len(), mixed.unread_from), (2 * MAX_BAD_ROWS, None));
    }

    proptest! {
        #[test]
        fn what_is_written_by_the_book_is_read_back(
            table in proptest::collection::vec(proptest::collection::vec("[a,\"\r\n=é ]{0,6}", 2..4), 0..6),
            end in prop_oneof![Just("\n"), Just("\r\n")],
        ) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |fields: &Vec<String>| fields.iter().map(quoted).collect::<Vec<_>>().join(",") + end;
            let written: String = table.iter().map(line).collect();
            let back: Vec<Vec<String>> = parse_rows(&written).rows.into_iter().map(|row| row.fields.unwrap()).collect();
            prop_assert_eq!(back, table);
        }

        #[test]
        fn nothing_makes_it_fail_and_lines_count_up(text in "[ab,\"\r\n]{0,40}") {
            let rows = parse_rows(&text).rows;
            prop_assert!(rows.windows(2).all(|pair| pair[0].line < pair[1].line));
            prop_assert!(rows.iter().all(|row| row.line <= text.matches('\n').count() + 1));
        }
    }
}
