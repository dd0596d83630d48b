//! One record of the ledger, and the one way in which it is written.
//!
//! A record travels as canonical JSON (RFC 8785): keys in order, no space between them, every number
//! an integer. So a record has one digest, wherever it is computed, and what is judged again from the
//! same facts gives the same bytes.
//!
//! Reading is lenient where that is safe: a record of a newer version, or with keys that this version
//! does not know, is kept as it stands and said to be
//! [`Unknown`](crate::ledger::record::readable::Readable::Unknown); it never stops the rest.

pub mod canonical;
pub mod catalogue;
pub(crate) mod evidence;
pub mod message;
pub mod readable;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::change::{Fact, Oid, PusherIdentity, Stage, Text, text};
use crate::gate::break_glass::AuthorisedRequest;
use crate::gate::obligations::{ChangeContributors, MergedPull, ObligationClosing};
use crate::ledger::record::canonical::to_canonical_json;
use crate::ledger::state::break_glass::BreakGlassEvent;
use crate::ledger::state::unauthorised::RegularisationTerms;
use crate::report::PolicyReference;
use crate::verdict::{Decision, Judgement, Message, Verdict};

/// The name and version of the schema of records.
pub const RECORD_SCHEMA: &str = "changegate/record/v1";

/// No record is longer than this many bytes.
pub const MAX_RECORD_BYTES: usize = 8 << 20;

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// Its place in the ledger, counted from 1.
    pub number: u64,
    /// The digest of the record before; `None` for the first.
    pub previous: Option<String>,
    /// When it was appended, by the clock of whoever did.
    pub recorded_at: Timestamp,
    /// What is recorded.
    pub event: LedgerEvent,
}

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerEvent {
    /// The ledger begins: the refs under change control hold these.
    Begin(LedgerBeginning),
    /// Somebody asked to change refs, and this was decided.
    Decision(Box<DecisionRecord>),
    /// What became of a decision that allowed something.
    Outcome(DecisionOutcome),
    /// A ref under change control moved, and nobody decided that.
    Unauthorised(RecordedMove),
    /// Other refs are under change control from now on.
    Scope(ScopeChange),
    /// A decision was written ahead and cannot be read; what is left of it is kept beside the ledger.
    Damaged(DamagedDecision),
    /// Something that was owed is there.
    Discharged(ObligationDischarge),
    /// Somebody was told of what is due.
    Escalated(ObligationEscalation),
    /// A break-glass session is opened, extended or closed.
    BreakGlass(BreakGlassEvent),
    /// Somebody may declare what landed without a decision.
    Flagged(RegularisationTerms),
}

/// Something that was owed is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObligationDischarge {
    /// What was owed, by its id in the state.
    pub obligation: String,
    /// The rule that asked for it.
    pub rule: String,
    /// The change that owed it.
    pub change: Option<Oid>,
    /// What closes it.
    pub evidence: ObligationEvidence,
    /// When that was seen, by the clock of whoever saw it, which is the forge's for a review; never
    /// before it was owed.
    pub observed_at: Timestamp,
    /// How many seconds too late that is; `None` for in time.
    pub late_by: Option<u64>,
}

/// What closes an obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum ObligationEvidence {
    /// A later change on the same ref that speaks for the one that owes.
    Change {
        /// Its final revision.
        id: Oid,
    },
    /// A ticket, as the system that holds it told of it.
    Ticket {
        /// What the system calls it.
        key: Text,
        /// Who told: the system's address, or a file's name and digest.
        source: Text,
        /// When it was made, by the system's clock.
        created: Timestamp,
        /// Where people look at it.
        url: Text,
        /// The change that names it; `None` if the ticket names the change that owes.
        by: Option<Oid>,
    },
    /// A review of the pull request that brought the change, given after it had landed.
    Review {
        /// Who gave it.
        by: Text,
        /// The pull request, as in `acme/shop#12`.
        on: Text,
        /// When it was handed in, by the forge's clock.
        submitted: Timestamp,
    },
    /// Somebody has closed the break-glass session. It stands in states, and in no record.
    Session {
        /// Who did.
        by: Text,
    },
}

/// Somebody was told of what is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObligationEscalation {
    /// What is due soon, by its ids in the state.
    pub due_soon: Vec<String>,
    /// What is overdue, by its ids in the state.
    pub overdue: Vec<String>,
    /// When they were told.
    pub observed_at: Timestamp,
}

/// What held when the ledger began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LedgerBeginning {
    /// Which refs are under change control, as patterns of their names.
    pub protects: Vec<String>,
    /// What these refs hold, by their full names, in order.
    pub tips: Vec<RefTip>,
    /// The version of the gate.
    pub tool: String,
}

/// Which refs are under change control from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScopeChange {
    /// All of them, as patterns of their names.
    pub protects: Vec<String>,
    /// What those hold that were not under change control before, by their full names, in order.
    pub came: Vec<RefTip>,
    /// The names of those that are not under change control any more.
    pub left: Vec<Text>,
}

/// What a ref holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefTip {
    /// Its full name.
    pub name: Text,
    /// What it holds.
    pub id: Oid,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecisionRecord {
    /// What outcomes refer to: unlike that of any other decision.
    pub id: String,
    /// When the change was seen, by the clock of whoever judged.
    pub observed_at: Timestamp,
    /// Where it was seen.
    pub stage: Stage,
    /// Who asked for it, as the server knows.
    pub pusher: Fact<PusherIdentity>,
    /// What was decided.
    pub decision: Decision,
    /// The policy; `None` if none could be used.
    pub policy: Option<RecordedPolicy>,
    /// What was judged, ref by ref.
    pub refs: Vec<RefDecision>,
    /// How many further refs were denied that there is no room for.
    pub refs_left_out: usize,
    /// What else was said.
    pub notes: Vec<Message>,
    /// The facts that the judge was given.
    pub facts: FactsDigest,
    /// The version of the gate.
    pub tool: String,
}

/// Which policy it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedPolicy {
    /// What it calls itself.
    pub name: String,
    /// `sha256:` and the digest of everything that it was read from.
    pub digest: String,
    /// Where it was read from.
    pub source: String,
}

/// What was decided about one ref.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefDecision {
    /// Its full name, after symbolic refs have been followed.
    pub name: Text,
    /// The name that was pushed, if that is another.
    pub pushed_as: Option<Text>,
    /// What it held; `None` for nothing.
    pub old: Option<Oid>,
    /// What it was to hold; `None` for nothing.
    pub new: Option<Oid>,
    /// The tree of that.
    pub tree: Option<Oid>,
    /// True if it is under change control; otherwise nothing was judged.
    pub protected: bool,
    /// The policies that its changes were held against: its own, and that of the policy ref where
    /// that is another.
    pub policies: Vec<PolicyReference>,
    /// What spoke against the ref itself.
    pub refusals: Vec<Judgement>,
    /// The changes that there is something to say about, oldest first.
    pub changes: Vec<Verdict>,
    /// How many further changes kept every rule.
    pub passed: usize,
    /// How many further changes there is no room for, and how many of those were denied.
    pub left_out: OmittedChanges,
    /// Who made the changes that owe something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owing: Vec<ChangeContributors>,
    /// What its changes say for earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closings: Vec<ObligationClosing>,
    /// Which of the changes pull requests brought, and as what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<MergedPull>,
    /// Which break-glass session is opened or closed, where that is what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<AuthorisedRequest>,
}

/// Changes that a record has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OmittedChanges {
    /// How many.
    pub changes: usize,
    /// How many of them were denied.
    pub denied: usize,
}

/// The facts that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FactsDigest {
    /// `sha256:` and the digest of the changes as they were judged, one JSON document after another,
    /// each with a line end.
    pub digest: String,
    /// How many changes that are.
    pub changes: usize,
    /// Whether they are kept beside the record, so that they can be judged again.
    pub kept: bool,
}

/// What became of a decision, or of some of its refs if the others are not known yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecisionOutcome {
    /// The decision.
    pub of: String,
    /// The refs that moved as decided.
    pub landed: Vec<RecordedMove>,
    /// The refs that did not move, though they might have.
    pub stayed: Vec<Text>,
    /// When that was seen.
    pub observed_at: Timestamp,
    /// True if it was not the push itself that told, but somebody who looked later.
    pub found_late: bool,
}

/// A ref that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedMove {
    /// Its full name.
    pub name: Text,
    /// What it holds; `None` for nothing.
    pub new: Option<Oid>,
    /// What it held; `None` for nothing.
    pub old: Option<Oid>,
}

/// A decision that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DamagedDecision {
    /// The name of its file.
    pub file: String,
    /// `sha256:` and the digest of what is there; `None` if nothing can be read at all.
    pub digest: Option<String>,
    /// Why it cannot be read.
    pub why: String,
}

impl Record {
    /// Returns the canonical bytes.
    ///
    /// # Errors
    ///
    /// Fails for a record longer than [`LARGEST`].
    pub fn to_canonical_bytes(&self) -> Result<Vec<u8>, String> {
        let bytes = to_canonical_json(self)?;
        if MAX_RECORD_BYTES < bytes.len() {
            return Err(format!(
                "a record of {} bytes is too long; at most {MAX_RECORD_BYTES} are kept",
                bytes.len()
            ));
        }
        Ok(bytes)
    }
}

impl DecisionRecord {
    /// Returns what it asks of the refs under change control.
    pub fn protected_moves(&self) -> Vec<RecordedMove> {
        let asked = self.refs.iter().filter(|asked| asked.protected);
        asked.map(|asked| RecordedMove { name: asked.name.clone(), old: asked.old, new: asked.new }).collect()
    }
}

impl RefDecision {
    /// Returns how many changes were judged.
    pub fn count_changes(&self) -> usize {
        self.changes.len().saturating_add(self.passed).saturating_add(self.left_out.changes)
    }
}

/// Returns `sha256:` and the digest of some bytes.
pub fn digest_bytes(bytes: &[u8]) -> String {
    format!("sha256:{}", text::encode_hex(&Sha256::digest(bytes)))
}
