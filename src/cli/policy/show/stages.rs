//! Which rules are asked at which stage: those that can be met by what is known there.

use clap::ValueEnum;

use crate::change::FactKind;
use crate::policy::Rule;

/// The stages, by the words that reports have for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StageArg {
    /// A commit is made in a clone
    CommitMsg,
    /// A push leaves a clone
    PrePush,
    /// `changegate check`, in a clone or another CI
    Check,
    /// A push arrives at the server
    PreReceive,
    /// A pull request on a forge
    PullRequest,
    /// History is audited
    Audit,
}

/// The facts that a hook in a clone cannot know of a commit that is not made yet.
const UNKNOWN_BEFORE_COMMIT: [FactKind; 13] = [
    FactKind::Approvals,
    FactKind::Reviews,
    FactKind::Pull,
    FactKind::Checks,
    FactKind::Conversations,
    FactKind::Tickets,
    FactKind::Pusher,
    FactKind::Target,
    FactKind::Clock,
    FactKind::Lines,
    FactKind::Blobs,
    FactKind::EvilMerges,
    FactKind::Signatures,
];

impl StageArg {
    /// Returns the word for the stage.
    pub(super) fn stage_name(self) -> &'static str {
        match self {
            StageArg::CommitMsg => "commit-msg",
            StageArg::PrePush => "pre-push",
            StageArg::Check => "check",
            StageArg::PreReceive => "pre-receive",
            StageArg::PullRequest => "pull-request",
            StageArg::Audit => "audit",
        }
    }

    /// Returns the fact without which a rule cannot be met at this stage; `None` if it is asked here.
    pub(super) fn find_unknown_fact(self, rule: &Rule, has_keys: bool) -> Option<FactKind> {
        let unknown: &[FactKind] = match self {
            StageArg::CommitMsg => &UNKNOWN_BEFORE_COMMIT,
            StageArg::PrePush | StageArg::Check => &FactKind::FORGE_ONLY,
            StageArg::PreReceive => FactKind::list_forge_only(has_keys),
            StageArg::PullRequest | StageArg::Audit => &[],
        };
        let in_clone = matches!(self, StageArg::PrePush | StageArg::Check);
        let needs_pusher = in_clone && rule.require.requires_pusher();
        rule.require.required_fact(unknown).or(needs_pusher.then_some(FactKind::Pusher))
    }
}
