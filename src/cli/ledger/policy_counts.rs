//! The line of the log below a decision that changes the policy.

use std::io::{self, Write};

use crate::ledger::audit::policy_changes::count_policy_changes;
use crate::ledger::record::{LedgerEvent, Record};
use crate::report::escape;

/// Writes how many parts of the policy are looser, different and stricter after a decision; nothing where it stayed as
/// it was.
pub(super) fn write_policy_counts(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let LedgerEvent::Decision(decided) = &record.event else { return Ok(()) };
    match count_policy_changes(decided) {
        Some(counts) => writeln!(out, "       the policy changes: {}", escape::escape_words(&counts)),
        None => Ok(()),
    }
}
