//! Reads data sets: each whole and unchanged, and all of them of one audit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde::Deserialize;

use crate::audit::audit_manifest::digest_file;
use crate::audit::fleet::audit_event::{AuditEvent, EVENT_SHEET};
use crate::audit::fleet::dataset_manifest::{
    DATASET_MANIFEST, DATASET_SCHEMA, DatasetManifest, DatasetRepository,
};

/// The most bytes of a manifest.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;

/// The column of the event in [`EVENT_SHEET`].
const EVENT_COLUMN: usize = 1;

/// A data set that is whole: every file of its manifest is there and unchanged, and no other one.
#[derive(Clone, Debug)]
pub struct AuditDataset {
    folder: PathBuf,
    /// Its manifest.
    pub manifest: DatasetManifest,
}

/// Data sets of one audit: of the same period, as of the same time, and no repository in two of them.
#[derive(Clone, Debug)]
pub struct FleetDatasets {
    datasets: Vec<AuditDataset>,
    /// What the repositories were audited from, which is the same for all.
    pub made_from: DatasetManifest,
    /// The parts of the fleet that are missing, each in words.
    pub missing_parts: Vec<String>,
}

/// The first thing that is read of a manifest, whatever its version.
#[derive(Deserialize)]
struct ManifestHead {
    schema: String,
}

impl AuditDataset {
    /// Opens the data set in `folder`, and reads every file of it to compare the digests.
    ///
    /// # Errors
    ///
    /// Fails if its manifest is missing, damaged or of another version, and if a file is missing, was changed, or is
    /// not in the manifest.
    pub fn open_dataset(folder: &Path) -> Result<AuditDataset> {
        let manifest = read_manifest(&folder.join(DATASET_MANIFEST))?;
        let dataset = AuditDataset { folder: folder.to_path_buf(), manifest };
        dataset.check_files()?;
        Ok(dataset)
    }

    fn check_files(&self) -> Result<()> {
        let mut named: BTreeSet<&str> = BTreeSet::from([DATASET_MANIFEST]);
        for file in &self.manifest.files {
            let path = self.locate_file(&file.name)?;
            let found = fs::metadata(&path).with_context(|| format!("{} is missing", path.display()))?;
            if found.len() != file.bytes || digest_file(&path)? != file.sha256 {
                bail!(
                    "{} is not the file that the manifest names; copy the data set once more",
                    path.display()
                );
            }
            named.insert(&file.name);
        }
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            let list = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
            for entry in list {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.folder).unwrap_or(&path).to_string_lossy();
                if !named.contains(name.as_ref()) {
                    bail!("{} is in no manifest; a data set holds nothing else", path.display());
                }
            }
        }
        Ok(())
    }

    /// Returns the path of a file, which has to be below the folder.
    fn locate_file(&self, name: &str) -> Result<PathBuf> {
        let parts = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !parts || name.contains('\\') {
            bail!(
                "{} names the file `{}`, which is not below it",
                self.folder.display(),
                name.escape_debug()
            );
        }
        Ok(self.folder.join(name))
    }

    /// Reads the events of a repository, one after the other.
    fn read_repository(
        &self,
        repository: &DatasetRepository,
        take: &mut dyn FnMut(&AuditEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        if !self.manifest.files.iter().any(|file| file.name == repository.events) {
            bail!("{} does not name the events of {}", self.folder.display(), repository.name);
        }
        let path = self.locate_file(&repository.events)?;
        let describe = || format!("cannot read {}", path.display());
        let reader =
            SerializedFileReader::new(File::open(&path).with_context(describe)?).with_context(describe)?;
        check_table_version(&reader).with_context(describe)?;
        let mut changes = 0;
        for row in reader.get_row_iter(None).with_context(describe)? {
            let row = row.with_context(describe)?;
            let event: AuditEvent<'_> =
                serde_json::from_str(row.get_string(EVENT_COLUMN)?).with_context(describe)?;
            changes += u64::from(matches!(event, AuditEvent::Change(_)));
            take(&event)?;
        }
        if changes != repository.changes {
            bail!("{} holds {changes} changes, and the manifest {}", path.display(), repository.changes);
        }
        Ok(())
    }
}

/// Checks that a file holds events of the version that is read here.
fn check_table_version(reader: &SerializedFileReader<File>) -> Result<()> {
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let find = |key: &str| {
        let found = metadata.and_then(|all| all.iter().find(|one| one.key == key));
        found.and_then(|one| one.value.clone()).unwrap_or_default()
    };
    let (table, version) = (find("changegate.table"), find("changegate.version"));
    if table != EVENT_SHEET.name || version != EVENT_SHEET.version.to_string() {
        bail!(
            "it holds `{}` of version `{}`, and not `{}` of version {}",
            table.escape_debug(),
            version.escape_debug(),
            EVENT_SHEET.name,
            EVENT_SHEET.version
        );
    }
    Ok(())
}

fn read_manifest(path: &Path) -> Result<DatasetManifest> {
    let describe = || format!("cannot use {}", path.display());
    let found = fs::metadata(path).with_context(|| {
        format!("{} is missing: the data set was not written or not copied to its end", path.display())
    })?;
    if found.len() > MAX_MANIFEST_BYTES {
        bail!("{} is longer than {MAX_MANIFEST_BYTES} bytes", path.display());
    }
    let text = fs::read(path).with_context(describe)?;
    let head: ManifestHead = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no whole manifest of a data set", path.display()))?;
    if head.schema != DATASET_SCHEMA {
        bail!(
            "{} is of the schema `{}`, and this version reads {DATASET_SCHEMA}; audit the repositories anew",
            path.display(),
            head.schema.escape_debug()
        );
    }
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is no whole manifest of a data set", path.display()))
}

impl FleetDatasets {
    /// Puts data sets together. A part of the fleet that is missing is named, and is no error.
    ///
    /// # Errors
    ///
    /// Fails if there is none, if two of them are of different audits, or if a repository is in two of them.
    pub fn join_datasets(datasets: Vec<AuditDataset>) -> Result<FleetDatasets> {
        let Some(first) = datasets.first() else { bail!("there is no data set") };
        let made_from = first.manifest.clone();
        let mut holders: BTreeMap<&str, &Path> = BTreeMap::new();
        let mut shards: BTreeMap<u64, &Path> = BTreeMap::new();
        for one in &datasets {
            let (known, other) = (first.folder.display(), one.folder.display());
            for (what, is_same) in [
                ("period (--from, --to)", same_by(&made_from, &one.manifest, |one| (one.from, one.until))),
                ("time (--as-of)", same_by(&made_from, &one.manifest, |one| one.as_of)),
                ("file of incidents", same_by(&made_from, &one.manifest, |one| one.incidents.clone())),
                ("file of deployments", same_by(&made_from, &one.manifest, |one| one.deployments.clone())),
                (
                    "number of shards",
                    same_by(&made_from, &one.manifest, |one| one.shard.map(|shard| shard.of)),
                ),
            ] {
                if !is_same {
                    bail!("{known} and {other} differ in the {what}; audit all repositories with the same");
                }
            }
            if let Some(shard) = one.manifest.shard
                && let Some(before) = shards.insert(shard.number, &one.folder)
            {
                let (number, of) = (shard.number, shard.of);
                bail!("{} and {other} are both shard {number}/{of}", before.display());
            }
            for repository in one.manifest.repositories.iter().filter(|one| one.not_audited.is_none()) {
                if let Some(before) = holders.insert(&repository.name, &one.folder) {
                    bail!("{} is in {} and in {other}", repository.name, before.display());
                }
            }
        }
        let of = made_from.shard.map_or(0, |shard| shard.of);
        let absent = (1..=of).filter(|number| !shards.contains_key(number));
        let missing_parts = absent.map(|number| format!("shard {number}/{of}")).collect();
        Ok(FleetDatasets { datasets, made_from, missing_parts })
    }

    /// Reads the events of all repositories, in the order of their names.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, and passes on what `take` says.
    pub fn read_events(&self, take: &mut dyn FnMut(&AuditEvent<'_>) -> Result<()>) -> Result<()> {
        let mut repositories: Vec<(&DatasetRepository, &AuditDataset)> = Vec::new();
        for dataset in &self.datasets {
            for one in &dataset.manifest.repositories {
                // What no machine could reach is told once.
                let is_told = repositories.iter().any(|(known, _)| {
                    known.name == one.name && known.not_audited.is_some() && known.changes == 0
                });
                if one.not_audited.is_none() || one.changes > 0 || !is_told {
                    repositories.push((one, dataset));
                }
            }
        }
        repositories.sort_by(|one, other| one.0.name.cmp(&other.0.name));
        for (repository, dataset) in repositories {
            dataset.read_repository(repository, take)?;
        }
        Ok(())
    }
}

fn same_by<T: PartialEq>(
    one: &DatasetManifest,
    other: &DatasetManifest,
    value: impl Fn(&DatasetManifest) -> T,
) -> bool {
    value(one) == value(other)
}
