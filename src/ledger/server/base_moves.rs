//! Tells of a shared policy that moved since the decision before: no push here brought that, so no other record would.

use crate::gate::PushFacts;
use crate::gate::policy_naming::find_remote_commits;
use crate::gate::shared_base::{find_brought_bases, list_base_moves};
use crate::git::Repository;
use crate::ledger::record::DecisionRecord;
use crate::ledger::store::find_newest_decision;
use crate::report::Report;
use crate::verdict::Message;

/// How many records are looked at: a push does not wait for a whole ledger.
const MAX_RECORDS: usize = 10_000;

/// Adds to the report of a push what became of the shared policies of its refs since the last decision that let something
/// onto the same ref. A ledger that cannot be read tells nothing here; what needs it refuses the push elsewhere.
pub(crate) fn add_base_moves(report: &mut Report, facts: &PushFacts, repository: &Repository) {
    for (name, loaded) in facts.shared_policies() {
        let is_wanted = |decided: &DecisionRecord| {
            decided.is_allowed() && decided.refs.iter().any(|one| one.protected && one.name == *name)
        };
        let Ok(Some(decided)) = find_newest_decision(repository, MAX_RECORDS, is_wanted) else { continue };
        let Some(policy) = &decided.policy else { continue };
        // That decision was judged by the policy before it, if it brought another one.
        let mut earlier = find_remote_commits(&policy.source);
        let notes: Vec<Message> = decided.notes.iter().map(Message::from).collect();
        earlier.extend(find_brought_bases(&notes, name));
        report.notes.extend(list_base_moves(repository, loaded, earlier, name));
    }
}
