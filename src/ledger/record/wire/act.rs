//! The wire form of acts: what somebody said about a change after it had landed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, SignedDecision, Text};
use crate::ledger::record::wire::obligation::RecordedContributor;

/// An act that the policy accepts, as a decision holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedAct {
    /// The id in the name of the ref.
    pub id: String,
    /// The account that pushed it, as the server knew it; empty for a signed approval that was pushed by an unknown
    /// account.
    pub account: Text,
    /// The person behind the account, as the policy knew them; `None` for a bot.
    pub person: Option<RecordedContributor>,
    /// The change, as the commit that it landed as.
    pub change: Oid,
    /// The full name of the ref that it landed on.
    pub ref_name: Text,
    /// What was said.
    pub says: RecordedActKind,
    /// A remark, if there was one.
    pub note: Option<Text>,
}

/// What an act says about a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RecordedActKind {
    /// What became of it.
    Outcome {
        /// Whether it worked.
        outcome: RecordedReport,
        /// The name of the incident, if there was one.
        incident: Option<Text>,
    },
    /// That it was verified.
    Verified,
    /// That a file is about it.
    Attachment {
        /// The name of the file.
        name: String,
        /// How many bytes it has.
        bytes: u64,
        /// `sha256:` and the digest of its content.
        digest: String,
        /// The commit that holds it, which the ref of the act keeps.
        commit: Oid,
    },
    /// That a revision may land, must not, or that this was revoked, before it has landed; the change is the revision.
    Approval(Box<RecordedSignedApproval>),
    /// That it was deployed, with everything between it and what ran before.
    Deployment {
        /// Where it runs.
        environment: Text,
        /// What ran there before; absent in records of versions that did not keep it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Oid>,
        /// Whether the deployment failed.
        failed: bool,
    },
}

/// A signed approval, as it was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedSignedApproval {
    /// What it says.
    pub decision: SignedDecision,
    /// The address of the signer, as the policy had it for the key.
    pub signer: Text,
    /// The fingerprint of the key.
    pub key: String,
    /// When it was signed, in seconds since 1970 UTC, as the signer's machine said.
    pub signed_at: i64,
    /// The team for which it was given, if it names one.
    pub role: Option<Text>,
    /// The commit of the target on which the revision builds.
    pub base: Oid,
    /// The tree of the revision.
    pub tree: Oid,
    /// `sha256:` and the digest of what the messages of its commits state.
    pub statements: String,
    /// The commit that states it, which its ref keeps.
    pub commit: Oid,
}

/// What became of a change, as somebody reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedReport {
    /// It worked.
    Ok,
    /// It did not work, or did harm.
    Failed,
    /// It was taken back.
    Reverted,
}

/// An act was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChangeAct {
    /// What was said, and by whom.
    pub act: RecordedAct,
    /// The decision that allowed the push.
    pub decision: String,
    /// When the server received it, by its clock.
    pub observed_at: Timestamp,
}

impl RecordedReport {
    /// Returns its name on the wire.
    pub fn code(self) -> &'static str {
        match self {
            RecordedReport::Ok => "ok",
            RecordedReport::Failed => "failed",
            RecordedReport::Reverted => "reverted",
        }
    }
}
