//! The sign that the gate stood, in times when nothing else was recorded.
//!
//! Without it, a quarter without changes looks like a quarter without a gate.

use jiff::{SignedDuration, Timestamp};

use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::record_reader::read_record_at;
use crate::ledger::record::{LedgerEvent, LedgerHeartbeat, Record, RecordedHookState};
use crate::ledger::store::LedgerWriter;

/// How many records are read back at most to find the last one that is a sign.
const MAX_READ_BACK: usize = 256;

/// How long nothing else has to have been recorded before a sign is.
pub(crate) const HEARTBEAT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Returns when the newest record was appended that shows that the gate stood; `None` if none of the
/// last hour does. A denial does not: it can wait on the disk for days, and tells of no ref what it holds.
///
/// # Errors
///
/// Fails if the ledger cannot be walked.
pub(crate) fn find_last_sign(repository: &Repository, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
    let mut next = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    for _ in 0..MAX_READ_BACK {
        let Some(holder) = next else { return Ok(None) };
        // What cannot be read is no sign; the verification of the ledger tells of it.
        if let Ok((_, record)) = read_record_at(repository, holder) {
            if now.duration_since(record.recorded_at) >= HEARTBEAT_INTERVAL {
                return Ok(None);
            }
            if !is_denial(&record) {
                return Ok(Some(record.recorded_at));
            }
        }
        next = repository.find_tree_and_parent(holder)?.first_parent;
    }
    Ok(None)
}

fn is_denial(record: &Record) -> bool {
    matches!(&record.event, LedgerEvent::Decision(decided) if !decided.is_allowed())
}

/// Returns the sign to record at `now`, after every ref was compared with the ledger; `None` if the newest sign so far is
/// enough.
pub(crate) fn plan_heartbeat(
    ledger: &LedgerWriter<'_>,
    newest_sign: Option<Timestamp>,
    hook: RecordedHookState,
    waiting_decisions: usize,
    tool: &str,
    now: Timestamp,
) -> Option<LedgerHeartbeat> {
    ledger.newest_recorded_at()?;
    if newest_sign.is_some_and(|newest| now.duration_since(newest) < HEARTBEAT_INTERVAL) {
        return None;
    }
    let refs = ledger.state().tips.len();
    Some(LedgerHeartbeat { observed_at: now, refs, waiting_decisions, hook, tool: tool.to_owned() })
}
