//! Reports of failures that no change of the period takes: each is an exception of its own, so that none is lost.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::audit::change_record::change_acts::describe_act_author;
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::population::ref_chain::RefChain;
use crate::change::{Oid, Text};
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::ledger::record::{RecordedActKind, RecordedReport};

/// Returns an exception for each report of a failure that was made from `from` until `until` and is about none of these
/// changes of the steps between the places `ends`.
pub(crate) fn list_stray_reports(
    (repository, ref_name): (&str, &Text),
    (history, chain): (&LedgerHistory, &RefChain),
    (changes, ends): (&HashSet<Oid>, Option<(usize, usize)>),
    (from, until): (Option<Timestamp>, Option<Timestamp>),
) -> Vec<AuditException> {
    let mut found = Vec::new();
    for report in &history.acts {
        let (act, at) = (&report.event.act, report.event.observed_at);
        let RecordedActKind::Outcome { outcome, incident } = &act.says else { continue };
        let is_in = from.is_none_or(|from| at >= from) && until.is_none_or(|until| at < until);
        if *outcome == RecordedReport::Ok || !is_in || changes.contains(&act.change) {
            continue;
        }
        let is_of_period = |place: usize| ends.is_some_and(|(first, last)| (first..=last).contains(&place));
        let which = match chain.find_place(act.change) {
            Some(place) if is_of_period(place) => {
                "is no change of this period, so that no figure of this report counts it"
            }
            Some(_) => {
                "is no change of this period, so that no figure of this report counts it; carried over"
            }
            None => "is not in the history of the branch any more, so that no figure counts it",
        };
        let incident = incident.as_ref().map(|name| format!(" in {}", name.to_lossy())).unwrap_or_default();
        let by = describe_act_author(&report.event);
        let what = format!(
            "reported as {}{incident} by {}; what it is about {which}",
            outcome.code(),
            by.to_lossy()
        );
        found.push(AuditException {
            actor: Some(by),
            ..AuditException::open_exception(
                ExceptionKind::FailedChange,
                (format!("{repository}@{}", act.change), ref_name.clone()),
                (what, at),
                format!("ledger record {}", report.record),
            )
        });
    }
    found
}
