//! What later records say, compared with the decisions before them: who requested a break-glass session, who
//! regularised an unauthorised change, and which evidence closed an obligation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::change::{NeededFacts, Oid, Text};
use crate::gate::break_glass::is_request_ref;
use crate::gate::obligations::{ObligationClosing, parse_change_reference};
use crate::git::{PeeledObject, Repository};
use crate::ledger::audit::problem::{LedgerProblem, LedgerProblemKind};
use crate::ledger::record::{
    BreakGlassEvent, ChangeAct, DecisionOutcome, DecisionRecord, ObligationDischarge, ObligationEscalation,
    ObligationEvidence, ScopeChange, parse_unauthorised_key,
};
use crate::ledger::state::acts::{self, is_statement_ref};
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::ledger::state::obligation::check_closing;
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::ledger::store::protected_refs::parse_state_patterns;
use crate::pattern::RefPattern;
use crate::policy::FOR_CHANGE_TRAILER;

/// How far two clocks of one run may be apart.
const MAX_CLOCK_DRIFT: SignedDuration = SignedDuration::from_hours(1);

/// What the decisions so far account for.
#[derive(Default)]
pub(crate) struct DecisionCrossCheck {
    /// Decisions that state something for later records, by their ids; they count once they have landed.
    stating_decisions: BTreeMap<String, Box<DecisionRecord>>,
    /// Landed decisions about break-glass sessions that have no record yet, by their ids.
    session_decisions: BTreeMap<String, Box<DecisionRecord>>,
    /// Landed decisions about acts that have no record yet, by their ids.
    act_decisions: BTreeMap<String, Box<DecisionRecord>>,
    /// What landed changes state for earlier ones, by those changes.
    statements: BTreeMap<Oid, Vec<LandedStatement>>,
    /// True if a record could not be read: then other decisions may exist.
    pub(crate) is_partial: bool,
}

/// What a change states for earlier ones.
struct LandedStatement {
    ref_name: Text,
    closing: ObligationClosing,
    observed_at: Timestamp,
}

impl DecisionCrossCheck {
    /// Takes in a decision, if later records may rest on it.
    pub(crate) fn add_decision(&mut self, decided: &DecisionRecord) {
        let is_stating = decided
            .refs
            .iter()
            .any(|one| !one.closings.is_empty() || one.break_glass.is_some() || one.act.is_some());
        if !decided.is_allowed() || !is_stating {
            return;
        }
        let mut decided = Box::new(decided.clone());
        // Ledgers are long, and the judgements are not needed here.
        for one in &mut decided.refs {
            one.changes.clear();
        }
        self.stating_decisions.insert(decided.id.clone(), decided);
    }

    /// Takes in what became of a decision: a change that did not land states nothing.
    pub(crate) fn add_outcome(&mut self, outcome: &DecisionOutcome) {
        let Some(decided) = self.stating_decisions.get(&outcome.decision_id) else { return };
        for moved in &outcome.landed {
            if is_request_ref(&moved.name) {
                self.session_decisions.insert(decided.id.clone(), decided.clone());
            }
            if is_statement_ref(&moved.name) {
                self.act_decisions.insert(decided.id.clone(), decided.clone());
            }
            for one in &decided.refs {
                if one.name != moved.name {
                    continue;
                }
                for closing in &one.closings {
                    self.statements.entry(closing.change).or_default().push(LandedStatement {
                        ref_name: moved.name.clone(),
                        closing: closing.into(),
                        observed_at: decided.observed_at,
                    });
                }
            }
        }
    }

    /// Returns what is wrong with a record of the time `at` about a session, compared with the state before
    /// it.
    pub(crate) fn find_session_problem(
        &mut self,
        state: &LedgerState,
        event: &BreakGlassEvent,
        at: Timestamp,
    ) -> Option<String> {
        let decided = match &event.actor().decision {
            Some(id) => self.session_decisions.remove(id),
            None => None,
        };
        if decided.is_none() && self.is_partial {
            return None;
        }
        let asked = decided.as_deref().and_then(SessionRequest::from_decision);
        break_glass::find_session_problem(state, event, asked.as_ref(), at)
    }

    /// Returns what is wrong with the record of an act; a decision allows one record.
    pub(crate) fn find_act_problem(&mut self, event: &ChangeAct) -> Option<&'static str> {
        let decided = self.act_decisions.remove(&event.decision);
        if decided.is_none() && self.is_partial {
            return None;
        }
        acts::find_act_problem(event, decided.as_deref())
    }

    /// Returns the decisions about acts that have landed and that no record tells of.
    pub(crate) fn list_unrecorded_acts(&self) -> Vec<String> {
        self.act_decisions.keys().cloned().collect()
    }

    /// Returns what is wrong with the evidence by which a record of the time `at` closes an obligation,
    /// compared with the state before it.
    pub(crate) fn find_evidence_problem(
        &self,
        repository: &Repository,
        state: &LedgerState,
        discharged: &ObligationDischarge,
        at: Timestamp,
    ) -> Option<&'static str> {
        let owed = state.obligations.get(&discharged.obligation)?;
        let is_unauthorised = owed.unauthorised_change.is_some();
        let seen = discharged.observed_at;
        let latest = at.max(owed.since);
        let is_evidence = match &discharged.evidence {
            ObligationEvidence::Change { id } => {
                // A sweep does not know who pushed what it finds.
                let may_be_found = !is_unauthorised && !owed.by_others && seen == latest;
                self.is_partial
                    || self.is_stated(*id, owed, seen)
                    || (may_be_found && speaks_for_obligation(repository, state, *id, owed))
            }
            ObligationEvidence::Ticket { created, .. } => {
                !is_unauthorised && owed.field.is_some() && seen <= latest && *created <= latest
            }
            ObligationEvidence::Review { .. } => !is_unauthorised,
            ObligationEvidence::Session { .. } => false,
        };
        if is_evidence {
            None
        } else if parse_unauthorised_key(&discharged.obligation).is_some() {
            Some("no landed change regularises this unauthorised change")
        } else {
            Some("the evidence does not close this obligation, or at another time")
        }
    }

    /// Returns whether a landed change states what closes an obligation, as seen at this instant.
    fn is_stated(&self, change: Oid, owed: &TrackedObligation, seen: Timestamp) -> bool {
        let Some(statements) = self.statements.get(&change) else { return false };
        statements.iter().any(|stated| {
            seen == stated.observed_at.max(owed.since)
                && check_closing(owed, &stated.closing, &stated.ref_name).is_ok()
        })
    }
}

/// Returns whether a change is in the history of the ref on which something is owed, after the change that
/// owes it, and speaks for that; true if this repository cannot tell, as a mirror may have only the ledger.
fn speaks_for_obligation(
    repository: &Repository,
    state: &LedgerState,
    id: Oid,
    owed: &TrackedObligation,
) -> bool {
    let Some(change) = owed.change else { return false };
    let Some(tip) = state.tips.get(&encode_ref_key(&owed.ref_name)).copied() else { return false };
    if repository.is_shallow() || !has_commit(repository, change) || !has_commit(repository, tip) {
        return true;
    }
    let Ok(steps) = repository.list_steps(tip, &[change]) else { return true };
    let Some(step) = steps.into_iter().find(|step| step.last() == Some(&id)) else { return false };
    step.into_iter().any(|commit| names_change(repository, commit, owed))
}

fn has_commit(repository: &Repository, id: Oid) -> bool {
    matches!(repository.peel_tags(id), Ok(PeeledObject::Commit(_)))
}

/// Returns whether the trailers of a commit name the change that owes something.
fn names_change(repository: &Repository, commit: Oid, owed: &TrackedObligation) -> bool {
    let Ok(commit) = repository.read_commit(commit, &NeededFacts::new()) else { return false };
    for trailer in commit.message.trailers() {
        if trailer.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER)
            && let Some(named) = parse_change_reference(&trailer.value)
            && owed.is_named_by_digits(&named)
        {
            return true;
        }
    }
    false
}

/// Returns what is wrong with a record of the time `at` of who was told of what, compared with the state
/// before it.
pub(crate) fn find_escalation_problem(
    state: &LedgerState,
    escalated: &ObligationEscalation,
    at: Timestamp,
) -> Option<&'static str> {
    let told_at = escalated.observed_at;
    let mut is_so = told_at.duration_since(at) < MAX_CLOCK_DRIFT;
    for id in &escalated.overdue {
        if let Some(owed) = find_open_obligation(state, id) {
            is_so &= owed.due.is_some_and(|due| due < told_at);
        }
    }
    for id in &escalated.due_soon {
        if let Some(owed) = find_open_obligation(state, id) {
            is_so &= owed.due.is_some();
        }
    }
    if is_so { None } else { Some("it says that people were told of what was not due") }
}

/// Returns an open obligation; `None` also for a session, which may be closed or extended while people are
/// told.
fn find_open_obligation<'a>(state: &'a LedgerState, id: &str) -> Option<&'a TrackedObligation> {
    state.obligations.get(id).filter(|owed| owed.closed.is_none() && owed.session.is_none())
}

/// Returns what is wrong with a record of which refs are protected, compared with the state before it: a ref
/// that was protected before does not move by that.
pub(crate) fn find_scope_problem(state: &LedgerState, scope: &ScopeChange) -> Option<&'static str> {
    let mut now: Vec<RefPattern> = Vec::new();
    for pattern in &scope.protects {
        now.extend(RefPattern::new(pattern).ok());
    }
    let before = parse_state_patterns(state);
    for tip in &scope.newly_protected {
        if matches_one(&before, &tip.name) || !matches_one(&now, &tip.name) {
            return Some("it says that refs are newly protected, and they are not");
        }
    }
    for name in &scope.no_longer_protected {
        if matches_one(&now, name) {
            return Some("it says that refs are no longer protected, and they are");
        }
    }
    None
}

fn matches_one(patterns: &[RefPattern], name: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches_ref(name.as_bytes()))
}

/// Marks the problem that a change is unauthorised as regularised by the record of this number.
pub(crate) fn mark_regularised(problems: &mut [LedgerProblem], discharged: &ObligationDischarge, by: u64) {
    let Some(number) = parse_unauthorised_key(&discharged.obligation) else { return };
    for problem in problems {
        if problem.kind == LedgerProblemKind::Unauthorised && problem.record == Some(number) {
            let late = if discharged.late_by.is_some() { ", late" } else { "" };
            problem.kind = LedgerProblemKind::Regularised;
            problem.what.push_str(&format!("; regularised by record {by}{late}"));
        }
    }
}
