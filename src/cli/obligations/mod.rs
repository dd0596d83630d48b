//! `changegate obligations`: what is owed, since when and until when.

use std::io::{self, BufWriter, Write as _};

use clap::ValueEnum;

use super::output;
use super::{Exit, Stop, World};
use crate::calendar::Within;
use crate::git::Repository;
use crate::ledger::REF;
use crate::ledger::store;

mod listing;
mod notify;
mod on_github;
mod sweeping;
mod tickets;

pub(super) use listing::Listing;
pub(super) use notify::Place;
pub(super) use on_github::sweep_with;
pub(super) use sweeping::{SweepArgs, sweep};

/// What is due within this is due soon, unless somebody says otherwise.
pub(super) const SOON: &str = "24h";

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
pub(super) struct Args {
    /// What is due within this time is due soon
    #[arg(long, value_name = "TIME", default_value = SOON)]
    due: String,

    /// Also list what was closed in time
    #[arg(long)]
    all: bool,

    /// In which form the list is written
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: Form,
}

/// In which form the list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Terminal,
    /// For programs; see docs/emergencies.md
    Json,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let within = Within::new(&args.due).map_err(|why| Stop::Wrong(format!("--due: {why}")))?;
    let repository = Repository::discover(&world.directory)?;
    let state = store::state(&repository)?
        .ok_or_else(|| Stop::Wrong(format!("there is no ledger here: {REF} does not exist")))?;
    let listing = Listing::of(&state, world.now, within.due(world.now).unwrap_or(world.now));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        Form::Terminal => listing.terminal(args.all, &mut out),
        Form::Json => listing.json(args.all, &mut out),
    };
    output::said(written.and_then(|()| out.flush()))?;
    Ok(listing.exit())
}
