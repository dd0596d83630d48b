//! The key figures that the counts of changes give, each with its formula.

use crate::audit::key_figures::counted_changes::KeyFigureCounter;
use crate::audit::key_figures::figure::{FigureValue, KeyFigure, ShareCount, median_figure};

const NO_LEDGER: &str = "there is no ledger, so this is not known";

impl KeyFigureCounter {
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
                "changes that a gate which enforced judged at the time, as a record says / changes",
                self.judged_in_time,
            ),
            ledger_share(
                "not_enforced",
                "Landed in evaluate mode",
                "changes that landed while nothing was enforced / changes",
                self.not_enforced,
            ),
            number(
                "denied_not_enforced",
                "Landed although denied",
                "landed in evaluate mode although the gate denied them, or the push that brought them",
                self.denied_not_enforced,
                ledger,
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
                "changes with a counting approval by a person who made no part of them / changes of which it is known whether they have one; none counts where the policy asks for none",
                self.reviewed,
                "",
            ),
            share(
                "verified_approvals",
                "Verified approvals",
                "changes whose counting approvals a forge or the approver's signature vouches for / changes with a counting approval",
                self.verified_approvals,
                "",
            ),
            share(
                "approved_at_once",
                "Approved faster than it can be read",
                "changes of 10 lines or more, all of whose approvals came at more than 2,000 lines an hour since the last commit (as it claims) / approved changes of which that is known",
                self.approved_at_once,
                &join_notes(
                    "a person who has read the work before it was committed, or most of it in an earlier revision, approves at once",
                    &self.team_approvals.describe_at_once(),
                ),
            ),
            share(
                "approved_in_pairs",
                "Approved in pairs",
                "changes of two people who approved each other's, five or more of each, and whose changes had no other maker or approver / changes with a counting approval by a known person",
                self.approval_spread.count_in_pairs(),
                "where only two people know a part of the work, they approve each other's",
            ),
            share(
                "approved_by_one",
                "Approved by one person",
                "changes that the person approved who approved the most / changes with a counting approval by a known person",
                self.approval_spread.count_by_one(),
                &join_notes(
                    "a small team, or one that has a lead for reviews, has few approvers",
                    &self.team_approvals.describe_by_one(),
                ),
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
                "reviews in time / reviews that were due or are there, and those of changes that failed, of which any review counts",
                self.reviews_in_time,
            ),
            ledger_share(
                "obligations_on_time",
                "Obligations in time",
                "obligations met in time / obligations that were due or are met, with moves of the branch that brought no change",
                self.obligations_in_time,
            ),
            number(
                "obligations_overdue",
                "Obligations overdue",
                "open and past their time, with break-glass sessions and moves of the branch that brought no change",
                self.overdue,
                ledger,
            ),
            number(
                "unauthorised_changes",
                "Unauthorised changes",
                "landed without a decision and not regularised, with moves of the branch that brought no change",
                self.unauthorised,
                ledger,
            ),
            number(
                "regularised_changes",
                "Regularised changes",
                "landed without a decision and regularised, with moves of the branch that brought no change",
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
                "Normal changes with a check or a test plan",
                "normal changes with a successful check, or that state a test plan, which shows no test / normal changes",
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

/// Returns a note with what the teams say after it, if they say anything.
fn join_notes(note: &str, of_teams: &str) -> String {
    if of_teams.is_empty() { note.to_owned() } else { format!("{note}; {of_teams}") }
}
