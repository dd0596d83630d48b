//! Counts changes one after the other, so that none has to be kept.

use std::collections::BTreeSet;

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::field_values::{
    CHANGE_TYPE, EMERGENCY_TICKET, POST_IMPLEMENTATION_REVIEW, TEST_PLAN,
};
use crate::audit::change_record::standing::{ChangeOutcome, GateBypass, GateResult};
use crate::audit::key_figures::figure::{FigureValue, KeyFigure, ShareCount, hours_between, median_figure};
use crate::change::Text;
use crate::ledger::record::RecordedTrust;
use crate::ledger::state::TrackedObligation;

const NO_LEDGER: &str = "there is no ledger, so this is not known";

/// Counts the changes of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyFigureCounter {
    changes: u64,
    /// Those that no gate judged at the time, and the audit did.
    judged_afterwards: ShareCount,
    /// Those whose verdict a record of their time holds.
    judged_in_time: ShareCount,
    compliant: ShareCount,
    successful: ShareCount,
    /// Those of whose outcome anything is known.
    reported: ShareCount,
    /// Those that somebody said to the server to have verified, and that are not known to have failed.
    verified: ShareCount,
    reviewed: ShareCount,
    verified_approvals: ShareCount,
    emergencies: ShareCount,
    tickets_in_time: ShareCount,
    reviews_in_time: ShareCount,
    obligations_in_time: ShareCount,
    tested: ShareCount,
    isms_planned: ShareCount,
    standard: ShareCount,
    unauthorised: u64,
    regularised: u64,
    exemptions: u64,
    overdue: u64,
    made_with_machine: u64,
    /// Those that take back or repair another, or are emergencies.
    rework: ShareCount,
    /// The incidents that reports of outcomes name.
    reported_incidents: BTreeSet<Text>,
    refused_first: ShareCount,
    /// From the first report of the failure of each change to its repair.
    repair_hours: Vec<f64>,
    /// Of how many changes that failed one of these times is not known.
    unknown_repairs: u64,
    approval_hours: Vec<f64>,
    lead_hours: Vec<f64>,
    /// From the landing of each change to its first deployment.
    deployment_hours: Vec<f64>,
}

impl KeyFigureCounter {
    /// Returns how many hours went by between the landing of each change and its first deployment.
    pub(crate) fn deployment_lead_hours(&self) -> &[f64] {
        &self.deployment_hours
    }

    /// Returns the incidents that reports of the outcome of a change name.
    pub(crate) fn reported_incidents(&self) -> &BTreeSet<Text> {
        &self.reported_incidents
    }

    /// Counts a change.
    pub(crate) fn add_change(&mut self, change: &ChangeRecord) {
        self.changes += 1;
        let result = change.gate_result();
        self.judged_afterwards.add(result.is_evaluated() && !change.is_recorded());
        self.judged_in_time.add(result.is_evaluated() && change.is_recorded());
        match result {
            GateResult::NotEvaluated | GateResult::Undecided => self.compliant.not_known += 1,
            _ => self.compliant.add(result != GateResult::Waived && !change.breaks_rule()),
        }
        let outcome = change.outcome();
        self.successful.add(outcome.is_success());
        self.rework.add(change.is_repair || change.is_emergency());
        let reports = change.list_outcome_reports();
        self.reported_incidents.extend(reports.into_iter().filter_map(|report| report.incident).cloned());
        self.reported.add(outcome != ChangeOutcome::NoneReported);
        // What was said before a failure was wrong, and what was said after it undoes none.
        self.verified.add(outcome.is_success() && !change.list_verifications().is_empty());
        if result.is_evaluated() {
            let counting = change.list_counting_approvals();
            self.reviewed.add(!counting.is_empty());
            if !counting.is_empty() {
                self.verified_approvals.add(change.weakest_trust() == Some(RecordedTrust::Verified));
            }
            self.emergencies.add(change.is_emergency());
            let word = change.find_word(CHANGE_TYPE).unwrap_or_default();
            self.standard.add(word.eq_ignore_ascii_case("standard"));
            if word.eq_ignore_ascii_case("normal") {
                self.tested.add(has_test_evidence(change));
            }
            if change.is_isms_change() && result == GateResult::Undecided {
                self.isms_planned.not_known += 1;
            } else if change.is_isms_change() {
                self.isms_planned.add(!change.breaks_rule());
            }
            self.made_with_machine += u64::from(change.is_made_with_machine());
        } else {
            for share in [&mut self.reviewed, &mut self.emergencies, &mut self.standard] {
                share.not_known += 1;
            }
        }
        match change.bypass() {
            GateBypass::Unauthorised => self.unauthorised += 1,
            GateBypass::Regularised => self.regularised += 1,
            _ => {}
        }
        self.refused_first.add(!change.attempts.is_empty());
        self.exemptions += u64::from(result == GateResult::Waived);
        self.add_obligations(change);
        self.add_times(change);
    }

    /// Counts a break-glass session that is open and past its time.
    pub(crate) fn add_overdue_session(&mut self) {
        self.overdue += 1;
    }

    fn add_obligations(&mut self, change: &ChangeRecord) {
        if change.names_ticket_at_once() {
            self.tickets_in_time.add(true);
        }
        for (_, owed) in &change.obligations {
            self.overdue += u64::from(change.is_overdue(owed));
            // What is open and in time may still be met in time or not.
            let Some(is_in_time) = find_timeliness(change, owed) else { continue };
            self.obligations_in_time.add(is_in_time);
            let is_about = |names: &[&str]| {
                let field = owed.field.as_deref().unwrap_or_default();
                names.iter().any(|name| name.eq_ignore_ascii_case(field))
            };
            if is_about(EMERGENCY_TICKET) {
                self.tickets_in_time.add(is_in_time);
            }
            if is_about(POST_IMPLEMENTATION_REVIEW) {
                self.reviews_in_time.add(is_in_time);
            }
        }
    }

    fn add_times(&mut self, change: &ChangeRecord) {
        let approved = change.list_counting_approvals().iter().filter_map(|one| one.given_at).max();
        if let (Some(approved), Ok(facts)) = (approved, &change.facts) {
            self.approval_hours.push(hours_between(facts.authored_at, approved));
        }
        match change.find_repair() {
            Some((failed, repaired)) => self.repair_hours.push(hours_between(failed, repaired)),
            None => self.unknown_repairs += u64::from(!change.outcome().is_success()),
        }
        // What brought the first policy was a change before there was anything to wait for.
        if change.is_founding {
            return;
        }
        if let Some(deployment) = &change.deployment {
            self.deployment_hours.push(hours_between(change.landing.at, deployment.at));
        }
        if change.has_trusted_time()
            && let Ok(facts) = &change.facts
        {
            self.lead_hours.push(hours_between(facts.authored_at, change.landing.at));
        }
    }

    /// Returns the key figures, in the order of a report; `has_ledger` if a ledger was there.
    pub(crate) fn build_figures(&self, has_ledger: bool) -> Vec<KeyFigure> {
        let share = |key, title, formula, count: ShareCount, note: &str| KeyFigure {
            key,
            title,
            formula,
            value: FigureValue::Share { numerator: count.numerator, denominator: count.denominator },
            not_known: count.not_known,
            note: note.to_owned(),
        };
        // Without a ledger, that nothing is known is not that there is nothing.
        let ledger_share = |key, title, formula, count: ShareCount| match has_ledger {
            true => share(key, title, formula, count, ""),
            false => {
                let unknown = ShareCount { not_known: self.changes, ..ShareCount::default() };
                share(key, title, formula, unknown, NO_LEDGER)
            }
        };
        let number = |key, title, formula, count, note: &str| KeyFigure {
            key,
            title,
            formula,
            value: if note.is_empty() { FigureValue::Count(count) } else { FigureValue::UnknownCount },
            not_known: 0,
            note: note.to_owned(),
        };
        let ledger = if has_ledger { "" } else { NO_LEDGER };
        let failed = "failed is what a later change takes back or names as its cause, what an incident names, and what was ever reported so; a later report that it works is its repair";
        let mut repair = median_figure(
            "time_to_repair",
            "Time to repair",
            "median from the first report that a change failed to what repaired it after the last one, by the gate's clock",
            &self.repair_hours,
        );
        repair.not_known = self.unknown_repairs;
        vec![
            number(
                "changes",
                "Changes",
                "steps of the ref in the period, without closing records",
                self.changes,
                "",
            ),
            ledger_share(
                "coverage",
                "Coverage",
                "changes that a gate judged at the time, as a record says / changes",
                self.judged_in_time,
            ),
            share(
                "judged_afterwards",
                "Judged afterwards",
                "changes that no gate judged at the time and this audit did / changes",
                self.judged_afterwards,
                "",
            ),
            share(
                "compliance_rate",
                "Compliance",
                "changes that broke no rule of any level, without exemptions / changes with a clear result, by a gate or by this audit",
                self.compliant,
                "",
            ),
            share(
                "change_success_rate",
                "Change success",
                "changes that are not known to have failed / changes",
                self.successful,
                failed,
            ),
            share(
                "rework_rate",
                "Rework",
                "changes that take back or repair another, or are emergencies / changes",
                self.rework,
                "",
            ),
            share(
                "outcomes_known",
                "Known outcomes",
                "changes that later changes, incidents or reports say something of / changes",
                self.reported,
                "",
            ),
            ledger_share(
                "verified_changes",
                "Verified after landing",
                "changes that an account which the policy names said to have verified, and that are not known to have failed / changes",
                self.verified,
            ),
            repair,
            share(
                "independent_review",
                "Independent review",
                "changes with a counting approval / changes with a result; none counts where the policy asks for none",
                self.reviewed,
                "",
            ),
            share(
                "verified_approvals",
                "Verified approvals",
                "changes whose counting approvals a forge vouches for / changes with a counting approval",
                self.verified_approvals,
                "",
            ),
            share(
                "emergency_ratio",
                "Emergencies",
                "emergencies / changes with a result",
                self.emergencies,
                "",
            ),
            ledger_share(
                "ticket_compliance",
                "Emergency tickets in time",
                "tickets of emergencies in time, with those that the emergency itself named / tickets of emergencies that were due or are there",
                self.tickets_in_time,
            ),
            ledger_share(
                "reviews_on_time",
                "Post-implementation reviews in time",
                "reviews in time / reviews that were due or are there",
                self.reviews_in_time,
            ),
            ledger_share(
                "obligations_on_time",
                "Obligations in time",
                "obligations met in time / obligations that were due or are met",
                self.obligations_in_time,
            ),
            number(
                "obligations_overdue",
                "Obligations overdue",
                "open and past their time, with break-glass sessions",
                self.overdue,
                ledger,
            ),
            number(
                "unauthorised_changes",
                "Unauthorised changes",
                "landed without a decision and not regularised",
                self.unauthorised,
                ledger,
            ),
            number(
                "regularised_changes",
                "Regularised changes",
                "landed without a decision and regularised",
                self.regularised,
                ledger,
            ),
            number(
                "exemptions_used",
                "Exemptions used",
                "changes that an exemption let through",
                self.exemptions,
                "",
            ),
            share(
                "test_evidence",
                "Normal changes with tests",
                "normal changes with a successful check or a test plan / normal changes",
                self.tested,
                "",
            ),
            share(
                "isms_coverage",
                "ISMS changes that kept every rule",
                "ISMS changes without a broken rule / ISMS changes",
                self.isms_planned,
                "",
            ),
            share(
                "standard_share",
                "Standard changes",
                "standard changes / changes with a result",
                self.standard,
                "",
            ),
            ledger_share(
                "refused_first",
                "Refused at first",
                "changes with a refused attempt before / changes",
                self.refused_first,
            ),
            number(
                "made_with_machine",
                "Made with a machine",
                "changes with a bot as author or co-author",
                self.made_with_machine,
                "",
            ),
            median_figure(
                "approval_latency",
                "Time to approval",
                "median from when the last commit was written (as it claims) to the last counting approval",
                &self.approval_hours,
            ),
            median_figure(
                "lead_time",
                "Time to landing",
                "median from when the last commit was written (as it claims) to the landing by the gate's clock",
                &self.lead_hours,
            ),
        ]
    }
}

/// Returns whether something owed was there in time; `None` while that is open.
fn find_timeliness(change: &ChangeRecord, owed: &TrackedObligation) -> Option<bool> {
    match &owed.closed {
        Some(closed) => Some(closed.late_by.is_none()),
        None if change.is_overdue(owed) => Some(false),
        None => None,
    }
}

fn has_test_evidence(change: &ChangeRecord) -> bool {
    use crate::ledger::record::RecordedCheckState::Success;
    let checks = change.reasons.iter().flat_map(|reasons| &reasons.checks);
    checks.into_iter().any(|check| check.state == Success) || !change.list_statements(TEST_PLAN).is_empty()
}
