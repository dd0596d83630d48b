//! What a ledger says is owed, by what owes it.

use std::collections::{BTreeMap, HashMap};

use crate::change::Oid;
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::state::TrackedObligation;

/// What is owed: by changes, by their commits, and by the records that tell of unauthorised moves.
#[derive(Default)]
pub(crate) struct ObligationIndex<'a> {
    of_change: HashMap<Oid, Vec<(&'a String, &'a TrackedObligation)>>,
    of_record: BTreeMap<u64, Vec<(&'a String, &'a TrackedObligation)>>,
}

impl<'a> ObligationIndex<'a> {
    /// Returns what the obligations of a history are owed by.
    pub(crate) fn index_obligations(history: &'a LedgerHistory) -> ObligationIndex<'a> {
        let mut index = ObligationIndex::default();
        for (id, owed) in &history.obligations {
            if let Some(number) = parse_unauthorised_key(id) {
                index.of_record.entry(number).or_default().push((id, owed));
            } else if let Some(change) = owed.change {
                index.of_change.entry(change).or_default().push((id, owed));
            }
        }
        index
    }

    /// Returns what a change with these commits owes, whose landing the record of this number tells of.
    pub(crate) fn list_obligations(
        &self,
        commits: impl Iterator<Item = Oid>,
        record: Option<u64>,
    ) -> Vec<(String, TrackedObligation)> {
        let mut found: BTreeMap<&String, &TrackedObligation> = BTreeMap::new();
        for id in commits {
            found.extend(self.of_change.get(&id).into_iter().flatten().copied());
        }
        let of_record = record.and_then(|number| self.of_record.get(&number));
        found.extend(of_record.into_iter().flatten().copied());
        found.into_iter().map(|(id, owed)| (id.clone(), owed.clone())).collect()
    }
}
