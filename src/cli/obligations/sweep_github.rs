//! The sweep of a ledger that lies on GitHub: what no run has recorded, reviews that close something,
//! what is due.

use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use jiff::Timestamp;

use crate::calendar::TimeLimit;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::obligations::notify::NotifyChannel;
use crate::cli::obligations::obligation_list::ObligationList;
use crate::cli::obligations::sweep::{SweepArgs, notify_due};
use crate::cli::obligations::ticket_confirmations::TicketConfirmations;
use crate::cli::tickets::read_ticket_access;
use crate::cli::{ledger, output, pr};
use crate::github::{GitHubJudgeOptions, GitHubSession, GitHubSource, PusherSource, RepositoryName};
use crate::http::RequestPolicy;
use crate::ledger::forge::ForgeLedger;
use crate::ledger::forge::late_reviews::{find_late_reviews, is_closable_by_review};
use crate::ledger::forge::past_decisions::PastDecisions;
use crate::ledger::forge::ticket_policies::{TicketPolicies, confirm_forge_tickets};
use crate::ledger::server::discharge;
use crate::ledger::state::TrackedObligation;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::escape;
use crate::verdict::Message;

/// How long asking GitHub may take altogether, where nobody says so.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(900);

/// What a sweep came to.
pub(crate) struct SweepOutcome {
    /// How it ends.
    pub(crate) exit: CommandExit,
    /// What is owed, for people.
    pub(crate) text: String,
}

/// Sweeps from a terminal or a scheduler, by a token in the environment.
pub(crate) fn sweep_github(
    repo: &str,
    args: &SweepArgs,
    within: TimeLimit,
    places: &[NotifyChannel],
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let repo = RepositoryName::parse_name(repo)
        .ok_or_else(|| CommandError::Usage("--github takes OWNER/REPO".into()))?;
    let server = pr::read_github_server(None, world)?;
    let token = pr::read_github_token(&["CHANGEGATE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"], world)?;
    let remote = ledger::open_ledger_remote(&repo, &server, token.as_ref(), world)?;
    let session = GitHubSession::open_session(GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: RequestPolicy { total_timeout: SWEEP_TIMEOUT, ..RequestPolicy::FORGE },
        record_to: None,
        now: world.now,
    })?;
    let options = GitHubJudgeOptions {
        policy_path: DEFAULT_POLICY_PATH.into(),
        pusher_source: PusherSource::BranchActivity,
        explain: false,
        ticket_access: Some(read_ticket_access(world, args.export.as_deref(), None)?),
    };
    let keeping = ForgeLedger::new(&session, &remote, &repo, &options, world.clock);
    sweep_forge_ledger(&keeping, within, places, world).map(|swept| swept.exit)
}

/// Sweeps, and writes what is owed to standard output.
pub(crate) fn sweep_forge_ledger(
    keeping: &ForgeLedger<'_>,
    within: TimeLimit,
    places: &[NotifyChannel],
    world: &Context,
) -> Result<SweepOutcome, CommandError> {
    let (told, state) = keeping.record_all_refs()?;
    ledger::write_forge_ledger_report(&told, keeping.newest_anchor().as_ref())?;
    let policies = TicketPolicies::read_policies(keeping, &state);
    let is_wanted = |owed: &&TrackedObligation| is_closable_by_review(owed) || policies.is_confirmable(owed);
    let wanted: Vec<&TrackedObligation> = state.obligations.values().filter(is_wanted).collect();
    let recalled = PastDecisions::read_decisions(keeping, &wanted)?;
    let looked = find_late_reviews(keeping, &state, &recalled);
    let confirmed = TicketConfirmations::from_answers(confirm_forge_tickets(
        keeping,
        &state,
        &policies,
        &recalled,
        (world.clock)(),
    ));
    let (closed, state) = keeping.append_with_retry(&mut |ledger, now| {
        let mut events = looked.discharge_events(ledger.state());
        events.extend(confirmed.build_discharges(ledger.state(), &events, now));
        let words: Vec<Message> = events.iter().filter_map(discharge::describe_discharge).collect();
        events.into_iter().try_for_each(|event| ledger.append_event(event, None, now)).map(|()| words)
    })?;
    let problems: Vec<&Message> = looked.problems.iter().chain(&policies.problems).collect();
    confirmed.write_confirmation_report(&state, &closed)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for line in &problems {
        output::ignore_broken_pipe(writeln!(
            out,
            "changegate: {}",
            escape::escape_sentence(&line.sentence())
        ))?;
    }
    let now: Timestamp = (world.clock)();
    let listing = ObligationList::from_state(&state, now, within.due_after(now).unwrap_or(now));
    let mut text = Vec::new();
    listing.write_terminal(false, &mut text)?;
    output::ignore_broken_pipe(out.write_all(&text).and_then(|()| out.flush()))?;
    drop(out);
    notify_due(&listing, places, world, &mut |event| {
        keeping.append_with_retry(&mut |ledger, now| ledger.append_event(event.clone(), None, now))?;
        Ok(())
    })?;
    let is_told = problems.is_empty() && told.unanswered.is_empty();
    let exit = match (told.appended.unauthorised.is_empty(), listing.command_exit(), is_told) {
        (_, _, false) => CommandExit::Failed,
        (true, CommandExit::Allowed, true) if confirmed.has_unanswered(&state) => CommandExit::Failed,
        (true, exit, true) => exit,
        (false, ..) => CommandExit::Denied,
    };
    Ok(SweepOutcome { exit, text: String::from_utf8_lossy(&text).into_owned() })
}
