//! Whether a pack leaves out a record about one of its changes. The commits of the chain are all in the pack, and the
//! message of each repeats what its record is about, so a record that was taken out is still named.

use std::collections::BTreeSet;

use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::{PackedChange, PackedLedger};
use crate::audit::evidence::pack_reader::ReadPack;
use crate::audit::evidence::packed_records::PackedRecords;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{LedgerEvent, RecordedApprovalSource, RecordedReasons};
use crate::ledger::store::{REASONS_FILE, RECORD_FILE};
use crate::verdict::format_count;

/// How many of the records that are about something else are named.
const MAX_NAMED_RECORDS: usize = 20;

/// What makes a record one about a change of the pack.
struct AboutChange<'a> {
    change: &'a PackedChange,
    ref_name: String,
    /// The ids of what it owes by the records of the pack.
    obligations: BTreeSet<String>,
    /// The revisions whose signed approvals are about it.
    revisions: BTreeSet<String>,
}

/// Names the records of the chain that are not in the pack; one that is about a change has to be there.
pub(super) fn check_left_out_records(pack: &ReadPack, ledger: &PackedLedger, check: &mut PackCheck) {
    let records = PackedRecords::read_records(pack);
    let decisions = records.list_decision_ids();
    let mut changes = Vec::new();
    for change in &pack.index.changes {
        let own = change.commits.iter().copied().collect();
        let mut obligations = BTreeSet::new();
        // What the landing of each of its records owes; of another kind of record, nothing.
        for landing in change.records.iter().map(|number| Some(*number)).chain([None]) {
            let owed = records.list_obligations(&own, (landing, &pack.index.ref_name));
            obligations.extend(owed.into_iter().map(|(id, _)| id));
        }
        let ref_name = pack.index.ref_name.to_lossy().into_owned();
        let revisions = list_approved_revisions(pack, change);
        changes.push(AboutChange { change, ref_name, obligations, revisions });
    }
    let packed: BTreeSet<_> = ledger.records.iter().map(|record| record.commit).collect();
    let mut others = Vec::new();
    for commit in pack.chain.iter().filter(|commit| !packed.contains(commit)) {
        let Ok(raw) = pack.repository.read_raw_commit(*commit) else {
            check.add_problem(format!("the commit {commit} of the ledger cannot be read"));
            continue;
        };
        // Of these, the pack has the commits and no trees.
        let start = memchr::memmem::find(&raw, b"\n\n").map_or(raw.len(), |end| end + 2);
        let message = String::from_utf8_lossy(raw.get(start..).unwrap_or_default()).into_owned();
        let number = find_value(&message, "Ledger-Record").unwrap_or("?").to_owned();
        let about = changes.iter().find(|about| about.is_told_by(&message, &decisions));
        match about {
            Some(about) => check.add_problem(format!(
                "{}: record {number} is about it and is not in the pack: {}",
                about.change.commit.short_hex(),
                message.lines().next().unwrap_or_default()
            )),
            None => others.push(number),
        }
    }
    if !others.is_empty() {
        let mut named = others.iter().take(MAX_NAMED_RECORDS).cloned().collect::<Vec<_>>().join(", ");
        if others.len() > MAX_NAMED_RECORDS {
            named.push_str(", ...");
        }
        check.unchecked.push(format!(
            "what {} of the chain hold that the pack leaves out, since their commits name no change of it: {named}",
            format_count(others.len(), "record")
        ));
    }
}

/// Returns the revisions whose signed approvals are about a change, by what its verdicts rest on.
fn list_approved_revisions(pack: &ReadPack, change: &PackedChange) -> BTreeSet<String> {
    let mut revisions = BTreeSet::new();
    for number in &change.records {
        let Ok(bytes) = pack.read_record_file(*number, RECORD_FILE) else { continue };
        let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { continue };
        // A refused attempt may have been of something else.
        if !matches!(&record.event, LedgerEvent::Decision(decided) if decided.is_allowed()) {
            continue;
        }
        let Ok(bytes) = pack.read_record_file(*number, REASONS_FILE) else { continue };
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(reasons) = serde_json::from_slice::<RecordedReasons>(line) else { continue };
            // One push may have brought other changes too, with approvals of their own.
            if reasons.revision.is_some_and(|id| change.commits.contains(&id)) {
                let signed = reasons.approvals.iter();
                let signed = signed.filter(|one| one.source == RecordedApprovalSource::Signature);
                revisions.extend(signed.filter_map(|one| one.revision).map(|id| id.to_string()));
            }
        }
    }
    revisions
}

impl AboutChange<'_> {
    /// Returns true if the message of a commit of the ledger says that its record is about the change; `decisions` are
    /// those in the pack.
    fn is_told_by(&self, message: &str, decisions: &[&str]) -> bool {
        let is_own = |id: &str| self.change.commits.iter().any(|commit| commit.to_string() == id);
        let is_landed = message.lines().any(|line| line.starts_with("Landed: "));
        let is_signed = message.lines().any(|line| line.starts_with("Signed-By: "));
        message.lines().filter_map(|line| line.split_once(": ")).any(|(key, value)| match key {
            "Change" => is_own(value) || (is_signed && self.revisions.contains(value)),
            "Landed" | "Unauthorised" | "Ref" => {
                self.is_move_to_change(value)
                    || value.strip_prefix("ledger:").is_some_and(|number| {
                        self.change.records.iter().any(|known| known.to_string() == number)
                    })
            }
            "Obligation" => self.obligations.contains(value),
            "Decision-Id" => is_landed && decisions.contains(&value),
            _ => false,
        })
    }

    /// Returns true if a value is a move of the ref that ends with the change, as in `refs/heads/main OLD..NEW`.
    fn is_move_to_change(&self, value: &str) -> bool {
        let Some(ends) = value.strip_prefix(self.ref_name.as_str()).and_then(|rest| rest.strip_prefix(' '))
        else {
            return false;
        };
        let new = ends.split(' ').next().and_then(|ends| ends.split_once("..")).map(|(_, new)| new);
        self.change.commits.iter().any(|commit| new == Some(commit.to_string().as_str()))
    }
}

/// Returns the value of the first line of a message with this key.
fn find_value<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    message
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(known, _)| *known == key)
        .map(|(_, value)| value)
}
