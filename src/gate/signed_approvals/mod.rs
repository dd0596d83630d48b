//! Signed approvals: a person's own signature on a revision, as a commit on top of it.
//!
//! The commit has the approved revision as its only parent and the same tree, so it keeps what was approved, and git and
//! `ssh-keygen` verify its signature without this program. Its message names everything that the approval is of. The
//! server accepts it by the signature and not by who pushes, stamps it with the time of its receipt in the ledger, and
//! judges later pushes with it. Nothing of it is taken from the clone that made it, except what was signed.

pub(crate) mod approval_push;
pub(crate) mod approval_signer;
pub mod approved_commits;
pub(crate) mod authorised;
mod comparison_budget;
pub mod content_relations;
pub(crate) mod fetched_approvals;
pub(crate) mod landed_comparison;
mod rejected_content;
mod related_approval;
pub(crate) mod repository_id;
pub(crate) mod statement;
pub(crate) mod walk_approvals;

pub use crate::gate::signed_approvals::authorised::{
    AuthorisedApproval, ReceivedApproval, ReceivedApprovals,
};
pub use crate::gate::signed_approvals::repository_id::{REPOSITORY_ID_REF, read_repository_id};
pub(crate) use crate::gate::signed_approvals::statement::FETCHED_REF_PREFIX;
pub use crate::gate::signed_approvals::statement::{APPROVAL_REF_PREFIX, ApprovalStatement, is_approval_ref};
