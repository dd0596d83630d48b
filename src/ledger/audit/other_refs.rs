//! What the other refs of a ledger got, and by which record: what a ref has from another one was judged there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::ledger::audit::index_table::{IndexReader, IndexWriter};
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, Record, RecordedDecision, RecordedMove, RefTip, parse_unauthorised_key,
};

/// What one move, or the beginning of a record, brought to another ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRefLanding {
    /// The full name of that ref.
    pub ref_name: Text,
    /// What it held before; `None` for nothing.
    pub old: Option<Oid>,
    /// What it held then.
    pub new: Oid,
    /// The number of the record of the decision; without one, of the record that tells of the move.
    pub record: u64,
    /// How it came there.
    pub origin: LandingOrigin,
    /// The record that puts the policy of the decision in doubt, if one does.
    doubt: Option<u64>,
}

/// Collects what the other refs got from the records of a ledger, oldest first.
#[derive(Debug, Default)]
pub(crate) struct OtherRefReader {
    /// The decisions that allowed something on another ref, by their ids.
    decisions: BTreeMap<String, OtherRefDecision>,
    pub(crate) landings: Vec<OtherRefLanding>,
}

/// A decision that allowed something on another ref.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct OtherRefDecision {
    record: u64,
    doubt: Option<u64>,
    /// What would have been decided, if it was made in evaluate mode; `None` if it counts.
    evaluated: Option<RecordedDecision>,
    /// The refs of which it judged a change.
    judged: Vec<Text>,
}

impl OtherRefDecision {
    /// Returns how something came to a ref by this decision, with the record that puts its policy in doubt.
    fn find_origin(&self) -> (LandingOrigin, Option<u64>) {
        match (LandingOrigin::from_evaluation(self.evaluated), self.doubt) {
            (Some(origin), _) => (origin, None),
            (None, Some(doubt)) => (LandingOrigin::UndecidedPolicy, Some(doubt)),
            (None, None) => (LandingOrigin::Decided, None),
        }
    }
}

impl OtherRefReader {
    /// Adds what a record tells of other refs than `name`; `doubt` is the number of the record that puts the policy of a
    /// decision in doubt.
    pub(crate) fn add_record(&mut self, name: &Text, record: &Record, doubt: Option<u64>) {
        match &record.event {
            LedgerEvent::Begin(begin) => {
                self.add_tips(name, record.number, (&begin.tips, LandingOrigin::AlreadyThere));
            }
            LedgerEvent::Scope(scope) => {
                let origin = LandingOrigin::BeforeProtection;
                self.add_tips(name, record.number, (&scope.newly_protected, origin));
            }
            LedgerEvent::Decision(decided) if decided.is_allowed() => {
                self.add_decision(name, (record.number, doubt), decided);
            }
            LedgerEvent::Outcome(outcome) => {
                let decided = self.decisions.get(&outcome.decision_id);
                for moved in outcome.landed.iter().filter(|moved| moved.name != *name) {
                    let (record, origin, doubt) = match decided {
                        // It had nothing to judge: what it brought came from somewhere else.
                        Some(decided) if !decided.judged.contains(&moved.name) => continue,
                        Some(decided) => {
                            let (origin, doubt) = decided.find_origin();
                            (decided.record, origin, doubt)
                        }
                        None => (record.number, LandingOrigin::Unauthorised, None),
                    };
                    self.landings.extend(build_landing(moved, record, (origin, doubt)));
                }
            }
            LedgerEvent::Unauthorised(moved) if moved.name != *name => {
                let origin = (LandingOrigin::Unauthorised, None);
                self.landings.extend(build_landing(moved, record.number, origin));
            }
            LedgerEvent::Discharged(discharged) => {
                if let Some(number) = parse_unauthorised_key(&discharged.obligation) {
                    self.mark_regularised(number);
                }
            }
            _ => {}
        }
    }

    fn add_tips(&mut self, name: &Text, record: u64, (tips, origin): (&[RefTip], LandingOrigin)) {
        for tip in tips.iter().filter(|tip| tip.name != *name) {
            let (ref_name, new) = (tip.name.clone(), tip.id);
            self.landings.push(OtherRefLanding { ref_name, old: None, new, record, origin, doubt: None });
        }
    }

    fn add_decision(&mut self, name: &Text, (record, doubt): (u64, Option<u64>), decided: &DecisionRecord) {
        let mut others = decided.refs.iter().filter(|one| one.protected && one.name != *name).peekable();
        if others.peek().is_none() {
            return;
        }
        let judged = others.filter(|one| one.count_changes() > 0).map(|one| one.name.clone()).collect();
        let evaluated = decided.evaluated;
        self.decisions.insert(decided.id.clone(), OtherRefDecision { record, doubt, evaluated, judged });
    }

    /// Marks the unauthorised move of this record as regularised; with it, the policy that it brought is accepted.
    fn mark_regularised(&mut self, number: u64) {
        for one in &mut self.landings {
            if one.origin == LandingOrigin::Unauthorised && one.record == number {
                one.origin = LandingOrigin::Regularised;
            }
            if one.origin == LandingOrigin::UndecidedPolicy && one.doubt == Some(number) {
                one.origin = LandingOrigin::Decided;
            }
        }
        for decided in self.decisions.values_mut() {
            decided.doubt = decided.doubt.filter(|of_move| *of_move != number);
        }
    }
}

impl OtherRefReader {
    /// Returns the decisions so far, which only later records need.
    pub(crate) fn known_decisions(&self) -> &BTreeMap<String, OtherRefDecision> {
        &self.decisions
    }

    /// Goes on after the records that know these decisions.
    pub(crate) fn continue_with(&mut self, decisions: BTreeMap<String, OtherRefDecision>) {
        self.decisions = decisions;
    }

    /// Returns all landings; a doubt that one of the records `uncompared` raises is not known to be one.
    pub(crate) fn end_landings(self, uncompared: &BTreeSet<u64>) -> Vec<OtherRefLanding> {
        let mut landings = self.landings;
        for one in &mut landings {
            if one.origin == LandingOrigin::UndecidedPolicy
                && one.doubt.is_some_and(|number| uncompared.contains(&number))
            {
                one.origin = LandingOrigin::PolicyNotKnown;
            }
        }
        landings
    }

    /// Writes the landings into an index; `None` if that is not possible.
    pub(crate) fn encode_landings(&self, out: &mut IndexWriter) -> Option<()> {
        out.put_number(self.landings.len() as u64);
        for one in &self.landings {
            out.put_shared(&one.ref_name).ok()?;
            out.put_id(one.old);
            out.put_id(Some(one.new));
            out.put_number(one.record);
            out.put_shared(&one.origin).ok()?;
            out.put_shared(&one.doubt).ok()?;
        }
        Some(())
    }

    /// Reads the landings of an index, without the decisions.
    pub(crate) fn decode_landings(index: &mut IndexReader<'_>) -> Option<OtherRefReader> {
        let (mut names, mut origins, mut doubts) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut reader = OtherRefReader::default();
        for _ in 0..index.take_number()? {
            reader.landings.push(OtherRefLanding {
                ref_name: index.take_shared(&mut names)?,
                old: index.take_id()?,
                new: index.take_id()??,
                record: index.take_number()?,
                origin: index.take_shared(&mut origins)?,
                doubt: index.take_shared(&mut doubts)?,
            });
        }
        Some(reader)
    }
}

fn build_landing(
    moved: &RecordedMove,
    record: u64,
    (origin, doubt): (LandingOrigin, Option<u64>),
) -> Option<OtherRefLanding> {
    Some(OtherRefLanding {
        ref_name: moved.name.clone(),
        old: moved.old,
        new: moved.new?,
        record,
        origin,
        doubt,
    })
}
