//! What one audit writes: the change log, the population, the exceptions, the key figures and the completeness sheet,
//! as files in a folder and as one workbook, and a manifest that names the inputs and the digests of all of them.
//!
//! Rows are written as they come, into a folder of their own below that of the audit. When all of it is whole, the files
//! take the places of those of an earlier audit, the manifest last; in that moment a mark says that the folder is not
//! finished. Until then the earlier audit is there as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::audit::audit_manifest::{AuditEnd, MANIFEST_FILE, read_file_names, write_manifest};
use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::change_columns::{
    CHANGE_SHEET, build_change_row, change_log_sheet, list_auditor_columns,
};
use crate::audit::completeness::COMPLETENESS_SHEET;
use crate::audit::exceptions::{AuditException, EXCEPTION_SHEET};
use crate::audit::filled_cells::{FilledExceptions, KEPT_FILE, WORKBOOK_FILE};
use crate::audit::formats::unfinished_file::{
    UNFINISHED_PREFIX, create_unfinished_folder, remove_unfinished,
};
use crate::audit::formats::xlsx::{SheetNumber, XlsxWorkbook};
use crate::audit::formats::{TableFormat, create_table};
use crate::audit::key_figures::KEY_FIGURE_SHEET;
use crate::audit::placed_file::{place_file, remove_file};
use crate::audit::population::population_entry::POPULATION_SHEET;
use crate::audit::population::refused_push::REFUSAL_SHEET;
use crate::audit::row_worker::RowWorker;
use crate::audit::table::{RowWriter, TableCell, TableNote, TableSheet};
use crate::audit::workbook_notes::list_notes;

/// The file that says that a folder is not finished: until the manifest is there, its files may be of two audits.
const UNFINISHED_MARK: &str = "unfinished.txt";

/// What the folder is called in which the files are written.
const WORK_FOLDER: &str = "audit";

const UNFINISHED_WORDS: &str = "An audit that was written into this folder did not come to its end. Files in it may be of \
                                two audits: run it again before you use one of them.\n";

/// Which tables an audit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditProfile {
    /// All of them.
    Full,
    /// All but the wide one of the changes, so that the change log is one page wide.
    Auditor,
}

/// The files of an audit while they are written.
pub struct AuditFiles {
    folder: PathBuf,
    /// Where the files are written until they are whole.
    work: TempDir,
    /// The files of an earlier audit that this one does not have.
    left_out: Vec<String>,
    names: Vec<String>,
    workbook: RowWorker<WorkbookLine>,
    tables: RowWorker<TableRow>,
    auditor_columns: Vec<usize>,
    exception_count: usize,
    /// What people filled in after an earlier audit.
    filled: FilledExceptions,
}

/// A row, for the workbook and for the files of its table.
type SharedRow = Arc<Vec<TableCell>>;

/// The tables of an audit, in the order of the sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuditTable {
    ChangeLog,
    Exceptions,
    KeyFigures,
    Completeness,
    Changes,
    Population,
    Refusals,
}

/// A row for the files of a table.
type TableRow = (AuditTable, SharedRow);

/// What is written into the workbook.
enum WorkbookLine {
    Row(AuditTable, SharedRow),
    Note(TableNote),
}

/// The workbook, with the sheet of each table.
struct AuditWorkbook {
    workbook: XlsxWorkbook,
    /// `None` for a table that is left out.
    sheets: Vec<Option<SheetNumber>>,
}

/// The files of each table.
type TableWriters = Vec<Vec<Box<dyn RowWriter>>>;

impl AuditFiles {
    /// Creates the files below `folder`, which is made if it is not there; without Parquet where a data set holds it. An
    /// earlier audit stays there until this one is whole.
    ///
    /// # Errors
    ///
    /// Fails if the folder or a file cannot be written.
    pub fn create_files(
        folder: &Path,
        title: &str,
        (profile, with_parquet): (AuditProfile, bool),
    ) -> Result<AuditFiles> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        remove_unfinished(folder, UNFINISHED_PREFIX);
        let work = create_unfinished_folder(folder, WORK_FOLDER)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        let root = work.path();
        use TableFormat::{Csv, JsonLines, Parquet};
        let all: &[TableFormat] = if with_parquet { &[Csv, JsonLines, Parquet] } else { &[Csv, JsonLines] };
        let workbook = XlsxWorkbook::create_file(&root.join(WORKBOOK_FILE), title)?;
        let names = vec![WORKBOOK_FILE.to_owned()];
        let mut opener = TableOpener {
            folder: root,
            names,
            left_out: Vec::new(),
            workbook,
            sheets: Vec::new(),
            writers: Vec::new(),
        };
        // In the order of `AuditTable`.
        let log_formats = if profile == AuditProfile::Auditor { all } else { &[Csv] };
        opener.open_table(change_log_sheet(), log_formats)?;
        opener.open_table(EXCEPTION_SHEET, all)?;
        opener.open_table(KEY_FIGURE_SHEET, &[Csv, JsonLines])?;
        opener.open_table(COMPLETENESS_SHEET, &[Csv])?;
        match profile {
            AuditProfile::Full => opener.open_table(CHANGE_SHEET, all)?,
            AuditProfile::Auditor => opener.leave_out_table(CHANGE_SHEET),
        }
        opener.open_table(POPULATION_SHEET, &[Csv, JsonLines])?;
        opener.open_table(REFUSAL_SHEET, &[Csv, JsonLines])?;
        let TableOpener { names, left_out, workbook, sheets, writers, .. } = opener;
        Ok(AuditFiles {
            folder: folder.to_path_buf(),
            work,
            left_out,
            names,
            workbook: RowWorker::start(AuditWorkbook { workbook, sheets }, write_line, |book| {
                book.workbook.finish_file()
            }),
            tables: RowWorker::start(writers, write_table_row, finish_tables),
            auditor_columns: list_auditor_columns(),
            exception_count: 0,
            filled: FilledExceptions::default(),
        })
    }

    /// Returns the files of the folder that this audit would replace and that no audit has written: of an earlier one,
    /// the manifest names all.
    pub fn list_foreign_files(&self, others: &[&str]) -> Vec<String> {
        // Files of an audit that did not come to its end have no manifest.
        if fs::read_to_string(self.folder.join(UNFINISHED_MARK)).is_ok_and(|text| text == UNFINISHED_WORDS) {
            return Vec::new();
        }
        let known = read_file_names(&self.folder);
        let names = self.names.iter().chain(&self.left_out).map(String::as_str).chain(others.iter().copied());
        let mut foreign: Vec<String> = names
            .chain([MANIFEST_FILE, UNFINISHED_MARK])
            .filter(|name| self.folder.join(name).is_file() && !known.iter().any(|known| known == name))
            .map(str::to_owned)
            .collect();
        foreign.sort_unstable();
        foreign.dedup();
        foreign
    }

    /// Carries over what people filled in, which has to be said before the first exception.
    pub fn carry_filled_cells(&mut self, filled: FilledExceptions) {
        self.filled = filled;
    }

    /// Returns what people filled in, without the rows that have found their exception.
    pub fn filled_cells(&self) -> &FilledExceptions {
        &self.filled
    }

    /// Writes the row of an entry of the population.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_entry(&mut self, row: Arc<Vec<TableCell>>) -> Result<()> {
        self.write_row(AuditTable::Population, row)
    }

    /// Writes the row of a refusal.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_refusal(&mut self, row: Arc<Vec<TableCell>>) -> Result<()> {
        self.write_row(AuditTable::Refusals, row)
    }

    /// Writes a change into the change log, and returns its row.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_change(&mut self, change: &ChangeRecord) -> Result<Arc<Vec<TableCell>>> {
        let row = Arc::new(build_change_row(change));
        let short: Vec<TableCell> =
            self.auditor_columns.iter().filter_map(|place| row.get(*place)).cloned().collect();
        self.write_row(AuditTable::ChangeLog, short.into())?;
        self.write_row(AuditTable::Changes, Arc::clone(&row))?;
        Ok(row)
    }

    fn write_row(&mut self, table: AuditTable, row: SharedRow) -> Result<()> {
        self.workbook.queue_row(WorkbookLine::Row(table, Arc::clone(&row)))?;
        self.tables.queue_row((table, row))
    }

    /// Writes an exception; `as_of` is the time of the audit.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_exception(&mut self, exception: &AuditException, as_of: Timestamp) -> Result<()> {
        self.exception_count += 1;
        let mut row = exception.build_row(self.exception_count, as_of);
        self.filled.fill_row(&mut row)?;
        self.write_row(AuditTable::Exceptions, row.into())
    }

    /// Returns how many exceptions were written.
    pub fn exception_count(&self) -> usize {
        self.exception_count
    }

    /// Writes the last rows. The files are finished while others go on.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn end_tables(&mut self, end: &AuditEnd<'_>) -> Result<()> {
        for figure in end.key_figures {
            self.write_row(AuditTable::KeyFigures, figure.build_row().into())?;
        }
        for check in end.completeness {
            self.write_row(AuditTable::Completeness, check.build_row().into())?;
        }
        for note in list_notes(end, self.exception_count) {
            self.workbook.queue_row(WorkbookLine::Note(note))?;
        }
        self.workbook.end_rows()?;
        self.tables.end_rows()
    }

    /// Returns the folder in which files are written that belong to the audit.
    pub fn work_folder(&self) -> &Path {
        self.work.path()
    }

    /// Waits for every file, after [`AuditFiles::end_tables`], writes the manifest, and puts all of them in their places.
    /// `others` are files that were written beside these, and `place_more` places what else belongs to the audit.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written; then what was there before is there as it was. Fails as well if one cannot take
    /// its place; then the folder says that it is not finished.
    pub fn finish_files(
        self,
        end: &AuditEnd<'_>,
        others: &[&str],
        place_more: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.tables.wait_for_files()?;
        self.workbook.wait_for_files()?;
        let (mut names, mut left_out) = (self.names, self.left_out);
        match self.filled.write_kept_rows(self.work.path())? {
            Some(kept) => names.push(kept.to_owned()),
            None => left_out.push(KEPT_FILE.to_owned()),
        }
        names.extend(others.iter().map(|name| (*name).to_owned()));
        names.sort_unstable();
        write_manifest(self.work.path(), end, &names)?;
        let (folder, work) = (&self.folder, self.work.path());
        // A place that no file can take is found before the first of them is touched.
        for name in names.iter().map(String::as_str).chain([MANIFEST_FILE, UNFINISHED_MARK]) {
            let path = folder.join(name);
            if path.metadata().is_ok_and(|found| !found.is_file()) {
                bail!("cannot write {}: it is not a file", path.display());
            }
        }
        self.filled.refuse_later_edits(folder)?;
        self.filled.keep_workbook(folder)?;
        let mark = folder.join(UNFINISHED_MARK);
        fs::write(&mark, UNFINISHED_WORDS)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        remove_file(&folder.join(MANIFEST_FILE))?;
        place_more()?;
        for name in &left_out {
            remove_file(&folder.join(name))?;
        }
        for name in names.iter().map(String::as_str).chain([MANIFEST_FILE]) {
            place_file(&work.join(name), &folder.join(name))?;
        }
        remove_file(&mark)
    }
}

/// Opens the tables of an audit one after the other.
struct TableOpener<'a> {
    folder: &'a Path,
    names: Vec<String>,
    left_out: Vec<String>,
    workbook: XlsxWorkbook,
    sheets: Vec<Option<SheetNumber>>,
    writers: TableWriters,
}

impl TableOpener<'_> {
    /// Leaves out a table. Its files of an earlier audit are removed at the end: the manifest would not name them.
    fn leave_out_table(&mut self, sheet: TableSheet) {
        self.sheets.push(None);
        self.writers.push(Vec::new());
        for format in [TableFormat::Csv, TableFormat::JsonLines, TableFormat::Parquet] {
            self.left_out.push(format!("{}.{}", sheet.name, format.file_extension()));
        }
    }

    fn open_table(&mut self, sheet: TableSheet, formats: &[TableFormat]) -> Result<()> {
        self.sheets.push(Some(self.workbook.add_sheet(sheet)?));
        let mut writers = Vec::new();
        for format in formats {
            let name = format!("{}.{}", sheet.name.replace('_', "-"), format.file_extension());
            writers.push(create_table(*format, &self.folder.join(&name), sheet, &[])?);
            self.names.push(name);
        }
        self.writers.push(writers);
        Ok(())
    }
}

fn write_line(book: &mut AuditWorkbook, line: WorkbookLine) -> Result<()> {
    match line {
        WorkbookLine::Row(table, cells) => {
            match book.sheets.get(table as usize).context("a table has no sheet")? {
                Some(sheet) => book.workbook.write_row_of(*sheet, &cells),
                None => Ok(()),
            }
        }
        WorkbookLine::Note(note) => {
            book.workbook.add_note(note);
            Ok(())
        }
    }
}

fn write_table_row(tables: &mut TableWriters, (table, cells): TableRow) -> Result<()> {
    for writer in tables.get_mut(table as usize).context("a table has no files")? {
        writer.write_row(&cells)?;
    }
    Ok(())
}

fn finish_tables(tables: TableWriters) -> Result<()> {
    for writer in tables.into_iter().flatten() {
        writer.finish()?;
    }
    Ok(())
}
