//! A refused attempt of a change, and what links both.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};

/// A change that was refused and may have become another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedAttempt {
    /// The number of the record of the denial.
    pub record: u64,
    /// When it was refused, by the server's clock.
    pub at: Timestamp,
    /// The final revision that was refused.
    pub revision: Oid,
    /// Its subject.
    pub subject: Text,
    /// The rules that denied it, each once.
    pub rules: Vec<String>,
    /// What links it to the change.
    pub link: AttemptLink,
}

/// What a refused attempt has in common with the change, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptLink {
    /// The commit: it was refused, and landed as it was.
    Commit,
    /// The pull request.
    PullRequest,
    /// The trailer `Change-Id`.
    ChangeId,
    /// The author and the subject.
    Subject,
    /// The author and the changed paths.
    Paths,
    /// The author and the earlier change that both speak for.
    EarlierChange,
    /// The author and a ticket.
    Ticket,
}

impl AttemptLink {
    /// Returns what both have in common, in words that follow "the same".
    pub fn describe(self) -> &'static str {
        match self {
            AttemptLink::Commit => "commit",
            AttemptLink::PullRequest => "pull request",
            AttemptLink::ChangeId => "Change-Id",
            AttemptLink::Subject => "author and subject",
            AttemptLink::Paths => "author and paths",
            AttemptLink::EarlierChange => "author and earlier change",
            AttemptLink::Ticket => "author and ticket",
        }
    }

    /// Returns the code of the link.
    pub fn code(self) -> &'static str {
        match self {
            AttemptLink::Commit => "commit",
            AttemptLink::PullRequest => "pull-request",
            AttemptLink::ChangeId => "change-id",
            AttemptLink::Subject => "subject",
            AttemptLink::Paths => "paths",
            AttemptLink::EarlierChange => "earlier-change",
            AttemptLink::Ticket => "ticket",
        }
    }
}
