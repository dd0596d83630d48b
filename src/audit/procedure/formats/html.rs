//! HTML: one file without scripts that loads nothing, for light and dark screens and for paper.

use crate::audit::procedure::document::{
    DocumentBlock, DocumentTable, ProcedureDocument, RichText, RunStyle, TextCell,
};
use crate::audit::procedure::formats::xml_text::{escape_text, push_escaped};

/// What the page looks like. Nothing of a policy comes in here.
const STYLE: &str = include_str!("procedure.css");

/// Returns the document as a page.
pub(super) fn render_html(document: &ProcedureDocument) -> String {
    let title = escape_text(&document.title);
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Even if a text came through, nothing would be run or fetched.
    out.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    out.push_str(&format!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"));
    out.push_str(&format!(
        "<header>\n<h1>{title}</h1>\n<p>{}</p>\n</header>\n",
        escape_text(&document.subtitle)
    ));
    out.push_str("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n");
    for (number, section) in (1..).zip(&document.sections) {
        let title = escape_text(&section.title);
        out.push_str(&format!("<li><a href=\"#section-{number}\">{title}</a></li>\n"));
    }
    out.push_str("</ol>\n</nav>\n<main>\n");
    let mut tables = 0;
    for (number, section) in (1..).zip(&document.sections) {
        let number: usize = number;
        let title = escape_text(&section.title);
        out.push_str(&format!("<section aria-labelledby=\"section-{number}\">\n"));
        out.push_str(&format!("<h2 id=\"section-{number}\">{number}. {title}</h2>\n"));
        for block in &section.blocks {
            push_block(&mut out, block, &mut tables);
        }
        out.push_str("</section>\n");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// Adds a block; `tables` counts those that came before.
fn push_block(out: &mut String, block: &DocumentBlock, tables: &mut usize) {
    match block {
        DocumentBlock::Subheading(text) => push_element(out, "h3", text),
        DocumentBlock::Paragraph(text) => push_element(out, "p", text),
        DocumentBlock::List(items) => push_list(out, "ul", items),
        DocumentBlock::Steps(items) => push_list(out, "ol", items),
        DocumentBlock::Table(table) => {
            *tables += 1;
            push_table(out, table, *tables);
        }
    }
}

fn push_element(out: &mut String, name: &str, text: &RichText) {
    out.push_str(&format!("<{name}>"));
    push_runs(out, text);
    out.push_str(&format!("</{name}>\n"));
}

fn push_list(out: &mut String, name: &str, items: &[RichText]) {
    out.push_str(&format!("<{name}>\n"));
    for item in items {
        push_element(out, "li", item);
    }
    out.push_str(&format!("</{name}>\n"));
}

fn push_table(out: &mut String, table: &DocumentTable, number: usize) {
    // A table that is wider than the screen scrolls by itself, also by keyboard.
    out.push_str(&format!(
        "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Table {number}\">\n<table>\n<colgroup>"
    ));
    for column in &table.columns {
        out.push_str(&format!("<col style=\"width:{}%\">", column.percent));
    }
    out.push_str("</colgroup>\n<thead><tr>");
    for column in &table.columns {
        out.push_str(&format!("<th scope=\"col\">{}</th>", escape_text(column.title)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in row {
            push_cell(out, cell);
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn push_cell(out: &mut String, cell: &TextCell) {
    out.push_str("<td>");
    for (index, line) in cell.lines.iter().enumerate() {
        if index > 0 {
            out.push_str("<br>");
        }
        push_runs(out, line);
    }
    out.push_str("</td>");
}

fn push_runs(out: &mut String, text: &RichText) {
    for run in &text.runs {
        let (open, close) = match run.style {
            RunStyle::Plain => ("", ""),
            RunStyle::Code => ("<code>", "</code>"),
            RunStyle::Strong => ("<strong>", "</strong>"),
        };
        out.push_str(open);
        push_escaped(out, &run.words);
        out.push_str(close);
    }
}
