//! What becomes of the refusals of a ref while its audit is under way.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::audit::attempts::RefusedAttempt;

/// The refusals of an audit that is under way.
#[derive(Debug, Default)]
pub(crate) struct RefusalTrack {
    /// How many of the refusals, oldest first, were compared with the rosters of their time.
    pub(crate) compared: usize,
    /// The entries of the population that refused attempts became, by the records of the refusals.
    pub(crate) became: BTreeMap<u64, Vec<String>>,
    /// The records of the refusals that became a change, and not only a record that closes something.
    pub(crate) changes: BTreeSet<u64>,
}

impl RefusalTrack {
    /// Notes the refused attempts of the entry of this id.
    pub(crate) fn add_attempts(&mut self, id: &str, is_change: bool, attempts: &[RefusedAttempt]) {
        for attempt in attempts {
            let known = self.became.entry(attempt.record).or_default();
            if !known.iter().any(|known| known == id) {
                known.push(id.to_owned());
            }
            if is_change {
                self.changes.insert(attempt.record);
            }
        }
    }
}
