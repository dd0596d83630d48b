//! One key figure, and the table of all of them.

use jiff::Timestamp;

use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};

/// Below this denominator, a figure is not to be read as a trend.
const SMALL_DENOMINATOR: u64 = 20;

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// One key figure.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyFigure {
    /// The name for programs, in snake case.
    pub key: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// How it is worked out, in words.
    pub formula: &'static str,
    /// What is counted, or measured.
    pub value: FigureValue,
    /// How many changes of the period it could not be worked out for, as nothing told.
    pub not_known: u64,
    /// What a reader has to know about it; empty if there is nothing.
    pub note: String,
}

/// What a key figure says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FigureValue {
    /// A share: so many of so many.
    Share {
        /// How many of them.
        numerator: u64,
        /// Of how many.
        denominator: u64,
    },
    /// A number of things.
    Count(u64),
    /// A number that nothing tells.
    UnknownCount,
    /// The median of so many measurements, in hours.
    MedianHours {
        /// The median; `None` without a measurement.
        median: Option<f64>,
        /// The number of measurements.
        measurements: u64,
    },
}

/// The key figures as a table.
pub static KEY_FIGURE_SHEET: TableSheet = TableSheet {
    name: "key_figures",
    version: 1,
    title: "Key figures",
    columns: &[
        TableColumn::new("key", "Key", ColumnKind::Text, "The name of the figure for programs."),
        TableColumn::new("title", "Figure", ColumnKind::Text, "The name of the figure."),
        TableColumn::new(
            "value",
            "Value",
            ColumnKind::Decimal,
            "The figure: a share in per cent, a number, or hours.",
        ),
        TableColumn::new("unit", "Unit", ColumnKind::Text, "The unit of the value: %, number or hours."),
        TableColumn::new("numerator", "Numerator", ColumnKind::Integer, "What was counted."),
        TableColumn::new(
            "denominator",
            "Denominator",
            ColumnKind::Integer,
            "Of how many, or how many were measured.",
        ),
        TableColumn::new(
            "not_known",
            "Not known",
            ColumnKind::Integer,
            "For how many changes it could not be told.",
        ),
        TableColumn::new("formula", "Formula", ColumnKind::Text, "How it is worked out."),
        TableColumn::new("note", "Note", ColumnKind::Text, "What a reader has to know about it."),
    ],
};

impl KeyFigure {
    /// Returns the value as a number; `None` where there is nothing to work it out from.
    #[expect(clippy::cast_precision_loss, reason = "a share with one digit after the point")]
    pub fn value_number(&self) -> Option<f64> {
        match self.value {
            FigureValue::Share { denominator: 0, .. } => None,
            FigureValue::Share { numerator, denominator } => {
                Some((numerator as f64 / denominator as f64 * 1000.0).round() / 10.0)
            }
            FigureValue::Count(count) => Some(count as f64),
            FigureValue::UnknownCount => None,
            FigureValue::MedianHours { median, .. } => median,
        }
    }

    /// Returns the unit of the value.
    pub fn unit(&self) -> &'static str {
        match self.value {
            FigureValue::Share { .. } => "%",
            FigureValue::Count(_) | FigureValue::UnknownCount => "number",
            FigureValue::MedianHours { .. } => "hours",
        }
    }

    /// Returns what a reader has to know, with a word on small numbers.
    pub fn full_note(&self) -> String {
        let base = match self.value {
            FigureValue::Share { denominator, .. } => Some(denominator),
            FigureValue::MedianHours { measurements, .. } => Some(measurements),
            FigureValue::Count(_) | FigureValue::UnknownCount => None,
        };
        let small = match base {
            Some(0) => "nothing to work it out from",
            Some(base) if base < SMALL_DENOMINATOR => "fewer than 20, so this is no trend",
            _ => "",
        };
        match (self.note.as_str(), small) {
            (note, "") => note.to_owned(),
            ("", small) => small.to_owned(),
            (note, small) => format!("{note}; {small}"),
        }
    }

    /// Returns the figure as a row of [`KEY_FIGURE_SHEET`].
    pub fn build_row(&self) -> Vec<TableCell> {
        let integer = |number: u64| TableCell::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let (numerator, denominator) = match self.value {
            FigureValue::Share { numerator, denominator } => (integer(numerator), integer(denominator)),
            FigureValue::Count(count) => (integer(count), TableCell::Empty),
            FigureValue::UnknownCount => (TableCell::Empty, TableCell::Empty),
            FigureValue::MedianHours { measurements, .. } => (TableCell::Empty, integer(measurements)),
        };
        let note = self.full_note();
        vec![
            self.key.into(),
            self.title.into(),
            self.value_number().into(),
            self.unit().into(),
            numerator,
            denominator,
            integer(self.not_known),
            self.formula.into(),
            if note.is_empty() { TableCell::Empty } else { note.into() },
        ]
    }
}

/// So many of so many, and how many it could not be told for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShareCount {
    pub(super) numerator: u64,
    pub(super) denominator: u64,
    pub(super) not_known: u64,
}

impl ShareCount {
    /// Counts one more, for which it holds or not.
    pub(super) fn add(&mut self, holds: bool) {
        self.numerator += u64::from(holds);
        self.denominator += 1;
    }
}

/// Returns how many hours went by; none if the second time is before the first.
pub(super) fn hours_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0) / SECONDS_PER_HOUR
}

/// Returns the figure of the median of some hours.
pub(super) fn median_figure(
    key: &'static str,
    title: &'static str,
    formula: &'static str,
    hours: &[f64],
) -> KeyFigure {
    let mut sorted = hours.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = match (sorted.get(middle), middle.checked_sub(1).and_then(|before| sorted.get(before))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => Some((upper + lower) / 2.0),
        (Some(value), _) => Some(*value),
        (None, _) => None,
    };
    KeyFigure {
        key,
        title,
        formula,
        value: FigureValue::MedianHours {
            median: median.map(|hours| (hours * 100.0).round() / 100.0),
            measurements: u64::try_from(hours.len()).unwrap_or(u64::MAX),
        },
        not_known: 0,
        note: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(numerator: u64, denominator: u64) -> KeyFigure {
        let value = FigureValue::Share { numerator, denominator };
        KeyFigure { key: "k", title: "K", formula: "f", value, not_known: 0, note: String::new() }
    }

    #[test]
    fn nothing_of_nothing_is_no_share() {
        assert_eq!(share(0, 0).value_number(), None);
        assert_eq!(share(0, 0).full_note(), "nothing to work it out from");
        assert_eq!(share(1, 3).value_number(), Some(33.3));
        assert_eq!(share(1, 3).full_note(), "fewer than 20, so this is no trend");
        assert_eq!(share(20, 20).full_note(), "");
    }
}
