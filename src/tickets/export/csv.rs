//! Reading CSV as RFC 4180 has it: rows of fields with commas between them, quotes around a field
//! where it needs them, two quotes for one inside.
//!
//! A row that is written otherwise is a fault, and not a guess. Reading goes on with the next line,
//! so that one bad row does not hide the others.

/// A row, and the line on which it starts, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvRow {
    pub(crate) line: usize,
    pub(crate) fields: Result<Vec<String>, &'static str>,
}

/// Reads all rows; empty lines are none.
pub(crate) fn parse_rows(text: &str) -> Vec<CsvRow> {
    let mut rows = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (fields, after) = match parse_row(rest) {
            Ok((fields, after)) => (Ok(fields), after),
            Err(why) => (Err(why), rest.find('\n').and_then(|end| rest.get(end + 1..)).unwrap_or_default()),
        };
        let is_blank = matches!(fields.as_deref(), Ok([only]) if only.is_empty());
        if !is_blank {
            rows.push(CsvRow { line, fields });
        }
        let taken = rest.len().saturating_sub(after.len());
        line += rest.bytes().take(taken).filter(|byte| *byte == b'\n').count();
        rest = after;
    }
    rows
}

/// Reads one row, and returns what is behind it.
fn parse_row(text: &str) -> Result<(Vec<String>, &str), &'static str> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => parse_quoted_field(quoted)?,
            None => {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                let (field, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                let field =
                    if after.starts_with(',') { field } else { field.strip_suffix('\r').unwrap_or(field) };
                if field.contains('"') {
                    return Err("a quotation mark stands in the middle of a field");
                }
                (field.to_owned(), after)
            }
        };
        fields.push(field);
        let after = after
            .strip_prefix('\r')
            .filter(|next| next.is_empty() || next.starts_with('\n'))
            .unwrap_or(after);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok((fields, after)),
            None => match after.strip_prefix('\n') {
                Some(next) => return Ok((fields, next)),
                None => return Err("something follows a field in quotation marks"),
            },
        }
    }
}

/// Reads a field whose quotation mark is open, and returns what is behind the one that closes it.
fn parse_quoted_field(text: &str) -> Result<(String, &str), &'static str> {
    let mut field = String::new();
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        field.push_str(part);
        let after = after.strip_prefix('"').unwrap_or(after);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, after)),
        }
    }
    Err("a quotation mark is never closed")
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
        assert_eq!(
            read("a\n\"b\nc,\"d\"e\nf\"g\nh\n"),
            [
                row(1, &["a"]),
                row(2, &["! something follows a field in quotation marks"]),
                row(3, &["! something follows a field in quotation marks"]),
                row(4, &["! a quotation mark stands in the middle of a field"]),
                row(5, &["h"]),
            ]
        );
        assert_eq!(read("\"b\nc\n"), [row(1, &["! a quotation mark is never closed"]), row(2, &["c"])]);
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
