//! The answers of ticket systems about obligations, as a sweep collects them.
//!
//! The systems are asked before the ledger is locked, since they may be slow. The answers are then applied
//! to the ledger as it is under the lock.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::change::{Change, Commit, Commits, NeededFacts, Oid};
use crate::cli::command_error::CommandError;
use crate::cli::context::{Context, count_threads};
use crate::cli::obligations::swept_ref::{SweptRef, change_from_history};
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

/// The answers of ticket systems, by the ids of the obligations.
#[derive(Default)]
pub(crate) struct TicketConfirmations {
    answers: Vec<(String, TicketConfirmation)>,
}

/// Asks about every ticket that an obligation on these refs needs.
pub(crate) fn confirm_owed_tickets(
    repository: &Repository,
    state: &LedgerState,
    swept: &[SweptRef],
    export: Option<&Path>,
    github_repository: Option<&str>,
    context: &Context,
) -> Result<TicketConfirmations, CommandError> {
    // Wrong settings for a ticket system matter only if a ticket is owed.
    if !has_owed_ticket(state, swept) {
        return Ok(TicketConfirmations::default());
    }
    let access = read_ticket_access(context, export, github_repository)?;
    let mut answers = Vec::new();
    for SweptRef { ref_name: name, loaded_policy: loaded, closings, .. } in swept {
        let on = ConfirmationScope { ref_name: name, policy: &loaded.policy, closings, now: context.now };
        let read_change = |owed: &TrackedObligation| read_owing_change(repository, owed);
        answers.extend(confirm_tickets(&on, state, &read_change, || access.clone()));
    }
    Ok(TicketConfirmations { answers })
}

/// Returns true if an obligation on one of the refs can be closed by a ticket.
fn has_owed_ticket(state: &LedgerState, swept: &[SweptRef]) -> bool {
    for owed in state.obligations.values() {
        for on in swept {
            if owed.ref_name == on.ref_name && is_ticket_confirmable(owed, &on.loaded_policy.policy) {
                return true;
            }
        }
    }
    false
}

/// Returns the change that has an obligation, read from history.
fn read_owing_change(repository: &Repository, owed: &TrackedObligation) -> anyhow::Result<Change> {
    let id = owed.change.context("the change with this obligation is unknown")?;
    let commit = repository.read_commit(id, &NeededFacts::new())?;
    let hidden: Vec<Oid> = commit.parents.first().copied().into_iter().collect();
    let range = CommitRange { tip: id, hidden_tips: &hidden, trusted_keys: None };
    let collect = |commits: Vec<Result<Commit, _>>| commits.into_iter().collect::<Result<Vec<Commit>, _>>();
    let mut steps = Vec::new();
    repository.for_each_step(range, &NeededFacts::new(), count_threads, collect, |commits| {
        steps.push(commits);
        Ok(())
    })?;
    let commits = steps.pop().transpose()?.and_then(Commits::new);
    let commits = commits.context("the change with this obligation cannot be found")?;
    Ok(change_from_history(&owed.ref_name, commits, owed.since))
}

impl TicketConfirmations {
    /// Returns the confirmations that these answers are.
    pub(crate) fn from_answers(answers: Vec<(String, TicketConfirmation)>) -> Self {
        TicketConfirmations { answers }
    }

    /// Returns the records that close confirmed obligations, except those that `others` close.
    pub(crate) fn build_discharges(
        &self,
        state: &LedgerState,
        others: &[LedgerEvent],
        now: Timestamp,
    ) -> Vec<LedgerEvent> {
        let mut events = Vec::new();
        for (id, answer) in &self.answers {
            let (Some(owed), Some(evidence)) = (find_open(state, id), &answer.evidence) else { continue };
            let is_closed_by_others = others
                .iter()
                .any(|event| matches!(event, LedgerEvent::Discharged(one) if one.obligation == *id));
            if !is_closed_by_others {
                events.push(LedgerEvent::Discharged(build_discharge(id, owed, evidence.clone(), now)));
            }
        }
        events
    }

    /// Writes what was closed, and why the rest stays open.
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
            let what = format!("{} of {change} stays open", escape::escape_words(owed.rule.as_str()));
            for why in &answer.objections {
                writeln!(out, "changegate: {what}: {}", escape::escape_sentence(&why.sentence()))?;
            }
            for why in &answer.unanswered {
                writeln!(
                    out,
                    "changegate: {what}; the ticket system cannot be asked: {}",
                    escape::escape_sentence(&why.sentence())
                )?;
            }
        }
        Ok(())
    }

    /// Returns true if an obligation is open because a ticket system could not be asked.
    pub(crate) fn has_unanswered(&self, state: &LedgerState) -> bool {
        self.list_open(state).iter().any(|(_, answer)| !answer.unanswered.is_empty())
    }

    fn list_open<'a>(
        &'a self,
        state: &'a LedgerState,
    ) -> Vec<(&'a TrackedObligation, &'a TicketConfirmation)> {
        let mut open = Vec::new();
        for (id, answer) in &self.answers {
            if let Some(owed) = find_open(state, id) {
                open.push((owed, answer));
            }
        }
        open
    }
}

fn find_open<'state>(state: &'state LedgerState, id: &str) -> Option<&'state TrackedObligation> {
    state.obligations.get(id).filter(|owed| owed.closed.is_none())
}
