//! `changegate sweep`: closes obligations that are met, and notifies about due ones.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use crate::calendar::{Holidays, TimeLimit};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::install::hook_state::find_hook_state;
use crate::cli::ledger_upkeep::{ReconcileOccasion, reconcile_repository, write_reconcile_report};
use crate::cli::obligations::due_notices::{notify_due, parse_channels};
use crate::cli::obligations::obligation_list::{DEFAULT_DUE_SOON, ObligationList};
use crate::cli::obligations::sweep_github::sweep_github;
use crate::cli::obligations::swept_ref::{SweptRef, find_open_refs, find_ref_closings};
use crate::cli::obligations::ticket_confirmations::{TicketConfirmations, confirm_owed_tickets};
use crate::cli::output;
use crate::gate::LedgerMode;
use crate::git::Repository;
use crate::ledger::record::LedgerEvent;
use crate::ledger::server::discharge::{LandedClosings, append_events, describe_discharge, list_discharges};
use crate::ledger::state::LedgerState;

/// Close met obligations and notify about due ones
///
/// Appends to the ledger what pushes left behind, looks through the changes on
/// each branch for `For-Change: COMMIT`, records what they close, and lists open
/// obligations. If the policy names ticket systems, looks up the owed tickets,
/// and tickets that name the change. With --notify, sends one notice for each
/// obligation that is due soon, and one when it is overdue. Run it on the server,
/// by a scheduler.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate sweep -C /srv/git/app.git
  changegate sweep --notify slack=env:SLACK_URL --due 12h
  changegate sweep --notify webhook=https://hooks.example.com/changes
  changegate sweep --export tickets.csv
  changegate sweep --github acme/shop     without a server, with GITHUB_TOKEN

Exits with 1 if an obligation is overdue; else with 3 if a ticket system could
not be asked about an open obligation, or a record of the ledger cannot be read
that may say what closes none.")]
pub(crate) struct SweepArgs {
    /// Send notices to slack=URL or webhook=URL; the URL can be env:NAME
    #[arg(long, value_name = "CHANNEL")]
    notify: Vec<String>,

    /// Treat obligations due within this time as due soon
    #[arg(long, value_name = "TIME", default_value = DEFAULT_DUE_SOON)]
    due: String,

    /// File for the ticket system `export` of the policy
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// GitHub repository for the ticket system `github` of the policy
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "github")]
    repository: Option<String>,

    /// Sweep the ledger that this GitHub repository keeps without a server
    #[arg(long, value_name = "OWNER/REPO")]
    github: Option<String>,

    /// Begin that ledger if there is none
    #[arg(long, requires = "github")]
    begin: bool,
}

pub(crate) fn run_sweep(args: &SweepArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let within = TimeLimit::new(&args.due).map_err(|why| CommandError::Usage(format!("--due: {why}")))?;
    let channels = parse_channels(&args.notify, context)?;
    if let Some(repo) = &args.github {
        return sweep_github((repo, args.begin), args.export.as_deref(), within, &channels, context);
    }
    let repository = Repository::discover_from(&context.directory)?;
    let settings = context.read_gate_settings(&repository).map_err(CommandError::Usage)?;
    if settings.ledger_mode == LedgerMode::Off {
        return Err(CommandError::ledger_off());
    }
    let occasion = ReconcileOccasion::Upkeep { now: false, hook: find_hook_state(&repository) };
    let reconciled = reconcile_repository(&repository, &settings, occasion, context)?;
    write_reconcile_report(&reconciled)?;
    let key = settings.ledger_key.as_deref();
    let before = append_events(&repository, key, context.now, |_| Vec::new())?;
    let mut swept: Vec<SweptRef> = Vec::new();
    for (name, oldest) in find_open_refs(&before) {
        swept.extend(find_ref_closings(&repository, &settings, &before, &name, &oldest, context)?);
    }
    // Ticket systems may be slow, so they are asked before the ledger is locked.
    let confirmed = confirm_owed_tickets(
        &repository,
        &before,
        &swept,
        args.export.as_deref(),
        args.repository.as_deref(),
        context,
    )?;
    let mut closed_now = Vec::new();
    let state = append_events(&repository, key, context.now, |state| {
        let events = list_closings(state, &swept, &confirmed, context);
        closed_now.extend(events.iter().filter_map(describe_discharge));
        events
    })?;
    confirmed.write_confirmation_report(&state, &closed_now)?;
    let soon = within.due_after(context.now, &Holidays::default()).unwrap_or(context.now);
    let mut listing = ObligationList::from_state(&state, context.now, soon);
    for on in &swept {
        listing.add_successions(&on.loaded_policy.policy, Some(&on.ref_name));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    output::ignore_broken_pipe(listing.write_terminal(false, &mut out).and_then(|()| out.flush()))?;
    drop(out);
    notify_due(&listing, &channels, context, &mut |event| {
        append_events(&repository, key, context.now, |_| vec![event])?;
        Ok(())
    })?;
    let is_in_doubt = swept.iter().any(|on| on.is_in_doubt);
    Ok(match listing.command_exit() {
        CommandExit::Allowed if is_in_doubt || confirmed.has_unanswered(&state) => CommandExit::Failed,
        exit => exit,
    })
}

/// Returns the records that close obligations: by changes, and by tickets.
fn list_closings(
    state: &LedgerState,
    swept: &[SweptRef],
    confirmed: &TicketConfirmations,
    context: &Context,
) -> Vec<LedgerEvent> {
    let mut events: Vec<LedgerEvent> = Vec::new();
    for on in swept {
        events.extend(list_discharges(
            state,
            LandedClosings {
                ref_name: &on.ref_name,
                closings: &on.closings,
                decision: None,
                list_inner_commits: None,
            },
            context.now,
        ));
    }
    let by_tickets = confirmed.build_discharges(state, &events, context.now);
    events.extend(by_tickets);
    events
}
