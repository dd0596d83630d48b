//! A signed approval as the gate hands it to the ledger, and as the ledger hands it back.

use jiff::Timestamp;

use crate::change::{Fact, Oid, PusherIdentity, SignedDecision, Text};
use crate::gate::signed_approvals::statement::ApprovalStatement;

/// An approval whose signature is good, by a key of a person or a machine that the policy knows.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorisedApproval {
    /// The commit that states it.
    pub id: Oid,
    /// What it says; the target is the name after symbolic refs have been followed.
    pub statement: ApprovalStatement,
    /// The address that the key is registered for.
    pub signer: Text,
    /// The fingerprint of the key.
    pub key: String,
    /// When it was signed, in seconds since 1970 UTC, as the signer's machine says.
    pub signed_at: i64,
    /// The account that pushed it, which need not be the signer's.
    pub pushed_by: Fact<PusherIdentity>,
}

/// A signed approval that the server has received and that no change has used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedApproval {
    /// The commit that states it.
    pub id: Oid,
    /// The full name of the ref that it is for.
    pub target: Text,
    /// The revision that it is of.
    pub revision: Oid,
    /// When it was received, by the server's clock.
    pub received_at: Timestamp,
    /// What it says.
    pub decision: SignedDecision,
    /// True for a rejection that a later word of the same address is about: it stands only if the key of that is lost.
    pub is_lifted: bool,
    /// The address of the signer, as the policy had it for the key.
    pub signer: Text,
    /// The latest date that the signer had given to a word about the revision by then, in seconds since 1970 UTC, as their
    /// machines said.
    pub signed_at: i64,
}

/// The signed approvals that a push is judged with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedApprovals {
    /// Those that no change has used up, in the order of their receipt.
    pub open: Vec<ReceivedApproval>,
    /// The addresses of signers of whom older words are not kept any more, with the newest date of one of these, in seconds
    /// since 1970 UTC.
    pub dropped: Vec<(Text, i64)>,
}

impl ReceivedApprovals {
    /// Returns true if words for this ref are open.
    pub(crate) fn has_words_for(&self, target: &Text) -> bool {
        self.open.iter().any(|one| one.target == *target)
    }

    /// Returns true if a rejection stands for this ref.
    pub(crate) fn has_rejections_for(&self, target: &Text) -> bool {
        let is_standing = |one: &ReceivedApproval| one.decision == SignedDecision::Rejected && !one.is_lifted;
        self.open.iter().any(|one| one.target == *target && is_standing(one))
    }
}
