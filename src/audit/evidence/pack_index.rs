//! What an evidence pack says that it holds: the file `pack.json`.

use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::git::evidence_objects::tree_walk::{DifferingFile, TreeEntryId};

/// The name and version of the form of a pack.
pub const PACK_SCHEMA: &str = "changegate/evidence/v1";

/// The file that says what a pack holds.
pub(crate) const INDEX_FILE: &str = "pack.json";

/// The file with the digests of all others, as `sha256sum` reads it.
pub(crate) const MANIFEST_FILE: &str = "MANIFEST.sha256";

/// The folder of Git objects, with one for each kind in it.
pub(crate) const OBJECTS_FOLDER: &str = "git";

/// The folder of the ledger's records.
pub(crate) const LEDGER_FOLDER: &str = "ledger";

/// The file with the commits of the ledger, as `git cat-file --batch` prints them.
pub(crate) const CHAIN_FILE: &str = "ledger/chain";

/// The folder of a change with the files that were attached to it.
pub(crate) const ATTACHMENTS_FOLDER: &str = "attachments";

/// The file with in-toto statements, one a line.
pub(crate) const ATTESTATIONS_FILE: &str = "attestations.intoto.jsonl";

/// The largest content of a changed file that is put into a pack; of others, the id and the size are.
pub(crate) const MAX_BLOB_BYTES: u64 = 1 << 20;

/// What a pack holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EvidenceIndex {
    /// [`PACK_SCHEMA`].
    pub schema: String,
    /// The name and version of the program that wrote it.
    pub tool: String,
    /// The name of the repository.
    pub repository: String,
    /// The full name of the ref.
    #[serde(rename = "ref")]
    pub ref_name: Text,
    /// What the ref held when the pack was made.
    pub tip: Oid,
    /// The changes.
    pub changes: Vec<PackedChange>,
    /// How many in-toto statements about the changes are in the pack.
    #[serde(default)]
    pub attestations: usize,
    /// The files of other repositories that the policies extend, whose objects are among those of the pack.
    #[serde(default)]
    pub bases: Vec<PackedBase>,
    /// What the pack holds of the ledger; `None` if the repository has none.
    pub ledger: Option<PackedLedger>,
    /// The files whose contents are too long to be in the pack, or that the repository has lost.
    pub left_out: Vec<LeftOutFile>,
    /// What else the pack does not hold although it is about the changes, in sentences.
    pub limits: Vec<String>,
}

/// A change in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackedChange {
    /// Its folder.
    pub folder: String,
    /// The commit that it landed as.
    pub commit: Oid,
    /// The step before it; `None` for the first of a history.
    pub parent: Option<Oid>,
    /// Its commits, the last of which it landed as.
    pub commits: Vec<Oid>,
    /// The files that it changes.
    pub files: Vec<PackedFile>,
    /// The numbers of the records that are about it.
    pub records: Vec<u64>,
    /// Why there is no patch, if there is none.
    pub without_patch: Option<String>,
    /// The files that were attached to it.
    #[serde(default)]
    pub attachments: Vec<PackedAttachment>,
}

/// A file that was attached to a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackedAttachment {
    /// Its path in the pack.
    pub path: String,
    /// The number of the record that tells of it.
    pub record: u64,
    /// `sha256:` and the digest of its content.
    pub digest: String,
}

impl From<&DifferingFile> for PackedFile {
    fn from(file: &DifferingFile) -> PackedFile {
        let id = |entry: Option<TreeEntryId>| entry.map(|entry| entry.id);
        PackedFile { path: file.path.clone(), old: id(file.old), new: id(file.new) }
    }
}

/// A file that a change changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackedFile {
    /// Its path.
    pub path: Text,
    /// The id of its content before; `None` if it is new.
    pub old: Option<Oid>,
    /// The id of its content afterwards; `None` if it is gone.
    pub new: Option<Oid>,
}

/// A file of another repository that a policy extends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackedBase {
    /// Its name, as `extends` writes it.
    pub name: String,
    /// The commit of the other repository that it was read at.
    pub commit: Oid,
}

/// A file whose content is not in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeftOutFile {
    /// The id of the content.
    pub id: Oid,
    /// Its path.
    pub path: Text,
    /// Its size in bytes; `None` if the repository has lost it.
    pub size: Option<u64>,
}

/// What a pack holds of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackedLedger {
    /// The commit of its newest record when the pack was made.
    pub tip: Oid,
    /// How many commits the chain in the pack has, from the first record about a change to the newest.
    pub chain: usize,
    /// The records about the changes, in their order.
    pub records: Vec<PackedRecord>,
}

/// A record in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackedRecord {
    /// Its number.
    pub number: u64,
    /// The commit of the ledger that holds it.
    pub commit: Oid,
    /// `sha256:` and its digest.
    pub digest: String,
    /// The files beside it that are in the pack, by their names.
    pub files: Vec<String>,
}

impl PackedRecord {
    /// Returns the number and the digest, as `ledger verify` writes them.
    pub(crate) fn format_anchor(&self) -> String {
        format!("{}:{}", self.number, self.digest)
    }

    /// Returns the path of a file of the record of this number.
    pub(crate) fn locate_file(number: u64, name: &str) -> String {
        format!("{LEDGER_FOLDER}/{number:08}/{name}")
    }
}
