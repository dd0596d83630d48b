//! What becomes of the refusals of a ref while its audit is under way.

use std::collections::BTreeMap;

use crate::audit::change_record::ChangeRecord;

/// The refusals of an audit that is under way.
#[derive(Debug, Default)]
pub(crate) struct RefusalTrack {
    /// How many of the refusals, oldest first, were compared with the rosters of their time.
    pub(crate) compared: usize,
    /// The changes that refused attempts became, by the records of the refusals.
    pub(crate) became: BTreeMap<u64, Vec<String>>,
}

impl RefusalTrack {
    /// Notes the refused attempts of a change.
    pub(crate) fn add_change(&mut self, change: &ChangeRecord) {
        for attempt in &change.attempts {
            let known = self.became.entry(attempt.record).or_default();
            let id = change.change_id();
            if !known.contains(&id) {
                known.push(id);
            }
        }
    }
}
