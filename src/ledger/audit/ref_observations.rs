//! When the records say that a ref was last seen as they know it.
//!
//! A record is often written later than what it tells: a denial can wait on the disk until a later push.
//! So the time at which a record was written says nothing about a ref; only what was seen of that ref does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Stage, Text};
use crate::ledger::record::{DecisionRecord, LedgerEvent, Record, RecordedMove};
use crate::ledger::state::{LedgerState, decode_ref_key, encode_ref_key};

/// When one ref was last seen, and the sight before that. The second one counts where the newest sight is of the same
/// run of the gate, which dates all that it finds alike.
#[derive(Clone, Copy)]
struct RefSights {
    before: Option<Timestamp>,
    last: Timestamp,
}

/// A move without a decision that the newest records tell of. The record after it may say when it was seen.
struct RecentMove {
    record: u64,
    moved: RecordedMove,
    recorded_at: Timestamp,
}

/// Between which times a ref moved without a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MoveWindow {
    /// The number of the record that tells of the move.
    pub(crate) record: u64,
    /// The ref.
    pub(crate) name: Text,
    /// When the ref was last seen before the move; `None` if no record says so.
    pub(crate) after: Option<Timestamp>,
    /// When it was first seen after the move; later than `after`.
    pub(crate) until: Timestamp,
}

/// When each ref was last seen to hold what the records before say.
#[derive(Default)]
pub(crate) struct RefObservations {
    seen_at: BTreeMap<Text, RefSights>,
    recent_moves: Vec<RecentMove>,
    /// When the pushes were decided that have no outcome yet.
    decided_at: BTreeMap<String, Timestamp>,
}

/// What an index of the ledger keeps of observations.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredObservations {
    /// For each ref the newest sight but one, and the newest.
    sights: Vec<(Text, Option<Timestamp>, Timestamp)>,
    /// The moves of the newest records that no later one has dated yet.
    recent_moves: Vec<(u64, RecordedMove, Timestamp)>,
    /// When the pushes were decided that have no outcome yet, by the ids of the decisions.
    decided_at: BTreeMap<String, Timestamp>,
}

impl RefObservations {
    /// Returns all that the records after these need to know, to be stored.
    pub(crate) fn store_observations(&self) -> StoredObservations {
        StoredObservations {
            sights: self.seen_at.iter().map(|(name, seen)| (name.clone(), seen.before, seen.last)).collect(),
            recent_moves: self
                .recent_moves
                .iter()
                .map(|one| (one.record, one.moved.clone(), one.recorded_at))
                .collect(),
            decided_at: self.decided_at.clone(),
        }
    }

    /// Returns what was stored, to go on with the records after it.
    pub(crate) fn restore_observations(stored: StoredObservations) -> Self {
        let sights = stored.sights.into_iter();
        let moves = stored.recent_moves.into_iter();
        RefObservations {
            seen_at: sights.map(|(name, before, last)| (name, RefSights { before, last })).collect(),
            recent_moves: moves
                .map(|(record, moved, recorded_at)| RecentMove { record, moved, recorded_at })
                .collect(),
            decided_at: stored.decided_at,
        }
    }

    /// Returns when a ref was last seen; `None` if no record says so.
    pub(crate) fn last_seen(&self, name: &Text) -> Option<Timestamp> {
        self.seen_at.get(name).map(|seen| seen.last)
    }

    /// Returns when a ref was last seen before `until`; `None` if no record says so. What is seen at that very time is
    /// the same sight, and says nothing of what came before.
    pub(crate) fn last_seen_before(&self, name: &Text, until: Timestamp) -> Option<Timestamp> {
        let seen = self.seen_at.get(name)?;
        [Some(seen.last), seen.before].into_iter().flatten().find(|at| *at < until)
    }

    /// Adds the next record; `state` is the one before it. Returns the windows of earlier records that this one makes
    /// narrower.
    pub(crate) fn add_record(&mut self, record: &Record, state: &LedgerState) -> Vec<MoveWindow> {
        let windows = self.settle_recent_moves(record);
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
                self.decided_at.remove(&outcome.decision_id);
                for moved in &outcome.landed {
                    self.add_sight(&moved.name, outcome.observed_at);
                }
            }
            LedgerEvent::Unauthorised(moved) => self.recent_moves.push(RecentMove {
                record: record.number,
                moved: moved.clone(),
                recorded_at: record.recorded_at,
            }),
            // A push is judged by what the ref holds then. On a forge the ref has moved already.
            LedgerEvent::Decision(decided) if decided.stage == Stage::PreReceive => {
                for one in decided.refs.iter().filter(|one| one.protected) {
                    if one.old == state.tips.get(&encode_ref_key(&one.name)).copied() {
                        self.add_sight(&one.name, decided.observed_at);
                    }
                }
                if decided.is_allowed() {
                    self.decided_at.insert(decided.id.clone(), decided.observed_at);
                }
            }
            LedgerEvent::Heartbeat(heartbeat) => self.add_all_sights(state, heartbeat.observed_at),
            // Only a sweep records it, which had read every ref before; no heartbeat follows so soon.
            LedgerEvent::PullVerdict(verdict) => self.add_all_sights(state, verdict.observed_at),
            _ => {}
        }
        windows
    }

    /// Ends the reading of records: no later one tells when the newest moves were seen.
    pub(crate) fn end_records(&mut self) {
        for one in std::mem::take(&mut self.recent_moves) {
            self.add_sight(&one.moved.name, one.recorded_at);
        }
    }

    /// Dates the moves without a decision before a record. Where the gate concludes such a move from what a push saw,
    /// the record of that push follows, and the push had seen it. Any other move was found in the refs, when it was
    /// recorded.
    fn settle_recent_moves(&mut self, record: &Record) -> Vec<MoveWindow> {
        let is_same_run = |one: &RecentMove| one.recorded_at == record.recorded_at;
        let seen_tips = match &record.event {
            LedgerEvent::Unauthorised(_) | LedgerEvent::RegularisationTerms(_)
                if self.recent_moves.iter().all(is_same_run) =>
            {
                return Vec::new();
            }
            LedgerEvent::Decision(decided) if decided.stage == Stage::PreReceive => list_seen_tips(decided),
            LedgerEvent::Outcome(outcome) => {
                let at = self.decided_at.get(&outcome.decision_id).copied();
                let seen = |moved: &RecordedMove| at.map(|at| (moved.name.clone(), moved.old, at));
                outcome.landed.iter().filter_map(seen).collect()
            }
            _ => Vec::new(),
        };
        let mut windows = Vec::new();
        for one in std::mem::take(&mut self.recent_moves) {
            let RecentMove { record: number, moved, recorded_at } = &one;
            let about_ref = |(name, ..): &&(Text, Option<Oid>, Timestamp)| *name == moved.name;
            let Some((_, tip, at)) = seen_tips.iter().find(about_ref).filter(|_| is_same_run(&one)) else {
                self.add_sight(&moved.name, *recorded_at);
                continue;
            };
            // The second of two such moves puts back what the first one took.
            let is_seen = *tip == moved.new;
            let until = if is_seen { *recorded_at.min(at) } else { *recorded_at };
            let after = self.last_seen_before(&moved.name, until);
            windows.push(MoveWindow { record: *number, name: moved.name.clone(), after, until });
            if is_seen {
                self.add_sight(&moved.name, until);
            }
        }
        windows
    }

    fn add_all_sights(&mut self, state: &LedgerState, at: Timestamp) {
        for key in state.tips.keys() {
            self.add_sight(&decode_ref_key(key), at);
        }
    }

    fn add_sight(&mut self, name: &Text, at: Timestamp) {
        let seen = self.seen_at.entry(name.clone()).or_insert(RefSights { before: None, last: at });
        if at > seen.last {
            *seen = RefSights { before: Some(seen.last), last: at };
        } else if at < seen.last {
            seen.before = seen.before.max(Some(at));
        }
    }
}

/// Returns what each protected ref held when a push was decided.
fn list_seen_tips(decided: &DecisionRecord) -> Vec<(Text, Option<Oid>, Timestamp)> {
    let protected = decided.refs.iter().filter(|one| one.protected);
    protected.map(|one| (one.name.clone(), one.old, decided.observed_at)).collect()
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
