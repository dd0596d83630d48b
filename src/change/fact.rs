//! Facts, and the gaps where one should have been.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A fact, or the reason why nobody could state it.
pub type Fact<T> = Result<T, Missing>;

/// Why a fact is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It cannot be known yet at this stage; a later stage will know it.
    NotAtThisStage(FactKind),
    /// Nobody has told this installation where to find it.
    NotConfigured(FactKind),
    /// It should have been there and could not be read; the text says why.
    Unavailable(FactKind, String),
}

impl Missing {
    /// Returns the same reason for another fact, which depends on the first.
    #[must_use]
    pub fn for_fact_kind(self, need: FactKind) -> Self {
        match self {
            Missing::NotAtThisStage(_) => Missing::NotAtThisStage(need),
            Missing::NotConfigured(_) => Missing::NotConfigured(need),
            Missing::Unavailable(_, why) => Missing::Unavailable(need, why),
        }
    }

    /// Returns what is missing.
    pub fn fact_kind(&self) -> FactKind {
        match self {
            Missing::NotAtThisStage(need) | Missing::NotConfigured(need) | Missing::Unavailable(need, _) => {
                *need
            }
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NotAtThisStage(need) => write!(f, "{need} cannot be known at this stage"),
            Missing::NotConfigured(need) => write!(f, "nothing here is set up to tell {need}"),
            Missing::Unavailable(need, why) => write!(f, "{need} could not be read: {why}"),
        }
    }
}

/// The kinds of facts that cost something to gather; a policy says which of them it needs.
///
/// Messages, authors and parents are not among them: whoever reads a commit has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// The commits themselves.
    Commits,
    /// The paths that each commit changes.
    Paths,
    /// The number of changed lines.
    Lines,
    /// The sizes and first bytes of new file contents.
    Blobs,
    /// The content of a merge that no parent and no clean merge accounts for.
    EvilMerges,
    /// The signatures of commits, verified.
    Signatures,
    /// Who pushes, as the server knows it.
    Pusher,
    /// Who approves: what is claimed, and where there is a forge, what it vouches for.
    Approvals,
    /// Reviews that a forge vouches for.
    Reviews,
    /// The pull request itself: its title, its labels, whether it is a draft.
    Pull,
    /// Check runs and commit statuses.
    Checks,
    /// Comments on the pull request.
    Comments,
    /// The conversations about its lines.
    Conversations,
    /// Of which kind files are: executable, symbolic link, submodule.
    FileKinds,
    /// The branch that the change is for.
    Target,
    /// What a ticket system says.
    Tickets,
    /// What the clocks show in a time zone.
    Clock,
}

impl FactKind {
    /// The facts that nothing but a forge or a ticket system can tell, and without which there is
    /// nothing to fall back on: no hook opens a connection.
    pub const FORGE_ONLY: [FactKind; 5] =
        [FactKind::Reviews, FactKind::Pull, FactKind::Checks, FactKind::Conversations, FactKind::Tickets];
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FactKind::Commits => "the commits",
            FactKind::Paths => "which files change",
            FactKind::Lines => "how many lines change",
            FactKind::Blobs => "the new file contents",
            FactKind::EvilMerges => "what a merge adds of its own",
            FactKind::Signatures => "who signed the commits",
            FactKind::Pusher => "who pushes",
            FactKind::Approvals => "who approves this",
            FactKind::Reviews => "who has reviewed this",
            FactKind::Pull => "the pull request",
            FactKind::Checks => "what the checks say",
            FactKind::Comments => "the comments on the pull request",
            FactKind::Conversations => "the conversations of the review",
            FactKind::FileKinds => "of which kind the files are",
            FactKind::Target => "the branch that this is for",
            FactKind::Tickets => "what the ticket system says",
            FactKind::Clock => "what time it is there",
        })
    }
}

/// The facts that are wanted.
pub type NeededFacts = BTreeSet<FactKind>;
