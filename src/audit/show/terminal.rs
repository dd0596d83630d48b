//! A page for a terminal of 80 columns.

use std::io::{self, Write};

use crate::audit::show::page::{ChangePage, PageLine, PagePiece};
use crate::report::escape::{MAX_QUOTE_COLUMNS, escape_quotation, escape_terminal, escape_words};
use crate::report::wrap_words;

/// The columns of a label, with the space around it.
const LABEL_COLUMNS: usize = 15;

/// The columns that the title takes at most.
const MAX_TITLE_COLUMNS: usize = 160;

/// Writes a page.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_page_terminal(page: &ChangePage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", wrap_words("", 2, &escape_terminal(page.title.as_bytes(), MAX_TITLE_COLUMNS)))?;
    writeln!(out, "{}", wrap_words("", 2, &print_line(&page.subtitle)))?;
    for section in &page.sections {
        writeln!(out, "\n{}", section.heading.to_uppercase())?;
        for row in &section.rows {
            write_row(&row.label, &row.lines, out)?;
        }
    }
    Ok(())
}

fn write_row(label: &str, lines: &[PageLine], out: &mut dyn Write) -> io::Result<()> {
    let label = escape_words(label);
    let mut start = format!("  {label:<width$}", width = LABEL_COLUMNS - 2);
    if start.len() > LABEL_COLUMNS || label.len() + 2 >= LABEL_COLUMNS {
        writeln!(out, "  {label}")?;
        start = " ".repeat(LABEL_COLUMNS);
    }
    for line in lines {
        if let [PagePiece::Command(command)] = line.0.as_slice() {
            // A command that is broken over lines cannot be pasted.
            writeln!(out, "{start}{}", escape_words(command))?;
        } else {
            writeln!(out, "{}", wrap_words(&start, LABEL_COLUMNS + 2, &print_line(line)))?;
        }
        start = " ".repeat(LABEL_COLUMNS);
    }
    Ok(())
}

/// Returns a line as printable text; a quotation among our own words stands between backticks.
fn print_line(line: &PageLine) -> String {
    if let [PagePiece::Quoted(text)] = line.0.as_slice() {
        return escape_terminal(text.as_bytes(), 4 * MAX_QUOTE_COLUMNS);
    }
    let mut printed = String::new();
    for piece in &line.0 {
        match piece {
            PagePiece::Own(words) => printed.push_str(&escape_words(words)),
            PagePiece::Quoted(text) => printed.push_str(&escape_quotation(text.as_bytes())),
            PagePiece::Command(command) => printed.push_str(&format!("`{}`", escape_words(command))),
        }
    }
    printed
}
