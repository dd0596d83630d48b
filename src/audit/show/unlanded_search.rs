//! Finds what a ledger tells of a commit or a ticket that is no change of a ref: what landed and was taken away again, and
//! what was only ever refused.

use jiff::Timestamp;

use crate::audit::show::change_search::ChangeQuery;
use crate::change::{NeededFacts, Oid, Text};
use crate::git::Repository;
use crate::ledger::audit::kept_reasons::read_refused_reasons;
use crate::ledger::audit::ledger_history::LedgerHistory;

/// What a record tells of something that a ref does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlandedRecord {
    /// The number of the record.
    pub record: u64,
    /// When it happened, by the clock of the gate.
    pub at: Timestamp,
    /// The commit; `None` for a refused deletion.
    pub commit: Option<Oid>,
    /// What happened, in words.
    pub what: String,
}

/// Returns what the records of a ref tell of what the query names, oldest first; `history` has no such change. What cannot
/// be read is left out.
pub fn find_unlanded_records(
    repository: &Repository,
    history: &LedgerHistory,
    query: &ChangeQuery,
) -> Vec<UnlandedRecord> {
    let mut found = Vec::new();
    let is_named = |id: Oid| {
        let commit = repository.read_commit(id, &NeededFacts::new());
        query.is_id_of(id) || commit.is_ok_and(|commit| query.is_named_by_trailers(&commit))
    };
    for one in &history.moves {
        if let Some(new) = one.moved.new.filter(|new| is_named(*new)) {
            let how = if one.decision.is_some() { "landed" } else { "landed without a decision" };
            let what = format!("{how}, and the branch holds it no longer");
            let (record, at) = (one.record, one.observed_at);
            found.push(UnlandedRecord { record, at, commit: Some(new), what });
        }
    }
    for one in &history.refusals {
        let reasons = read_refused_reasons(repository, one.holder).unwrap_or_default();
        let is_judged = reasons.iter().any(|reasons| {
            reasons.revision.is_some_and(|id| query.is_id_of(id)) || query.is_named_by_reasons(reasons)
        });
        if is_judged || one.new.is_some_and(|new| query.is_id_of(new)) {
            let (record, at) = (one.record, one.observed_at);
            let what = format!("refused by {}", one.rules.join(", "));
            found.push(UnlandedRecord { record, at, commit: one.new, what });
        }
    }
    found.sort_by_key(|one| one.record);
    found
}

/// Returns these records as lines, and the commands that show more of them.
pub fn describe_unlanded_records(records: &[UnlandedRecord], ref_name: &Text) -> String {
    let mut text = format!("it is no change of {}, and the ledger tells of it:", ref_name.to_lossy());
    for one in records {
        let (at, record) = (one.at.strftime("%F %R UTC"), one.record);
        let commit = one.commit.map(|id| format!("{} ", id.short_hex())).unwrap_or_default();
        text.push_str(&format!("\n  record {record}, {at}: {commit}{}", one.what));
    }
    if let Some(last) = records.last() {
        text.push_str(&format!("\nto see more: `changegate ledger show {}`", last.record));
        if let Some(id) = last.commit {
            text.push_str(&format!(" or `changegate ledger trace {id}`"));
        }
    }
    text
}
