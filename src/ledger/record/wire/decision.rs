//! The wire form of a decision: who asked, by which policy it was judged, and what came out ref by ref.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Stage, Text};
use crate::ledger::record::wire::act::RecordedAct;
use crate::ledger::record::wire::break_glass::RecordedRequest;
use crate::ledger::record::wire::message::RecordedMessage;
use crate::ledger::record::wire::obligation::{OwingChange, PullLanding, RecordedClosing};
use crate::ledger::record::wire::ref_state::RecordedMove;
use crate::ledger::record::wire::verdict::{GapCause, RecordedJudgement, RecordedVerdict};

/// A decision on a push or a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecisionRecord {
    /// The id that outcomes refer to; no other decision has it.
    pub id: String,
    /// When the change was seen, by the clock of the gate that judged.
    pub observed_at: Timestamp,
    /// The stage at which it was seen.
    pub stage: Stage,
    /// The account that pushed or merged.
    pub pusher: RecordedPusher,
    /// The certificate by which it is known who pushed; `None` without one that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_certificate: Option<RecordedCertificate>,
    /// Whether the push or merge was allowed.
    pub decision: RecordedDecision,
    /// In evaluate mode, what would have been decided: the push was allowed whatever it was. `None` if the decision
    /// was enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated: Option<RecordedDecision>,
    /// The policy; `None` if none could be used.
    pub policy: Option<RecordedPolicy>,
    /// What was judged, ref by ref.
    pub refs: Vec<RefDecision>,
    /// How many further refs were denied and do not fit into the record.
    pub omitted_refs: usize,
    /// Notes about the decision as a whole.
    pub notes: Vec<RecordedMessage>,
    /// The facts that the gate judged by.
    pub facts: FactsDigest,
    /// What the verdicts rest on; `None` if that was too long to be kept, and in records of versions before it
    /// was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<ReasonsDigest>,
    /// The name and version of the gate.
    pub tool: String,
}

/// Whether a push or a merge may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedDecision {
    /// Every judgement lets it land.
    Allow,
    /// At least one judgement denies it.
    Deny,
}

/// The account that pushed or merged, as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedPusher {
    /// The name of the account.
    Account(Text),
    /// The server does not tell accounts apart.
    Unidentified,
    /// The gate could not find out, for this reason.
    Unknown(GapCause),
}

/// The certificate of a push that the pusher has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedCertificate {
    /// The object that held it.
    pub id: Oid,
    /// The address that the policy had for the key.
    pub signer: Text,
    /// The fingerprint of the key.
    pub key: String,
}

/// Which policy it was, for people who look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedPolicy {
    /// The name that the policy gives itself.
    pub name: String,
    /// `sha256:` and the digest of everything that it was read from.
    pub digest: String,
    /// The place that it was read from.
    pub source: String,
}

/// Where a policy can be read again, and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum RecordedPolicySource {
    /// At a path of a commit.
    Commit {
        /// The commit that holds it.
        id: Oid,
        /// Its path in that commit.
        path: String,
        /// The SHA-256 of everything that it was read from, in hexadecimal digits.
        digest: String,
    },
    /// In a file on the server.
    Disk {
        /// Its path on the server.
        path: String,
        /// The SHA-256 of everything that it was read from, in hexadecimal digits.
        digest: String,
    },
    /// In a pack that the gate ships.
    Pack {
        /// The name of the pack.
        name: String,
        /// The SHA-256 of everything that it was read from, in hexadecimal digits.
        digest: String,
    },
    /// In another place, from which it cannot be read again.
    Elsewhere {
        /// What the place is called.
        place: String,
        /// The SHA-256 of everything that it was read from, in hexadecimal digits.
        digest: String,
    },
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
    /// The tree of what it was to hold.
    pub tree: Option<Oid>,
    /// True if the ref is protected; otherwise nothing was judged.
    pub protected: bool,
    /// The policies that its changes were judged by: its own, and that of the policy ref where that is
    /// another.
    pub policies: Vec<RecordedPolicySource>,
    /// What denies the move of the ref itself.
    pub refusals: Vec<RecordedJudgement>,
    /// The changes that the gate has remarks about, oldest first.
    pub changes: Vec<RecordedVerdict>,
    /// How many further changes passed every rule.
    pub passed: usize,
    /// The changes that do not fit into the record.
    pub omitted: OmittedChanges,
    /// The changes that owe something, with their contributors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owing_changes: Vec<OwingChange>,
    /// What its changes state for earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closings: Vec<RecordedClosing>,
    /// The pull requests that its changes came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_landings: Vec<PullLanding>,
    /// The break-glass request, if the ref makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<RecordedRequest>,
    /// The act about a change, if the ref brings one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<RecordedAct>,
    /// The signed approvals that are about what the ref brings; they are used up once it has landed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_approvals: Vec<Oid>,
}

/// Changes that do not fit into a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OmittedChanges {
    /// How many changes are left out.
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
    /// How many changes there are.
    pub changes: usize,
    /// True if they are kept beside the record, so that they can be judged again.
    pub kept: bool,
}

/// What the verdicts of a decision rest on, in the file `reasons.jsonl` beside the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReasonsDigest {
    /// `sha256:` and the digest of the file: one canonical JSON document for each change, each with a line
    /// end, in the order of the facts.
    pub digest: String,
    /// How many changes there are.
    pub changes: usize,
}

impl DecisionRecord {
    /// Returns whether the push or the merge may land.
    pub(crate) fn is_allowed(&self) -> bool {
        self.decision == RecordedDecision::Allow
    }

    /// Returns whether the push or the merge was allowed only because the gate was in evaluate mode.
    pub(crate) fn would_be_denied(&self) -> bool {
        self.evaluated == Some(RecordedDecision::Deny)
    }

    /// Returns the moves of protected refs that it decides about.
    pub(crate) fn protected_moves(&self) -> Vec<RecordedMove> {
        let mut moves = Vec::new();
        for asked in &self.refs {
            if asked.protected {
                moves.push(RecordedMove { name: asked.name.clone(), old: asked.old, new: asked.new });
            }
        }
        moves
    }
}

impl RefDecision {
    /// Returns how many changes were judged.
    pub(crate) fn count_changes(&self) -> usize {
        self.changes.len().saturating_add(self.passed).saturating_add(self.omitted.changes)
    }

    /// Returns every judgement on the ref and on its changes.
    pub fn judgements(&self) -> impl Iterator<Item = &RecordedJudgement> {
        self.changes.iter().flat_map(|verdict| &verdict.judgements).chain(&self.refusals)
    }

    /// Returns whether something denies the ref or one of its changes.
    pub fn is_denied(&self) -> bool {
        self.omitted.denied > 0
            || self.changes.iter().any(RecordedVerdict::is_denied)
            || self.refusals.iter().any(|judgement| judgement.is_denying(true))
    }
}

impl RecordedPolicySource {
    /// Returns the SHA-256 of everything that the policy was read from, in hexadecimal digits.
    pub fn digest(&self) -> &str {
        match self {
            RecordedPolicySource::Commit { digest, .. }
            | RecordedPolicySource::Disk { digest, .. }
            | RecordedPolicySource::Pack { digest, .. }
            | RecordedPolicySource::Elsewhere { digest, .. } => digest,
        }
    }
}
