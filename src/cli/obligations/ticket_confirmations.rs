//! What ticket systems say of what is owed, as a sweep asks them.
//!
//! They are asked before the ledger is locked, since they may take their time; what they said is held
//! against the ledger as it is then.

use std::io::{self, Write as _};

use jiff::Timestamp;

use crate::change::{Change, Commit, Commits, NeededFacts};
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::obligations::sweep::{SweepArgs, SweptRef, change_from_history};
use crate::cli::tickets::read_ticket_access;
use crate::git::{CommitRange, Repository};
use crate::ledger::record::LedgerEvent;
use crate::ledger::server::confirm_tickets::{
    ConfirmationScope, TicketConfirmation, confirm_tickets, is_ticket_confirmable,
};
use crate::ledger::state::obligation::build_discharge;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::report::escape;
use crate::verdict::Message;

/// What ticket systems said, by the ids of what is owed.
#[derive(Default)]
pub(crate) struct TicketConfirmations {
    answers: Vec<(String, TicketConfirmation)>,
}

/// Asks about every ticket that is owed on these refs.
pub(crate) fn confirm_owed_tickets(
    repository: &Repository,
    state: &LedgerState,
    found: &[SweptRef],
    args: &SweepArgs,
    world: &Context,
) -> Result<TicketConfirmations, CommandError> {
    let is_on = |owed: &TrackedObligation, on: &SweptRef| {
        owed.ref_name == on.ref_name && is_ticket_confirmable(owed, &on.loaded_policy.policy)
    };
    // What it takes may be set wrongly, which matters only to those who need it.
    if !state.obligations.values().any(|owed| found.iter().any(|on| is_on(owed, on))) {
        return Ok(TicketConfirmations::default());
    }
    let access = read_ticket_access(world, args.export.as_deref(), args.repository.as_deref())?;
    let mut answers = Vec::new();
    for SweptRef { ref_name: name, loaded_policy: loaded, closings } in found {
        let on = ConfirmationScope { ref_name: name, policy: &loaded.policy, closings, now: world.now };
        answers.extend(confirm_tickets(&on, state, &|owed| read_owing_change(repository, owed), || {
            access.clone()
        }));
    }
    Ok(TicketConfirmations { answers })
}

/// Returns the change that owes something, as it stands in history.
fn read_owing_change(repository: &Repository, owed: &TrackedObligation) -> anyhow::Result<Change> {
    let id = owed.change.ok_or_else(|| anyhow::anyhow!("it is not known which change owes it"))?;
    let first: Vec<_> =
        repository.read_commit(id, &NeededFacts::new())?.parents.first().copied().into_iter().collect();
    let range = CommitRange { tip: id, hidden_tips: &first, trusted_keys: None };
    let one = |commits: Vec<Result<Commit, _>>| commits.into_iter().collect::<Result<Vec<Commit>, _>>();
    let mut steps = Vec::new();
    repository.for_each_step(
        range,
        &NeededFacts::new(),
        crate::cli::context::count_threads,
        one,
        |commits| {
            steps.push(commits);
            Ok(())
        },
    )?;
    let commits = steps.pop().transpose()?.and_then(Commits::new);
    let commits = commits.ok_or_else(|| anyhow::anyhow!("the change that owes it cannot be found"))?;
    Ok(change_from_history(&owed.ref_name, commits, owed.since))
}

impl TicketConfirmations {
    /// Puts together what was answered.
    pub(crate) fn from_answers(answers: Vec<(String, TicketConfirmation)>) -> Self {
        TicketConfirmations { answers }
    }

    /// Returns the records that close what the systems have confirmed, beside what `others` close.
    pub(crate) fn build_discharges(
        &self,
        state: &LedgerState,
        others: &[LedgerEvent],
        now: Timestamp,
    ) -> Vec<LedgerEvent> {
        let is_closed = |id: &String| {
            others.iter().any(|event| matches!(event, LedgerEvent::Discharged(one) if one.obligation == *id))
        };
        let found = self.answers.iter().filter_map(|(id, answer)| {
            let owed = state.obligations.get(id).filter(|owed| owed.closed.is_none() && !is_closed(id))?;
            Some(LedgerEvent::Discharged(build_discharge(id, owed, answer.evidence.clone()?, now)))
        });
        found.collect()
    }

    /// Tells what was closed, and why the rest stays open.
    pub(crate) fn write_confirmation_report(
        &self,
        state: &LedgerState,
        closed: &[Message],
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for one in closed {
            writeln!(out, "changegate: {}", escape::escape_sentence(&one.sentence()))?;
        }
        for (owed, answer) in self.list_open(state) {
            let change = owed.change.map(|id| id.short_hex()).unwrap_or_default();
            let what = format!("{} of {change} stays open", escape::escape_words(&owed.rule));
            for why in &answer.objections {
                writeln!(out, "changegate: {what}: {}", escape::escape_sentence(&why.sentence()))?;
            }
            for why in &answer.unanswered {
                writeln!(
                    out,
                    "changegate: {what}, nobody could be asked: {}",
                    escape::escape_sentence(&why.sentence())
                )?;
            }
        }
        Ok(())
    }

    /// Returns whether something is open about which a system could not be asked.
    pub(crate) fn has_unanswered(&self, state: &LedgerState) -> bool {
        self.list_open(state).any(|(_, answer)| !answer.unanswered.is_empty())
    }

    fn list_open<'a>(
        &'a self,
        state: &'a LedgerState,
    ) -> impl Iterator<Item = (&'a TrackedObligation, &'a TicketConfirmation)> {
        let open = |id: &String| state.obligations.get(id).filter(|owed| owed.closed.is_none());
        self.answers.iter().filter_map(move |(id, answer)| Some((open(id)?, answer)))
    }
}
