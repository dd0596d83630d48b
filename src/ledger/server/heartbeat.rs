//! The sign that the gate stood, in times when nothing else was recorded.
//!
//! Without it, a quarter without changes looks like a quarter without a gate.

use jiff::{SignedDuration, Timestamp};

use crate::ledger::record::{LedgerHeartbeat, RecordedHookState};
use crate::ledger::store::LedgerWriter;

/// How long nothing else has to have been recorded before a sign is.
pub(crate) const HEARTBEAT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Returns the sign to record at `now`, after every ref was compared with the ledger; `None` if the newest record is
/// sign enough.
pub(crate) fn plan_heartbeat(
    ledger: &LedgerWriter<'_>,
    hook: RecordedHookState,
    waiting_decisions: usize,
    tool: &str,
    now: Timestamp,
) -> Option<LedgerHeartbeat> {
    let newest = ledger.newest_recorded_at()?;
    if now.duration_since(newest) < HEARTBEAT_INTERVAL {
        return None;
    }
    let refs = ledger.state().tips.len();
    Some(LedgerHeartbeat { observed_at: now, refs, waiting_decisions, hook, tool: tool.to_owned() })
}
