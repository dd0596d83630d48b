//! What reconciling needs, and what it returns.

use jiff::{SignedDuration, Timestamp};

use crate::change::Text;
use crate::git::Repository;
use crate::ledger::record::{RecordedHookState, RecordedMove};
use crate::ledger::server::landed_move::LandedMove;
use crate::ledger::server::write_ahead::JournalEntry;
use crate::ledger::store::state_reader::LedgerStateReader;
use crate::pattern::RefPattern;
use crate::policy::Policy;
use crate::verdict::Message;

/// What reconciling needs to know.
pub struct ReconcileContext<'a> {
    /// The repository that holds the ledger.
    pub repository: &'a Repository,
    /// Reads the state of that ledger.
    pub states: &'a LedgerStateReader<'a>,
    /// The patterns of the protected refs; `None` if they are not known, so that those of the ledger stay.
    pub scope: Option<&'a [RefPattern]>,
    /// The current policy and the ref that it is from; `None` if it is not known. It says who may
    /// regularise an unauthorised change.
    pub policy: Option<(&'a Policy, &'a Text)>,
    /// The key that signs records.
    pub signing_key: Option<&'a str>,
    /// Returns the current time; called once the lock is held.
    pub clock: fn() -> Timestamp,
    /// The time after which a push counts as ended, unless its process still runs.
    pub push_timeout: SignedDuration,
    /// How many denials that wait are recorded at most; the oldest ones, and the rest by a later run. A pusher
    /// without any permission can leave as many as they like, and the next push is not to pay for all of them.
    pub max_denials: usize,
    /// What judges pushes, if the run leaves a sign that the gate stood; a hook leaves none, since what it records is one.
    pub heartbeat: Option<RecordedHookState>,
    /// The name and version of the gate.
    pub tool_version: &'a str,
    /// Returns whether the process that serves a push still runs; `None` if that is not known.
    pub is_process_running: &'a dyn Fn(&str) -> Option<bool>,
}

/// What reconciling has recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileOutcome {
    /// The number of records that were appended.
    pub appended_records: usize,
    /// The number of decisions whose push never reported its outcome.
    pub found_late: usize,
    /// The refs that moved without a decision.
    pub unauthorised: Vec<RecordedMove>,
    /// How each of these relates to the signed approvals that are open, as sentences.
    pub content_notes: Vec<Vec<String>>,
    /// The number of decisions that could not be read.
    pub damaged_decisions: usize,
    /// The obligations that were closed, and why others stay open that a change states something for.
    pub closing_notes: Vec<Message>,
    /// What became of break-glass sessions, as sentences.
    pub session_notes: Vec<String>,
    /// What was said about changes, as sentences.
    pub act_notes: Vec<String>,
    /// The number of decisions that wait for a push that may not have ended.
    pub waiting_decisions: usize,
    /// The moves that landed as decided, of the push that git has just reported.
    pub landed_moves: Vec<LandedMove>,
}

impl ReconcileContext<'_> {
    /// Returns whether the push of a decision has ended.
    pub(super) fn is_push_over(&self, entry: &JournalEntry, now: Timestamp) -> bool {
        match entry.served_by.as_deref().and_then(self.is_process_running) {
            Some(is_running) => !is_running,
            // A decision from the future was made before the clock was set back.
            None => now.duration_since(entry.decided.observed_at).abs() >= self.push_timeout,
        }
    }
}
