//! Whether the acts of a ledger are those that decisions allowed: each decision brings one record, and no record comes
//! without one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::ledger::audit::chain_continuity::ChainBreak;
use crate::ledger::record::{ChangeAct, DecisionRecord};
use crate::ledger::state::acts::{build_act_event, find_act_problem};

/// Takes the decisions about acts and their records, oldest first, and keeps where they do not fit.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct ActContinuity {
    /// The decisions that allowed an act and have no record of it yet, by their ids, with whether it landed.
    decisions: BTreeMap<String, (Box<DecisionRecord>, bool)>,
    /// What does not fit so far. A ledger that has such a place has no index.
    #[serde(skip)]
    breaks: Vec<ChainBreak>,
}

impl ActContinuity {
    /// Takes a decision; those about no act are nothing to it.
    pub(crate) fn add_decision(&mut self, decided: &DecisionRecord) {
        if build_act_event(decided).is_some() {
            self.decisions.insert(decided.id.clone(), (Box::new(decided.clone()), false));
        }
    }

    /// Takes that a decision landed.
    pub(crate) fn add_landing(&mut self, decision_id: &str) {
        if let Some((_, has_landed)) = self.decisions.get_mut(decision_id) {
            *has_landed = true;
        }
    }

    /// Takes the act that the record of this number, in the commit `holder`, tells of; returns true if it is the one that
    /// its decision allowed.
    pub(crate) fn add_act(&mut self, (holder, number): (Oid, u64), event: &ChangeAct) -> bool {
        // One decision allows one record.
        let decided = self.decisions.remove(&event.decision);
        let Some(why) = find_act_problem(event, decided.as_ref().map(|(decided, _)| decided.as_ref())) else {
            return true;
        };
        let why = format!("record {number} tells of an act, and {why}");
        self.breaks.push(ChainBreak { holder: Some(holder), why });
        false
    }

    /// Returns true if every act so far is one that a decision allowed.
    pub(crate) fn is_unbroken(&self) -> bool {
        self.breaks.is_empty()
    }

    /// Ends the ledger, and returns what does not fit, as far as it is about this ref or has a record.
    pub(crate) fn end_acts(mut self, ref_name: &Text) -> Vec<ChainBreak> {
        for (decided, _) in self.decisions.into_values().filter(|(_, has_landed)| *has_landed) {
            if build_act_event(&decided).is_some_and(|event| event.act.ref_name == *ref_name) {
                let why =
                    format!("the act that decision {} allowed has landed and has no record", decided.id);
                self.breaks.push(ChainBreak { holder: None, why });
            }
        }
        self.breaks
    }
}
