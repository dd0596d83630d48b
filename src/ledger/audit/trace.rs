//! How one change went, from request to closure: every record that tells of it, oldest first.
//!
//! A decision names a push by its ends, so a change is also looked for among what each landing brought.
//! What the change owes follows from these records alone, and is worked out from them anew.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::ref_verdicts;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{self, DecisionRecord, LedgerEvent, Record, RecordedMove, RefDecision};
use crate::ledger::state::LedgerState;
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::verdict::Verdict;

/// What the ledger tells of one change.
#[derive(Clone, Debug, Default)]
pub struct ChangeTrace {
    /// The records that tell of it, oldest first.
    pub records: Vec<TracedRecord>,
    /// What it owes and has owed, closed or not; nothing else stands in this state that is of use.
    pub state: LedgerState,
    /// The refs that it has landed on, each with how that came last.
    pub landings: BTreeMap<Text, LandingOrigin>,
    /// How many records cannot be read; what they say is not known.
    pub unreadable_records: usize,
}

/// One record that tells of a change.
#[derive(Clone, Debug)]
pub struct TracedRecord {
    /// The commit that holds the record.
    pub commit: Oid,
    /// The record.
    pub record: Box<Record>,
    /// How the change was judged, with the ref that it was to land on; nothing for other records.
    pub verdicts: Vec<(Text, Verdict)>,
    /// Why that cannot be told of a decision, where it cannot.
    pub unavailable: Vec<String>,
}

/// How a change came to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LandingOrigin {
    /// It was there when the ref came under change control.
    AlreadyThere,
    /// Somebody decided it.
    Decided,
    /// Nobody did.
    Unauthorised,
    /// Nobody did, and somebody who may has declared it afterwards.
    Regularised,
}

impl TracedRecord {
    /// Returns whether this is the decision of that id, and it allows.
    fn allows_decision(&self, id: &str) -> bool {
        match &self.record.event {
            LedgerEvent::Decision(decided) => decided.id == id && decided.is_allowed(),
            _ => false,
        }
    }
}

/// Returns what the ledger tells of the commit `change`.
///
/// # Errors
///
/// Fails if the ledger cannot be walked, or a record's objects cannot be read.
pub fn trace_change(repository: &Repository, change: Oid) -> Result<ChangeTrace> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    let mut run = ChangeTracer {
        repository,
        change,
        known_ids: BTreeSet::from([change]),
        allowed_decisions: BTreeMap::new(),
        unauthorised_refs: BTreeMap::new(),
        trace: ChangeTrace { unreadable_records: usize::from(broken.is_some()), ..ChangeTrace::default() },
    };
    for (commit, _) in commits.into_iter().rev() {
        // What is damaged is told, and keeps nobody from the rest.
        match read_known_record(repository, commit) {
            Ok(Some(record)) => run.add_record(commit, record)?,
            Ok(None) | Err(_) => run.trace.unreadable_records += 1,
        }
    }
    let is = run.known_ids;
    let is_ours = |id: &String, change: Option<Oid>| {
        change.is_some_and(|change| is.contains(&change)) || record::parse_unauthorised_key(id).is_some()
    };
    run.trace.state.obligations.retain(|id, owed| is_ours(id, owed.change));
    Ok(run.trace)
}

fn read_known_record(repository: &Repository, commit: Oid) -> Result<Option<Box<Record>>> {
    let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
    Ok(match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => Some(record),
        _ => None,
    })
}

struct ChangeTracer<'a> {
    repository: &'a Repository,
    change: Oid,
    /// The ids that the change is known by: its own, the merge that brought it, what it was squashed to.
    known_ids: BTreeSet<Oid>,
    /// The decisions that allowed something and do not name the change, by their ids.
    allowed_decisions: BTreeMap<String, Oid>,
    /// The refs that it came to without a decision, by the obligation to declare that.
    unauthorised_refs: BTreeMap<String, Text>,
    trace: ChangeTrace,
}

impl ChangeTracer<'_> {
    fn add_record(&mut self, commit: Oid, record: Box<Record>) -> Result<()> {
        match &record.event {
            LedgerEvent::Begin(begin) => {
                self.add_earlier_tips(begin.tips.iter().map(|tip| (&tip.name, tip.id)))
            }
            LedgerEvent::Scope(scope) => {
                self.add_earlier_tips(scope.newly_protected.iter().map(|tip| (&tip.name, tip.id)))
            }
            LedgerEvent::Decision(decided) if self.is_named_by(decided) => {
                self.add_traced_record(commit, record)?
            }
            LedgerEvent::Decision(decided) if decided.is_allowed() => {
                self.allowed_decisions.insert(decided.id.clone(), commit);
            }
            LedgerEvent::Outcome(outcome) => {
                let brought: Vec<Text> = self.find_brought_refs(&outcome.landed);
                if !brought.is_empty() {
                    let decision = self.allowed_decisions.remove(&outcome.decision_id);
                    if let Some(decision) = decision
                        && let Some(decided) = read_known_record(self.repository, decision)?
                    {
                        self.add_traced_record(decision, decided)?;
                    }
                    let is_allowed =
                        self.trace.records.iter().any(|told| told.allows_decision(&outcome.decision_id));
                    let came = if is_allowed { LandingOrigin::Decided } else { LandingOrigin::Unauthorised };
                    self.trace.landings.extend(brought.into_iter().map(|name| (name, came)));
                    self.add_traced_record(commit, record)?;
                }
            }
            LedgerEvent::Unauthorised(moved)
                if !self.find_brought_refs(std::slice::from_ref(moved)).is_empty() =>
            {
                self.trace.landings.insert(moved.name.clone(), LandingOrigin::Unauthorised);
                self.unauthorised_refs.insert(record::unauthorised_key(record.number), moved.name.clone());
                self.add_traced_record(commit, record)?;
            }
            LedgerEvent::RegularisationTerms(flagged)
                if self.unauthorised_refs.contains_key(&record::unauthorised_key(flagged.record_number)) =>
            {
                self.add_traced_record(commit, record)?;
            }
            LedgerEvent::Discharged(one) if self.is_own_obligation(&one.obligation) => {
                if let Some(name) = self.unauthorised_refs.get(&one.obligation) {
                    self.trace.landings.insert(name.clone(), LandingOrigin::Regularised);
                }
                self.add_traced_record(commit, record)?;
            }
            LedgerEvent::Escalated(one)
                if one.due_soon.iter().chain(&one.overdue).any(|id| self.is_own_obligation(id)) =>
            {
                self.add_traced_record(commit, record)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes the refs that held the change when they came under change control.
    fn add_earlier_tips<'t>(&mut self, tips: impl Iterator<Item = (&'t Text, Oid)>) {
        for (name, tip) in tips {
            let history = self.repository.find_new_history(tip, &[self.change]);
            if tip == self.change || history.is_ok_and(|history| history.leads_back_to(self.change)) {
                self.trace.landings.insert(name.clone(), LandingOrigin::AlreadyThere);
            }
        }
    }

    fn is_named_by(&self, decided: &DecisionRecord) -> bool {
        decided.refs.iter().any(|one| self.is_named_in(one))
    }

    fn is_named_in(&self, one: &RefDecision) -> bool {
        let is = |id: Option<Oid>| id.is_some_and(|id| self.known_ids.contains(&id));
        is(one.new)
            || one.changes.iter().any(|verdict| is(verdict.revision))
            || one.pull_landings.iter().any(|way| is(Some(way.landed_as)) || is(Some(way.change)))
    }

    /// Returns the refs to which these moves brought the change, and learns what it is known by.
    fn find_brought_refs(&mut self, moves: &[RecordedMove]) -> Vec<Text> {
        let mut names = Vec::new();
        for moved in moves {
            let Some(new) = moved.new else { continue };
            let is_there = self.trace.landings.contains_key(&moved.name);
            if is_there && !self.known_ids.contains(&new) {
                continue;
            }
            let hidden: Vec<Oid> = moved.old.into_iter().collect();
            // What was moved away may be gone.
            let steps = self.repository.list_steps(new, &hidden).unwrap_or_default();
            if let Some(step) = steps.iter().find(|step| step.contains(&self.change)) {
                self.known_ids.extend(step.last());
                names.push(moved.name.clone());
            } else if self.known_ids.contains(&new) {
                names.push(moved.name.clone());
            }
        }
        names
    }

    fn is_own_obligation(&self, obligation: &str) -> bool {
        let owed = self.trace.state.obligations.get(obligation);
        self.unauthorised_refs.contains_key(obligation)
            || owed.and_then(|owed| owed.change).is_some_and(|change| self.known_ids.contains(&change))
    }

    fn add_traced_record(&mut self, commit: Oid, record: Box<Record>) -> Result<()> {
        let (mut verdicts, mut cannot) = (Vec::new(), Vec::new());
        if let LedgerEvent::Decision(decided) = &record.event {
            for one in &decided.refs {
                let also: Vec<Oid> = one
                    .pull_landings
                    .iter()
                    .filter(|way| self.known_ids.contains(&way.landed_as))
                    .map(|way| way.change)
                    .collect();
                let is_it = |id: Oid| self.known_ids.contains(&id) || also.contains(&id);
                let judged = ref_verdicts::read_ref_verdicts(self.repository, commit, decided, one)?;
                let found = judged.verdicts.into_iter().filter(|verdict| verdict.revision.is_some_and(is_it));
                let before = verdicts.len();
                verdicts.extend(found.map(|verdict| (one.name.clone(), verdict)));
                if verdicts.len() == before {
                    cannot.extend(judged.unavailable);
                }
            }
        }
        self.trace.state.apply_record(&record);
        self.trace.records.push(TracedRecord { commit, record, verdicts, unavailable: cannot });
        Ok(())
    }
}
