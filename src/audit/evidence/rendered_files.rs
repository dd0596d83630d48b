//! The files of a change that are made of its document: the pages and the timeline.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::audit::formats::{TableFormat, create_table};
use crate::audit::show::document::ChangeDocument;
use crate::audit::show::html::write_page_html;
use crate::audit::show::markdown::write_page_markdown;
use crate::audit::show::timeline::TIMELINE_SHEET;
use crate::change::Oid;
use crate::git::evidence_objects::tree_walk::DifferingFile;

/// The document that the other files are made of.
pub(super) const DOCUMENT_FILE: &str = "record.json";

/// The values that the document and the pages are made of.
pub(super) const VALUES_FILE: &str = "values.json";

/// The patch of a change.
pub(super) const PATCH_FILE: &str = "change.patch";

/// The files that are made of the document.
pub(super) const RENDERED_FILES: [&str; 3] = ["page.html", "page.md", "timeline.csv"];

/// Writes the files that a document makes into a folder.
///
/// # Errors
///
/// Fails if one cannot be written.
pub(super) fn write_rendered_files(document: &ChangeDocument, folder: &Path) -> Result<()> {
    let [html, markdown, timeline] = RENDERED_FILES;
    let mut bytes = Vec::new();
    write_page_html(&document.page, &mut bytes)?;
    write_pack_file(&folder.join(html), &bytes)?;
    bytes.clear();
    write_page_markdown(&document.page, &mut bytes)?;
    write_pack_file(&folder.join(markdown), &bytes)?;
    let mut rows = create_table(TableFormat::Csv, &folder.join(timeline), TIMELINE_SHEET, &[])?;
    for event in &document.timeline {
        rows.write_row(&event.build_row())?;
    }
    rows.finish()
}

/// Returns the files that a patch shows: those whose contents before and afterwards are in the pack. `None` if there is
/// none of them although the change changes files.
pub(super) fn select_patch_files(
    found: &[DifferingFile],
    is_left_out: impl Fn(Oid) -> bool,
) -> Option<Vec<DifferingFile>> {
    let is_shown =
        |file: &&DifferingFile| !file.old.iter().chain(&file.new).any(|entry| is_left_out(entry.id));
    let shown: Vec<DifferingFile> = found.iter().filter(is_shown).cloned().collect();
    if shown.is_empty() && !found.is_empty() { None } else { Some(shown) }
}

/// Writes a file of a pack, with the folders that it is in.
///
/// # Errors
///
/// Fails if it cannot be written.
pub(super) fn write_pack_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let describe = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(describe)?;
    }
    fs::write(path, bytes).with_context(describe)
}
