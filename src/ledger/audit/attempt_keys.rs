//! Finds the refused attempts that became a change, by numbers that an index keeps or by reading every refusal.

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::audit::attempts::{
    AttemptIndex, ChangeMarks, MAX_ATTEMPTS, MAX_INDEXED_DENIALS, RefusedAttempt, is_in_time,
    read_denied_changes,
};
use crate::ledger::audit::ledger_history::{LedgerHistory, RefRefusal, RefusalKeys};

/// The refused attempts of a ledger.
pub(crate) enum AttemptSource<'a> {
    /// All of them were read.
    Read(AttemptIndex),
    /// What each is found by; it is read when it is found.
    Keyed(&'a Repository, Vec<(&'a RefRefusal, &'a RefusalKeys)>),
}

impl<'a> AttemptSource<'a> {
    /// Opens the refused attempts of a history. Returns those that cannot be read as well, each with the reason.
    pub(crate) fn open_attempts(
        repository: &'a Repository,
        history: &'a LedgerHistory,
    ) -> (AttemptSource<'a>, Vec<(Oid, String)>) {
        if let Some(keys) = &history.refusal_keys {
            let left_out = keys.len().saturating_sub(MAX_INDEXED_DENIALS);
            let refusals = history.refusals.iter().zip(keys).skip(left_out).collect();
            return (AttemptSource::Keyed(repository, refusals), Vec::new());
        }
        let (index, unread) = AttemptIndex::read_denials(repository, &history.list_denials());
        (AttemptSource::Read(index), unread)
    }

    /// Returns the subject of the newest change that the refusal of this record was about, if it was read.
    pub(crate) fn find_subject(&self, record: u64) -> Option<&Text> {
        match self {
            AttemptSource::Read(index) => index.find_subject(record),
            AttemptSource::Keyed(..) => None,
        }
    }

    /// Returns the refused attempts that may have become the change with these marks and commits, which landed at
    /// `landed_at`; oldest first.
    pub(crate) fn find_attempts(
        &self,
        marks: &ChangeMarks,
        commits: &[Oid],
        landed_at: Timestamp,
    ) -> Vec<RefusedAttempt> {
        let (repository, refusals) = match self {
            AttemptSource::Read(index) => return index.find_attempts(marks, commits, landed_at),
            AttemptSource::Keyed(repository, refusals) => (repository, refusals),
        };
        let mut wanted = list_keys(marks);
        wanted.extend(commits.iter().map(|id| name_commit(*id)));
        let mut found = Vec::new();
        for (refusal, keys) in refusals.iter().rev() {
            if !is_in_time(refusal.observed_at, landed_at) || !keys.iter().any(|key| wanted.contains(key)) {
                continue;
            }
            // One that cannot be read is told by an audit, which reads them all.
            for denied in read_denied_changes(repository, refusal.holder).unwrap_or_default().iter().rev() {
                // One push may have been refused for several refs.
                if let Some(attempt) = denied.link_to(marks, commits, landed_at)
                    && found.len() < MAX_ATTEMPTS
                    && !found.contains(&attempt)
                {
                    found.push(attempt);
                }
            }
            if found.len() >= MAX_ATTEMPTS {
                break;
            }
        }
        found.reverse();
        found
    }
}

/// Returns what the changes are found by that a refusal is about; `None` if it cannot be read.
pub(crate) fn read_refusal_keys(repository: &Repository, holder: Oid) -> Option<RefusalKeys> {
    let denied: Result<Vec<_>> = read_denied_changes(repository, holder);
    let mut keys = RefusalKeys::new();
    for one in denied.ok()? {
        keys.push(name_commit(one.revision));
        if !one.is_denied_with_push {
            keys.extend(list_keys(&one.marks));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    Some(keys)
}

/// Returns the number of a commit.
fn name_commit(id: Oid) -> u64 {
    digest_key(&[b"commit", id.as_bytes()])
}

/// Returns a number for each thing by which a change is linked to another one, as `find_link` links them.
fn list_keys(marks: &ChangeMarks) -> RefusalKeys {
    let mut keys: RefusalKeys =
        marks.pull.iter().map(|pull| digest_key(&[b"pull", pull.as_bytes()])).collect();
    keys.extend(marks.change_ids.iter().map(|id| digest_key(&[b"id", id.as_bytes()])));
    let paths: Vec<&[u8]> = marks.paths.iter().map(|path| path.as_bytes()).collect();
    let all_paths = digest_key(&paths).to_be_bytes();
    for author in &marks.authors {
        let author = author.as_bytes();
        if !marks.subject.as_bytes().is_empty() {
            keys.push(digest_key(&[b"subject", author, marks.subject.as_bytes()]));
        }
        if !paths.is_empty() {
            keys.push(digest_key(&[b"paths", author, &all_paths]));
        }
        keys.extend(marks.tickets.iter().map(|ticket| digest_key(&[b"ticket", author, ticket.as_bytes()])));
        let earlier = marks.earlier_changes.iter();
        keys.extend(earlier.map(|change| digest_key(&[b"earlier", author, change.as_bytes()])));
    }
    keys
}

/// Returns the FNV-1a digest of parts. Two lists may share one; what is found is read and compared.
fn digest_key(parts: &[&[u8]]) -> u64 {
    let mut key = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| key = (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for part in parts {
        part.len().to_le_bytes().into_iter().for_each(&mut add);
        part.iter().copied().for_each(&mut add);
    }
    key
}
