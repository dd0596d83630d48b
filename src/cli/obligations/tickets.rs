//! What ticket systems say of what is owed, as a sweep asks them.
//!
//! They are asked before the ledger is locked, since they may take their time; what they said is held
//! against the ledger as it is then.

use std::io::{self, Write as _};

use jiff::Timestamp;

use super::super::tickets::access;
use super::super::{Stop, World};
use super::sweeping::{Landed, SweepArgs, of_history};
use crate::change::{Change, Commit, Needs};
use crate::git::{Range, Repository};
use crate::ledger::confirming::{Answer, On, ask_all, is_asked};
use crate::ledger::obligation::discharge;
use crate::ledger::record::Event;
use crate::ledger::state::{Owed, State};
use crate::report::escape;

/// What ticket systems said, by the ids of what is owed.
#[derive(Default)]
pub(super) struct Confirmed {
    answers: Vec<(String, Answer)>,
}

/// Asks about every ticket that is owed on these refs.
pub(super) fn confirm(
    repository: &Repository,
    state: &State,
    found: &[Landed],
    args: &SweepArgs,
    world: &World,
) -> Result<Confirmed, Stop> {
    let is_on = |owed: &Owed, on: &Landed| owed.on == on.name && is_asked(owed, &on.loaded.policy);
    // What it takes may be set wrongly, which matters only to those who need it.
    if !state.owed.values().any(|owed| found.iter().any(|on| is_on(owed, on))) {
        return Ok(Confirmed::default());
    }
    let access = access(world, args.export.as_deref(), args.repository.as_deref())?;
    let mut answers = Vec::new();
    for Landed { name, loaded, closings } in found {
        let on = On { name, policy: &loaded.policy, landed: closings, now: world.now };
        answers.extend(ask_all(&on, state, &|owed| owing(repository, owed), || access.clone()));
    }
    Ok(Confirmed { answers })
}

/// Returns the change that owes something, as it stands in history.
fn owing(repository: &Repository, owed: &Owed) -> anyhow::Result<Change> {
    let id = owed.change.ok_or_else(|| anyhow::anyhow!("it is not known which change owes it"))?;
    let first: Vec<_> = repository.commit(id, &Needs::new())?.parents.first().copied().into_iter().collect();
    let range = Range { new: id, hidden: &first, trusted: None };
    let one = |commits: Vec<Result<Commit, _>>| commits.into_iter().collect::<Result<Vec<Commit>, _>>();
    let mut steps = Vec::new();
    repository.for_each_step(range, &Needs::new(), crate::cli::threads, one, |commits| {
        steps.push(commits);
        Ok(())
    })?;
    let commits = steps.pop().ok_or_else(|| anyhow::anyhow!("the change that owes it cannot be found"))??;
    Ok(of_history(&owed.on, commits, owed.since))
}

impl Confirmed {
    /// Puts together what was answered.
    pub(super) fn of(answers: Vec<(String, Answer)>) -> Self {
        Confirmed { answers }
    }

    /// Returns the records that close what the systems have confirmed, beside what `others` close.
    pub(super) fn discharges(&self, state: &State, others: &[Event], now: Timestamp) -> Vec<Event> {
        let is_closed = |id: &String| {
            others.iter().any(|event| matches!(event, Event::Discharged(one) if one.obligation == *id))
        };
        let found = self.answers.iter().filter_map(|(id, answer)| {
            let owed = state.owed.get(id).filter(|owed| owed.closed.is_none() && !is_closed(id))?;
            Some(Event::Discharged(discharge(id, owed, answer.found.clone()?, now)))
        });
        found.collect()
    }

    /// Tells what was closed, and why the rest stays open.
    pub(super) fn tell(&self, state: &State, closed: &[String]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for one in closed {
            writeln!(out, "changegate: {}", escape::words(one))?;
        }
        for (owed, answer) in self.open(state) {
            let change = owed.change.map(|id| id.short()).unwrap_or_default();
            let what = format!("{} of {change} stays open", escape::words(&owed.rule));
            for why in &answer.against {
                writeln!(out, "changegate: {what}: {}", escape::sentence(why))?;
            }
            for why in &answer.unanswered {
                writeln!(out, "changegate: {what}, nobody could be asked: {}", escape::sentence(why))?;
            }
        }
        Ok(())
    }

    /// Returns whether something is open about which a system could not be asked.
    pub(super) fn is_unanswered(&self, state: &State) -> bool {
        self.open(state).any(|(_, answer)| !answer.unanswered.is_empty())
    }

    fn open<'a>(&'a self, state: &'a State) -> impl Iterator<Item = (&'a Owed, &'a Answer)> {
        let open = |id: &String| state.owed.get(id).filter(|owed| owed.closed.is_none());
        self.answers.iter().filter_map(move |(id, answer)| Some((open(id)?, answer)))
    }
}
