//! What a ledger says is owed, by what owes it.

use std::collections::{BTreeMap, HashMap};

use crate::audit::population::dated_obligations::DatedObligations;
use crate::change::Oid;
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::state::TrackedObligation;

/// What is owed, by the changes that owe it, and by the records that tell of unauthorised moves.
#[derive(Default)]
pub(crate) struct ObligationIndex<'a> {
    of_change: HashMap<Oid, Vec<(&'a String, &'a TrackedObligation)>>,
    of_record: BTreeMap<u64, Vec<(&'a String, &'a TrackedObligation)>>,
}

impl<'a> ObligationIndex<'a> {
    /// Returns what is owed by the changes that owe it.
    pub(crate) fn index_obligations(dated: &'a DatedObligations<'_>) -> ObligationIndex<'a> {
        let mut index = ObligationIndex::default();
        for (id, owed) in dated.owed.iter() {
            if let Some(number) = parse_unauthorised_key(id) {
                index.of_record.entry(number).or_default().push((id, owed));
            } else if let Some(change) = owed.change {
                index.of_change.entry(change).or_default().push((id, owed));
            }
        }
        index
    }

    /// Returns what these commits owe, and what the move that this record tells of owes, each once.
    pub(crate) fn list_owed(
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
