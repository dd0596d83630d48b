//! Who can fix what a finding is about, as roles.

use std::fmt;

/// The role of a person who can fix something. Records hold the role; words are made when it is read.
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
    /// No fix is needed: what was judged is out of date, and a later run judges again.
    NotNeeded,
}

impl Fixer {
    /// Returns the code of the role, as records and JSON have it.
    pub(crate) fn role_code(&self) -> &'static str {
        match self {
            Fixer::Author => "author",
            Fixer::Reviewer => "reviewer",
            Fixer::NamedPerson => "named-person",
            Fixer::Committer => "committer",
            Fixer::Pusher => "pusher",
            Fixer::Labeller => "labeller",
            Fixer::TeamMember(_) => "team-member",
            Fixer::ObligationOwner => "obligation-owner",
            Fixer::PipelineOwner => "pipeline-owner",
            Fixer::PolicyOwner => "policy-owner",
            Fixer::RosterOwner => "roster-owner",
            Fixer::ServerAdministrator => "server-administrator",
            Fixer::GateAdministrator => "gate-administrator",
            Fixer::NotNeeded => "not-needed",
        }
    }

    /// Returns the teams, any of whose members can fix it; none for the other roles.
    pub fn teams(&self) -> &[String] {
        match self {
            Fixer::TeamMember(teams) => teams,
            _ => &[],
        }
    }
}

/// Returns these roles in words, any of which can act: `the author or the pusher`.
pub fn describe_fixers(fixers: &[Fixer]) -> String {
    let words: Vec<String> = fixers.iter().map(Fixer::to_string).collect();
    // With several teams, a comma shows where the teams end.
    let has_teams = fixers.iter().any(|fixer| fixer.teams().len() > 1);
    words.join(if has_teams { ", or " } else { " or " })
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
            Fixer::NotNeeded => "no one; a later run judges again",
        })
    }
}
