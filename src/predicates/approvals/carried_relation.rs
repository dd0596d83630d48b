//! The relations between what was approved and what lands over which an approval is carried, as a policy names them.

use crate::change::Oid;
use crate::verdict::{Message, messages};

messages! {
    NOT_CARRIED = "approvals.not-carried":
        "it is of revision {revision}, and what lands is {relation}, which this rule does not accept";
    RELATION_MERGED = "approvals.relation-merged": "a clean merge of it";
    RELATION_REWORDED = "approvals.relation-reworded": "the same content with another message";
    RELATION_SAME_TREE = "approvals.relation-same-tree": "the same content in other commits";
    RELATION_REBASED = "approvals.relation-rebased": "a clean rebase of it";
    RELATION_SQUASHED = "approvals.relation-squashed": "a clean squash of it";
}

/// The words for the relations that can be accepted beside the same commits, as the policy has them.
pub(super) const CARRY_WORDS: [(&str, CarriedRelation); 5] = [
    ("clean-merge", CarriedRelation::CleanMerge),
    ("message-only", CarriedRelation::MessageOnly),
    ("same-tree", CarriedRelation::SameTree),
    ("clean-rebase", CarriedRelation::CleanRebase),
    ("squash", CarriedRelation::Squash),
];

/// The relations that are accepted where the policy says nothing.
pub(super) const DEFAULT_CARRIED: [CarriedRelation; 3] =
    [CarriedRelation::CleanMerge, CarriedRelation::MessageOnly, CarriedRelation::SameTree];

/// A relation over which an approval can be carried to what lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CarriedRelation {
    CleanMerge,
    MessageOnly,
    SameTree,
    CleanRebase,
    Squash,
}

/// Checks that a relation is one of the accepted ones, over which an approval of `revision` is carried.
///
/// # Errors
///
/// Returns that it does not.
pub(super) fn check_carried(
    accepted: &[CarriedRelation],
    carried: CarriedRelation,
    revision: Oid,
) -> Result<(), Message> {
    if accepted.contains(&carried) {
        return Ok(());
    }
    let relation = match carried {
        CarriedRelation::CleanMerge => &RELATION_MERGED,
        CarriedRelation::MessageOnly => &RELATION_REWORDED,
        CarriedRelation::SameTree => &RELATION_SAME_TREE,
        CarriedRelation::CleanRebase => &RELATION_REBASED,
        CarriedRelation::Squash => &RELATION_SQUASHED,
    };
    let message = NOT_CARRIED.with("revision", revision.short_hex());
    Err(message.with("relation", Message::from(relation)))
}
