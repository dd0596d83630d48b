//! Approvals that people sign with their own keys, as a server received them, and how what lands relates to what each
//! of them was of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::commit::SignatureStatus;
use crate::change::fact::{Fact, FactKind, Missing};
use crate::change::oid::Oid;
use crate::change::person::Person;
use crate::change::text::Text;

/// A signed approval that is about the change, or about a revision of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignedApproval {
    /// The commit that states it.
    pub id: Oid,
    /// What it says.
    pub decision: SignedDecision,
    /// The result of checking its signature, by the keys of today and as of its receipt.
    pub signature: SignatureStatus,
    /// The address of the signer when it was received, whatever the keys are now.
    pub received_from: Text,
    /// The author of the commit that states it, who has to be the signer.
    pub author: Person,
    /// The team for which it was given; `None` if it names none.
    pub role: Option<Text>,
    /// The revision that it is of.
    pub revision: Oid,
    /// When the server received it, by its clock.
    pub received_at: Timestamp,
    /// When it was signed, in seconds since 1970 UTC, as the signer's machine said; `None` where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<i64>,
    /// How the change relates to that revision.
    pub relation: ContentRelation,
    /// True if the change has merges beside what was approved, which hold nothing but what a clean merge gives.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_merges: bool,
    /// These merges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added_merges: Vec<Oid>,
    /// The messages of the commits that were approved; empty where the change has those commits themselves, and no merge
    /// beside them states anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_messages: Vec<Text>,
    /// The authors of the commits that were approved; empty where the change has those commits themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_authors: Vec<Person>,
    /// The committers of the commits that were approved; empty where the change has those commits themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_committers: Vec<Person>,
}

/// What a signed approval says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedDecision {
    /// The revision may land.
    Approved,
    /// It must not land.
    Rejected,
    /// What the same person said before does not count any more.
    Revoked,
}

/// How the content of a change relates to content that was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ContentRelation {
    /// Every commit of the change is one that was approved.
    Exact,
    /// As exact, with merges beside them that hold nothing but what a clean merge gives.
    CleanMerge,
    /// One commit with the same tree, parents, author and committer; its message may be another.
    MessageOnly,
    /// Other commits with the same tree, on the same base.
    SameTree,
    /// The approved commits on another base; each of them was applied again and gives exactly the tree at hand.
    CleanRebase,
    /// One commit; merging the approved revision into what it is built on gives exactly its tree.
    Squash,
    /// A part of the change relates to what was approved, and this commit does not.
    Partial {
        /// The first commit that does not.
        commit: Oid,
    },
    /// The change has other content than what was approved.
    Changed {
        /// The commit that differs.
        commit: Oid,
        /// The paths that nobody approved as they are, at most 20 of them.
        paths: Vec<Text>,
    },
    /// It could not be compared, for the reason in the text.
    Uncompared(String),
}

/// How what a change brought relates to one signed approval, worked out again after it had landed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LandedRelation {
    /// How it relates to what was approved.
    pub relation: ContentRelation,
    /// What it holds that nobody approved as it is, path by path; the first 20 paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unapproved: Vec<UnapprovedPath>,
    /// How many further paths hold such content.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_paths: usize,
}

/// What landed at one path beside what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnapprovedPath {
    /// The path.
    pub path: Text,
    /// The commit that holds it.
    pub commit: Oid,
    /// The lines that differ, in their order; the first 40.
    pub lines: Vec<UnapprovedLine>,
    /// How many further lines differ.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_lines: usize,
    /// Why no lines are shown, if it is no text that can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_lines: Option<String>,
}

/// A line that differs from what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnapprovedLine {
    /// The number of the line in the file that landed, counted from 1; of a line that is missing there, of the one
    /// before which it stood.
    pub number: usize,
    /// True if the line landed and was not approved; false if it was approved and did not land.
    pub has_landed: bool,
    /// The line without its end; at most 200 bytes of it.
    pub text: Text,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl LandedRelation {
    /// Returns true if what landed holds nothing but what was approved.
    pub fn is_as_approved(&self) -> bool {
        self.relation.is_of_all()
    }
}

impl ContentRelation {
    /// Returns true if everything that lands is what was approved, in this form or in another one.
    pub fn is_of_all(&self) -> bool {
        match self {
            ContentRelation::Exact
            | ContentRelation::CleanMerge
            | ContentRelation::MessageOnly
            | ContentRelation::SameTree
            | ContentRelation::CleanRebase
            | ContentRelation::Squash => true,
            ContentRelation::Partial { .. }
            | ContentRelation::Changed { .. }
            | ContentRelation::Uncompared(_) => false,
        }
    }

    /// Returns the word for it, as records and policies have it.
    pub fn word(&self) -> &'static str {
        match self {
            ContentRelation::Exact => "exact",
            ContentRelation::CleanMerge => "clean-merge",
            ContentRelation::MessageOnly => "message-only",
            ContentRelation::SameTree => "same-tree",
            ContentRelation::CleanRebase => "clean-rebase",
            ContentRelation::Squash => "squash",
            ContentRelation::Partial { .. } => "partial",
            ContentRelation::Changed { .. } => "changed",
            ContentRelation::Uncompared(_) => "uncompared",
        }
    }
}

impl SignedDecision {
    /// Every decision.
    pub const ALL: [SignedDecision; 3] =
        [SignedDecision::Approved, SignedDecision::Rejected, SignedDecision::Revoked];

    /// Returns the word for it, as the approval has it.
    pub fn word(self) -> &'static str {
        match self {
            SignedDecision::Approved => "approved",
            SignedDecision::Rejected => "rejected",
            SignedDecision::Revoked => "revoked",
        }
    }
}

/// Returns the gap of a change of which nobody asked for signed approvals, or where none can be received.
pub(crate) fn unrequested_signed_approvals() -> Fact<Vec<SignedApproval>> {
    Err(Missing::NotConfigured(FactKind::SignedApprovals))
}

/// Returns true for that gap, which is not written.
pub(crate) fn is_unrequested_signed_approvals(approvals: &Fact<Vec<SignedApproval>>) -> bool {
    matches!(approvals, Err(Missing::NotConfigured(FactKind::SignedApprovals)))
}
