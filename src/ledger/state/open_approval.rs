//! A signed approval as the state holds it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};

/// A signed approval that was received and that no change has used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OpenApproval {
    /// The commit that states it.
    pub commit: Oid,
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// When it was received, by the server's clock.
    pub received_at: Timestamp,
    /// The revision that it is of.
    pub revision: Oid,
    /// The full name of the ref that it is for.
    pub target: Text,
}
