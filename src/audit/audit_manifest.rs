//! The manifest of an audit: the inputs, the population and the digests of all files, written when everything else is.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::completeness::CompletenessCheck;
use crate::audit::filled_cells::FilledInput;
use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::key_figures::KeyFigure;

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
    /// What people had filled in beside the exceptions, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filled_in: Option<FilledInput>,
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
    /// `sha256:` and the digest of the list of merged pull requests that it was compared with, if there was one.
    #[serde(default)]
    pub merged_pulls: Option<String>,
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

#[derive(Debug, Serialize, Deserialize)]
struct ManifestFile {
    name: String,
    sha256: String,
}

/// Writes the manifest; `names` are the files beside it.
///
/// # Errors
///
/// Fails if one of them cannot be read, or the manifest cannot be written.
pub(crate) fn write_manifest(folder: &Path, end: &AuditEnd<'_>, names: &[String]) -> Result<()> {
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

/// Returns the names of the files that the manifest in a folder names, and its own; none if there is no manifest of an audit.
pub(crate) fn read_file_names(folder: &Path) -> Vec<String> {
    match read_known_manifest(folder) {
        Some(known) => {
            known.files.into_iter().map(|file| file.name).chain([MANIFEST_FILE.to_owned()]).collect()
        }
        None => Vec::new(),
    }
}

/// Returns the tables and workbooks in a folder that are not as the audit that names them wrote them, as when somebody saved
/// them in a spreadsheet; but for those of these names.
///
/// # Errors
///
/// Fails if one of them cannot be read.
pub(crate) fn list_edited_files(folder: &Path, but: &[&str]) -> Result<Vec<String>> {
    let mut edited = Vec::new();
    for file in read_known_manifest(folder).map(|known| known.files).unwrap_or_default() {
        let path = folder.join(&file.name);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_sheet = ending.is_some_and(|ending| ["csv", "xlsx"].contains(&ending));
        if is_sheet && !but.contains(&file.name.as_str()) && path.is_file() {
            let sha256 = digest_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if sha256 != file.sha256 {
                edited.push(file.name);
            }
        }
    }
    Ok(edited)
}

#[derive(Deserialize)]
struct KnownManifest {
    schema: String,
    files: Vec<ManifestFile>,
}

fn read_known_manifest(folder: &Path) -> Option<KnownManifest> {
    let bytes = fs::read(folder.join(MANIFEST_FILE)).ok()?;
    let known = serde_json::from_slice::<KnownManifest>(&bytes).ok()?;
    (known.schema == AUDIT_SCHEMA).then_some(known)
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
