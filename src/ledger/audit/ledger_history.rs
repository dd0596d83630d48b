//! What a whole ledger tells of one ref: how it moved and by whose decision, what was refused, what was owed and how it
//! was closed, and when the gate was seen to stand.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Stage, Text};
use crate::ledger::audit::chain_continuity::ChainBreak;
use crate::ledger::audit::other_refs::OtherRefLanding;
use crate::ledger::audit::protection_times::UnprotectedTime;
use crate::ledger::audit::record_reader::UnreadableRecord;
use crate::ledger::audit::session_history::SessionHistory;
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::{
    ChangeAct, PullLanding, RecordedClosing, RecordedDecision, RecordedMove, RecordedPolicySource,
    RecordedPusher,
};
use crate::ledger::state::TrackedObligation;

/// What a ledger tells of one ref.
#[derive(Clone, Debug, Default)]
pub struct LedgerHistory {
    /// The number of records that could be read.
    pub records: usize,
    /// The records that cannot be read, oldest first.
    pub unreadable_records: Vec<UnreadableRecord>,
    /// Where the records do not follow one another, or are not those that were seen before, oldest first.
    pub chain_breaks: Vec<ChainBreak>,
    /// Why the ledger does not go back to its first record, if it does not.
    pub cut: Option<String>,
    /// The commit that holds the newest record.
    pub tip: Option<Oid>,
    /// `sha256:` and the digest of the newest record that can be read.
    pub last_digest: Option<String>,
    /// When the first record was written, by the clock of the gate.
    pub began_at: Option<Timestamp>,
    /// What the ref held when the ledger began to follow it, since when, and why it was there.
    pub first_tip: Option<FirstTip>,
    /// The moves of the ref, oldest first.
    pub moves: Vec<LandedRefMove>,
    /// The pushes and merges that were refused for the ref, and requests and acts that were, oldest first.
    pub refusals: Vec<RefRefusal>,
    /// The refusals that no record tells of so far: they wait beside the ledger, oldest first.
    pub waiting: WaitingRefusals,
    /// Everything that was ever owed on the ref, open and closed, by its id.
    pub obligations: BTreeMap<String, TrackedObligation>,
    /// The break-glass sessions, in the order in which they were opened.
    pub sessions: Vec<SessionHistory>,
    /// What was said about changes of the ref after they had landed, oldest first.
    pub acts: Vec<RecordedChangeAct>,
    /// What other refs got, oldest first: this one may have it from them.
    pub other_refs: Vec<OtherRefLanding>,
    /// When the ref was seen to hold what the ledger says, oldest first; each time is by the clock of the gate.
    pub sights: Vec<Timestamp>,
    /// When no hook judged pushes, as a heartbeat found it.
    pub times_without_hook: Vec<Timestamp>,
    /// When the policy did not protect the ref, which it had protected before, oldest first.
    pub unprotected_times: Vec<UnprotectedTime>,
    /// What each refusal is found by, in their order, where an index knows it.
    pub(crate) refusal_keys: Option<Vec<RefusalKeys>>,
}

/// What a refusal is found by: a number for each thing that links what was refused to what became of it. Two things can
/// have one number, so what is found by it is read.
pub(crate) type RefusalKeys = Vec<u64>;

impl LedgerHistory {
    /// Returns the commits of the ledger that hold denials for the ref, oldest first.
    pub(crate) fn list_denials(&self) -> Vec<Oid> {
        let mut holders: Vec<Oid> = self.refusals.iter().map(|refusal| refusal.holder).collect();
        // One push may name the ref and one of the gate itself.
        holders.dedup();
        holders
    }
}

/// What a ref held when the ledger began to follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FirstTip {
    /// The commit.
    pub id: Oid,
    /// When it was seen.
    pub seen_at: Timestamp,
    /// Whether the ledger began then, or the ref became protected.
    pub origin: LandingOrigin,
}

/// A move of the ref, as the ledger has it.
#[derive(Clone, Debug)]
pub struct LandedRefMove {
    /// The number of the record that tells of it.
    pub record: u64,
    /// The commit of the ledger that holds it.
    pub holder: Oid,
    /// What the ref held before and after.
    pub moved: RecordedMove,
    /// Whether a decision brought it.
    pub origin: LandingOrigin,
    /// When it was seen, by the clock of the gate or of the forge.
    pub observed_at: Timestamp,
    /// When the ref was last seen as it was before; `None` if no record tells.
    pub last_seen_before: Option<Timestamp>,
    /// The decision that allowed it.
    pub decision: Option<Rc<MoveDecision>>,
}

/// A decision that allowed a move, without its verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveDecision {
    /// Its id.
    pub id: String,
    /// The number of its record.
    pub record: u64,
    /// The commit of the ledger that holds it.
    pub holder: Oid,
    /// When it was made, by the clock of the gate.
    pub observed_at: Timestamp,
    /// The stage at which it was made.
    pub stage: Stage,
    /// The account that pushed or merged.
    pub pusher: RecordedPusher,
    /// Where the policies of the ref can be read again.
    pub policies: Vec<RecordedPolicySource>,
    /// The pull requests that its changes came from.
    pub pull_landings: Vec<PullLanding>,
    /// What its changes state for earlier ones.
    pub closings: Vec<RecordedClosing>,
    /// What would have been decided, if it was made in evaluate mode; `None` if it counts.
    pub evaluated: Option<RecordedDecision>,
    /// How many changes of the ref it judged.
    pub judged_changes: usize,
    /// True if the ledger keeps what its verdicts rest on.
    pub has_reasons: bool,
    /// `sha256:` and the digest of that; empty where it is not kept.
    pub reasons_digest: String,
    /// `sha256:` and the digest of the facts that were judged; empty where they are not kept.
    pub facts_digest: String,
    /// The name and version of the gate.
    pub tool: String,
}

/// The refusals on the disk of a server that its ledger does not have yet.
#[derive(Clone, Debug, Default)]
pub struct WaitingRefusals {
    /// Those that can be read, oldest first.
    pub refusals: Vec<WaitingRefusal>,
    /// How many files there cannot be read.
    pub unreadable: usize,
}

/// A refusal that waits to be recorded.
#[derive(Clone, Debug)]
pub struct WaitingRefusal {
    /// The id of the decision.
    pub decision: String,
    /// When it was refused, by the clock of the gate.
    pub observed_at: Timestamp,
    /// The account that pushed.
    pub pusher: RecordedPusher,
    /// The ref that it was for.
    pub ref_name: Text,
    /// What the ref was to hold.
    pub new: Option<Oid>,
    /// The rules that refused it, each once.
    pub rules: Vec<String>,
}

/// A push or a merge that was refused.
#[derive(Clone, Debug)]
pub struct RefRefusal {
    /// The ref that it was for: the one of the history, or one of a request or an act.
    pub ref_name: Text,
    /// The number of its record.
    pub record: u64,
    /// The commit of the ledger that holds it.
    pub holder: Oid,
    /// When it was refused, by the clock of the gate.
    pub observed_at: Timestamp,
    /// The account that pushed or merged.
    pub pusher: RecordedPusher,
    /// What the ref was to hold.
    pub new: Option<Oid>,
    /// The rules that refused it, each once.
    pub rules: Vec<String>,
}

/// What somebody said about a change, with the record that tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedChangeAct {
    /// The number of the record.
    pub record: u64,
    /// What was said, by whom and when.
    pub event: ChangeAct,
}
