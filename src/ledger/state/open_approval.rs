//! A signed approval as the state holds it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, SignedDecision, Text};

/// A signed approval that was received and that no change has used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OpenApproval {
    /// The commit that states it.
    pub commit: Oid,
    /// What it says.
    pub decision: SignedDecision,
    /// When it was received, by the server's clock.
    pub received_at: Timestamp,
    /// The revision that it is of.
    pub revision: Oid,
    /// When it was signed, in seconds since 1970 UTC, as the signer's machine said.
    pub signed_at: i64,
    /// The address of the signer, as the policy had it for the key.
    pub signer: Text,
    /// The full name of the ref that it is for.
    pub target: Text,
}
