//! The wire form of a verdict on a pull request that a forge keeps in a check run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};

/// A verdict on a pull request, read back from the check run that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullVerdict {
    /// The pull request, as in `acme/shop#12`.
    pub pull: Text,
    /// The full name of the branch that it was judged for.
    pub target: Text,
    /// The revision that was judged.
    pub revision: Oid,
    /// What came out.
    pub standing: RecordedStanding,
    /// The ids of the rules that deny.
    pub rules: Vec<String>,
    /// `sha256:` and the digest of the policy; `None` if none could be used.
    pub policy: Option<String>,
    /// When it was judged, by the clock of the run that did.
    pub judged_at: Timestamp,
    /// The check run that held it.
    pub check_run: RecordedCheckRun,
    /// What the revision is recognised by; `None` if it was not denied, or GitHub no longer has it.
    pub marks: Option<RecordedMarks>,
    /// When the check run was read, by the clock of the run that did.
    pub observed_at: Timestamp,
    /// The name and version of the gate that read it.
    pub tool: String,
}

/// What a verdict on a pull request amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedStanding {
    /// It could be merged.
    Allowed,
    /// Only others had to act: a review, a check or a conversation was missing.
    Waiting,
    /// Something was wrong with it.
    Denied,
    /// A fact could not be read, which denied as well.
    Undecided,
}

/// A check run, as the forge tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedCheckRun {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: Text,
    /// The app that wrote it; `None` if the forge does not tell.
    pub app: Option<String>,
    /// When it was last concluded, by the clock of the forge; `None` while it is not.
    pub completed_at: Option<Timestamp>,
}

/// What a revision is recognised by where it comes again as another commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedMarks {
    /// The subject of its commit.
    pub subject: Text,
    /// The address of its author.
    pub author: Option<String>,
    /// The values of its trailers `Change-Id`.
    pub change_ids: Vec<Text>,
    /// The values of its trailers that name tickets.
    pub tickets: Vec<Text>,
    /// The paths that it changes, as far as the forge lists them.
    pub paths: Vec<Text>,
}

impl RecordedStanding {
    /// Returns its name on the wire.
    pub fn code(self) -> &'static str {
        match self {
            RecordedStanding::Allowed => "allowed",
            RecordedStanding::Waiting => "waiting",
            RecordedStanding::Denied => "denied",
            RecordedStanding::Undecided => "undecided",
        }
    }
}
