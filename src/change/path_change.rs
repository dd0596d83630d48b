//! What a commit changes at a path.

use serde::{Deserialize, Serialize};

use crate::change::content_answer::ContentAnswer;
use crate::change::fact::Fact;
use crate::change::oid::Oid;
use crate::change::text::Text;

/// One path, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PathChange {
    /// The path from the root of the repository, with `/` between its parts.
    pub path: Text,
    /// The entry before; `None` if the path is new.
    pub before: Option<PathEntry>,
    /// The entry after; `None` if the path is deleted.
    pub after: Option<PathEntry>,
    /// Size and first bytes of the new content.
    pub blob: Fact<BlobSummary>,
    /// The answers to the questions of a policy about the content; `None` if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Fact<Vec<ContentAnswer>>>>,
}

/// The entry of a tree at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PathEntry {
    /// Its kind, which git keeps as its mode.
    pub kind: PathEntryKind,
    /// The id of its content, or of the submodule's commit.
    pub id: Oid,
}

/// The kinds of tree entries that git distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathEntryKind {
    /// A file, mode 100644.
    File,
    /// A file that may be executed, mode 100755.
    Executable,
    /// A symbolic link, mode 120000.
    Symlink,
    /// A commit of another repository, mode 160000.
    Submodule,
    /// A kind that the source did not tell; there is an entry.
    Unknown,
}

/// What is known of a file's new content without reading the whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BlobSummary {
    /// The length of the content in bytes.
    pub size: u64,
    /// Its first bytes, at most `BlobSummary::MAX_START_BYTES`; `None` if the content was too large
    /// to open.
    pub start: Option<Text>,
}

impl BlobSummary {
    /// How many of the first bytes are kept.
    pub(crate) const MAX_START_BYTES: usize = 1024;
}

/// The numbers of lines added and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LineCount {
    /// How many lines are new.
    pub added: u64,
    /// How many lines are gone.
    pub removed: u64,
}
