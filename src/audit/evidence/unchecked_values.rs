//! The values of a change that nothing in its pack shows.

use crate::audit::change_record::ChangeJudgement;
use crate::audit::evidence::packed_values::PackedValues;

/// Returns the values of a change that nothing in its pack shows. What can be taken out of a pack without a trace is among
/// them whether the page tells of it or not: that there is none is a statement too.
pub(super) fn list_unchecked_values(values: &PackedValues, has_ledger: bool) -> Vec<&'static str> {
    let record = &values.change;
    let lines = record.facts.as_ref().is_ok_and(|facts| facts.lines.is_some());
    let is_afterwards = matches!(record.judged_by, ChangeJudgement::Afterwards { .. });
    let is_without_reasons =
        matches!(record.judged_by, ChangeJudgement::Recorded { keeps_reasons: false, .. });
    let is_not_judged = matches!(record.judged_by, ChangeJudgement::NotJudged(_));
    let named = [
        (
            true,
            "that no other later commit closes something of it, takes it back, names it or a ticket for it, or names \
             it as a cause",
        ),
        (!record.closing_records.is_empty(), "when the commits landed that close something of it"),
        (!record.reverted_by.is_empty(), "the commits that take it back"),
        (!record.caused.is_empty(), "the commits that name it as their cause"),
        (!record.doubted_claims.is_empty(), "the commits that say something of it without counting"),
        (!record.later_tickets.is_empty(), "the tickets that were named for it later"),
        (has_ledger, "the break-glass sessions that were open when it landed, and whether there were any"),
        (has_ledger, "what links the refusals before to it, and whether there are others"),
        (has_ledger, "how many records of the ledger could not be read"),
        (true, "whether it brought the first policy of the history, and whether it repairs another change"),
        (true, "who of its people an earlier roster lists"),
        (true, "which attached files the repository has lost"),
        (true, "its incidents and its deployments"),
        (record.landing.last_seen_before.is_some(), "when the branch was last seen without it"),
        (lines, "how many lines it changes"),
        (is_afterwards, "what it was judged by afterwards, since no record judged it, and the verdicts"),
        (is_not_judged, "why nothing judged it"),
        (is_without_reasons, "the verdicts on its page, which were reached again when the pack was made"),
        (!values.unavailable.is_empty(), "why verdicts on it are not available"),
    ];
    named.into_iter().filter(|(is_told, _)| *is_told).map(|(_, what)| what).collect()
}
