//! The manifest of a data set: what it was made from, which repositories are in it, and the digest of each file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::fleet::shard::FleetShard;
use crate::audit::inputs::deployments::DeploymentList;
use crate::audit::inputs::incidents::IncidentList;

/// The name and version of the form of a data set.
pub const DATASET_SCHEMA: &str = "changegate/dataset/v1";

/// The folder of the data set in the folder of an audit.
pub const DATASET_FOLDER: &str = "dataset";

/// The name of the manifest in that folder.
pub const DATASET_MANIFEST: &str = "dataset.json";

/// The manifest of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatasetManifest {
    /// [`DATASET_SCHEMA`].
    pub schema: String,
    /// The name and version of the program that wrote it.
    pub tool: String,
    /// The part of the fleet that it holds; `None` for the whole.
    pub shard: Option<FleetShard>,
    /// The first instant of the period.
    pub from: Option<Timestamp>,
    /// The first instant after the period.
    pub until: Option<Timestamp>,
    /// The time as of which something is open or overdue.
    pub as_of: Timestamp,
    /// The incidents that were given.
    pub incidents: Option<IncidentList>,
    /// The deployments that were given.
    pub deployments: Option<DeploymentList>,
    /// The repositories, by their names.
    pub repositories: Vec<DatasetRepository>,
    /// Every other file.
    pub files: Vec<DatasetFile>,
}

/// A repository of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatasetRepository {
    /// Its name.
    pub name: String,
    /// How many changes of it landed in the period.
    pub changes: u64,
    /// The file of its events.
    pub events: String,
    /// Why it could not be audited, or not to its end; `None` if it was.
    pub not_audited: Option<String>,
}

/// A file of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatasetFile {
    /// Its path below the folder of the data set.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}
