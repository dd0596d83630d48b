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
    NotAtThisStage(Need),
    /// Nobody has told this installation where to find it.
    NotConfigured(Need),
    /// It should have been there and could not be read; the text says why.
    Unavailable(Need, String),
}

impl Missing {
    /// Returns the same reason for another fact, which depends on the first.
    #[must_use]
    pub fn of(self, need: Need) -> Self {
        match self {
            Missing::NotAtThisStage(_) => Missing::NotAtThisStage(need),
            Missing::NotConfigured(_) => Missing::NotConfigured(need),
            Missing::Unavailable(_, why) => Missing::Unavailable(need, why),
        }
    }

    /// Returns what is missing.
    pub fn need(&self) -> Need {
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
pub enum Need {
    /// The commits themselves.
    Commits,
    /// The paths that each commit changes.
    Paths,
    /// The number of changed lines.
    Lines,
    /// The sizes and first bytes of new file contents.
    Blobs,
    /// The content of a merge that no parent and no clean merge accounts for.
    OwnContent,
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
    Kinds,
    /// The branch that the change is for.
    Target,
    /// What a ticket system says.
    Tickets,
    /// What the clocks show in a time zone.
    Clock,
}

impl Need {
    /// The facts that nothing but a forge can tell, and without which there is nothing to fall back
    /// on.
    pub const OF_A_FORGE: [Need; 4] = [Need::Reviews, Need::Pull, Need::Checks, Need::Conversations];
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::Commits => "the commits",
            Need::Paths => "which files change",
            Need::Lines => "how many lines change",
            Need::Blobs => "the new file contents",
            Need::OwnContent => "what a merge adds of its own",
            Need::Signatures => "who signed the commits",
            Need::Pusher => "who pushes",
            Need::Approvals => "who approves this",
            Need::Reviews => "who has reviewed this",
            Need::Pull => "the pull request",
            Need::Checks => "what the checks say",
            Need::Comments => "the comments on the pull request",
            Need::Conversations => "the conversations of the review",
            Need::Kinds => "of which kind the files are",
            Need::Target => "the branch that this is for",
            Need::Tickets => "what the ticket system says",
            Need::Clock => "what time it is there",
        })
    }
}

/// The facts that are wanted.
pub type Needs = BTreeSet<Need>;
