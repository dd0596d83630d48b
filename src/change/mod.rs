//! What is judged: one [`Change`], with everything that is known about it.
//!
//! A change is the set of commits that one step of the target's first-parent history brings in, or
//! one commit, or one pull request. This module is plain data. It knows no source: a repository, a
//! forge and ten lines of YAML in a test all fill in the same value, and nothing here holds a
//! handle, a path of this machine or a clock.
//!
//! Invariant: what could not be read is a [`Missing`] in the place of the value. [`Fact`] is a
//! `Result`, so a predicate passes the gap on with `?` and cannot mistake it for "no".

pub mod description;
mod fact;
pub mod message;
pub mod person;
pub mod pull_request;
pub mod text;
pub mod ticket;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::change::fact::{Fact, FactKind, Missing, NeededFacts};
pub use crate::change::message::CommitMessage;
pub use crate::change::person::{Person, PusherIdentity};
pub use crate::change::pull_request::PullRequest;
pub use crate::change::text::Text;
pub use crate::change::ticket::{Ticket, TicketLookup};

/// The point at which a change is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A developer is about to record a commit.
    CommitMsg,
    /// A developer is about to push.
    PrePush,
    /// A developer asks, before or after anything is pushed.
    Check,
    /// The server is about to accept a push.
    PreReceive,
    /// A forge is about to merge a pull request.
    PullRequest,
    /// A forge tells of what was pushed or merged already.
    Landed,
    /// History is being looked at.
    Audit,
}

impl Stage {
    /// Returns true where a gap in the facts refuses the change, and false where it is only listed.
    pub fn is_enforcing(self) -> bool {
        matches!(self, Stage::PreReceive | Stage::PullRequest | Stage::Landed)
    }
}

/// The id of a Git object: 20 bytes under SHA-1, 32 under SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    bytes: [u8; 32],
    length: u8,
}

impl Oid {
    /// Returns the id with these raw bytes, or `None` unless there are 20 or 32 of them.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        if raw.len() != 20 && raw.len() != 32 {
            return None;
        }
        let mut bytes = [0; 32];
        bytes.get_mut(..raw.len())?.copy_from_slice(raw);
        Some(Oid { bytes, length: u8::try_from(raw.len()).ok()? })
    }

    /// Returns the id with these 40 or 64 hexadecimal digits, or `None` for anything else.
    pub fn from_hex(digits: &str) -> Option<Self> {
        Self::from_bytes(&text::decode_hex(digits)?)
    }

    /// Returns the raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Returns true for the id of all zeroes, by which hooks name "nothing".
    pub fn is_null(&self) -> bool {
        self.as_bytes().iter().all(|byte| *byte == 0)
    }

    /// Returns the first ten digits, for people.
    pub fn short_hex(&self) -> String {
        text::encode_hex(self.as_bytes().get(..5).unwrap_or_default())
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode_hex(self.as_bytes()))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Oid::from_hex(&digits).ok_or_else(|| serde::de::Error::custom("not a Git object id"))
    }
}

/// One change, as it is seen at one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Change {
    /// Where it is seen.
    pub stage: Stage,
    /// The full name of the ref that it is for, as in `refs/heads/main`.
    pub target: Fact<Text>,
    /// When it is seen, by the clock of whoever judges. Never a date out of a commit.
    pub seen_at: Timestamp,
    /// Who pushes it.
    pub pusher: Fact<PusherIdentity>,
    /// The pull request that it is, where it is one.
    pub pull: Fact<Box<PullRequest>>,
    /// What the ticket systems say of the tickets that it names.
    pub tickets: Fact<Vec<TicketLookup>>,
    /// The commits, oldest first; the last one is the final revision. Never empty.
    pub commits: Vec<Commit>,
}

impl Change {
    /// Returns the final revision, which is the last commit.
    pub fn tip(&self) -> Option<&Commit> {
        self.commits.last()
    }

    /// Returns the pull request, or why `need`, which only a pull request tells, is not known.
    ///
    /// # Errors
    ///
    /// Returns `need` as missing where there is no pull request.
    pub fn require_pull(&self, need: FactKind) -> Fact<&PullRequest> {
        self.pull.as_deref().map_err(|missing| missing.clone().for_fact_kind(need))
    }

    /// Returns why there is no pull request at `stage`, where nothing but a repository is looked at.
    pub fn missing_pull(stage: Stage) -> Fact<Box<PullRequest>> {
        Err(match stage {
            Stage::CommitMsg | Stage::PrePush | Stage::Check => Missing::NotAtThisStage(FactKind::Pull),
            Stage::PreReceive | Stage::PullRequest | Stage::Landed | Stage::Audit => {
                Missing::NotConfigured(FactKind::Pull)
            }
        })
    }

    /// Returns the ticket of this key; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Returns why nobody knows, where it was not looked up or could not be.
    pub fn find_ticket(&self, key: &Text) -> Fact<Option<&Ticket>> {
        let tickets = self.tickets.as_ref().map_err(Clone::clone)?;
        match tickets.iter().find(|looked_up| looked_up.key == *key) {
            Some(looked_up) => looked_up.found.as_ref().map(Option::as_ref).map_err(Clone::clone),
            None => Err(Missing::Unavailable(FactKind::Tickets, "this ticket was not looked up".into())),
        }
    }

    /// Returns why nobody knows anything about tickets at `stage`, where no system is asked.
    pub fn missing_tickets(stage: Stage) -> Fact<Vec<TicketLookup>> {
        Err(match stage {
            Stage::CommitMsg | Stage::PrePush | Stage::Check => Missing::NotAtThisStage(FactKind::Tickets),
            Stage::PreReceive | Stage::PullRequest | Stage::Landed | Stage::Audit => {
                Missing::NotConfigured(FactKind::Tickets)
            }
        })
    }

    /// Returns what is changed: by the pull request as a whole where there is one, and else by each
    /// commit.
    pub fn list_diffs(&self) -> impl Iterator<Item = ChangeDiff<'_>> {
        let whole = self.pull.as_deref().ok().map(|pull| ChangeDiff {
            commit_id: Some(pull.head.id),
            is_merge: false,
            paths: &pull.paths,
            lines: &pull.lines,
        });
        let each = self.commits.iter().filter(move |_| self.pull.is_err()).map(|commit| ChangeDiff {
            commit_id: commit.id,
            is_merge: commit.is_merge(),
            paths: &commit.paths,
            lines: &commit.lines,
        });
        whole.into_iter().chain(each)
    }
}

/// What a commit, or a pull request as a whole, changes.
#[derive(Clone, Copy, Debug)]
pub struct ChangeDiff<'change> {
    /// The commit; for a pull request, its final revision.
    pub commit_id: Option<Oid>,
    /// True for a commit with several parents.
    pub is_merge: bool,
    /// The paths.
    pub paths: &'change Fact<Vec<PathChange>>,
    /// The number of lines.
    pub lines: &'change Fact<LineCount>,
}

/// One commit, and what was looked up about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Commit {
    /// Its id; `None` while it is not recorded yet.
    pub id: Option<Oid>,
    /// The ids of its parents, first parent first.
    pub parents: Vec<Oid>,
    /// Who wrote it, as the commit claims.
    pub author: Person,
    /// When, in seconds since 1970 UTC, as the commit claims.
    pub authored_at: i64,
    /// Who recorded it, as the commit claims.
    pub committer: Person,
    /// When, in seconds since 1970 UTC, as the commit claims.
    pub committed_at: i64,
    /// What it says.
    pub message: CommitMessage,
    /// The paths that differ from its first parent (from nothing, for a root).
    pub paths: Fact<Vec<PathChange>>,
    /// Changed lines, against its first parent.
    pub lines: Fact<LineCount>,
    /// For a merge, the paths whose content neither a parent nor a clean merge accounts for; empty
    /// for every other commit.
    pub evil_merge_paths: Fact<Vec<Text>>,
    /// What became of its signature.
    pub signature: Fact<SignatureStatus>,
}

impl Commit {
    /// Returns true if and only if the commit has more than one parent.
    pub fn is_merge(&self) -> bool {
        1 < self.parents.len()
    }
}

/// One path, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PathChange {
    /// The path from the root of the repository, with `/` between its parts.
    pub path: Text,
    /// What stood there; `None` if nothing did.
    pub before: Option<PathEntry>,
    /// What stands there now; `None` if nothing does.
    pub after: Option<PathEntry>,
    /// Size and first bytes of the new content.
    pub blob: Fact<BlobSummary>,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PathEntry {
    /// Of which kind it is.
    pub kind: PathEntryKind,
    /// The id of its content, or of the submodule's commit.
    pub id: Oid,
}

/// The kinds of entries that git distinguishes (it looks at no more than these).
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
    /// Something is there, and whoever told so did not say of which kind it is.
    Unknown,
}

/// What is known of a file's new content without reading the whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BlobSummary {
    /// Its length in bytes.
    pub size: u64,
    /// Its first bytes, at most [`Blob::START`]; `None` where the content was too large to open.
    pub start: Option<Text>,
}

impl BlobSummary {
    /// How many of the first bytes are kept.
    pub const MAX_START_BYTES: usize = 1024;
}

/// Lines added and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LineCount {
    /// Lines that are new.
    pub added: u64,
    /// Lines that are gone.
    pub removed: u64,
}

/// What became of a commit's signature when it was held against the keys of the target ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureStatus {
    /// There is none.
    None,
    /// It is good, and made by a key that belongs to this address.
    Good {
        /// The address that the key is registered for.
        signer: Text,
        /// The key's fingerprint.
        key: String,
    },
    /// It does not hold; the text says why (bad, unknown key, expired, revoked, malformed ...).
    Bad(String),
}
