//! What decisions vouch for that later records say: who asked for a break-glass session, and who declared
//! what landed without a decision.
//!
//! Whoever verifies the ledger remembers it from the decisions on, and holds the later records against it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::obligation::closes;
use super::problem::{Kind, Problem};
use super::record::{Decided, Discharged, Escalated, Evidence, Outcome, RefDecided, Scope};
use super::refs::patterns;
use super::session::{self, Asking, BreakGlass};
use super::state::{Owed, State, key};
use super::stray::record_in;
use crate::change::{Needs, Oid, Text};
use crate::gate::break_glass::is_asked_at;
use crate::gate::dues::{Closing, FOR_CHANGE, digits};
use crate::git::{Peeled, Repository};
use crate::pattern::RefPattern;
use crate::verdict::Decision;

/// How far two clocks of one run may be apart.
const SLACK: SignedDuration = SignedDuration::from_hours(1);

/// What decisions so far vouch for.
#[derive(Default)]
pub(super) struct Vouched {
    /// Decisions that say something of this, by their ids; it counts once they have landed.
    decided: BTreeMap<String, Box<Decided>>,
    /// Landed decisions about break-glass sessions of which no record tells yet, by their ids.
    sessions: BTreeMap<String, Box<Decided>>,
    /// What changes that have landed say for earlier ones, by those changes.
    said: BTreeMap<Oid, Vec<Said>>,
    /// Whether a record could not be read; then nobody knows what else was decided.
    pub(super) is_partial: bool,
}

/// What a change says for earlier ones.
struct Said {
    on: Text,
    closing: Closing,
    at: Timestamp,
}

impl Vouched {
    /// Takes in a decision.
    pub(super) fn decision(&mut self, decided: &Decided) {
        let says = decided.refs.iter().any(|one| !one.closings.is_empty() || one.break_glass.is_some());
        if decided.decision == Decision::Deny || !says {
            return;
        }
        let mut decided = Box::new(decided.clone());
        // Ledgers are long, and what was judged is not asked for here.
        decided.refs.iter_mut().for_each(|one| one.changes.clear());
        self.decided.insert(decided.id.clone(), decided);
    }

    /// Takes in what became of a decision: what did not land says nothing.
    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        let Some(decided) = self.decided.get(&outcome.of) else { return };
        for moved in &outcome.landed {
            if is_asked_at(&moved.name) {
                self.sessions.insert(decided.id.clone(), decided.clone());
            }
            let here = decided.refs.iter().filter(|one| one.name == moved.name);
            for closing in here.flat_map(|one| &one.closings) {
                let (on, closing, at) = (moved.name.clone(), closing.clone(), decided.observed_at);
                self.said.entry(closing.made.change).or_default().push(Said { on, closing, at });
            }
        }
    }

    /// Returns what is wrong with a record of the time `at` about a session, held against the state before
    /// it.
    pub(super) fn session(&mut self, state: &State, record: &BreakGlass, at: Timestamp) -> Option<String> {
        let decided = record.who().decision.as_ref().and_then(|id| self.sessions.remove(id));
        if decided.is_none() && self.is_partial {
            return None;
        }
        session::untrue(state, record, decided.as_deref().and_then(Asking::of).as_ref(), at)
    }

    /// Returns what is wrong with the evidence by which a record of the time `at` closes something, held
    /// against the state before it.
    pub(super) fn discharged(
        &self,
        repository: &Repository,
        state: &State,
        discharged: &Discharged,
        at: Timestamp,
    ) -> Option<&'static str> {
        let owed = state.owed.get(&discharged.obligation)?;
        let (seen, latest) = (discharged.observed_at, at.max(owed.since));
        let is_true = match &discharged.evidence {
            Evidence::Change { id } => {
                let said = self.said.get(id).into_iter().flatten();
                let is_said = |one: &Said| {
                    seen == one.at.max(owed.since) && closes(owed, &one.closing, &one.on).is_ok()
                };
                // What a sweep finds was pushed by nobody knows whom.
                let may_be_found = owed.stray.is_none() && !owed.by_others && seen == latest;
                self.is_partial
                    || said.into_iter().any(is_said)
                    || (may_be_found && speaks(repository, state, *id, owed))
            }
            Evidence::Ticket { created, .. } => {
                owed.stray.is_none() && owed.field.is_some() && seen <= latest && *created <= latest
            }
            Evidence::Review { .. } => owed.stray.is_none(),
            Evidence::Session { .. } => false,
        };
        let is_stray = record_in(&discharged.obligation).is_some();
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
fn speaks(repository: &Repository, state: &State, id: Oid, owed: &Owed) -> bool {
    let (Some(change), Some(tip)) = (owed.change, state.tips.get(&key(&owed.on)).copied()) else {
        return false;
    };
    let is_here = |id: Oid| matches!(repository.peel(id), Ok(Peeled::Commit(_)));
    // A mirror may have the ledger and not what it is about.
    if repository.is_shallow() || !is_here(change) || !is_here(tip) {
        return true;
    }
    let Ok(steps) = repository.steps(tip, &[change]) else { return true };
    let digits_of = change.to_string();
    let names = |commit: Oid| {
        repository.commit(commit, &Needs::new()).is_ok_and(|commit| {
            let named =
                commit.message.trailers().iter().filter(|one| one.key.eq_ignore_ascii_case(FOR_CHANGE));
            named.filter_map(|one| digits(&one.value)).any(|digits| digits_of.starts_with(&digits))
        })
    };
    let step = steps.into_iter().find(|step| step.last() == Some(&id));
    step.into_iter().flatten().any(names)
}

/// Returns what is wrong with a record of the time `at` of who was told of what, held against the state
/// before it.
pub(super) fn told(state: &State, escalated: &Escalated, at: Timestamp) -> Option<&'static str> {
    let when = escalated.observed_at;
    // Somebody may close or extend one while people are told.
    let open = |id: &String| state.owed.get(id).filter(|one| one.closed.is_none() && one.session.is_none());
    let is_over = |owed: &Owed| owed.due.is_some_and(|due| due < when);
    let mut overdue = escalated.overdue.iter().filter_map(open);
    let mut soon = escalated.due_soon.iter().filter_map(open);
    let is_then = when.duration_since(at) < SLACK;
    let is_true = is_then && overdue.all(is_over) && soon.all(|owed| owed.due.is_some());
    (!is_true).then_some("it says that people were told of what was not due")
}

/// Returns what is wrong with a record of which refs are under change control, held against the state before
/// it: what was under change control before does not move by that.
pub(super) fn rescoped(state: &State, scope: &Scope) -> Option<&'static str> {
    let now: Vec<RefPattern> =
        scope.protects.iter().filter_map(|pattern| RefPattern::new(pattern).ok()).collect();
    let is_one =
        |patterns: &[RefPattern], name: &Text| patterns.iter().any(|one| one.matches(name.as_bytes()));
    let was = patterns(state);
    let is_new = |name: &Text| !is_one(&was, name) && is_one(&now, name);
    let is_true =
        scope.came.iter().all(|tip| is_new(&tip.name)) && scope.left.iter().all(|name| !is_one(&now, name));
    (!is_true).then_some("it says of refs that they came under change control or left it, and they did not")
}

/// Returns whether something speaks against a ref that denies.
pub(super) fn is_denied(one: &RefDecided) -> bool {
    let changes = one.changes.iter().any(|verdict| verdict.decision() == Decision::Deny);
    changes || 0 < one.left_out.denied || one.refusals.iter().any(|judgement| judgement.denies(true))
}

/// Says of the problem that something landed without a decision that it was declared afterwards.
pub(super) fn tell_declared(problems: &mut [Problem], discharged: &Discharged, by: u64) {
    let Some(number) = record_in(&discharged.obligation) else { return };
    let is_it = |one: &&mut Problem| one.kind == Kind::Unauthorised && one.record == Some(number);
    for problem in problems.iter_mut().filter(is_it) {
        let late = if discharged.late_by.is_some() { ", late" } else { "" };
        problem.kind = Kind::Declared;
        problem.what.push_str(&format!("; declared after the fact by record {by}{late}"));
    }
}
