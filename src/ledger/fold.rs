//! Folding in: what was written ahead becomes record after record, with what became of it.
//!
//! Whoever comes next does it: the push itself when git tells it what landed, the next push, or
//! somebody who asks for it. Each decision leaves the disk only after it is in the ledger, and is
//! known again if a process died between the two.
//!
//! The order of looking matters. First come the decisions on disk and whether their pushes are over,
//! then what the refs hold, then the decisions once more. So what the refs hold is final for every
//! push that is over, and every move that can be seen has its decision among those seen last, since a
//! decision is on disk before its ref moves. A move without one was made by somebody else.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use super::ahead;
use super::pending::{self, Pending};
use super::place::{self, Lock};
use super::record::{Begin, Decided, Event, Moved, Outcome};
use super::refs::Refs;
use super::session::{self, Asking};
use super::state::{Owed, RECENT, key, name};
use super::steps::{self, Steps, asked, is_ready};
use super::store::{Ledger, find, unstick};
use super::stray::{self, Stray};
use super::sweep::{closed, discharges, refused};
use super::walk::{Step, walk};
use crate::change::{Oid, Text};
use crate::gate::break_glass::{FOLDER, is_asked_at};
use crate::gate::brought::makers_of;
use crate::git::{RefUpdate, Repository};
use crate::pattern::RefPattern;
use crate::policy::Policy;
use crate::verdict::{Decision, Outcome as RuleOutcome};

/// What folding in takes.
pub struct Folding<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Which refs are under change control; `None` if nobody can tell, and then what the ledger says
    /// goes on.
    pub scope: Option<&'a [RefPattern]>,
    /// The policy that stands now, and the ref that it is from; `None` if nobody can tell. It says who
    /// may declare what landed without a decision.
    pub policy: Option<(&'a Policy, &'a Text)>,
    /// The key that signs records.
    pub key: Option<&'a str>,
    /// Tells when it is; asked once nobody else is waited for.
    pub clock: fn() -> Timestamp,
    /// How long a push may be under way before it counts as over, unless what serves it is gone.
    pub patience: SignedDuration,
    /// The version of the gate.
    pub tool: &'a str,
    /// Whether what serves a push still runs; `None` if nobody can tell.
    pub is_running: &'a dyn Fn(&str) -> Option<bool>,
}

/// What git tells of a push: what landed, and what serves it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The refs that moved, by the names that were pushed.
    pub landed: &'a [RefUpdate],
    /// As in [`super::ahead::Ahead::served_by`].
    pub served_by: Option<&'a str>,
}

/// What folding in came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// How many records were appended.
    pub records: usize,
    /// How many decisions were found late: their push never told what became of it.
    pub found_late: usize,
    /// The refs that moved without a decision.
    pub unauthorised: Vec<Moved>,
    /// How many decisions could not be read.
    pub damaged: usize,
    /// What the changes that landed closed, and what they would have closed and do not, as sentences.
    pub closed: Vec<String>,
    /// What became of break-glass sessions, as sentences.
    pub sessions: Vec<String>,
    /// How many decisions wait for a push that may still be under way.
    pub waiting: usize,
    /// What has landed as decided, of what git has just told.
    pub landed: Vec<Landed>,
}

/// A ref that moved as the push that asks had been allowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// What moved.
    pub moved: Moved,
    /// When each thing is due that is owed for it; `None` for what is due at no known time.
    pub owed: Vec<Option<Timestamp>>,
}

/// Folds in what was written ahead; `told` is what git tells of the push that asks, if one does.
///
/// # Errors
///
/// Fails if the ledger cannot be read or written; what is not in it stays on disk.
pub fn fold(folding: &Folding<'_>, told: Option<Told<'_>>) -> Result<Folded> {
    let directory = folding.repository.common_dir();
    let mut lock = place::lock(directory).context("cannot lock the ledger")?;
    let now = (folding.clock)();
    unstick(folding.repository, &mut lock)?;
    let ledger = Ledger::open(folding.repository, folding.key)?;
    let list = |known: &[_]| ahead::all(directory, known).context("cannot list what was written ahead");
    let first = list(&[])?;
    let mut pending = pending::of_pushes(folding, now, first.clone(), ledger.state());
    let now_scope = folding.scope.map(<[_]>::to_vec);
    let also = pending.iter().flat_map(Pending::edges).map(|(name, _)| name.clone()).collect();
    let refs = Refs::read(folding.repository, now_scope, ledger.state(), &also)?;
    let asked_for = folding.repository.direct_refs(FOLDER)?;
    let later = list(&first)?;
    pending.extend(pending::under_way(later, ledger.state()));
    if let Some(told) = told {
        pending::tell(&mut pending, &told, folding.repository)?;
    }
    let mut run = Run { folding, ledger, lock: &mut lock, folded: Folded::default(), done: Vec::new(), now };
    run.begin_or_rescope(&refs, &pending)?;
    run.flag()?;
    run.decisions(&refs, &mut pending)?;
    run.unexplained(&refs, &pending)?;
    run.commit()?;
    pending::take_away(folding.repository, asked_for, &pending, now);
    let before = now.checked_sub(folding.patience).unwrap_or(Timestamp::MIN);
    ahead::tidy(directory, before).context("cannot list what was written ahead")?;
    Ok(run.folded)
}

struct Run<'a, 'b> {
    folding: &'b Folding<'a>,
    ledger: Ledger<'a>,
    lock: &'b mut Lock,
    folded: Folded,
    /// The files of decisions that are complete once the ledger holds what was appended.
    done: Vec<PathBuf>,
    now: Timestamp,
}

impl Run<'_, '_> {
    fn append(&mut self, event: Event, facts: Option<&str>) -> Result<()> {
        self.ledger.append(event, facts, self.now)?;
        self.folded.records += 1;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.ledger.commit(self.lock, self.now)?;
        for path in self.done.drain(..) {
            pending::remove(&path)?;
        }
        Ok(())
    }

    /// Begins the ledger, or notes that other refs are under change control than before.
    fn begin_or_rescope(&mut self, refs: &Refs, pending: &[Pending]) -> Result<()> {
        // What was decided and is not in the ledger comes after this.
        let asked = asked(pending);
        let before = |name: &Text, holds: Oid| {
            let edges = asked.get(name).map(|(_, edges)| edges.as_slice()).unwrap_or_default();
            match walk(None, Some(holds), edges, &|_| false).first() {
                Some(Step::Gap(_, to)) => *to,
                Some(Step::Decided(_)) => None,
                None => Some(holds),
            }
        };
        if !self.ledger.has_begun() {
            let tips = refs.tips(&before, &|_| true);
            let begin = Begin { protects: refs.patterns(), tips, tool: self.folding.tool.to_owned() };
            return self.append(Event::Begin(begin), None);
        }
        if let Some(scope) = refs.rescoped(self.ledger.state(), &before) {
            self.append(Event::Scope(scope), None)?;
        }
        Ok(())
    }

    /// Appends every decision of which it is known what became of it.
    fn decisions(&mut self, refs: &Refs, pending: &mut [Pending]) -> Result<()> {
        let mut steps = steps::read(self.folding.repository, self.ledger.state(), refs, pending);
        let mut left: Vec<usize> = (0..pending.len()).collect();
        while !left.is_empty() {
            let ready = left.iter().position(|place| is_ready(*place, &steps));
            // Steps that wait for one another cannot be: the oldest decision comes first then.
            let place = left.remove(ready.unwrap_or(0));
            let landed = self.gaps(place, &mut steps)?;
            if let Some(one) = pending.get_mut(place) {
                self.one(one, &landed)?;
            }
            if RECENT / 4 <= self.done.len() {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Takes the steps of one decision off, records what nobody decided before them, and returns the
    /// refs that landed.
    fn gaps(&mut self, place: usize, steps: &mut Steps) -> Result<BTreeSet<Text>> {
        let (landed, gaps) = steps::take(place, steps);
        for moved in gaps {
            self.unauthorised(moved)?;
        }
        Ok(landed)
    }

    /// Appends one decision and what became of it, as far as that is known.
    fn one(&mut self, one: &mut Pending, landed: &BTreeSet<Text>) -> Result<()> {
        match one {
            Pending::Damaged { damaged, path, is_known } => {
                if !*is_known {
                    self.append(Event::Damaged(damaged.clone()), None)?;
                    self.folded.damaged += 1;
                    self.commit()?;
                }
                pending::set_aside(path)
            }
            Pending::Stayed { of, moves } => {
                let moved: Vec<Moved> =
                    moves.iter().filter(|moved| landed.contains(&moved.name)).cloned().collect();
                if moved.is_empty() {
                    return Ok(());
                }
                self.folded.found_late += 1;
                let names: Vec<Text> = moved.iter().map(|moved| moved.name.clone()).collect();
                self.outcome(of.clone(), moved, Vec::new(), true)?;
                let Some(decided) = find(self.folding.repository, of)? else { return Ok(()) };
                self.discharges(&decided, &names)?;
                if names.iter().any(is_asked_at) { self.session(&decided) } else { Ok(()) }
            }
            Pending::Decision(one) => {
                let is_late = one.is_over && !one.is_told;
                let (moved, stayed): (Vec<Moved>, Vec<Moved>) =
                    one.moves.iter().cloned().partition(|moved| landed.contains(&moved.name));
                let is_complete = one.is_over || stayed.is_empty();
                if !is_complete && moved.is_empty() {
                    self.folded.waiting += 1;
                    return Ok(());
                }
                let decided = &one.ahead.decided;
                if one.is_told {
                    self.folded.landed.extend(moved.iter().map(|moved| told(moved, decided)));
                }
                if !one.is_known {
                    let whole = one.whole()?;
                    self.append(Event::Decision(Box::new(whole.decided)), whole.facts.as_deref())?;
                }
                if decided.decision == Decision::Allow && !one.moves.is_empty() {
                    self.folded.found_late += usize::from(is_late);
                    let stayed = stayed.into_iter().filter(|_| one.is_over).map(|moved| moved.name);
                    let names: Vec<Text> = moved.iter().map(|moved| moved.name.clone()).collect();
                    self.outcome(decided.id.clone(), moved, stayed.collect(), is_late)?;
                    self.discharges(decided, &names)?;
                    if names.iter().any(is_asked_at) {
                        self.session(decided)?;
                    }
                }
                if is_complete {
                    one.is_done = true;
                    self.done.push(one.path.clone());
                }
                Ok(())
            }
        }
    }

    fn outcome(&mut self, of: String, landed: Vec<Moved>, stayed: Vec<Text>, found_late: bool) -> Result<()> {
        let observed_at = self.now;
        self.append(Event::Outcome(Outcome { of, landed, stayed, observed_at, found_late }), None)
    }

    /// Records what the changes that landed close of what was owed before.
    fn discharges(&mut self, decided: &Decided, landed: &[Text]) -> Result<()> {
        let refs = decided.refs.iter().filter(|one| landed.contains(&one.name) && !one.closings.is_empty());
        for one in refs {
            let (state, closings) = (self.ledger.state(), one.closings.as_slice());
            self.folded.closed.extend(refused(state, &one.name, closings));
            for event in discharges(state, &one.name, closings, decided.observed_at) {
                self.folded.closed.extend(closed(&event));
                self.append(event, None)?;
            }
        }
        Ok(())
    }

    /// Records that a break-glass session is opened or closed, as was decided.
    fn session(&mut self, decided: &Decided) -> Result<()> {
        let Some(asking) = Asking::of(decided) else { return Ok(()) };
        match session::event(self.ledger.state(), &asking) {
            Ok(record) => {
                self.folded.sessions.push(record.words());
                self.append(Event::BreakGlass(record), None)
            }
            Err(why) => {
                self.folded.sessions.push(why);
                Ok(())
            }
        }
    }

    fn unauthorised(&mut self, moved: Moved) -> Result<()> {
        self.append(Event::Unauthorised(moved.clone()), None)?;
        self.folded.unauthorised.push(moved);
        self.flag()
    }

    /// Records who may declare what landed without a decision, where nobody could say that before.
    fn flag(&mut self) -> Result<()> {
        let Some(policy) = self.folding.policy else { return Ok(()) };
        let (repository, state) = (self.folding.repository, self.ledger.state());
        let mut makers = |owed: &Owed, stray: &Stray| {
            // A ref that is new brings what no other holds.
            let hidden = stray.old.map_or_else(|| stray::others(state, &owed.on), |old| vec![old]);
            Some(makers_of(repository, policy.0, &owed.on, owed.change, &hidden, self.now))
        };
        let flags = stray::flags(policy, state, &mut makers);
        for flagged in flags {
            self.append(Event::Flagged(flagged), None)?;
        }
        Ok(())
    }

    /// Records what refs hold that no decision on disk accounts for.
    fn unexplained(&mut self, refs: &Refs, pending: &[Pending]) -> Result<()> {
        let waiting = pending.iter().filter(|one| matches!(one, Pending::Decision(one) if !one.is_done));
        let waiting: BTreeSet<&Text> = waiting.flat_map(Pending::edges).map(|(name, _)| name).collect();
        let known = self.ledger.state().tips.keys().map(|key| name(key));
        let mut names: Vec<Text> = known.chain(refs.names().cloned()).collect();
        names.sort();
        names.dedup();
        for name in names.into_iter().filter(|name| refs.is_protected(name) && !waiting.contains(name)) {
            let old = self.ledger.state().tips.get(&key(&name)).copied();
            let new = refs.holds(&name).flatten();
            if old != new {
                self.unauthorised(Moved { name, old, new })?;
            }
        }
        Ok(())
    }
}

fn told(moved: &Moved, decided: &Decided) -> Landed {
    let changes = decided.refs.iter().filter(|one| one.name == moved.name).flat_map(|one| &one.changes);
    let outcomes = changes.flat_map(|change| &change.judgements).map(|judgement| &judgement.outcome);
    let owed = outcomes.filter_map(|outcome| match outcome {
        RuleOutcome::Owed(owed) => Some(owed.iter().map(|one| one.due)),
        _ => None,
    });
    Landed { moved: moved.clone(), owed: owed.flatten().collect() }
}
