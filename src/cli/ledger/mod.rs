//! `changegate ledger`: reading the ledger, holding it against the repository, and folding in what a
//! push left behind.

mod afar;
mod folding;
mod holding;
mod reading;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{Exit, Stop, World};
use crate::git::Repository;

pub(super) use afar::{remote, tell_kept};
pub(super) use folding::{begin, fold_in, tell};

/// Read the ledger of decisions, and verify it
///
/// A server keeps every decision under refs/changegate/ledger: what was pushed,
/// by whom, what was decided by which policy, and what landed. `git fetch` of
/// that ref makes a copy that everything but `reconcile` works on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate ledger log                    the newest records, a line each
  changegate ledger show 17                one record, for people
  changegate ledger verify                 is the chain whole, and true?
  changegate ledger verify --seen 41:sha256:0f3a...   nothing cut since
  changegate ledger replay 17              judge again from the facts
  changegate ledger reconcile -C /srv/git/app.git     after a crash
  git fetch origin refs/changegate/ledger:refs/changegate/ledger")]
pub(super) struct Args {
    #[command(subcommand)]
    command: LedgerCommand,
}

/// In which form records are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line each, for people
    Terminal,
    /// A JSON document each, one to a line
    Json,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// List records, newest first
    Log {
        /// How many
        #[arg(long, short = 'n', value_name = "N", default_value = "20")]
        number: usize,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: Form,
    },
    /// Show one record
    Show {
        /// Its number, or its commit
        record: String,

        /// As it is kept
        #[arg(long)]
        json: bool,
    },
    /// Work everything out again, and name what does not fit
    ///
    /// On the server the ledger is also held against what the refs hold, and
    /// against the newest record that the server remembers to have written.
    Verify {
        /// A record that was seen before, as `verify` told it: NUMBER:DIGEST
        #[arg(long, value_name = "RECORD")]
        seen: Option<String>,

        /// Every record is signed by one of these keys, as in allowed_signers
        #[arg(long, value_name = "FILE")]
        signers: Option<PathBuf>,

        /// Hold it against the refs of this copy too
        #[arg(long, conflicts_with = "no_refs")]
        refs: bool,

        /// Do not hold it against the refs
        #[arg(long)]
        no_refs: bool,

        /// In which form
        #[arg(long, value_name = "FORM", default_value = "terminal")]
        format: Form,
    },
    /// Append what pushes left behind, and find what moved without a decision
    Reconcile {
        /// Take no push for being under way
        #[arg(long)]
        now: bool,
    },
    /// Judge again from the facts beside a record, and compare byte for byte
    Replay {
        /// Its number, or its commit
        record: String,
    },
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    match &args.command {
        LedgerCommand::Log { number, format } => reading::log(&repository, *number, *format == Form::Json),
        LedgerCommand::Show { record, json } => reading::show(&repository, record, *json),
        LedgerCommand::Verify { seen, signers, refs, no_refs, format } => {
            let refs = if *refs || *no_refs { Some(*refs) } else { None };
            let (seen, signers) = (seen.as_deref(), signers.as_deref());
            let as_json = *format == Form::Json;
            holding::run_verify(&repository, &holding::Wanted { seen, signers, refs, as_json }, world)
        }
        LedgerCommand::Reconcile { now } => folding::reconcile(&repository, *now, world),
        LedgerCommand::Replay { record } => holding::run_replay(&repository, record),
    }
}
