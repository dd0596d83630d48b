//! Reads what the verdicts of a decision rest on from the file beside its record.

use anyhow::Result;

use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RecordedReasons, digest_bytes};
use crate::ledger::store::{REASONS_FILE, RECORD_FILE, read_ledger_file};

/// Returns what the verdicts of a decision rest on, in the order of the facts; `commit` holds its record. Empty where
/// it was not kept, and where it is not what was kept, which the verification reports.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub(crate) fn read_kept_reasons(
    repository: &Repository,
    commit: Oid,
    decided: &DecisionRecord,
) -> Result<Vec<RecordedReasons>> {
    let mut reasons = Vec::new();
    if let Some(kept) = &decided.reasons
        && let Some(file) = read_reasons_file(repository, commit, &kept.digest)?
    {
        for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            reasons.push(serde_json::from_slice(line)?);
        }
    }
    Ok(reasons)
}

/// Returns what the verdicts of the refusal in `commit` rest on; empty where it is no decision, or none was kept.
///
/// # Errors
///
/// Fails if a file cannot be read.
pub(crate) fn read_refused_reasons(repository: &Repository, commit: Oid) -> Result<Vec<RecordedReasons>> {
    let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
    match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => match &record.event {
            LedgerEvent::Decision(decided) => read_kept_reasons(repository, commit, decided),
            _ => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

/// Returns the file of reasons beside the record in `commit`; `None` if it is not there, or not the one of this digest.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub(crate) fn read_reasons_file(
    repository: &Repository,
    commit: Oid,
    digest: &str,
) -> Result<Option<Vec<u8>>> {
    let file = read_ledger_file(repository, commit, REASONS_FILE)?;
    Ok(file.filter(|file| digest_bytes(file) == digest))
}
