//! DOCX: what word processors open, with styles that their navigation knows.
//!
//! The document is a handful of XML parts in an archive (ECMA-376, transitional). They are written here and not by
//! a library: what is needed is little, each byte has to depend on the content alone, and the library for this
//! language brings an archiver of its own.

mod parts;

use std::io::{Cursor, Write as _};

use anyhow::Result;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::audit::procedure::document::{
    DocumentBlock, DocumentTable, ProcedureDocument, RichText, RunStyle, TextCell, TextRun,
};
use crate::audit::procedure::formats::docx::parts::{
    CONTENT_TYPES, DOCUMENT_RELATIONS, NAMESPACES, PACKAGE_RELATIONS, SETTINGS, STYLES, XML_START,
};
use crate::audit::procedure::formats::xml_text::{escape_text, push_escaped};

/// The width of the text on A4 with margins of 20 mm, in twentieths of a point.
const TEXT_WIDTH: usize = 9638;

/// The start of a run of code. It names its font as well, since some word processors forget that of a style inside a
/// table.
const CODE_RUN: &str = "<w:r><w:rPr><w:rStyle w:val=\"CodeText\"/><w:rFonts w:ascii=\"Consolas\" \
     w:hAnsi=\"Consolas\" w:cs=\"Consolas\"/></w:rPr>";

/// The least height of a row with a cell to write in, in twentieths of a point.
const WRITING_HEIGHT: usize = 480;

/// The list definition that bullets use.
const BULLET_LIST: usize = 1;

/// Returns the document as an archive.
pub(super) fn render_docx(document: &ProcedureDocument) -> Result<Vec<u8>> {
    let mut body = DocumentBody::default();
    body.push_document(document);
    let footer = build_footer(document);
    let numbering = parts::build_numbering(body.step_lists);
    let properties = parts::build_properties(&escape_text(&document.title));
    let main = build_main_part(&body.xml);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // No time of its own, so that the same document gives the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for (name, content) in [
        // Readers that look at the start of the file expect this part first.
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", PACKAGE_RELATIONS),
        ("docProps/core.xml", properties.as_str()),
        ("word/document.xml", main.as_str()),
        ("word/_rels/document.xml.rels", DOCUMENT_RELATIONS),
        ("word/styles.xml", STYLES),
        ("word/numbering.xml", numbering.as_str()),
        ("word/settings.xml", SETTINGS),
        ("word/footer1.xml", footer.as_str()),
    ] {
        archive.start_file(name, options)?;
        archive.write_all(content.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

fn build_main_part(body: &str) -> String {
    format!(
        "{XML_START}<w:document {NAMESPACES}><w:body>{body}<w:sectPr>\
         <w:footerReference w:type=\"default\" r:id=\"rIdFooter\"/>\
         <w:pgSz w:w=\"11906\" w:h=\"16838\"/>\
         <w:pgMar w:top=\"1134\" w:right=\"1134\" w:bottom=\"1134\" w:left=\"1134\" w:header=\"567\" \
         w:footer=\"567\" w:gutter=\"0\"/></w:sectPr></w:body></w:document>"
    )
}

/// Returns the foot of every page: the title, the number of the page and that of the last one.
fn build_footer(document: &ProcedureDocument) -> String {
    let title = escape_text(&document.title);
    let field =
        |name: &str| format!("<w:fldSimple w:instr=\" {name} \"><w:r><w:t>1</w:t></w:r></w:fldSimple>");
    let (page, pages) = (field("PAGE"), field("NUMPAGES"));
    format!(
        "{XML_START}<w:ftr {NAMESPACES}><w:p><w:pPr><w:pStyle w:val=\"Footer\"/></w:pPr>\
         <w:r><w:t xml:space=\"preserve\">{title}</w:t></w:r><w:r><w:tab/></w:r>\
         <w:r><w:t xml:space=\"preserve\">Page </w:t></w:r>{page}\
         <w:r><w:t xml:space=\"preserve\"> of </w:t></w:r>{pages}</w:p></w:ftr>"
    )
}

/// The XML of the body, and how many lists of steps it has.
#[derive(Default)]
struct DocumentBody {
    xml: String,
    step_lists: usize,
}

impl DocumentBody {
    fn push_document(&mut self, document: &ProcedureDocument) {
        self.push_paragraph("Title", None, &RichText::from_words(&document.title));
        self.push_paragraph("Subtitle", None, &RichText::from_words(&document.subtitle));
        for (number, section) in (1..).zip(&document.sections) {
            let number: usize = number;
            let title = RichText::from_words(&format!("{number}. {}", section.title));
            self.push_paragraph("Heading1", None, &title);
            for block in &section.blocks {
                self.push_block(block);
            }
        }
    }

    fn push_block(&mut self, block: &DocumentBlock) {
        match block {
            // The font of code has a size of its own, which is too small for a heading.
            DocumentBlock::Subheading(text) => {
                let words = TextRun { words: text.to_plain_words(), style: RunStyle::Plain };
                self.push_paragraph("Heading2", None, &RichText { runs: vec![words] });
            }
            DocumentBlock::Paragraph(text) => self.push_paragraph("BodyText", None, text),
            DocumentBlock::List(items) => {
                for item in items {
                    self.push_paragraph("ListBullet", Some(BULLET_LIST), item);
                }
            }
            DocumentBlock::Steps(items) => {
                self.step_lists += 1;
                let list = BULLET_LIST + self.step_lists;
                for item in items {
                    self.push_paragraph("ListNumber", Some(list), item);
                }
            }
            DocumentBlock::Table(table) => self.push_table(table),
        }
    }

    fn push_paragraph(&mut self, style: &str, list: Option<usize>, text: &RichText) {
        self.xml.push_str(&format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/>"));
        if let Some(list) = list {
            self.xml
                .push_str(&format!("<w:numPr><w:ilvl w:val=\"0\"/><w:numId w:val=\"{list}\"/></w:numPr>"));
        }
        self.xml.push_str("</w:pPr>");
        for run in &text.runs {
            self.xml.push_str(match run.style {
                RunStyle::Plain => "<w:r>",
                RunStyle::Code => CODE_RUN,
                RunStyle::Strong => "<w:r><w:rPr><w:b/></w:rPr>",
            });
            self.xml.push_str("<w:t xml:space=\"preserve\">");
            push_escaped(&mut self.xml, &run.words);
            self.xml.push_str("</w:t></w:r>");
        }
        self.xml.push_str("</w:p>");
    }

    fn push_table(&mut self, table: &DocumentTable) {
        let widths: Vec<usize> =
            table.columns.iter().map(|column| TEXT_WIDTH * usize::from(column.percent) / 100).collect();
        self.xml.push_str(&format!(
            "<w:tbl><w:tblPr><w:tblStyle w:val=\"ProcedureTable\"/><w:tblW w:w=\"{TEXT_WIDTH}\" w:type=\"dxa\"/>\
             <w:tblLayout w:type=\"fixed\"/><w:tblLook w:val=\"0020\" w:firstRow=\"1\" w:lastRow=\"0\" \
             w:firstColumn=\"0\" w:lastColumn=\"0\" w:noHBand=\"1\" w:noVBand=\"1\"/></w:tblPr><w:tblGrid>"
        ));
        for width in &widths {
            self.xml.push_str(&format!("<w:gridCol w:w=\"{width}\"/>"));
        }
        self.xml.push_str("</w:tblGrid><w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>");
        for (column, width) in table.columns.iter().zip(&widths) {
            self.push_cell(*width, &TextCell::from_strong(column.title));
        }
        self.xml.push_str("</w:tr>");
        for row in &table.rows {
            self.xml.push_str("<w:tr><w:trPr><w:cantSplit/>");
            if row.iter().any(|cell| cell.lines.is_empty()) {
                self.xml.push_str(&format!("<w:trHeight w:val=\"{WRITING_HEIGHT}\"/>"));
            }
            self.xml.push_str("</w:trPr>");
            for (cell, width) in row.iter().zip(&widths) {
                self.push_cell(*width, cell);
            }
            self.xml.push_str("</w:tr>");
        }
        self.xml.push_str("</w:tbl>");
        // Without a paragraph between them, two tables would be one.
        self.push_paragraph("TableGap", None, &RichText::default());
    }

    fn push_cell(&mut self, width: usize, cell: &TextCell) {
        self.xml.push_str(&format!("<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/></w:tcPr>"));
        for line in &cell.lines {
            self.push_paragraph("TableText", None, line);
        }
        if cell.lines.is_empty() {
            // A cell has a paragraph, or the file is refused.
            self.push_paragraph("TableText", None, &RichText::default());
        }
        self.xml.push_str("</w:tc>");
    }
}
