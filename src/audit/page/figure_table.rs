//! The key figures of the page, as a table.

use std::io::{self, Write};

use crate::audit::key_figures::{FigureValue, KeyFigure};
use crate::audit::page::html_table::{HtmlCell, HtmlTable};

/// Writes the key figures as a table, with how they are worked out if `in_full`.
///
/// # Errors
///
/// Passes on what the writer says.
pub(super) fn write_figures(figures: &[KeyFigure], in_full: bool, out: &mut dyn Write) -> io::Result<()> {
    let full = ["Figure", "Value", "Of", "Not known for", "Note", "How it is worked out"];
    let short = ["Figure", "Value", "Of", "Note"];
    let headers: &[&str] = if in_full { &full } else { &short };
    let caption = if in_full { "Key figures" } else { "Key figures in short" };
    let mut table = HtmlTable::begin_table(out, "figures", caption, headers)?;
    for figure in figures {
        let value = match figure.value_number() {
            Some(number) => match figure.unit() {
                "number" => format!("{number}"),
                "%" => format!("{number} %"),
                unit => format!("{number} {unit}"),
            },
            None => "no figure".to_owned(),
        };
        let of = match figure.value {
            FigureValue::Share { numerator, denominator } => format!("{numerator} of {denominator}"),
            FigureValue::Count(_) | FigureValue::UnknownCount => String::new(),
            FigureValue::MedianHours { measurements, .. } => format!("median of {measurements}"),
        };
        let mut cells =
            vec![HtmlCell::Header(figure.title.to_owned()), HtmlCell::Number(value), HtmlCell::Number(of)];
        if in_full {
            cells.push(HtmlCell::Number(figure.not_known.to_string()));
        }
        let mut note = figure.full_note();
        if !in_full && figure.not_known > 0 {
            let unknown = format!("not known for {}", figure.not_known);
            note = if note.is_empty() { unknown } else { format!("{note}; {unknown}") };
        }
        cells.push(HtmlCell::Text(note));
        if in_full {
            cells.push(HtmlCell::Text(figure.formula.to_owned()));
        }
        table.write_row(&cells)?;
    }
    table.end_table()
}
