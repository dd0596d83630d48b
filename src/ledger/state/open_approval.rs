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
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// When it was received, by the server's clock.
    pub received_at: Timestamp,
    /// The revision that it is of.
    pub revision: Oid,
    /// The team for which it was given, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Text>,
    /// The latest date that the signer had given to a word about the revision by then, this one included, in seconds since
    /// 1970 UTC, as the signer's machines said: what is dated before it was held back.
    pub signed_at: i64,
    /// The address of the signer, as the policy had it for the key.
    pub signer: Text,
    /// The full name of the ref that it is for.
    pub target: Text,
}

/// The words of one signer that made room for later ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DroppedApprovals {
    /// The newest date of one of them: what is dated up to then may have been taken back.
    pub signed_at: i64,
    /// The address of the signer.
    pub signer: Text,
}

impl OpenApproval {
    /// Returns true if both are words of one signer about one revision for one branch, whatever their roles.
    pub(crate) fn has_same_subject(&self, other: &OpenApproval) -> bool {
        self.signer == other.signer && self.revision == other.revision && self.target == other.target
    }

    /// Returns true if this is a word about what `other` is about, by its role as well: one that names no team is about all
    /// of them.
    pub(crate) fn speaks_of(&self, other: &OpenApproval) -> bool {
        self.has_same_subject(other) && (self.role.is_none() || self.role == other.role)
    }

    /// Returns true if `earlier` can decide nothing any more, now that this was said, whatever becomes of the keys.
    ///
    /// A key that is lost takes no objection back, and what a lost key signed lifts none: so a rejection stays beside the
    /// word that lifts it.
    pub(super) fn replaces(&self, earlier: &OpenApproval) -> bool {
        use SignedDecision::{Approved, Rejected, Revoked};
        match (self.decision, earlier.decision) {
            (Rejected, _) | (Revoked, Approved) => self.speaks_of(earlier),
            (Revoked, Revoked) => self.speaks_of(earlier) && self.key == earlier.key,
            (Approved, Approved) => {
                self.has_same_subject(earlier) && self.role == earlier.role && self.key == earlier.key
            }
            (Approved, Rejected | Revoked) | (Revoked, Rejected) => false,
        }
    }

    /// Returns true if this is a word by which `earlier`, which was received before it, is a rejection no more.
    pub(super) fn lifts_rejection(&self, earlier: &OpenApproval) -> bool {
        earlier.decision == SignedDecision::Rejected
            && self.decision != SignedDecision::Rejected
            && self.speaks_of(earlier)
    }
}
