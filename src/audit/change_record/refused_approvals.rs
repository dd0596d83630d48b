//! The signed approvals of a change that the server refused: what they claimed to be of is all that is left of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::gate::signed_approvals::approval_push::REFUSED_STATEMENT;
use crate::gate::signed_approvals::is_approval_ref;
use crate::ledger::record::{
    DecisionRecord, RecordedFinding, RecordedOutcome, RecordedPusher, RecordedValue,
};

/// A signed approval or rejection that was refused when it was pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedApproval {
    /// The number of the record of the refusal.
    pub record: u64,
    /// When it was refused, by the clock of the gate.
    pub at: Timestamp,
    /// The account that pushed it, which need not be the signer's.
    pub by: Option<Text>,
    /// What it says: `approved`, `rejected` or `revoked`.
    pub decision: String,
    /// The revision that it claims to be of.
    pub revision: Oid,
    /// The codes of the findings that refused it.
    pub codes: Vec<String>,
}

/// Returns the approval for the ref `target` that a decision refused; `None` if it refused none, or one that could not be
/// read.
pub(crate) fn find_refused_approval(
    record: u64,
    decided: &DecisionRecord,
    target: &Text,
) -> Option<RefusedApproval> {
    let asked = decided.refs.iter().find(|one| is_approval_ref(&one.name))?;
    if decided.is_allowed() {
        return None;
    }
    let mut findings: Vec<&RecordedFinding> = Vec::new();
    for judgement in &asked.refusals {
        if let RecordedOutcome::Fail(found) = &judgement.outcome {
            findings.extend(found);
        }
    }
    let claim = findings.iter().find(|finding| finding.code == REFUSED_STATEMENT.code)?;
    let find_words = |name: &str| match claim.values.get(name) {
        Some(RecordedValue::Plain(words)) => Some(Text::from(words.as_str())),
        Some(RecordedValue::Quoted(words)) => Some(words.clone()),
        _ => None,
    };
    if find_words("ref")? != *target {
        return None;
    }
    let by = match &decided.pusher {
        RecordedPusher::Account(account) => Some(account.clone()),
        RecordedPusher::Unidentified | RecordedPusher::Unknown(_) => None,
    };
    let codes = findings.iter().map(|finding| finding.code.clone());
    Some(RefusedApproval {
        record,
        at: decided.observed_at,
        by,
        decision: find_words("decision")?.to_lossy().into_owned(),
        revision: Oid::from_hex(&find_words("revision")?.to_lossy())?,
        codes: codes.filter(|code| code != REFUSED_STATEMENT.code).collect(),
    })
}
