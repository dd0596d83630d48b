//! A page as one HTML file that needs nothing beside it: no script, no picture, no address is followed.

use std::io::{self, Write};

use crate::audit::show::page::{ChangePage, PageLine, PagePiece};
use crate::report::escape::html::escape_html;
use crate::report::escape::{MAX_QUOTE_COLUMNS, escape_terminal, escape_words};

/// The style sheet. The page states that nothing else may be loaded, so that not even a fault here could.
const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin-bottom:.2rem}
h2{font-size:1.05rem;margin:1.6rem 0 .3rem;border-bottom:1px solid #8888}
dl{display:grid;grid-template-columns:11rem 1fr;gap:.2rem 1rem;margin:0}
dt{font-weight:600}
dd{margin:0;overflow-wrap:anywhere}
dd p{margin:0}
dd p+p{padding-left:1rem}
code,q{overflow-wrap:anywhere}
q{quotes:none;background:#8882;padding:0 .2em;border-radius:.2em}
@media (max-width:40rem){dl{grid-template-columns:1fr}}
@media print{body{margin:0;max-width:none;font-size:10pt}h2{break-after:avoid}}
";

/// Writes a page.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_page_html(page: &ChangePage, out: &mut dyn Write) -> io::Result<()> {
    let title = escape_html(&escape_terminal(page.title.as_bytes(), MAX_QUOTE_COLUMNS));
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width\">")?;
    writeln!(out, "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>")?;
    writeln!(out, "<h1>{title}</h1>\n<p>{}</p>", write_line(&page.subtitle))?;
    for section in &page.sections {
        writeln!(out, "<section>\n<h2>{}</h2>\n<dl>", escape_html(&escape_words(&section.heading)))?;
        for row in &section.rows {
            write!(out, "<dt>{}</dt><dd>", escape_html(&escape_words(&row.label)))?;
            for line in &row.lines {
                write!(out, "<p>{}</p>", write_line(line))?;
            }
            writeln!(out, "</dd>")?;
        }
        writeln!(out, "</dl>\n</section>")?;
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write_line(line: &PageLine) -> String {
    let mut written = String::new();
    for piece in &line.0 {
        match piece {
            PagePiece::Own(words) => written.push_str(&escape_html(&escape_words(words))),
            PagePiece::Quoted(text) => {
                let printed = escape_terminal(text.as_bytes(), 4 * MAX_QUOTE_COLUMNS);
                written.push_str(&format!("<q>{}</q>", escape_html(&printed)));
            }
            PagePiece::Command(command) => {
                written.push_str(&format!("<code>{}</code>", escape_html(&escape_words(command))));
            }
        }
    }
    written
}
