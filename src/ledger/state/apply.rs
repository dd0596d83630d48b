//! Takes a record into the state. This is what `ledger verify` repeats from the first record on.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use crate::change::{Oid, Text};
use crate::ledger::record::{
    DecisionOutcome, DecisionRecord, LedgerEvent, ObligationDischarge, ObligationEscalation, Record,
    RecordedJudgement, RecordedMove, RecordedOutcome, RecordedVerdict, RefDecision, unauthorised_key,
};
use crate::ledger::state::acts::apply_act;
use crate::ledger::state::break_glass::apply_session_event;
use crate::ledger::state::status::seconds_late;
use crate::ledger::state::unauthorised::{apply_regularisation_terms, build_unauthorised_obligation};
use crate::ledger::state::{
    LedgerState, MAX_RECENT_DECISIONS, ObligationClosure, ObligationNotice, ObligationOwner,
    TrackedObligation, encode_ref_key,
};
use crate::verdict::RuleId;

impl LedgerState {
    /// Takes in one more record.
    pub fn apply_record(&mut self, record: &Record) {
        self.number = record.number;
        match &record.event {
            LedgerEvent::Begin(begin) => {
                self.protects.clone_from(&begin.protects);
                self.tips.clear();
                for tip in &begin.tips {
                    self.tips.insert(encode_ref_key(&tip.name), tip.id);
                }
            }
            LedgerEvent::Decision(decision) => self.apply_decision(decision),
            LedgerEvent::Outcome(outcome) => self.apply_outcome(outcome),
            LedgerEvent::Unauthorised(moved) => {
                self.apply_move(moved);
                let owed = build_unauthorised_obligation(moved, record.number, record.recorded_at);
                self.obligations.insert(unauthorised_key(record.number), owed);
                self.mark_shared_digits(moved.new);
            }
            LedgerEvent::Scope(scope) => {
                self.protects.clone_from(&scope.protects);
                // A ref that is no longer protected keeps its entry: a decision about it may be open.
                for tip in &scope.newly_protected {
                    self.tips.insert(encode_ref_key(&tip.name), tip.id);
                }
            }
            LedgerEvent::Damaged(damaged) => self.remember_recent(&damaged.file),
            LedgerEvent::Discharged(discharged) => self.apply_discharge(discharged),
            LedgerEvent::Escalated(escalated) => self.apply_escalation(escalated),
            LedgerEvent::BreakGlass(event) => apply_session_event(self, event),
            LedgerEvent::Act(event) => apply_act(self, event),
            LedgerEvent::RegularisationTerms(terms) => apply_regularisation_terms(self, terms),
            LedgerEvent::PullVerdict(verdict) => self.recent_pull_verdicts.add_verdict(verdict),
            // It says that nothing has changed.
            LedgerEvent::Heartbeat(_) => {}
        }
    }

    fn remember_recent(&mut self, id: &str) {
        self.recent_decisions.push(id.to_owned());
        let too_many = self.recent_decisions.len().saturating_sub(MAX_RECENT_DECISIONS);
        self.recent_decisions.drain(..too_many);
        self.unmoved.retain(|id, _| self.recent_decisions.contains(id));
        self.forget_dormant();
    }

    /// Forgets the dormant obligations of refs that cannot move any more.
    fn forget_dormant(&mut self) {
        let unmoved = &self.unmoved;
        self.dormant_obligations.retain(|_, owed| match unmoved.get(&owed.decision) {
            Some(moves) => moves.iter().any(|moved| moved.name == owed.ref_name),
            None => false,
        });
    }

    /// Takes in a decision: what it asks for, and what would be owed.
    pub(crate) fn apply_decision(&mut self, decision: &DecisionRecord) {
        self.remember_recent(&decision.id);
        if !decision.is_allowed() {
            return;
        }
        self.open_decisions.insert(decision.id.clone(), decision.protected_moves());
        self.note_used_approvals(decision);
        // What landed only because nothing was enforced was not let through against anything.
        if decision.would_be_denied() {
            return;
        }
        // The time runs from here; the obligations go again if nothing lands.
        let protected = decision.refs.iter().filter(|one| one.protected);
        for (number, one) in protected.enumerate() {
            for verdict in &one.changes {
                for judgement in &verdict.judgements {
                    self.add_obligations(decision, number, one, verdict, judgement);
                }
            }
        }
    }

    /// Adds what one judgement leaves owed. `number` counts the protected refs of the decision.
    fn add_obligations(
        &mut self,
        decision: &DecisionRecord,
        number: usize,
        one: &RefDecision,
        verdict: &RecordedVerdict,
        judgement: &RecordedJudgement,
    ) {
        let RecordedOutcome::Owed(owed) = &judgement.outcome else { return };
        let change = verdict.revision.map(|id| id.to_string()).unwrap_or_default();
        let made = one.owing_changes.iter().find(|made| Some(made.change) == verdict.revision);
        let landing = one.pull_landings.iter().find(|landing| Some(landing.change) == verdict.revision);
        let reviewed = landing.filter(|landing| landing.reviewable_rules.contains(&judgement.rule));
        for (place, obligation) in owed.iter().enumerate() {
            let id = format!("{}/{number}/{change}/{}/{place}", decision.id, judgement.rule);
            let tracked = TrackedObligation {
                by_others: obligation.by_others,
                // A squashed change lands as another commit than was judged.
                change: landing.map(|landing| landing.landed_as).or(verdict.revision),
                closed: None,
                contributors: made.map(|made| made.contributors.clone()).unwrap_or_default(),
                contributors_known: made.is_some_and(|made| made.contributors_known),
                decision: decision.id.clone(),
                due: obligation.due,
                evidence: obligation.evidence.clone(),
                field: obligation.field.clone(),
                notice: None,
                owner: ObligationOwner::Role(obligation.owner.clone()),
                pull: reviewed.map(|landing| landing.pull.clone()),
                ref_name: one.name.clone(),
                rule: RuleId::new(&judgement.rule),
                shares_digits: false,
                session: None,
                since: decision.observed_at,
                unauthorised_change: None,
                what: obligation.what.clone(),
            };
            let owing = tracked.change;
            self.obligations.insert(id, tracked);
            self.mark_shared_digits(owing);
        }
    }

    /// Marks the obligations of this change, and those of every other change whose id begins with the same
    /// digits: a commit can be made to begin as another one does.
    fn mark_shared_digits(&mut self, change: Option<Oid>) {
        let Some(change) = change else { return };
        let begins_alike = |other: Oid| {
            other != change && other.as_bytes().iter().take(6).eq(change.as_bytes().iter().take(6))
        };
        let mut is_shared = false;
        for owed in self.obligations.values_mut() {
            if owed.change.is_some_and(begins_alike) {
                owed.shares_digits = true;
                is_shared = true;
            }
        }
        if !is_shared {
            return;
        }
        for owed in self.obligations.values_mut() {
            owed.shares_digits |= owed.change == Some(change);
        }
    }

    fn apply_discharge(&mut self, discharged: &ObligationDischarge) {
        let Some(owed) = self.obligations.get_mut(&discharged.obligation) else { return };
        if owed.closed.is_none() {
            let at = discharged.evidence.effective_time(discharged.observed_at, owed.since);
            let late_by = seconds_late(owed.due, at);
            owed.closed = Some(ObligationClosure { at, by: discharged.evidence.clone(), late_by });
        }
        self.forget_closed();
    }

    fn apply_escalation(&mut self, escalated: &ObligationEscalation) {
        let told = [
            (ObligationNotice::DueSoon, &escalated.due_soon),
            (ObligationNotice::Overdue, &escalated.overdue),
        ];
        for (notice, ids) in told {
            for id in ids {
                if let Some(owed) = self.obligations.get_mut(id) {
                    owed.notice = owed.notice.max(Some(notice));
                }
            }
        }
    }

    /// Takes in what became of a decision. Obligations sleep while their ref has not moved and may still
    /// move, and wake when it does.
    fn apply_outcome(&mut self, outcome: &DecisionOutcome) {
        let landed: BTreeSet<&Text> = outcome.landed.iter().map(|moved| &moved.name).collect();
        let unmoved: BTreeSet<&Text> = outcome.unmoved.iter().collect();
        self.settle_decision(&outcome.decision_id, &landed, &unmoved);
        self.forget_used_approvals(outcome);
        for moved in &outcome.landed {
            self.apply_move(moved);
        }
        let id = &outcome.decision_id;
        move_open_obligations(&mut self.obligations, &mut self.dormant_obligations, id, &unmoved);
        move_open_obligations(&mut self.dormant_obligations, &mut self.obligations, id, &landed);
        self.forget_dormant();
    }

    /// Takes what landed off the moves that a decision may still bring, and remembers what did not.
    fn settle_decision(&mut self, id: &str, landed: &BTreeSet<&Text>, unmoved: &BTreeSet<&Text>) {
        if let Some(open) = self.open_decisions.get_mut(id) {
            let mut stayed = Vec::new();
            for moved in take(open) {
                if unmoved.contains(&moved.name) {
                    stayed.push(moved);
                } else if !landed.contains(&moved.name) {
                    open.push(moved);
                }
            }
            if open.is_empty() {
                self.open_decisions.remove(id);
            }
            if !stayed.is_empty() {
                self.unmoved.entry(id.to_owned()).or_default().extend(stayed);
            }
        }
        // A ref that was seen unmoved may move after all.
        if let Some(moves) = self.unmoved.get_mut(id) {
            moves.retain(|moved| !landed.contains(&moved.name));
            if moves.is_empty() {
                self.unmoved.remove(id);
            }
        }
    }

    fn apply_move(&mut self, moved: &RecordedMove) {
        let key = encode_ref_key(&moved.name);
        match moved.new {
            Some(id) => self.tips.insert(key, id),
            None => self.tips.remove(&key),
        };
    }
}

/// Moves the open obligations of a decision that are about the refs `names` from one map to another.
fn move_open_obligations(
    from: &mut BTreeMap<String, TrackedObligation>,
    to: &mut BTreeMap<String, TrackedObligation>,
    decision_id: &str,
    names: &BTreeSet<&Text>,
) {
    // An id begins with that of its decision, so those of other decisions, which may be many, are not visited.
    let prefix = format!("{decision_id}/");
    let of_decision = from.range(prefix.clone()..).take_while(|(id, _)| id.starts_with(&prefix));
    let moved = of_decision.filter(|(_, owed)| is_open_on(owed, decision_id, names));
    let ids: Vec<String> = moved.map(|(id, _)| id.clone()).collect();
    for id in ids {
        if let Some(owed) = from.remove(&id) {
            to.insert(id, owed);
        }
    }
}

/// Returns whether an obligation is open, of this decision, and about one of these refs.
fn is_open_on(owed: &TrackedObligation, decision_id: &str, names: &BTreeSet<&Text>) -> bool {
    owed.decision == decision_id && names.contains(&owed.ref_name) && owed.closed.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_name_no_change_that_another_one_begins_like() {
        let owing = |ids: &[&str]| {
            let mut state = LedgerState::default();
            for (number, id) in (1..).zip(ids) {
                let moved =
                    RecordedMove { name: "refs/heads/main".into(), new: Oid::from_hex(id), old: None };
                let owed =
                    build_unauthorised_obligation(&moved, number, "2026-03-02T12:00:00Z".parse().unwrap());
                state.obligations.insert(unauthorised_key(number), owed);
                state.mark_shared_digits(moved.new);
            }
            state
        };
        let (one, alike) =
            (format!("1f0c3a9be27d{}", "0".repeat(28)), format!("1f0c3a9be27d{}", "1".repeat(28)));
        let other = "2f0c3a9be27d0000000000000000000000000000";
        let named = |state: &LedgerState, digits: &str| {
            state.obligations.values().filter(|owed| owed.is_named_by_digits(digits)).count()
        };
        let apart = owing(&[&one, other]);
        assert_eq!((named(&apart, "1f0c3a9be27d"), named(&apart, &one)), (1, 1));
        let both = owing(&[&one, other, &alike]);
        assert_eq!((named(&both, "1f0c3a9be27d"), named(&both, "1f0c3a9be27d1111")), (0, 0));
        assert_eq!((named(&both, &one), named(&both, &alike), named(&both, "2f0c3a9be27d")), (1, 1, 1));
    }
}
