//! What decisions vouch for that later records say: who asked for a break-glass session, and who declared
//! what landed without a decision.
//!
//! Whoever verifies the ledger remembers it from the decisions on, and holds the later records against it.

use std::collections::BTreeMap;

use super::obligation::closes;
use super::problem::{Kind, Problem};
use super::record::{Decided, Discharged, Evidence};
use super::session::{self, Asking, BreakGlass};
use super::state::State;
use super::stray::record_in;
use crate::change::Text;
use crate::gate::dues::Closing;
use crate::verdict::Decision;

/// What decisions so far vouch for.
#[derive(Default)]
pub(super) struct Vouched {
    /// Decisions about break-glass sessions of which no record tells yet, by their ids.
    sessions: BTreeMap<String, Box<Decided>>,
    /// What changes say for what landed without a decision, each with its ref.
    declaring: Vec<(Text, Closing)>,
    /// Whether a record could not be read; then nobody knows what else was decided.
    pub(super) is_partial: bool,
}

impl Vouched {
    /// Takes in a decision.
    pub(super) fn decision(&mut self, decided: &Decided) {
        if decided.decision == Decision::Deny {
            return;
        }
        if Asking::of(decided).is_some() {
            self.sessions.insert(decided.id.clone(), Box::new(decided.clone()));
        }
        for one in &decided.refs {
            let declaring = one.closings.iter().filter(|closing| closing.declares.is_some());
            self.declaring.extend(declaring.map(|closing| (one.name.clone(), closing.clone())));
        }
    }

    /// Returns what is wrong with a record about a session, held against the state before it.
    pub(super) fn session(&mut self, state: &State, record: &BreakGlass) -> Option<String> {
        let decided = record.who().decision.as_ref().and_then(|id| self.sessions.remove(id));
        if decided.is_none() && self.is_partial {
            return None;
        }
        session::untrue(state, record, decided.as_deref().and_then(Asking::of).as_ref())
    }

    /// Returns what is wrong with a record that declares something, held against the state before it.
    pub(super) fn declared(&self, state: &State, discharged: &Discharged) -> Option<&'static str> {
        record_in(&discharged.obligation)?;
        let owed = state.owed.get(&discharged.obligation)?;
        let is_vouched_for = self.declaring.iter().any(|(on, closing)| {
            discharged.evidence == Evidence::Change { id: closing.made.change }
                && closes(owed, closing, on).is_ok()
        });
        (!is_vouched_for && !self.is_partial).then_some("it declares what nobody has declared who may")
    }
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
