//! `changegate obligations`: what is owed, since when and until when.

use std::io::{self, BufWriter, Write as _};

use clap::ValueEnum;

use crate::calendar::TimeLimit;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::store;

mod notify;
pub(crate) mod obligation_list;
pub(crate) mod sweep;
pub(crate) mod sweep_github;
pub(crate) mod ticket_confirmations;

pub(crate) use crate::cli::obligations::notify::NotifyChannel;
pub(crate) use crate::cli::obligations::obligation_list::ObligationList;
pub(crate) use crate::cli::obligations::sweep::{SweepArgs, run_sweep};
pub(crate) use crate::cli::obligations::sweep_github::sweep_forge_ledger;

/// What is due within this is due soon, unless somebody says otherwise.
pub(crate) const DEFAULT_DUE_SOON: &str = "24h";

/// List what changes owe that were let through against it
///
/// An emergency passes now, and owes a ticket, a review, an explanation. Each
/// stays open until a later change on the same branch says so, with
/// `For-Change: COMMIT` and the missing fields. What was closed late stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate obligations                what is open, the most urgent first
  changegate obligations --due 48h      what counts as due soon
  changegate obligations --all          also what was closed in time
  changegate obligations --format json  for programs

Ends with 1 if something is overdue.")]
pub(crate) struct ObligationsArgs {
    /// What is due within this time is due soon
    #[arg(long, value_name = "TIME", default_value = DEFAULT_DUE_SOON)]
    due: String,

    /// Also list what was closed in time
    #[arg(long)]
    all: bool,

    /// In which form the list is written
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: ObligationFormatArg,
}

/// In which form the list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ObligationFormatArg {
    /// For people
    Terminal,
    /// For programs; see docs/emergencies.md
    Json,
}

pub(crate) fn run_obligations(args: &ObligationsArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let within = TimeLimit::new(&args.due).map_err(|why| CommandError::Usage(format!("--due: {why}")))?;
    let repository = Repository::discover_from(&world.directory)?;
    let state = store::read_state(&repository)?.ok_or_else(|| {
        CommandError::Usage(format!("there is no ledger here: {LEDGER_REF} does not exist"))
    })?;
    let listing =
        ObligationList::from_state(&state, world.now, within.due_after(world.now).unwrap_or(world.now));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        ObligationFormatArg::Terminal => listing.write_terminal(args.all, &mut out),
        ObligationFormatArg::Json => listing.write_json(args.all, &mut out),
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    Ok(listing.command_exit())
}
