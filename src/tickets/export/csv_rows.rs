//! Reading CSV as RFC 4180 has it, with the `csv` crate, and strictly.
//!
//! The crate makes something of every input. In an export that would hide tickets: an open quotation
//! mark swallows the rows after it. So each row is compared with what it would be if its fields were
//! written by the book. One that differs is a fault, and reading goes on with the next line, so that one
//! bad row does not hide the others.

use csv::{ReaderBuilder, StringRecord};

use crate::tickets::export::json::count_lines;

const BAD_ROW: &str = "the quotation marks of this row do not follow RFC 4180";

/// A row of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvRow {
    /// The line on which the row starts, counted from 1.
    pub(crate) line: usize,
    /// Its fields, or why they cannot be told.
    pub(crate) fields: Result<Vec<String>, &'static str>,
}

/// Parses CSV into rows of fields, each with its line; empty lines are left out.
pub(crate) fn parse_rows(text: &str) -> Vec<CsvRow> {
    let mut rows = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (taken, lines) = parse_until_fault(rest, line, &mut rows);
        line += lines;
        rest = rest.get(taken..).unwrap_or_default();
    }
    rows
}

/// Reads rows until one is bad, and returns how many bytes and lines were taken.
fn parse_until_fault(text: &str, first_line: usize, rows: &mut Vec<CsvRow>) -> (usize, usize) {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let mut taken = 0;
    let mut lines = 0;
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
        lines += count_lines(read.get(..read.len() - written.len()).unwrap_or_default().as_bytes());
        let start = end - written.len();
        let line = first_line + lines;
        if !is_by_the_book(written, &record) {
            rows.push(CsvRow { line, fields: Err(BAD_ROW) });
            let next = text.get(start..).and_then(|rest| rest.find('\n'));
            return (next.map_or(text.len(), |next| start + next + 1), lines + 1);
        }
        rows.push(CsvRow { line, fields: Ok(record.iter().map(str::to_owned).collect()) });
        lines += count_lines(written.as_bytes());
        taken = end;
    }
    (text.len(), lines)
}

/// Returns true if `written` holds these fields as RFC 4180 writes them: bare without a quotation mark,
/// or in quotation marks with those inside doubled.
fn is_by_the_book(written: &str, fields: &StringRecord) -> bool {
    let mut rest = written;
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            let Some(after) = rest.strip_prefix(',') else { return false };
            rest = after;
        }
        let after = if rest.starts_with('"') {
            rest.strip_prefix(&format!("\"{}\"", field.replace('"', "\"\"")))
        } else if field.contains('"') {
            None
        } else {
            rest.strip_prefix(field)
        };
        let Some(after) = after else { return false };
        rest = after;
    }
    matches!(rest, "" | "\n" | "\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        parse_rows(text)
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
        let bad = format!("! {BAD_ROW}");
        assert_eq!(
            read("a\n\"b\nc,\"d\"e\nf\"g\nh\n"),
            [row(1, &["a"]), row(2, &[&bad]), row(3, &[&bad]), row(4, &[&bad]), row(5, &["h"]),]
        );
        assert_eq!(read("\"b\nc\n"), [row(1, &[&bad]), row(2, &["c"])]);
    }

    #[test]
    fn a_line_that_ends_in_a_carriage_return_alone_is_a_fault() {
        assert_eq!(read("a\rb\nc\n"), [row(1, &[&format!("! {BAD_ROW}")]), row(2, &["c"])]);
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
            let back: Vec<Vec<String>> = parse_rows(&written).into_iter().map(|row| row.fields.unwrap()).collect();
            prop_assert_eq!(back, table);
        }

        #[test]
        fn nothing_makes_it_fail_and_lines_count_up(text in "[ab,\"\r\n]{0,40}") {
            let rows = parse_rows(&text);
            prop_assert!(rows.windows(2).all(|pair| pair[0].line < pair[1].line));
            prop_assert!(rows.iter().all(|row| row.line <= text.matches('\n').count() + 1));
        }
    }
}
