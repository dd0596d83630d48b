//! What follows from all records so far: what each ref holds, which decisions are open, what is owed.
//!
//! It is kept beside the newest record, so that a push never reads history. It is not trusted: `ledger
//! verify` works it out again from the records and compares. So it holds codes, ids and values like the
//! records, and no sentence.

pub(crate) mod acts;
pub mod apply;
pub mod approvals;
pub mod break_glass;
pub mod obligation;
pub mod open_approval;
pub mod pull_verdicts;
pub mod status;
pub mod unauthorised;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::change::{Oid, Text, text};
use crate::ledger::record::{
    ObligationEvidence, RecordedContributor, RecordedFixer, RecordedMessage, RecordedMove,
};
use crate::ledger::state::open_approval::{DroppedApprovals, OpenApproval};
use crate::ledger::state::pull_verdicts::RecentPullVerdicts;
use crate::verdict::{Fixer, RuleId};

/// How many decisions are remembered as the newest.
pub const MAX_RECENT_DECISIONS: usize = 32;

/// How many closed obligations the state keeps. The oldest that were closed in time go first, then those
/// that were closed late and the unauthorised changes. The records keep all of them.
pub(crate) const MAX_CLOSED_OBLIGATIONS: usize = 256;

/// The state after a record.
///
/// Fields stand in the order of their names on the wire, so that what serde writes is nearly always
/// canonical JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LedgerState {
    /// The signed approvals that no change has used up, in the order of their receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<OpenApproval>,
    /// The obligations of refs that did not move, by id; they are owed after all if the ref moves.
    pub dormant_obligations: BTreeMap<String, TrackedObligation>,
    /// Up to which date the words of signers may have been taken back by words that are not kept any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_approvals: Vec<DroppedApprovals>,
    /// The number of the record that this is the state after.
    pub number: u64,
    /// The obligations by their ids, open and closed.
    pub obligations: BTreeMap<String, TrackedObligation>,
    /// The decisions that allowed something and have no outcome yet, by their ids.
    pub open_decisions: BTreeMap<String, Vec<RecordedMove>>,
    /// The protected refs, as patterns of their names.
    pub protects: Vec<String>,
    /// The ids of the newest acts about changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_acts: Vec<String>,
    /// The ids of the newest decisions, and the names of files that could not be read, at most
    /// [`MAX_RECENT_DECISIONS`]: what was appended just before a process died is not appended twice.
    pub recent_decisions: Vec<String>,
    /// The verdicts on pull requests that were recorded last.
    #[serde(default, skip_serializing_if = "RecentPullVerdicts::is_empty")]
    pub recent_pull_verdicts: RecentPullVerdicts,
    /// The name and version of the form of this document.
    pub schema: StateSchema,
    /// What each protected ref holds, by its name as `encode_ref_key` writes it.
    pub tips: BTreeMap<String, Oid>,
    /// The moves of the newest decisions that did not happen, by decision; if one happens after all, it
    /// was decided.
    pub unmoved: BTreeMap<String, Vec<RecordedMove>>,
    /// The signed approvals that decisions without an outcome use up if they land, by the decisions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub used_approvals: BTreeMap<String, Vec<Oid>>,
    /// True to keep every closed obligation, as an audit wants it; this is no part of the state that is written.
    #[serde(skip)]
    pub keeps_all_closed: bool,
}

/// The name and version of the state's form, which is the same in every state of this version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSchema;

impl StateSchema {
    const NAME: &str = "changegate/state/v1";
}

impl Serialize for StateSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(StateSchema::NAME)
    }
}

impl<'de> Deserialize<'de> for StateSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        if found == StateSchema::NAME {
            Ok(StateSchema)
        } else {
            Err(D::Error::custom(format!(
                "the state has the schema {found}; a newer version of changegate reads it"
            )))
        }
    }
}

/// An obligation, from the decision that it comes from to its closure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrackedObligation {
    /// True if no contributor to the change can close it.
    pub by_others: bool,
    /// The change that owes it.
    pub change: Option<Oid>,
    /// How it was closed; `None` while it is open.
    pub closed: Option<ObligationClosure>,
    /// The contributors to the change, without bots.
    pub contributors: Vec<RecordedContributor>,
    /// True if these are all contributors.
    pub contributors_known: bool,
    /// The id of the decision that it comes from; empty for an unauthorised change.
    pub decision: String,
    /// The last instant that is in time; `None` for never.
    pub due: Option<Timestamp>,
    /// The evidence that closes it.
    pub evidence: RecordedMessage,
    /// The field whose statement closes it.
    pub field: Option<String>,
    /// What people were last told of it.
    pub notice: Option<ObligationNotice>,
    /// The role or account that owes it.
    pub owner: ObligationOwner,
    /// The pull request of which a review would close it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Text>,
    /// The ref that the change landed on.
    pub ref_name: Text,
    /// The id of the rule that asks for it.
    pub rule: RuleId,
    /// The break-glass session that has to be closed, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<BreakGlassSession>,
    /// True if another change begins with the same twelve digits: then only all of them name this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_digits: bool,
    /// When the change was seen, which is when the time began to run.
    pub since: Timestamp,
    /// The unauthorised change that has to be regularised, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unauthorised_change: Option<UnauthorisedChange>,
    /// The message that says what has to be done.
    pub what: RecordedMessage,
}

/// The role or account that owes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ObligationOwner {
    /// The account that pushed or merged the change.
    Account {
        /// The name of the account.
        account: Text,
        /// True for a user on the server, whose account is a claim.
        is_claimed: bool,
    },
    /// A role that the judge named.
    Role(RecordedFixer),
}

/// What people were told of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObligationNotice {
    /// The time limit is near.
    DueSoon,
    /// The time limit has passed.
    Overdue,
}

/// How an obligation was closed; that it was late stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObligationClosure {
    /// When the evidence was there, never before it was owed.
    pub at: Timestamp,
    /// The evidence that closed it.
    pub by: ObligationEvidence,
    /// How many seconds too late; `None` for in time.
    pub late_by: Option<u64>,
}

/// What is known of a break-glass session that has to be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BreakGlassSession {
    /// The id of the session.
    pub id: String,
    /// The name of the incident.
    pub incident: Text,
    /// The reason that the last request to open or extend it gave.
    pub reason: Text,
}

/// What is known of a change that landed without a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnauthorisedChange {
    /// What the ref held before; `None` for nothing.
    pub old_tip: Option<Oid>,
    /// The number of the record that tells of it.
    pub record_number: u64,
    /// The ref on which the change has to land that regularises it; `None` while the policy names no one.
    pub regularised_on: Option<Text>,
}

impl ObligationOwner {
    /// Returns the owner in words, which are still to be escaped.
    pub fn describe(&self) -> String {
        match self {
            ObligationOwner::Account { account, is_claimed: false } => account.to_lossy().into_owned(),
            ObligationOwner::Account { account, is_claimed: true } => {
                format!("{}, on the server", account.to_lossy())
            }
            ObligationOwner::Role(role) => Fixer::from(role).to_string(),
        }
    }
}

impl TrackedObligation {
    /// Returns whether these digits name the change that owes it: all of them, or the first ones where no
    /// other change that owes something begins with them.
    pub(crate) fn is_named_by_digits(&self, digits: &str) -> bool {
        let Some(change) = self.change else { return false };
        let id = change.to_string();
        id == digits || (!self.shares_digits && id.starts_with(digits))
    }

    /// Returns whether it was there in time, as of `now`; `None` while it is open and in time.
    pub(crate) fn find_timeliness(&self, now: Timestamp) -> Option<bool> {
        match &self.closed {
            Some(closed) => Some(closed.late_by.is_none()),
            None => self.due.is_some_and(|due| due < now).then_some(false),
        }
    }
}

impl LedgerState {
    /// Forgets the oldest closed obligations, if there are too many.
    pub(crate) fn forget_closed(&mut self) {
        if self.keeps_all_closed {
            return;
        }
        let mut closed = Vec::new();
        for (id, owed) in &self.obligations {
            if let Some(closure) = &owed.closed {
                let stays_longer = closure.late_by.is_some() || owed.unauthorised_change.is_some();
                closed.push((stays_longer, closure.at, id.clone()));
            }
        }
        closed.sort();
        let too_many = closed.len().saturating_sub(MAX_CLOSED_OBLIGATIONS);
        for (_, _, id) in closed.into_iter().take(too_many) {
            self.obligations.remove(&id);
        }
    }
}

/// Returns a ref's name as a key of [`LedgerState::tips`]; one that is not UTF-8 is written in hexadecimal
/// digits, so that no two names share a key.
pub(crate) fn encode_ref_key(name: &Text) -> String {
    match name.as_utf8() {
        Some(name) => name.to_owned(),
        None => format!("hex:{}", text::encode_hex(name.as_bytes())),
    }
}

/// Returns the name that a key stands for; every ref's name begins with `refs/`.
pub(crate) fn decode_ref_key(key: &str) -> Text {
    let hex = key.strip_prefix("hex:").and_then(text::decode_hex);
    hex.map_or_else(|| Text::from(key), Text::new)
}
