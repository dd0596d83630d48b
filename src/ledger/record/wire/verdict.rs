//! The wire form of a verdict: every rule by its id, with its outcome in codes and values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{FactKind, Oid, Stage, Text};
use crate::ledger::record::wire::message::{RecordedFixer, RecordedMessage, RecordedValue};

/// The verdict on one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedVerdict {
    /// The final revision that was judged; `None` for a commit that does not exist yet.
    pub revision: Option<Oid>,
    /// How many commits the change has.
    pub commits: usize,
    /// The subject of its last commit.
    pub subject: Text,
    /// The stage at which it was seen.
    pub stage: Stage,
    /// True if a missing fact denies.
    pub enforced: bool,
    /// The class of the change; `None` if a missing fact leaves it open.
    pub class: Option<String>,
    /// Every rule's outcome, in the policy's order.
    pub judgements: Vec<RecordedJudgement>,
    /// The fields that the change states in different ways.
    pub disagreements: Vec<RecordedDisagreement>,
}

/// The outcome of one rule for one change, as a record holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedJudgement {
    /// The id of the rule in the policy.
    pub rule: String,
    /// The controls that the rule supports, such as `iso27001:A.8.32`.
    pub controls: Vec<String>,
    /// Whether the rule denies or warns.
    pub level: RecordedLevel,
    /// What came out of it.
    pub outcome: RecordedOutcome,
}

/// Whether a rule denies or warns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedLevel {
    /// The rule denies the change.
    Deny,
    /// The rule is reported and denies nothing.
    Warn,
}

/// What came out of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum RecordedOutcome {
    /// The change keeps the rule.
    Pass,
    /// The change breaks the rule, as these findings say.
    Fail(Vec<RecordedFinding>),
    /// The change keeps the rule for now, against these obligations.
    Owed(Vec<RecordedObligation>),
    /// The gate cannot tell, because these facts are missing; this denies where the gate enforces.
    Undecided(Vec<RecordedGap>),
    /// A later stage will tell, when these facts can be known.
    Deferred(Vec<RecordedGap>),
    /// The change breaks the rule, and an exemption of the policy allows that.
    Exempted {
        /// The reason that the policy gives.
        reason: String,
        /// The person or team that approved the exemption.
        approved_by: String,
        /// The last day of the exemption, as in `2026-12-31`.
        until: String,
        /// The file and line of the policy on which it stands.
        place: String,
    },
    /// The rule is about other changes.
    NotApplicable,
}

/// One thing that is wrong with a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedFinding {
    /// The code of the message, which never changes.
    pub code: String,
    /// The values of the message by their names.
    pub values: std::collections::BTreeMap<String, RecordedValue>,
    /// The place that it is about.
    pub at: RecordedPlace,
    /// The roles that can fix it, any of them.
    pub fixers: Vec<RecordedFixer>,
}

/// A place in a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedPlace {
    /// The commit; `None` for the change as a whole, or a commit that does not exist yet.
    pub commit: Option<Oid>,
    /// The line of its message or of the description, counted from 1.
    pub line: Option<usize>,
    /// True if the line is one of the pull request's description.
    pub in_description: bool,
    /// The path of a file in the change.
    pub path: Option<Text>,
}

/// Something that may be missing for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedObligation {
    /// What the change owes.
    pub what: RecordedMessage,
    /// The role that owes it.
    pub owner: RecordedFixer,
    /// The last instant that is in time; `None` if the policy's limit is beyond the calendar.
    pub due: Option<Timestamp>,
    /// The evidence that closes it.
    pub evidence: RecordedMessage,
    /// The policy's name of the field whose statement closes it.
    pub field: Option<String>,
    /// True if no contributor to the change can close it.
    pub by_others: bool,
}

/// A fact that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedGap {
    /// The kind of fact.
    pub fact: FactKind,
    /// Why it is missing.
    pub cause: GapCause,
}

/// Why a fact is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// It cannot be known at this stage; a later stage will know it.
    NotAtThisStage,
    /// The gate is not told where to find it.
    NotConfigured,
    /// It should have been there and could not be read.
    Unavailable,
}

/// A field that a change states more than once, in different ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedDisagreement {
    /// The field's name in the policy.
    pub field: String,
    /// Each word with the first place that states it, in the order of the commits.
    pub stated: Vec<RecordedWord>,
    /// The word that counts.
    pub counts: String,
}

/// What a field is stated as in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedWord {
    /// The word as it is written there.
    pub value: Text,
    /// The place that states it.
    pub at: RecordedPlace,
}

impl RecordedVerdict {
    /// Returns whether the change is denied: one judgement that denies is enough.
    pub fn is_denied(&self) -> bool {
        self.judgements.iter().any(|judgement| judgement.is_denying(self.enforced))
    }

    /// Returns whether the change owes something.
    pub(crate) fn is_owing(&self) -> bool {
        self.judgements.iter().any(|judgement| matches!(judgement.outcome, RecordedOutcome::Owed(_)))
    }
}

impl RecordedJudgement {
    /// Returns whether this judgement alone denies the change; `enforced` if a missing fact denies.
    pub fn is_denying(&self, enforced: bool) -> bool {
        self.level == RecordedLevel::Deny
            && match self.outcome {
                RecordedOutcome::Fail(_) => true,
                RecordedOutcome::Undecided(_) | RecordedOutcome::Deferred(_) => enforced,
                RecordedOutcome::Pass
                | RecordedOutcome::Owed(_)
                | RecordedOutcome::Exempted { .. }
                | RecordedOutcome::NotApplicable => false,
            }
    }
}
