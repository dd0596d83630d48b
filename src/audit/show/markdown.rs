//! A page as Markdown.

use std::io::{self, Write};

use crate::audit::show::page::{ChangePage, PageLine, PagePiece};
use crate::report::escape::escape_words;
use crate::report::escape::markdown::MarkdownInline;

/// Writes a page.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_page_markdown(page: &ChangePage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# {}\n", MarkdownInline::new().with_quote(page.title.as_bytes()).into_markdown())?;
    writeln!(out, "{}", write_line(MarkdownInline::new(), &page.subtitle).into_markdown())?;
    for section in &page.sections {
        writeln!(
            out,
            "\n## {}\n\n| | |\n|---|---|",
            MarkdownInline::new().with_words(&section.heading).into_markdown()
        )?;
        for row in &section.rows {
            let label = MarkdownInline::new_cell().with_words(&row.label).into_markdown();
            let lines: Vec<String> = row
                .lines
                .iter()
                .map(|line| write_line(MarkdownInline::new_cell(), line).into_markdown())
                .collect();
            writeln!(out, "| {label} | {} |", lines.join("<br>"))?;
        }
    }
    Ok(())
}

fn write_line(mut written: MarkdownInline, line: &PageLine) -> MarkdownInline {
    for piece in &line.0 {
        written = match piece {
            PagePiece::Own(words) => {
                // Spaces between our words and a quotation are ours.
                let lead = if words.starts_with(' ') { " " } else { "" };
                let trail = if words.ends_with(' ') && words.len() > 1 { " " } else { "" };
                written.with_markdown(lead).with_words(words.trim_matches(' ')).with_markdown(trail)
            }
            PagePiece::Quoted(text) => written.with_quote(text.as_bytes()),
            PagePiece::Command(command) => written.with_code(&escape_words(command)),
        };
    }
    written
}
