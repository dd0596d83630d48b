//! The points at which the gate sees a change.

use serde::{Deserialize, Serialize};

/// The point at which a change is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A developer is about to record a commit.
    CommitMsg,
    /// A developer is about to push.
    PrePush,
    /// A developer asks, before or after a push.
    Check,
    /// The server is about to accept a push.
    PreReceive,
    /// A forge is about to merge a pull request.
    PullRequest,
    /// A forge reports what has been pushed or merged.
    Landed,
    /// History is judged, long after it was made.
    Audit,
}

impl Stage {
    /// Returns true where a missing fact refuses the change, and false where it is only listed.
    pub(crate) fn is_enforcing(self) -> bool {
        matches!(self, Stage::PreReceive | Stage::PullRequest | Stage::Landed)
    }
}
