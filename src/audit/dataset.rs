//! What one audit writes: the change log, the population, the exceptions, the key figures and the completeness sheet,
//! as files in a folder and as one workbook, and a manifest that names the inputs and the digests of all of them.
//!
//! Rows are written as they come. The manifest comes last, so a folder without one is no whole audit.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::change_columns::{
    CHANGE_SHEET, build_change_row, change_log_sheet, list_auditor_columns,
};
use crate::audit::completeness::{COMPLETENESS_SHEET, CompletenessCheck};
use crate::audit::exceptions::{AuditException, EXCEPTION_SHEET};
use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::formats::xlsx::{SheetNumber, XlsxWorkbook};
use crate::audit::formats::{TableFormat, create_table};
use crate::audit::key_figures::{KEY_FIGURE_SHEET, KeyFigure};
use crate::audit::population::population_entry::POPULATION_SHEET;
use crate::audit::table::{RowWriter, TableCell, TableNote, TableSheet};

/// The name and version of the form of the manifest.
pub const AUDIT_SCHEMA: &str = "changegate/audit/v1";

/// The name of the manifest.
pub const MANIFEST_FILE: &str = "audit.json";

/// What an audit was made from. The same inputs give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditInputs {
    /// The name and version of the program.
    pub tool: String,
    /// What was audited, repository by repository.
    pub repositories: Vec<AuditedRepository>,
    /// The period in words.
    pub period: String,
    /// The first instant of the period.
    pub from: Option<Timestamp>,
    /// The first instant after the period.
    pub until: Option<Timestamp>,
    /// The time as of which something is open or overdue.
    pub as_of: Timestamp,
    /// `sha256:` and the digest of the file of incidents, if one was given.
    pub incidents: Option<String>,
    /// `sha256:` and the digest of the file of deployments, if one was given.
    pub deployments: Option<String>,
}

/// A repository of an audit, and what it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedRepository {
    /// The name of the repository.
    pub name: String,
    /// The full name of the ref.
    pub ref_name: String,
    /// What the ref held.
    pub tip: String,
    /// The commit that held the newest record of its ledger; `None` without a ledger.
    pub ledger: Option<String>,
    /// `sha256:` and the digest of that record.
    pub ledger_record: Option<String>,
    /// What judged the changes that no record holds the verdict of.
    pub judged_afterwards_by: Vec<String>,
}

/// The manifest of an audit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct AuditManifest<'a> {
    schema: &'static str,
    inputs: &'a AuditInputs,
    population: PopulationManifest<'a>,
    completeness: Vec<ManifestCheck<'a>>,
    files: Vec<ManifestFile>,
}

/// The frozen population: how many changes, and the digest of the list of their ids.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct PopulationManifest<'a> {
    changes: usize,
    digest: &'a str,
    how: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ManifestCheck<'a> {
    what: &'a str,
    expected: &'a str,
    found: &'a str,
    agrees: Option<bool>,
}

#[derive(Debug, Serialize)]
struct ManifestFile {
    name: String,
    sha256: String,
}

/// The files of an audit while they are written.
pub struct AuditFiles {
    folder: PathBuf,
    names: Vec<String>,
    workbook: XlsxWorkbook,
    changes: TableFiles,
    change_log: TableFiles,
    population: TableFiles,
    exceptions: TableFiles,
    key_figures: TableFiles,
    completeness: TableFiles,
    auditor_columns: Vec<usize>,
    exception_count: usize,
}

/// One table, in its sheet of the workbook and in files of its own.
struct TableFiles {
    sheet: Option<SheetNumber>,
    writers: Vec<Box<dyn RowWriter>>,
}

/// What an audit ends with.
pub struct AuditEnd<'a> {
    /// What it was made from.
    pub inputs: &'a AuditInputs,
    /// The number of changes.
    pub changes: usize,
    /// `sha256:` and the digest of the list of their ids.
    pub population_digest: &'a str,
    /// The key figures.
    pub key_figures: &'a [KeyFigure],
    /// The completeness sheet.
    pub completeness: &'a [CompletenessCheck],
    /// What the report cannot say, each limit in one sentence.
    pub limits: &'a [String],
}

impl AuditFiles {
    /// Creates the files in `folder`, which is made if it is not there; without Parquet where a data set holds it. A
    /// manifest of an earlier audit is removed
    /// first: until this one is whole, there is none.
    ///
    /// # Errors
    ///
    /// Fails if the folder or a file cannot be written.
    pub fn create_files(folder: &Path, title: &str, with_parquet: bool) -> Result<AuditFiles> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        match fs::remove_file(folder.join(MANIFEST_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", folder.display()));
            }
            _ => {}
        }
        use TableFormat::{Csv, JsonLines, Parquet};
        let all: &[TableFormat] = if with_parquet { &[Csv, JsonLines, Parquet] } else { &[Csv, JsonLines] };
        let workbook = XlsxWorkbook::create_file(&folder.join("audit.xlsx"), title)?;
        let mut opener = TableOpener { folder, names: vec!["audit.xlsx".to_owned()], workbook };
        let change_log = opener.open_table(change_log_sheet(), &[Csv])?;
        let exceptions = opener.open_table(EXCEPTION_SHEET, all)?;
        let key_figures = opener.open_table(KEY_FIGURE_SHEET, &[Csv, JsonLines])?;
        let completeness = opener.open_table(COMPLETENESS_SHEET, &[Csv])?;
        let changes = opener.open_table(CHANGE_SHEET, all)?;
        let population = opener.open_table(POPULATION_SHEET, &[Csv, JsonLines])?;
        let TableOpener { names, workbook, .. } = opener;
        Ok(AuditFiles {
            folder: folder.to_path_buf(),
            names,
            workbook,
            changes,
            change_log,
            population,
            exceptions,
            key_figures,
            completeness,
            auditor_columns: list_auditor_columns(),
            exception_count: 0,
        })
    }

    /// Writes the row of an entry of the population.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_entry(&mut self, row: &[TableCell]) -> Result<()> {
        self.population.write_row(&mut self.workbook, row)
    }

    /// Writes a change into the change log, and returns its row.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_change(&mut self, change: &ChangeRecord) -> Result<Vec<TableCell>> {
        let row = build_change_row(change);
        let short: Vec<TableCell> =
            self.auditor_columns.iter().filter_map(|place| row.get(*place)).cloned().collect();
        self.change_log.write_row(&mut self.workbook, &short)?;
        self.changes.write_row(&mut self.workbook, &row)?;
        Ok(row)
    }

    /// Writes an exception; `as_of` is the time of the audit.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn add_exception(&mut self, exception: &AuditException, as_of: Timestamp) -> Result<()> {
        self.exception_count += 1;
        let row = exception.build_row(self.exception_count, as_of);
        self.exceptions.write_row(&mut self.workbook, &row)
    }

    /// Returns how many exceptions were written.
    pub fn exception_count(&self) -> usize {
        self.exception_count
    }

    /// Finishes every file, and writes the manifest last. `others` are files that were written beside these.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written; then there is no manifest.
    pub fn finish_files(mut self, end: &AuditEnd<'_>, others: &[&str]) -> Result<()> {
        for figure in end.key_figures {
            self.key_figures.write_row(&mut self.workbook, &figure.build_row())?;
        }
        for check in end.completeness {
            self.completeness.write_row(&mut self.workbook, &check.build_row())?;
        }
        for note in list_notes(end, self.exception_count) {
            self.workbook.add_note(note);
        }
        let tables = [
            self.change_log,
            self.exceptions,
            self.key_figures,
            self.completeness,
            self.changes,
            self.population,
        ];
        for writer in tables.into_iter().flat_map(|table| table.writers) {
            writer.finish()?;
        }
        self.workbook.finish_file()?;
        let mut names = self.names;
        names.extend(others.iter().map(|name| (*name).to_owned()));
        names.sort_unstable();
        write_manifest(&self.folder, end, &names)
    }
}

/// Opens the tables of an audit one after the other.
struct TableOpener<'a> {
    folder: &'a Path,
    names: Vec<String>,
    workbook: XlsxWorkbook,
}

impl TableOpener<'_> {
    fn open_table(&mut self, sheet: TableSheet, formats: &[TableFormat]) -> Result<TableFiles> {
        let number = self.workbook.add_sheet(sheet)?;
        let mut writers = Vec::new();
        for format in formats {
            let name = format!("{}.{}", sheet.name.replace('_', "-"), format.file_extension());
            writers.push(create_table(*format, &self.folder.join(&name), sheet, &[])?);
            self.names.push(name);
        }
        Ok(TableFiles { sheet: Some(number), writers })
    }
}

impl TableFiles {
    fn write_row(&mut self, workbook: &mut XlsxWorkbook, cells: &[TableCell]) -> Result<()> {
        if let Some(number) = self.sheet {
            workbook.write_row_of(number, cells)?;
        }
        for writer in &mut self.writers {
            writer.write_row(cells)?;
        }
        Ok(())
    }
}

/// Returns the lines of the first sheet of the workbook.
fn list_notes(end: &AuditEnd<'_>, exceptions: usize) -> Vec<TableNote> {
    let inputs = end.inputs;
    let mut notes = vec![
        TableNote::new("Period", inputs.period.as_str()),
        TableNote::new("As of", inputs.as_of.to_string().as_str()),
        TableNote::new("Changes", end.changes.to_string().as_str()),
        TableNote::new(
            "Exceptions",
            format!("{exceptions} exceptions in a population of {}", end.changes).as_str(),
        ),
        TableNote::new("Digest of the population", end.population_digest),
        TableNote::new("Made by", inputs.tool.as_str()),
    ];
    for repository in &inputs.repositories {
        let ledger = match &repository.ledger {
            Some(commit) => format!("ledger at {commit}"),
            None => "no ledger".to_owned(),
        };
        let what = format!("{} at {}, {ledger}", repository.ref_name, repository.tip);
        notes.push(TableNote::new(repository.name.as_str(), what.as_str()));
    }
    for limit in end.limits {
        notes.push(TableNote::new("Limit of this report", limit.as_str()));
    }
    notes
}

fn write_manifest(folder: &Path, end: &AuditEnd<'_>, names: &[String]) -> Result<()> {
    let mut files = Vec::new();
    for name in names {
        let path = folder.join(name);
        let sha256 = digest_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push(ManifestFile { name: name.clone(), sha256 });
    }
    let completeness = end.completeness.iter().map(|check| ManifestCheck {
        what: &check.what,
        expected: &check.expected,
        found: &check.found,
        agrees: check.agrees,
    });
    let manifest = AuditManifest {
        schema: AUDIT_SCHEMA,
        inputs: end.inputs,
        population: PopulationManifest {
            changes: end.changes,
            digest: end.population_digest,
            how: "SHA-256 of the change ids, sorted by their bytes, each followed by a line end",
        },
        completeness: completeness.collect(),
        files,
    };
    let mut file = UnfinishedFile::create(&folder.join(MANIFEST_FILE))?;
    serde_json::to_writer_pretty(&mut file, &manifest)?;
    file.write_all(b"\n")?;
    file.finish()
}

/// Returns the SHA-256 of a file in hexadecimal digits.
pub(crate) fn digest_file(path: &Path) -> Result<String> {
    use sha2::{Digest as _, Sha256};
    let mut digest = Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            return Ok(crate::change::text::encode_hex(&digest.finalize()));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
}
