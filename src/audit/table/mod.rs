//! A table as a value: its columns, its cells, and what takes its rows one after the other.
//!
//! Nothing here knows a file format. A table is written while it is made, so a [`RowWriter`] gets each row
//! once, keeps none, and needs the same memory for ten rows as for ten million.

use anyhow::{Result, bail};
use jiff::{Timestamp, Unit};

use crate::change::Text;

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// The name for programs, in snake case; it never changes once it was released.
    pub key: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What the cells of the column hold.
    pub kind: ColumnKind,
    /// What the column says, in one sentence.
    pub meaning: &'static str,
}

impl TableColumn {
    /// Returns a column.
    pub const fn new(
        key: &'static str,
        title: &'static str,
        kind: ColumnKind,
        meaning: &'static str,
    ) -> TableColumn {
        TableColumn { key, title, kind, meaning }
    }
}

/// What the cells of a column hold. Each of them may also be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, of the program or from outside.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// An instant, told in UTC.
    Time,
    /// True or false.
    Flag,
}

/// One cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum TableCell {
    /// Nothing is known, or there is nothing.
    Empty,
    /// Bytes from outside as they came, or a word of the program. Each format escapes them in its own way.
    Text(Text),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction; neither infinite nor "not a number".
    Decimal(f64),
    /// An instant. What is finer than a millisecond is left out, in every format alike.
    Time(Timestamp),
    /// True or false.
    Flag(bool),
}

impl TableCell {
    /// Returns the kind of column that holds such a cell; `None` for an empty one, which any column holds.
    fn column_kind(&self) -> Option<ColumnKind> {
        match self {
            TableCell::Empty => None,
            TableCell::Text(_) => Some(ColumnKind::Text),
            TableCell::Integer(_) => Some(ColumnKind::Integer),
            TableCell::Decimal(_) => Some(ColumnKind::Decimal),
            TableCell::Time(_) => Some(ColumnKind::Time),
            TableCell::Flag(_) => Some(ColumnKind::Flag),
        }
    }
}

impl From<&str> for TableCell {
    fn from(text: &str) -> TableCell {
        TableCell::Text(Text::from(text))
    }
}

impl From<String> for TableCell {
    fn from(text: String) -> TableCell {
        TableCell::Text(Text::from(text))
    }
}

impl From<Text> for TableCell {
    fn from(text: Text) -> TableCell {
        TableCell::Text(text)
    }
}

impl From<&Text> for TableCell {
    fn from(text: &Text) -> TableCell {
        TableCell::Text(text.clone())
    }
}

impl From<i64> for TableCell {
    fn from(number: i64) -> TableCell {
        TableCell::Integer(number)
    }
}

impl From<f64> for TableCell {
    fn from(number: f64) -> TableCell {
        TableCell::Decimal(number)
    }
}

impl From<Timestamp> for TableCell {
    fn from(time: Timestamp) -> TableCell {
        TableCell::Time(time)
    }
}

impl From<bool> for TableCell {
    fn from(flag: bool) -> TableCell {
        TableCell::Flag(flag)
    }
}

impl<T: Into<TableCell>> From<Option<T>> for TableCell {
    fn from(value: Option<T>) -> TableCell {
        value.map_or(TableCell::Empty, Into::into)
    }
}

/// A table without its rows: what it is called, and which columns it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSheet {
    /// The name for programs, in snake case.
    pub name: &'static str,
    /// The version of the columns: it grows when one of them changes its meaning, and not when one is added.
    pub version: u32,
    /// The name for people, at most 25 characters long, without `[ ] : * ? / \`: a sheet of a workbook bears it.
    pub title: &'static str,
    /// The columns, in the order in which the cells of a row come.
    pub columns: &'static [TableColumn],
}

impl TableSheet {
    /// Fails for a row that does not fit the columns: a cell in the wrong place is worse than no file.
    pub fn check_row(&self, cells: &[TableCell]) -> Result<()> {
        if cells.len() != self.columns.len() {
            bail!("a row of `{}` has {} cells, not {}", self.name, cells.len(), self.columns.len());
        }
        for (column, cell) in self.columns.iter().zip(cells) {
            if cell.column_kind().is_some_and(|kind| kind != column.kind) {
                bail!("a cell of column `{}` is not of the kind {:?}", column.key, column.kind);
            }
            if matches!(cell, TableCell::Decimal(number) if !number.is_finite()) {
                bail!("a cell of column `{}` is not a number", column.key);
            }
        }
        Ok(())
    }
}

/// One fact about a whole table, for people and for programs: an input, a count, a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNote {
    /// The name of the fact, in plain words.
    pub key: String,
    /// What it is; several lines are allowed.
    pub value: Text,
}

impl TableNote {
    /// Returns a note of this name and this value.
    pub fn new(key: impl Into<String>, value: impl Into<Text>) -> TableNote {
        TableNote { key: key.into(), value: value.into() }
    }
}

/// What takes the rows of one table.
pub trait RowWriter: Send {
    /// Writes one row. Its cells are those of the columns, in their order.
    fn write_row(&mut self, cells: &[TableCell]) -> Result<()>;

    /// Writes what belongs after the last row, and puts the whole file in its place. Without this call there
    /// is no file.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Returns an instant with the precision of tables, a millisecond; what is finer is left out.
pub fn round_down_time(time: Timestamp) -> Timestamp {
    if time.subsec_nanosecond() == 0 {
        return time;
    }
    let round = jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Floor);
    time.round(round).unwrap_or(time)
}

/// Returns an instant as `2026-11-29T14:00:00Z`, with a fraction only where there is one.
pub fn format_table_time(time: Timestamp) -> String {
    round_down_time(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: TableSheet = TableSheet {
        name: "changes",
        version: 1,
        title: "Changes",
        columns: &[
            TableColumn { key: "id", title: "Id", kind: ColumnKind::Text, meaning: "The id." },
            TableColumn { key: "hours", title: "Hours", kind: ColumnKind::Decimal, meaning: "The hours." },
        ],
    };

    #[test]
    fn a_row_that_does_not_fit_its_columns_is_refused() {
        SHEET.check_row(&["a".into(), 1.5.into()]).unwrap();
        SHEET.check_row(&[TableCell::Empty, None::<f64>.into()]).unwrap();
        for (row, why) in [
            (vec!["a".into()], "a row of `changes` has 1 cells, not 2"),
            (vec![1.5.into(), 1.5.into()], "a cell of column `id` is not of the kind Text"),
            (vec!["a".into(), f64::NAN.into()], "a cell of column `hours` is not a number"),
        ] {
            assert_eq!(SHEET.check_row(&row).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn times_have_no_more_than_milliseconds_and_never_go_forward() {
        for (written, told) in [
            ("2026-11-29T14:00:00Z", "2026-11-29T14:00:00Z"),
            ("2026-11-29T14:00:00.1239Z", "2026-11-29T14:00:00.123Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("2026-11-29T15:00:00+01:00", "2026-11-29T14:00:00Z"),
        ] {
            assert_eq!(format_table_time(written.parse().unwrap()), told);
        }
    }
}
