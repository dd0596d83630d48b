//! The refusals that no record tells of so far.
//!
//! A push that is refused moves no ref, so nothing makes a record of it until the next push lands, or a job reconciles the
//! ledger. Until then its decision is a file beside the ledger.

use crate::change::Text;
use crate::gate::break_glass::is_request_ref;
use crate::git::Repository;
use crate::ledger::audit::ledger_history::{WaitingRefusal, WaitingRefusals};
use crate::ledger::audit::refusing_rules::list_refusing_rules;
use crate::ledger::record::{DecisionRecord, RefDecision};
use crate::ledger::server::decision::is_unjudged;
use crate::ledger::server::recorded_entries::find_recorded_entries;
use crate::ledger::server::write_ahead::{list_entries, read_whole_entry};
use crate::ledger::state::LedgerState;
use crate::ledger::state::acts::is_statement_ref;

/// Returns the refs of a denied push that the history of the ref `name` tells of: this one, and those of requests and acts.
pub(super) fn list_refused_refs<'a>(
    decided: &'a DecisionRecord,
    name: &'a Text,
) -> impl Iterator<Item = &'a RefDecision> {
    // What could not be judged was found neither protected nor free.
    let is_unjudged = is_unjudged(decided);
    decided.refs.iter().filter(move |one| {
        let is_own = one.name == *name && (one.protected || is_unjudged);
        is_own || is_request_ref(&one.name) || is_statement_ref(&one.name)
    })
}

/// Returns the refusals for a ref, and of requests and acts, that wait beside the ledger with this state.
pub(super) fn find_waiting_refusals(
    repository: &Repository,
    name: &Text,
    state: &LedgerState,
) -> WaitingRefusals {
    let mut waiting = WaitingRefusals::default();
    let Ok(files) = list_entries(repository.common_dir(), &[], usize::MAX) else {
        return WaitingRefusals { unreadable: 1, ..waiting };
    };
    // A run that was killed leaves files of decisions that have a record.
    let recorded = find_recorded_entries(repository, state, &files).unwrap_or_default();
    for file in files {
        let Ok(entry) = &file.entry else {
            waiting.unreadable += 1;
            continue;
        };
        let id = &entry.decided.id;
        if entry.decided.is_allowed() || recorded.contains(id) || state.recent_decisions.contains(id) {
            continue;
        }
        // In the list, a denial has lost its refs.
        let Ok(whole) = read_whole_entry(&file.path) else {
            waiting.unreadable += 1;
            continue;
        };
        let decided = whole.decided;
        for one in list_refused_refs(&decided, name) {
            waiting.refusals.push(WaitingRefusal {
                decision: decided.id.clone(),
                observed_at: decided.observed_at,
                pusher: decided.pusher.clone(),
                ref_name: one.name.clone(),
                new: one.new,
                rules: list_refusing_rules(&decided),
            });
        }
    }
    waiting
}
