//! Writes a data set: repository after repository, under a temporary name until it is whole.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::audit::audit_manifest::digest_file;
use crate::audit::change_record::change_columns::{CHANGE_COLUMNS, CHANGE_SHEET};
use crate::audit::exceptions::{AuditException, EXCEPTION_SHEET};
use crate::audit::fleet::audit_event::{AuditEvent, EVENT_SHEET};
use crate::audit::fleet::dataset_manifest::{
    DATASET_FOLDER, DATASET_MANIFEST, DATASET_SCHEMA, DatasetFile, DatasetManifest, DatasetRepository,
};
use crate::audit::fleet::partitioned_table::{PartitionedTable, name_partition};
use crate::audit::fleet::shard::FleetShard;
use crate::audit::formats::parquet::ParquetTable;
use crate::audit::formats::unfinished_file::{UnfinishedFile, create_unfinished_folder};
use crate::audit::inputs::deployments::DeploymentList;
use crate::audit::inputs::incidents::IncidentList;
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::population_entry::POPULATION_SHEET;
use crate::audit::population::refused_push::REFUSAL_SHEET;
use crate::audit::table::{ColumnKind, RowWriter as _, TableCell, TableColumn, TableSheet};

/// The column that the folders of a data set tell.
const FOLDER_COLUMN: &str = "repository";

/// The repositories of a data set as a table.
static REPOSITORY_SHEET: TableSheet = TableSheet {
    name: "repositories",
    version: 1,
    title: "Repositories",
    columns: &[
        TableColumn::new("repository", "Repository", ColumnKind::Text, "The name of the repository."),
        TableColumn::new("target_ref", "Branch", ColumnKind::Text, "The full name of the ref."),
        TableColumn::new("tip", "Held", ColumnKind::Text, "The commit that the ref held."),
        TableColumn::new("ledger", "Ledger", ColumnKind::Text, "The newest commit of its ledger."),
        TableColumn::new("changes", "Changes", ColumnKind::Integer, "How many changes landed in the period."),
        TableColumn::new("exceptions", "Exceptions", ColumnKind::Integer, "How many exceptions there are."),
        TableColumn::new(
            "not_audited",
            "Not audited",
            ColumnKind::Text,
            "Why it could not be audited, or not to its end.",
        ),
    ],
};

/// What a data set was made from, as is known at its end.
pub struct DatasetFacts {
    /// The name and version of the program.
    pub tool: String,
    /// The period.
    pub period: AuditPeriod,
    /// The time as of which something is open or overdue.
    pub as_of: Timestamp,
    /// The incidents that were given.
    pub incidents: Option<IncidentList>,
    /// The deployments that were given.
    pub deployments: Option<DeploymentList>,
}

/// A data set that is being written.
pub struct DatasetWriter {
    /// Where it will stand.
    target: PathBuf,
    folder: TempDir,
    shard: Option<FleetShard>,
    changes: PartitionedTable,
    exceptions: PartitionedTable,
    population: PartitionedTable,
    refusals: PartitionedTable,
    repository_table: Box<ParquetTable>,
    repository: Option<OpenRepository>,
    repositories: Vec<DatasetRepository>,
    files: Vec<String>,
}

/// The repository whose events come.
struct OpenRepository {
    name: String,
    file: String,
    events: Box<ParquetTable>,
    places: i64,
    changes: u64,
    exceptions: usize,
    /// The ref, its tip and the ledger, when they are known.
    held: [TableCell; 3],
    not_audited: Option<String>,
}

impl DatasetWriter {
    /// Begins the data set of an audit that is written into `folder`, which is there. One that stands there already is
    /// replaced when this one is whole.
    ///
    /// # Errors
    ///
    /// Fails if nothing can be written there, and if what stands there is no data set.
    pub fn create_dataset(folder: &Path, shard: Option<FleetShard>) -> Result<DatasetWriter> {
        let target = folder.join(DATASET_FOLDER);
        if target.symlink_metadata().is_ok() && !target.join(DATASET_MANIFEST).is_file() {
            bail!("{} is there and is no data set; remove it, or write elsewhere", target.display());
        }
        let work = create_unfinished_folder(folder, DATASET_FOLDER)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        let root = work.path();
        let name = format!("{}/part-0.parquet", REPOSITORY_SHEET.name);
        fs::create_dir_all(root.join(REPOSITORY_SHEET.name))?;
        let repository_table = ParquetTable::create_file(&root.join(&name), REPOSITORY_SHEET)?;
        Ok(DatasetWriter {
            target,
            shard,
            changes: PartitionedTable::new(root, partitioned_change_sheet(), CHANGE_SHEET),
            exceptions: PartitionedTable::new(root, EXCEPTION_SHEET, EXCEPTION_SHEET),
            population: PartitionedTable::new(root, partitioned_population_sheet(), POPULATION_SHEET),
            refusals: PartitionedTable::new(root, partitioned_refusal_sheet(), REFUSAL_SHEET),
            repository_table: Box::new(repository_table),
            repository: None,
            repositories: Vec::new(),
            files: vec![name],
            folder: work,
        })
    }

    /// Begins the repository of this name, which has to come once.
    ///
    /// # Errors
    ///
    /// Fails if its file cannot be written.
    pub fn begin_repository(&mut self, name: &str) -> Result<()> {
        self.end_repository()?;
        let folder = format!("{}/{}", EVENT_SHEET.name, name_partition(name));
        let file = format!("{folder}/part-0.parquet");
        let path = self.folder.path().join(&folder);
        fs::create_dir_all(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        let events = ParquetTable::create_file(&self.folder.path().join(&file), EVENT_SHEET)?;
        self.repository = Some(OpenRepository {
            name: name.to_owned(),
            file,
            events: Box::new(events),
            places: 0,
            changes: 0,
            exceptions: 0,
            held: [TableCell::Empty, TableCell::Empty, TableCell::Empty],
            not_audited: None,
        });
        Ok(())
    }

    fn open_repository(&mut self) -> Result<&mut OpenRepository> {
        self.repository.as_mut().context("an event of the audit belongs to no repository")
    }

    /// Writes the next event of the repository.
    ///
    /// # Errors
    ///
    /// Fails if its file cannot be written.
    pub(crate) fn add_event(&mut self, event: &AuditEvent<'_>) -> Result<()> {
        let written = serde_json::to_string(event)?;
        let open = self.open_repository()?;
        match event {
            AuditEvent::RefEnded(closing) => {
                let of = &closing.repository;
                let ledger = of.ledger.clone().into();
                open.held = [of.ref_name.as_str().into(), of.tip.as_str().into(), ledger];
            }
            AuditEvent::NotAudited(unread) => open.not_audited = Some(unread.why.clone()),
            _ => {}
        }
        open.places += 1;
        open.events.write_row(&[open.places.into(), written.into()])
    }

    /// Writes the row of an entry of the population.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(crate) fn add_entry(&mut self, at: Timestamp, row: &[TableCell]) -> Result<()> {
        let name = self.open_repository()?.name.clone();
        self.population.write_row(&name, at, row)
    }

    /// Writes the row of a refusal.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(crate) fn add_refusal(&mut self, at: Timestamp, row: &[TableCell]) -> Result<()> {
        let name = self.open_repository()?.name.clone();
        self.refusals.write_row(&name, at, row)
    }

    /// Writes the row of a change.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(crate) fn add_change(&mut self, at: Timestamp, row: &[TableCell]) -> Result<()> {
        let open = self.open_repository()?;
        open.changes += 1;
        let name = open.name.clone();
        self.changes.write_row(&name, at, row)
    }

    /// Writes an exception. Its number counts those of its repository, so that it is the same however a fleet is shared.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub(crate) fn add_exception(&mut self, exception: &AuditException, as_of: Timestamp) -> Result<()> {
        let open = self.open_repository()?;
        open.exceptions += 1;
        let row = exception.build_row(open.exceptions, as_of);
        let name = open.name.clone();
        self.exceptions.write_row(&name, exception.occurred_at, &row)
    }

    fn end_repository(&mut self) -> Result<()> {
        let Some(open) = self.repository.take() else { return Ok(()) };
        open.events.finish()?;
        self.files.push(open.file.clone());
        let Self { changes, exceptions: asked, population, refusals, .. } = self;
        for table in [changes, asked, population, refusals] {
            self.files.extend(table.end_repository()?);
        }
        let [ref_name, tip, ledger] = open.held;
        let exceptions = i64::try_from(open.exceptions).unwrap_or(i64::MAX);
        self.repository_table.write_row(&[
            open.name.as_str().into(),
            ref_name,
            tip,
            ledger,
            i64::try_from(open.changes).unwrap_or(i64::MAX).into(),
            exceptions.into(),
            open.not_audited.clone().into(),
        ])?;
        self.repositories.push(DatasetRepository {
            name: open.name,
            changes: open.changes,
            events: open.file,
            not_audited: open.not_audited,
        });
        Ok(())
    }

    /// Finishes every file and writes the manifest; the data set is put in its place later.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written; then there is no data set, or the one that was there.
    pub(crate) fn finish_dataset(mut self, facts: DatasetFacts) -> Result<WholeDataset> {
        self.end_repository()?;
        let root = self.folder.path().to_path_buf();
        self.repository_table.finish()?;
        self.files.sort_unstable();
        let mut files = Vec::new();
        for name in self.files {
            let path = root.join(&name);
            let read = || format!("cannot read {}", path.display());
            let bytes = fs::metadata(&path).with_context(read)?.len();
            files.push(DatasetFile { sha256: digest_file(&path).with_context(read)?, name, bytes });
        }
        let manifest = DatasetManifest {
            schema: DATASET_SCHEMA.to_owned(),
            tool: facts.tool,
            shard: self.shard,
            from: facts.period.from,
            until: facts.period.until,
            as_of: facts.as_of,
            incidents: facts.incidents,
            deployments: facts.deployments,
            repositories: self.repositories,
            files,
        };
        let mut file = UnfinishedFile::create(&root.join(DATASET_MANIFEST))?;
        serde_json::to_writer_pretty(&mut file, &manifest)?;
        file.write_all(b"\n")?;
        file.finish()?;
        Ok(WholeDataset { folder: self.folder, target: self.target })
    }
}

/// A data set that is whole and not in its place yet.
pub(crate) struct WholeDataset {
    folder: TempDir,
    target: PathBuf,
}

impl WholeDataset {
    /// Puts the data set in its place.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be put there.
    pub(crate) fn place_dataset(self) -> Result<()> {
        replace_folder(self.folder, &self.target)
    }
}

/// Puts a folder in the place of another one, which is removed.
fn replace_folder(work: TempDir, target: &Path) -> Result<()> {
    let describe = || format!("cannot write {}", target.display());
    make_readable(work.path()).with_context(describe)?;
    let parent = target.parent().unwrap_or(Path::new("."));
    let old = tempfile::Builder::new().prefix(".replaced-").tempdir_in(parent).with_context(describe)?;
    if target.symlink_metadata().is_ok() {
        fs::rename(target, old.path().join(DATASET_FOLDER)).with_context(describe)?;
    }
    fs::rename(work.path(), target).with_context(describe)?;
    // Nothing is left under the temporary name.
    let _gone = work.keep();
    Ok(())
}

/// Lets others read the folder as they may read any new one: a temporary folder is its owner's alone.
fn make_readable(folder: &Path) -> Result<()> {
    let probe = folder.join("probe");
    fs::create_dir(&probe)?;
    let permissions = fs::metadata(&probe)?.permissions();
    fs::remove_dir(&probe)?;
    Ok(fs::set_permissions(folder, permissions)?)
}

/// Returns the columns of the change log that the folders do not tell.
fn partitioned_change_sheet() -> TableSheet {
    static COLUMNS: LazyLock<Vec<TableColumn>> = LazyLock::new(|| list_own_columns(CHANGE_COLUMNS));
    TableSheet { columns: &COLUMNS, ..CHANGE_SHEET }
}

/// Returns the columns of the population that the folders do not tell.
fn partitioned_population_sheet() -> TableSheet {
    static COLUMNS: LazyLock<Vec<TableColumn>> = LazyLock::new(|| list_own_columns(POPULATION_SHEET.columns));
    TableSheet { columns: &COLUMNS, ..POPULATION_SHEET }
}

/// Returns the columns of the refusals that the folders do not tell.
fn partitioned_refusal_sheet() -> TableSheet {
    static COLUMNS: LazyLock<Vec<TableColumn>> = LazyLock::new(|| list_own_columns(REFUSAL_SHEET.columns));
    TableSheet { columns: &COLUMNS, ..REFUSAL_SHEET }
}

fn list_own_columns(columns: &[TableColumn]) -> Vec<TableColumn> {
    columns.iter().filter(|column| column.key != FOLDER_COLUMN).copied().collect()
}
