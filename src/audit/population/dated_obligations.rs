//! What is owed as of the time of an audit: what was closed later was open then.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ledger::state::TrackedObligation;

/// The obligations of a history, as they stood at one time.
pub(crate) struct DatedObligations<'a> {
    /// All of them, by their ids.
    pub(crate) owed: Cow<'a, BTreeMap<String, TrackedObligation>>,
    /// When those were closed that were open at the time.
    pub(crate) closed_later: BTreeMap<String, Timestamp>,
}

impl<'a> DatedObligations<'a> {
    /// Returns how these obligations stood at a time.
    pub(crate) fn date_obligations(
        known: &'a BTreeMap<String, TrackedObligation>,
        as_of: Timestamp,
    ) -> DatedObligations<'a> {
        let mut dated = DatedObligations { owed: Cow::Borrowed(known), closed_later: BTreeMap::new() };
        for (id, owed) in known {
            let closed = owed.closed.as_ref().map(|closed| closed.at).filter(|at| *at > as_of);
            dated.closed_later.extend(closed.map(|at| (id.clone(), at)));
        }
        if !dated.closed_later.is_empty() {
            let owed = dated.owed.to_mut();
            for id in dated.closed_later.keys() {
                if let Some(owed) = owed.get_mut(id) {
                    owed.closed = None;
                }
            }
        }
        dated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::state::LedgerState;

    #[test]
    fn nothing_is_copied_where_nothing_was_closed_later() {
        let state = LedgerState::default();
        let dated = DatedObligations::date_obligations(&state.obligations, Timestamp::MAX);
        assert!(matches!(dated.owed, Cow::Borrowed(_)) && dated.closed_later.is_empty());
    }
}
