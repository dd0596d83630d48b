//! `changegate obligations` and `sweep`: lists obligations, closes them, and notifies about due ones.

use std::io::{self, BufWriter, Write as _};

use crate::calendar::{Holidays, TimeLimit};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::require_ledger_state;
use crate::cli::output::{self, ListFormatArg};
use crate::cli::policy::lookup::load_local_policy;
use crate::git::Repository;

mod due_notices;
mod notify;
mod obligation_list;
mod succession;
mod sweep;
mod sweep_github;
mod swept_ref;
mod ticket_confirmations;

pub(crate) use crate::cli::obligations::due_notices::parse_channels;
pub(crate) use crate::cli::obligations::obligation_list::{DEFAULT_DUE_SOON, ObligationList};
pub(crate) use crate::cli::obligations::sweep::{SweepArgs, run_sweep};
pub(crate) use crate::cli::obligations::sweep_github::sweep_forge_ledger;

/// List open obligations
///
/// An emergency change lands now, and owes a ticket, a review or an explanation.
/// Each obligation stays open until a later change on the same branch closes it,
/// with `For-Change: COMMIT` and the missing fields. Obligations that were closed
/// late stay in the list.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate obligations                the most urgent first
  changegate obligations --due 48h      due within 48 hours is due soon
  changegate obligations --all          also those closed in time
  changegate obligations --format json

Exits with 1 if an obligation is overdue.")]
pub(crate) struct ObligationsArgs {
    /// Treat obligations due within this time as due soon
    #[arg(long, value_name = "TIME", default_value = DEFAULT_DUE_SOON)]
    due: String,

    /// Also list obligations that were closed in time
    #[arg(long)]
    all: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

pub(crate) fn run_obligations(
    args: &ObligationsArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let within = TimeLimit::new(&args.due).map_err(|why| CommandError::Usage(format!("--due: {why}")))?;
    let repository = Repository::discover_from(&context.directory)?;
    let state = require_ledger_state(&repository)?;
    let soon = within.due_after(context.now, &Holidays::default()).unwrap_or(context.now);
    let mut listing = ObligationList::from_state(&state, context.now, soon);
    // Without a policy at hand, the list says what the ledger does.
    if let Ok(loaded) = load_local_policy(None, context) {
        listing.add_successions(&loaded.policy, None);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        ListFormatArg::Terminal => listing.write_terminal(args.all, &mut out),
        ListFormatArg::Json => listing.write_json(args.all, &mut out),
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    Ok(listing.command_exit())
}
