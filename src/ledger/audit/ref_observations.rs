//! When the records say that a ref was last seen as they know it.
//!
//! A record is often written later than what it tells: a denial can wait on the disk until a later push.
//! So the time at which a record was written says nothing about a ref; only what was seen of that ref does.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::{Stage, Text};
use crate::ledger::record::{LedgerEvent, Record};
use crate::ledger::state::{LedgerState, decode_ref_key, encode_ref_key};

/// When each ref was last seen to hold what the records before say.
#[derive(Default)]
pub(crate) struct RefObservations {
    seen_at: BTreeMap<Text, Timestamp>,
}

impl From<Vec<(Text, Timestamp)>> for RefObservations {
    fn from(seen_at: Vec<(Text, Timestamp)>) -> Self {
        RefObservations { seen_at: seen_at.into_iter().collect() }
    }
}

impl RefObservations {
    /// Returns when each ref was last seen.
    pub(crate) fn list_sights(&self) -> Vec<(&Text, Timestamp)> {
        self.seen_at.iter().map(|(name, at)| (name, *at)).collect()
    }

    /// Returns when a ref was last seen; `None` if no record says so.
    pub(crate) fn last_seen(&self, name: &Text) -> Option<Timestamp> {
        self.seen_at.get(name).copied()
    }

    /// Adds the next record; `state` is the one before it.
    pub(crate) fn add_record(&mut self, record: &Record, state: &LedgerState) {
        match &record.event {
            LedgerEvent::Begin(begin) => {
                for tip in &begin.tips {
                    self.add_sight(&tip.name, record.recorded_at);
                }
            }
            LedgerEvent::Scope(scope) => {
                for tip in &scope.newly_protected {
                    self.add_sight(&tip.name, record.recorded_at);
                }
            }
            LedgerEvent::Outcome(outcome) => {
                for moved in &outcome.landed {
                    self.add_sight(&moved.name, outcome.observed_at);
                }
            }
            LedgerEvent::Unauthorised(moved) => self.add_sight(&moved.name, record.recorded_at),
            // A push is judged by what the ref holds then. On a forge the ref has moved already.
            LedgerEvent::Decision(decided) if decided.stage == Stage::PreReceive => {
                for one in decided.refs.iter().filter(|one| one.protected) {
                    if one.old == state.tips.get(&encode_ref_key(&one.name)).copied() {
                        self.add_sight(&one.name, decided.observed_at);
                    }
                }
            }
            LedgerEvent::Heartbeat(heartbeat) => self.add_all_sights(state, heartbeat.observed_at),
            // Only a sweep records it, which had read every ref before; no heartbeat follows so soon.
            LedgerEvent::PullVerdict(verdict) => self.add_all_sights(state, verdict.observed_at),
            _ => {}
        }
    }

    fn add_all_sights(&mut self, state: &LedgerState, at: Timestamp) {
        for key in state.tips.keys() {
            self.add_sight(&decode_ref_key(key), at);
        }
    }

    fn add_sight(&mut self, name: &Text, at: Timestamp) {
        let last = self.seen_at.entry(name.clone()).or_insert(at);
        *last = at.max(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Oid;
    use crate::ledger::record::{PullVerdict, RECORD_SCHEMA, RecordedCheckRun, RecordedStanding};

    #[test]
    fn a_sweep_that_records_a_verdict_has_seen_every_ref() {
        let id = Oid::from_bytes(&[1; 20]).unwrap();
        let at = Timestamp::from_second(7_200).unwrap();
        let mut state = LedgerState::default();
        state.tips.insert("refs/heads/main".into(), id);
        let event = LedgerEvent::PullVerdict(Box::new(PullVerdict {
            pull: "acme/shop#1".into(),
            target: "refs/heads/release/1".into(),
            revision: id,
            standing: RecordedStanding::Denied,
            rules: Vec::new(),
            policy: None,
            judged_at: Timestamp::UNIX_EPOCH,
            check_run: RecordedCheckRun { id: 1, name: "gate".into(), app: None, completed_at: None },
            marks: None,
            observed_at: at,
            tool: "t".into(),
        }));
        let record =
            Record { schema: RECORD_SCHEMA.into(), number: 2, previous: None, recorded_at: at, event };
        let mut observations = RefObservations::default();
        observations.add_record(&record, &state);
        assert_eq!(observations.last_seen(&"refs/heads/main".into()), Some(at));
        assert_eq!(observations.last_seen(&"refs/heads/release/1".into()), None);
    }
}
