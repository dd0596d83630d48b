//! What decisions vouch for that later records say: who asked for a break-glass session, and who declared
//! what landed without a decision.
//!
//! Whoever verifies the ledger remembers it from the decisions on, and holds the later records against it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::change::{NeededFacts, Oid, Text};
use crate::gate::break_glass::is_request_ref;
use crate::gate::obligations::{FOR_CHANGE_TRAILER, ObligationClosing, parse_change_reference};
use crate::git::{PeeledObject, Repository};
use crate::ledger::audit::problem::{LedgerProblem, LedgerProblemKind};
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::record::{
    BreakGlassEvent, DecisionOutcome, DecisionRecord, ObligationDischarge, ObligationEscalation,
    ObligationEvidence, ScopeChange,
};
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::ledger::state::obligation::check_closing;
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::ledger::store::protected_refs::parse_state_patterns;
use crate::pattern::RefPattern;

/// How far two clocks of one run may be apart.
const MAX_CLOCK_DRIFT: SignedDuration = SignedDuration::from_hours(1);

/// What decisions so far vouch for.
#[derive(Default)]
pub(crate) struct DecisionCrossCheck {
    /// Decisions that say something of this, by their ids; it counts once they have landed.
    stating_decisions: BTreeMap<String, Box<DecisionRecord>>,
    /// Landed decisions about break-glass sessions of which no record tells yet, by their ids.
    session_decisions: BTreeMap<String, Box<DecisionRecord>>,
    /// What changes that have landed say for earlier ones, by those changes.
    statements: BTreeMap<Oid, Vec<LandedStatement>>,
    /// Whether a record could not be read; then nobody knows what else was decided.
    pub(crate) is_partial: bool,
}

/// What a change says for earlier ones.
struct LandedStatement {
    ref_name: Text,
    closing: ObligationClosing,
    observed_at: Timestamp,
}

impl DecisionCrossCheck {
    /// Takes in a decision.
    pub(crate) fn add_decision(&mut self, decided: &DecisionRecord) {
        let says = decided.refs.iter().any(|one| !one.closings.is_empty() || one.break_glass.is_some());
        if !decided.is_allowed() || !says {
            return;
        }
        let mut decided = Box::new(decided.clone());
        // Ledgers are long, and what was judged is not asked for here.
        decided.refs.iter_mut().for_each(|one| one.changes.clear());
        self.stating_decisions.insert(decided.id.clone(), decided);
    }

    /// Takes in what became of a decision: what did not land says nothing.
    pub(crate) fn add_outcome(&mut self, outcome: &DecisionOutcome) {
        let Some(decided) = self.stating_decisions.get(&outcome.decision_id) else { return };
        for moved in &outcome.landed {
            if is_request_ref(&moved.name) {
                self.session_decisions.insert(decided.id.clone(), decided.clone());
            }
            let here = decided.refs.iter().filter(|one| one.name == moved.name);
            for closing in here.flat_map(|one| &one.closings) {
                self.statements.entry(closing.change).or_default().push(LandedStatement {
                    ref_name: moved.name.clone(),
                    closing: closing.into(),
                    observed_at: decided.observed_at,
                });
            }
        }
    }

    /// Returns what is wrong with a record of the time `at` about a session, held against the state before
    /// it.
    pub(crate) fn find_session_problem(
        &mut self,
        state: &LedgerState,
        record: &BreakGlassEvent,
        at: Timestamp,
    ) -> Option<String> {
        let decided = record.actor().decision.as_ref().and_then(|id| self.session_decisions.remove(id));
        if decided.is_none() && self.is_partial {
            return None;
        }
        break_glass::find_session_problem(
            state,
            record,
            decided.as_deref().and_then(SessionRequest::from_decision).as_ref(),
            at,
        )
    }

    /// Returns what is wrong with the evidence by which a record of the time `at` closes something, held
    /// against the state before it.
    pub(crate) fn find_evidence_problem(
        &self,
        repository: &Repository,
        state: &LedgerState,
        discharged: &ObligationDischarge,
        at: Timestamp,
    ) -> Option<&'static str> {
        let owed = state.obligations.get(&discharged.obligation)?;
        let (seen, latest) = (discharged.observed_at, at.max(owed.since));
        let is_true = match &discharged.evidence {
            ObligationEvidence::Change { id } => {
                let said = self.statements.get(id).into_iter().flatten();
                let is_said = |one: &LandedStatement| {
                    seen == one.observed_at.max(owed.since)
                        && check_closing(owed, &one.closing, &one.ref_name).is_ok()
                };
                // What a sweep finds was pushed by nobody knows whom.
                let may_be_found = owed.unauthorised_change.is_none() && !owed.by_others && seen == latest;
                self.is_partial
                    || said.into_iter().any(is_said)
                    || (may_be_found && speaks_for_obligation(repository, state, *id, owed))
            }
            ObligationEvidence::Ticket { created, .. } => {
                owed.unauthorised_change.is_none()
                    && owed.field.is_some()
                    && seen <= latest
                    && *created <= latest
            }
            ObligationEvidence::Review { .. } => owed.unauthorised_change.is_none(),
            ObligationEvidence::Session { .. } => false,
        };
        let is_stray = parse_unauthorised_key(&discharged.obligation).is_some();
        let why = if is_stray {
            "it declares what nobody has declared who may"
        } else {
            "it closes something by what does not close it, or not then"
        };
        (!is_true).then_some(why)
    }
}

/// Returns whether a change is in the history of the ref on which something is owed, after what owes it, and
/// speaks for that; true if this repository cannot tell.
fn speaks_for_obligation(
    repository: &Repository,
    state: &LedgerState,
    id: Oid,
    owed: &TrackedObligation,
) -> bool {
    let (Some(change), Some(tip)) = (owed.change, state.tips.get(&encode_ref_key(&owed.ref_name)).copied())
    else {
        return false;
    };
    let is_here = |id: Oid| matches!(repository.peel_tags(id), Ok(PeeledObject::Commit(_)));
    // A mirror may have the ledger and not what it is about.
    if repository.is_shallow() || !is_here(change) || !is_here(tip) {
        return true;
    }
    let Ok(steps) = repository.list_steps(tip, &[change]) else { return true };
    let digits_of = change.to_string();
    let names = |commit: Oid| {
        repository.read_commit(commit, &NeededFacts::new()).is_ok_and(|commit| {
            let named = commit
                .message
                .trailers()
                .iter()
                .filter(|one| one.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER));
            named
                .filter_map(|one| parse_change_reference(&one.value))
                .any(|digits| digits_of.starts_with(&digits))
        })
    };
    let step = steps.into_iter().find(|step| step.last() == Some(&id));
    step.into_iter().flatten().any(names)
}

/// Returns what is wrong with a record of the time `at` of who was told of what, held against the state
/// before it.
pub(crate) fn find_escalation_problem(
    state: &LedgerState,
    escalated: &ObligationEscalation,
    at: Timestamp,
) -> Option<&'static str> {
    let when = escalated.observed_at;
    // Somebody may close or extend one while people are told.
    let open =
        |id: &String| state.obligations.get(id).filter(|one| one.closed.is_none() && one.session.is_none());
    let is_over = |owed: &TrackedObligation| owed.due.is_some_and(|due| due < when);
    let mut overdue = escalated.overdue.iter().filter_map(open);
    let mut soon = escalated.due_soon.iter().filter_map(open);
    let is_then = when.duration_since(at) < MAX_CLOCK_DRIFT;
    let is_true = is_then && overdue.all(is_over) && soon.all(|owed| owed.due.is_some());
    (!is_true).then_some("it says that people were told of what was not due")
}

/// Returns what is wrong with a record of which refs are under change control, held against the state before
/// it: what was under change control before does not move by that.
pub(crate) fn find_scope_problem(state: &LedgerState, scope: &ScopeChange) -> Option<&'static str> {
    let now: Vec<RefPattern> =
        scope.protects.iter().filter_map(|pattern| RefPattern::new(pattern).ok()).collect();
    let is_one =
        |patterns: &[RefPattern], name: &Text| patterns.iter().any(|one| one.matches_ref(name.as_bytes()));
    let was = parse_state_patterns(state);
    let is_new = |name: &Text| !is_one(&was, name) && is_one(&now, name);
    let is_true = scope.newly_protected.iter().all(|tip| is_new(&tip.name))
        && scope.no_longer_protected.iter().all(|name| !is_one(&now, name));
    (!is_true).then_some("it says of refs that they came under change control or left it, and they did not")
}

/// Says of the problem that something landed without a decision that it was declared afterwards.
pub(crate) fn mark_regularised(problems: &mut [LedgerProblem], discharged: &ObligationDischarge, by: u64) {
    let Some(number) = parse_unauthorised_key(&discharged.obligation) else { return };
    let is_it =
        |one: &&mut LedgerProblem| one.kind == LedgerProblemKind::Unauthorised && one.record == Some(number);
    for problem in problems.iter_mut().filter(is_it) {
        let late = if discharged.late_by.is_some() { ", late" } else { "" };
        problem.kind = LedgerProblemKind::Regularised;
        problem.what.push_str(&format!("; declared after the fact by record {by}{late}"));
    }
}
