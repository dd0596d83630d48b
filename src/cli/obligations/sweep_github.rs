//! The sweep of a ledger on GitHub: records what no run has recorded, closes obligations by reviews and
//! tickets, and notifies about due ones.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::calendar::{Holidays, TimeLimit};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::github_remote::{open_ledger_remote, write_forge_ledger_report};
use crate::cli::obligations::due_notices::notify_due;
use crate::cli::obligations::notify::NotifyChannel;
use crate::cli::obligations::obligation_list::ObligationList;
use crate::cli::obligations::ticket_confirmations::TicketConfirmations;
use crate::cli::policy::lookup::load_local_policy;
use crate::cli::tickets::read_ticket_access;
use crate::cli::{output, pr};
use crate::gate::MissingPolicyAction;
use crate::github::{
    GitHubJudgeOptions, GitHubSession, GitHubSource, OwnChecks, PusherSource, RepositoryName,
};
use crate::http::RequestPolicy;
use crate::ledger::forge::ForgeLedger;
use crate::ledger::forge::late_reviews::{find_late_reviews, is_closable_by_review};
use crate::ledger::forge::past_decisions::PastDecisions;
use crate::ledger::forge::pull_verdicts::{append_pull_verdicts, describe_unread};
use crate::ledger::forge::ticket_policies::{TicketPolicies, confirm_forge_tickets};
use crate::ledger::record::{LedgerEvent, RecordedHookState};
use crate::ledger::server::decision::TOOL_VERSION;
use crate::ledger::server::discharge;
use crate::ledger::server::heartbeat::plan_heartbeat;
use crate::ledger::state::TrackedObligation;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::escape;
use crate::verdict::Message;

/// The time limit for all requests to GitHub in one sweep.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(900);

/// The result of a sweep.
pub(crate) struct SweepOutcome {
    /// The exit of the command.
    pub(crate) exit: CommandExit,
    /// The list of obligations, as text.
    pub(crate) text: String,
}

/// Sweeps from a terminal or a scheduler, with a token from the environment.
pub(crate) fn sweep_github(
    (repo, may_begin): (&str, bool),
    export: Option<&Path>,
    within: TimeLimit,
    channels: &[NotifyChannel],
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let repo = RepositoryName::parse_name(repo)
        .ok_or_else(|| CommandError::Usage("--github takes OWNER/REPO, such as acme/shop".into()))?;
    let server = pr::read_github_server(None, context)?;
    let token = pr::read_github_token(&["CHANGEGATE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"], context)?;
    let remote = open_ledger_remote(&repo, &server, token.as_ref(), context)?;
    let session = GitHubSession::open_session(GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: RequestPolicy { total_timeout: SWEEP_TIMEOUT, ..RequestPolicy::FORGE },
        record_to: None,
        now: context.now,
    })?;
    let options = GitHubJudgeOptions {
        policy_path: DEFAULT_POLICY_PATH.into(),
        missing_policy: MissingPolicyAction::Deny,
        pusher_source: PusherSource::BranchActivity,
        explain: false,
        own_checks: OwnChecks::default(),
        ticket_access: Some(read_ticket_access(context, export, None)?),
    };
    let mut forge_ledger = ForgeLedger::new(&session, &remote, &repo, &options, context.clock);
    forge_ledger.may_begin = may_begin;
    sweep_forge_ledger(&forge_ledger, within, channels, context).map(|swept| swept.exit)
}

/// Sweeps, and prints the open obligations.
pub(crate) fn sweep_forge_ledger(
    forge_ledger: &ForgeLedger<'_>,
    within: TimeLimit,
    channels: &[NotifyChannel],
    context: &Context,
) -> Result<SweepOutcome, CommandError> {
    let read_at = (context.clock)();
    let (appended, state) = forge_ledger.record_all_refs()?;
    write_forge_ledger_report(forge_ledger, &appended)?;
    let policies = TicketPolicies::read_policies(forge_ledger, &state);
    let mut closable: Vec<&TrackedObligation> = Vec::new();
    for owed in state.obligations.values() {
        if is_closable_by_review(owed) || policies.is_confirmable(owed) {
            closable.push(owed);
        }
    }
    let recalled = PastDecisions::read_decisions(forge_ledger, &closable)?;
    // GitHub and ticket systems are asked once, since the append is repeated if the ref has moved.
    let reviews = find_late_reviews(forge_ledger, &state, &recalled);
    let confirmed = TicketConfirmations::from_answers(confirm_forge_tickets(
        forge_ledger,
        &state,
        &policies,
        &recalled,
        (context.clock)(),
    ));
    // Last, since it takes the most requests: what is owed must not wait for it.
    let (verdicts, unread_verdicts) = match forge_ledger.find_pull_verdicts(&state, read_at) {
        Ok(verdicts) => (verdicts, None),
        Err(error) => (Vec::new(), Some(describe_unread(&error))),
    };
    let (closed, state) = forge_ledger.append_with_retry(&mut |ledger, now| {
        let mut events = reviews.discharge_events(ledger.state());
        events.extend(confirmed.build_discharges(ledger.state(), &events, now));
        append_pull_verdicts(ledger, &verdicts, now)?;
        let words: Vec<Message> = events.iter().filter_map(discharge::describe_discharge).collect();
        for event in events {
            ledger.append_event(event, now)?;
        }
        if let Some(heartbeat) = plan_heartbeat(
            ledger,
            ledger.newest_recorded_at(),
            RecordedHookState::Workflow,
            0,
            TOOL_VERSION,
            read_at,
        ) {
            ledger.append_event(LedgerEvent::Heartbeat(heartbeat), now)?;
        }
        Ok(words)
    })?;
    let problems: Vec<&Message> =
        reviews.problems.iter().chain(&policies.problems).chain(&unread_verdicts).collect();
    confirmed.write_confirmation_report(&state, &closed)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for line in &problems {
        output::ignore_broken_pipe(writeln!(
            out,
            "changegate: {}",
            escape::escape_sentence(&line.sentence())
        ))?;
    }
    let now: Timestamp = (context.clock)();
    let mut listing =
        ObligationList::from_state(&state, now, within.due_after(now, &Holidays::default()).unwrap_or(now));
    // A workflow has the repository with its policy at hand, as a rule.
    if let Ok(loaded) = load_local_policy(None, context) {
        listing.add_successions(&loaded.policy, None);
    }
    let mut text = Vec::new();
    listing.write_terminal(false, &mut text)?;
    output::ignore_broken_pipe(out.write_all(&text).and_then(|()| out.flush()))?;
    drop(out);
    notify_due(&listing, channels, context, &mut |event| {
        forge_ledger.append_with_retry(&mut |ledger, now| ledger.append_event(event.clone(), now))?;
        Ok(())
    })?;
    let is_complete = problems.is_empty() && appended.unanswered.is_empty();
    let exit = match (appended.appended.unauthorised.is_empty(), listing.command_exit(), is_complete) {
        (_, _, false) => CommandExit::Failed,
        (true, CommandExit::Allowed, true) if confirmed.has_unanswered(&state) => CommandExit::Failed,
        (true, exit, true) => exit,
        (false, ..) => CommandExit::Denied,
    };
    Ok(SweepOutcome { exit, text: String::from_utf8_lossy(&text).into_owned() })
}
