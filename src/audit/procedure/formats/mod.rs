//! The formats of a procedure, one file or folder each. Each escapes what it would act on.

mod docx;
mod html;
mod markdown;
mod xml_text;

use anyhow::Result;

use crate::audit::procedure::document::ProcedureDocument;

/// The formats that a procedure can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcedureFormat {
    /// For word processors: styles, tables, page numbers, A4.
    Docx,
    /// One file for a browser and for paper.
    Html,
    /// Markdown as GitHub has it.
    Markdown,
}

impl ProcedureFormat {
    /// All formats.
    pub const ALL: [ProcedureFormat; 3] =
        [ProcedureFormat::Docx, ProcedureFormat::Html, ProcedureFormat::Markdown];

    /// Returns how the name of a file in this format ends, without the dot.
    pub fn file_extension(self) -> &'static str {
        match self {
            ProcedureFormat::Docx => "docx",
            ProcedureFormat::Html => "html",
            ProcedureFormat::Markdown => "md",
        }
    }
}

/// Returns the document as the bytes of a file. The same document gives the same bytes.
///
/// # Errors
///
/// Fails if an archive cannot be made.
pub fn render_procedure(document: &ProcedureDocument, format: ProcedureFormat) -> Result<Vec<u8>> {
    Ok(match format {
        ProcedureFormat::Docx => docx::render_docx(document)?,
        ProcedureFormat::Html => html::render_html(document).into_bytes(),
        ProcedureFormat::Markdown => markdown::render_markdown(document).into_bytes(),
    })
}

#[cfg(test)]
mod tests;
