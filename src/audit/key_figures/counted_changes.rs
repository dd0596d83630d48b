//! Counts changes one after the other, so that none has to be kept.

use std::collections::BTreeSet;

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::field_values::{
    CHANGE_TYPE, EMERGENCY_TICKET, POST_IMPLEMENTATION_REVIEW, TEST_PLAN,
};
use crate::audit::change_record::standing::{ChangeOutcome, GateBypass, GateResult};
use crate::audit::key_figures::approval_speed::is_approved_at_once;
use crate::audit::key_figures::approval_spread::ApprovalSpread;
use crate::audit::key_figures::figure::{ShareCount, hours_between};
use crate::audit::key_figures::team_approvals::TeamApprovals;
use crate::audit::population::population_entry::{PopulationEntry, UnauthorisedMove};
use crate::change::Text;
use crate::ledger::record::RecordedTrust;

/// Counts the changes of a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyFigureCounter {
    pub(super) changes: u64,
    /// Those that no gate judged at the time, and the audit did.
    pub(super) judged_afterwards: ShareCount,
    /// Those whose verdict a record of their time holds, and counted.
    pub(super) judged_in_time: ShareCount,
    /// Those that landed in evaluate mode, and how many of them were denied.
    pub(super) not_enforced: ShareCount,
    pub(super) denied_not_enforced: u64,
    pub(super) compliant: ShareCount,
    pub(super) successful: ShareCount,
    /// Those of whose outcome anything is known.
    pub(super) reported: ShareCount,
    /// Those that somebody said to the server to have verified, and that are not known to have failed.
    pub(super) verified: ShareCount,
    pub(super) reviewed: ShareCount,
    pub(super) verified_approvals: ShareCount,
    /// Those whose approvals came faster than their lines can be read.
    pub(super) approved_at_once: ShareCount,
    /// Who approves the changes of whom.
    pub(super) approval_spread: ApprovalSpread,
    /// The approvals by the teams of those who gave them.
    pub(super) team_approvals: TeamApprovals,
    pub(super) emergencies: ShareCount,
    pub(super) tickets_in_time: ShareCount,
    pub(super) reviews_in_time: ShareCount,
    pub(super) obligations_in_time: ShareCount,
    pub(super) tested: ShareCount,
    pub(super) isms_planned: ShareCount,
    pub(super) standard: ShareCount,
    pub(super) unauthorised: u64,
    pub(super) regularised: u64,
    pub(super) exemptions: u64,
    pub(super) overdue: u64,
    pub(super) made_with_machine: u64,
    /// Those that take back or repair another, or are emergencies.
    pub(super) rework: ShareCount,
    /// The incidents that reports of outcomes name.
    pub(super) reported_incidents: BTreeSet<Text>,
    pub(super) refused_first: ShareCount,
    /// From the first report of the failure of each change to its repair.
    pub(super) repair_hours: Vec<f64>,
    /// Of how many changes that failed one of these times is not known.
    pub(super) unknown_repairs: u64,
    pub(super) approval_hours: Vec<f64>,
    pub(super) lead_hours: Vec<f64>,
    /// From the landing of each change to its first deployment.
    pub(super) deployment_hours: Vec<f64>,
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
        self.judged_in_time.add(result.is_evaluated() && change.is_recorded() && change.is_enforced());
        self.not_enforced.add(!change.is_enforced());
        self.denied_not_enforced += u64::from(change.bypass() == GateBypass::DeniedNotEnforced);
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
            match change.is_review_unknown() {
                true => self.reviewed.not_known += 1,
                false => self.reviewed.add(change.has_independent_approval()),
            }
            if !counting.is_empty() {
                let is_quick = is_approved_at_once(change);
                self.team_approvals.add_change(change, is_quick);
                match is_quick {
                    Some(is_quick) => self.approved_at_once.add(is_quick),
                    None => self.approved_at_once.not_known += 1,
                }
                self.approval_spread.add_change(change);
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
        self.add_failure_review(change);
        self.add_times(change);
    }

    /// Counts an entry, if it is a move of a ref that brought no change and that no decision allowed: what it owes is told
    /// with no change.
    pub(crate) fn add_move(&mut self, entry: &PopulationEntry) {
        if let Some(is_in_time) = entry.is_move_in_time {
            self.obligations_in_time.add(is_in_time);
            let is_open = entry.unauthorised_move == Some(UnauthorisedMove::Open);
            self.overdue += u64::from(is_open && !is_in_time);
        }
        match entry.unauthorised_move {
            Some(UnauthorisedMove::Open) => self.unauthorised += 1,
            Some(UnauthorisedMove::Regularised) => self.regularised += 1,
            None => {}
        }
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
            let Some(is_in_time) = owed.find_timeliness(change.as_of) else { continue };
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

    /// Counts the review of a change that failed and owes none by a rule: any that a later record states is in time.
    fn add_failure_review(&mut self, change: &ChangeRecord) {
        let owes_review = change.find_obligation(POST_IMPLEMENTATION_REVIEW).is_some();
        if change.outcome().is_success() || owes_review {
            return;
        }
        let mut stated = change.closing_records.iter().flat_map(|record| &record.states);
        let is_review =
            |field: &str| POST_IMPLEMENTATION_REVIEW.iter().any(|name| name.eq_ignore_ascii_case(field));
        self.reviews_in_time.add(stated.any(|(field, _)| is_review(field)));
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
}

fn has_test_evidence(change: &ChangeRecord) -> bool {
    use crate::ledger::record::RecordedCheckState::Success;
    let checks = change.reasons.iter().flat_map(|reasons| &reasons.checks);
    checks.into_iter().any(|check| check.state == Success) || !change.list_statements(TEST_PLAN).is_empty()
}
