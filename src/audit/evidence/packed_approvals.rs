//! The signed approvals of a change in a pack: their records, what was signed, and every Git object that it takes to compare
//! what landed with it again.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::audit::change_record::change_approvals::{ApprovalIndex, ChangeApproval};
use crate::audit::evidence::pack_index::MAX_BLOB_BYTES;
use crate::audit::population::landed_approvals::list_change_approvals;
use crate::audit::show::shown_change::ShownChange;
use crate::change::Oid;
use crate::git::Repository;
use crate::git::evidence_objects::ObjectKind;
use crate::git::evidence_objects::logged_repository::LoggedRepository;
use crate::git::evidence_objects::tree_walk::ObjectSink;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::record_reader::read_record_at;
use crate::ledger::record::LedgerEvent;

/// The most objects that are packed for the comparison of one change.
const MAX_COMPARED_OBJECTS: usize = 20_000;

/// Returns the numbers of the records of these approvals, and of the decisions that took them.
///
/// # Errors
///
/// Fails if the ledger cannot be read.
pub(super) fn list_approval_records(
    repository: &Repository,
    approvals: &[ChangeApproval],
) -> Result<BTreeSet<u64>> {
    let mut numbers = BTreeSet::new();
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for approval in approvals {
        numbers.insert(approval.received.record);
        wanted.insert(&approval.received.event.decision);
    }
    let Some(latest) = numbers.last().copied() else { return Ok(numbers) };
    let (commits, _) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    // They come newest first, and a decision comes before the record of what it took, mostly by two.
    let newest = commits.first().and_then(|(commit, _)| read_record_at(repository, *commit).ok());
    let later = newest.map_or(0, |(_, record)| record.number.saturating_sub(latest));
    for (commit, _) in commits.into_iter().skip(usize::try_from(later).unwrap_or(0)) {
        if wanted.is_empty() {
            break;
        }
        let Ok((_, record)) = read_record_at(repository, commit) else { continue };
        if let LedgerEvent::Decision(decided) = &record.event
            && wanted.remove(decided.id.as_str())
        {
            numbers.insert(record.number);
        }
    }
    Ok(numbers)
}

/// Hands everything to `sink` that it takes to compare a change with its signed approvals once more, and returns what could
/// not be, in sentences.
///
/// # Errors
///
/// Fails if an object cannot be read.
pub(super) fn collect_approval_objects(
    repository: &Repository,
    shown: &ShownChange,
    commits: &[Oid],
    sink: &mut dyn ObjectSink,
) -> Result<Vec<String>> {
    let change = &shown.record;
    if change.signed_approvals.is_empty() {
        return Ok(Vec::new());
    }
    let logged = LoggedRepository::open_beside(repository)?;
    let index = ApprovalIndex::index_approvals(change.signed_approvals.iter().map(|one| &one.received));
    let question = change.query_approvals(commits);
    let moved = shown.moved.as_ref();
    list_change_approvals(&logged.repository, &index, &question, (&change.ref_name, moved));
    let read = logged.list_read_objects();
    let id = change.id.short_hex();
    if read.len() > MAX_COMPARED_OBJECTS {
        let what = format!("how {id} relates to its signed approvals: that takes {} Git objects", read.len());
        return Ok(vec![what]);
    }
    let mut limits = Vec::new();
    for one in read {
        let Some(object) = repository.read_stored_object(one)? else { continue };
        let length = u64::try_from(object.bytes.len()).unwrap_or(u64::MAX);
        if object.kind == ObjectKind::Blob && length > MAX_BLOB_BYTES {
            limits.push(format!(
                "how {id} relates to its signed approvals takes the content {one} of {length} bytes, which is too long"
            ));
            continue;
        }
        sink.add_object(object)?;
    }
    Ok(limits)
}
