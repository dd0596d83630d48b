//! The wire form of the ledger: what a record and the state beside it hold, as serde writes and reads it.
//!
//! These types are the format `changegate/record/v1`. They hold codes, ids, values and places and no
//! sentence, and they borrow no type from the judge or from the reports, so that an edit of
//! those does not change the format. [`convert`](crate::ledger::record::convert) translates both ways.
//! `docs/record-v1.schema.json` describes every property.

mod act;
mod break_glass;
mod decision;
mod heartbeat;
mod message;
mod obligation;
mod pull_verdict;
mod reasons;
mod ref_state;
mod verdict;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::Text;

pub use act::{ChangeAct, RecordedAct, RecordedActKind, RecordedReport, RecordedSignedApproval};
pub use break_glass::{
    BreakGlassEvent, RecordedRequest, RequestedAction, SessionActor, SessionClosure, SessionOpening,
};
pub use decision::{
    DecisionRecord, FactsDigest, OmittedChanges, ReasonsDigest, RecordedCertificate, RecordedDecision,
    RecordedPolicy, RecordedPolicySource, RecordedPusher, RefDecision,
};
pub use heartbeat::{LedgerHeartbeat, RecordedHookState};
pub use message::{RecordedFixer, RecordedMessage, RecordedValue};
pub use obligation::{
    ObligationDischarge, ObligationEscalation, ObligationEvidence, OwingChange, PullLanding, RecordedClosing,
    RecordedContributor, RecordedLateStatement, RecordedStatement, RegularisationTerms,
};
pub use pull_verdict::{PullVerdict, RecordedCheckRun, RecordedMarks, RecordedStanding};
pub use reasons::{
    RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource, RecordedApprovalUse, RecordedAuthor,
    RecordedCheck, RecordedCheckState, RecordedField, RecordedIdentityKind, RecordedOutcomeWord,
    RecordedPolicyDigest, RecordedReasons, RecordedRuleResult, RecordedTicket, RecordedTicketAnswer,
    RecordedTicketLookup, RecordedTrust,
};
pub use ref_state::{RecordedMove, RefTip};
pub use verdict::{
    GapCause, RecordedDisagreement, RecordedFinding, RecordedGap, RecordedJudgement, RecordedLevel,
    RecordedObligation, RecordedOutcome, RecordedPlace, RecordedVerdict, RecordedWord,
};

/// The name and version of the schema of records.
pub const RECORD_SCHEMA: &str = "changegate/record/v1";

/// One record of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// The schema's name and version: [`RECORD_SCHEMA`].
    pub schema: String,
    /// Its place in the ledger, counted from 1.
    pub number: u64,
    /// The digest of the record before; `None` for the first.
    pub previous: Option<String>,
    /// When it was appended, by the clock of the process that did.
    pub recorded_at: Timestamp,
    /// The event that the record tells, such as a decision or a landing.
    pub event: LedgerEvent,
}

/// What a record tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerEvent {
    /// The ledger begins; the protected refs hold these commits.
    Begin(LedgerBeginning),
    /// A push or a merge was judged.
    Decision(Box<DecisionRecord>),
    /// What became of a decision that allowed something.
    Outcome(DecisionOutcome),
    /// A protected ref moved without a decision.
    Unauthorised(RecordedMove),
    /// Other refs are protected from now on.
    Scope(ScopeChange),
    /// A decision in the journal cannot be read; its file is kept beside the ledger.
    Damaged(DamagedDecision),
    /// An obligation is closed.
    Discharged(ObligationDischarge),
    /// People were told of obligations that are due.
    Escalated(ObligationEscalation),
    /// A break-glass session is opened, extended or closed.
    BreakGlass(BreakGlassEvent),
    /// Somebody said something about a change after it had landed.
    Act(ChangeAct),
    /// The policy says who may regularise an unauthorised change.
    RegularisationTerms(RegularisationTerms),
    /// The gate stood, and every protected ref held what the ledger says.
    Heartbeat(LedgerHeartbeat),
    /// A pull request was judged, as the check run says that holds the verdict.
    PullVerdict(Box<PullVerdict>),
}

/// What held when the ledger began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LedgerBeginning {
    /// The protected refs, as patterns of their names.
    pub protects: Vec<String>,
    /// What these refs hold, by their full names, in order.
    pub tips: Vec<RefTip>,
    /// The name and version of the gate.
    pub tool: String,
}

/// Which refs are protected from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScopeChange {
    /// All protected refs, as patterns of their names.
    pub protects: Vec<String>,
    /// What the refs hold that were not protected before, by their full names, in order.
    pub newly_protected: Vec<RefTip>,
    /// The names of the refs that are no longer protected.
    pub no_longer_protected: Vec<Text>,
}

/// What became of a decision, or of some of its refs if the others are not known yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecisionOutcome {
    /// The id of the decision.
    pub decision_id: String,
    /// The refs that moved as decided.
    pub landed: Vec<RecordedMove>,
    /// The refs that were allowed to move and did not.
    pub unmoved: Vec<Text>,
    /// When that was seen, by the clock of the process that saw it.
    pub observed_at: Timestamp,
    /// True if the push itself did not report it, and a later run found it.
    pub found_late: bool,
}

/// A decision in the journal that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DamagedDecision {
    /// The name of its file, without the folder.
    pub file: String,
    /// `sha256:` and the digest of its bytes; `None` if they cannot be read.
    pub digest: Option<String>,
    /// Why it is not a decision that this version can record.
    pub cause: DamageCause,
}

/// Why a decision in the journal cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamageCause {
    /// The file system does not give its bytes.
    Unreadable,
    /// It is longer than a decision may be.
    TooLong,
    /// Its bytes are not a decision of this version.
    Malformed,
}

impl DamageCause {
    /// Returns its name on the wire, such as `too-long`.
    pub fn code(self) -> &'static str {
        match self {
            DamageCause::Unreadable => "unreadable",
            DamageCause::TooLong => "too-long",
            DamageCause::Malformed => "malformed",
        }
    }
}
