//! What refs held when pushes were decided that did not move them. A denial names what the ref held, and so does a push
//! that was allowed and did not land: if nothing on record explains that tip, the ref had moved past the gate, even
//! where it is back by now.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RecordedMove};
use crate::ledger::server::pending::PendingDecision;
use crate::ledger::server::ref_path::RefStep;
use crate::ledger::server::ref_steps::{RefSteps, group_edges_by_ref};
use crate::ledger::state::{LedgerState, encode_ref_key};
use crate::ledger::store::protected_refs::{ProtectedRefs, parse_state_patterns};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::pattern::RefPattern;

/// The most records that are read to explain a tip. Of what is older, nothing is said.
const MAX_READ_RECORDS: usize = 20_000;

/// What the ledger said before a run.
pub(crate) struct FollowedRefs {
    tips: BTreeMap<String, Oid>,
    patterns: Vec<RefPattern>,
}

impl FollowedRefs {
    pub(crate) fn from_state(state: &LedgerState) -> Self {
        FollowedRefs { tips: state.tips.clone(), patterns: parse_state_patterns(state) }
    }
}

/// The tips that are explained, and the steps that refs still take in this run.
pub(crate) struct SeenTips<'a> {
    repository: &'a Repository,
    /// The steps of each ref that are not recorded yet.
    pub(crate) steps: RefSteps,
    /// What the ledger said before this run.
    tips_before: BTreeMap<String, Oid>,
    /// Which refs were followed before this run, and which are now.
    patterns: [Vec<RefPattern>; 2],
    /// What each ref holds, or may have held by a decision of this run.
    explained: BTreeMap<Text, BTreeSet<Option<Oid>>>,
    /// What each ref held before it moved without a decision in this run.
    left: BTreeMap<Text, BTreeSet<Option<Oid>>>,
    /// The refs of which a decision of this run has seen what nothing explains: they have left what the ledger said before
    /// the run, and what holds that again was put back.
    met: BTreeSet<Text>,
    records: Option<RecentMoves>,
}

/// The moves of the newest records.
struct RecentMoves {
    /// What each ref held before or after one of them, and when that was recorded.
    tips: Vec<(Timestamp, Text, Option<Oid>)>,
    /// When the oldest record that was read was made; `None` if that was the first one.
    back_to: Option<Timestamp>,
}

impl<'a> SeenTips<'a> {
    /// Gathers what explains a tip without reading the ledger; `steps` are those of this run.
    pub(crate) fn gather(
        repository: &'a Repository,
        (before, state): (FollowedRefs, &LedgerState),
        (refs, pending): (&ProtectedRefs, &[PendingDecision]),
        steps: RefSteps,
    ) -> Self {
        let mut explained: BTreeMap<Text, BTreeSet<Option<Oid>>> = BTreeMap::new();
        let mut left: BTreeMap<Text, BTreeSet<Option<Oid>>> = BTreeMap::new();
        for (name, asked) in group_edges_by_ref(pending) {
            let of_ref = explained.entry(name.clone()).or_default();
            of_ref.extend(asked.edges.iter().map(|edge| edge.new));
            let taken = steps.get(name).into_iter().flatten();
            for step in taken {
                match step {
                    RefStep::Gap(old, new) => {
                        of_ref.insert(*new);
                        left.entry(name.clone()).or_default().insert(*old);
                    }
                    RefStep::Decided(place) => {
                        let edge = asked.places.iter().position(|other| other == place);
                        of_ref.extend(edge.and_then(|at| asked.edges.get(at)).map(|edge| edge.old));
                    }
                }
            }
        }
        for name in refs.ref_names() {
            explained.entry(name.clone()).or_default().extend(refs.ref_tip(name));
        }
        let FollowedRefs { tips: tips_before, patterns } = before;
        let patterns = [patterns, parse_state_patterns(state)];
        let met = BTreeSet::new();
        SeenTips { repository, steps, tips_before, patterns, explained, left, met, records: None }
    }

    /// Returns the moves that must have come before a decision, since it saw what nothing explains; `state` is what the
    /// ledger says now. Where a later step of the ref begins at what it held before, it was put back.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be read.
    pub(crate) fn find_unexplained(
        &mut self,
        decided: &DecisionRecord,
        state: &LedgerState,
    ) -> Result<Vec<RecordedMove>> {
        let mut moves = Vec::new();
        for one in &decided.refs {
            // Of what was not judged, and of a deletion, the record may hold what the client claims.
            if !one.protected || one.new.is_none() || !self.is_followed(&one.name) {
                continue;
            }
            let known = state.tips.get(&encode_ref_key(&one.name)).copied();
            if one.old == known || self.is_explained(&one.name, one.old, decided.observed_at)? {
                continue;
            }
            let name = one.name.clone();
            self.met.insert(name.clone());
            moves.push(RecordedMove { name: name.clone(), old: known, new: one.old });
            match self.steps.get_mut(&name).and_then(|steps| steps.front_mut()) {
                Some(RefStep::Gap(from, _)) => *from = one.old,
                Some(RefStep::Decided(_)) => moves.push(RecordedMove { name, old: one.old, new: known }),
                // What the ref holds in the end is recorded at the end.
                None => {}
            }
        }
        Ok(moves)
    }

    /// Returns true if the ledger followed a ref before this run, and does now.
    fn is_followed(&self, name: &Text) -> bool {
        let is_matched = |pattern: &RefPattern| pattern.matches_ref(name.as_bytes());
        self.patterns.iter().all(|patterns| patterns.iter().any(is_matched))
    }

    fn is_explained(&mut self, name: &Text, tip: Option<Oid>, seen_at: Timestamp) -> Result<bool> {
        let holds_tip = |tips: Option<&BTreeSet<Option<Oid>>>| tips.is_some_and(|tips| tips.contains(&tip));
        let was_before = self.tips_before.get(&encode_ref_key(name)).copied() == tip;
        if holds_tip(self.explained.get(name))
            || (!self.met.contains(name) && (was_before || holds_tip(self.left.get(name))))
        {
            return Ok(true);
        }
        // A tip that was right then is still there, or a record since then moves away from it.
        let records = match &mut self.records {
            Some(records) if records.back_to.is_none_or(|back_to| back_to < seen_at) => records,
            records => records.insert(RecentMoves::read_since(self.repository, seen_at)?),
        };
        if records.back_to.is_some_and(|back_to| back_to >= seen_at) {
            return Ok(true);
        }
        let mut since = records.tips.iter().filter(|(at, ..)| *at >= seen_at);
        Ok(since.any(|(_, of, held)| of == name && *held == tip))
    }
}

impl RecentMoves {
    /// Reads the records from the newest back to `seen_at`.
    fn read_since(repository: &Repository, seen_at: Timestamp) -> Result<Self> {
        let mut found = RecentMoves { tips: Vec::new(), back_to: None };
        let mut next = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
        let mut left = MAX_READ_RECORDS;
        while let Some(commit) = next {
            let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
            if let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) {
                found.back_to = Some(record.recorded_at);
                found.add_tips(record.recorded_at, &record.event);
                if record.recorded_at < seen_at {
                    return Ok(found);
                }
            }
            left -= 1;
            if left == 0 {
                return Ok(found);
            }
            next = repository.list_parents(commit)?.first().copied();
        }
        found.back_to = None;
        Ok(found)
    }

    fn add_tips(&mut self, at: Timestamp, event: &LedgerEvent) {
        let mut add = |name: &Text, tip| self.tips.push((at, name.clone(), tip));
        match event {
            LedgerEvent::Outcome(outcome) => {
                for moved in &outcome.landed {
                    add(&moved.name, moved.old);
                    add(&moved.name, moved.new);
                }
            }
            LedgerEvent::Unauthorised(moved) => {
                add(&moved.name, moved.old);
                add(&moved.name, moved.new);
            }
            LedgerEvent::Begin(begin) => {
                for tip in &begin.tips {
                    add(&tip.name, Some(tip.id));
                }
            }
            LedgerEvent::Scope(scope) => {
                for tip in &scope.newly_protected {
                    add(&tip.name, Some(tip.id));
                }
            }
            _ => {}
        }
    }
}
