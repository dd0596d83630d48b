//! Facts, and the reasons why one is missing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::stage::Stage;

/// A fact, or the reason why it is missing.
pub type Fact<T> = Result<T, Missing>;

/// The reason why a fact is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It cannot be known at this stage; a later stage knows it.
    NotAtThisStage(FactKind),
    /// This installation is not configured to read it.
    NotConfigured(FactKind),
    /// It should be there and could not be read, for the reason in the text.
    Unavailable(FactKind, String),
    /// It is not gathered because the change is larger than a limit, as the text says; whoever pushes can divide
    /// the change. Records and JSON have it as unavailable.
    TooLarge(FactKind, String),
    /// Whoever describes a change that does not exist yet can give it, as the text says. Records and JSON have it as
    /// unavailable.
    NotGiven(FactKind, String),
}

impl Missing {
    /// Returns the reason why a fact is missing at `stage` if only a repository is read there: before
    /// a push, a later stage may know it.
    pub(crate) fn at_stage(stage: Stage, need: FactKind) -> Self {
        match stage {
            Stage::CommitMsg | Stage::PrePush | Stage::Check => Missing::NotAtThisStage(need),
            Stage::PreReceive | Stage::PullRequest | Stage::Landed | Stage::Audit => {
                Missing::NotConfigured(need)
            }
        }
    }

    /// Returns the same reason for another fact, which depends on the first.
    #[must_use]
    pub(crate) fn for_fact_kind(self, need: FactKind) -> Self {
        match self {
            Missing::NotAtThisStage(_) => Missing::NotAtThisStage(need),
            Missing::NotConfigured(_) => Missing::NotConfigured(need),
            Missing::Unavailable(_, why) => Missing::Unavailable(need, why),
            Missing::TooLarge(_, why) => Missing::TooLarge(need, why),
            Missing::NotGiven(_, why) => Missing::NotGiven(need, why),
        }
    }

    /// Returns the kind of the missing fact.
    pub(crate) fn fact_kind(&self) -> FactKind {
        match self {
            Missing::NotAtThisStage(need)
            | Missing::NotConfigured(need)
            | Missing::Unavailable(need, _)
            | Missing::TooLarge(need, _)
            | Missing::NotGiven(need, _) => *need,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NotAtThisStage(need) => write!(f, "not known at this stage: {need}"),
            Missing::NotConfigured(need) => write!(f, "not configured here: {need}"),
            Missing::Unavailable(need, why) | Missing::TooLarge(need, why) => {
                write!(f, "{need} could not be read: {why}")
            }
            Missing::NotGiven(need, why) => write!(f, "not given: {need}; {why}"),
        }
    }
}

/// The kinds of facts that cost something to gather; a policy says which of them it needs.
///
/// Messages, authors and parents are not among them: they come with every commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// The commits of the change.
    Commits,
    /// The paths that each commit changes.
    Paths,
    /// The number of changed lines.
    Lines,
    /// The sizes and first bytes of new file contents.
    Blobs,
    /// The content of a merge that neither a parent nor a clean merge accounts for.
    EvilMerges,
    /// The signatures of commits, verified.
    Signatures,
    /// The account that pushes, as the server knows it.
    Pusher,
    /// The approvals: those claimed in trailers, and where there is a forge, its reviews.
    Approvals,
    /// The reviews that a forge vouches for.
    Reviews,
    /// The pull request itself: its title, its labels, whether it is a draft.
    Pull,
    /// Check runs and commit statuses.
    Checks,
    /// The comments on the pull request.
    Comments,
    /// The review conversations about single lines.
    Conversations,
    /// The types of files: executable, symbolic link, submodule.
    FileKinds,
    /// The branch that the change is for.
    Target,
    /// The tickets, as a ticket system tells of them.
    Tickets,
    /// The local time in a time zone.
    Clock,
    /// The file of code owners, as it stands beside the policy.
    CodeOwners,
    /// The lines that the change adds, as far as a policy asks about them.
    AddedLines,
    /// The digests of new file contents.
    Digests,
    /// What a change of the policy means.
    PolicyChange,
    /// Whether an earlier change that it names is there.
    EarlierChange,
    /// The members of a forge's teams.
    ForgeTeams,
    /// The approvals that people signed with their own keys.
    SignedApprovals,
}

impl FactKind {
    /// The facts that only a forge or a ticket system can tell; a hook opens no connection, so it
    /// never knows them.
    pub(crate) const FORGE_ONLY: [FactKind; 5] =
        [FactKind::Reviews, FactKind::Pull, FactKind::Checks, FactKind::Conversations, FactKind::Tickets];

    /// Returns the facts that a hook never knows. Where the policy knows keys, people approve with them, so that nothing
    /// needs a review alone.
    pub(crate) fn list_forge_only(has_keys: bool) -> &'static [FactKind] {
        const WITH_KEYS: [FactKind; 4] =
            [FactKind::Pull, FactKind::Checks, FactKind::Conversations, FactKind::Tickets];
        if has_keys { &WITH_KEYS } else { &FactKind::FORGE_ONLY }
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FactKind::Commits => "the commits",
            FactKind::Paths => "the changed files",
            FactKind::Lines => "the number of changed lines",
            FactKind::Blobs => "the new file contents",
            FactKind::EvilMerges => "the changes made in merges",
            FactKind::Signatures => "the signatures",
            FactKind::Pusher => "the pusher",
            FactKind::Approvals => "approvals",
            FactKind::Reviews => "reviews",
            FactKind::Pull => "the pull request",
            FactKind::Checks => "check results",
            FactKind::Comments => "comments on the pull request",
            FactKind::Conversations => "review conversations",
            FactKind::FileKinds => "the types of the changed files",
            FactKind::Target => "the target branch",
            FactKind::Tickets => "tickets",
            FactKind::Clock => "the time in the time zone of the policy",
            FactKind::CodeOwners => "the code owners",
            FactKind::AddedLines => "the added lines",
            FactKind::Digests => "the digests of the new file contents",
            FactKind::PolicyChange => "what the change of the policy means",
            FactKind::EarlierChange => "the earlier change that it names",
            FactKind::ForgeTeams => "the members of a team of the forge",
            FactKind::SignedApprovals => "signed approvals",
        })
    }
}
