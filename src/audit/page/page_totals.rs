//! What the page counts while changes come: by month for its plots, and what was not known.

use std::collections::BTreeMap;

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::standing::{GateBypass, GateResult};
use crate::audit::page::change_row::name_class;
use crate::audit::page::period_counts::MonthCounts;
use crate::ledger::record::GapCause;

/// The results of the gate in the order of a plot, the best one first.
pub(super) const RESULT_ORDER: [&str; 6] =
    ["pass", "pass-owing", "waived", "undecided", "fail", "not-evaluated"];

/// What this audit made of changes that no gate judged at the time, in the same order.
pub(super) const AFTERWARDS_ORDER: [&str; 5] = [
    "afterwards-pass",
    "afterwards-pass-owing",
    "afterwards-waived",
    "afterwards-undecided",
    "afterwards-fail",
];

/// What gates made of changes that landed in evaluate mode, which blocks nothing, in the same order.
pub(super) const NOT_ENFORCED_ORDER: [&str; 5] = [
    "not-enforced-pass",
    "not-enforced-pass-owing",
    "not-enforced-waived",
    "not-enforced-undecided",
    "not-enforced-fail",
];

/// How obligations stand, in the order of a plot.
pub(super) const OBLIGATION_ORDER: [&str; 4] = ["met in time", "open, in time", "met late", "overdue"];

/// The counts of the page.
#[derive(Clone, Debug, Default)]
pub(super) struct PageTotals {
    pub(super) changes: u64,
    pub(super) classes: MonthCounts,
    /// What gates made of changes at the time.
    pub(super) results: MonthCounts,
    /// What this audit made of those that no gate judged.
    pub(super) afterwards: MonthCounts,
    /// What gates made of those that landed in evaluate mode.
    pub(super) not_enforced: MonthCounts,
    /// How many of these were denied.
    pub(super) denied_not_enforced: u64,
    pub(super) obligations: MonthCounts,
    results_in_all: BTreeMap<&'static str, u64>,
    told_by_committer: u64,
    unreadable: u64,
    /// The facts that were not known, with why, and for how many changes.
    missing_facts: BTreeMap<String, u64>,
}

impl PageTotals {
    /// Counts a change.
    pub(super) fn add_change(&mut self, change: &ChangeRecord) {
        self.changes += 1;
        let (at, result) = (change.landing.at, change.gate_result());
        self.classes.add_one(at, &name_class(change));
        let results = match (result, change.is_recorded(), change.is_enforced()) {
            (GateResult::NotEvaluated, ..) | (_, true, true) => &mut self.results,
            (_, false, _) => &mut self.afterwards,
            (_, true, false) => &mut self.not_enforced,
        };
        results.add_one(at, change.name_gate_result());
        *self.results_in_all.entry(change.name_gate_result()).or_default() += 1;
        self.denied_not_enforced += u64::from(change.bypass() == GateBypass::DeniedNotEnforced);
        self.told_by_committer += u64::from(!change.has_trusted_time());
        self.unreadable += u64::from(change.facts.is_err());
        for (_, owed) in &change.obligations {
            let state = match &owed.closed {
                Some(closed) if closed.late_by.is_none() => "met in time",
                Some(_) => "met late",
                None if change.is_overdue(owed) => "overdue",
                None => "open, in time",
            };
            self.obligations.add_one(owed.since, state);
        }
        let mut missing: Vec<String> = Vec::new();
        for gap in change.reasons.iter().flat_map(|reasons| &reasons.missing) {
            let why = match gap.cause {
                GapCause::NotAtThisStage => "not known at that stage",
                GapCause::NotConfigured => "nothing was set up that tells it",
                GapCause::Unavailable => "what tells it could not be reached",
            };
            let words = format!("{} ({why})", gap.fact);
            if !missing.contains(&words) {
                missing.push(words);
            }
        }
        for words in missing {
            *self.missing_facts.entry(words).or_default() += 1;
        }
    }

    /// Returns how many changes have this result, by the word of the change log.
    pub(super) fn count_result(&self, word: &str) -> u64 {
        self.results_in_all.get(word).copied().unwrap_or_default()
    }

    /// Returns how many changes no gate judged at the time and this audit did.
    pub(super) fn count_afterwards(&self) -> u64 {
        AFTERWARDS_ORDER.iter().map(|word| self.count_result(word)).sum()
    }

    /// Returns how many changes a gate judged in evaluate mode, which let them land whatever they were.
    pub(super) fn count_not_enforced(&self) -> u64 {
        NOT_ENFORCED_ORDER.iter().map(|word| self.count_result(word)).sum()
    }

    /// Returns what was not known, in sentences.
    pub(super) fn list_unknowns(&self) -> Vec<String> {
        let all = self.changes;
        let mut lines = Vec::new();
        for (count, words) in [
            (
                self.count_result(GateResult::NotEvaluated.code()),
                "were not judged: no record and no policy of their time",
            ),
            (
                self.count_result(GateResult::Undecided.code())
                    + self.count_result(GateResult::Undecided.code_afterwards())
                    + self.count_result(GateResult::Undecided.code_not_enforced()),
                "could not be decided, as a fact was missing",
            ),
            (self.count_afterwards(), "were judged afterwards by this audit, and not by a gate at the time"),
            (self.told_by_committer, "have no time of landing but the committer's, who may set it"),
            (self.unreadable, "could not be read"),
        ] {
            if count > 0 {
                lines.push(format!("{count} of {all} changes {words}"));
            }
        }
        for (fact, count) in &self.missing_facts {
            lines.push(format!("for {count} of {all} changes: {fact}"));
        }
        lines
    }
}
