//! Markdown, as GitHub has it.

use crate::audit::procedure::document::{
    DocumentBlock, DocumentTable, ProcedureDocument, RichText, RunStyle, TextCell,
};
use crate::report::escape::markdown::MarkdownInline;

/// Returns the document as Markdown.
pub(super) fn render_markdown(document: &ProcedureDocument) -> String {
    let mut out = format!("# {}\n", escape_inline(&RichText::from_words(&document.title)));
    push_block(&mut out, &escape_inline(&RichText::from_words(&document.subtitle)));
    for (number, section) in (1..).zip(&document.sections) {
        let title = escape_inline(&RichText::from_words(&section.title));
        push_block(&mut out, &format!("## {number}. {title}"));
        for block in &section.blocks {
            match block {
                DocumentBlock::Subheading(text) => {
                    push_block(&mut out, &format!("### {}", escape_inline(text)))
                }
                DocumentBlock::Paragraph(text) => push_block(&mut out, &escape_inline(text)),
                DocumentBlock::List(items) => {
                    let lines: Vec<String> =
                        items.iter().map(|item| format!("- {}", escape_inline(item))).collect();
                    push_block(&mut out, &lines.join("\n"));
                }
                DocumentBlock::Steps(items) => {
                    let lines = (1..)
                        .zip(items)
                        .map(|(step, item): (usize, _)| format!("{step}. {}", escape_inline(item)));
                    push_block(&mut out, &lines.collect::<Vec<_>>().join("\n"));
                }
                DocumentBlock::Table(table) => push_block(&mut out, &render_table(table)),
            }
        }
    }
    out
}

fn push_block(out: &mut String, block: &str) {
    out.push('\n');
    out.push_str(block);
    out.push('\n');
}

/// Stands for a pipe in a cell until the line is whole. No printable text holds it.
const PIPE: char = '\u{1}';

fn escape_inline(text: &RichText) -> String {
    write_runs(MarkdownInline::new(), text)
}

/// Returns a line of a cell. A pipe in code would end the cell; behind a backslash it does not, unless the code
/// has a backslash before it already.
fn escape_cell_line(line: &RichText) -> String {
    let mut line = line.clone();
    for run in &mut line.runs {
        if run.style == RunStyle::Code && !run.words.contains('\\') {
            run.words = run.words.replace('|', &PIPE.to_string());
        }
    }
    write_runs(MarkdownInline::new_cell(), &line).replace(PIPE, "\\|")
}

fn write_runs(mut inline: MarkdownInline, text: &RichText) -> String {
    for run in &text.runs {
        inline = match run.style {
            RunStyle::Plain => inline.with_words(&run.words),
            RunStyle::Code => inline.with_code(&run.words),
            RunStyle::Strong => inline.with_bold(&run.words),
        };
    }
    inline.into_markdown()
}

fn render_table(table: &DocumentTable) -> String {
    let mut lines = Vec::new();
    let titles: Vec<&str> = table.columns.iter().map(|column| column.title).collect();
    lines.push(format!("| {} |", titles.join(" | ")));
    lines.push(format!("|{}", "---|".repeat(table.columns.len())));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(render_cell).collect();
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

fn render_cell(cell: &TextCell) -> String {
    let lines: Vec<String> = cell.lines.iter().map(escape_cell_line).collect();
    lines.join("<br>")
}
