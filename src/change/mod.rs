//! What is judged: one [`Change`], with everything that is known about it.
//!
//! A change is the set of commits that one step of the target's first-parent history brings in, or
//! one commit, or one pull request. This module is plain data. It knows no source: a repository, a
//! forge and ten lines of YAML in a test all fill in the same value, and nothing here holds a
//! handle, a path of this machine or a clock.
//!
//! Invariant: what could not be read is a [`Missing`] in the place of the value. [`Fact`] is a
//! `Result`, so a predicate passes a missing fact on with `?` and cannot mistake it for "no".

mod commit;
pub(crate) mod content;
pub(crate) mod content_answer;
pub(crate) mod content_question;
pub mod description;
mod earlier_change;
pub(crate) mod example_address;
mod fact;
pub(crate) mod filler;
pub(crate) mod folded_name;
pub mod message;
mod needed_facts;
mod oid;
mod path_change;
pub mod person;
pub(crate) mod placeholder;
mod policy_effect;
pub mod pull_request;
mod push_certificate;
pub mod signed_approval;
mod stage;
pub mod text;
pub mod ticket;

use std::collections::BTreeMap;

pub(crate) use crate::change::earlier_change::{FOR_CHANGE_TRAILER, unrequested_earlier_change};
pub(crate) use crate::change::policy_effect::unrequested_policy_effect;
pub(crate) use crate::change::signed_approval::unrequested_signed_approvals;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::earlier_change::is_unrequested_earlier_change;
use crate::change::policy_effect::is_unrequested_policy_effect;
use crate::change::signed_approval::is_unrequested_signed_approvals;

pub use crate::change::commit::{Commit, Commits, SignatureStatus};
pub use crate::change::fact::{Fact, FactKind, Missing};
pub use crate::change::message::CommitMessage;
pub use crate::change::needed_facts::NeededFacts;
pub use crate::change::oid::Oid;
pub use crate::change::path_change::{BlobSummary, LineCount, PathChange, PathEntry, PathEntryKind};
pub use crate::change::person::{Person, PusherIdentity};
pub use crate::change::policy_effect::PolicyEffect;
pub use crate::change::pull_request::PullRequest;
pub use crate::change::push_certificate::{CertificateFault, PushCertificate};
pub use crate::change::signed_approval::{
    ContentRelation, LandedRelation, SignedApproval, SignedDecision, UnapprovedLine, UnapprovedPath,
};
pub use crate::change::stage::Stage;
pub use crate::change::text::Text;
pub use crate::change::ticket::{CreationDoubt, Ticket, TicketLookup};

/// One change, as it is seen at one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Change {
    /// The stage at which it is seen.
    pub stage: Stage,
    /// The full name of the ref that it is for, as in `refs/heads/main`.
    pub target: Fact<Text>,
    /// When it is seen, by the clock of the gate. Never a date out of a commit.
    pub seen_at: Timestamp,
    /// The person or account that pushes it.
    pub pusher: Fact<PusherIdentity>,
    /// What the certificate of the push says of who pushes it.
    #[serde(default, skip_serializing_if = "PushCertificate::is_absent")]
    pub push_certificate: PushCertificate,
    /// Its pull request, if it has one.
    pub pull: Fact<Box<PullRequest>>,
    /// What the ticket systems answer about the tickets that it names.
    pub tickets: Fact<Vec<TicketLookup>>,
    /// What it does to the policy, if that was asked for.
    #[serde(default = "unrequested_policy_effect", skip_serializing_if = "is_unrequested_policy_effect")]
    pub policy_effect: Fact<PolicyEffect>,
    /// Whether it names an earlier change of its branch in `For-Change`, if that was asked for.
    #[serde(default = "unrequested_earlier_change", skip_serializing_if = "is_unrequested_earlier_change")]
    pub names_earlier: Fact<bool>,
    /// The signed approvals that are about it, in the order of their receipt.
    #[serde(
        default = "unrequested_signed_approvals",
        skip_serializing_if = "is_unrequested_signed_approvals"
    )]
    pub signed_approvals: Fact<Vec<SignedApproval>>,
    /// Who is in the teams of a forge that its policies name, as the forge told it, by the names of the teams.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forge_teams: BTreeMap<String, Fact<Vec<String>>>,
    /// The commits, oldest first; the last one is the final revision.
    pub commits: Commits,
}

impl Change {
    /// Returns the short name of the branch that it is for, if a command can hold it as it is.
    pub(crate) fn find_plain_branch(&self) -> Option<&str> {
        let target = self.target.as_ref().ok()?;
        let branch = target.as_bytes().strip_prefix(b"refs/heads/").unwrap_or(target.as_bytes());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte);
        let branch = std::str::from_utf8(branch).ok()?;
        (branch.bytes().all(is_plain) && !branch.starts_with('-')).then_some(branch)
    }

    /// Returns each commit as a change of its own, with what is known of the whole, as where every commit counts as one
    /// change.
    ///
    /// Of several commits each states its own fields, as it has to wherever no description is seen.
    pub(crate) fn split_commits(mut self) -> Vec<Change> {
        if self.commits.len() > 1
            && let Ok(pull) = &mut self.pull
        {
            pull.drop_statements();
        }
        let mut changes = Vec::new();
        for commit in &self.commits {
            changes.push(Change { commits: Commits::from(commit.clone()), ..self.clone() });
        }
        changes
    }

    /// Returns a change of which nothing is known but what a repository and a push tell: it has no
    /// pull request, and no ticket system is asked.
    pub(crate) fn from_repository(
        stage: Stage,
        target: Fact<Text>,
        pusher: Fact<PusherIdentity>,
        seen_at: Timestamp,
        commits: Commits,
    ) -> Self {
        let pull = Change::missing_pull(stage);
        let tickets = Change::missing_tickets(stage);
        let policy_effect = unrequested_policy_effect();
        let names_earlier = unrequested_earlier_change();
        let signed_approvals = unrequested_signed_approvals();
        let forge_teams = BTreeMap::new();
        Change {
            stage,
            target,
            seen_at,
            pusher,
            push_certificate: PushCertificate::Absent,
            pull,
            tickets,
            policy_effect,
            names_earlier,
            signed_approvals,
            forge_teams,
            commits,
        }
    }

    /// Returns the final revision, which is the last commit.
    pub fn tip(&self) -> &Commit {
        self.commits.last()
    }

    /// Returns the pull request, or that the fact `need` is missing because there is none.
    ///
    /// # Errors
    ///
    /// Returns the reason why `need` is missing, where there is no pull request to tell it.
    pub(crate) fn require_pull(&self, need: FactKind) -> Fact<&PullRequest> {
        match &self.pull {
            Ok(pull) => Ok(pull),
            Err(missing) => Err(missing.clone().for_fact_kind(need)),
        }
    }

    /// Returns the reason why there is no pull request, where only a repository is read.
    pub(crate) fn missing_pull(stage: Stage) -> Fact<Box<PullRequest>> {
        Err(Missing::at_stage(stage, FactKind::Pull))
    }

    /// Returns the reason why nothing is known about tickets, where no ticket system is asked.
    pub(crate) fn missing_tickets(stage: Stage) -> Fact<Vec<TicketLookup>> {
        Err(Missing::at_stage(stage, FactKind::Tickets))
    }

    /// Returns the ticket of this key; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Returns the reason why it is not known, if the ticket was not or could not be looked up.
    pub(crate) fn find_ticket(&self, key: &Text) -> Fact<Option<&Ticket>> {
        let tickets = self.tickets.as_ref().map_err(Clone::clone)?;
        for lookup in tickets {
            if lookup.key == *key {
                return lookup.found.as_ref().map(Option::as_ref).map_err(Clone::clone);
            }
        }
        Err(Missing::Unavailable(FactKind::Tickets, "this ticket was not looked up".into()))
    }

    /// Returns the differences to judge: that of the whole pull request if there is one, else that of
    /// each commit.
    pub(crate) fn list_diffs(&self) -> impl Iterator<Item = ChangeDiff<'_>> {
        let (whole, commits) = match &self.pull {
            Ok(pull) => (Some(ChangeDiff::from_pull(pull)), Default::default()),
            Err(_) => (None, &*self.commits),
        };
        whole.into_iter().chain(commits.iter().map(ChangeDiff::from_commit))
    }

    /// Returns the differences that what lands is made of, in their order: that of the whole pull request if there
    /// is one, that of the merge if the change is one, else that of each commit.
    pub(crate) fn list_landing_diffs(&self) -> Vec<ChangeDiff<'_>> {
        let mut diffs: Vec<ChangeDiff<'_>> = self.list_diffs().collect();
        let tip = self.tip();
        let is_within = |id: &Oid| self.commits.iter().any(|commit| commit.id == Some(*id));
        // The first parent of a merge is the target from before, and what it brings is all that lands.
        if self.pull.is_err() && tip.is_merge() && !tip.parents.first().is_some_and(is_within) {
            diffs.drain(..diffs.len().saturating_sub(1));
        }
        diffs
    }
}

/// What a commit, or a pull request as a whole, changes.
#[derive(Clone, Copy, Debug)]
pub struct ChangeDiff<'change> {
    /// The commit; for a pull request, its final revision.
    pub commit_id: Option<Oid>,
    /// True for a commit with several parents.
    pub is_merge: bool,
    /// The paths that differ.
    pub paths: &'change Fact<Vec<PathChange>>,
    /// How many lines differ.
    pub lines: &'change Fact<LineCount>,
}

impl<'change> ChangeDiff<'change> {
    fn from_pull(pull: &'change PullRequest) -> Self {
        ChangeDiff { commit_id: Some(pull.head.id), is_merge: false, paths: &pull.paths, lines: &pull.lines }
    }

    fn from_commit(commit: &'change Commit) -> Self {
        ChangeDiff {
            commit_id: commit.id,
            is_merge: commit.is_merge(),
            paths: &commit.paths,
            lines: &commit.lines,
        }
    }
}
