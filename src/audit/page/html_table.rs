//! Tables of the page: a caption, headers with their scope, and rows that are already HTML.

use std::io::{self, Write};

use crate::audit::page::page_text::escape_html;

/// How long a text is that stays on one line.
const MAX_WORD_BYTES: usize = 24;

/// A table whose rows come one after the other.
pub(crate) struct HtmlTable<'a> {
    out: &'a mut dyn Write,
}

/// One cell of a table.
pub(crate) enum HtmlCell {
    /// What the row is about.
    Header(String),
    /// A text, which is not HTML yet.
    Text(String),
    /// A number, which stands to the right.
    Number(String),
    /// HTML.
    Html(String),
}

impl<'a> HtmlTable<'a> {
    /// Begins a table; `class` is one of the style sheet. A table that is wider than the window can be scrolled, with
    /// the keyboard too.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(crate) fn begin_table(
        out: &'a mut dyn Write,
        class: &str,
        caption: &str,
        headers: &[&str],
    ) -> io::Result<HtmlTable<'a>> {
        let caption = escape_html(caption);
        write!(
            out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\
             <table class=\"{class}\"><caption>{caption}</caption><thead><tr>"
        )?;
        for header in headers {
            write!(out, "<th scope=\"col\">{}</th>", escape_html(header))?;
        }
        writeln!(out, "</tr></thead><tbody>")?;
        Ok(HtmlTable { out })
    }

    /// Writes a row.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(crate) fn write_row(&mut self, cells: &[HtmlCell]) -> io::Result<()> {
        self.out.write_all(format_html_row(cells).as_bytes())
    }

    /// Writes a row that is HTML already.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(crate) fn write_html_row(&mut self, row: &str) -> io::Result<()> {
        self.out.write_all(row.as_bytes())
    }

    /// Ends the table.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(crate) fn end_table(self) -> io::Result<()> {
        writeln!(self.out, "</tbody></table></div>")
    }
}

/// Returns a row as HTML.
pub(crate) fn format_html_row(cells: &[HtmlCell]) -> String {
    let mut row = "<tr>".to_owned();
    for cell in cells {
        row.push_str(&match cell {
            HtmlCell::Header(text) => format!("<th scope=\"row\">{}</th>", escape_html(text)),
            // A short text stays on one line, so that no word of a narrow column is cut in two.
            HtmlCell::Text(text) if text.len() <= MAX_WORD_BYTES => {
                format!("<td class=\"word\">{}</td>", escape_html(text))
            }
            HtmlCell::Text(text) => format!("<td>{}</td>", escape_html(text)),
            HtmlCell::Number(text) => format!("<td class=\"number\">{}</td>", escape_html(text)),
            HtmlCell::Html(html) => format!("<td>{html}</td>"),
        });
    }
    row.push_str("</tr>\n");
    row
}
