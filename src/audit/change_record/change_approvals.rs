//! The signed approvals of a change: those that its verdict rests on, those that were superseded or asked by no rule, and
//! rejections; each with how what landed relates to it.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::{ContentRelation, LandedRelation, Oid, SignedDecision};
use crate::gate::signed_approvals::ReceivedApproval;
use crate::ledger::audit::ledger_history::RecordedChangeAct;
use crate::ledger::record::{
    RecordedActKind, RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource, RecordedReasons,
    RecordedSignedApproval,
};

/// The most approvals that are compared with a change that came past the gate: the newest before it landed.
const MAX_COMPARED_APPROVALS: usize = 64;

/// How long before such a change landed an approval can be that is compared with it.
const MAX_APPROVAL_AGE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A signed approval or rejection that is about a change, as the ledger received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeApproval {
    /// The record of its receipt.
    pub received: RecordedChangeAct,
    /// What it was worth when the change landed.
    pub standing: ApprovalStanding,
    /// How what landed relates to it, worked out again from Git objects; `None` if it does not.
    pub landed: Option<LandedRelation>,
}

/// What a signed approval was worth to the verdict on a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalStanding {
    /// It counted for a rule.
    Counted,
    /// A rule asked for it, and it did not count.
    NotCounted,
    /// It is an objection that stood.
    Objected,
    /// Its signer said something else about the same revision before the change landed.
    Superseded,
    /// No verdict on the change tells of it.
    NotAsked,
}

impl ApprovalStanding {
    /// Returns its name on the wire.
    pub fn code(self) -> &'static str {
        match self {
            ApprovalStanding::Counted => "counted",
            ApprovalStanding::NotCounted => "not-counted",
            ApprovalStanding::Objected => "objected",
            ApprovalStanding::Superseded => "superseded",
            ApprovalStanding::NotAsked => "not-asked",
        }
    }

    /// Returns the same in words, as the end of a sentence.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            ApprovalStanding::Counted => "it counted",
            ApprovalStanding::NotCounted => "it did not count",
            ApprovalStanding::Objected => "the objection stood",
            ApprovalStanding::Superseded => "the signer said something else later",
            ApprovalStanding::NotAsked => "no verdict on the change rests on it",
        }
    }

    /// Returns true if the reasons of a verdict tell of it, so that it is told with them.
    pub(crate) fn is_weighed(self) -> bool {
        matches!(self, ApprovalStanding::Counted | ApprovalStanding::NotCounted | ApprovalStanding::Objected)
    }
}

impl ChangeApproval {
    /// Returns what was signed; `None` for an act of another kind, which is never kept here.
    pub(crate) fn statement(&self) -> Option<&RecordedSignedApproval> {
        find_statement(&self.received)
    }

    /// Returns why it could not be compared with what landed; `None` if it was.
    pub(crate) fn find_uncompared(&self) -> Option<&str> {
        match &self.landed {
            Some(LandedRelation { relation: ContentRelation::Uncompared(why), .. }) => Some(why),
            _ => None,
        }
    }

    /// Returns true if it says that the revision may land.
    pub(crate) fn is_approving(&self) -> bool {
        self.statement().is_some_and(|signed| signed.decision == SignedDecision::Approved)
    }
}

/// The signed approvals that a ledger tells of, so that those of a change are found at once.
#[derive(Default)]
pub(crate) struct ApprovalIndex<'a> {
    by_revision: HashMap<Oid, Vec<&'a RecordedChangeAct>>,
    /// All, in the order of their records.
    all: Vec<&'a RecordedChangeAct>,
}

/// What tells which approvals are about a change.
pub(crate) struct ChangeApprovalQuery<'a> {
    /// What the verdicts on it rest on.
    pub(crate) reasons: &'a [RecordedReasons],
    /// Its commits.
    pub(crate) commits: &'a [Oid],
    /// True if it came past the gate, so that no verdict names the approvals.
    pub(crate) is_past_gate: bool,
    /// When it landed.
    pub(crate) landed_at: Timestamp,
}

impl<'a> ApprovalIndex<'a> {
    /// Indexes the signed approvals among these acts, which come in the order of their records.
    pub(crate) fn index_approvals(acts: impl IntoIterator<Item = &'a RecordedChangeAct>) -> Self {
        let mut index = ApprovalIndex::default();
        for act in acts.into_iter().filter(|act| find_statement(act).is_some()) {
            index.by_revision.entry(act.event.act.change).or_default().push(act);
            index.all.push(act);
        }
        index
    }

    /// Returns the approvals that a change is asked about, in the order of their records: those of its own commits and of
    /// every revision that its verdicts name; of one that came past the gate also the newest that were there.
    pub(crate) fn list_candidates(&self, question: &ChangeApprovalQuery<'_>) -> Vec<&'a RecordedChangeAct> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<&RecordedChangeAct> = Vec::new();
        for revision in question.list_revisions() {
            found.extend(self.by_revision.get(&revision).into_iter().flatten().copied());
        }
        if question.is_past_gate {
            let end = self.all.partition_point(|act| act.event.observed_at <= question.landed_at);
            let is_old = |act: &&RecordedChangeAct| {
                question.landed_at.duration_since(act.event.observed_at) > MAX_APPROVAL_AGE
            };
            let start = self.all.partition_point(is_old).max(end.saturating_sub(MAX_COMPARED_APPROVALS));
            found.extend(self.all.get(start..end).into_iter().flatten().copied());
        }
        found.sort_by_key(|act| act.record);
        found.dedup_by_key(|act| act.record);
        found
    }
}

impl ChangeApprovalQuery<'_> {
    /// Returns the revisions whose approvals are about the change, each once.
    pub(crate) fn list_revisions(&self) -> BTreeSet<Oid> {
        let named = self.list_weighed().filter_map(|approval| approval.revision);
        self.commits.iter().copied().chain(named).collect()
    }

    /// Returns the signed approvals that the verdicts rest on.
    fn list_weighed(&self) -> impl Iterator<Item = &RecordedApproval> {
        let approvals = self.reasons.iter().flat_map(|reasons| &reasons.approvals);
        approvals.filter(|approval| approval.source == RecordedApprovalSource::Signature)
    }

    /// Returns what one of the candidates was worth.
    pub(crate) fn find_standing(
        &self,
        act: &RecordedChangeAct,
        candidates: &[&RecordedChangeAct],
    ) -> ApprovalStanding {
        let event = &act.event;
        let mut is_weighed = false;
        for weighed in self.list_weighed() {
            if weighed.revision != Some(event.act.change) || weighed.given_at != Some(event.observed_at) {
                continue;
            }
            is_weighed = true;
            if weighed.uses.iter().any(|used| used.counts) {
                return match weighed.decision {
                    RecordedApprovalDecision::ChangesRequested => ApprovalStanding::Objected,
                    _ => ApprovalStanding::Counted,
                };
            }
        }
        let signer = |act: &RecordedChangeAct| find_statement(act).map(|signed| signed.signer.clone());
        let is_superseded = candidates.iter().any(|other| {
            other.record > act.record
                && other.event.act.change == event.act.change
                && other.event.observed_at <= self.landed_at
                && signer(other) == signer(act)
        });
        match (is_weighed, is_superseded) {
            (true, _) => ApprovalStanding::NotCounted,
            (false, true) => ApprovalStanding::Superseded,
            (false, false) => ApprovalStanding::NotAsked,
        }
    }

    /// Returns true if an approval is about the change whether its content relates to it or not.
    pub(crate) fn is_about(&self, act: &RecordedChangeAct) -> bool {
        self.list_revisions().contains(&act.event.act.change)
    }
}

/// Returns what an act states, if it is a signed approval.
pub(crate) fn find_statement(act: &RecordedChangeAct) -> Option<&RecordedSignedApproval> {
    match &act.event.act.says {
        RecordedActKind::Approval(approval) => Some(approval),
        _ => None,
    }
}

/// Returns an act as the gate takes a signed approval; `None` if it is an act of another kind.
pub(crate) fn build_received_approval(act: &RecordedChangeAct) -> Option<ReceivedApproval> {
    let signed = find_statement(act)?;
    Some(ReceivedApproval {
        id: signed.commit,
        target: act.event.act.ref_name.clone(),
        revision: act.event.act.change,
        received_at: act.event.observed_at,
        decision: signed.decision,
        is_lifted: false,
        signer: signed.signer.clone(),
        signed_at: signed.signed_at,
    })
}
