//! What the records of a pack say of one change: how it landed, what it owes, what was said about it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;

use crate::audit::change_record::refused_approvals::{RefusedApproval, find_refused_approval};
use crate::audit::evidence::pack_reader::ReadPack;
use crate::change::{Oid, Text};
use crate::ledger::audit::act_continuity::ActContinuity;
use crate::ledger::audit::ledger_history::{MoveDecision, RecordedChangeAct};
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, Record, RecordedMove, RecordedPusher, RecordedStanding,
    parse_unauthorised_key, unauthorised_key,
};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::ledger::store::RECORD_FILE;

/// The records of a pack that can be understood, oldest first, each with the commit that holds it.
pub(super) struct PackedRecords {
    records: Vec<(Oid, Box<Record>)>,
}

/// How a change landed, by a record.
pub(super) struct RecordedLanding {
    /// The commit of the ledger that holds the record.
    pub(super) holder: Oid,
    /// What the record says that the ref held before and after.
    pub(super) moved: RecordedMove,
    /// Whether a decision brought it.
    pub(super) origin: LandingOrigin,
    /// When it was seen; of a move without a decision, when it was recorded.
    pub(super) at: Timestamp,
    /// The account that pushed or merged.
    pub(super) by: Option<Text>,
    /// The decision, if there was one.
    pub(super) decision: Option<Rc<MoveDecision>>,
}

impl PackedRecords {
    /// Reads the records of a pack; what is wrong with them, the check of the ledger says.
    pub(super) fn read_records(pack: &ReadPack) -> PackedRecords {
        let mut records = Vec::new();
        for packed in pack.index.ledger.iter().flat_map(|ledger| &ledger.records) {
            let Ok(bytes) = pack.read_record_file(packed.number, RECORD_FILE) else { continue };
            if let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) {
                records.push((packed.commit, record));
            }
        }
        records.sort_by_key(|(_, record)| record.number);
        PackedRecords { records }
    }

    /// Returns the records, each with its holder and the digest that the pack gives it.
    pub(super) fn list_with_digests(self, pack: &ReadPack) -> Vec<(Oid, Box<Record>, String)> {
        let packed = pack.index.ledger.iter().flat_map(|ledger| &ledger.records);
        let digests: BTreeMap<u64, &String> = packed.map(|one| (one.number, &one.digest)).collect();
        let mut found = Vec::new();
        for (holder, record) in self.records {
            let digest = digests.get(&record.number).map(|digest| (*digest).clone());
            found.push((holder, record, digest.unwrap_or_default()));
        }
        found
    }

    fn list_events(&self) -> impl Iterator<Item = (u64, Oid, &LedgerEvent)> {
        self.records.iter().map(|(holder, record)| (record.number, *holder, &record.event))
    }

    /// Returns how a change landed by the record of this number; `None` if that tells of no landing on the ref.
    pub(super) fn find_landing(&self, number: u64, ref_name: &Text) -> Option<RecordedLanding> {
        let (holder, record) = self.records.iter().find(|(_, record)| record.number == number)?;
        let holder = *holder;
        match &record.event {
            LedgerEvent::Outcome(outcome) => {
                let moved = outcome.landed.iter().find(|moved| moved.name == *ref_name)?.clone();
                let decided = self.find_decision(&outcome.decision_id);
                let own = decided.and_then(|(decided_in, number, decided)| {
                    let own = decided.refs.iter().find(|one| one.name == *ref_name && one.protected)?;
                    Some(Rc::new(MoveDecision::from_record((number, decided_in), decided, own)))
                });
                let at = match decided {
                    Some((_, _, decided)) if outcome.found_late => decided.observed_at,
                    _ => outcome.observed_at,
                };
                let by = own.as_ref().and_then(|decided| match &decided.pusher {
                    RecordedPusher::Account(account) => Some(account.clone()),
                    RecordedPusher::Unidentified | RecordedPusher::Unknown(_) => None,
                });
                let origin = match &own {
                    Some(decided) => {
                        LandingOrigin::from_evaluation(decided.evaluated).unwrap_or(LandingOrigin::Decided)
                    }
                    None => self.find_origin(number),
                };
                Some(RecordedLanding { holder, moved, origin, at, by, decision: own })
            }
            LedgerEvent::Unauthorised(moved) if moved.name == *ref_name => Some(RecordedLanding {
                holder,
                moved: moved.clone(),
                origin: self.find_origin(number),
                at: record.recorded_at,
                by: None,
                decision: None,
            }),
            _ => None,
        }
    }

    /// Returns the decision of this id that allowed something, with its holder and the number of its record.
    pub(super) fn find_decision(&self, id: &str) -> Option<(Oid, u64, &DecisionRecord)> {
        self.list_events().find_map(|(number, holder, event)| match event {
            LedgerEvent::Decision(decided) if decided.id == id && decided.is_allowed() => {
                Some((holder, number, &**decided))
            }
            _ => None,
        })
    }

    /// Returns whether a move without a decision was regularised.
    fn find_origin(&self, number: u64) -> LandingOrigin {
        let is_regularised = self.list_events().any(|(_, _, event)| match event {
            LedgerEvent::Discharged(one) => parse_unauthorised_key(&one.obligation) == Some(number),
            _ => false,
        });
        if is_regularised { LandingOrigin::Regularised } else { LandingOrigin::Unauthorised }
    }

    /// Returns the records that say that a move without a decision brought the ref to one of these commits.
    pub(super) fn list_unauthorised(&self, ref_name: &Text, commits: &[Oid]) -> Vec<u64> {
        let mut found = Vec::new();
        for (number, _, event) in self.list_events() {
            if let LedgerEvent::Unauthorised(moved) = event
                && moved.name == *ref_name
                && moved.new.is_some_and(|new| commits.contains(&new))
            {
                found.push(number);
            }
        }
        found
    }

    /// Returns what these changes owe, and what the move that a record tells of owes, as the records say.
    pub(super) fn list_obligations(
        &self,
        changes: &BTreeSet<Oid>,
        (landing, ref_name): (Option<u64>, &Text),
    ) -> Vec<(String, TrackedObligation)> {
        let mut state = LedgerState { keeps_all_closed: true, ..LedgerState::default() };
        for (_, record) in &self.records {
            state.apply_record(record);
        }
        let of_move = landing.map(unauthorised_key);
        let is_own = |id: &String, owed: &TrackedObligation| {
            let is_of_move = Some(id) == of_move.as_ref();
            let is_of_change = parse_unauthorised_key(id).is_none()
                && owed.session.is_none()
                && owed.change.is_some_and(|change| changes.contains(&change));
            owed.ref_name == *ref_name && (is_of_move || is_of_change)
        };
        state.obligations.into_iter().filter(|(id, owed)| is_own(id, owed)).collect()
    }

    /// Returns what was said about changes of the ref and about revisions for it, oldest first.
    pub(super) fn list_acts(&self, ref_name: &Text) -> Vec<RecordedChangeAct> {
        let mut acts = ActContinuity::default();
        let mut found = Vec::new();
        for (record, holder, event) in self.list_events() {
            match event {
                LedgerEvent::Decision(decided) => acts.add_decision(decided),
                // As where a ledger is read: an act that no decision allowed says nothing of the change.
                LedgerEvent::Act(event)
                    if acts.add_act((holder, record), event) && event.act.ref_name == *ref_name =>
                {
                    found.push(RecordedChangeAct { record, event: event.clone() });
                }
                _ => {}
            }
        }
        found
    }

    /// Returns the signed approvals for a ref that were refused, in the order of their records.
    pub(super) fn list_refused_approvals(&self, ref_name: &Text) -> Vec<RefusedApproval> {
        let mut found = Vec::new();
        for (number, _, event) in self.list_events() {
            if let LedgerEvent::Decision(decided) = event {
                found.extend(find_refused_approval(number, decided, ref_name));
            }
        }
        found
    }

    /// Returns when the record of this number refused something; `None` if it refused nothing.
    pub(super) fn find_refusal(&self, number: u64) -> Option<Timestamp> {
        self.list_events().find(|(known, _, _)| *known == number).and_then(|(_, _, event)| match event {
            LedgerEvent::Decision(decided) if !decided.is_allowed() => Some(decided.observed_at),
            LedgerEvent::PullVerdict(verdict) if verdict.standing == RecordedStanding::Denied => {
                Some(verdict.judged_at)
            }
            _ => None,
        })
    }

    /// Returns the ids of the decisions of the pack, but of those that allowed an act: what landed by them is no change.
    pub(super) fn list_decision_ids(&self) -> Vec<&str> {
        let ids = self.list_events().filter_map(|(_, _, event)| match event {
            LedgerEvent::Decision(decided) if decided.refs.iter().all(|one| one.act.is_none()) => {
                Some(decided.id.as_str())
            }
            _ => None,
        });
        ids.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::record::{ChangeAct, RecordedAct, RecordedActKind};

    /// Whoever writes a record can write an act; only a decision beside it says that somebody was allowed to.
    #[test]
    fn an_act_without_its_decision_proves_nothing() {
        let change = Oid::from_bytes(&[1; 20]).unwrap();
        let ref_name = Text::from("refs/heads/main");
        let act = RecordedAct {
            id: "0123456789ab".to_owned(),
            account: "monitor".into(),
            person: None,
            change,
            ref_name: ref_name.clone(),
            says: RecordedActKind::Verified,
            note: None,
        };
        let event = ChangeAct { act, decision: "0".repeat(32), observed_at: Timestamp::UNIX_EPOCH };
        let record = Record {
            event: LedgerEvent::Act(event),
            number: 1,
            previous: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            schema: crate::ledger::record::RECORD_SCHEMA.to_owned(),
        };
        let records = PackedRecords { records: vec![(change, Box::new(record))] };
        assert_eq!(records.list_acts(&ref_name), []);
    }
}
