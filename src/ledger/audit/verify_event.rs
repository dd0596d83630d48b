//! Verifies what one record tells against the state before it and the decisions before it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::git::StoredChainLink;
use crate::ledger::audit::cross_check::{self, mark_regularised};
use crate::ledger::audit::problem::LedgerProblemKind;
use crate::ledger::audit::ref_observations::MoveWindow;
use crate::ledger::audit::verify::{LedgerVerifier, describe_short_tip};
use crate::ledger::record::{
    BreakGlassEvent, DecisionOutcome, LedgerEvent, ObligationDischarge, Record, RecordedMove,
    parse_unauthorised_key,
};
use crate::ledger::server::write_ahead::JournalFile;
use crate::ledger::state::{encode_ref_key, obligation, unauthorised};
use crate::ledger::store::{FACTS_FILE, REASONS_FILE, RECORD_FILE, STATE_FILE};
use crate::report::escape;

impl LedgerVerifier<'_> {
    /// Verifies that a commit holds what its record asks for, and nothing beside it.
    pub(super) fn verify_form(&mut self, link: &StoredChainLink, record: &Record) {
        if !link.has_only_chain_headers() {
            self.add_tampering("its commit has headers that no record has");
        }
        if !link.has_plain_files {
            self.add_tampering("its files have modes that no record has");
        }
        let is_decision = matches!(record.event, LedgerEvent::Decision(_));
        for (name, _) in &link.files {
            let is_known = match name.as_slice() {
                name if name == RECORD_FILE.as_bytes() || name == STATE_FILE.as_bytes() => true,
                name => is_decision && [FACTS_FILE.as_bytes(), REASONS_FILE.as_bytes()].contains(&name),
            };
            if !is_known {
                let name = escape::escape_terminal(name, escape::MAX_QUOTE_COLUMNS);
                self.add_tampering(format!("it holds a file that no record has: {name}"));
            }
        }
    }

    /// Says of moves without a decision when they happened, as a later record tells it.
    pub(super) fn narrow_windows(&mut self, windows: &[MoveWindow]) {
        for problem in &mut self.verification.problems {
            let Some(window) = windows.iter().find(|window| problem.record == Some(window.record)) else {
                continue;
            };
            if problem.kind == LedgerProblemKind::Unauthorised {
                problem.what = describe_window(window);
            }
        }
    }

    /// Verifies what a record tells against the state before it, and reports what no decision allowed.
    pub(super) fn verify_event(&mut self, record: &Record) {
        match &record.event {
            // Every arm compares with the state before the record: a record is true only where it was
            // appended.
            LedgerEvent::Begin(_) if self.verification.records != 1 => {
                self.add_tampering("the ledger begins a second time");
            }
            LedgerEvent::Begin(_) => {}
            LedgerEvent::Decision(decided) => {
                let is_recent = self.state.recent_decisions.contains(&decided.id);
                if is_recent || self.state.open_decisions.contains_key(&decided.id) {
                    self.add_tampering("its decision was recorded before");
                }
            }
            LedgerEvent::Outcome(outcome) => self.verify_outcome(outcome),
            LedgerEvent::Unauthorised(moved) => {
                let until = record.recorded_at;
                let after = self.ref_observations.last_seen_before(&moved.name, until);
                let name = moved.name.clone();
                let window = MoveWindow { record: record.number, name, after, until };
                self.add_problem(LedgerProblemKind::Unauthorised, describe_window(&window));
                self.verify_move_start(moved);
            }
            LedgerEvent::Damaged(damaged) => {
                let why = damaged.cause.describe();
                self.add_problem(
                    LedgerProblemKind::Unreadable,
                    format!("a decision in the journal could not be read: {why}"),
                );
            }
            LedgerEvent::Discharged(discharged) => {
                let mut problem = obligation::find_discharge_problem(&self.state, discharged);
                if problem.is_none() {
                    let at = record.recorded_at;
                    problem =
                        self.cross_check.find_evidence_problem(self.repository, &self.state, discharged, at);
                }
                match problem {
                    Some(what) => self.add_tampering(what),
                    None => {
                        mark_regularised(&mut self.verification.problems, discharged, record.number);
                        self.mark_policy_regularised(discharged, record.number);
                    }
                }
            }
            LedgerEvent::BreakGlass(event) => self.verify_session(event, record.recorded_at),
            LedgerEvent::Act(event) => {
                let problem = self.cross_check.find_act_problem(event);
                self.add_tampering_if(problem);
            }
            LedgerEvent::RegularisationTerms(terms) => {
                self.add_tampering_if(unauthorised::find_terms_problem(&self.state, terms));
            }
            LedgerEvent::Scope(scope) => {
                self.add_tampering_if(cross_check::find_scope_problem(&self.state, scope));
            }
            LedgerEvent::PullVerdict(verdict) => {
                if self.state.recent_pull_verdicts.contains_verdict(verdict) {
                    self.add_tampering("its verdict was recorded before");
                } else if verdict.observed_at > record.recorded_at || verdict.judged_at > verdict.observed_at
                {
                    self.add_tampering("its times are not those of a verdict that was read back");
                }
            }
            LedgerEvent::Heartbeat(heartbeat) => {
                if heartbeat.refs != self.state.tips.len() || heartbeat.observed_at > record.recorded_at {
                    self.add_tampering("its refs or its time are not those of the ledger");
                }
            }
            LedgerEvent::Escalated(escalated) => {
                let problem =
                    cross_check::find_escalation_problem(&self.state, escalated, record.recorded_at);
                self.add_tampering_if(problem);
            }
        }
    }

    /// Reports the decisions on the disk. A denial has no outcome and says nothing about a ref, so it only
    /// waits; any pusher can cause one at any time.
    pub(super) fn report_waiting(&mut self, waiting: &[JournalFile]) {
        let is_denial =
            |found: &JournalFile| found.entry.as_ref().is_ok_and(|entry| !entry.decided.is_allowed());
        let denials = waiting.iter().filter(|found| is_denial(found)).count();
        let others = waiting.len().saturating_sub(denials);
        if others > 0 {
            let what = format!("decisions in the journal: {others}; run `changegate ledger reconcile`");
            self.add_problem(LedgerProblemKind::Incomplete, what);
        }
        if denials > 0 {
            let what = format!("denials in the journal: {denials}; the next pushes record them");
            self.add_problem(LedgerProblemKind::Waiting, what);
        }
    }

    /// Marks the decisions by a policy whose move is now regularised.
    fn mark_policy_regularised(&mut self, discharged: &ObligationDischarge, by: u64) {
        let Some(number) = parse_unauthorised_key(&discharged.obligation) else { return };
        for (place, of_move) in &self.undecided_policies {
            if *of_move == number
                && let Some(problem) = self.verification.problems.get_mut(*place)
            {
                problem.kind = LedgerProblemKind::Regularised;
                problem.what.push_str(&format!("; regularised by record {by}"));
            }
        }
        self.undecided_policies.retain(|(_, of_move)| *of_move != number);
    }

    fn verify_outcome(&mut self, outcome: &DecisionOutcome) {
        let mut decided = BTreeSet::new();
        for moves in [
            self.state.open_decisions.get(&outcome.decision_id),
            self.state.unmoved.get(&outcome.decision_id),
        ] {
            for moved in moves.into_iter().flatten() {
                decided.insert((&moved.name, moved.old, moved.new));
            }
        }
        let is_decided =
            outcome.landed.iter().all(|moved| decided.contains(&(&moved.name, moved.old, moved.new)));
        if decided.is_empty() {
            self.add_problem(LedgerProblemKind::Incomplete, "its decision is not open");
        } else if !is_decided {
            self.add_tampering("a move landed that was not decided");
        }
        for moved in &outcome.landed {
            self.verify_move_start(moved);
        }
    }

    fn verify_session(&mut self, event: &BreakGlassEvent, at: Timestamp) {
        if let Some(what) = self.cross_check.find_session_problem(&self.state, event, at) {
            self.add_tampering(what);
        }
    }

    /// Verifies that a ref moved from where the records before it say that it was.
    fn verify_move_start(&mut self, moved: &RecordedMove) {
        let known = self.state.tips.get(&encode_ref_key(&moved.name)).copied();
        if known != moved.old {
            let name = escape::escape_words(&moved.name.to_lossy());
            self.add_tampering(format!(
                "it says that {name} held {}, and the records before it say {}",
                describe_short_tip(moved.old),
                describe_short_tip(known)
            ));
        }
    }
}

/// Returns between which times a ref moved without a decision.
fn describe_window(window: &MoveWindow) -> String {
    let name = escape::escape_words(&window.name.to_lossy());
    let after = match window.after {
        Some(seen) => format!("after {seen} and "),
        None => String::new(),
    };
    format!("{name} moved without a decision, {after}not after {}", window.until)
}
