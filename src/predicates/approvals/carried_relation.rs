//! The relations between what was approved and what lands over which a signed approval is carried, as a policy names them.

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
