//! How one change went, from request to closure: every record that tells of it, oldest first.
//!
//! A decision names a push by its ends, so a change is also looked for among what each landing brought.
//! What the change owes follows from these records alone, and is worked out from them anew.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::REF;
use super::export::judged;
use super::readable::Readable;
use super::record::{Decided, Event, Moved, Record, RefDecided};
use super::state::State;
use super::store::{RECORD, file};
use super::stray;
use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::verdict::{Decision, Verdict};

/// What the ledger tells of one change.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The records that tell of it, oldest first.
    pub told: Vec<Told>,
    /// What it owes and has owed, closed or not; nothing else stands in this state that is of use.
    pub state: State,
    /// The refs that it has landed on, each with how that came last.
    pub landed: BTreeMap<Text, Came>,
    /// How many records cannot be read; what they say is not known.
    pub unreadable: usize,
}

/// One record that tells of a change.
#[derive(Clone, Debug)]
pub struct Told {
    /// The commit that holds the record.
    pub commit: Oid,
    /// The record.
    pub record: Box<Record>,
    /// How the change was judged, with the ref that it was to land on; nothing for other records.
    pub verdicts: Vec<(Text, Verdict)>,
    /// Why that cannot be told of a decision, where it cannot.
    pub cannot: Vec<String>,
}

/// How a change came to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was there when the ref came under change control.
    Before,
    /// Somebody decided it.
    Decided,
    /// Nobody did.
    Undecided,
    /// Nobody did, and somebody who may has declared it afterwards.
    Declared,
}

impl Told {
    /// Returns whether this is the decision of that id, and it allows.
    fn allows(&self, id: &str) -> bool {
        match &self.record.event {
            Event::Decision(decided) => decided.id == id && decided.decision == Decision::Allow,
            _ => false,
        }
    }
}

/// Returns what the ledger tells of the commit `change`.
///
/// # Errors
///
/// Fails if the ledger cannot be walked, or a record's objects cannot be read.
pub fn trace(repository: &Repository, change: Oid) -> Result<Trace> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
    let mut run = Run {
        repository,
        change,
        is: BTreeSet::from([change]),
        allowed: BTreeMap::new(),
        strays: BTreeMap::new(),
        trace: Trace { unreadable: usize::from(broken.is_some()), ..Trace::default() },
    };
    for (commit, _) in commits.into_iter().rev() {
        // What is damaged is told, and keeps nobody from the rest.
        match read(repository, commit) {
            Ok(Some(record)) => run.record(commit, record)?,
            Ok(None) | Err(_) => run.trace.unreadable += 1,
        }
    }
    let is = run.is;
    let is_ours = |id: &String, change: Option<Oid>| {
        change.is_some_and(|change| is.contains(&change)) || stray::record_in(id).is_some()
    };
    run.trace.state.owed.retain(|id, owed| is_ours(id, owed.change));
    Ok(run.trace)
}

fn read(repository: &Repository, commit: Oid) -> Result<Option<Box<Record>>> {
    let bytes = file(repository, commit, RECORD)?.unwrap_or_default();
    Ok(match Readable::read(&bytes) {
        Readable::Known(record) => Some(record),
        _ => None,
    })
}

struct Run<'a> {
    repository: &'a Repository,
    change: Oid,
    /// The ids that the change is known by: its own, the merge that brought it, what it was squashed to.
    is: BTreeSet<Oid>,
    /// The decisions that allowed something and do not name the change, by their ids.
    allowed: BTreeMap<String, Oid>,
    /// The refs that it came to without a decision, by the obligation to declare that.
    strays: BTreeMap<String, Text>,
    trace: Trace,
}

impl Run<'_> {
    fn record(&mut self, commit: Oid, record: Box<Record>) -> Result<()> {
        match &record.event {
            Event::Begin(begin) => self.there_before(begin.tips.iter().map(|tip| (&tip.name, tip.id))),
            Event::Scope(scope) => self.there_before(scope.came.iter().map(|tip| (&tip.name, tip.id))),
            Event::Decision(decided) if self.is_named_by(decided) => self.tell(commit, record)?,
            Event::Decision(decided) if decided.decision == Decision::Allow => {
                self.allowed.insert(decided.id.clone(), commit);
            }
            Event::Outcome(outcome) => {
                let brought: Vec<Text> = self.brought(&outcome.landed);
                if !brought.is_empty() {
                    let decision = self.allowed.remove(&outcome.of);
                    if let Some(decision) = decision
                        && let Some(decided) = read(self.repository, decision)?
                    {
                        self.tell(decision, decided)?;
                    }
                    let is_allowed = self.trace.told.iter().any(|told| told.allows(&outcome.of));
                    let came = if is_allowed { Came::Decided } else { Came::Undecided };
                    self.trace.landed.extend(brought.into_iter().map(|name| (name, came)));
                    self.tell(commit, record)?;
                }
            }
            Event::Unauthorised(moved) if !self.brought(std::slice::from_ref(moved)).is_empty() => {
                self.trace.landed.insert(moved.name.clone(), Came::Undecided);
                self.strays.insert(stray::key(record.number), moved.name.clone());
                self.tell(commit, record)?;
            }
            Event::Flagged(flagged) if self.strays.contains_key(&stray::key(flagged.record)) => {
                self.tell(commit, record)?;
            }
            Event::Discharged(one) if self.owes(&one.obligation) => {
                if let Some(name) = self.strays.get(&one.obligation) {
                    self.trace.landed.insert(name.clone(), Came::Declared);
                }
                self.tell(commit, record)?;
            }
            Event::Escalated(one) if one.due_soon.iter().chain(&one.overdue).any(|id| self.owes(id)) => {
                self.tell(commit, record)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes the refs that held the change when they came under change control.
    fn there_before<'t>(&mut self, tips: impl Iterator<Item = (&'t Text, Oid)>) {
        for (name, tip) in tips {
            let history = self.repository.new_history(tip, &[self.change]);
            if tip == self.change || history.is_ok_and(|history| history.leads_back_to(self.change)) {
                self.trace.landed.insert(name.clone(), Came::Before);
            }
        }
    }

    fn is_named_by(&self, decided: &Decided) -> bool {
        decided.refs.iter().any(|one| self.is_named_in(one))
    }

    fn is_named_in(&self, one: &RefDecided) -> bool {
        let is = |id: Option<Oid>| id.is_some_and(|id| self.is.contains(&id));
        is(one.new)
            || one.changes.iter().any(|verdict| is(verdict.revision))
            || one.brought.iter().any(|way| is(Some(way.landed_as)) || is(Some(way.change)))
    }

    /// Returns the refs to which these moves brought the change, and learns what it is known by.
    fn brought(&mut self, moves: &[Moved]) -> Vec<Text> {
        let mut names = Vec::new();
        for moved in moves {
            let Some(new) = moved.new else { continue };
            let is_there = self.trace.landed.contains_key(&moved.name);
            if is_there && !self.is.contains(&new) {
                continue;
            }
            let hidden: Vec<Oid> = moved.old.into_iter().collect();
            // What was moved away may be gone.
            let steps = self.repository.steps(new, &hidden).unwrap_or_default();
            if let Some(step) = steps.iter().find(|step| step.contains(&self.change)) {
                self.is.extend(step.last());
                names.push(moved.name.clone());
            } else if self.is.contains(&new) {
                names.push(moved.name.clone());
            }
        }
        names
    }

    fn owes(&self, obligation: &str) -> bool {
        let owed = self.trace.state.owed.get(obligation);
        self.strays.contains_key(obligation)
            || owed.and_then(|owed| owed.change).is_some_and(|change| self.is.contains(&change))
    }

    fn tell(&mut self, commit: Oid, record: Box<Record>) -> Result<()> {
        let (mut verdicts, mut cannot) = (Vec::new(), Vec::new());
        if let Event::Decision(decided) = &record.event {
            for one in &decided.refs {
                let also: Vec<Oid> = one
                    .brought
                    .iter()
                    .filter(|way| self.is.contains(&way.landed_as))
                    .map(|way| way.change)
                    .collect();
                let is_it = |id: Oid| self.is.contains(&id) || also.contains(&id);
                let judged = judged::of(self.repository, commit, decided, one)?;
                let found = judged.verdicts.into_iter().filter(|verdict| verdict.revision.is_some_and(is_it));
                let before = verdicts.len();
                verdicts.extend(found.map(|verdict| (one.name.clone(), verdict)));
                if verdicts.len() == before {
                    cannot.extend(judged.cannot);
                }
            }
        }
        self.trace.state.apply(&record);
        self.trace.told.push(Told { commit, record, verdicts, cannot });
        Ok(())
    }
}
