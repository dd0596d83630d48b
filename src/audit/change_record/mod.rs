//! One change as an auditor sees it: what it was, who approved it, how it landed, what it owed, what became of it.

pub(crate) mod change_acts;
pub mod change_approvals;
pub mod change_columns;
mod column_cells;
pub(crate) mod field_values;
mod gate_result;
mod independence;
mod landed_content;
pub mod refused_approvals;
pub(crate) mod roster_words;
pub(crate) mod standing;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::change_record::change_approvals::ChangeApproval;
use crate::audit::change_record::refused_approvals::RefusedApproval;
use crate::audit::inputs::deployments::Deployment;
use crate::audit::inputs::incidents::Incident;
use crate::audit::population::step_evidence::StepFacts;
use crate::change::{CommitMessage, Oid, Text};
use crate::ledger::audit::attempts::RefusedAttempt;
use crate::ledger::audit::ledger_history::RecordedChangeAct;
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::RecordedReasons;
use crate::ledger::state::TrackedObligation;
use crate::policy::FOR_CHANGE_TRAILER;
use crate::verdict::Verdict;

/// One change: a step of the first-parent history of a ref.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeRecord {
    /// The name of the repository.
    pub repository: String,
    /// The full name of the ref.
    pub ref_name: Text,
    /// The last commit of the step.
    pub id: Oid,
    /// The commits of the step, the last of which is that; empty in a record that was read from a file.
    #[serde(skip)]
    pub(crate) commits: Vec<Oid>,
    /// What its commits say, or why they cannot be read.
    pub(crate) facts: Result<StepFacts, String>,
    /// How it landed.
    pub landing: LandingFacts,
    /// What judged it.
    pub judged_by: ChangeJudgement,
    /// What the verdicts on it rest on: one, or one for each commit where a policy counts commits.
    pub reasons: Vec<RecordedReasons>,
    /// The word that counts in each field that the change states with different words, by the policy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counting_words: BTreeMap<String, String>,
    /// The verdicts that were reached afterwards, where single changes were asked for.
    #[serde(skip)]
    pub verdicts: Vec<Verdict>,
    /// `sha256:` and the digest of what the ledger keeps beside the decision that brought it; `None` if it keeps nothing.
    pub evidence_digest: Option<String>,
    /// The break-glass sessions that were open when it landed, each with its incident.
    pub break_glass: Vec<Text>,
    /// What it owed or owes, by the ids of the obligations.
    pub obligations: Vec<(String, TrackedObligation)>,
    /// When that was closed which was open as of the audit, by the ids.
    #[serde(default)]
    pub closed_later: BTreeMap<String, Timestamp>,
    /// The records that speak for it, oldest first.
    pub closing_records: Vec<RelatedStep>,
    /// The tickets that were named for it after it had landed, each once.
    #[serde(default)]
    pub later_tickets: Vec<Text>,
    /// The tree of its last commit; `None` if that cannot be read.
    #[serde(default)]
    pub tree: Option<Oid>,
    /// The changes that take it back, oldest first.
    pub reverted_by: Vec<RelatedStep>,
    /// The changes that it made necessary, as they say, oldest first.
    pub caused: Vec<RelatedStep>,
    /// The later changes that say one of this, and whose word does not count, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubted_claims: Vec<RelatedStep>,
    /// What the policy that it leaves asks less than the one before it; `None` if nothing shows that.
    #[serde(default)]
    pub policy_loosened: Option<Text>,
    /// True if what the recorded verdict on it rests on cannot be read, or is not what the record names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacks_evidence: bool,
    /// True if it brought the first policy of the history, so that nothing could judge it.
    #[serde(default)]
    pub is_founding: bool,
    /// True if it takes another change back, or names one as its cause.
    #[serde(default)]
    pub is_repair: bool,
    /// What was said about it after it had landed, oldest first.
    pub acts: Vec<RecordedChangeAct>,
    /// The signed approvals and rejections that are about it, in the order of their receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_approvals: Vec<ChangeApproval>,
    /// The signed approvals and rejections about it that were refused, in the order of their records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_approvals: Vec<RefusedApproval>,
    /// The files that were attached to it and that this repository does not hold, each with its ref.
    pub lost_files: Vec<(String, Text)>,
    /// The people who made or approved it and whom an earlier roster knew and that of the time does not, or who were not
    /// there by its days.
    #[serde(default)]
    pub left_people: Vec<Text>,
    /// The incidents that it caused, as a file said.
    pub incidents: Vec<Incident>,
    /// Its first deployment, to production where an environment is called so, as a file or the ledger said.
    pub deployment: Option<Deployment>,
    /// Its first deployments to other environments, oldest first.
    #[serde(default)]
    pub other_deployments: Vec<Deployment>,
    /// The refused attempts that may have become it, oldest first.
    pub attempts: Vec<RefusedAttempt>,
    /// When the audit was made; what is owed is open or overdue as of then.
    pub as_of: Timestamp,
}

/// A later step that says something about a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RelatedStep {
    /// Its last commit.
    pub id: Oid,
    /// When it landed.
    pub at: Timestamp,
    /// Whose clock that is.
    pub clock: LandingClock,
    /// The first line of its message, if it closes something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// What it states, if it closes something: trailers by their keys, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<(String, Text)>,
}

/// How many statements of a later step are kept, and how many bytes of each.
const MAX_STATEMENTS: usize = 30;
const MAX_STATEMENT_BYTES: usize = 500;

impl RelatedStep {
    /// Adds what the message of the step says, but for which changes it says it.
    pub(crate) fn add_message(&mut self, message: &CommitMessage) {
        self.title = Some(message.subject());
        for trailer in message.trailers().iter().take(MAX_STATEMENTS) {
            if !trailer.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER) {
                self.states.push((trailer.key.clone(), trailer.value.cut_to(MAX_STATEMENT_BYTES)));
            }
        }
    }
}

/// How a change landed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LandingFacts {
    /// Whether a decision brought it; `None` if no record tells of it.
    pub origin: Option<LandingOrigin>,
    /// When it landed.
    pub at: Timestamp,
    /// Whose clock that is.
    pub clock: LandingClock,
    /// The account that pushed or merged it.
    pub by: Option<Text>,
    /// The number of the record that tells of the landing.
    pub record: Option<u64>,
    /// The ref on which it landed first, if it came from there and its landing is told as it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ref: Option<Text>,
    /// The pull request that it came from, as in `acme/shop#12`, as the forge said.
    pub pull: Option<Text>,
    /// When the ref was last seen without it, if it came without a decision.
    pub last_seen_before: Option<Timestamp>,
}

/// The clock that a landing is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandingClock {
    /// That of the gate, or of the forge that it asked.
    Gate,
    /// That of the person who committed it, who may set it as they like.
    Committer,
}

/// What judged a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ChangeJudgement {
    /// The gate, at the time; the ledger has it.
    Recorded {
        /// The number of the record.
        record: u64,
        /// When it judged, by its own clock.
        at: Timestamp,
        /// The name and version of the gate.
        tool: String,
        /// True if the ledger keeps what the verdict rests on; otherwise that is worked out again.
        keeps_reasons: bool,
    },
    /// The audit, afterwards, by a policy.
    Afterwards {
        /// What the policy is called, as in `policies/changegate.yml of 0123456789ab`.
        policy: String,
    },
    /// Nothing, for this reason.
    NotJudged(String),
}

impl LandingClock {
    /// Returns the name of the clock.
    pub fn code(self) -> &'static str {
        match self {
            LandingClock::Gate => "gate",
            LandingClock::Committer => "committer",
        }
    }
}

impl ChangeRecord {
    /// Returns the id by which a population lists the change: the repository and the whole commit id.
    pub fn change_id(&self) -> String {
        format!("{}@{}", self.repository, self.id)
    }

    /// Returns why the change cannot be read as a whole, if it cannot: a commit, a tree or a content is missing.
    pub(crate) fn find_unread_part(&self) -> Option<&str> {
        match &self.facts {
            Ok(facts) => facts.unread.as_deref(),
            Err(why) => Some(why),
        }
    }
}
