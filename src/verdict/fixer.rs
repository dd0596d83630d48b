//! Who can fix what a finding is about, as roles.

use std::fmt;

/// The role of somebody who can fix something. Records hold the role; words are made when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fixer {
    /// The author of the change.
    Author,
    /// A reviewer who is not a contributor to the change.
    Reviewer,
    /// The person that a trailer or a line of the description names.
    NamedPerson,
    /// The person who signed, or should have signed, the commit.
    Committer,
    /// The account that pushes.
    Pusher,
    /// The person who added the label.
    Labeller,
    /// A member of one of these teams.
    TeamMember(Vec<String>),
    /// The people who owe what is overdue.
    ObligationOwner,
    /// The people who run the continuous integration.
    PipelineOwner,
    /// The people who keep the policy.
    PolicyOwner,
    /// The people who keep the roster.
    RosterOwner,
    /// The administrator of the Git server.
    ServerAdministrator,
    /// The people who set up the gate: on a forge the workflow, on a server the hook.
    GateAdministrator,
    /// Nobody: what was judged has been overtaken by events, and a later run judges again.
    NotNeeded,
    /// Somebody in free words. Nothing that is recorded may be one.
    Unnamed(String),
}

impl From<&str> for Fixer {
    fn from(words: &str) -> Self {
        Fixer::Unnamed(words.to_owned())
    }
}

impl From<String> for Fixer {
    fn from(words: String) -> Self {
        Fixer::Unnamed(words)
    }
}

impl fmt::Display for Fixer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fixer::Author => "the author",
            Fixer::Reviewer => "a reviewer other than the authors",
            Fixer::NamedPerson => "the person named",
            Fixer::Committer => "the committer",
            Fixer::Pusher => "the pusher",
            Fixer::Labeller => "the person who added the label",
            Fixer::TeamMember(teams) => return write!(f, "a member of {}", teams.join(" or ")),
            Fixer::ObligationOwner => "the people who owe it",
            Fixer::PipelineOwner => "the maintainers of the pipeline",
            Fixer::PolicyOwner => "the policy owner",
            Fixer::RosterOwner => "the maintainers of the roster",
            Fixer::ServerAdministrator => "the server administrator",
            Fixer::GateAdministrator => "the gate administrator",
            Fixer::NotNeeded => "nothing to fix",
            Fixer::Unnamed(words) => words,
        })
    }
}
