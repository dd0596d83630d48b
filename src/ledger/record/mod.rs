//! One record of the ledger, and the one way in which it is written.
//!
//! A record travels as canonical JSON (RFC 8785): keys in order, no space between them, every number
//! an integer. So a record has one digest wherever it is computed, and judging the same facts again
//! gives the same bytes.
//!
//! A record holds no sentence: [`wire`] is its form, [`convert`] translates between that and what the
//! gate judges with, and [`catalogue`](crate::ledger::catalogue) finds the words for a code when a record is read. Rewording the
//! program therefore changes no record and no verification.
//!
//! Reading is lenient where that is safe: a record of a newer version, or with keys that this version
//! does not know, is kept as it is and reported as
//! [`Unknown`](crate::ledger::record::readable::ReadableRecord::Unknown); the other records are still read.

pub mod canonical;
pub mod convert;
pub mod describe;
pub(crate) mod evidence;
pub mod message;
pub mod readable;
pub(crate) mod strict_json;
pub mod wire;

use sha2::{Digest as _, Sha256};

use crate::change::text;
use crate::ledger::record::canonical::to_canonical_json;

pub use crate::ledger::record::wire::{
    BreakGlassEvent, ChangeAct, DamageCause, DamagedDecision, DecisionOutcome, DecisionRecord, FactsDigest,
    GapCause, LedgerBeginning, LedgerEvent, LedgerHeartbeat, ObligationDischarge, ObligationEscalation,
    ObligationEvidence, OmittedChanges, OwingChange, PullLanding, PullVerdict, RECORD_SCHEMA, ReasonsDigest,
    Record, RecordedAct, RecordedActKind, RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource,
    RecordedApprovalUse, RecordedAuthor, RecordedCertificate, RecordedCheck, RecordedCheckRun,
    RecordedCheckState, RecordedClosing, RecordedContributor, RecordedDecision, RecordedDisagreement,
    RecordedField, RecordedFinding, RecordedFixer, RecordedGap, RecordedHookState, RecordedIdentityKind,
    RecordedJudgement, RecordedLateStatement, RecordedLevel, RecordedMarks, RecordedMessage, RecordedMove,
    RecordedObligation, RecordedOutcome, RecordedOutcomeWord, RecordedPlace, RecordedPolicy,
    RecordedPolicyDigest, RecordedPolicySource, RecordedPusher, RecordedReasons, RecordedReport,
    RecordedRequest, RecordedRuleResult, RecordedSignedApproval, RecordedStanding, RecordedStatement,
    RecordedTicket, RecordedTicketAnswer, RecordedTicketLookup, RecordedTrust, RecordedValue,
    RecordedVerdict, RecordedWord, RefDecision, RefTip, RegularisationTerms, RequestedAction, ScopeChange,
    SessionActor, SessionClosure, SessionOpening,
};

/// No record is longer than this many bytes.
pub(crate) const MAX_RECORD_BYTES: usize = 8 << 20;

impl Record {
    /// Returns the canonical bytes, which the digest is of.
    ///
    /// # Errors
    ///
    /// Fails for a record longer than `MAX_RECORD_BYTES`.
    pub fn to_canonical_bytes(&self) -> Result<Vec<u8>, String> {
        let bytes = to_canonical_json(self)?;
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(format!("the record has {} bytes; at most {MAX_RECORD_BYTES} are kept", bytes.len()));
        }
        Ok(bytes)
    }
}

/// Returns `sha256:` and the digest of some bytes.
pub fn digest_bytes(bytes: &[u8]) -> String {
    format!("sha256:{}", text::encode_hex(&Sha256::digest(bytes)))
}

/// Returns the id in the state of the obligation to regularise the unauthorised change that the record of
/// this number tells of.
pub(crate) fn unauthorised_key(record_number: u64) -> String {
    format!("unauthorised/{record_number}")
}

/// Returns the number of the record that tells of an unauthorised change; `None` if the obligation with
/// this id is not about one.
pub(crate) fn parse_unauthorised_key(key: &str) -> Option<u64> {
    key.strip_prefix("unauthorised/")?.parse().ok()
}
